//! Network links as one netlink dump has them, shared by all collectors of a pass.

use super::{Dump, Io, ReadError};
use crate::base::clock::Moment;
use crate::base::text::Text;
use crate::limits::Limits;
use crate::text::attributes::{attributes, number16, number32, number64, text};
use std::cell::RefCell;
use std::rc::Rc;

/// IFF_UP and its like of include/uapi/linux/if.h.
pub const IFF_UP: u32 = 0x1;
const IFF_RUNNING: u32 = 0x40;
const IFF_PROMISC: u32 = 0x100;
const IFF_ALLMULTI: u32 = 0x200;
const IFF_LOWER_UP: u32 = 0x1_0000;
const IFF_DORMANT: u32 = 0x2_0000;

/// What RTM_NEWLINK says of a device. A number that the kernel has not sent is `None`.
#[derive(Clone, Debug, Default)]
pub struct Link {
    pub index: u32,
    pub name: Text<16>,
    /// ARPHRD_*
    pub protocol: u16,
    /// `ifi_flags`: those of the device, and what they mean at this moment.
    pub flags: u32,
    pub address: Text<32>,
    pub broadcast: Text<32>,
    pub alias: Text<256>,
    pub mtu: Option<u32>,
    /// The index of the device below; the kernel leaves it out when it is the device itself.
    pub below: Option<u32>,
    pub queue_length: Option<u32>,
    pub operstate: Option<u8>,
    pub mode: Option<u8>,
    pub group: Option<u32>,
    pub carrier: Option<u8>,
    pub carrier_changes: Option<u32>,
    pub carrier_up: Option<u32>,
    pub carrier_down: Option<u32>,
    promiscuity: Option<u32>,
    all_multicast: Option<u32>,
    statistics: [u64; STATISTICS],
    statistics_used: usize,
}

/// Numbers of struct rtnl_link_stats64 that are known.
const STATISTICS: usize = 25;

impl Link {
    /// Reads a message; `None`: it has no name or is no link.
    pub fn parse(message: &[u8]) -> Option<Link> {
        // struct ifinfomsg: family, padding, type (16 bits), index, flags, change.
        let mut link = Link {
            protocol: number16(message, 2)?,
            index: number32(message, 4)?,
            flags: number32(message, 8)?,
            ..Link::default()
        };
        let mut narrow: &[u8] = &[];
        for (kind, value) in attributes(message.get(16..)?) {
            match kind {
                IFLA_ADDRESS => keep(&mut link.address, value),
                IFLA_BROADCAST => keep(&mut link.broadcast, value),
                IFLA_IFNAME => keep(&mut link.name, text(value)),
                IFLA_IFALIAS => keep(&mut link.alias, text(value)),
                IFLA_MTU => link.mtu = number32(value, 0),
                IFLA_LINK => link.below = number32(value, 0),
                IFLA_TXQLEN => link.queue_length = number32(value, 0),
                IFLA_OPERSTATE => link.operstate = value.first().copied(),
                IFLA_LINKMODE => link.mode = value.first().copied(),
                IFLA_GROUP => link.group = number32(value, 0),
                IFLA_PROMISCUITY => link.promiscuity = number32(value, 0),
                IFLA_ALLMULTI => link.all_multicast = number32(value, 0),
                IFLA_CARRIER => link.carrier = value.first().copied(),
                IFLA_CARRIER_CHANGES => link.carrier_changes = number32(value, 0),
                IFLA_CARRIER_UP_COUNT => link.carrier_up = number32(value, 0),
                IFLA_CARRIER_DOWN_COUNT => link.carrier_down = number32(value, 0),
                IFLA_STATS => narrow = value,
                IFLA_STATS64 => link.count(value, 8),
                _ => {}
            }
        }
        if link.statistics_used == 0 {
            link.count(narrow, 4);
        }
        (!link.name.is_empty()).then_some(link)
    }

    /// Takes the statistics; older kernels send fewer of them.
    fn count(&mut self, value: &[u8], width: usize) {
        let mut used = 0;
        for (to, bytes) in self.statistics.iter_mut().zip(value.chunks_exact(width)) {
            let narrow = number32(bytes, 0).map_or(0, u64::from);
            *to = number64(bytes, 0).unwrap_or(narrow);
            used += 1;
        }
        self.statistics_used = used;
    }

    /// A number of struct rtnl_link_stats64 by its place; `None`: the kernel does not count it.
    pub fn statistic(&self, index: usize) -> Option<u64> {
        self.statistics[..self.statistics_used].get(index).copied()
    }

    /// Is it switched on?
    pub const fn is_up(&self) -> bool {
        self.flags & IFF_UP != 0
    }

    /// Does it wait for something above the link, such as 802.1X? Only known of a device that is up.
    pub fn dormant(&self) -> Option<bool> {
        self.is_up().then_some(self.flags & IFF_DORMANT != 0)
    }

