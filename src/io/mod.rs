//! Files, directories and kernel interfaces behind two contracts, so that collectors never see a descriptor:
//! [`Files`] for files that are planned and read in one batch, [`Io`] for what is found while running.

pub mod batch;
pub mod engine;
pub mod errands;
pub mod foreign;
pub mod groups;
mod held;
pub mod links;
mod mountinfo;
pub mod mounts;
pub mod netlink;
pub mod replay;
pub mod syscall;
pub mod system;
pub mod tally;
mod timex;
pub mod uring;

use crate::base::text::{Full, PathText};
use crate::counted_errors;
use crate::text::mountinfo::Medium;

counted_errors! {
    /// Why a read gave nothing.
    pub enum ReadError {
        /// There is no such file: ENOENT, ENOTDIR.
        Missing = "missing",
        /// EACCES, EPERM.
        Denied = "denied",
        /// The kernel knows the file and not the answer: EOPNOTSUPP, EINVAL, ENXIO, EIO, ENODATA, EBUSY, EAGAIN.
        Unsupported = "unsupported",
        /// The thing went away between the walk and the read: ENODEV, ESRCH. Normal for a dying container.
        Gone = "gone",
        /// It did not fit into its buffer; never parsed by halves.
        TooLong = "too_long",
        /// Anything else.
        Failed = "failed",
    }
}

/// The tree a path is below; where it is mounted is the operator's choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    /// `-path.procfs`
    Proc,
    /// `-path.sysfs`
    Sys,
    /// `-path.rootfs`
    RootFs,
    /// `-path.udev.data`
    Udev,
    /// The path is absolute and not below any of them.
    Absolute,
}

/// The mount points of the trees, without a slash at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roots {
    pub procfs: String,
    pub sysfs: String,
    /// Empty for `/`.
    pub rootfs: String,
    pub udev: String,
    /// `-path.cgroupfs`
    pub cgroupfs: String,
}

impl Default for Roots {
    fn default() -> Self {
        Roots {
            procfs: "/proc".into(),
            sysfs: "/sys".into(),
            rootfs: String::new(),
            udev: "/run/udev/data".into(),
            cgroupfs: "/sys/fs/cgroup".into(),
        }
    }
}

impl Roots {
    /// The text before the paths of a tree.
    pub fn prefix(&self, root: Root) -> &str {
        match root {
            Root::Proc => &self.procfs,
            Root::Sys => &self.sysfs,
            Root::RootFs => &self.rootfs,
            Root::Udev => &self.udev,
            Root::Absolute => "",
        }
    }

    /// `prefix/pieces…`; `Absolute` takes the pieces as they are.
    pub fn path(&self, root: Root, pieces: &[&[u8]]) -> Result<PathText, Full> {
        let mut path = PathText::new();
        if root != Root::Absolute {
            path.push(self.prefix(root))?;
            path.push("/")?;
        }
        path.push_all(pieces)?;
        Ok(path)
    }
}

/// A kernel file with a fixed name that is read before every pass of its collector.
#[derive(Clone, Copy, Debug)]
pub struct FileSpec {
    pub root: Root,
    /// Below the root, without a slash in front.
    pub path: &'static str,
    /// The size of its buffer; a longer file is `TooLong`.
    pub bytes_max: fn(&crate::limits::Limits) -> u32,
    /// The kernel prints it as one record, so one read returns all of it.
    pub whole: bool,
    /// Never held open: opened for every read. For files that pin what they belong to, and for regular files.
    pub reopen: bool,
}

impl FileSpec {
    /// A file below /proc that is held open.
    pub const fn proc(path: &'static str, bytes_max: fn(&crate::limits::Limits) -> u32) -> Self {
        FileSpec { root: Root::Proc, path, bytes_max, whole: false, reopen: false }
    }

    /// A file below /sys that is held open.
    pub const fn sys(path: &'static str, bytes_max: fn(&crate::limits::Limits) -> u32) -> Self {
        FileSpec { root: Root::Sys, path, bytes_max, whole: false, reopen: false }
    }

