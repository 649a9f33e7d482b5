//! One suite over the engines: the same files give the same results, whoever reads them.
#![expect(unsafe_code, reason = "prctl, to forbid io_uring to a thread")]
#![expect(clippy::print_stdout, reason = "what is skipped is said")]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]
#![expect(clippy::disallowed_methods, reason = "tests make files and start themselves again as a child")]

use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;
use trimeter::base::clock::process_cpu;
use trimeter::base::gate;
use trimeter::base::text::Text;
use trimeter::io::batch::{Batch, Engine};
use trimeter::io::engine::{Choice, Kind, Requested, probe, run};
use trimeter::io::replay::Replay;
use trimeter::io::{FileSpec, ReadError, Roots};
use trimeter::limits::Limits;

/// The usual files of a node with their sizes.
const USUAL: &[FileSpec] = &[
    FileSpec::proc("stat", |_| 65536),
    FileSpec::proc("meminfo", |_| 8192),
    FileSpec::proc("vmstat", |_| 16384),
    FileSpec::proc("loadavg", |_| 256),
    FileSpec::proc("diskstats", |_| 65536),
    FileSpec::proc("schedstat", |_| 65536),
    FileSpec::proc("softirqs", |_| 65536),
    FileSpec::proc("interrupts", |_| 65536),
    FileSpec::proc("mounts", |_| 65536),
    FileSpec::proc("uptime", |_| 256),
    FileSpec::proc("cpuinfo", |_| 65536),
    FileSpec::proc("net/dev", |_| 65536),
    FileSpec::proc("net/netstat", |_| 16384),
    FileSpec::proc("net/snmp", |_| 16384),
    FileSpec::proc("net/snmp6", |_| 16384),
    FileSpec::proc("net/sockstat", |_| 4096),
    FileSpec::proc("net/sockstat6", |_| 4096),
    FileSpec::proc("net/softnet_stat", |_| 16384),
    FileSpec::proc("net/arp", |_| 16384),
    FileSpec::proc("net/udp", |_| 16384),
    FileSpec::proc("net/udp6", |_| 16384),
    FileSpec::proc("pressure/cpu", |_| 256),
    FileSpec::proc("pressure/memory", |_| 256),
    FileSpec::proc("pressure/io", |_| 256),
    FileSpec::proc("sys/fs/file-nr", |_| 256),
    FileSpec::proc("sys/kernel/random/entropy_avail", |_| 256),
    FileSpec::proc("sys/kernel/random/poolsize", |_| 256),
    FileSpec::proc("sys/kernel/threads-max", |_| 256),
    FileSpec::proc("sys/kernel/pid_max", |_| 256),
    FileSpec::proc("sys/vm/overcommit_memory", |_| 256),
    FileSpec::sys("class/net/lo/mtu", |_| 256),
    FileSpec::sys("class/net/lo/flags", |_| 256),
    FileSpec::sys("class/net/lo/operstate", |_| 256),
    FileSpec::sys("class/net/lo/ifindex", |_| 256),
    FileSpec::sys("devices/system/cpu/online", |_| 256),
    FileSpec::sys("devices/system/cpu/possible", |_| 256),
    FileSpec::sys("devices/system/clocksource/clocksource0/current_clocksource", |_| 256),
    FileSpec::sys("devices/system/clocksource/clocksource0/available_clocksource", |_| 256),
    FileSpec::sys("kernel/mm/transparent_hugepage/enabled", |_| 256),
    FileSpec::sys("kernel/mm/ksm/run", |_| 256),
];

type Results = Vec<Result<Vec<u8>, ReadError>>;

fn results(batch: &Batch) -> Results {
    batch.slots().iter().map(|slot| slot.result.map(|()| slot.buffer.clone())).collect()
}

fn forced(kind: Kind) -> Choice {
    Choice { kind, reason: Text::new() }
}

