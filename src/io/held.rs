//! Descriptors below /sys that stay open between reads, by their path, and folders that are known to be absent.

use super::syscall::c_path;
use crate::base::text::PathText;
use crate::store::RowSet;
use rustix::fd::OwnedFd;
use rustix::fs::{CWD, Mode, OFlags};

/// The longest path of a held file; longer ones are opened for every read.
pub(super) const HELD_PATH_BYTES_MAX: u16 = 160;
/// Ticks after which a held file that nobody has read is closed.
pub(super) const FORGET_AFTER_TICKS: u64 = 3;

/// Files below /sys that stay open between reads, by their path. A full table refuses: what is over it is opened for
/// every read.
pub(super) struct HeldFiles {
    pub rows: RowSet,
    pub places: Box<[Place]>,
    tick: u64,
}

/// What is known of a path.
#[derive(Default)]
pub(super) enum Place {
    #[default]
    Unknown,
    File(OwnedFd),
    /// A folder above one that is absent.
    Folder(OwnedFd),
    /// There is no such folder while this is so.
    Absent(Above),
}

/// The nearest folder above a path that there is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Above {
    path_bytes: usize,
    /// One for each folder in it, and two.
    links: u64,
}

impl HeldFiles {
    pub fn new(capacity: u32) -> Self {
        HeldFiles {
            rows: RowSet::new(capacity, HELD_PATH_BYTES_MAX),
            places: (0..capacity).map(|_| Place::default()).collect(),
            tick: 1,
        }
    }

    pub fn age(&mut self) {
        self.tick += 1;
        let HeldFiles { rows, places, tick } = self;
        rows.sweep(tick.saturating_sub(FORGET_AFTER_TICKS), |row| places[row as usize] = Place::default());
        // A folder may have come when another went, or is another one by now: at times all are looked for.
        for place in places.iter_mut().filter(|place| !matches!(place, Place::File(_))) {
            *place = Place::Unknown;
        }
    }

    pub fn place(&mut self, path: &[u8]) -> Option<&mut Place> {
        if self.places.is_empty() {
            return None;
        }
        let row = self.rows.find_or_add(path, self.tick)?;
        self.places.get_mut(row as usize)
    }

    /// The nearest folder above a path that there is, looked at through a descriptor that stays open. Whatever comes on
    /// the way to the path changes it.
    pub fn above(&mut self, path: &[u8]) -> Option<Above> {
        let mut above = path;
        loop {
            let name_at = memchr::memrchr(b'/', above.strip_suffix(b"/").unwrap_or(above))?;
            above = &above[..name_at];
            let place = self.place(above)?;
            if !matches!(place, Place::Folder(_)) {
                let mut path = PathText::new();
                path.push(above).ok()?;
                let flags = OFlags::PATH | OFlags::CLOEXEC | OFlags::DIRECTORY;
                match rustix::fs::openat(CWD, c_path(&mut path).ok()?, flags, Mode::empty()) {
                    Ok(folder) => *place = Place::Folder(folder),
                    Err(_) => continue,
                }
            }
            if let Place::Folder(folder) = place {
                let links = rustix::fs::fstat(folder).ok()?.st_nlink;
                return Some(Above { path_bytes: name_at, links });
            }
        }
    }

    /// Is it known, without looking for it, that there is no such folder?
    pub fn is_absent(&mut self, path: &[u8]) -> bool {
        let Some(&mut Place::Absent(above)) = self.place(path) else { return false };
        self.above(path) == Some(above)
    }
}