    /// The flags as `/sys/class/net/<if>/flags` has them: what netif_get_flags() puts in for the moment is taken out,
    /// and what it hides is derived from the counts. `None`: the kernel (before 6.0) does not send a count.
    pub fn device_flags(&self) -> Option<u32> {
        const MOMENTARY: u32 = IFF_RUNNING | IFF_PROMISC | IFF_ALLMULTI | IFF_LOWER_UP | IFF_DORMANT;
        let promiscuous = if self.promiscuity? > 0 { IFF_PROMISC } else { 0 };
        let multicast = if self.all_multicast? > 0 { IFF_ALLMULTI } else { 0 };
        Some(self.flags & !MOMENTARY | promiscuous | multicast)
    }
}

/// Keeps a value that fits; the kernel's own bounds are the sizes of the texts.
fn keep<const N: usize>(to: &mut Text<N>, value: &[u8]) {
    to.clear();
    if to.push(value).is_err() {
        to.clear();
    }
}

// include/uapi/linux/if_link.h
pub const IFLA_ADDRESS: u16 = 1;
pub const IFLA_BROADCAST: u16 = 2;
pub const IFLA_IFNAME: u16 = 3;
pub const IFLA_MTU: u16 = 4;
pub const IFLA_LINK: u16 = 5;
pub const IFLA_STATS: u16 = 7;
pub const IFLA_TXQLEN: u16 = 13;
pub const IFLA_OPERSTATE: u16 = 16;
pub const IFLA_LINKMODE: u16 = 17;
pub const IFLA_IFALIAS: u16 = 20;
pub const IFLA_STATS64: u16 = 23;
pub const IFLA_GROUP: u16 = 27;
pub const IFLA_PROMISCUITY: u16 = 30;
pub const IFLA_CARRIER: u16 = 33;
pub const IFLA_CARRIER_CHANGES: u16 = 35;
pub const IFLA_CARRIER_UP_COUNT: u16 = 47;
pub const IFLA_CARRIER_DOWN_COUNT: u16 = 48;
pub const IFLA_ALLMULTI: u16 = 61;

/// The links of the newest dump. A full list refuses the rest and counts it.
pub struct Links {
    list: Vec<Link>,
    capacity: usize,
    /// The pass whose dump this is.
    taken: Option<Moment>,
    result: Result<(), ReadError>,
    refused: u64,
    /// Where the last index was found; they are asked for in runs.
    hint: usize,
}

/// The links of one pass for every collector that wants them; all of them run on one thread.
pub type SharedLinks = Rc<RefCell<Links>>;

impl Links {
    pub fn new(limits: &Limits) -> Self {
        let capacity = limits.net_devices as usize;
        Links {
            list: Vec::with_capacity(capacity),
            capacity,
            taken: None,
            result: Err(ReadError::Missing),
            refused: 0,
            hint: 0,
        }
    }

    pub fn shared(limits: &Limits) -> SharedLinks {
        Rc::new(RefCell::new(Self::new(limits)))
    }

    /// Bytes that [`Self::new`] allocates.
    pub fn bytes(limits: &Limits) -> u64 {
        u64::from(limits.net_devices) * size_of::<Link>() as u64
    }

    /// Asks the kernel once per pass; later calls of the same pass get the same answer.
    pub fn refresh(&mut self, io: &mut dyn Io, now: Moment) -> Result<(), ReadError> {
        if self.taken == Some(now) {
            return self.result;
        }
        self.taken = Some(now);
        self.list.clear();
        self.refused = 0;
        self.hint = 0;
        let (list, refused, capacity) = (&mut self.list, &mut self.refused, self.capacity);
        let mut highest = 0;
        self.result = io.dump(Dump::Links, &mut |message| {
            let Some(link) = Link::parse(message) else { return };
            // A dump that was interrupted is begun again: links come twice, with an index that is not above the rest.
            let known =
                if link.index > highest { None } else { list.iter_mut().find(|old| old.index == link.index) };
            highest = highest.max(link.index);
            if let Some(known) = known {
                *known = link;
            } else if list.len() < capacity {
                list.push(link);
            } else {
                *refused += 1;
            }
        });
        self.result
    }

    pub fn list(&self) -> &[Link] {
        &self.list
    }

    /// Links of this pass that did not fit.
    pub const fn refused(&self) -> u64 {
        self.refused
    }

    /// The place of a link in the list, by its index.
    pub fn position(&mut self, index: u32) -> Option<usize> {
        if self.list.get(self.hint).is_none_or(|link| link.index != index) {
            self.hint = self.list.iter().position(|link| link.index == index)?;
        }
        Some(self.hint)
    }
}

/// RTM_NEWLINK messages for tests.
#[cfg(test)]
pub mod build {
    use super::IFLA_IFNAME;
    use crate::text::attributes::build::message;

