//! InfiniBand ports: `/sys/class/infiniband/<device>/ports/<port>/*`.

use crate::base::text::Text;
use crate::collect::{Collect, Collector, Pass, Setup, Trouble};
use crate::family::{Family, Repr, Table, check, counter, gauge};
use crate::filter::NameFilter;
use crate::flags::{Flag, FlagKind};
use crate::io::{Io, Names, ReadError, Root};
use crate::store::Out;
use crate::text::{float, split_once, trim, unsigned, words};

pub const COLLECTOR: Collector = Collector {
    name: "infiniband",
    default: true,
    files: &[],
    tables: &[
        Table::rows("infiniband", |limits| limits.small_devices, 160, FAMILIES),
        Table::rows("infiniband_info", |limits| limits.small_devices, 512, INFO),
    ],
    flags: &[
        Flag {
            name: "collector.infiniband.device-include",
            kind: FlagKind::Regex,
            default: "",
            help: "InfiniBand devices that are served; not together with device-exclude.",
        },
        Flag {
            name: "collector.infiniband.device-exclude",
            kind: FlagKind::Regex,
            default: "",
            help: "InfiniBand devices that are not served.",
        },
    ],
    make: |setup| Box::new(InfiniBand::new(setup)),
};

/// The key is the path below the port.
const FAMILIES: &[Family] = &[
    gauge("node_infiniband_state_id", "State: 1 down, 2 init, 3 armed, 4 active, 5 active and deferred.")
        .key("state"),
    gauge(
        "node_infiniband_physical_state_id",
        "Physical state: 1 sleep, 2 polling, 3 disabled, 5 up, 6 recovery.",
    )
    .key("phys_state"),
    gauge("node_infiniband_rate_bytes_per_second", "Highest rate.").key("rate").float(),
    gauge("node_infiniband_lifespan_seconds", "How long the hardware counters are cached.")
        .key("hw_counters/lifespan"),
    counter(
        "node_infiniband_legacy_multicast_packets_received_total",
        "Multicast packets received, as kernels before 4.5 count them.",
    )
    .key("counters_ext/port_multicast_rcv_packets"),
    counter(
        "node_infiniband_legacy_multicast_packets_transmitted_total",
        "Multicast packets sent, as kernels before 4.5 count them.",
    )
    .key("counters_ext/port_multicast_xmit_packets"),
    counter(
        "node_infiniband_legacy_data_received_bytes_total",
        "Bytes received, as kernels before 4.5 count them.",
    )
    .key("counters_ext/port_rcv_data_64")
    .times(4),
    counter(
        "node_infiniband_legacy_packets_received_total",
        "Packets received, as kernels before 4.5 count them.",
    )
    .key("counters_ext/port_rcv_packets_64"),
    counter(
        "node_infiniband_legacy_unicast_packets_received_total",
        "Unicast packets received, as kernels before 4.5 count them.",
    )
    .key("counters_ext/port_unicast_rcv_packets"),
    counter(
        "node_infiniband_legacy_unicast_packets_transmitted_total",
        "Unicast packets sent, as kernels before 4.5 count them.",
    )
    .key("counters_ext/port_unicast_xmit_packets"),
    counter(
        "node_infiniband_legacy_data_transmitted_bytes_total",
        "Bytes sent, as kernels before 4.5 count them.",
    )
    .key("counters_ext/port_xmit_data_64")
    .times(4),
    counter(
        "node_infiniband_legacy_packets_transmitted_total",
        "Packets sent, as kernels before 4.5 count them.",
    )
    .key("counters_ext/port_xmit_packets_64"),
    counter(
        "node_infiniband_excessive_buffer_overrun_errors_total",
        "Buffer overruns in several flow control periods in a row.",
    )
    .key("counters/excessive_buffer_overrun_errors"),
    counter("node_infiniband_link_downed_total", "Link lost without recovery.").key("counters/link_downed"),
    counter("node_infiniband_link_error_recovery_total", "Link recovered from an error.")
        .key("counters/link_error_recovery"),
    counter(
        "node_infiniband_local_link_integrity_errors_total",
        "Times the limit of local physical errors was passed.",
    )
    .key("counters/local_link_integrity_errors"),
    counter("node_infiniband_multicast_packets_received_total", "Multicast packets received.")
        .key("counters/multicast_rcv_packets"),
    counter("node_infiniband_multicast_packets_transmitted_total", "Multicast packets sent.")
        .key("counters/multicast_xmit_packets"),
    counter(
        "node_infiniband_port_constraint_errors_received_total",
        "Packets discarded on receipt by a rule of the switch.",
    )
    .key("counters/port_rcv_constraint_errors"),
    counter(
        "node_infiniband_port_constraint_errors_transmitted_total",
        "Packets not sent by a rule of the switch.",
    )
    .key("counters/port_xmit_constraint_errors"),
    counter("node_infiniband_port_data_received_bytes_total", "Bytes received.")
        .key("counters/port_rcv_data")
        .times(4),
    counter("node_infiniband_port_data_transmitted_bytes_total", "Bytes sent.")
        .key("counters/port_xmit_data")
        .times(4),
    counter(
        "node_infiniband_port_discards_received_total",
        "Packets received while the port was down or congested.",
    )
    .key("counters/port_rcv_discards"),
    counter(
        "node_infiniband_port_discards_transmitted_total",
        "Packets not sent because the port was down or congested.",
    )
    .key("counters/port_xmit_discards"),
    counter("node_infiniband_port_errors_received_total", "Packets received with an error.")
        .key("counters/port_rcv_errors"),
    counter("node_infiniband_port_packets_received_total", "Packets received.")
        .key("counters/port_rcv_packets"),
    counter("node_infiniband_port_packets_transmitted_total", "Packets sent.")
        .key("counters/port_xmit_packets"),
    counter("node_infiniband_port_transmit_wait_total", "Ticks in which data waited and none was sent.")
        .key("counters/port_xmit_wait"),
    counter("node_infiniband_unicast_packets_received_total", "Unicast packets received.")
        .key("counters/unicast_rcv_packets"),
    counter("node_infiniband_unicast_packets_transmitted_total", "Unicast packets sent.")
        .key("counters/unicast_xmit_packets"),
    counter(
        "node_infiniband_port_receive_remote_physical_errors_total",
        "Packets received that were marked as bad.",
    )
    .key("counters/port_rcv_remote_physical_errors"),
    counter(
        "node_infiniband_port_receive_switch_relay_errors_total",
        "Packets received that the switch could not pass on.",
    )
    .key("counters/port_rcv_switch_relay_errors"),
    counter("node_infiniband_symbol_error_total", "Symbols received with an error.")
        .key("counters/symbol_error"),
    counter("node_infiniband_vl15_dropped_total", "Management packets dropped for lack of room.")
        .key("counters/VL15_dropped"),
    counter("node_infiniband_duplicate_requests_packets_total", "Requests that came twice.")
        .key("hw_counters/duplicate_request"),
    counter(
        "node_infiniband_implied_nak_seq_errors_total",
        "Acknowledgements with a sequence number too far.",
    )
    .key("hw_counters/implied_nak_seq_err"),
    counter("node_infiniband_local_ack_timeout_errors_total", "Acknowledgements that did not come in time.")
        .key("hw_counters/local_ack_timeout_err"),
    counter("node_infiniband_np_cnp_packets_sent_total", "Congestion notifications sent.")
        .key("hw_counters/np_cnp_sent"),
    counter(
        "node_infiniband_np_ecn_marked_roce_packets_received_total",
        "RoCE packets received with a congestion mark.",
    )
    .key("hw_counters/np_ecn_marked_roce_packets"),
    counter(
        "node_infiniband_out_of_buffer_drops_total",
        "Packets dropped because no receive work was posted.",
    )
    .key("hw_counters/out_of_buffer"),
    counter("node_infiniband_out_of_sequence_packets_received_total", "Packets received out of order.")
        .key("hw_counters/out_of_sequence"),
    counter(
        "node_infiniband_packet_sequence_errors_total",
        "Negative acknowledgements of a sequence number.",
    )
    .key("hw_counters/packet_seq_err"),
    counter("node_infiniband_req_cqes_errors_total", "Completions with an error at the requester.")
        .key("hw_counters/req_cqe_error"),
    counter(
        "node_infiniband_req_cqes_flush_errors_total",
        "Completions flushed with an error at the requester.",
    )
    .key("hw_counters/req_cqe_flush_error"),
    counter("node_infiniband_req_remote_access_errors_total", "Remote access errors at the requester.")
        .key("hw_counters/req_remote_access_errors"),
    counter(
        "node_infiniband_req_remote_invalid_request_errors_total",
        "Requests that the other side called invalid.",
    )
    .key("hw_counters/req_remote_invalid_request"),
    counter("node_infiniband_resp_cqes_errors_total", "Completions with an error at the responder.")
        .key("hw_counters/resp_cqe_error"),
    counter(
        "node_infiniband_resp_cqes_flush_errors_total",
        "Completions flushed with an error at the responder.",
    )
    .key("hw_counters/resp_cqe_flush_error"),
    counter("node_infiniband_resp_local_length_errors_total", "Wrong lengths found by the responder.")
        .key("hw_counters/resp_local_length_error"),
    counter("node_infiniband_resp_remote_access_errors_total", "Remote access errors at the responder.")
        .key("hw_counters/resp_remote_access_errors"),
    counter(
        "node_infiniband_rnr_nak_retry_packets_received_total",
        "Answers that the receiver is not ready.",
    )
    .key("hw_counters/rnr_nak_retry_err"),
    counter("node_infiniband_roce_adp_retransmits_total", "Adaptive retransmissions.")
        .key("hw_counters/roce_adp_retrans"),
    counter(
        "node_infiniband_roce_adp_retransmits_timeout_total",
        "Adaptive retransmissions that ran out of time.",
    )
    .key("hw_counters/roce_adp_retrans_to"),
    counter("node_infiniband_roce_slow_restart_used_total", "Slow restarts used.")
        .key("hw_counters/roce_slow_restart"),
    counter("node_infiniband_roce_slow_restart_cnps_total", "Congestion notifications by slow restart.")
        .key("hw_counters/roce_slow_restart_cnps"),
    counter("node_infiniband_roce_slow_restart_total", "Changes into slow restart.")
        .key("hw_counters/roce_slow_restart_trans"),
    counter("node_infiniband_rp_cnp_packets_handled_total", "Congestion notifications obeyed.")
        .key("hw_counters/rp_cnp_handled"),
    counter("node_infiniband_rp_cnp_ignored_packets_received_total", "Congestion notifications ignored.")
        .key("hw_counters/rp_cnp_ignored"),
    counter("node_infiniband_rx_atomic_requests_total", "Atomic requests received.")
        .key("hw_counters/rx_atomic_requests"),
    counter("node_infiniband_rx_dct_connect_requests_total", "Dynamic connection requests received.")
        .key("hw_counters/rx_dct_connect"),
    counter("node_infiniband_rx_read_requests_total", "Read requests received.")
        .key("hw_counters/rx_read_requests"),
    counter("node_infiniband_rx_write_requests_total", "Write requests received.")
        .key("hw_counters/rx_write_requests"),
    counter(
        "node_infiniband_rx_icrc_encapsulated_errors_total",
        "RoCE packets received with a wrong checksum.",
    )
    .key("hw_counters/rx_icrc_encapsulated"),
];
const _: () = check(FAMILIES);

