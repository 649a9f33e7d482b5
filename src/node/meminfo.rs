//! Memory: `/proc/meminfo`, one line per number, most of them in kB.

use crate::collect::{Collector, Pass, Trouble};
use crate::family::{Family, Table, check, gauge};
use crate::io::FileSpec;
use crate::stateless;
use crate::text::{lines, split_once, unsigned, words};

pub const COLLECTOR: Collector = Collector {
    name: "meminfo",
    default: true,
    files: &[FileSpec::proc("meminfo", |_| 8192).whole()],
    tables: &[Table::single("meminfo", FAMILIES)],
    flags: &[],
    make: stateless!(collect),
};

/// A number that the kernel prints in kB.
const fn kib(key: &'static str, name: &'static str, help: &'static str) -> Family {
    gauge(name, help).key(key).times(1024)
}

/// A number of huge pages.
const fn pages(key: &'static str, name: &'static str, help: &'static str) -> Family {
    gauge(name, help).key(key)
}

/// Every field of kernels up to 6.18, in the kernel's order; upstream's list is shorter since 1.9.
const FAMILIES: &[Family] = &[
    kib("MemTotal", "node_memory_MemTotal_bytes", "Memory the kernel can use.").essential(),
    kib("MemFree", "node_memory_MemFree_bytes", "Memory nobody uses.").essential(),
    kib(
        "MemAvailable",
        "node_memory_MemAvailable_bytes",
        "Memory that could be had without swapping, as the kernel estimates.",
    )
    .essential(),
    kib("Buffers", "node_memory_Buffers_bytes", "Page cache of block devices.").essential(),
    kib("Cached", "node_memory_Cached_bytes", "Page cache of files, tmpfs included.").essential(),
    kib("SwapCached", "node_memory_SwapCached_bytes", "Memory that is also in swap.").essential(),
    kib("Active", "node_memory_Active_bytes", "Page cache and anonymous memory used recently.").essential(),
    kib("Inactive", "node_memory_Inactive_bytes", "Page cache and anonymous memory not used recently.")
        .essential(),
    kib("Active(anon)", "node_memory_Active_anon_bytes", "Anonymous memory used recently.").essential(),
    kib("Inactive(anon)", "node_memory_Inactive_anon_bytes", "Anonymous memory not used recently.")
        .essential(),
    kib("Active(file)", "node_memory_Active_file_bytes", "Page cache used recently.").essential(),
    kib("Inactive(file)", "node_memory_Inactive_file_bytes", "Page cache not used recently.").essential(),
    kib("Unevictable", "node_memory_Unevictable_bytes", "Memory that cannot be reclaimed.").essential(),
    kib("Mlocked", "node_memory_Mlocked_bytes", "Memory locked by mlock.").essential(),
    kib("SwapTotal", "node_memory_SwapTotal_bytes", "Swap space.").essential(),
    kib("SwapFree", "node_memory_SwapFree_bytes", "Swap space nobody uses.").essential(),
    kib("Zswap", "node_memory_Zswap_bytes", "Memory that the compressed swap cache takes.").essential(),
    kib(
        "Zswapped",
        "node_memory_Zswapped_bytes",
        "Memory that the compressed swap cache holds, before compression.",
    )
    .essential(),
    kib("Dirty", "node_memory_Dirty_bytes", "Memory that waits to be written to disk.").essential(),
    kib("Writeback", "node_memory_Writeback_bytes", "Memory being written to disk.").essential(),
    kib("AnonPages", "node_memory_AnonPages_bytes", "Anonymous memory mapped by processes.").essential(),
    kib("Mapped", "node_memory_Mapped_bytes", "Page cache mapped by processes.").essential(),
    kib("Shmem", "node_memory_Shmem_bytes", "Shared memory and tmpfs.").essential(),
    kib(
        "KReclaimable",
        "node_memory_KReclaimable_bytes",
        "Kernel memory that the kernel tries to reclaim under pressure.",
    ),
    kib("Slab", "node_memory_Slab_bytes", "Memory of the kernel's object caches.").essential(),
    kib("SReclaimable", "node_memory_SReclaimable_bytes", "Object caches that can be reclaimed.").essential(),
    kib("SUnreclaim", "node_memory_SUnreclaim_bytes", "Object caches that cannot be reclaimed.").essential(),
    kib("KernelStack", "node_memory_KernelStack_bytes", "Kernel stacks of all tasks.").essential(),
    kib("PageTables", "node_memory_PageTables_bytes", "Page tables of processes.").essential(),
    kib("SecPageTables", "node_memory_SecPageTables_bytes", "Page tables of virtual machines and IOMMUs."),
    kib(
        "NFS_Unstable",
        "node_memory_NFS_Unstable_bytes",
        "NFS pages sent and not yet committed, before Linux 5.8.",
    )
    .essential(),
    kib("Bounce", "node_memory_Bounce_bytes", "Bounce buffers of block devices.").essential(),
    kib("WritebackTmp", "node_memory_WritebackTmp_bytes", "Temporary buffers of FUSE writeback.").essential(),
    kib(
        "CommitLimit",
        "node_memory_CommitLimit_bytes",
        "Memory that may be promised when overcommit is strict.",
    )
    .essential(),
    kib("Committed_AS", "node_memory_Committed_AS_bytes", "Memory that is promised to processes.")
        .essential(),
    kib("VmallocTotal", "node_memory_VmallocTotal_bytes", "Address space for vmalloc.").essential(),
    kib("VmallocUsed", "node_memory_VmallocUsed_bytes", "Address space that vmalloc uses.").essential(),
    kib(
        "VmallocChunk",
        "node_memory_VmallocChunk_bytes",
        "Largest free piece of vmalloc's address space, before Linux 4.4.",
    )
    .essential(),
    kib("Percpu", "node_memory_Percpu_bytes", "Memory of per-CPU allocations.").essential(),
    kib(
        "HardwareCorrupted",
        "node_memory_HardwareCorrupted_bytes",
        "Memory taken out of use for hardware errors.",
    )
    .essential(),
    kib("AnonHugePages", "node_memory_AnonHugePages_bytes", "Anonymous memory in transparent huge pages.")
        .essential(),
    kib("ShmemHugePages", "node_memory_ShmemHugePages_bytes", "Shared memory and tmpfs in huge pages.")
        .essential(),
    kib("ShmemPmdMapped", "node_memory_ShmemPmdMapped_bytes", "Shared memory mapped with huge pages.")
        .essential(),
    kib("FileHugePages", "node_memory_FileHugePages_bytes", "Page cache in huge pages."),
    kib("FilePmdMapped", "node_memory_FilePmdMapped_bytes", "Page cache mapped with huge pages."),
    kib("CmaTotal", "node_memory_CmaTotal_bytes", "Memory reserved for contiguous allocations."),
    kib("CmaFree", "node_memory_CmaFree_bytes", "Reserved contiguous memory nobody uses."),
    kib("Balloon", "node_memory_Balloon_bytes", "Memory that a balloon gave back to the host."),
    pages("HugePages_Total", "node_memory_HugePages_Total", "Huge pages in the pool.").essential(),
    pages("HugePages_Free", "node_memory_HugePages_Free", "Huge pages in the pool that nobody uses.")
        .essential(),
    pages("HugePages_Rsvd", "node_memory_HugePages_Rsvd", "Huge pages that are promised and not yet used.")
        .essential(),
    pages("HugePages_Surp", "node_memory_HugePages_Surp", "Huge pages beyond the size of the pool.")
        .essential(),
    kib("Hugepagesize", "node_memory_Hugepagesize_bytes", "Default size of a huge page.").essential(),
    kib("Hugetlb", "node_memory_Hugetlb_bytes", "Memory of huge pages of all sizes."),
    kib("DirectMap4k", "node_memory_DirectMap4k_bytes", "Kernel memory mapped with 4 KiB pages.").essential(),
    kib("DirectMap2M", "node_memory_DirectMap2M_bytes", "Kernel memory mapped with 2 MiB pages.").essential(),
    kib("DirectMap1G", "node_memory_DirectMap1G_bytes", "Kernel memory mapped with 1 GiB pages.").essential(),
    // What few machines have comes last, so that the kernel's next key is nearly always the table's next.
    kib("HighTotal", "node_memory_HighTotal_bytes", "High memory, on 32-bit kernels."),
    kib("HighFree", "node_memory_HighFree_bytes", "High memory nobody uses."),
    kib("LowTotal", "node_memory_LowTotal_bytes", "Memory the kernel maps directly, on 32-bit kernels."),
    kib("LowFree", "node_memory_LowFree_bytes", "Directly mapped memory nobody uses."),
    kib(
        "MmapCopy",
        "node_memory_MmapCopy_bytes",
        "Memory that copies files for mmap, on kernels without an MMU.",
    ),
    kib("ShadowCallStack", "node_memory_ShadowCallStack_bytes", "Shadow call stacks of all tasks."),
    kib("Quicklists", "node_memory_Quicklists_bytes", "Page tables kept for reuse, before Linux 5.2."),
    kib("EarlyMemtestBad", "node_memory_EarlyMemtestBad_bytes", "Memory that failed the test at boot."),
    kib("Unaccepted", "node_memory_Unaccepted_bytes", "Memory a confidential guest has not accepted yet."),
    kib("GPUActive", "node_memory_GPUActive_bytes", "System memory that GPUs use."),
    kib("GPUReclaim", "node_memory_GPUReclaim_bytes", "System memory that GPU drivers keep for reuse."),
    kib("DirectMap64k", "node_memory_DirectMap64k_bytes", "Kernel memory mapped with 64 KiB pages."),
    kib("DirectMap1M", "node_memory_DirectMap1M_bytes", "Kernel memory mapped with 1 MiB pages."),
    kib("DirectMap4M", "node_memory_DirectMap4M_bytes", "Kernel memory mapped with 4 MiB pages."),
    kib("DirectMap2G", "node_memory_DirectMap2G_bytes", "Kernel memory mapped with 2 GiB pages."),
];
const _: () = check(FAMILIES);

