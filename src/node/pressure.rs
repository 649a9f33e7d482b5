//! Pressure stall information: `/proc/pressure/{cpu,io,memory,irq}`.
//!
//! Format: "some avg10=0.00 avg60=0.00 avg300=0.00 total=12345", total in microseconds, and the same with "full";
//! irq has only "full", and only with CONFIG_IRQ_TIME_ACCOUNTING.

use crate::collect::{Collector, Pass, Trouble};
use crate::family::{Family, Table, check, counter};
use crate::io::{FileSpec, ReadError};
use crate::stateless;
use crate::text::{lines, unsigned, words};

pub const COLLECTOR: Collector = Collector {
    name: "pressure",
    default: true,
    files: &[
        FileSpec::proc("pressure/cpu", |_| 512).whole(),
        FileSpec::proc("pressure/io", |_| 512).whole(),
        FileSpec::proc("pressure/memory", |_| 512).whole(),
        FileSpec::proc("pressure/irq", |_| 512).whole(),
    ],
    tables: &[Table::single("pressure", FAMILIES)],
    flags: &[],
    make: stateless!(collect),
};

/// Microseconds of one line of one file.
const fn stall(key: &'static str, name: &'static str, help: &'static str) -> Family {
    counter(name, help).key(key).decimals(6).essential()
}

/// Keys of the families in the order of [`COLLECTOR`]'s files: the "some" line, the "full" line; empty: not served.
/// "full" of cpu says nothing for the whole machine.
const KEYS: [[&str; 2]; 4] =
    [["cpu some", ""], ["io some", "io full"], ["memory some", "memory full"], ["", "irq full"]];

const FAMILIES: &[Family] = &[
    stall("cpu some", "node_pressure_cpu_waiting_seconds_total", "Time in which some task waited for a CPU."),
    stall("io some", "node_pressure_io_waiting_seconds_total", "Time in which some task waited for I/O."),
    stall("io full", "node_pressure_io_stalled_seconds_total", "Time in which every task waited for I/O."),
    stall(
        "memory some",
        "node_pressure_memory_waiting_seconds_total",
        "Time in which some task waited for memory.",
    ),
    stall(
        "memory full",
        "node_pressure_memory_stalled_seconds_total",
        "Time in which every task waited for memory.",
    ),
    stall(
        "irq full",
        "node_pressure_irq_stalled_seconds_total",
        "Time in which interrupts kept every task from its CPU.",
    ),
];
const _: () = check(FAMILIES);

fn collect(pass: &mut Pass<'_>) -> Result<(), Trouble> {
    let files = pass.files;
    let (mut found, mut malformed) = (0, 0);
    let mut row = pass.out.single(0);
    for (index, keys) in KEYS.iter().enumerate() {
        let text = match files.get(index) {
            Ok(text) => text,
            // Which files there are depends on the kernel's version and configuration.
            Err(ReadError::Missing) => continue,
            Err(error) => return Err(error.into()),
        };
        found += 1;
        for line in lines(text) {
            let mut words = words(line);
            let key = match words.next() {
                Some(b"some") => keys[0],
                Some(b"full") => keys[1],
                _ => {
                    malformed += 1;
                    continue;
                }
            };
            match words.find_map(|word| word.strip_prefix(b"total=")).and_then(unsigned) {
                Some(micros) if !key.is_empty() => {
                    row.set(key, micros);
                }
                Some(_) => {}
                None => malformed += 1,
            }
        }
    }
    pass.out.malformed_by(malformed);
    if found == 0 { Err(Trouble::NoData) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use crate::io::ReadError;
    use crate::io::replay::{Entry, Replay};
    use crate::node::testing::{Bench, check, failing};

    const CPU: (&str, &str) = (
        "proc/pressure/cpu",
        "some avg10=2.10 avg60=1.00 avg300=0.50 total=1000001\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7\n",
    );

    #[test]
    fn microseconds_become_seconds() {
        check(
            "pressure",
            &[
                CPU,
                ("proc/pressure/io", "some avg10=0.00 total=2500000\nfull avg10=0.00 total=500000\n"),
                ("proc/pressure/memory", "some total=0\nfull total=18446744073709551615\n"),
                ("proc/pressure/irq", "full avg10=0.00 avg60=0.00 avg300=0.00 total=8494"),
            ],
            "node_pressure_cpu_waiting_seconds_total 1.000001
             node_pressure_io_waiting_seconds_total 2.5
             node_pressure_io_stalled_seconds_total 0.5
             node_pressure_memory_waiting_seconds_total 0
             node_pressure_memory_stalled_seconds_total 18446744073709.551614
             node_pressure_irq_stalled_seconds_total 0.008494",
        );
    }

    #[test]
    fn a_kernel_without_irq_pressure_has_the_rest() {
        check("pressure", &[CPU], "node_pressure_cpu_waiting_seconds_total 1.000001");
        failing("pressure", &[], "no_data", "");
    }

    #[test]
    fn pressure_that_is_switched_off_is_no_data() {
        let mut machine = Replay::new();
        machine.put("proc/pressure/cpu", Entry::Broken(ReadError::Unsupported));
        let (result, text) = Bench::new("pressure", machine, &[]).pass();
        assert_eq!((result.unwrap_err().label(), text.as_str()), ("no_data", ""));
    }

    #[test]
    fn a_bad_line_costs_that_line() {
        check(
            "pressure",
            &[("proc/pressure/io", "none\n\nsome total=x\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=1")],
            "node_pressure_io_stalled_seconds_total 0.000001",
        );
    }
}
