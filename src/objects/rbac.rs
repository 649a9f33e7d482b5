//! What roles and their bindings have in common, with and without a namespace.

use super::common;
use crate::expo::lines::Lines;
use crate::record;
use crate::records::Row;

record! {
    /// What is kept of a role.
    pub object Role {
        created: Time = "metadata.creationTimestamp",
        version: Text = "metadata.resourceVersion",
        labels: AllowedLabels = "metadata.labels",
        annotations: AllowedAnnotations = "metadata.annotations",
    }
}

record! {
    /// What is kept of a binding.
    pub object Binding {
        created: Time = "metadata.creationTimestamp",
        version: Text = "metadata.resourceVersion",
        labels: AllowedLabels = "metadata.labels",
        annotations: AllowedAnnotations = "metadata.annotations",
        role_kind: Name = "roleRef.kind",
        role_name: Name = "roleRef.name",
    }
}

/// Group versions that serve them.
pub const VERSIONS: &[&str] = &["rbac.authorization.k8s.io/v1", "rbac.authorization.k8s.io/v1beta1"];

/// A role's version, if it is a number.
pub fn role_version(row: Row<'_>, out: &mut Lines<'_, '_>) {
    common::resource_version(Role(row).version(), out);
}

/// A binding's version, if it is a number.
pub fn binding_version(row: Row<'_>, out: &mut Lines<'_, '_>) {
    common::resource_version(Binding(row).version(), out);
}

/// The role that a binding gives.
pub fn bound_role(row: Row<'_>, out: &mut Lines<'_, '_>) {
    let binding = Binding(row);
    out.info(&[("roleref_kind", binding.role_kind().into()), ("roleref_name", binding.role_name().into())]);
}
