//! Memory by NUMA node: `/sys/devices/system/node/node*/{meminfo,numastat}`.
//!
//! Format: "Node 0 MemTotal:  9660628 kB" and "numa_hit 12423873".

use crate::collect::{Collect, Collector, Pass, Setup, Trouble};
use crate::family::{Family, Table, check, counter, gauge};
use crate::io::{Names, Root};
use crate::text::{lines, unsigned, words};

pub const COLLECTOR: Collector = Collector {
    name: "meminfo_numa",
    default: false,
    files: &[],
    tables: &[Table::rows("meminfo_numa", |limits| limits.small_devices, 24, FAMILIES)],
    flags: &[],
    make,
};

/// A number that the kernel prints in kB. The names have no unit, the values are bytes.
const fn kib(key: &'static str, name: &'static str, help: &'static str) -> Family {
    gauge(name, help).key(key).times(1024)
}

/// A number of huge pages.
const fn pages(key: &'static str, name: &'static str, help: &'static str) -> Family {
    gauge(name, help).key(key)
}

const FAMILIES: &[Family] = &[
    kib("MemTotal", "node_memory_numa_MemTotal", "Memory of the node."),
    kib("MemFree", "node_memory_numa_MemFree", "Memory nobody uses."),
    kib("MemUsed", "node_memory_numa_MemUsed", "Memory that is used."),
    kib("SwapCached", "node_memory_numa_SwapCached", "Memory that is also in swap."),
    kib("Active", "node_memory_numa_Active", "Page cache and anonymous memory used recently."),
    kib("Inactive", "node_memory_numa_Inactive", "Page cache and anonymous memory not used recently."),
    kib("Active(anon)", "node_memory_numa_Active_anon", "Anonymous memory used recently."),
    kib("Inactive(anon)", "node_memory_numa_Inactive_anon", "Anonymous memory not used recently."),
    kib("Active(file)", "node_memory_numa_Active_file", "Page cache used recently."),
    kib("Inactive(file)", "node_memory_numa_Inactive_file", "Page cache not used recently."),
    kib("Unevictable", "node_memory_numa_Unevictable", "Memory that cannot be reclaimed."),
    kib("Mlocked", "node_memory_numa_Mlocked", "Memory locked by mlock."),
    kib("Dirty", "node_memory_numa_Dirty", "Memory that waits to be written."),
    kib("Writeback", "node_memory_numa_Writeback", "Memory being written."),
    kib("FilePages", "node_memory_numa_FilePages", "Page cache."),
    kib("Mapped", "node_memory_numa_Mapped", "Page cache mapped by processes."),
    kib("AnonPages", "node_memory_numa_AnonPages", "Anonymous memory mapped by processes."),
    kib("Shmem", "node_memory_numa_Shmem", "Shared memory and tmpfs."),
    kib("KernelStack", "node_memory_numa_KernelStack", "Kernel stacks."),
    kib("PageTables", "node_memory_numa_PageTables", "Page tables of processes."),
    kib("SecPageTables", "node_memory_numa_SecPageTables", "Page tables of virtual machines and IOMMUs."),
    kib("NFS_Unstable", "node_memory_numa_NFS_Unstable", "NFS pages sent and not yet committed."),
    kib("Bounce", "node_memory_numa_Bounce", "Bounce buffers of block devices."),
    kib("WritebackTmp", "node_memory_numa_WritebackTmp", "Temporary buffers of FUSE writeback."),
    kib("KReclaimable", "node_memory_numa_KReclaimable", "Kernel memory that the kernel tries to reclaim."),
    kib("Slab", "node_memory_numa_Slab", "Memory of the kernel's object caches."),
    kib("SReclaimable", "node_memory_numa_SReclaimable", "Object caches that can be reclaimed."),
    kib("SUnreclaim", "node_memory_numa_SUnreclaim", "Object caches that cannot be reclaimed."),
    kib("AnonHugePages", "node_memory_numa_AnonHugePages", "Anonymous memory in transparent huge pages."),
    kib("ShmemHugePages", "node_memory_numa_ShmemHugePages", "Shared memory and tmpfs in huge pages."),
    kib("ShmemPmdMapped", "node_memory_numa_ShmemPmdMapped", "Shared memory mapped with huge pages."),
    kib("FileHugePages", "node_memory_numa_FileHugePages", "Page cache in huge pages."),
    kib("FilePmdMapped", "node_memory_numa_FilePmdMapped", "Page cache mapped with huge pages."),
    kib("Unaccepted", "node_memory_numa_Unaccepted", "Memory a confidential guest has not accepted yet."),
    kib("Balloon", "node_memory_numa_Balloon", "Memory that a balloon gave back to the host."),
    kib("GPUActive", "node_memory_numa_GPUActive", "System memory that GPUs use."),
    kib("GPUReclaim", "node_memory_numa_GPUReclaim", "System memory that GPU drivers keep for reuse."),
    pages("HugePages_Total", "node_memory_numa_HugePages_Total", "Huge pages in the pool."),
    pages("HugePages_Free", "node_memory_numa_HugePages_Free", "Huge pages in the pool that nobody uses."),
    pages("HugePages_Surp", "node_memory_numa_HugePages_Surp", "Huge pages beyond the size of the pool."),
    kib("HighTotal", "node_memory_numa_HighTotal", "High memory, on 32-bit kernels."),
    kib("HighFree", "node_memory_numa_HighFree", "High memory nobody uses."),
    kib("LowTotal", "node_memory_numa_LowTotal", "Directly mapped memory, on 32-bit kernels."),
    kib("LowFree", "node_memory_numa_LowFree", "Directly mapped memory nobody uses."),
    kib("ShadowCallStack", "node_memory_numa_ShadowCallStack", "Shadow call stacks."),
    counter("node_memory_numa_numa_hit_total", "Pages had from the node they were wanted from.")
        .key("numa_hit"),
    counter("node_memory_numa_numa_miss_total", "Pages had from here that were wanted from another node.")
        .key("numa_miss"),
    counter("node_memory_numa_numa_foreign_total", "Pages wanted from here that came from another node.")
        .key("numa_foreign"),
    counter(
        "node_memory_numa_interleave_hit_total",
        "Interleaved pages had from the node they were wanted from.",
    )
    .key("interleave_hit"),
    counter("node_memory_numa_local_node_total", "Pages had by CPUs of this node.").key("local_node"),
    counter("node_memory_numa_other_node_total", "Pages had by CPUs of other nodes.").key("other_node"),
];
const _: () = check(FAMILIES);

