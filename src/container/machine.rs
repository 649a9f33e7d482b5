//! What the machine is: its ids, CPUs, memory, and the kernel and distribution it runs.
//!
//! Ids, CPUs, memory modules and the distribution are looked at when other CPUs are online than before and every five
//! minutes, as the peer does; the size of memory and swap is that of the pass.

use super::visit;
use crate::base::clock::Monotonic;
use crate::base::text::Text;
use crate::collect::{Collect, Collector, Pass, Trouble};
use crate::family::{Family, Table, check, gauge};
use crate::io::{FileSpec, Io, Names, ReadError, Root};
use crate::limits::Limits;
use crate::text::attribute::{numbered, value};
use crate::text::os_release::{FILE_BYTES, PATHS, assignments, unquote};
use crate::text::{ranges, signed, trim, unsigned};
use std::fmt::Write;
use std::time::Duration;

pub const COLLECTOR: Collector = Collector {
    name: "machine",
    default: true,
    files: &[MEMINFO, ONLINE],
    tables: &[
        // Other labels are another row, while older frames still need theirs.
        Table::rows("machine", |limits| limits.frames + 1, 384, MACHINE),
        Table::rows("machine memory modules", |limits| KINDS * (limits.frames + 1), 512, MODULES),
        Table::rows("machine version", |limits| limits.frames + 1, 512, VERSION),
    ],
    flags: &[],
    make: |setup| Box::new(Machine::new(setup.limits)),
};

/// Linux 6.18 has less than 3 KiB.
pub const MEMINFO: FileSpec = FileSpec::proc("meminfo", |_| 8192);
/// A list of ranges; its length is that of a machine where every other CPU is off.
const ONLINE: FileSpec = FileSpec::sys("devices/system/cpu/online", |_| 4096);

const MACHINE: &[Family] = &[
    gauge("machine_cpu_physical_cores", "Cores of all CPUs, however many threads each runs.").key("cores"),
    gauge("machine_cpu_cores", "CPUs that are online, as the kernel counts them.").key("cpus").essential(),
    gauge("machine_cpu_sockets", "Packages that hold the CPUs.").key("sockets"),
    gauge("machine_cpu_books", "Books of CPUs, which only s390x has.").key("books"),
    gauge("machine_cpu_drawers", "Drawers of CPUs, which only s390x has.").key("drawers"),
    gauge("machine_memory_bytes", "Memory the kernel can use.").key("memory").essential(),
    gauge("machine_swap_bytes", "Size of all swap areas.").key("swap"),
    gauge(
        "machine_nvm_capacity",
        "Persistent memory by mode; the kubelet is built without a way to know it.",
    )
    .key("nvm")
    .split("mode", &["memory_mode", "app_direct_mode"]),
    gauge("machine_nvm_avg_power_budget_watts", "Power that persistent memory may take; as its capacity.")
        .key("nvm power"),
];
const _: () = check(MACHINE);

const MODULES: &[Family] = &[
    gauge("machine_dimm_count", "Memory modules of a type, as the memory controllers say.").key("count"),
    gauge("machine_dimm_capacity_bytes", "Bytes of all memory modules of a type.").key("mib").times(1 << 20),
];
const _: () = check(MODULES);

const VERSION: &[Family] = &[gauge(
    "cadvisor_version_info",
    "Kernel and distribution; always 1. The rest is empty, as the kubelet's.",
)];
const _: () = check(VERSION);

/// How long what cannot change is believed before it is looked at again.
const FACTS_AGE: Duration = Duration::from_secs(300);
/// More CPUs than any machine has.
const CPUS_MAX: u32 = 65_536;
/// Types of memory modules in a machine; more are counted as lines that are not understood.
const KINDS: u32 = 8;
const CONTROLLERS_MAX: usize = 256;

type Id = Text<128>;

/// The modules of a type.
struct Kind {
    name: Text<64>,
    count: u64,
    mib: u64,
}

/// All of it is allocated once.
struct Machine {
    looked: Option<Monotonic>,
    /// The list of CPUs that were online then.
    online: Vec<u8>,
    boot_id: Id,
    machine_id: Id,
    system_uuid: Id,
    distribution: Text<256>,
    sockets: Option<u64>,
    cores: Option<u64>,
    kinds: Vec<Kind>,
    /// Package and core of each CPU that is online.
    topology: Vec<(i64, i64)>,
    cpus_max: usize,
    folders: Names,
    modules: Names,
    buffer: Vec<u8>,
}

