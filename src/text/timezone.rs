//! Time zones: TZif files (RFC 9636) and the POSIX rule at their end. Bytes and a moment in, name and offset out.

use super::date;
use crate::base::text::Text;

/// What a clock on the wall shows at a moment.
#[derive(Clone, Copy, Debug)]
pub struct Zone {
    /// `CET`, `+03`
    pub name: Text<32>,
    /// Seconds east of UTC.
    pub offset: i32,
}

impl Zone {
    /// Where no zone is set.
    pub fn utc() -> Self {
        Self::of(b"UTC", 0).unwrap_or(Zone { name: Text::new(), offset: 0 })
    }

    fn of(name: &[u8], offset: i32) -> Option<Self> {
        let mut text = Text::new();
        text.push(name).ok()?;
        Some(Zone { name: text, offset })
    }
}

/// The zone of a TZif file at a moment, in seconds since the epoch. `None`: the bytes are no such file.
pub fn lookup(file: &[u8], seconds: i64) -> Option<Zone> {
    let header = Header::read(file)?;
    let short = header.body_bytes(4)?;
    if header.version == 0 {
        return body(file.get(HEADER_BYTES..)?.get(..short)?, &header, 4, b"", seconds);
    }
    // The first body is for readers that know 32 bits only.
    let file = file.get(HEADER_BYTES.checked_add(short)?..)?;
    let header = Header::read(file)?;
    let rest = file.get(HEADER_BYTES..)?;
    let long = header.body_bytes(8)?;
    body(rest.get(..long)?, &header, 8, footer(rest.get(long..)?), seconds)
}

const HEADER_BYTES: usize = 44;

/// `\n…\n` after the second body; empty when there is none.
fn footer(rest: &[u8]) -> &[u8] {
    let Some(rule) = rest.strip_prefix(b"\n") else { return b"" };
    let end = memchr::memchr(b'\n', rule).unwrap_or(0);
    &rule[..end]
}

struct Header {
    version: u8,
    utc_indicators: usize,
    standard_indicators: usize,
    leap_seconds: usize,
    times: usize,
    types: usize,
    letters: usize,
}

impl Header {
    fn read(file: &[u8]) -> Option<Self> {
        let rest = file.strip_prefix(b"TZif")?;
        let version = *rest.first()?;
        let count = |at: usize| {
            let bytes = rest.get(16 + 4 * at..20 + 4 * at)?;
            usize::try_from(u32::from_be_bytes(bytes.try_into().ok()?)).ok()
        };
        Some(Header {
            version,
            utc_indicators: count(0)?,
            standard_indicators: count(1)?,
            leap_seconds: count(2)?,
            times: count(3)?,
            types: count(4)?,
            letters: count(5)?,
        })
    }

    /// Bytes of the body when a time takes `wide` bytes.
    fn body_bytes(&self, wide: usize) -> Option<usize> {
        let times = self.times.checked_mul(wide + 1)?;
        let types = self.types.checked_mul(6)?;
        let leaps = self.leap_seconds.checked_mul(wide + 4)?;
        let marks = self.standard_indicators.checked_add(self.utc_indicators)?;
        times.checked_add(types)?.checked_add(self.letters)?.checked_add(leaps)?.checked_add(marks)
    }
}

