//! Moments as the API server writes them: `2018-03-11T04:34:56Z`, as seconds since 1970.

use super::date;

/// Go's zero time, which the peers show for a time that is not there.
pub const ZERO: i64 = -62_135_596_800;

/// The second in which the moment lies. What Go's parser of RFC 3339 takes is taken: an hour of one digit, a fraction
/// of any length behind a point or a comma, an offset of up to 24:60.
pub fn unix_seconds(text: &[u8]) -> Option<i64> {
    let (date, rest) = text.split_at_checked(10)?;
    let day = date::parse(date)?;
    let mut rest = rest.strip_prefix(b"T")?;
    let hour = match rest {
        [digit, b':', ..] => {
            let hour = number(&[*digit], 9)?;
            rest = &rest[1..];
            hour
        }
        _ => take(&mut rest, 23)?,
    };
    rest = rest.strip_prefix(b":")?;
    let minute = take(&mut rest, 59)?;
    rest = rest.strip_prefix(b":")?;
    let second = take(&mut rest, 59)?;
    if let [b'.' | b',', fraction @ ..] = rest {
        let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return None;
        }
        rest = &fraction[digits..];
    }
    Some(day * 86_400 + hour * 3600 + minute * 60 + second - offset(rest)?)
}

/// Seconds east of Greenwich: `Z`, `+02:00`.
fn offset(text: &[u8]) -> Option<i64> {
    let (sign, mut rest) = match text {
        b"Z" => return Some(0),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let hours = take(&mut rest, 24)?;
    rest = rest.strip_prefix(b":")?;
    let minutes = take(&mut rest, 60)?;
    rest.is_empty().then_some(sign * (hours * 3600 + minutes * 60))
}

/// Two digits.
fn take(rest: &mut &[u8], max: i64) -> Option<i64> {
    let (digits, after) = rest.split_at_checked(2)?;
    *rest = after;
    number(digits, max)
}

fn number(digits: &[u8], max: i64) -> Option<i64> {
    let value = i64::try_from(super::unsigned(digits)?).ok()?;
    (value <= max).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, expect: Option<i64>) {
        assert_eq!(unix_seconds(text.as_bytes()), expect, "{text}");
    }

    #[test]
    fn moments_of_the_api_server() {
        check("1970-01-01T00:00:00Z", Some(0));
        check("2018-03-11T04:34:56Z", Some(1_520_742_896));
        check("0001-01-01T00:00:00Z", Some(ZERO));
        check("9999-12-31T23:59:59Z", Some(253_402_300_799));
        check("2024-02-29T12:00:00.123456Z", Some(1_709_208_000));
    }

    #[test]
    fn fractions_are_cut_toward_the_past() {
        check("1969-12-31T23:59:59.9Z", Some(-1));
        check("1970-01-01T00:00:00,999999999999999999999Z", Some(0));
        check("1970-01-01T00:00:00.Z", None);
        check("1970-01-01T00:00:00.1.1Z", None);
    }

    #[test]
    fn offsets_are_taken_off() {
        check("1970-01-01T02:00:00+02:00", Some(0));
        check("1969-12-31T18:30:00.5-05:30", Some(0));
        check("1970-01-01T00:00:00+24:60", Some(-90_000));
        check("1970-01-01T00:00:00+25:00", None);
        check("1970-01-01T00:00:00+00:61", None);
        check("1970-01-01T00:00:00+0200", None);
        check("1970-01-01T00:00:00+02", None);
        check("1970-01-01T00:00:00", None);
    }

    #[test]
    fn what_go_refuses_is_refused() {
        for text in [
            "",
            "null",
            "1970-01-01",
            "1970-01-01t00:00:00Z",
            "1970-01-01T00:00:00z",
            "1970-01-01 00:00:00Z",
            "1970-01-01T24:00:00Z",
            "1970-01-01T00:60:00Z",
            "1970-01-01T00:00:60Z",
            "1970-02-30T00:00:00Z",
            "1970-13-01T00:00:00Z",
            "0000-01-01T00:00:00Z",
            "70-01-01T00:00:00Z",
            "1970-01-01T00:00Z",
            "1970-01-01T00:00:00ZZ",
            "1970-1-01T00:00:00Z",
            "1970-01-01T00:0:00Z",
            "1970-01-01T+1:00:00Z",
        ] {
            check(text, None);
        }
        check("1970-01-01T1:00:00Z", Some(3600));
    }

    proptest! {
        #[test]
        fn every_moment_reads_back(seconds in ZERO..253_402_300_800_i64, offset in -1439_i64..1440) {
            let local = seconds + offset * 60;
            let day = local.div_euclid(86_400);
            let year = date::year_of(day);
            prop_assume!((1..=9999).contains(&year));
            let mut of_month = day - date::year_start(year);
            let mut month = 1;
            while of_month >= date::days_in_month(year, month) {
                of_month -= date::days_in_month(year, month);
                month += 1;
            }
            let second = local.rem_euclid(86_400);
            let sign = if offset < 0 { '-' } else { '+' };
            let text = format!(
                "{year:04}-{month:02}-{:02}T{:02}:{:02}:{:02}{sign}{:02}:{:02}",
                of_month + 1, second / 3600, second / 60 % 60, second % 60, offset.abs() / 60, offset.abs() % 60
            );
            prop_assert_eq!(unix_seconds(text.as_bytes()), Some(seconds), "{}", text);
        }

        #[test]
        fn any_bytes_are_a_moment_or_none(bytes: Vec<u8>) {
            if let Some(seconds) = unix_seconds(&bytes) {
                prop_assert!((ZERO - 90_000..253_402_300_800 + 90_000).contains(&seconds));
            }
        }
    }
}
