//! Numbers, a byte at a time: their grammar, and whether they are within the range of a float.

use super::JsonError;

/// Where in a number we are; the names say what was there last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Start,
    Minus,
    /// A zero that no digit may follow.
    Zero,
    Integer,
    Point,
    Fraction,
    Letter,
    Sign,
    Exponent,
}

/// A number that is being read: its first digits, and the power of ten that they are to be multiplied with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Number {
    place: Place,
    digits: u64,
    /// Further digits of this part of the number do not fit into `digits`.
    full: bool,
    /// What the places of the digits come to.
    shift: i32,
    exponent: i32,
    negative_exponent: bool,
}

impl Number {
    pub const fn new() -> Self {
        Self { place: Place::Start, digits: 0, full: false, shift: 0, exponent: 0, negative_exponent: false }
    }

    /// Takes as many bytes as belong to the number and returns how many those are.
    pub fn read(&mut self, bytes: &[u8]) -> Result<usize, JsonError> {
        for (at, &byte) in bytes.iter().enumerate() {
            if !self.take(byte)? {
                return Ok(at);
            }
        }
        Ok(bytes.len())
    }

    /// Takes a byte; false when the number ends before it.
    fn take(&mut self, byte: u8) -> Result<bool, JsonError> {
        self.place = match (self.place, byte) {
            (Place::Start, b'-') => Place::Minus,
            (Place::Start | Place::Minus, b'0') => Place::Zero,
            (Place::Start | Place::Minus | Place::Integer, b'0'..=b'9') => {
                if !self.digit(byte) {
                    self.shift = self.shift.saturating_add(1);
                }
                Place::Integer
            }
            (Place::Zero | Place::Integer, b'.') => {
                self.full = false;
                Place::Point
            }
            (Place::Point | Place::Fraction, b'0'..=b'9') => {
                if self.digit(byte) {
                    self.shift = self.shift.saturating_sub(1);
                }
                Place::Fraction
            }
            (Place::Zero | Place::Integer | Place::Fraction, b'e' | b'E') => Place::Letter,
            (Place::Letter, b'+' | b'-') => {
                self.negative_exponent = byte == b'-';
                Place::Sign
            }
            (Place::Letter | Place::Sign | Place::Exponent, b'0'..=b'9') => {
                self.exponent = self.exponent.saturating_mul(10).saturating_add(i32::from(byte - b'0'));
                Place::Exponent
            }
            (Place::Zero, b'0'..=b'9') => return Err(JsonError::Syntax),
            _ => return Ok(false),
        };
        Ok(true)
    }

    /// Appends a digit if there is room for it.
    fn digit(&mut self, byte: u8) -> bool {
        let longer =
            self.digits.checked_mul(10).and_then(|digits| digits.checked_add(u64::from(byte - b'0')));
        match longer {
            Some(digits) if !self.full => self.digits = digits,
            _ => self.full = true,
        }
        !self.full
    }

    /// The number ends: is it whole, and within range?
    pub fn end(&self) -> Result<(), JsonError> {
        match self.place {
            Place::Zero | Place::Integer | Place::Fraction | Place::Exponent => {}
            Place::Start | Place::Minus | Place::Point | Place::Letter | Place::Sign => {
                return Err(JsonError::Syntax);
            }
        }
        let exponent = if self.negative_exponent {
            self.shift.saturating_sub(self.exponent)
        } else {
            self.shift.saturating_add(self.exponent)
        };
        if self.digits == 0 || exponent < SAFE || in_range(self.digits, exponent) {
            return Ok(());
        }
        Err(JsonError::Number)
    }
}

/// Below this power no digits leave the range: 2⁶⁴ is less than 10²⁰.
const SAFE: i32 = 288;

/// Is `digits` · 10^`exponent` a finite float? The product of floats decides, which rounds twice: so does `serde_json`,
/// and nothing is that large by intent.
#[cold]
#[expect(clippy::cast_precision_loss, reason = "the nearest float is meant")]
fn in_range(digits: u64, exponent: i32) -> bool {
    let Ok(tens @ 0..=308) = u16::try_from(exponent) else { return false };
    let [hundreds, tens, ones] =
        [tens / 100, tens / 10 % 10, tens % 10].map(|digit| digit.to_le_bytes()[0] + b'0');
    let power = [b'1', b'e', hundreds, tens, ones];
    let power = std::str::from_utf8(&power).ok().and_then(|power| power.parse::<f64>().ok());
    power.is_some_and(|power| (digits as f64 * power).is_finite())
}
