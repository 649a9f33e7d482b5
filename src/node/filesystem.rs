//! Mounted file systems: `/proc/1/mountinfo` and statfs(2) of each mount point.

use crate::base::clock::Monotonic;
use crate::collect::{Collect, Collector, Pass, Setup, Trouble};
use crate::family::{Family, Table, check, gauge};
use crate::filter::NameFilter;
use crate::flags::{Flag, FlagKind};
use crate::io::MountAnswer;
use crate::store::Out;
use crate::text::errno;
use crate::text::mountinfo::parse;
use mounts::{Mount, Mounts};
use std::time::Duration;

mod mounts;

pub const COLLECTOR: Collector = Collector {
    name: "filesystem",
    default: true,
    files: &[],
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

/// A file system that turns read-only after an error of its device does not change the table's version.
const TABLE_AGE_MAX: Duration = Duration::from_secs(1);

fn make(setup: &Setup<'_>) -> Box<dyn Collect> {
    let flags = setup.flags;
    Box::new(FileSystems {
        points: NameFilter::new(flags, MOUNTS_INCLUDE, MOUNTS_EXCLUDE),
        types: NameFilter::new(flags, TYPES_INCLUDE, TYPES_EXCLUDE),
        rootfs: setup.roots.rootfs.trim_end_matches('/').as_bytes().to_vec(),
        mounts: Mounts::with_capacity(setup.limits.mounts as usize),
        read: None,
        refused: false,
    })
}

struct FileSystems {
    points: NameFilter,
    types: NameFilter,
    /// Without a slash at its end; empty for `/`.
    rootfs: Vec<u8>,
    mounts: Mounts,
    /// The table of mounts that was read and when; `None`: none, or not to its end.
    read: Option<(u64, Monotonic)>,
    /// It has a mount that there is no room for.
    refused: bool,
}

impl FileSystems {
    /// Reads the table of mounts. On a node with hundreds of containers it has a megabyte.
    fn read(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        self.mounts.clear();
        self.refused = false;
        let Pass { io, out, .. } = pass;
        io.mount_lines(&mut |line| {
            let Some(line) = parse(line) else { return out.malformed() };
            let Some(mount) = self.mounts.push(&line, &self.rootfs) else {
                self.refused = true;
                return refuse(out);
            };
            if !self.points.keeps(self.mounts.point(&mount)) || !self.types.keeps(line.fstype) {
                self.mounts.drop_last();
            } else if self.mounts.is_over() {
                self.mounts.drop_last();
                self.refused = true;
                refuse(out);
            }
        })?;
        Ok(())
    }
}

impl Collect for FileSystems {
    fn request(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        let (version, now) = (pass.io.mounts_version(), pass.now.monotonic);
        let holds = |(read, at): (u64, Monotonic)| read == version && now.since(at) < TABLE_AGE_MAX;
        if !self.read.is_some_and(holds) {
            self.read = None;
            self.read(pass)?;
            self.read = Some((version, now));
        }
        for mount in self.mounts.iter().filter(|mount| !mount.repeated) {
            pass.io.ask_mount(self.mounts.point(mount), self.mounts.medium(mount));
        }
        Ok(())
    }

    /// The mounts have until then to answer.
    fn late(&self) -> bool {
        true
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
fn refuse(out: &mut Out<'_>) {
    for table in 0..=1 {
        if out.serves(table) {
            out.refuse(table);
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

#[cfg(test)]
mod tests;
