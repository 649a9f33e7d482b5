//! kube-state-metrics: one file per kind of object. A file declares what of an object is kept and the families that are
//! made of it; a new kind is a file and a line here.

mod admission;
mod certificatesigningrequests;
mod clusterrolebindings;
mod clusterroles;
mod common;
mod configmaps;
mod cronjobs;
mod daemonsets;
mod deployments;
mod endpoints;
mod endpointslices;
mod horizontalpodautoscalers;
mod ingressclasses;
mod ingresses;
mod jobs;
mod leases;
mod limitranges;
mod mutatingadmissionpolicies;
mod mutatingadmissionpolicybindings;
mod mutatingwebhookconfigurations;
mod namespaces;
mod networkpolicies;
mod nodes;
mod persistentvolumeclaims;
mod persistentvolumes;
mod poddisruptionbudgets;
pub mod pods;
mod rbac;
mod replicasets;
mod replicationcontrollers;
mod resourcequotas;
mod rolebindings;
mod roles;
mod secrets;
mod serviceaccounts;
mod services;
mod statefulsets;
mod storageclasses;
pub mod telemetry;
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
    &configmaps::KIND,
    &cronjobs::KIND,
    &daemonsets::KIND,
    &deployments::KIND,
    &endpoints::KIND,
    &endpointslices::KIND,
    &horizontalpodautoscalers::KIND,
    &ingressclasses::KIND,
    &ingresses::KIND,
    &jobs::KIND,
    &leases::KIND,
    &limitranges::KIND,
    &mutatingadmissionpolicies::KIND,
    &mutatingadmissionpolicybindings::KIND,
    &mutatingwebhookconfigurations::KIND,
    &namespaces::KIND,
    &networkpolicies::KIND,
    &nodes::KIND,
    &persistentvolumeclaims::KIND,
    &persistentvolumes::KIND,
    &poddisruptionbudgets::KIND,
    &pods::KIND,
    &replicasets::KIND,
    &replicationcontrollers::KIND,
    &resourcequotas::KIND,
    &rolebindings::KIND,
    &roles::KIND,
    &secrets::KIND,
    &serviceaccounts::KIND,
    &services::KIND,
    &statefulsets::KIND,
    &storageclasses::KIND,
    &validatingadmissionpolicies::KIND,
    &validatingadmissionpolicybindings::KIND,
    &validatingwebhookconfigurations::KIND,
    &volumeattachments::KIND,
];
