//! The running machine behind [`Io`]: directories, attributes, netlink, mounts, uname and the clock.

use super::batch::HELD_FILE_BYTES;
use super::held::{HELD_PATH_BYTES_MAX, HeldFiles, Place};
use super::mountinfo::{self, MountInfo};
use super::mounts::{MountOptions, StatPool};
use super::netlink::{self, Netlink};
use super::syscall::{self, Length, Pieces, c_path, classify};
use super::{Dump, Io, MountAnswer, Names, OwnFiles, ReadError, Root, Roots, Timex, Uname, mounts, timex};
use crate::base::text::PathText;
use crate::limits::Limits;
use crate::store::{Item, RowSet, Usage};
use crate::text::mountinfo::Medium;
use rustix::fd::OwnedFd;
use rustix::fs::{CWD, Mode, OFlags, RawDir};
use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};
use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::time::Duration;

/// The longest contents that [`Io::read`] and [`Io::link`] return.
const SMALL_BYTES_MAX: usize = 4096;
/// What one call for directory entries may return.
const FOLDER_BYTES: usize = 32 * 1024;

/// The agent's own, wherever the node's /proc is mounted.
const OWN_FILES: &CStr = c"/proc/self/fd";

const PROC_SUPER_MAGIC: i64 = 0x9fa0;
const SYSFS_MAGIC: i64 = 0x6265_6572;

/// The running machine.
pub struct System {
    roots: Roots,
    held: HeldFiles,
    small: Vec<u8>,
    folder: Box<[MaybeUninit<u8>]>,
    netlink: Netlink,
    mounts: StatPool,
    mountinfo: MountInfo,
    uname: rustix::system::Uname,
    proc_live: bool,
    sys_live: bool,
}

impl System {
    /// What [`Self::new`] will hold, and the kernel for it.
    pub fn plan(limits: &Limits, mounts: MountOptions) -> Vec<Item> {
        let held = u64::from(limits.held_files);
        let row_bytes = RowSet::row_bytes(u64::from(HELD_PATH_BYTES_MAX)) + size_of::<Place>() as u64;
        let buffers =
            (SMALL_BYTES_MAX + 1 + FOLDER_BYTES + netlink::BUFFER_BYTES + mountinfo::BUFFER_BYTES) as u64;
        let mut items = vec![
            Item { what: "attributes held open", rows: held, row_bytes },
            Item { what: "attributes held open, in the kernel", rows: held, row_bytes: HELD_FILE_BYTES },
            Item { what: "folder, netlink and mount buffers", rows: 1, row_bytes: buffers },
            Item { what: "table of mounts, in the kernel", rows: 1, row_bytes: HELD_FILE_BYTES },
        ];
        items.extend(StatPool::plan(limits, mounts));
        items
    }

    /// Allocates everything and starts the threads that ask for mounts.
    pub fn new(roots: Roots, limits: &Limits, mount_options: MountOptions) -> std::io::Result<Self> {
        let has_magic = |root, magic| {
            let Ok(mut path) = roots.path(root, &[]) else { return false };
            let Ok(path) = c_path(&mut path) else { return false };
            rustix::fs::statfs(path).is_ok_and(|found| found.f_type == magic)
        };
        Ok(System {
            proc_live: has_magic(Root::Proc, PROC_SUPER_MAGIC),
            sys_live: has_magic(Root::Sys, SYSFS_MAGIC),
            roots,
            held: HeldFiles::new(limits.held_files),
            small: Vec::with_capacity(SMALL_BYTES_MAX + 1),
            folder: Box::new_uninit_slice(FOLDER_BYTES),
            netlink: Netlink::new(),
            mounts: StatPool::new(limits, mount_options, Box::new(mounts::statfs))?,
            mountinfo: MountInfo::new(),
            uname: rustix::system::uname(),
        })
    }

    /// Begins a pass.
    pub fn begin_pass(&mut self) {
        self.held.rows.begin();
        self.mounts.begin_pass();
    }

    /// Lets go of held files and mounts that nobody has asked for in the last ticks. To be called once a tick, in which
    /// every collector has had a pass.
    pub fn age(&mut self) {
        self.held.age();
        self.mounts.age();
    }

    /// Lets the questions about mounts begin.
    pub fn begin_asked(&self) {
        self.mounts.begin();
    }

    /// Waits for the answers about mounts, at most `bound`; see [`StatPool::settle`].
    pub async fn settle(&self, bound: Duration) {
        self.mounts.settle(bound).await;
    }

