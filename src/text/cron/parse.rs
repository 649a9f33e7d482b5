//! Schedules as text: `*/5 8-18 * * mon-fri`, `@every 1h30m`, `CRON_TZ=Europe/Berlin 0 3 * * *`.

use super::{Fields, STAR, Schedule, When};
use crate::text::zones::{self, ZoneFile};

/// Longest schedule.
const BYTES_MAX: usize = 1024;
/// Longest name of a zone.
const ZONE_BYTES_MAX: usize = 64;
const ZONE_PREFIX: &[u8] = b"CRON_TZ=";

/// Reads a schedule that may begin with the name of a zone. `None`: it is invalid.
pub fn parse(text: &[u8]) -> Option<Schedule> {
    if text.len() > BYTES_MAX {
        return None;
    }
    let Some(named) = text.strip_prefix(ZONE_PREFIX).or_else(|| text.strip_prefix(b"TZ=")) else {
        return Some(Schedule { when: when(text)?, zone: None });
    };
    let (name, rest) = crate::text::split_once(named, b' ')?;
    let zone = zone(unquote(name))?;
    Some(Schedule { when: when(trim(rest))?, zone: Some(zone) })
}

/// Reads a schedule with the name of a zone that is kept beside it, as if the name stood before it.
pub fn parse_in(zone_name: &[u8], text: &[u8]) -> Option<Schedule> {
    if ZONE_PREFIX.len() + zone_name.len() + 1 + text.len() > BYTES_MAX || zone_name.contains(&b' ') {
        return None;
    }
    let zone = zone(unquote(zone_name))?;
    Some(Schedule { when: when(trim(text))?, zone: Some(zone) })
}

fn zone(name: &[u8]) -> Option<ZoneFile> {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_' | b'-' | b'+' | b':');
    if name.is_empty() || name.len() > ZONE_BYTES_MAX || !name.iter().all(plain) {
        return None;
    }
    zones::find(name)
}

/// Without a pair of quotes around it, which people write as for a shell.
fn unquote(name: &[u8]) -> &[u8] {
    match name {
        [b'"', inner @ .., b'"'] | [b'\'', inner @ .., b'\''] => inner,
        _ => name,
    }
}

const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

fn trim(mut text: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = text
        && is_space(*first)
    {
        text = rest;
    }
    while let [rest @ .., last] = text
        && is_space(*last)
    {
        text = rest;
    }
    text
}

/// What stands behind the zone.
fn when(text: &[u8]) -> Option<When> {
    if text.starts_with(b"@") {
        return descriptor(text);
    }
    let mut words = text.split(|byte| is_space(*byte)).filter(|word| !word.is_empty());
    let fields = Fields {
        minute: field(words.next()?, &MINUTE)?,
        hour: field(words.next()?, &HOUR)?,
        of_month: field(words.next()?, &OF_MONTH)?,
        month: field(words.next()?, &MONTH)?,
        of_week: sunday(field(words.next()?, &OF_WEEK)?),
    };
    if words.next().is_some() {
        return None;
    }
    Some(if fields.is_empty() { When::Never } else { When::Fields(fields) })
}

fn descriptor(text: &[u8]) -> Option<When> {
    let fields = Fields { minute: 1, hour: 1, of_month: STAR | !1, month: STAR | !1, of_week: STAR | 0x7f };
    Some(When::Fields(match text {
        b"@yearly" | b"@annually" => Fields { of_month: 2, month: 2, ..fields },
        b"@monthly" => Fields { of_month: 2, ..fields },
        b"@weekly" => Fields { of_week: 1, ..fields },
        b"@daily" | b"@midnight" => fields,
        b"@hourly" => Fields { hour: STAR | 0xff_ffff, ..fields },
        b"@triggered" | b"@manual" | b"@none" => return Some(When::Never),
        _ => return every(text.strip_prefix(b"@every ")?).map(When::Every),
    }))
}

/// The values of a field.
struct Range {
    min: u32,
    max: u32,
    /// The largest that a range without an end goes to.
    open_max: u32,
    /// Three letters each.
    names: &'static [u8],
    /// The value of the first name.
    first_name: u32,
}

const MINUTE: Range = Range { min: 0, max: 59, open_max: 59, names: b"", first_name: 0 };
const HOUR: Range = Range { min: 0, max: 23, open_max: 23, names: b"", first_name: 0 };
const OF_MONTH: Range = Range { min: 1, max: 31, open_max: 31, names: b"", first_name: 0 };
const MONTH: Range =
    Range { min: 1, max: 12, open_max: 12, names: b"janfebmaraprmayjunjulaugsepoctnovdec", first_name: 1 };
