//! What a group may use: quota and shares of the CPU, limits of memory. They change when somebody writes them.

use super::files::{
    CPU_PERIOD, CPU_QUOTA, CPU_SHARES, MEMORY_HIERARCHY, MEMORY_LIMIT, MEMORY_RESERVATION, MEMORY_SWAP_LIMIT,
    TASKS_MAX,
};
use super::memory;
use super::visit::{Machine, Visit};
use crate::family::{Family, check, gauge};
use crate::io::groups::Version;
use crate::store::RowOut;
use crate::text::{trim, unsigned, words};

pub(super) const FAMILIES: &[Family] = &[
    gauge("container_spec_cpu_period", "Length of a period of the CPU quota, in microseconds.")
        .key("period")
        .essential(),
    gauge("container_spec_cpu_quota", "CPU time that may be used in a period, in microseconds.")
        .key("quota")
        .essential(),
    gauge("container_spec_cpu_shares", "Weight among groups that want the same CPU.")
        .key("shares")
        .essential(),
    gauge("container_spec_memory_limit_bytes", "Memory that may be used; 0: no limit.")
        .key("memory limit")
        .essential(),
    gauge(
        "container_spec_memory_swap_limit_bytes",
        "Swap space that may be used, with cgroup v1 together with memory; 0: no limit.",
    )
    .key("swap limit"),
    gauge(
        "container_spec_memory_reservation_limit_bytes",
        "Memory that is left to the group as long as possible.",
    )
    .key("reservation")
    .essential(),
];
const _: () = check(FAMILIES);

/// Limits above this are none.
const NO_LIMIT: u64 = 1 << 62;

/// What the files say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Limits {
    period: Option<u64>,
    /// `None`: no quota.
    quota: Option<u64>,
    shares: Option<u64>,
    memory: Option<u64>,
    swap: Option<u64>,
    reservation: Option<u64>,
    /// v2: OOM kills, which are read as seldom.
    pub kills: Option<u64>,
    /// 0: no limit.
    pub threads: Option<u64>,
    /// v1: the numbers of the group include those of the groups below it.
    pub with_children: bool,
}

impl Limits {
    /// Does the group have a CPU quota?
    pub const fn has_quota(&self) -> bool {
        self.quota.is_some()
    }

    pub fn read(visit: &mut Visit<'_>) -> Self {
        let mut limits = Limits { memory: limit(visit, MEMORY_LIMIT), ..Limits::default() };
        limits.reservation = limit(visit, MEMORY_RESERVATION);
        limits.swap = limit(visit, MEMORY_SWAP_LIMIT);
        limits.threads = limit(visit, TASKS_MAX).map(shown);
        match visit.version() {
            Version::V1 => {
                limits.period = visit.number(CPU_PERIOD);
                visit.absorb(CPU_QUOTA, |text| absorb_quota(text, &mut limits.quota));
                limits.shares = visit.number(CPU_SHARES);
                limits.with_children = visit.number(MEMORY_HIERARCHY) != Some(0);
            }
            Version::V2 => {
                visit.absorb(CPU_QUOTA, |text| absorb_max(text, &mut limits));
                limits.shares = visit.number(CPU_SHARES).map(shares);
                limits.kills = memory::kills(visit);
            }
        }
        if visit.is_root() {
            limits.complete_root(visit.version());
        }
        limits
    }

    /// The root of v2 has no limits and therefore no files that say so.
    fn complete_root(&mut self, version: Version) {
        if version == Version::V2 {
            (self.period, self.shares) = (Some(0), Some(0));
            self.reservation = Some(0);
        }
        self.threads = Some(0);
        // The root's memory is the machine's.
        (self.memory, self.swap) = (None, None);
    }

    pub fn show(&self, machine: &Machine, root: bool, row: &mut RowOut<'_>) {
        row.set_some("period", self.period);
        row.set_some("quota", self.quota);
        row.set_some("shares", self.shares);
        if root {
            row.set_some("memory limit", machine.memory);
            row.set_some("swap limit", machine.swap);
            row.set_some("reservation", self.reservation.map(shown));
            return;
        }
        let Some(memory) = self.memory else { return };
        let memory = if memory == 0 { machine.memory } else { Some(shown(memory)) };
        row.set_some("memory limit", memory);
        // Swap is not limited where the kernel does not count it.
        row.set("swap limit", self.swap.map_or(0, shown));
        row.set_some("reservation", self.reservation.map(shown));
    }
}

/// "No limit" is 0 on the page.
const fn shown(limit: u64) -> u64 {
    if limit > NO_LIMIT { 0 } else { limit }
}

/// A number of bytes, or "max".
fn limit(visit: &mut Visit<'_>, file: usize) -> Option<u64> {
    let mut limit = None;
    visit.absorb(file, |text| {
        limit = if trim(text) == b"max" { Some(u64::MAX) } else { unsigned(trim(text)) };
        u32::from(limit.is_none())
    });
    limit
}

/// cpu.cfs_quota_us: a number, or -1 for no quota. Returns how many lines were not understood.
pub(super) fn absorb_quota(text: &[u8], quota: &mut Option<u64>) -> u32 {
    *quota = unsigned(trim(text)).filter(|quota| *quota > 0);
    u32::from(quota.is_none() && !matches!(trim(text), b"-1" | b"0" | b""))
}

