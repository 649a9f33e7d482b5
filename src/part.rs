//! A part of the agent, one peer's worth of metrics: its collectors, their files, their store and how they fare.

use crate::base::clock::{self, Moment, Monotonic};
use crate::collect::{Collect, Collector, Pass, Setup, Trouble};
use crate::family::{Families, Profile, Table};
use crate::io::batch::Batch;
use crate::io::{FileSpec, Files, Io};
use crate::limits::Limits;
use crate::store::{Item, Out, Store};
use std::cell::RefCell;
use std::ops::Range;
use std::time::Duration;

/// A set of collectors of a part, by their index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Set(u128);

impl Set {
    pub const NONE: Set = Set(0);
    pub const ALL: Set = Set(u128::MAX);
    /// Indices that fit.
    pub const MAX: usize = 128;

    pub const fn with(self, index: usize) -> Set {
        Set(self.0 | 1 << index)
    }

    pub const fn without(self, index: usize) -> Set {
        Set(self.0 & !(1 << index))
    }

    pub const fn has(self, index: usize) -> bool {
        self.0 >> index & 1 == 1
    }
}

/// How a collector fares.
#[derive(Clone, Copy, Debug)]
pub struct Stat {
    pub name: &'static str,
    /// Did its newest pass succeed?
    pub success: bool,
    pub duration: Duration,
    /// When its newest pass began; `None`: never.
    pub collected: Option<Monotonic>,
    /// The trouble of its newest pass.
    pub trouble: Option<Trouble>,
    pub errors: [u64; Trouble::ALL.len()],
    /// Lines and numbers that were not understood.
    pub malformed: u64,
}

