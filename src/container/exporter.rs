//! What cAdvisor says of itself: whether it could look at the control groups and at the machine.

use crate::family::{Family, Table, check, gauge};
use crate::part::{Report, Stat};
use crate::store::Out;

/// Filled after every pass of the container collectors.
pub const REPORT: Report = Report { tables: &[Table::single("container errors", ERRORS)], fill };

/// The key is the name of the collector.
const ERRORS: &[Family] = &[
    gauge("container_scrape_error", "1 if the newest look at the control groups failed, else 0.")
        .key("container"),
    gauge("machine_scrape_error", "1 if the newest look at the machine failed, else 0.").key("machine"),
];
const _: () = check(ERRORS);

fn fill(out: &mut Out<'_>, stats: &[Stat]) {
    let mut row = out.single(0);
    for stat in stats.iter().filter(|stat| stat.collected.is_some()) {
        row.set(stat.name, u64::from(!stat.success));
    }
}
