//! Where policies that check objects are put to use.

use super::{
    admission::{self, Binding},
    common,
};
use crate::records::kind::{Kind, SCRATCH_BYTES, gauge};
use crate::records::{Family, field::Schema as _};

pub const KIND: Kind = Kind {
    resource: "validatingadmissionpolicybindings",
    name: "ValidatingAdmissionPolicyBinding",
    versions: admission::POLICY_VERSIONS,
    namespaced: false,
    default: true,
    fields: Binding::FIELDS,
    identity: |row, identity| common::namespaced(row, "validatingadmissionpolicybinding", identity),
    families: FAMILIES,
    scratch_bytes: SCRATCH_BYTES,
};

const FAMILIES: &[Family] = &[
    gauge(
        "kube_validatingadmissionpolicybinding_info",
        "The policy that the binding puts to use, and its parameters.",
        admission::binding_info,
    ),
    gauge(
        "kube_validatingadmissionpolicybinding_created",
        "When the binding was created, in seconds since the epoch.",
        admission::binding_created,
    ),
    gauge(
        "kube_validatingadmissionpolicybinding_validation_action",
        "What is done with objects that do not pass.",
        |row, out| {
            common::words(Binding(row).actions(), "action", out);
        },
    ),
];
