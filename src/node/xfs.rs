//! XFS: `/sys/fs/xfs/<device>/stats/stats`, lines of a group's name and its counters.

use crate::collect::{Collect, Collector, Pass, Setup, Trouble};
use crate::family::{Family, Table, check, counter};
use crate::io::{Names, ReadError, Root};
use crate::text::{lines, unsigned, words};

pub const COLLECTOR: Collector = Collector {
    name: "xfs",
    default: true,
    files: &[],
    tables: &[Table::rows("xfs", |limits| limits.small_devices, 80, FAMILIES)],
    flags: &[],
    make,
};

/// The key is group and place, as in [`GROUPS`].
const fn count(key: &'static str, name: &'static str, help: &'static str) -> Family {
    counter(name, help).key(key)
}

const FAMILIES: &[Family] = &[
    count("extent_alloc0", "node_xfs_extent_allocation_extents_allocated_total", "Extents allocated."),
    count("extent_alloc1", "node_xfs_extent_allocation_blocks_allocated_total", "Blocks allocated."),
    count("extent_alloc2", "node_xfs_extent_allocation_extents_freed_total", "Extents freed."),
    count("extent_alloc3", "node_xfs_extent_allocation_blocks_freed_total", "Blocks freed."),
    count("abt0", "node_xfs_allocation_btree_lookups_total", "Lookups in the allocation trees."),
    count("abt1", "node_xfs_allocation_btree_compares_total", "Comparisons in the allocation trees."),
    count("abt2", "node_xfs_allocation_btree_records_inserted_total", "Records put into allocation trees."),
    count("abt3", "node_xfs_allocation_btree_records_deleted_total", "Records taken from allocation trees."),
    count("blk_map0", "node_xfs_block_mapping_reads_total", "Block mappings asked for by reads."),
    count("blk_map1", "node_xfs_block_mapping_writes_total", "Block mappings asked for by writes."),
    count("blk_map2", "node_xfs_block_mapping_unmaps_total", "Block mappings taken away."),
    count(
        "blk_map3",
        "node_xfs_block_mapping_extent_list_insertions_total",
        "Extents put into extent lists.",
    ),
    count(
        "blk_map4",
        "node_xfs_block_mapping_extent_list_deletions_total",
        "Extents taken from extent lists.",
    ),
    count("blk_map5", "node_xfs_block_mapping_extent_list_lookups_total", "Lookups in extent lists."),
    count("blk_map6", "node_xfs_block_mapping_extent_list_compares_total", "Comparisons in extent lists."),
    count("bmbt0", "node_xfs_block_map_btree_lookups_total", "Lookups in the block map trees."),
    count("bmbt1", "node_xfs_block_map_btree_compares_total", "Comparisons in the block map trees."),
    count("bmbt2", "node_xfs_block_map_btree_records_inserted_total", "Records put into block map trees."),
    count("bmbt3", "node_xfs_block_map_btree_records_deleted_total", "Records taken from block map trees."),
    count("dir0", "node_xfs_directory_operation_lookup_total", "Names looked up that no cache knew."),
    count("dir1", "node_xfs_directory_operation_create_total", "Directory entries made."),
    count("dir2", "node_xfs_directory_operation_remove_total", "Directory entries removed."),
    count("dir3", "node_xfs_directory_operation_getdents_total", "Directories listed."),
    count("ig0", "node_xfs_inode_operation_attempts_total", "Inodes looked for in the cache."),
    count("ig1", "node_xfs_inode_operation_found_total", "Inodes found in the cache."),
    count("ig2", "node_xfs_inode_operation_recycled_total", "Inodes found that were about to be reclaimed."),
    count("ig3", "node_xfs_inode_operation_missed_total", "Inodes not found in the cache."),
    count("ig4", "node_xfs_inode_operation_duplicates_total", "Inodes that somebody else cached meanwhile."),
    count("ig5", "node_xfs_inode_operation_reclaims_total", "Inodes reclaimed from the cache."),
    count("ig6", "node_xfs_inode_operation_attribute_changes_total", "Changes of inode attributes."),
    count("rw0", "node_xfs_write_calls_total", "Calls of write(2)."),
    count("rw1", "node_xfs_read_calls_total", "Calls of read(2)."),
    count("vnodes0", "node_xfs_vnode_active_total", "Vnodes that are on no free list."),
    count("vnodes1", "node_xfs_vnode_allocate_total", "Calls of vn_alloc."),
    count("vnodes2", "node_xfs_vnode_get_total", "Calls of vn_get."),
    count("vnodes3", "node_xfs_vnode_hold_total", "Calls of vn_hold."),
    count("vnodes4", "node_xfs_vnode_release_total", "Calls of vn_rele."),
    count("vnodes5", "node_xfs_vnode_reclaim_total", "Calls of vn_reclaim."),
    count("vnodes6", "node_xfs_vnode_remove_total", "Calls of vn_remove."),
];
const _: () = check(FAMILIES);

