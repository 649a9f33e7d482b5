//! Stateful sets of `apps/v1`.

use super::common;
use crate::expo::lines::Lines;
use crate::record;
use crate::records::Row;
use crate::records::kind::{Kind, SCRATCH_BYTES, gauge};
use crate::records::{Family, field::Schema as _};

record! {
    /// What is kept of a stateful set.
    object StatefulSet {
        created: Time = "metadata.creationTimestamp",
        deleted: Time = "metadata.deletionTimestamp",
        generation: Int = "metadata.generation",
        labels: AllowedLabels = "metadata.labels",
        annotations: AllowedAnnotations = "metadata.annotations",
        spec_replicas: Int = "spec.replicas",
        ordinals: Present = "spec.ordinals",
        ordinals_start: Int = "spec.ordinals.start",
        when_deleted: Name = "spec.persistentVolumeClaimRetentionPolicy.whenDeleted",
        when_scaled: Name = "spec.persistentVolumeClaimRetentionPolicy.whenScaled",
        observed_generation: Int = "status.observedGeneration",
        replicas: Int = "status.replicas",
        available: Int = "status.availableReplicas",
        current: Int = "status.currentReplicas",
        ready: Int = "status.readyReplicas",
        updated: Int = "status.updatedReplicas",
        current_revision: Text = "status.currentRevision",
        update_revision: Text = "status.updateRevision",
    }
}

pub const KIND: Kind = Kind {
    resource: "statefulsets",
    name: "StatefulSet",
    versions: &["apps/v1"],
    namespaced: true,
    default: true,
    fields: StatefulSet::FIELDS,
    identity: |row, identity| common::namespaced(row, "statefulset", identity),
    families: FAMILIES,
    scratch_bytes: SCRATCH_BYTES,
};

const FAMILIES: &[Family] = &[
    gauge(
        "kube_statefulset_created",
        "When the stateful set was created, in seconds since the epoch.",
        |row, out| {
            out.maybe(StatefulSet(row).created());
        },
    )
    .stable(),
    gauge("kube_statefulset_status_replicas", "Pods that the stateful set has.", |row, out| {
        out.or_zero(StatefulSet(row).replicas());
    })
    .stable()
    .essential(),
    gauge(
        "kube_statefulset_status_replicas_available",
        "Pods of the stateful set that have been ready for long enough.",
        |row, out| {
            out.or_zero(StatefulSet(row).available());
        },
    )
    .stable(),
    gauge(
        "kube_statefulset_status_replicas_current",
        "Pods of the stateful set that are of its current revision.",
        |row, out| {
            out.or_zero(StatefulSet(row).current());
        },
    )
    .stable()
    .essential(),
    gauge(
        "kube_statefulset_status_replicas_ready",
        "Pods of the stateful set that are ready.",
        |row, out| {
            out.or_zero(StatefulSet(row).ready());
        },
    )
    .stable()
    .essential(),
    gauge(
        "kube_statefulset_status_replicas_updated",
        "Pods of the stateful set that are of the revision it moves to.",
        |row, out| {
            out.or_zero(StatefulSet(row).updated());
        },
    )
    .stable()
    .essential(),
    gauge(
        "kube_statefulset_status_observed_generation",
        "Generation of the stateful set that its controller has seen.",
        |row, out| {
            out.or_zero(StatefulSet(row).observed_generation());
        },
    )
    .stable()
    .essential(),
    gauge("kube_statefulset_replicas", "Pods that the stateful set is to have.", |row, out| {
        out.maybe(StatefulSet(row).spec_replicas());
    })
    .stable()
    .essential(),
    gauge("kube_statefulset_ordinals_start", "Number of the first pod of the stateful set.", |row, out| {
        let set = StatefulSet(row);
        if set.ordinals() {
            out.or_zero(set.ordinals_start());
        }
    })
    .stable(),
    gauge(
        "kube_statefulset_metadata_generation",
        "Generation of the stateful set that is wanted.",
        |row, out| {
            out.or_zero(StatefulSet(row).generation());
        },
    )
    .stable()
    .essential(),
    gauge(
        "kube_statefulset_persistentvolumeclaim_retention_policy",
        "What becomes of the claims of the stateful set when it is deleted or has fewer pods.",
        retention,
    )
    .stable(),
    gauge("kube_statefulset_annotations", "Annotations of the stateful set that are allowed.", |row, out| {
        out.allowed_annotations(StatefulSet(row).annotations());
    })
    .stable(),
    gauge("kube_statefulset_labels", "Labels of the stateful set that are allowed.", |row, out| {
        out.allowed_labels(StatefulSet(row).labels());
    })
    .stable()
    .essential(),
    gauge(
        "kube_statefulset_status_current_revision",
        "Revision that the pods of the stateful set had before an update.",
        |row, out| {
            out.info(&[("revision", StatefulSet(row).current_revision().into())]);
        },
    )
    .stable()
    .essential(),
    gauge(
        "kube_statefulset_status_update_revision",
        "Revision that the pods of the stateful set move to.",
        |row, out| {
            out.info(&[("revision", StatefulSet(row).update_revision().into())]);
        },
    )
    .stable()
    .essential(),
    gauge(
        "kube_statefulset_deletion_timestamp",
        "When the stateful set is to be gone, in seconds since the epoch.",
        |row, out| {
            out.maybe(StatefulSet(row).deleted());
        },
    )
    .stable(),
];

fn retention(row: Row<'_>, out: &mut Lines<'_, '_>) {
    let (deleted, scaled) = (StatefulSet(row).when_deleted(), StatefulSet(row).when_scaled());
    if [deleted, scaled].into_iter().flatten().any(|policy| !policy.is_empty()) {
        out.info(&[("when_deleted", deleted.into()), ("when_scaled", scaled.into())]);
    }
}
