//! The agent while everything goes wrong that can: what it shows is whole at any time, and in the end what the API server
//! has.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test of the whole program")]
mod apiserver;
mod common;
mod watched;

use apiserver::client::Client;
use apiserver::{Api, Cut, End, Faults, InitialEventsEnd, Refusal, WatchList, generate};
use common::Agent;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use watched::{PATH, agent, eventually, pod, pods, ready, values};

#[test]
fn an_api_server_that_is_away_costs_no_series() {
    let api = Api::start();
    api.put_all("pods", (0..10).map(pod));
    let mut agent = agent(&api.kubeconfig(), &["--resources=pods"]);
    ready(&agent);
    api.reach(apiserver::Reach::Resets);
    api.cut_connections();
    agent.log_line("the API server");
    assert_eq!(pods(&agent.get(PATH).1).len(), 10);
    api.put("pods", pod(10));
    api.reach(apiserver::Reach::Answers);
    eventually("it goes on where it was", || (pods(&agent.get(PATH).1).len() == 11).then_some(()));
    agent.log_line("answers again");
}

/// A stream of what is there that does not end as it should, a body that stops, and an object of 2 MB.
#[test]
fn what_is_there_comes_in_the_end() {
    for end in [InitialEventsEnd::StreamEnds, InitialEventsEnd::Hangs] {
        let api = Api::start();
        api.put_all("pods", (0..20).map(pod));
        api.put("pods", generate::huge_pod("huge", "shop", "node-1", 2 << 20));
        api.faults_on("sendInitialEvents", 0, 1, Faults { initial_events_end: end, ..Faults::default() });
        let agent = agent(&api.kubeconfig(), &["--resources=pods"]);
        ready(&agent);
        let seen = pods(&agent.get(PATH).1);
        assert!(seen.contains("huge") && seen.len() == 21, "{seen:?}");
        api.put("pods", pod(20));
        eventually("and what changes", || (pods(&agent.get(PATH).1).len() == 22).then_some(()));
    }
    let api = Api::start();
    api.put_all("pods", (0..20).map(pod));
    api.faults_on("pods", 0, 1, Faults { cut: Cut::body(5000, End::Hang), ..Faults::default() });
    let agent = agent(&api.kubeconfig(), &["--resources=pods"]);
    ready(&agent);
    assert_eq!(pods(&agent.get(PATH).1).len(), 20);
}

/// Kinds, the family that every object of them has, and the label of its name.
const KINDS: [(&str, &str, &str); 12] = [
    ("pods", "kube_pod_info", "pod"),
    ("configmaps", "kube_configmap_info", "configmap"),
    ("secrets", "kube_secret_info", "secret"),
    ("services", "kube_service_info", "service"),
    ("deployments", "kube_deployment_spec_paused", "deployment"),
    ("daemonsets", "kube_daemonset_status_current_number_scheduled", "daemonset"),
    ("replicasets", "kube_replicaset_status_replicas", "replicaset"),
    ("jobs", "kube_job_info", "job_name"),
    ("cronjobs", "kube_cronjob_info", "cronjob"),
    ("persistentvolumeclaims", "kube_persistentvolumeclaim_info", "persistentvolumeclaim"),
    ("networkpolicies", "kube_networkpolicy_spec_egress_rules", "networkpolicy"),
    ("endpointslices", "kube_endpointslice_info", "endpointslice"),
];

/// Each kind is watched in each of them by itself.
const NAMESPACES: [&str; 4] = ["north", "east", "south", "west"];

/// Objects that are there from the beginning to the end; others come and go.
const STEADY: usize = 6;

fn object(resource: &str, namespace: &str, number: usize) -> Value {
    let name = format!("{namespace}-{number}");
    if resource == "pods" {
        return generate::pod(&name, namespace, "node-1");
    }
    json!({"metadata": {"name": name, "namespace": namespace}, "spec": {}, "status": {}})
}

