//! Daemon sets of `apps/v1`.

use super::common;
use crate::record;
use crate::records::kind::{Kind, SCRATCH_BYTES, gauge};
use crate::records::{Family, field::Schema as _};

record! {
    /// What is kept of a daemon set.
    object DaemonSet {
        created: Time = "metadata.creationTimestamp",
        deleted: Time = "metadata.deletionTimestamp",
        generation: Int = "metadata.generation",
        labels: AllowedLabels = "metadata.labels",
        annotations: AllowedAnnotations = "metadata.annotations",
        observed_generation: Int = "status.observedGeneration",
        current: Int = "status.currentNumberScheduled",
        desired: Int = "status.desiredNumberScheduled",
        available: Int = "status.numberAvailable",
        misscheduled: Int = "status.numberMisscheduled",
        ready: Int = "status.numberReady",
        unavailable: Int = "status.numberUnavailable",
        updated: Int = "status.updatedNumberScheduled",
    }
}

pub const KIND: Kind = Kind {
    resource: "daemonsets",
    name: "DaemonSet",
    versions: &["apps/v1"],
    namespaced: true,
    default: true,
    fields: DaemonSet::FIELDS,
    identity: |row, identity| common::namespaced(row, "daemonset", identity),
    families: FAMILIES,
    scratch_bytes: SCRATCH_BYTES,
};

const FAMILIES: &[Family] = &[
    gauge(
        "kube_daemonset_created",
        "When the daemon set was created, in seconds since the epoch.",
        |row, out| {
            out.maybe(DaemonSet(row).created());
        },
    )
    .stable()
    .essential(),
    gauge(
        "kube_daemonset_status_current_number_scheduled",
        "Nodes that run a pod of the daemon set and are to do so.",
        |row, out| {
            out.or_zero(DaemonSet(row).current());
        },
    )
    .stable()
    .essential(),
    gauge(
        "kube_daemonset_status_desired_number_scheduled",
        "Nodes that are to run a pod of the daemon set.",
        |row, out| {
            out.or_zero(DaemonSet(row).desired());
        },
    )
    .stable()
    .essential(),
    gauge(
        "kube_daemonset_status_number_available",
        "Nodes whose pod of the daemon set has been ready for long enough.",
        |row, out| {
            out.or_zero(DaemonSet(row).available());
        },
    )
    .stable()
    .essential(),
    gauge(
        "kube_daemonset_status_number_misscheduled",
        "Nodes that run a pod of the daemon set but are not to do so.",
        |row, out| {
            out.or_zero(DaemonSet(row).misscheduled());
        },
    )
    .stable()
    .essential(),
    gauge("kube_daemonset_status_number_ready", "Nodes whose pod of the daemon set is ready.", |row, out| {
        out.or_zero(DaemonSet(row).ready());
    })
    .stable()
    .essential(),
    gauge(
        "kube_daemonset_status_number_unavailable",
        "Nodes that lack an available pod of the daemon set.",
        |row, out| {
            out.or_zero(DaemonSet(row).unavailable());
        },
    )
    .stable()
    .essential(),
    gauge(
        "kube_daemonset_status_observed_generation",
        "Generation of the daemon set that its controller has seen.",
        |row, out| {
            out.or_zero(DaemonSet(row).observed_generation());
        },
    )
    .stable(),
    gauge(
        "kube_daemonset_status_updated_number_scheduled",
        "Nodes whose pod is made from the present template of the daemon set.",
        |row, out| {
            out.or_zero(DaemonSet(row).updated());
        },
    )
    .stable()
    .essential(),
    gauge(
        "kube_daemonset_metadata_generation",
        "Generation of the daemon set that is wanted.",
        |row, out| {
            out.or_zero(DaemonSet(row).generation());
        },
    )
    .stable()
    .essential(),
    gauge(
        "kube_daemonset_deletion_timestamp",
        "When the daemon set is to be gone, in seconds since the epoch.",
        |row, out| {
            out.maybe(DaemonSet(row).deleted());
        },
    ),
    gauge("kube_daemonset_annotations", "Annotations of the daemon set that are allowed.", |row, out| {
        out.allowed_annotations(DaemonSet(row).annotations());
    }),
    gauge("kube_daemonset_labels", "Labels of the daemon set that are allowed.", |row, out| {
        out.allowed_labels(DaemonSet(row).labels());
    })
    .stable()
    .essential(),
];
