//! Schedules of CronJobs: when is the next run?
//!
//! What is a schedule follows kube-state-metrics' parser, which takes more than the one of Kubernetes and refuses
//! steps that are too wide; when it runs follows Kubernetes, whose controller starts the jobs: it steps through months,
//! days, hours and minutes on the clock on the wall, and so do we, where clocks are changed too.

mod parse;

pub use parse::{parse, parse_in};

use super::date;
use super::zones::ZoneFile;

/// Where clocks show what.
pub trait Zone {
    /// Seconds east of UTC at a moment.
    fn offset_at(&self, unix: i64) -> i32;
}

/// When jobs run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    when: When,
    zone: Option<ZoneFile>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Fields(Fields),
    /// `@every`: seconds, one or more.
    Every(i64),
    /// `@triggered`: by hand only.
    Never,
}

/// Bit n is set when n fits; the top bit when the field is a star.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fields {
    minute: u64,
    hour: u64,
    of_month: u64,
    month: u64,
    /// Sunday is 0.
    of_week: u64,
}

/// Set in a field that restricts nothing.
const STAR: u64 = 1 << 63;

/// The next run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Seconds since 1970.
    At(i64),
    /// Not within five years, which the reference takes for never.
    Never,
}

/// A schedule is searched for that many years.
const YEARS_MAX: i64 = 5;

/// Steps of a search; five years of single days are a tenth of it. A zone whose clocks are changed all the time could
/// keep the search in place otherwise.
const STEPS_MAX: u32 = 20_000;

/// Moments that are computed with: the years 1 to 9990.
const MOMENTS: std::ops::RangeInclusive<i64> = super::rfc3339::ZERO..=253_086_768_000;

impl Schedule {
    /// The zone that the text names before the fields.
    pub const fn zone(&self) -> Option<ZoneFile> {
        self.zone
    }

    /// The first run after a moment, by the clocks of a zone.
    pub fn next(&self, after_unix: i64, zone: &impl Zone) -> Next {
        if !MOMENTS.contains(&after_unix) {
            return Next::Never;
        }
        match &self.when {
            When::Fields(fields) => fields.next(after_unix, zone).map_or(Next::Never, Next::At),
            When::Every(seconds) => after_unix.checked_add(*seconds).map_or(Next::Never, Next::At),
            When::Never => Next::Never,
        }
    }
}

impl Fields {
    fn next(&self, after: i64, zone: &impl Zone) -> Option<i64> {
        let mut walk = Walk { zone, now: after + 1, wall: Wall::default(), left: STEPS_MAX, whole: false };
        walk.look();
        let last_year = walk.wall.year + YEARS_MAX;
        while walk.wall.year <= last_year && walk.left > 0 {
            if self.months(&mut walk)
                && self.days(&mut walk)
                && self.hours(&mut walk)
                && self.minutes(&mut walk)
            {
                return (walk.left > 0).then_some(walk.now);
            }
        }
        None
    }

    // Each of these goes on to where its field fits. `false`: the field above has changed, so that all must be looked
    // at anew.

    fn months(&self, walk: &mut Walk<'_, impl Zone>) -> bool {
        while !has(self.month, walk.wall.month) && walk.step() {
            if !walk.whole {
                walk.whole = true;
                walk.wall_to(walk.wall.month, 1, 0);
            }
            walk.date_to(walk.wall.month + 1, walk.wall.day);
            if walk.wall.month == 1 {
                return false;
            }
        }
        true
    }

    fn days(&self, walk: &mut Walk<'_, impl Zone>) -> bool {
        while !self.day_fits(&walk.wall) && walk.step() {
            if !walk.whole {
                walk.whole = true;
                walk.wall_to(walk.wall.month, walk.wall.day, 0);
            }
            walk.date_to(walk.wall.month, walk.wall.day + 1);
            // There may be no midnight where clocks are changed.
            let hour = walk.wall.hour();
            if hour > 12 {
                walk.forth(3600 * (24 - hour));
            } else if hour > 0 {
                walk.forth(-3600 * hour);
            }
            if walk.wall.day == 1 {
                return false;
            }
        }
        true
    }

