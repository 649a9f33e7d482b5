//! Objects that say a thing twice or not at all, and the greatest that there are.
#![allow(clippy::unwrap_used, reason = "a test that reads its own objects")]

mod records;

use records::{render, scratch, shelf_with, tell};
use serde_json::{Value, json};
use trimeter::objects::KINDS;
use trimeter::records::Loss;

fn place(resource: &str) -> usize {
    KINDS.iter().position(|kind| kind.resource == resource).unwrap()
}

/// The samples of one family.
fn samples(resource: &str, family: &str, object: &Value) -> Vec<String> {
    let place = place(resource);
    let mut shelf = shelf_with(place, object, Vec::new(), Vec::new());
    let text = render(&mut shelf, place, false, false);
    let start = format!("{family}{{");
    text.lines().filter(|line| line.starts_with(&start)).map(str::to_owned).collect()
}

/// Rows and texts of an object that have no room.
fn losses(resource: &str, object: &Value) -> [u32; 4] {
    let mut scratch = scratch(place(resource), Vec::new(), Vec::new());
    tell(object, &mut scratch);
    *scratch.losses()
}

const NONE: [u32; 4] = [0; 4];

#[test]
fn a_path_without_a_backend_has_no_sample() {
    let ingress =
        json!({"metadata": {"name": "i"}, "spec": {"rules": [{"http": {"paths": [{"path": "/"}]}}]}});
    assert!(samples("ingresses", "kube_ingress_path", &ingress).is_empty());
}

#[test]
fn the_old_class_of_an_ingress_and_of_a_claim_is_the_one_that_counts() {
    let object = |annotation: &str, class: &str| {
        json!({
            "metadata": {"name": "a", "namespace": "b", "annotations": {annotation: "old"}},
            "spec": {class: "new"},
        })
    };
    let ingress = object("kubernetes.io/ingress.class", "ingressClassName");
    assert_eq!(
        samples("ingresses", "kube_ingress_info", &ingress),
        ["kube_ingress_info{namespace=\"b\",ingress=\"a\",ingressclass=\"old\"} 1"]
    );
    let claim = object("volume.beta.kubernetes.io/storage-class", "storageClassName");
    assert_eq!(
        samples("persistentvolumeclaims", "kube_persistentvolumeclaim_info", &claim),
        ["kube_persistentvolumeclaim_info{namespace=\"b\",persistentvolumeclaim=\"a\",storageclass=\"old\",\
          volumename=\"\",volumemode=\"\"} 1"]
    );
}

#[test]
fn a_volume_that_names_several_sources_has_the_first() {
    let volume = json!({
        "metadata": {"name": "v"},
        "spec": {"hostPath": {"path": "/h"}, "nfs": {"server": "n", "path": "/p"}, "fc": {"lun": 1}, "iscsi": {}},
    });
    let lines = samples("persistentvolumes", "kube_persistentvolume_info", &volume);
    assert!(lines[0].contains("fc_lun=\"1\""));
    for other in ["iscsi_lun=\"\"", "nfs_server=\"\"", "host_path=\"\""] {
        assert!(lines[0].contains(other), "{other}: {}", lines[0]);
    }
}

/// Addresses of a slice, each with all that is kept and names as long as those of large clusters.
fn endpoints(count: usize) -> Vec<Value> {
    let endpoint = |number: usize| {
        json!({
            "addresses": [format!("fd00:4242:17::ffff:{number:04x}")],
            "conditions": {"ready": true, "serving": true, "terminating": false},
            "hostname": format!("catalogue-with-quite-a-long-name-{number}"),
            "nodeName": format!("ip-10-42-{}-{}.eu-central-1.compute.internal", number / 256, number % 256),
            "zone": "eu-central-1a",
            "targetRef": {"kind": "Pod", "namespace": "library", "name": format!("catalogue-7d9f8b6c5d-{number:05}")},
            "hints": {"forZones": [{"name": "eu-central-1a"}, {"name": "eu-central-1b"}]},
        })
    };
    (0..count).map(endpoint).collect()
}

#[test]
fn a_slice_has_a_thousand_endpoints() {
    let slice = |count| json!({"metadata": {"name": "s", "namespace": "n"}, "endpoints": endpoints(count)});
    assert_eq!(losses("endpointslices", &slice(1000)), NONE);
    let family = "kube_endpointslice_endpoints";
    assert_eq!(samples("endpointslices", family, &slice(1000)).len(), 1000);
    let mut one = NONE;
    one[Loss::Rows.index()] = 1;
    assert_eq!(losses("endpointslices", &slice(1001)), one);
    assert_eq!(samples("endpointslices", family, &slice(1001)).len(), 1000);
}