/// The engines of this machine.
fn kinds() -> Vec<Kind> {
    let choice = probe(Requested::Uring, &Roots::default());
    if choice.kind == Kind::Syscall {
        println!("skipped for io_uring: {}", choice.reason.as_str());
    }
    let mut kinds = vec![Kind::Syscall];
    kinds.extend((choice.kind == Kind::Uring).then_some(Kind::Uring));
    kinds
}

/// Runs with each engine of this machine.
fn with_each<F: Future<Output = ()>>(test: impl Fn(Engine) -> F) {
    for kind in kinds() {
        run(&forced(kind), |engine| {
            assert_eq!(engine.name(), if kind == Kind::Uring { "uring" } else { "syscall" });
            test(engine)
        })
        .unwrap();
    }
}

/// An empty folder of a test; removed in the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("trimeter-engine-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.0.join(name), bytes).unwrap();
    }

    fn remove(&self, name: &str) {
        std::fs::remove_file(self.0.join(name)).unwrap();
    }

    fn roots(&self) -> Roots {
        let path = self.0.to_str().unwrap();
        Roots { procfs: path.into(), sysfs: path.into(), ..Roots::default() }
    }

    /// What the replay engine makes of the same files.
    async fn replayed(&self, specs: &[FileSpec]) -> Results {
        let mut replay = Replay::new();
        replay.load("proc", &self.0).unwrap();
        replay.load("sys", &self.0).unwrap();
        let mut batch = Batch::new(specs.iter(), &Limits::default(), &self.roots());
        Engine::Replay(Box::new(replay)).read(&mut batch, &[]).await;
        results(&batch)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if std::fs::remove_dir_all(&self.0).is_err() {
            println!("left behind: {}", self.0.display());
        }
    }
}

const FILES: &[FileSpec] = &[
    FileSpec::proc("empty", |_| 16),
    FileSpec::proc("short", |_| 16),
    FileSpec::proc("exact", |_| 16),
    FileSpec::proc("over", |_| 16),
    FileSpec::proc("large", |_| 200_000),
    FileSpec::proc("missing", |_| 16),
    FileSpec::proc("short/of", |_| 16),
    FileSpec::proc("folder", |_| 16),
    FileSpec::sys("short", |_| 16),
    FileSpec::sys("page", |_| 8192),
    FileSpec::sys("pages", |_| 8192),
    FileSpec::sys("over", |_| 16),
    FileSpec::proc("short", |_| 16).reopened(),
    FileSpec::proc("over", |_| 16).reopened(),
    FileSpec::proc("missing", |_| 16).reopened(),
    FileSpec::proc("large", |_| 200_000).reopened(),
];

#[test]
fn the_same_files_give_the_same_results() {
    let folder = Folder::new("same");
    let large: Vec<u8> = (0..150_000_u32).map(|number| number.to_le_bytes()[0]).collect();
    for (name, bytes) in [
        ("empty", &b""[..]),
        ("short", b"12"),
        ("exact", b"0123456789abcdef"),
        ("over", b"0123456789abcdefg"),
        ("large", &large),
        ("page", &large[..4096]),
        ("pages", &large[..5000]),
    ] {
        folder.write(name, bytes);
    }
    std::fs::create_dir(folder.0.join("folder")).unwrap();
    with_each(async |mut engine| {
        let mut batch = Batch::new(FILES.iter(), &Limits::default(), &folder.roots());
        assert_eq!(batch.held(), 0);
        engine.warm(&mut batch);
        let expect = folder.replayed(FILES).await;
        assert_eq!(expect[1], Ok(b"12".to_vec()));
        assert_eq!(expect[3], Err(ReadError::TooLong));
        assert_eq!(expect[4].as_ref().map(Vec::len), Ok(150_000));
        for _ in 0..3 {
            engine.read(&mut batch, &[]).await;
            assert_eq!(results(&batch), expect);
        }
    });
}

