//! cAdvisor: metrics of control groups, under the names and labels of the kubelet's `/metrics/cadvisor`.

mod cpu;
pub mod devices;
mod disk;
mod exporter;
mod files;
pub mod filesystem;
pub mod image;
pub mod json;
pub mod labels;
mod lifetime;
mod limits;
pub mod lookup;
pub mod machine;
mod memory;
mod mounted;
mod network;
pub mod path;
mod pressure;
mod process;
pub mod scope;
mod started;
pub mod state;
#[cfg(test)]
mod testing;
mod visit;

pub use exporter::REPORT;
pub use files::FILES;

use crate::base::clock::Moment;
use crate::base::text::Text;
use crate::collect::{Collect, Collector, Pass, Setup, Trouble};
use crate::family::{Family, Table, check, concat, count};
use crate::flags::Flag;
use crate::io::groups::SharedGroups;
use crate::limits::Limits as Maxima;
use crate::store::{Handle, Item, RowOut, TableOut};
use devices::{DISKSTATS, Devices};
use files::Needed;
use labels::{LABEL_BYTES, LABEL_BYTES_MAX, Names};
use limits::Limits;
use network::{INTERFACE_BYTES, Network};
use path::Kind;
use visit::{Machine, Visit};

/// What the collectors hold beside their own state.
pub const fn plan() -> Item {
    Names::plan()
}

/// Every collector, in the order of the output.
pub const COLLECTORS: &[Collector] = &[COLLECTOR, machine::COLLECTOR];

const COLLECTOR: Collector = Collector {
    name: "container",
    default: true,
    files: &[DISKSTATS, machine::MEMINFO],
    tables: TABLES,
    flags: FLAGS,
    make: |setup| Box::new(Containers::new(setup)),
};

const TABLES: &[Table] = &[
    Table::rows("container", |limits| limits.groups, LABEL_BYTES_MAX, FAMILIES),
    Table::rows("container devices", devices_max, DEVICE_BYTES, filesystem::FAMILIES).below("container"),
    Table::rows("container blkio", |limits| limits.group_disks, BLKIO_BYTES, disk::FAMILIES)
        .below("container"),
    Table::rows("container network", |limits| limits.group_interfaces, INTERFACE_BYTES, network::FAMILIES)
        .below("container"),
];

/// The places of the tables of devices.
const DEVICE_TABLES: [usize; 2] = [1, 2];

/// The place of the table of network devices.
const NETWORK_TABLE: usize = 3;

const FLAGS: &[Flag] = &[
    scope::FLAG,
    labels::FLAG,
    lookup::FLAGS[0],
    lookup::FLAGS[1],
    lookup::FLAGS[2],
    lookup::FLAGS[3],
    filesystem::MOUNTS_FLAG,
];

/// Longest label `device`: a path of a mount point, if that is not too long.
const DEVICE_BYTES: u16 = 256;

/// The same with `major` and `minor`.
const BLKIO_BYTES: u16 = DEVICE_BYTES + 48;

/// The file systems of the root, and the disks that groups have used.
const fn devices_max(limits: &Maxima) -> u32 {
    limits.mounts + limits.group_disks
}

/// The families of a group, in the order in which a pass sets them.
const LISTS: &[&[Family]] = &[
    lifetime::FAMILIES,
    cpu::FAMILIES,
    memory::FAMILIES,
    pressure::FAMILIES,
    limits::FAMILIES,
    process::FAMILIES,
];
const FAMILIES: &[Family] = &concat::<{ count(LISTS) }>(LISTS);
const _: () = check(FAMILIES);

/// Hands the bytes to every parser of a group's files, whatever file they were made for. How many lines were not
/// understood, by parser.
pub fn parse_all(bytes: &[u8]) -> [u32; 8] {
    let (mut number, mut numbers, mut pids) = (None, [None; 2], Vec::new());
    [
        cpu::absorb(bytes, &mut cpu::Times::default()),
        memory::absorb_any(bytes),
        memory::absorb_kills(bytes, &mut number),
        pressure::absorb(bytes, &mut numbers),
        limits::absorb_quota(bytes, &mut number),
        limits::absorb_max(bytes, &mut Limits::default()),
        disk::absorb_lines(bytes, |_, _, _| {}),
        process::absorb_processes(bytes, &mut number, &mut pids),
    ]
}

/// Every so many passes limits and OOM kills of a group are read although nobody told that they have changed, by turns.
///
/// The kernel does not tell of everything: of an OOM kill only while it has the inode of memory.events in memory, which
/// it may drop when memory is short, and nothing of what is written through the cgroup namespace of a container.
const UNTOLD_PASSES: usize = 16;

/// What is known between passes.
struct Containers {
    groups: SharedGroups,
    /// Counted up with every pass, and from 0 again.
    turn: usize,
    devices: Devices,
    /// Were the devices of this pass understood?
    devices_known: Result<(), Trouble>,
    /// By the place of the group.
    known: Vec<Known>,
    walk: process::Walk,
    /// `None`: before the first pass.
    needed: Option<Needed>,
    names: Names,
    network: Network,
}

