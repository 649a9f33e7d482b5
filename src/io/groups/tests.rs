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
