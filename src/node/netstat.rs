//! Counters of the network protocols: `/proc/net/netstat`, `/proc/net/snmp` and `/proc/net/snmp6`.
//!
//! Format: a line of names and a line of numbers per protocol, "Udp: InDatagrams NoPorts" and "Udp: 12 0"; snmp6 has a
//! name and a number on each line, "Udp6InDatagrams 3".

use crate::base::text::Text;
use crate::collect::{Collect, Collector, Pass, Setup, Trouble};
use crate::family::{Family, Kind, Repr, Table, check, untyped};
use crate::filter::NameFilter;
use crate::flags::{Flag, FlagKind};
use crate::io::FileSpec;
use crate::store::Out;
use crate::text::{lines, signed, split_once, unsigned, words};
use hashbrown::DefaultHashBuilder;
use std::hash::BuildHasher;

pub const COLLECTOR: Collector = Collector {
    name: "netstat",
    default: true,
    files: &[
        FileSpec::proc("net/netstat", |_| 16384).whole(),
        FileSpec::proc("net/snmp", |_| 16384).whole(),
        FileSpec::proc("net/snmp6", |_| 16384).whole(),
    ],
    tables: &[
        Table::single("netstat", FAMILIES),
        Table::named("netstat_fields", |limits| limits.kernel_rows, 0, |limits| limits.kernel_rows, None),
    ],
    flags: &[Flag {
        name: "collector.netstat.fields",
        kind: FlagKind::Regex,
        default: DEFAULT_FIELDS,
        help: "Fields that are served, as Protocol_Name.",
    }],
    make: |setup| Box::new(NetStat::new(setup)),
};

/// What [`FAMILIES`] serves, but for `Tcp_MaxConn`, which dashboards ask for and the peer's own default leaves out.
const DEFAULT_FIELDS: &str = "^(.*_(InErrors|InErrs)|Ip_Forwarding|Ip(6|Ext)_(InOctets|OutOctets)|Icmp6?_(InMsgs|OutMsgs)|TcpExt_(Listen.*|Syncookies.*|TCPSynRetrans|TCPTimeouts|TCPOFOQueue|TCPRcvQDrop)|Tcp_(ActiveOpens|InSegs|OutSegs|OutRsts|PassiveOpens|RetransSegs|CurrEstab)|Udp6?_(InDatagrams|OutDatagrams|NoPorts|RcvbufErrors|SndbufErrors))$";