#[test]
fn files_that_change_shrink_vanish_and_come_back() {
    const SPECS: &[FileSpec] = &[
        FileSpec::proc("held", |_| 6000),
        FileSpec::proc("reopened", |_| 6000).reopened(),
        FileSpec::sys("late", |_| 6000),
    ];
    let steps: &[(&str, Option<usize>)] = &[
        ("held", Some(5000)),
        ("reopened", Some(5000)),
        ("held", Some(10)),
        ("reopened", Some(0)),
        ("held", Some(6000)),
        ("held", Some(6001)),
        ("late", Some(3)),
        ("held", Some(1)),
        ("reopened", None),
        ("late", Some(0)),
        ("reopened", Some(7)),
    ];
    with_each(async |mut engine| {
        let folder = Folder::new("change");
        folder.write("held", b"");
        let mut batch = Batch::new(SPECS.iter(), &Limits::default(), &folder.roots());
        engine.warm(&mut batch);
        for (name, length) in steps {
            match length {
                // In place: a held descriptor sees it.
                Some(length) => folder.write(name, &vec![b'x'; *length]),
                None => folder.remove(name),
            }
            engine.read(&mut batch, &[]).await;
            assert_eq!(results(&batch), folder.replayed(SPECS).await, "{name} {length:?}");
        }
        assert_eq!(batch.held(), 2);
    });
}

#[test]
fn only_what_is_wanted_is_read() {
    let folder = Folder::new("wanted");
    folder.write("short", b"1");
    with_each(async |mut engine| {
        const SPECS: &[FileSpec] = &[FileSpec::proc("short", |_| 16); 3];
        let mut batch = Batch::new(SPECS.iter(), &Limits::default(), &folder.roots());
        engine.warm(&mut batch);
        engine.read(&mut batch, &[false, true]).await;
        let one = || Ok(b"1".to_vec());
        assert_eq!(results(&batch), [Err(ReadError::Missing), one(), one()]);
    });
}

#[test]
fn more_files_than_fit_into_the_ring() {
    let folder = Folder::new("many");
    folder.write("short", b"1");
    folder.write("large", &[b'x'; 9000]);
    let specs: Vec<_> = (0..300)
        .map(|number| match number % 3 {
            0 => FileSpec::proc("short", |_| 16),
            1 => FileSpec::proc("large", |_| 10_000),
            _ => FileSpec::proc("large", |_| 100),
        })
        .collect();
    with_each(async |mut engine| {
        let mut batch = Batch::new(specs.iter(), &Limits::default(), &folder.roots());
        engine.warm(&mut batch);
        let expect = folder.replayed(&specs).await;
        for _ in 0..3 {
            engine.read(&mut batch, &[]).await;
            assert_eq!(results(&batch), expect);
        }
    });
}

#[test]
fn files_of_the_kernel_are_read_to_their_end() {
    const SPECS: &[FileSpec] = &[
        FileSpec::proc("version", |_| 4096),
        FileSpec::proc("filesystems", |_| 65536),
        FileSpec::proc("devices", |_| 65536),
        FileSpec::proc("crypto", |_| 1 << 20),
        FileSpec::proc("ioports", |_| 65536),
        FileSpec::proc("iomem", |_| 65536),
        FileSpec::proc("self/mountinfo", |_| 1 << 20),
        FileSpec::proc("sys/kernel/ostype", |_| 64),
        FileSpec::sys("devices/system/cpu/possible", |_| 64),
        FileSpec::proc("kallsyms", |_| 64 << 20),
    ];
    let expect: Vec<_> = SPECS
        .iter()
        .map(|spec| {
            let root = Roots::default().prefix(spec.root).to_owned();
            std::fs::read(Path::new(&root).join(spec.path)).ok()
        })
        .collect();
    with_each(async |mut engine| {
        let mut batch = Batch::new(SPECS.iter(), &Limits::default(), &Roots::default());
        engine.warm(&mut batch);
        for _ in 0..2 {
            engine.read(&mut batch, &[]).await;
            for ((spec, expect), found) in SPECS.iter().zip(&expect).zip(results(&batch)) {
                assert!(found.ok() == *expect, "{}", spec.path);
            }
        }
        const SHORT: &[FileSpec] = &[FileSpec::proc("filesystems", |_| 10), FileSpec::proc("crypto", |_| 0)];
        let mut batch = Batch::new(SHORT.iter(), &Limits::default(), &Roots::default());
        engine.warm(&mut batch);
        engine.read(&mut batch, &[]).await;
        assert_eq!(results(&batch)[0], Err(ReadError::TooLong));
    });
}

