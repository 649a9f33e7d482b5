//! IP virtual servers: `/proc/net/ip_vs_stats` and `/proc/net/ip_vs`.
//!
//! Format: "TCP  C0A80016:0CEA wlc" or "FWM  00000001 wlc" begins a service, and each line
//! "  -> C0A85216:0CEA  Tunnel  100  248  2" is one of its backends: weight, active and inactive connections.

use crate::base::text::Text;
use crate::collect::{Collect, Collector, Pass, Setup, Trouble};
use crate::family::{Family, Table, check, counter, gauge};
use crate::flags::{Flag, FlagKind};
use crate::io::FileSpec;
use crate::store::Out;
use crate::text::{hex, lines, unsigned, words};
use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

pub const COLLECTOR: Collector = Collector {
    name: "ipvs",
    default: true,
    files: &[
        FileSpec::proc("net/ip_vs_stats", |_| 4096),
        // A backend over IPv6 takes 105 bytes, a service about as much.
        FileSpec::proc("net/ip_vs", |limits| limits.kernel_rows * 256),
    ],
    tables: &[
        Table::single("ipvs", FAMILIES),
        Table::rows("ipvs_backends", |limits| limits.kernel_rows, 256, BACKENDS),
    ],
    flags: &[Flag {
        name: "collector.ipvs.backend-labels",
        kind: FlagKind::List(&LABELS),
        default: "local_address,local_port,remote_address,remote_port,proto,local_mark",
        help: "Labels of backends; those that differ in no label are summed.",
    }],
    make: |setup| Box::new(Ipvs::new(setup)),
};

const FAMILIES: &[Family] = &[
    counter("node_ipvs_connections_total", "Connections made.").key("connections"),
    counter("node_ipvs_incoming_packets_total", "Packets received.").key("incoming_packets"),
    counter("node_ipvs_outgoing_packets_total", "Packets sent.").key("outgoing_packets"),
    counter("node_ipvs_incoming_bytes_total", "Bytes received.").key("incoming_bytes"),
    counter("node_ipvs_outgoing_bytes_total", "Bytes sent.").key("outgoing_bytes"),
];
const _: () = check(FAMILIES);

const BACKENDS: &[Family] = &[
    gauge("node_ipvs_backend_weight", "Weight of a backend.").key("weight"),
    gauge("node_ipvs_backend_connections_active", "Open connections to a backend.").key("active"),
    gauge("node_ipvs_backend_connections_inactive", "Connections to a backend that are about to end.")
        .key("inactive"),
];
const _: () = check(BACKENDS);

/// In the order of the labels on a line.
const LABELS: [&str; 6] =
    ["local_address", "local_mark", "local_port", "proto", "remote_address", "remote_port"];

struct Ipvs {
    /// Which of [`LABELS`] are served.
    served: [bool; LABELS.len()],
}

/// An address and a port as label values.
#[derive(Clone, Copy, Default)]
struct End {
    address: Text<48>,
    port: Text<8>,
}

/// What a service's line says.
#[derive(Clone, Copy, Default)]
struct Service {
    proto: Text<8>,
    mark: Text<16>,
    local: End,
}

impl Ipvs {
    fn new(setup: &Setup<'_>) -> Self {
        let list = setup.flags.text("collector.ipvs.backend-labels");
        Ipvs { served: LABELS.map(|label| list.split(',').any(|name| name.trim() == label)) }
    }

    fn backends(&self, bytes: &[u8], out: &mut Out<'_>) {
        // The backends of a service that is not understood belong to nobody.
        let mut service = None;
        for line in lines(bytes) {
            let mut words = words(line);
            match (words.next(), words.next()) {
                (Some(b"IP" | b"Prot"), _) | (Some(b"->"), Some(b"RemoteAddress:Port")) | (None, _) => {}
                (Some(b"->"), Some(remote)) => {
                    let backend = Backend::parse(remote, words.skip(1));
                    match service.as_ref().zip(backend) {
                        Some((service, backend)) => self.set(service, &backend, out),
                        None => out.malformed(),
                    }
                }
                (Some(proto), local) => {
                    service = Service::parse(proto, local.unwrap_or(b""));
                    if service.is_none() {
                        out.malformed();
                    }
                }
            }
        }
    }

    fn set(&self, service: &Service, backend: &Backend, out: &mut Out<'_>) {
        let values = [
            service.local.address.as_bytes(),
            service.mark.as_bytes(),
            service.local.port.as_bytes(),
            service.proto.as_bytes(),
            backend.remote.address.as_bytes(),
            backend.remote.port.as_bytes(),
        ];
        let mut labels = [("", &b""[..]); LABELS.len()];
        let mut used = 0;
        for ((label, value), served) in LABELS.into_iter().zip(values).zip(self.served) {
            if served {
                labels[used] = (label, value);
                used += 1;
            }
        }
        let mut table = out.table(1);
        let mut row = table.row(&labels[..used]);
        row.add("weight", backend.weight);
        row.add("active", backend.active);
        row.add("inactive", backend.inactive);
    }
}

struct Backend {
    remote: End,
    weight: u64,
    active: u64,
    inactive: u64,
}

impl Backend {
    fn parse<'a>(remote: &[u8], mut numbers: impl Iterator<Item = &'a [u8]>) -> Option<Backend> {
        let remote = End::parse(remote)?;
        let mut next = || numbers.next().and_then(unsigned);
        Some(Backend { remote, weight: next()?, active: next()?, inactive: next()? })
    }
}

