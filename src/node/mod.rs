//! node_exporter: one file per collector.

mod loadavg;
mod meminfo;
#[cfg(test)]
mod testing;

use crate::collect::Collector;

/// Every collector, in the order of the output.
pub const COLLECTORS: &[Collector] = &[loadavg::COLLECTOR, meminfo::COLLECTOR];
