//! From flags to a running agent: what is on, the plan, and the one moment at which memory is taken.

use super::asked::{self, asked_for, cgroupfs, part_is_on, possible_cpus, without_slash};
use super::budget::Budget;
use super::news::News;
use super::objects::ObjectOptions;
use super::{Agent, Machine, Settings, TableUsage, descriptors, serve};
use crate::base::clock::{self, Monotonic};
use crate::base::gate;
use crate::collect::{Collect, Collector, Setup};
use crate::container;
use crate::family::{Profile, Table};
use crate::flags::Flags;
use crate::http::{Server, ServerLimits, ServerStats};
use crate::io::Roots;
use crate::io::batch::Engine;
use crate::io::engine::Choice;
use crate::io::groups::{GroupOptions, Groups, SharedGroups};
use crate::io::links::{Links, SharedLinks};
use crate::io::mounts::MountOptions;
use crate::io::system::System;
use crate::io::tally::{SharedTally, Tally};
use crate::kube::pods::SharedPods;
use crate::limits::Limits;
use crate::node;
use crate::objects::{pods, telemetry};
use crate::own;
use crate::part::{Spec, in_profile, names};
use crate::store::{Item, Store};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Room for the collectors' own state, whose size is known when it is made; what is more comes from the heap.
const STATES_BYTES_MAX: u64 = 64 << 20;

/// What the operator asked for, read from the flags.
pub struct Options<'a> {
    pub flags: &'a Flags,
    pub limits: Limits,
    pub roots: Roots,
    pub profile: Profile,
    /// Node collectors that run, and what each serves.
    pub on: Vec<(&'static Collector, Profile)>,
    /// Node collectors that do not, and why.
    pub off: Vec<(&'static str, &'static str)>,
    /// Does the container part run?
    pub containers: bool,
    /// The objects that are watched, if any.
    pub objects: Option<ObjectOptions>,
    /// Planned files that are held open; the others are opened for every read.
    held_planned: usize,
    /// Directories of control groups that may be held open.
    group_folders: u32,
}

impl<'a> Options<'a> {
    pub fn new(flags: &'a Flags) -> Self {
        let mut limits = Limits::from_flags(flags);
        let roots = Roots {
            procfs: without_slash(flags.text("path.procfs")),
            sysfs: without_slash(flags.text("path.sysfs")),
            rootfs: without_slash(flags.text("path.rootfs")),
            udev: without_slash(flags.text("path.udev.data")),
            cgroupfs: cgroupfs(flags),
        };
        if limits.cpus == 0 {
            limits.cpus = possible_cpus(&roots);
        }
        let profile = asked::profile(flags);
        let (mut on, mut off) = (Vec::new(), Vec::new());
        let node_on = part_is_on(flags, "node") && flags.bool("promscrape.kubernetes.node.enabled");
        let listed: Vec<&str> = flags.list("promscrape.kubernetes.node.collectors").collect();
        for collector in node::COLLECTORS {
            let wanted = flags.collector(collector.name);
            let profile = if asked_for(flags, collector) { Profile::Full } else { profile };
            let in_list =
                listed.is_empty() || listed.iter().any(|name| *name == collector.name || *name == "all");
            if !node_on {
                off.push((collector.name, "the node part is off"));
            } else if !wanted {
                off.push((collector.name, if collector.default { "by flag" } else { "by default" }));
            } else if !in_list {
                off.push((collector.name, "not in -promscrape.kubernetes.node.collectors"));
            } else if !in_profile(collector, profile) {
                off.push((collector.name, "no family of it is in profile essential"));
            } else {
                on.push((collector, profile));
            }
        }
        let containers =
            part_is_on(flags, "container") && flags.bool("promscrape.kubernetes.container.enabled");
        let (held_planned, group_folders) = (usize::MAX, u32::MAX);
        let objects = None;
        Options { flags, limits, roots, profile, on, off, containers, objects, held_planned, group_folders }
    }

    /// Makes the plan fit into the descriptors that the process may have; one line says what that costs.
    pub fn fit_descriptors(&mut self) -> Result<(), String> {
        let parts = self.parts();
        let group_folders = if self.containers {
            Groups::folders_wanted(&self.limits, &self.roots.cgroupfs, container::FILES)
        } else {
            0
        };
        let wanted = descriptors::Fit {
            planned: parts.iter().map(Spec::held_files).sum(),
            group_folders,
            group_files: if group_folders == 0 { 0 } else { self.limits.held_group_files },
            attributes: self.limits.held_files,
        };
        let fit = descriptors::fit(descriptors::raised_limit(), &self.limits, wanted)?;
        self.held_planned = fit.planned;
        self.group_folders = fit.group_folders;
        self.limits.held_group_files = fit.group_files;
        self.limits.held_files = fit.attributes;
        Ok(())
    }

