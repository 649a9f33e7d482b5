use super::testing::TestTree;
use super::*;
use crate::base::gate;
use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;

const FILES: &[GroupFile] = &[
    file("memory", "memory.stat", Hold::Hot, false),
    file("memory", "memory.peak", Hold::Warm, false),
    file("memory", "memory.max", Hold::Never, true),
];

const fn file(controller: &'static str, v2: &'static str, hold: Hold, watch: bool) -> GroupFile {
    GroupFile { controller, v1: "", v2, hold, watch }
}

fn limits(groups: u32) -> Limits {
    Limits { groups, held_group_files: 64, ..Limits::default() }
}

#[test]
fn deep_trees_end_where_paths_are_too_long() {
    let mut tree = TestTree::v2();
    tree.make(&vec!["deep"; 400].join("/"));
    let groups = tree.groups(&limits(512), FILES);
    let mut groups = groups.borrow_mut();
    for _ in 0..2 {
        assert_eq!(groups.refresh(tree.later()), Ok(()));
        // "/deep" is five bytes.
        assert_eq!(groups.iter().count(), 1 + 768 / 5);
    }
    assert_eq!(groups.usage().refused, 1);
    let longest = groups.iter().map(|id| groups.path(id).len()).max();
    assert_eq!(longest, Some(765));
}

#[test]
fn ten_thousand_groups_are_held_or_refused() {
    let mut tree = TestTree::v2();
    for number in 0..10_000 {
        tree.make(&format!("g{number}"));
    }
    for (capacity, found) in [(1024, 1024), (16_384, 10_001)] {
        let groups = tree.groups(&limits(capacity), FILES);
        let mut groups = groups.borrow_mut();
        assert_eq!(groups.refresh(tree.later()), Ok(()));
        assert_eq!(groups.iter().count(), found);
        assert_eq!(groups.usage().refused, 10_001 - found as u64);
        assert!(groups.find(b"/g9999").is_some() || capacity == 1024);
    }
}

#[test]
fn names_are_bytes() {
    let names: [&[u8]; 8] = [
        b"quote\"s",
        b"back\\slash",
        b"system-systemd\\x2dfsck.slice",
        b"new\nline",
        b"\xff\xfe not UTF-8",
        b" ",
        b"...",
        &[b'n'; 255],
    ];
    let mut tree = TestTree::v2();
    for name in names {
        let folder = tree.path().join(std::ffi::OsStr::from_bytes(name));
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("memory.stat"), name).unwrap();
    }
    // A file and a link with the names of groups are none.
    tree.write("file", "");
    std::os::unix::fs::symlink("...", tree.path().join("link")).unwrap();
    let groups = tree.groups(&limits(16), FILES);
    let mut groups = groups.borrow_mut();
    assert_eq!(groups.refresh(tree.later()), Ok(()));
    assert_eq!(groups.iter().count(), 1 + names.len());
    for name in names {
        let path = [b"/", name].concat();
        let id = groups.find(&path).unwrap();
        assert_eq!(groups.path(id).as_bytes(), path);
        assert_eq!(groups.read(id, 0), Ok(name));
    }
}

#[test]
fn groups_may_vanish_at_any_moment() {
    let mut tree = TestTree::v2();
    let make = |tree: &TestTree| {
        for number in 0..20 {
            tree.write(&format!("g{number}/memory.stat"), "anon 1");
        }
    };
    make(&tree);
    let groups = tree.groups(&limits(64), FILES);
    let mut groups = groups.borrow_mut();
    for round in 0..20 {
        assert_eq!(groups.refresh(tree.later()), Ok(()));
        let ids: Vec<GroupId> = groups.iter().collect();
        assert_eq!(ids.len(), 21);
        for (at, id) in ids.into_iter().enumerate() {
            if at == round {
                for number in 0..20 {
                    tree.remove(&format!("g{number}"));
                }
            }
            let gone = at > round || groups.path(id).as_bytes() == b"/";
            let result = groups.read(id, 0).map(<[u8]>::to_vec);
            // A folder that is gone has no files; a held file of an ordinary file system is still there.
            assert!(
                result == Ok(b"anon 1".to_vec()) || (gone || at == round) && result.is_err(),
                "{result:?}"
            );
            assert!(groups.read(id, 1).is_err());
            if at < round {
                assert!(groups.created(id).is_some());
            }
        }
        make(&tree);
    }
    assert_eq!(groups.usage().refused, 0);
}

