//! Requests to sign certificates, of `certificates.k8s.io`.

use super::common;
use crate::expo::lines::Lines;
use crate::record;
use crate::records::kind::{Kind, SCRATCH_BYTES, gauge};
use crate::records::{Family, Row, field::Schema as _};

record! {
    /// A condition of a request; that it is there means that it is met.
    struct Condition {
        kind: Name = "type",
    }
}

record! {
    /// What is kept of a request.
    object Request {
        created: Time = "metadata.creationTimestamp",
        labels: AllowedLabels = "metadata.labels",
        annotations: AllowedAnnotations = "metadata.annotations",
        signer: Name = "spec.signerName",
        conditions: List<Condition, 16> = "status.conditions[]",
        certificate: Decoded = "status.certificate",
    }
}

pub const KIND: Kind = Kind {
    resource: "certificatesigningrequests",
    name: "CertificateSigningRequest",
    versions: &["certificates.k8s.io/v1", "certificates.k8s.io/v1beta1"],
    namespaced: false,
    default: true,
    fields: Request::FIELDS,
    identity: |row, identity| {
        common::cluster_wide(row, "certificatesigningrequest", identity);
        identity.label("signer_name", Request(row).signer());
    },
    families: FAMILIES,
    scratch_bytes: SCRATCH_BYTES,
};

const FAMILIES: &[Family] = &[
    gauge(
        "kube_certificatesigningrequest_annotations",
        "Annotations of the request that are allowed.",
        |row, out| {
            out.allowed_annotations(Request(row).annotations());
        },
    ),
    gauge("kube_certificatesigningrequest_labels", "Labels of the request that are allowed.", |row, out| {
        out.allowed_labels(Request(row).labels());
    })
    .stable(),
    gauge(
        "kube_certificatesigningrequest_created",
        "When the request was created, in seconds since the epoch.",
        |row, out| {
            out.maybe(Request(row).created());
        },
    )
    .stable(),
    gauge(
        "kube_certificatesigningrequest_condition",
        "How often the request was approved, denied, and has failed.",
        condition,
    )
    .stable(),
    gauge(
        "kube_certificatesigningrequest_cert_length",
        "Bytes of the certificate that was made.",
        |row, out| {
            out.value(Request(row).certificate());
        },
    )
    .stable(),
];

fn condition(row: Row<'_>, out: &mut Lines<'_, '_>) {
    const KINDS: [(&str, &[u8]); 3] =
        [("approved", b"Approved"), ("denied", b"Denied"), ("failed", b"Failed")];
    for (label, kind) in KINDS {
        let conditions = Request(row).conditions().iter();
        let count =
            conditions.filter(|condition| condition.kind() == Some(kind)).fold(0_u32, |count, _| count + 1);
        out.sample(&[("condition", label.into())], count);
    }
}
