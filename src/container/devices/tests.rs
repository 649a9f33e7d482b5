use super::super::filesystem::{self, FAMILIES, MOUNTS, MOUNTS_FLAG};
use super::Devices;
use crate::collect::Trouble;
use crate::expo::{Filter, render_all};
use crate::family::{Profile, Table};
use crate::flags::Flags;
use crate::io::replay::{Entry, Replay};
use crate::io::{FileSystem, MountAnswer, ReadError, Roots};
use crate::limits::Limits;
use crate::store::Store;

const KNOWN: FileSystem =
    FileSystem { size: 1000, free: 400, available: 300, files: 30, files_free: 20, read_only: false };

/// What `Devices` know of a machine, which can be changed between passes.
struct Bench {
    devices: Devices,
    machine: Replay,
    malformed: usize,
}

impl Bench {
    fn with(mounts: &str, limits: &Limits, rootfs: &str) -> Self {
        let mut flags = Flags::defaults(&[&[MOUNTS_FLAG]]);
        flags.set(MOUNTS, mounts);
        let roots = Roots { rootfs: rootfs.to_owned(), ..Roots::default() };
        Bench { devices: Devices::new(&flags, limits, &roots), machine: Replay::new(), malformed: 0 }
    }

    fn new(diskstats: &str, mountinfo: &str) -> Self {
        let mut bench = Self::with("host", &Limits::default(), "");
        bench.machine.file("proc/diskstats", diskstats.as_bytes());
        bench.machine.file("proc/1/mountinfo", mountinfo.as_bytes());
        bench
    }

    fn pass(&mut self) -> Result<(), Trouble> {
        let mut slots = Vec::new();
        self.machine.fill(&[super::DISKSTATS], &Limits::default(), &mut slots);
        let text = slots[0].result.map(|()| slots[0].buffer.as_slice());
        let malformed = std::cell::Cell::new(0);
        let result = self.devices.refresh(text, &mut self.machine, || malformed.set(malformed.get() + 1));
        self.malformed = malformed.get();
        result
    }

    fn name(&self, major: u64, minor: u64) -> String {
        String::from_utf8_lossy(self.devices.name(major, minor)).into_owned()
    }

    fn name_on_root(&self, major: u64, minor: u64) -> String {
        String::from_utf8_lossy(self.devices.name_on_root(major, minor)).into_owned()
    }

    /// `device point` of every file system.
    fn mounts(&mut self) -> Vec<String> {
        let mounts = self.devices.mounts();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        mounts
            .iter()
            .map(|mount| format!("{} {}", text(mounts.device(mount)), text(mounts.point(mount))))
            .collect()
    }

    /// The series of a pass over the file systems.
    fn series(&mut self) -> String {
        const TABLES: &[Table] = &[Table::rows("fs", |_| 64, 512, FAMILIES)];
        assert_eq!(self.pass(), Ok(()));
        let tables = TABLES.iter().map(|table| (table, Profile::Full));
        let mut store = Store::new(tables, &Limits::default());
        assert!(store.begin(|_| false));
        filesystem::request(&self.devices, &mut self.machine);
        let mut out = store.out(0, 1);
        let mut table = out.table(0);
        filesystem::collect(&self.devices, &mut self.machine, |device, known, disk| {
            filesystem::set(&mut table.row(&[("device", device)]), known, disk);
        });
        store.commit();
        let frame = store.pin().unwrap();
        let text = String::from_utf8(render_all(&store, frame, Filter::ALL)).unwrap();
        let lines = text.lines().filter_map(|line| line.strip_prefix("container_fs_"));
        lines.map(|line| format!("{line}\n")).collect()
    }
}

const DISKSTATS: &str = "\
   7       0 loop0 1 0 0 0 0 0 0 0 0 0 0
   1       0 ram0 0 0 0 0 0 0 0 0 0 0 0
  11       0 sr0 0 0 0 0 0 0 0 0 0 0 0
 259       3 nvme0c1n1 5 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0
 259       0 nvme0n1 10 11 12 13 14 15 16 17 18 19 20 0 0 0 0 0 0
 259       1 nvme0n1p1 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0
   8       0 sda 30 31 32 33 34 35 36 37 38 39 40
 253       0 dm-0 50 51 52 53 54 55 56 57 58 59 60
 254       0 zram0 0 0 0 0 0 0 0 0 0 0 0
