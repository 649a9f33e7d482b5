//! node_exporter: one file per collector.

mod cpu;
mod cpufreq;
mod entropy;
mod filefd;
mod kernel_hung;
mod ksmd;
mod loadavg;
mod meminfo;
mod pressure;
mod schedstat;
mod selinux;
mod stat;
#[cfg(test)]
mod testing;
mod vmstat;

use crate::collect::Collector;

/// Every collector, in the order of the output.
pub const COLLECTORS: &[Collector] = &[
    cpu::COLLECTOR,
    cpufreq::COLLECTOR,
    entropy::COLLECTOR,
    filefd::COLLECTOR,
    kernel_hung::COLLECTOR,
    ksmd::COLLECTOR,
    loadavg::COLLECTOR,
    meminfo::COLLECTOR,
    pressure::COLLECTOR,
    schedstat::COLLECTOR,
    selinux::COLLECTOR,
    stat::COLLECTOR,
    vmstat::COLLECTOR,
];
