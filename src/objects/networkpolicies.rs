//! Network policies of `networking.k8s.io`.

use super::common;
use crate::record;
use crate::records::kind::{Kind, SCRATCH_BYTES, gauge};
use crate::records::{Family, field::Schema as _};

record! {
    /// What is kept of a policy.
    object Policy {
        created: Time = "metadata.creationTimestamp",
        labels: AllowedLabels = "metadata.labels",
        annotations: AllowedAnnotations = "metadata.annotations",
        ingress: Count = "spec.ingress",
        egress: Count = "spec.egress",
    }
}

pub const KIND: Kind = Kind {
    resource: "networkpolicies",
    name: "NetworkPolicy",
    versions: &["networking.k8s.io/v1"],
    namespaced: true,
    default: true,
    fields: Policy::FIELDS,
    identity: |row, identity| common::namespaced(row, "networkpolicy", identity),
    families: FAMILIES,
    scratch_bytes: SCRATCH_BYTES,
};

const FAMILIES: &[Family] = &[
    gauge(
        "kube_networkpolicy_created",
        "When the policy was created, in seconds since the epoch.",
        |row, out| {
            out.value(Policy(row).created().unwrap_or(common::ZERO_TIME));
        },
    ),
    gauge("kube_networkpolicy_annotations", "Annotations of the policy that are allowed.", |row, out| {
        out.allowed_annotations(Policy(row).annotations());
    }),
    gauge("kube_networkpolicy_labels", "Labels of the policy that are allowed.", |row, out| {
        out.allowed_labels(Policy(row).labels());
    })
    .essential(),
    gauge("kube_networkpolicy_spec_ingress_rules", "Rules of the policy for what comes in.", |row, out| {
        out.value(Policy(row).ingress());
    }),
    gauge("kube_networkpolicy_spec_egress_rules", "Rules of the policy for what goes out.", |row, out| {
        out.value(Policy(row).egress());
    }),
];
