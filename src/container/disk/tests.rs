use crate::container::testing::{Bench, check_v1, check_v2};
use crate::family::Profile;
use crate::io::groups::testing::TestTree;

const ALL: &str = "container_fs container_blkio";

#[test]
fn v2_has_a_line_per_device() {
    check_v2(
        ALL,
        &[(
            "io.stat",
            "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n\
             259:0 rbytes=18446744073709551615 wbytes=0 rios=0 wios=0 dbytes=0 dios=0 cost.usage=1500000 cost.wait=0\n",
        )],
        r#"container_blkio_device_usage_total{operation="Read",device="/dev/nvme0n1",major="259",minor="0"} 18446744073709551614
           container_blkio_device_usage_total{operation="Read",device="/dev/sda",major="8",minor="0"} 1
           container_blkio_device_usage_total{operation="Write",device="/dev/nvme0n1",major="259",minor="0"} 0
           container_blkio_device_usage_total{operation="Write",device="/dev/sda",major="8",minor="0"} 2
           container_fs_io_cost_usage_seconds_total{device="/dev/nvme0n1"} 1.5
           container_fs_io_cost_wait_seconds_total{device="/dev/nvme0n1"} 0
           container_fs_reads_bytes_total{device="/dev/nvme0n1"} 18446744073709551614
           container_fs_reads_bytes_total{device="/dev/sda"} 1
           container_fs_reads_total{device="/dev/nvme0n1"} 0
           container_fs_reads_total{device="/dev/sda"} 3
           container_fs_writes_bytes_total{device="/dev/nvme0n1"} 0
           container_fs_writes_bytes_total{device="/dev/sda"} 2
           container_fs_writes_total{device="/dev/nvme0n1"} 0
           container_fs_writes_total{device="/dev/sda"} 4"#,
    );
}

#[test]
fn devices_that_have_done_nothing_may_share_a_line() {
    check_v2(
        "container_fs",
        &[("io.stat", "7:0 7:1 8:0 rios=3\n259:0 \n")],
        r#"container_fs_reads_total{device="/dev/sda"} 3"#,
    );
}

