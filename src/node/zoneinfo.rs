//! Zones of the page allocator: `/proc/zoneinfo`.
//!
//! Format: "Node 0, zone   Normal", then indented "key value" lines: the node's numbers in its first zone only, the
//! zone's, and "pagesets" with the numbers of each CPU, which are not served.

use crate::collect::{Collector, Pass, Trouble};
use crate::family::{Family, Table, check, counter, gauge};
use crate::io::FileSpec;
use crate::stateless;
use crate::store::RowOut;
use crate::text::{lines, trim, unsigned, words};

pub const COLLECTOR: Collector = Collector {
    name: "zoneinfo",
    default: false,
    // A CPU has 190 bytes in each zone that has pages.
    files: &[FileSpec::proc("zoneinfo", |limits| 65_536 + limits.cpus.max(1) * 4096)],
    tables: &[Table::rows("zoneinfo", |limits| limits.kernel_rows, 48, FAMILIES)],
    flags: &[],
    make: stateless!(collect),
};

/// In the order of the file.
const FAMILIES: &[Family] = &[
    gauge("node_zoneinfo_nr_inactive_anon_pages", "Anonymous pages not used recently.")
        .key("nr_inactive_anon"),
    gauge("node_zoneinfo_nr_active_anon_pages", "Anonymous pages used recently.").key("nr_active_anon"),
    gauge("node_zoneinfo_nr_inactive_file_pages", "File pages not used recently.").key("nr_inactive_file"),
    gauge("node_zoneinfo_nr_active_file_pages", "File pages used recently.").key("nr_active_file"),
    gauge("node_zoneinfo_nr_unevictable_pages", "Pages that cannot be reclaimed.").key("nr_unevictable"),
    gauge("node_zoneinfo_nr_slab_reclaimable_pages", "Slab pages that can be reclaimed.")
        .key("nr_slab_reclaimable"),
    gauge("node_zoneinfo_nr_slab_unreclaimable_pages", "Slab pages that cannot be reclaimed.")
        .key("nr_slab_unreclaimable"),
    gauge("node_zoneinfo_nr_isolated_anon_pages", "Anonymous pages taken off their list for a moment.")
        .key("nr_isolated_anon"),
    gauge("node_zoneinfo_nr_isolated_file_pages", "File pages taken off their list for a moment.")
        .key("nr_isolated_file"),
    gauge("node_zoneinfo_nr_anon_pages", "Anonymous pages mapped by processes.").key("nr_anon_pages"),
    gauge("node_zoneinfo_nr_mapped_pages", "File pages mapped by processes.").key("nr_mapped"),
    gauge("node_zoneinfo_nr_file_pages", "File pages.").key("nr_file_pages"),
    gauge("node_zoneinfo_nr_dirty_pages", "Pages that wait to be written.").key("nr_dirty"),
    gauge("node_zoneinfo_nr_writeback_pages", "Pages being written.").key("nr_writeback"),
    gauge("node_zoneinfo_nr_shmem_pages", "Pages of shared memory and tmpfs.").key("nr_shmem"),
    gauge("node_zoneinfo_nr_anon_transparent_hugepages", "Transparent huge pages of anonymous memory.")
        .key("nr_anon_transparent_hugepages"),
    counter("node_zoneinfo_nr_dirtied_total", "Pages made dirty.").key("nr_dirtied"),
    counter("node_zoneinfo_nr_written_total", "Pages written.").key("nr_written"),
    gauge("node_zoneinfo_nr_kernel_stacks", "KiB of kernel stacks.").key("nr_kernel_stack"),
    gauge("node_zoneinfo_min_pages", "Free pages below which allocations wait.").key("min"),
    gauge("node_zoneinfo_low_pages", "Free pages below which the kernel starts to reclaim.").key("low"),
    gauge("node_zoneinfo_high_pages", "Free pages above which the kernel stops to reclaim.").key("high"),
    gauge("node_zoneinfo_scanned_pages", "Pages scanned since the last reclaim, before Linux 4.8.")
        .key("scanned"),
    gauge("node_zoneinfo_spanned_pages", "Pages between the zone's ends, holes included.").key("spanned"),
    gauge("node_zoneinfo_present_pages", "Pages that exist.").key("present"),
    gauge("node_zoneinfo_managed_pages", "Pages that the page allocator has.").key("managed"),
    gauge("node_zoneinfo_protection_0", "Pages kept from allocations that could use zone 0.")
        .key("protection 0"),
    gauge("node_zoneinfo_protection_1", "Pages kept from allocations that could use zone 1.")
        .key("protection 1"),
    gauge("node_zoneinfo_protection_2", "Pages kept from allocations that could use zone 2.")
        .key("protection 2"),
    gauge("node_zoneinfo_protection_3", "Pages kept from allocations that could use zone 3.")
        .key("protection 3"),
    gauge("node_zoneinfo_protection_4", "Pages kept from allocations that could use zone 4.")
        .key("protection 4"),
    gauge("node_zoneinfo_protection_5", "Pages kept from allocations that could use zone 5.")
        .key("protection 5"),
    gauge("node_zoneinfo_nr_free_pages", "Pages nobody uses.").key("nr_free_pages"),
    counter("node_zoneinfo_numa_hit_total", "Pages had from the node they were wanted from.").key("numa_hit"),
    counter("node_zoneinfo_numa_miss_total", "Pages had from here that were wanted from another node.")
        .key("numa_miss"),
    counter("node_zoneinfo_numa_foreign_total", "Pages wanted from here that came from another node.")
        .key("numa_foreign"),
    counter(
        "node_zoneinfo_numa_interleave_total",
        "Interleaved pages had from the node they were wanted from.",
    )
    .key("numa_interleave"),
    counter("node_zoneinfo_numa_local_total", "Pages had by CPUs of this node.").key("numa_local"),
    counter("node_zoneinfo_numa_other_total", "Pages had by CPUs of other nodes.").key("numa_other"),
];
const _: () = check(FAMILIES);

