//! Amounts of resources as Kubernetes writes them: `100m`, `1.5Gi`, `12e6`.

/// Most decimals that an amount keeps: a billionth.
pub const SCALE_MAX: u8 = 9;

/// An amount: the mantissa divided by 10^scale. Equal ones are written with the same digits: 0.5 is not 500m.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quantity {
    mantissa: i64,
    // INVARIANT: scale <= SCALE_MAX.
    scale: u8,
}

/// Largest whole number that still has thousandths in an `i64`.
const MILLI_MAX: i64 = i64::MAX / 1000;

/// 10^-n as the peers multiply by it.
const PARTS: [f64; SCALE_MAX as usize + 1] = [1.0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9];

impl Quantity {
    /// An amount that was taken apart before.
    pub fn from_parts(mantissa: i64, scale: u8) -> Self {
        assert!(scale <= SCALE_MAX);
        Self { mantissa, scale }
    }

    /// Reads an amount. More than nine decimals round up, away from zero; what does not fit with its decimals loses
    /// some of them the same way, and what does not fit at all is the largest number.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (negative, digits) = match text {
            [] => return None,
            [b'-', digits @ ..] => (true, digits),
            [b'+', digits @ ..] | digits => (false, digits),
        };
        let whole_end = end_of_digits(digits);
        let (whole, rest) = digits.split_at(whole_end);
        let (fraction, suffix) = match rest {
            [b'.', rest @ ..] => rest.split_at(end_of_digits(rest)),
            _ => (&rest[..0], rest),
        };
        // As in the reference, no digits at all are a zero: `-`, `.` and `Ki` are amounts.
        let unit = Unit::parse(suffix)?;
        let size = match unit {
            Unit::Ten(power) => size(whole, fraction, DIGITS_MAX, 1, power),
            Unit::Two(power) => size(whole, fraction, BINARY_DIGITS_MAX, 1 << power, 0),
        };
        Some(Self { mantissa: if negative { -size.mantissa } else { size.mantissa }, scale: size.scale })
    }

    /// The number before the decimals are counted off.
    pub const fn mantissa(self) -> i64 {
        self.mantissa
    }

    /// How many decimals the mantissa has.
    pub const fn scale(self) -> u8 {
        self.scale
    }

    /// The whole number, rounded away from zero.
    pub fn value(self) -> i64 {
        i64::try_from(self.times(1)).unwrap_or(0)
    }

    /// The number that kube-state-metrics shows for fractions: thousandths, rounded away from zero.
    pub fn milli_rule(self) -> f64 {
        let whole = self.value();
        if whole > MILLI_MAX {
            return whole as f64;
        }
        self.times(1000) as f64 / 1000.0
    }

    /// The nearest float, by the arithmetic of the reference: 0.3 is 3 × 0.1.
    pub fn approximate(self) -> f64 {
        self.mantissa as f64 * PARTS[usize::from(self.scale)]
    }

    /// A multiple, rounded away from zero to a whole number.
    fn times(self, factor: i128) -> i128 {
        let product = i128::from(self.mantissa) * factor;
        let divisor = 10_i128.pow(u32::from(self.scale));
        let rest = product % divisor;
        product / divisor + rest.signum()
    }
}

/// Digits that count; of the others it only counts whether one is not zero.
const DIGITS_MAX: usize = 36;
/// The same before a multiplication by 2^60. Twenty are more than a mantissa holds.
const BINARY_DIGITS_MAX: usize = 20;

/// The amount without its sign: digits × `factor` × 10^`power`.
fn size(whole: &[u8], fraction: &[u8], digits_max: usize, factor: u128, power: i64) -> Quantity {
    let (mut number, mut digits, mut cut, mut more) = (0_u128, 0, 0_i64, false);
    for byte in whole.iter().chain(fraction) {
        if digits == digits_max {
            cut += 1;
            more |= *byte != b'0';
        } else {
            number = number * 10 + u128::from(byte - b'0');
            digits += usize::from(number != 0);
        }
    }
    let decimals = i64::try_from(fraction.len()).unwrap_or(i64::MAX);
    let power = power.saturating_sub(decimals);
    let number = number * factor;
    if number == 0 {
        return Quantity { mantissa: 0, scale: 0 };
    }
    let natural = u8::try_from(power.saturating_neg()).unwrap_or(if power < 0 { SCALE_MAX } else { 0 });
    let mut scale = natural.min(SCALE_MAX);
    loop {
        let shift = power.saturating_add(cut).saturating_add(i64::from(scale));
        if let Some(mantissa) = shifted(number, shift, more) {
            return Quantity { mantissa, scale };
        }
        if scale == 0 {
            return Quantity { mantissa: i64::MAX, scale };
        }
        scale -= 1;
    }
}

/// `number` × 10^`shift`, rounded up; `more`: the number is a bit more than that. `None`: it does not fit.
fn shifted(number: u128, shift: i64, more: bool) -> Option<i64> {
    let power = 10_u128.checked_pow(u32::try_from(shift.unsigned_abs()).unwrap_or(u32::MAX));
    let rounded = if shift >= 0 {
        number.checked_mul(power?)?.checked_add(u128::from(more))?
    } else {
        match power {
            Some(power) => number / power + u128::from(more || !number.is_multiple_of(power)),
            None => 1,
        }
    };
    i64::try_from(rounded).ok()
}

/// What stands behind the digits.
#[derive(Clone, Copy)]
enum Unit {
    /// A power of ten.
    Ten(i64),
    /// A power of two.
    Two(u32),
}

impl Unit {
    fn parse(suffix: &[u8]) -> Option<Self> {
        Some(match suffix {
            b"" => Unit::Ten(0),
            b"n" => Unit::Ten(-9),
            b"u" => Unit::Ten(-6),
            b"m" => Unit::Ten(-3),
            b"k" => Unit::Ten(3),
            b"M" => Unit::Ten(6),
            b"G" => Unit::Ten(9),
            b"T" => Unit::Ten(12),
            b"P" => Unit::Ten(15),
            b"E" => Unit::Ten(18),
            b"Ki" => Unit::Two(10),
            b"Mi" => Unit::Two(20),
            b"Gi" => Unit::Two(30),
            b"Ti" => Unit::Two(40),
            b"Pi" => Unit::Two(50),
            b"Ei" => Unit::Two(60),
            [b'e' | b'E', exponent @ ..] => Unit::Ten(super::signed(exponent)?),
            _ => return None,
        })
    }
}

fn end_of_digits(text: &[u8]) -> usize {
    text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len())
}

#[cfg(test)]
#[path = "quantity_tests.rs"]
mod tests;
