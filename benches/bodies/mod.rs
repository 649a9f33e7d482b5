//! What is measured, once: criterion times these bodies for people, callgrind counts their instructions for CI. All
//! of them are over bytes of the fixture tree or of our own making, so that counts repeat.

mod groups;
mod json;
mod objects;

use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Waker};
use trimeter::base::clock::{Moment, Monotonic};
use trimeter::collect::{Collect, Collector, Pass, Setup};
use trimeter::command::{collectors_on_off, flag_tables};
use trimeter::container::devices::Devices;
use trimeter::expo::number::{NUMBER_BYTES, float, unsigned};
use trimeter::expo::{Cursor, Filter, Page, render, render_all};
use trimeter::family::{Family, Profile, Table, counter};
use trimeter::flags::parse;
use trimeter::io::batch::Engine;
use trimeter::io::groups::{Groups, SharedGroups};
use trimeter::io::links::Links;
use trimeter::io::replay::Replay;
use trimeter::io::tally::Tally;
use trimeter::io::{Files, Roots, Slot};
use trimeter::kube::pods::SharedPods;
use trimeter::limits::Limits;
use trimeter::node::{COLLECTORS, REPORT};
use trimeter::part::{Set, Shown, Spec, Work};
use trimeter::store::Store;

/// A body: its name, how many bytes one turn takes in or gives out (0: not a matter of bytes), and the turn.
pub struct Body {
    pub name: &'static str,
    pub bytes: u64,
    pub turn: Box<dyn FnMut()>,
}

const LIMITS: Limits = Limits {
    cpus: 8,
    net_devices: 256,
    disks: 128,
    mounts: 256,
    small_devices: 64,
    sensors: 512,
    sensor_families: 128,
    textfile_series: 1024,
    textfile_families: 256,
    kernel_rows: 512,
    frames: 3,
    held_files: 512,
    groups: 1024,
    held_group_files: 6144,
    group_disks: 2048,
    group_interfaces: 2048,
    objects: 16_384,
    object_names: 65_536,
    object_kib: 24_576,
    connections: 32,
};

/// Every body, in the order of the record.
pub fn all() -> Vec<Body> {
    let mut bodies = Vec::new();
    for name in ["meminfo", "stat", "vmstat", "netstat", "diskstats", "netdev", "filesystem"] {
        bodies.push(collector(name));
    }
    bodies.extend([rendering(), compression(), floats(), integers(), exposition(), whole_pass()]);
    bodies.push(mount_table());
    bodies.extend([groups::discovery(), groups::tick(), groups::rendering()]);
    bodies.extend([json::skipping(), json::taking(), json::values()]);
    bodies.push(objects::rendering());
    bodies
}

/// The fixture tree. Cargo starts benches in the folder of the package.
fn fixtures() -> Replay {
    let mut machine = Replay::new();
    for tree in ["proc", "sys", "rootfs", "udev"] {
        let loaded = machine.load(tree, &std::path::Path::new("tests/fixtures/full").join(tree));
        assert!(loaded.is_ok(), "tests/fixtures/full/{tree}: {loaded:?}");
    }
    machine
}

fn now() -> Moment {
    Moment { monotonic: Monotonic(1_000_000_000), unix_nanos: 1_700_000_000_000_000_000 }
}

fn later(now: &mut Moment) {
    now.monotonic.0 += 15_000_000_000;
    now.unix_nanos += 15_000_000_000;
}

