//! Quantities of Kubernetes: `100m`, `1Gi`, `1.5e3`.

/// A number as a mantissa and its decimals: mantissa ÷ 10^scale.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quantity {
    mantissa: i64,
    scale: u8,
}

impl Quantity {
    pub const fn from_parts(mantissa: i64, scale: u8) -> Self {
        Quantity { mantissa, scale }
    }

    pub const fn mantissa(self) -> i64 {
        self.mantissa
    }

    pub const fn scale(self) -> u8 {
        self.scale
    }

    /// Reads a quantity; `None`: it is none.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (negative, rest) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            rest => (false, rest),
        };
        let end = rest.iter().position(|byte| !byte.is_ascii_digit() && *byte != b'.').unwrap_or(rest.len());
        let (digits, suffix) = rest.split_at(end);
        let mut mantissa = 0_i128;
        let mut decimals = 0_i32;
        let (mut point, mut any, mut lost) = (false, false, false);
        for byte in digits {
            if *byte == b'.' {
                if point {
                    return None;
                }
                point = true;
                continue;
            }
            any = true;
            // Digits beyond these change nothing but the rounding.
            if mantissa > 10_i128.pow(30) {
                lost |= *byte != b'0';
                decimals -= i32::from(!point);
                continue;
            }
            mantissa = mantissa * 10 + i128::from(byte - b'0');
            decimals += i32::from(point);
        }
        if !any {
            return None;
        }
        let (binary, exponent) = unit(suffix)?;
        if binary > 0 {
            mantissa = mantissa.checked_mul(1 << binary).unwrap_or(i128::MAX / 1000);
        }
        Some(Self::fit(negative, mantissa, decimals - exponent, lost))
    }

    /// mantissa ÷ 10^decimals with at most nine decimals, rounded away from zero, in 64 bits.
    fn fit(negative: bool, mut mantissa: i128, mut decimals: i32, mut lost: bool) -> Self {
        let most = i128::from(i64::MAX);
        while decimals < 0 && mantissa <= most {
            mantissa *= 10;
            decimals += 1;
        }
        let decimals_min = 0;
        while decimals > 9 || (mantissa > most && decimals > decimals_min) {
            lost |= mantissa % 10 != 0;
            mantissa /= 10;
            decimals -= 1;
        }
        mantissa = (mantissa + i128::from(lost)).min(most);
        while decimals > 0 && mantissa % 10 == 0 {
            mantissa /= 10;
            decimals -= 1;
        }
        let mantissa = i64::try_from(mantissa).unwrap_or(i64::MAX);
        let scale = u8::try_from(decimals.max(0)).unwrap_or(0);
        Quantity { mantissa: if negative { -mantissa } else { mantissa }, scale }
    }

    /// The whole number, rounded away from zero.
    pub const fn value(self) -> i64 {
        self.rounded(0)
    }

    /// Thousandths, rounded away from zero, as a float; whole numbers where thousandths have no room.
    #[expect(clippy::cast_precision_loss, reason = "the peer's own conversion")]
    pub fn milli_rule(self) -> f64 {
        let value = self.value();
        if value > i64::MAX / 1000 { value as f64 } else { self.rounded(3) as f64 / 1000.0 }
    }

    /// As a float, without rounding to thousandths.
    #[expect(clippy::cast_precision_loss, reason = "a float is what is asked for")]
    pub fn approximate(self) -> f64 {
        self.mantissa as f64 / 10_f64.powi(i32::from(self.scale))
    }

    /// The number times 10^decimals, rounded away from zero.
    const fn rounded(self, decimals: u8) -> i64 {
        if self.scale <= decimals {
            return self.mantissa.saturating_mul(10_i64.pow((decimals - self.scale) as u32));
        }
        let by = 10_i64.pow((self.scale - decimals) as u32);
        let (whole, rest) = (self.mantissa / by, self.mantissa % by);
        whole + rest.signum()
    }
}

/// A suffix as a power of two and one of ten.
fn unit(suffix: &[u8]) -> Option<(u32, i32)> {
    Some(match suffix {
        b"" => (0, 0),
        b"n" => (0, -9),
        b"u" => (0, -6),
        b"m" => (0, -3),
        b"k" => (0, 3),
        b"M" => (0, 6),
        b"G" => (0, 9),
        b"T" => (0, 12),
        b"P" => (0, 15),
        b"E" => (0, 18),
        b"Ki" => (10, 0),
        b"Mi" => (20, 0),
        b"Gi" => (30, 0),
        b"Ti" => (40, 0),
        b"Pi" => (50, 0),
        b"Ei" => (60, 0),
        [b'e' | b'E', exponent @ ..] => {
            let exponent = match exponent {
                [b'+', digits @ ..] => super::unsigned(digits).and_then(|digits| i64::try_from(digits).ok()),
                other => super::signed(other),
            };
            (0, i32::try_from(exponent?).ok().filter(|exponent| exponent.abs() <= 40)?)
        }
        _ => return None,
    })
}
