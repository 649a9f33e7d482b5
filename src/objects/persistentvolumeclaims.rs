//! Claims of volumes.

use super::common::{self, Condition, Word};
use crate::record;
use crate::records::kind::{Kind, SCRATCH_BYTES, gauge};
use crate::records::{Family, field::Schema as _};
use crate::text::quantity::Quantity;

record! {
    /// What is kept of a claim.
    object Claim {
        created: Time = "metadata.creationTimestamp",
        deleted: Time = "metadata.deletionTimestamp",
        labels: AllowedLabels = "metadata.labels",
        annotations: AllowedAnnotations = "metadata.annotations",
        old_class: Name = "metadata.annotations[\"volume.beta.kubernetes.io/storage-class\"]",
        class: Name = "spec.storageClassName",
        volume: Text = "spec.volumeName",
        mode: Name = "spec.volumeMode",
        requested: Quantity = "spec.resources.requests.storage",
        access_modes: List<Word, 4> = "spec.accessModes[]",
        phase: Name = "status.phase",
        conditions: List<Condition, 16> = "status.conditions[]",
    }
}

pub const KIND: Kind = Kind {
    resource: "persistentvolumeclaims",
    name: "PersistentVolumeClaim",
    versions: &["v1"],
    namespaced: true,
    default: true,
    fields: Claim::FIELDS,
    identity: |row, identity| common::namespaced(row, "persistentvolumeclaim", identity),
    families: FAMILIES,
    scratch_bytes: SCRATCH_BYTES,
};

const FAMILIES: &[Family] = &[
    gauge("kube_persistentvolumeclaim_labels", "Labels of the claim that are allowed.", |row, out| {
        out.allowed_labels(Claim(row).labels());
    })
    .stable()
    .essential(),
    gauge(
        "kube_persistentvolumeclaim_annotations",
        "Annotations of the claim that are allowed.",
        |row, out| {
            out.allowed_annotations(Claim(row).annotations());
        },
    ),
    gauge(
        "kube_persistentvolumeclaim_info",
        "The class of storage that the claim asks for, and the volume that it has.",
        |row, out| {
            let claim = Claim(row);
            out.info(&[
                ("storageclass", claim.old_class().or(claim.class()).into()),
                ("volumename", claim.volume().into()),
                ("volumemode", claim.mode().into()),
            ]);
        },
    )
    .stable()
    .essential(),
    gauge("kube_persistentvolumeclaim_status_phase", "The phase that the claim is in.", |row, out| {
        out.one_of("phase", &["Lost", "Bound", "Pending"], Claim(row).phase());
    })
    .stable()
    .essential(),
    gauge(
        "kube_persistentvolumeclaim_resource_requests_storage_bytes",
        "Bytes that the claim asks for.",
        |row, out| {
            out.maybe(Claim(row).requested().map(Quantity::value));
        },
    )
    .stable()
    .essential(),
    gauge(
        "kube_persistentvolumeclaim_access_mode",
        "Ways in which the claim asks to use its volume.",
        |row, out| {
            common::words(Claim(row).access_modes(), "access_mode", out);
        },
    )
    .stable()
    .essential(),
    gauge("kube_persistentvolumeclaim_status_condition", "Conditions of the claim.", |row, out| {
        common::conditions(Claim(row).conditions(), out);
    }),
    gauge(
        "kube_persistentvolumeclaim_created",
        "When the claim was created, in seconds since the epoch.",
        |row, out| {
            out.maybe(Claim(row).created());
        },
    ),
    gauge(
        "kube_persistentvolumeclaim_deletion_timestamp",
        "When the claim is to be gone, in seconds since the epoch.",
        |row, out| {
            out.maybe(Claim(row).deleted());
        },
    ),
];
