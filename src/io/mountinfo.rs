//! The table of mounts of the machine's first process: watched with poll(2), read line by line through a buffer that
//! does not grow with it. On a node with hundreds of containers it has a megabyte and changes rarely.

use super::syscall::{self, c_path};
use super::{ReadError, Root, Roots};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::io::Errno;

/// The longest line: two paths and the options of a mount, which are at most a page.
pub const BUFFER_BYTES: usize = 32 * 1024;

/// Where the table is. With hidepid the first process is not to be seen; what cannot be read for another reason must
/// not be replaced by the mounts of a container.
const PATHS: [&[u8]; 2] = [b"1/mountinfo", b"self/mountinfo"];

/// Reads that a changing table may take: a megabyte in pieces of a page, and much more than that.
const READS_MAX: u32 = 65_536;

pub struct MountInfo {
    file: Option<OwnedFd>,
    version: u64,
    buffer: Vec<u8>,
}

impl MountInfo {
    pub fn new() -> Self {
        MountInfo { file: None, version: 0, buffer: Vec::with_capacity(BUFFER_BYTES) }
    }

    /// Another number than before: the table may have changed.
    pub fn version(&mut self, watchable: bool) -> u64 {
        let changed = match &self.file {
            // Only the kernel's own file says when it changes.
            Some(file) if watchable => {
                let mut files = [PollFd::new(file, PollFlags::PRI)];
                match poll(&mut files, Some(&Timespec::default())) {
                    Ok(_) => files[0].revents().intersects(PollFlags::PRI | PollFlags::ERR),
                    Err(_) => true,
                }
            }
            _ => true,
        };
        self.version += u64::from(changed);
        self.version
    }

    /// Calls `each` with every line, without its newline.
    pub fn lines(&mut self, roots: &Roots, each: &mut dyn FnMut(&[u8])) -> Result<(), ReadError> {
        let file = match self.file.take() {
            Some(file) => file,
            None => open(roots)?,
        };
        let result = read(&file, &mut self.buffer, each);
        // A file that cannot be read is opened anew: the process behind it may have been another one's.
        if result.is_ok() {
            self.file = Some(file);
        }
        result
    }
}

fn open(roots: &Roots) -> Result<OwnedFd, ReadError> {
    let open = |path: &[u8]| {
        let mut path = roots.path(Root::Proc, &[path]).map_err(|_full| ReadError::Failed)?;
        syscall::open(c_path(&mut path)?).map_err(syscall::classify)
    };
    match open(PATHS[0]) {
        Err(ReadError::Missing) => open(PATHS[1]),
        other => other,
    }
}

fn read(file: &OwnedFd, buffer: &mut Vec<u8>, each: &mut dyn FnMut(&[u8])) -> Result<(), ReadError> {
    buffer.clear();
    let mut offset = 0;
    for _ in 0..READS_MAX {
        let got = match rustix::io::pread(file, rustix::buffer::spare_capacity(buffer), offset) {
            Err(Errno::INTR) => continue,
            other => other.map_err(syscall::classify)?,
        };
        if got == 0 {
            // A last line without a newline is not made by the kernel, and is a line.
            if !buffer.is_empty() {
                each(buffer);
            }
            return Ok(());
        }
        offset += got as u64;
        let Some(end) = memchr::memrchr(b'\n', buffer) else {
            if buffer.len() == buffer.capacity() {
                return Err(ReadError::TooLong);
            }
            continue;
        };
        for line in crate::text::lines(&buffer[..=end]) {
            each(line);
        }
        let rest = buffer.len() - end - 1;
        buffer.copy_within(end + 1.., 0);
        buffer.truncate(rest);
    }
    Err(ReadError::TooLong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn roots(name: &str) -> (std::path::PathBuf, Roots) {
        let path = std::env::temp_dir().join(format!("trimeter-mountinfo-{name}-{}", std::process::id()));
        fs::create_dir_all(path.join("1")).unwrap();
        fs::create_dir_all(path.join("self")).unwrap();
        let procfs = path.to_str().unwrap().to_owned();
        (path, Roots { procfs, ..Roots::default() })
    }

    fn all(info: &mut MountInfo, roots: &Roots) -> Result<Vec<String>, ReadError> {
        let mut found = Vec::new();
        info.lines(roots, &mut |line| found.push(String::from_utf8_lossy(line).into_owned()))?;
        Ok(found)
    }

    #[test]
    fn lines_come_whole_however_long_the_table_is() {
        let (path, roots) = roots("long");
        let lines: Vec<String> = (0..3000).map(|at| format!("{at} {}", "x".repeat(at % 97))).collect();
        fs::write(path.join("1/mountinfo"), lines.join("\n")).unwrap();
        let mut info = MountInfo::new();
        let capacity = info.buffer.capacity();
        assert_eq!(all(&mut info, &roots).unwrap(), lines);
        assert_eq!(info.buffer.capacity(), capacity);
        fs::write(path.join("1/mountinfo"), "y".repeat(BUFFER_BYTES + 1)).unwrap();
        assert_eq!(all(&mut info, &roots), Err(ReadError::TooLong));
        fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn own_mounts_are_read_only_when_the_first_process_is_hidden() {
        let (path, roots) = roots("hidden");
        let mut info = MountInfo::new();
        assert_eq!(all(&mut info, &roots), Err(ReadError::Missing));
        fs::write(path.join("self/mountinfo"), "own\n").unwrap();
        assert_eq!(all(&mut info, &roots).unwrap(), ["own"]);
        fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn the_kernel_says_when_its_table_changes() {
        let mut info = MountInfo::new();
        let first = info.version(true);
        assert_ne!(info.version(true), first, "nothing is open that could be watched");
        let lines = all(&mut info, &Roots::default()).unwrap();
        assert!(lines.iter().all(|line| crate::text::mountinfo::parse(line.as_bytes()).is_some()));
        // Other tests do not mount, so a table that was read stays as it is; a change may come from outside.
        let stays = (0..3).any(|_| info.version(true) == info.version(true));
        assert!(stays);
        let before = info.version(true);
        assert_ne!(info.version(false), before);
    }
}
