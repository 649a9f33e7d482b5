//! Accounts of what runs in pods.

use super::common::{self, Named};
use crate::record;
use crate::records::kind::{Kind, SCRATCH_BYTES, gauge};
use crate::records::{Family, field::Schema as _};

record! {
    /// What is kept of an account.
    object Account {
        created: Time = "metadata.creationTimestamp",
        deleted: Time = "metadata.deletionTimestamp",
        labels: AllowedLabels = "metadata.labels",
        annotations: AllowedAnnotations = "metadata.annotations",
        automount: Flag = "automountServiceAccountToken",
        secrets: List<Named, 128> = "secrets[]",
        pull_secrets: List<Named, 128> = "imagePullSecrets[]",
    }
}

pub const KIND: Kind = Kind {
    resource: "serviceaccounts",
    name: "ServiceAccount",
    versions: &["v1"],
    namespaced: true,
    default: false,
    fields: Account::FIELDS,
    identity: |row, identity| {
        common::namespaced(row, "serviceaccount", identity);
        identity.label("uid", Account(row).uid());
    },
    families: FAMILIES,
    scratch_bytes: SCRATCH_BYTES,
};

const FAMILIES: &[Family] = &[
    gauge("kube_serviceaccount_info", "Are pods of the account given its token?", |row, out| {
        out.info(&[("automount_token", Account(row).automount().into())]);
    }),
    gauge(
        "kube_serviceaccount_created",
        "When the account was created, in seconds since the epoch.",
        |row, out| {
            out.maybe(Account(row).created());
        },
    ),
    gauge(
        "kube_serviceaccount_deleted",
        "When the account is to be gone, in seconds since the epoch.",
        |row, out| {
            out.maybe(Account(row).deleted());
        },
    ),
    gauge("kube_serviceaccount_secret", "Secrets that pods of the account may use.", |row, out| {
        common::names(Account(row).secrets(), out);
    }),
    gauge(
        "kube_serviceaccount_image_pull_secret",
        "Secrets with which images for the account's pods are pulled.",
        |row, out| {
            common::names(Account(row).pull_secrets(), out);
        },
    ),
    gauge("kube_serviceaccount_annotations", "Annotations of the account that are allowed.", |row, out| {
        out.allowed_annotations(Account(row).annotations());
    }),
    gauge("kube_serviceaccount_labels", "Labels of the account that are allowed.", |row, out| {
        out.allowed_labels(Account(row).labels());
    }),
];
