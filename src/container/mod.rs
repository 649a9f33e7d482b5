//! cAdvisor: metrics of control groups, under the names and labels of the kubelet's `/metrics/cadvisor`.

mod cpu;
pub mod devices;
mod disk;
mod exporter;
mod files;
pub mod filesystem;
mod lifetime;
mod limits;
pub mod machine;
mod memory;
mod mounted;
mod pressure;
#[cfg(test)]
mod testing;
mod visit;

pub use exporter::REPORT;
pub use files::FILES;

use crate::base::clock::Moment;
use crate::base::text::PathText;
use crate::collect::{Collect, Collector, Pass, Setup, Trouble};
use crate::family::{Family, Table, check, concat, count};
use crate::io::FileSpec;
use crate::io::groups::{GroupId, Groups, SharedGroups};
use crate::limits::Limits as Maxima;
use crate::store::{Handle, RowOut, TableOut};
use devices::{DISKSTATS, Devices};
use files::Needed;
use limits::Limits;
use visit::{Machine, Visit};

/// Every collector, in the order of the output.
pub const COLLECTORS: &[Collector] = &[COLLECTOR, machine::COLLECTOR];

const COLLECTOR: Collector = Collector {
    name: "container",
    default: true,
    files: &[DISKSTATS, FileSpec::proc("meminfo", |_| 8192)],
    tables: TABLES,
    flags: &[filesystem::MOUNTS_FLAG],
    make: |setup| Box::new(Containers::new(setup)),
};

const TABLES: &[Table] = &[
    Table::rows("container", |limits| limits.groups, LABEL_BYTES, FAMILIES),
    Table::rows("container devices", devices_max, DEVICE_BYTES, filesystem::FAMILIES).below("container"),
    Table::rows("container blkio", |limits| limits.group_disks, BLKIO_BYTES, disk::FAMILIES)
        .below("container"),
];

/// The places of the tables of devices.
const DEVICE_TABLES: [usize; 2] = [1, 2];

/// Longest label text of a group: its path, and the names that the runtime gave it.
const LABEL_BYTES: u16 = 1536;

/// Longest label `device`: a path of a mount point, if that is not too long.
const DEVICE_BYTES: u16 = 256;

/// The same with `major` and `minor`.
const BLKIO_BYTES: u16 = DEVICE_BYTES + 48;

/// The file systems of the root, and the disks that groups have used.
const fn devices_max(limits: &Maxima) -> u32 {
    limits.mounts + limits.group_disks
}

/// The families of a group, in the order in which a pass sets them.
const LISTS: &[&[Family]] =
    &[lifetime::FAMILIES, cpu::FAMILIES, memory::FAMILIES, pressure::FAMILIES, limits::FAMILIES];
const FAMILIES: &[Family] = &concat::<{ count(LISTS) }>(LISTS);
const _: () = check(FAMILIES);

/// What is known between passes.
struct Containers {
    groups: SharedGroups,
    devices: Devices,
    /// Were the devices of this pass understood?
    devices_known: Result<(), Trouble>,
    /// By the place of the group.
    known: Vec<Known>,
    /// `None`: before the first pass.
    needed: Option<Needed>,
}

/// What is known of a group between passes.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// The group that this is about; another may have taken its place.
    birth: u64,
    row: Option<Handle>,
    started: Option<u64>,
    limits: Limits,
}

impl Containers {
    fn new(setup: &Setup<'_>) -> Self {
        Containers {
            groups: setup.groups.clone(),
            devices: Devices::new(setup.flags, setup.limits, setup.roots),
            devices_known: Ok(()),
            known: vec![Known::default(); setup.limits.groups as usize],
            needed: None,
        }
    }
}

impl Collect for Containers {
    fn request(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        let refused = self.devices.refused_total();
        // What devices are called must not cost what groups have done.
        self.devices_known = self.devices.refresh(pass.files.get(0), pass.io, || pass.out.malformed());
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
        let needed = self.needed.get_or_insert_with(|| files::needed(&pass.out, TABLES.len()));
        let machine = Machine::new(pass.files.get(1).unwrap_or_default());
        let mut present = disk::Present::default();
        let (mut trouble, mut malformed) = (None, 0);
        let mut at = 0;
        while let Some(id) = groups.get(at) {
            let known = &mut self.known[id.index()];
            let mut visit = Visit { groups: &mut groups, id, needed, machine, trouble: None, malformed: 0 };
            known.meet(&mut visit);
            let mut table = pass.out.table(0);
            let mut row = known.row(visit.groups, id, &mut table);
            known.show(&mut visit, pass.now, &mut row);
            if at == 0 {
                present = disk::Present::find(&mut visit);
            }
            if let Some(group) = row.handle() {
                show_devices(&self.devices, present, &mut visit, group, pass);
            }
            trouble = visit.trouble.or(trouble);
            malformed += visit.malformed;
            at += 1;
        }
        for _ in 0..malformed {
            pass.out.malformed();
        }
        trouble.map_or(self.devices_known, Err)
    }
}

/// Disks that a group has used; the root also has the file systems of the machine.
fn show_devices(
    devices: &Devices,
    present: disk::Present,
    visit: &mut Visit<'_>,
    group: Handle,
    pass: &mut Pass<'_>,
) {
    let root = visit.is_root();
    if root {
        let mut table = pass.out.table(DEVICE_TABLES[0]);
        filesystem::collect(devices, pass.io, |device, known, disk| {
            filesystem::set(&mut table.row_below(group, &[("device", device)]), known, disk);
        });
    }
    let out = &mut pass.out;
    let mut target = disk::Target { out, devices, tables: DEVICE_TABLES, group, root, unnamed: None };
    disk::read(visit, present, &mut target);
}

impl Known {
    /// Forgets what was known of another group in the same place, and reads what seldom changes.
    fn meet(&mut self, visit: &mut Visit<'_>) {
        let birth = visit.groups.birth(visit.id);
        let changed = visit.groups.changed(visit.id);
        if self.birth != birth {
            *self = Known { birth, started: lifetime::started(visit), ..Known::default() };
        }
        if changed {
            self.limits = Limits::read(visit);
        }
    }

    /// The group's row: the one of the pass before, or the one with its labels.
    fn row<'a>(&mut self, groups: &Groups, id: GroupId, table: &'a mut TableOut<'_>) -> RowOut<'a> {
        if let Some(handle) = self.row.filter(|handle| table.keeps(*handle)) {
            return table.again(handle);
        }
        let path: PathText = groups.path(id);
        let row = table.row(&[
            ("container", b""),
            ("id", path.as_bytes()),
            ("image", b""),
            ("name", b""),
            ("namespace", b""),
            ("pod", b""),
        ]);
        self.row = row.handle();
        row
    }

    /// Sets the group's numbers, in the order of the families.
    fn show(&self, visit: &mut Visit<'_>, now: Moment, row: &mut RowOut<'_>) {
        lifetime::show(self.started, now.unix_nanos, row);
        cpu::read(visit, self.limits.has_quota(), row);
        memory::read(visit, self.limits.with_children, row);
        pressure::read(visit, row);
        self.limits.show(&visit.machine, visit.is_root(), row);
    }
}
