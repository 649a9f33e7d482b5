//! A machine that misbehaves, from a seed: every collector over the fixture tree while files vanish, come back, are
//! cut, grow, turn to garbage and fail. `SIM_SEEDS=1000` runs more seeds, `SIM_SEED=7` that one alone.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that builds a machine and says what it does to it"
)]

#[path = "sim/change.rs"]
mod change;
#[path = "sim/check.rs"]
mod check;

use change::{Dice, World};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use trimeter::base::clock::{Moment, Monotonic};
use trimeter::collect::Setup;
use trimeter::command::{collectors_on_off, flag_tables};
use trimeter::expo::{Filter, render_all};
use trimeter::family::Profile;
use trimeter::flags::{self, FlagKind};
use trimeter::io::Roots;
use trimeter::io::batch::Engine;
use trimeter::io::groups::Groups;
use trimeter::io::links::Links;
use trimeter::io::replay::Replay;
use trimeter::io::tally::Tally;
use trimeter::kube::pods::SharedPods;
use trimeter::limits::Limits;
use trimeter::node;
use trimeter::part::{Set, Shown, Spec, Work, names};

/// Passes of a seed.
const PASSES: u32 = 40;

/// The machine is whole again before each of these passes, and the one that follows it is compared. It comes later by
/// the longest time that any collector goes by what it knows without looking again.
const RESTORED: [u32; 3] = [13, 26, 38];

/// Twice a minute: network devices that are due are spread over that time.
const FORGOTTEN_SECONDS: u32 = 120;

/// A little more than the fixture tree needs, so that what appears is soon too much.
const LIMITS: Limits = Limits {
    cpus: 8,
    net_devices: 24,
    disks: 24,
    mounts: 24,
    small_devices: 16,
    sensors: 96,
    sensor_families: 48,
    textfile_series: 64,
    textfile_families: 32,
    kernel_rows: 96,
    frames: 3,
    held_files: 16,
    groups: 1,
    held_group_files: 0,
    group_disks: 1,
    group_interfaces: 16,
    connections: 1,
    objects: 64,
    object_names: 256,
    object_kib: 64,
};

/// The collectors and the machine they look at.
struct Sim {
    work: Work,
    shown: Shown,
    engine: Engine,
    now: Moment,
    /// Rows that were refused, by table, as of the last pass.
    refused: Vec<u64>,
}

impl Sim {
    fn new(machine: Replay) -> Self {
        // What a collector can do besides is switched on; what it can leave out is not.
        let more = node::COLLECTORS.iter().flat_map(|collector| collector.flags);
        let more = more.filter(|flag| matches!(flag.kind, FlagKind::Bool) && flag.default == "false");
        let off = collectors_on_off().into_iter().filter(|(_, on)| !on);
        let arguments = off
            .map(|(name, _)| format!("--collector.{name}"))
            .chain(more.map(|flag| format!("-{}=true", flag.name)))
            .chain(["-collector.textfile.directory=/textfile".to_owned()]);
        let flags = flags::parse(&flag_tables(), &collectors_on_off(), arguments, |_| None);
        let flags = flags.unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
        let roots = Roots::default();
        let (links, groups) = (Links::shared(&LIMITS), Groups::none());
        let collectors = node::COLLECTORS.iter().map(|collector| (collector, Profile::Full)).collect();
        let spec = Spec { name: "node", collectors, report: Some(&node::REPORT), held_max: usize::MAX };
        let taken = names(spec.tables());
        let setup = Setup {
            flags: &flags,
            limits: &LIMITS,
            roots: &roots,
            page_bytes: 4096,
            links: &links,
            taken: &taken,
            groups: &groups,
            tally: &Tally::shared(),
            pods: &SharedPods::default(),
        };
        let states = spec.make(&setup);
        let (work, shown) = spec.build(&setup, states);
        let refused = vec![0; shown.owner.len()];
        let now = Moment { monotonic: Monotonic(1_000_000_000), unix_nanos: 1_700_000_000_000_000_000 };
        Sim { work, shown, engine: Engine::Replay(Box::new(machine)), now, refused }
    }

    fn wait(&mut self, seconds: u32) {
        self.now.monotonic.0 += u64::from(seconds) * 1_000_000_000;
        self.now.unix_nanos += i64::from(seconds) * 1_000_000_000;
    }

    fn machine(&mut self) -> &mut Replay {
        match &mut self.engine {
            Engine::Replay(machine) => machine,
            _ => unreachable!("made so"),
        }
    }

    /// One pass, 15 seconds after the one before; its text.
    fn pass(&mut self) -> String {
        self.wait(15);
        let Sim { work, shown, engine, now, .. } = self;
        let (batch, wanted) = work.begin(shown, Set::ALL, *now).unwrap();
        let ready = pin!(engine.read(batch, wanted)).poll(&mut Context::from_waker(Waker::noop()));
        assert_eq!(ready, Poll::Ready(()));
        let Engine::Replay(machine) = engine else { unreachable!("made so") };
        machine.asked.clear();
        work.request(shown, Set::ALL, machine.as_mut(), *now);
        work.collect(shown, Set::ALL, false, machine.as_mut(), *now);
        work.collect(shown, Set::ALL, true, machine.as_mut(), *now);
        work.commit(shown);
        let mut store = shown.store.borrow_mut();
        let frame = store.pin().unwrap();
        let text = render_all(&store, frame, Filter::ALL);
        store.unpin(frame);
        String::from_utf8(text).unwrap()
    }

