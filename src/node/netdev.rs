//! Traffic of network devices: RTM_GETLINK, or `/proc/net/dev` where netlink speaks of another machine.

use crate::base::text::Text;
use crate::collect::{Collect, Collector, Pass, Setup, Trouble};
use crate::family::{Family, Table, check, counter, gauge};
use crate::filter::NameFilter;
use crate::flags::{Flag, FlagKind};
use crate::io::links::{Link, SharedLinks};
use crate::io::{Dump, Root};
use crate::store::RowOut;
use crate::text::attributes::{attributes, number32};
use crate::text::netdev::{COLUMNS, devices};
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub const COLLECTOR: Collector = Collector {
    name: "netdev",
    default: true,
    files: &[],
    tables: &[
        Table::rows("netdev", |limits| limits.net_devices, DEVICE_LABEL_BYTES, FAMILIES),
        Table::rows("netdev_detailed", |limits| limits.net_devices, DEVICE_LABEL_BYTES, DETAILED),
        Table::rows("netdev_addresses", |limits| limits.net_devices, 192, ADDRESSES),
    ],
    flags: FLAGS,
    make: |setup| Box::new(NetDev::new(setup)),
};

/// `device="…"`: a name has at most 15 bytes, each of which may need an escape or a mark.
pub(super) const DEVICE_LABEL_BYTES: u16 = 64;

const INCLUDE: &str = "collector.netdev.device-include";
const EXCLUDE: &str = "collector.netdev.device-exclude";

const FLAGS: &[Flag] = &[
    Flag {
        name: "collector.netdev.netlink",
        kind: FlagKind::Bool,
        default: "true",
        help: "Ask netlink for traffic counters instead of /proc/net/dev.",
    },
    Flag {
        name: INCLUDE,
        kind: FlagKind::Regex,
        default: "",
        help: "Network devices whose traffic is served; not together with device-exclude.",
    },
    Flag {
        name: EXCLUDE,
        kind: FlagKind::Regex,
        default: "",
        help: "Network devices whose traffic is not served.",
    },
    Flag {
        name: "collector.netdev.device-whitelist",
        kind: FlagKind::Alias { of: INCLUDE, words: &[] },
        default: "",
        help: "",
    },
    Flag {
        name: "collector.netdev.device-blacklist",
        kind: FlagKind::Alias { of: EXCLUDE, words: &[] },
        default: "",
        help: "",
    },
    Flag {
        name: "collector.netdev.address-info",
        kind: FlagKind::Bool,
        default: "false",
        help: "Serve the addresses of network devices.",
    },
    Flag {
        name: "collector.netdev.enable-detailed-metrics",
        kind: FlagKind::Bool,
        default: "false",
        help: "Serve error counters one by one, under other names than usual.",
    },
];

const FAMILIES: &[Family] = &[
    traffic("receive_packets", "node_network_receive_packets_total", "Packets received."),
    traffic("transmit_packets", "node_network_transmit_packets_total", "Packets sent."),
    traffic("receive_bytes", "node_network_receive_bytes_total", "Bytes received."),
    traffic("transmit_bytes", "node_network_transmit_bytes_total", "Bytes sent."),
    traffic("receive_compressed", "node_network_receive_compressed_total", "Compressed packets received."),
    traffic("transmit_compressed", "node_network_transmit_compressed_total", "Compressed packets sent."),
    traffic(
        "receive_nohandler",
        "node_network_receive_nohandler_total",
        "Packets of a protocol nobody wants.",
    ),
    traffic("receive_errs", "node_network_receive_errs_total", "Bad packets received."),
    traffic("transmit_errs", "node_network_transmit_errs_total", "Packets that could not be sent."),
    traffic("receive_drop", "node_network_receive_drop_total", "Good packets received and not kept."),
    traffic("transmit_drop", "node_network_transmit_drop_total", "Packets dropped before they were sent."),
    traffic("receive_multicast", "node_network_receive_multicast_total", "Multicast packets received."),
    traffic("transmit_colls", "node_network_transmit_colls_total", "Collisions while sending."),
    traffic(
        "receive_frame",
        "node_network_receive_frame_total",
        "Frames of wrong length, checksum or alignment.",
    ),
    traffic("receive_fifo", "node_network_receive_fifo_total", "Overruns of the receive queue."),
    traffic(
        "transmit_carrier",
        "node_network_transmit_carrier_total",
        "Sending given up: carrier, window, heartbeat.",
    ),
    traffic("transmit_fifo", "node_network_transmit_fifo_total", "Underruns of the send queue."),
];
const _: () = check(FAMILIES);

