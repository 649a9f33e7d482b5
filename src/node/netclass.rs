//! Properties of network devices: RTM_GETLINK and what only sysfs knows, or `/sys/class/net/<if>/*` alone.
//!
//! Netlink gives most of what the files say in one dump. The rest changes only with the link, so it is read when the
//! link has changed, and now and then.

use super::netdev::DEVICE_LABEL_BYTES;
use crate::base::clock::Monotonic;
use crate::base::text::Text;
use crate::collect::{Collect, Collector, Pass, Setup, Trouble};
use crate::family::{Family, Repr, Table, check, counter, gauge};
use crate::filter::NameFilter;
use crate::flags::{Flag, FlagKind};
use crate::io::links::{IFF_UP, IFLA_IFNAME, Link, SharedLinks};
use crate::io::{Dump, Io, Names, Root};
use crate::store::{Out, RowOut};
use crate::text::attributes::{attributes, text};
use crate::text::{hex, signed, trim};
use std::time::Duration;

pub const COLLECTOR: Collector = Collector {
    name: "netclass",
    default: true,
    files: &[],
    tables: &[
        Table::rows("netclass", |limits| limits.net_devices, DEVICE_LABEL_BYTES, FAMILIES),
        Table::rows("netclass_info", |limits| limits.net_devices, 512, INFO),
        Table::rows("netclass_altnames", |limits| limits.net_devices, 224, ALTNAMES),
    ],
    flags: FLAGS,
    make: |setup| Box::new(NetClass::new(setup)),
};

const FLAGS: &[Flag] = &[
    Flag {
        name: "collector.netclass.ignored-devices",
        kind: FlagKind::Regex,
        default: "^$",
        help: "Network devices whose properties are not served.",
    },
    Flag {
        name: "collector.netclass.ignore-invalid-speed",
        kind: FlagKind::Bool,
        default: "false",
        help: "Leave out a speed that the device does not know, instead of -125000.",
    },
    Flag {
        name: "collector.netclass.netlink",
        kind: FlagKind::Bool,
        default: "false",
        help: "Serve alternative names too. Netlink is asked in any case where it can be.",
    },
];

/// The key is the name of the file below `/sys/class/net/<if>`.
const FAMILIES: &[Family] = &[
    gauge("node_network_up", "1 if the device is operational, else 0.").key("up").essential(),
    gauge(
        "node_network_address_assign_type",
        "Where the address comes from: 0 permanent, 1 random, 2 stolen, 3 set.",
    )
    .key("addr_assign_type"),
    gauge("node_network_carrier", "1 if there is a link; missing while the device is down.")
        .key("carrier")
        .essential(),
    counter("node_network_carrier_changes_total", "Link found or lost.").key("carrier_changes"),
    counter("node_network_carrier_up_changes_total", "Link found.").key("carrier_up_count"),
    counter("node_network_carrier_down_changes_total", "Link lost.").key("carrier_down_count"),
    gauge("node_network_device_id", "Number that tells devices on one address apart.").key("dev_id"),
    gauge("node_network_dormant", "1 if the device waits for something above the link.").key("dormant"),
    gauge("node_network_flags", "Flags of the device, IFF_*.").key("flags"),
    gauge("node_network_iface_id", "Index of the device.").key("ifindex"),
    gauge("node_network_iface_link", "Index of the device it is linked to, its own if none.").key("iflink"),
    gauge("node_network_iface_link_mode", "Link mode: 0 default, 1 dormant, 2 testing.").key("link_mode"),
    gauge("node_network_mtu_bytes", "Largest packet.").key("mtu").essential(),
    gauge(
        "node_network_name_assign_type",
        "Where the name comes from: 1 counted, 2 fixed, 3 userspace, 4 renamed.",
    )
    .key("name_assign_type"),
    gauge("node_network_net_dev_group", "Group of the device.").key("netdev_group"),
    gauge("node_network_speed_bytes", "Speed in bytes per second; -125000 if the device does not know.")
        .key("speed")
        .signed()
        .times(125_000)
        .essential(),
    gauge("node_network_transmit_queue_length", "Packets that the send queue holds.")
        .key("tx_queue_len")
        .essential(),
    gauge("node_network_protocol_type", "Kind of link, ARPHRD_*.").key("type"),
];
const _: () = check(FAMILIES);

const INFO: &[Family] =
    &[gauge("node_network_info", "What is no number about a device; always 1.").key("info").essential()];
const _: () = check(INFO);

const ALTNAMES: &[Family] =
    &[gauge("node_network_altnames_info", "Other names of a device; always 1.").key("info")];
const _: () = check(ALTNAMES);

