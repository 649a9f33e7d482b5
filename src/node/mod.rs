//! node_exporter: one file per collector.

mod arp;
mod bcache;
mod bonding;
mod btrfs;
mod buddyinfo;
mod conntrack;
mod cpu;
mod cpufreq;
mod device;
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
mod infiniband;
mod interrupts;
mod ipvs;
mod kernel_hung;
mod ksmd;
mod loadavg;
mod mdadm;
mod meminfo;
mod meminfo_numa;
mod netclass;
mod netdev;
mod netstat;
mod nfs;
mod nfsd;
mod nvme;
mod os;
mod powersupplyclass;
mod pressure;
mod processes;
mod rapl;
mod schedstat;
mod selinux;
mod slabinfo;
mod sockstat;
mod softirqs;
mod softnet;
mod stat;
mod tapestats;
mod tcpstat;
#[cfg(test)]
mod testing;
mod textfile;
mod thermal_zone;
mod time;
mod timex;
mod udp_queues;
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
    arp::COLLECTOR,
    bcache::COLLECTOR,
    bonding::COLLECTOR,
    btrfs::COLLECTOR,
    buddyinfo::COLLECTOR,
    conntrack::COLLECTOR,
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
    infiniband::COLLECTOR,
    interrupts::COLLECTOR,
    ipvs::COLLECTOR,
    kernel_hung::COLLECTOR,
    ksmd::COLLECTOR,
    loadavg::COLLECTOR,
    mdadm::COLLECTOR,
    meminfo::COLLECTOR,
    meminfo_numa::COLLECTOR,
    netclass::COLLECTOR,
    netdev::COLLECTOR,
    netstat::COLLECTOR,
    nfs::COLLECTOR,
    nfsd::COLLECTOR,
    nvme::COLLECTOR,
    os::COLLECTOR,
    powersupplyclass::COLLECTOR,
    pressure::COLLECTOR,
    processes::COLLECTOR,
    rapl::COLLECTOR,
    schedstat::COLLECTOR,
    selinux::COLLECTOR,
    slabinfo::COLLECTOR,
    sockstat::COLLECTOR,
    softirqs::COLLECTOR,
    softnet::COLLECTOR,
    stat::COLLECTOR,
    tapestats::COLLECTOR,
    tcpstat::COLLECTOR,
    textfile::COLLECTOR,
    thermal_zone::COLLECTOR,
    time::COLLECTOR,
    timex::COLLECTOR,
    udp_queues::COLLECTOR,
    uname::COLLECTOR,
    vmstat::COLLECTOR,
    watchdog::COLLECTOR,
    xfs::COLLECTOR,
    zfs::COLLECTOR,
    zoneinfo::COLLECTOR,
];
