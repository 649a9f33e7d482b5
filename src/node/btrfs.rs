//! Btrfs: `/sys/fs/btrfs/<uuid>` (Documentation/ABI/testing/sysfs-fs-btrfs). What the peer asks by ioctl(2), errors
//! and unused bytes of a device, is not here.

use crate::collect::{Collect, Collector, Pass, Setup, Trouble};
use crate::family::{Family, Table, check, counter, gauge};
use crate::io::{Names, ReadError, Root};
use crate::text::{lines, trim, unsigned, words};

pub const COLLECTOR: Collector = Collector {
    name: "btrfs",
    default: true,
    files: &[],
    tables: &[
        Table::rows("btrfs", |limits| limits.small_devices, 64, FILE_SYSTEM),
        Table::rows("btrfs_info", |limits| limits.small_devices, 640, INFO),
        Table::rows("btrfs_groups", |limits| limits.small_devices * 3, 96, GROUP),
        Table::rows("btrfs_layouts", |limits| limits.small_devices * 4, 128, LAYOUT),
        Table::rows("btrfs_devices", |limits| limits.disks, 128, DEVICE),
    ],
    flags: &[],
    make,
};

const FILE_SYSTEM: &[Family] = &[
    gauge("node_btrfs_global_rsv_size_bytes", "Bytes of the global reserve.").key("global_rsv_size"),
    counter("node_btrfs_commits_total", "Commits of transactions.").key("commits"),
    counter("node_btrfs_commit_seconds_total", "Time that all commits took.")
        .key("total_commit_ms")
        .decimals(3),
    gauge("node_btrfs_last_commit_seconds", "Time that the newest commit took.")
        .key("last_commit_ms")
        .decimals(3),
    gauge("node_btrfs_max_commit_seconds", "Time that the slowest commit took.")
        .key("max_commit_ms")
        .decimals(3),
];
const INFO: &[Family] = &[gauge("node_btrfs_info", "A file system and its label; always 1.")];
const GROUP: &[Family] = &[gauge("node_btrfs_reserved_bytes", "Bytes reserved for block groups of a type.")];
const LAYOUT: &[Family] = &[
    gauge("node_btrfs_size_bytes", "Bytes of block groups of a type and layout.").key("total_bytes"),
    gauge("node_btrfs_used_bytes", "Bytes that are in use of a type and layout.").key("used_bytes"),
    gauge("node_btrfs_allocation_ratio", "Bytes on disks for a byte of data.").key("ratio").float(),
];
const DEVICE: &[Family] =
    &[gauge("node_btrfs_device_size_bytes", "Bytes of a device of the file system.").times(512)];
const _: () = check(FILE_SYSTEM);
const _: () = check(INFO);
const _: () = check(GROUP);
const _: () = check(LAYOUT);
const _: () = check(DEVICE);

const GROUPS: [&str; 3] = ["data", "metadata", "system"];

fn make(setup: &Setup<'_>) -> Box<dyn Collect> {
    Box::new(Btrfs {
        file_systems: Names::with_capacity(setup.limits.small_devices as usize + 8),
        entries: Names::with_capacity(setup.limits.disks as usize + 64),
    })
}

struct Btrfs {
    file_systems: Names,
    entries: Names,
}

const FOLDER: &[u8] = b"fs/btrfs/";

impl Collect for Btrfs {
    fn collect(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        match pass.io.list(Root::Sys, &[b"fs/btrfs"], &mut self.file_systems) {
            // No btrfs in this kernel is no trouble, as with the peer.
            Err(ReadError::Missing) => return Ok(()),
            other => other?,
        }
        if !(0..5).any(|table| pass.out.serves(table)) {
            return Ok(());
        }
        // Beside the file systems there is a folder "features".
        for uuid in self.file_systems.iter().filter(|name| name.contains(&b'-')) {
            set_file_system(uuid, pass);
            let devices = set_devices(uuid, &mut self.entries, pass);
            for group in GROUPS {
                set_group(uuid, group, devices, &mut self.entries, pass);
            }
        }
        Ok(())
    }
}

/// A number of a file; `None`: not there, or malformed, which is counted.
fn number(pass: &mut Pass<'_>, pieces: &[&[u8]]) -> Option<u64> {
    let value = match pass.io.read(Root::Sys, pieces) {
        Ok(text) => unsigned(trim(text)),
        Err(_) => return None,
    };
    if value.is_none() {
        pass.out.malformed();
    }
    value
}

fn set_file_system(uuid: &[u8], pass: &mut Pass<'_>) {
    let reserve = number(pass, &[FOLDER, uuid, b"/allocation/global_rsv_size"]);
    if let Some(reserve) = reserve {
        pass.out.table(0).row(&[("uuid", uuid)]).set("global_rsv_size", reserve);
    }
    // Lines "commits 3" and so on, since Linux 5.18.
    if let Ok(text) = pass.io.read(Root::Sys, &[FOLDER, uuid, b"/commit_stats"]) {
        let mut malformed = 0_u64;
        let mut table = pass.out.table(0);
        let mut row = table.row(&[("uuid", uuid)]);
        for line in lines(text) {
            let mut words = words(line);
            match (words.next(), words.next().and_then(unsigned)) {
                (Some(key), Some(value)) => {
                    row.set(key, value);
                }
                _ => malformed += 1,
            }
        }
        pass.out.malformed_by(malformed);
    }
    if let Ok(label) = pass.io.read(Root::Sys, &[FOLDER, uuid, b"/label"]) {
        pass.out.table(1).row(&[("label", trim(label)), ("uuid", uuid)]).set("", 1);
    }
}