fn collect(pass: &mut Pass<'_>) -> Result<(), Trouble> {
    let text = pass.files.get(0)?;
    let mut row = pass.out.single(0);
    let mut malformed = 0;
    for line in lines(text) {
        let Some((key, rest)) = split_once(line, b':') else {
            malformed += 1;
            continue;
        };
        match words(rest).next().and_then(unsigned) {
            Some(value) => {
                row.set(key, value);
            }
            None => malformed += 1,
        }
    }
    pass.out.malformed_by(malformed);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::node::testing::{check, failing};

    #[test]
    fn kilobytes_become_bytes() {
        check(
            "meminfo",
            &[("proc/meminfo", "MemTotal:    16 kB\nUnknown: 1 kB\nMemFree: x kB\n")],
            "node_memory_MemTotal_bytes 16384",
        );
    }

    #[test]
    fn parentheses_are_part_of_the_name_and_pages_have_no_unit() {
        check(
            "meminfo",
            &[(
                "proc/meminfo",
                "Active(anon): 2 kB\nZswap: 0 kB\nCommitted_AS: 3 kB\nHugePages_Total:  7\nHugepagesize: 2048 kB\n",
            )],
            "node_memory_Active_anon_bytes 2048
             node_memory_Zswap_bytes 0
             node_memory_Committed_AS_bytes 3072
             node_memory_HugePages_Total 7
             node_memory_Hugepagesize_bytes 2097152",
        );
    }

    #[test]
    fn bad_lines_cost_themselves() {
        check(
            "meminfo",
            &[(
                "proc/meminfo",
                "\nno colon\n:\nMemTotal: -1 kB\nMemFree: 18446744073709551616 kB\nBuffers: 1 kB",
            )],
            "node_memory_Buffers_bytes 1024",
        );
        failing("meminfo", &[], "no_data", "");
    }
}
