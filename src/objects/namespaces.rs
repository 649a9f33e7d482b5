//! Namespaces.

use super::common::{self, Condition};
use crate::record;
use crate::records::kind::{Kind, SCRATCH_BYTES, gauge};
use crate::records::{Family, field::Schema as _};

record! {
    /// What is kept of a namespace.
    object Namespace {
        created: Time = "metadata.creationTimestamp",
        labels: AllowedLabels = "metadata.labels",
        annotations: AllowedAnnotations = "metadata.annotations",
        phase: Name = "status.phase",
        conditions: List<Condition, 16> = "status.conditions[]",
    }
}

pub const KIND: Kind = Kind {
    resource: "namespaces",
    name: "Namespace",
    versions: &["v1"],
    namespaced: false,
    default: true,
    fields: Namespace::FIELDS,
    identity: |row, identity| common::cluster_wide(row, "namespace", identity),
    families: FAMILIES,
    scratch_bytes: SCRATCH_BYTES,
};

const FAMILIES: &[Family] = &[
    gauge(
        "kube_namespace_created",
        "When the namespace was created, in seconds since the epoch.",
        |row, out| {
            out.maybe(Namespace(row).created());
        },
    )
    .stable()
    .essential(),
    gauge("kube_namespace_annotations", "Annotations of the namespace that are allowed.", |row, out| {
        out.allowed_annotations(Namespace(row).annotations());
    }),
    gauge("kube_namespace_labels", "Labels of the namespace that are allowed.", |row, out| {
        out.allowed_labels(Namespace(row).labels());
    })
    .stable()
    .essential(),
    gauge("kube_namespace_status_phase", "Phase that the namespace is in.", |row, out| {
        // Both are there whatever the phase is, unlike those of other kinds.
        for phase in ["Active", "Terminating"] {
            let is_it = Namespace(row).phase() == Some(phase.as_bytes());
            out.sample(&[("phase", phase.into())], is_it);
        }
    })
    .stable()
    .essential(),
    gauge("kube_namespace_status_condition", "Conditions of the namespace.", |row, out| {
        common::conditions(Namespace(row).conditions(), out);
    }),
];
