//! Numbers as text: integers and decimals exactly, floats with the fewest digits that read back the same.

use crate::base::text::Text;
use crate::family::{Repr, Scale};
use crate::store::signed_value;

/// Longest text of a number: a 128-bit integer product with sign and point.
pub const NUMBER_BYTES: usize = 48;

/// Writes the number of a slot and returns how many bytes it took.
pub fn write(out: &mut [u8; NUMBER_BYTES], bits: u64, scale: Scale) -> usize {
    match scale.repr {
        Repr::Unsigned => decimal(out, false, u128::from(bits) * u128::from(scale.times), scale.decimals),
        Repr::Signed => {
            let value = signed_value(bits);
            let size = u128::from(value.unsigned_abs()) * u128::from(scale.times);
            decimal(out, value < 0, size, scale.decimals)
        }
        Repr::Float => float(out, f64::from_bits(bits)),
    }
}

/// Writes an unsigned integer.
pub fn unsigned(out: &mut [u8; NUMBER_BYTES], value: u64) -> usize {
    decimal(out, false, u128::from(value), 0)
}

/// Writes an integer.
pub fn signed(out: &mut [u8; NUMBER_BYTES], value: i64) -> usize {
    decimal(out, value < 0, u128::from(value.unsigned_abs()), 0)
}

const PAIRS: &[u8; 200] = b"0001020304050607080910111213141516171819202122232425262728293031323334353637383940\
41424344454647484950515253545556575859606162636465666768697071727374757677787980818283848586878889909192939495969798\
99";

/// Writes `value` ÷ 10^`decimals`, without zeros at its end.
fn decimal(out: &mut [u8; NUMBER_BYTES], negative: bool, value: u128, decimals: u8) -> usize {
    let mut digits = [b'0'; 40];
    let mut at = 40;
    match u64::try_from(value) {
        Ok(small) => at = digits_before(&mut digits, at, small),
        Err(_) => {
            // 10^19 is the largest power of ten in a u64; a product of u64 and u32 has two such limbs.
            const LIMB: u128 = 10_000_000_000_000_000_000;
            let low = u64::try_from(value % LIMB).unwrap_or(u64::MAX);
            let high = u64::try_from(value / LIMB).unwrap_or(u64::MAX);
            digits_before(&mut digits, at, low);
            at = digits_before(&mut digits, at - 19, high);
        }
    }
    let mut length = 0;
    if negative && value != 0 {
        out[0] = b'-';
        length = 1;
    }
    let decimals = decimals as usize;
    let point = 40 - decimals;
    // At least one digit before the point.
    at = at.min(point - 1);
    let whole = &digits[at..point];
    out[length..length + whole.len()].copy_from_slice(whole);
    length += whole.len();
    let mut end = 40;
    while end > point && digits[end - 1] == b'0' {
        end -= 1;
    }
    if end > point {
        out[length] = b'.';
        let fraction = &digits[point..end];
        out[length + 1..length + 1 + fraction.len()].copy_from_slice(fraction);
        length += 1 + fraction.len();
    }
    length
}

/// Writes the digits of `value` so that they end before `end`; returns where they begin. Zero writes none.
fn digits_before(digits: &mut [u8; 40], end: usize, mut value: u64) -> usize {
    let mut at = end;
    while value >= 100 {
        let pair = usize::try_from(value % 100).unwrap_or(0) * 2;
        value /= 100;
        at -= 2;
        digits[at..at + 2].copy_from_slice(&PAIRS[pair..pair + 2]);
    }
    while value > 0 {
        at -= 1;
        digits[at] = b'0' + u8::try_from(value % 10).unwrap_or(0);
        value /= 10;
    }
    at
}

