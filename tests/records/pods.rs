//! Pods of two containers as a cluster has them: what a pod has alone is made of its number, the rest is shared.

use serde_json::{Value, json};

/// What the API server says of a pod.
pub fn pod(number: usize) -> Value {
    // Three pods of a set, some sets of an application.
    let (app, set) = (number / 3 % 40, number / 3);
    let (name, node) = (format!("catalogue-{app}-{set:010x}-{number:05x}"), number % 100);
    let since = format!("2026-02-{:02}T08:15:{:02}Z", 1 + number % 28, number % 60);
    let address = format!("10.{}.{}.{}", 64 + number / 65_536, number / 256 % 256, number % 256);
    json!({
        "metadata": {
            "name": name,
            "generateName": format!("catalogue-{app}-{set:010x}-"),
            "namespace": format!("library-{}", app % 20),
            "uid": format!("5f0c2a51-9d3e-4b7a-8c15-{number:012x}"),
            "resourceVersion": (481_000 + number).to_string(),
            "creationTimestamp": since,
            "labels": {"app.kubernetes.io/name": format!("catalogue-{app}"), "pod-template-hash": format!("{set:010x}")},
            "annotations": {"library.example/config": format!("{number:064x}")},
            "ownerReferences": [{
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "name": format!("catalogue-{app}-{set:010x}"),
                "uid": format!("0b8e7d66-1111-4222-9333-{set:012x}"),
                "controller": true,
                "blockOwnerDeletion": true,
            }],
        },
        "spec": {
            "volumes": [
                {"name": "pages", "emptyDir": {}},
                {"name": format!("kube-api-access-{number:05x}"), "projected": {"sources": []}},
            ],
            "containers": [container("reader", app), container("proxy", app)],
            "restartPolicy": "Always",
            "serviceAccountName": format!("catalogue-{app}"),
            "nodeName": format!("ip-10-0-{}-{node}.eu-central-1.compute.internal", node % 4),
            "schedulerName": "default-scheduler",
            "tolerations": [toleration("not-ready"), toleration("unreachable")],
        },
        "status": {
            "phase": "Running",
            "conditions": [
                condition("PodReadyToStartContainers", &since),
                condition("Initialized", &since),
                condition("Ready", &since),
                condition("ContainersReady", &since),
                condition("PodScheduled", &since),
            ],
            "hostIP": format!("10.0.{}.{node}", node % 4),
            "hostIPs": [{"ip": format!("10.0.{}.{node}", node % 4)}],
            "podIP": address,
            "podIPs": [{"ip": address}],
            "startTime": since,
            "containerStatuses": [status("proxy", app, number, &since), status("reader", app, number, &since)],
            "qosClass": "Burstable",
        },
    })
}

fn container(name: &str, app: usize) -> Value {
    json!({
        "name": name,
        "image": image(name, app),
        "env": [{"name": "SHELF", "value": "east"}],
        "resources": {
            "limits": {"cpu": "1500m", "memory": "512Mi"},
            "requests": {"cpu": "250m", "memory": "256Mi"},
        },
    })
}

fn image(name: &str, app: usize) -> String {
    format!("registry.library.example/catalogue/{name}:2026.2.{app}")
}

fn toleration(key: &str) -> Value {
    json!({
        "key": format!("node.kubernetes.io/{key}"),
        "operator": "Exists",
        "effect": "NoExecute",
        "tolerationSeconds": 300,
    })
}

fn condition(kind: &str, since: &str) -> Value {
    json!({"type": kind, "status": "True", "lastProbeTime": null, "lastTransitionTime": since})
}

fn status(name: &str, app: usize, number: usize, since: &str) -> Value {
    json!({
        "name": name,
        "state": {"running": {"startedAt": since}},
        "lastState": {},
        "ready": true,
        "restartCount": number % 7,
        "image": image(name, app),
        "imageID": format!("registry.library.example/catalogue/{name}@sha256:{app:064x}"),
        "containerID": format!("containerd://{}{number:060x}", if name == "proxy" { "c0de" } else { "f00d" }),
        "started": true,
    })
}
