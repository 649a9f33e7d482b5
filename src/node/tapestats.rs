//! SCSI tape drives: `/sys/class/scsi_tape/st*/stats`, one file per number (Documentation/scsi/st.rst).

use crate::collect::{Collect, Collector, Pass, Setup, Trouble};
use crate::family::{Family, Table, check, counter, gauge};
use crate::filter::NameFilter;
use crate::flags::{Flag, FlagKind};
use crate::io::{Names, Root};
use crate::text::{trim, unsigned};

pub const COLLECTOR: Collector = Collector {
    name: "tapestats",
    default: true,
    files: &[],
    tables: &[Table::rows("tapes", |limits| limits.small_devices, 64, FAMILIES)],
    flags: &[Flag {
        name: IGNORED,
        kind: FlagKind::Regex,
        default: "^$",
        help: "Tape drives that are left out.",
    }],
    make,
};

const IGNORED: &str = "collector.tapestats.ignored-devices";

/// The key is the name of the file.
const FAMILIES: &[Family] = &[
    gauge("node_tape_io_now", "Requests in flight.").key("in_flight"),
    counter("node_tape_io_time_seconds_total", "Time that all requests took, moving the tape included.")
        .key("io_ns")
        .decimals(9),
    counter("node_tape_io_others_total", "Requests other than reads and writes.").key("other_cnt"),
    counter("node_tape_read_bytes_total", "Bytes read.").key("read_byte_cnt"),
    counter("node_tape_reads_completed_total", "Reads that were completed.").key("read_cnt"),
    counter("node_tape_read_time_seconds_total", "Time that reads took.").key("read_ns").decimals(9),
    counter("node_tape_residual_total", "Reads and writes that moved less than was asked for.")
        .key("resid_cnt"),
    counter("node_tape_written_bytes_total", "Bytes written.").key("write_byte_cnt"),
    counter("node_tape_writes_completed_total", "Writes that were completed.").key("write_cnt"),
    counter("node_tape_write_time_seconds_total", "Time that writes took.").key("write_ns").decimals(9),
];
const _: () = check(FAMILIES);

fn make(setup: &Setup<'_>) -> Box<dyn Collect> {
    // A drive has eight device nodes (st0, nst0a, …), of which one is the drive.
    let names = 8 * setup.limits.small_devices as usize;
    Box::new(Tapes { filter: NameFilter::new(setup.flags, "", IGNORED), names: Names::with_capacity(names) })
}

struct Tapes {
    filter: NameFilter,
    names: Names,
}

impl Collect for Tapes {
    fn collect(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        pass.io.list(Root::Sys, &[b"class/scsi_tape"], &mut self.names)?;
        if !pass.out.serves(0) {
            return Ok(());
        }
        for name in self.names.iter() {
            let number = name.strip_prefix(b"st").and_then(unsigned);
            if number.is_none() || !self.filter.keeps(name) {
                continue;
            }
            for family in FAMILIES {
                let path: &[&[u8]] = &[b"class/scsi_tape/", name, b"/stats/", family.key.as_bytes()];
                let Ok(text) = pass.io.read(Root::Sys, path) else { continue };
                match unsigned(trim(text)) {
                    Some(value) => {
                        pass.out.table(0).row(&[("device", name)]).set(family.key, value);
                    }
                    None => pass.out.malformed(),
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::io::replay::Replay;
    use crate::node::testing::{Bench, check, failing};

    const FILES: &[(&str, &str)] = &[
        ("sys/class/scsi_tape/st0/stats/in_flight", "1\n"),
        ("sys/class/scsi_tape/st0/stats/io_ns", "9247011087720\n"),
        ("sys/class/scsi_tape/st0/stats/read_ns", "-1\n"),
        ("sys/class/scsi_tape/st0/stats/write_byte_cnt", "18446744073709551615\n"),
        ("sys/class/scsi_tape/nst0/stats/in_flight", "1\n"),
        ("sys/class/scsi_tape/st0a/stats/in_flight", "1\n"),
    ];

    #[test]
    fn a_drive_has_a_file_per_number() {
        check(
            "tapestats",
            FILES,
            r#"node_tape_io_now{device="st0"} 1
               node_tape_io_time_seconds_total{device="st0"} 9247.01108772
               node_tape_written_bytes_total{device="st0"} 18446744073709551614"#,
        );
    }

    #[test]
    fn no_class_is_no_data() {
        failing("tapestats", &[], "no_data", "");
        let flags = [(super::IGNORED, "^st0$")];
        assert_eq!(Bench::new("tapestats", Replay::with(FILES), &flags).pass(), (Ok(()), String::new()));
    }
}