/// Families that only the flag for detailed metrics switches on; whoever sets it wants them in every profile.
const DETAILED: &[Family] = &[
    detail("receive_errors", "node_network_receive_errors_total", "Bad packets received."),
    detail("transmit_errors", "node_network_transmit_errors_total", "Packets that could not be sent."),
    detail("receive_dropped", "node_network_receive_dropped_total", "Packets the stack had no room for."),
    detail(
        "transmit_dropped",
        "node_network_transmit_dropped_total",
        "Packets dropped before they were sent.",
    ),
    detail("multicast", "node_network_multicast_total", "Multicast packets received."),
    detail("collisions", "node_network_collisions_total", "Collisions while sending."),
    detail("receive_length_errors", "node_network_receive_length_errors_total", "Frames of wrong length."),
    detail("receive_over_errors", "node_network_receive_over_errors_total", "Overruns of the receive ring."),
    detail("receive_crc_errors", "node_network_receive_crc_errors_total", "Frames with a wrong checksum."),
    detail("receive_frame_errors", "node_network_receive_frame_errors_total", "Misaligned frames."),
    detail("receive_fifo_errors", "node_network_receive_fifo_errors_total", "Overruns of the receive queue."),
    detail(
        "receive_missed_errors",
        "node_network_receive_missed_errors_total",
        "Packets the device had no room for.",
    ),
    detail("transmit_aborted_errors", "node_network_transmit_aborted_errors_total", "Sending aborted."),
    detail(
        "transmit_carrier_errors",
        "node_network_transmit_carrier_errors_total",
        "Carrier lost while sending.",
    ),
    detail("transmit_fifo_errors", "node_network_transmit_fifo_errors_total", "Underruns of the send queue."),
    detail("transmit_heartbeat_errors", "node_network_transmit_heartbeat_errors_total", "Heartbeat lost."),
    detail(
        "transmit_window_errors",
        "node_network_transmit_window_errors_total",
        "Collisions that came too late.",
    ),
];
const _: () = check(DETAILED);

const ADDRESSES: &[Family] =
    &[gauge("node_network_address_info", "Addresses of a network device; always 1.").key("info")];
const _: () = check(ADDRESSES);

const fn traffic(key: &'static str, name: &'static str, help: &'static str) -> Family {
    detail(key, name, help).essential()
}

const fn detail(key: &'static str, name: &'static str, help: &'static str) -> Family {
    counter(name, help).key(key)
}

/// Keys by place in struct rtnl_link_stats64: those of [`FAMILIES`] that need no sum, and those of [`DETAILED`].
const PLAIN: &[(&str, usize)] = &[
    ("receive_packets", 0),
    ("transmit_packets", 1),
    ("receive_bytes", 2),
    ("transmit_bytes", 3),
    ("receive_compressed", 21),
    ("transmit_compressed", 22),
    ("receive_nohandler", 23),
];
const DETAILS: &[(&str, usize)] = &[
    ("receive_errors", 4),
    ("transmit_errors", 5),
    ("receive_dropped", 6),
    ("transmit_dropped", 7),
    ("multicast", 8),
    ("collisions", 9),
    ("receive_length_errors", 10),
    ("receive_over_errors", 11),
    ("receive_crc_errors", 12),
    ("receive_frame_errors", 13),
    ("receive_fifo_errors", 14),
    ("receive_missed_errors", 15),
    ("transmit_aborted_errors", 16),
    ("transmit_carrier_errors", 17),
    ("transmit_fifo_errors", 18),
    ("transmit_heartbeat_errors", 19),
    ("transmit_window_errors", 20),
];
/// The sums that dev_seq_printf_stats() of the kernel makes for `/proc/net/dev`.
const SUMS: &[(&str, &[usize])] = &[
    ("receive_errs", &[4]),
    ("transmit_errs", &[5]),
    ("receive_drop", &[6, 15]),
    ("transmit_drop", &[7]),
    ("receive_multicast", &[8]),
    ("transmit_colls", &[9]),
    ("receive_frame", &[13, 10, 11, 12]),
    ("receive_fifo", &[14]),
    ("transmit_carrier", &[17, 16, 19, 20]),
    ("transmit_fifo", &[18]),
];

struct NetDev {
    links: SharedLinks,
    filter: NameFilter,
    netlink: bool,
    detailed: bool,
    addresses: bool,
    /// `/proc/net/dev`; its pages are not touched while netlink answers.
    file: Vec<u8>,
}

impl NetDev {
    fn new(setup: &Setup<'_>) -> Self {
        NetDev {
            links: setup.links.clone(),
            filter: NameFilter::new(setup.flags, INCLUDE, EXCLUDE),
            netlink: setup.flags.bool("collector.netdev.netlink"),
            detailed: setup.flags.bool("collector.netdev.enable-detailed-metrics"),
            addresses: setup.flags.bool("collector.netdev.address-info"),
            // A name and 16 numbers of 20 digits, for each device and both lines of the head.
            file: Vec::with_capacity((setup.limits.net_devices as usize + 2) * 360),
        }
    }

    fn absorb_links(&mut self, pass: &mut Pass<'_>) {
        let links = self.links.borrow();
        for _ in 0..links.refused() {
            pass.out.table(0).refuse();
        }
        for link in links.list() {
            let name = link.name.as_bytes();
            if !self.filter.keeps(name) || link.statistic(0).is_none() {
                continue;
            }
            let labels = [("device", name)];
            plain(&mut pass.out.table(0).row(&labels), link, PLAIN);
            if self.detailed {
                plain(&mut pass.out.table(1).row(&labels), link, DETAILS);
            } else {
                sums(&mut pass.out.table(0).row(&labels), link);
            }
        }
    }

