//! Go's durations: `15s`, `1m30s`, `250ms`, `1.5h`.

use std::fmt::Write as _;
use std::time::Duration;

/// Units and their nanoseconds; both spellings of micro are in use.
const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Go counts nanoseconds in 63 bits; what it refuses is refused here.
const NANOS_MAX: u128 = i64::MAX as u128;

/// A sequence of numbers with units; `0` alone needs none. No negative ones: nothing here runs backwards.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    if rest.is_empty() {
        return None;
    }
    let mut nanos = 0_u128;
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
        let (number, after) = rest.split_at(number_end);
        let unit_end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        let (_, unit) = UNITS.iter().find(|(name, _)| *name == unit)?;
        nanos = nanos.checked_add(scaled(number, *unit)?)?;
        if nanos > NANOS_MAX {
            return None;
        }
        rest = after;
    }
    Some(Duration::from_nanos(u64::try_from(nanos).ok()?))
}

/// A decimal number times a unit, rounded down; `None` for no number or more than 128 bits.
pub(super) fn scaled(number: &str, unit: u64) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !(digits(whole) && digits(fraction)) || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let mut sum = whole.checked_mul(u128::from(unit))?;
    // The eighteenth digit of an hour is far below a nanosecond: later digits cannot matter.
    let fraction = &fraction[..fraction.len().min(18)];
    if !fraction.is_empty() {
        let places = u32::try_from(fraction.len()).ok()?;
        let part: u128 = fraction.parse().ok()?;
        sum = sum.checked_add(part * u128::from(unit) / 10_u128.pow(places))?;
    }
    Some(sum)
}

/// The shortest spelling that [`parse`] reads back: `1h`, `1m30s`, `1.5ms`, `0s`.
pub(super) fn show(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    let mut text = String::new();
    if nanos == 0 {
        return "0s".to_owned();
    }
    let (hours, minutes) = (nanos / 3_600_000_000_000, nanos / 60_000_000_000 % 60);
    let below = nanos % 60_000_000_000;
    let mut push = |count: u128, unit: u128, name: &str| {
        if count == 0 {
            return;
        }
        let places = unit.ilog10() as usize;
        let fraction = format!("{:0places$}", count % unit);
        let fraction = if places == 0 { "" } else { fraction.trim_end_matches('0') };
        let dot = if fraction.is_empty() { "" } else { "." };
        // Writing to a String does not fail.
        if write!(text, "{}{dot}{fraction}{name}", count / unit).is_err() {}
    };
    push(hours, 1, "h");
    push(minutes, 1, "m");
    match below {
        1_000_000_000.. => push(below, 1_000_000_000, "s"),
        1_000_000.. => push(below, 1_000_000, "ms"),
        1_000.. => push(below, 1_000, "us"),
        _ => push(below, 1, "ns"),
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_unit_and_sums_of_them() {
        for (text, nanos) in [
            ("0", 0),
            ("+0", 0),
            ("0s", 0),
            ("15s", 15_000_000_000),
            ("+15s", 15_000_000_000),
            ("1m30s", 90_000_000_000),
            ("250ms", 250_000_000),
            ("1h", 3_600_000_000_000),
            ("1.5h", 5_400_000_000_000),
            (".5s", 500_000_000),
            ("5.s", 5_000_000_000),
            ("3us", 3_000),
            ("3\u{b5}s", 3_000),
            ("3\u{3bc}s", 3_000),
            ("7ns", 7),
            ("1s1h1s", 3_602_000_000_000),
            ("0.000000001s", 1),
            ("0.0000000001s", 0),
            ("3.46608s", 3_466_080_000),
            ("9223372036854775807ns", i64::MAX.unsigned_abs()),
        ] {
            assert_eq!(parse(text), Some(Duration::from_nanos(nanos)), "{text}");
        }
    }

    #[test]
    fn what_go_refuses_is_refused() {
        for text in [
            "",
            "+",
            "-",
            "15",
            "s",
            ".s",
            "-1s",
            "1d",
            "1S",
            "1 s",
            " 1s",
            "1s ",
            "1..5s",
            "1s2",
            "1,5s",
            "++1s",
            "+-1s",
            "9223372036854775808ns",
            "2562048h",
            "99999999999999999999999999999999999999999h",
            "\u{661}s",
            "1e3s",
            "0x1s",
            "NaN",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_shortest_spelling() {
        for (text, shown) in [
            ("0", "0s"),
            ("3600s", "1h"),
            ("90s", "1m30s"),
            ("1500us", "1.5ms"),
            ("3601.25s", "1h1.25s"),
            ("60.001s", "1m1ms"),
            ("1ns", "1ns"),
        ] {
            assert_eq!(show(parse(text).unwrap()), shown);
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_back(nanos in 0_u64..=i64::MAX.unsigned_abs()) {
            let duration = Duration::from_nanos(nanos);
            prop_assert_eq!(parse(&show(duration)), Some(duration));
        }

        /// The oracle adds whole numbers unit by unit.
        #[test]
        fn sums_agree_with_the_oracle(parts in prop::collection::vec((0_u64..100_000, 0_usize..8), 1..6)) {
            let text: String = parts.iter().map(|(count, unit)| format!("{count}{}", UNITS[*unit].0)).collect();
            let nanos: u64 = parts.iter().map(|(count, unit)| count * UNITS[*unit].1).sum();
            prop_assert_eq!(parse(&text), Some(Duration::from_nanos(nanos)));
        }

        #[test]
        fn any_text_is_survived(text in "[0-9.a-z+\u{b5}-]{0,40}|\\PC{0,40}") {
            if let Some(duration) = parse(&text) {
                prop_assert_eq!(parse(&show(duration)), Some(duration));
            }
        }
    }
}
