//! The agent: what collects when, and who is served what. The only place that knows the peers' parts by name.

mod asked;
mod budget;
mod build;
mod descriptors;
mod news;
mod objects;
mod page;
mod select;
mod serve;
mod settings;
mod watched;

pub use budget::{Budget, render as render_budget};
pub use build::{Options, Prepared, build};
pub use objects::ObjectOptions;
pub use serve::Front;
pub use settings::Settings;

use crate::base::clock::{self, Monotonic};
use crate::base::gate;
use crate::expo::{Filter, render_all};
use crate::http::{HeadError, STATUSES, ServerStats, Timeout};
use crate::io::batch::Engine;
use crate::io::groups::{SharedGroups, Version};
use crate::io::system::System;
use crate::io::tally::SharedTally;
use crate::kube::reflect::Reflector;
use crate::kube::watch::Watches;
use crate::own::{self, Answer};
use crate::part::{Set, Shown, Stat, Work};
use crate::store::{Pin, Store, Usage};
use serve::{CLASSES, ENDPOINTS};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// How long a pass waits for mounts that have not answered yet; what answers later is in the next pass.
const MOUNTS_WAIT: Duration = Duration::from_millis(20);

/// The same for the first passes, when the threads that ask may not have run yet.
const MOUNTS_WAIT_FIRST: Duration = Duration::from_millis(100);

/// Tables that are no part's, and the flags that make them larger.
const IO_TABLES: [(&str, &str); 6] = [
    ("held files", "limit.heldFiles"),
    ("mounts", "limit.mounts"),
    ("control groups", "container.max"),
    ("control groups' directories", "container.max"),
    ("control groups' held files", "limit.heldGroupFiles"),
    (WATCHES, "container.max"),
];

/// What refuses a watch is most often the kernel, which has news of its own.
const WATCHES: &str = "control groups' watches";

/// How long numbers of containers that were collected after one came or went are not kept: as long as the names of a new
/// one may take, and the look that finds it.
const GROUPS_SETTLE: Duration = Duration::from_millis(200);

/// The shortest time between two looks at control groups that come and go.
const GROUPS_PAUSE: Duration = Duration::from_millis(50);

/// How often it is looked whether the agent is ready.
const READY_PAUSE: Duration = Duration::from_millis(100);

/// A part of the agent's metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    Node,
    /// cAdvisor's names.
    Container,
    /// process_* of the agent.
    Process,
    /// trimeter_*.
    Own,
    /// kube-state-metrics' names.
    Objects,
    /// kube_state_metrics_*.
    Telemetry,
    /// trimeter_kube_*.
    Kube,
}

/// All sections, in the order of the output.
const SECTIONS: &[Section] = serve::ENDPOINTS[0].1;

/// A table: its part, its name and how full it is.
type TableUsage = (&'static str, &'static str, Usage);

/// What one pass at a time uses.
pub struct Machine {
    pub node: Work,
    pub container: Work,
    pub process: Work,
    pub engine: Engine,
    pub system: System,
}

