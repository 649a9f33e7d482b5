use super::testing::TestTree;
use super::*;

const FILES: &[GroupFile] = &[
    file("memory", "memory.stat", "memory.stat"),
    file("cpu", "cpu.shares", "cpu.weight"),
    file("memory", "memory.failcnt", ""),
];

const fn file(controller: &'static str, v1: &'static str, v2: &'static str) -> GroupFile {
    GroupFile { controller, v1, v2, hold: Hold::Hot, watch: false }
}

fn limits(groups: u32) -> Limits {
    Limits { groups, ..Limits::default() }
}

/// One pass; the paths and births of all groups.
fn pass(tree: &mut TestTree, groups: &SharedGroups) -> Vec<(String, u64)> {
    let mut groups = groups.borrow_mut();
    assert_eq!(groups.refresh(tree.later()), Ok(()));
    let text = |id| String::from_utf8_lossy(groups.path(id).as_bytes()).into_owned();
    groups.iter().map(|id| (text(id), groups.birth(id))).collect()
}

fn paths(tree: &mut TestTree, groups: &SharedGroups) -> Vec<String> {
    pass(tree, groups).into_iter().map(|(path, _)| path).collect()
}

#[test]
fn groups_are_found_parents_first_and_by_name() {
    let mut tree = TestTree::v2();
    for group in ["b/c", "b/a", "a", "boot.mount/x", "d.slice/e.slice/f.scope"] {
        tree.make(group);
    }
    let groups = tree.groups(&limits(16), FILES);
    assert_eq!(groups.borrow().version(), Version::V2);
    let expect =
        ["/", "/a", "/b", "/d.slice", "/b/a", "/b/c", "/d.slice/e.slice", "/d.slice/e.slice/f.scope"];
    assert_eq!(paths(&mut tree, &groups), expect);
    let groups = groups.borrow();
    let id = groups.find(b"/b/c").unwrap();
    assert_eq!(groups.parent(id).map(|id| groups.path(id).as_str().to_owned()), Some("/b".to_owned()));
    assert_eq!(groups.find(b"/"), groups.get(0));
    assert_eq!(groups.find(b"/b/d"), None);
    assert_eq!(groups.parent(groups.get(0).unwrap()), None);
}

#[test]
fn a_group_that_comes_or_goes_stirs() {
    let mut tree = TestTree::v2();
    tree.make("a/b");
    let groups = tree.groups(&limits(16), FILES);
    let stirred = |tree: &mut TestTree| {
        let now = tree.later();
        let mut groups = groups.borrow_mut();
        assert_eq!(groups.refresh(now), Ok(()));
        groups.stirred() == now.monotonic
    };
    assert!(stirred(&mut tree));
    assert!(!stirred(&mut tree));
    tree.make("a/c");
    assert!(stirred(&mut tree));
    tree.write("a/memory.high", "1");
    assert!(!stirred(&mut tree));
    tree.remove("a/b");
    assert!(stirred(&mut tree));
    tree.remove("a/c");
    tree.make("a/c");
    assert!(stirred(&mut tree));
    assert!(!stirred(&mut tree));
}

#[test]
fn groups_come_and_go_and_a_new_one_is_another() {
    let mut tree = TestTree::v2();
    tree.make("a/b");
    tree.make("c");
    let groups = tree.groups(&limits(16), FILES);
    let before = pass(&mut tree, &groups);
    assert_eq!(before.len(), 4);
    assert_eq!(pass(&mut tree, &groups), before);
    tree.remove("a");
    tree.make("d");
    let (root, c) = (before[0].clone(), before[2].clone());
    assert_eq!(pass(&mut tree, &groups), [root.clone(), c, ("/d".into(), 5)]);
    // Made anew under the same name between two passes.
    std::fs::rename(tree.path().join("c"), tree.path().join("old")).unwrap();
    tree.make("c");
    tree.remove("old");
    assert_eq!(pass(&mut tree, &groups), [root, ("/c".into(), 6), ("/d".into(), 5)]);
    let expect = Usage { used: 3, capacity: 16, high_water: 5, ..Usage::default() };
    assert_eq!(groups.borrow().usage(), expect);
}

