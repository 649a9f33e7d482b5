//! Free blocks of the page allocator: `/proc/buddyinfo`.
//!
//! Format: "Node 0, zone   Normal   4381   1093 …", a number for each size of 2^n pages.

use crate::collect::{Collector, Pass, Trouble};
use crate::family::{Family, Table, check, gauge};
use crate::io::FileSpec;
use crate::stateless;
use crate::text::{lines, unsigned, words};

pub const COLLECTOR: Collector = Collector {
    name: "buddyinfo",
    default: false,
    files: &[FileSpec::proc("buddyinfo", |limits| {
        limits.kernel_rows.saturating_mul(160).saturating_add(1024)
    })],
    tables: &[Table::rows("buddyinfo", |limits| limits.kernel_rows, 48, FAMILIES)],
    flags: &[],
    make: stateless!(collect),
};

/// Exponents of a block's size in pages. Most kernels go to 10; those with large pages can be built for more.
const SIZES: &[&str] =
    &["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17"];

const FAMILIES: &[Family] =
    &[gauge("node_buddyinfo_blocks", "Free blocks of 2^size pages.").key("blocks").split("size", SIZES)];
const _: () = check(FAMILIES);

fn collect(pass: &mut Pass<'_>) -> Result<(), Trouble> {
    for line in lines(pass.files.get(0)?) {
        let mut words = words(line);
        let node = words.nth(1).and_then(|node| node.strip_suffix(b","));
        let (Some(node), Some(b"zone"), Some(zone)) = (node, words.next(), words.next()) else {
            pass.out.malformed();
            continue;
        };
        let mut malformed = false;
        let mut table = pass.out.table(0);
        let mut row = table.row(&[("node", node), ("zone", zone)]);
        for (size, blocks) in SIZES.iter().zip(words) {
            match unsigned(blocks) {
                Some(blocks) => {
                    row.set_split("blocks", size, blocks);
                }
                None => malformed = true,
            }
        }
        if malformed {
            pass.out.malformed();
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::node::testing::{check, failing};

    #[test]
    fn a_number_for_each_size() {
        check(
            "buddyinfo",
            &[(
                "proc/buddyinfo",
                "Node 0, zone      DMA      1      0 \nNode 1, zone   Normal   x  7\nNode 1, zone\n",
            )],
            r#"node_buddyinfo_blocks{size="0",node="0",zone="DMA"} 1
               node_buddyinfo_blocks{size="1",node="0",zone="DMA"} 0
               node_buddyinfo_blocks{size="1",node="1",zone="Normal"} 7"#,
        );
        failing("buddyinfo", &[], "no_data", "");
    }
}
