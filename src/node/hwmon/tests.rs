//! Chips and sensors on a machine made of bytes.

use super::*;
use crate::io::replay::{Entry, Replay};
use crate::node::testing::{Bench, failing};

/// A chip below its device, linked from the class.
fn chip(machine: &mut Replay, number: u32, device: &str, files: &[(&str, &str)]) {
    let real = format!("devices/{device}/hwmon/hwmon{number}");
    machine.symlink(&format!("sys/class/hwmon/hwmon{number}"), &format!("../../{real}"));
    machine.symlink(&format!("sys/{real}/device"), "../..");
    for (file, text) in files {
        machine.file(&format!("sys/{real}/{file}"), text.as_bytes());
    }
}

#[track_caller]
fn check(machine: Replay, flags: &[(&'static str, &str)], expect: &[&str]) {
    let (result, text) = Bench::new("hwmon", machine, flags).pass();
    assert_eq!(result, Ok(()));
    let mut lines: Vec<_> = text.lines().collect();
    lines.sort_unstable();
    let mut expect = expect.to_vec();
    expect.sort_unstable();
    assert_eq!(lines, expect);
}

#[test]
fn a_chip_is_named_by_its_device() {
    let mut machine = Replay::new();
    let files = [
        ("name", "k10temp\n"),
        ("temp1_input", "45125\n"),
        ("temp1_label", "Tctl \"1\"\n"),
        ("temp1_max", "none\n"),
        ("temp3_input", "\n"),
        ("power/control", "auto\n"),
        ("uevent", ""),
    ];
    chip(&mut machine, 3, "pci0000:00/0000:00:18.3", &files);
    check(
        machine,
        &[],
        &[
            "node_hwmon_chip_names{chip=\"pci0000:00_0000:00:18_3\",chip_name=\"k10temp\"} 1",
            "node_hwmon_sensor_label{chip=\"pci0000:00_0000:00:18_3\",label=\"Tctl \\\"1\\\"\",sensor=\"temp1\"} 1",
            "node_hwmon_temp_celsius{chip=\"pci0000:00_0000:00:18_3\",sensor=\"temp1\"} 45.125",
        ],
    );
}

#[test]
fn chips_of_one_device_are_told_apart() {
    let mut machine = Replay::new();
    for (number, name) in [(0, "fans\n"), (1, "wmi\n"), (2, "twin\n"), (10, "twin\n"), (11, "")] {
        chip(&mut machine, number, "platform/board", &[("name", name), ("pwm1_enable", "2\n")]);
    }
    chip(&mut machine, 4, "platform/other.1", &[("pwm1_enable", "1\n")]);
    check(
        machine,
        &[],
        &[
            "node_hwmon_chip_names{chip=\"platform_board_fans\",chip_name=\"fans\"} 1",
            "node_hwmon_chip_names{chip=\"platform_board_wmi\",chip_name=\"wmi\"} 1",
            "node_hwmon_chip_names{chip=\"platform_board_hwmon2\",chip_name=\"twin\"} 1",
            "node_hwmon_chip_names{chip=\"platform_board_hwmon10\",chip_name=\"twin\"} 1",
            "node_hwmon_pwm_enable{chip=\"platform_board_fans\",sensor=\"pwm1\"} 2",
            "node_hwmon_pwm_enable{chip=\"platform_board_wmi\",sensor=\"pwm1\"} 2",
            "node_hwmon_pwm_enable{chip=\"platform_board_hwmon2\",sensor=\"pwm1\"} 2",
            "node_hwmon_pwm_enable{chip=\"platform_board_hwmon10\",sensor=\"pwm1\"} 2",
            "node_hwmon_pwm_enable{chip=\"platform_board_hwmon11\",sensor=\"pwm1\"} 2",
            "node_hwmon_pwm_enable{chip=\"platform_other_1\",sensor=\"pwm1\"} 1",
        ],
    );
}

#[test]
fn without_a_device_the_name_or_the_folder() {
    let machine = Replay::with(&[
        ("sys/class/hwmon/hwmon0/name", "acpitz\n"),
        ("sys/class/hwmon/hwmon0/temp1_input", "1000\n"),
        ("sys/class/hwmon/hwmon1/temp1_input", "2000\n"),
        ("sys/class/hwmon/README", "no folder\n"),
    ]);
    check(
        machine,
        &[],
        &[
            "node_hwmon_chip_names{chip=\"acpitz\",chip_name=\"acpitz\"} 1",
            "node_hwmon_temp_celsius{chip=\"acpitz\",sensor=\"temp1\"} 1",
            "node_hwmon_temp_celsius{chip=\"hwmon1\",sensor=\"temp1\"} 2",
        ],
    );
}

#[test]
fn the_device_has_attributes_too_and_wins() {
    let mut machine = Replay::new();
    let files = [
        ("temp1_input", "1000\n"),
        ("temp1_label", "old\n"),
        ("temp2_input", "2000\n"),
        ("temp5_input", "5000\n"),
    ];
    chip(&mut machine, 0, "thermal/zone0", &files);
    for (file, text) in
        [("temp1_input", "3000\n"), ("temp1_label", "new\n"), ("temp", "4000\n"), ("temp5", "1\n")]
    {
        machine.file(&format!("sys/devices/thermal/zone0/{file}"), text.as_bytes());
    }
    machine.put("sys/devices/thermal/zone0/temp2_input", Entry::Broken(crate::io::ReadError::Unsupported));
    check(
        machine,
        &[],
        &[
            "node_hwmon_sensor_label{chip=\"thermal_zone0\",label=\"new\",sensor=\"temp1\"} 1",
            "node_hwmon_temp_celsius{chip=\"thermal_zone0\",sensor=\"temp0\"} 4",
            "node_hwmon_temp_celsius{chip=\"thermal_zone0\",sensor=\"temp1\"} 3",
            "node_hwmon_temp_celsius{chip=\"thermal_zone0\",sensor=\"temp2\"} 2",
            "node_hwmon_temp_input_celsius{chip=\"thermal_zone0\",sensor=\"temp5\"} 5",
            "node_hwmon_temp_celsius{chip=\"thermal_zone0\",sensor=\"temp5\"} 0.001",
        ],
    );
}

#[test]
fn clocks_are_named_by_their_labels() {
    let mut machine = Replay::new();
    let files = [
        ("freq1_input", "300000000\n"),
        ("freq1_label", "S clk\n"),
        ("freq2_input", "1\n"),
        ("freq3_input", "1\n"),
        ("freq3_label", "...\n"),
    ];
    chip(&mut machine, 0, "pci/gpu", &files);
    check(
        machine,
        &[("collector.hwmon.sensor-exclude", "pci_gpu;freq3")],
        &[
            "node_hwmon_freq_freq_mhz{chip=\"pci_gpu\",sensor=\"s_clk\"} 300",
            "node_hwmon_sensor_label{chip=\"pci_gpu\",label=\"S clk\",sensor=\"freq1\"} 1",
        ],
    );
}

#[test]
fn filters() {
    let mut machine = Replay::new();
    for (number, device) in [(0, "a/one"), (1, "a/two")] {
        chip(&mut machine, number, device, &[("fan1_input", "900\n"), ("fan2_input", "901\n")]);
    }
    check(
        machine.clone(),
        &[("collector.hwmon.chip-include", "^a_two$"), ("collector.hwmon.sensor-include", ";fan1$")],
        &["node_hwmon_fan_rpm{chip=\"a_two\",sensor=\"fan1\"} 900"],
    );
    check(
        machine,
        &[("collector.hwmon.chip-exclude", "two"), ("collector.hwmon.sensor-exclude", "^a_one;fan1$")],
        &["node_hwmon_fan_rpm{chip=\"a_one\",sensor=\"fan2\"} 901"],
    );
}

#[test]
fn chips_come_and_go() {
    let mut machine = Replay::new();
    chip(&mut machine, 0, "a/one", &[("energy1_input", "1500000\n")]);
    let mut bench = Bench::new("hwmon", machine, &[]);
    let expect = "node_hwmon_energy_joule_total{chip=\"a_one\",sensor=\"energy1\"} 1.5";
    assert_eq!(bench.pass(), (Ok(()), expect.to_owned()));
    // A link without a target, as between the two lists.
    bench.machine.remove("sys/devices/a");
    assert_eq!(bench.pass(), (Ok(()), String::new()));
    bench.machine.remove("sys/class");
    assert_eq!(bench.pass().0, Err(Trouble::NoData));
    failing("hwmon", &[], "no_data", "");
}

#[test]
fn newlines_are_cut_at_both_ends() {
    assert_eq!(without_newlines(b"\n\n a \n b\n\n"), b" a \n b");
    assert_eq!(without_newlines(b"\n"), b"");
}
