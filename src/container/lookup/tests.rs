use super::*;
use crate::io::groups::testing::TestTree;

const ID: &str = "f52987fbdcc7b29175fb52e01c7917e9d6d2e14550e3a2a7abf739da5a067e31";

/// A machine whose root file system is a folder.
struct Machine(TestTree);

impl Machine {
    fn new() -> Self {
        Machine(TestTree::empty())
    }

    fn put(&self, path: &str, contents: &str) {
        self.0.write(&path.replace("ID", ID)[1..], &contents.replace("ID", ID));
    }

    fn look_up(&self, runtime: Option<Runtime>, in_pod: bool, namespace: &str) -> Result<Facts, Miss> {
        let mut question = Question { runtime, in_pod, id: Text::new(), namespace: Text::new() };
        question.id.push(ID).unwrap();
        question.namespace.push(namespace).unwrap();
        let places = Places::new(&Flags::defaults(&[&FLAGS]));
        places.look_up(&question, &mut Foreign::new(self.0.path().to_str().unwrap(), STATE_BYTES_MAX))
    }

    fn name(&self, runtime: Option<Runtime>, in_pod: bool, namespace: &str) -> Result<String, Miss> {
        self.look_up(runtime, in_pod, namespace).map(|facts| facts.name.as_str().replace(ID, "ID"))
    }
}

const CRI: &str = r#"{"annotations":{"io.kubernetes.cri.container-type":"container"}}"#;

#[test]
fn containerd_wherever_its_distribution_keeps_it() {
    for state in ["/run/containerd", "/run/k3s/containerd", "/run/k0s/containerd"] {
        for tasks in TASKS {
            let machine = Machine::new();
            let tasks = std::str::from_utf8(tasks).unwrap();
            machine.put(&format!("{state}{tasks}k8s.io/ID/config.json"), CRI);
            assert_eq!(machine.name(Some(Runtime::Containerd), true, ""), Ok("ID".into()));
            assert_eq!(machine.name(None, true, ""), Ok("ID".into()));
            assert_eq!(machine.name(None, false, "k8s.io"), Ok("ID".into()));
            for (runtime, namespace) in [(None, "default"), (None, ""), (Some(Runtime::CriO), "")] {
                assert_eq!(machine.name(runtime, false, namespace), Err(Miss::NotFound));
            }
        }
    }
}

#[test]
fn nerdctl_in_whatever_namespace() {
    let machine = Machine::new();
    let state = "/run/containerd/io.containerd.runtime.v2.task";
    assert_eq!(machine.name(Some(Runtime::Nerdctl), false, ""), Err(Miss::NotFound));
    machine.put(&format!("{state}/moby/1/config.json"), "{}");
    assert_eq!(machine.name(Some(Runtime::Nerdctl), false, ""), Err(Miss::NotFound));
    machine.put(&format!("{state}/mine/ID/config.json"), r#"{"annotations":{"nerdctl/name":"web"}}"#);
    assert_eq!(machine.name(Some(Runtime::Nerdctl), false, ""), Ok("web".into()));
}

#[test]
fn cri_o_in_either_storage() {
    let json = r#"{"annotations":{"io.kubernetes.cri-o.ContainerType":"sandbox",
        "io.kubernetes.cri-o.ContainerName":"k8s_POD_a_b_c_0"}}"#;
    for storage in ["/run/containers/storage", "/var/lib/containers/storage"] {
        let machine = Machine::new();
        machine.put(&format!("{storage}/overlay-containers/ID/userdata/config.json"), json);
        let facts = machine.look_up(Some(Runtime::CriO), true, "").unwrap();
        assert_eq!((facts.role, facts.name.as_str()), (Role::Sandbox, "k8s_POD_a_b_c_0"));
    }
}

