//! Classes of storage, of `storage.k8s.io`.

use super::common;
use crate::record;
use crate::records::kind::{Kind, SCRATCH_BYTES, gauge};
use crate::records::{Family, field::Schema as _};

record! {
    /// What is kept of a class.
    object Class {
        created: Time = "metadata.creationTimestamp",
        labels: AllowedLabels = "metadata.labels",
        annotations: AllowedAnnotations = "metadata.annotations",
        provisioner: Name = "provisioner",
        reclaim_policy: Name = "reclaimPolicy",
        binding_mode: Name = "volumeBindingMode",
    }
}

pub const KIND: Kind = Kind {
    resource: "storageclasses",
    name: "StorageClass",
    versions: &["storage.k8s.io/v1", "storage.k8s.io/v1beta1"],
    namespaced: false,
    default: true,
    fields: Class::FIELDS,
    identity: |row, identity| common::cluster_wide(row, "storageclass", identity),
    families: FAMILIES,
    scratch_bytes: SCRATCH_BYTES,
};

const FAMILIES: &[Family] = &[
    gauge(
        "kube_storageclass_info",
        "Who makes volumes of the class, when they are bound, and what becomes of them.",
        |row, out| {
            let class = Class(row);
            out.info(&[
                ("provisioner", class.provisioner().into()),
                ("reclaim_policy", class.reclaim_policy().unwrap_or(b"Delete").into()),
                ("volume_binding_mode", class.binding_mode().unwrap_or(b"Immediate").into()),
            ]);
        },
    )
    .stable()
    .essential(),
    gauge(
        "kube_storageclass_created",
        "When the class was created, in seconds since the epoch.",
        |row, out| {
            out.maybe(Class(row).created());
        },
    )
    .stable()
    .essential(),
    gauge("kube_storageclass_annotations", "Annotations of the class that are allowed.", |row, out| {
        out.allowed_annotations(Class(row).annotations());
    }),
    gauge("kube_storageclass_labels", "Labels of the class that are allowed.", |row, out| {
        out.allowed_labels(Class(row).labels());
    })
    .stable(),
];
