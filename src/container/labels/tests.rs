use super::*;
use crate::base::gate;
use crate::flags::Flags;
use crate::io::Roots;
use crate::io::groups::SharedGroups;
use crate::io::groups::testing::TestTree;
use crate::io::links::Links;
use crate::io::tally::Tally;
use crate::kube::pods::SharedPods;
use crate::limits::Limits;

const POD: &str = "kubepods/burstable/pod73dc8baf-43a0-413e-aac2-5eb0868f6c1a";

/// A container's number.
fn number(n: usize) -> String {
    format!("{n:064x}")
}

/// A machine: its control groups, and the state of its runtimes in a folder.
struct Machine {
    tree: TestTree,
    state: TestTree,
    groups: SharedGroups,
    names: Names,
    tally: SharedTally,
}

impl Machine {
    fn new(flags: &[(&'static str, &str)], before: impl FnOnce(&TestTree, &TestTree)) -> Self {
        let (tree, state) = (TestTree::v2(), TestTree::empty());
        before(&tree, &state);
        let limits = Limits { groups: 1300, ..Limits::default() };
        let mut values = Flags::defaults(&[&[super::super::scope::FLAG, FLAG], &super::super::lookup::FLAGS]);
        for (flag, value) in flags {
            values.set(flag, value);
        }
        let roots = Roots { rootfs: state.path().to_str().unwrap().into(), ..Roots::default() };
        let (links, groups, tally) = (Links::shared(&limits), tree.groups(&limits, &[]), Tally::shared());
        let setup = Setup {
            flags: &values,
            limits: &limits,
            roots: &roots,
            page_bytes: 4096,
            links: &links,
            taken: &[],
            groups: &groups,
            tally: &tally,
            pods: &SharedPods::default(),
        };
        // Machines that run tests are busy.
        let names = Names { patience: Duration::from_secs(5), ..Names::new(&setup) };
        Machine { tree, state, groups, names, tally }
    }

    /// A pass, this much later than the one before.
    fn pass(&mut self, later: Duration) -> &mut Self {
        let nanos = u64::try_from(later.as_nanos()).unwrap();
        self.tree.now.monotonic.0 += nanos;
        self.tree.now.unix_nanos += nanos.cast_signed();
        let mut groups = self.groups.borrow_mut();
        groups.refresh(self.tree.now).unwrap();
        self.names.settle(&groups, self.tree.now.monotonic);
        // A pass does not wait for what was asked before in vain.
        self.names.errands.as_ref().unwrap().wait(Duration::from_secs(10));
        self.names.fetch(&groups);
        drop(groups);
        self
    }

    /// The label text of a group; empty when it is not shown.
    fn labels(&self, path: &str) -> String {
        let groups = self.groups.borrow();
        let id = groups.find(path.as_bytes()).unwrap();
        if self.names.edition(id).is_none() {
            return String::new();
        }
        let mut text = Text::new();
        self.names.write(&groups, id, &mut text).unwrap();
        text.as_str().replace(path, "PATH")
    }

    fn edition(&self, path: &str) -> Option<u64> {
        let id = self.groups.borrow().find(path.as_bytes()).unwrap();
        self.names.edition(id)
    }

    fn role(&self, path: &str) -> Option<Role> {
        let id = self.groups.borrow().find(path.as_bytes()).unwrap();
        self.names.role(id)
    }
}

/// The state of a container of containerd's plugin for Kubernetes.
fn cri(state: &TestTree, n: usize, container: &str) {
    let text = if container.is_empty() {
        r#""io.kubernetes.cri.container-type":"sandbox","io.kubernetes.cri.podsandbox.image-name":"k8s/pause:1""#
            .to_owned()
    } else {
        format!(
            r#""io.kubernetes.cri.container-type":"container","io.kubernetes.cri.container-name":"{container}",
            "io.kubernetes.cri.image-name":"busybox:1""#
        )
    };
    let pod = r#""io.kubernetes.cri.sandbox-name":"web-1","io.kubernetes.cri.sandbox-namespace":"shop""#;
    state.write(&bundle(n), &format!(r#"{{"annotations":{{{text},{pod}}}}}"#));
}

fn bundle(n: usize) -> String {
    format!("run/containerd/io.containerd.runtime.v2.task/k8s.io/{}/config.json", number(n))
}

const MS: Duration = Duration::from_millis(1);

/// Labels in the order in which they are written.
fn six(container: &str, image: &str, name: &str, namespace: &str, pod: &str) -> String {
    format!(
        r#"container="{container}",id="PATH",image="{image}",name="{name}",namespace="{namespace}",pod="{pod}""#
    )
}

#[test]
fn a_pod_its_sandbox_and_its_container_are_named_in_the_first_pass() {
    let mut machine = Machine::new(&[], |tree, state| {
        tree.make(&format!("{POD}/{}", number(1)));
        tree.make(&format!("{POD}/{}/init.scope", number(2)));
        tree.make("user.slice");
        tree.make("system.slice/kubelet.service");
        cri(state, 1, "");
        cri(state, 2, "web");
    });
    machine.pass(MS);
    let (sandbox, container) = (format!("/{POD}/{}", number(1)), format!("/{POD}/{}", number(2)));
    assert_eq!(machine.labels(&sandbox), six("", "docker.io/k8s/pause:1", &number(1), "shop", "web-1"));
    let expect = six("web", "docker.io/library/busybox:1", &number(2), "shop", "web-1");
    assert_eq!(machine.labels(&container), expect);
    assert_eq!(machine.labels(&format!("/{POD}")), six("", "", "", "shop", "web-1"));
    for path in ["/", "/kubepods", "/kubepods/burstable", "/system.slice/kubelet.service"] {
        let expect = six("", "", "", "", "").replace("PATH", path);
        assert_eq!(machine.labels(path).replace("PATH", path), expect, "{path}");
    }
    assert_eq!(machine.labels(&format!("{container}/init.scope")), six("", "", "", "", ""));
    assert_eq!([machine.labels("/user.slice"), machine.labels("/system.slice")], ["", ""]);
    assert_eq!([machine.role(&sandbox), machine.role(&container)], [Some(Role::Sandbox), Some(Role::Member)]);
    assert_eq!([machine.tally.count("asked"), machine.tally.count("found")], [2, 2]);
    // Nothing changes while nothing happens.
    let before = machine.edition(&container);
    machine.pass(Duration::from_secs(15));
    assert_eq!((machine.edition(&container), machine.tally.count("asked")), (before, 2));
}

#[test]
fn a_new_container_has_its_names_in_the_pass_that_sees_it() {
    let mut machine = Machine::new(&[], |tree, _| tree.make(POD));
    machine.pass(MS);
    assert_eq!(machine.labels(&format!("/{POD}")), six("", "", "", "", ""));
    let before = machine.edition(&format!("/{POD}"));
    machine.tree.make(&format!("{POD}/{}", number(1)));
    cri(&machine.state, 1, "");
    machine.pass(MS);
    assert_eq!(machine.labels(&format!("/{POD}")), six("", "", "", "shop", "web-1"));
    assert_ne!(machine.edition(&format!("/{POD}")), before);
    assert!(machine.labels(&format!("/{POD}/{}", number(1))).contains("pause"));
}

#[test]
fn a_new_container_is_asked_about_before_the_pass() {
    let mut machine = Machine::new(&[], |tree, _| tree.make(POD));
    machine.pass(MS);
    machine.tree.make(&format!("{POD}/{}", number(1)));
    cri(&machine.state, 1, "web");
    machine.tree.now.monotonic.0 += 1_000_000;
    let mut groups = machine.groups.borrow_mut();
    groups.refresh(machine.tree.now).unwrap();
    machine.names.wake(&groups, machine.tree.now.monotonic);
    assert!(machine.names.errands.as_ref().unwrap().wait(Duration::from_secs(10)));
    drop(groups);
    // The pass itself need not wait.
    machine.names.patience = Duration::ZERO;
    machine.pass(MS);
    assert!(machine.labels(&format!("/{POD}/{}", number(1))).contains(r#"container="web""#));
    assert_eq!(machine.tally.count("asked"), 1);
}

#[test]
fn a_late_state_is_waited_for_and_then_done_without_until_it_comes() {
    let mut machine = Machine::new(&[], |_, _| {});
    machine.pass(MS);
    let path = format!("/{POD}/{}", number(1));
    machine.tree.make(&path[1..]);
    machine.pass(MS);
    assert_eq!([machine.labels(&path), machine.labels(&format!("/{POD}"))], ["", ""]);
    machine.pass(44 * MS);
    assert_eq!(machine.labels(&path), "");
    machine.pass(MS);
    assert_eq!(machine.labels(&path), six("", "", "", "", ""));
    assert_eq!(machine.labels(&format!("/{POD}")), six("", "", "", "", ""));
    let before = machine.edition(&path);
    cri(&machine.state, 1, "web");
    machine.pass(Duration::from_secs(1));
    assert!(machine.labels(&path).contains(r#"container="web""#), "{}", machine.labels(&path));
    assert_ne!(machine.edition(&path), before);
    assert_eq!([machine.tally.count("found"), machine.tally.count("not_found")], [1, 1]);
}

#[test]
fn what_is_there_at_the_start_is_never_withheld() {
    let path = format!("/{POD}/{}", number(1));
    let mut machine = Machine::new(&[], |tree, _| tree.make(&path[1..]));
    machine.pass(MS);
    assert_eq!(machine.labels(&path), six("", "", "", "", ""));
}

#[test]
fn questions_without_an_answer_become_rare() {
    let mut machine = Machine::new(&[], |tree, _| {
        tree.make(&format!("{POD}/{}", number(1)));
        tree.make("lxc.payload.web");
    });
    for _ in 0..86_400 / 100 {
        machine.pass(Duration::from_secs(100));
    }
    let asked = machine.tally.count("asked");
    assert!((100..320).contains(&asked), "{asked} questions in a day");
    let mut machine = Machine::new(&[], |tree, _| tree.make("default/c1"));
    for _ in 0..100 {
        machine.pass(Duration::from_secs(15));
    }
    assert_eq!(machine.tally.count("asked"), u64::from(GUESSES_MAX));
    assert_eq!(machine.labels("/default/c1"), six("", "", "", "", ""));
}

#[test]
fn a_container_that_is_made_again_is_another() {
    let path = format!("/{POD}/{}", number(1));
    let mut machine = Machine::new(&[], |tree, state| {
        tree.make(&path[1..]);
        cri(state, 1, "web");
    });
    machine.pass(MS);
    let before = machine.edition(&path);
    // The old folder stays for a while, so that the new one has another inode.
    machine.tree.rename(&path[1..], "old");
    machine.tree.make(&path[1..]);
    cri(&machine.state, 1, "other");
    machine.pass(MS);
    assert!(machine.labels(&path).contains(r#"container="other""#), "{}", machine.labels(&path));
    assert_ne!(machine.edition(&path), before);
}

#[test]
fn a_thousand_containers_are_named_at_the_start() {
    let mut machine = Machine::new(&[], |tree, state| {
        for n in 0..1000 {
            tree.make(&format!("{POD}/{}", number(n)));
            cri(state, n, "web");
        }
    });
    machine.pass(MS);
    for n in 0..1000 {
        assert!(machine.labels(&format!("/{POD}/{}", number(n))).contains(r#"pod="web-1""#), "{n}");
    }
    assert_eq!(machine.tally.count("found"), 1000);
    assert!(machine.tally.count("queue_full") > 0);
    let mut tables = Vec::new();
    machine
        .tally
        .each_table(|(name, usage)| tables.push((*name, usage.used, usage.high_water, usage.refused)));
    let names = tables.iter().find(|table| table.0 == "names of containers").unwrap();
    assert!(names.1 > 1000 && names.3 == 0, "{names:?}");
    let questions = tables.iter().find(|table| table.0 == "questions about containers").unwrap();
    assert_eq!((questions.1, questions.2), (0, 128));
    // And all of them go.
    machine.tree.remove("kubepods");
    machine.pass(MS);
    assert_eq!(machine.names.chains.usage().0, 0);
}

#[test]
fn containers_may_come_and_go_without_any_memory() {
    let mut machine = Machine::new(&[], |tree, _| tree.make(POD));
    let mut taken = 0;
    for round in 0..30 {
        machine.tree.make(&format!("{POD}/{}", number(round)));
        cri(&machine.state, round, "web");
        if round > 0 {
            machine.tree.remove(&format!("{POD}/{}", number(round - 1)));
        }
        machine.tree.now.monotonic.0 += 1_000_000_000;
        let mut groups = machine.groups.borrow_mut();
        groups.refresh(machine.tree.now).unwrap();
        let id = groups.find(format!("/{POD}/{}", number(round)).as_bytes()).unwrap();
        let mut text = Text::new();
        let before = gate::thread_allocations();
        machine.names.settle(&groups, machine.tree.now.monotonic);
        let written = machine.names.write(&groups, id, &mut text);
        taken += gate::thread_allocations() - before;
        assert_eq!(written, Ok(()));
    }
    assert_eq!(taken, 0);
    assert!(machine.tally.count("found") >= 25, "{}", machine.tally.count("found"));
}

#[test]
fn hostile_names_are_escaped() {
    let mut machine = Machine::new(&[], |tree, state| {
        tree.make("kubepods/poda/x\"y\\z\n");
        tree.make(&format!("kubepods/poda/{}", number(1)));
        cri(state, 1, r#"a\"b\\c\nd"#);
    });
    machine.pass(MS);
    let labels = machine.labels(&format!("/kubepods/poda/{}", number(1)));
    assert!(labels.starts_with(r#"container="a\"b\\c\nd",id="#), "{labels}");
    let labels = machine.labels("/kubepods/poda/x\"y\\z\n");
    assert!(labels.contains(r#"id="/kubepods/poda/x\"y\\z\n","#), "{labels}");
}

#[test]
fn older_labels_are_repeated_on_demand() {
    let mut machine = Machine::new(&[(LEGACY, "true")], |tree, state| {
        tree.make(&format!("{POD}/{}", number(1)));
        cri(state, 1, "web");
    });
    machine.pass(MS);
    let number = number(1);
    let labels = machine.labels(&format!("/{POD}/{number}"));
    let expect = format!(r#",container_id="{number}",container_name="web",pod_name="web-1""#);
    assert!(labels.ends_with(&expect), "{labels}");
    assert!(
        machine
            .labels(&format!("/{POD}"))
            .ends_with(r#",container_id="",container_name="",pod_name="web-1""#)
    );
}

#[test]
fn a_host_without_a_kubelet_shows_everything() {
    let id = number(1);
    let docker = format!("system.slice/docker-{id}.scope");
    let mut machine = Machine::new(&[], |tree, state| {
        tree.make(&docker);
        tree.make("user.slice");
        state.write(
            &format!("var/lib/docker/containers/{id}/config.v2.json"),
            r#"{"Name":"/web","Config":{"Image":"busybox:1"}}"#,
        );
    });
    machine.pass(MS);
    assert_eq!(machine.labels(&format!("/{docker}")), six("", "busybox:1", "web", "", ""));
    assert_eq!(machine.labels("/user.slice"), six("", "", "", "", ""));
    // A kubelet starts.
    machine.tree.make("kubepods.slice");
    machine.pass(MS);
    assert_eq!([machine.labels("/user.slice"), machine.labels(&format!("/{docker}"))], ["", ""]);
}

#[test]
fn garbage_is_counted_by_kind() {
    let mut machine = Machine::new(&[], |tree, state| {
        for n in 0..3 {
            tree.make(&format!("{POD}/{}", number(n)));
        }
        state.write(&bundle(0), "{\"annotations\":{");
        state.write(&bundle(1), &" ".repeat(STATE_BYTES_MAX + 1));
        cri(state, 2, &"x".repeat(65));
    });
    machine.pass(MS);
    let counts = ["malformed", "too_long", "incomplete", "found"].map(|label| machine.tally.count(label));
    assert_eq!(counts, [1, 1, 1, 1]);
}
