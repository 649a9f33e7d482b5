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