#[test]
fn v1_is_the_union_of_its_hierarchies() {
    let mut tree = TestTree::v1(&["cpu,cpuacct", "memory", "systemd", "unified"]);
    std::os::unix::fs::symlink("cpu,cpuacct", tree.path().join("cpu")).unwrap();
    tree.write("cpu/both/cpu.shares", "2");
    tree.write("memory/both/memory.stat", "cache 1\n");
    tree.write("memory/only/memory.stat", "cache 2\n");
    tree.make("systemd/none");
    let groups = tree.groups(&limits(16), FILES);
    assert_eq!(groups.borrow().version(), Version::V1);
    assert_eq!(paths(&mut tree, &groups), ["/", "/both", "/only"]);
    let mut groups = groups.borrow_mut();
    let (both, only) = (groups.find(b"/both").unwrap(), groups.find(b"/only").unwrap());
    assert_eq!(groups.read(both, 0), Ok(&b"cache 1\n"[..]));
    assert_eq!(groups.read(both, 1), Ok(&b"2"[..]));
    assert_eq!(groups.read(only, 0), Ok(&b"cache 2\n"[..]));
    assert_eq!(groups.read(only, 1), Err(ReadError::Missing));
    assert_eq!(groups.read(only, 2), Err(ReadError::Missing));
}

#[test]
fn a_group_lives_as_long_as_any_hierarchy_has_it() {
    let mut tree = TestTree::v1(&["cpu", "memory"]);
    tree.make("cpu/a");
    tree.make("memory/a");
    let groups = tree.groups(&limits(16), FILES);
    let before = pass(&mut tree, &groups);
    tree.remove("memory/a");
    assert_eq!(pass(&mut tree, &groups), before);
    tree.remove("cpu/a");
    assert_eq!(paths(&mut tree, &groups), ["/"]);
}

/// Forgets the events that wait.
fn deafen(groups: &SharedGroups) {
    let events = groups.borrow().events().unwrap();
    let mut buffer = [0; 4096];
    while rustix::io::read(&events, &mut buffer).is_ok_and(|bytes| bytes > 0) {}
}

#[test]
fn what_nobody_tells_of_is_found_by_the_links_of_directories() {
    for mut tree in [TestTree::v2(), TestTree::v1(&["cpu", "memory"])] {
        let names: &[&str] = if tree.path().join("cpu").exists() { &["cpu/", "memory/"] } else { &[""] };
        names.iter().for_each(|at| tree.make(&format!("{at}node")));
        let groups = tree.groups(&limits(16), FILES);
        assert_eq!(paths(&mut tree, &groups), ["/", "/node"]);
        for _ in 0..3 {
            names.iter().for_each(|at| tree.make(&format!("{at}node/pod/container")));
            deafen(&groups);
            assert_eq!(paths(&mut tree, &groups), ["/", "/node", "/node/pod", "/node/pod/container"]);
            names.iter().for_each(|at| tree.remove(&format!("{at}node/pod")));
            deafen(&groups);
            assert_eq!(paths(&mut tree, &groups), ["/", "/node"]);
        }
    }
}

#[test]
fn a_full_table_refuses_the_newest() {
    let mut tree = TestTree::v2();
    tree.make("a");
    tree.make("b");
    let groups = tree.groups(&limits(3), FILES);
    assert_eq!(paths(&mut tree, &groups), ["/", "/a", "/b"]);
    tree.make("0");
    assert_eq!(paths(&mut tree, &groups), ["/", "/a", "/b"]);
    assert_eq!(groups.borrow().usage().refused, 1);
    tree.remove("a");
    paths(&mut tree, &groups);
    assert_eq!(paths(&mut tree, &groups), ["/", "/b", "/0"]);
}

#[test]
fn without_control_groups_there_is_nothing() {
    let groups = Groups::none();
    let mut groups = groups.borrow_mut();
    assert_eq!(groups.refresh(Moment::default()), Err(ReadError::Missing));
    assert_eq!(groups.iter().count(), 0);
    assert_eq!(groups.find(b"/"), None);
}

/// How many watches there are, and how often everything was listed.
fn watched(groups: &SharedGroups) -> (u32, u64) {
    let groups = groups.borrow();
    (groups.watches_usage().used, groups.numbers().rescans)
}