/// Everything the hot thread owns.
pub struct Agent {
    node: Shown,
    container: Shown,
    process: Shown,
    own: RefCell<Store>,
    /// Without tables when no objects are watched, like the next one.
    kube: RefCell<Store>,
    telemetry: RefCell<Store>,
    /// `None`: no objects are watched.
    watches: Option<Watches>,
    /// Those that have not begun.
    reflectors: RefCell<Vec<Reflector>>,
    machine: tokio::sync::Mutex<Machine>,
    groups: SharedGroups,
    tally: SharedTally,
    settings: Settings,
    passes: Cell<u64>,
    /// Every collector has had a pass.
    ready: Cell<Option<Duration>>,
    started: Monotonic,
    answers: RefCell<[Answer; ENDPOINTS.len()]>,
    tables: RefCell<Vec<TableUsage>>,
    io_usage: Cell<[(&'static str, Usage); IO_TABLES.len()]>,
    engine_fallbacks: Cell<u64>,
    news: RefCell<news::News>,
    server: Rc<ServerStats>,
}

impl Agent {
    /// Collects what of `wanted` is older than `-collect.maxAge`; at once if nothing is.
    async fn freshen(&self, section: Section, wanted: Set) {
        let now = clock::monotonic();
        let max_age = u64::try_from(self.settings.max_age.as_nanos()).unwrap_or(u64::MAX);
        let mut oldest = Monotonic(now.0.saturating_sub(max_age));
        if section == Section::Container {
            oldest = oldest.max(self.groups_stirred().min(now));
        }
        self.freshen_since(section, wanted, oldest).await;
    }

    /// Numbers of before then may show containers that are gone, or lack new ones.
    fn groups_stirred(&self) -> Monotonic {
        let mut groups = self.groups.borrow_mut();
        if groups.refresh(clock::now()).is_err() {
            return Monotonic::default();
        }
        let settle = u64::try_from(GROUPS_SETTLE.as_nanos()).unwrap_or(u64::MAX);
        Monotonic(groups.stirred().0.saturating_add(settle))
    }

    async fn freshen_since(&self, section: Section, wanted: Set, oldest: Monotonic) {
        let shown = match section {
            Section::Node => &self.node,
            Section::Container => &self.container,
            Section::Process => &self.process,
            Section::Own | Section::Objects | Section::Telemetry | Section::Kube => return,
        };
        if shown.stale(wanted, oldest) == Set::NONE {
            return;
        }
        let mut machine = self.machine.lock().await;
        // Another scrape may have collected while this one waited.
        let wanted = shown.stale(wanted, oldest);
        if wanted == Set::NONE {
            return;
        }
        let Machine { node, container, process, engine, system } = &mut *machine;
        let work = match section {
            Section::Node => node,
            Section::Container => container,
            _ => process,
        };
        let now = clock::now();
        let Some((batch, files)) = work.begin(shown, wanted, now) else {
            self.tell_news(now.monotonic);
            return;
        };
        system.begin_pass();
        engine.read(batch, files).await;
        work.request(shown, wanted, system, now);
        system.begin_asked();
        work.collect(shown, wanted, false, system, now);
        let patience = if self.ready.get().is_none() { MOUNTS_WAIT_FIRST } else { MOUNTS_WAIT };
        system.settle(patience).await;
        work.collect(shown, wanted, true, system, now);
        work.commit(shown);
        self.passes.set(self.passes.get() + 1);
        self.engine_fallbacks.set(engine.fallbacks_total());
        let groups = self.groups.borrow();
        let usages = [
            system.held_usage(),
            system.mounts_usage(),
            groups.usage(),
            groups.folders_usage(),
            groups.held_usage(),
            groups.watches_usage(),
        ];
        drop(groups);
        self.io_usage.set(std::array::from_fn(|index| (IO_TABLES[index].0, usages[index])));
        self.tell_news(now.monotonic);
    }

    /// Notes when every collector has had its first pass.
    fn note_ready(&self) {
        let collected = |shown: &Shown| shown.stats.borrow().iter().all(|stat| stat.collected.is_some());
        if self.ready.get().is_none() && self.parts().into_iter().all(collected) && self.is_settled() {
            self.ready.set(Some(clock::monotonic().since(self.started)));
        }
    }

    /// The background tick: collects everything every `-promscrape.kubernetes.interval`, whether or not anybody
    /// scrapes. Never returns.
    pub async fn tick(&self) {
        let mut timer = tokio::time::interval(self.settings.interval);
        timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        loop {
            timer.tick().await;
            gate::hot(self.collect_all()).await;
            self.machine.lock().await.system.age();
        }
    }

    /// Looks at control groups as soon as something happens to them, so that what is to be known of a new one is asked
    /// for before anybody scrapes. Never returns, but where the kernel has no way to tell.
    pub async fn watch_groups(&self) {
        let events = self.groups.borrow().events();
        #[expect(
            deprecated,
            reason = "sound for a descriptor that is owned: it stays open while it is registered"
        )]
        let register = |fd| AsyncFd::with_interest(fd, Interest::READABLE);
        let Some(Ok(events)) = events.map(register) else { return };
        while let Ok(mut ready) = events.readable().await {
            ready.clear_ready();
            gate::hot(self.look_at_groups()).await;
            tokio::time::sleep(GROUPS_PAUSE).await;
        }
    }

