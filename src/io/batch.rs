//! The planned files of all collectors: buffers that are allocated once, descriptors that are held, and the engines
//! that read them in one go.

use super::replay::Replay;
use super::syscall::{self, Pieces};
use super::uring::{Ring, RingFile};
use super::{FileSpec, ReadError, Root, Roots, Slot};
use crate::limits::Limits;
use crate::store::Item;
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use std::ffi::CString;

/// What the kernel holds for a file that was read once and is open: the buffer of a seq_file and the open file.
pub(super) const HELD_FILE_BYTES: u64 = 4096 + 512;

/// The descriptor of a planned file.
pub(super) enum Held {
    None,
    Plain(OwnedFd),
    Ring(RingFile),
}

/// A planned file.
pub(super) struct Planned {
    spec: FileSpec,
    /// `None`: the roots make a path that no file can have.
    path: Option<CString>,
    pub(super) bytes_max: usize,
    pub(super) pieces: Pieces,
    pub(super) held: Held,
    /// Its buffer is with the ring, which has not answered yet.
    pub(super) in_flight: bool,
}

impl Planned {
    fn open(&self) -> Result<OwnedFd, Errno> {
        self.path.as_ref().map_or(Err(Errno::NOENT), |path| syscall::open(path))
    }

    /// Reads the file with pread. Any error of a held descriptor may mean that the thing behind it went away and came
    /// back, so it is asked again through a new one.
    pub(super) fn read_plain(&mut self, slot: &mut Slot) {
        slot.result = self.read_into(&mut slot.buffer);
        if slot.result.is_err() {
            slot.buffer.clear();
        }
    }

    fn read_into(&mut self, buffer: &mut Vec<u8>) -> Result<(), ReadError> {
        if let Held::Plain(fd) = &self.held
            && let Ok(length) = syscall::read_all(fd, self.pieces, self.bytes_max, buffer)
        {
            return length.into_result();
        }
        self.held = Held::None;
        let fd = self.open().map_err(syscall::classify)?;
        let length =
            syscall::read_all(&fd, self.pieces, self.bytes_max, buffer).map_err(syscall::classify)?;
        if !self.spec.reopen {
            self.held = Held::Plain(fd);
        }
        length.into_result()
    }
}

/// All planned files. A slot per file, in the order they were given in.
pub struct Batch {
    pub(super) files: Vec<Planned>,
    pub(super) slots: Vec<Slot>,
}

impl Batch {
    /// What [`Self::new`] will hold, and the kernel for it.
    pub fn plan<'a>(
        specs: impl Iterator<Item = &'a FileSpec>,
        limits: &Limits,
        held_max: usize,
    ) -> Vec<Item> {
        let (mut buffers, mut files, mut held) = (0, 0, 0);
        for spec in specs {
            buffers += u64::from((spec.bytes_max)(limits)) + 1;
            files += 1;
            held += u64::from(!spec.reopen);
        }
        vec![
            Item { what: "file buffers", rows: buffers, row_bytes: 1 },
            Item {
                what: "files",
                rows: files,
                row_bytes: (size_of::<Planned>() + size_of::<Slot>()) as u64 + 64,
            },
            Item {
                what: "files held open, in the kernel",
                rows: held.min(held_max as u64),
                row_bytes: HELD_FILE_BYTES,
            },
        ]
    }

    /// Allocates every buffer; opens nothing.
    pub fn new<'a>(specs: impl Iterator<Item = &'a FileSpec>, limits: &Limits, roots: &Roots) -> Self {
        let files: Vec<Planned> = specs
            .map(|spec| {
                let path = roots.path(spec.root, &[spec.path.as_bytes()]).ok();
                Planned {
                    spec: *spec,
                    path: path.and_then(|path| CString::new(path.as_bytes()).ok()),
                    bytes_max: (spec.bytes_max)(limits) as usize,
                    pieces: pieces(spec),
                    held: Held::None,
                    in_flight: false,
                }
            })
            .collect();
        // One byte more than the limit: a file that fills it is too long.
        let slots = files
            .iter()
            .map(|file| Slot {
                buffer: Vec::with_capacity(file.bytes_max + 1),
                result: Err(ReadError::Missing),
            })
            .collect();
        Batch { files, slots }
    }

    /// Opens all files but the first `files_max` for every read: there are not enough descriptors. Before the first read.
    pub fn hold_at_most(&mut self, files_max: usize) {
        for file in self.files.iter_mut().filter(|file| !file.spec.reopen).skip(files_max) {
            file.spec.reopen = true;
        }
    }

    /// The files and what the last reads gave.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    pub const fn len(&self) -> usize {
        self.files.len()
    }

    pub const fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Descriptors that are open now.
    pub fn held(&self) -> usize {
        self.files.iter().filter(|file| !matches!(file.held, Held::None)).count()
    }
}