/// 7 is Sunday too, but not to Kubernetes, which has `1/2` end on Friday.
const OF_WEEK: Range = Range { min: 0, max: 7, open_max: 6, names: b"sunmontuewedthufrisat", first_name: 0 };

/// Sunday once.
const fn sunday(bits: u64) -> u64 {
    (bits & !0x80) | (bits >> 7 & 1)
}

/// A list of ranges; an empty one fits never.
fn field(text: &[u8], range: &Range) -> Option<u64> {
    let mut bits = 0;
    for part in text.split(|byte| *byte == b',').filter(|part| !part.is_empty()) {
        bits |= part_of(part, range)?;
    }
    Some(bits)
}

/// `*`, `5`, `1-5`, `22-2`, with a step or without.
fn part_of(text: &[u8], range: &Range) -> Option<u64> {
    let mut halves = text.split(|byte| *byte == b'/');
    let (bounds, step) = (halves.next()?, halves.next());
    if halves.next().is_some() {
        return None;
    }
    let mut bounds = bounds.split(|byte| *byte == b'-');
    let (low, high, more) = (bounds.next()?, bounds.next(), bounds.next());
    let is_star = matches!(low, b"*" | b"?");
    let start = if is_star { range.min } else { value(low, range)? };
    // Behind a star the reference looks at nothing.
    let (end, is_open) = match (high, more) {
        _ if is_star => (range.max, true),
        (None, _) if step.is_some() => (range.max, true),
        (None, _) => (start, false),
        (Some(high), None) => (value(high, range)?, false),
        (Some(_), Some(_)) => return None,
    };
    let step = step.map_or(Some(1), number)?;
    if start < range.min || start > range.max || end > range.max || step == 0 {
        return None;
    }
    let all = range.max - range.min + 1;
    let size = if start > end { all - (start - end) + 1 } else { end - start + 1 };
    if step > 1 && step >= size {
        return None;
    }
    let end = if is_open { range.open_max.max(start) } else { end };
    let last = if start > end { end + all } else { end };
    let mut bits = if is_star && step == 1 { STAR } else { 0 };
    let mut value = start;
    while value <= last {
        let wrapped = if value > range.max { value - all } else { value };
        bits |= 1 << wrapped;
        value += step;
    }
    Some(bits)
}

/// A number or a name of a field.
fn value(text: &[u8], range: &Range) -> Option<u32> {
    let name = range.names.chunks_exact(3).position(|name| name.eq_ignore_ascii_case(text));
    match name {
        Some(at) => Some(range.first_name + u32::try_from(at).ok()?),
        None => number(text),
    }
}

/// As Go's Atoi has it: a sign may stand before it.
fn number(text: &[u8]) -> Option<u32> {
    u32::try_from(crate::text::signed(text)?).ok()
}

/// The seconds of a duration in Go's form, a whole one or more: `1h30m`, `90.5s`.
fn every(text: &[u8]) -> Option<i64> {
    let mut rest = text.strip_prefix(b"+").unwrap_or(text);
    let mut sum = 0_u64;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let whole = digits(&mut rest);
        let fraction = if let [b'.', after @ ..] = rest {
            rest = after;
            digits(&mut rest)
        } else {
            b""
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let end = rest.iter().position(|byte| *byte == b'.' || byte.is_ascii_digit()).unwrap_or(rest.len());
        let (unit, after) = rest.split_at(end);
        rest = after;
        let nanos = unit_nanos(unit)?;
        let whole = if whole.is_empty() { 0 } else { crate::text::unsigned(whole)?.checked_mul(nanos)? };
        sum = sum.checked_add(whole)?.checked_add(part_of_unit(fraction, nanos))?;
    }
    let sum = i64::try_from(sum).ok()?;
    (sum >= 1_000_000_000).then_some(sum / 1_000_000_000)
}

fn digits<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let end = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
    let (digits, after) = rest.split_at(end);
    *rest = after;
    digits
}

fn unit_nanos(unit: &[u8]) -> Option<u64> {
    Some(match unit {
        b"ns" => 1,
        b"us" | b"\xc2\xb5s" | b"\xce\xbcs" => 1000,
        b"ms" => 1_000_000,
        b"s" => 1_000_000_000,
        b"m" => 60_000_000_000,
        b"h" => 3_600_000_000_000,
        _ => return None,
    })
}

/// 0.`fraction` units in nanoseconds. The digits of a nanosecond are at most 13 behind the point of an hour.
fn part_of_unit(fraction: &[u8], nanos: u64) -> u64 {
    let fraction = &fraction[..fraction.len().min(13)];
    let mut parts = 0_u128;
    let mut scale = 1_u128;
    for digit in fraction {
        parts = parts * 10 + u128::from(digit - b'0');
        scale *= 10;
    }
    u64::try_from(parts * u128::from(nanos) / scale).unwrap_or(0)
}
