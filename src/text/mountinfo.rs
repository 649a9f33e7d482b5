//! The table of mounts, `/proc/PID/mountinfo`.
//!
//! Format (proc_pid_mountinfo(5)), separated by single spaces:
//! "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue", with any number of fields
//! before the dash and three after it.

use super::{split_once, unsigned};

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

/// Can no server and no other process keep statfs(2) of such a file system waiting? A type that is not known here may.
pub fn is_local(fstype: &[u8]) -> bool {
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
    fn what_is_not_known_to_be_local_is_asked_as_if_it_were_remote() {
        for local in ["ext4", "xfs", "btrfs", "zfs", "vfat", "tmpfs", "overlay", "bcachefs", "nilfs2"] {
            assert!(is_local(local.as_bytes()), "{local}");
        }
        for other in [
            "nfs",
            "nfs4",
            "cifs",
            "fuse",
            "fuse.sshfs",
            "9p",
            "ceph",
            "gpfs",
            "orangefs",
            "",
            "ext",
            "ext44",
        ] {
            assert!(!is_local(other.as_bytes()), "{other}");
        }
    }
}
