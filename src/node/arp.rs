//! Neighbours by device: RTM_GETNEIGH of IPv4, or `/proc/net/arp`.

use super::netdev::DEVICE_LABEL_BYTES;
use crate::collect::{Collect, Collector, Pass, Setup, Trouble};
use crate::family::{Family, Table, check, gauge};
use crate::filter::NameFilter;
use crate::flags::{Flag, FlagKind};
use crate::io::links::SharedLinks;
use crate::io::{Dump, Root};
use crate::text::attributes::{number16, number32};
use crate::text::{lines, words};

pub const COLLECTOR: Collector = Collector {
    name: "arp",
    default: true,
    files: &[],
    tables: &[Table::rows("arp", |limits| limits.net_devices, DEVICE_LABEL_BYTES, FAMILIES)],
    flags: FLAGS,
    make: |setup| Box::new(Arp::new(setup)),
};

const FLAGS: &[Flag] = &[
    Flag {
        name: "collector.arp.netlink",
        kind: FlagKind::Bool,
        default: "true",
        help: "Ask netlink for neighbours instead of /proc/net/arp.",
    },
    Flag {
        name: "collector.arp.device-include",
        kind: FlagKind::Regex,
        default: "",
        help: "Network devices whose neighbours are counted; not together with device-exclude.",
    },
    Flag {
        name: "collector.arp.device-exclude",
        kind: FlagKind::Regex,
        default: "",
        help: "Network devices whose neighbours are not counted.",
    },
];

const FAMILIES: &[Family] =
    &[gauge("node_arp_entries", "IPv4 neighbours that a device knows.").key("entries").essential()];
const _: () = check(FAMILIES);

struct Arp {
    links: SharedLinks,
    filter: NameFilter,
    netlink: bool,
    /// Neighbours by the place of their link.
    counts: Vec<u64>,
    file: Vec<u8>,
}

impl Arp {
    fn new(setup: &Setup<'_>) -> Self {
        let filter =
            NameFilter::new(setup.flags, "collector.arp.device-include", "collector.arp.device-exclude");
        Arp {
            links: setup.links.clone(),
            filter,
            netlink: setup.flags.bool("collector.arp.netlink"),
            counts: vec![0; setup.limits.net_devices as usize],
            // 78 bytes a line: more than 3,000 neighbours. Its pages are not touched while netlink answers.
            file: Vec::with_capacity(256 * 1024),
        }
    }

    fn absorb_netlink(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        let mut links = self.links.borrow_mut();
        links.refresh(pass.io, pass.now)?;
        self.counts.fill(0);
        let counts = &mut self.counts;
        let mut malformed = 0;
        pass.io.dump(Dump::Neighbours, &mut |message| match Neighbour::parse(message) {
            Some(neighbour) if neighbour.counts() => {
                let count = links.position(neighbour.index).and_then(|position| counts.get_mut(position));
                if let Some(count) = count {
                    *count += 1;
                }
            }
            Some(_) => {}
            None => malformed += 1,
        })?;
        pass.out.malformed_by(malformed);
        for (link, count) in links.list().iter().zip(&self.counts) {
            let name = link.name.as_bytes();
            if *count > 0 && self.filter.keeps(name) {
                pass.out.table(0).row(&[("device", name)]).set("entries", *count);
            }
        }
        Ok(())
    }

    fn absorb_file(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        pass.io.read_into(Root::Proc, &[b"net/arp"], &mut self.file)?;
        for line in lines(&self.file).skip(1) {
            // Address, hardware type, flags, hardware address, mask, device.
            let Some(device) = words(line).nth(5) else {
                pass.out.malformed();
                continue;
            };
            if self.filter.keeps(device) {
                pass.out.table(0).row(&[("device", device)]).add("entries", 1);
            }
        }
        Ok(())
    }
}

impl Collect for Arp {
    fn collect(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        let netlink = self.netlink && pass.io.is_live(Root::Proc);
        // A machine that forbids netlink still has the file.
        if netlink && self.absorb_netlink(pass).is_ok() { Ok(()) } else { self.absorb_file(pass) }
    }
}

/// struct ndmsg.
struct Neighbour {
    family: u8,
    index: u32,
    state: u16,
}

impl Neighbour {
    fn parse(message: &[u8]) -> Option<Neighbour> {
        Some(Neighbour {
            family: *message.first()?,
            index: number32(message, 4)?,
            state: number16(message, 8)?,
        })
    }

    /// Is it one that `/proc/net/arp` shows?
    const fn counts(&self) -> bool {
        const AF_INET: u8 = 2;
        const NUD_NOARP: u16 = 0x40;
        self.family == AF_INET && self.state & NUD_NOARP == 0
    }
}

#[cfg(test)]
mod tests {
    use crate::io::Dump;
    use crate::io::links::build::link;
    use crate::io::replay::Replay;
    use crate::node::testing::{Bench, check, failing};

    const FILE: &str = "IP address       HW type     Flags       HW address            Mask     Device\n\
        10.0.0.1         0x1         0x2         00:00:5e:00:53:01     *        eth0\n\
        10.0.0.2         0x1         0x0         00:00:00:00:00:00     *        eth0\n\
        10.0.1.1         0x1         0x2         00:00:5e:00:53:02     *        bond0\n\
        10.0.1.\n";

    #[test]
    fn lines_are_counted_by_device() {
        check(
            "arp",
            &[("proc/net/arp", FILE)],
            r#"node_arp_entries{device="eth0"} 2
               node_arp_entries{device="bond0"} 1"#,
        );
        failing("arp", &[], "no_data", "");
    }

    #[test]
    fn devices_are_filtered() {
        let flags = [("collector.arp.device-exclude", "^eth")];
        let (_, text) = Bench::new("arp", Replay::with(&[("proc/net/arp", FILE)]), &flags).pass();
        assert_eq!(text, r#"node_arp_entries{device="bond0"} 1"#);
    }

    #[test]
    fn netlink_neighbours_without_noarp() {
        let neighbour = |family: u8, index: u8, state: u8| {
            let mut message = vec![family, 0, 0, 0, index, 0, 0, 0];
            message.extend(u16::from(state).to_ne_bytes());
            message.extend([0, 1]);
            message
        };
        let mut machine = Replay::with(&[("proc/net/arp", FILE)]);
        machine.live = true;
        machine.set_dump(Dump::Links, vec![link(1, 1, 0, "lo", &[]), link(2, 1, 0, "eth0", &[])]);
        let neighbours = vec![
            neighbour(2, 1, 0x40),
            neighbour(2, 2, 0x02),
            neighbour(2, 2, 0x80),
            neighbour(10, 2, 0x02),
            neighbour(2, 9, 0x02),
            vec![2, 0, 0],
        ];
        machine.set_dump(Dump::Neighbours, neighbours);
        let mut bench = Bench::new("arp", machine, &[]);
        let expect = (Ok(()), r#"node_arp_entries{device="eth0"} 2"#.to_owned());
        assert_eq!([bench.pass(), bench.pass()], [expect.clone(), expect]);
        // Without an answer of netlink the file is read.
        bench.machine = Replay::with(&[("proc/net/arp", FILE)]);
        bench.machine.live = true;
        assert_eq!(bench.pass().1.lines().count(), 2);
    }
}