    /// A file that is held open, wherever the trees are mounted.
    pub const fn absolute(path: &'static str, bytes_max: fn(&crate::limits::Limits) -> u32) -> Self {
        FileSpec { root: Root::Absolute, path, bytes_max, whole: false, reopen: false }
    }

    /// The same file, which the kernel prints as one record (`single_open`): the read that finds its end is saved.
    pub const fn whole(mut self) -> Self {
        self.whole = true;
        self
    }

    /// The same file, opened for every read.
    pub const fn reopened(mut self) -> Self {
        self.reopen = true;
        self
    }
}

/// A file of the batch: its contents or why there are none.
pub struct Slot {
    /// Contents are `buffer[..]`; the capacity is planned and never changes.
    pub buffer: Vec<u8>,
    pub result: Result<(), ReadError>,
}

/// The files of one collector after the batch was read.
#[derive(Clone, Copy)]
pub struct Files<'a> {
    slots: &'a [Slot],
    /// Where the collector's files are in the batch: two collectors may share one.
    places: &'a [usize],
}

impl<'a> Files<'a> {
    pub const fn new(slots: &'a [Slot], places: &'a [usize]) -> Self {
        Files { slots, places }
    }

    /// The contents of the collector's n-th file.
    pub fn get(&self, index: usize) -> Result<&'a [u8], ReadError> {
        let slot = &self.slots[self.places[index]];
        slot.result.map(|()| slot.buffer.as_slice())
    }
}

/// Names of a directory's entries in a buffer that is allocated once; sorted by bytes.
pub struct Names {
    bytes: Vec<u8>,
    spans: Vec<(u32, u32)>,
    bytes_max: usize,
    refused: u64,
}

impl Names {
    /// Room for `names_max` names of 32 bytes on average.
    pub fn with_capacity(names_max: usize) -> Self {
        let bytes_max = names_max * 32;
        Names {
            bytes: Vec::with_capacity(bytes_max),
            spans: Vec::with_capacity(names_max),
            bytes_max,
            refused: 0,
        }
    }

    pub fn clear(&mut self) {
        self.bytes.clear();
        self.spans.clear();
    }

    /// Adds a name; a full list refuses it and counts.
    pub fn push(&mut self, name: &[u8]) {
        if self.spans.len() == self.spans.capacity() || self.bytes.len() + name.len() > self.bytes_max {
            self.refused += 1;
            return;
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(name);
        let span = (u32::try_from(start), u32::try_from(self.bytes.len()));
        if let (Ok(start), Ok(end)) = span {
            self.spans.push((start, end));
        }
    }

    pub fn sort(&mut self) {
        let bytes = &self.bytes;
        self.spans.sort_unstable_by(|a, b| {
            bytes[a.0 as usize..a.1 as usize].cmp(&bytes[b.0 as usize..b.1 as usize])
        });
    }

    pub fn get(&self, index: usize) -> Option<&[u8]> {
        self.spans.get(index).map(|span| &self.bytes[span.0 as usize..span.1 as usize])
    }

    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.spans.iter().map(|span| &self.bytes[span.0 as usize..span.1 as usize])
    }

    pub const fn len(&self) -> usize {
        self.spans.len()
    }

    pub const fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Names refused since the start.
    pub const fn refused_total(&self) -> u64 {
        self.refused
    }

    /// Names that fit.
    pub fn capacity(&self) -> usize {
        self.spans.capacity()
    }
}

/// What statfs(2) says, in bytes and inodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileSystem {
    pub size: u64,
    pub free: u64,
    /// For unprivileged users; may be less than 0 in the kernel's words, then 0.
    pub available: u64,
    pub files: u64,
    pub files_free: u64,
    /// ST_RDONLY
    pub read_only: bool,
}

/// The answer for a mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MountAnswer {
    Known(FileSystem),
    /// The errno of statfs(2).
    Error(i32),
    /// The kernel has not answered in time; the question is still open.
    Stuck,
}