#[test]
fn endpoints_are_a_thousand_addresses_with_every_port() {
    let addresses = |count: u32| -> Vec<Value> {
        (0..count).map(|number| json!({"ip": format!("10.0.{}.{}", number / 256, number % 256)})).collect()
    };
    let ports: Vec<Value> = (0..16)
        .map(|number| json!({"name": format!("p{number}"), "port": number, "protocol": "TCP"}))
        .collect();
    let object = json!({
        "metadata": {"name": "e", "namespace": "n"},
        "subsets": [{"addresses": addresses(1000), "notReadyAddresses": addresses(3), "ports": ports}],
    });
    assert_eq!(losses("endpoints", &object), NONE);
    assert_eq!(samples("endpoints", "kube_endpoint_address", &object).len(), 1003 * 16);
    assert_eq!(samples("endpoints", "kube_endpoint_ports", &object).len(), 16);
}

#[test]
fn a_certificate_is_counted_however_long_it_is() {
    let request = |text: String| json!({"metadata": {"name": "r"}, "status": {"certificate": text}});
    let long = request(format!("{}QQ==", "QUJD".repeat(20_000)));
    assert_eq!(
        samples("certificatesigningrequests", "kube_certificatesigningrequest_cert_length", &long),
        [
            "kube_certificatesigningrequest_cert_length{certificatesigningrequest=\"r\",signer_name=\"\"} 60001"
        ]
    );
    assert_eq!(losses("certificatesigningrequests", &long), NONE);
}

/// The pod with the most of everything, and names as long as they may be; `more` containers beyond that.
fn greatest_pod(more: usize) -> Value {
    let name = |what: &str, number: usize| format!("{what}-{number:03}-{}", "n".repeat(50));
    let amounts = || {
        let names =
            ["cpu", "memory", "ephemeral-storage", "hugepages-2Mi", "hugepages-1Gi", "vendor.example/device"];
        names.into_iter().map(|name| (name.to_owned(), json!("1500Mi"))).collect::<serde_json::Map<_, _>>()
    };
    let containers = |count: usize| -> Vec<Value> {
        let container = |number| {
            json!({
                "name": name("container", number),
                "image": format!("registry.library.example/{}:{number}", name("image", number)),
                "resources": {"limits": amounts(), "requests": amounts()},
                "restartPolicy": "Always",
            })
        };
        (0..count).map(container).collect()
    };
    let statuses = |count: usize| -> Vec<Value> {
        let ended = json!({
            "terminated": {
                "reason": "OOMKilled",
                "exitCode": 137,
                "startedAt": "2026-02-01T08:15:00Z",
                "finishedAt": "2026-02-01T08:16:00Z",
            },
        });
        let status = |number| {
            json!({
                "name": name("container", number),
                "image": format!("registry.library.example/{}:{number}", name("image", number)),
                "imageID": format!("registry.library.example/{}@sha256:{number:064x}", name("image", number)),
                "containerID": format!("containerd://{number:064x}"),
                "state": ended,
                "lastState": ended,
                "restartCount": number,
            })
        };
        (0..count).map(status).collect()
    };
    let many = |count: usize, make: &dyn Fn(usize) -> Value| -> Vec<Value> { (0..count).map(make).collect() };
    json!({
        "metadata": {
            "name": "g",
            "namespace": "library",
            "uid": "u",
            "ownerReferences": many(16, &|number| json!({"kind": "ReplicaSet", "name": name("owner", number)})),
        },
        "spec": {
            "containers": containers(64 + more),
            "initContainers": containers(64),
            "tolerations": many(64, &|number| json!({"key": name("key", number), "value": name("value", number)})),
            "volumes": many(64, &|number| {
                json!({"name": name("volume", number), "persistentVolumeClaim": {"claimName": name("claim", number)}})
            }),
            "resourceClaims": many(32, &|number| json!({"name": name("claim", number), "resourceClaimName": "c"})),
        },
        "status": {
            "conditions": many(16, &|number| json!({"type": name("type", number), "status": "True", "reason": "r"})),
            "podIPs": many(4, &|number| json!({"ip": format!("fd00:4242::{number:x}")})),
            "containerStatuses": statuses(64),
            "initContainerStatuses": statuses(64),
            "resourceClaimStatuses": many(32, &|number| json!({"name": name("claim", number)})),
        },
    })
}

#[test]
fn a_pod_has_as_many_containers_as_there_may_be() {
    assert_eq!(losses("pods", &greatest_pod(0)), NONE);
    let mut one = NONE;
    one[Loss::Rows.index()] = 1;
    assert_eq!(losses("pods", &greatest_pod(1)), one);
    for family in ["kube_pod_container_info", "kube_pod_init_container_info"] {
        assert_eq!(samples("pods", family, &greatest_pod(1)).len(), 64, "{family}");
    }
    assert_eq!(samples("pods", "kube_pod_container_resource_limits", &greatest_pod(0)).len(), 64 * 6);
}

