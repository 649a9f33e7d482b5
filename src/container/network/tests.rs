use super::*;
use crate::collect::Trouble;
use crate::container::testing::Bench;
use crate::io::groups::testing::TestTree;
use crate::io::replay::Entry;

const HEAD: &str = "Inter-|   Receive          |  Transmit\n face |bytes packets|bytes\n";
const POD: &str = "kubepods/poda";

/// A container's number.
fn number(n: u32) -> String {
    format!("{n:064x}")
}

/// `net/dev` with these devices, whose counters are `base`, `base + 1` and so on.
fn net_dev(names: &[(&str, u64)]) -> String {
    let line = |(name, base): &(&str, u64)| {
        let numbers: Vec<String> = (0..16).map(|at| (base + at).to_string()).collect();
        format!("{name:>6}: {}\n", numbers.join(" "))
    };
    names.iter().map(line).fold(HEAD.to_owned(), |text, line| text + &line)
}

fn cri(state: &TestTree, n: u32, kind: &str) {
    let path = format!("run/containerd/io.containerd.runtime.v2.task/k8s.io/{}/config.json", number(n));
    let pod = r#""io.kubernetes.cri.sandbox-name":"web-1","io.kubernetes.cri.sandbox-namespace":"shop""#;
    state
        .write(&path, &format!(r#"{{"annotations":{{"io.kubernetes.cri.container-type":"{kind}",{pod}}}}}"#));
}

/// Received bytes by group and interface, in one pass.
fn pass(bench: &mut Bench) -> (Result<(), Trouble>, Vec<String>) {
    let (result, _, lines) = bench.pass();
    let received = lines.iter().filter(|line| line.starts_with("container_network_receive_bytes_total"));
    let short = |line: &String| {
        let label = |name: &str| {
            let rest = line.split_once(&format!("{name}=\"")).map_or("", |(_, rest)| rest);
            rest.split('"').next().unwrap_or("").to_owned()
        };
        let value = line.rsplit(' ').next().unwrap_or("");
        format!("{} {} {value}", label("id").replace(&number(0)[..60], "…"), label("interface"))
    };
    (result, received.map(short).collect())
}

#[test]
fn the_root_and_sandboxes_have_networks_and_other_containers_have_none() {
    let (tree, state) = (TestTree::v2(), TestTree::empty());
    tree.write(&format!("{POD}/{}/cgroup.procs", number(1)), "70\n71\n");
    tree.write(&format!("{POD}/{}/cgroup.procs", number(2)), "80\n");
    cri(&state, 1, "sandbox");
    cri(&state, 2, "container");
    let mut bench = Bench::with_state(tree, &state);
    let devices =
        [("lo", 1), ("eth0", 100), ("veth1", 200), ("docker0", 300), ("nerdctl0", 400), ("cali1", 500)];
    bench.machine.file("proc/1/net/dev", net_dev(&devices).as_bytes());
    bench.machine.file("proc/70/net/dev", net_dev(&[("lo", 1), ("eth0", 7)]).as_bytes());
    bench.machine.file("proc/80/net/dev", net_dev(&[("lo", 1), ("eth0", 8)]).as_bytes());
    let expect = ["/ cali1 500", "/ eth0 100", "/kubepods/poda/…0001 eth0 7"];
    assert_eq!(pass(&mut bench), (Ok(()), expect.map(str::to_owned).to_vec()));
    let (_, _, lines) = bench.pass();
    let shown = |name: &str, value: u64| {
        let found =
            lines.iter().filter(|line| line.starts_with(name) && line.contains("cali1")).collect::<Vec<_>>();
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].ends_with(&format!(" {value}")), "{found:?}");
    };
    for (kind, first) in [("receive", 500), ("transmit", 508)] {
        for (at, what) in ["bytes", "packets", "errors", "packets_dropped"].into_iter().enumerate() {
            shown(&format!("container_network_{kind}_{what}_total"), first + at as u64);
        }
    }
}

