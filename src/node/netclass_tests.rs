//! Tests of the netclass collector.

use crate::io::links::build::link;
use crate::io::links::*;
use crate::io::replay::{Entry, Replay};
use crate::io::{Dump, ReadError};
use crate::node::testing::{Bench, check, failing};
use crate::text::attributes::build::message;

const FILES: &[(&str, &str)] = &[
    ("sys/class/net/eth0/addr_assign_type", "0\n"),
    ("sys/class/net/eth0/address", "00:00:5e:00:53:01\n"),
    ("sys/class/net/eth0/broadcast", "ff:ff:ff:ff:ff:ff\n"),
    ("sys/class/net/eth0/carrier", "1\n"),
    ("sys/class/net/eth0/carrier_changes", "5\n"),
    ("sys/class/net/eth0/carrier_up_count", "3\n"),
    ("sys/class/net/eth0/carrier_down_count", "2\n"),
    ("sys/class/net/eth0/dev_id", "0x1f\n"),
    ("sys/class/net/eth0/dormant", "0\n"),
    ("sys/class/net/eth0/duplex", "full\n"),
    ("sys/class/net/eth0/flags", "0x1103\n"),
    ("sys/class/net/eth0/ifalias", "up link \"A\"\n"),
    ("sys/class/net/eth0/ifindex", "2\n"),
    ("sys/class/net/eth0/iflink", "7\n"),
    ("sys/class/net/eth0/link_mode", "0\n"),
    ("sys/class/net/eth0/mtu", "9000\n"),
    ("sys/class/net/eth0/name_assign_type", "4\n"),
    ("sys/class/net/eth0/netdev_group", "3\n"),
    ("sys/class/net/eth0/operstate", "up\n"),
    ("sys/class/net/eth0/speed", "25000\n"),
    ("sys/class/net/eth0/tx_queue_len", "1000\n"),
    ("sys/class/net/eth0/type", "1\n"),
    ("sys/class/net/bonding_masters", "bond0\n"),
];

const EXPECT: &str = r#"node_network_up{device="eth0"} 1
node_network_address_assign_type{device="eth0"} 0
node_network_carrier{device="eth0"} 1
node_network_carrier_changes_total{device="eth0"} 5
node_network_carrier_up_changes_total{device="eth0"} 3
node_network_carrier_down_changes_total{device="eth0"} 2
node_network_device_id{device="eth0"} 31
node_network_dormant{device="eth0"} 0
node_network_flags{device="eth0"} 4355
node_network_iface_id{device="eth0"} 2
node_network_iface_link{device="eth0"} 7
node_network_iface_link_mode{device="eth0"} 0
node_network_mtu_bytes{device="eth0"} 9000
node_network_name_assign_type{device="eth0"} 4
node_network_net_dev_group{device="eth0"} 3
node_network_speed_bytes{device="eth0"} 3125000000
node_network_transmit_queue_length{device="eth0"} 1000
node_network_protocol_type{device="eth0"} 1
node_network_info{address="00:00:5e:00:53:01",adminstate="up",broadcast="ff:ff:ff:ff:ff:ff",device="eth0",duplex="full",ifalias="up link \"A\"",operstate="up"} 1"#;

/// The device of [`FILES`] as netlink has it.
fn eth0(flags: u32, changes: u32) -> Vec<u8> {
    let number = u32::to_ne_bytes;
    link(
        2,
        1,
        flags,
        "eth0",
        &[
            (IFLA_ADDRESS, &[0, 0, 0x5e, 0, 0x53, 1]),
            (IFLA_BROADCAST, &[0xff; 6]),
            (IFLA_MTU, &number(9000)),
            (IFLA_LINK, &number(7)),
            (IFLA_TXQLEN, &number(1000)),
            (IFLA_OPERSTATE, &[if flags & IFF_UP == 0 { 2 } else { 6 }]),
            (IFLA_LINKMODE, &[0]),
            (IFLA_IFALIAS, b"up link \"A\"\0"),
            (IFLA_GROUP, &number(3)),
            (IFLA_PROMISCUITY, &number(2)),
            (IFLA_ALLMULTI, &number(0)),
            (IFLA_CARRIER, &[1]),
            (IFLA_CARRIER_CHANGES, &number(changes)),
            (IFLA_CARRIER_UP_COUNT, &number(3)),
            (IFLA_CARRIER_DOWN_COUNT, &number(2)),
        ],
    )
}