impl Machine {
    fn new(limits: &Limits) -> Self {
        let cpus_max = limits.cpus as usize;
        Machine {
            looked: None,
            online: Vec::with_capacity((ONLINE.bytes_max)(limits) as usize),
            boot_id: Id::new(),
            machine_id: Id::new(),
            system_uuid: Id::new(),
            distribution: Text::new(),
            sockets: None,
            cores: None,
            kinds: Vec::with_capacity(KINDS as usize),
            topology: Vec::with_capacity(cpus_max),
            cpus_max,
            folders: Names::with_capacity(CONTROLLERS_MAX),
            modules: Names::with_capacity(CONTROLLERS_MAX),
            buffer: Vec::with_capacity(FILE_BYTES),
        }
    }

    fn look(&mut self, io: &mut dyn Io, malformed: &mut dyn FnMut()) {
        let buffer = &mut self.buffer;
        // The order in which the kubelet looks for each.
        const BOOT_ID: &[(Root, &str)] = &[(Root::Proc, "sys/kernel/random/boot_id")];
        const MACHINE_ID: &[(Root, &str)] =
            &[(Root::RootFs, "etc/machine-id"), (Root::RootFs, "var/lib/dbus/machine-id")];
        const SYSTEM_UUID: &[(Root, &str)] = &[
            (Root::Sys, "class/dmi/id/product_uuid"),
            (Root::Proc, "device-tree/system-id"),
            (Root::Proc, "device-tree/vm,uuid"),
            (Root::RootFs, "etc/machine-id"),
        ];
        for (id, paths) in [
            (&mut self.boot_id, BOOT_ID),
            (&mut self.machine_id, MACHINE_ID),
            (&mut self.system_uuid, SYSTEM_UUID),
        ] {
            if read_id(io, paths, buffer, id).is_none() {
                malformed();
            }
        }
        read_distribution(io, buffer, &mut self.distribution);
        self.look_at_cpus(io);
        self.look_at_modules(io, malformed);
    }

    /// Cores and packages, from the folders of the CPUs that are online; unknown if any of them does not say, or if
    /// there are more than planned.
    fn look_at_cpus(&mut self, io: &mut dyn Io) {
        let Machine { online, topology, cpus_max, buffer, .. } = self;
        topology.clear();
        let mut complete = true;
        ranges(online, CPUS_MAX, |cpu| {
            if !complete || topology.len() == *cpus_max {
                complete = false;
                return;
            }
            let package = topology_of(io, cpu, "physical_package_id", buffer);
            match package.zip(topology_of(io, cpu, "core_id", buffer)) {
                Some(place) => topology.push(place),
                None => complete = false,
            }
        });
        topology.sort_unstable();
        topology.dedup();
        let known = complete && !topology.is_empty();
        self.cores = known.then_some(topology.len() as u64);
        topology.dedup_by_key(|(package, _)| *package);
        self.sockets = known.then_some(topology.len() as u64);
    }

    /// Memory modules by their type, from the folders of the memory controllers; there are none in most machines.
    fn look_at_modules(&mut self, io: &mut dyn Io, malformed: &mut dyn FnMut()) {
        const MC: &[u8] = b"devices/system/edac/mc/";
        let Machine { kinds, folders, modules, buffer, .. } = self;
        kinds.clear();
        if io.list(Root::Sys, &[MC], folders).is_err() {
            return;
        }
        for controller in folders.iter().filter(|name| numbered(name, "mc").is_some()) {
            if io.list(Root::Sys, &[MC, controller], modules).is_err() {
                continue;
            }
            for module in modules.iter().filter(|name| numbered(name, "dimm").is_some()) {
                let mut read = |file: &[u8], text: &mut Text<64>| {
                    text.clear();
                    io.read_into(Root::Sys, &[MC, controller, b"/", module, b"/", file], buffer).ok()?;
                    text.push(value(buffer)).ok()
                };
                let (mut name, mut size) = (Text::<64>::new(), Text::<64>::new());
                let known = read(b"dimm_mem_type", &mut name).and_then(|()| read(b"size", &mut size));
                let Some(mib) = known.and_then(|()| unsigned(size.as_bytes())) else {
                    malformed();
                    continue;
                };
                match kinds.iter().position(|kind| kind.name.as_bytes() == name.as_bytes()) {
                    Some(at) => {
                        kinds[at].count += 1;
                        kinds[at].mib = kinds[at].mib.saturating_add(mib);
                    }
                    None if kinds.len() < KINDS as usize => kinds.push(Kind { name, count: 1, mib }),
                    None => malformed(),
                }
            }
        }
    }