    /// What must hold after any pass.
    fn check(&mut self, text: &str) {
        check::exposition(text);
        let store = self.shown.store.borrow();
        for (rows, before) in store.tables().iter().zip(&mut self.refused) {
            let usage = rows.usage();
            assert!(usage.used <= usage.capacity, "{}: {usage:?}", rows.name());
            assert!(usage.used <= usage.high_water, "{}: {usage:?}", rows.name());
            assert!(usage.high_water <= usage.capacity, "{}: {usage:?}", rows.name());
            assert!(usage.refused >= *before, "{}: {usage:?}", rows.name());
            *before = usage.refused;
        }
    }

    fn refused(&self, table: &str) -> u64 {
        let store = self.shown.store.borrow();
        let rows = store.tables().iter().find(|rows| rows.name() == table);
        rows.unwrap_or_else(|| panic!("no table {table}")).usage().refused
    }
}

/// Runs a seed; panics where something does not hold.
fn run(seed: u64, whole: &Replay) {
    let mut dice = Dice::new(seed);
    let mut world = World::new(whole.clone(), dice.one_in(2));
    let mut sim = Sim::new(world.whole.clone());
    sim.pass();
    let original = sim.pass();
    sim.check(&original);
    world.said.clone_from(&original);
    assert_eq!(sim.refused.iter().sum::<u64>(), 0, "the fixture tree fits");
    for pass in 0..PASSES {
        let restored = RESTORED.iter().any(|at| pass == *at || pass == at + 1);
        if !restored {
            for _ in 0..=dice.below(6) {
                let step = world.change(&mut dice, sim.machine());
                if std::env::var_os("SIM_SEED").is_some() {
                    println!("pass {pass}: {step}");
                }
            }
        } else if RESTORED.contains(&pass) {
            world.restore(sim.machine());
        } else {
            sim.wait(FORGOTTEN_SECONDS);
        }
        let text = sim.pass();
        sim.check(&text);
        if RESTORED.iter().any(|at| pass == at + 1) {
            check::same(&original, &text);
        }
    }
}

fn fixtures() -> Replay {
    let mut machine = Replay::new();
    for tree in ["proc", "sys", "rootfs", "udev", "textfile"] {
        machine.load(tree, &std::path::Path::new("tests/fixtures/full").join(tree)).unwrap();
    }
    machine.uname = ["Linux", "6.12.0", "#1 SMP", "x86_64", "node", "(none)"].map(|text| text.into());
    machine.timex = Some(trimeter::io::Timex::default());
    machine
}

#[test]
fn every_collector_survives_a_machine_that_misbehaves() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let whole = fixtures();
    let seeds = match number("SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 1..number("SIM_SEEDS").unwrap_or(100) + 1,
    };
    let next = std::sync::atomic::AtomicU64::new(seeds.start);
    let failed = std::thread::scope(|scope| {
        let runner = || {
            let mut failed = Vec::new();
            loop {
                let seed = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                if seed >= seeds.end {
                    return failed;
                }
                if std::panic::catch_unwind(|| run(seed, &whole)).is_err() {
                    println!("SIM_SEED={seed} failed");
                    failed.push(seed);
                }
            }
        };
        let runners = [scope.spawn(runner), scope.spawn(runner)];
        runners.into_iter().flat_map(|runner| runner.join().unwrap()).collect::<Vec<u64>>()
    });
    assert!(
        failed.is_empty(),
        "SIM_SEED={} cargo test --test sim repeats the first of {failed:?}",
        failed[0]
    );
}

#[test]
fn what_is_too_much_is_refused_and_counted() {
    let mut sim = Sim::new(fixtures());
    sim.pass();
    let many = |line: fn(u32) -> String| (0..2000).map(line).collect::<String>();
    let floods: [(&str, &str, String); 3] = [
        ("netdev", "proc/net/dev", many(|n| format!("  many{n}: 1 0 0 0 0 0 0 0 1 0 0 0 0 0 0 0\n"))),
        ("disks", "proc/diskstats", many(|n| format!("8 {n} sd{n}x 1 2 3 4 5 6 7 8 9 10 11\n"))),
        ("arp", "proc/net/arp", many(|n| format!("10.0.0.1 0x1 0x2 00:00:00:00:00:01 * many{n}\n"))),
    ];
    for (table, path, lines) in floods {
        let Some(change::Entry::File(bytes)) = sim.machine().get(path).cloned() else { panic!("{path}") };
        let mut text = String::from_utf8(bytes).unwrap();
        // As much as the planned buffer takes.
        let before = sim.refused(table);
        for line in lines.split_inclusive('\n').take(60) {
            text.push_str(line);
        }
        sim.machine().file(path, text.as_bytes());
        let text = sim.pass();
        sim.check(&text);
        assert!(sim.refused(table) > before, "{table}");
    }
}
