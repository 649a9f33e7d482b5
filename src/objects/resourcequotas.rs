//! Resource quotas: what all of a namespace may have together.

use super::common::{self, Amount};
use crate::record;
use crate::records::kind::{Kind, SCRATCH_BYTES, gauge};
use crate::records::{Family, field::Schema as _};

record! {
    /// What is kept of a quota.
    object Quota {
        created: Time = "metadata.creationTimestamp",
        labels: AllowedLabels = "metadata.labels",
        annotations: AllowedAnnotations = "metadata.annotations",
        hard: List<Amount, 256> = "status.hard",
        used: List<Amount, 256> = "status.used",
    }
}

pub const KIND: Kind = Kind {
    resource: "resourcequotas",
    name: "ResourceQuota",
    versions: &["v1"],
    namespaced: true,
    default: true,
    fields: Quota::FIELDS,
    identity: |row, identity| common::namespaced(row, "resourcequota", identity),
    families: FAMILIES,
    scratch_bytes: SCRATCH_BYTES,
};

const FAMILIES: &[Family] = &[
    gauge(
        "kube_resourcequota_created",
        "When the quota was created, in seconds since the epoch.",
        |row, out| {
            out.maybe(Quota(row).created());
        },
    )
    .stable(),
    gauge(
        "kube_resourcequota",
        "Amounts of a resource that the namespace may have and that it has.",
        |row, out| {
            common::amounts(Quota(row).hard(), &[("type", "hard".into())], out);
            common::amounts(Quota(row).used(), &[("type", "used".into())], out);
        },
    )
    .stable()
    .essential(),
    gauge("kube_resourcequota_annotations", "Annotations of the quota that are allowed.", |row, out| {
        out.allowed_annotations(Quota(row).annotations());
    }),
    gauge("kube_resourcequota_labels", "Labels of the quota that are allowed.", |row, out| {
        out.allowed_labels(Quota(row).labels());
    })
    .stable(),
];
