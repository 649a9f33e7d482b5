//! Memory: `/proc/meminfo`, one line per number, most of them in kB.

use crate::collect::{Collector, Pass, Trouble};
use crate::family::{Family, Table, check, gauge};
use crate::io::FileSpec;
use crate::stateless;
use crate::text::{lines, split_once, unsigned, words};

pub const COLLECTOR: Collector = Collector {
    name: "meminfo",
    default: true,
    files: &[FileSpec::proc("meminfo", |_| 8192)],
    tables: &[Table::single("meminfo", FAMILIES)],
    flags: &[],
    make: stateless!(collect),
};

/// A number that the kernel prints in kB.
const fn kib(key: &'static str, name: &'static str, help: &'static str) -> Family {
    gauge(name, help).key(key).times(1024)
}

const FAMILIES: &[Family] = &[
    kib("MemTotal", "node_memory_MemTotal_bytes", "Memory the kernel can use.").essential(),
    kib("MemFree", "node_memory_MemFree_bytes", "Memory nobody uses.").essential(),
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
    for _ in 0..malformed {
        pass.out.malformed();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::node::testing::check;

    #[test]
    fn kilobytes_become_bytes() {
        check(
            "meminfo",
            &[("proc/meminfo", "MemTotal:    16 kB\nUnknown: 1 kB\nMemFree: x kB\n")],
            "node_memory_MemTotal_bytes 16384",
        );
    }
}