    fn hours(&self, walk: &mut Walk<'_, impl Zone>) -> bool {
        while !has(self.hour, walk.wall.hour()) && walk.step() {
            if !walk.whole {
                walk.whole = true;
                walk.wall_to(walk.wall.month, walk.wall.day, 3600 * walk.wall.hour());
            }
            walk.forth(3600);
            if walk.wall.hour() == 0 {
                return false;
            }
        }
        true
    }

    /// Minutes, and seconds: the first of a minute is the only one that fits.
    fn minutes(&self, walk: &mut Walk<'_, impl Zone>) -> bool {
        while !has(self.minute, walk.wall.minute()) && walk.step() {
            if !walk.whole {
                walk.whole = true;
                walk.forth(-walk.now.rem_euclid(60));
            }
            walk.forth(60);
            if walk.wall.minute() == 0 {
                return false;
            }
        }
        let second = walk.wall.second % 60;
        if second == 0 {
            return true;
        }
        // From second to second, the reference comes to the same.
        walk.whole = true;
        walk.forth(60 - second);
        false
    }

    /// Both days must fit when one of them is a star, else one of them.
    fn day_fits(&self, wall: &Wall) -> bool {
        let of_month = has(self.of_month, wall.day);
        let of_week = has(self.of_week, wall.weekday());
        if (self.of_month | self.of_week) & STAR != 0 { of_month && of_week } else { of_month || of_week }
    }

    /// Can it never run, whatever the days are?
    const fn is_empty(&self) -> bool {
        self.minute == 0 || self.hour == 0 || self.month == 0
    }
}

fn has(field: u64, value: i64) -> bool {
    u32::try_from(value).is_ok_and(|value| field.checked_shr(value).is_some_and(|bits| bits & 1 == 1))
}

/// What a clock on the wall shows.
#[derive(Clone, Copy, Default)]
struct Wall {
    year: i64,
    /// 1 to 12.
    month: i64,
    /// 1 to 31.
    day: i64,
    /// Of the day.
    second: i64,
    /// Since 1970.
    days: i64,
}

impl Wall {
    fn of(local: i64) -> Self {
        let days = local.div_euclid(86_400);
        let year = date::year_of(days);
        let mut day = days - date::year_start(year);
        let mut month = 1;
        while day >= date::days_in_month(year, month) && month < 12 {
            day -= date::days_in_month(year, month);
            month += 1;
        }
        Wall { year, month, day: day + 1, second: local.rem_euclid(86_400), days }
    }

    const fn hour(&self) -> i64 {
        self.second / 3600
    }

    const fn minute(&self) -> i64 {
        self.second / 60 % 60
    }

    /// 1 January 1970 was a Thursday.
    const fn weekday(&self) -> i64 {
        (self.days + 4).rem_euclid(7)
    }
}

/// A search on its way.
struct Walk<'a, Z> {
    zone: &'a Z,
    now: i64,
    wall: Wall,
    /// Steps.
    left: u32,
    /// Have the fields below the one that did not fit been set back to their first value?
    whole: bool,
}

impl<Z: Zone> Walk<'_, Z> {
    fn step(&mut self) -> bool {
        self.left = self.left.saturating_sub(1);
        self.left > 0
    }

    fn look(&mut self) {
        self.wall = Wall::of(self.now + self.offset(self.now));
    }

    fn offset(&self, moment: i64) -> i64 {
        i64::from(self.zone.offset_at(moment))
    }

    /// Goes on by the clock that is never changed.
    fn forth(&mut self, seconds: i64) {
        self.now += seconds;
        self.look();
    }

    /// To another date at the same time of day.
    fn date_to(&mut self, month: i64, day: i64) {
        self.wall_to(month, day, self.wall.second);
    }

    /// To where the clock shows a time of this year. A month or a day too large goes on into the next year or month. A
    /// time that clocks skip or show twice is the one that Go takes for it.
    fn wall_to(&mut self, month: i64, day: i64, second: i64) {
        let (year, month) = if month > 12 { (self.wall.year + 1, 1) } else { (self.wall.year, month) };
        let before: i64 = (1..month).map(|month| date::days_in_month(year, month)).sum();
        let local = (date::year_start(year) + before + day - 1) * 86_400 + second;
        let guess = self.offset(local);
        // Near a change of clocks the guess is of the wrong side, unless it is UTC, for Go looks no further then.
        let offset = if guess == 0 { 0 } else { self.offset(local - guess) };
        self.now = local - offset;
        self.look();
    }
}

#[cfg(test)]
mod tests;
