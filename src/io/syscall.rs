//! Plain system calls on descriptors: open, pread until the end, and what an errno means.

use super::ReadError;
use crate::base::text::PathText;
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;
use std::ffi::CStr;

/// How many times a read that a signal interrupted is begun again.
const INTERRUPTIONS_MAX: u32 = 8;

/// An attribute of sysfs is made in one piece and is at most a page long; 4,096 bytes is the smallest page.
const PAGE_BYTES_MIN: usize = 4096;

/// Does one read return everything?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pieces {
    /// Attributes of sysfs and sysctls: the kernel prints the whole value for every read, up to a page.
    One,
    /// A seq_file of one record (`single_open` in the kernel): a read returns all of it, however long.
    Whole,
    /// seq_file: a read ends at a record that does not fit into the kernel's buffer, which says nothing about the end
    /// of the file. Only a read of 0 bytes does.
    Many,
}

impl Pieces {
    /// Is the file at its end, after a read of `last` bytes that makes it `total` bytes?
    pub const fn ended(self, last: usize, total: usize) -> bool {
        match self {
            Pieces::One => last == 0 || total < PAGE_BYTES_MIN,
            Pieces::Whole => true,
            Pieces::Many => last == 0,
        }
    }
}

/// The kind of trouble that an errno is.
pub fn classify(errno: Errno) -> ReadError {
    match errno {
        Errno::NOENT | Errno::NOTDIR => ReadError::Missing,
        Errno::ACCESS | Errno::PERM => ReadError::Denied,
        Errno::NODEV | Errno::SRCH => ReadError::Gone,
        Errno::OPNOTSUPP
        | Errno::INVAL
        | Errno::NXIO
        | Errno::IO
        | Errno::NODATA
        | Errno::BUSY
        | Errno::AGAIN => ReadError::Unsupported,
        _ => ReadError::Failed,
    }
}

/// A path as C wants it: `text` with a NUL at its end. A path with a NUL inside names no file.
pub fn c_path(text: &mut PathText) -> Result<&CStr, ReadError> {
    text.push([0]).map_err(|_full| ReadError::Failed)?;
    CStr::from_bytes_with_nul(text.as_bytes()).map_err(|_inner| ReadError::Missing)
}

/// Opens for reading. O_NONBLOCK lets io_uring read procfs without a worker thread, and a FIFO cannot block us.
pub fn open(path: &CStr) -> Result<OwnedFd, Errno> {
    rustix::fs::openat(CWD, path, OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK, Mode::empty())
}

/// Appends what follows `buffer.len()` in the file, up to the capacity; the number of bytes.
pub fn pread(fd: impl AsFd, buffer: &mut Vec<u8>) -> Result<usize, Errno> {
    let offset = buffer.len() as u64;
    for _ in 0..INTERRUPTIONS_MAX {
        match rustix::io::pread(fd.as_fd(), rustix::buffer::spare_capacity(buffer), offset) {
            Err(Errno::INTR) => {}
            result => return result,
        }
    }
    Err(Errno::INTR)
}

/// Reads a file from its beginning until it ends or is longer than `bytes_max`; the buffer has room for a byte more.
pub fn read_all(
    fd: impl AsFd,
    pieces: Pieces,
    bytes_max: usize,
    buffer: &mut Vec<u8>,
) -> Result<Length, Errno> {
    buffer.clear();
    loop {
        // Every turn adds a byte or is the last one.
        let last = pread(fd.as_fd(), buffer)?;
        if buffer.len() > bytes_max {
            buffer.clear();
            return Ok(Length::TooLong);
        }
        if pieces.ended(last, buffer.len()) {
            return Ok(Length::Fits);
        }
    }
}

/// Whether a file fits into its buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    Fits,
    TooLong,
}

impl Length {
    pub const fn into_result(self) -> Result<(), ReadError> {
        match self {
            Length::Fits => Ok(()),
            Length::TooLong => Err(ReadError::TooLong),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_read_ends_only_what_comes_in_one_piece() {
        assert!(Pieces::One.ended(10, 10));
        assert!(!Pieces::One.ended(4096, 4096));
        assert!(Pieces::One.ended(0, 4096));
        assert!(!Pieces::Many.ended(10, 10));
        assert!(Pieces::Many.ended(0, 10));
    }

    #[test]
    fn a_path_with_a_nul_inside_names_no_file() {
        let mut path = PathText::new();
        assert_eq!(path.push("/a\0b"), Ok(()));
        assert_eq!(c_path(&mut path), Err(ReadError::Missing));
        let mut path = PathText::new();
        assert_eq!(path.push("/a"), Ok(()));
        assert_eq!(c_path(&mut path), Ok(c"/a"));
    }

    #[test]
    fn errnos_have_a_kind() {
        let of = |number| classify(Errno::from_raw_os_error(number));
        assert_eq!(of(libc::ENOENT), ReadError::Missing);
        assert_eq!(of(libc::ENOTDIR), ReadError::Missing);
        assert_eq!(of(libc::EACCES), ReadError::Denied);
        assert_eq!(of(libc::ENODEV), ReadError::Gone);
        assert_eq!(of(libc::ESRCH), ReadError::Gone);
        assert_eq!(of(libc::ENODATA), ReadError::Unsupported);
        assert_eq!(of(libc::EAGAIN), ReadError::Unsupported);
        assert_eq!(of(libc::EMFILE), ReadError::Failed);
    }
}