    /// The table of held files.
    pub fn held_usage(&self) -> Usage {
        self.held.rows.usage()
    }

    /// The table of mounts.
    pub fn mounts_usage(&self) -> Usage {
        self.mounts.usage()
    }

    fn path(&self, root: Root, pieces: &[&[u8]]) -> Result<PathText, ReadError> {
        self.roots.path(root, pieces).map_err(|_full| ReadError::Failed)
    }

    /// Reads a small file into `self.small`, through its held descriptor if there is one.
    fn read_small(&mut self, root: Root, pieces: &[&[u8]]) -> Result<Length, ReadError> {
        let mut path = self.path(root, pieces)?;
        // Trees that are not the kernel's own hold regular files, and a held descriptor does not see them replaced.
        if root != Root::Sys || !self.sys_live {
            let fd = syscall::open(c_path(&mut path)?).map_err(classify)?;
            return syscall::read_all(fd, Pieces::Many, SMALL_BYTES_MAX, &mut self.small).map_err(classify);
        }
        let mut read = |fd: &OwnedFd| syscall::read_all(fd, Pieces::One, SMALL_BYTES_MAX, &mut self.small);
        let mut place = self.held.place(path.as_bytes());
        if let Some(Place::File(fd)) = &place {
            match read(fd) {
                // The device went away; another may have its name now.
                Err(Errno::NODEV) => {}
                result => return result.map_err(classify),
            }
        }
        if let Some(place) = &mut place {
            **place = Place::Unknown;
        }
        let fd = syscall::open(c_path(&mut path)?).map_err(classify)?;
        let result = read(&fd).map_err(classify);
        if let (Some(place), Ok(_) | Err(ReadError::Unsupported)) = (place, &result) {
            *place = Place::File(fd);
        }
        result
    }

    /// Opens a folder for listing. Most folders of hardware classes are not there; below /sys, whether one has come is
    /// told by the links of the folder above, which is less work than to look for each.
    fn open_folder(&mut self, root: Root, pieces: &[&[u8]]) -> Result<OwnedFd, ReadError> {
        let path = self.path(root, pieces)?;
        let remembers = root == Root::Sys && self.sys_live;
        if remembers && self.held.is_absent(path.as_bytes()) {
            return Err(ReadError::Missing);
        }
        let open = || {
            let mut path = path;
            let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::DIRECTORY;
            rustix::fs::openat(CWD, c_path(&mut path)?, flags, Mode::empty()).map_err(classify)
        };
        let first = open();
        if !remembers || !matches!(first, Err(ReadError::Missing)) {
            return first;
        }
        let Some(above) = self.held.above(path.as_bytes()) else { return first };
        // It may have come between the two: what is remembered is absent after the look above.
        let second = open();
        if let (Err(ReadError::Missing), Some(place)) = (&second, self.held.place(path.as_bytes())) {
            *place = Place::Absent(above);
        }
        second
    }

    /// Descriptors that the agent has open: the size of their folder (Linux 6.2), or its entries.
    fn open_files(&mut self) -> Result<u64, Errno> {
        let size = rustix::fs::stat(OWN_FILES)?.st_size;
        if size > 0 {
            return Ok(size.unsigned_abs());
        }
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::DIRECTORY;
        let folder = rustix::fs::openat(CWD, OWN_FILES, flags, Mode::empty())?;
        let mut entries = RawDir::new(folder, &mut self.folder);
        let mut found: u64 = 0;
        while let Some(entry) = entries.next() {
            found += u64::from(!entry?.file_name().to_bytes().starts_with(b"."));
        }
        // The descriptor that lists them is one of them.
        Ok(found.saturating_sub(1))
    }

    /// The path of a mount as this process sees it.
    fn mount_path(&self, path: &[u8]) -> Option<PathText> {
        let mut whole = PathText::new();
        whole.push(&self.roots.rootfs).ok()?;
        if !path.starts_with(b"/") {
            whole.push("/").ok()?;
        }
        whole.push(path).ok()?;
        Some(whole)
    }
}

/// Reads up to the capacity of the buffer, and one byte more to know whether that is all.
fn read_up_to(fd: &OwnedFd, buffer: &mut Vec<u8>) -> Result<Length, Errno> {
    buffer.clear();
    while buffer.len() < buffer.capacity() {
        // Every turn adds a byte or is the last one.
        if syscall::pread(fd, buffer)? == 0 {
            return Ok(Length::Fits);
        }
    }
    let more = rustix::io::pread(fd, &mut [0_u8; 1], buffer.len() as u64)?;
    Ok(if more == 0 { Length::Fits } else { Length::TooLong })
}

