//! Where policies that change objects are put to use.

use super::{
    admission::{self, Binding},
    common,
};
use crate::records::kind::{Kind, SCRATCH_BYTES, gauge};
use crate::records::{Family, field::Schema as _};

pub const KIND: Kind = Kind {
    resource: "mutatingadmissionpolicybindings",
    name: "MutatingAdmissionPolicyBinding",
    versions: admission::POLICY_VERSIONS,
    namespaced: false,
    default: true,
    fields: Binding::FIELDS,
    identity: |row, identity| common::namespaced(row, "mutatingadmissionpolicybinding", identity),
    families: FAMILIES,
    scratch_bytes: SCRATCH_BYTES,
};

const FAMILIES: &[Family] = &[
    gauge(
        "kube_mutatingadmissionpolicybinding_info",
        "The policy that the binding puts to use, and its parameters.",
        admission::binding_info,
    ),
    gauge(
        "kube_mutatingadmissionpolicybinding_created",
        "When the binding was created, in seconds since the epoch.",
        admission::binding_created,
    ),
];