/// Writes a float: whole numbers below 2^53 as integers, `NaN`, `+Inf` and `-Inf` as the format has them.
pub fn float(out: &mut [u8; NUMBER_BYTES], value: f64) -> usize {
    let word: &[u8] = if value.is_nan() {
        b"NaN"
    } else if value == f64::INFINITY {
        b"+Inf"
    } else if value == f64::NEG_INFINITY {
        b"-Inf"
    } else if value.trunc() == value && value.abs() < 9_007_199_254_740_992.0 {
        #[expect(clippy::cast_possible_truncation, reason = "a whole number below 2^53")]
        let whole = value as i64;
        return decimal(out, whole < 0, u128::from(whole.unsigned_abs()), 0);
    } else {
        let mut buffer = ryu::Buffer::new();
        let text = buffer.format_finite(value).as_bytes();
        out[..text.len()].copy_from_slice(text);
        return text.len();
    };
    out[..word.len()].copy_from_slice(word);
    word.len()
}

/// Writes a float as the peers write the values of `le` and `quantile`, which are labels and must be the same text:
/// the fewest digits, and an exponent of two digits or more when it is below -4 or above 5.
pub fn peer_float(out: &mut [u8; NUMBER_BYTES], value: f64) -> usize {
    if !value.is_finite() || value == 0.0 {
        return float(out, value);
    }
    let mut buffer = ryu::Buffer::new();
    let text = buffer.format_finite(value.abs()).as_bytes();
    let (mantissa, exponent) = match text.iter().position(|byte| *byte == b'e') {
        Some(at) => (&text[..at], crate::text::signed(&text[at + 1..]).unwrap_or(0)),
        None => (text, 0),
    };
    let point = mantissa.iter().position(|byte| *byte == b'.').unwrap_or(mantissa.len());
    let mut digits = [b'0'; 24];
    let mut count = 0;
    let mut zeros = 0;
    for byte in mantissa.iter().filter(|byte| **byte != b'.') {
        if count == 0 && *byte == b'0' {
            zeros += 1;
        } else if let Some(digit) = digits.get_mut(count) {
            *digit = *byte;
            count += 1;
        }
    }
    while count > 1 && digits[count - 1] == b'0' {
        count -= 1;
    }
    // value = 0.digits × 10^scale
    let scale = exponent + i64::try_from(point).unwrap_or(0) - zeros;
    let mut line = Text::<NUMBER_BYTES>::new();
    let fits = write_digits(&mut line, value < 0.0, &digits[..count], scale).is_ok();
    debug_assert!(fits, "17 digits, sign, point and exponent are less than the buffer");
    out[..line.len()].copy_from_slice(line.as_bytes());
    line.len()
}