/// The number of devices.
fn set_devices(uuid: &[u8], entries: &mut Names, pass: &mut Pass<'_>) -> usize {
    if pass.io.list(Root::Sys, &[FOLDER, uuid, b"/devices"], entries).is_err() {
        return 0;
    }
    for device in entries.iter() {
        if let Some(sectors) = number(pass, &[FOLDER, uuid, b"/devices/", device, b"/size"]) {
            pass.out.table(4).row(&[("device", device), ("uuid", uuid)]).set("", sectors);
        }
    }
    entries.len()
}

fn set_group(uuid: &[u8], group: &str, devices: usize, entries: &mut Names, pass: &mut Pass<'_>) {
    let kind = group.as_bytes();
    if let Some(bytes) = number(pass, &[FOLDER, uuid, b"/allocation/", kind, b"/bytes_reserved"]) {
        pass.out.table(2).row(&[("block_group_type", kind), ("uuid", uuid)]).set("", bytes);
    }
    if pass.io.list(Root::Sys, &[FOLDER, uuid, b"/allocation/", kind], entries).is_err() {
        return;
    }
    for layout in entries.iter() {
        let Some(ratio) = ratio(layout, devices) else { continue };
        let mut read = |file: &[u8]| number(pass, &[FOLDER, uuid, b"/allocation/", kind, b"/", layout, file]);
        let (total, used) = (read(b"/total_bytes"), read(b"/used_bytes"));
        let mut table = pass.out.table(3);
        let mut row = table.row(&[("block_group_type", kind), ("mode", layout), ("uuid", uuid)]);
        if let Some(total) = total {
            row.set("total_bytes", total);
        }
        if let Some(used) = used {
            row.set("used_bytes", used);
        }
        if let Ratio::Known(ratio) = ratio {
            row.set_float("ratio", ratio);
        }
    }
}

enum Ratio {
    Known(f64),
    /// Parity on too few devices: the file system is degraded, or its devices cannot be listed.
    Unknown,
}

/// Bytes on disks for a byte of data; `None`: no layout.
fn ratio(layout: &[u8], devices: usize) -> Option<Ratio> {
    let with_parity = |parity: usize| match u32::try_from(devices) {
        Ok(all) if devices > parity => {
            let data = u32::try_from(devices - parity).unwrap_or(all);
            Ratio::Known(f64::from(all) / f64::from(data))
        }
        _ => Ratio::Unknown,
    };
    Some(match layout {
        b"single" | b"raid0" => Ratio::Known(1.0),
        b"dup" | b"raid1" | b"raid10" => Ratio::Known(2.0),
        b"raid1c3" => Ratio::Known(3.0),
        b"raid1c4" => Ratio::Known(4.0),
        b"raid5" => with_parity(1),
        b"raid6" => with_parity(2),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use crate::node::testing::check;

    #[test]
    fn a_file_system_has_groups_and_devices() {
        check(
            "btrfs",
            &[
                ("sys/fs/btrfs/features/raid56", "0\n"),
                ("sys/fs/btrfs/a-b/label", "data\n"),
                ("sys/fs/btrfs/a-b/commit_stats", "commits 3\nlast_commit_ms 1500\nmax_commit_ms x\nnew 1\n"),
                ("sys/fs/btrfs/a-b/allocation/global_rsv_size", "16777216\n"),
                ("sys/fs/btrfs/a-b/allocation/data/bytes_reserved", "4096\n"),
                ("sys/fs/btrfs/a-b/allocation/data/disk_used", "1\n"),
                ("sys/fs/btrfs/a-b/allocation/data/raid5/total_bytes", "100\n"),
                ("sys/fs/btrfs/a-b/allocation/data/raid5/used_bytes", "50\n"),
                ("sys/fs/btrfs/a-b/allocation/metadata/raid6/used_bytes", "7\n"),
                ("sys/fs/btrfs/a-b/allocation/system/raid1c3/used_bytes", "-7\n"),
                ("sys/fs/btrfs/a-b/devices/sdb/size", "20971520\n"),
                ("sys/fs/btrfs/a-b/devices/sdc/size", "x\n"),
            ],
            r#"node_btrfs_global_rsv_size_bytes{uuid="a-b"} 16777216
               node_btrfs_commits_total{uuid="a-b"} 3
               node_btrfs_last_commit_seconds{uuid="a-b"} 1.5
               node_btrfs_info{label="data",uuid="a-b"} 1
               node_btrfs_reserved_bytes{block_group_type="data",uuid="a-b"} 4096
               node_btrfs_size_bytes{block_group_type="data",mode="raid5",uuid="a-b"} 100
               node_btrfs_used_bytes{block_group_type="data",mode="raid5",uuid="a-b"} 50
               node_btrfs_used_bytes{block_group_type="metadata",mode="raid6",uuid="a-b"} 7
               node_btrfs_allocation_ratio{block_group_type="data",mode="raid5",uuid="a-b"} 2
               node_btrfs_allocation_ratio{block_group_type="system",mode="raid1c3",uuid="a-b"} 3
               node_btrfs_device_size_bytes{device="sdb",uuid="a-b"} 10737418240"#,
        );
        check("btrfs", &[], "");
    }
}
