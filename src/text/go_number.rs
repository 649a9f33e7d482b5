//! Floats as Go's `strconv.ParseFloat` reads them: hexadecimal ones, infinity and `1_000` too.

use crate::base::text::Text;

/// Longest number that may have underscores.
const BYTES_MAX: usize = 128;

/// The number; `None` when Go reports an error, which it does also for one that is too large.
pub fn float(text: &[u8]) -> Option<f64> {
    let (negative, rest) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] | rest => (false, rest),
    };
    let size = if text.eq_ignore_ascii_case(b"nan") {
        f64::NAN
    } else if rest.eq_ignore_ascii_case(b"inf") || rest.eq_ignore_ascii_case(b"infinity") {
        f64::INFINITY
    } else {
        let parts = Parts::read(rest)?;
        // Too large is an error; too small is zero.
        let size = if parts.is_hex { hexadecimal(&parts)? } else { decimal(rest)? };
        if !size.is_finite() {
            return None;
        }
        size
    };
    Some(if negative { -size } else { size })
}

/// A number by its digits, which are known to be well formed.
struct Parts<'a> {
    is_hex: bool,
    /// Digits, a point, underscores.
    mantissa: &'a [u8],
    exponent: i64,
}

impl<'a> Parts<'a> {
    fn read(text: &'a [u8]) -> Option<Self> {
        let prefixed = matches!(text, [b'0', b'x' | b'X', _, ..]);
        let digits = if prefixed { &text[2..] } else { text };
        let marks = if prefixed { *b"pP" } else { *b"eE" };
        let end = digits.iter().position(|byte| marks.contains(byte)).unwrap_or(digits.len());
        let (mantissa, rest) = digits.split_at(end);
        let is_digit = |byte: &u8| byte.is_ascii_digit() || (prefixed && byte.is_ascii_hexdigit());
        let well_formed = mantissa.iter().any(is_digit)
            && mantissa.iter().filter(|byte| **byte == b'.').count() <= 1
            && mantissa.iter().all(|byte| is_digit(byte) || matches!(byte, b'.' | b'_'));
        let exponent = match rest {
            // A hexadecimal number has an exponent always.
            [] if prefixed => None,
            [] => Some(0),
            [_, b'-', digits @ ..] => exponent(digits).map(|exponent| -exponent),
            [_, b'+', digits @ ..] | [_, digits @ ..] => exponent(digits),
        };
        let well_formed = well_formed && underscores_separate(digits, prefixed);
        Some(Parts { is_hex: prefixed, mantissa, exponent: exponent? }).filter(|_| well_formed)
    }
}

/// The digits of an exponent; a large one is as good as any larger one.
fn exponent(digits: &[u8]) -> Option<i64> {
    let mut value = 0_i64;
    for byte in digits.iter().filter(|byte| **byte != b'_') {
        let digit = byte.is_ascii_digit().then(|| i64::from(byte - b'0'))?;
        value = (value * 10 + digit).min(1_000_000);
    }
    digits.first()?.is_ascii_digit().then_some(value)
}

/// An underscore stands between digits, or between a prefix and a digit.
fn underscores_separate(text: &[u8], prefixed: bool) -> bool {
    let is_digit = |byte: Option<&u8>| {
        byte.is_some_and(|byte| byte.is_ascii_digit() || (prefixed && byte.is_ascii_hexdigit()))
    };
    text.iter().enumerate().filter(|(_, byte)| **byte == b'_').all(|(at, _)| {
        let before = if at == 0 { prefixed } else { is_digit(text.get(at - 1)) };
        before && is_digit(text.get(at + 1))
    })
}

fn decimal(text: &[u8]) -> Option<f64> {
    if !text.contains(&b'_') {
        return super::float(text);
    }
    let mut digits = Text::<BYTES_MAX>::new();
    for byte in text.iter().filter(|byte| **byte != b'_') {
        digits.push([*byte]).ok()?;
    }
    super::float(digits.as_bytes())
}