#[test]
fn docker_and_whose_network_it_uses() {
    let machine = Machine::new();
    machine.put("/var/lib/docker/containers/ID/config.v2.json", r#"{"Name":"/web"}"#);
    for runtime in [Some(Runtime::Docker), None] {
        assert_eq!(machine.look_up(runtime, true, "").map(|facts| facts.role), Ok(Role::Alone));
        assert_eq!(machine.name(runtime, false, "task"), Ok("web".into()));
    }
    for (mode, role) in [("host", Role::Alone), ("container:1", Role::Member)] {
        let json = format!(r#"{{"NetworkMode":"{mode}"}}"#);
        machine.put("/var/lib/docker/containers/ID/hostconfig.json", &json);
        let facts = machine.look_up(Some(Runtime::Docker), false, "");
        assert_eq!(facts.map(|facts| facts.role), Ok(role), "{mode}");
    }
}

#[test]
fn podman_alone_and_in_a_pod() {
    let machine = Machine::new();
    let list = r#"[{"id":"ID","names":["web"]}]"#;
    machine.put("/var/lib/containers/storage/overlay-containers/containers.json", "[]");
    assert_eq!(machine.name(Some(Runtime::Podman), false, ""), Err(Miss::NotFound));
    machine.put("/var/lib/containers/storage/overlay-containers/volatile-containers.json", list);
    let role =
        || machine.look_up(Some(Runtime::Podman), false, "").map(|facts| (facts.role, facts.name.len()));
    assert_eq!(role(), Ok((Role::Alone, 3)));
    for (kind, expect) in [("container", Role::Member), ("sandbox", Role::Sandbox)] {
        let json = format!(r#"{{"annotations":{{"io.kubernetes.cri-o.ContainerType":"{kind}"}}}}"#);
        machine.put("/run/containers/storage/overlay-containers/ID/userdata/config.json", &json);
        assert_eq!(role(), Ok((expect, 3)));
    }
}

#[test]
fn what_is_wrong_with_a_state_is_told() {
    let machine = Machine::new();
    let path = "/run/k3s/containerd/io.containerd.runtime.v2.task/k8s.io/ID/config.json";
    let check = |expect| assert_eq!(machine.name(Some(Runtime::Containerd), true, ""), expect);
    machine.put(path, "{");
    check(Err(Miss::Malformed));
    machine.put(path, &" ".repeat(STATE_BYTES_MAX + 1));
    check(Err(Miss::TooLong));
    machine.put(path, &format!("{{}}{}", " ".repeat(STATE_BYTES_MAX - 2)));
    check(Ok("ID".into()));
    machine.put(&format!("{path}/x").replace("k3s/", ""), "a directory where the file should be");
    check(Ok("ID".into()));
    machine.0.remove("run/k3s");
    check(Err(Miss::Failed));
}

#[test]
fn the_process_of_a_container_is_told_with_its_names() {
    const TASK: &str = "/run/containerd/io.containerd.runtime.v2.task/k8s.io/ID";
    const USERDATA: &str = "/run/containers/storage/overlay-containers/ID/userdata";
    let check = |runtime, files: [(&str, &str); 2], pid: &str, expect: Option<u32>| {
        let machine = Machine::new();
        for (path, contents) in files {
            machine.put(path, &contents.replace("PID", pid));
        }
        let found = machine.look_up(Some(runtime), true, "").map(|facts| facts.pid);
        assert_eq!(found, Ok(expect), "{runtime:?} {pid}");
    };
    let (bundle, pidfile) = (format!("{TASK}/config.json"), format!("{TASK}/init.pid"));
    let containerd = [(bundle.as_str(), CRI), (pidfile.as_str(), "PID")];
    let (bundle, pidfile) = (format!("{USERDATA}/config.json"), format!("{USERDATA}/pidfile"));
    let crio = [(bundle.as_str(), "{}"), (pidfile.as_str(), "PID")];
    for (pid, expect) in [("70", Some(70)), ("70\n", Some(70)), ("4294967295", Some(u32::MAX))] {
        check(Runtime::Containerd, containerd, pid, expect);
        check(Runtime::CriO, crio, pid, expect);
    }
    for pid in ["", "0", "-1", "x", "7x", "4294967296"] {
        check(Runtime::Containerd, containerd, pid, None);
        check(Runtime::CriO, crio, pid, None);
    }
    let config = "/var/lib/docker/containers/ID/config.v2.json";
    let docker = [(config, r#"{"State":{"Pid":PID},"Name":"/web"}"#), ("/x", "")];
    for (pid, expect) in [("70", Some(70)), ("0", None), ("-1", None), ("\"70\"", None), ("null", None)] {
        check(Runtime::Docker, docker, pid, expect);
    }
    let list = "/var/lib/containers/storage/overlay-containers/containers.json";
    let machine = Machine::new();
    machine.put(list, r#"[{"id":"ID","names":["web"]}]"#);
    machine.put(&format!("{USERDATA}/config.json"), "{}");
    machine.put(&format!("{USERDATA}/pidfile"), "70");
    let found = machine.look_up(Some(Runtime::Podman), false, "");
    assert_eq!(found.map(|facts| (facts.pid, facts.name.len())), Ok((Some(70), 3)));
}

#[test]
fn a_process_that_is_not_told_costs_no_names() {
    let machine = Machine::new();
    let task = "/run/containerd/io.containerd.runtime.v2.task/k8s.io/ID";
    machine.put(&format!("{task}/config.json"), CRI);
    let pid = || machine.look_up(Some(Runtime::Containerd), true, "").map(|facts| (facts.pid, facts.role));
    assert_eq!(pid(), Ok((None, Role::Member)));
    machine.put(&format!("{task}/init.pid/x"), "a directory where the file should be");
    assert_eq!(pid(), Ok((None, Role::Member)));
}