const INFO: &[Family] =
    &[gauge("node_infiniband_info", "What is no number about a device; always 1.").key("info")];
const _: () = check(INFO);

/// Folders of counters below a port.
const FOLDERS: [&str; 3] = ["counters", "counters_ext", "hw_counters"];

struct InfiniBand {
    filter: NameFilter,
    devices: Names,
    ports: Names,
    counters: Names,
}

impl InfiniBand {
    fn new(setup: &Setup<'_>) -> Self {
        let devices = setup.limits.small_devices as usize;
        let (include, exclude) =
            ("collector.infiniband.device-include", "collector.infiniband.device-exclude");
        InfiniBand {
            filter: NameFilter::new(setup.flags, include, exclude),
            devices: Names::with_capacity(devices),
            ports: Names::with_capacity(devices),
            counters: Names::with_capacity(128),
        }
    }

    fn port(&mut self, io: &mut dyn Io, device: &[u8], port: &[u8], out: &mut Out<'_>) {
        let labels = [("device", device), ("port", port)];
        for (key, parse) in [("state", state as fn(&[u8]) -> Option<u64>), ("phys_state", state)] {
            if let Ok(bytes) = read(io, device, port, key.as_bytes()) {
                match parse(bytes) {
                    Some(value) => _ = out.table(0).row(&labels).set(key, value),
                    None => out.malformed(),
                }
            }
        }
        if let Ok(bytes) = read(io, device, port, b"rate") {
            match rate(bytes) {
                Some(value) => _ = out.table(0).row(&labels).set_float("rate", value),
                None => out.malformed(),
            }
        }
        for folder in FOLDERS {
            let path: [&[u8]; 5] = [b"class/infiniband/", device, b"/ports/", port, b"/"];
            let pieces = [path[0], path[1], path[2], path[3], path[4], folder.as_bytes()];
            if io.list(Root::Sys, &pieces, &mut self.counters).is_err() {
                continue;
            }
            for name in self.counters.iter() {
                let Some(family) = family(folder, name) else { continue };
                match read(io, device, port, family.key.as_bytes()).map(|bytes| (unsigned(bytes), bytes)) {
                    Ok((Some(value), _)) => {
                        // The kernel has milliseconds, the peer whole seconds.
                        let value = if family.key == LIFESPAN { value / 1000 } else { value };
                        out.table(0).row(&labels).set(family.key, value);
                    }
                    // Old drivers say in words that they do not count.
                    Ok((None, bytes)) if bytes.starts_with(b"N/A") => {}
                    Ok((None, _)) => out.malformed(),
                    // A counter may be there and not readable for lack of support or permission.
                    Err(_) => {}
                }
            }
        }
    }
}

