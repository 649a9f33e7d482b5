//! TCP sockets by state: SOCK_DIAG, or `/proc/net/tcp` and `/proc/net/tcp6`.

use crate::collect::{Collect, Collector, Pass, Trouble};
use crate::family::{Family, Table, check, gauge};
use crate::io::{Dump, ReadError, Root};
use crate::text::attributes::number32;
use crate::text::{hex, lines, split_once, words};

pub const COLLECTOR: Collector = Collector {
    name: "tcpstat",
    default: false,
    files: &[],
    tables: &[Table::single("tcpstat", FAMILIES)],
    flags: &[],
    // 150 bytes a line: 3,400 sockets. Its pages are not touched while netlink answers.
    make: |_| Box::new(TcpStat { file: Vec::with_capacity(512 * 1024) }),
};

const FAMILIES: &[Family] =
    &[gauge("node_tcp_connection_states", "TCP sockets by state, and bytes in their queues.")
        .key("sockets")
        .split("state", &STATES)
        .essential()];
const _: () = check(FAMILIES);

/// By the number of the state, TCP_ESTABLISHED = 1; then the queues. The last is what has no name here.
const STATES: [&str; 14] = [
    "established",
    "syn_sent",
    "syn_recv",
    "fin_wait1",
    "fin_wait2",
    "time_wait",
    "close",
    "close_wait",
    "last_ack",
    "listen",
    "closing",
    "rx_queued_bytes",
    "tx_queued_bytes",
    "unknown",
];
const RECEIVED: usize = 11;
const SENT: usize = 12;
const UNKNOWN: usize = 13;

struct TcpStat {
    file: Vec<u8>,
}

/// Sums of a pass.
#[derive(Default)]
struct Sums {
    values: [u64; STATES.len()],
    sockets: u64,
    malformed: u64,
}

impl Sums {
    fn add(&mut self, state: u64, received: u64, sent: u64) {
        let known = usize::try_from(state).ok().and_then(|state| state.checked_sub(1));
        self.values[known.filter(|state| *state < RECEIVED).unwrap_or(UNKNOWN)] += 1;
        self.values[RECEIVED] = self.values[RECEIVED].saturating_add(received);
        self.values[SENT] = self.values[SENT].saturating_add(sent);
        self.sockets += 1;
    }

    /// struct inet_diag_msg: family, state, timer, retransmits, 48 bytes of addresses, expires, receive queue, send
    /// queue.
    fn message(&mut self, message: &[u8]) {
        let state = message.get(1).copied().map(u64::from);
        let queues = number32(message, 56).zip(number32(message, 60));
        match state.zip(queues) {
            Some((state, (received, sent))) => self.add(state, u64::from(received), u64::from(sent)),
            None => self.malformed += 1,
        }
    }

    /// "  0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 …": state, then send and receive queue.
    fn line(&mut self, line: &[u8]) {
        let mut words = words(line).skip(3);
        let state = words.next().and_then(hex);
        let queues = words.next().and_then(|word| split_once(word, b':'));
        match state.zip(queues.and_then(|(sent, received)| hex(sent).zip(hex(received)))) {
            Some((state, (sent, received))) => self.add(state, received, sent),
            None => self.malformed += 1,
        }
    }

    /// States that no socket is in are left out, as the peer does.
    fn set(&self, pass: &mut Pass<'_>) {
        let mut row = pass.out.single(0);
        for (place, (state, value)) in STATES.iter().zip(self.values).enumerate() {
            let queue = place == RECEIVED || place == SENT;
            if value > 0 || (queue && self.sockets > 0) {
                row.set_split("sockets", state, value);
            }
        }
        for _ in 0..self.malformed {
            pass.out.malformed();
        }
    }
}

impl Collect for TcpStat {
    fn collect(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        let mut sums = Sums::default();
        let live = pass.io.is_live(Root::Proc);
        if live && pass.io.dump(Dump::TcpSockets, &mut |message| sums.message(message)).is_ok() {
            sums.set(pass);
            return Ok(());
        }
        // A machine that forbids netlink still has the files. Half a dump is no sum.
        let mut sums = Sums::default();
        let mut missing = 0;
        for path in [&b"net/tcp"[..], b"net/tcp6"] {
            match pass.io.read_into(Root::Proc, &[path], &mut self.file) {
                Ok(()) => lines(&self.file).skip(1).for_each(|line| sums.line(line)),
                Err(ReadError::Missing) => missing += 1,
                Err(error) => return Err(error.into()),
            }
        }
        if missing == 2 {
            return Err(Trouble::NoData);
        }
        sums.set(pass);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::io::Dump;
    use crate::io::replay::Replay;
    use crate::node::testing::{Bench, check, failing};

    const HEAD: &str = "  sl  local_address rem_address   st tx_queue rx_queue\n";

    #[test]
    fn lines_are_counted_by_state() {
        let four = format!(
            "{HEAD} 0: 0:1 0:0 0A 00000010:00000001\n 1: 0:1 0:0 01 00000001:00000000\n 2: 0:1 0:0 zz 0:0\n"
        );
        let six = format!("{HEAD} 0: 0:1 0:0 0A FFFFFFFF:00000001\n 1: 0:1 0:0 0C 0:0\n");
        check(
            "tcpstat",
            &[("proc/net/tcp", &four), ("proc/net/tcp6", &six)],
            r#"node_tcp_connection_states{state="established"} 1
               node_tcp_connection_states{state="listen"} 2
               node_tcp_connection_states{state="rx_queued_bytes"} 2
               node_tcp_connection_states{state="tx_queued_bytes"} 4294967312
               node_tcp_connection_states{state="unknown"} 1"#,
        );
        failing("tcpstat", &[], "no_data", "");
        let long = "x".repeat(512 * 1024 + 1);
        failing("tcpstat", &[("proc/net/tcp", &long)], "too_long", "");
    }

    #[test]
    fn sockets_of_netlink() {
        let message = |state: u8, received: u32, sent: u32| {
            let mut message = vec![0; 72];
            message[1] = state;
            message[56..60].copy_from_slice(&received.to_ne_bytes());
            message[60..64].copy_from_slice(&sent.to_ne_bytes());
            message
        };
        let mut machine = Replay::new();
        machine.live = true;
        machine.set_dump(Dump::TcpSockets, vec![message(10, 0, 128), message(6, 3, 4), vec![2, 1]]);
        let (result, text) = Bench::new("tcpstat", machine, &[]).pass();
        let expect = r#"node_tcp_connection_states{state="time_wait"} 1
node_tcp_connection_states{state="listen"} 1
node_tcp_connection_states{state="rx_queued_bytes"} 3
node_tcp_connection_states{state="tx_queued_bytes"} 132"#;
        assert_eq!((result, text.as_str()), (Ok(()), expect));
    }
}
