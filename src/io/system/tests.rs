//! Files, folders, links, descriptors and mounts of a real tree.

use super::*;
use crate::base::gate;
use std::path::PathBuf;

fn system(roots: Roots, held_files: u32) -> System {
    let mounts = MountOptions { timeout: Duration::from_secs(5), workers: 1 };
    System::new(roots, &Limits { held_files, ..Limits::default() }, mounts).unwrap()
}

/// An empty folder of this test, as the root of /proc and /sys.
fn folder(name: &str) -> (PathBuf, Roots) {
    let path = std::env::temp_dir().join(format!("trimeter-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&path).unwrap();
    let text = path.to_str().unwrap().to_owned();
    (
        path,
        Roots {
            procfs: text.clone(),
            sysfs: text.clone(),
            rootfs: text.clone(),
            udev: text.clone(),
            cgroupfs: text,
        },
    )
}

#[test]
fn files_folders_and_links_are_read_as_they_are() {
    let (path, roots) = folder("tree");
    let mut system = system(roots, 8);
    let mut names = Names::with_capacity(8);
    for (name, bytes) in [("b", &b"12"[..]), ("a", b""), (".c", &[7; 4096]), ("d", &[7; 4097])] {
        std::fs::write(path.join(name), bytes).unwrap();
    }
    std::os::unix::fs::symlink("../target", path.join("link")).unwrap();
    assert_eq!(system.list(Root::Proc, &[], &mut names), Ok(()));
    assert_eq!(names.iter().collect::<Vec<_>>(), [&b".c"[..], b"a", b"b", b"d", b"link"]);
    assert_eq!(system.list(Root::Proc, &[b"a"], &mut names), Err(ReadError::Missing));
    for root in [Root::Proc, Root::Sys, Root::RootFs, Root::Udev] {
        assert_eq!(system.read(root, &[b"b"]), Ok(&b"12"[..]));
        assert_eq!(system.read(root, &[b"a"]), Ok(&b""[..]));
        assert_eq!(system.read(root, &[b".", b"c"]), Ok(&[7_u8; 4096][..]));
        assert_eq!(system.read(root, &[b"d"]), Err(ReadError::TooLong));
        assert_eq!(system.read(root, &[b"b/c"]), Err(ReadError::Missing));
        assert_eq!(system.read(root, &[b"x"]), Err(ReadError::Missing));
        assert_eq!(system.read(root, &[b"b\0"]), Err(ReadError::Missing));
        assert_eq!(system.read(root, &[&[b'x'; 2000]]), Err(ReadError::Failed));
    }
    assert_eq!(system.link(Root::Sys, &[b"link"]), Ok(&b"../target"[..]));
    assert_eq!(system.link(Root::Sys, &[b"b"]), Err(ReadError::Unsupported));
    assert!(system.modified(Root::Sys, &[b"b"]).unwrap() > 1_600_000_000_000_000_000);
    assert_eq!(system.modified(Root::Sys, &[b"x"]), Err(ReadError::Missing));
    assert!(!system.is_live(Root::Proc) && !system.is_live(Root::Sys));
    std::fs::remove_dir_all(path).unwrap();
}

#[test]
fn a_file_as_long_as_the_buffer_fits_and_one_longer_does_not() {
    let (path, roots) = folder("into");
    let mut system = system(roots, 8);
    let mut buffer = Vec::with_capacity(10);
    for (length, expect) in [(0, Ok(())), (9, Ok(())), (10, Ok(())), (11, Err(ReadError::TooLong))] {
        std::fs::write(path.join("file"), vec![b'x'; length]).unwrap();
        assert_eq!(system.read_into(Root::Proc, &[b"file"], &mut buffer), expect);
        assert_eq!(buffer.len(), if expect.is_ok() { length } else { 0 });
        assert_eq!(buffer.capacity(), 10);
    }
    std::fs::remove_dir_all(path).unwrap();
}

#[test]
fn attributes_are_held_up_to_the_limit_and_let_go_when_nobody_reads_them() {
    let mut system = system(Roots::default(), 2);
    if !system.is_live(Root::Sys) || !std::fs::exists("/sys/class/net/lo/mtu").unwrap() {
        println!("skipped: no /sys");
        return;
    }
    for _ in 0..3 {
        for name in ["mtu", "flags", "ifindex", "no_such"] {
            let expect = std::fs::read(format!("/sys/class/net/lo/{name}")).ok();
            let found = system.read(Root::Sys, &[b"class/net/lo/", name.as_bytes()]);
            assert_eq!(found.ok().map(<[u8]>::to_vec), expect);
        }
        system.begin_pass();
    }
    let usage = system.held_usage();
    assert_eq!((usage.used, usage.capacity, usage.high_water), (2, 2, 2));
    assert!(usage.refused > 0);
    assert!(system.held.places.iter().all(|place| matches!(place, Place::File(_))));
    for _ in 0..=crate::io::held::FORGET_AFTER_TICKS {
        system.age();
    }
    assert_eq!(system.held_usage().used, 0);
    assert!(system.held.places.iter().all(|place| matches!(place, Place::Unknown)));
}

#[test]
fn an_absent_folder_is_found_when_it_comes() {
    let (path, roots) = folder("absent");
    let links = std::os::unix::fs::MetadataExt::nlink;
    let before = links(&path.metadata().unwrap());
    std::fs::create_dir(path.join("counted")).unwrap();
    if links(&path.metadata().unwrap()) == before {
        println!("skipped: this file system does not count folders as sysfs does");
        return;
    }
    let mut system = system(roots, 8);
    system.sys_live = true;
    let mut names = Names::with_capacity(8);
    for round in 0..3 {
        for _ in 0..3 {
            assert_eq!(system.list(Root::Sys, &[b"class/"], &mut names), Err(ReadError::Missing));
            assert_eq!(system.list(Root::Sys, &[b"class/nvme"], &mut names), Err(ReadError::Missing));
            assert_eq!(system.list(Root::Sys, &[b"class/a/b/c"], &mut names), Err(ReadError::Missing));
        }
        std::fs::create_dir_all(path.join("class/nvme")).unwrap();
        assert_eq!(system.list(Root::Sys, &[b"class/"], &mut names), Ok(()));
        assert_eq!(names.len(), 1, "{round}");
        assert_eq!(system.list(Root::Sys, &[b"class/nvme"], &mut names), Ok(()));
        // One goes and another comes: that is seen after a tick.
        std::fs::remove_dir_all(path.join("class")).unwrap();
        assert_eq!(system.list(Root::Sys, &[b"class/"], &mut names), Err(ReadError::Missing));
        std::fs::create_dir(path.join("other")).unwrap();
        system.age();
        std::fs::remove_dir(path.join("other")).unwrap();
    }
    std::fs::remove_dir_all(path).unwrap();
}

#[test]
fn the_live_machine_is_read_without_a_heap() {
    let mut system = system(Roots::default(), 16);
    assert!(system.is_live(Root::Proc));
    let mut names = Names::with_capacity(256);
    let mut buffer = Vec::with_capacity(65536);
    let mut before = 0;
    for round in 0..6 {
        if round == 3 {
            before = gate::thread_allocations();
        }
        system.begin_pass();
        assert_eq!(system.list(Root::Proc, &[b"self/fd"], &mut names), Ok(()));
        assert_eq!(system.read_into(Root::Proc, &[b"cpuinfo"], &mut buffer), Ok(()));
        assert!(system.read(Root::Proc, &[b"self/", b"cmdline"]).is_ok());
        assert!(system.link(Root::Proc, &[b"self"]).is_ok());
        assert!(system.read(Root::Sys, &[b"class/net/lo/mtu"]).is_ok() || !system.is_live(Root::Sys));
        assert!(system.modified(Root::Proc, &[b"self"]).is_ok());
        assert!(!system.uname().release.is_empty());
        let own = system.own_files();
        assert!(own.open.is_some_and(|open| open > 2 && own.open_max.is_none_or(|most| open <= most)));
        assert!(system.timex().is_ok_and(|timex| timex.tick > 0) || system.timex().is_err());
        let mut bytes = 0;
        for what in [Dump::Links, Dump::Neighbours, Dump::Addresses, Dump::TcpSockets] {
            // Sandboxes do without netlink.
            if system.dump(what, &mut |message| bytes += message.len()).is_err() {}
        }
    }
    assert_eq!(gate::thread_allocations(), before);
    assert!(!names.is_empty());
}

#[test]
fn a_mount_is_looked_for_below_the_root_file_system() {
    let (path, roots) = folder("mounts");
    std::fs::create_dir(path.join("boot")).unwrap();
    let mut system = system(roots, 0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for mount in [&b"/boot"[..], b"/", b"/home"] {
        system.ask_mount(mount, Medium::Device);
    }
    runtime.block_on(system.settle(Duration::from_secs(2)));
    assert!(matches!(system.mount(b"/boot"), MountAnswer::Known(found) if found.size > 0));
    assert!(matches!(system.mount(b"/"), MountAnswer::Known(_)));
    assert_eq!(system.mount(b"/home"), MountAnswer::Error(libc::ENOENT));
    assert_eq!(system.mounts_usage().used, 3);
    std::fs::remove_dir_all(path).unwrap();
}