#[test]
fn of_devices_without_a_name_the_first_is_shown() {
    check_v2(
        "container_fs",
        &[("io.stat", "7:1 rios=1\n7:2 rios=2\n7:1 wios=3\n")],
        "container_fs_reads_total{device=\"\"} 1
         container_fs_writes_total{device=\"\"} 3",
    );
}

const BYTES: &str =
    "8:0 Read 10\n8:0 Write 20\n8:0 Sync 5\n8:0 Async 25\n8:0 Discard 0\n8:0 Total 30\nTotal 30\n";
const OPERATIONS: &str = "8:0 Read 1\n8:0 Write 2\n8:0 Total 3\nTotal 3\n";
const NOTHING: &str = "Total 0\n";

const BLKIO: &str = r#"container_blkio_device_usage_total{operation="Async",device="/dev/sda",major="8",minor="0"} 25
    container_blkio_device_usage_total{operation="Discard",device="/dev/sda",major="8",minor="0"} 0
    container_blkio_device_usage_total{operation="Read",device="/dev/sda",major="8",minor="0"} 10
    container_blkio_device_usage_total{operation="Sync",device="/dev/sda",major="8",minor="0"} 5
    container_blkio_device_usage_total{operation="Total",device="/dev/sda",major="8",minor="0"} 30
    container_blkio_device_usage_total{operation="Write",device="/dev/sda",major="8",minor="0"} 20"#;

/// The files of the root say which there are.
fn shown(root: &[&str], group: &[(&str, &str)]) -> Vec<String> {
    let tree = TestTree::v1(&["cpu,cpuacct", "memory", "blkio"]);
    for file in root {
        tree.write(&format!("blkio/{file}"), NOTHING);
    }
    tree.make("blkio/box");
    for (file, text) in group {
        tree.write(&format!("blkio/box/{file}"), text);
    }
    let (result, _, lines) = Bench::new(tree, Profile::Full).pass();
    assert_eq!(result, Ok(()));
    let id = "id=\"/box\",";
    lines
        .iter()
        .filter(|line| line.contains(id) && ALL.split(' ').any(|word| line.starts_with(word)))
        .map(|line| line.replace(id, ""))
        .collect()
}

fn expect(lines: &[&str]) -> Vec<String> {
    lines.iter().flat_map(|lines| lines.lines()).map(|line| line.trim().to_owned()).collect()
}

#[test]
fn v1_counts_kinds_of_requests() {
    let files = ["blkio.throttle.io_service_bytes_recursive", "blkio.throttle.io_service_bytes"];
    let group = [
        ("blkio.throttle.io_service_bytes_recursive", BYTES),
        ("blkio.throttle.io_serviced_recursive", OPERATIONS),
        ("blkio.throttle.io_service_bytes", "8:0 Read 1\n8:0 Write 1\n"),
    ];
    let rest = r#"container_fs_reads_bytes_total{device="/dev/sda"} 10
        container_fs_reads_total{device="/dev/sda"} 1
        container_fs_writes_bytes_total{device="/dev/sda"} 20
        container_fs_writes_total{device="/dev/sda"} 2"#;
    assert_eq!(shown(&files, &group), expect(&[BLKIO, rest]));
    assert_eq!(shown(&[], &group), expect(&[]));
}

#[test]
fn old_kernels_count_without_the_groups_below() {
    let group =
        [("blkio.throttle.io_service_bytes", "8:0 Read 7\n"), ("blkio.throttle.io_serviced", "8:0 Read 1\n")];
    let lines = r#"container_blkio_device_usage_total{operation="Read",device="/dev/sda",major="8",minor="0"} 7
        container_fs_reads_bytes_total{device="/dev/sda"} 7
        container_fs_reads_total{device="/dev/sda"} 1"#;
    assert_eq!(shown(&["blkio.throttle.io_service_bytes"], &group), expect(&[lines]));
}

#[test]
fn a_scheduler_comes_first_if_it_has_the_device() {
    let files = ["blkio.bfq.io_service_bytes_recursive", "blkio.throttle.io_service_bytes_recursive"];
    let throttle = [
        ("blkio.throttle.io_service_bytes_recursive", BYTES),
        ("blkio.throttle.io_serviced_recursive", OPERATIONS),
        ("blkio.bfq.io_service_bytes_recursive", NOTHING),
        ("blkio.bfq.io_serviced_recursive", "8:0 Read 99\n"),
    ];
    assert!(
        shown(&files, &throttle).contains(&r#"container_fs_reads_total{device="/dev/sda"} 1"#.to_owned())
    );
    let bfq = [
        ("blkio.throttle.io_service_bytes_recursive", "8:0 Read 99\n"),
        ("blkio.bfq.io_service_bytes_recursive", BYTES),
        ("blkio.bfq.io_serviced_recursive", OPERATIONS),
        ("blkio.bfq.io_service_time_recursive", "8:0 Read 1000000000\n8:0 Write 2\n8:0 Total 1000000002\n"),
        ("blkio.bfq.io_merged_recursive", "8:0 Read 5\n8:0 Write 6\n8:0 Total 11\n"),
        ("blkio.bfq.io_queued_recursive", "8:0 Read 7\n8:0 Write 8\n8:0 Total 15\n"),
    ];
    let rest = r#"container_fs_io_current{device="/dev/sda"} 15
        container_fs_io_time_seconds_total{device="/dev/sda"} 1.000000002
        container_fs_read_seconds_total{device="/dev/sda"} 1
        container_fs_reads_bytes_total{device="/dev/sda"} 10
        container_fs_reads_merged_total{device="/dev/sda"} 5
        container_fs_reads_total{device="/dev/sda"} 1
        container_fs_write_seconds_total{device="/dev/sda"} 0.000000002
        container_fs_writes_bytes_total{device="/dev/sda"} 20
        container_fs_writes_merged_total{device="/dev/sda"} 6
        container_fs_writes_total{device="/dev/sda"} 2"#;
    assert_eq!(shown(&files, &bfq), expect(&[BLKIO, rest]));
}

#[test]
fn bad_lines_cost_themselves() {
    check_v2(
        ALL,
        &[(
            "io.stat",
            "rbytes=1\n:0 rios=1\n8: rios=1\n8:0:0 rios=1\n8:0 rios=x wios=18446744073709551616 rbytes= =3\n\n\
             99999999999999999999:0 rios=1\n8:0 wios=4",
        )],
        r#"container_fs_writes_total{device="/dev/sda"} 4"#,
    );
    let group = [(
        "blkio.throttle.io_service_bytes_recursive",
        "8:0\n8:0 Read\n8:0 Read x\n:1 Read 1\n\nTotal\n8:0 Odd 3\n8:0 Read 2",
    )];
    let lines = r#"container_blkio_device_usage_total{operation="Read",device="/dev/sda",major="8",minor="0"} 2
        container_fs_reads_bytes_total{device="/dev/sda"} 2"#;
    assert_eq!(shown(&["blkio.throttle.io_service_bytes_recursive"], &group), expect(&[lines]));
    check_v1(ALL, &[], "");
}

#[test]
fn the_essential_profile_has_no_kinds_of_requests() {
    let tree = TestTree::v2();
    tree.write("box/io.stat", "8:0 rbytes=1 wbytes=2 rios=3 wios=4\n");
    let mut bench = Bench::new(tree, Profile::Essential);
    let (_, _, lines) = bench.pass();
    assert!(lines.iter().any(|line| line.starts_with("container_fs_reads_total{")), "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains("blkio")), "{lines:?}");
    let usage = bench.store.tables().iter().find(|rows| rows.name() == "container blkio").unwrap().usage();
    assert_eq!(usage.used, 0);
}