/// Tables about the collectors themselves, filled at the end of every pass.
pub struct Report {
    pub tables: &'static [Table],
    pub fill: fn(&mut Out<'_>, &[Stat]),
}

/// What a part consists of. Cheap: nothing is allocated for it but the lists.
pub struct Spec {
    pub name: &'static str,
    /// Collectors and the profile of each: what the operator switched on by name is served in full.
    pub collectors: Vec<(&'static Collector, Profile)>,
    pub report: Option<&'static Report>,
    /// Planned files that may be held open; the others are opened for every read.
    pub held_max: usize,
}

struct Running {
    state: Box<dyn Collect>,
    tables: Range<usize>,
    /// Places in the batch.
    files: Vec<usize>,
    requested: Result<(), Trouble>,
}

/// The collectors and their files: used by one pass at a time.
pub struct Work {
    running: Vec<Running>,
    pub batch: Batch,
    files_wanted: Vec<bool>,
    report: Option<&'static Report>,
    report_tables: Range<usize>,
    owner: Vec<Option<usize>>,
}

/// What everybody may look at between two steps of a pass.
pub struct Shown {
    pub name: &'static str,
    pub store: RefCell<Store>,
    pub stats: RefCell<Vec<Stat>>,
    /// The collector that a table belongs to; `None`: the report.
    pub owner: Vec<Option<usize>>,
}

impl Spec {
    /// The tables of the part, in the order in which its store has them.
    pub fn tables(&self) -> impl Iterator<Item = (&'static Table, Profile)> + '_ {
        let report = self.report.map_or(&[][..], |report| report.tables);
        let of_collectors = self
            .collectors
            .iter()
            .flat_map(|(collector, profile)| collector.tables.iter().map(|table| (table, *profile)));
        of_collectors.chain(report.iter().map(|table| (table, Profile::Full)))
    }

    /// Every planned file once, however many collectors read it.
    fn files(&self) -> Vec<FileSpec> {
        let mut files: Vec<FileSpec> = Vec::new();
        for file in self.collectors.iter().flat_map(|(collector, _)| collector.files) {
            if place(&files, file).is_none() {
                files.push(*file);
            }
        }
        files
    }

    /// Planned files that are held open where there are descriptors enough.
    pub fn held_files(&self) -> usize {
        self.files().iter().filter(|file| !file.reopen).count()
    }

    /// What the part will hold, the collectors' own state aside.
    pub fn plan(&self, limits: &Limits) -> Vec<Item> {
        let mut items = Store::plan(self.tables(), limits);
        let row_bytes = (size_of::<Running>() + size_of::<Stat>()) as u64;
        items.push(Item { what: "collectors", rows: self.collectors.len() as u64, row_bytes });
        items.extend(Batch::plan(self.files().iter(), limits, self.held_max));
        items
    }

    /// Makes the collectors' own state.
    pub fn make(&self, setup: &Setup<'_>) -> Vec<Box<dyn Collect>> {
        self.collectors.iter().map(|(collector, _)| (collector.make)(setup)).collect()
    }

    /// Allocates everything else.
    pub fn build(self, setup: &Setup<'_>, states: Vec<Box<dyn Collect>>) -> (Work, Shown) {
        assert_eq!(self.collectors.len(), states.len());
        assert!(self.collectors.len() <= Set::MAX);
        let store = Store::new(self.tables(), setup.limits);
        let files = self.files();
        let mut batch = Batch::new(files.iter(), setup.limits, setup.roots);
        batch.hold_at_most(self.held_max);
        let mut tables = 0;
        let mut owner = Vec::new();
        let mut running = Vec::new();
        for (index, ((collector, _), state)) in self.collectors.iter().zip(states).enumerate() {
            let next = tables + collector.tables.len();
            owner.extend(std::iter::repeat_n(Some(index), collector.tables.len()));
            running.push(Running {
                state,
                tables: tables..next,
                files: collector.files.iter().filter_map(|file| place(&files, file)).collect(),
                requested: Ok(()),
            });
            tables = next;
        }
        let report_tables = self.report.map_or(0, |report| report.tables.len());
        owner.extend(std::iter::repeat_n(None, report_tables));
        let stats = self.collectors.iter().map(|(collector, _)| Stat::new(collector.name)).collect();
        let work = Work {
            running,
            batch,
            files_wanted: vec![false; files.len()],
            report: self.report,
            report_tables: tables..tables + report_tables,
            owner: owner.clone(),
        };
        let shown = Shown { name: self.name, store: RefCell::new(store), stats: RefCell::new(stats), owner };
        (work, shown)
    }
}

/// Where a file is among the planned ones.
fn place(files: &[FileSpec], file: &FileSpec) -> Option<usize> {
    files
        .iter()
        .position(|known| (known.root, known.path, known.reopen) == (file.root, file.path, file.reopen))
}

impl Stat {
    const fn new(name: &'static str) -> Self {
        Stat {
            name,
            success: false,
            duration: Duration::ZERO,
            collected: None,
            trouble: None,
            errors: [0; Trouble::ALL.len()],
            malformed: 0,
        }
    }
}

/// The names, sorted, that tables serve; of names that the source decides, those that a profile knows.
pub fn names(tables: impl Iterator<Item = (&'static Table, Profile)>) -> Vec<&'static str> {
    let mut names = Vec::new();
    for (table, profile) in tables {
        match table.families {
            Families::Static(families) => {
                let served = families.iter().filter(|family| family.profile <= profile);
                names.extend(served.map(|family| family.name));
            }
            Families::Named { essential, .. } => names.extend(essential.unwrap_or_default()),
        }
    }
    names.sort_unstable();
    names
}

/// Does the collector have a family that the profile serves?
pub fn in_profile(collector: &Collector, profile: Profile) -> bool {
    collector.tables.iter().any(|table| match table.families {
        Families::Static(families) => families.iter().any(|family| family.profile <= profile),
        Families::Named { essential, .. } => {
            profile == Profile::Full || essential.is_none_or(|e| !e.is_empty())
        }
    })
}

impl Shown {
    /// The collectors of `wanted` that have not been collected since `oldest`.
    pub fn stale(&self, wanted: Set, oldest: Monotonic) -> Set {
        let mut stale = Set::NONE;
        for (index, stat) in self.stats.borrow().iter().enumerate() {
            if wanted.has(index) && stat.collected.is_none_or(|collected| collected < oldest) {
                stale = stale.with(index);
            }
        }
        stale
    }
}

impl Work {
    /// Begins a pass of some collectors; the others keep their values. `None`: every frame is being read. Else the
    /// files to read, by their place in the batch.
    pub fn begin(&mut self, shown: &Shown, wanted: Set, now: Moment) -> Option<(&mut Batch, &[bool])> {
        let owner = &self.owner;
        let keep = |table: usize| owner[table].is_some_and(|index| !wanted.has(index));
        let mut store = shown.store.borrow_mut();
        store.at(now.monotonic);
        if !store.begin(keep) {
            return None;
        }
        drop(store);
        self.files_wanted.fill(false);
        for (_, running) in self.running.iter().enumerate().filter(|(index, _)| wanted.has(*index)) {
            for place in &running.files {
                self.files_wanted[*place] = true;
            }
        }
        Some((&mut self.batch, &self.files_wanted))
    }

    /// Lets the wanted collectors ask for what takes its time.
    pub fn request(&mut self, shown: &Shown, wanted: Set, io: &mut dyn Io, now: Moment) {
        let mut store = shown.store.borrow_mut();
        for (index, running) in self.running.iter_mut().enumerate() {
            if wanted.has(index) {
                let Running { state, tables, files, requested } = running;
                let mut pass = pass(&mut store, &self.batch, tables, files, io, now);
                *requested = state.request(&mut pass);
            }
        }
    }

    /// Tells every collector that control groups have come, gone or changed.
    pub fn wake(&mut self, now: Moment) {
        for running in &mut self.running {
            running.state.wake(now);
        }
    }

    /// Collects: the ordinary collectors, or the late ones.
    pub fn collect(&mut self, shown: &Shown, wanted: Set, late: bool, io: &mut dyn Io, now: Moment) {
        let mut store = shown.store.borrow_mut();
        let mut stats = shown.stats.borrow_mut();
        let mut before = clock::monotonic();
        for (index, running) in self.running.iter_mut().enumerate() {
            if !wanted.has(index) || running.state.late() != late {
                continue;
            }
            let Running { state, tables, files, requested } = running;
            let mut pass = pass(&mut store, &self.batch, tables, files, io, now);
            let result = requested.and_then(|()| state.collect(&mut pass));
            let stat = &mut stats[index];
            stat.malformed += pass.out.malformed_count();
            stat.success = result.is_ok();
            stat.trouble = result.err();
            stat.collected = Some(now.monotonic);
            if let Err(trouble) = result {
                stat.errors[trouble.index()] += 1;
            }
            let after = clock::monotonic();
            stat.duration = after.since(before);
            before = after;
        }
    }

    /// Ends the pass.
    pub fn commit(&mut self, shown: &Shown) {
        let mut store = shown.store.borrow_mut();
        if let Some(report) = self.report {
            let mut out = store.out(self.report_tables.start, self.report_tables.len());
            (report.fill)(&mut out, &shown.stats.borrow());
        }
        store.commit();
    }
}

fn pass<'a>(
    store: &'a mut Store,
    batch: &'a Batch,
    tables: &Range<usize>,
    files: &'a [usize],
    io: &'a mut dyn Io,
    now: Moment,
) -> Pass<'a> {
    Pass { files: Files::new(batch.slots(), files), io, out: store.out(tables.start, tables.len()), now }
}
