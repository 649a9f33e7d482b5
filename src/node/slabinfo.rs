//! Object caches of the kernel: `/proc/slabinfo`, which only root may read.
//!
//! Format of version 2.1: "kmalloc-64  5210 5824 64 64 1 : tunables 0 0 0 : slabdata 91 91 0". A name may hold spaces.

use crate::collect::{Collect, Collector, Pass, Setup, Trouble};
use crate::family::{Family, Table, check, gauge};
use crate::filter::NameFilter;
use crate::flags::{Flag, FlagKind};
use crate::io::FileSpec;
use crate::text::{lines, trim, unsigned};

pub const COLLECTOR: Collector = Collector {
    name: "slabinfo",
    default: false,
    files: &[FileSpec::proc("slabinfo", |limits| {
        limits.kernel_rows.saturating_mul(192).saturating_add(1024)
    })],
    tables: &[Table::rows("slabinfo", |limits| limits.kernel_rows, 64, FAMILIES)],
    flags: &[
        Flag { name: INCLUDE, kind: FlagKind::Regex, default: ".*", help: "Object caches to serve." },
        Flag { name: EXCLUDE, kind: FlagKind::Regex, default: "", help: "Object caches not to serve." },
    ],
    make,
};

const INCLUDE: &str = "collector.slabinfo.slabs-include";
const EXCLUDE: &str = "collector.slabinfo.slabs-exclude";

/// In the order of the columns after the name.
const FAMILIES: &[Family] = &[
    gauge("node_slabinfo_active_objects", "Objects in use.").key("active_objs"),
    gauge("node_slabinfo_objects", "Objects allocated, in use or not.").key("num_objs"),
    gauge("node_slabinfo_object_size_bytes", "Size of an object.").key("objsize"),
    gauge("node_slabinfo_objects_per_slab", "Objects in a slab.").key("objperslab"),
    gauge("node_slabinfo_pages_per_slab", "Pages of a slab.").key("pagesperslab"),
];
const _: () = check(FAMILIES);

struct Slabs {
    names: NameFilter,
}

fn make(setup: &Setup<'_>) -> Box<dyn Collect> {
    Box::new(Slabs { names: NameFilter::new(setup.flags, INCLUDE, EXCLUDE) })
}

impl Collect for Slabs {
    fn collect(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        for line in lines(pass.files.get(0)?) {
            if line.starts_with(b"slabinfo") || line.starts_with(b"#") {
                continue;
            }
            let Some((name, numbers)) = columns(line) else {
                pass.out.malformed();
                continue;
            };
            if !self.names.keeps(name) {
                continue;
            }
            let mut table = pass.out.table(0);
            let mut row = table.row(&[("slab", name)]);
            for (family, number) in FAMILIES.iter().zip(numbers) {
                row.set(family.key, number);
            }
        }
        Ok(())
    }
}

/// The name and the five numbers after it, taken from the end of what stands before the first " : ".
fn columns(line: &[u8]) -> Option<(&[u8], [u64; FAMILIES.len()])> {
    let end = memchr::memmem::find(line, b" : ")?;
    let mut rest = line[..end].trim_ascii_end();
    let mut numbers = [0; FAMILIES.len()];
    for number in numbers.iter_mut().rev() {
        let space = memchr::memrchr(b' ', rest)?;
        *number = unsigned(&rest[space + 1..])?;
        rest = rest[..space].trim_ascii_end();
    }
    let name = trim(rest);
    (!name.is_empty()).then_some((name, numbers))
}

#[cfg(test)]
mod tests {
    use super::{EXCLUDE, INCLUDE};
    use crate::io::replay::Replay;
    use crate::node::testing::{Bench, check, failing};

    const TEXT: &str = "slabinfo - version: 2.1\n# name <active_objs>\n\
        kmalloc-64          5210   5824     64   64    1 : tunables    0    0    0 : slabdata     91     91      0\n\
        an odd name      1 2 3 4 5 : tunables 0 0 0 : slabdata 1 1 0\n\
        cut  1 2\nfew 1 2 3 4 : tunables\nx -1 2 3 4 5 : tunables\n";

    #[test]
    fn five_numbers_of_each_cache() {
        check(
            "slabinfo",
            &[("proc/slabinfo", TEXT)],
            r#"node_slabinfo_active_objects{slab="kmalloc-64"} 5210
               node_slabinfo_active_objects{slab="an odd name"} 1
               node_slabinfo_objects{slab="kmalloc-64"} 5824
               node_slabinfo_objects{slab="an odd name"} 2
               node_slabinfo_object_size_bytes{slab="kmalloc-64"} 64
               node_slabinfo_object_size_bytes{slab="an odd name"} 3
               node_slabinfo_objects_per_slab{slab="kmalloc-64"} 64
               node_slabinfo_objects_per_slab{slab="an odd name"} 4
               node_slabinfo_pages_per_slab{slab="kmalloc-64"} 1
               node_slabinfo_pages_per_slab{slab="an odd name"} 5"#,
        );
        failing("slabinfo", &[], "no_data", "");
    }

    #[test]
    fn names_can_be_left_out() {
        for flags in [[(INCLUDE, "^kmalloc")], [(EXCLUDE, "odd")]] {
            let (_, text) = Bench::new("slabinfo", Replay::with(&[("proc/slabinfo", TEXT)]), &flags).pass();
            assert_eq!(text.lines().filter(|line| line.contains("kmalloc-64")).count(), 5);
            assert_eq!(text.lines().count(), 5);
        }
    }
}
