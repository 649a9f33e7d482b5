//! What a group has read from block devices and written to them: io.stat with v2, the files of blkio with v1.
//!
//! Format of io.stat: "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6 cost.usage=7"; kernels before 6.2 may print the
//! numbers of devices that have done nothing before it on the same line. Format of blkio's files: "8:0 Read 1", a line
//! per device and kind, and "Total 1" at the end.

use super::devices::Devices;
use super::files::{
    BFQ_BYTES, BFQ_MERGED, BFQ_OPERATIONS, BFQ_QUEUED, BFQ_TIME, CFQ_BYTES, CFQ_MERGED, CFQ_OPERATIONS,
    CFQ_QUEUED, CFQ_TIME, IO_STAT, THROTTLE_BYTES, THROTTLE_BYTES_ALONE, THROTTLE_OPERATIONS,
    THROTTLE_OPERATIONS_ALONE,
};
use super::visit::Visit;
use crate::base::text::Text;
use crate::family::{Family, check, counter};
use crate::io::groups::Version;
use crate::store::{Handle, Out};
use crate::text::{lines, split_once, unsigned, words};
use std::fmt::Write as _;

/// Labels of a row, after those of its group: `device`, `major`, `minor`.
pub(super) const FAMILIES: &[Family] = &[counter(
    "container_blkio_device_usage_total",
    "Bytes read from the device, written to it or discarded, by kind of request.",
)
.key("blkio")
.split("operation", OPERATIONS)];
const _: () = check(FAMILIES);

const OPERATIONS: &[&str] = &["Async", "Discard", "Read", "Sync", "Total", "Write"];

/// A device by its major and minor number.
type Number = (u64, u64);

/// The files of one I/O scheduler or of the block layer itself, with v1.
struct Source {
    bytes: usize,
    /// Another file, which numbers it sets as Read, Write and Total.
    rest: &'static [(usize, [&'static str; 3])],
}

/// The first that knows of a device counts, as with the peer. Those of schedulers know their own devices only.
const SOURCES: [Source; 4] = [
    Source {
        bytes: BFQ_BYTES,
        rest: &[
            (BFQ_OPERATIONS, ["rios", "wios", ""]),
            (BFQ_TIME, ["read_ns", "write_ns", "io_ns"]),
            (BFQ_MERGED, ["reads_merged", "writes_merged", ""]),
            (BFQ_QUEUED, ["", "", "io_current"]),
        ],
    },
    Source {
        bytes: CFQ_BYTES,
        rest: &[
            (CFQ_OPERATIONS, ["rios", "wios", ""]),
            (CFQ_TIME, ["read_ns", "write_ns", "io_ns"]),
            (CFQ_MERGED, ["reads_merged", "writes_merged", ""]),
            (CFQ_QUEUED, ["", "", "io_current"]),
        ],
    },
    Source { bytes: THROTTLE_BYTES, rest: &[(THROTTLE_OPERATIONS, ["rios", "wios", ""])] },
    Source { bytes: THROTTLE_BYTES_ALONE, rest: &[(THROTTLE_OPERATIONS_ALONE, ["rios", "wios", ""])] },
];

/// Which of the [`SOURCES`] the kernel has: the same for all groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Present([bool; SOURCES.len()]);

impl Present {
    /// Tries every source with a group that has them all.
    pub fn find(visit: &mut Visit<'_>) -> Self {
        let mut present = Self(SOURCES.map(|source| visit.read(source.bytes).is_some()));
        // What is counted without the groups below is of no interest where it is also counted with them.
        present.0[3] &= !present.0[2];
        present
    }
}

/// Where the numbers of a group go.
pub(super) struct Target<'a, 'b> {
    pub out: &'a mut Out<'b>,
    pub devices: &'a Devices,
    /// The collector's tables of devices and of blkio.
    pub tables: [usize; 2],
    /// The group's row.
    pub group: Handle,
    pub root: bool,
    /// The first device without a name. Rows of others would be the same, so that nothing is shown of them.
    pub unnamed: Option<Number>,
}

