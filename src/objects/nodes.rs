//! Nodes.

use super::common::{self, Amount, Condition, Word};
use crate::base::text::Text;
use crate::expo::lines::Lines;
use crate::record;
use crate::records::kind::{Kind, SCRATCH_BYTES, gauge};
use crate::records::{Family, Row, Rows, field::Schema as _};
use crate::text::resource_name::{sanitise, unit_of_node};

record! {
    /// An address of a node.
    struct Address {
        kind: Name = "type",
        address: Name = "address",
    }
}

record! {
    /// What keeps pods away that do not bear it.
    struct Taint {
        key: Name = "key",
        value: Name = "value",
        effect: Name = "effect",
    }
}

record! {
    /// A label whose key says what the node is for.
    struct Role {
        key: Name = "@key",
    }
}

record! {
    /// What is kept of a node.
    object Node {
        created: Time = "metadata.creationTimestamp",
        deleted: Time = "metadata.deletionTimestamp",
        labels: AllowedLabels = "metadata.labels",
        annotations: AllowedAnnotations = "metadata.annotations",
        roles: List<Role, 16> = "metadata.labels[\"node-role.kubernetes.io/*\"]",
        pod_cidr: Name = "spec.podCIDR",
        pod_cidrs: List<Word, 4> = "spec.podCIDRs[]",
        provider: Text = "spec.providerID",
        taints: List<Taint, 64> = "spec.taints[]",
        unschedulable: Flag = "spec.unschedulable",
        kernel: Name = "status.nodeInfo.kernelVersion",
        os: Name = "status.nodeInfo.osImage",
        runtime: Name = "status.nodeInfo.containerRuntimeVersion",
        kubelet: Name = "status.nodeInfo.kubeletVersion",
        system: Text = "status.nodeInfo.systemUUID",
        addresses: List<Address, 16> = "status.addresses[]",
        allocatable: List<Amount, 64> = "status.allocatable",
        capacity: List<Amount, 64> = "status.capacity",
        conditions: List<Condition, 32> = "status.conditions[]",
    }
}

pub const KIND: Kind = Kind {
    resource: "nodes",
    name: "Node",
    versions: &["v1"],
    namespaced: false,
    default: true,
    fields: Node::FIELDS,
    identity: |row, identity| common::cluster_wide(row, "node", identity),
    families: FAMILIES,
    scratch_bytes: SCRATCH_BYTES,
};

const ROLE: &[u8] = b"node-role.kubernetes.io/";

const FAMILIES: &[Family] = &[
    gauge("kube_node_annotations", "Annotations of the node that are allowed.", |row, out| {
        out.allowed_annotations(Node(row).annotations());
    }),
    gauge("kube_node_created", "When the node was made known, in seconds since the epoch.", |row, out| {
        out.maybe(Node(row).created());
    })
    .stable()
    .essential(),
    gauge(
        "kube_node_deletion_timestamp",
        "When the node is to be gone, in seconds since the epoch.",
        |row, out| {
            out.maybe(Node(row).deleted());
        },
    ),
    gauge("kube_node_info", "What runs on the node.", info).stable().essential(),
    gauge("kube_node_labels", "Labels of the node that are allowed.", |row, out| {
        out.allowed_labels(Node(row).labels());
    })
    .stable()
    .essential(),
    gauge("kube_node_role", "What the node is for.", |row, out| {
        for role in Node(row).roles() {
            let key = role.key().unwrap_or_default();
            out.info(&[("role", key.strip_prefix(ROLE).unwrap_or(key).into())]);
        }
    })
    .essential(),
    gauge("kube_node_spec_pod_cidrs", "Addresses that pods of the node have.", |row, out| {
        common::words(Node(row).pod_cidrs(), "pod_cidr", out);
    }),
    gauge("kube_node_spec_taint", "What keeps pods away from the node that do not bear it.", |row, out| {
        for taint in Node(row).taints() {
            out.info(&[
                ("key", taint.key().into()),
                ("value", taint.value().into()),
                ("effect", taint.effect().into()),
            ]);
        }
    })
    .stable()
    .essential(),
    gauge("kube_node_spec_unschedulable", "1 if the node takes no new pods, else 0.", |row, out| {
        out.flag(Node(row).unschedulable());
    })
    .stable()
    .essential(),
    gauge("kube_node_status_allocatable", "What pods of the node may have of a resource.", |row, out| {
        resources(Node(row).allocatable(), out);
    })
    .stable()
    .essential(),
    gauge("kube_node_status_capacity", "What the node has of a resource.", |row, out| {
        resources(Node(row).capacity(), out);
    })
    .stable()
    .essential(),
    gauge("kube_node_status_condition", "Conditions of the node.", |row, out| {
        common::conditions(Node(row).conditions(), out);
    })
    .stable()
    .essential(),
    gauge("kube_node_status_addresses", "Addresses of the node.", |row, out| {
        for address in Node(row).addresses() {
            out.info(&[("type", address.kind().into()), ("address", address.address().into())]);
        }
    }),
];

fn info(row: Row<'_>, out: &mut Lines<'_, '_>) {
    let node = Node(row);
    let internal = node.addresses().iter().rfind(|address| address.kind() == Some(b"InternalIP"));
    out.info(&[
        ("kernel_version", node.kernel().into()),
        ("os_image", node.os().into()),
        ("container_runtime_version", node.runtime().into()),
        ("kubelet_version", node.kubelet().into()),
        ("kubeproxy_version", "deprecated".into()),
        ("provider_id", node.provider().into()),
        ("pod_cidr", node.pod_cidr().into()),
        ("system_uuid", node.system().into()),
        ("internal_ip", internal.and_then(|address| address.address()).into()),
    ]);
}

fn resources(amounts: Rows<'_, Amount<'static>>, out: &mut Lines<'_, '_>) {
    for amount in amounts {
        let name = amount.resource().unwrap_or_default();
        let (Some(unit), Some(quantity)) = (unit_of_node(name), amount.quantity()) else { continue };
        let mut resource = Text::<320>::new();
        if sanitise(name, &mut resource).is_err() {
            continue;
        }
        out.sample(&[("resource", resource.as_bytes().into()), ("unit", unit.as_str().into())], quantity);
    }
}
