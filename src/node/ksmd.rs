//! Same-page merging: `/sys/kernel/mm/ksm/*`, a number per file.

use crate::collect::{Collector, Pass, Trouble};
use crate::family::{Family, Table, check, counter, gauge};
use crate::io::{FileSpec, ReadError};
use crate::stateless;
use crate::text::{signed, trim, unsigned};

pub const COLLECTOR: Collector = Collector {
    name: "ksmd",
    default: false,
    files: &[
        file("kernel/mm/ksm/full_scans"),
        file("kernel/mm/ksm/general_profit"),
        file("kernel/mm/ksm/merge_across_nodes"),
        file("kernel/mm/ksm/pages_shared"),
        file("kernel/mm/ksm/pages_sharing"),
        file("kernel/mm/ksm/pages_to_scan"),
        file("kernel/mm/ksm/pages_unshared"),
        file("kernel/mm/ksm/pages_volatile"),
        file("kernel/mm/ksm/run"),
        file("kernel/mm/ksm/sleep_millisecs"),
    ],
    tables: &[Table::single("ksmd", FAMILIES)],
    flags: &[],
    make: stateless!(collect),
};

const fn file(path: &'static str) -> FileSpec {
    FileSpec::sys(path, |_| 64)
}

/// In the order of [`COLLECTOR`]'s files.
const FAMILIES: &[Family] = &[
    counter("node_ksmd_full_scans_total", "Times that all mergeable memory was scanned.").key("full_scans"),
    gauge("node_ksmd_general_profit_bytes", "Memory saved by merging, less what merging costs.")
        .key("general_profit")
        .signed(),
    gauge("node_ksmd_merge_across_nodes", "Whether pages of different NUMA nodes are merged.")
        .key("merge_across_nodes"),
    gauge("node_ksmd_pages_shared", "Merged pages in use.").key("pages_shared"),
    gauge("node_ksmd_pages_sharing", "Places that use a merged page beyond the first.").key("pages_sharing"),
    gauge("node_ksmd_pages_to_scan", "Pages scanned before the daemon sleeps.").key("pages_to_scan"),
    gauge("node_ksmd_pages_unshared", "Pages that are unique and checked again and again.")
        .key("pages_unshared"),
    gauge("node_ksmd_pages_volatile", "Pages that change too fast to be merged.").key("pages_volatile"),
    gauge("node_ksmd_run", "What the daemon does: 0 nothing, 1 merges, 2 unmerges.").key("run"),
    gauge("node_ksmd_sleep_seconds", "How long the daemon sleeps between scans.")
        .key("sleep_millisecs")
        .decimals(3),
];
const _: () = check(FAMILIES);

fn collect(pass: &mut Pass<'_>) -> Result<(), Trouble> {
    let files = pass.files;
    let (mut found, mut malformed) = (0, 0);
    let mut row = pass.out.single(0);
    for (index, family) in FAMILIES.iter().enumerate() {
        // Which files there are depends on the kernel's version and on NUMA.
        let text = match files.get(index) {
            Ok(text) => trim(text),
            Err(ReadError::Missing) => continue,
            Err(error) => return Err(error.into()),
        };
        found += 1;
        let known = if family.key == "general_profit" {
            signed(text).map(|value| row.set_signed(family.key, value))
        } else {
            unsigned(text).map(|value| row.set(family.key, value))
        };
        malformed += u64::from(known.is_none());
    }
    pass.out.malformed_by(malformed);
    if found == 0 { Err(Trouble::NoData) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use crate::node::testing::{check, failing};

    #[test]
    fn a_number_per_file() {
        check(
            "ksmd",
            &[
                ("sys/kernel/mm/ksm/full_scans", "323\n"),
                ("sys/kernel/mm/ksm/general_profit", "-4096\n"),
                ("sys/kernel/mm/ksm/pages_shared", "many\n"),
                ("sys/kernel/mm/ksm/run", "1\n"),
                ("sys/kernel/mm/ksm/sleep_millisecs", "20\n"),
            ],
            "node_ksmd_full_scans_total 323
             node_ksmd_general_profit_bytes -4096
             node_ksmd_run 1
             node_ksmd_sleep_seconds 0.02",
        );
    }

    #[test]
    fn a_kernel_without_it_has_no_data() {
        failing("ksmd", &[], "no_data", "");
    }
}
