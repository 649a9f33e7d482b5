use super::*;
use crate::io::replay::{Entry, Replay};
use crate::io::{FileSystem, ReadError};
use crate::limits::Limits;
use crate::node::testing::{Bench, check, failing};
use std::time::Duration;

const KNOWN: FileSystem =
    FileSystem { size: 1000, free: 500, available: 400, files: 30, files_free: 20, read_only: false };

fn machine(mountinfo: &str) -> Replay {
    let mut machine = Replay::with(&[("proc/1/mountinfo", mountinfo)]);
    machine.set_mount("/", MountAnswer::Known(KNOWN));
    machine
}

/// The lines of one family, without its name.
fn family(text: &str, name: &str) -> String {
    let lines = text.lines().filter_map(|line| line.strip_prefix(name));
    lines.filter(|line| line.starts_with('{')).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_mount_says_how_full_it_is() {
    let mountinfo = "29 1 259:2 / / rw,relatime shared:1 - ext4 /dev/dm-2 errors=remount-ro\n";
    let (result, text) = Bench::new("filesystem", machine(mountinfo), &[]).pass();
    assert_eq!(result, Ok(()));
    let labels = r#"{device="/dev/dm-2",device_error="",fstype="ext4",mountpoint="/"}"#;
    let expect = [
        ("size_bytes", 1000),
        ("free_bytes", 500),
        ("avail_bytes", 400),
        ("files", 30),
        ("files_free", 20),
        ("purgeable_bytes", 0),
        ("readonly", 0),
        ("device_error", 0),
    ]
    .map(|(name, value)| format!("node_filesystem_{name}{labels} {value}\n"))
    .concat();
    let info = r#"node_filesystem_mount_info{device="/dev/dm-2",major="259",minor="2",mountpoint="/"} 1"#;
    assert_eq!(text, expect + info);
}

#[test]
fn errors_are_labels() {
    let mut machine = machine(
        "1 0 8:1 / /a rw - ext4 /dev/a rw\n2 0 0:9 / /b rw - nfs srv:/b rw\n3 0 8:3 / /c ro - xfs /dev/c ro\n",
    );
    machine.set_mount("/a", MountAnswer::Error(13));
    machine.set_mount("/b", MountAnswer::Stuck);
    machine.set_mount("/c", MountAnswer::Error(4095));
    let mut bench = Bench::new("filesystem", machine, &[]);
    let (result, text) = bench.pass();
    assert_eq!(result, Ok(()));
    assert_eq!(
        text,
        r#"node_filesystem_readonly{device="/dev/a",device_error="permission denied",fstype="ext4",mountpoint="/a"} 0
node_filesystem_readonly{device="srv:/b",device_error="mountpoint timeout",fstype="nfs",mountpoint="/b"} 0
node_filesystem_readonly{device="/dev/c",device_error="errno 4095",fstype="xfs",mountpoint="/c"} 1
node_filesystem_device_error{device="/dev/a",device_error="permission denied",fstype="ext4",mountpoint="/a"} 1
node_filesystem_device_error{device="srv:/b",device_error="mountpoint timeout",fstype="nfs",mountpoint="/b"} 1
node_filesystem_device_error{device="/dev/c",device_error="errno 4095",fstype="xfs",mountpoint="/c"} 1"#
    );
    bench.machine.set_mount("/b", MountAnswer::Known(KNOWN));
    let (_, text) = bench.pass();
    assert!(
        text.contains(r#"size_bytes{device="srv:/b",device_error="",fstype="nfs",mountpoint="/b"} 1000"#)
    );
    assert!(!text.contains("timeout"), "{text}");
}

#[test]
fn mount_points_are_decoded_and_devices_are_not() {
    let (_, text) = Bench::new(
        "filesystem",
        machine(
            "1 0 8:1 / /a\\040b\\011c\\012d\\134 rw - ext4 //srv/my\\040share rw\n\
             2 0 8:2 / /x\\04 rw shared:1 master:2 - tmpfs  rw\n",
        ),
        &[],
    )
    .pass();
    assert_eq!(
        family(&text, "node_filesystem_mount_info"),
        "{device=\"//srv/my\\\\040share\",major=\"8\",minor=\"1\",mountpoint=\"/a b\tc\\\\012d\\\\134\"} 1\n\
         {device=\"\",major=\"8\",minor=\"2\",mountpoint=\"/x\\\\04\"} 1"
    );
}

#[test]
fn the_same_labels_are_one_row() {
    let (result, text) = Bench::new(
        "filesystem",
        machine("1 0 8:1 / /a rw - ext4 /dev/a rw\n2 0 8:2 / /a ro - ext4 /dev/a rw\n"),
        &[],
    )
    .pass();
    assert_eq!(result, Ok(()));
    assert_eq!(family(&text, "node_filesystem_readonly").lines().count(), 1);
    assert!(family(&text, "node_filesystem_readonly").ends_with(" 0"));
    assert_eq!(family(&text, "node_filesystem_mount_info").lines().count(), 2);
}

#[test]
fn the_prefix_is_stripped_at_a_name() {
    let strip = |point: &str, rootfs: &str| {
        let line = format!("1 0 8:1 / {point} rw - ext4 /dev/a rw");
        let mut mounts = Mounts::with_capacity(1);
        let mount = mounts.push(&parse(line.as_bytes()).unwrap(), rootfs.as_bytes()).unwrap();
        String::from_utf8(mounts.point(&mount).to_vec()).unwrap()
    };
    assert_eq!(strip("/host/boot", "/host"), "/boot");
    assert_eq!(strip("/host", "/host"), "/");
    assert_eq!(strip("/hostel/x", "/host"), "/hostel/x");
    assert_eq!(strip("/boot", "/host"), "/boot");
    assert_eq!(strip("/", ""), "/");
}

#[test]
fn filters_choose_mounts() {
    let mountinfo = "1 0 8:1 / / rw - ext4 /dev/a rw\n2 0 8:1 / /sys/x rw - ext4 /dev/a rw\n\
        3 0 8:1 / /sysx rw - xfs /dev/a rw\n4 0 0:5 / /o rw - overlay overlay rw\n\
        5 0 0:6 / /run rw - tmpfs tmpfs rw\n";
    let asked = |flags: &[(&'static str, &str)]| {
        let mut bench = Bench::new("filesystem", machine(mountinfo), flags);
        assert_eq!(bench.pass().0, Ok(()));
        bench.machine.asked.iter().map(|path| String::from_utf8_lossy(path).into_owned()).collect::<Vec<_>>()
    };
    assert_eq!(asked(&[]), ["/", "/sysx", "/run"]);
    assert_eq!(asked(&[(MOUNTS_INCLUDE, "^/s")]), ["/sys/x", "/sysx"]);
    assert_eq!(asked(&[(MOUNTS_EXCLUDE, "^/$")]), ["/sys/x", "/sysx", "/run"]);
    assert_eq!(asked(&[(TYPES_INCLUDE, "^tmpfs$")]), ["/run"]);
    assert_eq!(asked(&[(TYPES_EXCLUDE, "fs$")]), ["/", "/o"]);
}

#[test]
fn a_bad_line_costs_that_line() {
    let text = "x\n1 0 8:1 / / rw - ext4 /dev/a rw\n1 0 8:1 / /c rw - ext";
    let (result, text) = Bench::new("filesystem", machine(text), &[]).pass();
    assert_eq!(result, Ok(()));
    assert_eq!(family(&text, "node_filesystem_device_error").lines().count(), 1);
}

#[test]
fn own_mounts_are_read_only_when_the_first_process_is_hidden() {
    let own = ("proc/self/mountinfo", "1 0 8:1 / / rw - ext4 /dev/a rw\n");
    let (result, text) = Bench::new("filesystem", Replay::with(&[own]), &[]).pass();
    assert_eq!(result, Ok(()));
    assert!(text.contains("mountpoint=\"/\""));
    let mut machine = Replay::with(&[own]);
    machine.put("proc/1/mountinfo", Entry::Broken(ReadError::Denied));
    assert_eq!(Bench::new("filesystem", machine, &[]).pass(), (Err(Trouble::Denied), String::new()));
    failing("filesystem", &[], "no_data", "");
    check("filesystem", &[("proc/1/mountinfo", "")], "");
}

#[test]
fn a_table_is_read_again_when_it_has_changed() {
    let mut bench = Bench::new("filesystem", machine("x\n1 0 8:1 / / rw - ext4 /dev/a rw\n"), &[]);
    let (_, before) = bench.pass();
    bench.machine.mounts_still = true;
    bench.machine.file("proc/1/mountinfo", b"1 0 8:1 / / rw - ext4 /dev/b rw\n");
    bench.between = Duration::from_millis(999);
    assert_eq!(bench.pass(), (Ok(()), before.clone()));
    // The kernel does not say when it turns a file system read-only by itself.
    bench.between = Duration::from_secs(1);
    assert_eq!(bench.pass(), (Ok(()), before.replace("/dev/a", "/dev/b")));
    bench.between = Duration::ZERO;
    bench.machine.mounts_still = false;
    bench.machine.file("proc/1/mountinfo", b"1 0 8:1 / / rw - ext4 /dev/c rw\n");
    assert_eq!(bench.pass(), (Ok(()), before.replace("/dev/a", "/dev/c")));
    bench.machine.put("proc/1/mountinfo", Entry::Broken(ReadError::Gone));
    assert_eq!(bench.pass(), (Err(Trouble::NoData), String::new()));
    // What could not be read is asked again, also when nothing has changed since.
    bench.machine.mounts_still = true;
    bench.machine.file("proc/1/mountinfo", b"1 0 8:1 / / rw - ext4 /dev/b rw\n");
    assert_eq!(bench.pass().0, Ok(()));
}

#[test]
fn a_table_of_a_megabyte_is_read() {
    let line = |at: usize| {
        let layers = format!("/var/lib/layers/{at}/fs:").repeat(16);
        format!("{at} 0 0:{at} / /run/containers/{at} rw - overlay overlay rw,lowerdir={layers}\n")
    };
    let mut text: String = (0..3000).map(line).collect();
    assert!(text.len() > 1 << 20);
    text.push_str("1 0 8:1 / / rw - ext4 /dev/a rw\n");
    let (result, text) = Bench::new("filesystem", machine(&text), &[]).pass();
    assert_eq!((result, family(&text, "node_filesystem_readonly").lines().count()), (Ok(()), 1));
}

#[test]
fn more_mounts_than_planned_are_refused() {
    let line = |index: usize| format!("1 0 8:{index} / /m{index} rw - ext4 /dev/a rw\n");
    let text: String = (0..3).map(line).collect();
    let counts = |mounts: u32| {
        let limits = Limits { mounts, ..Limits::default() };
        let mut bench = Bench::with_limits("filesystem", machine(&text), &[], limits);
        let (result, text) = bench.pass();
        let shown = family(&text, "node_filesystem_device_error").lines().count();
        (result, shown, bench.refused("mounts"), bench.refused("mount_info"))
    };
    assert_eq!(counts(3), (Ok(()), 3, 0, 0));
    assert_eq!(counts(2), (Err(Trouble::TooLong), 2, 1, 1));
    assert_eq!(counts(1), (Err(Trouble::TooLong), 1, 2, 2));
}

#[test]
fn mounts_that_are_left_out_take_no_room() {
    let text = "1 0 8:1 / /a rw - ext4 /dev/a rw\n2 0 0:5 / /proc rw - proc proc rw\n";
    let limits = Limits { mounts: 1, ..Limits::default() };
    let mut bench = Bench::with_limits("filesystem", machine(text), &[], limits);
    assert_eq!(bench.pass().0, Ok(()));
    assert_eq!(bench.refused("mounts"), 0);
}

#[test]
fn mounts_have_their_time_before_they_are_looked_at() {
    assert!(Bench::new("filesystem", Replay::new(), &[]).late());
}
