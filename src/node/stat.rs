//! Kernel activity since boot: `/proc/stat` without its CPU lines, which are the collector `cpu`'s.

use crate::collect::{Collect, Collector, Pass, Setup, Trouble};
use crate::family::{Family, Table, check, counter, gauge};
use crate::flags::{Flag, FlagKind};
use crate::io::FileSpec;
use crate::text::{lines, unsigned, words};

/// The file, for both collectors that read it. A CPU line is at most 230 bytes; the line of interrupts has a number
/// for every interrupt the machine could have, most of them 0.
pub(super) const FILE: FileSpec = FileSpec::proc("stat", |limits| 16_384 + limits.cpus.max(1) * 512).whole();

pub const COLLECTOR: Collector = Collector {
    name: "stat",
    default: true,
    files: &[FILE],
    tables: &[Table::single("stat", FAMILIES)],
    flags: &[Flag {
        name: "collector.stat.softirq",
        kind: FlagKind::Bool,
        default: "false",
        help: "Serves node_softirqs_total, the number of softirqs by vector.",
    }],
    make,
};

/// Vectors in the order of the line "softirq", which begins with their sum.
const VECTORS: &[&str] =
    &["hi", "timer", "net_tx", "net_rx", "block", "block_iopoll", "tasklet", "sched", "hrtimer", "rcu"];

const FAMILIES: &[Family] = &[
    counter("node_intr_total", "Interrupts served.").key("intr").essential(),
    counter("node_context_switches_total", "Switches from one task to another.").key("ctxt").essential(),
    gauge("node_boot_time_seconds", "When the machine was booted, in seconds since the epoch.")
        .key("btime")
        .essential(),
    counter("node_forks_total", "Processes and threads created.").key("processes").essential(),
    gauge("node_procs_running", "Tasks that run or could run.").key("procs_running").essential(),
    gauge("node_procs_blocked", "Tasks that wait for I/O.").key("procs_blocked").essential(),
    counter("node_softirqs_total", "Softirqs served, by vector.").key("softirq").split("vector", VECTORS),
];
const _: () = check(FAMILIES);

struct Stat {
    softirqs: bool,
}

fn make(setup: &Setup<'_>) -> Box<dyn Collect> {
    Box::new(Stat { softirqs: setup.flags.bool("collector.stat.softirq") })
}

impl Collect for Stat {
    fn collect(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        let text = pass.files.get(0)?;
        let mut malformed = 0;
        let mut row = pass.out.single(0);
        for line in lines(text) {
            if line.starts_with(b"cpu") {
                continue;
            }
            let mut words = words(line);
            let Some(key) = words.next() else { continue };
            if key == b"softirq" {
                if self.softirqs {
                    for (vector, count) in VECTORS.iter().zip(words.skip(1)) {
                        match unsigned(count) {
                            Some(count) => {
                                row.set_split("softirq", vector, count);
                            }
                            None => malformed += 1,
                        }
                    }
                }
                continue;
            }
            match words.next().and_then(unsigned) {
                Some(value) => {
                    row.set(key, value);
                }
                None => malformed += 1,
            }
        }
        pass.out.malformed_by(malformed);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::io::replay::Replay;
    use crate::node::testing::{Bench, check, failing};

    const TEXT: &str = "cpu  1 2 3\ncpu0 1 2 3\nintr 500 0 17 0\nctxt 900\nbtime 1700000000\nprocesses 42\n\
                        procs_running 2\nprocs_blocked 0\nsoftirq 55 1 2 3 4 5 6 7 8 9 10\n";
    const EXPECT: &str = "node_intr_total 500
        node_context_switches_total 900
        node_boot_time_seconds 1700000000
        node_forks_total 42
        node_procs_running 2
        node_procs_blocked 0";

    #[test]
    fn totals_without_cpus_and_vectors() {
        check("stat", &[("proc/stat", TEXT)], EXPECT);
        failing("stat", &[], "no_data", "");
    }

    #[test]
    fn vectors_when_asked_for() {
        let machine = Replay::with(&[("proc/stat", TEXT)]);
        let (result, text) = Bench::new("stat", machine, &[("collector.stat.softirq", "true")]).pass();
        assert_eq!(result, Ok(()));
        assert!(text.contains("node_softirqs_total{vector=\"hi\"} 1\n"), "{text}");
        assert!(text.ends_with("node_softirqs_total{vector=\"rcu\"} 10"), "{text}");
    }

    #[test]
    fn a_bad_line_costs_that_line() {
        check(
            "stat",
            &[("proc/stat", "intr\nctxt 99999999999999999999\nnew 7\nprocesses 4")],
            "node_forks_total 4",
        );
    }
}