    fn set_version(&self, pass: &mut Pass<'_>) {
        let mut kernel = Text::<96>::new();
        // A release has at most 64 bytes.
        let fits = kernel.push(pass.io.uname().release);
        debug_assert!(fits.is_ok());
        let labels: &[(&str, &[u8])] = &[
            ("cadvisorRevision", b""),
            ("cadvisorVersion", b""),
            ("dockerVersion", b""),
            ("kernelVersion", kernel.as_bytes()),
            ("osVersion", self.distribution.as_bytes()),
        ];
        pass.out.table(2).row(labels).set("", 1);
    }
}

impl Collect for Machine {
    fn collect(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        let online = pass.files.get(1);
        let list = online.unwrap_or(b"");
        let age = self.looked.map(|looked| pass.now.monotonic.since(looked));
        if age.is_none_or(|age| age >= FACTS_AGE) || list != self.online.as_slice() {
            self.looked = Some(pass.now.monotonic);
            self.online.clear();
            self.online.extend_from_slice(list);
            let mut malformed = 0;
            self.look(pass.io, &mut || malformed += 1);
            (0..malformed).for_each(|_| pass.out.malformed());
        }
        if pass.out.serves(2) {
            self.set_version(pass);
        }
        let ids = [
            ("boot_id", self.boot_id.as_bytes()),
            ("machine_id", self.machine_id.as_bytes()),
            ("system_uuid", self.system_uuid.as_bytes()),
        ];
        let [boot_id, machine_id, system_uuid] = ids;
        if pass.out.serves(1) {
            let mut table = pass.out.table(1);
            for kind in &self.kinds {
                let mut row = table.row(&[boot_id, machine_id, system_uuid, ("type", kind.name.as_bytes())]);
                row.set("count", kind.count);
                row.set("mib", kind.mib);
            }
        }
        let meminfo = pass.files.get(0);
        let memory = visit::Machine::new(meminfo.unwrap_or_default());
        let mut table = pass.out.table(0);
        let mut row = table.row(&ids);
        let mut cpus = 0;
        ranges(&self.online, CPUS_MAX, |_| cpus += 1);
        for (key, number) in [
            ("cores", self.cores),
            ("cpus", Some(cpus).filter(|cpus| *cpus > 0)),
            ("sockets", self.sockets),
            ("books", Some(0)),
            ("drawers", Some(0)),
            ("memory", memory.memory),
            ("swap", memory.swap),
            ("nvm power", Some(0)),
        ] {
            if let Some(number) = number {
                row.set(key, number);
            }
        }
        row.set_split("nvm", "memory_mode", 0);
        row.set_split("nvm", "app_direct_mode", 0);
        meminfo?;
        online?;
        Ok(())
    }
}

/// The contents of the first file that is there; empty if there is none, or if it is only for root: what the next one
/// says is another id. `None`: it is too long for an id.
fn read_id(io: &mut dyn Io, paths: &[(Root, &str)], buffer: &mut Vec<u8>, id: &mut Id) -> Option<()> {
    id.clear();
    for (root, path) in paths {
        match io.read_into(*root, &[path.as_bytes()], buffer) {
            Err(ReadError::Missing) => {}
            Err(_) => return Some(()),
            Ok(()) => {
                // Ids of a device tree end in a NUL.
                let end = buffer.iter().position(|byte| *byte == 0).unwrap_or(buffer.len());
                return id.push(trim(&buffer[..end])).ok();
            }
        }
    }
    Some(())
}

/// What the distribution calls itself; "Linux" if it does not say, and "Unknown" without a file, as with the peer.
fn read_distribution(io: &mut dyn Io, buffer: &mut Vec<u8>, name: &mut Text<256>) {
    name.clear();
    let found = PATHS.iter().any(|path| io.read_into(Root::RootFs, &[path.as_bytes()], buffer).is_ok());
    let pretty = assignments(buffer).flatten().find(|(key, _)| *key == b"PRETTY_NAME").filter(|_| found);
    let known = pretty.and_then(|(_, text)| unquote(text, name));
    if known.is_none() {
        name.clear();
        let fits = name.push(if found { "Linux" } else { "Unknown" });
        debug_assert!(fits.is_ok());
    }
}

/// A number in the folder `topology` of a CPU, below 0 where the firmware does not say.
fn topology_of(io: &mut dyn Io, cpu: u32, file: &str, buffer: &mut Vec<u8>) -> Option<i64> {
    let mut number = Text::<16>::new();
    write!(number, "{cpu}").ok()?;
    let path: &[&[u8]] = &[b"devices/system/cpu/cpu", number.as_bytes(), b"/topology/", file.as_bytes()];
    io.read_into(Root::Sys, path, buffer).ok()?;
    signed(value(buffer))
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
