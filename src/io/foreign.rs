//! Files of other programs: regular files of any length, on file systems that may hang. Not for the hot thread.

use super::ReadError;
use super::syscall::{self, c_path, classify};
use crate::base::text::PathText;
use rustix::fd::OwnedFd;
use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

/// What is kept between reads; most files are shorter.
const KEPT_BYTES: usize = 64 * 1024;

const FLAGS: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);

/// Reads files of the machine, whose root file system may be mounted somewhere.
pub struct Foreign {
    /// Where the root file system is; `None`: here.
    root: Option<Root>,
    bytes_max: usize,
    buffer: Vec<u8>,
}

struct Root {
    path: Vec<u8>,
    /// The directory, for symbolic links that begin with a slash: they mean that root and not ours.
    directory: Option<OwnedFd>,
}

impl Foreign {
    /// `rootfs` as in [`super::Roots`]; a file may have `bytes_max` bytes.
    pub fn new(rootfs: &str, bytes_max: usize) -> Self {
        let root = (!rootfs.is_empty()).then(|| {
            let directory = rustix::fs::openat(CWD, rootfs, OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
            Root { path: rootfs.as_bytes().to_vec(), directory: directory.ok() }
        });
        Foreign { root, bytes_max, buffer: Vec::new() }
    }

    /// The most memory that it needs.
    pub const fn bytes(bytes_max: usize) -> u64 {
        bytes_max as u64 + 1
    }

    /// The contents of a file. What is not below the root file system is looked for in our own: a pod may have nothing
    /// but the directory itself mounted.
    pub fn read(&mut self, pieces: &[&[u8]]) -> Result<&[u8], ReadError> {
        let fd = self.open(pieces, OFlags::empty())?;
        let found = rustix::fs::fstat(&fd).map_err(classify)?;
        if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
            return Err(ReadError::Unsupported);
        }
        let size = usize::try_from(found.st_size).unwrap_or(usize::MAX);
        if size > self.bytes_max {
            return Err(ReadError::TooLong);
        }
        self.buffer.clear();
        self.buffer.shrink_to(KEPT_BYTES);
        // A byte more than there is says that the file has not grown.
        self.buffer.reserve_exact(size + 1);
        let result = syscall::read_all(&fd, syscall::Pieces::Many, size, &mut self.buffer);
        result.map_err(classify)?.into_result()?;
        Ok(&self.buffer)
    }

    /// Names of a directory's entries, at most `names_max`, in no order.
    pub fn list(&mut self, pieces: &[&[u8]], names_max: usize) -> Result<Vec<Vec<u8>>, ReadError> {
        let fd = self.open(pieces, OFlags::DIRECTORY)?;
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::new(fd).map_err(classify)? {
            let entry = entry.map_err(classify)?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." && names.len() < names_max {
                names.push(name.to_vec());
            }
        }
        Ok(names)
    }

    fn open(&self, pieces: &[&[u8]], more: OFlags) -> Result<OwnedFd, ReadError> {
        let mut path = PathText::new();
        path.push_all(pieces).map_err(|_full| ReadError::Failed)?;
        if let Some(root) = &self.root {
            match root.open(path, more) {
                Err(ReadError::Missing) => {}
                found => return found,
            }
        }
        rustix::fs::openat(CWD, c_path(&mut path)?, FLAGS | more, Mode::empty()).map_err(classify)
    }
}

impl Root {
    fn open(&self, mut path: PathText, more: OFlags) -> Result<OwnedFd, ReadError> {
        let mut below = PathText::new();
        below.push_all(&[&self.path, path.as_bytes()]).map_err(|_full| ReadError::Failed)?;
        if let Some(directory) = &self.directory {
            let inside = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
            let path = c_path(&mut path)?;
            match rustix::fs::openat2(directory, path, FLAGS | more, Mode::empty(), inside) {
                // Kernels before 5.6, and sandboxes that know of no openat2.
                Err(Errno::NOSYS | Errno::PERM) => {}
                found => return found.map_err(classify),
            }
        }
        rustix::fs::openat(CWD, c_path(&mut below)?, FLAGS | more, Mode::empty()).map_err(classify)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn folder(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("trimeter-{}-foreign-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        path
    }

    fn bytes(path: &std::path::Path) -> &[u8] {
        path.as_os_str().as_encoded_bytes()
    }

    #[test]
    fn regular_files_are_read_up_to_the_bound() {
        let path = folder("bound");
        let mut files = Foreign::new("", 100);
        for (length, expect) in [(0, Ok(0)), (99, Ok(99)), (100, Ok(100)), (101, Err(ReadError::TooLong))] {
            std::fs::write(path.join("file"), vec![b'x'; length]).unwrap();
            assert_eq!(files.read(&[bytes(&path), b"/file"]).map(<[u8]>::len), expect);
        }
        let fifo = path.join("fifo");
        let mode = Mode::RUSR | Mode::WUSR;
        rustix::fs::mknodat(CWD, &fifo, FileType::Fifo, mode, 0).unwrap();
        for other in ["fifo", ""] {
            let found = files.read(&[bytes(&path), b"/", other.as_bytes()]);
            assert_eq!(found, Err(ReadError::Unsupported), "{other}");
        }
        assert_eq!(files.read(&[bytes(&path), b"/none"]), Err(ReadError::Missing));
        assert_eq!(files.read(&[bytes(&path), b"/file\0"]), Err(ReadError::Missing));
        assert_eq!(files.read(&[&[b'x'; 2000]]), Err(ReadError::Failed));
        let mut names = files.list(&[bytes(&path)], 9).unwrap();
        names.sort();
        assert_eq!(names, [b"fifo".to_vec(), b"file".to_vec()]);
        assert_eq!(files.list(&[bytes(&path)], 1).map(|names| names.len()), Ok(1));
        assert_eq!(files.list(&[bytes(&path), b"/file"], 1), Err(ReadError::Missing));
        std::fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn links_of_the_machine_stay_below_its_root() {
        let path = folder("root");
        let target = format!("/trimeter-{}-data", std::process::id());
        std::fs::create_dir_all(path.join(&target[1..])).unwrap();
        std::fs::create_dir_all(path.join("var/lib")).unwrap();
        std::fs::write(path.join(&target[1..]).join("file"), "there").unwrap();
        std::os::unix::fs::symlink(&target, path.join("var/lib/docker")).unwrap();
        std::os::unix::fs::symlink("../../../../../../etc", path.join("var/lib/out")).unwrap();
        let mut files = Foreign::new(path.to_str().unwrap(), 100);
        assert_eq!(files.read(&[b"/var/lib/docker", b"/file"]), Ok(&b"there"[..]));
        assert_eq!(files.read(&[b"/var/lib/out/passwd"]), Err(ReadError::Missing));
        std::fs::remove_dir_all(&path).unwrap();
    }

    #[test]
    fn what_is_not_below_the_root_may_be_mounted_here() {
        let (root, here) = (folder("empty"), folder("here"));
        std::fs::write(here.join("file"), "here").unwrap();
        let mut files = Foreign::new(root.to_str().unwrap(), 100);
        assert_eq!(files.read(&[bytes(&here), b"/file"]), Ok(&b"here"[..]));
        std::fs::remove_dir_all(root).unwrap();
        std::fs::remove_dir_all(here).unwrap();
    }
}