#[test]
fn what_may_not_be_read_costs_itself() {
    let tree = TestTree::v2();
    let mode = |name: &str, mode| {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(tree.path().join(name), permissions).unwrap();
    };
    for number in 0..20 {
        tree.write(&format!("g{number}/memory.stat"), "anon 1");
        tree.write(&format!("g{number}/child/memory.stat"), "anon 2");
        if number % 2 == 1 {
            mode(&format!("g{number}/memory.stat"), 0);
            mode(&format!("g{number}"), 0o311);
        }
    }
    let (path, now) = (tree.path().to_str().unwrap().to_owned(), tree.now);
    // Nothing is denied to root.
    let reader = std::thread::spawn(move || {
        let nobody = rustix::process::Uid::from_raw(65_534);
        if rustix::process::getuid().is_root() {
            rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
        }
        let groups = Groups::shared(&limits(64), &path, FILES);
        let mut groups = groups.borrow_mut();
        let mut now = now;
        for _ in 0..3 {
            now.monotonic.0 += 60_000_000_000;
            assert_eq!(groups.refresh(now), Ok(()));
            assert_eq!(groups.iter().count(), 1 + 20 + 10);
            let ids: Vec<GroupId> = groups.iter().collect();
            let read = ids.iter().filter(|id| groups.read(**id, 0).is_ok()).count();
            assert_eq!(read, 20);
        }
        groups.numbers().errors[ReadError::Denied.index()]
    });
    // Ten files and ten lists of children, three times.
    assert_eq!(reader.join().unwrap(), 60);
    for number in 0..20 {
        mode(&format!("g{number}"), 0o755);
    }
}

#[test]
fn a_lost_queue_of_events_is_made_up_for() {
    let mut tree = TestTree::v2();
    // fs.inotify.max_queued_events, which hardly anybody changes.
    const QUEUE: u32 = 16_384;
    let groups = tree.groups(&limits(16), FILES);
    let mut groups = groups.borrow_mut();
    assert_eq!(groups.refresh(tree.later()), Ok(()));
    for _ in 0..QUEUE / 2 + 1 {
        tree.make("a");
        tree.remove("a");
    }
    tree.make("b/c");
    assert_eq!(groups.refresh(tree.later()), Ok(()));
    let paths: Vec<_> = groups.iter().map(|id| groups.path(id).as_str().to_owned()).collect();
    assert_eq!(paths, ["/", "/b", "/b/c"]);
    assert_eq!((groups.numbers().overflows, groups.numbers().rescans), (1, 2));
}

/// A minute of 100 groups that come and go per second, four passes per second: every one is found, every removal is
/// seen, nothing is allocated.
#[test]
fn churn_allocates_nothing_and_misses_nothing() {
    const ALIVE: u32 = 200;
    const ROUNDS: u32 = 240;
    const PER_ROUND: u32 = 25;
    let tree = TestTree::v2();
    let name =
        |number: u32| format!("kubepods.slice/pod{}.slice/cri-containerd-{number:064x}.scope", number % 8);
    let make = |tree: &TestTree, number| {
        tree.write(&format!("{}/memory.stat", name(number)), &format!("anon {number}"));
        tree.write(&format!("{}/memory.peak", name(number)), "1");
    };
    for number in 0..ALIVE {
        make(&tree, number);
    }
    let groups = tree.groups(&limits(ALIVE + PER_ROUND + 10), FILES);
    let mut groups = groups.borrow_mut();
    let mut births = BTreeMap::new();
    let mut next = ALIVE;
    for round in 0..ROUNDS {
        for _ in 0..PER_ROUND {
            // Some live for less than a pass, and some are made again under the name they had.
            let number = if next.is_multiple_of(7) { next - ALIVE / 2 } else { next };
            tree.remove(&name(next - ALIVE));
            if number != next {
                tree.remove(&name(number));
            }
            make(&tree, number);
            make(&tree, next);
            next += 1;
        }
        let now = Moment { monotonic: Monotonic(u64::from(round + 1) * 250_000_000), unix_nanos: 0 };
        let before = gate::thread_allocations();
        assert_eq!(groups.refresh(now), Ok(()));
        let mut at = 0;
        let mut read = 0;
        while let Some(id) = groups.get(at) {
            read += u32::from(groups.read(id, 0).is_ok()) + u32::from(groups.read(id, 1).is_ok());
            groups.changed(id);
            groups.created(id);
            at += 1;
        }
        assert_eq!(gate::thread_allocations(), before);
        assert_eq!((at, read), (10 + ALIVE as usize, 2 * ALIVE));
        let since = if round % 16 == 0 { ALIVE } else { PER_ROUND };
        for number in next - since..next {
            let id = groups.find(format!("/{}", name(number)).as_bytes()).unwrap();
            assert_eq!(groups.read(id, 0), Ok(format!("anon {number}").as_bytes()));
            births.insert(groups.birth(id), number);
        }
    }
    // Every group had a birth of its own, and those made again had two at the least.
    assert!(births.len() > (ALIVE + ROUNDS * PER_ROUND) as usize);
    assert_eq!((groups.numbers().overflows, groups.numbers().rescans), (0, 1));
    assert_eq!(groups.usage().refused, 0);
    assert_eq!(groups.watches_usage().used, 10 + ALIVE);
    assert_eq!(groups.folders_usage().used, 10 + ALIVE);
    assert!(groups.held_usage().used <= 64);
}