fn body(bytes: &[u8], header: &Header, wide: usize, rule: &[u8], seconds: i64) -> Option<Zone> {
    let (times, rest) = bytes.split_at_checked(header.times * wide)?;
    let (indices, rest) = rest.split_at_checked(header.times)?;
    let (types, rest) = rest.split_at_checked(header.types * 6)?;
    let letters = rest.get(..header.letters)?;
    let time = |at: usize| -> Option<i64> {
        let bytes = times.get(at * wide..(at + 1) * wide)?;
        match wide {
            4 => Some(i64::from(i32::from_be_bytes(bytes.try_into().ok()?))),
            _ => Some(i64::from_be_bytes(bytes.try_into().ok()?)),
        }
    };
    // Transitions are in ascending order: how many are not after the moment?
    let (mut low, mut high) = (0, header.times);
    while low < high {
        let middle = low.midpoint(high);
        if time(middle)? <= seconds {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if low == header.times
        && let Some(zone) = posix(rule, seconds)
    {
        return Some(zone);
    }
    let index = match low {
        0 => before_all(types, indices),
        after => usize::from(*indices.get(after - 1)?),
    };
    let kind = types.get(index * 6..index * 6 + 6)?;
    let offset = i32::from_be_bytes(kind[..4].try_into().ok()?);
    let name = letters.get(usize::from(kind[5])..)?;
    let end = memchr::memchr(0, name).unwrap_or(name.len());
    Zone::of(&name[..end], offset)
}

/// The type of local time before the first transition: the first that no transition leads to, else the first that is
/// standard time, else the first.
fn before_all(types: &[u8], indices: &[u8]) -> usize {
    if !indices.contains(&0) {
        return 0;
    }
    types.chunks_exact(6).position(|kind| kind[4] == 0).unwrap_or(0)
}

/// The zone that a POSIX rule gives: `CET-1CEST,M3.5.0,M10.5.0/3`. `None`: no rule, or not understood.
pub fn posix(rule: &[u8], seconds: i64) -> Option<Zone> {
    let mut rest = rule;
    let standard_name = name(&mut rest)?;
    let standard = -offset(&mut rest)?;
    if rest.is_empty() {
        return Zone::of(standard_name, i32::try_from(standard).ok()?);
    }
    let summer_name = name(&mut rest)?;
    let summer = match rest.first() {
        None | Some(b',') => standard + 3600,
        Some(_) => -offset(&mut rest)?,
    };
    // POSIX leaves it open when there is summer time without dates; the rule of the United States is usual.
    let mut dates = if rest.is_empty() { &b",M3.2.0,M11.1.0"[..] } else { rest };
    let begin = Date::read(&mut dates)?;
    let end = Date::read(&mut dates)?;
    if !dates.is_empty() {
        return None;
    }
    let local_day = seconds.checked_add(standard)?.div_euclid(86_400);
    if local_day.unsigned_abs() > DAYS_MAX {
        return None;
    }
    let year = date::year_of(local_day);
    let begins = begin.seconds(year)? - standard;
    let ends = end.seconds(year)? - summer;
    // South of the equator summer begins late in the year and ends early.
    let is_summer =
        if begins <= ends { (begins..ends).contains(&seconds) } else { !(ends..begins).contains(&seconds) };
    let (name, offset) = if is_summer { (summer_name, summer) } else { (standard_name, standard) };
    Zone::of(name, i32::try_from(offset).ok()?)
}

/// Days that are computed with: the years 1 to 9999 are less than that around the epoch.
const DAYS_MAX: u64 = 2_900_000;

/// Letters, or anything between `<` and `>`.
fn name<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    if let Some(quoted) = rest.strip_prefix(b"<") {
        let end = memchr::memchr(b'>', quoted)?;
        *rest = &quoted[end + 1..];
        return Some(&quoted[..end]);
    }
    let end = rest.iter().position(|byte| !byte.is_ascii_alphabetic()).unwrap_or(rest.len());
    let (name, after) = rest.split_at(end);
    *rest = after;
    if name.len() < 3 { None } else { Some(name) }
}

/// `[+-]hh[:mm[:ss]]` in seconds.
fn offset(rest: &mut &[u8]) -> Option<i64> {
    let negative = match rest.first()? {
        b'-' => Some(true),
        b'+' => Some(false),
        _ => None,
    };
    if negative.is_some() {
        *rest = &rest[1..];
    }
    let mut seconds = 3600 * number(rest, 0, 167)?;
    for unit in [60, 1] {
        let Some(after) = rest.strip_prefix(b":") else { break };
        *rest = after;
        seconds += unit * number(rest, 0, 59)?;
    }
    Some(if negative == Some(true) { -seconds } else { seconds })
}

/// A decimal number in a range.
fn number(rest: &mut &[u8], min: i64, max: i64) -> Option<i64> {
    let end = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
    let (digits, after) = rest.split_at(end);
    *rest = after;
    let value = i64::try_from(super::unsigned(digits)?).ok()?;
    (min..=max).contains(&value).then_some(value)
}

/// The day of a change of clocks, and the seconds after its midnight.
struct Date {
    day: Day,
    time: i64,
}

enum Day {
    /// `Jn`: 1 to 365, 29 February is never counted.
    Julian(i64),
    /// `n`: 0 to 365.
    OfYear(i64),
    /// `Mm.w.d`: weekday 0 (Sunday) to 6 of week 1 to 5 of a month; week 5 is the last.
    OfMonth { month: i64, week: i64, weekday: i64 },
}

impl Date {
    /// `,date[/time]`
    fn read(rest: &mut &[u8]) -> Option<Self> {
        *rest = rest.strip_prefix(b",")?;
        let day = if let Some(after) = rest.strip_prefix(b"J") {
            *rest = after;
            Day::Julian(number(rest, 1, 365)?)
        } else if let Some(after) = rest.strip_prefix(b"M") {
            *rest = after;
            let month = number(rest, 1, 12)?;
            *rest = rest.strip_prefix(b".")?;
            let week = number(rest, 1, 5)?;
            *rest = rest.strip_prefix(b".")?;
            Day::OfMonth { month, week, weekday: number(rest, 0, 6)? }
        } else {
            Day::OfYear(number(rest, 0, 365)?)
        };
        let time = match rest.strip_prefix(b"/") {
            Some(after) => {
                *rest = after;
                offset(rest)?
            }
            None => 7200,
        };
        Some(Date { day, time })
    }

    /// The moment in a year, by the clock on the wall.
    fn seconds(&self, year: i64) -> Option<i64> {
        let day = match self.day {
            Day::Julian(day) => {
                let leap = i64::from(date::is_leap(year) && day > 59);
                date::year_start(year) + day - 1 + leap
            }
            Day::OfYear(day) => date::year_start(year) + day,
            Day::OfMonth { month, week, weekday } => {
                let first = date::day(year, month, 1)?;
                // 1970-01-01 was a Thursday.
                let until = (weekday - (first + 4)).rem_euclid(7);
                let of_month = until + 7 * (week - 1);
                let last_week = of_month >= date::days_in_month(year, month);
                first + if last_week { of_month - 7 } else { of_month }
            }
        };
        Some(day * 86_400 + self.time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(date: &str, hour: i64) -> i64 {
        date::parse(date.as_bytes()).unwrap() * 86_400 + hour * 3600
    }

    #[track_caller]
    fn check(rule: &str, seconds: i64, expect: Option<(&str, i32)>) {
        let zone = posix(rule.as_bytes(), seconds);
        assert_eq!(zone.as_ref().map(|zone| (zone.name.as_str(), zone.offset)), expect, "{rule} {seconds}");
    }

    #[test]
    fn rules_north_and_south() {
        let berlin = "CET-1CEST,M3.5.0,M10.5.0/3";
        check(berlin, at("2026-03-29", 1) - 1, Some(("CET", 3600)));
        check(berlin, at("2026-03-29", 1), Some(("CEST", 7200)));
        check(berlin, at("2026-10-25", 1) - 1, Some(("CEST", 7200)));
        check(berlin, at("2026-10-25", 1), Some(("CET", 3600)));
        let sydney = "AEST-10AEDT,M10.1.0,M4.1.0/3";
        check(sydney, at("2026-01-01", 0), Some(("AEDT", 39_600)));
        check(sydney, at("2026-04-04", 16) - 1, Some(("AEDT", 39_600)));
        check(sydney, at("2026-04-04", 16), Some(("AEST", 36_000)));
        check(sydney, at("2026-10-03", 16), Some(("AEDT", 39_600)));
        check("EST5EDT", at("2026-03-08", 7), Some(("EDT", -14_400)));
        check("EST5EDT", at("2026-03-08", 7) - 1, Some(("EST", -18_000)));
    }

    #[test]
    fn names_in_angle_brackets_and_other_days() {
        check("<+0330>-3:30", 0, Some(("+0330", 12_600)));
        check("UTC0", 0, Some(("UTC", 0)));
        check("AAA0BBB,J60/0,J300/0", at("2024-02-29", 23), Some(("AAA", 0)));
        check("AAA0BBB,J60/0,J300/0", at("2024-03-01", 0), Some(("BBB", 3600)));
        check("AAA0BBB,59/0,300/0", at("2024-02-29", 0), Some(("BBB", 3600)));
        // Summer time all year, as RFC 9636 writes it.
        check("XXX3EDT4,0/0,J365/23", at("2026-07-01", 0), Some(("EDT", -14_400)));
        check("XXX3EDT4,0/0,J365/23", at("2026-12-31", 20), Some(("EDT", -14_400)));
    }

    #[test]
    fn bad_rules_are_none() {
        for rule in [
            "",
            "CET",
            "C-1",
            "CET-1CEST,",
            "CET-1CEST,M13.1.0,M1.1.0",
            "CET-1CEST,M3.5.0",
            "CET-999",
            "<x",
            "CET-1CEST,M3.5.0,M10.5.0/3x",
        ] {
            check(rule, 0, None);
        }
        check("CET-1CEST,M3.5.0,M10.5.0/3", i64::MAX, None);
        check("CET-1CEST,M3.5.0,M10.5.0/3", i64::MIN, None);
        check("CET-1CEST,M3.5.0,M10.5.0/3", i64::MAX - 4000, None);
    }

    /// A file with two types, transitions and a footer.
    fn file(version: u8, times: &[(i64, u8)], rule: &str) -> Vec<u8> {
        let types: &[(i32, u8, u8)] = &[(3600, 0, 0), (7200, 1, 4)];
        let letters = b"CET\0CEST\0";
        let mut file = Vec::new();
        let header = |file: &mut Vec<u8>, times: usize| {
            file.extend_from_slice(b"TZif");
            file.push(version);
            file.extend_from_slice(&[0; 15]);
            for count in [0, 0, 0, times, types.len(), letters.len()] {
                file.extend_from_slice(&u32::try_from(count).unwrap().to_be_bytes());
            }
        };
        let body = |file: &mut Vec<u8>, wide: bool| {
            for (time, _) in times {
                if wide {
                    file.extend_from_slice(&time.to_be_bytes());
                } else {
                    file.extend_from_slice(&i32::try_from(*time).unwrap().to_be_bytes());
                }
            }
            file.extend(times.iter().map(|(_, index)| *index));
            for (offset, summer, name) in types {
                file.extend_from_slice(&offset.to_be_bytes());
                file.extend_from_slice(&[*summer, *name]);
            }
            file.extend_from_slice(letters);
        };
        header(&mut file, times.len());
        body(&mut file, false);
        if version > 0 {
            header(&mut file, times.len());
            body(&mut file, true);
            file.extend_from_slice(format!("\n{rule}\n").as_bytes());
        }
        file
    }

    #[track_caller]
    fn in_file(file: &[u8], seconds: i64, expect: (&str, i32)) {
        let zone = lookup(file, seconds).unwrap();
        assert_eq!((zone.name.as_str(), zone.offset), expect);
    }

    #[test]
    fn transitions_and_what_follows_them() {
        for version in [0, b'2'] {
            let file = file(version, &[(1000, 1), (2000, 0), (3000, 1)], "");
            in_file(&file, 999, ("CET", 3600));
            in_file(&file, 1000, ("CEST", 7200));
            in_file(&file, 2999, ("CET", 3600));
            in_file(&file, i64::MAX, ("CEST", 7200));
        }
        in_file(&file(b'3', &[(1000, 1)], "XYZ2"), 1000, ("XYZ", -7200));
        in_file(&file(b'3', &[], "XYZ2"), 0, ("XYZ", -7200));
        in_file(&file(b'2', &[], ""), 0, ("CET", 3600));
    }

    #[test]
    fn files_cut_anywhere_and_garbage() {
        let whole = file(b'2', &[(1000, 1), (2000, 0)], "CET-1CEST,M3.5.0,M10.5.0/3");
        for end in 0..whole.len() {
            // A missing footer is no error; a missing part of the body is.
            let body_ends = whole.len() - 28;
            assert_eq!(lookup(&whole[..end], 5).is_some(), end >= body_ends, "{end}");
        }
        for at in 0..whole.len() {
            let mut bad = whole.clone();
            bad[at] = 0xff;
            // Any answer will do; it must be one.
            assert!(lookup(&bad, 1500).is_none_or(|zone| zone.name.len() <= 32));
        }
        assert!(lookup(b"TZif", 0).is_none());
        assert!(lookup(b"", 0).is_none());
    }
}
