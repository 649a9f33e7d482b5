//! cAdvisor: metrics of control groups, under the names and labels of the kubelet's `/metrics/cadvisor`.

pub mod devices;
mod files;
pub mod filesystem;
mod mounted;

pub use files::FILES;

use crate::base::text::PathText;
use crate::collect::{Collect, Collector, Pass, Setup, Trouble};
use crate::family::{Family, Table, check, gauge};
use crate::io::groups::{GroupId, Groups, SharedGroups};
use crate::store::RowOut;

/// Every collector, in the order of the output.
pub const COLLECTORS: &[Collector] = &[COLLECTOR];

const COLLECTOR: Collector = Collector {
    name: "container",
    default: true,
    files: &[],
    tables: &[Table::rows("container", |limits| limits.groups, LABEL_BYTES, FAMILIES)],
    flags: &[],
    make: |setup| Box::new(Containers::new(setup)),
};

/// Longest label text of a group: its path, and the names that the runtime gave it.
const LABEL_BYTES: u16 = 1536;

const FAMILIES: &[Family] = &[
    gauge("container_last_seen", "When the control group was last there: the time of the scrape.")
        .key("last seen")
        .essential(),
    gauge("container_start_time_seconds", "When the control group was made, in seconds since the epoch.")
        .key("start")
        .signed()
        .essential(),
];
const _: () = check(FAMILIES);

const NANOS: i64 = 1_000_000_000;

/// What is known of groups between passes.
struct Containers {
    groups: SharedGroups,
}

impl Containers {
    fn new(setup: &Setup<'_>) -> Self {
        Containers { groups: setup.groups.clone() }
    }
}

impl Collect for Containers {
    fn collect(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        let mut groups = self.groups.borrow_mut();
        groups.refresh(pass.now)?;
        let mut table = pass.out.table(0);
        let mut at = 0;
        while let Some(id) = groups.get(at) {
            let path: PathText = groups.path(id);
            let labels: &[(&str, &[u8])] = &[
                ("container", b""),
                ("id", path.as_bytes()),
                ("image", b""),
                ("name", b""),
                ("namespace", b""),
                ("pod", b""),
            ];
            absorb(&mut groups, id, pass.now.unix_nanos, &mut table.row(labels));
            at += 1;
        }
        Ok(())
    }
}

fn absorb(groups: &mut Groups, id: GroupId, now_nanos: i64, row: &mut RowOut<'_>) {
    row.set("last seen", u64::try_from(now_nanos / NANOS).unwrap_or(0));
    if let Some(created) = groups.created(id) {
        row.set_signed("start", created.div_euclid(NANOS));
    }
}
