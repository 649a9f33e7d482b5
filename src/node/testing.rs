//! One way to test a collector: files in, exposition lines out.

use super::{COLLECTORS, REPORT};
use crate::base::clock::{Moment, Monotonic};
use crate::collect::{Collect, Collector, Pass, Setup, Trouble};
use crate::expo::{Filter, render_all};
use crate::family::Profile;
use crate::flags::Flags;
use crate::io::groups::Groups;
use crate::io::links::Links;
use crate::io::replay::Replay;
use crate::io::tally::Tally;
use crate::io::{Files, Roots};
use crate::kube::pods::SharedPods;
use crate::limits::Limits;
use crate::part::names;
use crate::store::Store;
use std::time::Duration;

/// A collector on a machine made of bytes; passes can be repeated and the machine changed between them.
pub struct Bench {
    collector: &'static Collector,
    state: Box<dyn Collect>,
    store: Store,
    limits: Limits,
    pub machine: Replay,
    pub now: Moment,
    /// The time between two passes.
    pub between: Duration,
}

impl Bench {
    pub fn new(name: &str, machine: Replay, flags: &[(&'static str, &str)]) -> Self {
        Self::with_limits(name, machine, flags, Limits { cpus: 8, ..Limits::default() })
    }

    pub fn with_limits(name: &str, machine: Replay, flags: &[(&'static str, &str)], limits: Limits) -> Self {
        let collector = COLLECTORS.iter().find(|collector| collector.name == name).unwrap();
        let tables: Vec<_> = COLLECTORS.iter().map(|collector| collector.flags).collect();
        let on_off: Vec<_> = COLLECTORS.iter().map(|collector| (collector.name, collector.default)).collect();
        let mut values = Flags::defaults(&tables).with_collectors(&on_off);
        for (flag, value) in flags {
            values.set(flag, value);
        }
        let roots = Roots::default();
        let on = COLLECTORS.iter().filter(|collector| values.collector(collector.name));
        let tables = on.flat_map(|collector| collector.tables).chain(REPORT.tables);
        let taken = names(tables.map(|table| (table, Profile::Full)));
        let (links, groups) = (Links::shared(&limits), Groups::none());
        let setup = Setup {
            flags: &values,
            limits: &limits,
            roots: &roots,
            page_bytes: 4096,
            links: &links,
            taken: &taken,
            groups: &groups,
            tally: &Tally::shared(),
            pods: &SharedPods::default(),
        };
        Bench {
            collector,
            state: (collector.make)(&setup),
            store: Store::new(collector.tables.iter().map(|table| (table, Profile::Full)), &limits),
            limits,
            machine,
            now: Moment { monotonic: Monotonic(1_000_000_000), unix_nanos: 1_700_000_000_000_000_000 },
            between: Duration::from_secs(15),
        }
    }

    /// Does the collector come last?
    pub fn late(&self) -> bool {
        self.state.late()
    }

    /// Rows that a table has refused since the start.
    pub fn refused(&self, table: &str) -> u64 {
        let table = self.store.tables().iter().find(|rows| rows.name() == table).unwrap();
        table.usage().refused
    }

    /// One pass, some time after the one before. Its trouble and its lines without HELP and TYPE.
    pub fn pass(&mut self) -> (Result<(), Trouble>, String) {
        let nanos = u64::try_from(self.between.as_nanos()).unwrap();
        self.now.monotonic.0 += nanos;
        self.now.unix_nanos += nanos.cast_signed();
        let mut slots = Vec::new();
        self.machine.fill(self.collector.files, &self.limits, &mut slots);
        let places: Vec<usize> = (0..slots.len()).collect();
        assert!(self.store.begin(|_| false));
        let mut pass = Pass {
            files: Files::new(&slots, &places),
            io: &mut self.machine,
            out: self.store.out(0, self.collector.tables.len()),
            now: self.now,
        };
        let result = self.state.request(&mut pass).and_then(|()| self.state.collect(&mut pass));
        self.store.commit();
        let frame = self.store.pin().unwrap();
        let text = render_all(&self.store, frame, Filter::ALL);
        self.store.unpin(frame);
        let text = String::from_utf8(text).unwrap();
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        (result, samples.collect::<Vec<_>>().join("\n"))
    }
}

/// The lines of `expect`, each without the spaces it is indented with.
fn unindented(expect: &str) -> String {
    expect.lines().map(str::trim_start).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// Files in, lines out; the collector must succeed.
#[track_caller]
pub fn check(name: &str, files: &[(&str, &str)], expect: &str) {
    let (result, text) = Bench::new(name, Replay::with(files), &[]).pass();
    assert_eq!((result, text), (Ok(()), unindented(expect)));
}

/// Files in, lines out; the collector must report this kind of trouble.
#[track_caller]
pub fn failing(name: &str, files: &[(&str, &str)], trouble: &str, expect: &str) {
    let (result, text) = Bench::new(name, Replay::with(files), &[]).pass();
    assert_eq!((result.unwrap_err().label(), text), (trouble, unindented(expect)));
}