    async fn look_at_groups(&self) {
        let mut machine = self.machine.lock().await;
        let now = clock::now();
        if self.groups.borrow_mut().refresh(now).is_ok() {
            machine.container.wake(now);
        }
    }

    /// Collects everything that is older than `-collect.maxAge`.
    pub async fn collect_all(&self) {
        for section in [Section::Node, Section::Container, Section::Process] {
            self.freshen(section, Set::ALL).await;
        }
        self.note_ready();
    }

    /// One whole answer of `/metrics`, for `-once`.
    pub async fn once(&self) -> Vec<u8> {
        self.await_objects().await;
        self.collect_all().await;
        let mut text = Vec::new();
        for section in SECTIONS {
            self.fill(*section);
            if let Some(store) = self.store(*section) {
                let frame = store.borrow_mut().pin();
                if let Some(frame) = frame {
                    text.extend(render_all(&store.borrow(), frame, Filter::ALL));
                    store.borrow_mut().unpin(frame);
                }
            } else {
                text.extend(self.all_objects());
            }
        }
        text
    }

    /// Which control groups there are, for the start line.
    pub fn groups_line(&self) -> &'static str {
        let groups = self.groups.borrow();
        match groups.version() {
            _ if self.container.owner.is_empty() => "containers off",
            _ if !groups.are_mounted() => "no control groups",
            Version::V1 => "control groups v1",
            Version::V2 => "control groups v2",
        }
    }

    /// Containers are to be served and there is no place to look for them.
    pub fn lacks_groups(&self) -> bool {
        !self.container.owner.is_empty() && !self.groups.borrow().are_mounted()
    }

    /// The engine and why it runs, for the start line.
    pub fn engine_line(&self) -> String {
        format!("engine {} ({})", self.settings.engine, self.settings.engine_reason)
    }

    /// `None`: objects are not kept in frames.
    const fn store(&self, section: Section) -> Option<&RefCell<Store>> {
        Some(match section {
            Section::Node => &self.node.store,
            Section::Container => &self.container.store,
            Section::Process => &self.process.store,
            Section::Own => &self.own,
            Section::Kube => &self.kube,
            Section::Telemetry => &self.telemetry,
            Section::Objects => return None,
        })
    }

    /// The parts that collect, in the order of the output.
    const fn parts(&self) -> [&Shown; 3] {
        [&self.node, &self.container, &self.process]
    }

    /// The stores of all parts with their names, in the order of the output.
    const fn stores(&self) -> [(&'static str, &RefCell<Store>); 6] {
        let [node, container, process] = self.parts();
        [
            (node.name, &node.store),
            (container.name, &container.store),
            (process.name, &process.store),
            ("own", &self.own),
            ("own", &self.kube),
            ("kube-state", &self.telemetry),
        ]
    }

    /// The newest frame of a section, kept until it is unpinned. Own numbers are of this moment.
    fn pin(&self, section: Section) -> Option<Pin> {
        self.fill(section);
        self.store(section)?.borrow_mut().pin()
    }

    fn unpin(&self, section: Section, pin: Pin) {
        if let Some(store) = self.store(section) {
            store.borrow_mut().unpin(pin);
        }
    }

    fn node_stats(&self) -> std::cell::Ref<'_, Vec<Stat>> {
        self.node.stats.borrow()
    }

    fn fill_own(&self) {
        let mut tables = self.tables.borrow_mut();
        tables.clear();
        let room = tables.capacity();
        for (part, store) in self.stores() {
            for rows in store.borrow().tables() {
                let usage = rows.usage();
                if is_told(usage) && tables.len() < room {
                    tables.push((part, rows.name(), usage));
                }
            }
        }
        for (name, usage) in self.io_usage.get() {
            if is_told(usage) && tables.len() < room {
                tables.push(("io", name, usage));
            }
        }
        if let Some(watches) = &self.watches {
            for (name, usage) in watches.cache.shelf.borrow().usages() {
                if tables.len() < room {
                    tables.push(("kube-state", name, usage));
                }
            }
        }
        self.tally.each_table(|(name, usage)| {
            if tables.len() < room {
                tables.push((self.container.name, name, *usage));
            }
        });
        let numbers = self.numbers();
        let mut own = self.own.borrow_mut();
        own.at(clock::monotonic());
        if !own.begin(|_| false) {
            return;
        }
        let mut requests = [("", 0, 0); REQUESTS_MAX];
        let mut errors = [("", 0); ERRORS_MAX];
        let requests = counted_requests(&self.server, &mut requests);
        let errors = counted_errors(&self.server, &mut errors);
        let view = own::View {
            parts: &self.parts(),
            tables: &tables,
            tally: &self.tally,
            requests,
            server_errors: errors,
            answers: &*self.answers.borrow(),
            engine: self.settings.engine,
            profile: self.settings.profile,
            node: &self.settings.node_name,
            numbers,
            groups: self.groups.borrow().numbers(),
        };
        let count = own::TABLES.len();
        own::fill(&mut own.out(0, count), &view);
        own.commit();
    }

    /// Passes that could not begin because every frame was being read.
    fn passes_refused(&self) -> u64 {
        self.parts().iter().map(|part| part.store.borrow().busy_total()).sum()
    }

    fn numbers(&self) -> own::Numbers {
        let revoked = self.stores().map(|(_, store)| store.borrow().revoked_total());
        let server = &self.server;
        own::Numbers {
            planned_bytes: self.settings.planned_bytes,
            allowed_bytes: self.settings.allowed_bytes,
            engine_fallbacks: self.engine_fallbacks.get(),
            passes: self.passes.get(),
            frames_revoked: revoked.iter().sum(),
            passes_refused: self.passes_refused(),
            start_nanos: self
                .ready
                .get()
                .map_or(0, |took| u64::try_from(took.as_nanos()).unwrap_or(u64::MAX)),
            connections: u64::from(server.open()),
            connections_max: self.settings.connections_max,
            accepted: server.accepted.get(),
            refused: server.refused.get(),
            sent_bytes: (0..CLASSES.len()).map(|class| server.sent_bytes(class)).sum(),
            gzipped: server.gzip_used.get(),
            gzip_busy: server.gzip_unavailable.get(),
        }
    }
}

