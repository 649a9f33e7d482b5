//! Mounted file systems: `/proc/1/mountinfo` and statfs(2) of each mount point.
//!
//! Format (proc_pid_mountinfo(5)), separated by single spaces:
//! "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue", with any number of fields
//! before the dash and three after it.

use crate::collect::{Collect, Collector, Pass, Setup, Trouble};
use crate::family::{Family, Table, check, gauge};
use crate::filter::NameFilter;
use crate::flags::{Flag, FlagKind};
use crate::io::{FileSpec, MountAnswer, ReadError, Root};
use crate::text::errno;
use crate::text::{lines, split_once, unsigned};
use mounts::{Mount, Mounts};

mod mounts;

pub const COLLECTOR: Collector = Collector {
    name: "filesystem",
    default: true,
    files: &[FileSpec::proc("1/mountinfo", |_| MOUNTINFO_BYTES)],
    tables: &[
        Table::rows("mounts", |limits| limits.mounts, LABEL_BYTES, MOUNT),
        Table::rows("mount_info", |limits| limits.mounts, LABEL_BYTES, INFO),
    ],
    flags: &[
        Flag {
            name: MOUNTS_EXCLUDE,
            kind: FlagKind::Regex,
            default: "^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)",
            help: "Mount points that are left out.",
        },
        Flag {
            name: MOUNTS_INCLUDE,
            kind: FlagKind::Regex,
            default: "",
            help: "The only mount points that are shown.",
        },
        Flag {
            name: "collector.filesystem.ignored-mount-points",
            kind: FlagKind::Alias { of: MOUNTS_EXCLUDE, words: &[] },
            default: "",
            help: "",
        },
        Flag {
            name: TYPES_EXCLUDE,
            kind: FlagKind::Regex,
            default: "^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|\
                iso9660|mqueue|nsfs|overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|erofs|\
                sysfs|tracefs)$",
            help: "Types of file systems that are left out.",
        },
        Flag {
            name: TYPES_INCLUDE,
            kind: FlagKind::Regex,
            default: "",
            help: "The only types of file systems that are shown.",
        },
        Flag {
            name: "collector.filesystem.ignored-fs-types",
            kind: FlagKind::Alias { of: TYPES_EXCLUDE, words: &[] },
            default: "",
            help: "",
        },
        Flag {
            name: "collector.filesystem.mount-timeout",
            kind: FlagKind::Duration { min_ms: 1, max_ms: 3_600_000 },
            default: "5s",
            help: "How long a mount may take to answer before it is reported as hung.",
        },
        Flag {
            name: "collector.filesystem.stat-workers",
            kind: FlagKind::Int { min: 1, max: 16 },
            default: "4",
            help: "Threads that ask mounts. Of two or more, one is for local mounts only.",
        },
    ],
    make,
};

const MOUNTS_EXCLUDE: &str = "collector.filesystem.mount-points-exclude";
const MOUNTS_INCLUDE: &str = "collector.filesystem.mount-points-include";
const TYPES_EXCLUDE: &str = "collector.filesystem.fs-types-exclude";
const TYPES_INCLUDE: &str = "collector.filesystem.fs-types-include";

/// A busy Kubernetes node has a thousand mounts of 200 bytes.
const MOUNTINFO_BYTES: u32 = 256 * 1024;
const LABEL_BYTES: u16 = 512;

const MOUNT: &[Family] = &[
    gauge("node_filesystem_size_bytes", "Bytes the file system can hold.").key("size").essential(),
    gauge("node_filesystem_free_bytes", "Bytes nobody uses, those reserved for root included.")
        .key("free")
        .essential(),
    gauge("node_filesystem_avail_bytes", "Bytes that other users than root can still write.")
        .key("available")
        .essential(),
    gauge("node_filesystem_files", "Inodes the file system can hold.").key("files").essential(),
    gauge("node_filesystem_files_free", "Inodes nobody uses.").key("files_free").essential(),
    gauge("node_filesystem_purgeable_bytes", "Bytes the system could free itself; always 0 on Linux.")
        .key("purgeable"),
    gauge("node_filesystem_readonly", "Is the file system mounted read-only?").key("read_only").essential(),
    gauge("node_filesystem_device_error", "Did the file system refuse to say how full it is?")
        .key("error")
        .essential(),
];
const INFO: &[Family] =
    &[gauge("node_filesystem_mount_info", "A mount and the number of its device; always 1.")];
const _: () = check(MOUNT);
const _: () = check(INFO);

fn make(setup: &Setup<'_>) -> Box<dyn Collect> {
    let flags = setup.flags;
    Box::new(FileSystems {
        points: NameFilter::new(flags, MOUNTS_INCLUDE, MOUNTS_EXCLUDE),
        types: NameFilter::new(flags, TYPES_INCLUDE, TYPES_EXCLUDE),
        rootfs: setup.roots.rootfs.trim_end_matches('/').as_bytes().to_vec(),
        mounts: Mounts::with_capacity(setup.limits.mounts as usize),
        refused: false,
        fallback: Vec::with_capacity(MOUNTINFO_BYTES as usize),
    })
}

struct FileSystems {
    points: NameFilter,
    types: NameFilter,
    /// Without a slash at its end; empty for `/`.
    rootfs: Vec<u8>,
    mounts: Mounts,
    /// This pass found a mount that there is no room for.
    refused: bool,
    /// For `/proc/self/mountinfo`; its memory is not resident before it is needed.
    fallback: Vec<u8>,
}

