//! Roles of `rbac.authorization.k8s.io`.

use super::{
    common,
    rbac::{self, Role},
};
use crate::records::kind::{Kind, SCRATCH_BYTES, gauge};
use crate::records::{Family, field::Schema as _};

pub const KIND: Kind = Kind {
    resource: "roles",
    name: "Role",
    versions: rbac::VERSIONS,
    namespaced: true,
    default: false,
    fields: Role::FIELDS,
    identity: |row, identity| common::namespaced(row, "role", identity),
    families: FAMILIES,
    scratch_bytes: SCRATCH_BYTES,
};

const FAMILIES: &[Family] = &[
    gauge("kube_role_annotations", "Annotations of the role that are allowed.", |row, out| {
        out.allowed_annotations(Role(row).annotations());
    }),
    gauge("kube_role_labels", "Labels of the role that are allowed.", |row, out| {
        out.allowed_labels(Role(row).labels());
    }),
    gauge("kube_role_info", "1 for each role.", |_, out| out.info(&[])),
    gauge("kube_role_created", "When the role was created, in seconds since the epoch.", |row, out| {
        out.maybe(Role(row).created());
    }),
    gauge(
        "kube_role_metadata_resource_version",
        "Version of the role, where it is a number.",
        rbac::role_version,
    ),
];
