//! The table of mounts, `/proc/PID/mountinfo`.
//!
//! Format (proc_pid_mountinfo(5)), separated by single spaces:
//! "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue", with any number of fields
//! before the dash and three after it.

use super::{lines, split_once, unsigned};

/// A line of mountinfo, as it is written there.
pub struct Line<'a> {
    pub major: &'a [u8],
    pub minor: &'a [u8],
    pub point: &'a [u8],
    pub fstype: &'a [u8],
    pub device: &'a [u8],
    pub read_only: bool,
}

/// `None`: the line is not understood.
pub fn parse(line: &[u8]) -> Option<Line<'_>> {
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

/// The path of a mount point below the root file system: with that at /host, /host/a is /a, and /hostel is somewhere
/// else. `None`: not below it. `rootfs` has no slash at its end and is empty for `/`.
pub fn below<'a>(point: &'a [u8], rootfs: &[u8]) -> Option<&'a [u8]> {
    match point.strip_prefix(rootfs) {
        Some(b"") => Some(b"/"),
        Some(below) if below[0] == b'/' => Some(below),
        _ => None,
    }
}

/// What an answer of statfs(2) may have to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Medium {
    /// Nothing: the kernel has the numbers in memory.
    Memory,
    /// A device of this machine.
    Device,
    /// Another machine or a process.
    Elsewhere,
}

/// What statfs(2) of a type of file system waits for. A type that is not known here may ask a server or a process.
pub fn medium(fstype: &[u8]) -> Medium {
    const MEMORY: &[&[u8]] = &[
        b"cgroup",
        b"cgroup2",
        b"debugfs",
        b"devpts",
        b"devtmpfs",
        b"ext2",
        b"ext3",
        b"ext4",
        b"f2fs",
        b"hugetlbfs",
        b"mqueue",
        b"nsfs",
        b"overlay",
        b"proc",
        b"ramfs",
        b"rootfs",
        b"securityfs",
        b"sysfs",
        b"tmpfs",
        b"tracefs",
        b"xfs",
    ];
    const DEVICE: &[&[u8]] = &[
        b"adfs",
        b"affs",
        b"apfs",
        b"bcachefs",
        b"befs",
        b"bfs",
        b"binfmt_misc",
        b"bpf",
        b"btrfs",
        b"configfs",
        b"cramfs",
        b"efivarfs",
        b"erofs",
        b"exfat",
        b"fusectl",
        b"hfs",
        b"hfsplus",
        b"iso9660",
        b"jffs2",
        b"jfs",
        b"minix",
        b"msdos",
        b"nilfs2",
        b"ntfs",
        b"ntfs3",
        b"pstore",
        b"reiserfs",
        b"romfs",
        b"selinuxfs",
        b"squashfs",
        b"ubifs",
        b"udf",
        b"ufs",
        b"vfat",
        b"zfs",
        b"zonefs",
    ];
    if MEMORY.contains(&fstype) {
        Medium::Memory
    } else if DEVICE.contains(&fstype) {
        Medium::Device
    } else {
        Medium::Elsewhere
    }
}

/// Mount points of a table at which a path may have to wait. On its way to a mount statfs(2) passes the mounts above:
/// below one that may hang, nothing comes from memory.
pub struct Waits {
    /// A line each.
    points: Vec<u8>,
    bytes_max: usize,
    /// There was no room for one of them, or it is more than a line.
    refused: bool,
}

impl Waits {
    pub fn with_capacity(bytes_max: usize) -> Self {
        Waits { points: Vec::with_capacity(bytes_max), bytes_max, refused: false }
    }

    pub fn clear(&mut self) {
        self.points.clear();
        self.refused = false;
    }

    /// Notes a mount of the table, whether or not anybody will ask for it.
    pub fn note(&mut self, point: &[u8], medium: Medium) {
        if medium == Medium::Memory {
            return;
        }
        let fits = self.points.len() + point.len() < self.bytes_max;
        if fits && memchr::memchr(b'\n', point).is_none() {
            self.points.extend_from_slice(point);
            self.points.push(b'\n');
        } else {
            self.refused = true;
        }
    }

