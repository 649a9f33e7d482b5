use super::{COLLECTOR, Machine};
use crate::base::clock::{Moment, Monotonic};
use crate::collect::{Collect, Pass, Trouble};
use crate::expo::{Filter, render_all};
use crate::family::Profile;
use crate::io::replay::{Entry, Replay};
use crate::io::{Files, ReadError};
use crate::limits::Limits;
use crate::store::Store;

const LIMITS: fn() -> Limits = || Limits { cpus: 8, ..Limits::default() };

struct Bench {
    state: Machine,
    store: Store,
    machine: Replay,
    now: Moment,
    malformed: u64,
}

impl Bench {
    fn new(machine: Replay) -> Self {
        let tables = COLLECTOR.tables.iter().map(|table| (table, Profile::Full));
        Bench {
            state: Machine::new(&LIMITS()),
            store: Store::new(tables, &LIMITS()),
            machine,
            now: Moment { monotonic: Monotonic(1_000_000_000), unix_nanos: 1_700_000_000_000_000_000 },
            malformed: 0,
        }
    }

    /// One pass, this many seconds after the one before.
    fn pass(&mut self, seconds: u64) -> (Result<(), Trouble>, String) {
        self.now.monotonic.0 += seconds * 1_000_000_000;
        let mut slots = Vec::new();
        self.machine.fill(COLLECTOR.files, &LIMITS(), &mut slots);
        let places: Vec<usize> = (0..slots.len()).collect();
        assert!(self.store.begin(|_| false));
        let mut pass = Pass {
            files: Files::new(&slots, &places),
            io: &mut self.machine,
            out: self.store.out(0, COLLECTOR.tables.len()),
            now: self.now,
        };
        let result = self.state.collect(&mut pass);
        self.malformed = pass.out.malformed_count();
        self.store.commit();
        let frame = self.store.pin().unwrap();
        let text = String::from_utf8(render_all(&self.store, frame, Filter::ALL)).unwrap();
        self.store.unpin(frame);
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        (result, samples.collect::<Vec<_>>().join("\n"))
    }

    /// The value of the only series of a name.
    fn value(&mut self, name: &str) -> Option<String> {
        let (_, text) = self.pass(1);
        let line = text.lines().find(|line| line.starts_with(&format!("{name}{{")))?;
        line.rsplit(' ').next().map(str::to_owned)
    }
}

/// Two packages of two cores, one of which runs two threads.
fn machine() -> Replay {
    let mut machine = Replay::with(&[
        ("proc/meminfo", "MemTotal:       16384 kB\nMemFree: 1 kB\nSwapTotal:             0 kB\n"),
        ("proc/sys/kernel/random/boot_id", "boot-1\n"),
        ("rootfs/etc/machine-id", "machine-1\n"),
        ("rootfs/etc/os-release", "NAME=x\nPRETTY_NAME=\"Own \\\"Linux\\\" 12\"\n"),
        ("sys/class/dmi/id/product_uuid", "uuid-1\n"),
        ("sys/devices/system/cpu/online", "0-4\n"),
    ]);
    for (cpu, (package, core)) in [(0, 0), (0, 1), (1, 0), (1, 1), (1, 1)].into_iter().enumerate() {
        set_cpu(&mut machine, cpu, package, core);
    }
    machine.uname[1] = b"6.1.0-own".to_vec();
    machine
}

fn set_cpu(machine: &mut Replay, cpu: usize, package: i64, core: i64) {
    let folder = format!("sys/devices/system/cpu/cpu{cpu}/topology");
    machine.file(&format!("{folder}/physical_package_id"), format!("{package}\n").as_bytes());
    machine.file(&format!("{folder}/core_id"), format!("{core}\n").as_bytes());
}

fn set_module(machine: &mut Replay, name: &str, kind: &str, mib: &str) {
    let folder = format!("sys/devices/system/edac/mc/{name}");
    machine.file(&format!("{folder}/dimm_mem_type"), format!("{kind}\n").as_bytes());
    machine.file(&format!("{folder}/size"), format!("{mib}\n").as_bytes());
}

