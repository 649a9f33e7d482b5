//! Objects as a cluster has them, in any number: the same arguments make the same objects.

use serde_json::{Value, json};

/// A pod with two containers, running on a node; no node: it waits for one. About 7 KB, a third of them managedFields.
pub fn pod(name: &str, namespace: &str, node: &str) -> Value {
    let number = name.bytes().fold(7_u64, |hash, byte| hash.wrapping_mul(0x0100_0000_01b3) ^ u64::from(byte));
    let ip = format!("10.{}.{}.{}", 244 + (number >> 16) % 2, (number >> 8) % 256, number % 256);
    let owner = name.rsplit_once('-').map_or(name, |(owner, _)| owner);
    let mut pod = json!({
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {
            "name": name,
            "generateName": format!("{owner}-"),
            "namespace": namespace,
            "uid": uid(number),
            "generation": 1,
            "creationTimestamp": "2026-11-21T01:53:09Z",
            "labels": {"app": owner, "pod-template-hash": "6d9868f68f", "app.kubernetes.io/part-of": "shop"},
            "annotations": {"prometheus.io/scrape": "true", "prometheus.io/port": "9090"},
            "ownerReferences": [{
                "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": owner, "uid": uid(number ^ 1),
                "controller": true, "blockOwnerDeletion": true
            }],
            "managedFields": managed_fields(&ip),
        },
        "spec": {
            "volumes": [{"name": "kube-api-access-x7k2p", "projected": {"defaultMode": 420, "sources": [
                {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
                {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}}
            ]}}],
            "containers": [container("web"), container("sidecar")],
            "restartPolicy": "Always",
            "terminationGracePeriodSeconds": 30,
            "dnsPolicy": "ClusterFirst",
            "serviceAccountName": "default",
            "securityContext": {},
            "schedulerName": "default-scheduler",
            "tolerations": [
                {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
                {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
            ],
            "priority": 0,
            "enableServiceLinks": true,
            "preemptionPolicy": "PreemptLowerPriority"
        },
        "status": {"phase": "Pending", "conditions": [condition("PodScheduled", "False")], "qosClass": "Burstable"}
    });
    if !node.is_empty() {
        pod["spec"]["nodeName"] = node.into();
        let conditions =
            ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"];
        pod["status"] = json!({
            "observedGeneration": 1,
            "phase": "Running",
            "conditions": conditions.map(|kind| condition(kind, "True")),
            "hostIP": "192.168.1.7",
            "hostIPs": [{"ip": "192.168.1.7"}],
            "podIP": ip.clone(),
            "podIPs": [{"ip": ip}],
            "startTime": "2026-11-21T01:53:09Z",
            "containerStatuses": [container_status("sidecar", number), container_status("web", number ^ 2)],
            "qosClass": "Burstable"
        });
    }
    pod
}

/// Pods dealt out to nodes `node-0`, `node-1`, …; every hundredth without a node.
pub fn pods(count: usize, nodes: usize) -> impl Iterator<Item = Value> {
    (0..count).map(move |at| {
        let node = if at % 100 == 99 { String::new() } else { format!("node-{}", at % nodes.max(1)) };
        pod(&format!("app-{}-6d9868f68f-{at:05}", at / 10), &format!("team-{}", at % 20), &node)
    })
}

/// A pod with an annotation of so many bytes, some of which JSON must escape.
pub fn huge_pod(name: &str, namespace: &str, node: &str, bytes: usize) -> Value {
    let mut pod = pod(name, namespace, node);
    pod["metadata"]["annotations"]["example.com/blob"] =
        "0123456789abcd\\\"\n\u{e9}\u{1f680}".repeat(bytes.div_ceil(23)).into();
    pod
}

/// A node that is ready.
pub fn node(name: &str) -> Value {
    json!({
        "metadata": {"name": name, "labels": {
            "kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "node-role.kubernetes.io/worker": ""
        }},
        "spec": {"podCIDR": "10.244.0.0/24", "podCIDRs": ["10.244.0.0/24"], "providerID": format!("kind://{name}")},
        "status": {
            "capacity": {"cpu": "8", "memory": "32768000Ki", "pods": "110", "ephemeral-storage": "102625208Ki"},
            "allocatable": {"cpu": "7910m", "memory": "31768000Ki", "pods": "110", "ephemeral-storage": "94579391583"},
            "conditions": [condition("MemoryPressure", "False"), condition("DiskPressure", "False"),
                condition("PIDPressure", "False"), condition("Ready", "True")],
            "addresses": [{"type": "InternalIP", "address": "192.168.1.7"}, {"type": "Hostname", "address": name}],
            "nodeInfo": {
                "machineID": "4ac8", "systemUUID": "4ac8-1", "bootID": "b007", "kernelVersion": "6.12.0",
                "osImage": "Debian GNU/Linux 13 (trixie)", "containerRuntimeVersion": "containerd://2.1.0",
                "kubeletVersion": "v1.36.0", "kubeProxyVersion": "", "operatingSystem": "linux",
                "architecture": "amd64"
            }
        }
    })
}

/// Nodes `node-0`, `node-1`, …
pub fn nodes(count: usize) -> impl Iterator<Item = Value> {
    (0..count).map(|at| node(&format!("node-{at}")))
}

/// A namespace in use.
pub fn namespace(name: &str) -> Value {
    json!({
        "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}},
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"}
    })
}

/// A deployment whose replicas are all there.
pub fn deployment(name: &str, namespace: &str, replicas: u32) -> Value {
    json!({
        "metadata": {
            "name": name, "namespace": namespace, "generation": 2, "labels": {"app": name},
            "annotations": {"deployment.kubernetes.io/revision": "1"}, "managedFields": managed_fields("10.0.0.1")
        },
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container("web")]}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}},
            "revisionHistoryLimit": 10,
            "progressDeadlineSeconds": 600
        },
        "status": {
            "observedGeneration": 2, "replicas": replicas, "updatedReplicas": replicas, "readyReplicas": replicas,
            "availableReplicas": replicas,
            "conditions": [condition("Available", "True"), condition("Progressing", "True")]
        }
    })
}