";

#[test]
fn a_device_has_the_name_of_its_disk_or_of_what_is_mounted_from_it() {
    let mut bench = Bench::new(
        DISKSTATS,
        "1 0 253:0 / / rw - ext4 /dev/mapper/vg-root rw\n2 1 7:0 / /image rw - ext4 /dev/loop0 rw\n",
    );
    assert_eq!((bench.pass(), bench.malformed), (Ok(()), 0));
    for (major, minor, name, on_root) in [
        (8, 0, "/dev/sda", "/dev/sda"),
        (259, 0, "/dev/nvme0n1", "/dev/nvme0n1"),
        (259, 3, "", ""),
        (254, 0, "/dev/zram0", "/dev/zram0"),
        (253, 0, "/dev/dm-0", "/dev/mapper/vg-root"),
        (7, 0, "/dev/loop0", "/dev/loop0"),
        (1, 0, "", ""),
        (11, 0, "", ""),
        (9, 9, "", ""),
    ] {
        assert_eq!(bench.name(major, minor), name, "{major}:{minor}");
        assert_eq!(bench.name_on_root(major, minor), on_root, "{major}:{minor} on /");
    }
}

#[test]
fn names_follow_the_kernel() {
    let mut bench = Bench::new("8 0 sda 0 0 0 0 0 0 0 0 0 0 0\n", "");
    assert_eq!(bench.pass(), Ok(()));
    assert_eq!(bench.name(8, 0), "/dev/sda");
    bench.machine.file("proc/diskstats", b"8 16 sda 0 0 0 0 0 0 0 0 0 0 0\nx\n8 0\n8 32 sdc 1 2\n");
    assert_eq!((bench.pass(), bench.malformed), (Ok(()), 3));
    assert_eq!((bench.name(8, 0), bench.name(8, 16)), (String::new(), "/dev/sda".to_owned()));
    let long = format!("8 0 {} 0 0 0 0 0 0 0 0 0 0 0\n", "x".repeat(64));
    bench.machine.file("proc/diskstats", long.as_bytes());
    assert_eq!((bench.pass(), bench.malformed), (Ok(()), 1));
    bench.machine.put("proc/diskstats", Entry::Broken(ReadError::Denied));
    assert_eq!(bench.pass(), Err(Trouble::Denied));
    bench.machine.remove("proc/diskstats");
    assert_eq!(bench.pass(), Ok(()), "a machine without block devices");
}

#[test]
fn file_systems_are_those_of_the_peer() {
    let mountinfo = "\
1 0 8:1 / / rw - ext4 /dev/sda1 rw
2 1 0:21 / /proc rw - proc proc rw
3 1 0:22 / /dev/shm rw - tmpfs tmpfs rw
4 1 0:23 / /run rw - tmpfs tmpfs rw
5 1 8:1 /x /var/lib/x rw - ext4 /dev/sda1 rw
6 1 8:17 / /data rw - xfs /dev/sdb1 rw
7 1 0:30 / /nfs rw - nfs4 server:/export rw
8 1 0:31 / /flat rw - squashfs /dev/loop1 ro
9 1 0:32 / /over\\040lay rw - overlay overlay rw
10 1 0:33 / /tank rw - zfs tank/a rw
11 1 0:34 / /pool rw - btrfs /dev/sdc rw
12 1 0:35 / /fuse rw - fuse.x x rw
13 4 0:36 / /run rw - tmpfs other rw
";
    let mut bench = Bench::new("", mountinfo);
    assert_eq!((bench.pass(), bench.malformed), (Ok(()), 0));
    assert_eq!(
        bench.mounts(),
        [
            "/dev/sda1 /",
            "/dev/shm /dev/shm",
            "/run /run",
            "/dev/sdb1 /data",
            "server:/export /nfs",
            "overlay_0-32 /over lay",
            "tank/a /tank",
            "/dev/sdc /pool",
        ]
    );
    filesystem::request(&bench.devices, &mut bench.machine);
    assert_eq!(bench.machine.asked[5], b"/over lay");
    // The numbers of the mount that is to be seen.
    assert_eq!((bench.name(0, 36), bench.name(0, 23)), ("/run".to_owned(), String::new()));
}

