//! How full the file systems of the machine are and what their disks have done: rows of the root control group, in the
//! table that also has the disk I/O of containers.

use super::devices::Devices;
use crate::family::{Family, check, counter, gauge};
use crate::flags::{Flag, FlagKind};
use crate::io::{FileSystem, Io, MountAnswer};
use crate::store::RowOut;
use crate::text::diskstats::Numbers;

pub const MOUNTS: &str = "container.mounts";

pub const MOUNTS_FLAG: Flag = Flag {
    name: MOUNTS,
    kind: FlagKind::OneOf(&["host", "all"]),
    default: "host",
    help: "File systems of the root control group: those of the host, as a kubelet shows that started before its \
        pods, or also each that is mounted for a single container or pod (overlay and tmpfs).",
};

/// A time; control groups count nanoseconds.
const fn nanos(key: &'static str, name: &'static str, help: &'static str) -> Family {
    counter(name, help).key(key).decimals(9)
}

/// What blk-iocost counts, in microseconds.
const fn cost(key: &'static str, name: &'static str, help: &'static str) -> Family {
    counter(name, help).key(key).decimals(6)
}

/// Labels of a row, after those of its control group: `device`.
pub const FAMILIES: &[Family] = &[
    gauge("container_fs_inodes_free", "Inodes of the file system that nobody uses.")
        .key("inodes_free")
        .essential(),
    gauge("container_fs_inodes_total", "Inodes that the file system can hold.")
        .key("inodes_total")
        .essential(),
    gauge("container_fs_limit_bytes", "Bytes that the file system can hold.").key("limit").essential(),
    gauge("container_fs_usage_bytes", "Bytes of the file system that are in use.").key("usage").essential(),
    counter("container_fs_reads_bytes_total", "Bytes read from the device.").key("rbytes").essential(),
    counter("container_fs_reads_total", "Reads that were completed.").key("rios").essential(),
    counter("container_fs_sector_reads_total", "Sectors of 512 bytes read.").key("read_sectors"),
    counter("container_fs_reads_merged_total", "Reads that were merged into a neighbour.")
        .key("reads_merged"),
    nanos("read_ns", "container_fs_read_seconds_total", "Time that reads took, summed over reads."),
    counter("container_fs_writes_bytes_total", "Bytes written to the device.").key("wbytes").essential(),
    counter("container_fs_writes_total", "Writes that were completed.").key("wios").essential(),
    counter("container_fs_sector_writes_total", "Sectors of 512 bytes written.").key("written_sectors"),
    counter("container_fs_writes_merged_total", "Writes that were merged into a neighbour.")
        .key("writes_merged"),
    nanos("write_ns", "container_fs_write_seconds_total", "Time that writes took, summed over writes."),
    gauge("container_fs_io_current", "Requests in flight.").key("io_current"),
    nanos(
        "io_ns",
        "container_fs_io_time_seconds_total",
        "Time during which requests were in flight; of a container, time that its requests took.",
    )
    .essential(),
    nanos(
        "weighted_ns",
        "container_fs_io_time_weighted_seconds_total",
        "Time in flight, weighted by the number of requests.",
    ),
    cost(
        "cost.usage",
        "container_fs_io_cost_usage_seconds_total",
        "Device time that blk-iocost has charged.",
    ),
    cost("cost.wait", "container_fs_io_cost_wait_seconds_total", "Time that I/O waited for its turn."),
    cost("cost.indebt", "container_fs_io_cost_indebt_seconds_total", "Time spent in debt of device time."),
    cost(
        "cost.indelay",
        "container_fs_io_cost_indelay_seconds_total",
        "Time for which debtors were held up.",
    ),
];
const _: () = check(FAMILIES);

const NANOS_PER_MILLI: u64 = 1_000_000;

/// Begins to ask each file system how full it is.
pub fn request(devices: &Devices, io: &mut dyn Io) {
    let mounts = devices.mounts();
    for mount in mounts.iter() {
        io.ask_mount(mounts.point(mount), mounts.medium(mount));
    }
}

/// Calls `set` with each file system that has answered: its label `device`, how full it is, and what its disk has done.
/// One that hangs or refuses has no series.
pub fn collect(
    devices: &Devices,
    io: &mut dyn Io,
    mut set: impl FnMut(&[u8], &FileSystem, Option<&Numbers>),
) {
    let mounts = devices.mounts();
    for mount in mounts.iter() {
        if let MountAnswer::Known(known) = io.mount(mounts.point(mount)) {
            set(mounts.device(mount), &known, devices.counted(mount));
        }
    }
}

/// Sets what is known of a file system. Those that no disk is below, as tmpfs, have done nothing: the peer shows 0.
/// To be set before the I/O of control groups, whose numbers count where both have some.
pub fn set(row: &mut RowOut<'_>, known: &FileSystem, disk: Option<&Numbers>) {
    row.set("inodes_free", known.files_free);
    row.set("inodes_total", known.files);
    row.set("limit", known.size);
    row.set("usage", known.size.saturating_sub(known.free));
    let number = |at: usize| disk.map_or(0, |disk| disk.as_slice().get(at).copied().unwrap_or(0));
    // The kernel counts milliseconds in diskstats.
    let nanos = |at| number(at).saturating_mul(NANOS_PER_MILLI);
    row.set("rios", number(0));
    row.set("read_sectors", number(2));
    row.set("reads_merged", number(1));
    row.set("read_ns", nanos(3));
    row.set("wios", number(4));
    row.set("written_sectors", number(6));
    row.set("writes_merged", number(5));
    row.set("write_ns", nanos(7));
    row.set("io_current", number(8));
    row.set("io_ns", nanos(9));
    row.set("weighted_ns", nanos(10));
}
