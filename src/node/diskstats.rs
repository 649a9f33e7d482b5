//! Block devices: `/proc/diskstats`, what udev knows of them, and whether they rotate.

use crate::base::clock::Monotonic;
use crate::base::text::Text;
use crate::collect::{Collect, Collector, Pass, Setup, Trouble};
use crate::family::{Family, Table, check, counter, gauge};
use crate::filter::NameFilter;
use crate::flags::{Flag, FlagKind};
use crate::io::{FileSpec, Io, Root};
use crate::store::write_labels;
use crate::text::diskstats::{self, device, numbers};
use crate::text::{float, lines, split_once, trim};
use std::fmt::Write;
use std::time::Duration;

pub const COLLECTOR: Collector = Collector {
    name: "diskstats",
    default: true,
    files: &[FileSpec::proc("diskstats", |limits| diskstats::bytes_max(limits.disks))],
    tables: &[
        Table::rows("disks", |limits| limits.disks, 64, DISK),
        Table::rows("disk_info", |limits| limits.disks, INFO_BYTES, INFO),
        Table::rows("disk_filesystem_info", |limits| limits.disks, INFO_BYTES, FILESYSTEM),
        Table::rows("disk_device_mapper_info", |limits| limits.disks, INFO_BYTES, MAPPER),
        Table::rows("disk_ata", |limits| limits.disks, 64, ATA),
    ],
    flags: &[
        Flag {
            name: EXCLUDE,
            kind: FlagKind::Regex,
            default: r"^(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$",
            help: "Block devices that are left out.",
        },
        Flag {
            name: INCLUDE,
            kind: FlagKind::Regex,
            default: "",
            help: "The only block devices that are shown.",
        },
        Flag {
            name: "collector.diskstats.ignored-devices",
            kind: FlagKind::Alias { of: EXCLUDE, words: &[] },
            default: "",
            help: "",
        },
    ],
    make,
};

const EXCLUDE: &str = "collector.diskstats.device-exclude";
const INCLUDE: &str = "collector.diskstats.device-include";

const INFO_BYTES: u16 = 640;

/// A counter whose key is its place in the line.
const fn count(key: &'static str, name: &'static str, help: &'static str) -> Family {
    counter(name, help).key(key).essential()
}

/// Sectors are 512 bytes here, whatever the device says.
const fn sectors(key: &'static str, name: &'static str, help: &'static str) -> Family {
    count(key, name, help).times(512)
}

const fn millis(key: &'static str, name: &'static str, help: &'static str) -> Family {
    count(key, name, help).decimals(3)
}

/// In the order of the line, which is the order of [`KEYS`].
const DISK: &[Family] = &[
    count("reads", "node_disk_reads_completed_total", "Reads that were completed."),
    count("reads_merged", "node_disk_reads_merged_total", "Reads that were merged into a neighbour."),
    sectors("read_sectors", "node_disk_read_bytes_total", "Bytes read."),
    millis("read_ms", "node_disk_read_time_seconds_total", "Time that reads took, summed over reads."),
    count("writes", "node_disk_writes_completed_total", "Writes that were completed."),
    count("writes_merged", "node_disk_writes_merged_total", "Writes that were merged into a neighbour."),
    sectors("written_sectors", "node_disk_written_bytes_total", "Bytes written."),
    millis("write_ms", "node_disk_write_time_seconds_total", "Time that writes took, summed over writes."),
    gauge("node_disk_io_now", "Requests in flight.").key("io_now").essential(),
    millis("io_ms", "node_disk_io_time_seconds_total", "Time during which requests were in flight."),
    millis(
        "weighted_ms",
        "node_disk_io_time_weighted_seconds_total",
        "Time in flight, weighted by the number of requests.",
    ),
    count("discards", "node_disk_discards_completed_total", "Discards that were completed."),
    count("discards_merged", "node_disk_discards_merged_total", "Discards merged into a neighbour."),
    count("discarded_sectors", "node_disk_discarded_sectors_total", "Sectors of 512 bytes discarded."),
    millis("discard_ms", "node_disk_discard_time_seconds_total", "Time that discards took, summed."),
    count("flushes", "node_disk_flush_requests_total", "Flushes that were completed."),
    millis("flush_ms", "node_disk_flush_requests_time_seconds_total", "Time that flushes took, summed."),
];
const _: () = check(DISK);