    /// What statfs(2) of a mount waits for whose own file system is of this kind.
    pub fn medium(&self, point: &[u8], own: Medium) -> Medium {
        let passes = |above: &[u8]| {
            let rest = point.strip_prefix(above);
            rest.is_some_and(|rest| rest.is_empty() || rest[0] == b'/' || above.ends_with(b"/"))
        };
        let waits = own == Medium::Memory && (self.refused || lines(&self.points).any(passes));
        if waits { Medium::Elsewhere } else { own }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_its_fields_on_both_sides_of_the_dash() {
        let check = |line: &str, expect: Option<(&str, &str, &str, &str)>| {
            let found = parse(line.as_bytes()).map(|line| {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                let number = format!("{}:{}", text(line.major), text(line.minor));
                (number, text(line.point), text(line.fstype), text(line.device))
            });
            let expect = expect.map(|(number, point, fstype, device)| {
                (number.to_owned(), point.to_owned(), fstype.to_owned(), device.to_owned())
            });
            assert_eq!(found, expect, "{line}");
        };
        let usual = Some(("8:1", "/a", "ext4", "/dev/sda1"));
        check("1 0 8:1 / /a rw - ext4 /dev/sda1 rw", usual);
        check("1 0 8:1 / /a rw shared:1 master:2 - ext4 /dev/sda1 rw,x", usual);
        check("1 0 0:9 / /a rw - tmpfs  rw", Some(("0:9", "/a", "tmpfs", "")));
        for line in [
            "",
            "1",
            "1 0 8:1 / /a rw - ext4 /dev/a",
            "1 0 8 / /a rw - ext4 /dev/a rw",
            "1 0 8:x / /a rw - ext4 /dev/a rw",
            "1 0 8:1 / /a rw ext4 /dev/a rw x",
            "1 0 8:1 / /a rw shared:1 - ext4 /dev/a rw x",
        ] {
            check(line, None);
        }
    }

    #[test]
    fn read_only_is_what_any_option_says() {
        let says = |options: &str, super_options: &str| {
            let line = format!("1 0 8:1 / / {options} - ext4 /dev/a {super_options}");
            parse(line.as_bytes()).map(|line| line.read_only)
        };
        assert_eq!(says("rw,relatime", "rw"), Some(false));
        assert_eq!(says("ro", "rw"), Some(true));
        assert_eq!(says("rw", "seclabel,ro"), Some(true));
        assert_eq!(says("rw", "rw,emergency_ro"), Some(true));
        assert_eq!(says("rw,errors=remount-ro", "rw,root=1"), Some(false));
    }

    #[test]
    fn a_path_is_below_another_at_a_name() {
        let check = |point: &str, rootfs: &str, expect: Option<&str>| {
            let found = below(point.as_bytes(), rootfs.as_bytes());
            assert_eq!(found, expect.map(str::as_bytes), "{point} below {rootfs}");
        };
        check("/host/a", "/host", Some("/a"));
        check("/host", "/host", Some("/"));
        check("/hostel", "/host", None);
        check("/a", "/host", None);
        check("/a", "", Some("/a"));
        check("", "", Some("/"));
    }

    #[test]
    fn a_type_that_is_not_known_may_ask_a_server() {
        let elsewhere = "nfs nfs4 cifs fuse fuse.sshfs 9p ceph gpfs orangefs autofs ext ext44";
        let cases = [
            (Medium::Memory, "ext4 xfs tmpfs overlay proc"),
            (Medium::Device, "btrfs zfs vfat bcachefs nilfs2 iso9660"),
            (Medium::Elsewhere, elsewhere),
        ];
        for (expect, types) in cases {
            for fstype in types.split(' ') {
                assert_eq!(medium(fstype.as_bytes()), expect, "{fstype}");
            }
        }
        assert_eq!(medium(b""), Medium::Elsewhere);
    }

    #[test]
    fn below_a_mount_that_may_hang_nothing_comes_from_memory() {
        use Medium::{Device, Elsewhere, Memory};
        let check = |bytes_max, mounts: &[(&str, Medium)], expect: &[Medium]| {
            let mut waits = Waits::with_capacity(bytes_max);
            for (point, own) in mounts {
                waits.note(point.as_bytes(), *own);
            }
            let found: Vec<_> =
                mounts.iter().map(|(point, own)| waits.medium(point.as_bytes(), *own)).collect();
            assert_eq!(found, expect);
        };
        let mounts = [
            ("/", Memory),
            ("/n/x", Memory),
            ("/n", Elsewhere),
            ("/nx", Memory),
            ("/n/y", Device),
            ("/n", Memory),
        ];
        check(64, &mounts, &[Memory, Elsewhere, Elsewhere, Memory, Device, Elsewhere]);
        // Over a root that may hang, everything may; so too when not all of them are known.
        check(64, &[("/", Elsewhere), ("/x", Memory)], &[Elsewhere, Elsewhere]);
        check(64, &[("/a", Memory), ("/x\ny", Elsewhere)], &[Elsewhere, Elsewhere]);
        check(8, &[("/a", Memory), ("/elsewhere", Elsewhere)], &[Elsewhere, Elsewhere]);
    }
}
