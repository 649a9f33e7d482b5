//! Policies that change objects before they are stored.

use super::{
    admission::{self, Policy},
    common,
};
use crate::records::kind::{Kind, SCRATCH_BYTES, gauge};
use crate::records::{Family, field::Schema as _};

pub const KIND: Kind = Kind {
    resource: "mutatingadmissionpolicies",
    name: "MutatingAdmissionPolicy",
    versions: admission::POLICY_VERSIONS,
    namespaced: false,
    default: true,
    fields: Policy::FIELDS,
    identity: |row, identity| common::namespaced(row, "mutatingadmissionpolicy", identity),
    families: FAMILIES,
    scratch_bytes: SCRATCH_BYTES,
};

const FAMILIES: &[Family] = &[
    gauge(
        "kube_mutatingadmissionpolicy_info",
        "What parameters the policy has, and what is done when it fails.",
        |row, out| {
            let policy = Policy(row);
            out.info(&[
                ("param_api_version", policy.param_api_version().into()),
                ("param_kind", policy.param_kind().into()),
                ("failure_policy", policy.failure_policy().into()),
                ("reinvocation_policy", policy.reinvocation_policy().into()),
            ]);
        },
    ),
    gauge(
        "kube_mutatingadmissionpolicy_created",
        "When the policy was created, in seconds since the epoch.",
        admission::policy_created,
    ),
];
