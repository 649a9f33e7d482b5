//! Paths of control groups as nodes of many kinds have them, with what they say.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test that reads the peers' cases")]
mod common;

use serde_json::Value;
use trimeter::container::path::{Kind, Place, Qos, Runtime};

/// The kinds of the cases that we tell apart; to cAdvisor's labels units of systemd are all the same, and so is
/// everything below a container.
const fn kind(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Root => &["root"],
        Kind::Kubepods => &["kubepods"],
        Kind::Qos => &["qos"],
        Kind::Pod => &["pod"],
        Kind::Container => &["container"],
        Kind::Placeholder => &["sandbox"],
        Kind::Inner => &["container-child", "nested"],
        Kind::Conmon => &["conmon"],
        Kind::Task => &["task"],
        Kind::Other => &["service", "slice"],
    }
}

const fn qos(qos: Qos) -> &'static str {
    match qos {
        Qos::Guaranteed => "guaranteed",
        Qos::Burstable => "burstable",
        Qos::BestEffort => "besteffort",
    }
}

const fn runtime(runtime: Runtime) -> &'static str {
    match runtime {
        Runtime::Containerd => "containerd",
        Runtime::CriO => "cri-o",
        Runtime::Docker => "docker",
        Runtime::Podman => "podman",
        Runtime::Nerdctl => "nerdctl",
        Runtime::Lxc => "lxc",
        Runtime::Nspawn => "nspawn",
    }
}

#[test]
fn every_case_is_understood() {
    let Some(folder) = common::conformance() else { return };
    let cases = std::fs::read(folder.join("conformance/container/cgroup_paths.json")).unwrap();
    let cases: Vec<Value> = serde_json::from_slice(&cases).unwrap();
    assert!(cases.len() >= 33);
    let mut wrong = Vec::new();
    for case in &cases {
        let path = case["path"].as_str().unwrap();
        let place = Place::parse(path.as_bytes());
        let pod = place.pod.map(|pod| String::from_utf8_lossy(pod).replace('_', "-"));
        let container = place.container.map(String::from_utf8_lossy);
        let text = |name: &str| case[name].as_str();
        let same = [
            kind(place.kind).contains(&text("kind").unwrap()),
            text("qos") == place.qos.map(qos),
            text("pod_uid") == pod.as_deref(),
            text("container_id") == container.as_deref(),
            text("runtime") == place.runtime.map(runtime),
        ];
        if same.contains(&false) {
            wrong.push(format!("{path}: {same:?}, {place:?}, {case}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