/// In the order in which the kernel prints them.
const FAMILIES: &[Family] = &[
    field("node_netstat_TcpExt_SyncookiesSent", "SYN cookies sent.").essential(),
    field("node_netstat_TcpExt_SyncookiesRecv", "Valid SYN cookies received.").essential(),
    field("node_netstat_TcpExt_SyncookiesFailed", "Invalid SYN cookies received.").essential(),
    field("node_netstat_TcpExt_ListenOverflows", "Connections dropped because a listen queue was full.")
        .essential(),
    field("node_netstat_TcpExt_ListenDrops", "Connections to listening sockets that were dropped.")
        .essential(),
    field("node_netstat_TcpExt_TCPTimeouts", "Retransmission timeouts.").essential(),
    field("node_netstat_TcpExt_TCPOFOQueue", "Segments queued out of order.").essential(),
    field("node_netstat_TcpExt_TCPSynRetrans", "SYN segments sent again.").essential(),
    field("node_netstat_TcpExt_TCPRcvQDrop", "Segments dropped because a receive queue was full.")
        .essential(),
    field("node_netstat_IpExt_InOctets", "Bytes received by IPv4.").essential(),
    field("node_netstat_IpExt_OutOctets", "Bytes sent by IPv4.").essential(),
    field("node_netstat_Ip_Forwarding", "1 if the machine forwards IPv4, 2 if not.").essential(),
    field("node_netstat_Icmp_InMsgs", "ICMP messages received.").essential(),
    field("node_netstat_Icmp_InErrors", "Bad ICMP messages received.").essential(),
    field("node_netstat_Icmp_OutMsgs", "ICMP messages sent.").essential(),
    field("node_netstat_Tcp_MaxConn", "Largest number of TCP connections; -1 if there is no limit.")
        .signed()
        .essential(),
    field("node_netstat_Tcp_ActiveOpens", "TCP connections opened by this machine.").essential(),
    field("node_netstat_Tcp_PassiveOpens", "TCP connections opened by others.").essential(),
    field("node_netstat_Tcp_CurrEstab", "TCP connections that are open.").essential(),
    field("node_netstat_Tcp_InSegs", "TCP segments received.").essential(),
    field("node_netstat_Tcp_OutSegs", "TCP segments sent.").essential(),
    field("node_netstat_Tcp_RetransSegs", "TCP segments sent again.").essential(),
    field("node_netstat_Tcp_InErrs", "Bad TCP segments received.").essential(),
    field("node_netstat_Tcp_OutRsts", "TCP resets sent.").essential(),
    field("node_netstat_Udp_InDatagrams", "UDP datagrams received.").essential(),
    field("node_netstat_Udp_NoPorts", "UDP datagrams received for a port nobody listens on.").essential(),
    field("node_netstat_Udp_InErrors", "UDP datagrams that could not be delivered.").essential(),
    field("node_netstat_Udp_OutDatagrams", "UDP datagrams sent.").essential(),
    field("node_netstat_Udp_RcvbufErrors", "UDP datagrams dropped because a receive buffer was full.")
        .essential(),
    field("node_netstat_Udp_SndbufErrors", "UDP datagrams dropped because a send buffer was full.")
        .essential(),
    field("node_netstat_UdpLite_InErrors", "UDP-Lite datagrams that could not be delivered.").essential(),
    field("node_netstat_Ip6_InOctets", "Bytes received by IPv6."),
    field("node_netstat_Ip6_OutOctets", "Bytes sent by IPv6."),
    field("node_netstat_Icmp6_InMsgs", "ICMPv6 messages received."),
    field("node_netstat_Icmp6_InErrors", "Bad ICMPv6 messages received."),
    field("node_netstat_Icmp6_OutMsgs", "ICMPv6 messages sent."),
    field("node_netstat_Udp6_InDatagrams", "UDP datagrams received over IPv6."),
    field("node_netstat_Udp6_NoPorts", "UDP datagrams received over IPv6 for a port nobody listens on."),
    field("node_netstat_Udp6_InErrors", "UDP datagrams received over IPv6 that could not be delivered."),
    field("node_netstat_Udp6_OutDatagrams", "UDP datagrams sent over IPv6."),
    field(
        "node_netstat_Udp6_RcvbufErrors",
        "UDP datagrams over IPv6 dropped because a receive buffer was full.",
    ),
    field(
        "node_netstat_Udp6_SndbufErrors",
        "UDP datagrams over IPv6 dropped because a send buffer was full.",
    ),
    field(
        "node_netstat_UdpLite6_InErrors",
        "UDP-Lite datagrams received over IPv6 that could not be delivered.",
    ),
];
const _: () = check(FAMILIES);

/// The key is what comes after the prefix: protocol, underscore, name.
const fn field(name: &'static str, help: &'static str) -> Family {
    untyped(name, help).key(name.split_at(PREFIX.len()).1)
}

const PREFIX: &str = "node_netstat_";

/// Which words of a line of numbers are wanted, valid as long as the line of names has this hash.
#[derive(Clone, Copy, Default)]
struct Memo {
    hash: u64,
    picks: [Pick; PICKS],
    used: usize,
}

#[derive(Clone, Copy, Default)]
struct Pick {
    /// Index of the word after the protocol.
    word: usize,
    family: usize,
}

/// Most families of one protocol.
const PICKS: usize = 16;

/// Lines of names whose columns are remembered; a kernel has nine.
const MEMOS: usize = 16;

struct NetStat {
    memos: [Memo; MEMOS],
    hasher: DefaultHashBuilder,
    /// The operator's own choice of fields.
    fields: Option<NameFilter>,
}

impl NetStat {
    fn new(setup: &Setup<'_>) -> Self {
        let own = setup.flags.text("collector.netstat.fields") != DEFAULT_FIELDS;
        NetStat {
            memos: [Memo::default(); MEMOS],
            hasher: DefaultHashBuilder::default(),
            fields: own.then(|| NameFilter::new(setup.flags, "collector.netstat.fields", "")),
        }
    }

