//! Times of the Kubernetes API.

use super::date;

/// The zero of Go's clock, 0001-01-01T00:00:00Z.
pub const ZERO: i64 = -62_135_596_800;

/// Seconds since the epoch; a fraction is cut.
pub fn unix_seconds(text: &[u8]) -> Option<i64> {
    let (day, rest) = (date::parse(text.get(..10)?)?, text.get(10..)?);
    let [b'T', h1, h2, b':', m1, m2, b':', s1, s2, rest @ ..] = rest else { return None };
    let number = |tens: &u8, ones: &u8, most: i64| {
        let digits = [*tens, *ones];
        super::unsigned(&digits)
            .and_then(|number| i64::try_from(number).ok())
            .filter(|number| *number <= most)
    };
    let clock = number(h1, h2, 23)? * 3600 + number(m1, m2, 59)? * 60 + number(s1, s2, 59)?;
    let rest = match rest {
        [b'.' | b',', digits @ ..] => {
            let end = digits.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
            if end == 0 {
                return None;
            }
            digits.get(end..)?
        }
        rest => rest,
    };
    let offset = match rest {
        b"Z" => 0,
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let offset = number(h1, h2, 24)? * 3600 + number(m1, m2, 59)? * 60;
            if *sign == b'-' { -offset } else { offset }
        }
        _ => return None,
    };
    Some(day * 86_400 + clock - offset)
}
