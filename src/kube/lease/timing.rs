//! Moments of a campaign, all of them derived from one duration, and the dice that spread them.

use crate::base::clock::Monotonic;
use std::ops::RangeInclusive;
use std::time::Duration;

// In fifteenths of the duration. With the default of 15 s they are seconds.
const RENEW: u32 = 2;
const FENCE: u32 = 7;
const TAKEOVER: u32 = 8;
const READ: u32 = 4;

// Whoever takes the lease over has seen no change for longer than its holder trusts a renewal. What is between the two
// is room for clocks that do not run alike, and for a page that was begun before the fence.
const _: () = assert!(TAKEOVER > FENCE);
// Three renewals may fail before the fence.
const _: () = assert!(FENCE >= 3 * RENEW);
// The longest time between two reads, and the takeover: with two fifteenths for listing, less than one duration.
const _: () = assert!(READ * 11 + TAKEOVER * 10 < 13 * 10);

/// Durations that a lease may have.
pub const DURATION: RangeInclusive<Duration> = Duration::from_secs(5)..=Duration::from_secs(600);

/// A candidate does not take a lease that is free before a part of this has passed.
const SPREAD_NANOS: u64 = 500_000_000;
/// After a request that failed, and twice as long after each further one.
const RETRY_MIN: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_secs(30);
/// After a request that was forbidden again: somebody has to change a role.
const FORBIDDEN_RETRY: Duration = Duration::from_secs(60);
/// A request is given up after the time between two renewals, or after this.
const PATIENCE_MAX: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug)]
pub(super) struct Timing {
    duration: Duration,
}

impl Timing {
    pub fn new(duration: Duration) -> Timing {
        assert!(DURATION.contains(&duration), "the flag has this range");
        let timing = Timing { duration };
        assert!(timing.takeover(None) > timing.fence());
        timing
    }

    fn fifteenths(self, count: u32) -> Duration {
        self.duration.saturating_mul(count) / 15
    }

    /// For spec.leaseDurationSeconds: never less than the duration.
    pub fn seconds(self) -> u64 {
        self.duration.as_secs() + u64::from(self.duration.subsec_nanos() > 0)
    }

    /// From the sending of a renewal to that of the next.
    pub fn renew(self) -> Duration {
        self.fifteenths(RENEW)
    }

    /// From the sending of a renewal that succeeded to the end of what it gave.
    pub fn fence(self) -> Duration {
        self.fifteenths(FENCE)
    }

    /// From the last change that was seen to the attempt to take over. The holder's fence follows from its duration,
    /// which it has written down in `seconds` and which may be longer than ours.
    pub fn takeover(self, seconds: Option<u64>) -> Duration {
        let theirs = Duration::from_secs(seconds.unwrap_or(0));
        Timing { duration: self.duration.max(theirs) }.fifteenths(TAKEOVER)
    }

    /// How long an answer is waited for.
    pub fn patience(self) -> Duration {
        self.renew().min(PATIENCE_MAX)
    }

    /// From a candidate's read to its next.
    pub fn read(self, dice: &mut Dice) -> Duration {
        dice.around(self.fifteenths(READ))
    }

    /// After so many failures in a row; a holder tries no less often than it renews, a candidate than it reads.
    pub fn retry(self, failures: u32, holder: bool, dice: &mut Dice) -> Duration {
        let doubled = RETRY_MIN.saturating_mul(1 << failures.saturating_sub(1).min(5));
        let longest = self.fifteenths(if holder { RENEW } else { READ });
        dice.around(doubled.min(RETRY_MAX)).min(longest)
    }

    pub fn forbidden(dice: &mut Dice) -> Duration {
        dice.around(FORBIDDEN_RETRY)
    }

    pub fn spread(dice: &mut Dice) -> Duration {
        Duration::from_nanos(dice.below(SPREAD_NANOS))
    }
}

/// `duration` after `moment`.
pub(super) fn after(moment: Monotonic, duration: Duration) -> Monotonic {
    Monotonic(moment.0.saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)))
}

/// Numbers that only have to differ from one agent to the next (splitmix64).
#[derive(Clone, Debug)]
pub(super) struct Dice {
    state: u64,
}

impl Dice {
    pub fn new(seed: u64, name: &str) -> Dice {
        let fnv = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        Dice { state: name.bytes().fold(seed ^ 0xcbf2_9ce4_8422_2325, fnv) }
    }

    pub fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Less than `bound`; 0 when that is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next().checked_rem(bound).unwrap_or(0)
    }

    /// The duration ± 10 %.
    fn around(&mut self, duration: Duration) -> Duration {
        let parts = 900 + u32::try_from(self.below(201)).unwrap_or(0);
        duration.saturating_mul(parts) / 1000
    }
}