fn live(messages: Vec<Vec<u8>>, flags: &[(&'static str, &str)]) -> Bench {
    let mut machine = Replay::with(FILES);
    machine.live = true;
    machine.set_dump(Dump::Links, messages);
    Bench::new("netclass", machine, flags)
}

#[test]
fn netlink_and_files_say_the_same() {
    check("netclass", FILES, EXPECT);
    let (result, text) = live(vec![eth0(0x1_1043, 5)], &[]).pass();
    assert_eq!((result, text.as_str()), (Ok(()), EXPECT));
    // Netlink is there and refused: the files are read.
    let mut machine = Replay::with(FILES);
    machine.live = true;
    assert_eq!(Bench::new("netclass", machine, &[]).pass().1, EXPECT);
}

#[test]
fn a_device_that_is_down_has_no_carrier_and_no_speed() {
    let (_, text) = live(vec![eth0(0x1002, 5)], &[]).pass();
    for missing in ["carrier{", "dormant", "speed"] {
        assert!(!text.contains(missing), "{missing}");
    }
    assert!(text.contains("node_network_up{device=\"eth0\"} 0"));
    assert!(text.contains("node_network_flags{device=\"eth0\"} 4354"));
    assert!(text.contains("adminstate=\"down\""));
    assert!(text.contains("duplex=\"\""));
    assert!(text.contains("operstate=\"down\""));
}

#[test]
fn sysfs_is_read_again_when_the_link_changes_and_after_a_minute() {
    let mut bench = live(vec![eth0(0x1_1043, 5)], &[]);
    let speed = |bench: &mut Bench| {
        let (_, text) = bench.pass();
        let line = text.lines().find(|line| line.contains("speed")).unwrap().to_owned();
        line.rsplit(' ').next().unwrap().to_owned()
    };
    assert_eq!(speed(&mut bench), "3125000000");
    bench.machine.file("sys/class/net/eth0/speed", b"1000\n");
    let later = [(); 4].map(|()| speed(&mut bench));
    assert_eq!(later, ["3125000000", "3125000000", "3125000000", "125000000"]);
    bench.machine.file("sys/class/net/eth0/speed", b"-1\n");
    bench.machine.set_dump(Dump::Links, vec![eth0(0x1_1043, 6)]);
    assert_eq!(speed(&mut bench), "-125000");
}

#[test]
fn a_speed_that_nobody_knows_can_be_left_out() {
    for machine_live in [false, true] {
        let mut machine = Replay::with(FILES);
        machine.live = machine_live;
        machine.set_dump(Dump::Links, vec![eth0(0x1_1043, 5)]);
        machine.file("sys/class/net/eth0/speed", b"-1\n");
        let with = |flag| {
            let flags = [("collector.netclass.ignore-invalid-speed", flag)];
            Bench::new("netclass", machine.clone(), &flags)
                .pass()
                .1
                .contains("speed_bytes{device=\"eth0\"} -125000")
        };
        assert_eq!((with("false"), with("true")), (true, false));
    }
}

#[test]
fn a_device_that_vanishes_does_not_drop_the_others() {
    let mut machine = Replay::with(FILES);
    machine.put("sys/class/net/a", Entry::Broken(ReadError::Gone));
    machine.put("sys/class/net/b/mtu", Entry::Broken(ReadError::Gone));
    machine.file("sys/class/net/b/carrier", b"x\n");
    let (result, text) = Bench::new("netclass", machine, &[]).pass();
    let (others, own): (Vec<_>, Vec<_>) = text.lines().partition(|line| line.contains("device=\"b\""));
    assert_eq!((result, own.join("\n").as_str()), (Ok(()), EXPECT));
    let empty = r#"node_network_info{address="",adminstate="unknown",broadcast="",device="b",duplex="",ifalias="",operstate=""} 1"#;
    assert_eq!(others, [empty]);
    // Live: what sysfs does not say of a device is missing, the rest is there.
    let mut bench = live(vec![link(9, 1, 0x1003, "gone", &[]), eth0(0x1_1043, 5)], &[]);
    let (result, text) = bench.pass();
    assert_eq!(result, Ok(()));
    assert_eq!(text.matches("device=\"eth0\"").count(), 19);
    assert!(text.contains("node_network_iface_link{device=\"gone\"} 9"));
    assert!(!text.contains("node_network_mtu_bytes{device=\"gone\"}"));
    bench.machine.set_dump(Dump::Links, vec![eth0(0x1_1043, 5)]);
    assert_eq!(bench.pass().1, EXPECT);
}

#[test]
fn devices_can_be_ignored() {
    failing("netclass", &[], "no_data", "");
    let flags = [("collector.netclass.ignored-devices", "^(eth0|lo)$")];
    assert_eq!(live(vec![eth0(0x1_1043, 5)], &flags).pass(), (Ok(()), String::new()));
    assert_eq!(Bench::new("netclass", Replay::with(FILES), &flags).pass(), (Ok(()), String::new()));
}

#[test]
fn other_names_are_served_when_asked_for() {
    let names = message(&[], &[(53, b"enp1s0\0"), (53, b"uplink\0"), (9, b"x")]);
    let messages = vec![link(2, 1, 0x1003, "eth0", &[(0x8000 | 52, &names)])];
    let count = |value| {
        let flags = [("collector.netclass.netlink", value)];
        let (_, text) = live(messages.clone(), &flags).pass();
        text.matches("node_network_altnames_info{altname=").count()
    };
    assert_eq!((count("true"), count("false")), (2, 0));
}
