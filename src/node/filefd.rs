//! Open files of the whole machine: `/proc/sys/fs/file-nr`.
//!
//! Format: "1024\t0\t9223372036854775807": allocated, allocated and unused (0 since Linux 2.6), maximum.

use crate::collect::{Collector, Pass, Trouble};
use crate::family::{Family, Table, check, gauge};
use crate::io::FileSpec;
use crate::stateless;
use crate::text::{unsigned, words};

pub const COLLECTOR: Collector = Collector {
    name: "filefd",
    default: true,
    files: &[FileSpec::proc("sys/fs/file-nr", |_| 128)],
    tables: &[Table::single("filefd", FAMILIES)],
    flags: &[],
    make: stateless!(collect),
};

const FAMILIES: &[Family] = &[
    gauge("node_filefd_allocated", "File handles the kernel has allocated.").key("allocated").essential(),
    gauge("node_filefd_maximum", "File handles the kernel would allocate at most.")
        .key("maximum")
        .essential(),
];
const _: () = check(FAMILIES);

fn collect(pass: &mut Pass<'_>) -> Result<(), Trouble> {
    let mut words = words(pass.files.get(0)?).map(unsigned);
    let allocated = words.next().flatten().ok_or(Trouble::Malformed)?;
    let maximum = words.nth(1).flatten().ok_or(Trouble::Malformed)?;
    let mut row = pass.out.single(0);
    row.set("allocated", allocated);
    row.set("maximum", maximum);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::node::testing::{check, failing};

    #[test]
    fn the_first_and_the_last_number() {
        check(
            "filefd",
            &[("proc/sys/fs/file-nr", "1216\t0\t9223372036854775807\n")],
            "node_filefd_allocated 1216
             node_filefd_maximum 9223372036854775807",
        );
    }

    #[test]
    fn a_file_that_is_cut_says_nothing() {
        failing("filefd", &[], "no_data", "");
        failing("filefd", &[("proc/sys/fs/file-nr", "1216\t0")], "malformed", "");
    }
}
