//! The scheduler's account of each CPU: `/proc/schedstat`.
//!
//! Format of versions 15 to 17: "cpu0" and nine numbers, of which the last three are nanoseconds run, nanoseconds
//! waited and timeslices; lines of the CPU's domains follow.

use crate::collect::{Collector, Pass, Trouble};
use crate::family::{Family, Table, check, counter};
use crate::io::FileSpec;
use crate::stateless;
use crate::text::{lines, unsigned, words};

pub const COLLECTOR: Collector = Collector {
    name: "schedstat",
    default: true,
    // A domain line has a CPU mask and up to 45 counters; a CPU has up to six of them.
    files: &[FileSpec::proc("schedstat", |limits| 4096 + limits.cpus.max(1) * 4096)],
    tables: &[Table::rows("schedstat", |limits| limits.cpus.max(1), 24, FAMILIES)],
    flags: &[],
    make: stateless!(collect),
};

const FAMILIES: &[Family] = &[
    counter("node_schedstat_running_seconds_total", "Time the CPU spent running a task.")
        .key("running")
        .decimals(9)
        .essential(),
    counter("node_schedstat_waiting_seconds_total", "Time that runnable tasks waited for this CPU.")
        .key("waiting")
        .decimals(9)
        .essential(),
    counter("node_schedstat_timeslices_total", "Timeslices that tasks had on this CPU.")
        .key("timeslices")
        .essential(),
];
const _: () = check(FAMILIES);

fn collect(pass: &mut Pass<'_>) -> Result<(), Trouble> {
    let text = pass.files.get(0)?;
    let mut malformed = 0;
    let mut table = pass.out.table(0);
    for line in lines(text) {
        let Some(rest) = line.strip_prefix(b"cpu") else { continue };
        let mut words = words(rest);
        let cpu = words.next().filter(|cpu| unsigned(cpu).is_some());
        let mut numbers = words.skip(6).map_while(unsigned);
        let (Some(cpu), Some(running), Some(waiting), Some(timeslices)) =
            (cpu, numbers.next(), numbers.next(), numbers.next())
        else {
            malformed += 1;
            continue;
        };
        let mut row = table.row(&[("cpu", cpu)]);
        row.set("running", running);
        row.set("waiting", waiting);
        row.set("timeslices", timeslices);
    }
    pass.out.malformed_by(malformed);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::node::testing::{check, failing};

    #[test]
    fn the_last_three_of_nine_numbers() {
        check(
            "schedstat",
            &[(
                "proc/schedstat",
                "version 17\ntimestamp 4295500000\n\
                 cpu0 0 0 0 0 0 0 12000000345 600000000 99\n\
                 domain0 MC 3 0 0 0 0\n\
                 cpu10 0 0 0 0 0 0 1 2 3\n",
            )],
            r#"node_schedstat_running_seconds_total{cpu="0"} 12.000000345
               node_schedstat_running_seconds_total{cpu="10"} 0.000000001
               node_schedstat_waiting_seconds_total{cpu="0"} 0.6
               node_schedstat_waiting_seconds_total{cpu="10"} 0.000000002
               node_schedstat_timeslices_total{cpu="0"} 99
               node_schedstat_timeslices_total{cpu="10"} 3"#,
        );
    }

    #[test]
    fn a_bad_line_costs_that_cpu() {
        check(
            "schedstat",
            &[(
                "proc/schedstat",
                "cpux 0 0 0 0 0 0 1 2 3\ncpu1 0 0 0 0 0 0 1 -2 3\ncpu2 0 0 0 0 0 0 4 5 6 7\ncpu3 0 0",
            )],
            r#"node_schedstat_running_seconds_total{cpu="2"} 0.000000004
               node_schedstat_waiting_seconds_total{cpu="2"} 0.000000005
               node_schedstat_timeslices_total{cpu="2"} 6"#,
        );
        failing("schedstat", &[], "no_data", "");
    }
}
