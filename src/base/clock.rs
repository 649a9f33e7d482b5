//! Time, handed in: the only file that asks the kernel for it.

use std::time::Duration;

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

/// Reads CLOCK_MONOTONIC.
pub fn monotonic() -> Monotonic {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    Monotonic(nanos(time).unsigned_abs())
}

/// Reads CLOCK_MONOTONIC and CLOCK_REALTIME.
pub fn now() -> Moment {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
    Moment { monotonic: monotonic(), unix_nanos: nanos(time) }
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
