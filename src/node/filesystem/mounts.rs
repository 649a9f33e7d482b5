//! The mounts of a pass, in memory that is allocated once.

use crate::text::mountinfo::{Line, Medium, Waits, below, medium};

/// A mount; its texts are in [`Mounts`].
#[derive(Clone, Copy)]
pub struct Mount {
    device: Span,
    point: Span,
    fstype: Span,
    major: Span,
    minor: Span,
    medium: Medium,
    pub read_only: bool,
    /// An earlier mount has the same device, mount point and type: there is one row for both.
    pub repeated: bool,
}

type Span = (usize, usize);

/// Refuses the new when it is full. It has room for one mount more than planned, so that a mount can be looked at by the
/// filters before it is known whether it is one too many.
pub struct Mounts {
    list: Vec<Mount>,
    mounts_max: usize,
    bytes: Vec<u8>,
    bytes_max: usize,
    waits: Waits,
}

/// Bytes of a mount's texts, on average.
const MOUNT_BYTES: usize = 256;
/// Bytes for the one mount more: a mount point and a device are paths.
const SPARE_BYTES: usize = 2 * 4096;

impl Mounts {
    pub fn with_capacity(mounts_max: usize) -> Self {
        let bytes_max = mounts_max * MOUNT_BYTES;
        Mounts {
            list: Vec::with_capacity(mounts_max + 1),
            mounts_max,
            bytes: Vec::with_capacity(bytes_max + SPARE_BYTES),
            bytes_max,
            waits: Waits::with_capacity(bytes_max),
        }
    }

    pub fn clear(&mut self) {
        self.list.clear();
        self.bytes.clear();
        self.waits.clear();
    }

    /// Adds a mount: its point decoded and below the root file system. `None`: full.
    pub fn push(&mut self, line: &Line<'_>, rootfs: &[u8]) -> Option<Mount> {
        let all = [line.device, line.point, line.fstype, line.major, line.minor];
        // One byte more: a mount point that is the root file system itself becomes "/".
        let bytes = 1 + all.iter().map(|text| text.len()).sum::<usize>();
        if self.list.len() > self.mounts_max || self.bytes.len() + bytes > self.bytes_max + SPARE_BYTES {
            return None;
        }
        let mut mount = Mount {
            device: self.add(line.device),
            point: self.add_point(line.point, rootfs),
            fstype: self.add(line.fstype),
            major: self.add(line.major),
            minor: self.add(line.minor),
            medium: medium(line.fstype),
            read_only: line.read_only,
            repeated: false,
        };
        mount.repeated = self.list.iter().any(|other| {
            self.point(other) == self.point(&mount)
                && self.device(other) == self.device(&mount)
                && self.fstype(other) == self.fstype(&mount)
        });
        self.waits.note(&self.bytes[mount.point.0..mount.point.1], mount.medium);
        self.list.push(mount);
        Some(mount)
    }

    /// What statfs(2) of the mount waits for.
    pub fn medium(&self, mount: &Mount) -> Medium {
        self.waits.medium(self.point(mount), mount.medium)
    }

    /// Takes the mount that was added last away again.
    pub fn drop_last(&mut self) {
        if let Some(mount) = self.list.pop() {
            self.bytes.truncate(mount.device.0);
        }
    }

    /// Is the mount that was added last one too many?
    pub const fn is_over(&self) -> bool {
        self.list.len() > self.mounts_max || self.bytes.len() > self.bytes_max
    }

    fn add(&mut self, text: &[u8]) -> Span {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(text);
        (start, self.bytes.len())
    }

    /// Space and tab are decoded and nothing else, as with the peer: `\012` and `\134` stay as they are.
    fn add_point(&mut self, point: &[u8], rootfs: &[u8]) -> Span {
        let start = self.bytes.len();
        let mut rest = point;
        while let Some(at) = memchr::memchr(b'\\', rest) {
            self.bytes.extend_from_slice(&rest[..at]);
            let (decoded, bytes) = match rest.get(at + 1..at + 4) {
                Some(b"040") => (b' ', 4),
                Some(b"011") => (b'\t', 4),
                _ => (b'\\', 1),
            };
            self.bytes.push(decoded);
            rest = &rest[at + bytes..];
        }
        self.bytes.extend_from_slice(rest);
        if rootfs.is_empty() {
            return (start, self.bytes.len());
        }
        let end = self.bytes.len();
        match below(&self.bytes[start..], rootfs).map(<[u8]>::len) {
            None => (start, end),
            // The root file system itself is "/", and its path has no slash at its end that could be that.
            Some(1) if !self.bytes.ends_with(b"/") => {
                self.bytes.push(b'/');
                (end, end + 1)
            }
            Some(bytes) => (end - bytes, end),
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Mount> {
        self.list.iter()
    }

    fn text(&self, span: Span) -> &[u8] {
        &self.bytes[span.0..span.1]
    }

    pub fn device(&self, mount: &Mount) -> &[u8] {
        self.text(mount.device)
    }

    pub fn point(&self, mount: &Mount) -> &[u8] {
        self.text(mount.point)
    }

    pub fn fstype(&self, mount: &Mount) -> &[u8] {
        self.text(mount.fstype)
    }

    pub fn major(&self, mount: &Mount) -> &[u8] {
        self.text(mount.major)
    }

    pub fn minor(&self, mount: &Mount) -> &[u8] {
        self.text(mount.minor)
    }
}
