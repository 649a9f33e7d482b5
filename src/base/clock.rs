//! Time, handed in: the only file that asks the kernel for it.

#![expect(clippy::disallowed_methods, reason = "this is base::clock")]

use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A point on the monotonic clock, in nanoseconds since boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Monotonic(pub u64);

impl Monotonic {
    /// The time since `earlier`; zero when `earlier` is later.
    pub const fn since(self, earlier: Monotonic) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// Both clocks, read at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Moment {
    pub monotonic: Monotonic,
    /// Nanoseconds since the epoch, CLOCK_REALTIME. Negative before 1970.
    pub unix_nanos: i64,
}

/// A moment on both monotonic clocks: the standard library's, which asks the kernel without a system call also in a
/// static program, and the one that counts from boot.
static BASE: LazyLock<(Instant, u64)> = LazyLock::new(|| {
    let since_boot = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    (Instant::now(), nanos(since_boot).unsigned_abs())
});

/// Reads CLOCK_MONOTONIC.
pub fn monotonic() -> Monotonic {
    let (instant, since_boot) = *BASE;
    Monotonic(since_boot.saturating_add(count(instant.elapsed())))
}

/// Reads CLOCK_MONOTONIC and CLOCK_REALTIME.
pub fn now() -> Moment {
    let unix_nanos = match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(after) => count(after).cast_signed(),
        Err(before) => count(before.duration()).cast_signed().saturating_neg(),
    };
    Moment { monotonic: monotonic(), unix_nanos }
}

/// Nanoseconds of a duration; those of 292 years and more are no time that a clock shows.
fn count(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX) & (u64::MAX >> 1)
}

/// When the machine was started, on CLOCK_REALTIME as it is set now.
pub fn booted_nanos() -> i64 {
    let since = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    now().unix_nanos.saturating_sub(nanos(since))
}

/// CPU time that this thread has used.
pub fn thread_cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::from_nanos(nanos(time).unsigned_abs())
}

/// CPU time that all threads have used, the kernel's workers for them included.
pub fn process_cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::from_nanos(nanos(time).unsigned_abs())
}

fn nanos(time: rustix::time::Timespec) -> i64 {
    time.tv_sec.saturating_mul(1_000_000_000).saturating_add(time.tv_nsec)
}
