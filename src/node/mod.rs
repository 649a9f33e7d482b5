//! node_exporter: one file per collector.

mod dmi;
mod edac;
mod hwmon;
mod loadavg;
mod meminfo;
mod os;
mod powersupplyclass;
mod rapl;
#[cfg(test)]
mod testing;
mod thermal_zone;
mod time;
mod timex;
mod uname;
mod watchdog;

use crate::collect::Collector;

/// Every collector, in the order of the output.
pub const COLLECTORS: &[Collector] = &[
    dmi::COLLECTOR,
    edac::COLLECTOR,
    hwmon::COLLECTOR,
    loadavg::COLLECTOR,
    meminfo::COLLECTOR,
    os::COLLECTOR,
    powersupplyclass::COLLECTOR,
    rapl::COLLECTOR,
    thermal_zone::COLLECTOR,
    time::COLLECTOR,
    timex::COLLECTOR,
    uname::COLLECTOR,
    watchdog::COLLECTOR,
];
