//! kube-state-metrics: one file per kind of object. A file declares what of an object is kept and the families that are
//! made of it; a new kind is a file and a line here.

mod common;
mod configmaps;
mod cronjobs;
mod daemonsets;
mod deployments;
mod horizontalpodautoscalers;
mod jobs;
mod leases;
mod limitranges;
mod namespaces;
mod poddisruptionbudgets;
mod replicasets;
mod replicationcontrollers;
mod resourcequotas;
mod secrets;
mod statefulsets;
pub mod telemetry;

use crate::records::Kind;

/// All kinds, by the names of their resources: the order of the output.
pub const KINDS: &[&Kind] = &[
    &configmaps::KIND,
    &cronjobs::KIND,
    &daemonsets::KIND,
    &deployments::KIND,
    &horizontalpodautoscalers::KIND,
    &jobs::KIND,
    &leases::KIND,
    &limitranges::KIND,
    &namespaces::KIND,
    &poddisruptionbudgets::KIND,
    &replicasets::KIND,
    &replicationcontrollers::KIND,
    &resourcequotas::KIND,
    &secrets::KIND,
    &statefulsets::KIND,
];
