//! node_exporter: one file per collector.

mod buddyinfo;
mod cpu;
mod cpufreq;
mod entropy;
mod filefd;
mod interrupts;
mod kernel_hung;
mod ksmd;
mod bcache;
mod btrfs;
mod diskstats;
mod dmmultipath;
mod fibrechannel;
mod filesystem;
mod loadavg;
mod mdadm;
mod meminfo;
mod meminfo_numa;
mod pressure;
mod processes;
mod schedstat;
mod selinux;
mod slabinfo;
mod softirqs;
mod stat;
#[cfg(test)]
mod testing;
mod vmstat;
mod zoneinfo;
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
mod nvme;
mod tapestats;
#[cfg(test)]
mod testing;
mod textfile;
mod xfs;
mod zfs;

use crate::collect::Collector;

/// Every collector, in the order of the output.
pub const COLLECTORS: &[Collector] = &[
    buddyinfo::COLLECTOR,
    cpu::COLLECTOR,
    cpufreq::COLLECTOR,
    entropy::COLLECTOR,
    filefd::COLLECTOR,
    interrupts::COLLECTOR,
    kernel_hung::COLLECTOR,
    ksmd::COLLECTOR,
    loadavg::COLLECTOR,
    meminfo::COLLECTOR,
    meminfo_numa::COLLECTOR,
    pressure::COLLECTOR,
    processes::COLLECTOR,
    schedstat::COLLECTOR,
    selinux::COLLECTOR,
    slabinfo::COLLECTOR,
    softirqs::COLLECTOR,
    stat::COLLECTOR,
    vmstat::COLLECTOR,
    zoneinfo::COLLECTOR,
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
    bcache::COLLECTOR,
    btrfs::COLLECTOR,
    diskstats::COLLECTOR,
    dmmultipath::COLLECTOR,
    fibrechannel::COLLECTOR,
    filesystem::COLLECTOR,
    loadavg::COLLECTOR,
    mdadm::COLLECTOR,
    meminfo::COLLECTOR,
    nvme::COLLECTOR,
    tapestats::COLLECTOR,
    textfile::COLLECTOR,
    xfs::COLLECTOR,
    zfs::COLLECTOR,
];