fn write_digits(
    line: &mut Text<NUMBER_BYTES>,
    negative: bool,
    digits: &[u8],
    scale: i64,
) -> Result<(), std::fmt::Error> {
    let push = |line: &mut Text<NUMBER_BYTES>, piece: &[u8]| line.push(piece).map_err(|_| std::fmt::Error);
    if negative {
        push(line, b"-")?;
    }
    let exponent = scale - 1;
    if (-4..6).contains(&exponent) {
        let whole = usize::try_from(scale).unwrap_or(0);
        push(line, if whole == 0 { b"0" } else { &digits[..whole.min(digits.len())] })?;
        push(line, &b"00000"[..whole.saturating_sub(digits.len())])?;
        if whole < digits.len() {
            push(line, b".")?;
            push(line, &b"0000"[..usize::try_from(-scale).unwrap_or(0).min(4)])?;
            push(line, &digits[whole..])?;
        }
        return Ok(());
    }
    push(line, &digits[..1])?;
    if digits.len() > 1 {
        push(line, b".")?;
        push(line, &digits[1..])?;
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    std::fmt::Write::write_fmt(line, format_args!("e{sign}{:02}", exponent.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::signed_bits;
    use proptest::prelude::*;

    fn text(bits: u64, repr: Repr, times: u32, decimals: u8) -> String {
        let mut out = [0; NUMBER_BYTES];
        let length = write(&mut out, bits, Scale { repr, times, decimals });
        String::from_utf8(out[..length].to_vec()).unwrap()
    }

    #[test]
    fn integers_and_decimals_are_exact() {
        let check = |bits, times, decimals, expect: &str| {
            assert_eq!(text(bits, Repr::Unsigned, times, decimals), expect);
        };
        check(0, 1, 0, "0");
        check(0, 1024, 3, "0");
        check(7, 1, 3, "0.007");
        check(1_000_001, 1, 6, "1.000001");
        check(1000, 1, 3, "1");
        check(1500, 1, 3, "1.5");
        check(u64::MAX, 1, 0, "18446744073709551615");
        check(u64::MAX, 1024, 0, "18889465931478580853760");
        check(u64::MAX, u32::MAX, 18, "79228162495.817593515539431425");
        check(16, 1024, 0, "16384");
    }

    #[test]
    fn signed_numbers_keep_their_sign() {
        let check = |value: i64, decimals, expect: &str| {
            assert_eq!(text(signed_bits(value), Repr::Signed, 1, decimals), expect);
        };
        check(-1, 0, "-1");
        check(-5, 3, "-0.005");
        check(0, 3, "0");
        check(i64::MIN, 0, "-9223372036854775808");
        check(12_376, 3, "12.376");
    }

    #[test]
    fn floats_have_the_words_of_the_format() {
        let check = |value: f64, expect: &str| assert_eq!(text(value.to_bits(), Repr::Float, 1, 0), expect);
        check(f64::NAN, "NaN");
        check(f64::INFINITY, "+Inf");
        check(f64::NEG_INFINITY, "-Inf");
        check(-0.0, "0");
        check(0.1, "0.1");
        check(-2.5e-9, "-2.5e-9");
        check(1e300, "1e300");
        check(20.04, "20.04");
    }

    fn peer(value: f64) -> String {
        let mut out = [0; NUMBER_BYTES];
        let length = peer_float(&mut out, value);
        String::from_utf8(out[..length].to_vec()).unwrap()
    }

    #[test]
    fn bucket_bounds_are_written_as_the_peers_do() {
        for (value, expect) in [
            (0.5, "0.5"),
            (100.0, "100"),
            (409_600.0, "409600"),
            (999_999.5, "999999.5"),
            (1_000_000.0, "1e+06"),
            (1_638_400.0, "1.6384e+06"),
            (0.0001, "0.0001"),
            (0.00012, "0.00012"),
            (0.00001, "1e-05"),
            (-2.5e-9, "-2.5e-09"),
            (1e300, "1e+300"),
            (123.456, "123.456"),
            (0.0, "0"),
            (f64::INFINITY, "+Inf"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
        ] {
            assert_eq!(peer(value), expect);
        }
    }

    proptest! {
        #[test]
        fn every_bucket_bound_reads_back(bits: u64) {
            let value = f64::from_bits(bits);
            let back: f64 = peer(value).parse().unwrap();
            prop_assert!(back == value || (back.is_nan() && value.is_nan()));
        }

        #[test]
        fn every_float_reads_back(bits: u64) {
            let value = f64::from_bits(bits);
            let shown = text(bits, Repr::Float, 1, 0);
            let back: f64 = shown.parse().unwrap();
            prop_assert!(back == value || (back.is_nan() && value.is_nan()));
        }

        #[test]
        fn every_decimal_reads_back(value: u64, decimals in 0_u8..=18) {
            let shown = text(value, Repr::Unsigned, 1, decimals);
            let digits = shown.replace('.', "");
            let shift = shown.find('.').map_or(0, |at| shown.len() - at - 1);
            let back = digits.parse::<u128>().unwrap() * 10_u128.pow(u32::from(decimals) - u32::try_from(shift).unwrap());
            prop_assert_eq!(back, u128::from(value));
        }

        #[test]
        fn every_signed_number_reads_back(value: i64) {
            prop_assert_eq!(text(signed_bits(value), Repr::Signed, 1, 0).parse::<i64>().unwrap(), value);
        }
    }
}