#[test]
fn a_process_that_ends_is_missing() {
    const SPECS: &[FileSpec] = &[FileSpec::proc("stat", |_| 4096), FileSpec::proc("status", |_| 8192)];
    with_each(async |mut engine| {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let roots = Roots { procfs: format!("/proc/{}", child.id()), ..Roots::default() };
        let mut batch = Batch::new(SPECS.iter(), &Limits::default(), &roots);
        engine.warm(&mut batch);
        engine.read(&mut batch, &[]).await;
        assert!(results(&batch).iter().all(Result::is_ok));
        child.kill().unwrap();
        child.wait().unwrap();
        engine.read(&mut batch, &[]).await;
        assert_eq!(results(&batch), [Err(ReadError::Missing), Err(ReadError::Missing)]);
        assert_eq!(batch.held(), 0);
        assert_eq!(engine.fallbacks_total(), 0);
    });
}

#[test]
fn a_batch_allocates_nothing() {
    with_each(async |mut engine| {
        let mut batch = Batch::new(USUAL.iter(), &Limits::default(), &Roots::default());
        engine.warm(&mut batch);
        for _ in 0..20 {
            engine.read(&mut batch, &[]).await;
        }
        let before = gate::thread_allocations();
        for _ in 0..100 {
            engine.read(&mut batch, &[]).await;
        }
        assert_eq!(gate::thread_allocations() - before, 0, "{}", engine.name());
        assert_eq!(engine.fallbacks_total(), 0);
    });
}

#[test]
fn both_runtimes_serve_sockets_timers_and_local_tasks() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    with_each(async |_engine| {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::task::spawn_local(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::time::sleep(Duration::from_millis(1)).await;
            stream.write_all(b"hello").await.unwrap();
        });
        let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
        let mut text = Vec::new();
        client.read_to_end(&mut text).await.unwrap();
        server.await.unwrap();
        assert_eq!(text, b"hello");
    });
}

/// Forbids io_uring_setup(2) to this thread as container runtimes do: it fails with `errno`.
fn forbid_io_uring(errno: i32) -> bool {
    let jump = |k: i64, jt: u8, jf: u8| libc::sock_filter {
        code: u16::try_from(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K).unwrap(),
        jt,
        jf,
        k: u32::try_from(k).unwrap(),
    };
    let other = |code: u32, k: u32| libc::sock_filter { code: u16::try_from(code).unwrap(), jt: 0, jf: 0, k };
    let mut filter = [
        // The number of the system call is the first word of struct seccomp_data.
        other(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0),
        jump(libc::SYS_io_uring_setup, 0, 1),
        other(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ERRNO | errno.cast_unsigned()),
        other(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: 4, filter: filter.as_mut_ptr() };
    // SAFETY: an option with plain numbers, for this thread.
    if unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) } != 0 {
        return false;
    }
    // SAFETY: the kernel copies the program, whose filter is alive and four instructions long, during the call.
    (unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) }) == 0
}

