//! Which engine reads the planned files, and the runtime that goes with it.

use super::batch::{Batch, Engine};
use super::uring;
use super::{FileSpec, Root, Roots, syscall};
use crate::base::clock;
use crate::base::text::Text;
use crate::limits::Limits;
use std::fmt::Write as _;
use std::future::Future;
use std::time::Duration;

/// `-io.engine`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requested {
    Auto,
    Uring,
    Syscall,
}

impl Requested {
    /// The words of the flag.
    pub const WORDS: &'static [&'static str] = &["auto", "uring", "syscall"];

    /// `None` for a word that is not in [`Self::WORDS`].
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "auto" => Some(Requested::Auto),
            "uring" => Some(Requested::Uring),
            "syscall" => Some(Requested::Syscall),
            _ => None,
        }
    }
}

/// An engine of the running agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Uring,
    Syscall,
}

/// The engine that runs, and why.
#[derive(Clone, Copy, Debug)]
pub struct Choice {
    pub kind: Kind,
    /// A few words for the start line.
    pub reason: Text<128>,
}

impl Choice {
    fn new(kind: Kind, reason: std::fmt::Arguments<'_>) -> Self {
        let mut text = Text::new();
        // What is over 128 bytes is cut; the words below are shorter.
        text.write_fmt(reason).unwrap_or(());
        Choice { kind, reason: text }
    }
}

/// Chooses the engine. Never fails: without io_uring the files are read with pread.
///
/// `auto` takes io_uring where it works and costs no more CPU than pread on files of this machine, by [`SLACK_PERCENT`].
/// Whether it does is measured at start, in a few milliseconds, for it depends on the kernel. On Linux 6.18, two virtual
/// CPUs, release build, 40 usual files, it does not: per pass and with the kernel's workers, pread / io_uring are
/// 390 / 455 µs for all, 9.4 / 22.7 µs for six sysctls, 14.8 / 31.9 µs for ten attributes of /sys. The ring saves the
/// switch into the kernel, which is the smallest part of reading a text that the kernel has to print, and costs a poll, a
/// wake-up and two turns through the operation table per read. `tests/engine.rs` has the measurement.
pub fn probe(requested: Requested, roots: &Roots) -> Choice {
    if requested == Requested::Syscall {
        return Choice::new(Kind::Syscall, format_args!("asked for"));
    }
    let works = match roots
        .path(Root::Proc, &[b"self/stat"])
        .map(|mut path| syscall::c_path(&mut path).map(uring::probe))
    {
        Ok(Ok(result)) => result,
        _ => Err(std::io::ErrorKind::InvalidFilename.into()),
    };
    if let Err(error) = works {
        return Choice::new(Kind::Syscall, format_args!("io_uring does not work: {}", why(&error).as_str()));
    }
    if requested == Requested::Uring {
        return Choice::new(Kind::Uring, format_args!("asked for"));
    }
    let (ring, plain) = (cost(Kind::Uring, roots), cost(Kind::Syscall, roots));
    let cheap = ring * 100 <= plain * (100 + SLACK_PERCENT) && ring < NOT_MEASURED;
    let kind = if cheap { Kind::Uring } else { Kind::Syscall };
    Choice::new(kind, format_args!("CPU per {} files: pread {plain:?}, io_uring {ring:?}", SAMPLE.len()))
}

/// More than anything that works.
const NOT_MEASURED: Duration = Duration::from_secs(3600);
/// How much more CPU than pread io_uring may take, for it keeps the loop free while the kernel prints.
const SLACK_PERCENT: u32 = 10;
/// Passes of one measurement, and how many of them there are; the cheapest counts.
const PASSES: u32 = 3;
const ROUNDS: u32 = 5;

/// What the two engines are compared with: files of each kind, none of them expensive.
const SAMPLE: &[FileSpec] = &[
    FileSpec::proc("loadavg", |_| 256),
    FileSpec::proc("meminfo", |_| 8192),
    FileSpec::proc("net/netstat", |_| 16384),
    FileSpec::proc("net/sockstat", |_| 4096),
    FileSpec::proc("pressure/cpu", |_| 256),
    FileSpec::proc("sys/fs/file-nr", |_| 256),
    FileSpec::proc("sys/kernel/threads-max", |_| 256),
    FileSpec::sys("devices/system/cpu/online", |_| 256),
];

/// CPU time of the whole process, with the kernel's workers, per pass over [`SAMPLE`].
fn cost(kind: Kind, roots: &Roots) -> Duration {
    let measured = run(&Choice::new(kind, format_args!("")), |mut engine| async move {
        let mut batch = Batch::new(SAMPLE.iter(), &Limits::default(), roots);
        engine.warm(&mut batch);
        engine.read(&mut batch, &[]).await;
        let mut cheapest = Duration::MAX;
        for _ in 0..ROUNDS {
            let begun = clock::process_cpu();
            for _ in 0..PASSES {
                engine.read(&mut batch, &[]).await;
            }
            cheapest = cheapest.min(clock::process_cpu().saturating_sub(begun) / PASSES);
        }
        cheapest
    });
    // A clock that stands still has measured nothing.
    measured.ok().filter(|cost| !cost.is_zero()).unwrap_or(NOT_MEASURED)
}

/// What the errno of a probe means on machines as they are.
fn why(error: &std::io::Error) -> Text<96> {
    let mut text = Text::new();
    let words = match error.raw_os_error() {
        Some(libc::ENOSYS) => "ENOSYS: the kernel or a seccomp profile does not have it",
        Some(libc::EPERM) => "EPERM: a seccomp profile or kernel.io_uring_disabled forbids it",
        Some(libc::EACCES) => "EACCES: a security module forbids it",
        Some(libc::ENOMEM) => "ENOMEM: RLIMIT_MEMLOCK is too small for a ring",
        Some(libc::EINVAL) => "EINVAL: the kernel is too old",
        _ => "",
    };
    let written = if words.is_empty() { write!(text, "{error}") } else { text.write_str(words) };
    // An unknown error may be cut.
    written.unwrap_or(());
    text
}

/// Runs a future to its end on the runtime of the chosen engine: one thread, with tokio's sockets, timers and local
/// tasks on both. `make` gets the engine; it is the plain one when the ring that was there at the probe is not now.
pub fn run<F: Future>(choice: &Choice, make: impl FnOnce(Engine) -> F) -> std::io::Result<F::Output> {
    let mut make = Some(make);
    if choice.kind == Kind::Uring {
        // Lazy, so that `make` is still there when the ring cannot be set up.
        let result = uring::start(async {
            match make.take() {
                Some(make) => Some(make(Engine::Uring(Box::default())).await),
                None => None,
            }
        });
        if let Ok(Some(output)) = result {
            return Ok(output);
        }
    }
    let Some(make) = make else { return Err(std::io::ErrorKind::Other.into()) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = tokio::task::LocalSet::new();
    Ok(runtime.block_on(local.run_until(async { make(Engine::Syscall).await })))
}
