//! Tests of the netdev collector.

use crate::io::Dump;
use crate::io::links::build::{link, statistics};
use crate::io::links::{IFLA_STATS, IFLA_STATS64};
use crate::io::replay::Replay;
use crate::limits::Limits;
use crate::node::testing::{Bench, check, failing};
use crate::text::attributes::build::message;

const HEAD: &str = "Inter-|   Receive                                                |  Transmit\n\
         face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n";

fn netlink(messages: Vec<Vec<u8>>, flags: &[(&'static str, &str)]) -> Bench {
    let mut machine = Replay::new();
    machine.live = true;
    machine.set_dump(Dump::Links, messages);
    Bench::new("netdev", machine, flags)
}

fn powers() -> Vec<u8> {
    statistics((0..25).map(|bit| 1 << bit))
}

#[test]
fn sums_are_those_of_proc_net_dev() {
    let (result, text) = netlink(vec![link(2, 1, 0, "eth0", &[(IFLA_STATS64, &powers())])], &[]).pass();
    assert_eq!(result, Ok(()));
    let expect = [
        ("receive_packets", 1),
        ("transmit_packets", 2),
        ("receive_bytes", 4),
        ("transmit_bytes", 8),
        ("receive_compressed", 1 << 21),
        ("transmit_compressed", 1 << 22),
        ("receive_nohandler", 1 << 23),
        ("receive_errs", 1 << 4),
        ("transmit_errs", 1 << 5),
        ("receive_drop", 1 << 6 | 1 << 15),
        ("transmit_drop", 1 << 7),
        ("receive_multicast", 1 << 8),
        ("transmit_colls", 1 << 9),
        ("receive_frame", 1 << 13 | 1 << 10 | 1 << 11 | 1 << 12),
        ("receive_fifo", 1 << 14),
        ("transmit_carrier", 1 << 17 | 1 << 16 | 1 << 19 | 1 << 20),
        ("transmit_fifo", 1 << 18),
    ];
    let line = |(name, value)| format!("node_network_{name}_total{{device=\"eth0\"}} {value}");
    assert_eq!(text.lines().collect::<Vec<_>>(), expect.map(line));
}

#[test]
fn details_have_other_names() {
    let flags = [("collector.netdev.enable-detailed-metrics", "true")];
    let (_, text) = netlink(vec![link(2, 1, 0, "eth0", &[(IFLA_STATS64, &powers())])], &flags).pass();
    assert_eq!(text.lines().count(), 24);
    assert!(text.contains("node_network_receive_missed_errors_total{device=\"eth0\"} 32768"));
    assert!(!text.contains("receive_drop_total"));
}

#[test]
fn what_an_old_kernel_does_not_count_is_missing() {
    let wide = statistics(0..23);
    let narrow: Vec<u8> = (0..10_u32).flat_map(u32::to_ne_bytes).collect();
    let messages = vec![
        link(1, 1, 0, "a", &[(IFLA_STATS64, &wide)]),
        link(2, 1, 0, "b", &[(IFLA_STATS, &narrow)]),
        link(3, 1, 0, "c", &[]),
    ];
    let (_, text) = netlink(messages, &[]).pass();
    assert_eq!(text.matches("device=\"a\"").count(), 16);
    assert!(text.contains("node_network_transmit_colls_total{device=\"b\"} 9"));
    assert!(!text.contains("node_network_receive_drop_total{device=\"b\"}"));
    assert!(!text.contains("device=\"c\""));
}

#[test]
fn devices_are_filtered_and_a_full_table_keeps_the_first() {
    let message = |index, name| link(index, 1, 0, name, &[(IFLA_STATS64, &powers())]);
    let all = || vec![message(1, "lo"), message(2, "eth0"), message(3, "veth1")];
    let names = |flags: &[(&'static str, &str)]| {
        let (_, text) = netlink(all(), flags).pass();
        let found = |name: &str| text.contains(&format!("device=\"{name}\""));
        ["lo", "eth0", "veth1"].map(found)
    };
    assert_eq!(names(&[]), [true; 3]);
    assert_eq!(names(&[("collector.netdev.device-exclude", "^(lo|veth.*)$")]), [false, true, false]);
    assert_eq!(names(&[("collector.netdev.device-include", "^lo$")]), [true, false, false]);
    let mut machine = Replay::new();
    machine.live = true;
    machine.set_dump(Dump::Links, all());
    let limits = Limits { net_devices: 2, ..Limits::default() };
    let (result, text) = Bench::with_limits("netdev", machine, &[], limits).pass();
    assert_eq!((result, text.contains("veth1"), text.contains("eth0")), (Ok(()), false, true));
}

#[test]
fn a_file_when_netlink_speaks_of_another_machine() {
    let text =
        format!("{HEAD}  eth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 18446744073709551615\n a:1: 7 x\n x\n");
    let files = [("proc/net/dev", text.as_str())];
    check(
        "netdev",
        &files,
        r#"node_network_receive_packets_total{device="eth0"} 2
               node_network_transmit_packets_total{device="eth0"} 10
               node_network_receive_bytes_total{device="eth0"} 1
               node_network_receive_bytes_total{device="a:1"} 7
               node_network_transmit_bytes_total{device="eth0"} 9
               node_network_receive_compressed_total{device="eth0"} 7
               node_network_transmit_compressed_total{device="eth0"} 18446744073709551614
               node_network_receive_errs_total{device="eth0"} 3
               node_network_transmit_errs_total{device="eth0"} 11
               node_network_receive_drop_total{device="eth0"} 4
               node_network_transmit_drop_total{device="eth0"} 12
               node_network_receive_multicast_total{device="eth0"} 8
               node_network_transmit_colls_total{device="eth0"} 14
               node_network_receive_frame_total{device="eth0"} 6
               node_network_receive_fifo_total{device="eth0"} 5
               node_network_transmit_carrier_total{device="eth0"} 15
               node_network_transmit_fifo_total{device="eth0"} 13"#,
    );
    failing("netdev", &[], "no_data", "");
    // Netlink is there and refused: the file is read.
    let mut machine = Replay::with(&files);
    machine.live = true;
    let (result, text) = Bench::new("netdev", machine, &[]).pass();
    assert_eq!((result, text.lines().count()), (Ok(()), 17));
}

#[test]
fn addresses_have_a_scope() {
    let mut bench = netlink(vec![link(7, 1, 0, "eth0", &[])], &[("collector.netdev.address-info", "true")]);
    let address = |bits: u8, list: &[(u16, &[u8])]| message(&[2, bits, 0, 0, 7, 0, 0, 0], list);
    let six = |first: [u8; 2], last: u8| [&first[..], &[0; 13], &[last]].concat();
    bench.machine.set_dump(
        Dump::Addresses,
        vec![
            address(24, &[(1, &[192, 0, 2, 9]), (2, &[192, 0, 2, 1])]),
            address(8, &[(1, &[127, 0, 0, 1])]),
            address(64, &[(1, &six([0xfe, 0x80], 1))]),
            address(128, &[(1, &six([0x20, 0x01], 2))]),
            address(0, &[(1, &[0; 4])]),
            address(9, &[(1, &[1, 2])]),
            vec![2],
        ],
    );
    let (result, text) = bench.pass();
    let expect = r#"node_network_address_info{address="192.0.2.1",device="eth0",netmask="24",scope="global"} 1
node_network_address_info{address="127.0.0.1",device="eth0",netmask="8",scope="link-local"} 1
node_network_address_info{address="fe80::1",device="eth0",netmask="64",scope="link-local"} 1
node_network_address_info{address="2001::2",device="eth0",netmask="128",scope="global"} 1
node_network_address_info{address="0.0.0.0",device="eth0",netmask="0",scope=""} 1"#;
    assert_eq!((result, text.as_str()), (Ok(()), expect));
}

#[test]
fn addresses_are_those_of_the_chosen_devices() {
    let flags = [("collector.netdev.address-info", "true"), ("collector.netdev.device-exclude", "^eth0$")];
    let links = vec![link(7, 1, 0, "eth0", &[]), link(8, 1, 0, "eth1", &[])];
    let mut bench = netlink(links, &flags);
    let address = |index: u8, last: u8| message(&[2, 24, 0, 0, index, 0, 0, 0], &[(2, &[192, 0, 2, last])]);
    bench.machine.set_dump(Dump::Addresses, vec![address(7, 1), address(8, 2)]);
    let (result, text) = bench.pass();
    let expect =
        r#"node_network_address_info{address="192.0.2.2",device="eth1",netmask="24",scope="global"} 1"#;
    assert_eq!((result, text.as_str()), (Ok(()), expect));
}
