//! Pod disruption budgets of `policy/v1`.

use super::common;
use crate::record;
use crate::records::kind::{Kind, SCRATCH_BYTES, gauge};
use crate::records::{Family, field::Schema as _};

record! {
    /// What is kept of a budget.
    object Budget {
        created: Time = "metadata.creationTimestamp",
        deleted: Time = "metadata.deletionTimestamp",
        labels: AllowedLabels = "metadata.labels",
        annotations: AllowedAnnotations = "metadata.annotations",
        observed_generation: Int = "status.observedGeneration",
        current: Int = "status.currentHealthy",
        desired: Int = "status.desiredHealthy",
        allowed: Int = "status.disruptionsAllowed",
        expected: Int = "status.expectedPods",
    }
}

pub const KIND: Kind = Kind {
    resource: "poddisruptionbudgets",
    name: "PodDisruptionBudget",
    versions: &["policy/v1", "policy/v1beta1"],
    namespaced: true,
    default: true,
    fields: Budget::FIELDS,
    identity: |row, identity| common::namespaced(row, "poddisruptionbudget", identity),
    families: FAMILIES,
    scratch_bytes: SCRATCH_BYTES,
};

const FAMILIES: &[Family] = &[
    gauge(
        "kube_poddisruptionbudget_annotations",
        "Annotations of the budget that are allowed.",
        |row, out| {
            out.allowed_annotations(Budget(row).annotations());
        },
    ),
    gauge("kube_poddisruptionbudget_labels", "Labels of the budget that are allowed.", |row, out| {
        out.allowed_labels(Budget(row).labels());
    }),
    gauge(
        "kube_poddisruptionbudget_created",
        "When the budget was created, in seconds since the epoch.",
        |row, out| {
            out.maybe(Budget(row).created());
        },
    )
    .stable(),
    gauge(
        "kube_poddisruptionbudget_status_current_healthy",
        "Pods of the budget that are healthy.",
        |row, out| {
            out.or_zero(Budget(row).current());
        },
    )
    .stable()
    .essential(),
    gauge(
        "kube_poddisruptionbudget_status_desired_healthy",
        "Pods of the budget that must stay healthy.",
        |row, out| {
            out.or_zero(Budget(row).desired());
        },
    )
    .stable()
    .essential(),
    gauge(
        "kube_poddisruptionbudget_status_pod_disruptions_allowed",
        "Pods of the budget that may be evicted now.",
        |row, out| {
            out.or_zero(Budget(row).allowed());
        },
    )
    .stable()
    .essential(),
    gauge("kube_poddisruptionbudget_status_expected_pods", "Pods that the budget counts.", |row, out| {
        out.or_zero(Budget(row).expected());
    })
    .stable()
    .essential(),
    gauge(
        "kube_poddisruptionbudget_status_observed_generation",
        "Generation of the budget that its controller has seen.",
        |row, out| {
            out.or_zero(Budget(row).observed_generation());
        },
    )
    .stable(),
    gauge(
        "kube_poddisruptionbudget_deletion_timestamp",
        "When the budget is to be gone, in seconds since the epoch.",
        |row, out| {
            out.maybe(Budget(row).deleted());
        },
    ),
];