    fn absorb_file(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        pass.io.read_into(Root::Proc, &[b"net/dev"], &mut self.file)?;
        for device in devices(&self.file) {
            let Some(device) = device else {
                pass.out.malformed();
                continue;
            };
            if !self.filter.keeps(device.name) {
                continue;
            }
            let mut table = pass.out.table(0);
            let mut row = table.row(&[("device", device.name)]);
            for (key, number) in COLUMNS.into_iter().zip(device.numbers) {
                if let Some(value) = number {
                    row.set(key, value);
                }
            }
            if !device.is_whole() {
                pass.out.malformed();
            }
        }
        Ok(())
    }

    fn addresses(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        let NetDev { links, filter, .. } = self;
        let mut links = links.borrow_mut();
        let Pass { io, out, .. } = pass;
        let mut malformed = 0;
        io.dump(Dump::Addresses, &mut |message| {
            let Some(address) = Address::parse(message) else {
                malformed += 1;
                return;
            };
            let Some(position) = links.position(address.index) else { return };
            if !filter.keeps(links.list()[position].name.as_bytes()) {
                return;
            }
            let mut text = Text::<64>::new();
            let mut bits = Text::<4>::new();
            let written = write!(text, "{}", address.ip).and_then(|()| write!(bits, "{}", address.bits));
            if written.is_err() {
                return;
            }
            let mut table = out.table(2);
            let mut row = table.row(&[
                ("address", text.as_bytes()),
                ("device", links.list()[position].name.as_bytes()),
                ("netmask", bits.as_bytes()),
                ("scope", address.scope().as_bytes()),
            ]);
            row.set("info", 1);
        })?;
        out.malformed_by(malformed);
        Ok(())
    }
}

impl Collect for NetDev {
    fn collect(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        let live = pass.io.is_live(Root::Proc);
        let netlink = live && (self.netlink || self.addresses);
        // A machine that forbids netlink still has the file.
        let links = netlink && self.links.borrow_mut().refresh(pass.io, pass.now).is_ok();
        if links && self.netlink {
            self.absorb_links(pass);
        } else {
            self.absorb_file(pass)?;
        }
        if links && self.addresses { self.addresses(pass) } else { Ok(()) }
    }
}

fn plain(row: &mut RowOut<'_>, link: &Link, numbers: &[(&str, usize)]) {
    for (key, at) in numbers {
        if let Some(value) = link.statistic(*at) {
            row.set(key, value);
        }
    }
}

fn sums(row: &mut RowOut<'_>, link: &Link) {
    for (key, parts) in SUMS {
        // The kernel's counters wrap, and so do its sums.
        let sum = |sum: u64, at: &usize| link.statistic(*at).map(|value| sum.wrapping_add(value));
        if let Some(value) = parts.iter().try_fold(0, sum) {
            row.set(key, value);
        }
    }
}

/// A message RTM_NEWADDR.
struct Address {
    index: u32,
    bits: u8,
    ip: IpAddr,
}

impl Address {
    fn parse(message: &[u8]) -> Option<Address> {
        const IFA_ADDRESS: u16 = 1;
        const IFA_LOCAL: u16 = 2;
        // struct ifaddrmsg: family, prefix length, flags, scope, index.
        let bits = *message.get(1)?;
        let index = number32(message, 4)?;
        let mut ip = None;
        let mut local = false;
        for (kind, value) in attributes(message.get(8..)?) {
            // On a link between two points IFA_ADDRESS is the other end.
            if kind == IFA_LOCAL || (kind == IFA_ADDRESS && !local) {
                local |= kind == IFA_LOCAL;
                ip = match value.len() {
                    4 => value.first_chunk().map(|bytes: &[u8; 4]| IpAddr::V4(Ipv4Addr::from(*bytes))),
                    _ => value.first_chunk().map(|bytes: &[u8; 16]| IpAddr::V6(Ipv6Addr::from(*bytes))),
                };
            }
        }
        Some(Address { index, bits, ip: ip? })
    }

    const fn scope(&self) -> &'static str {
        let (near, interface, unspecified, multicast) = match &self.ip {
            IpAddr::V4(ip) => {
                let octets = ip.octets();
                let near_group = octets[0] == 224 && octets[1] == 0 && octets[2] == 0;
                (
                    ip.is_loopback() || ip.is_link_local() || near_group,
                    false,
                    ip.is_unspecified() || ip.is_broadcast(),
                    ip.is_multicast(),
                )
            }
            IpAddr::V6(ip) => {
                let first = ip.segments()[0];
                let near = ip.is_loopback() || first & 0xffc0 == 0xfe80 || first & 0xff0f == 0xff02;
                (near, first & 0xff0f == 0xff01, ip.is_unspecified(), ip.is_multicast())
            }
        };
        if near {
            "link-local"
        } else if interface {
            "interface-local"
        } else if unspecified || multicast {
            ""
        } else {
            "global"
        }
    }
}

#[cfg(test)]
#[path = "netdev_tests.rs"]
mod tests;