const PROTECTION: [&str; 6] =
    ["protection 0", "protection 1", "protection 2", "protection 3", "protection 4", "protection 5"];

fn collect(pass: &mut Pass<'_>) -> Result<(), Trouble> {
    let text = pass.files.get(0)?;
    let mut malformed = 0;
    let mut rest = lines(text).peekable();
    while let Some(line) = rest.next() {
        let Some((node, zone)) = header(line) else {
            malformed += 1;
            continue;
        };
        let mut table = pass.out.table(0);
        let mut row = table.row(&[("node", node), ("zone", zone)]);
        let mut of_cpus = false;
        while let Some(line) = rest.next_if(|line| !line.starts_with(b"Node ")) {
            let line = trim(line);
            of_cpus |= line == b"pagesets";
            if !of_cpus && !absorb(line, &mut row) {
                malformed += 1;
            }
        }
    }
    pass.out.malformed_by(malformed);
    Ok(())
}

/// Node and zone of "Node 0, zone   Normal".
fn header(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut words = words(line.strip_prefix(b"Node ")?);
    let node = words.next()?.strip_suffix(b",")?;
    if words.next()? != b"zone" {
        return None;
    }
    Some((node, words.next()?))
}

/// Sets what a line says; `false`: it is not understood.
fn absorb(line: &[u8], row: &mut RowOut<'_>) -> bool {
    if let Some(list) = line.strip_prefix(b"protection:") {
        let list = trim(list).trim_ascii_start();
        let Some(list) = list.strip_prefix(b"(").and_then(|list| list.strip_suffix(b")")) else {
            return false;
        };
        return list
            .split(|byte| *byte == b',')
            .zip(PROTECTION)
            .all(|(number, key)| unsigned(trim(number)).is_some_and(|number| row.set(key, number)));
    }
    let mut words = words(line);
    let (Some(key), value) = (words.next(), words.next()) else { return false };
    // "per-node stats", "pages free" which is nr_free_pages again, and what the families do not know.
    if matches!(key, b"per-node" | b"pages")
        || key.starts_with(b"workingset_")
        || key.starts_with(b"nr_zone_")
    {
        return true;
    }
    match value.and_then(unsigned) {
        Some(value) => {
            row.set(key, value);
            true
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::node::testing::{check, failing};

    #[test]
    fn numbers_of_the_node_and_of_the_zone() {
        check(
            "zoneinfo",
            &[(
                "proc/zoneinfo",
                "Node 0, zone      DMA\n  per-node stats\n      nr_inactive_anon 95612\n      nr_dirtied   7\n\
                 \x20 pages free     2949\n        min      8\n        high     x\n        new 3\n\
                 \x20       protection: (0, 2039, 31932)\n      nr_free_pages 2949\n  pagesets\n    cpu: 0\n\
                 \x20             high:  14\n  node_unreclaimable:  0\n  start_pfn:           1\n\
                 Node 1, zone   Normal\n      numa_hit 18446744073709551615\n        min",
            )],
            r#"node_zoneinfo_nr_inactive_anon_pages{node="0",zone="DMA"} 95612
               node_zoneinfo_nr_dirtied_total{node="0",zone="DMA"} 7
               node_zoneinfo_min_pages{node="0",zone="DMA"} 8
               node_zoneinfo_protection_0{node="0",zone="DMA"} 0
               node_zoneinfo_protection_1{node="0",zone="DMA"} 2039
               node_zoneinfo_protection_2{node="0",zone="DMA"} 31932
               node_zoneinfo_nr_free_pages{node="0",zone="DMA"} 2949
               node_zoneinfo_numa_hit_total{node="1",zone="Normal"} 18446744073709551614"#,
        );
    }

    #[test]
    fn what_is_no_zone_is_skipped() {
        check("zoneinfo", &[("proc/zoneinfo", "garbage\n\nNode x\nNode 0, zone\nmin 3\n")], "");
        failing("zoneinfo", &[], "no_data", "");
    }
}