    fn setup<'b>(&'b self, shared: &'b Shared) -> Setup<'b> {
        let Shared { links, groups, tally, pods, taken } = shared;
        let page_bytes = rustix::param::page_size() as u64;
        Setup {
            flags: self.flags,
            limits: &self.limits,
            roots: &self.roots,
            page_bytes,
            links,
            groups,
            tally,
            pods,
            taken,
        }
    }

    fn node(&self) -> Spec {
        Spec {
            name: "node",
            collectors: self.on.clone(),
            report: Some(&node::REPORT),
            held_max: self.container().held_max.saturating_sub(self.container().held_files()),
        }
    }

    fn container(&self) -> Spec {
        let collectors = if self.containers { container::COLLECTORS } else { &[] };
        Spec {
            name: "container",
            collectors: collectors.iter().map(|collector| (collector, self.profile)).collect(),
            report: self.containers.then_some(&container::REPORT),
            held_max: self.held_planned.saturating_sub(self.process().held_files()),
        }
    }

    /// The control groups of the machine; none while the container part is off.
    fn groups(&self) -> SharedGroups {
        if !self.containers {
            return Groups::none();
        }
        let options = GroupOptions {
            folders_max: self.group_folders,
            rescan: self.flags.duration("container.rescan"),
            booted_nanos: clock::booted_nanos(),
            ..GroupOptions::default()
        };
        let groups = Groups::new(&self.limits, &self.roots.cgroupfs, container::FILES, options);
        Rc::new(RefCell::new(groups))
    }

    fn process(&self) -> Spec {
        Spec {
            name: "process",
            collectors: own::COLLECTORS.iter().map(|collector| (collector, Profile::Full)).collect(),
            report: None,
            held_max: self.held_planned,
        }
    }

    fn mounts(&self) -> MountOptions {
        let workers = self.flags.int("collector.filesystem.stat-workers");
        MountOptions {
            timeout: self.flags.duration("collector.filesystem.mount-timeout"),
            workers: usize::try_from(workers).unwrap_or(usize::MAX),
        }
    }

    fn server_limits(&self) -> ServerLimits {
        ServerLimits { connections: self.limits.connections, ..ServerLimits::default() }
    }

    /// Makes the collectors' own state, which the plan measures.
    pub fn prepare(&self) -> Prepared {
        let region = gate::Region::enter(STATES_BYTES_MAX);
        let parts = self.parts();
        let taken = names(parts.iter().flat_map(Spec::tables).chain(own_tables()).chain(self.kube_tables()));
        let groups = self.groups();
        let before = gate::thread_allocated_bytes();
        let (links, tally, pods) = (Links::shared(&self.limits), Tally::shared(), SharedPods::default());
        let shared = Shared { links, groups, tally, pods, taken };
        let setup = self.setup(&shared);
        let node = self.node().make(&setup);
        let after_node = gate::thread_allocated_bytes();
        let container = self.container().make(&setup);
        let after_container = gate::thread_allocated_bytes();
        let process = self.process().make(&setup);
        drop(region);
        let container_bytes = after_container.wrapping_sub(after_node);
        let bytes = gate::thread_allocated_bytes().wrapping_sub(before).wrapping_sub(container_bytes);
        Prepared { shared, node, container, process, bytes, container_bytes }
    }

    /// Adds up what is allocated and what will be.
    pub fn budget(&self, prepared: &Prepared) -> Budget {
        let mut node = self.node().plan(&self.limits);
        node.push(Item { what: "collectors' own state", rows: 1, row_bytes: prepared.bytes });
        let mut container = self.container().plan(&self.limits);
        if self.containers {
            container.extend(prepared.shared.groups.borrow().plan());
            container.push(container::plan());
            container.push(Item { what: "own state", rows: 1, row_bytes: prepared.container_bytes });
        }
        let objects = self.objects.as_ref().map_or_else(Vec::new, |objects| {
            let mut items = objects.plan(&self.limits);
            items.extend(Store::plan(self.kube_tables(), &self.limits));
            items
        });
        let groups = vec![
            ("node", node),
            ("container", container),
            ("kube-state", objects),
            ("process", self.process().plan(&self.limits)),
            ("own", self.own_plan()),
            ("io", System::plan(&self.limits, self.mounts())),
            ("http", Server::<serve::Front>::plan(&self.server_limits())),
        ];
        Budget { groups }
    }

    /// The parts with collectors, in the order in which everything lists them.
    fn parts(&self) -> [Spec; 3] {
        [self.node(), self.container(), self.process()]
    }

