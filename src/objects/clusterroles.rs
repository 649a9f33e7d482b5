//! Roles for the whole cluster of `rbac.authorization.k8s.io`.

use super::{
    common,
    rbac::{self, Role},
};
use crate::records::kind::{Kind, SCRATCH_BYTES, gauge};
use crate::records::{Family, field::Schema as _};

pub const KIND: Kind = Kind {
    resource: "clusterroles",
    name: "ClusterRole",
    versions: rbac::VERSIONS,
    namespaced: false,
    default: false,
    fields: Role::FIELDS,
    identity: |row, identity| common::cluster_wide(row, "clusterrole", identity),
    families: FAMILIES,
    scratch_bytes: SCRATCH_BYTES,
};

const FAMILIES: &[Family] = &[
    gauge("kube_clusterrole_annotations", "Annotations of the role that are allowed.", |row, out| {
        out.allowed_annotations(Role(row).annotations());
    }),
    gauge("kube_clusterrole_labels", "Labels of the role that are allowed.", |row, out| {
        out.allowed_labels(Role(row).labels());
    }),
    gauge("kube_clusterrole_info", "1 for each role for the whole cluster.", |_, out| out.info(&[])),
    gauge(
        "kube_clusterrole_created",
        "When the role was created, in seconds since the epoch.",
        |row, out| {
            out.maybe(Role(row).created());
        },
    ),
    gauge(
        "kube_clusterrole_metadata_resource_version",
        "Version of the role, where it is a number.",
        rbac::role_version,
    ),
];