#[test]
fn a_machine_is_its_ids_its_cpus_and_its_memory() {
    let mut bench = Bench::new(machine());
    let (result, text) = bench.pass(0);
    assert_eq!((result, bench.malformed), (Ok(()), 0));
    let ids = r#"boot_id="boot-1",machine_id="machine-1",system_uuid="uuid-1""#;
    let expect = format!(
        r#"machine_cpu_physical_cores{{{ids}}} 4
machine_cpu_cores{{{ids}}} 5
machine_cpu_sockets{{{ids}}} 2
machine_cpu_books{{{ids}}} 0
machine_cpu_drawers{{{ids}}} 0
machine_memory_bytes{{{ids}}} 16777216
machine_swap_bytes{{{ids}}} 0
machine_nvm_capacity{{mode="memory_mode",{ids}}} 0
machine_nvm_capacity{{mode="app_direct_mode",{ids}}} 0
machine_nvm_avg_power_budget_watts{{{ids}}} 0
cadvisor_version_info{{cadvisorRevision="",cadvisorVersion="",dockerVersion="",kernelVersion="6.1.0-own",osVersion="Own \"Linux\" 12"}} 1"#
    );
    assert_eq!(text, expect);
}

#[test]
fn what_cannot_change_is_read_rarely() {
    let mut bench = Bench::new(machine());
    let (_, before) = bench.pass(0);
    bench.machine.file("rootfs/etc/machine-id", b"machine-2\n");
    bench.machine.file("proc/meminfo", b"MemTotal: 1 kB\nSwapTotal: 2 kB\n");
    let (_, soon) = bench.pass(299);
    let swap = |swap: &str| {
        format!("swap_bytes{{boot_id=\"boot-1\",machine_id=\"machine-1\",system_uuid=\"uuid-1\"}} {swap}\n")
    };
    assert_eq!(soon, before.replace("16777216", "1024").replace(&swap("0"), &swap("2048")));
    let (_, later) = bench.pass(1);
    assert_eq!(later, soon.replace("machine-1", "machine-2"));
    // Another CPU is seen at once.
    bench.machine.file("sys/devices/system/cpu/online", b"0-3\n");
    bench.machine.file("rootfs/etc/machine-id", b"machine-3\n");
    let (_, text) = bench.pass(1);
    assert!(text.contains("machine-3") && !text.contains("machine-2"), "{text}");
    assert_eq!(bench.value("machine_cpu_cores").as_deref(), Some("4"));
}

#[test]
fn ids_come_from_the_first_file_that_is_there() {
    let mut bench = Bench::new(machine());
    let uuid = |bench: &mut Bench, remove: &str| {
        bench.machine.remove(remove);
        let (result, text) = bench.pass(300);
        assert_eq!(result, Ok(()));
        let line = text.lines().find(|line| line.starts_with("machine_cpu_cores")).unwrap().to_owned();
        line.split_once('{').unwrap().1.split_once('}').unwrap().0.replace('"', "")
    };
    bench.machine.file("proc/device-tree/system-id", b"power-1\0");
    bench.machine.file("rootfs/var/lib/dbus/machine-id", b"dbus-1\n");
    assert_eq!(uuid(&mut bench, "none"), "boot_id=boot-1,machine_id=machine-1,system_uuid=uuid-1");
    bench.machine.put("sys/class/dmi/id/product_uuid", Entry::Broken(ReadError::Denied));
    assert_eq!(uuid(&mut bench, "none"), "boot_id=boot-1,machine_id=machine-1,system_uuid=");
    assert_eq!(uuid(&mut bench, "sys/class/dmi"), "boot_id=boot-1,machine_id=machine-1,system_uuid=power-1");
    assert_eq!(
        uuid(&mut bench, "proc/device-tree"),
        "boot_id=boot-1,machine_id=machine-1,system_uuid=machine-1"
    );
    assert_eq!(uuid(&mut bench, "rootfs/etc/machine-id"), "boot_id=boot-1,machine_id=dbus-1,system_uuid=");
    assert_eq!(uuid(&mut bench, "rootfs/var"), "boot_id=boot-1,machine_id=,system_uuid=");
}

#[test]
fn the_distribution_is_named_as_by_the_peer() {
    let mut bench = Bench::new(machine());
    let mut name = |text: Option<&str>| {
        bench.machine.remove("rootfs/etc/os-release");
        if let Some(text) = text {
            bench.machine.file("rootfs/usr/lib/os-release", text.as_bytes());
        }
        let (_, text) = bench.pass(300);
        text.split_once("osVersion=\"").unwrap().1.split_once("\"}").unwrap().0.to_owned()
    };
    assert_eq!(name(None), "Unknown");
    assert_eq!(name(Some("PRETTY_NAME='Usual 1'\n")), "Usual 1");
    assert_eq!(name(Some("NAME=x\n")), "Linux");
    assert_eq!(name(Some("PRETTY_NAME=\"open\n")), "Linux");
    assert_eq!(name(Some(&format!("PRETTY_NAME={}\n", "x".repeat(300)))), "Linux");
    assert_eq!(name(Some(&"x".repeat(20_000))), "Unknown");
}

