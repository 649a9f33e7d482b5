//! Replica sets of `apps/v1`.

use super::common::{self, Owner};
use crate::record;
use crate::records::kind::{Kind, SCRATCH_BYTES, gauge};
use crate::records::{Family, field::Schema as _};

record! {
    /// What is kept of a replica set.
    object ReplicaSet {
        created: Time = "metadata.creationTimestamp",
        generation: Int = "metadata.generation",
        owners: List<Owner, 16> = "metadata.ownerReferences[]",
        labels: AllowedLabels = "metadata.labels",
        annotations: AllowedAnnotations = "metadata.annotations",
        spec_replicas: Int = "spec.replicas",
        observed_generation: Int = "status.observedGeneration",
        replicas: Int = "status.replicas",
        labeled: Int = "status.fullyLabeledReplicas",
        ready: Int = "status.readyReplicas",
        terminating: Int = "status.terminatingReplicas",
    }
}

pub const KIND: Kind = Kind {
    resource: "replicasets",
    name: "ReplicaSet",
    versions: &["apps/v1"],
    namespaced: true,
    default: true,
    fields: ReplicaSet::FIELDS,
    identity: |row, identity| common::namespaced(row, "replicaset", identity),
    families: FAMILIES,
    scratch_bytes: SCRATCH_BYTES,
};

const FAMILIES: &[Family] = &[
    gauge(
        "kube_replicaset_created",
        "When the replica set was created, in seconds since the epoch.",
        |row, out| {
            out.maybe(ReplicaSet(row).created());
        },
    )
    .stable()
    .essential(),
    gauge("kube_replicaset_status_replicas", "Pods that the replica set has.", |row, out| {
        out.or_zero(ReplicaSet(row).replicas());
    })
    .stable()
    .essential(),
    gauge(
        "kube_replicaset_status_fully_labeled_replicas",
        "Pods of the replica set that have all labels of its template.",
        |row, out| {
            out.or_zero(ReplicaSet(row).labeled());
        },
    )
    .stable(),
    gauge("kube_replicaset_status_ready_replicas", "Pods of the replica set that are ready.", |row, out| {
        out.or_zero(ReplicaSet(row).ready());
    })
    .stable()
    .essential(),
    gauge(
        "kube_replicaset_status_terminating_replicas",
        "Pods of the replica set that are ending.",
        |row, out| {
            out.maybe(ReplicaSet(row).terminating());
        },
    ),
    gauge(
        "kube_replicaset_status_observed_generation",
        "Generation of the replica set that its controller has seen.",
        |row, out| {
            out.or_zero(ReplicaSet(row).observed_generation());
        },
    )
    .stable(),
    gauge("kube_replicaset_spec_replicas", "Pods that the replica set is to have.", |row, out| {
        out.maybe(ReplicaSet(row).spec_replicas());
    })
    .stable()
    .essential(),
    gauge(
        "kube_replicaset_metadata_generation",
        "Generation of the replica set that is wanted.",
        |row, out| {
            out.or_zero(ReplicaSet(row).generation());
        },
    )
    .stable(),
    gauge("kube_replicaset_owner", "Owners of the replica set.", |row, out| {
        common::owners(ReplicaSet(row).owners(), out);
    })
    .stable()
    .essential(),
    gauge("kube_replicaset_annotations", "Annotations of the replica set that are allowed.", |row, out| {
        out.allowed_annotations(ReplicaSet(row).annotations());
    }),
    gauge("kube_replicaset_labels", "Labels of the replica set that are allowed.", |row, out| {
        out.allowed_labels(ReplicaSet(row).labels());
    })
    .stable(),
];
