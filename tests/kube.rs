//! The agent against an API server that does what the real one does, goes wrong on demand, and counts who asks.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test of the whole program")]
mod apiserver;
mod common;
mod watched;

use apiserver::{Api, Faults, Refusal, Tls, WatchList, generate};
use common::{Agent, Series, close, conformance, samples};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};
use watched::{PATH, agent, eventually, pod, pods, ready};

#[test]
fn recorded_lists_are_shown_as_the_peer_shows_them() {
    let Some(folder) = conformance() else { return };
    let data = folder.join("data/kubernetes-1.36");
    for mode in [WatchList::Served, WatchList::Forbidden] {
        let api = Api::start();
        api.load_lists(&data.join("list"));
        api.watch_list(mode);
        let agent = agent(&api.kubeconfig(), &["--resources=all,endpoints"]);
        ready(&agent);
        let expect = samples_of(&std::fs::read_to_string(data.join("kube-state-expected.prom")).unwrap());
        let got = samples_of(&agent.get(PATH).1);
        let missing: Vec<_> = expect
            .iter()
            .filter(|(key, value)| !got.get(key).is_some_and(|got| close(*got, **value)))
            .collect();
        let more: Vec<_> = got.keys().filter(|key| !expect.contains_key(key)).collect();
        assert!(missing.is_empty() && more.is_empty(), "missing {missing:#?}\ntoo many {more:#?}");
        assert!(expect.len() > 1000);
    }
}

/// Samples of objects; those about kube-state-metrics itself are left out.
fn samples_of(text: &str) -> BTreeMap<Series, f64> {
    let mut all = samples(text);
    all.retain(|(name, _), _| name.starts_with("kube_") && !name.starts_with("kube_state_metrics"));
    all
}

#[test]
fn changes_are_in_the_next_scrape_over_tls() {
    let api = Api::start_tls(Tls::Good);
    api.put("pods", pod(1));
    let agent = agent(&api.kubeconfig(), &["--resources=pods"]);
    ready(&agent);
    assert_eq!(pods(&agent.get(PATH).1), BTreeSet::from(["pod-1".to_owned()]));
    for number in 2..30 {
        api.put("pods", pod(number));
        let begun = Instant::now();
        eventually("the pod is shown", || {
            pods(&agent.get(PATH).1).contains(&format!("pod-{number}")).then_some(())
        });
        assert!(begun.elapsed() < Duration::from_secs(5));
        api.delete("pods", "shop", &format!("pod-{}", number - 1));
    }
    eventually("one is left", || (pods(&agent.get(PATH).1).len() == 1).then_some(()));
    assert_eq!(api.in_flight_max("pods"), 1);
    assert_eq!(agent.sample("/metrics/self", "trimeter_hot_allocations_total"), 0.0);
}

#[test]
fn a_relist_never_hides_an_object() {
    let api = Api::start();
    api.put_all("pods", (0..1500).map(pod));
    api.watch_list(WatchList::Forbidden);
    let agent = agent(&api.kubeconfig(), &["--resources=pods"]);
    ready(&agent);
    for round in 0..5 {
        api.delete("pods", "shop", &format!("pod-{round}"));
        api.compact();
        api.faults_on("watch=", 0, 1, Faults { refuse: Some(Refusal::Expired), ..Faults::default() });
        api.end_watches();
        let end = Instant::now() + Duration::from_secs(3);
        while Instant::now() < end {
            let seen = pods(&agent.get(PATH).1);
            let missing: Vec<_> =
                (5..1500).filter(|number| !seen.contains(&format!("pod-{number}"))).collect();
            assert!(missing.is_empty(), "round {round}: {missing:?}");
        }
    }
    eventually("what is gone is gone", || (pods(&agent.get(PATH).1).len() == 1495).then_some(()));
    let text = agent.get("/metrics/self").1;
    assert!(text.contains("trimeter_kube_relists_total"), "{text}");
}