#[test]
fn events_tell_what_comes_and_goes_without_a_walk() {
    let mut tree = TestTree::v2();
    tree.make("a/b");
    let groups = tree.groups(&limits(16), FILES);
    assert_eq!(paths(&mut tree, &groups), ["/", "/a", "/a/b"]);
    assert_eq!(watched(&groups), (3, 1));
    // Made in one go: only the first is told, the rest is listed.
    tree.make("c/d/e");
    tree.make("x.mount");
    assert_eq!(paths(&mut tree, &groups), ["/", "/a", "/a/b", "/c", "/c/d", "/c/d/e"]);
    tree.remove("a");
    std::fs::rename(tree.path().join("c/d"), tree.path().join("d")).unwrap();
    assert_eq!(paths(&mut tree, &groups), ["/", "/c", "/d", "/d/e"]);
    for _ in 0..3 {
        tree.remove("c");
        tree.make("c");
    }
    let before = pass(&mut tree, &groups);
    assert_eq!(before.len(), 4);
    assert_eq!(watched(&groups), (4, 1));
    assert_eq!(pass(&mut tree, &groups), before);
    tree.remove("c");
    tree.make("c");
    let after = pass(&mut tree, &groups);
    assert!(after.iter().zip(&before).all(|(after, before)| (after.1 > before.1) == (after.0 == "/c")));
    // What nobody has told is found when everything is listed.
    let (_, before) = watched(&groups);
    tree.now.monotonic.0 += 60_000_000_000;
    assert_eq!(pass(&mut tree, &groups), after);
    assert_eq!(watched(&groups), (4, before + 1));
}

#[test]
fn a_full_table_has_room_when_the_dead_are_known() {
    let mut tree = TestTree::v2();
    tree.make("a");
    let groups = tree.groups(&limits(2), FILES);
    assert_eq!(paths(&mut tree, &groups), ["/", "/a"]);
    tree.remove("a");
    tree.make("b");
    assert_eq!(paths(&mut tree, &groups), ["/", "/b"]);
    tree.make("c");
    assert_eq!(paths(&mut tree, &groups), ["/", "/b"]);
    tree.remove("b");
    assert_eq!(paths(&mut tree, &groups), ["/", "/c"]);
}

#[test]
fn limits_that_are_written_are_told_and_other_files_are_not() {
    const WATCHED: &[GroupFile] =
        &[GroupFile { watch: true, ..file("memory", "", "memory.max") }, file("memory", "", "memory.stat")];
    let mut tree = TestTree::v2();
    tree.write("a/memory.max", "max");
    tree.write("a/memory.stat", "anon 1");
    let groups = tree.groups(&limits(16), WATCHED);
    let changed = |tree: &mut TestTree, group: &[u8]| {
        pass(tree, &groups);
        let mut groups = groups.borrow_mut();
        let id = groups.find(group).unwrap();
        groups.changed(id)
    };
    assert!(changed(&mut tree, b"/a"));
    assert!(!changed(&mut tree, b"/a"));
    tree.write("a/memory.stat", "anon 2");
    assert!(!changed(&mut tree, b"/a"));
    tree.write("a/memory.max", "4096");
    assert!(changed(&mut tree, b"/a"));
    assert!(changed(&mut tree, b"/"));
    assert!(!changed(&mut tree, b"/"));
    tree.write("cgroup.subtree_control", "+memory");
    assert!(!changed(&mut tree, b"/"));
    assert!(changed(&mut tree, b"/a"));
}

#[test]
fn files_are_held_and_missing_ones_are_not_asked_for_again() {
    let mut tree = TestTree::v2();
    tree.write("a/memory.stat", "anon 1");
    let groups = tree.groups(&Limits { groups: 16, held_group_files: 1, ..Limits::default() }, FILES);
    pass(&mut tree, &groups);
    let read = |path: &[u8], file| {
        let mut groups = groups.borrow_mut();
        let id = groups.find(path).unwrap();
        groups.read(id, file).map(<[u8]>::to_vec)
    };
    assert_eq!(read(b"/a", 0), Ok(b"anon 1".to_vec()));
    tree.write("a/memory.stat", "anon 12");
    assert_eq!(read(b"/a", 0), Ok(b"anon 12".to_vec()));
    assert_eq!(read(b"/a", 1), Err(ReadError::Missing));
    tree.write("a/cpu.weight", "100");
    assert_eq!(read(b"/a", 1), Err(ReadError::Missing));
    tree.write("cgroup.subtree_control", "+cpu");
    pass(&mut tree, &groups);
    assert_eq!(read(b"/a", 1), Ok(b"100".to_vec()));
    assert_eq!(groups.borrow().held_usage().used, 1);
    assert_eq!(groups.borrow().held_usage().refused, 1);
    // Another of the same name is read anew.
    tree.remove("a");
    tree.write("a/memory.stat", "anon 3");
    pass(&mut tree, &groups);
    assert_eq!(groups.borrow().held_usage().used, 0);
    assert_eq!(read(b"/a", 0), Ok(b"anon 3".to_vec()));
    tree.write("a/memory.stat", &"x".repeat(64 * 1024));
    assert_eq!(read(b"/a", 0).map(|text| text.len()), Ok(64 * 1024));
    tree.write("a/memory.stat", &"x".repeat(64 * 1024 + 1));
    assert_eq!(read(b"/a", 0), Err(ReadError::TooLong));
    tree.remove("a");
    assert!(read(b"/a", 0).is_err());
    assert_eq!(groups.borrow().numbers().errors[ReadError::TooLong.index()], 1);
}