/// Whatever was chosen, the agent's files are read.
fn reads_with(choice: &Choice, expect: Option<&str>) {
    run(choice, async |mut engine| {
        assert!(expect.is_none_or(|name| engine.name() == name));
        let mut batch = Batch::new(USUAL.iter(), &Limits::default(), &Roots::default());
        engine.warm(&mut batch);
        engine.read(&mut batch, &[]).await;
        assert!(batch.slots()[0].result.is_ok());
        assert!(batch.slots()[3].result.is_ok());
    })
    .unwrap();
}

#[test]
fn io_uring_may_be_forbidden() {
    for (errno, word) in [(libc::EPERM, "EPERM"), (libc::ENOSYS, "ENOSYS"), (libc::ENOMEM, "ENOMEM")] {
        // A filter is for one thread and stays until its end.
        let thread = std::thread::spawn(move || {
            if !forbid_io_uring(errno) {
                println!("skipped: this machine does not allow seccomp filters");
                return;
            }
            for requested in [Requested::Auto, Requested::Uring] {
                let choice = probe(requested, &Roots::default());
                assert_eq!(choice.kind, Kind::Syscall);
                assert!(choice.reason.as_str().contains(word), "{}", choice.reason.as_str());
                reads_with(&choice, Some("syscall"));
            }
            // It may also be forbidden between the probe and the start.
            reads_with(&forced(Kind::Uring), Some("syscall"));
        });
        thread.join().unwrap();
    }
}

#[test]
fn memory_may_not_be_locked() {
    let this = std::env::current_exe().unwrap();
    let child = std::process::Command::new(this)
        .args(["--exact", "memory_may_not_be_locked_child", "--ignored"])
        .output()
        .unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
}

#[test]
#[ignore = "changes its process; started by memory_may_not_be_locked"]
fn memory_may_not_be_locked_child() {
    let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
    rustix::process::setrlimit(rustix::process::Resource::Memlock, none).unwrap();
    for requested in [Requested::Auto, Requested::Uring, Requested::Syscall] {
        let choice = probe(requested, &Roots::default());
        println!("{requested:?}: {:?}: {}", choice.kind, choice.reason.as_str());
        reads_with(&choice, None);
    }
    reads_with(&forced(Kind::Uring), None);
}

#[test]
fn the_choice_says_why() {
    let choice = probe(Requested::Auto, &Roots::default());
    println!("{:?}: {}", choice.kind, choice.reason.as_str());
    assert!(!choice.reason.is_empty());
    let choice = probe(Requested::Syscall, &Roots::default());
    assert_eq!((choice.kind, choice.reason.as_str()), (Kind::Syscall, "asked for"));
    assert!(Requested::WORDS.iter().all(|word| Requested::from_word(word).is_some()));
    assert_eq!(Requested::from_word("x"), None);
}

#[test]
#[ignore = "a measurement: cargo test --release --test engine -- --ignored --nocapture"]
fn measure() {
    const PASSES: u32 = 4000;
    for (what, from, to) in [("all", 0, 40), ("proc", 0, 24), ("sysctl", 24, 30), ("sys", 30, 40)] {
        for round in 0..3 {
            for kind in [Kind::Syscall, Kind::Uring] {
                let (cpu, wall, bytes) = run(&forced(kind), async |mut engine| {
                    let mut batch = Batch::new(USUAL[from..to].iter(), &Limits::default(), &Roots::default());
                    engine.warm(&mut batch);
                    for _ in 0..50 {
                        engine.read(&mut batch, &[]).await;
                    }
                    let (cpu, wall) = (process_cpu(), std::time::Instant::now());
                    for _ in 0..PASSES {
                        engine.read(&mut batch, &[]).await;
                    }
                    let ok = batch.slots().iter().filter(|slot| slot.result.is_ok()).count();
                    assert_eq!(engine.fallbacks_total(), 0);
                    ((process_cpu() - cpu) / PASSES, wall.elapsed() / PASSES, ok)
                })
                .unwrap();
                println!("{what} {round} {kind:?}: cpu {cpu:?} wall {wall:?} per pass, {bytes} files");
            }
        }
    }
}
