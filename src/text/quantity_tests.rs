use super::*;
use proptest::prelude::*;

#[track_caller]
fn check(text: &str, expect: (i64, u8)) {
    let quantity = Quantity::parse(text.as_bytes()).unwrap();
    assert_eq!((quantity.mantissa(), quantity.scale()), expect, "{text}");
    assert_eq!(Quantity::from_parts(expect.0, expect.1), quantity);
}

#[test]
fn amounts_keep_their_digits() {
    check("0", (0, 0));
    check("100m", (100, 3));
    check("0.5", (5, 1));
    check("-1.50", (-150, 2));
    check("+5", (5, 0));
    check("1.", (1, 0));
    check(".5", (5, 1));
    check("007", (7, 0));
    check("1k", (1000, 0));
    check("1.5k", (1500, 0));
    check("1.2345k", (12345, 1));
    check("12e6", (12_000_000, 0));
    check("1E3", (1000, 0));
    check("1e+3", (1000, 0));
    check("25e-1", (25, 1));
    check("1.5Gi", (16_106_127_360, 1));
    check("1E", (1_000_000_000_000_000_000, 0));
    check("0e99999", (0, 0));
    check("-", (0, 0));
    check(".", (0, 0));
    check("Ki", (0, 0));
    check("0.000000000000000000000000000000000000000000000000", (0, 0));
}

#[test]
fn what_is_too_fine_rounds_away_from_zero() {
    check("0.0000000001", (1, 9));
    check("-1.0000000001", (-1_000_000_001, 9));
    check("1e-30", (1, 9));
    check("1e-99999999999", (1, 9));
    check("1.0000000000000000000000000000000000000000001", (1_000_000_001, 9));
    check("0.1n", (1, 9));
    check("9223372036854775.807", (i64::MAX, 3));
    check("9223372036854775.8071", (922_337_203_685_477_581, 2));
    check("0.00000000000001Ki", (1, 9));
}

#[test]
fn what_is_too_large_is_the_largest() {
    check("7Ei", (8_070_450_532_247_928_832, 0));
    check("8Ei", (i64::MAX, 0));
    check("-8Ei", (-i64::MAX, 0));
    check("9223372036854775807", (i64::MAX, 0));
    check("9223372036854775808", (i64::MAX, 0));
    check("1e9999", (i64::MAX, 0));
    check("1e9223372036854775807", (i64::MAX, 0));
    check(&"9".repeat(5000), (i64::MAX, 0));
    check(&format!("{}Ei", "9".repeat(5000)), (i64::MAX, 0));
}

#[test]
fn anything_else_is_none() {
    for text in [
        "",
        "abc",
        "1mi",
        "1KI",
        "1 Gi",
        "1e",
        "1E+",
        "--1",
        "1Kii",
        "0x10",
        "1,5",
        "1.2.3",
        "1e1.5",
        "1K",
        "1 ",
        " 1",
        "1e5k",
        "1e99999999999999999999",
        "\u{661}",
    ] {
        assert_eq!(Quantity::parse(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn values_by_the_rules_of_the_reference() {
    let read = |text: &str| Quantity::parse(text.as_bytes()).unwrap();
    assert_eq!(read("0.5").value(), 1);
    assert_eq!(read("-0.5").value(), -1);
    assert_eq!(read("1500m").value(), 2);
    assert_eq!(read("123456789n").milli_rule(), 0.124);
    assert_eq!(read("-123456789n").milli_rule(), -0.124);
    assert_eq!(read("9007199254740993").milli_rule(), 9_007_199_254_740_994.0);
    assert_eq!(read("9223372036854775.807").milli_rule(), 9_223_372_036_854_776.0);
    assert_eq!(read("0.3").approximate(), 0.300_000_000_000_000_04);
}

/// The slow way: a fraction of two numbers of 128 bits.
fn oracle(negative: bool, digits: u64, decimals: u32, (numerator, denominator): (u128, u128)) -> (i64, u32) {
    let over = u128::from(digits) * numerator;
    let under = 10_u128.pow(decimals) * denominator;
    (0..=9)
        .rev()
        .find_map(|scale| {
            let mantissa = (over.checked_mul(10_u128.pow(scale))?).div_ceil(under);
            let mantissa = i64::try_from(mantissa).ok()?;
            Some((if negative { -mantissa } else { mantissa }, scale))
        })
        .unwrap_or((if negative { -i64::MAX } else { i64::MAX }, 0))
}

fn any_unit() -> impl Strategy<Value = (&'static str, (u128, u128))> {
    prop::sample::select(vec![
        ("", (1, 1)),
        ("n", (1, 1_000_000_000)),
        ("u", (1, 1_000_000)),
        ("m", (1, 1000)),
        ("e-2", (1, 100)),
        ("k", (1000, 1)),
        ("M", (1_000_000, 1)),
        ("e9", (1_000_000_000, 1)),
        ("P", (10_u128.pow(15), 1)),
        ("E", (10_u128.pow(18), 1)),
        ("Ki", (1 << 10, 1)),
        ("Gi", (1 << 30, 1)),
        ("Ti", (1 << 40, 1)),
        ("Ei", (1 << 60, 1)),
    ])
}

proptest! {
    #[test]
    fn amounts_are_fractions(
        negative: bool, digits: u64, shift in 0_u32..64, decimals in 0_usize..12, (suffix, unit) in any_unit()
    ) {
        let digits = digits >> shift;
        let padded = format!("{digits:0>width$}", width = decimals + 1);
        let (whole, fraction) = padded.split_at(padded.len() - decimals);
        let sign = if negative { "-" } else { "" };
        let text = format!("{sign}{whole}.{fraction}{suffix}");
        let quantity = Quantity::parse(text.as_bytes()).unwrap();
        let finest = oracle(negative, digits, u32::try_from(decimals).unwrap(), unit);
        // The same number, with as many decimals as were written.
        let factor = 10_i128.pow(finest.1.saturating_sub(u32::from(quantity.scale())));
        prop_assert_eq!(i128::from(quantity.mantissa()) * factor, i128::from(finest.0), "{}", text);
        let whole = oracle(negative, digits, u32::try_from(decimals).unwrap(), (unit.0, unit.1));
        let divisor = 10_i64.pow(whole.1);
        prop_assert_eq!(quantity.value(), whole.0 / divisor + (whole.0 % divisor).signum());
    }

    #[test]
    fn any_bytes_are_an_amount_or_none(bytes: Vec<u8>) {
        if let Some(quantity) = Quantity::parse(&bytes) {
            prop_assert!(quantity.scale() <= SCALE_MAX);
            prop_assert!(quantity.milli_rule().is_finite());
        }
    }
}
