//! Softirqs by CPU: `/proc/softirqs`, a line of CPU names, then a line for each type with a number for each CPU.

use crate::collect::{Collector, Pass, Trouble};
use crate::family::{Family, Table, check, counter};
use crate::io::FileSpec;
use crate::stateless;
use crate::text::{lines, split_once, trim, unsigned, words};

pub const COLLECTOR: Collector = Collector {
    name: "softirqs",
    default: false,
    files: &[FileSpec::proc("softirqs", |limits| 1024 + limits.cpus.max(1) * 256)],
    tables: &[Table::rows("softirqs", |limits| limits.cpus.max(1), 24, FAMILIES)],
    flags: &[],
    make: stateless!(collect),
};

const TYPES: &[&str] =
    &["HI", "TIMER", "NET_TX", "NET_RX", "BLOCK", "IRQ_POLL", "TASKLET", "SCHED", "HRTIMER", "RCU"];

const FAMILIES: &[Family] = &[counter("node_softirqs_functions_total", "Softirqs served, by type.")
    .key("softirqs")
    .split("type", TYPES)];
const _: () = check(FAMILIES);

fn collect(pass: &mut Pass<'_>) -> Result<(), Trouble> {
    let mut lines = lines(pass.files.get(0)?);
    let cpus = words(lines.next().ok_or(Trouble::Malformed)?);
    let mut malformed = 0;
    for line in lines {
        let Some((kind, counts)) = split_once(line, b':') else {
            malformed += 1;
            continue;
        };
        let kind = trim(kind);
        if !TYPES.iter().any(|known| known.as_bytes() == kind) {
            continue;
        }
        let mut table = pass.out.table(0);
        for (cpu, count) in cpus.clone().zip(words(counts)) {
            match (cpu.strip_prefix(b"CPU"), unsigned(count)) {
                (Some(cpu), Some(count)) => {
                    table.row(&[("cpu", cpu)]).set_split("softirqs", kind, count);
                }
                _ => malformed += 1,
            }
        }
    }
    pass.out.malformed_by(malformed);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::node::testing::{check, failing};

    #[test]
    fn a_number_for_each_type_and_cpu() {
        check(
            "softirqs",
            &[(
                "proc/softirqs",
                "                    CPU0       CPU1       \n          HI:          7          1\n\
                 \x20     NET_RX:      43066     x\n     NEW: 1 2\nno colon\n         RCU:     3",
            )],
            r#"node_softirqs_functions_total{type="HI",cpu="0"} 7
               node_softirqs_functions_total{type="HI",cpu="1"} 1
               node_softirqs_functions_total{type="NET_RX",cpu="0"} 43066
               node_softirqs_functions_total{type="RCU",cpu="0"} 3"#,
        );
        failing("softirqs", &[], "no_data", "");
        failing("softirqs", &[("proc/softirqs", "")], "malformed", "");
    }
}