impl Io for System {
    fn list(&mut self, root: Root, pieces: &[&[u8]], names: &mut Names) -> Result<(), ReadError> {
        names.clear();
        let folder = self.open_folder(root, pieces)?;
        let mut entries = RawDir::new(folder, &mut self.folder);
        // The kernel ends the directory; what does not fit into `names` is counted there.
        while let Some(entry) = entries.next() {
            match entry.map_err(classify)?.file_name().to_bytes() {
                b"." | b".." => {}
                name => names.push(name),
            }
        }
        names.sort();
        Ok(())
    }

    fn read(&mut self, root: Root, pieces: &[&[u8]]) -> Result<&[u8], ReadError> {
        self.small.clear();
        self.read_small(root, pieces)?.into_result()?;
        Ok(&self.small)
    }

    fn read_into(&mut self, root: Root, pieces: &[&[u8]], buffer: &mut Vec<u8>) -> Result<(), ReadError> {
        buffer.clear();
        let mut path = self.path(root, pieces)?;
        let fd = syscall::open(c_path(&mut path)?).map_err(classify)?;
        let result = read_up_to(&fd, buffer).map_err(classify).and_then(Length::into_result);
        if result.is_err() {
            buffer.clear();
        }
        result
    }

    fn link(&mut self, root: Root, pieces: &[&[u8]]) -> Result<&[u8], ReadError> {
        let mut path = self.path(root, pieces)?;
        self.small.clear();
        let room = rustix::buffer::spare_capacity(&mut self.small);
        rustix::fs::readlinkat_raw(CWD, c_path(&mut path)?, room).map_err(classify)?;
        if self.small.len() > SMALL_BYTES_MAX {
            return Err(ReadError::TooLong);
        }
        Ok(&self.small)
    }

    fn modified(&mut self, root: Root, pieces: &[&[u8]]) -> Result<i64, ReadError> {
        let mut path = self.path(root, pieces)?;
        let found = rustix::fs::stat(c_path(&mut path)?).map_err(classify)?;
        let nanos = i64::try_from(found.st_mtime_nsec).unwrap_or(0);
        Ok(found.st_mtime.saturating_mul(1_000_000_000).saturating_add(nanos))
    }

    fn dump(&mut self, what: Dump, each: &mut dyn FnMut(&[u8])) -> Result<(), ReadError> {
        self.netlink.dump(what, each)
    }

    fn is_live(&self, root: Root) -> bool {
        match root {
            Root::Proc => self.proc_live,
            Root::Sys => self.sys_live,
            Root::RootFs | Root::Udev | Root::Absolute => true,
        }
    }

    fn ask_mount(&mut self, path: &[u8], medium: Medium) {
        match self.mount_path(path) {
            Some(path) => self.mounts.ask(path.as_bytes(), medium),
            // Refused and counted there.
            None => self.mounts.ask(&[], medium),
        }
    }

    fn mount(&mut self, path: &[u8]) -> MountAnswer {
        self.mount_path(path)
            .map_or(MountAnswer::Error(libc::ENAMETOOLONG), |path| self.mounts.answer(path.as_bytes()))
    }

    fn mounts_version(&mut self) -> u64 {
        self.mountinfo.version(self.proc_live)
    }

    fn mount_lines(&mut self, each: &mut dyn FnMut(&[u8])) -> Result<(), ReadError> {
        self.mountinfo.lines(&self.roots, each)
    }

    fn uname(&mut self) -> Uname<'_> {
        // Names of the machine can be changed while it runs.
        self.uname = rustix::system::uname();
        Uname {
            sysname: self.uname.sysname().to_bytes(),
            release: self.uname.release().to_bytes(),
            version: self.uname.version().to_bytes(),
            machine: self.uname.machine().to_bytes(),
            nodename: self.uname.nodename().to_bytes(),
            domainname: self.uname.domainname().to_bytes(),
        }
    }

    fn own_files(&mut self) -> OwnFiles {
        OwnFiles {
            open: self.open_files().ok(),
            open_max: getrlimit(Resource::Nofile).current,
            address_space_max: getrlimit(Resource::As).current,
        }
    }

    fn timex(&mut self) -> Result<Timex, ReadError> {
        timex::read()
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests make files and compare with what std reads")]
mod tests;
