//! kube-state-metrics: one file per kind of object. A file declares what of an object is kept and the families that are
//! made of it; a new kind is a file and a line here.

mod common;
mod deployments;
pub mod telemetry;

use crate::records::Kind;

/// All kinds, by the names of their resources: the order of the output.
pub const KINDS: &[&Kind] = &[&deployments::KIND];