impl Collect for FileSystems {
    fn request(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        self.mounts.clear();
        self.refused = false;
        let text = match pass.files.get(0) {
            // With hidepid the first process is not to be seen. What cannot be read for another reason must not be
            // replaced by the mounts of a container.
            Err(ReadError::Missing) => {
                pass.io.read_into(Root::Proc, &[b"self/mountinfo"], &mut self.fallback)?;
                self.fallback.as_slice()
            }
            other => other?,
        };
        for line in lines(text) {
            let Some(line) = parse(line) else {
                pass.out.malformed();
                continue;
            };
            let Some(mount) = self.mounts.push(&line, &self.rootfs) else {
                self.refused = true;
                refuse(pass);
                continue;
            };
            if !self.points.keeps(self.mounts.point(&mount)) || !self.types.keeps(line.fstype) {
                self.mounts.drop_last();
            } else if self.mounts.is_over() {
                self.mounts.drop_last();
                self.refused = true;
                refuse(pass);
            } else if !mount.repeated {
                pass.io.ask_mount(self.mounts.point(&mount), is_local(line.fstype));
            }
        }
        Ok(())
    }

    fn collect(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        let with_info = pass.out.serves(1);
        for mount in self.mounts.iter() {
            let answer = pass.io.mount(self.mounts.point(mount));
            if !mount.repeated {
                set_mount(&self.mounts, mount, answer, pass);
            }
            if with_info && matches!(answer, MountAnswer::Known(_)) {
                let labels = [
                    ("device", self.mounts.device(mount)),
                    ("major", self.mounts.major(mount)),
                    ("minor", self.mounts.minor(mount)),
                    ("mountpoint", self.mounts.point(mount)),
                ];
                pass.out.table(1).row(&labels).set("", 1);
            }
        }
        if self.refused { Err(Trouble::TooLong) } else { Ok(()) }
    }
}

/// Counts a mount that there is no room for in the tables that would show it.
fn refuse(pass: &mut Pass<'_>) {
    for table in 0..=1 {
        if pass.out.serves(table) {
            pass.out.refuse(table);
        }
    }
}

fn set_mount(mounts: &Mounts, mount: &Mount, answer: MountAnswer, pass: &mut Pass<'_>) {
    let message;
    let error: &[u8] = match answer {
        MountAnswer::Known(_) => b"",
        MountAnswer::Error(number) => {
            message = errno::message(number);
            message.as_bytes()
        }
        MountAnswer::Stuck => b"mountpoint timeout",
    };
    let mut table = pass.out.table(0);
    let mut row = table.row(&[
        ("device", mounts.device(mount)),
        ("device_error", error),
        ("fstype", mounts.fstype(mount)),
        ("mountpoint", mounts.point(mount)),
    ]);
    if let MountAnswer::Known(known) = answer {
        row.set("size", known.size);
        row.set("free", known.free);
        row.set("available", known.available);
        row.set("files", known.files);
        row.set("files_free", known.files_free);
        row.set("purgeable", 0);
    }
    row.set("read_only", u64::from(mount.read_only));
    row.set("error", u64::from(!error.is_empty()));
}

/// A line of mountinfo, as it is written there.
struct Line<'a> {
    major: &'a [u8],
    minor: &'a [u8],
    point: &'a [u8],
    fstype: &'a [u8],
    device: &'a [u8],
    read_only: bool,
}

fn parse(line: &[u8]) -> Option<Line<'_>> {
    let mut fields = line.splitn(7, |byte| *byte == b' ');
    let (_id, _parent) = (fields.next()?, fields.next()?);
    let (major, minor) = split_once(fields.next()?, b':')?;
    let _root = fields.next()?;
    let point = fields.next()?;
    let options = fields.next()?;
    let mut last = fields.next()?.rsplitn(4, |byte| *byte == b' ');
    let super_options = last.next()?;
    let device = last.next()?;
    let fstype = last.next()?;
    let before = last.next()?;
    // The separator is the fourth field from the end: what stands before it is not counted.
    if !(before == b"-" || before.ends_with(b" -")) {
        return None;
    }
    unsigned(major)?;
    unsigned(minor)?;
    let read_only = says_read_only(options) || says_read_only(super_options);
    Some(Line { major, minor, point, fstype, device, read_only })
}

fn says_read_only(options: &[u8]) -> bool {
    options.split(|byte| *byte == b',').any(|option| matches!(option, b"ro" | b"emergency_ro"))
}

/// Can no server and no other process keep statfs(2) of such a file system waiting? A type that is not known here may.
fn is_local(fstype: &[u8]) -> bool {
    const LOCAL: &[&[u8]] = &[
        b"adfs",
        b"affs",
        b"apfs",
        b"bcachefs",
        b"befs",
        b"bfs",
        b"binfmt_misc",
        b"bpf",
        b"btrfs",
        b"cgroup",
        b"cgroup2",
        b"configfs",
        b"cramfs",
        b"debugfs",
        b"devpts",
        b"devtmpfs",
        b"efivarfs",
        b"erofs",
        b"exfat",
        b"ext2",
        b"ext3",
        b"ext4",
        b"f2fs",
        b"fusectl",
        b"hfs",
        b"hfsplus",
        b"hugetlbfs",
        b"iso9660",
        b"jffs2",
        b"jfs",
        b"minix",
        b"mqueue",
        b"msdos",
        b"nilfs2",
        b"nsfs",
        b"ntfs",
        b"ntfs3",
        b"overlay",
        b"proc",
        b"pstore",
        b"ramfs",
        b"reiserfs",
        b"romfs",
        b"rootfs",
        b"securityfs",
        b"selinuxfs",
        b"squashfs",
        b"sysfs",
        b"tmpfs",
        b"tracefs",
        b"ubifs",
        b"udf",
        b"ufs",
        b"vfat",
        b"xfs",
        b"zfs",
        b"zonefs",
    ];
    LOCAL.contains(&fstype)
}

#[cfg(test)]
mod tests;
