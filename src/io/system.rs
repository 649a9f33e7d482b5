//! The running machine behind [`Io`]: directories, attributes, netlink, mounts, uname and the clock.

use super::batch::HELD_FILE_BYTES;
use super::mountinfo::{self, MountInfo};
use super::mounts::{MountOptions, StatPool};
use super::netlink::{self, Netlink};
use super::syscall::{self, Length, Pieces, c_path, classify};
use super::{Dump, Io, MountAnswer, Names, ReadError, Root, Roots, Timex, Uname, mounts, timex};
use crate::base::text::PathText;
use crate::limits::Limits;
use crate::store::{Item, RowSet, Usage};
use rustix::fd::OwnedFd;
use rustix::fs::{CWD, Mode, OFlags, RawDir};
use rustix::io::Errno;
use std::mem::MaybeUninit;
use std::time::Duration;

/// The longest contents that [`Io::read`] and [`Io::link`] return.
const SMALL_BYTES_MAX: usize = 4096;
/// What one call for directory entries may return.
const FOLDER_BYTES: usize = 32 * 1024;
/// The longest path of a held file; longer ones are opened for every read.
const HELD_PATH_BYTES_MAX: u16 = 160;
/// Ticks after which a held file that nobody has read is closed.
const FORGET_AFTER_TICKS: u64 = 3;

const PROC_SUPER_MAGIC: i64 = 0x9fa0;
const SYSFS_MAGIC: i64 = 0x6265_6572;

/// Files below /sys that stay open between reads, by their path. A full table refuses: what is over it is opened for
/// every read.
struct HeldFiles {
    rows: RowSet,
    descriptors: Box<[Option<OwnedFd>]>,
    tick: u64,
}

impl HeldFiles {
    fn new(capacity: u32) -> Self {
        HeldFiles {
            rows: RowSet::new(capacity, HELD_PATH_BYTES_MAX),
            descriptors: (0..capacity).map(|_| None).collect(),
            tick: 1,
        }
    }

    fn age(&mut self) {
        self.tick += 1;
        let HeldFiles { rows, descriptors, tick } = self;
        rows.sweep(tick.saturating_sub(FORGET_AFTER_TICKS), |row| descriptors[row as usize] = None);
    }