    /// struct ifinfomsg, the name, and more.
    pub fn link(index: u32, protocol: u16, flags: u32, name: &str, more: &[(u16, &[u8])]) -> Vec<u8> {
        let mut header = vec![0, 0];
        header.extend(protocol.to_ne_bytes());
        header.extend(index.to_ne_bytes());
        header.extend(flags.to_ne_bytes());
        header.extend([0; 4]);
        let name = format!("{name}\0");
        let mut list: Vec<(u16, &[u8])> = vec![(IFLA_IFNAME, name.as_bytes())];
        list.extend(more);
        message(&header, &list)
    }

    /// Statistics of these numbers.
    pub fn statistics(values: impl IntoIterator<Item = u64>) -> Vec<u8> {
        values.into_iter().flat_map(u64::to_ne_bytes).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::replay::Replay;

    #[test]
    fn a_link_may_be_cut_anywhere() {
        let mtu = 1500_u32.to_ne_bytes();
        let whole = build::link(
            2,
            1,
            IFF_UP,
            "eth0",
            &[(IFLA_MTU, &mtu), (IFLA_STATS64, &[1; 200]), (IFLA_LINK, &[7])],
        );
        for end in 0..whole.len() {
            let link = Link::parse(&whole[..end]);
            assert_eq!(link.is_some(), end >= 16 + 9, "cut at {end}");
        }
        let link = Link::parse(&whole).unwrap();
        assert_eq!((link.index, link.protocol, link.mtu, link.below), (2, 1, Some(1500), None));
        assert_eq!(link.statistic(24), Some(0x0101_0101_0101_0101));
        assert_eq!(link.statistic(25), None);
    }

    #[test]
    fn narrow_statistics_are_used_when_there_are_no_wide_ones() {
        let narrow: Vec<u8> = [1_u32, u32::MAX].iter().flat_map(|value| value.to_ne_bytes()).collect();
        let link = Link::parse(&build::link(1, 1, 0, "a", &[(IFLA_STATS, &narrow)])).unwrap();
        assert_eq!([0, 1, 2].map(|at| link.statistic(at)), [Some(1), Some(u64::from(u32::MAX)), None]);
        let wide = build::statistics([7]);
        let both = build::link(1, 1, 0, "a", &[(IFLA_STATS64, &wide), (IFLA_STATS, &narrow)]);
        assert_eq!(Link::parse(&both).unwrap().statistic(0), Some(7));
    }

    #[test]
    fn flags_are_those_of_the_device() {
        let (none, one) = (0_u32.to_ne_bytes(), 1_u32.to_ne_bytes());
        let check = |flags, promiscuity: &[u8], multicast: &[u8], expect| {
            let more = [(IFLA_PROMISCUITY, promiscuity), (IFLA_ALLMULTI, multicast)];
            let link = Link::parse(&build::link(1, 1, flags, "a", &more)).unwrap();
            assert_eq!(link.device_flags(), expect);
        };
        check(0x1_1043, &none, &none, Some(0x1003));
        check(0x1_1043, &one, &none, Some(0x1103));
        check(0x3_1343, &none, &one, Some(0x1203));
        check(0x1_1043, &one, &[], None);
    }

    #[test]
    fn one_dump_serves_a_pass_and_a_full_list_refuses() {
        let mut io = Replay::new();
        io.set_dump(Dump::Links, (1..=3).map(|index| build::link(index, 1, 0, "a", &[])).collect());
        let mut links = Links::new(&Limits { net_devices: 2, ..Limits::default() });
        let mut now = Moment::default();
        assert_eq!(links.refresh(&mut io, now), Ok(()));
        assert_eq!((links.list().len(), links.refused()), (2, 1));
        assert_eq!([2, 1, 1, 3].map(|index| links.position(index)), [Some(1), Some(0), Some(0), None]);
        io.set_dump(Dump::Links, vec![]);
        assert_eq!(links.refresh(&mut io, now), Ok(()));
        assert_eq!(links.list().len(), 2);
        now.monotonic.0 += 1;
        assert_eq!(links.refresh(&mut io, now), Ok(()));
        assert_eq!((links.list().len(), links.refused(), links.position(1)), (0, 0, None));
    }

    #[test]
    fn a_link_that_comes_twice_is_one() {
        let mut io = Replay::new();
        let messages = [(1, 1), (9, 1), (4, 1), (1, 2), (4, 3)];
        let link = |(index, flags)| build::link(index, 1, flags, "a", &[]);
        io.set_dump(Dump::Links, messages.into_iter().map(link).collect());
        let mut links = Links::new(&Limits::default());
        assert_eq!(links.refresh(&mut io, Moment::default()), Ok(()));
        let found = links.list().iter().map(|link| (link.index, link.flags)).collect::<Vec<_>>();
        assert_eq!(found, [(1, 2), (9, 1), (4, 3)]);
    }
}
