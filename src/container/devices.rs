//! Block devices and file systems by their number: what a control group's I/O is called in the label `device`, and
//! what the kernel has counted of each device until this pass.

use super::mounted::{FileSystems, Mounted};
use crate::base::text::Text;
use crate::collect::Trouble;
use crate::flags::Flags;
use crate::io::{FileSpec, Io, ReadError, Roots};
use crate::limits::Limits;
use crate::text::diskstats::{self, Numbers, device, numbers};
use crate::text::lines;

/// The file that [`Devices::refresh`] is given.
pub const DISKSTATS: FileSpec = FileSpec::proc("diskstats", |limits| diskstats::bytes_max(limits.disks));

/// Disks and partitions for each planned disk.
const PER_DISK: usize = 4;

/// The kernel's names have at most 31 bytes, before them "/dev/".
const NAME_BYTES: usize = 40;

struct Device {
    number: (u64, u64),
    name: Text<NAME_BYTES>,
    /// Has the label its name? Other devices have that of a file system that is mounted from them.
    named: bool,
    numbers: Numbers,
}

/// All of it is allocated once. Lists refuse the new when they are full.
pub struct Devices {
    /// Sorted by their number.
    list: Vec<Device>,
    list_max: usize,
    mounts: FileSystems,
    refused: u64,
}

impl Devices {
    pub fn new(flags: &Flags, limits: &Limits, roots: &Roots) -> Self {
        let list_max = PER_DISK * limits.disks as usize;
        Devices {
            list: Vec::with_capacity(list_max),
            list_max,
            mounts: FileSystems::new(flags, limits, roots),
            refused: 0,
        }
    }

    /// Begins a pass: takes what the kernel has counted, and the mounts if they have changed. Calls `malformed` for each
    /// line that is not understood. What one file lacks does not cost what the other has.
    pub fn refresh(
        &mut self,
        diskstats: Result<&[u8], ReadError>,
        io: &mut dyn Io,
        mut malformed: impl FnMut(),
    ) -> Result<(), Trouble> {
        self.list.clear();
        for line in diskstats.map(lines).into_iter().flatten() {
            match parse(line) {
                Some(_) if self.list.len() == self.list_max => self.refused += 1,
                Some(device) => self.list.push(device),
                None => malformed(),
            }
        }
        self.list.sort_unstable_by_key(|device| device.number);
        self.mounts.refresh(io, malformed)?;
        // Without block devices there is no such file.
        match diskstats {
            Err(ReadError::Missing) | Ok(_) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The label `device` of I/O that a control group has done on a device; empty: nobody knows it.
    pub fn name(&self, major: u64, minor: u64) -> &[u8] {
        match self.find(major, minor).filter(|device| device.named) {
            Some(device) => device.name.as_bytes(),
            None => self.mounts.name(major, minor).unwrap_or(b""),
        }
    }

    /// [`Self::name`] for the root control group: there a file system's name comes first, so that its I/O is in the row
    /// of the file system.
    pub fn name_on_root(&self, major: u64, minor: u64) -> &[u8] {
        self.mounts.name(major, minor).unwrap_or_else(|| self.name(major, minor))
    }

    /// The mounted file systems of the root control group.
    pub const fn mounts(&self) -> &FileSystems {
        &self.mounts
    }

    /// What the kernel has counted of the device below a file system: by name, because the number of a btrfs is not
    /// that of its device, else by number.
    pub fn counted(&self, mount: &Mounted) -> Option<&Numbers> {
        let source = self.mounts.source(mount);
        let by_name = || self.list.iter().find(|device| device.name.as_bytes() == source);
        let (major, minor) = mount.number;
        // A number without a major is none of a device.
        let found = if major == 0 { by_name() } else { self.find(major, minor).or_else(by_name) };
        found.map(|device| &device.numbers)
    }

    fn find(&self, major: u64, minor: u64) -> Option<&Device> {
        let at = self.list.binary_search_by_key(&(major, minor), |device| device.number).ok()?;
        self.list.get(at)
    }

    /// Devices and file systems that there was no room for, since the start.
    pub const fn refused_total(&self) -> u64 {
        self.refused + self.mounts.refused_total()
    }
}

fn parse(line: &[u8]) -> Option<Device> {
    let (major, minor, name, words) = device(line)?;
    let mut text = Text::new();
    text.push_all(&[b"/dev/", name]).ok()?;
    Some(Device { number: (major, minor), name: text, named: is_named(name), numbers: numbers(words)? })
}

/// The peer leaves out what is no disk, and paths to an NVMe disk below its own name, `nvme0c1n1`.
fn is_named(name: &[u8]) -> bool {
    if [&b"loop"[..], b"ram", b"sr"].iter().any(|prefix| name.starts_with(prefix)) {
        return false;
    }
    let Some(rest) = name.strip_prefix(b"nvme") else { return true };
    let rest = without_digits(rest);
    let is_path = rest.strip_prefix(b"c").is_some_and(|rest| without_digits(rest).starts_with(b"n"));
    !is_path
}

fn without_digits(text: &[u8]) -> &[u8] {
    &text[crate::text::attribute::digits(text).len()..]
}

#[cfg(test)]
mod tests;