/// A kernel interface that answers with netlink messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dump {
    /// RTM_GETLINK, all links with attributes.
    Links,
    /// RTM_GETNEIGH of AF_INET.
    Neighbours,
    /// RTM_GETADDR, all families.
    Addresses,
    /// SOCK_DIAG_BY_FAMILY of TCP, AF_INET then AF_INET6, all states.
    TcpSockets,
}

/// What is found while running. No method allocates.
pub trait Io {
    /// Lists a directory into `names`, sorted, without `.` and `..`.
    fn list(&mut self, root: Root, pieces: &[&[u8]], names: &mut Names) -> Result<(), ReadError>;

    /// The contents of a small file, at most 4,096 bytes. Files below /sys may be held open between reads.
    fn read(&mut self, root: Root, pieces: &[&[u8]]) -> Result<&[u8], ReadError>;

    /// The contents of a larger file into `buffer`, up to its capacity; never held open.
    fn read_into(&mut self, root: Root, pieces: &[&[u8]], buffer: &mut Vec<u8>) -> Result<(), ReadError>;

    /// The target of a symbolic link, at most 4,096 bytes.
    fn link(&mut self, root: Root, pieces: &[&[u8]]) -> Result<&[u8], ReadError>;

    /// Modification time in nanoseconds since the epoch.
    fn modified(&mut self, root: Root, pieces: &[&[u8]]) -> Result<i64, ReadError>;

    /// Calls `each` with every message of a dump, without the netlink header. A dump of links that the kernel says was
    /// interrupted by a change is begun again, so the message of a link may come more than once.
    fn dump(&mut self, what: Dump, each: &mut dyn FnMut(&[u8])) -> Result<(), ReadError>;

    /// Is the tree the kernel's own, so that netlink and system calls speak of the same machine?
    fn is_live(&self, root: Root) -> bool;

    /// Begins statfs(2) of a path below the root file system, where nothing else has to wait for the answer: on the spot if the kernel
    /// has it in memory, else on a thread; one thread is for devices of this machine only.
    fn ask_mount(&mut self, path: &[u8], medium: Medium);

    /// The answer to the newest question about the path.
    fn mount(&mut self, path: &[u8]) -> MountAnswer;

    /// Another number than before: the machine's table of mounts may have changed.
    fn mounts_version(&mut self) -> u64;

    /// Calls `each` with every line of the table of mounts.
    fn mount_lines(&mut self, each: &mut dyn FnMut(&[u8])) -> Result<(), ReadError>;

    /// uname(2).
    fn uname(&mut self) -> Uname<'_>;

    /// What the agent itself has open and may have.
    fn own_files(&mut self) -> OwnFiles;

    /// adjtimex(2) without a change, and its return value.
    fn timex(&mut self) -> Result<Timex, ReadError>;
}

/// Descriptors and memory of the agent's own process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OwnFiles {
    /// `None`: /proc does not say.
    pub open: Option<u64>,
    /// RLIMIT_NOFILE, soft; `None`: any number.
    pub open_max: Option<u64>,
    /// RLIMIT_AS in bytes, soft; `None`: any size.
    pub address_space_max: Option<u64>,
}

/// uname(2).
#[derive(Clone, Copy, Debug)]
pub struct Uname<'a> {
    pub sysname: &'a [u8],
    pub release: &'a [u8],
    pub version: &'a [u8],
    pub machine: &'a [u8],
    pub nodename: &'a [u8],
    pub domainname: &'a [u8],
}

/// struct timex of adjtimex(2), in its own units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timex {
    /// The return value: TIME_OK 0 … TIME_ERROR 5.
    pub state: i32,
    pub offset: i64,
    pub freq: i64,
    pub maxerror: i64,
    pub esterror: i64,
    pub status: i32,
    pub constant: i64,
    pub tick: i64,
    pub ppsfreq: i64,
    pub jitter: i64,
    pub shift: i32,
    pub stabil: i64,
    pub jitcnt: i64,
    pub calcnt: i64,
    pub errcnt: i64,
    pub stbcnt: i64,
    pub tai: i32,
}