/// Entries of the directory that are no nodes.
const OTHER_ENTRIES: usize = 64;

struct Nodes {
    names: Names,
}

fn make(setup: &Setup<'_>) -> Box<dyn Collect> {
    Box::new(Nodes { names: Names::with_capacity(setup.limits.small_devices as usize + OTHER_ENTRIES) })
}

impl Collect for Nodes {
    fn collect(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        pass.io.list(Root::Sys, &[b"devices/system/node"], &mut self.names)?;
        for name in self.names.iter() {
            let Some(node) = name.strip_prefix(b"node").filter(|node| unsigned(node).is_some()) else {
                continue;
            };
            // A node that was taken out between list and read is missing.
            node_file(pass, node, b"/meminfo", 2);
            node_file(pass, node, b"/numastat", 0);
        }
        Ok(())
    }
}

/// Absorbs "key value" lines that begin after `skip` words.
fn node_file(pass: &mut Pass<'_>, node: &[u8], file: &[u8], skip: usize) {
    let Ok(text) = pass.io.read(Root::Sys, &[b"devices/system/node/node", node, file]) else { return };
    let mut malformed = 0;
    let mut table = pass.out.table(0);
    let mut row = table.row(&[("node", node)]);
    for line in lines(text) {
        let mut words = words(line).skip(skip);
        let key = words.next().map(|key| key.strip_suffix(b":").unwrap_or(key));
        match (key, words.next().and_then(unsigned)) {
            (Some(key), Some(value)) => {
                row.set(key, value);
            }
            _ => malformed += 1,
        }
    }
    pass.out.malformed_by(malformed);
}

#[cfg(test)]
mod tests {
    use crate::node::testing::{check, failing};

    #[test]
    fn kilobytes_pages_and_counters_of_each_node() {
        check(
            "meminfo_numa",
            &[
                (
                    "sys/devices/system/node/node0/meminfo",
                    "Node 0 MemTotal:       16 kB\nNode 0 Active(anon):     2 kB\nNode 0 New: 1 kB\n\
                     Node 0 Dirty: x kB\nNode 0\n\nNode 0 HugePages_Total:     3\n",
                ),
                ("sys/devices/system/node/node0/numastat", "numa_hit 5\nother_node\n"),
                ("sys/devices/system/node/node1/numastat", "interleave_hit 6\n"),
                ("sys/devices/system/node/possible", "0-1\n"),
            ],
            r#"node_memory_numa_MemTotal{node="0"} 16384
               node_memory_numa_Active_anon{node="0"} 2048
               node_memory_numa_HugePages_Total{node="0"} 3
               node_memory_numa_numa_hit_total{node="0"} 5
               node_memory_numa_interleave_hit_total{node="1"} 6"#,
        );
        failing("meminfo_numa", &[], "no_data", "");
    }
}