#[test]
fn a_refused_token_is_read_anew_and_a_forbidden_kind_is_named() {
    let api = Api::start();
    api.put("pods", pod(1));
    api.put("nodes", generate::node("node-1"));
    api.forbid("nodes", &["list", "watch"]);
    let kubeconfig = api.kubeconfig_with_token_file();
    let mut agent = agent(&kubeconfig, &["--resources=pods,nodes"]);
    let line = agent.log_line("forbids nodes");
    assert!(line.contains("resources [\"nodes\"]") && line.contains("verbs [list, watch]"), "{line}");
    ready(&agent);
    let text = agent.get(PATH).1;
    assert!(text.contains("kube_pod_info{") && !text.contains("kube_node_info"), "{text}");
    api.write_token("another");
    api.require_token(Some("another"));
    api.end_watches();
    api.put("pods", pod(2));
    eventually("the new token is used", || pods(&agent.get(PATH).1).contains("pod-2").then_some(()));
    let own = agent.get("/metrics/self").1;
    assert!(
        own.contains("trimeter_kube_failures_total{resource=\"nodes\",reason=\"forbidden\"}")
            || own.contains("reason=\"forbidden\",resource=\"nodes\""),
        "{own}"
    );
}

#[test]
fn older_group_versions_are_asked_for() {
    let api = Api::start();
    api.serve_version("batch/v1", false);
    api.serve_version("policy/v1", false);
    api.serve_version("policy/v1beta1", false);
    let mut agent = agent(&api.kubeconfig(), &["--resources=cronjobs,poddisruptionbudgets"]);
    let line = agent.log_line("has no poddisruptionbudgets");
    assert!(line.contains("policy/v1, policy/v1beta1"), "{line}");
    ready(&agent);
    assert!(api.requests_of("cronjobs").iter().any(|record| record.path.contains("batch/v1beta1")));
}

#[test]
fn one_of_three_agents_reports_and_another_follows_it() {
    let api = Api::start();
    api.put("deployments", generate::deployment("web", "shop", 2));
    for node in ["node-1", "node-2", "node-3"] {
        api.put("pods", generate::pod(&format!("of-{node}"), "shop", node));
    }
    api.put("pods", generate::pod("of-no-node", "shop", ""));
    let kubeconfig = format!("-kubeconfig={}", api.kubeconfig().display());
    let start = |name: &str| {
        let node = format!("-nodeName={name}");
        Agent::start(&[
            &kubeconfig,
            &node,
            "-promscrape.kubernetes.collectors=kube-state",
            "-kube-state.lease.duration=5s",
            "-kube-state.lease.namespace=shop",
            "--resources=pods,deployments",
        ])
    };
    let nodes = ["node-1", "node-2", "node-3"];
    let mut agents: Vec<(&str, Agent)> = nodes.map(|node| (node, start(node))).into();
    for (node, agent) in &agents {
        eventually("the pods of its node are shown", || {
            pods(&agent.get(PATH).1).contains(&format!("of-{node}")).then_some(())
        });
    }
    // Whoever has the lease or loses it, an agent shows the pods of its own node in every scrape, and of no other.
    let reporters = |agents: &[(&str, Agent)]| -> Vec<usize> {
        let shows = |(node, agent): &(&str, Agent)| {
            let text = agent.get(PATH).1;
            let mut seen = pods(&text);
            assert!(seen.remove(&format!("of-{node}")), "{node} shows {seen:?}");
            seen.remove("of-no-node");
            assert!(seen.is_empty(), "{node} shows {seen:?}");
            text.contains("kube_deployment_spec_replicas{")
        };
        agents.iter().enumerate().filter(|(_, agent)| shows(agent)).map(|(index, _)| index).collect()
    };
    let first = eventually("one reports", || {
        let found = reporters(&agents);
        assert!(found.len() < 2, "two report");
        found.first().copied()
    });
    api.eventually("only one watches deployments", |api| api.watches("deployments") == 1);
    eventually("it shows what is on no node", || {
        pods(&agents[first].1.get(PATH).1).contains("of-no-node").then_some(())
    });
    // Killed: another follows within the duration of the lease.
    drop(agents.remove(first));
    let begun = Instant::now();
    let second = eventually("another reports", || {
        let found = reporters(&agents);
        assert!(found.len() < 2, "two report");
        found.first().copied()
    });
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    // Stopped: when it goes on it is not the owner any more, whatever it believed.
    let (_, stopped) = agents.remove(second);
    let signal = |word: &str| {
        let number = stopped.child.id().to_string();
        assert!(std::process::Command::new("kill").args([word, number.as_str()]).status().unwrap().success());
    };
    signal("-STOP");
    eventually("the last one reports", || (reporters(&agents).len() == 1).then_some(()));
    signal("-CONT");
    assert!(!stopped.get(PATH).1.contains("kube_deployment_spec_replicas{"));
    assert_eq!(reporters(&agents).len(), 1);
}

