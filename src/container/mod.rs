//! cAdvisor: metrics of control groups, under the names and labels of the kubelet's `/metrics/cadvisor`.

pub mod devices;
mod exporter;
mod files;
pub mod filesystem;
pub mod machine;
mod mounted;

pub use exporter::REPORT;
pub use files::FILES;

use crate::base::text::PathText;
use crate::collect::{Collect, Collector, Pass, Setup, Trouble};
use crate::family::{Family, Table, check, gauge};
use crate::io::groups::{GroupId, Groups, SharedGroups};
use crate::limits::Limits;
use crate::store::RowOut;
use devices::{DISKSTATS, Devices};

/// Every collector, in the order of the output.
pub const COLLECTORS: &[Collector] = &[COLLECTOR, machine::COLLECTOR];

const COLLECTOR: Collector = Collector {
    name: "container",
    default: true,
    files: &[DISKSTATS],
    tables: &[
        Table::rows("container", |limits| limits.groups, LABEL_BYTES, FAMILIES),
        Table::rows("container file systems", file_systems, DEVICE_BYTES, filesystem::FAMILIES)
            .below("container"),
    ],
    flags: &[filesystem::MOUNTS_FLAG],
    make: |setup| Box::new(Containers::new(setup)),
};

/// Longest label text of a group: its path, and the names that the runtime gave it.
const LABEL_BYTES: u16 = 1536;

/// Longest label `device`: a path of a mount point, if that is not too long.
const DEVICE_BYTES: u16 = 256;

/// The file systems of the root control group.
const fn file_systems(limits: &Limits) -> u32 {
    limits.mounts
}

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
    devices: Devices,
    /// Were the devices of this pass understood?
    known: Result<(), Trouble>,
}

impl Containers {
    fn new(setup: &Setup<'_>) -> Self {
        Containers {
            groups: setup.groups.clone(),
            devices: Devices::new(setup.flags, setup.limits, setup.roots),
            known: Ok(()),
        }
    }
}

impl Collect for Containers {
    fn request(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        let refused = self.devices.refused_total();
        // What devices are called must not cost what groups have done.
        self.known = self.devices.refresh(pass.files.get(0), pass.io, || pass.out.malformed());
        for _ in refused..self.devices.refused_total() {
            pass.out.refuse(1);
        }
        filesystem::request(&self.devices, pass.io);
        Ok(())
    }

    /// File systems have been asked.
    fn late(&self) -> bool {
        true
    }

    fn collect(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        let mut groups = self.groups.borrow_mut();
        groups.refresh(pass.now)?;
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
            let mut table = pass.out.table(0);
            let mut row = table.row(labels);
            absorb(&mut groups, id, pass.now.unix_nanos, &mut row);
            if path.as_bytes() == b"/"
                && let Some(root) = row.handle()
            {
                let mut table = pass.out.table(1);
                filesystem::collect(&self.devices, pass.io, |device, known, disk| {
                    filesystem::set(&mut table.row_below(root, &[("device", device)]), known, disk);
                });
            }
            at += 1;
        }
        self.known
    }
}

fn absorb(groups: &mut Groups, id: GroupId, now_nanos: i64, row: &mut RowOut<'_>) {
    row.set("last seen", u64::try_from(now_nanos / NANOS).unwrap_or(0));
    if let Some(created) = groups.created(id) {
        row.set_signed("start", created.div_euclid(NANOS));
    }
}
