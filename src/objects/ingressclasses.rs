//! Classes of ingresses, of `networking.k8s.io`.

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
        controller: Name = "spec.controller",
    }
}

pub const KIND: Kind = Kind {
    resource: "ingressclasses",
    name: "IngressClass",
    versions: &["networking.k8s.io/v1", "networking.k8s.io/v1beta1"],
    namespaced: false,
    default: false,
    fields: Class::FIELDS,
    identity: |row, identity| common::cluster_wide(row, "ingressclass", identity),
    families: FAMILIES,
    scratch_bytes: SCRATCH_BYTES,
};

const FAMILIES: &[Family] = &[
    gauge("kube_ingressclass_info", "The controller of the class.", |row, out| {
        out.info(&[("controller", Class(row).controller().into())]);
    }),
    gauge(
        "kube_ingressclass_created",
        "When the class was created, in seconds since the epoch.",
        |row, out| {
            out.maybe(Class(row).created());
        },
    ),
    gauge("kube_ingressclass_annotations", "Annotations of the class that are allowed.", |row, out| {
        out.allowed_annotations(Class(row).annotations());
    }),
    gauge("kube_ingressclass_labels", "Labels of the class that are allowed.", |row, out| {
        out.allowed_labels(Class(row).labels());
    }),
];
