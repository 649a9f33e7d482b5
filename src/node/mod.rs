//! node_exporter: one file per collector.

mod bcache;
mod btrfs;
mod buddyinfo;
mod cpu;
mod cpufreq;
mod diskstats;
mod dmi;
mod dmmultipath;
mod edac;
mod entropy;
mod exporter;
mod fibrechannel;
mod filefd;
mod filesystem;
mod hwmon;
mod interrupts;
mod kernel_hung;
mod ksmd;
mod loadavg;
mod mdadm;
mod meminfo;
mod meminfo_numa;
mod nvme;
mod os;
mod powersupplyclass;
mod pressure;
mod processes;
mod rapl;
mod schedstat;
mod selinux;
mod slabinfo;
mod softirqs;
mod stat;
mod tapestats;
#[cfg(test)]
mod testing;
mod textfile;
mod thermal_zone;
mod time;
mod timex;
mod uname;
mod vmstat;
mod watchdog;
mod xfs;
mod zfs;
mod zoneinfo;

pub use exporter::REPORT;

use crate::collect::Collector;

/// Every collector, in the order of the output.
pub const COLLECTORS: &[Collector] = &[
    bcache::COLLECTOR,
    btrfs::COLLECTOR,
    buddyinfo::COLLECTOR,
    cpu::COLLECTOR,
    cpufreq::COLLECTOR,
    diskstats::COLLECTOR,
    dmi::COLLECTOR,
    dmmultipath::COLLECTOR,
    edac::COLLECTOR,
    entropy::COLLECTOR,
    fibrechannel::COLLECTOR,
    filefd::COLLECTOR,
    filesystem::COLLECTOR,
    hwmon::COLLECTOR,
    interrupts::COLLECTOR,
    kernel_hung::COLLECTOR,
    ksmd::COLLECTOR,
    loadavg::COLLECTOR,
    mdadm::COLLECTOR,
    meminfo::COLLECTOR,
    meminfo_numa::COLLECTOR,
    nvme::COLLECTOR,
    os::COLLECTOR,
    powersupplyclass::COLLECTOR,
    pressure::COLLECTOR,
    processes::COLLECTOR,
    rapl::COLLECTOR,
    schedstat::COLLECTOR,
    selinux::COLLECTOR,
    slabinfo::COLLECTOR,
    softirqs::COLLECTOR,
    stat::COLLECTOR,
    tapestats::COLLECTOR,
    textfile::COLLECTOR,
    thermal_zone::COLLECTOR,
    time::COLLECTOR,
    timex::COLLECTOR,
    uname::COLLECTOR,
    vmstat::COLLECTOR,
    watchdog::COLLECTOR,
    xfs::COLLECTOR,
    zfs::COLLECTOR,
    zoneinfo::COLLECTOR,
];
