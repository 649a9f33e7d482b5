//! Fibre Channel host adapters: `/sys/class/fc_host`.

use crate::base::text::Text;
use crate::collect::{Collect, Collector, Pass, Setup, Trouble};
use crate::family::{Family, Table, check, counter, gauge};
use crate::io::{Names, Root};
use crate::text::{hex, trim, unsigned};

pub const COLLECTOR: Collector = Collector {
    name: "fibrechannel",
    default: true,
    files: &[],
    tables: &[
        Table::rows("fc_hosts", |limits| limits.small_devices, 64, COUNTERS),
        Table::rows("fc_host_info", |limits| limits.small_devices, 1024, INFO),
    ],
    flags: &[],
    make,
};

/// The key is the name of the file.
const fn count(key: &'static str, name: &'static str, help: &'static str) -> Family {
    counter(name, help).key(key)
}

const COUNTERS: &[Family] = &[
    count("dumped_frames", "node_fibrechannel_dumped_frames_total", "Frames thrown away."),
    count("error_frames", "node_fibrechannel_error_frames_total", "Frames with errors."),
    count("invalid_crc_count", "node_fibrechannel_invalid_crc_total", "Frames with a wrong checksum."),
    count("rx_frames", "node_fibrechannel_rx_frames_total", "Frames received."),
    count("rx_words", "node_fibrechannel_rx_words_total", "Words received."),
    count("tx_frames", "node_fibrechannel_tx_frames_total", "Frames sent."),
    count("tx_words", "node_fibrechannel_tx_words_total", "Words sent."),
    count(
        "seconds_since_last_reset",
        "node_fibrechannel_seconds_since_last_reset_total",
        "Seconds since the port was reset.",
    ),
    count("invalid_tx_word_count", "node_fibrechannel_invalid_tx_words_total", "Words that are none."),
    count("link_failure_count", "node_fibrechannel_link_failure_total", "Times the link failed."),
    count("loss_of_sync_count", "node_fibrechannel_loss_of_sync_total", "Times synchronisation was lost."),
    count("loss_of_signal_count", "node_fibrechannel_loss_of_signal_total", "Times the signal was lost."),
    count("nos_count", "node_fibrechannel_nos_total", "Not-operational sequences received."),
    count("fcp_packet_aborts", "node_fibrechannel_fcp_packet_aborts_total", "Packets that were aborted."),
];
const INFO: &[Family] = &[gauge("node_fibrechannel_info", "A host adapter's port; always 1.")];
const _: () = check(COUNTERS);
const _: () = check(INFO);

/// Labels in their order, and whether a `0x` in front is left out; `fc_host` stands between them.
const LABELS: [(&str, bool); 10] = [
    ("dev_loss_tmo", false),
    ("fabric_name", true),
    ("port_id", true),
    ("port_name", true),
    ("port_state", false),
    ("port_type", false),
    ("speed", false),
    ("supported_classes", false),
    ("supported_speeds", false),
    ("symbolic_name", false),
];

fn make(setup: &Setup<'_>) -> Box<dyn Collect> {
    Box::new(FibreChannel { hosts: Names::with_capacity(setup.limits.small_devices as usize) })
}

struct FibreChannel {
    hosts: Names,
}

const CLASS: &[u8] = b"class/fc_host/";

impl Collect for FibreChannel {
    fn collect(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        pass.io.list(Root::Sys, &[b"class/fc_host"], &mut self.hosts)?;
        for host in self.hosts.iter() {
            if pass.out.serves(0) {
                set_counters(host, pass);
            }
            if pass.out.serves(1) {
                set_info(host, pass);
            }
        }
        Ok(())
    }
}

fn set_counters(host: &[u8], pass: &mut Pass<'_>) {
    for family in COUNTERS {
        let path: &[&[u8]] = &[CLASS, host, b"/statistics/", family.key.as_bytes()];
        let Ok(text) = pass.io.read(Root::Sys, path) else { continue };
        let text = trim(text);
        let value = match text.strip_prefix(b"0x") {
            Some(digits) => hex(digits),
            None => unsigned(text),
        };
        match value {
            // What the adapter does not count.
            Some(u64::MAX) => {}
            Some(value) => {
                pass.out.table(0).row(&[("fc_host", host)]).set(family.key, value);
            }
            None => pass.out.malformed(),
        }
    }
}

fn set_info(host: &[u8], pass: &mut Pass<'_>) {
    let mut values = [Text::<256>::new(); LABELS.len()];
    for (value, (name, is_hex)) in values.iter_mut().zip(LABELS) {
        // An attribute that the driver does not have is an empty label, as with the peer.
        let Ok(text) = pass.io.read(Root::Sys, &[CLASS, host, b"/", name.as_bytes()]) else { continue };
        let text = trim(text);
        let text = if is_hex { text.strip_prefix(b"0x").unwrap_or(text) } else { text };
        if value.push(text).is_err() {
            pass.out.malformed();
        }
    }
    let label = |at: usize| (LABELS[at].0, values[at].as_bytes());
    let labels = [
        label(0),
        label(1),
        ("fc_host", host),
        label(2),
        label(3),
        label(4),
        label(5),
        label(6),
        label(7),
        label(8),
        label(9),
    ];
    pass.out.table(1).row(&labels).set("", 1);
}

#[cfg(test)]
mod tests {
    use crate::node::testing::{check, failing};

    #[test]
    fn hosts_have_counters_and_names() {
        check(
            "fibrechannel",
            &[
                ("sys/class/fc_host/host3/port_id", "0x000002\n"),
                ("sys/class/fc_host/host3/fabric_name", "0x0\n"),
                ("sys/class/fc_host/host3/speed", "16 Gbit\n"),
                ("sys/class/fc_host/host3/statistics/rx_frames", "0x3\n"),
                ("sys/class/fc_host/host3/statistics/tx_frames", "5\n"),
                ("sys/class/fc_host/host3/statistics/error_frames", "0xffffffffffffffff\n"),
                ("sys/class/fc_host/host3/statistics/nos_count", "0xx\n"),
            ],
            r#"node_fibrechannel_rx_frames_total{fc_host="host3"} 3
               node_fibrechannel_tx_frames_total{fc_host="host3"} 5
               node_fibrechannel_info{dev_loss_tmo="",fabric_name="0",fc_host="host3",port_id="000002",port_name="",port_state="",port_type="",speed="16 Gbit",supported_classes="",supported_speeds="",symbolic_name=""} 1"#,
        );
        failing("fibrechannel", &[], "no_data", "");
    }
}