const LIFESPAN: &str = "hw_counters/lifespan";

/// The family of a counter.
fn family(folder: &str, name: &[u8]) -> Option<&'static Family> {
    FAMILIES.iter().filter(|family| family.scale.repr != Repr::Float).find(|family| {
        let rest = family.key.as_bytes().strip_prefix(folder.as_bytes());
        rest.and_then(|rest| rest.strip_prefix(b"/")) == Some(name)
    })
}

/// The trimmed contents of a file below a port.
fn read<'a>(io: &'a mut dyn Io, device: &[u8], port: &[u8], key: &[u8]) -> Result<&'a [u8], ReadError> {
    io.read(Root::Sys, &[b"class/infiniband/", device, b"/ports/", port, b"/", key]).map(trim)
}

/// "4: ACTIVE"
fn state(bytes: &[u8]) -> Option<u64> {
    split_once(bytes, b':').and_then(|(number, _)| unsigned(trim(number)))
}

/// "40 Gb/sec (4X QDR)" in bytes per second.
fn rate(bytes: &[u8]) -> Option<f64> {
    let gigabits = words(bytes).next().and_then(float).filter(|rate| rate.is_finite() && *rate >= 0.0)?;
    Some((gigabits * 125_000_000.0).trunc())
}

impl Collect for InfiniBand {
    fn collect(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        let Pass { io, out, .. } = pass;
        let io = &mut **io;
        io.list(Root::Sys, &[b"class/infiniband"], &mut self.devices)?;
        let devices = std::mem::replace(&mut self.devices, Names::with_capacity(0));
        for device in devices.iter() {
            if !self.filter.keeps(device)
                || io.list(Root::Sys, &[b"class/infiniband/", device, b"/ports"], &mut self.ports).is_err()
            {
                continue;
            }
            info(io, device, out);
            let ports = std::mem::replace(&mut self.ports, Names::with_capacity(0));
            for port in ports.iter().filter(|port| unsigned(port).is_some()) {
                self.port(io, device, port, out);
            }
            self.ports = ports;
        }
        self.devices = devices;
        Ok(())
    }
}