fn with_setup<T>(then: impl FnOnce(&Setup<'_>) -> T) -> T {
    with_groups(&Groups::none(), then)
}

fn with_groups<T>(groups: &SharedGroups, then: impl FnOnce(&Setup<'_>) -> T) -> T {
    let flags = parse(&flag_tables(), &collectors_on_off(), [""; 0], |_| None);
    let flags = flags.unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
    let (roots, links) = (Roots::default(), Links::shared(&LIMITS));
    then(&Setup {
        flags: &flags,
        limits: &LIMITS,
        roots: &roots,
        page_bytes: 4096,
        links: &links,
        groups,
        tally: &Tally::shared(),
        pods: &SharedPods::default(),
        taken: &[],
    })
}

/// One collector over its files of the fixture tree, which are read before the first turn.
fn collector(name: &'static str) -> Body {
    let found = COLLECTORS.iter().find(|collector| collector.name == name);
    let Some(collector) = found else { panic!("no collector {name}") };
    let mut machine = fixtures();
    let mut slots: Vec<Slot> = Vec::new();
    machine.fill(collector.files, &LIMITS, &mut slots);
    let places: Vec<usize> = (0..slots.len()).collect();
    let bytes = slots.iter().map(|slot| slot.buffer.len() as u64).sum();
    let mut state: Box<dyn Collect> = with_setup(|setup| (collector.make)(setup));
    let mut store = Store::new(collector.tables.iter().map(|table| (table, Profile::Full)), &LIMITS);
    let mut now = now();
    let collector: &'static Collector = collector;
    let turn = move || {
        later(&mut now);
        assert!(store.begin(|_| false));
        let files = Files::new(&slots, &places);
        let out = store.out(0, collector.tables.len());
        let mut pass = Pass { files, io: &mut machine, out, now };
        let result = state.request(&mut pass).and_then(|()| state.collect(&mut pass));
        assert!(result.is_ok(), "{result:?}");
        store.commit();
        machine.asked.clear();
    };
    Body { name, bytes, turn: Box::new(turn) }
}

const DEVICE: &[Family] = &[
    counter("node_network_receive_bytes_total", "Bytes received.").key("0"),
    counter("node_network_receive_packets_total", "Packets received.").key("1"),
    counter("node_network_transmit_bytes_total", "Bytes sent.").key("2"),
    counter("node_cpu_seconds_total", "Seconds.").key("3").decimals(2),
    counter("node_filesystem_size_bytes", "Bytes.").key("4").times(1024),
    counter("node_disk_io_time_seconds_total", "Seconds.").key("5").decimals(3),
    counter("node_netstat_TcpExt_ListenOverflows", "Overflows.").key("6"),
    counter("node_sensor", "A float.").key("7").float(),
];

/// 500 rows of eight families: 4,000 series.
fn big_store() -> Store {
    const TABLES: &[Table] = &[Table::rows("devices", |_| 500, 64, DEVICE)];
    let mut store = Store::new(TABLES.iter().map(|table| (table, Profile::Full)), &LIMITS);
    assert!(store.begin(|_| false));
    let mut out = store.out(0, 1);
    let mut table = out.table(0);
    for device in 0..500_u64 {
        let name = format!("veth{device:08x}");
        let mut row = table.row(&[("device", name.as_bytes())]);
        for (family, key) in DEVICE.iter().zip(0_u32..) {
            let value = ((device + 1) * 0x9e37_79b9_7f4a) >> (key * 4);
            if family.key == "7" {
                row.set_float(family.key, value as f64 / 1000.0);
            } else {
                row.set(family.key, value);
            }
        }
    }
    store.commit();
    store
}

fn rendering() -> Body {
    let mut store = big_store();
    let Some(frame) = store.pin() else { panic!("there was a pass") };
    let bytes = render_all(&store, frame, Filter::ALL).len() as u64;
    let mut page = vec![0; 32 * 1024];
    let turn = move || {
        let mut cursor = Cursor::default();
        while !render(&store, frame, Filter::ALL, &mut cursor, &mut Page::new(&mut page)) {
            black_box(&page);
        }
        assert_eq!(cursor.series, 4000);
    };
    Body { name: "render", bytes, turn: Box::new(turn) }
}

/// What the agent does to a body, with the same window and level.
fn compression() -> Body {
    let mut store = big_store();
    let Some(frame) = store.pin() else { panic!("there was a pass") };
    let text = render_all(&store, frame, Filter::ALL);
    let bytes = text.len() as u64;
    let mut packed = vec![0; text.len()];
    let mut compress = flate2::Compress::new_gzip(flate2::Compression::new(1), 15);
    let turn = move || {
        compress.reset();
        let status = compress.compress(&text, &mut packed, flate2::FlushCompress::Finish);
        assert!(matches!(status, Ok(flate2::Status::StreamEnd)), "{status:?}");
    };
    Body { name: "gzip", bytes, turn: Box::new(turn) }
}

fn floats() -> Body {
    let turn = || {
        let mut out = [0; NUMBER_BYTES];
        for number in 0..1000_u32 {
            black_box(float(&mut out, black_box(f64::from(number) * 1234.567 - 1000.0)));
        }
    };
    Body { name: "floats_1000", bytes: 0, turn: Box::new(turn) }
}

fn integers() -> Body {
    let turn = || {
        let mut out = [0; NUMBER_BYTES];
        for number in 0..1000_u64 {
            black_box(unsigned(&mut out, black_box(number * number * 0x9e37_79b9)));
        }
    };
    Body { name: "integers_1000", bytes: 0, turn: Box::new(turn) }
}

/// Exposition text in, as textfiles bring it.
fn exposition() -> Body {
    let mut store = big_store();
    let Some(frame) = store.pin() else { panic!("there was a pass") };
    let text = render_all(&store, frame, Filter::ALL);
    let bytes = text.len() as u64;
    let turn = move || {
        let lines = trimeter::expo::parse::parse(&text);
        assert_eq!(lines.filter(|line| black_box(line).is_ok()).count(), 4016);
    };
    Body { name: "parse_exposition", bytes, turn: Box::new(turn) }
}

/// The devices of a node with 300 containers, after its table of mounts has changed: of each container an overlay, a
/// tmpfs and a bind mount, and 16 disks.
fn mount_table() -> Body {
    let mut table = String::from("1 0 8:1 / / rw - ext4 /dev/sda1 rw\n");
    let mut disks = String::new();
    for at in 0..300 {
        let id = format!("{at:064x}");
        let lower: Vec<String> =
            (0..8).map(|layer| format!("/var/lib/layers/{}/fs", at * 8 + layer)).collect();
        table.push_str(&format!(
            "{0} 1 0:{0} / /run/containerd/tasks/{id}/rootfs rw shared:{0} - overlay overlay rw,lowerdir={1}\n\
             {0} 1 0:{0} / /run/containerd/sandboxes/{id}/shm rw - tmpfs shm rw\n\
             {0} 1 8:1 /x /var/lib/kubelet/pods/{0}/volume-subpaths/config rw - ext4 /dev/sda1 rw\n",
            at + 100,
            lower.join(":"),
        ));
    }
    for at in 0..16 {
        disks.push_str(&format!("   8 {at:7} sd{at} 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n"));
    }
    let mut machine = Replay::with(&[("proc/1/mountinfo", &table)]);
    let mut devices = with_setup(|setup| Devices::new(setup.flags, setup.limits, setup.roots));
    let bytes = (table.len() + disks.len()) as u64;
    let turn = move || {
        let result =
            devices.refresh(Ok(disks.as_bytes()), &mut machine, || panic!("every line is understood"));
        assert!(result.is_ok(), "{result:?}");
        assert_eq!(devices.name(8, 15), b"/dev/sd15");
    };
    Body { name: "mount_table", bytes, turn: Box::new(turn) }
}

/// Every collector over the fixture tree. The replay is most of it: real files are read by the kernel.
fn whole_pass() -> Body {
    let collectors = COLLECTORS
        .iter()
        .filter(|collector| collector.default && collector.name != "timex")
        .map(|collector| (collector, Profile::Full))
        .collect();
    let spec = Spec { name: "node", collectors, report: Some(&REPORT), held_max: usize::MAX };
    let (mut work, shown): (Work, Shown) = with_setup(|setup| {
        let states = spec.make(setup);
        spec.build(setup, states)
    });
    let mut engine = Engine::Replay(Box::new(fixtures()));
    let mut now = now();
    let turn = move || {
        later(&mut now);
        let Some((batch, wanted)) = work.begin(&shown, Set::ALL, now) else { panic!("nobody reads a frame") };
        assert!(pin!(engine.read(batch, wanted)).poll(&mut Context::from_waker(Waker::noop())).is_ready());
        let Engine::Replay(machine) = &mut engine else { panic!("made so") };
        machine.asked.clear();
        work.request(&shown, Set::ALL, machine.as_mut(), now);
        work.collect(&shown, Set::ALL, false, machine.as_mut(), now);
        work.collect(&shown, Set::ALL, true, machine.as_mut(), now);
        work.commit(&shown);
    };
    Body { name: "pass_over_fixtures", bytes: 0, turn: Box::new(turn) }
}