impl<'a> Target<'a, '_> {
    /// The label `device`; `None`: nothing is shown of the device.
    fn name(&mut self, number: Number) -> Option<&'a [u8]> {
        let (major, minor) = number;
        let name =
            if self.root { self.devices.name_on_root(major, minor) } else { self.devices.name(major, minor) };
        let shown = !name.is_empty() || *self.unnamed.get_or_insert(number) == number;
        shown.then_some(name)
    }

    /// Shows the numbers of a line of io.stat.
    fn show(&mut self, number: Number, values: &[Option<u64>; KEYS.len()]) {
        if *values == [None; KEYS.len()] {
            return;
        }
        let Some(name) = self.name(number) else { return };
        let mut table = self.out.table(self.tables[0]);
        let mut row = table.row_below(self.group, &[("device", name)]);
        for (key, value) in KEYS.iter().zip(values) {
            row.set_some(key, *value);
        }
        for (operation, bytes) in [("Read", values[0]), ("Write", values[2])] {
            if let Some(bytes) = bytes {
                self.set_blkio(number, name, operation.as_bytes(), bytes);
            }
        }
    }

    /// Sets a number of a device.
    fn set(&mut self, name: &[u8], key: &str, value: u64) {
        let mut table = self.out.table(self.tables[0]);
        table.row_below(self.group, &[("device", name)]).set(key, value);
    }

    /// Sets bytes of a kind of request.
    fn set_blkio(&mut self, number: Number, name: &[u8], operation: &[u8], bytes: u64) {
        if !self.out.serves(self.tables[1]) {
            return;
        }
        let (mut major, mut minor) = (Text::<20>::new(), Text::<20>::new());
        let fits = write!(major, "{}", number.0).and_then(|()| write!(minor, "{}", number.1));
        assert!(fits.is_ok(), "no number of 64 bits has more than 20 digits");
        let labels = [("device", name), ("major", major.as_bytes()), ("minor", minor.as_bytes())];
        let mut table = self.out.table(self.tables[1]);
        table.row_below(self.group, &labels).set_split("blkio", operation, bytes);
    }
}

/// Reads and shows.
pub(super) fn read(visit: &mut Visit<'_>, present: Present, target: &mut Target<'_, '_>) {
    if visit.version() == Version::V2 {
        visit.absorb(IO_STAT, |text| absorb_stat(text, target));
        return;
    }
    for (source, _) in SOURCES.iter().zip(present.0).filter(|(_, present)| *present) {
        let mut found = false;
        visit.absorb(source.bytes, |text| {
            absorb_lines(text, |number, operation, bytes| {
                found = true;
                let Some(name) = target.name(number) else { return };
                let key = key_of(["rbytes", "wbytes", ""], operation);
                if !key.is_empty() {
                    target.set(name, key, bytes);
                }
                target.set_blkio(number, name, operation, bytes);
            })
        });
        if !found {
            continue;
        }
        for (file, keys) in source.rest {
            visit.absorb(*file, |text| {
                absorb_lines(text, |number, operation, value| {
                    let key = key_of(*keys, operation);
                    if let Some(name) = target.name(number).filter(|_| !key.is_empty()) {
                        target.set(name, key, value);
                    }
                })
            });
        }
        return;
    }
}

/// Which of the keys for Read, Write and Total a kind of request has; empty: none.
fn key_of(keys: [&'static str; 3], operation: &[u8]) -> &'static str {
    match operation {
        b"Read" => keys[0],
        b"Write" => keys[1],
        b"Total" => keys[2],
        _ => "",
    }
}

/// "8:0"
fn number_of(word: &[u8]) -> Option<Number> {
    let (major, minor) = split_once(word, b':')?;
    Some((unsigned(major)?, unsigned(minor)?))
}

/// The numbers of io.stat that are shown, by their keys there and here, in the order of the table.
const KEYS: [&str; 8] =
    ["rbytes", "rios", "wbytes", "wios", "cost.usage", "cost.wait", "cost.indebt", "cost.indelay"];

/// io.stat. Returns how many lines and numbers were not understood.
fn absorb_stat(text: &[u8], target: &mut Target<'_, '_>) -> u32 {
    let mut malformed = 0;
    for line in lines(text) {
        let mut device = None;
        let mut values = [None; KEYS.len()];
        for word in words(line) {
            let Some((key, value)) = split_once(word, b'=') else {
                // Of several devices on a line the numbers are the last one's.
                device = number_of(word);
                malformed += u32::from(device.is_none());
                continue;
            };
            if let Some(at) = KEYS.iter().position(|known| known.as_bytes() == key) {
                values[at] = unsigned(value);
                malformed += u32::from(values[at].is_none());
            }
        }
        match device {
            Some(number) => target.show(number, &values),
            None => malformed += u32::from(values != [None; KEYS.len()]),
        }
    }
    malformed
}

/// A file of blkio: calls `each` with device, kind of request and number. Returns how many lines were not understood.
pub(super) fn absorb_lines(text: &[u8], mut each: impl FnMut(Number, &[u8], u64)) -> u32 {
    let mut malformed = 0;
    for line in lines(text) {
        let mut words = words(line);
        let (first, second, third) = (words.next(), words.next(), words.next());
        if first == Some(b"Total") {
            continue;
        }
        match (first.and_then(number_of), second, third.and_then(unsigned)) {
            (Some(number), Some(operation), Some(value)) => each(number, operation, value),
            _ => malformed += 1,
        }
    }
    malformed
}

#[cfg(test)]
mod tests;
