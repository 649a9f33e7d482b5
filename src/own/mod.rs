//! Metrics about trimeter itself, and process_* of the agent.

pub mod kube;
mod process;
mod report;

pub use report::{Answer, Numbers, TABLES, TABLES_MAX, View, fill};

use crate::collect::Collector;

/// Collectors of the agent's own process.
pub const COLLECTORS: &[Collector] = &[process::COLLECTOR];