    /// The place for the descriptor of a path.
    fn place(&mut self, path: &[u8]) -> Option<&mut Option<OwnedFd>> {
        if self.descriptors.is_empty() {
            return None;
        }
        let row = self.rows.find_or_add(path, self.tick)?;
        self.descriptors.get_mut(row as usize)
    }
}

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
        let row_bytes =
            RowSet::row_bytes(u64::from(HELD_PATH_BYTES_MAX)) + size_of::<Option<OwnedFd>>() as u64;
        let buffers =
            (SMALL_BYTES_MAX + 1 + FOLDER_BYTES + netlink::BUFFER_BYTES + mountinfo::BUFFER_BYTES) as u64;
        let mut items = vec![
            Item { what: "attributes held open", rows: held, row_bytes },
            Item { what: "attributes held open, in the kernel", rows: held, row_bytes: HELD_FILE_BYTES },
            Item { what: "folder, netlink and mount buffers", rows: 1, row_bytes: buffers },
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
        if let Some(Some(fd)) = &place {
            match read(fd) {
                // The device went away; another may have its name now.
                Err(Errno::NODEV) => {}
                result => return result.map_err(classify),
            }
        }
        if let Some(place) = &mut place {
            **place = None;
        }
        let fd = syscall::open(c_path(&mut path)?).map_err(classify)?;
        let result = read(&fd).map_err(classify);
        if let (Some(place), Ok(_) | Err(ReadError::Unsupported)) = (place, &result) {
            *place = Some(fd);
        }
        result
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
        let mut path = self.path(root, pieces)?;
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::DIRECTORY;
        let folder = rustix::fs::openat(CWD, c_path(&mut path)?, flags, Mode::empty()).map_err(classify)?;
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

    fn ask_mount(&mut self, path: &[u8], local: bool) {
        match self.mount_path(path) {
            Some(path) => self.mounts.ask(path.as_bytes(), local),
            // Refused and counted there.
            None => self.mounts.ask(&[], local),
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

    fn timex(&mut self) -> Result<Timex, ReadError> {
        timex::read()
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests make files and compare with what std reads")]
mod tests {
    use super::*;
    use crate::base::gate;
    use std::path::PathBuf;

    fn system(roots: Roots, held_files: u32) -> System {
        let mounts = MountOptions { timeout: Duration::from_secs(5), workers: 1 };
        System::new(roots, &Limits { held_files, ..Limits::default() }, mounts).unwrap()
    }

    /// An empty folder of this test, as the root of /proc and /sys.
    fn folder(name: &str) -> (PathBuf, Roots) {
        let path = std::env::temp_dir().join(format!("trimeter-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        let text = path.to_str().unwrap().to_owned();
        (
            path,
            Roots {
                procfs: text.clone(),
                sysfs: text.clone(),
                rootfs: text.clone(),
                udev: text.clone(),
                cgroupfs: text,
            },
        )
    }

    #[test]
    fn files_folders_and_links_are_read_as_they_are() {
        let (path, roots) = folder("tree");
        let mut system = system(roots, 8);
        let mut names = Names::with_capacity(8);
        for (name, bytes) in [("b", &b"12"[..]), ("a", b""), (".c", &[7; 4096]), ("d", &[7; 4097])] {
            std::fs::write(path.join(name), bytes).unwrap();
        }
        std::os::unix::fs::symlink("../target", path.join("link")).unwrap();
        assert_eq!(system.list(Root::Proc, &[], &mut names), Ok(()));
        assert_eq!(names.iter().collect::<Vec<_>>(), [&b".c"[..], b"a", b"b", b"d", b"link"]);
        assert_eq!(system.list(Root::Proc, &[b"a"], &mut names), Err(ReadError::Missing));
        for root in [Root::Proc, Root::Sys, Root::RootFs, Root::Udev] {
            assert_eq!(system.read(root, &[b"b"]), Ok(&b"12"[..]));
            assert_eq!(system.read(root, &[b"a"]), Ok(&b""[..]));
            assert_eq!(system.read(root, &[b".", b"c"]), Ok(&[7_u8; 4096][..]));
            assert_eq!(system.read(root, &[b"d"]), Err(ReadError::TooLong));
            assert_eq!(system.read(root, &[b"b/c"]), Err(ReadError::Missing));
            assert_eq!(system.read(root, &[b"x"]), Err(ReadError::Missing));
            assert_eq!(system.read(root, &[b"b\0"]), Err(ReadError::Missing));
            assert_eq!(system.read(root, &[&[b'x'; 2000]]), Err(ReadError::Failed));
        }
        assert_eq!(system.link(Root::Sys, &[b"link"]), Ok(&b"../target"[..]));
        assert_eq!(system.link(Root::Sys, &[b"b"]), Err(ReadError::Unsupported));
        assert!(system.modified(Root::Sys, &[b"b"]).unwrap() > 1_600_000_000_000_000_000);
        assert_eq!(system.modified(Root::Sys, &[b"x"]), Err(ReadError::Missing));
        assert!(!system.is_live(Root::Proc) && !system.is_live(Root::Sys));
        std::fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn a_file_as_long_as_the_buffer_fits_and_one_longer_does_not() {
        let (path, roots) = folder("into");
        let mut system = system(roots, 8);
        let mut buffer = Vec::with_capacity(10);
        for (length, expect) in [(0, Ok(())), (9, Ok(())), (10, Ok(())), (11, Err(ReadError::TooLong))] {
            std::fs::write(path.join("file"), vec![b'x'; length]).unwrap();
            assert_eq!(system.read_into(Root::Proc, &[b"file"], &mut buffer), expect);
            assert_eq!(buffer.len(), if expect.is_ok() { length } else { 0 });
            assert_eq!(buffer.capacity(), 10);
        }
        std::fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn attributes_are_held_up_to_the_limit_and_let_go_when_nobody_reads_them() {
        let mut system = system(Roots::default(), 2);
        if !system.is_live(Root::Sys) || !std::fs::exists("/sys/class/net/lo/mtu").unwrap() {
            println!("skipped: no /sys");
            return;
        }
        for _ in 0..3 {
            for name in ["mtu", "flags", "ifindex", "no_such"] {
                let expect = std::fs::read(format!("/sys/class/net/lo/{name}")).ok();
                let found = system.read(Root::Sys, &[b"class/net/lo/", name.as_bytes()]);
                assert_eq!(found.ok().map(<[u8]>::to_vec), expect);
            }
            system.begin_pass();
        }
        let usage = system.held_usage();
        assert_eq!((usage.used, usage.capacity, usage.high_water), (2, 2, 2));
        assert!(usage.refused > 0);
        assert!(system.held.descriptors.iter().all(Option::is_some));
        for _ in 0..=FORGET_AFTER_TICKS {
            system.age();
        }
        assert_eq!(system.held_usage().used, 0);
        assert!(system.held.descriptors.iter().all(Option::is_none));
    }

    #[test]
    fn the_live_machine_is_read_without_a_heap() {
        let mut system = system(Roots::default(), 16);
        assert!(system.is_live(Root::Proc));
        let mut names = Names::with_capacity(256);
        let mut buffer = Vec::with_capacity(65536);
        let mut before = 0;
        for round in 0..6 {
            if round == 3 {
                before = gate::thread_allocations();
            }
            system.begin_pass();
            assert_eq!(system.list(Root::Proc, &[b"self/fd"], &mut names), Ok(()));
            assert_eq!(system.read_into(Root::Proc, &[b"cpuinfo"], &mut buffer), Ok(()));
            assert!(system.read(Root::Proc, &[b"self/", b"cmdline"]).is_ok());
            assert!(system.link(Root::Proc, &[b"self"]).is_ok());
            assert!(system.read(Root::Sys, &[b"class/net/lo/mtu"]).is_ok() || !system.is_live(Root::Sys));
            assert!(system.modified(Root::Proc, &[b"self"]).is_ok());
            assert!(!system.uname().release.is_empty());
            assert!(system.timex().is_ok_and(|timex| timex.tick > 0) || system.timex().is_err());
            let mut bytes = 0;
            for what in [Dump::Links, Dump::Neighbours, Dump::Addresses, Dump::TcpSockets] {
                // Sandboxes do without netlink.
                if system.dump(what, &mut |message| bytes += message.len()).is_err() {}
            }
        }
        assert_eq!(gate::thread_allocations(), before);
        assert!(!names.is_empty());
    }

    #[test]
    fn a_mount_is_looked_for_below_the_root_file_system() {
        let (path, roots) = folder("mounts");
        std::fs::create_dir(path.join("boot")).unwrap();
        let mut system = system(roots, 0);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        for mount in [&b"/boot"[..], b"/", b"/home"] {
            system.ask_mount(mount, true);
        }
        runtime.block_on(system.settle(Duration::from_secs(2)));
        assert!(matches!(system.mount(b"/boot"), MountAnswer::Known(found) if found.size > 0));
        assert!(matches!(system.mount(b"/"), MountAnswer::Known(_)));
        assert_eq!(system.mount(b"/home"), MountAnswer::Error(libc::ENOENT));
        assert_eq!(system.mounts_usage().used, 3);
        std::fs::remove_dir_all(path).unwrap();
    }
}
