//! The files of control groups that are read, each in one line: what it is called with either version, whether it is
//! held open, and which numbers need it.

use crate::io::groups::{GroupFile, Hold};
use crate::store::Out;

/// Declares the files once: constant, controller, name with v1, name with v2, and the keys of the families that need
/// it; `limit` files are watched instead of being read in every pass.
macro_rules! files {
    ($($(#[doc = $doc:literal])* $name:ident: $controller:literal $v1:literal $v2:literal $kind:ident for $keys:expr;)+) => {
        #[expect(non_camel_case_types, clippy::upper_case_acronyms, reason = "the names of the constants below")]
        enum Place { $($name,)+ }

        $($(#[doc = $doc])* pub(super) const $name: usize = Place::$name as usize;)+

        /// Every file, by the place by which it is read.
        pub const FILES: &[GroupFile] = &[$(kind::$kind($controller, $v1, $v2),)+];

        /// The keys of the families that need a file.
        const NEEDED_FOR: [&[&str]; FILES.len()] = [$(&$keys,)+];
    };
}

files! {
    /// With v1 throttling only.
    CPU_STAT: "cpu" "cpu.stat" "cpu.stat" hot for ["cpu usage", "cpu user", "cpu system", "cfs periods", "cfs throttled", "cfs throttled time", "cfs bursts", "cfs burst time"];
    CPU_USAGE: "cpuacct" "cpuacct.usage" "" hot for ["cpu usage"];
    CPU_TICKS: "cpuacct" "cpuacct.stat" "" hot for ["cpu user", "cpu system"];
    MEMORY_STAT: "memory" "memory.stat" "memory.stat" hot for ["cache", "rss", "mapped", "swap", "usage", "working set", "active file", "inactive file", "failures"];
    MEMORY_USAGE: "memory" "memory.usage_in_bytes" "memory.current" hot for ["usage", "working set"];
    MEMORY_SWAP: "memory" "" "memory.swap.current" hot for ["swap"];
    OOM_CONTROL: "memory" "memory.oom_control" "" hot for ["oom events"];
    IO_STAT: "io" "" "io.stat" hot for IO;
    /// What the block layer has let through.
    THROTTLE_BYTES: "blkio" "blkio.throttle.io_service_bytes_recursive" "" hot for IO;
    THROTTLE_OPERATIONS: "blkio" "blkio.throttle.io_serviced_recursive" "" hot for IO;
    THROTTLE_BYTES_ALONE: "blkio" "blkio.throttle.io_service_bytes" "" warm for IO;
    THROTTLE_OPERATIONS_ALONE: "blkio" "blkio.throttle.io_serviced" "" warm for IO;
    /// What schedulers have done; some of it only if the kernel was built to say so.
    BFQ_BYTES: "blkio" "blkio.bfq.io_service_bytes_recursive" "" warm for IO;
    BFQ_OPERATIONS: "blkio" "blkio.bfq.io_serviced_recursive" "" warm for IO;
    BFQ_TIME: "blkio" "blkio.bfq.io_service_time_recursive" "" warm for IO;
    BFQ_MERGED: "blkio" "blkio.bfq.io_merged_recursive" "" warm for IO;
    BFQ_QUEUED: "blkio" "blkio.bfq.io_queued_recursive" "" warm for IO;
    CFQ_BYTES: "blkio" "blkio.io_service_bytes_recursive" "" warm for IO;
    CFQ_OPERATIONS: "blkio" "blkio.io_serviced_recursive" "" warm for IO;
    CFQ_TIME: "blkio" "blkio.io_service_time_recursive" "" warm for IO;
    CFQ_MERGED: "blkio" "blkio.io_merged_recursive" "" warm for IO;
    CFQ_QUEUED: "blkio" "blkio.io_queued_recursive" "" warm for IO;
    MEMORY_PEAK: "memory" "memory.max_usage_in_bytes" "memory.peak" warm for ["max usage"];
    MEMORY_FAILURES: "memory" "memory.failcnt" "" warm for ["failcnt"];
    MEMORY_KERNEL: "memory" "memory.kmem.usage_in_bytes" "" warm for ["kernel usage"];
    CPU_PRESSURE: "cpu" "" "cpu.pressure" warm for ["cpu full", "cpu some"];
    MEMORY_PRESSURE: "memory" "" "memory.pressure" warm for ["memory full", "memory some"];
    IO_PRESSURE: "io" "" "io.pressure" warm for ["io full", "io some"];
    TASKS: "pids" "pids.current" "pids.current" warm for ["threads"];
    /// The processes of the group itself, without those of groups below it.
    PROCESSES: "cpu" "cgroup.procs" "cgroup.procs" warm for ["receive_bytes", "processes", "file descriptors", "sockets", "threads", "ulimits"];
    CPU_PERIOD: "cpu" "cpu.cfs_period_us" "" limit for ["period"];
    /// With v2 quota and period; numbers about throttling are shown where there is a quota.
    CPU_QUOTA: "cpu" "cpu.cfs_quota_us" "cpu.max" limit for ["quota", "period", "cfs periods", "cfs throttled", "cfs throttled time", "cfs bursts", "cfs burst time"];
    CPU_SHARES: "cpu" "cpu.shares" "cpu.weight" limit for ["shares"];
    MEMORY_LIMIT: "memory" "memory.limit_in_bytes" "memory.max" limit for ["memory limit", "swap limit", "reservation"];
    MEMORY_SWAP_LIMIT: "memory" "memory.memsw.limit_in_bytes" "memory.swap.max" limit for ["swap limit"];
    MEMORY_RESERVATION: "memory" "memory.soft_limit_in_bytes" "memory.min" limit for ["reservation"];
    MEMORY_HIERARCHY: "memory" "memory.use_hierarchy" "" limit for ["cache", "rss", "mapped", "swap"];
    /// No limit, but the kernel tells when it changes as if somebody had written it.
    MEMORY_EVENTS: "memory" "" "memory.events" limit for ["oom events"];
    TASKS_MAX: "pids" "pids.max" "pids.max" limit for ["threads max"];
}

/// Any I/O of a group.
const IO: [&str; 5] = ["rbytes", "wbytes", "rios", "wios", "blkio"];

/// How a file is treated.
mod kind {
    use super::{GroupFile, Hold};

    pub const fn hot(controller: &'static str, v1: &'static str, v2: &'static str) -> GroupFile {
        GroupFile { controller, v1, v2, hold: Hold::Hot, watch: false }
    }

    pub const fn warm(controller: &'static str, v1: &'static str, v2: &'static str) -> GroupFile {
        GroupFile { controller, v1, v2, hold: Hold::Warm, watch: false }
    }

    pub const fn limit(controller: &'static str, v1: &'static str, v2: &'static str) -> GroupFile {
        GroupFile { controller, v1, v2, hold: Hold::Never, watch: true }
    }
}

/// Which files the profile needs.
pub(super) type Needed = [bool; FILES.len()];

/// Asks the tables which of their families are served.
pub(super) fn needed(out: &Out<'_>, tables: usize) -> Needed {
    NEEDED_FOR.map(|keys| keys.iter().any(|key| (0..tables).any(|table| out.wants(table, key))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container::COLLECTORS;
    use crate::family::Families;

    #[test]
    fn every_key_is_one_of_a_family() {
        let tables = COLLECTORS.iter().flat_map(|collector| collector.tables);
        let families = tables.flat_map(|table| match table.families {
            Families::Static(families) => families,
            Families::Named { .. } => &[],
        });
        let known: Vec<&str> = families.map(|family| family.key).collect();
        for key in NEEDED_FOR.iter().flat_map(|keys| keys.iter()) {
            assert!(known.contains(key), "no family has the key {key:?}");
        }
    }
}
