//! Load averages: `/proc/loadavg`.
//!
//! Format: "0.21 0.37 0.39 1/719 19737".

use crate::collect::{Collector, Pass, Trouble};
use crate::family::{Family, Table, check, gauge};
use crate::io::FileSpec;
use crate::stateless;
use crate::text::{float, words};

pub const COLLECTOR: Collector = Collector {
    name: "loadavg",
    default: true,
    files: &[FileSpec::proc("loadavg", |_| 256).whole()],
    tables: &[Table::single("loadavg", FAMILIES)],
    flags: &[],
    make: stateless!(collect),
};

const FAMILIES: &[Family] = &[
    gauge("node_load1", "Runnable and uninterruptible tasks, averaged over 1 minute.")
        .key("1")
        .float()
        .essential(),
    gauge("node_load5", "Runnable and uninterruptible tasks, averaged over 5 minutes.")
        .key("5")
        .float()
        .essential(),
    gauge("node_load15", "Runnable and uninterruptible tasks, averaged over 15 minutes.")
        .key("15")
        .float()
        .essential(),
];
const _: () = check(FAMILIES);

fn collect(pass: &mut Pass<'_>) -> Result<(), Trouble> {
    let mut words = words(pass.files.get(0)?);
    let mut row = pass.out.single(0);
    for key in ["1", "5", "15"] {
        let load = words.next().and_then(float).ok_or(Trouble::Malformed)?;
        row.set_float(key, load);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::node::testing::{check, failing};

    #[test]
    fn three_averages() {
        check(
            "loadavg",
            &[("proc/loadavg", "0.21 0.37 0.39 1/719 19737\n")],
            "node_load1 0.21
             node_load5 0.37
             node_load15 0.39",
        );
    }

    #[test]
    fn what_is_missing_is_missing() {
        failing("loadavg", &[], "no_data", "");
        failing("loadavg", &[("proc/loadavg", "0.21 x")], "malformed", "node_load1 0.21");
    }
}