impl Service {
    fn parse(proto: &[u8], local: &[u8]) -> Option<Service> {
        let mut service = Service::default();
        service.proto.push(proto).ok()?;
        if proto == b"FWM" {
            service.mark.push(local).ok()?;
            service.local.port.push("0").ok()?;
        } else {
            service.local = End::parse(local)?;
        }
        Some(service)
    }
}

impl End {
    /// "C0A80016:0CEA" or "[2001:0db8:0000:0000:0000:0000:0000:0001]:0050".
    fn parse(word: &[u8]) -> Option<End> {
        let colon = memchr::memrchr(b':', word)?;
        let (address, port) = (&word[..colon], hex(&word[colon + 1..])?);
        let mut end = End::default();
        write!(end.port, "{}", u16::try_from(port).ok()?).ok()?;
        if let [b'[', inner @ .., b']'] = address {
            let ip: Ipv6Addr = std::str::from_utf8(inner).ok()?.parse().ok()?;
            write!(end.address, "{ip}").ok()?;
        } else {
            let number = hex(address).filter(|_| address.len() == 8)?;
            let ip = Ipv4Addr::from(u32::try_from(number).ok()?);
            write!(end.address, "{ip}").ok()?;
        }
        Some(end)
    }
}

impl Collect for Ipvs {
    fn collect(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        // Two lines of names, then the totals.
        let totals = lines(pass.files.get(0)?).nth(2).ok_or(Trouble::Malformed)?;
        let mut numbers = words(totals);
        let mut row = pass.out.single(0);
        for family in FAMILIES {
            let value = numbers.next().and_then(hex).ok_or(Trouble::Malformed)?;
            row.set(family.key, value);
        }
        self.backends(pass.files.get(1)?, &mut pass.out);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::io::replay::Replay;
    use crate::node::testing::{Bench, failing};

    const STATS: &str = "   Total Incoming Outgoing         Incoming         Outgoing\n   Conns  Packets  Packets            Bytes            Bytes\n      1A       FF        0     FFFFFFFFFFFF                A\n\n";
    const TOTALS: &str = "node_ipvs_connections_total 26\nnode_ipvs_incoming_packets_total 255\nnode_ipvs_outgoing_packets_total 0\nnode_ipvs_incoming_bytes_total 281474976710655\nnode_ipvs_outgoing_bytes_total 10\n";
    const TABLE: &str = "IP Virtual Server version 1.2.1 (size=4096)\nProt LocalAddress:Port Scheduler Flags\n  -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n\
        TCP  0A00000A:0050 rr\n  -> 0A000101:1F90      Masq    1      7          3\n  -> 0A000102:1F90      Masq    x      7          3\n\
        SCTP [2001:0db8:0000:0000:0000:0000:0000:0001]:0050 rr\n  -> [2001:0db8:0000:0000:0000:0000:0000:0002]:0050 Route 2 4 5\n\
        FWM  00000001 wlc\n  -> 0A000101:1F90      Masq    3      1          1\n\
        UDP  zz rr\n  -> 0A000101:1F90      Masq    3      1          1\n  ->\n";

    fn run(flags: &[(&'static str, &str)]) -> String {
        let machine = Replay::with(&[("proc/net/ip_vs_stats", STATS), ("proc/net/ip_vs", TABLE)]);
        let mut bench = Bench::new("ipvs", machine, flags);
        let (result, text) = bench.pass();
        assert_eq!(result, Ok(()));
        assert_eq!(bench.pass().1, text);
        text
    }

    #[test]
    fn backends_belong_to_the_service_above() {
        let expect = r#"node_ipvs_backend_weight{local_address="10.0.0.10",local_mark="",local_port="80",proto="TCP",remote_address="10.0.1.1",remote_port="8080"} 1
node_ipvs_backend_weight{local_address="2001:db8::1",local_mark="",local_port="80",proto="SCTP",remote_address="2001:db8::2",remote_port="80"} 2
node_ipvs_backend_weight{local_address="",local_mark="00000001",local_port="0",proto="FWM",remote_address="10.0.1.1",remote_port="8080"} 3
node_ipvs_backend_connections_active{local_address="10.0.0.10",local_mark="",local_port="80",proto="TCP",remote_address="10.0.1.1",remote_port="8080"} 7"#;
        assert!(run(&[]).starts_with(&format!("{TOTALS}{expect}")));
        assert_eq!(run(&[]).lines().count(), 5 + 9);
    }

    #[test]
    fn backends_with_the_same_labels_are_summed() {
        let text = run(&[("collector.ipvs.backend-labels", "remote_address,remote_port")]);
        assert!(text.contains(r#"node_ipvs_backend_weight{remote_address="10.0.1.1",remote_port="8080"} 4"#));
        assert!(text.contains(
            r#"node_ipvs_backend_connections_active{remote_address="10.0.1.1",remote_port="8080"} 8"#
        ));
    }

    #[test]
    fn what_is_missing_is_missing() {
        failing("ipvs", &[], "no_data", "");
        failing("ipvs", &[("proc/net/ip_vs_stats", "a\nb\n")], "malformed", "");
        failing("ipvs", &[("proc/net/ip_vs_stats", STATS)], "no_data", TOTALS);
    }
}