#[test]
fn the_root_file_system_is_shown_whatever_it_is_and_says_how_full_its_device_is() {
    let mut bench = Bench::new("", "1 0 0:2 / / rw - erofs /dev/root ro\n");
    assert_eq!(bench.pass(), Ok(()));
    assert_eq!(bench.mounts(), ["/dev/root /"]);
    let text = "1 0 8:1 /a /a rw - ext4 /dev/sda rw\n2 0 8:1 / / rw - ext4 /dev/sda rw\n";
    bench.machine.file("proc/1/mountinfo", text.as_bytes());
    assert_eq!(bench.pass(), Ok(()));
    assert_eq!(bench.mounts(), ["/dev/sda /"]);
    let text = "1 0 0:1 / / rw - rootfs rootfs rw\n2 0 0:40 / / rw - overlay overlay rw\n";
    bench.machine.file("proc/1/mountinfo", text.as_bytes());
    assert_eq!(bench.pass(), Ok(()));
    assert_eq!(bench.mounts(), ["rootfs /", "overlay_0-40 /"]);
}

#[test]
fn mounts_of_single_containers_are_shown_when_asked_for() {
    let id = "4291dbe9c0c3d4bc02446799aae22d493a5b4342c53e08fbc77c8a800621c91d";
    let pod = "319c616a-ef14-4465-9113-5c992ff26f19";
    let mountinfo = format!(
        "1 0 8:1 / / rw - ext4 /dev/sda1 rw
2 1 0:1 / /run/containerd/io.containerd.grpc.v1.cri/sandboxes/{id}/shm rw - tmpfs shm rw
3 1 0:2 / /run/containerd/io.containerd.runtime.v2.task/k8s.io/{id}/rootfs rw - overlay overlay rw
4 1 0:3 / /run/containerd/io.containerd.runtime.v2.task/default/c1/rootfs rw - overlay overlay rw
5 1 0:4 / /data/docker/overlay2/{id}-init/merged rw - overlay overlay rw
6 1 0:5 / /var/lib/kubelet/pods/{pod}/volumes/kubernetes.io~projected/token rw - tmpfs tmpfs rw
7 1 0:6 / /var/lib/kubelet/pods/{pod}/volumes/kubernetes.io~nfs/data rw - nfs4 server:/data rw
8 1 8:16 / /var/lib/kubelet/pods/{pod}/volumes/kubernetes.io~csi/pvc/mount rw - ext4 /dev/sdb rw
9 1 0:7 / /etc rw - overlay overlay rw
10 1 0:8 / /pods/x rw - tmpfs tmpfs rw
"
    );
    let count = |mounts: &str| {
        let mut bench = Bench::with(mounts, &Limits::default(), "");
        bench.machine.file("proc/1/mountinfo", mountinfo.as_bytes());
        assert_eq!(bench.pass(), Ok(()));
        bench.mounts()
    };
    let host = count("host");
    assert_eq!(host.len(), 5, "{host:?}");
    assert!(host[1].starts_with("server:/data ") && host[2].starts_with("/dev/sdb "), "{host:?}");
    assert_eq!(host[3..], ["overlay_0-7 /etc", "/pods/x /pods/x"]);
    assert_eq!(count("all").len(), 10);
}