    fn news(&self) -> News {
        let parts = self.parts();
        let collectors = parts.iter().map(|part| part.collectors.len()).sum();
        let tables = parts.iter().flat_map(Spec::tables).chain(own_tables()).chain(self.kube_tables());
        News::new(tables, collectors, &self.limits)
    }

    /// Tables about the API and objects; none when no objects are watched.
    fn if_watched(
        &self,
        tables: &'static [Table],
    ) -> impl Iterator<Item = (&'static Table, Profile)> + use<> {
        let shown = if self.objects.is_some() { tables } else { &[] };
        shown.iter().map(|table| (table, Profile::Full))
    }

    fn kube_tables(&self) -> impl Iterator<Item = (&'static Table, Profile)> + use<> {
        self.if_watched(own::kube::TABLES).chain(self.if_watched(telemetry::TABLES))
    }

    fn kube_store(&self, tables: &'static [Table]) -> Store {
        Store::new(self.if_watched(tables), &self.limits)
    }

    fn own_plan(&self) -> Vec<Item> {
        let parts = self.parts();
        let tables =
            parts.iter().flat_map(Spec::tables).chain(own_tables()).chain(self.kube_tables()).count();
        let collectors = parts.iter().map(|part| part.collectors.len()).sum();
        let mut items = Store::plan(own_tables(), &self.limits);
        items.extend(News::plan(tables, collectors));
        let row_bytes = size_of::<TableUsage>() as u64;
        items.push(Item { what: "tables, for the report", rows: u64::from(own::TABLES_MAX), row_bytes });
        items
    }
}

/// What collectors share.
struct Shared {
    links: SharedLinks,
    groups: SharedGroups,
    tally: SharedTally,
    pods: SharedPods,
    /// The names that the tables of all parts serve.
    taken: Vec<&'static str>,
}

/// The collectors, made and not yet running.
pub struct Prepared {
    shared: Shared,
    node: Vec<Box<dyn Collect>>,
    container: Vec<Box<dyn Collect>>,
    process: Vec<Box<dyn Collect>>,
    /// What those of the node and of the process have allocated.
    bytes: u64,
    /// What those of the containers have allocated.
    container_bytes: u64,
}

/// Allocates everything the agent will ever use on the hot path.
pub fn build(
    mut options: Options<'_>,
    prepared: Prepared,
    budget: &Budget,
    choice: Choice,
    engine: Engine,
    started: Monotonic,
) -> std::io::Result<(Rc<Agent>, Server<serve::Front>)> {
    let (node, container, process) = (options.node(), options.container(), options.process());
    let region = gate::Region::enter(budget.bytes());
    let news = options.news();
    let setup = options.setup(&prepared.shared);
    let (mut node_work, node_shown) = node.build(&setup, prepared.node);
    let (mut container_work, container_shown) = container.build(&setup, prepared.container);
    let (mut process_work, process_shown) = process.build(&setup, prepared.process);
    let (kube, telemetry) = (options.kube_store(own::kube::TABLES), options.kube_store(telemetry::TABLES));
    let objects = options.objects.take().map(|objects| objects.build(&options.limits));
    let (watches, reflectors) =
        objects.map_or((None, Vec::new()), |(watches, reflectors)| (Some(watches), reflectors));
    if let Some(watches) = &watches {
        let place = watches.cache.kinds.iter().position(|kind| kind.kind.resource == pods::KIND.resource);
        if let Some(place) = place {
            prepared.shared.pods.open(&watches.cache, place, pods::READER);
        }
    }
    let settings = Settings::new(&options, budget, &choice, &engine);
    engine.warm(&mut node_work.batch);
    engine.warm(&mut container_work.batch);
    engine.warm(&mut process_work.batch);
    let machine = Machine {
        node: node_work,
        container: container_work,
        process: process_work,
        engine,
        system: System::new(options.roots.clone(), &options.limits, options.mounts())?,
    };
    let mut answers = [own::Answer::default(); serve::ENDPOINTS.len()];
    for (index, answer) in answers.iter_mut().enumerate() {
        answer.endpoint = serve::endpoint(index);
    }
    let stats = Rc::new(ServerStats::new(serve::CLASSES.len()));
    let agent = Rc::new(Agent {
        node: node_shown,
        container: container_shown,
        process: process_shown,
        own: RefCell::new(Store::new(own_tables(), &options.limits)),
        kube: RefCell::new(kube),
        telemetry: RefCell::new(telemetry),
        watches,
        reflectors: RefCell::new(reflectors),
        machine: tokio::sync::Mutex::new(machine),
        groups: prepared.shared.groups,
        tally: prepared.shared.tally,
        settings,
        passes: Cell::new(0),
        ready: Cell::new(None),
        started,
        answers: RefCell::new(answers),
        tables: RefCell::new(Vec::with_capacity(own::TABLES_MAX as usize)),
        io_usage: Cell::default(),
        engine_fallbacks: Cell::new(0),
        news: RefCell::new(news),
        server: Rc::clone(&stats),
    });
    let server = Server::new(options.server_limits(), Rc::new(serve::Front(agent.clone())), stats);
    drop(region);
    gate::seal();
    Ok((agent, server))
}

