//! Sockets in use: `/proc/net/sockstat` and `/proc/net/sockstat6`.
//!
//! Format: "TCP: inuse 4 orphan 0 tw 4 alloc 17 mem 1".

use crate::base::text::Text;
use crate::collect::{Collect, Collector, Pass, Trouble};
use crate::family::{Family, Table, check, gauge};
use crate::io::{FileSpec, ReadError};
use crate::store::Out;
use crate::text::{lines, signed, split_once, words};

pub const COLLECTOR: Collector = Collector {
    name: "sockstat",
    default: true,
    files: &[
        FileSpec::proc("net/sockstat", |_| 4096).whole(),
        FileSpec::proc("net/sockstat6", |_| 4096).whole(),
    ],
    tables: &[Table::single("sockstat", FAMILIES)],
    flags: &[],
    make: |setup| {
        let page_bytes = i64::try_from(setup.page_bytes).unwrap_or(i64::MAX);
        Box::new(SockStat { page_bytes })
    },
};

const FAMILIES: &[Family] = &[
    sockets("node_sockstat_sockets_used", "Sockets in use.").essential(),
    sockets("node_sockstat_TCP_inuse", "TCP sockets that are open.").essential(),
    sockets("node_sockstat_TCP_orphan", "TCP sockets that no process holds.").essential(),
    sockets("node_sockstat_TCP_tw", "TCP sockets that wait for late segments.").essential(),
    sockets("node_sockstat_TCP_alloc", "TCP sockets that hold memory, in any state.").essential(),
    sockets("node_sockstat_TCP_mem", "Pages that TCP buffers take.").essential(),
    sockets("node_sockstat_TCP_mem_bytes", "Bytes that TCP buffers take.").essential(),
    sockets("node_sockstat_UDP_inuse", "UDP sockets that are open.").essential(),
    sockets("node_sockstat_UDP_mem", "Pages that UDP buffers take.").essential(),
    sockets("node_sockstat_UDP_mem_bytes", "Bytes that UDP buffers take.").essential(),
    sockets("node_sockstat_UDPLITE_inuse", "UDP-Lite sockets that are open.").essential(),
    sockets("node_sockstat_RAW_inuse", "Raw sockets that are open.").essential(),
    sockets("node_sockstat_FRAG_inuse", "IPv4 packets that wait for fragments.").essential(),
    sockets("node_sockstat_FRAG_memory", "Bytes that waiting IPv4 fragments take.").essential(),
    sockets("node_sockstat_TCP6_inuse", "TCP sockets that are open over IPv6."),
    sockets("node_sockstat_UDP6_inuse", "UDP sockets that are open over IPv6."),
    sockets("node_sockstat_UDPLITE6_inuse", "UDP-Lite sockets that are open over IPv6."),
    sockets("node_sockstat_RAW6_inuse", "Raw sockets that are open over IPv6."),
    sockets("node_sockstat_FRAG6_inuse", "IPv6 packets that wait for fragments."),
    sockets("node_sockstat_FRAG6_memory", "Bytes that waiting IPv6 fragments take."),
];
const _: () = check(FAMILIES);

/// The key is protocol, underscore, name. The kernel prints signed numbers.
const fn sockets(name: &'static str, help: &'static str) -> Family {
    gauge(name, help).key(name.split_at("node_sockstat_".len()).1).signed()
}

struct SockStat {
    page_bytes: i64,
}

impl SockStat {
    fn absorb(&self, bytes: &[u8], out: &mut Out<'_>) {
        for line in lines(bytes) {
            let Some((protocol, rest)) = split_once(line, b':') else {
                out.malformed();
                continue;
            };
            let mut words = words(rest);
            while let Some(name) = words.next() {
                match words.next().and_then(signed) {
                    Some(value) => self.set(protocol, name, value, out),
                    None => out.malformed(),
                }
            }
        }
    }

    fn set(&self, protocol: &[u8], name: &[u8], value: i64, out: &mut Out<'_>) {
        let mut key = Text::<64>::new();
        if key.push_all(&[protocol, b"_", name]).is_err() {
            return;
        }
        let mut row = out.single(0);
        row.set_signed(key.as_bytes(), value);
        if name == b"mem" && key.push("_bytes").is_ok() {
            row.set_signed(key.as_bytes(), value.saturating_mul(self.page_bytes));
        }
    }
}

impl Collect for SockStat {
    fn collect(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        let mut result = Ok(());
        for file in 0..2 {
            match pass.files.get(file) {
                Ok(bytes) => self.absorb(bytes, &mut pass.out),
                // A machine may be without IPv4 or IPv6.
                Err(ReadError::Missing) => {}
                Err(error) => result = Err(error.into()),
            }
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use crate::node::testing::check;

    #[test]
    fn pages_are_served_as_bytes_too() {
        check(
            "sockstat",
            &[
                (
                    "proc/net/sockstat",
                    "sockets: used 290\nTCP: inuse 5 orphan 0 tw 3 alloc 9 mem 2\nUDP: inuse 1 mem 9223372036854775807\nFRAG: inuse 0 memory 0\n",
                ),
                ("proc/net/sockstat6", "TCP6: inuse 4\nNEW6: inuse 4\n"),
            ],
            "node_sockstat_sockets_used 290
             node_sockstat_TCP_inuse 5
             node_sockstat_TCP_orphan 0
             node_sockstat_TCP_tw 3
             node_sockstat_TCP_alloc 9
             node_sockstat_TCP_mem 2
             node_sockstat_TCP_mem_bytes 8192
             node_sockstat_UDP_inuse 1
             node_sockstat_UDP_mem 9223372036854775806
             node_sockstat_UDP_mem_bytes 9223372036854775806
             node_sockstat_FRAG_inuse 0
             node_sockstat_FRAG_memory 0
             node_sockstat_TCP6_inuse 4",
        );
    }

    #[test]
    fn bad_words_cost_themselves() {
        check("sockstat", &[], "");
        check(
            "sockstat",
            &[("proc/net/sockstat", "no colon\nTCP: inuse x orphan -3 tw\nRAW: inuse 2")],
            "node_sockstat_TCP_orphan -3
             node_sockstat_RAW_inuse 2",
        );
    }
}
