//! Memory: what a group uses, of what kind it is, page faults and OOM kills.

use super::files::{
    MEMORY_EVENTS, MEMORY_FAILURES, MEMORY_KERNEL, MEMORY_PEAK, MEMORY_STAT, MEMORY_SWAP, MEMORY_USAGE,
    OOM_CONTROL,
};
use super::limits::Limits;
use super::visit::Visit;
use crate::family::{Family, check, counter, gauge};
use crate::io::groups::Version;
use crate::store::RowOut;
use crate::text::{lines, split_once, unsigned};

pub(super) const FAMILIES: &[Family] = &[
    gauge("container_memory_cache", "Page cache, in bytes.").key("cache").essential(),
    gauge("container_memory_rss", "Anonymous memory and swap cache, in bytes.").key("rss").essential(),
    gauge("container_memory_kernel_usage", "Memory of the kernel for the group, in bytes; 0 with cgroup v2.")
        .key("kernel usage"),
    gauge("container_memory_mapped_file", "Files that are mapped into memory, in bytes.").key("mapped"),
    gauge("container_memory_swap", "Swap space used, in bytes.").key("swap").essential(),
    counter("container_memory_failcnt", "How often the memory limit was reached; 0 with cgroup v2.")
        .key("failcnt"),
    gauge("container_memory_usage_bytes", "Memory used, page cache included.").key("usage").essential(),
    gauge("container_memory_max_usage_bytes", "The most memory that was used, page cache included.")
        .key("max usage"),
    gauge(
        "container_memory_working_set_bytes",
        "Memory used without the page cache that was not used recently: what counts against a limit before an OOM kill.",
    )
    .key("working set")
    .essential(),
    gauge("container_memory_total_active_file_bytes", "Page cache that was used recently.").key("active file"),
    gauge("container_memory_total_inactive_file_bytes", "Page cache that was not used recently.")
        .key("inactive file"),
    counter("container_memory_failures_total", "Page faults; both scopes are the group's own.")
        .key("failures")
        .split_pairs(FAILURES),
    counter("container_oom_events_total", "Processes that the kernel killed because memory was used up.")
        .key("oom events")
        .essential(),
];
const _: () = check(FAMILIES);

/// Page faults, then those that waited for a disk; each once per scope.
const FAILURES: &[&str] = &[
    "failure_type=\"pgfault\",scope=\"container\"",
    "failure_type=\"pgfault\",scope=\"hierarchy\"",
    "failure_type=\"pgmajfault\",scope=\"container\"",
    "failure_type=\"pgmajfault\",scope=\"hierarchy\"",
];

/// What is read of memory.stat, in the order of [`Keys`].
type Stat = [Option<u64>; 8];