/// The numbers after the device's name.
const KEYS: [&str; diskstats::NUMBERS_MAX] = [
    "reads",
    "reads_merged",
    "read_sectors",
    "read_ms",
    "writes",
    "writes_merged",
    "written_sectors",
    "write_ms",
    "io_now",
    "io_ms",
    "weighted_ms",
    "discards",
    "discards_merged",
    "discarded_sectors",
    "discard_ms",
    "flushes",
    "flush_ms",
];

const INFO: &[Family] = &[gauge("node_disk_info", "A block device and what udev calls it; always 1.")];
const FILESYSTEM: &[Family] =
    &[gauge("node_disk_filesystem_info", "The file system that udev found on a block device; always 1.")];
const MAPPER: &[Family] =
    &[gauge("node_disk_device_mapper_info", "A device mapper device and its logical volume; always 1.")];
const ATA: &[Family] = &[
    gauge("node_disk_ata_write_cache", "Does the ATA disk have a write cache?")
        .key("ID_ATA_WRITE_CACHE")
        .float(),
    gauge("node_disk_ata_write_cache_enabled", "Is the write cache of the ATA disk on?")
        .key("ID_ATA_WRITE_CACHE_ENABLED")
        .float(),
    gauge(
        "node_disk_ata_rotation_rate_rpm",
        "Turns per minute of the ATA disk; 0 for one that does not turn.",
    )
    .key("ID_ATA_ROTATION_RATE_RPM")
    .float(),
];
const _: () = check(INFO);
const _: () = check(FILESYSTEM);
const _: () = check(MAPPER);
const _: () = check(ATA);

/// How long properties are believed before they are read again.
const PROPERTIES_AGE: Duration = Duration::from_secs(60);
/// A file of udev's database has the links of a device too, hundreds with multipath.
const UDEV_BYTES: usize = 64 * 1024;

fn make(setup: &Setup<'_>) -> Box<dyn Collect> {
    Box::new(Diskstats {
        filter: NameFilter::new(setup.flags, INCLUDE, EXCLUDE),
        disks: Vec::with_capacity(setup.limits.disks as usize),
        disks_max: setup.limits.disks as usize,
        next: 0,
        buffer: Vec::with_capacity(UDEV_BYTES),
    })
}

struct Diskstats {
    filter: NameFilter,
    /// What is known of each disk besides its counters.
    disks: Vec<Disk>,
    disks_max: usize,
    /// Disks come in the same order every pass: the one after the last found is tried first.
    next: usize,
    buffer: Vec<u8>,
}

/// Labels of a disk as text, so that a pass only compares them.
struct Disk {
    name: Text<32>,
    major: u64,
    minor: u64,
    read: Monotonic,
    seen: bool,
    info: Text<{ INFO_BYTES as usize }>,
    filesystem: Text<{ INFO_BYTES as usize }>,
    mapper: Text<{ INFO_BYTES as usize }>,
    ata: [Option<f64>; 3],
}

impl Collect for Diskstats {
    fn collect(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        let text = pass.files.get(0)?;
        let with_info = (1..5).any(|table| pass.out.serves(table));
        self.next = 0;
        for line in lines(text) {
            let Some((major, minor, name, rest)) = device(line) else {
                pass.out.malformed();
                continue;
            };
            if !self.filter.keeps(name) {
                continue;
            }
            if !set_numbers(name, rest, pass) {
                pass.out.malformed();
            } else if with_info {
                self.set_info(major, minor, name, pass);
            }
        }
        self.disks.retain_mut(|disk| std::mem::take(&mut disk.seen));
        Ok(())
    }
}

