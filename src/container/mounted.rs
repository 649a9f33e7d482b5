//! The file systems of the root control group, one for each device, by the peer's rules; kept until the table of
//! mounts changes.

use crate::base::text::PathText;
use crate::collect::Trouble;
use crate::flags::Flags;
use crate::io::{Io, Roots};
use crate::limits::Limits;
use crate::text::mountinfo::{Line, Medium, Waits, below, medium, parse};
use crate::text::unsigned;
use std::fmt::Write;

type Span = (usize, usize);

/// A file system that is mounted; its texts are in [`FileSystems`].
#[derive(Clone, Copy)]
pub struct Mounted {
    /// The label `device`.
    name: Span,
    source: Span,
    point: Span,
    /// Major and minor.
    pub number: (u64, u64),
    medium: Medium,
}

/// Refuses the new when it is full.
pub struct FileSystems {
    list: Vec<Mounted>,
    list_max: usize,
    bytes: Vec<u8>,
    bytes_max: usize,
    /// Without a slash at its end; empty for `/`.
    rootfs: Vec<u8>,
    waits: Waits,
    /// Also what is mounted for single containers.
    all: bool,
    /// The table of mounts that was read; `None`: none, or not to its end.
    version: Option<u64>,
    refused: u64,
}

/// Bytes of a file system's texts, on average.
const MOUNT_BYTES: usize = 512;

impl FileSystems {
    pub fn new(flags: &Flags, limits: &Limits, roots: &Roots) -> Self {
        let list_max = limits.mounts as usize;
        let bytes_max = list_max * MOUNT_BYTES;
        FileSystems {
            list: Vec::with_capacity(list_max),
            list_max,
            bytes: Vec::with_capacity(bytes_max),
            bytes_max,
            waits: Waits::with_capacity(bytes_max),
            rootfs: roots.rootfs.trim_end_matches('/').as_bytes().to_vec(),
            all: flags.text(super::filesystem::MOUNTS) == "all",
            version: None,
            refused: 0,
        }
    }

    /// Reads the table of mounts if it has changed.
    pub fn refresh(&mut self, io: &mut dyn Io, mut malformed: impl FnMut()) -> Result<(), Trouble> {
        let version = Some(io.mounts_version());
        if version == self.version {
            return Ok(());
        }
        self.list.clear();
        self.bytes.clear();
        self.waits.clear();
        self.version = None;
        io.mount_lines(&mut |line| {
            if parse(line).and_then(|line| self.add(&line)).is_none() {
                malformed();
            }
        })?;
        self.version = version;
        Ok(())
    }

    /// `None`: something in the line is not understood.
    fn add(&mut self, line: &Line<'_>) -> Option<()> {
        let raw = below(line.point, &self.rootfs).unwrap_or(line.point);
        // The root file system is shown whatever it is; what hides it comes later in the table.
        let is_root = raw == b"/";
        let medium = medium(line.fstype);
        let point = decoded(raw)?;
        self.waits.note(point.as_bytes(), medium);
        if !is_root && (!is_shown(line.fstype) || (!self.all && is_of_container(line.fstype, raw))) {
            return Some(());
        }
        let number = (unsigned(line.major)?, unsigned(line.minor)?);
        let source = decoded(line.device)?;
        let mut name = source;
        if line.fstype == b"tmpfs" {
            name = point;
        } else if line.fstype == b"overlay" {
            write!(name, "_{}-{}", number.0, number.1).ok()?;
        }
        let known = self.list.iter().position(|mount| self.text(mount.name) == name.as_bytes());
        // Of several mounts of a device the first says how full it is, and the root file system before all. Two of
        // the same tmpfs or overlay hide one another: the last is to be seen.
        match known {
            Some(_) if !is_root && !matches!(line.fstype, b"tmpfs" | b"overlay") => {}
            Some(at) => {
                let same = self.text(self.list[at].point) == point.as_bytes();
                let kept = if same { Some(self.list[at].point) } else { self.keep(point.as_bytes()) };
                if let Some(point) = kept {
                    self.list[at] = Mounted { point, number, medium, ..self.list[at] };
                }
            }
            None => self.push([name, source, point], number, medium),
        }
        Some(())
    }

