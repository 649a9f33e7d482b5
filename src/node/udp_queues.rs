//! Bytes in the queues of UDP sockets: the fifth word of each line of `/proc/net/udp` and `/proc/net/udp6`.

use crate::collect::{Collector, Pass, Trouble};
use crate::family::{Family, Table, check, gauge};
use crate::io::{FileSpec, ReadError};
use crate::stateless;
use crate::text::{hex, lines, split_once, words};

pub const COLLECTOR: Collector = Collector {
    name: "udp_queues",
    default: true,
    // 128 bytes a line: 2,047 sockets each.
    files: &[FileSpec::proc("net/udp", |_| 256 * 1024), FileSpec::proc("net/udp6", |_| 256 * 1024)],
    tables: &[Table::rows("udp_queues", |_| 2, 16, FAMILIES)],
    flags: &[],
    make: stateless!(collect),
};

const FAMILIES: &[Family] = &[gauge("node_udp_queues", "Bytes in the queues of all UDP sockets.")
    .key("bytes")
    .split("queue", &["tx", "rx"])
    .essential()];
const _: () = check(FAMILIES);

fn collect(pass: &mut Pass<'_>) -> Result<(), Trouble> {
    let mut result = Ok(());
    let mut missing = 0;
    for (file, ip) in ["v4", "v6"].into_iter().enumerate() {
        match pass.files.get(file) {
            Ok(bytes) => absorb(bytes, ip, pass),
            Err(ReadError::Missing) => missing += 1,
            Err(error) => result = Err(error.into()),
        }
    }
    if missing == 2 { Err(Trouble::NoData) } else { result }
}

fn absorb(bytes: &[u8], ip: &str, pass: &mut Pass<'_>) {
    let (mut sent, mut received) = (0_u64, 0_u64);
    for line in lines(bytes).skip(1) {
        let queues = words(line).nth(4).and_then(|word| split_once(word, b':'));
        match queues.and_then(|(tx, rx)| hex(tx).zip(hex(rx))) {
            Some((tx, rx)) => {
                sent = sent.saturating_add(tx);
                received = received.saturating_add(rx);
            }
            None => pass.out.malformed(),
        }
    }
    let mut table = pass.out.table(0);
    let mut row = table.row(&[("ip", ip.as_bytes())]);
    row.set_split("bytes", "tx", sent);
    row.set_split("bytes", "rx", received);
}

#[cfg(test)]
mod tests {
    use crate::node::testing::{check, failing};

    const HEAD: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n";

    #[test]
    fn sockets_are_summed() {
        let four = format!(
            "{HEAD} 1: 00000000:0044 00000000:0000 07 00000010:00000300 00:00000000\n 2: 0 0 07 FFFFFFFF:00000001\n 3: 0 0 07\n 4: 0 0 07 x:0\n"
        );
        check(
            "udp_queues",
            &[("proc/net/udp", &four), ("proc/net/udp6", HEAD)],
            r#"node_udp_queues{queue="tx",ip="v4"} 4294967311
               node_udp_queues{queue="tx",ip="v6"} 0
               node_udp_queues{queue="rx",ip="v4"} 769
               node_udp_queues{queue="rx",ip="v6"} 0"#,
        );
    }

    #[test]
    fn more_sockets_than_planned_are_no_sum_at_all() {
        let long = "x".repeat(256 * 1024 + 1);
        failing(
            "udp_queues",
            &[("proc/net/udp", &long), ("proc/net/udp6", HEAD)],
            "too_long",
            r#"node_udp_queues{queue="tx",ip="v6"} 0
               node_udp_queues{queue="rx",ip="v6"} 0"#,
        );
        failing("udp_queues", &[], "no_data", "");
    }
}