/// RFC 2863 states by their number in IFLA_OPERSTATE.
const STATES: [&str; 7] = ["unknown", "notpresent", "down", "lowerlayerdown", "testing", "dormant", "up"];

/// What only sysfs knows is read again after this time even if the link has not changed.
const SYSFS_AGE: Duration = Duration::from_secs(60);

/// What node_network_info says. A hardware address has at most 32 bytes.
#[derive(Default)]
struct Info {
    address: Text<96>,
    broadcast: Text<96>,
    duplex: Text<16>,
    operstate: Text<16>,
    alias: Text<256>,
    /// IFF_UP; `None`: the flags cannot be read.
    up: Option<bool>,
}

/// What only sysfs knows of a device.
#[derive(Clone, Copy, Default)]
struct Extra {
    address_assign_type: Option<i64>,
    device_id: Option<i64>,
    name_assign_type: Option<i64>,
    /// Only where the kernel does not send what they are derived from.
    flags: Option<i64>,
    speed: Option<i64>,
    duplex: Text<16>,
}

/// A device whose [`Extra`] is kept.
struct Held {
    index: u32,
    name: Text<16>,
    /// Flags, state and carrier changes when it was read.
    mark: (u32, Option<u8>, Option<u32>),
    read: Monotonic,
    seen: Monotonic,
    extra: Extra,
}

/// Families that need a file; what the profile does not serve is not read.
#[derive(Clone, Copy)]
struct Wanted {
    address_assign_type: bool,
    device_id: bool,
    name_assign_type: bool,
    flags: bool,
}

struct NetClass {
    links: SharedLinks,
    ignored: NameFilter,
    ignore_invalid_speed: bool,
    altnames: bool,
    held: Vec<Held>,
    held_max: usize,
    devices: Names,
    attributes: Names,
}

impl NetClass {
    fn new(setup: &Setup<'_>) -> Self {
        let devices = setup.limits.net_devices as usize;
        NetClass {
            links: setup.links.clone(),
            ignored: NameFilter::new(setup.flags, "", "collector.netclass.ignored-devices"),
            ignore_invalid_speed: setup.flags.bool("collector.netclass.ignore-invalid-speed"),
            altnames: setup.flags.bool("collector.netclass.netlink"),
            held: Vec::with_capacity(devices),
            held_max: devices,
            devices: Names::with_capacity(devices),
            attributes: Names::with_capacity(64),
        }
    }

    fn absorb_links(&mut self, pass: &mut Pass<'_>) {
        let now = pass.now.monotonic;
        let links = self.links.clone();
        let links = links.borrow();
        for _ in 0..links.refused() {
            pass.out.table(0).refuse();
        }
        let table = pass.out.table(0);
        let wanted = Wanted {
            address_assign_type: table.serves("addr_assign_type"),
            device_id: table.serves("dev_id"),
            name_assign_type: table.serves("name_assign_type"),
            flags: table.serves("flags"),
        };
        // Devices that are due are spread over passes: at most a quarter of them, and one, is read per pass.
        let mut due = links.list().len() / 4 + 1;
        let mut place = 0;
        for link in links.list() {
            if !self.ignored.keeps(link.name.as_bytes()) {
                continue;
            }
            let extra = self.extra(pass.io, link, wanted, now, &mut place, &mut due);
            let info = Info::of_link(link, &extra);
            let mut table = pass.out.table(0);
            let mut row = table.row(&[("device", link.name.as_bytes())]);
            self.set(&mut row, link, &extra, &info);
            info.set(&mut pass.out, link.name.as_bytes());
        }
        self.held.retain(|held| held.seen == now);
    }

    /// What sysfs knows of a link, from the last time or read now. `place` is where it is expected in the list, which
    /// is in the order of the dump.
    fn extra(
        &mut self,
        io: &mut dyn Io,
        link: &Link,
        wanted: Wanted,
        now: Monotonic,
        place: &mut usize,
        due: &mut usize,
    ) -> Extra {
        let mark = (link.flags, link.operstate, link.carrier_changes);
        let same = |held: &Held| held.index == link.index;
        let found = if self.held.get(*place).is_some_and(same) {
            Some(*place)
        } else {
            self.held.iter().position(same)
        };
        if let Some(held) = found.and_then(|found| self.held.get_mut(found)) {
            *place = found.map_or(0, |found| found + 1);
            held.seen = now;
            let age = now.since(held.read);
            let renamed = held.name.as_bytes() != link.name.as_bytes();
            let old = age >= SYSFS_AGE && (*due > 0 || age >= 2 * SYSFS_AGE);
            if old || renamed || held.mark != mark {
                *due = due.saturating_sub(usize::from(old));
                held.extra = Extra::read(io, link, wanted);
                (held.name, held.mark, held.read) = (link.name, mark, now);
            }
            return held.extra;
        }
        let extra = Extra::read(io, link, wanted);
        if self.held.len() < self.held_max {
            *place = self.held.len() + 1;
            self.held.push(Held { index: link.index, name: link.name, mark, read: now, seen: now, extra });
        }
        extra
    }

