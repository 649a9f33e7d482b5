//! Bindings of roles for the whole cluster of `rbac.authorization.k8s.io`.

use super::{
    common,
    rbac::{self, Binding},
};
use crate::records::kind::{Kind, SCRATCH_BYTES, gauge};
use crate::records::{Family, field::Schema as _};

pub const KIND: Kind = Kind {
    resource: "clusterrolebindings",
    name: "ClusterRoleBinding",
    versions: rbac::VERSIONS,
    namespaced: false,
    default: false,
    fields: Binding::FIELDS,
    identity: |row, identity| common::cluster_wide(row, "clusterrolebinding", identity),
    families: FAMILIES,
    scratch_bytes: SCRATCH_BYTES,
};

const FAMILIES: &[Family] = &[
    gauge(
        "kube_clusterrolebinding_annotations",
        "Annotations of the binding that are allowed.",
        |row, out| {
            out.allowed_annotations(Binding(row).annotations());
        },
    ),
    gauge("kube_clusterrolebinding_labels", "Labels of the binding that are allowed.", |row, out| {
        out.allowed_labels(Binding(row).labels());
    }),
    gauge("kube_clusterrolebinding_info", "The role that is bound.", rbac::bound_role),
    gauge(
        "kube_clusterrolebinding_created",
        "When the binding was created, in seconds since the epoch.",
        |row, out| {
            out.maybe(Binding(row).created());
        },
    ),
    gauge(
        "kube_clusterrolebinding_metadata_resource_version",
        "Version of the binding, where it is a number.",
        rbac::binding_version,
    ),
];