/// The agent's own tables; they are few and always served.
fn own_tables() -> impl Iterator<Item = (&'static Table, Profile)> {
    own::TABLES.iter().map(|table| (table, Profile::Full))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{collectors_on_off, flag_tables};
    use crate::flags;
    use crate::flags::FlagKind;
    use crate::limits::LIMIT_FLAGS;

    /// Larger plans are added up and not allocated.
    const BUILT_BYTES_MAX: u64 = 512 << 20;

    /// Lists that are dropped when something is made.
    const FLEETING_BYTES_MAX: u64 = 4096;

    const HELD: &str = "files held open, in the kernel";

    /// Plans and, if it is small enough, allocates an agent with every collector on.
    fn check(limits: &[String]) {
        let on = node::COLLECTORS.iter().map(|collector| format!("--collector.{}", collector.name));
        let line = on.chain(["-metrics.profile=full".to_owned()]).chain(limits.iter().cloned());
        let flags = flags::parse(&flag_tables(), &collectors_on_off(), line, |_| None).unwrap();
        let options = Options::new(&flags);
        assert_eq!(options.on.len(), node::COLLECTORS.len());
        let prepared = options.prepare();
        let bytes = options.budget(&prepared).bytes();
        assert!(bytes > 0, "{limits:?}");
        if bytes > BUILT_BYTES_MAX {
            return;
        }
        let setup = options.setup(&prepared.shared);
        let states = [prepared.node, prepared.container, prepared.process];
        for (part, states) in options.parts().into_iter().zip(states) {
            let (name, plan) = (part.name, part.plan(&options.limits));
            let (shown, bytes) = measured(|| part.build(&setup, states).1);
            assert!(!shown.store.borrow().tables().is_empty());
            assert_plan(name, &plan, bytes);
        }
        let ((_, _), bytes) = measured(|| (Store::new(own_tables(), &options.limits), options.news()));
        assert_plan("own", &options.own_plan(), bytes);
    }

    /// What is made, and the bytes that were asked for.
    fn measured<T>(make: impl FnOnce() -> T) -> (T, u64) {
        let before = gate::thread_allocated_bytes();
        let made = make();
        (made, gate::thread_allocated_bytes() - before)
    }

    /// The plan holds what is allocated.
    fn assert_plan(part: &str, plan: &[Item], bytes: u64) {
        let ours = plan.iter().filter(|item| !item.what.ends_with("in the kernel"));
        let planned: u64 = ours.map(Item::bytes).sum();
        assert!(bytes <= planned + FLEETING_BYTES_MAX, "{part}: {bytes} bytes, {planned} planned");
    }

    #[test]
    fn files_that_cannot_be_held_open_are_not_planned_as_held() {
        let flags =
            flags::parse(&flag_tables(), &collectors_on_off(), std::iter::empty::<String>(), |_| None)
                .unwrap();
        let mut options = Options::new(&flags);
        let held = |options: &Options<'_>| {
            let plans = options.parts().map(|part| part.plan(&options.limits));
            let held = plans.map(|plan| plan.iter().find(|item| item.what == HELD).unwrap().rows);
            (held, held.iter().sum::<u64>())
        };
        let ([node, container, process], all) = held(&options);
        assert!(process > 0 && node > 20);
        for (most, expect) in [
            (0, [0, 0, 0]),
            (process, [0, 0, process]),
            (process + container + 7, [7, container, process]),
            (all, [node, container, process]),
        ] {
            options.held_planned = usize::try_from(most).unwrap();
            assert_eq!(held(&options), (expect, most));
        }
    }

    #[test]
    fn every_limit_holds_from_its_smallest_to_its_largest_value() {
        let mut smallest = Vec::new();
        for flag in LIMIT_FLAGS {
            let FlagKind::Int { min, max } = flag.kind else { panic!("-{} is no number", flag.name) };
            for value in [min, max] {
                check(&[format!("-{}={value}", flag.name)]);
            }
            smallest.push(format!("-{}={min}", flag.name));
        }
        check(&smallest);
    }
}