/// What is known of a group between passes.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// The group that this is about; another may have taken its place.
    birth: u64,
    row: Option<Handle>,
    /// The labels that the row was made with.
    edition: u64,
    started: Option<u64>,
    limits: Limits,
    times: cpu::Times,
    seen: process::Seen,
}

impl Containers {
    fn new(setup: &Setup<'_>) -> Self {
        Containers {
            groups: setup.groups.clone(),
            turn: 0,
            devices: Devices::new(setup.flags, setup.limits, setup.roots),
            devices_known: Ok(()),
            known: Vec::with_capacity(setup.limits.groups as usize),
            walk: process::Walk::new(),
            needed: None,
            names: Names::new(setup),
            network: Network::new(),
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

    fn wake(&mut self, now: Moment) {
        self.names.wake(&self.groups.borrow(), now.monotonic);
    }

    /// File systems have been asked.
    fn late(&self) -> bool {
        true
    }

    fn collect(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        let mut groups = self.groups.borrow_mut();
        groups.refresh(pass.now)?;
        self.names.settle(&groups, pass.now.monotonic);
        let needed = self.needed.get_or_insert_with(|| files::needed(&pass.out, TABLES.len()));
        let machine = Machine::new(pass.files.get(1).unwrap_or_default());
        let mut present = disk::Present::default();
        let (mut trouble, mut malformed) = (None, 0);
        self.walk.begin();
        self.turn = (self.turn + 1) % UNTOLD_PASSES;
        let mut at = 0;
        while let Some(id) = groups.get(at) {
            at += 1;
            let Some(edition) = self.names.edition(id) else { continue };
            if self.known.len() <= id.index() {
                // There is room for as many as there can be groups; it is not touched before.
                self.known.resize(id.index() + 1, Known::default());
            }
            let known = &mut self.known[id.index()];
            let mut visit = Visit { groups: &mut groups, id, needed, machine, trouble: None, malformed: 0 };
            known.meet(&mut visit, id.index() % UNTOLD_PASSES == self.turn);
            let mut table = pass.out.table(0);
            let Some(mut row) = known.row(&self.names, edition, &visit, &mut table) else { continue };
            known.show(&mut visit, pass.now, &mut row);
            let limited = visit.is_root() || matches!(self.names.kind(id), Kind::Container | Kind::Task);
            let turn = process::Turn { walk: &mut self.walk, io: &mut *pass.io, at, limited };
            process::read(&mut visit, turn, &known.limits, &mut known.seen, &mut row);
            if visit.is_root() {
                present = disk::Present::find(&mut visit);
            }
            if let Some(group) = row.handle() {
                show_devices(&self.devices, present, &mut visit, group, pass);
                self.network.show(&mut self.names, &mut visit, group, NETWORK_TABLE, pass);
            }
            trouble = visit.trouble.or(trouble);
            malformed += visit.malformed;
        }
        self.walk.end(at);
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
    /// Forgets what was known of another group in the same place, and reads what seldom changes: when it has, or in turn.
    fn meet(&mut self, visit: &mut Visit<'_>, in_turn: bool) {
        let birth = visit.groups.birth(visit.id);
        let changed = visit.groups.changed(visit.id);
        if self.birth != birth {
            *self = Known { birth, started: lifetime::started(visit), ..Known::default() };
        }
        if changed || in_turn {
            self.limits = Limits::read(visit);
        }
    }

    /// The group's row: the one of the pass before, or the one with its labels. `None`: they are too long, counted.
    fn row<'a>(
        &mut self,
        names: &Names,
        edition: u64,
        visit: &Visit<'_>,
        table: &'a mut TableOut<'_>,
    ) -> Option<RowOut<'a>> {
        let known = self.row.filter(|handle| self.edition == edition && table.keeps(*handle));
        if let Some(handle) = known {
            return Some(table.again(handle));
        }
        let mut labels = Text::<LABEL_BYTES>::new();
        if names.write(visit.groups, visit.id, &mut labels).is_err() {
            table.refuse();
            return None;
        }
        let row = table.row_raw(labels.as_bytes());
        (self.row, self.edition) = (row.handle(), edition);
        Some(row)
    }

    /// Sets the group's numbers, in the order of the families.
    fn show(&mut self, visit: &mut Visit<'_>, now: Moment, row: &mut RowOut<'_>) {
        lifetime::show(self.started, now.unix_nanos, row);
        cpu::read(visit, self.limits.has_quota(), &mut self.times, row);
        memory::read(visit, &self.limits, row);
        pressure::read(visit, row);
        self.limits.show(&visit.machine, visit.is_root(), row);
    }
}

#[cfg(test)]
mod tests;
