//! Control groups: finding a thousand of them, a pass over them, and their text.

use super::{Body, LIMITS, fixtures, later, now, with_groups};
use std::hint::black_box;
use std::path::{Path, PathBuf};
use trimeter::base::clock::Moment;
use trimeter::container::{COLLECTORS, FILES, REPORT};
use trimeter::expo::{Cursor, Filter, Page, render};
use trimeter::family::Profile;
use trimeter::io::groups::{Groups, SharedGroups};
use trimeter::io::replay::Replay;
use trimeter::part::{Set, Shown, Spec, Work};

/// Four to a pod, which makes 1,003 groups.
const CONTAINERS: usize = 800;

const MEMORY_STAT: &str = "anon 4096000\nfile 8192000\nkernel 1228800\nkernel_stack 65536\npagetables 131072\n\
    sec_pagetables 0\npercpu 2880\nsock 0\nvmalloc 0\nshmem 0\nzswap 0\nzswapped 0\nfile_mapped 4325376\nfile_dirty 0\n\
    file_writeback 0\nswapcached 0\nanon_thp 0\nfile_thp 0\nshmem_thp 0\ninactive_anon 4095000\nactive_anon 4096\n\
    inactive_file 6291456\nactive_file 1900544\nunevictable 0\nslab_reclaimable 524288\nslab_unreclaimable 262144\n\
    slab 786432\nworkingset_refault_anon 0\nworkingset_refault_file 12\nworkingset_activate_anon 0\n\
    workingset_activate_file 3\nworkingset_restore_anon 0\nworkingset_restore_file 1\nworkingset_nodereclaim 0\n\
    pgscan 120\npgsteal 118\npgscan_kswapd 120\npgscan_direct 0\npgsteal_kswapd 118\npgsteal_direct 0\npgfault 70123\n\
    pgmajfault 57\npgrefill 0\npgactivate 411\npgdeactivate 0\npglazyfree 0\npglazyfreed 0\nthp_fault_alloc 0\n";

const CONTENTS: &[(&str, &str)] = &[
    ("cgroup.events", "populated 1\nfrozen 0\n"),
    (
        "cpu.stat",
        "usage_usec 1234567\nuser_usec 1000000\nsystem_usec 234567\nnr_periods 100\nnr_throttled 7\nthrottled_usec 1234\n",
    ),
    ("cpu.max", "50000 100000\n"),
    ("cpu.weight", "39\n"),
    (
        "cpu.pressure",
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=5678\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=90\n",
    ),
    (
        "io.pressure",
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=56\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=9\n",
    ),
    ("io.stat", "259:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n"),
    ("memory.current", "12288000\n"),
    ("memory.events", "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\noom_group_kill 0\n"),
    ("memory.max", "134217728\n"),
    ("memory.min", "0\n"),
    ("memory.peak", "22288000\n"),
    (
        "memory.pressure",
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=1\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=1\n",
    ),
    ("memory.stat", MEMORY_STAT),
    ("memory.swap.current", "0\n"),
    ("memory.swap.max", "max\n"),
];

/// A v2 tree in memory, removed with the last body that uses it.
struct Tree(PathBuf);

impl Tree {
    /// # Panics
    /// When it cannot be made.
    fn make(name: &str) -> Self {
        let folder = Path::new("/dev/shm").join(format!("trimeter-bench-{name}"));
        let tree = Tree(folder.clone());
        write(&folder, &[("cgroup.controllers", "cpu io memory pids\n")]);
        for number in 0..CONTAINERS {
            let pod = number / 4;
            let slice =
                format!("kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{pod:032x}.slice");
            write(&folder.join(slice).join(format!("cri-containerd-{number:064x}.scope")), CONTENTS);
        }
        tree
    }

    fn groups(&self) -> SharedGroups {
        Groups::shared(&LIMITS, &self.0.to_string_lossy(), FILES)
    }
}

fn write(folder: &Path, files: &[(&str, &str)]) {
    assert!(std::fs::create_dir_all(folder).is_ok(), "{}", folder.display());
    for (name, text) in files {
        assert!(std::fs::write(folder.join(name), text).is_ok(), "{}", folder.display());
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// What a start costs: every directory is opened, watched and listed.
pub fn discovery() -> Body {
    let mut tree = None;
    let turn = move || {
        let tree = tree.get_or_insert_with(|| Tree::make("discovery"));
        let groups = tree.groups();
        assert!(groups.borrow_mut().refresh(now()).is_ok());
        assert_eq!(groups.borrow().iter().count(), 1003);
    };
    Body { name: "groups_discovery", bytes: 0, turn: Box::new(turn) }
}

/// The container part with its groups and a machine of the fixture tree.
struct Part {
    /// Its folder is there as long as the part.
    _tree: Tree,
    work: Work,
    shown: Shown,
    machine: Replay,
}

impl Part {
    fn new(name: &str) -> Self {
        let tree = Tree::make(name);
        let collectors = COLLECTORS.iter().map(|collector| (collector, Profile::Full)).collect();
        let spec = Spec { name: "container", collectors, report: Some(&REPORT), held_max: usize::MAX };
        let (work, shown) = with_groups(&tree.groups(), |setup| {
            let states = spec.make(setup);
            spec.build(setup, states)
        });
        Part { _tree: tree, work, shown, machine: fixtures() }
    }

    fn pass(&mut self, now: Moment) {
        let Part { work, shown, machine, .. } = self;
        assert!(work.begin(shown, Set::ALL, now).is_some(), "nobody reads a frame");
        work.request(shown, Set::ALL, machine, now);
        work.collect(shown, Set::ALL, false, machine, now);
        work.collect(shown, Set::ALL, true, machine, now);
        work.commit(shown);
        machine.asked.clear();
    }
}

/// What every scrape costs before there is text: most of it is the kernel's, which is not counted.
pub fn tick() -> Body {
    let mut part = None;
    let mut now = now();
    let turn = move || {
        later(&mut now);
        part.get_or_insert_with(|| Part::new("tick")).pass(now);
    };
    Body { name: "groups_tick", bytes: 0, turn: Box::new(turn) }
}

/// The text of all groups.
pub fn rendering() -> Body {
    let mut part = None;
    let mut page = vec![0; 32 * 1024];
    let turn = move || {
        let (part, frame) = part.get_or_insert_with(|| {
            let mut part = Part::new("render");
            part.pass(now());
            let frame = part.shown.store.borrow_mut().pin();
            (part, frame)
        });
        let (store, mut cursor) = (part.shown.store.borrow(), Cursor::default());
        let Some(frame) = *frame else { panic!("there was a pass") };
        while !render(&store, frame, Filter::ALL, &mut cursor, &mut Page::new(&mut page)) {
            black_box(&page);
        }
        assert!(cursor.series > 20_000, "{} series", cursor.series);
    };
    Body { name: "groups_render", bytes: 0, turn: Box::new(turn) }
}