/// Is there anything to say of a table? Not of a single row that is always there, nor of what the machine does not have:
/// these are most, and would be half of the report.
const fn is_told(usage: Usage) -> bool {
    usage.refused > 0 || (usage.capacity > 1 && usage.high_water > 0)
}

/// Every class of paths with every status, and others.
const REQUESTS_MAX: usize = CLASSES.len() * (STATUSES.len() + 1);

/// Every kind of trouble that the server counts.
const ERRORS_MAX: usize = Timeout::ALL.len() + HeadError::ALL.len() + 3;

/// Requests by path and status; what never happened is left out.
fn counted_requests<'a>(
    server: &ServerStats,
    room: &'a mut [(&'static str, u16, u64); REQUESTS_MAX],
) -> &'a [(&'static str, u16, u64)] {
    let mut used = 0;
    for (class, path) in CLASSES.iter().enumerate() {
        for status in STATUSES.into_iter().chain([0]) {
            let count = server.answers(class, status);
            if count > 0 {
                room[used] = (*path, status, count);
                used += 1;
            }
        }
    }
    &room[..used]
}

fn counted_errors<'a>(
    server: &ServerStats,
    room: &'a mut [(&'static str, u64); ERRORS_MAX],
) -> &'a [(&'static str, u64)] {
    let timeouts = Timeout::ALL.iter().map(|kind| (kind.label(), server.timeouts(*kind)));
    let heads = HeadError::ALL.iter().map(|kind| (kind.label(), server.head_errors(*kind)));
    let rest = [
        ("accept failed", server.accept_failed.get()),
        ("lost", server.lost.get()),
        ("truncated", server.truncated.get()),
    ];
    for (place, error) in room.iter_mut().zip(timeouts.chain(heads).chain(rest)) {
        *place = error;
    }
    room
}
