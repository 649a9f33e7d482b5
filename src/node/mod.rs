//! node_exporter: one file per collector.

mod arp;
mod bcache;
mod bonding;
mod btrfs;
mod buddyinfo;
mod conntrack;
mod cpu;
mod cpufreq;
mod diskstats;
mod dmi;
mod dmmultipath;
mod edac;
mod entropy;
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
mod loadavg;
mod mdadm;
mod meminfo;
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
#[cfg(test)]
mod testing;
#[cfg(test)]
mod testing;
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
    arp::COLLECTOR,
    bonding::COLLECTOR,
    conntrack::COLLECTOR,
    infiniband::COLLECTOR,
    ipvs::COLLECTOR,
    loadavg::COLLECTOR,
    meminfo::COLLECTOR,
    netclass::COLLECTOR,
    netdev::COLLECTOR,
    netstat::COLLECTOR,
    nfs::COLLECTOR,
    nfsd::COLLECTOR,
    sockstat::COLLECTOR,
    softnet::COLLECTOR,
    tcpstat::COLLECTOR,
    udp_queues::COLLECTOR,
];