/// `false`: a number is missing or not understood, and nothing is set.
fn set_numbers<'a>(name: &[u8], words: impl Iterator<Item = &'a [u8]>, pass: &mut Pass<'_>) -> bool {
    let Some(numbers) = numbers(words) else { return false };
    let mut disks = pass.out.table(0);
    let mut row = disks.row(&[("device", name)]);
    for (key, number) in KEYS.iter().zip(numbers.as_slice()) {
        row.set(key, *number);
    }
    true
}

impl Diskstats {
    fn set_info(&mut self, major: u64, minor: u64, name: &[u8], pass: &mut Pass<'_>) {
        let Some(at) = self.find(major, minor, name) else { return };
        self.next = at + 1;
        let disk = &mut self.disks[at];
        disk.seen = true;
        let age = pass.now.monotonic.since(disk.read);
        if disk.info.is_empty() || age >= PROPERTIES_AGE {
            disk.read = pass.now.monotonic;
            if disk.read_properties(pass.io, &mut self.buffer).is_none() {
                // Labels that do not fit are no labels; the disk is asked again in the next pass.
                pass.out.malformed();
            }
        }
        for (table, labels) in [(1, &disk.info), (2, &disk.filesystem), (3, &disk.mapper)] {
            if !labels.is_empty() {
                pass.out.table(table).row_raw(labels.as_bytes()).set("", 1);
            }
        }
        if disk.ata.iter().any(Option::is_some) {
            let mut table = pass.out.table(4);
            let mut row = table.row(&[("device", name)]);
            for (family, value) in ATA.iter().zip(disk.ata) {
                if let Some(value) = value {
                    row.set_float(family.key, value);
                }
            }
        }
    }

    /// The place of a disk, made if need be; `None`: the list is full, which the table of disks counts too.
    fn find(&mut self, major: u64, minor: u64, name: &[u8]) -> Option<usize> {
        let is = |disk: &Disk| disk.major == major && disk.minor == minor && disk.name.as_bytes() == name;
        if self.disks.get(self.next).is_some_and(is) {
            return Some(self.next);
        }
        if let Some(at) = self.disks.iter().position(is) {
            return Some(at);
        }
        if self.disks.len() == self.disks_max {
            return None;
        }
        let mut text = Text::new();
        text.push(name).ok()?;
        self.disks.push(Disk::new(text, major, minor));
        Some(self.disks.len() - 1)
    }
}

/// The properties of udev that become labels; an absent one is an empty label, as with the peer.
#[derive(Default)]
struct Properties<'a> {
    values: [&'a [u8]; PROPERTIES.len()],
}

const PROPERTIES: [&str; 20] = [
    "ID_PATH",
    "ID_WWN",
    "ID_MODEL",
    "SCSI_IDENT_SERIAL",
    "ID_SERIAL_SHORT",
    "ID_SERIAL",
    "ID_REVISION",
    "ID_FS_TYPE",
    "ID_FS_USAGE",
    "ID_FS_UUID",
    "ID_FS_VERSION",
    "DM_NAME",
    "DM_UUID",
    "DM_VG_NAME",
    "DM_LV_NAME",
    "DM_LV_LAYER",
    "ID_ATA",
    "ID_ATA_WRITE_CACHE",
    "ID_ATA_WRITE_CACHE_ENABLED",
    "ID_ATA_ROTATION_RATE_RPM",
];

impl<'a> Properties<'a> {
    /// Lines `E:NAME=value` of a file of udev's database.
    fn parse(text: &'a [u8]) -> Self {
        let mut found = Properties::default();
        for line in lines(text) {
            let Some((name, value)) = line.strip_prefix(b"E:").and_then(|line| split_once(line, b'=')) else {
                continue;
            };
            if let Some(at) = PROPERTIES.iter().position(|known| known.as_bytes() == name) {
                found.values[at] = value;
            }
        }
        found
    }