#[test]
fn without_descriptors_for_directories_files_are_found_all_the_same() {
    let mut tree = TestTree::v2();
    tree.write("a/b/memory.stat", "anon 1");
    let options = GroupOptions { folders_max: 1, ..GroupOptions::default() };
    let path = tree.path().to_str().unwrap().to_owned();
    let groups = Rc::new(RefCell::new(Groups::new(&limits(16), &path, FILES, options)));
    pass(&mut tree, &groups);
    tree.write("a/c/memory.stat", "anon 2");
    pass(&mut tree, &groups);
    let mut groups = groups.borrow_mut();
    for (path, expect) in [(&b"/a/b"[..], &b"anon 1"[..]), (b"/a/c", b"anon 2")] {
        let id = groups.find(path).unwrap();
        assert_eq!(groups.read(id, 0), Ok(expect));
        assert!(groups.created(id).is_some());
    }
    assert_eq!(groups.folders_usage().used, 1);
}

#[test]
fn a_group_is_as_old_as_its_oldest_mark_and_no_older_than_the_machine() {
    let mut tree = TestTree::v2();
    tree.write("a/cgroup.events", "populated 0");
    let set = |name: &str, seconds| {
        let time = rustix::fs::Timespec { tv_sec: seconds, tv_nsec: 0 };
        let times = rustix::fs::Timestamps { last_access: time, last_modification: time };
        let flags = rustix::fs::AtFlags::empty();
        rustix::fs::utimensat(rustix::fs::CWD, tree.path().join(name), &times, flags).unwrap();
    };
    set("a/cgroup.events", 1_000_000);
    set("a", 2_000_000);
    let path = tree.path().to_str().unwrap().to_owned();
    for (booted_nanos, expect) in [(0, 1_000_000), (1_500_000_000_000_000, 1_500_000)] {
        let options = GroupOptions { booted_nanos, ..GroupOptions::default() };
        let groups = Rc::new(RefCell::new(Groups::new(&limits(16), &path, FILES, options)));
        pass(&mut tree, &groups);
        let mut groups = groups.borrow_mut();
        let id = groups.find(b"/a").unwrap();
        assert_eq!(groups.created(id), Some(expect * 1_000_000_000));
    }
}

#[test]
fn without_watches_directories_are_listed_in_every_pass() {
    const WATCHED: &[GroupFile] = &[GroupFile { watch: true, ..file("memory", "", "memory.max") }];
    for watches_max in [0, 1, 2] {
        let mut tree = TestTree::v2();
        tree.make("a/b");
        let options = GroupOptions { watches_max, ..GroupOptions::default() };
        let path = tree.path().to_str().unwrap().to_owned();
        let groups = Rc::new(RefCell::new(Groups::new(&limits(16), &path, WATCHED, options)));
        assert_eq!(paths(&mut tree, &groups), ["/", "/a", "/a/b"]);
        assert_eq!(groups.borrow().numbers().unwatched, u64::from(3 - watches_max));
        tree.make("a/b/c");
        tree.make("d/e");
        assert_eq!(paths(&mut tree, &groups).len(), 6);
        tree.remove("a/b");
        tree.make("a/b");
        tree.remove("d");
        assert_eq!(paths(&mut tree, &groups), ["/", "/a", "/a/b"]);
        assert_eq!(groups.borrow().numbers().rescans, 1);
        // Watches that are free by now are taken when everything is listed.
        tree.remove("a");
        tree.now.monotonic.0 += 60_000_000_000;
        assert_eq!(paths(&mut tree, &groups), ["/"]);
        tree.make("a/b");
        tree.now.monotonic.0 += 60_000_000_000;
        assert_eq!(paths(&mut tree, &groups), ["/", "/a", "/a/b"]);
        assert_eq!(groups.borrow().watches_usage().used, watches_max);
        // Nobody tells of limits that are written: they are asked for now and then.
        let mut groups = groups.borrow_mut();
        let id = groups.find(b"/a/b").unwrap();
        assert!(groups.changed(id));
        assert!(!groups.changed(id));
        drop(groups);
    }
}