#[test]
fn a_pod_bears_a_taint_once_and_has_a_reason_once() {
    let pod = json!({
        "metadata": {"name": "p", "namespace": "n", "uid": "u"},
        "spec": {
            "tolerations": [
                {"key": "a", "operator": "Exists"},
                {"key": "a", "operator": "Exists", "tolerationSeconds": 0},
                {"key": "a", "operator": "Exists"},
            ],
            "volumes": [{"name": "none", "emptyDir": {}}, {"name": "own", "ephemeral": {}}],
        },
        "status": {
            "reason": "Shutdown",
            "conditions": [{"type": "DisruptionTarget", "status": "False", "reason": "Shutdown"}],
            "containerStatuses": [{"name": "c", "state": {"terminated": {"reason": "Evicted"}}}],
            "initContainerStatuses": [{"name": "i", "state": {"terminated": {"reason": "NodeLost"}}}],
        },
    });
    assert_eq!(samples("pods", "kube_pod_tolerations", &pod).len(), 2);
    assert_eq!(
        samples("pods", "kube_pod_status_reason", &pod),
        ["Evicted", "Shutdown"].map(|reason| {
            format!("kube_pod_status_reason{{namespace=\"n\",pod=\"p\",uid=\"u\",reason=\"{reason}\"}} 1")
        })
    );
    let volumes = samples("pods", "kube_pod_spec_volumes_persistentvolumeclaims_info", &pod);
    assert_eq!(volumes.len(), 1);
    assert!(
        volumes[0].contains("volume=\"own\",persistentvolumeclaim=\"p-own\",ephemeral=\"true\""),
        "{volumes:?}"
    );
}

#[test]
fn a_pod_without_a_node_says_since_when() {
    let pod = json!({
        "metadata": {"name": "p", "namespace": "n", "uid": "u"},
        "status": {
            "conditions": [{
                "type": "PodScheduled",
                "status": "False",
                "reason": "SchedulingGated",
                "lastTransitionTime": "2026-02-11T08:15:16Z",
            }],
        },
    });
    for (family, expect) in [
        ("kube_pod_status_unschedulable", Some("} 1")),
        ("kube_pod_status_unscheduled_time", Some("} 1770797716")),
        ("kube_pod_status_reason", Some(",reason=\"SchedulingGated\"} 1")),
        ("kube_pod_status_scheduled_time", None),
        ("kube_pod_status_ready", None),
    ] {
        let expect = expect.map(|end| format!("{family}{{namespace=\"n\",pod=\"p\",uid=\"u\"{end}"));
        assert_eq!(samples("pods", family, &pod), Vec::from_iter(expect));
    }
}

/// Lists that clusters fill further than one would think: a load balancer with an address of every node, an ingress for
/// a hundred tenants, a node that tells of all its features.
#[test]
fn long_lists_are_kept_whole() {
    let many = |count: usize, make: &dyn Fn(usize) -> Value| -> Vec<Value> { (0..count).map(make).collect() };
    let address = |number: usize| format!("203.0.{}.{}", number / 256, number % 256);
    let service = json!({
        "metadata": {"name": "s", "namespace": "n"},
        "spec": {"externalIPs": many(256, &|number| json!(address(number)))},
        "status": {"loadBalancer": {"ingress": many(256, &|number| json!({"ip": address(number)}))}},
    });
    assert_eq!(losses("services", &service), NONE);
    assert_eq!(samples("services", "kube_service_spec_external_ip", &service).len(), 256);
    assert_eq!(samples("services", "kube_service_status_load_balancer_ingress", &service).len(), 256);

    let host = |number: usize| format!("tenant-{number}.shop.{}.example", "long-name".repeat(4));
    let backend = json!({"service": {"name": "tenant-with-a-name", "port": {"number": 80}}});
    let ingress = json!({
        "metadata": {"name": "i", "namespace": "n"},
        "spec": {
            "rules": many(500, &|number| json!({
                "host": host(number),
                "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]},
            })),
            "tls": many(100, &|number| json!({"secretName": format!("certificate-{number}"), "hosts": [host(number)]})),
        },
    });
    assert_eq!(losses("ingresses", &ingress), NONE);
    assert_eq!(samples("ingresses", "kube_ingress_path", &ingress).len(), 500);
    assert_eq!(samples("ingresses", "kube_ingress_tls", &ingress).len(), 100);

    let webhooks = json!({
        "metadata": {"name": "w"},
        "webhooks": many(200, &|number| json!({
            "name": format!("hook-{number}.policies.example"),
            "clientConfig": {"service": {"name": "policies", "namespace": "policies"}},
        })),
    });
    for resource in ["mutatingwebhookconfigurations", "validatingwebhookconfigurations"] {
        assert_eq!(losses(resource, &webhooks), NONE);
    }

    let labels: serde_json::Map<String, Value> = (0..128)
        .map(|number| (format!("feature.node.kubernetes.io/cpu-cpuid.FEATURE{number}"), json!("true")))
        .collect();
    let node = json!({"metadata": {"name": "a", "labels": labels}});
    let mut shelf = shelf_with(place("nodes"), &node, vec!["*".to_owned()], Vec::new());
    let text = render(&mut shelf, place("nodes"), true, false);
    let line = text.lines().find(|line| line.starts_with("kube_node_labels{")).unwrap();
    assert_eq!(line.matches("label_feature_node_kubernetes_io_cpu_cpuid_feature").count(), 128, "{line}");
}