/// cpu.max: quota and period; a quota of "max" is none. Returns how many lines were not understood.
pub(super) fn absorb_max(text: &[u8], limits: &mut Limits) -> u32 {
    let mut words = words(text);
    let quota = words.next().unwrap_or(b"");
    limits.quota = unsigned(quota).filter(|quota| *quota > 0);
    limits.period = words.next().and_then(unsigned);
    u32::from(limits.period.is_none() || (limits.quota.is_none() && !matches!(quota, b"max" | b"0")))
}

/// The shares of v1 for a weight of v2, as runtimes converted them when v2 was new. Newer ones convert by a curve, so
/// that this gives them back changed; the peer does the same.
const fn shares(weight: u64) -> u64 {
    2 + weight.saturating_sub(1).saturating_mul(262_142) / 9_999
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container::testing::{check_root_v1, check_root_v2, check_v1, check_v2};

    const ALL: &str = "container_spec";

    #[test]
    fn v1_has_a_file_for_each() {
        let files = [
            ("cpu/cpu.cfs_period_us", "100000\n"),
            ("cpu/cpu.cfs_quota_us", "20000\n"),
            ("cpu/cpu.shares", "2\n"),
            ("memory/memory.limit_in_bytes", "16777216\n"),
            ("memory/memory.memsw.limit_in_bytes", "16777217\n"),
            ("memory/memory.soft_limit_in_bytes", "9223372036854771712\n"),
        ];
        let rest = "container_spec_cpu_shares 2
             container_spec_memory_limit_bytes 16777216
             container_spec_memory_reservation_limit_bytes 0
             container_spec_memory_swap_limit_bytes 16777217";
        let period = "container_spec_cpu_period 100000";
        check_v1(ALL, &files, &format!("{period}\ncontainer_spec_cpu_quota 20000\n{rest}"));
        let mut without = files;
        without[1].1 = "-1\n";
        check_v1(ALL, &without, &format!("{period}\n{rest}"));
    }

    #[test]
    fn v2_has_max() {
        check_v2(
            ALL,
            &[
                ("cpu.max", "max 100000\n"),
                ("cpu.weight", "100\n"),
                ("memory.max", "max\n"),
                ("memory.min", "4096\n"),
                ("memory.swap.max", "0\n"),
            ],
            "container_spec_cpu_period 100000
             container_spec_cpu_shares 2597
             container_spec_memory_limit_bytes 0
             container_spec_memory_reservation_limit_bytes 4096
             container_spec_memory_swap_limit_bytes 0",
        );
        check_v2(
            ALL,
            &[("cpu.max", "20000 100000\n"), ("memory.max", "0\n")],
            "container_spec_cpu_period 100000
             container_spec_cpu_quota 20000
             container_spec_memory_limit_bytes 8589934592
             container_spec_memory_swap_limit_bytes 0",
        );
        // Without the controller of memory nothing is known of memory.
        check_v2(ALL, &[("memory.swap.max", "1\n"), ("memory.min", "1\n")], "");
    }

    #[test]
    fn the_root_has_the_memory_of_the_machine() {
        let memory = "container_spec_memory_limit_bytes 8589934592
             container_spec_memory_reservation_limit_bytes 0
             container_spec_memory_swap_limit_bytes 1073741824";
        check_root_v2(
            ALL,
            &[],
            &format!("container_spec_cpu_period 0\ncontainer_spec_cpu_shares 0\n{memory}"),
        );
        check_root_v1(
            ALL,
            &[
                ("cpu/cpu.cfs_period_us", "100000\n"),
                ("cpu/cpu.cfs_quota_us", "-1\n"),
                ("cpu/cpu.shares", "1024\n"),
                ("memory/memory.limit_in_bytes", "9223372036854771712\n"),
                ("memory/memory.soft_limit_in_bytes", "9223372036854771712\n"),
            ],
            &format!("container_spec_cpu_period 100000\ncontainer_spec_cpu_shares 1024\n{memory}"),
        );
    }

    #[test]
    fn a_limit_at_the_border_is_one() {
        let limit = |text: &str| (shown(unsigned(text.as_bytes()).unwrap()), text.to_owned());
        assert_eq!(limit("4611686018427387904").0, 1 << 62);
        assert_eq!(limit("4611686018427387905").0, 0);
    }

    #[test]
    fn weights_become_shares() {
        assert_eq!([1, 39, 100, 10_000, 0, u64::MAX].map(shares)[..4], [2, 998, 2597, 262_144]);
        assert_eq!(shares(0), 2);
        assert!(shares(u64::MAX) > 262_144);
    }

    #[test]
    fn bad_words_cost_themselves() {
        for text in ["", "x", "-2", "18446744073709551616", "\u{0}"] {
            check_v1(ALL, &[("cpu/cpu.cfs_quota_us", text), ("memory/memory.limit_in_bytes", text)], "");
        }
        check_v2(ALL, &[("cpu.max", "max")], "");
        check_v2(ALL, &[("cpu.max", "x 5")], "container_spec_cpu_period 5");
        check_v2(ALL, &[("cpu.max", "5 x"), ("cpu.weight", "many")], "container_spec_cpu_quota 5");
        check_v2(ALL, &[("memory.max", "maximum")], "");
    }
}
