//! Dates of the Gregorian calendar as days since 1970-01-01.

use super::{split_once, unsigned};

/// Years that are computed with; a file may say anything.
const YEARS: std::ops::RangeInclusive<i64> = 1..=9999;

pub const fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// The number of days in a month, 1 to 12; 0 for any other number.
pub const fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        1..=12 => 31,
        _ => 0,
    }
}

/// The day on which a year begins.
pub const fn year_start(year: i64) -> i64 {
    let before = year - 1;
    365 * (year - 1970) + (before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400)) - 477
}

/// The day of a date; `None` when there is no such day.
pub fn day(year: i64, month: i64, day: i64) -> Option<i64> {
    if !YEARS.contains(&year) || day < 1 || day > days_in_month(year, month) {
        return None;
    }
    let before: i64 = (1..month).map(|month| days_in_month(year, month)).sum();
    Some(year_start(year) + before + day - 1)
}

/// The year in which a day lies.
pub const fn year_of(day: i64) -> i64 {
    // A guess that is at most one year off: 400 years have 146,097 days.
    let mut year = 1970 + (day * 400).div_euclid(146_097);
    while year_start(year) > day {
        year -= 1;
    }
    while year_start(year + 1) <= day {
        year += 1;
    }
    year
}

/// `2029-05-31` as a day.
pub fn parse(text: &[u8]) -> Option<i64> {
    let (year, rest) = split_once(text, b'-')?;
    let (month, of_month) = split_once(rest, b'-')?;
    if year.len() != 4 || month.len() != 2 || of_month.len() != 2 {
        return None;
    }
    let number = |text| unsigned(text).and_then(|number| i64::try_from(number).ok());
    day(number(year)?, number(month)?, number(of_month)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_become_days() {
        assert_eq!(parse(b"1970-01-01"), Some(0));
        assert_eq!(parse(b"1969-12-31"), Some(-1));
        assert_eq!(parse(b"2000-02-29"), Some(11_016));
        assert_eq!(parse(b"2026-11-21"), Some(20_778));
        assert_eq!(parse(b"2100-03-01"), Some(47_541));
        for bad in
            [&b""[..], b"2026", b"2026-1-01", b"2023-02-29", b"2023-13-01", b"2023-00-10", b"2023-04-31"]
        {
            assert_eq!(parse(bad), None);
        }
        assert_eq!(parse(b"0000-01-01"), None);
        assert_eq!(parse(b"+202-01-01"), None);
    }

    #[test]
    fn every_day_of_eight_centuries_is_in_its_year() {
        let mut expected = 1600;
        for day in year_start(1600)..year_start(2400) {
            if year_start(expected + 1) == day {
                expected += 1;
            }
            assert_eq!(year_of(day), expected);
        }
    }
}
