//! kube-state-metrics: one file per kind of object. A file declares what of an object is kept and the families that are
//! made of it; a new kind is a file and a line here.

mod admission;
mod certificatesigningrequests;
mod clusterrolebindings;
mod clusterroles;
mod common;
mod deployments;
mod endpoints;
mod endpointslices;
mod ingressclasses;
mod ingresses;
mod mutatingadmissionpolicies;
mod mutatingadmissionpolicybindings;
mod mutatingwebhookconfigurations;
mod networkpolicies;
mod persistentvolumeclaims;
mod persistentvolumes;
mod rbac;
mod rolebindings;
mod roles;
mod serviceaccounts;
mod services;
mod storageclasses;
mod validatingadmissionpolicies;
mod validatingadmissionpolicybindings;
mod validatingwebhookconfigurations;
mod volumeattachments;

use crate::records::Kind;

/// All kinds, by the names of their resources: the order of the output.
pub const KINDS: &[&Kind] = &[
    &certificatesigningrequests::KIND,
    &clusterrolebindings::KIND,
    &clusterroles::KIND,
    &deployments::KIND,
    &endpoints::KIND,
    &endpointslices::KIND,
    &ingressclasses::KIND,
    &ingresses::KIND,
    &mutatingadmissionpolicies::KIND,
    &mutatingadmissionpolicybindings::KIND,
    &mutatingwebhookconfigurations::KIND,
    &networkpolicies::KIND,
    &persistentvolumeclaims::KIND,
    &persistentvolumes::KIND,
    &rolebindings::KIND,
    &roles::KIND,
    &serviceaccounts::KIND,
    &services::KIND,
    &storageclasses::KIND,
    &validatingadmissionpolicies::KIND,
    &validatingadmissionpolicybindings::KIND,
    &validatingwebhookconfigurations::KIND,
    &volumeattachments::KIND,
];