#[test]
fn a_file_system_has_what_its_disk_has_done() {
    let mut bench = Bench::new(DISKSTATS, "1 0 259:0 / / rw - ext4 /dev/root rw\n");
    bench.machine.set_mount("/", MountAnswer::Known(KNOWN));
    let expect = r#"inodes_free{device="/dev/root"} 20
inodes_total{device="/dev/root"} 30
limit_bytes{device="/dev/root"} 1000
usage_bytes{device="/dev/root"} 600
reads_total{device="/dev/root"} 10
sector_reads_total{device="/dev/root"} 12
reads_merged_total{device="/dev/root"} 11
read_seconds_total{device="/dev/root"} 0.013
writes_total{device="/dev/root"} 14
sector_writes_total{device="/dev/root"} 16
writes_merged_total{device="/dev/root"} 15
write_seconds_total{device="/dev/root"} 0.017
io_current{device="/dev/root"} 18
io_time_seconds_total{device="/dev/root"} 0.019
io_time_weighted_seconds_total{device="/dev/root"} 0.02
"#;
    assert_eq!(bench.series(), expect);
    // A btrfs has a number of its own; its device is found by name.
    let text = "1 0 0:40 /@ / rw - btrfs /dev/nvme0n1 rw\n";
    bench.machine.file("proc/1/mountinfo", text.as_bytes());
    assert_eq!(bench.series(), expect.replace("/dev/root", "/dev/nvme0n1"));
    bench.machine.file("proc/1/mountinfo", b"1 0 0:40 / / rw - tmpfs tmpfs rw\n");
    let series = bench.series();
    assert!(series.contains("reads_total{device=\"/\"} 0\n") && series.lines().count() == 15, "{series}");
    bench.machine.set_mount("/", MountAnswer::Known(FileSystem { size: 1, free: 2, ..KNOWN }));
    assert!(bench.series().contains("usage_bytes{device=\"/\"} 0\n"));
    for answer in [MountAnswer::Stuck, MountAnswer::Error(13)] {
        bench.machine.set_mount("/", answer);
        assert_eq!(bench.series(), "");
    }
}

#[test]
fn below_another_root_paths_lose_its_name() {
    let mut bench = Bench::with("host", &Limits::default(), "/host");
    let text = "1 0 8:1 / /host rw - ext4 /dev/sda1 rw\n2 1 0:9 / /host/run rw - tmpfs tmpfs rw\n\
        3 0 0:10 / /hostel rw - tmpfs tmpfs rw\n4 0 0:11 / / rw - overlay overlay rw\n";
    bench.machine.file("proc/self/mountinfo", text.as_bytes());
    assert_eq!(bench.pass(), Ok(()));
    assert_eq!(bench.mounts(), ["/dev/sda1 /", "/run /run", "/hostel /hostel", "overlay_0-11 /"]);
}

#[test]
fn hostile_tables_cost_what_does_not_fit() {
    let limits = Limits { mounts: 2, disks: 1, ..Limits::default() };
    let mut bench = Bench::with("all", &limits, "");
    let lines: String = (0..9).map(|at| format!("8 {at} sd{at} 0 0 0 0 0 0 0 0 0 0 0\n")).collect();
    bench.machine.file("proc/diskstats", lines.as_bytes());
    let long = "x".repeat(900);
    let mountinfo = format!(
        "x\n1 0 8:1 / /{} rw - ext4 /dev/a rw\n1 0 8:99999999999999999999 / /a rw - ext4 /dev/a rw\n\
         1 0 8:1 / /{long} rw - ext4 /dev/a rw\n2 0 8:2 / /b{long} rw - ext4 /dev/b rw\n\
         3 0 8:3 / /c rw - ext4 /dev/c rw\n4 0 8:4 / /d rw - ext4 /dev/d rw\n",
        "y".repeat(5000)
    );
    bench.machine.file("proc/1/mountinfo", mountinfo.as_bytes());
    assert_eq!((bench.pass(), bench.malformed), (Ok(()), 3));
    assert_eq!(bench.mounts().len(), 2);
    // Five disks, a mount whose texts do not fit, and one mount too many.
    assert_eq!(bench.devices.refused_total(), 5 + 1 + 1);
    assert_eq!((bench.name(8, 3), bench.name(8, 5)), ("/dev/sd3".to_owned(), String::new()));
    bench.machine.remove("proc/1");
    assert_eq!(bench.pass(), Err(Trouble::NoData));
    assert_eq!(bench.mounts().len(), 0);
    // Its own names are known all the same.
    assert_eq!(bench.name(8, 0), "/dev/sd0");
}