    /// Sets the numbers of a link, in the order of the table.
    fn set(&self, row: &mut RowOut<'_>, link: &Link, extra: &Extra, info: &Info) {
        let wide = |value: Option<u32>| value.map(i64::from);
        let up = link.operstate.map(|_| i64::from(info.operstate.as_bytes() == b"up"));
        let carrier = link.carrier.filter(|_| link.is_up());
        let numbers = [
            ("up", up),
            ("addr_assign_type", extra.address_assign_type),
            ("carrier", carrier.map(i64::from)),
            ("carrier_changes", wide(link.carrier_changes)),
            ("carrier_up_count", wide(link.carrier_up)),
            ("carrier_down_count", wide(link.carrier_down)),
            ("dev_id", extra.device_id),
            ("dormant", link.dormant().map(i64::from)),
            ("flags", wide(link.device_flags()).or(extra.flags)),
            ("ifindex", Some(i64::from(link.index))),
            ("iflink", Some(i64::from(link.below.unwrap_or(link.index)))),
            ("link_mode", link.mode.map(i64::from)),
            ("mtu", wide(link.mtu)),
            ("name_assign_type", extra.name_assign_type),
            ("netdev_group", wide(link.group)),
        ];
        for (key, value) in numbers {
            if let Some(value) = value.and_then(|value| u64::try_from(value).ok()) {
                row.set(key, value);
            }
        }
        if let Some(speed) = extra.speed.filter(|speed| self.keeps_speed(*speed)) {
            row.set_signed("speed", speed);
        }
        if let Some(length) = link.queue_length {
            row.set("tx_queue_len", u64::from(length));
        }
        row.set("type", u64::from(link.protocol));
    }

    const fn keeps_speed(&self, speed: i64) -> bool {
        speed >= 0 || !self.ignore_invalid_speed
    }

    fn absorb_files(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        pass.io.list(Root::Sys, &[b"class/net"], &mut self.devices)?;
        for place in 0..self.devices.len() {
            let Some(name) = self.devices.get(place) else { continue };
            if !self.ignored.keeps(name) {
                continue;
            }
            // A file such as bonding_masters, or a device that is gone: the others stay.
            if pass.io.list(Root::Sys, &[b"class/net/", name], &mut self.attributes).is_err() {
                continue;
            }
            let malformed = self.device(pass, name);
            pass.out.malformed_by(malformed);
        }
        Ok(())
    }

    /// One device from its files; how many of them are no numbers.
    fn device(&self, pass: &mut Pass<'_>, name: &[u8]) -> u64 {
        let Pass { io, out, .. } = pass;
        let io = &mut **io;
        let mut malformed = 0;
        let mut info = Info::default();
        file(io, name, "address", &mut info.address);
        file(io, name, "broadcast", &mut info.broadcast);
        file(io, name, "duplex", &mut info.duplex);
        file(io, name, "operstate", &mut info.operstate);
        file(io, name, "ifalias", &mut info.alias);
        let mut table = out.table(0);
        let mut row = table.row(&[("device", name)]);
        if !info.operstate.is_empty() {
            row.set("up", u64::from(info.operstate.as_bytes() == b"up"));
        }
        for family in &FAMILIES[1..] {
            let value = match number(io, name, family.key) {
                Ok(Some(value)) => value,
                Ok(None) => {
                    malformed += 1;
                    continue;
                }
                Err(()) => continue,
            };
            if family.key == "flags" {
                info.up = Some(value & i64::from(IFF_UP) != 0);
            }
            if family.scale.repr == Repr::Signed {
                if self.keeps_speed(value) {
                    row.set_signed(family.key, value);
                }
            } else if let Ok(value) = u64::try_from(value) {
                row.set(family.key, value);
            } else {
                malformed += 1;
            }
        }
        info.set(out, name);
        malformed
    }

