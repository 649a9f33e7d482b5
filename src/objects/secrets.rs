//! Secrets, without what is in them.

use super::common::{self, Owner};
use crate::record;
use crate::records::kind::{Kind, SCRATCH_BYTES, gauge};
use crate::records::{Family, field::Schema as _};

record! {
    /// What is kept of a secret. Its data is not.
    object Secret {
        created: Time = "metadata.creationTimestamp",
        version: Text = "metadata.resourceVersion",
        owners: List<Owner, 16> = "metadata.ownerReferences[]",
        labels: AllowedLabels = "metadata.labels",
        annotations: AllowedAnnotations = "metadata.annotations",
        kind: Name = "type",
    }
}

pub const KIND: Kind = Kind {
    resource: "secrets",
    name: "Secret",
    versions: &["v1"],
    namespaced: true,
    default: true,
    fields: Secret::FIELDS,
    identity: |row, identity| common::namespaced(row, "secret", identity),
    families: FAMILIES,
    scratch_bytes: SCRATCH_BYTES,
};

const FAMILIES: &[Family] = &[
    gauge("kube_secret_info", "The secret is there.", |_, out| {
        out.info(&[]);
    })
    .stable()
    .essential(),
    gauge("kube_secret_type", "Type of the secret.", |row, out| {
        out.info(&[("type", Secret(row).kind().into())]);
    })
    .stable(),
    gauge("kube_secret_annotations", "Annotations of the secret that are allowed.", |row, out| {
        out.allowed_annotations(Secret(row).annotations());
    }),
    gauge("kube_secret_labels", "Labels of the secret that are allowed.", |row, out| {
        out.allowed_labels(Secret(row).labels());
    })
    .stable(),
    gauge("kube_secret_created", "When the secret was created, in seconds since the epoch.", |row, out| {
        out.maybe(Secret(row).created());
    })
    .stable()
    .essential(),
    gauge("kube_secret_metadata_resource_version", "Version of the secret in the API server.", |row, out| {
        common::resource_version(Secret(row).version(), out);
    }),
    gauge("kube_secret_owner", "Owners of the secret.", |row, out| {
        common::owners(Secret(row).owners(), out);
    }),
];

#[cfg(test)]
mod tests {
    use super::super::{configmaps, secrets};

    #[test]
    fn nothing_secret_is_selected() {
        for kind in [secrets::KIND, configmaps::KIND] {
            for field in kind.fields {
                let top = field.path.split(['.', '[']).next();
                assert!(matches!(top, Some("metadata" | "type")), "{}: {}", kind.resource, field.path);
            }
        }
    }
}
