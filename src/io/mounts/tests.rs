//! Mounts that hang, come back, are many, or are too long.

use super::Medium::{Device, Elsewhere, Memory};
use super::*;
use crate::base::gate;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

const BOUND: Duration = Duration::from_millis(200);

fn sized(size: u64) -> FileSystem {
    FileSystem { size, ..FileSystem::default() }
}

/// `/hung…` never answers, `/bad…` is EACCES, everything else has the length of its path.
fn fake(path: &CStr) -> Result<FileSystem, i32> {
    let bytes = path.to_bytes();
    while bytes.starts_with(b"/hung") {
        std::thread::park();
    }
    if bytes.starts_with(b"/bad") { Err(libc::EACCES) } else { Ok(sized(bytes.len() as u64)) }
}

fn pool(mounts: u32, timeout: Duration, stat: Box<Stat>) -> StatPool {
    pool_of(mounts, MountOptions { timeout, workers: 4 }, stat)
}

fn pool_of(mounts: u32, options: MountOptions, stat: Box<Stat>) -> StatPool {
    StatPool::new(&Limits { mounts, ..Limits::default() }, options, stat).unwrap()
}

fn run(future: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(future);
}

async fn pass(pool: &StatPool, paths: &[(&str, Medium)]) -> (Vec<MountAnswer>, Duration) {
    let begun = clock::monotonic();
    pool.begin_pass();
    for (path, local) in paths {
        pool.ask(path.as_bytes(), *local);
    }
    pool.settle(BOUND).await;
    let answers = paths.iter().map(|(path, _)| pool.answer(path.as_bytes())).collect();
    (answers, clock::monotonic().since(begun))
}

#[test]
fn a_mount_that_hangs_is_stuck_in_the_first_pass_and_costs_no_later_one() {
    run(async {
        let pool = pool(16, Duration::from_secs(5), Box::new(fake));
        let paths = [
            ("/hung", Device),
            ("/a", Device),
            ("/hung/2", Elsewhere),
            ("/bad", Elsewhere),
            ("/bcd", Device),
        ];
        let expect = [
            MountAnswer::Stuck,
            MountAnswer::Known(sized(2)),
            MountAnswer::Stuck,
            MountAnswer::Error(libc::EACCES),
            MountAnswer::Known(sized(4)),
        ];
        let (answers, took) = pass(&pool, &paths).await;
        assert_eq!(answers, expect);
        assert!(took >= BOUND);
        for _ in 0..20 {
            let (answers, took) = pass(&pool, &paths).await;
            assert_eq!(answers, expect);
            assert!(took < BOUND, "{took:?}");
        }
    });
}

#[test]
fn remote_mounts_that_hang_leave_a_worker_for_local_ones() {
    run(async {
        let pool = pool(64, Duration::from_secs(5), Box::new(fake));
        let hung: Vec<_> = (0..20).map(|number| format!("/hung/{number}")).collect();
        let mut paths: Vec<_> = hung.iter().map(|path| (path.as_str(), Elsewhere)).collect();
        paths.push(("/", Device));
        for _ in 0..3 {
            let (answers, _) = pass(&pool, &paths).await;
            assert_eq!(answers[20], MountAnswer::Known(sized(1)));
            assert!(answers[..20].iter().all(|answer| *answer == MountAnswer::Stuck));
        }
    });
}

#[test]
fn there_are_as_many_workers_as_were_asked_for() {
    for (workers, threads) in [(0, 1), (1, 1), (2, 2), (4, 4), (16, 16), (17, 16)] {
        let options = MountOptions { timeout: Duration::from_secs(5), workers };
        let plan = StatPool::plan(&Limits::default(), options);
        assert_eq!((plan[1].rows, plan[1].row_bytes), (threads, 64 * 1024));
        run(async {
            let pool = pool_of(64, options, Box::new(fake));
            let paths = [("/a", Device), ("/bc", Elsewhere)];
            let expect = [MountAnswer::Known(sized(2)), MountAnswer::Known(sized(3))];
            assert_eq!(pass(&pool, &paths).await.0, expect);
            assert_eq!(Arc::strong_count(&pool.shared) as u64, threads + 1);
            // As many that hang as there are workers for other machines; one more worker is left for the local mount.
            let hung: Vec<_> = (1..threads).map(|number| format!("/hung/{number}")).collect();
            let mut paths: Vec<_> = hung.iter().map(|path| (path.as_str(), Elsewhere)).collect();
            paths.push(("/", Device));
            let (answers, _) = pass(&pool, &paths).await;
            assert_eq!(answers.last(), Some(&MountAnswer::Known(sized(1))));
            assert!(answers[..hung.len()].iter().all(|answer| *answer == MountAnswer::Stuck));
        });
    }
}