#[test]
fn the_process_is_asked_for_anew_in_every_pass() {
    let (tree, state) = (TestTree::v2(), TestTree::empty());
    let procs = format!("{POD}/{}/cgroup.procs", number(1));
    tree.write(&procs, "70\n");
    cri(&state, 1, "sandbox");
    let mut bench = Bench::with_state(tree, &state);
    bench.machine.file("proc/70/net/dev", net_dev(&[("eth0", 7)]).as_bytes());
    bench.machine.file("proc/71/net/dev", net_dev(&[("eth0", 9)]).as_bytes());
    assert_eq!(pass(&mut bench).1, ["/kubepods/poda/…0001 eth0 7"]);
    // 70 is somebody else now.
    bench.tree.write(&procs, "71\n");
    assert_eq!(pass(&mut bench).1, ["/kubepods/poda/…0001 eth0 9"]);
    // A process of another PID namespace, one that has ended, garbage, nobody.
    for text in ["0\n0\n", "72\n", "x\n-1\n99999999999999999999\n", ""] {
        bench.tree.write(&procs, text);
        assert_eq!(pass(&mut bench), (Ok(()), vec![]), "{text}");
    }
}

#[test]
fn a_sandbox_without_processes_has_the_network_of_its_pod() {
    let (tree, state) = (TestTree::v2(), TestTree::empty());
    let pod = "kubepods.slice/kubepods-podab.slice";
    tree.make(&format!("{pod}/crio-{}", number(1)));
    tree.write(&format!("{pod}/crio-{}.scope/cgroup.procs", number(2)), "");
    tree.write(&format!("{pod}/crio-{}.scope/container/cgroup.procs", number(2)), "70\n");
    // Another pod's.
    tree.write(&format!("kubepods.slice/kubepods-podaa.slice/crio-{}.scope/cgroup.procs", number(3)), "60\n");
    let mut bench = Bench::with_state(tree, &state);
    bench.machine.file("proc/70/net/dev", net_dev(&[("eth0", 7)]).as_bytes());
    bench.machine.file("proc/60/net/dev", net_dev(&[("eth0", 6)]).as_bytes());
    assert_eq!(pass(&mut bench).1, ["/kubepods.slice/kubepods-podab.slice/crio-…0001 eth0 7"]);
}