/// Deployments, ten pods each.
pub fn deployments(count: usize) -> impl Iterator<Item = Value> {
    (0..count).map(|at| deployment(&format!("app-{at}"), &format!("team-{}", at % 20), 10))
}

/// A lease as a client first sends it.
pub fn lease(name: &str, namespace: &str, holder: &str) -> Value {
    json!({
        "kind": "Lease",
        "apiVersion": "coordination.k8s.io/v1",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "holderIdentity": holder, "leaseDurationSeconds": 15, "leaseTransitions": 0,
            "acquireTime": "2026-11-21T01:53:09.000000Z", "renewTime": "2026-11-21T01:53:09.000000Z"
        }
    })
}

fn uid(number: u64) -> String {
    format!("{:08x}-{:04x}-4000-8000-{:012x}", number >> 32, number & 0xffff, number & 0xffff_ffff_ffff)
}

fn container(name: &str) -> Value {
    json!({
        "name": name,
        "image": "registry.example.com/shop/web:1.27.3",
        "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
        "env": [{"name": "POD_NAME", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}}],
        "resources": {
            "limits": {"cpu": "500m", "memory": "256Mi"},
            "requests": {"cpu": "100m", "memory": "128Mi"}
        },
        "volumeMounts": [{
            "name": "kube-api-access-x7k2p", "readOnly": true,
            "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"
        }],
        "livenessProbe": {
            "httpGet": {"path": "/livez", "port": "http", "scheme": "HTTP"},
            "timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3
        },
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": "IfNotPresent"
    })
}

fn container_status(name: &str, number: u64) -> Value {
    let digest = format!("{number:016x}").repeat(4);
    json!({
        "name": name,
        "state": {"running": {"startedAt": "2026-11-21T01:53:11Z"}},
        "lastState": {},
        "ready": true,
        "restartCount": number % 3,
        "image": "registry.example.com/shop/web:1.27.3",
        "imageID": format!("registry.example.com/shop/web@sha256:{digest}"),
        "containerID": format!("containerd://{digest}"),
        "started": true,
        "allocatedResources": {"cpu": "100m", "memory": "128Mi"},
        "resources": {
            "limits": {"cpu": "500m", "memory": "256Mi"},
            "requests": {"cpu": "100m", "memory": "128Mi"}
        }
    })
}

fn condition(kind: &str, status: &str) -> Value {
    json!({"type": kind, "status": status, "lastProbeTime": null, "lastTransitionTime": "2026-11-21T01:53:11Z"})
}

/// Who has set which fields: what clients skip.
fn managed_fields(ip: &str) -> Value {
    let both = json!({".": {}, "f:cpu": {}, "f:memory": {}});
    let container = json!({
        ".": {}, "f:env": {".": {}, "k:{\"name\":\"POD_NAME\"}": {".": {}, "f:name": {}, "f:valueFrom": {".": {}, "f:fieldRef": {}}}},
        "f:image": {}, "f:imagePullPolicy": {}, "f:livenessProbe": {".": {}, "f:failureThreshold": {}, "f:httpGet": {".": {},
        "f:path": {}, "f:port": {}, "f:scheme": {}}, "f:periodSeconds": {}, "f:successThreshold": {}, "f:timeoutSeconds": {}},
        "f:name": {}, "f:ports": {".": {}, "k:{\"containerPort\":8080,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}}},
        "f:resources": {".": {}, "f:limits": both, "f:requests": both}, "f:terminationMessagePath": {},
        "f:terminationMessagePolicy": {}
    });
    let condition =
        json!({".": {}, "f:lastProbeTime": {}, "f:lastTransitionTime": {}, "f:status": {}, "f:type": {}});
    json!([
        {"manager": "kube-controller-manager", "operation": "Update", "apiVersion": "v1", "time": "2026-11-21T01:53:09Z",
         "fieldsType": "FieldsV1", "fieldsV1": {
            "f:metadata": {"f:generateName": {}, "f:labels": {".": {}, "f:app": {}, "f:pod-template-hash": {}}},
            "f:spec": {"f:containers": {"k:{\"name\":\"sidecar\"}": container, "k:{\"name\":\"web\"}": container},
                "f:dnsPolicy": {}, "f:restartPolicy": {}, "f:schedulerName": {}, "f:securityContext": {}}}},
        {"manager": "kubelet", "operation": "Update", "apiVersion": "v1", "time": "2026-11-21T01:53:11Z",
         "fieldsType": "FieldsV1", "subresource": "status", "fieldsV1": {"f:status": {"f:conditions": {
            "k:{\"type\":\"ContainersReady\"}": condition, "k:{\"type\":\"Initialized\"}": condition,
            "k:{\"type\":\"Ready\"}": condition}, "f:containerStatuses": {}, "f:phase": {}, "f:podIP": {},
            "f:podIPs": {".": {}, format!("k:{{\"ip\":\"{ip}\"}}"): {".": {}, "f:ip": {}}}, "f:startTime": {}}}}
    ])
}
