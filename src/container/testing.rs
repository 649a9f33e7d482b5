//! One way to test what is read of a group: files in, exposition lines out.

use super::{COLLECTORS, FILES};
use crate::collect::{Collect, Collector, Pass, Setup, Trouble};
use crate::expo::{Filter, render_all};
use crate::family::Profile;
use crate::flags::Flags;
use crate::io::groups::testing::TestTree;
use crate::io::links::Links;
use crate::io::replay::Replay;
use crate::io::tally::Tally;
use crate::io::{Files, Roots};
use crate::kube::pods::SharedPods;
use crate::limits::Limits;
use crate::store::Store;

/// A machine with 8 GiB of memory and 1 GiB of swap space, half of it used.
const MEMINFO: &str = "MemTotal: 8388608 kB\nSwapTotal: 1048576 kB\nSwapFree: 524288 kB\n";

const DISKSTATS: &str = "8 0 sda 0 0 0 0 0 0 0 0 0 0 0\n259 0 nvme0n1 0 0 0 0 0 0 0 0 0 0 0\n";

/// The hierarchies of v1, as most distributions mount them.
const HIERARCHIES: [&str; 5] = ["cpu,cpuacct", "memory", "blkio", "pids", "perf_event"];

/// A collector on a tree of groups; passes can be repeated and the tree changed between them.
pub struct Bench {
    collector: &'static Collector,
    state: Box<dyn Collect>,
    pub store: Store,
    limits: Limits,
    pub machine: Replay,
    pub tree: TestTree,
}

impl Bench {
    pub fn new(tree: TestTree, profile: Profile) -> Self {
        Self::with_limits(tree, profile, Limits { groups: 16, ..Limits::default() })
    }

    pub fn with_limits(tree: TestTree, profile: Profile, limits: Limits) -> Self {
        Self::with_roots(tree, profile, limits, Roots::default())
    }

    /// A machine whose runtimes keep their state in a folder.
    pub fn with_state(tree: TestTree, state: &TestTree) -> Self {
        let roots = Roots { rootfs: state.path().to_str().unwrap().into(), ..Roots::default() };
        Self::with_roots(tree, Profile::Full, Limits { groups: 64, ..Limits::default() }, roots)
    }

    fn with_roots(tree: TestTree, profile: Profile, limits: Limits, roots: Roots) -> Self {
        let collector = &COLLECTORS[0];
        let flags = Flags::defaults(&[collector.flags]);
        let (links, groups) = (Links::shared(&limits), tree.groups(&limits, FILES));
        let setup = Setup {
            flags: &flags,
            limits: &limits,
            roots: &roots,
            page_bytes: 4096,
            links: &links,
            taken: &[],
            groups: &groups,
            tally: &Tally::shared(),
            pods: &SharedPods::default(),
        };
        Bench {
            collector,
            state: (collector.make)(&setup),
            store: Store::new(collector.tables.iter().map(|table| (table, profile)), &limits),
            limits,
            machine: Replay::with(&[
                ("proc/meminfo", MEMINFO),
                ("proc/1/mountinfo", ""),
                ("proc/diskstats", DISKSTATS),
            ]),
            tree,
        }
    }

    /// One pass, 15 seconds after the one before. Its trouble, how many lines it did not understand, and its samples,
    /// sorted, without labels that are empty.
    pub fn pass(&mut self) -> (Result<(), Trouble>, u64, Vec<String>) {
        let now = self.tree.later();
        let mut slots = Vec::new();
        self.machine.fill(self.collector.files, &self.limits, &mut slots);
        let places: Vec<usize> = (0..slots.len()).collect();
        assert!(self.store.begin(|_| false));
        let mut pass = Pass {
            files: Files::new(&slots, &places),
            io: &mut self.machine,
            out: self.store.out(0, self.collector.tables.len()),
            now,
        };
        let result = self.state.request(&mut pass).and_then(|()| self.state.collect(&mut pass));
        let malformed = pass.out.malformed_count();
        self.store.commit();
        let frame = self.store.pin().unwrap();
        let text = render_all(&self.store, frame, Filter::ALL);
        self.store.unpin(frame);
        let mut lines: Vec<String> = String::from_utf8(text)
            .unwrap()
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(without_empty)
            .collect();
        lines.sort();
        (result, malformed, lines)
    }
}

/// The line without labels that are empty.
fn without_empty(line: &str) -> String {
    let mut line = line.to_owned();
    for name in ["container", "image", "name", "namespace", "pod"] {
        for (from, to) in [(format!("{{{name}=\"\","), "{"), (format!(",{name}=\"\""), "")] {
            line = line.replacen(&from, to, 1);
        }
    }
    line
}

/// What is shown of a group of which these files are there: the samples of families that begin with one of the words.
#[track_caller]
fn check(tree: TestTree, id: &str, families: &str, expect: &str) {
    let (result, _, lines) = Bench::new(tree, Profile::Full).pass();
    assert_eq!(result, Ok(()));
    let label = format!("id=\"{id}\"");
    let shown: Vec<String> = lines
        .iter()
        .filter(|line| families.split_whitespace().any(|word| line.starts_with(word)))
        .filter(|line| line.contains(&label))
        .map(|line| {
            ["{L}", ",L", "L,"]
                .iter()
                .fold(line.clone(), |line, way| line.replace(&way.replace('L', &label), ""))
        })
        .collect();
    let expect: Vec<&str> = expect.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert_eq!(shown, expect);
}

/// Files of a v2 group, `cpu.stat`.
#[track_caller]
pub fn check_v2(families: &str, files: &[(&str, &str)], expect: &str) {
    let tree = TestTree::v2();
    tree.make("box");
    for (file, text) in files {
        tree.write(&format!("box/{file}"), text);
    }
    check(tree, "/box", families, expect);
}

/// Files of the v2 root.
#[track_caller]
pub fn check_root_v2(families: &str, files: &[(&str, &str)], expect: &str) {
    let tree = TestTree::v2();
    for (file, text) in files {
        tree.write(file, text);
    }
    check(tree, "/", families, expect);
}

/// Files of a v1 group, `cpu/cpu.stat`.
#[track_caller]
pub fn check_v1(families: &str, files: &[(&str, &str)], expect: &str) {
    let tree = TestTree::v1(&HIERARCHIES);
    for hierarchy in HIERARCHIES {
        tree.make(&format!("{hierarchy}/box"));
    }
    for (file, text) in files {
        let (controller, name) = file.split_once('/').unwrap();
        tree.write(&format!("{}/box/{name}", hierarchy(controller)), text);
    }
    check(tree, "/box", families, expect);
}

/// Files of the v1 root.
#[track_caller]
pub fn check_root_v1(families: &str, files: &[(&str, &str)], expect: &str) {
    let tree = TestTree::v1(&HIERARCHIES);
    for (file, text) in files {
        let (controller, name) = file.split_once('/').unwrap();
        tree.write(&format!("{}/{name}", hierarchy(controller)), text);
    }
    check(tree, "/", families, expect);
}

fn hierarchy(controller: &str) -> &'static str {
    HIERARCHIES.iter().find(|names| names.split(',').any(|name| name == controller)).unwrap()
}
