//! Packets that each CPU has processed: `/proc/net/softnet_stat`, hexadecimal numbers of 32 bits on a line per CPU.

use crate::base::text::Text;
use crate::collect::{Collector, Pass, Trouble};
use crate::family::{Family, Table, check, counter, gauge};
use crate::io::FileSpec;
use crate::stateless;
use crate::text::{hex, lines, words};
use std::fmt::Write;

pub const COLLECTOR: Collector = Collector {
    name: "softnet",
    default: true,
    // Fifteen numbers of nine bytes, and room for as many again.
    files: &[FileSpec::proc("net/softnet_stat", |limits| limits.cpus.max(1) * 270)],
    tables: &[Table::rows("softnet", |limits| limits.cpus.max(1), 32, FAMILIES)],
    flags: &[],
    make: stateless!(collect),
};

const FAMILIES: &[Family] = &[
    counter("node_softnet_processed_total", "Packets processed.").key("processed").essential(),
    counter("node_softnet_dropped_total", "Packets dropped because the backlog was full.")
        .key("dropped")
        .essential(),
    counter("node_softnet_times_squeezed_total", "Rounds that ended with packets left.")
        .key("squeezed")
        .essential(),
    counter("node_softnet_cpu_collision_total", "Collisions on the lock of a device.").key("collision"),
    counter("node_softnet_received_rps_total", "Wake-ups by another CPU to process packets.")
        .key("rps")
        .essential(),
    counter("node_softnet_flow_limit_count_total", "Packets dropped by the limit per flow.")
        .key("flow_limit")
        .essential(),
    gauge("node_softnet_backlog_len", "Packets in the backlog.").key("backlog"),
];
const _: () = check(FAMILIES);

/// Keys by column. The later ones came with Linux 2.6.36, 3.11 and 5.10; the peer serves 0 where they are not there,
/// and dashboards sum over them, so we do too.
const COLUMNS: [(&str, usize); 7] = [
    ("processed", 0),
    ("dropped", 1),
    ("squeezed", 2),
    ("collision", 8),
    ("rps", 9),
    ("flow_limit", 10),
    ("backlog", 11),
];

/// Fewest columns of a line, and the column that names the CPU: lines are of CPUs that are online.
const COLUMNS_MIN: usize = 9;
const CPU: usize = 12;

fn collect(pass: &mut Pass<'_>) -> Result<(), Trouble> {
    for (place, line) in lines(pass.files.get(0)?).enumerate() {
        let mut numbers = [0; CPU + 1];
        let mut used = 0;
        let mut malformed = false;
        for (to, word) in numbers.iter_mut().zip(words(line)) {
            match hex(word).filter(|value| u32::try_from(*value).is_ok()) {
                Some(value) => *to = value,
                None => malformed = true,
            }
            used += 1;
        }
        if malformed || used < COLUMNS_MIN {
            pass.out.malformed();
            continue;
        }
        let cpu = if used > CPU { numbers[CPU] } else { place as u64 };
        let mut label = Text::<24>::new();
        if write!(label, "{cpu}").is_err() {
            continue;
        }
        let mut table = pass.out.table(0);
        let mut row = table.row(&[("cpu", label.as_bytes())]);
        for (key, column) in COLUMNS {
            row.set(key, numbers[column]);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::node::testing::{check, failing};

    #[test]
    fn the_last_column_names_the_cpu() {
        check(
            "softnet",
            &[(
                "proc/net/softnet_stat",
                "ffffffff 1 2 0 0 0 0 0 3 4 5 6 7 0 0\n1 0 0 0 0 0 0 0\n1 2 3 0 0 0 0 0 100000000\n00000009 0 0 0 0 0 0 0 1\n",
            )],
            r#"node_softnet_processed_total{cpu="7"} 4294967295
               node_softnet_processed_total{cpu="3"} 9
               node_softnet_dropped_total{cpu="7"} 1
               node_softnet_dropped_total{cpu="3"} 0
               node_softnet_times_squeezed_total{cpu="7"} 2
               node_softnet_times_squeezed_total{cpu="3"} 0
               node_softnet_cpu_collision_total{cpu="7"} 3
               node_softnet_cpu_collision_total{cpu="3"} 1
               node_softnet_received_rps_total{cpu="7"} 4
               node_softnet_received_rps_total{cpu="3"} 0
               node_softnet_flow_limit_count_total{cpu="7"} 5
               node_softnet_flow_limit_count_total{cpu="3"} 0
               node_softnet_backlog_len{cpu="7"} 6
               node_softnet_backlog_len{cpu="3"} 0"#,
        );
        failing("softnet", &[], "no_data", "");
    }
}