#[test]
fn containers_that_no_runtime_names_have_the_names_of_the_api() {
    let api = Api::start();
    let (uid, id) = ("12345678-aaaa-4bbb-8ccc-123456789012", "ab".repeat(32));
    let mut object = generate::pod("web-1", "shop", "node-1");
    object["metadata"]["uid"] = uid.into();
    object["status"]["containerStatuses"][0]["containerID"] = format!("containerd://{id}").into();
    let container = object["status"]["containerStatuses"][0]["name"].as_str().unwrap().to_owned();
    api.put("pods", object);
    // A pod of the kubelet's own manifests: its control group has the name of its hash.
    let mut mirror = generate::pod("static-node-1", "kube-system", "node-1");
    mirror["metadata"]["annotations"]["kubernetes.io/config.hash"] =
        "0123456789abcdef0123456789abcdef".into();
    api.put("pods", mirror);
    let root = std::env::temp_dir().join(format!("trimeter-kube-{}", std::process::id()));
    let group = |path: &str| {
        let folder = root.join(path);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("cgroup.controllers"), "cpu memory\n").unwrap();
        std::fs::write(folder.join("cpu.stat"), "usage_usec 5\nuser_usec 3\nsystem_usec 2\n").unwrap();
        std::fs::write(folder.join("memory.current"), "4096\n").unwrap();
        std::fs::write(folder.join("memory.stat"), "anon 4096\ninactive_file 0\n").unwrap();
    };
    group("");
    for path in ["kubepods", "kubepods/burstable"] {
        group(path);
    }
    group(&format!("kubepods/burstable/pod{uid}"));
    group(&format!("kubepods/burstable/pod{uid}/{id}"));
    group("kubepods/burstable/pod0123456789abcdef0123456789abcdef");
    let kubeconfig = format!("-kubeconfig={}", api.kubeconfig().display());
    let cgroupfs = format!("-path.cgroupfs={}", root.display());
    let agent = Agent::start(&[
        &kubeconfig,
        &cgroupfs,
        "-nodeName=node-1",
        "-kube-state.owner=never",
        "-promscrape.kubernetes.collectors=container,kube-state",
        "-collect.maxAge=0s",
        "-containerd.state=",
        "-crio.state=",
        "-docker.root=",
        "-podman.state=",
    ]);
    let labels = format!("container=\"{container}\"");
    let found = eventually("the container has its names", || {
        let (_, text) = agent.get("/metrics/cadvisor");
        let line = text.lines().find(|line| line.contains(&id) && line.contains(&labels));
        let hashed =
            text.lines().any(|line| line.contains("pod0123456789") && line.contains("pod=\"static-node-1\""));
        line.filter(|_| hashed).map(str::to_owned)
    });
    std::fs::remove_dir_all(&root).unwrap();
    assert!(found.contains("namespace=\"shop\"") && found.contains("pod=\"web-1\""), "{found}");
}

#[test]
fn a_context_is_chosen_by_name() {
    let api = Api::start();
    let kubeconfig = format!("-kubeconfig={}", api.kubeconfig().display());
    let known = common::output(&[&kubeconfig, "-kubeconfig.context=trimeter@test", "-dryRun"]);
    assert_eq!(known.0, 0, "{}", known.2);
    let unknown = common::output(&[&kubeconfig, "-kubeconfig.context=other", "-dryRun"]);
    assert!(
        unknown.0 == 2 && unknown.2.contains("other") && unknown.2.contains("trimeter@test"),
        "{}",
        unknown.2
    );
}

#[test]
fn wrong_flags_are_told_together() {
    let (code, _, errors) = common::output(&[
        "--resources=pods,podz",
        "--metric-labels-allowlist=pods",
        "--metric-allowlist=(",
        "--shard=3",
        "--total-shards=2",
        "-kube-state.lease.name=",
        "-kube-state.lease.namespace=a b?c",
        "-dryRun",
    ]);
    assert_eq!(code, 2);
    for part in ["podz", "metric-labels-allowlist", "metric-allowlist", "-shard=3", "lease.name=:", "=a b?c:"]
    {
        assert!(errors.contains(part), "{part}: {errors}");
    }
}
