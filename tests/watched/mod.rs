//! An agent that watches a test API server.
#![allow(
    dead_code,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "helpers of tests; every test uses some of them"
)]

use crate::apiserver::generate;
use crate::common::Agent;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

pub const PATH: &str = "/metrics/kube-state";

/// An agent that reports everything, and what else is said.
pub fn agent(kubeconfig: &Path, more: &[&str]) -> Agent {
    let kubeconfig = format!("-kubeconfig={}", kubeconfig.display());
    let mut arguments = vec![
        kubeconfig.as_str(),
        "-promscrape.kubernetes.collectors=kube-state",
        "-kube-state.owner=always",
        "-kube-state.pods=all",
        "-metrics.profile=full",
    ];
    arguments.extend(more);
    Agent::start(&arguments)
}

pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(60);
    while Instant::now() < end {
        if let Some(found) = look() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("not within a minute: {what}");
}

/// Values of a label in a family of a body.
pub fn values(text: &str, family: &str, label: &str) -> BTreeSet<String> {
    let (start, label) = (format!("{family}{{"), format!("{label}=\""));
    let lines = text.lines().filter(|line| line.starts_with(&start));
    lines.map(|line| line.split(&label).nth(1).unwrap().split('"').next().unwrap().to_owned()).collect()
}

/// Names of the pods in a body.
pub fn pods(text: &str) -> BTreeSet<String> {
    values(text, "kube_pod_info", "pod")
}

pub fn ready(agent: &Agent) {
    eventually("the agent is ready", || (agent.get("/-/ready").0 == 200).then_some(()));
}

pub fn pod(number: usize) -> Value {
    generate::pod(&format!("pod-{number}"), "shop", "node-1")
}