    /// Alternative names are a list of each link, which is too long to be kept: only this flag asks a second time.
    fn altnames(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        const IFLA_PROP_LIST: u16 = 52;
        const IFLA_ALT_IFNAME: u16 = 53;
        let Pass { io, out, .. } = pass;
        let ignored = &mut self.ignored;
        io.dump(Dump::Links, &mut |message| {
            let list = || attributes(message.get(16..).unwrap_or(b""));
            let Some((_, name)) = list().find(|(kind, _)| *kind == IFLA_IFNAME) else { return };
            let name = text(name);
            if !ignored.keeps(name) {
                return;
            }
            let properties = list().filter(|(kind, _)| *kind == IFLA_PROP_LIST);
            for (_, other) in properties
                .flat_map(|(_, nested)| attributes(nested))
                .filter(|(kind, _)| *kind == IFLA_ALT_IFNAME)
            {
                out.table(2).row(&[("altname", text(other)), ("device", name)]).set("info", 1);
            }
        })?;
        Ok(())
    }
}

impl Collect for NetClass {
    fn collect(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        // A machine that forbids netlink still has the files.
        let live = pass.io.is_live(Root::Sys);
        if live && self.links.borrow_mut().refresh(pass.io, pass.now).is_ok() {
            self.absorb_links(pass);
            if self.altnames { self.altnames(pass) } else { Ok(()) }
        } else {
            self.absorb_files(pass)
        }
    }
}

impl Info {
    fn of_link(link: &Link, extra: &Extra) -> Info {
        let state = link.operstate.and_then(|state| STATES.get(usize::from(state)));
        let mut info = Info { duplex: extra.duplex, up: Some(link.is_up()), ..Info::default() };
        hardware(link.address.as_bytes(), &mut info.address);
        hardware(link.broadcast.as_bytes(), &mut info.broadcast);
        keep(state.map_or("", |state| state).as_bytes(), &mut info.operstate);
        keep(trim(link.alias.as_bytes()), &mut info.alias);
        info
    }

    fn set(&self, out: &mut Out<'_>, name: &[u8]) {
        let admin: &[u8] = match self.up {
            Some(true) => b"up",
            Some(false) => b"down",
            None => b"unknown",
        };
        let mut table = out.table(1);
        let mut row = table.row(&[
            ("address", self.address.as_bytes()),
            ("adminstate", admin),
            ("broadcast", self.broadcast.as_bytes()),
            ("device", name),
            ("duplex", self.duplex.as_bytes()),
            ("ifalias", self.alias.as_bytes()),
            ("operstate", self.operstate.as_bytes()),
        ]);
        row.set("info", 1);
    }
}

impl Extra {
    fn read(io: &mut dyn Io, link: &Link, wanted: Wanted) -> Extra {
        let name = link.name.as_bytes();
        let mut number = |wanted: bool, key| if wanted { number(io, name, key).ok().flatten() } else { None };
        let mut extra = Extra {
            address_assign_type: number(wanted.address_assign_type, "addr_assign_type"),
            device_id: number(wanted.device_id, "dev_id"),
            name_assign_type: number(wanted.name_assign_type, "name_assign_type"),
            flags: number(wanted.flags && link.device_flags().is_none(), "flags"),
            // The kernel does not say it of a device that is down.
            speed: number(link.is_up(), "speed"),
            duplex: Text::new(),
        };
        if link.is_up() {
            file(io, name, "duplex", &mut extra.duplex);
        }
        extra
    }
}

/// A hardware address as sysfs prints it: pairs of digits with colons between them.
fn hardware(bytes: &[u8], to: &mut Text<96>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (place, byte) in bytes.iter().enumerate() {
        let pair = [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
        let colon: &[u8] = if place == 0 { b"" } else { b":" };
        if to.push_all(&[colon, &pair]).is_err() {
            return;
        }
    }
}

/// Keeps a text that fits; a longer one is none.
fn keep<const N: usize>(bytes: &[u8], to: &mut Text<N>) {
    to.clear();
    if to.push(bytes).is_err() {
        to.clear();
    }
}

/// The trimmed contents of a file of a device; empty if it cannot be read.
fn file<const N: usize>(io: &mut dyn Io, name: &[u8], key: &str, to: &mut Text<N>) {
    let bytes = io.read(Root::Sys, &[b"class/net/", name, b"/", key.as_bytes()]).unwrap_or(b"");
    keep(trim(bytes), to);
}

/// The number in a file of a device; `Ok(None)`: it is none; `Err`: it cannot be read.
fn number(io: &mut dyn Io, name: &[u8], key: &str) -> Result<Option<i64>, ()> {
    let bytes = io.read(Root::Sys, &[b"class/net/", name, b"/", key.as_bytes()]).map_err(|_| ())?;
    Ok(match trim(bytes) {
        [b'0', b'x', digits @ ..] => hex(digits).and_then(|value| i64::try_from(value).ok()),
        digits => signed(digits),
    })
}

#[cfg(test)]
#[path = "netclass_tests.rs"]
mod tests;
