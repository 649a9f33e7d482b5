//! Replication controllers, the elders of replica sets.

use super::common::{self, Owner};
use crate::record;
use crate::records::kind::{Kind, SCRATCH_BYTES, gauge};
use crate::records::{Family, field::Schema as _};

record! {
    /// What is kept of a replication controller.
    object Controller {
        created: Time = "metadata.creationTimestamp",
        generation: Int = "metadata.generation",
        owners: List<Owner, 16> = "metadata.ownerReferences[]",
        spec_replicas: Int = "spec.replicas",
        observed_generation: Int = "status.observedGeneration",
        replicas: Int = "status.replicas",
        labeled: Int = "status.fullyLabeledReplicas",
        ready: Int = "status.readyReplicas",
        available: Int = "status.availableReplicas",
    }
}

pub const KIND: Kind = Kind {
    resource: "replicationcontrollers",
    name: "ReplicationController",
    versions: &["v1"],
    namespaced: true,
    default: true,
    fields: Controller::FIELDS,
    identity: |row, identity| common::namespaced(row, "replicationcontroller", identity),
    families: FAMILIES,
    scratch_bytes: SCRATCH_BYTES,
};

const FAMILIES: &[Family] = &[
    gauge(
        "kube_replicationcontroller_created",
        "When the replication controller was created, in seconds since the epoch.",
        |row, out| {
            out.maybe(Controller(row).created());
        },
    )
    .stable(),
    gauge(
        "kube_replicationcontroller_status_replicas",
        "Pods that the replication controller has.",
        |row, out| {
            out.or_zero(Controller(row).replicas());
        },
    )
    .stable(),
    gauge(
        "kube_replicationcontroller_status_fully_labeled_replicas",
        "Pods of the replication controller that have all labels of its template.",
        |row, out| {
            out.or_zero(Controller(row).labeled());
        },
    )
    .stable(),
    gauge(
        "kube_replicationcontroller_status_ready_replicas",
        "Pods of the replication controller that are ready.",
        |row, out| {
            out.or_zero(Controller(row).ready());
        },
    )
    .stable(),
    gauge(
        "kube_replicationcontroller_status_available_replicas",
        "Pods of the replication controller that have been ready for long enough.",
        |row, out| {
            out.or_zero(Controller(row).available());
        },
    )
    .stable(),
    gauge(
        "kube_replicationcontroller_status_observed_generation",
        "Generation of the replication controller that its controller has seen.",
        |row, out| {
            out.or_zero(Controller(row).observed_generation());
        },
    )
    .stable(),
    gauge(
        "kube_replicationcontroller_spec_replicas",
        "Pods that the replication controller is to have.",
        |row, out| {
            out.maybe(Controller(row).spec_replicas());
        },
    )
    .stable(),
    gauge(
        "kube_replicationcontroller_metadata_generation",
        "Generation of the replication controller that is wanted.",
        |row, out| {
            out.or_zero(Controller(row).generation());
        },
    )
    .stable(),
    gauge("kube_replicationcontroller_owner", "Owners of the replication controller.", |row, out| {
        common::owners(Controller(row).owners(), out);
    })
    .essential(),
];