/// What the kernel calls page cache, anonymous memory, mapped files, swap, page cache used recently and not, page
/// faults and those that waited for a disk.
type Keys = [&'static str; 8];

const V2: Keys = ["file", "anon", "file_mapped", "", "active_file", "inactive_file", "pgfault", "pgmajfault"];

/// With v1 a group's numbers include those of the groups below it only under other names; page faults never do.
const V1_WITH_CHILDREN: Keys = [
    "total_cache",
    "total_rss",
    "total_mapped_file",
    "total_swap",
    "total_active_file",
    "total_inactive_file",
    "pgfault",
    "pgmajfault",
];

/// With memory.use_hierarchy 0 limits hold for the group alone, and so do the numbers.
const V1_ALONE: Keys = [
    "cache",
    "rss",
    "mapped_file",
    "swap",
    "total_active_file",
    "total_inactive_file",
    "pgfault",
    "pgmajfault",
];

/// OOM kills, with v2; the kernel tells when there are more.
pub(super) fn kills(visit: &mut Visit<'_>) -> Option<u64> {
    let mut kills = None;
    visit.absorb(MEMORY_EVENTS, |text| absorb_kills(text, &mut kills));
    kills
}

/// Reads and shows.
pub(super) fn read(visit: &mut Visit<'_>, limits: &Limits, row: &mut RowOut<'_>) {
    let version = visit.version();
    let keys = match (version, limits.with_children) {
        (Version::V2, _) => &V2,
        (Version::V1, true) => &V1_WITH_CHILDREN,
        (Version::V1, false) => &V1_ALONE,
    };
    let mut stat = Stat::default();
    visit.absorb(MEMORY_STAT, |text| absorb(text, keys, &mut stat));
    let [cache, rss, mapped, swap, active_file, inactive_file, faults, major_faults] = stat;
    let whole_machine = visit.is_root() && version == Version::V2;
    let usage = if whole_machine {
        // The root has no memory.current.
        cache.zip(rss).map(|(cache, rss)| cache.saturating_add(rss))
    } else {
        visit.number(MEMORY_USAGE)
    };
    // What v2 does not count is 0 where memory is counted at all.
    let zero = usage.map(|_| 0).filter(|_| version == Version::V2);
    let swap = match version {
        Version::V1 => swap,
        Version::V2 if whole_machine => visit.machine.swap_used(),
        // A machine without swap space need not be asked group by group.
        Version::V2 if visit.machine.swap == Some(0) => zero,
        Version::V2 => visit.number(MEMORY_SWAP).or(zero),
    };
    row.set_some("cache", cache);
    row.set_some("rss", rss);
    row.set_some("kernel usage", visit.number(MEMORY_KERNEL).or(zero));
    row.set_some("mapped", mapped);
    row.set_some("swap", swap);
    row.set_some("failcnt", visit.number(MEMORY_FAILURES).or(zero));
    row.set_some("usage", usage);
    row.set_some("max usage", visit.number(MEMORY_PEAK).or(zero));
    row.set_some("working set", working_set(usage, inactive_file));
    row.set_some("active file", active_file);
    row.set_some("inactive file", inactive_file);
    for (pairs, faults) in FAILURES.chunks_exact(2).zip([faults, major_faults]) {
        for pair in pairs {
            if let Some(faults) = faults {
                row.set_split("failures", pair, faults);
            }
        }
    }
    let mut kills = limits.kills;
    visit.absorb(OOM_CONTROL, |text| absorb_kills(text, &mut kills));
    row.set_some("oom events", kills);
}

/// Usage without the page cache that is the first to go. It is counted a moment earlier or later, so it may be more.
fn working_set(usage: Option<u64>, inactive_file: Option<u64>) -> Option<u64> {
    Some(usage?.saturating_sub(inactive_file?))
}

/// Returns how many lines were not understood.
fn absorb(text: &[u8], keys: &Keys, stat: &mut Stat) -> u32 {
    let mut malformed = 0;
    for line in lines(text) {
        let Some((key, value)) = split_once(line, b' ') else {
            malformed += 1;
            continue;
        };
        let Some(at) = keys.iter().position(|known| known.as_bytes() == key) else { continue };
        stat[at] = unsigned(value);
        malformed += u32::from(stat[at].is_none());
    }
    malformed
}

/// memory.stat with the words of all versions, for a fuzzer.
pub(super) fn absorb_any(text: &[u8]) -> u32 {
    [&V2, &V1_WITH_CHILDREN, &V1_ALONE].map(|keys| absorb(text, keys, &mut Stat::default())).iter().sum()
}

/// Kills in memory.events or memory.oom_control; kernels before 4.13 do not count them.
pub(super) fn absorb_kills(text: &[u8], kills: &mut Option<u64>) -> u32 {
    let value = lines(text).find_map(|line| line.strip_prefix(b"oom_kill "));
    *kills = value.and_then(unsigned);
    u32::from(value.is_some() && kills.is_none())
}

#[cfg(test)]
mod tests {
    use crate::container::testing::{check_root_v2, check_v1, check_v2};

    const ALL: &str = "container_memory container_oom";

    #[test]
    fn v2_has_what_the_kernel_says_and_zeros() {
        let stat = "anon 110592\nfile 4096\nkernel 8192\nfile_mapped 1024\nswapcached 0\nactive_file 3072\n\
                    inactive_file 4096\npgfault 27794\npgmajfault 3\n";
        check_v2(
            ALL,
            &[
                ("memory.stat", stat),
                ("memory.current", "544768\n"),
                ("memory.swap.current", "512\n"),
                ("memory.peak", "2772992\n"),
                ("memory.events", "low 0\nhigh 0\nmax 9\noom 2\noom_kill 1\noom_group_kill 0\n"),
            ],
            "container_memory_cache 4096
             container_memory_failcnt 0
             container_memory_failures_total{failure_type=\"pgfault\",scope=\"container\"} 27794
             container_memory_failures_total{failure_type=\"pgfault\",scope=\"hierarchy\"} 27794
             container_memory_failures_total{failure_type=\"pgmajfault\",scope=\"container\"} 3
             container_memory_failures_total{failure_type=\"pgmajfault\",scope=\"hierarchy\"} 3
             container_memory_kernel_usage 0
             container_memory_mapped_file 1024
             container_memory_max_usage_bytes 2772992
             container_memory_rss 110592
             container_memory_swap 512
             container_memory_total_active_file_bytes 3072
             container_memory_total_inactive_file_bytes 4096
             container_memory_usage_bytes 544768
             container_memory_working_set_bytes 540672
             container_oom_events_total 1",
        );
    }

    #[test]
    fn the_root_of_v2_has_few_files() {
        check_root_v2(
            ALL,
            &[("memory.stat", "anon 5000\nfile 3000\ninactive_file 1000\n")],
            "container_memory_cache 3000
             container_memory_failcnt 0
             container_memory_kernel_usage 0
             container_memory_max_usage_bytes 0
             container_memory_rss 5000
             container_memory_swap 536870912
             container_memory_total_inactive_file_bytes 1000
             container_memory_usage_bytes 8000
             container_memory_working_set_bytes 7000",
        );
    }

    const V1: &str = "cache 4096\nrss 1\nmapped_file 2\nswap 3\npgfault 10\npgmajfault 1\nactive_file 5\ninactive_file 6\n\
                      total_cache 8192\ntotal_rss 100\ntotal_mapped_file 200\ntotal_swap 300\ntotal_pgfault 99\n\
                      total_pgmajfault 98\ntotal_inactive_file 600\ntotal_active_file 500\n";

    #[test]
    fn v1_includes_the_groups_below_unless_told_otherwise() {
        let mut files = vec![
            ("memory/memory.stat", V1),
            ("memory/memory.usage_in_bytes", "500\n"),
            ("memory/memory.max_usage_in_bytes", "900\n"),
            ("memory/memory.failcnt", "7\n"),
            ("memory/memory.kmem.usage_in_bytes", "50\n"),
            ("memory/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 4\n"),
            ("memory/memory.use_hierarchy", "1\n"),
        ];
        let failures = "container_memory_failures_total{failure_type=\"pgfault\",scope=\"container\"} 10
             container_memory_failures_total{failure_type=\"pgfault\",scope=\"hierarchy\"} 10
             container_memory_failures_total{failure_type=\"pgmajfault\",scope=\"container\"} 1
             container_memory_failures_total{failure_type=\"pgmajfault\",scope=\"hierarchy\"} 1
             container_memory_kernel_usage 50";
        let rest = "container_memory_total_active_file_bytes 500
             container_memory_total_inactive_file_bytes 600
             container_memory_usage_bytes 500
             container_memory_working_set_bytes 0
             container_oom_events_total 4";
        let expect = |[cache, mapped, rss, swap]: [u32; 4]| {
            format!(
                "container_memory_cache {cache}
                 container_memory_failcnt 7
                 {failures}
                 container_memory_mapped_file {mapped}
                 container_memory_max_usage_bytes 900
                 container_memory_rss {rss}
                 container_memory_swap {swap}
                 {rest}"
            )
        };
        check_v1(ALL, &files, &expect([8192, 200, 100, 300]));
        files.pop();
        check_v1(ALL, &files, &expect([8192, 200, 100, 300]));
        files.push(("memory/memory.use_hierarchy", "0\n"));
        check_v1(ALL, &files, &expect([4096, 2, 1, 3]));
    }

    #[test]
    fn old_kernels_count_less() {
        check_v1(ALL, &[("memory/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\n")], "");
        check_v2(
            ALL,
            &[("memory.current", "7\n")],
            "container_memory_failcnt 0
             container_memory_kernel_usage 0
             container_memory_max_usage_bytes 0
             container_memory_swap 0
             container_memory_usage_bytes 7",
        );
    }

    #[test]
    fn bad_lines_cost_themselves() {
        check_v2(
            ALL,
            &[
                (
                    "memory.stat",
                    "\nanon\nfile -1\npgfault 18446744073709551616\n\u{0}\u{ff} 7\nfile_mapped 1",
                ),
                ("memory.current", "many"),
                ("memory.events", "oom_kill x"),
            ],
            "container_memory_mapped_file 1",
        );
        check_v2(ALL, &[("memory.stat", ""), ("memory.current", ""), ("memory.events", "")], "");
    }
}