    /// A file with a line of names and a line of numbers per protocol; `first`: the memo of its first protocol.
    fn pairs(&mut self, bytes: &[u8], first: usize, out: &mut Out<'_>) -> usize {
        let mut memo = first;
        let mut names: Option<(&[u8], &[u8])> = None;
        for line in lines(bytes) {
            let Some((protocol, rest)) = split_once(line, b':') else {
                out.malformed();
                continue;
            };
            match names.take() {
                Some((known, names)) if known == protocol => {
                    match &mut self.fields {
                        Some(fields) => chosen_pairs(fields, protocol, names, rest, out),
                        None => self.picked(memo, protocol, names, rest, out),
                    }
                    memo = (memo + 1).min(MEMOS - 1);
                }
                before => {
                    if before.is_some() {
                        out.malformed();
                    }
                    names = Some((protocol, rest));
                }
            }
        }
        if names.is_some() {
            out.malformed();
        }
        memo
    }

    /// Sets the families of one protocol.
    fn picked(&mut self, memo: usize, protocol: &[u8], names: &[u8], numbers: &[u8], out: &mut Out<'_>) {
        let memo = &mut self.memos[memo];
        let hash = self.hasher.hash_one((protocol, names));
        if memo.hash != hash {
            *memo = Memo::of(hash, protocol, names);
        }
        let mut numbers = words(numbers);
        let mut at = 0;
        for pick in &memo.picks[..memo.used] {
            let word = numbers.nth(pick.word - at);
            at = pick.word + 1;
            set(pick.family, word, out);
        }
    }

    fn lines6(&mut self, bytes: &[u8], out: &mut Out<'_>) {
        for line in lines(bytes) {
            let mut words = words(line);
            let Some(name) = words.next() else { continue };
            let number = words.next();
            // The protocol ends with its 6; lines without one are of no protocol.
            let Some(six) = memchr::memchr(b'6', name) else { continue };
            let (protocol, name) = name.split_at(six + 1);
            match &mut self.fields {
                Some(fields) => chosen(fields, protocol, name, number, out),
                None => {
                    if let Some(family) = family(protocol, name) {
                        set(family, number, out);
                    }
                }
            }
        }
    }
}

impl Memo {
    fn of(hash: u64, protocol: &[u8], names: &[u8]) -> Memo {
        let mut memo = Memo { hash, ..Memo::default() };
        for (word, name) in words(names).enumerate() {
            if let (Some(family), Some(pick)) = (family(protocol, name), memo.picks.get_mut(memo.used)) {
                *pick = Pick { word, family };
                memo.used += 1;
            }
        }
        memo
    }
}

/// The index of the family for a field.
fn family(protocol: &[u8], name: &[u8]) -> Option<usize> {
    FAMILIES.iter().position(|family| {
        let rest = family.key.as_bytes().strip_prefix(protocol);
        rest.and_then(|rest| rest.strip_prefix(b"_")) == Some(name)
    })
}

fn set(family: usize, number: Option<&[u8]>, out: &mut Out<'_>) {
    let Family { key, scale, .. } = FAMILIES[family];
    let known = if scale.repr == Repr::Signed {
        number.and_then(signed).map(|value| out.single(0).set_signed(key, value))
    } else {
        number.and_then(unsigned).map(|value| out.single(0).set(key, value))
    };
    if known.is_none() {
        out.malformed();
    }
}

fn chosen_pairs(fields: &mut NameFilter, protocol: &[u8], names: &[u8], numbers: &[u8], out: &mut Out<'_>) {
    let mut numbers = words(numbers);
    for name in words(names) {
        chosen(fields, protocol, name, numbers.next(), out);
    }
}

fn chosen(fields: &mut NameFilter, protocol: &[u8], name: &[u8], number: Option<&[u8]>, out: &mut Out<'_>) {
    let mut metric = Text::<128>::new();
    let mut help = Text::<128>::new();
    let fits = metric.push_all(&[PREFIX.as_bytes(), protocol, b"_", name]).is_ok()
        && help.push_all(&[b"Counter ", name, b" of ", protocol, b"."]).is_ok()
        && crate::family::valid_name(metric.as_bytes());
    if !fits {
        out.malformed();
        return;
    }
    if !fields.keeps(&metric.as_bytes()[PREFIX.len()..]) {
        return;
    }
    // A float has 53 bits of the number, as every reader of the text has.
    let value = number.and_then(|number| match signed(number) {
        Some(value) => Some(value as f64),
        None => unsigned(number).map(|value| value as f64),
    });
    match value {
        Some(value) => out.named(1, metric.as_bytes(), Kind::Untyped, help.as_bytes()).set(&[], value),
        None => out.malformed(),
    }
}

