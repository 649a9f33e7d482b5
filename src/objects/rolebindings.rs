//! Bindings of roles of `rbac.authorization.k8s.io`.

use super::{
    common,
    rbac::{self, Binding},
};
use crate::records::kind::{Kind, SCRATCH_BYTES, gauge};
use crate::records::{Family, field::Schema as _};

pub const KIND: Kind = Kind {
    resource: "rolebindings",
    name: "RoleBinding",
    versions: rbac::VERSIONS,
    namespaced: true,
    default: false,
    fields: Binding::FIELDS,
    identity: |row, identity| common::namespaced(row, "rolebinding", identity),
    families: FAMILIES,
    scratch_bytes: SCRATCH_BYTES,
};

const FAMILIES: &[Family] = &[
    gauge("kube_rolebinding_annotations", "Annotations of the binding that are allowed.", |row, out| {
        out.allowed_annotations(Binding(row).annotations());
    }),
    gauge("kube_rolebinding_labels", "Labels of the binding that are allowed.", |row, out| {
        out.allowed_labels(Binding(row).labels());
    }),
    gauge("kube_rolebinding_info", "The role that is bound.", rbac::bound_role),
    gauge(
        "kube_rolebinding_created",
        "When the binding was created, in seconds since the epoch.",
        |row, out| {
            out.maybe(Binding(row).created());
        },
    ),
    gauge(
        "kube_rolebinding_metadata_resource_version",
        "Version of the binding, where it is a number.",
        rbac::binding_version,
    ),
];