    fn get(&self, name: &str) -> &'a [u8] {
        PROPERTIES.iter().position(|known| *known == name).map_or(b"", |at| self.values[at])
    }

    /// The serial number on the disk's sticker, if it says one.
    fn serial(&self) -> &'a [u8] {
        let names = ["SCSI_IDENT_SERIAL", "ID_SERIAL_SHORT", "ID_SERIAL"];
        names.into_iter().map(|name| self.get(name)).find(|value| !value.is_empty()).unwrap_or(b"")
    }
}

impl Disk {
    const fn new(name: Text<32>, major: u64, minor: u64) -> Self {
        Disk {
            name,
            major,
            minor,
            read: Monotonic(0),
            seen: false,
            info: Text::new(),
            filesystem: Text::new(),
            mapper: Text::new(),
            ata: [None; 3],
        }
    }

    /// Asks udev's database and sysfs. `None`: some labels do not fit.
    fn read_properties(&mut self, io: &mut dyn Io, buffer: &mut Vec<u8>) -> Option<()> {
        let name = self.name;
        let device = name.as_bytes();
        let rotational: &[u8] = match io.read(Root::Sys, &[b"block/", device, b"/queue/rotational"]) {
            Ok(value) if trim(value) == b"1" => b"1",
            _ => b"0",
        };
        let (mut major, mut minor) = (Text::<20>::new(), Text::<20>::new());
        write!(major, "{}", self.major).ok()?;
        write!(minor, "{}", self.minor).ok()?;
        let file = io.read_into(Root::Udev, &[b"b", major.as_bytes(), b":", minor.as_bytes()], buffer);
        let found = file.map(|()| Properties::parse(buffer)).unwrap_or_default();
        self.info.clear();
        self.filesystem.clear();
        self.mapper.clear();
        self.ata = [None; 3];
        if !found.get("ID_ATA").is_empty() {
            for (slot, family) in self.ata.iter_mut().zip(ATA) {
                *slot = float(found.get(family.key));
            }
        }
        let info = write_labels(
            &mut self.info,
            &[
                ("device", device),
                ("major", major.as_bytes()),
                ("minor", minor.as_bytes()),
                ("model", found.get("ID_MODEL")),
                ("path", found.get("ID_PATH")),
                ("revision", found.get("ID_REVISION")),
                ("rotational", rotational),
                ("serial", found.serial()),
                ("wwn", found.get("ID_WWN")),
            ],
        );
        let filesystem = self.write_filesystem(device, &found);
        let mapper = self.write_mapper(device, &found);
        // What was written before it did not fit is half a label.
        for (written, text) in
            [(info, &mut self.info), (filesystem, &mut self.filesystem), (mapper, &mut self.mapper)]
        {
            if written.is_none() {
                text.clear();
            }
        }
        info.and(filesystem).and(mapper)
    }

    fn write_filesystem(&mut self, device: &[u8], found: &Properties<'_>) -> Option<()> {
        let kind = found.get("ID_FS_TYPE");
        if kind.is_empty() {
            return Some(());
        }
        write_labels(
            &mut self.filesystem,
            &[
                ("device", device),
                ("type", kind),
                ("usage", found.get("ID_FS_USAGE")),
                ("uuid", found.get("ID_FS_UUID")),
                ("version", found.get("ID_FS_VERSION")),
            ],
        )
    }

    fn write_mapper(&mut self, device: &[u8], found: &Properties<'_>) -> Option<()> {
        let name = found.get("DM_NAME");
        if name.is_empty() {
            return Some(());
        }
        write_labels(
            &mut self.mapper,
            &[
                ("device", device),
                ("lv_layer", found.get("DM_LV_LAYER")),
                ("lv_name", found.get("DM_LV_NAME")),
                ("name", name),
                ("uuid", found.get("DM_UUID")),
                ("vg_name", found.get("DM_VG_NAME")),
            ],
        )
    }
}

#[cfg(test)]
mod tests;