impl Collect for NetStat {
    fn collect(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        let mut result = Ok(());
        let mut memo = 0;
        for file in 0..2 {
            match pass.files.get(file) {
                Ok(bytes) => memo = self.pairs(bytes, memo, &mut pass.out),
                Err(error) => result = Err(error.into()),
            }
        }
        // A machine without IPv6 does not have the third.
        match pass.files.get(2) {
            Ok(bytes) => self.lines6(bytes, &mut pass.out),
            Err(crate::io::ReadError::Missing) => {}
            Err(error) => result = Err(error.into()),
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::replay::Replay;
    use crate::node::testing::{Bench, check, failing};
    use crate::pattern::Pattern;

    #[test]
    fn the_default_expression_chooses_what_the_table_has() {
        let regex = Pattern::new(DEFAULT_FIELDS).unwrap();
        for family in FAMILIES {
            assert_eq!(regex.matches(family.key.as_bytes()), family.key != "Tcp_MaxConn", "{}", family.key);
        }
    }

    const NETSTAT: &str = "TcpExt: SyncookiesSent Unknown ListenDrops\nTcpExt: 1 2 3\nIpExt: InOctets\nIpExt: 18446744073709551615\n";
    const SNMP: &str = "Ip: Forwarding\nIp: 1\nTcp: MaxConn CurrEstab InErrs\nTcp: -1 7\n";

    #[test]
    fn names_and_numbers_are_on_two_lines() {
        check(
            "netstat",
            &[
                ("proc/net/netstat", NETSTAT),
                ("proc/net/snmp", SNMP),
                (
                    "proc/net/snmp6",
                    "Ip6InOctets \t 5\nUnknown6x 1\nnone 3\nUdp6NoPorts\nUdpLite6InErrors 9\n",
                ),
            ],
            "node_netstat_TcpExt_SyncookiesSent 1
             node_netstat_TcpExt_ListenDrops 3
             node_netstat_IpExt_InOctets 18446744073709551614
             node_netstat_Ip_Forwarding 1
             node_netstat_Tcp_MaxConn -1
             node_netstat_Tcp_CurrEstab 7
             node_netstat_Ip6_InOctets 5
             node_netstat_UdpLite6_InErrors 9",
        );
    }

    #[test]
    fn columns_are_found_again_when_the_names_change() {
        let mut bench =
            Bench::new("netstat", Replay::with(&[("proc/net/netstat", NETSTAT), ("proc/net/snmp", "")]), &[]);
        let first = bench.pass();
        assert_eq!(bench.pass(), first);
        bench.machine.file("proc/net/netstat", b"TcpExt: ListenDrops X SyncookiesSent\nTcpExt: 4 5 6\n");
        let expect = "node_netstat_TcpExt_SyncookiesSent 6\nnode_netstat_TcpExt_ListenDrops 4";
        assert_eq!(bench.pass(), (Ok(()), expect.to_owned()));
    }

    #[test]
    fn bad_lines_cost_themselves() {
        failing(
            "netstat",
            &[("proc/net/snmp", SNMP)],
            "no_data",
            "node_netstat_Ip_Forwarding 1\nnode_netstat_Tcp_MaxConn -1\nnode_netstat_Tcp_CurrEstab 7",
        );
        check(
            "netstat",
            &[
                ("proc/net/netstat", "TcpExt: SyncookiesSent\nno colon\nIpExt: InOctets\nIpExt: 3\nIpExt"),
                ("proc/net/snmp", "Udp: InErrors NoPorts\nUdp: x 2\nTcp: CurrEstab\n"),
            ],
            "node_netstat_IpExt_InOctets 3\nnode_netstat_Udp_NoPorts 2",
        );
    }

    #[test]
    fn an_operator_may_choose_other_fields() {
        let files =
            [("proc/net/netstat", NETSTAT), ("proc/net/snmp", SNMP), ("proc/net/snmp6", "Ip6InOctets 5\n")];
        let flags = [("collector.netstat.fields", "^(TcpExt_Unknown|Tcp_.*|Ip6_.*)$")];
        let expect = "node_netstat_TcpExt_Unknown 2\nnode_netstat_Tcp_MaxConn -1\nnode_netstat_Tcp_CurrEstab 7\nnode_netstat_Ip6_InOctets 5";
        let mut bench = Bench::new("netstat", Replay::with(&files), &flags);
        for _ in 0..2 {
            assert_eq!(bench.pass(), (Ok(()), expect.to_owned()));
        }
    }
}
