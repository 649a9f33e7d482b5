//! Pressure stall information of a group, with v2: {cpu,memory,io}.pressure.
//!
//! Format: "some avg10=0.00 avg60=0.00 avg300=0.00 total=12345", total in microseconds, and the same with "full". Before
//! Linux 5.13 cpu has no "full" line.

use super::files::{CPU_PRESSURE, IO_PRESSURE, MEMORY_PRESSURE};
use super::visit::Visit;
use crate::family::{Family, check, counter};
use crate::store::RowOut;
use crate::text::{lines, unsigned, words};

/// Microseconds of one line of one file.
const fn stall(key: &'static str, name: &'static str, help: &'static str) -> Family {
    counter(name, help).key(key).decimals(6)
}

pub(super) const FAMILIES: &[Family] = &[
    stall(
        "cpu full",
        "container_pressure_cpu_stalled_seconds_total",
        "Time in which every task of the group that could run waited for a CPU.",
    ),
    stall(
        "cpu some",
        "container_pressure_cpu_waiting_seconds_total",
        "Time in which some task of the group waited for a CPU.",
    ),
    stall(
        "memory full",
        "container_pressure_memory_stalled_seconds_total",
        "Time in which every task of the group waited for memory.",
    ),
    stall(
        "memory some",
        "container_pressure_memory_waiting_seconds_total",
        "Time in which some task of the group waited for memory.",
    ),
    stall(
        "io full",
        "container_pressure_io_stalled_seconds_total",
        "Time in which every task of the group waited for I/O.",
    ),
    stall(
        "io some",
        "container_pressure_io_waiting_seconds_total",
        "Time in which some task of the group waited for I/O.",
    ),
];
const _: () = check(FAMILIES);

/// The files and the keys of their two numbers, "full" and "some".
const FILES: [(usize, [&str; 2]); 3] = [
    (CPU_PRESSURE, ["cpu full", "cpu some"]),
    (MEMORY_PRESSURE, ["memory full", "memory some"]),
    (IO_PRESSURE, ["io full", "io some"]),
];

pub(super) fn read(visit: &mut Visit<'_>, row: &mut RowOut<'_>) {
    for (file, keys) in FILES {
        let mut totals = [None; 2];
        visit.absorb(file, |text| absorb(text, &mut totals));
        for (key, total) in keys.iter().zip(totals) {
            row.set_some(key, total);
        }
    }
}

/// The totals of "full" and "some". Returns how many lines were not understood.
pub(super) fn absorb(text: &[u8], totals: &mut [Option<u64>; 2]) -> u32 {
    let mut malformed = 0;
    for line in lines(text) {
        let mut words = words(line);
        let place = match words.next() {
            Some(b"full") => &mut totals[0],
            Some(b"some") => &mut totals[1],
            _ => {
                malformed += 1;
                continue;
            }
        };
        *place = words.find_map(|word| word.strip_prefix(b"total=")).and_then(unsigned);
        malformed += u32::from(place.is_none());
    }
    malformed
}

#[cfg(test)]
mod tests {
    use crate::container::testing::{check_v1, check_v2};

    const ALL: &str = "container_pressure";

    #[test]
    fn full_is_stalled_and_some_is_waiting() {
        let text = "some avg10=0.00 avg60=0.00 avg300=0.00 total=1000001\nfull avg10=1.00 avg60=0.00 avg300=0.00 total=7\n";
        check_v2(
            ALL,
            &[
                ("cpu.pressure", "some avg10=0.00 avg60=0.00 avg300=0.00 total=12\n"),
                ("memory.pressure", text),
                ("io.pressure", "full avg10=0.00 total=3\nsome avg10=0.00 total=0\n"),
            ],
            "container_pressure_cpu_waiting_seconds_total 0.000012
             container_pressure_io_stalled_seconds_total 0.000003
             container_pressure_io_waiting_seconds_total 0
             container_pressure_memory_stalled_seconds_total 0.000007
             container_pressure_memory_waiting_seconds_total 1.000001",
        );
    }

    #[test]
    fn v1_has_none() {
        check_v1(
            ALL,
            &[("cpu/cpu.pressure", "some total=1"), ("memory/memory.pressure", "some total=1")],
            "",
        );
    }

    #[test]
    fn bad_lines_cost_themselves() {
        check_v2(
            ALL,
            &[
                ("cpu.pressure", "\nsome\nfull total=\nmany total=3"),
                ("memory.pressure", "some total=-1\nfull total=18446744073709551616"),
                ("io.pressure", "some avg10 total=3 total=4\nfull=3"),
            ],
            "container_pressure_io_waiting_seconds_total 0.000003",
        );
    }
}
