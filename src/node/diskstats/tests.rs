use crate::io::replay::Replay;
use crate::node::testing::{Bench, check, failing};

#[test]
fn columns_decide_the_series() {
    check(
        "diskstats",
        &[("proc/diskstats", "   8 0 sda 1 2 3 4 5 6 7 8 9 10 11\n 7 0 loop0 0 0 0 0 0 0 0 0 0 0 0\n")],
        r#"node_disk_reads_completed_total{device="sda"} 1
           node_disk_reads_merged_total{device="sda"} 2
           node_disk_read_bytes_total{device="sda"} 1536
           node_disk_read_time_seconds_total{device="sda"} 0.004
           node_disk_writes_completed_total{device="sda"} 5
           node_disk_writes_merged_total{device="sda"} 6
           node_disk_written_bytes_total{device="sda"} 3584
           node_disk_write_time_seconds_total{device="sda"} 0.008
           node_disk_io_now{device="sda"} 9
           node_disk_io_time_seconds_total{device="sda"} 0.01
           node_disk_io_time_weighted_seconds_total{device="sda"} 0.011
           node_disk_info{device="sda",major="8",minor="0",model="",path="",revision="",rotational="0",serial="",wwn=""} 1"#,
    );
}

#[test]
fn a_bad_line_costs_that_line() {
    let text = "8 0 sda 1 2 3 4 5 6 7 8 9 10 x\n8 1\n8 16 sdb 1 2 3 4 5 6 7 8 9 10\n\
        8 32 sdc 1 1 1 1 1 1 1 1 1 1 1 1 1 1 2 3 18446744073709551615 9 9\n";
    let (result, text) = Bench::new("diskstats", Replay::with(&[("proc/diskstats", text)]), &[]).pass();
    assert_eq!(result, Ok(()));
    assert!(!text.contains("sda") && !text.contains("sdb"), "{text}");
    assert!(text.contains(r#"node_disk_discarded_sectors_total{device="sdc"} 1"#), "{text}");
    assert!(text.contains(r#"flush_requests_time_seconds_total{device="sdc"} 18446744073709551.614"#));
    failing("diskstats", &[], "no_data", "");
}

const UDEV: &str = "S:disk/by-id/x\nE:ID_MODEL=Disk \"one\"\nE:ID_SERIAL=long\nE:ID_SERIAL_SHORT=S1\n\
    E:ID_FS_TYPE=ext4\nE:ID_FS_USAGE=filesystem\nE:ID_FS_UUID=u-1\nE:ID_FS_VERSION=1.0\nE:ID_ATA=1\n\
    E:ID_ATA_ROTATION_RATE_RPM=7200\nE:ID_ATA_WRITE_CACHE=x\nE:DM_NAME=root\nE:DM_VG_NAME=vg\n";

#[test]
fn udev_says_what_a_disk_is() {
    let mut bench = Bench::new(
        "diskstats",
        Replay::with(&[
            ("proc/diskstats", "8 0 sda 0 0 0 0 0 0 0 0 0 0 0\n"),
            ("udev/b8:0", UDEV),
            ("sys/block/sda/queue/rotational", "1\n"),
        ]),
        &[],
    );
    let info = |bench: &mut Bench| {
        let (result, text) = bench.pass();
        assert_eq!(result, Ok(()));
        text.lines().skip(11).map(|line| format!("{line}\n")).collect::<String>()
    };
    let before = info(&mut bench);
    assert_eq!(
        before,
        r#"node_disk_info{device="sda",major="8",minor="0",model="Disk \"one\"",path="",revision="",rotational="1",serial="S1",wwn=""} 1
node_disk_filesystem_info{device="sda",type="ext4",usage="filesystem",uuid="u-1",version="1.0"} 1
node_disk_device_mapper_info{device="sda",lv_layer="",lv_name="",name="root",uuid="",vg_name="vg"} 1
node_disk_ata_rotation_rate_rpm{device="sda"} 7200
"#
    );
    // The answer is believed for a minute; passes are 15 seconds apart.
    bench.machine.file("udev/b8:0", b"E:ID_MODEL=New\n");
    for _ in 0..3 {
        assert_eq!(info(&mut bench), before);
    }
    assert_eq!(
        info(&mut bench),
        r#"node_disk_info{device="sda",major="8",minor="0",model="New",path="",revision="",rotational="1",serial="",wwn=""} 1
"#
    );
    // Another device under the same name is asked at once.
    bench.machine.file("proc/diskstats", b"8 16 sda 0 0 0 0 0 0 0 0 0 0 0\n");
    assert!(info(&mut bench).contains(r#"minor="16",model="","#));
}

#[test]
fn filters_choose_disks() {
    let machine = Replay::with(&[(
        "proc/diskstats",
        "8 0 sda 0 0 0 0 0 0 0 0 0 0 0\n8 1 sda1 0 0 0 0 0 0 0 0 0 0 0\n254 0 vda 0 0 0 0 0 0 0 0 0 0 0\n",
    )]);
    let names = |flags: &[(&'static str, &str)]| {
        let (_, text) = Bench::new("diskstats", machine.clone(), flags).pass();
        let now = text.lines().filter_map(|line| line.strip_prefix("node_disk_io_now{device=\""));
        now.filter_map(|line| line.split('"').next().map(str::to_owned)).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names(&[]), "sda vda");
    assert_eq!(names(&[(super::INCLUDE, "^sd")]), "sda sda1");
    assert_eq!(names(&[(super::INCLUDE, "^sd"), (super::EXCLUDE, "1$")]), "sda");
    assert_eq!(names(&[(super::EXCLUDE, "^v")]), "sda sda1");
}