/// Faults of every sort on half of all requests while objects come and go.
fn mixed_faults(seed: u64, mode: WatchList) {
    let api = Api::start();
    api.watch_list(mode);
    for (resource, ..) in KINDS {
        for namespace in NAMESPACES {
            api.put_all(resource, (0..STEADY).map(|number| object(resource, namespace, number)));
        }
    }
    let resources = KINDS.map(|(resource, ..)| resource).join(",");
    let flags = [format!("--resources={resources}"), format!("--namespaces={}", NAMESPACES.join(","))];
    let agent = agent(&api.kubeconfig(), &[&flags[0], &flags[1]]);
    ready(&agent);
    api.seeded_faults(seed, 50);
    let look = || {
        let text = agent.get(PATH).1;
        KINDS.map(|(_, family, label)| values(&text, family, label))
    };
    let steady: BTreeSet<String> = NAMESPACES
        .iter()
        .flat_map(|namespace| (0..STEADY).map(move |number| format!("{namespace}-{number}")))
        .collect();
    let begun = Instant::now();
    let mut round = 0;
    while api.spoiled() < 1000 / RUNS {
        assert!(begun.elapsed() < Duration::from_secs(600), "seed {seed}: {} faults only", api.spoiled());
        round += 1;
        let (resource, ..) = KINDS[round % KINDS.len()];
        let namespace = NAMESPACES[round / 5 % NAMESPACES.len()];
        let number = STEADY + round * 7 % 10;
        match round % 3 {
            0 if api.get(resource, namespace, &format!("{namespace}-{number}")).is_some() => {
                api.delete(resource, namespace, &format!("{namespace}-{number}"));
            }
            _ => _ = api.put(resource, object(resource, namespace, number)),
        }
        match round % 40 {
            10 => api.end_watches(),
            20 => api.cut_connections(),
            30 => api.compact(),
            _ => {}
        }
        for ((resource, ..), seen) in KINDS.iter().zip(look()) {
            let missing: Vec<&String> = steady.difference(&seen).collect();
            assert!(missing.is_empty(), "seed {seed}, round {round}: {resource} lacks {missing:?}");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    api.no_faults();
    // Those that hang would be left in the end, after minutes.
    api.cut_connections();
    let there = |resource: &str| -> BTreeSet<String> {
        let all =
            NAMESPACES.iter().flat_map(|namespace| (0..STEADY + 10).map(move |number| (*namespace, number)));
        all.map(|(namespace, number)| (namespace, format!("{namespace}-{number}")))
            .filter(|(namespace, name)| api.get(resource, namespace, name).is_some())
            .map(|(_, name)| name)
            .collect()
    };
    let expect = KINDS.map(|(resource, ..)| there(resource));
    eventually(&format!("seed {seed}: what is shown is what is there"), || (look() == expect).then_some(()));
    // One for each namespace.
    assert!(KINDS.iter().all(|(resource, ..)| api.in_flight_max(resource) <= NAMESPACES.len()));
    let (_, text) = agent.get("/metrics/self");
    assert!(text.contains("trimeter_hot_allocations_total 0\n"));
}

/// Agents at the same time, each with a server of its own.
const RUNS: usize = 8;

/// A thousand in all, half of them by streams and half by pages. FAULT_SEED begins elsewhere.
#[test]
fn a_thousand_mixed_faults() {
    let first: u64 = std::env::var("FAULT_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let modes = [WatchList::Served, WatchList::Forbidden].into_iter().cycle().take(RUNS);
    let runs: Vec<_> = (first..)
        .zip(modes)
        .map(|(seed, mode)| std::thread::spawn(move || mixed_faults(seed, mode)))
        .collect();
    for run in runs {
        run.join().unwrap();
    }
}

/// What goes wrong right behind the bookmark that ends what is there takes nothing of it back.
#[test]
fn a_stream_that_breaks_behind_what_is_there_has_told_it_all() {
    let api = Api::start();
    api.put_all("pods", (0..5).map(pod));
    let mut client = Client::new(&api);
    let target = "/api/v1/pods?watch=true&allowWatchBookmarks=true&sendInitialEvents=true\
                  &resourceVersionMatch=NotOlderThan&timeoutSeconds=300";
    assert_eq!(client.watch(target).status, 200);
    let mut bytes = 0;
    loop {
        let chunk = client.chunk().unwrap().unwrap();
        bytes += chunk.len();
        if String::from_utf8_lossy(&chunk).contains("initial-events-end") {
            break;
        }
    }
    drop(client);
    // In place of the line's end, so that it is read together with the bookmark.
    let faults = Faults { garbage_after: Some(bytes - 1), ..Faults::default() };
    api.faults_on("sendInitialEvents", 0, usize::MAX, faults);
    let agent = agent(&api.kubeconfig(), &["--resources=pods"]);
    ready(&agent);
    assert_eq!(pods(&agent.get(PATH).1).len(), 5);
    let own = agent.get("/metrics/self").1;
    assert!(own.contains("reason=\"malformed\""), "{own}");
}

/// What a broken stream told and the list behind it lacks is gone, though nobody says so.
#[test]
fn a_list_after_a_broken_stream_has_the_last_word() {
    let api = Api::start();
    api.put_all("pods", (0..5).map(pod));
    let spoilt = Faults { initial_events_end: InitialEventsEnd::Hangs, ..Faults::default() };
    api.faults_on("sendInitialEvents", 0, 1, spoilt);
    let agent = agent(&api.kubeconfig(), &["--resources=pods"]);
    api.eventually("the stream is open", |api| api.watches("pods") == 1);
    eventually("they were told", || {
        (agent.sample("/metrics/self", "trimeter_kube_objects{resource=\"pods\"}") == 5.0).then_some(())
    });
    assert_eq!(pods(&agent.get(PATH).1).len(), 0, "what is partial is not shown");
    // The stream hangs and does not tell of it.
    api.delete("pods", "shop", "pod-3");
    ready(&agent);
    assert_eq!(pods(&agent.get(PATH).1).len(), 4);
}

/// A pod that comes to a node is told by two sources, and its past by one of them, in any order.
#[test]
fn the_past_of_a_pod_does_not_hide_it() {
    for late in ["spec.nodeName%3D$", "spec.nodeName%3Dnode-1$"] {
        let api = Api::start();
        let kubeconfig = format!("-kubeconfig={}", api.kubeconfig().display());
        let agent = Agent::start(&[
            &kubeconfig,
            "-promscrape.kubernetes.collectors=kube-state",
            "-kube-state.owner=always",
            "-nodeName=node-1",
            "--resources=pods",
        ]);
        ready(&agent);
        // Both watches end, and one of them goes on a good while after the other: it tells the whole past at once.
        let refusal = Faults { refuse: Some(Refusal::TooManyRequests(2)), ..Faults::default() };
        api.faults_on(late, 0, 1, refusal);
        api.end_watches();
        api.put("pods", generate::pod("web", "shop", ""));
        api.put("pods", generate::pod("web", "shop", "node-1"));
        eventually("both watch again", || (api.watches("pods") == 2).then_some(()));
        let end = Instant::now() + Duration::from_secs(2);
        eventually("it is on its node", || agent.get(PATH).1.contains("node=\"node-1\"").then_some(()));
        while Instant::now() < end {
            assert!(pods(&agent.get(PATH).1).contains("web"), "{late}");
        }
    }
}

/// A namespace that is forbidden hides no other one, and the age of its data grows.
#[test]
fn a_forbidden_source_grows_old_and_hides_no_other() {
    let api = Api::start();
    api.put_all("configmaps", ["north", "south"].map(|place| object("configmaps", place, 1)));
    api.put_all("secrets", ["north", "south"].map(|place| object("secrets", place, 1)));
    let mut agent = agent(&api.kubeconfig(), &["--resources=configmaps,secrets", "--namespaces=north,south"]);
    ready(&agent);
    let age = |agent: &Agent| -> f64 {
        let (_, text) = agent.get("/metrics/self");
        let is_one = |line: &&str| {
            line.starts_with("trimeter_kube_source_age_seconds{")
                && line.contains("namespace=\"south\"")
                && line.contains("\"secrets\"")
        };
        text.lines().find(is_one).unwrap().rsplit(' ').next().unwrap().parse().unwrap()
    };
    api.faults_on(
        "south/secrets",
        0,
        usize::MAX,
        Faults { refuse: Some(Refusal::Trouble(503)), ..Faults::default() },
    );
    api.end_watches();
    agent.log_line("lists and watches of secrets in south fail time after time: server (503)");
    assert!(age(&agent) > 2.0, "{}", age(&agent));
    assert_eq!(values(&agent.get(PATH).1, "kube_secret_info", "namespace").len(), 2, "what is known stays");
    api.no_faults();
    eventually("it is watched again", || (api.watches("secrets") == 2).then_some(()));
    api.put("secrets", object("secrets", "south", 2));
    agent.log_line("lists and watches of secrets in south work again");

    let api = Api::start();
    api.put_all("configmaps", ["north", "south"].map(|place| object("configmaps", place, 1)));
    api.faults_on(
        "south/configmaps",
        0,
        usize::MAX,
        Faults { refuse: Some(Refusal::Forbidden), ..Faults::default() },
    );
    let mut agent = self::agent(&api.kubeconfig(), &["--resources=configmaps", "--namespaces=north,south"]);
    agent.log_line("in south allows it");
    ready(&agent);
    assert_eq!(
        values(&agent.get(PATH).1, "kube_configmap_info", "namespace"),
        BTreeSet::from(["north".to_owned()])
    );
    assert_eq!(agent.get("/-/ready").0, 200);

    // Also when it was in trouble before for another reason, as with a server that has just started.
    let api = Api::start();
    let refuse = |refusal| Faults { refuse: Some(refusal), ..Faults::default() };
    api.faults_on("configmaps", 0, 3, refuse(Refusal::Trouble(500)));
    api.faults_on("configmaps", 0, usize::MAX, refuse(Refusal::Forbidden));
    let mut agent = self::agent(&api.kubeconfig(), &["--resources=configmaps"]);
    agent.log_line("fail time after time");
    agent.log_line("the API server forbids configmaps: their metrics are missing");
}

/// While a kind fails for ever, the agent says that it waits, and for what.
#[test]
fn a_kind_that_never_comes_is_awaited_by_name() {
    let api = Api::start();
    api.put("pods", pod(1));
    api.faults_on(
        "secrets",
        0,
        usize::MAX,
        Faults { refuse: Some(Refusal::Trouble(500)), ..Faults::default() },
    );
    let mut agent = agent(&api.kubeconfig(), &["--resources=pods,secrets"]);
    agent.log_line("lists and watches of secrets fail time after time: server (500)");
    eventually("the rest is there", || (pods(&agent.get(PATH).1).len() == 1).then_some(()));
    let (status, text) = agent.get("/-/ready");
    assert_eq!(status, 503);
    assert!(text.contains("objects of the Kubernetes API are awaited"), "{text}");
    assert!(agent.get("/").1.contains("secrets"));
}