/// mantissa × 2^exponent, rounded to the nearest float, to the even one of two.
fn hexadecimal(parts: &Parts<'_>) -> Option<f64> {
    let (mut mantissa, mut power, mut more) = (0_u64, parts.exponent, false);
    let mut behind = false;
    for byte in parts.mantissa {
        let Some(digit) = (*byte as char).to_digit(16) else {
            behind |= *byte == b'.';
            continue;
        };
        if mantissa >> 60 == 0 {
            mantissa = mantissa << 4 | u64::from(digit);
        } else {
            more |= digit != 0;
            power = power.saturating_add(4);
        }
        if behind {
            power = power.saturating_sub(4);
        }
    }
    if mantissa == 0 {
        return Some(0.0);
    }
    let zeros = mantissa.leading_zeros();
    let mantissa = mantissa << zeros;
    // The mantissa is 1.x × 2^high now.
    let high = power.saturating_sub(i64::from(zeros)).saturating_add(63);
    let normal = high >= -1022;
    // 53 bits stay, fewer when the exponent cannot go as low.
    let drop = if normal {
        11
    } else {
        u32::try_from((-1022_i64).saturating_sub(high)).unwrap_or(u32::MAX).saturating_add(11)
    };
    let kept = mantissa.checked_shr(drop).unwrap_or(0);
    let rest = u128::from(mantissa) << 64 >> drop.min(127);
    let rest = u64::try_from(rest & u128::from(u64::MAX)).unwrap_or(0);
    let half = 1_u64 << 63;
    let up = rest > half || (rest == half && (more || kept & 1 == 1));
    let kept = kept + u64::from(up);
    // A carry goes on into the exponent, which is what the format is made for.
    let biased = if normal { u64::try_from(high + 1022).ok()? } else { 0 };
    if biased > 2045 {
        return None;
    }
    Some(f64::from_bits((biased << 52) + kept))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, expect: Option<f64>) {
        assert_eq!(float(text.as_bytes()).map(f64::to_bits), expect.map(f64::to_bits), "{text}");
    }

    #[test]
    fn decimal_numbers() {
        check("0", Some(0.0));
        check("-0", Some(-0.0));
        check("18446744073709551615", Some(18_446_744_073_709_551_615.0));
        check("1e5", Some(1e5));
        check("+.5E-3", Some(0.0005));
        check("5.", Some(5.0));
        check("1e-999", Some(0.0));
        check("1e999", None);
        check("1_000", Some(1000.0));
        check("1_0.0_1e1_0", Some(10.01e10));
        for bad in [
            "", "-", ".", "abc", " 5", "5 ", "1e", "1e+", "1.2.3", "_1", "1_", "1__0", "1_.5", "1e_5",
            "1e5_", "0_x1p1", "--1", "1f",
        ] {
            check(bad, None);
        }
    }

    #[test]
    fn words() {
        check("inf", Some(f64::INFINITY));
        check("-Infinity", Some(f64::NEG_INFINITY));
        check("+INF", Some(f64::INFINITY));
        assert!(float(b"NaN").is_some_and(f64::is_nan));
        for bad in ["-nan", "+nan", "infi", "infinityx", "nano"] {
            check(bad, None);
        }
    }

    #[test]
    fn hexadecimal_numbers() {
        check("0x1p4", Some(16.0));
        check("-0X1.8P1", Some(-3.0));
        check("0x_1_0p0", Some(16.0));
        check("0x.8p0", Some(0.5));
        check("0x0p99999", Some(0.0));
        check("0x1.fffffffffffffp1023", Some(f64::MAX));
        check("0x1.fffffffffffff8p1023", None);
        check("0x1.fffffffffffff7p1023", Some(f64::MAX));
        check("0x1p1024", None);
        check("0x1p-1074", Some(5e-324));
        check("0x1p-1075", Some(0.0));
        check("0x1.8p-1075", Some(5e-324));
        check("0x1p-1022", Some(f64::MIN_POSITIVE));
        check("0x0.fffffffffffff8p-1022", Some(f64::MIN_POSITIVE));
        check("0x1p-99999999999", Some(0.0));
        // Two halves: to the even one, but a bit more goes up.
        check("0x1.00000000000008p0", Some(1.0));
        check("0x1.00000000000018p0", Some(1.000_000_000_000_000_4));
        check("0x1.000000000000080000000000000000001p0", Some(1.000_000_000_000_000_2));
        for bad in ["0x", "0x1", "0xp1", "0x1p", "0x1.1.1p1", "0x1_p1", "0x1e5", "1p4"] {
            check(bad, None);
        }
    }

    proptest! {
        #[test]
        fn every_float_in_hexadecimal(bits: u64) {
            let value = f64::from_bits(bits & (u64::MAX >> 1));
            prop_assume!(value.is_finite());
            let (biased, fraction) = (bits << 1 >> 53, bits & ((1 << 52) - 1));
            let text = match biased {
                0 => format!("0x0.{fraction:013x}p-1022"),
                _ => format!("0x1.{fraction:013x}p{}", i64::try_from(biased).unwrap() - 1023),
            };
            prop_assert_eq!(float(text.as_bytes()), Some(value), "{}", text);
        }

        #[test]
        fn decimals_agree_with_the_standard_library(text in "[-+]?[0-9.]{0,9}(e[-+]?[0-9]{0,3})?") {
            let oracle = text.parse::<f64>().ok().filter(|value| value.is_finite());
            prop_assert_eq!(float(text.as_bytes()), oracle);
        }

        #[test]
        fn any_bytes(bytes: Vec<u8>) {
            float(&bytes);
        }
    }
}