/// What the kernel prints in one piece can do without the read that finds the end.
fn pieces(spec: &FileSpec) -> Pieces {
    match spec.root {
        Root::Sys => Pieces::One,
        Root::Proc if spec.path.starts_with("sys/") => Pieces::One,
        _ if spec.whole => Pieces::Whole,
        Root::Proc | Root::RootFs | Root::Udev | Root::Absolute => Pieces::Many,
    }
}

/// Who reads a batch. All of them give the same results for the same files; one suite in `tests/engine.rs` says so.
pub enum Engine {
    /// Held files through io_uring, up to 64 at a time; the others by system calls.
    Uring(Box<Ring>),
    /// pread on held files.
    Syscall,
    /// Files from memory, for tests and simulation.
    Replay(Box<Replay>),
}

impl Engine {
    /// The word of `-io.engine`, and the label value of the metric about it.
    pub const fn name(&self) -> &'static str {
        match self {
            Engine::Uring(_) => "uring",
            Engine::Syscall => "syscall",
            Engine::Replay(_) => "replay",
        }
    }

    /// Opens what can be opened, before the seal: the ring needs a little heap for every file it takes. A file that
    /// appears later is held too, but read with pread.
    pub fn warm(&self, batch: &mut Batch) {
        if !matches!(self, Engine::Uring(_)) {
            return;
        }
        for file in &mut batch.files {
            if !file.spec.reopen && matches!(file.held, Held::None) {
                file.held = file.open().map_or(Held::None, |fd| Held::Ring(super::uring::file(fd)));
            }
        }
    }

    /// Reads the files whose place in `wanted` is true, all when it is shorter; the slots of the others stay as they
    /// are. No allocation. To be awaited to its end: what a dropped read has begun is finished by the next one.
    pub async fn read(&mut self, batch: &mut Batch, wanted: &[bool]) {
        match self {
            Engine::Uring(ring) => ring.read(batch, wanted).await,
            Engine::Syscall => read_plain(batch, wanted),
            Engine::Replay(replay) => {
                for (index, (file, slot)) in batch.files.iter().zip(&mut batch.slots).enumerate() {
                    if is_wanted(wanted, index) {
                        replay.read_slot(&file.spec, file.bytes_max, slot);
                    }
                }
            }
        }
    }

    /// Reads that the ring failed and pread did not, since the start.
    pub fn fallbacks_total(&self) -> u64 {
        match self {
            Engine::Uring(ring) => ring.fallbacks_total(),
            Engine::Syscall | Engine::Replay(_) => 0,
        }
    }
}

pub(super) fn is_wanted(wanted: &[bool], index: usize) -> bool {
    wanted.get(index).copied().unwrap_or(true)
}

fn read_plain(batch: &mut Batch, wanted: &[bool]) {
    for (index, (file, slot)) in batch.files.iter_mut().zip(&mut batch.slots).enumerate() {
        if is_wanted(wanted, index) {
            file.read_plain(slot);
        }
    }
}