    fn push(&mut self, texts: [PathText; 3], number: (u64, u64), medium: Medium) {
        if self.list.len() == self.list_max {
            self.refused += 1;
            return;
        }
        let before = self.bytes.len();
        if let [Some(name), Some(source), Some(point)] = texts.map(|text| self.keep(text.as_bytes())) {
            self.list.push(Mounted { name, source, point, number, medium });
        } else {
            self.bytes.truncate(before);
        }
    }

    /// `None`: there is no room; counted.
    fn keep(&mut self, text: &[u8]) -> Option<Span> {
        let start = self.bytes.len();
        if start + text.len() > self.bytes_max {
            self.refused += 1;
            return None;
        }
        self.bytes.extend_from_slice(text);
        Some((start, self.bytes.len()))
    }

    fn text(&self, span: Span) -> &[u8] {
        &self.bytes[span.0..span.1]
    }

    pub fn iter(&self) -> impl Iterator<Item = &Mounted> {
        self.list.iter()
    }

    /// The label `device` of a file system.
    pub fn device(&self, mount: &Mounted) -> &[u8] {
        self.text(mount.name)
    }

    pub fn source(&self, mount: &Mounted) -> &[u8] {
        self.text(mount.source)
    }

    pub fn point(&self, mount: &Mounted) -> &[u8] {
        self.text(mount.point)
    }

    /// What statfs(2) of a file system waits for.
    pub fn medium(&self, mount: &Mounted) -> Medium {
        self.waits.medium(self.point(mount), mount.medium)
    }

    /// The label of the file system with this number.
    pub fn name(&self, major: u64, minor: u64) -> Option<&[u8]> {
        let mount = self.list.iter().find(|mount| mount.number == (major, minor))?;
        Some(self.text(mount.name))
    }

    /// File systems that there was no room for, since the start.
    pub const fn refused_total(&self) -> u64 {
        self.refused
    }
}

/// The types that the peer shows.
fn is_shown(fstype: &[u8]) -> bool {
    matches!(fstype, b"btrfs" | b"overlay" | b"tmpfs" | b"xfs" | b"zfs")
        || fstype.starts_with(b"ext")
        || fstype.starts_with(b"nfs")
}

/// Is it mounted for a single container or pod? Runtimes mount below a folder that is called like the container, by 64
/// hexadecimal digits, and the kubelet below one that is called like the pod.
fn is_of_container(fstype: &[u8], point: &[u8]) -> bool {
    if !matches!(fstype, b"overlay" | b"tmpfs") {
        return false;
    }
    let mut before: &[u8] = b"";
    point.split(|byte| *byte == b'/').any(|piece| {
        let id = piece.split(|byte| *byte == b'-').next().unwrap_or(piece);
        let is_container = id.len() == 64 && id.iter().all(u8::is_ascii_hexdigit);
        let is_pod = before == b"pods" && piece.len() >= 32;
        before = piece;
        // Containers without Kubernetes may be called anything.
        is_container || is_pod || piece.starts_with(b"io.containerd.runtime.")
    })
}

/// Space, tab, newline and backslash are written in octal. `None`: longer than a path that can be asked.
fn decoded(text: &[u8]) -> Option<PathText> {
    let mut found = PathText::new();
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        found.push(&rest[..at]).ok()?;
        let (byte, length) = match rest.get(at + 1..at + 4) {
            Some(b"040") => (b' ', 4),
            Some(b"011") => (b'\t', 4),
            Some(b"012") => (b'\n', 4),
            Some(b"134") => (b'\\', 4),
            _ => (b'\\', 1),
        };
        found.push([byte]).ok()?;
        rest = &rest[at + length..];
    }
    found.push(rest).ok()?;
    Some(found)
}