fn info(io: &mut dyn Io, device: &[u8], out: &mut Out<'_>) {
    let mut values = [Text::<128>::new(); 3];
    for (value, file) in values.iter_mut().zip([&b"/board_id"[..], b"/fw_ver", b"/hca_type"]) {
        // Not every driver has all of them; a text that is too long is none.
        let bytes = io.read(Root::Sys, &[b"class/infiniband/", device, file]).map_or(&b""[..], trim);
        if value.push(bytes).is_err() {
            value.clear();
        }
    }
    let [board, firmware, hca] = values;
    out.table(1)
        .row(&[
            ("board_id", board.as_bytes()),
            ("device", device),
            ("firmware_version", firmware.as_bytes()),
            ("hca_type", hca.as_bytes()),
        ])
        .set("info", 1);
}

#[cfg(test)]
mod tests {
    use crate::io::replay::Replay;
    use crate::node::testing::{Bench, check, failing};

    const PORT: &str = "sys/class/infiniband/mlx5_0/ports/1/";

    #[test]
    fn counters_are_files() {
        let file = |name: &str| format!("{PORT}{name}");
        let files = [
            (file("state"), "4: ACTIVE\n"),
            (file("phys_state"), "LinkUp\n"),
            (file("rate"), "2.5 Gb/sec (1X SDR)\n"),
            (file("counters/port_rcv_data"), "18446744073709551614\n"),
            (file("counters/link_downed"), "N/A (no PMA)\n"),
            (file("counters/symbol_error"), "x\n"),
            (file("counters/unknown"), "1\n"),
            (file("counters_ext/port_xmit_data_64"), "3\n"),
            (file("hw_counters/lifespan"), "12345\n"),
            (file("hw_counters/out_of_buffer"), "7\n"),
            ("sys/class/infiniband/mlx5_0/fw_ver".to_owned(), "16.0.1\n"),
            ("sys/class/infiniband/gone".to_owned(), ""),
        ];
        let files = files.iter().map(|(path, text)| (path.as_str(), *text)).collect::<Vec<_>>();
        check(
            "infiniband",
            &files,
            r#"node_infiniband_state_id{device="mlx5_0",port="1"} 4
               node_infiniband_rate_bytes_per_second{device="mlx5_0",port="1"} 312500000
               node_infiniband_lifespan_seconds{device="mlx5_0",port="1"} 12
               node_infiniband_legacy_data_transmitted_bytes_total{device="mlx5_0",port="1"} 12
               node_infiniband_port_data_received_bytes_total{device="mlx5_0",port="1"} 73786976294838206456
               node_infiniband_out_of_buffer_drops_total{device="mlx5_0",port="1"} 7
               node_infiniband_info{board_id="",device="mlx5_0",firmware_version="16.0.1",hca_type=""} 1"#,
        );
        let flags = [("collector.infiniband.device-exclude", "mlx")];
        assert_eq!(Bench::new("infiniband", Replay::with(&files), &flags).pass(), (Ok(()), String::new()));
        failing("infiniband", &[], "no_data", "");
    }
}