#[test]
fn a_container_of_a_plain_host_has_its_own_network() {
    let (tree, state) = (TestTree::v2(), TestTree::empty());
    for n in [1, 2] {
        tree.write(&format!("docker/{}/cgroup.procs", number(n)), &format!("7{n}\n"));
        let folder = format!("var/lib/docker/containers/{}", number(n));
        state.write(&format!("{folder}/config.v2.json"), r#"{"Name":"/web"}"#);
        let mode = if n == 1 { "bridge" } else { "container:1" };
        state.write(&format!("{folder}/hostconfig.json"), &format!(r#"{{"NetworkMode":"{mode}"}}"#));
    }
    let mut bench = Bench::with_state(tree, &state);
    bench.machine.file("proc/71/net/dev", net_dev(&[("eth0", 7)]).as_bytes());
    bench.machine.file("proc/72/net/dev", net_dev(&[("eth0", 7)]).as_bytes());
    assert_eq!(pass(&mut bench).1, ["/docker/…0001 eth0 7"]);
}

#[test]
fn trouble_with_one_file_costs_that_file() {
    let (tree, state) = (TestTree::v2(), TestTree::empty());
    tree.write(&format!("{POD}/{}/cgroup.procs", number(1)), "70\n");
    cri(&state, 1, "sandbox");
    let mut bench = Bench::with_state(tree, &state);
    bench.machine.put("proc/1/net/dev", Entry::Broken(ReadError::Denied));
    let text = format!("{HEAD}what\n eth1: 1 2\n{}", net_dev(&[("eth0", 7)]));
    bench.machine.file("proc/70/net/dev", text.as_bytes());
    let (result, malformed, _) = bench.pass();
    assert_eq!((result, malformed), (Err(Trouble::Denied), 2));
    assert_eq!(pass(&mut bench).1, ["/kubepods/poda/…0001 eth0 7"]);
    bench.machine.file("proc/70/net/dev", &vec![b'x'; FILE_BYTES + 1]);
    assert_eq!(pass(&mut bench).1, Vec::<String>::new());
}

/// The file in which containerd notes the process of a container.
fn init_pid(n: u32) -> String {
    format!("run/containerd/io.containerd.runtime.v2.task/k8s.io/{}/init.pid", number(n))
}

/// A pod's sandbox whose processes are outside of our own PID namespace, as a list of processes shows them.
fn outside(list: &str) -> (TestTree, TestTree) {
    let (tree, state) = (TestTree::v2(), TestTree::empty());
    tree.write(&format!("{POD}/{}/cgroup.procs", number(1)), list);
    cri(&state, 1, "sandbox");
    (tree, state)
}

#[test]
fn a_process_without_a_number_here_is_the_one_that_the_runtime_started() {
    for (list, in_group, expect) in [
        ("0\n0\n", format!("0::/{POD}/{}\n", number(1)), "7"),
        ("0\n", format!("0::/../../poda/{}\n", number(1)), "7"),
        ("", format!("3:cpu:/{POD}/{}\n0::/\n", number(1)), "7"),
        // Somebody else has the number now.
        ("0\n", format!("0::/{POD}/{}\n", number(2)), ""),
        ("0\n", "0::/\n".into(), ""),
        // A number that is listed comes first.
        ("71\n", format!("0::/{POD}/{}\n", number(1)), "9"),
        ("0\n71\n", format!("0::/{POD}/{}\n", number(1)), "9"),
    ] {
        let (tree, state) = outside(list);
        state.write(&init_pid(1), "70");
        let mut bench = Bench::with_state(tree, &state);
        bench.machine.file("proc/70/cgroup", in_group.as_bytes());
        bench.machine.file("proc/70/net/dev", net_dev(&[("eth0", 7)]).as_bytes());
        bench.machine.file("proc/71/net/dev", net_dev(&[("eth0", 9)]).as_bytes());
        let shown = format!("/kubepods/poda/…0001 eth0 {expect}");
        let expect = if expect.is_empty() { vec![] } else { vec![shown] };
        assert_eq!(pass(&mut bench), (Ok(()), expect), "{list} {in_group}");
    }
}

#[test]
fn a_process_that_the_runtime_notes_late_or_that_ends_is_asked_for_again() {
    let (tree, state) = outside("0\n");
    let mut bench = Bench::with_state(tree, &state);
    assert_eq!(pass(&mut bench), (Ok(()), vec![]));
    let expect = |number: u64| vec![format!("/kubepods/poda/…0001 eth0 {number}")];
    let in_group = format!("0::/{POD}/{}\n", number(1));
    for (pid, number) in [("70", 7), ("71", 9)] {
        bench.machine.file(&format!("proc/{pid}/cgroup"), in_group.as_bytes());
        bench.machine.file(&format!("proc/{pid}/net/dev"), net_dev(&[("eth0", number)]).as_bytes());
    }
    state.write(&init_pid(1), "70");
    // The thread that reads may be late on a busy machine.
    let until = |bench: &mut Bench, expect: &[String]| (0..20).any(|_| pass(bench).1 == expect);
    assert!(until(&mut bench, &expect(7)));
    assert_eq!(pass(&mut bench).1, expect(7));
    // It was started anew, and 70 is somebody else.
    bench.machine.file("proc/70/cgroup", b"0::/\n");
    assert_eq!(pass(&mut bench).1, Vec::<String>::new());
    state.write(&init_pid(1), "71");
    assert!(until(&mut bench, &expect(9)));
    // 71 has ended.
    bench.machine.remove("proc/71/cgroup");
    assert_eq!(pass(&mut bench).1, Vec::<String>::new());
}

#[test]
fn a_sandbox_without_processes_has_the_network_of_what_was_started_in_its_pod() {
    let (tree, state) = (TestTree::v2(), TestTree::empty());
    let pod = "kubepods.slice/kubepods-podab.slice";
    tree.make(&format!("{pod}/crio-{}", number(1)));
    tree.write(&format!("{pod}/crio-{}.scope/cgroup.procs", number(2)), "0\n");
    let folder = format!("run/containers/storage/overlay-containers/{}/userdata", number(2));
    let container = r#"{"annotations":{"io.kubernetes.cri-o.ContainerType":"container"}}"#;
    state.write(&format!("{folder}/config.json"), container);
    state.write(&format!("{folder}/pidfile"), "70");
    let mut bench = Bench::with_state(tree, &state);
    bench.machine.file("proc/70/cgroup", format!("0::/{pod}/crio-{}.scope\n", number(2)).as_bytes());
    bench.machine.file("proc/70/net/dev", net_dev(&[("eth0", 7)]).as_bytes());
    assert_eq!(pass(&mut bench).1, ["/kubepods.slice/kubepods-podab.slice/crio-…0001 eth0 7"]);
}