#[test]
fn what_is_not_known_is_no_series() {
    let mut bench = Bench::new(machine());
    bench.machine.remove("sys/devices/system/cpu/cpu3/topology/core_id");
    assert_eq!(bench.value("machine_cpu_physical_cores"), None);
    assert_eq!(bench.value("machine_cpu_sockets"), None);
    assert_eq!(bench.value("machine_cpu_cores").as_deref(), Some("5"));
    bench.machine.file("proc/meminfo", b"MemTotal: x kB\nSwapTotal: 18446744073709551616 kB\n");
    assert_eq!(bench.value("machine_memory_bytes"), None);
    assert_eq!(bench.value("machine_swap_bytes"), None);
    bench.machine.put("proc/meminfo", Entry::Broken(ReadError::Denied));
    assert_eq!(bench.pass(1).0, Err(Trouble::Denied));
    bench.machine.remove("sys");
    bench.machine.remove("proc/meminfo");
    let (result, text) = bench.pass(1);
    assert_eq!(result, Err(Trouble::NoData));
    assert!(!text.contains("machine_cpu_cores") && text.contains("machine_cpu_books"), "{text}");
}

#[test]
fn a_firmware_that_says_nothing_has_one_package() {
    let mut machine = machine();
    for cpu in 0..5 {
        set_cpu(&mut machine, cpu, -1, i64::try_from(cpu).unwrap());
    }
    let mut bench = Bench::new(machine);
    assert_eq!(bench.value("machine_cpu_sockets").as_deref(), Some("1"));
    assert_eq!(bench.value("machine_cpu_physical_cores").as_deref(), Some("5"));
}

#[test]
fn hostile_lists_of_cpus_end() {
    let mut bench = Bench::new(machine());
    bench.machine.file("sys/devices/system/cpu/online", b"0-4294967295\n");
    assert_eq!(bench.value("machine_cpu_cores").as_deref(), Some("65536"));
    assert_eq!(bench.value("machine_cpu_sockets"), None);
    // More than planned, all of them known.
    for cpu in 0..9 {
        set_cpu(&mut bench.machine, cpu, 0, 0);
    }
    bench.machine.file("sys/devices/system/cpu/online", b"0-8\n");
    assert_eq!(bench.value("machine_cpu_sockets"), None);
    bench.machine.file("sys/devices/system/cpu/online", b"0-7\n");
    assert_eq!(bench.value("machine_cpu_sockets").as_deref(), Some("1"));
    bench.machine.file("sys/devices/system/cpu/online", b"x,-\n");
    assert_eq!(bench.value("machine_cpu_cores"), None);
}

#[test]
fn memory_modules_are_added_up_by_type() {
    let mut machine = machine();
    set_module(&mut machine, "mc0/dimm0", "Unbuffered-DDR4", "8192");
    set_module(&mut machine, "mc0/dimm1", "Unbuffered-DDR4", "4096");
    set_module(&mut machine, "mc1/dimm0", "Registered-DDR4", "1");
    set_module(&mut machine, "mc1/dimm1", "Unbuffered-DDR4", "x");
    set_module(&mut machine, "mc1/csrow0", "Unbuffered-DDR4", "7");
    set_module(&mut machine, "power/dimm0", "Unbuffered-DDR4", "7");
    machine.file("sys/devices/system/edac/mc/mc1/dimm2/size", b"5\n");
    let mut bench = Bench::new(machine);
    let (result, text) = bench.pass(0);
    assert_eq!((result, bench.malformed), (Ok(()), 2));
    let ids = r#"boot_id="boot-1",machine_id="machine-1",system_uuid="uuid-1""#;
    let lines: Vec<_> = text.lines().filter(|line| line.starts_with("machine_dimm")).collect();
    assert_eq!(
        lines.join("\n"),
        format!(
            "machine_dimm_count{{{ids},type=\"Unbuffered-DDR4\"}} 2\n\
             machine_dimm_count{{{ids},type=\"Registered-DDR4\"}} 1\n\
             machine_dimm_capacity_bytes{{{ids},type=\"Unbuffered-DDR4\"}} 12884901888\n\
             machine_dimm_capacity_bytes{{{ids},type=\"Registered-DDR4\"}} 1048576"
        )
    );
    for at in 0..20 {
        set_module(&mut bench.machine, &format!("mc2/dimm{at}"), &format!("type-{at}"), "1");
    }
    let (result, text) = bench.pass(300);
    assert_eq!((result, bench.malformed), (Ok(()), 2 + 14));
    assert_eq!(text.lines().filter(|line| line.starts_with("machine_dimm_count")).count(), 8);
}