#[test]
fn a_mount_that_worked_is_stuck_after_the_timeout_and_comes_back() {
    static GATE: AtomicU32 = AtomicU32::new(1);
    let stat = |_: &CStr| {
        while GATE.load(SeqCst) == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(sized(u64::from(GATE.load(SeqCst))))
    };
    run(async {
        let timeout = Duration::from_millis(500);
        let pool = pool(4, timeout, Box::new(stat));
        let one = [("/nfs", Elsewhere)];
        assert_eq!(pass(&pool, &one).await.0, [MountAnswer::Known(sized(1))]);
        GATE.store(0, SeqCst);
        // The kernel has not had its time yet: the last known answer stands.
        assert_eq!(pass(&pool, &one).await.0, [MountAnswer::Known(sized(1))]);
        tokio::time::sleep(timeout).await;
        assert_eq!(pass(&pool, &one).await.0, [MountAnswer::Stuck]);
        GATE.store(7, SeqCst);
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(pass(&pool, &one).await.0, [MountAnswer::Known(sized(7))]);
    });
}

#[test]
fn a_full_pool_refuses_and_forgets_what_nobody_asks_for() {
    run(async {
        // Room for the mounts of two parts.
        let pool = pool(1, Duration::from_secs(5), Box::new(fake));
        let (answers, _) = pass(&pool, &[("/a", Device), ("/b", Device), ("/c", Device)]).await;
        assert_eq!(answers[2], MountAnswer::Error(libc::ENOBUFS));
        assert_eq!(
            pool.usage(),
            Usage { used: 2, capacity: 2, high_water: 2, refused: 1, ..Usage::default() }
        );
        for _ in 0..=FORGET_AFTER_TICKS {
            pool.age();
        }
        let (answers, _) = pass(&pool, &[("/c", Device)]).await;
        assert_eq!(answers, [MountAnswer::Known(sized(2))]);
        let long = "/".repeat(PATH_BYTES_MAX + 1);
        let (answers, _) = pass(&pool, &[(&long[1..], Device), (&long, Device)]).await;
        assert_eq!(answers, [MountAnswer::Known(sized(1023)), MountAnswer::Error(libc::ENOBUFS)]);
    });
}

#[test]
fn a_pass_allocates_nothing() {
    run(async {
        let pool = pool(8, Duration::from_secs(5), Box::new(fake));
        let mut before = 0;
        for round in 0..50 {
            if round == 10 {
                before = gate::thread_allocations();
            }
            pool.begin_pass();
            for path in [&b"/a"[..], b"/b", b"/hung"] {
                pool.ask(path, Device);
            }
            pool.settle(BOUND).await;
            assert_eq!(pool.answer(b"/b"), MountAnswer::Known(sized(2)));
        }
        assert_eq!(gate::thread_allocations(), before);
    });
}

#[test]
fn what_is_in_memory_is_answered_before_anybody_waits() {
    run(async {
        let pool = pool(4, Duration::from_secs(5), Box::new(fake));
        pool.begin_pass();
        for path in [&b"/a"[..], b"/bad", b"/a\0b"] {
            pool.ask(path, Memory);
        }
        assert_eq!(pool.answer(b"/a"), MountAnswer::Known(sized(2)));
        assert_eq!(pool.answer(b"/bad"), MountAnswer::Error(libc::EACCES));
        assert_eq!(pool.answer(b"/a\0b"), MountAnswer::Error(libc::EINVAL));
        assert_eq!(pool.shared.lock().open, 0);
    });
}

#[test]
fn the_kernel_knows_the_root_file_system() {
    assert!(statfs(c"/").unwrap().size > 0);
    assert_eq!(statfs(c"/nowhere"), Err(libc::ENOENT));
}