/// Groups of the file that have families, and how many of their counters do.
const GROUPS: &[(&str, usize)] = &[
    ("extent_alloc", 4),
    ("abt", 4),
    ("blk_map", 7),
    ("bmbt", 4),
    ("dir", 4),
    ("ig", 7),
    ("rw", 2),
    ("vnodes", 7),
];
const DIGITS: [&str; 7] = ["0", "1", "2", "3", "4", "5", "6"];

/// What is below `/sys/fs/xfs` besides a folder per device.
const NO_DEVICES: [&[u8]; 3] = [b"debug", b"error", b"stats"];

fn make(setup: &Setup<'_>) -> Box<dyn Collect> {
    Box::new(Xfs { names: Names::with_capacity(setup.limits.small_devices as usize + NO_DEVICES.len()) })
}

struct Xfs {
    names: Names,
}

impl Collect for Xfs {
    fn collect(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        match pass.io.list(Root::Sys, &[b"fs/xfs"], &mut self.names) {
            // No XFS in this kernel is no trouble, as with the peer.
            Err(ReadError::Missing) => return Ok(()),
            other => other?,
        }
        if !pass.out.serves(0) {
            return Ok(());
        }
        for name in self.names.iter().filter(|name| !NO_DEVICES.contains(name)) {
            let Ok(text) = pass.io.read(Root::Sys, &[b"fs/xfs/", name, b"/stats/stats"]) else { continue };
            let mut malformed = 0_u64;
            let mut table = pass.out.table(0);
            let mut row = table.row(&[("device", name)]);
            for line in lines(text) {
                let mut words = words(line);
                let Some(group) = words.next() else { continue };
                let Some((group, count)) = GROUPS.iter().find(|(known, _)| known.as_bytes() == group) else {
                    continue;
                };
                for (word, digit) in words.zip(DIGITS).take(*count) {
                    let mut key = crate::base::text::Text::<24>::new();
                    let fits = key.push_all(&[group.as_bytes(), digit.as_bytes()]).is_ok();
                    match unsigned(word) {
                        Some(value) if fits => {
                            row.set(key, value);
                        }
                        _ => malformed += 1,
                    }
                }
            }
            pass.out.malformed_by(malformed);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::node::testing::check;

    #[test]
    fn groups_become_counters() {
        check(
            "xfs",
            &[
                (
                    "sys/fs/xfs/sdb1/stats/stats",
                    "extent_alloc 1 872 x\ntrans 4\nrw 28 7 9\nvnodes 4\n\nbmbt\nqm 1\ndir 3 2 1 52",
                ),
                ("sys/fs/xfs/stats/stats", "rw 1 1\n"),
                ("sys/fs/xfs/error/x", "1\n"),
            ],
            r#"node_xfs_extent_allocation_extents_allocated_total{device="sdb1"} 1
               node_xfs_extent_allocation_blocks_allocated_total{device="sdb1"} 872
               node_xfs_directory_operation_lookup_total{device="sdb1"} 3
               node_xfs_directory_operation_create_total{device="sdb1"} 2
               node_xfs_directory_operation_remove_total{device="sdb1"} 1
               node_xfs_directory_operation_getdents_total{device="sdb1"} 52
               node_xfs_write_calls_total{device="sdb1"} 28
               node_xfs_read_calls_total{device="sdb1"} 7
               node_xfs_vnode_active_total{device="sdb1"} 4"#,
        );
        check("xfs", &[], "");
    }
}
