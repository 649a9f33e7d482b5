//! Strings between their quotes: where they end, escapes, control characters and UTF-8.

use super::JsonError;

/// What a backslash has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Escape {
    None,
    /// The backslash itself.
    Begun,
    /// `\u` and some of its digits. `high` is the first half of a pair, or 0.
    Hex {
        high: u16,
        value: u16,
        digits: u8,
    },
    /// The first half of a pair; the other one must follow.
    Half {
        high: u16,
    },
    /// The same, and a backslash.
    HalfBegun {
        high: u16,
    },
}

/// The inside of a string that is read in pieces.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quoted {
    escape: Escape,
    /// The bytes of a character that is not whole yet.
    carry: [u8; 4],
    /// INVARIANT: less than 4, for a character has at most 4 bytes.
    carried: usize,
}

impl Quoted {
    pub const fn new() -> Self {
        Self { escape: Escape::None, carry: [0; 4], carried: 0 }
    }

    /// Reads on, and tells the pieces unescaped. Returns how many bytes were taken if the string has ended, with its
    /// closing quote.
    pub fn read(&mut self, bytes: &[u8], mut tell: impl FnMut(&[u8])) -> Result<Option<usize>, JsonError> {
        let mut rest = bytes;
        while let Some((&byte, behind)) = rest.split_first() {
            if self.carried > 0 {
                self.carry(byte)?;
                tell(&[byte]);
                rest = behind;
                continue;
            }
            if self.escape != Escape::None {
                if let Some(letter) = self.unescape(byte)? {
                    tell(letter.encode_utf8(&mut [0; 4]).as_bytes());
                }
                rest = behind;
                continue;
            }
            let (piece, behind) = rest.split_at(run(rest));
            self.check(piece)?;
            if !piece.is_empty() {
                tell(piece);
            }
            let Some((&byte, behind)) = behind.split_first() else { break };
            match byte {
                _ if self.carried > 0 => return Err(JsonError::Utf8),
                b'"' => return Ok(Some(bytes.len() - behind.len())),
                b'\\' => self.escape = Escape::Begun,
                _ => return Err(JsonError::Control),
            }
            rest = behind;
        }
        Ok(None)
    }

    /// Is the piece UTF-8? The beginning of a character at its end is kept.
    fn check(&mut self, piece: &[u8]) -> Result<(), JsonError> {
        let Err(error) = std::str::from_utf8(piece) else { return Ok(()) };
        let cut = piece.get(error.valid_up_to()..).unwrap_or(b"");
        match (error.error_len(), self.carry.get_mut(..cut.len())) {
            (None, Some(kept)) => {
                kept.copy_from_slice(cut);
                self.carried = cut.len();
                Ok(())
            }
            _ => Err(JsonError::Utf8),
        }
    }

    /// A byte that must continue the character which the piece before has begun.
    fn carry(&mut self, byte: u8) -> Result<(), JsonError> {
        let used = self.carried + 1;
        if let Some(place) = self.carry.get_mut(self.carried) {
            *place = byte;
        }
        match std::str::from_utf8(self.carry.get(..used).unwrap_or(b"")) {
            Ok(_) => self.carried = 0,
            Err(error) if error.error_len().is_none() => self.carried = used,
            Err(_) => return Err(JsonError::Utf8),
        }
        Ok(())
    }

    /// A byte of an escape; its character once it is whole.
    fn unescape(&mut self, byte: u8) -> Result<Option<char>, JsonError> {
        let (next, letter) = match (self.escape, byte) {
            (Escape::Begun, b'"' | b'\\' | b'/') => (Escape::None, Some(char::from(byte))),
            (Escape::Begun, b'n') => (Escape::None, Some('\n')),
            (Escape::Begun, b't') => (Escape::None, Some('\t')),
            (Escape::Begun, b'r') => (Escape::None, Some('\r')),
            (Escape::Begun, b'b') => (Escape::None, Some('\u{8}')),
            (Escape::Begun, b'f') => (Escape::None, Some('\u{c}')),
            (Escape::Begun, b'u') => (Escape::Hex { high: 0, value: 0, digits: 0 }, None),
            (Escape::Hex { high, value, digits }, _) => {
                let digit = char::from(byte).to_digit(16).and_then(|digit| u16::try_from(digit).ok());
                let value = (value << 4) | digit.ok_or(JsonError::Escape)?;
                if digits < 3 {
                    (Escape::Hex { high, value, digits: digits + 1 }, None)
                } else if high == 0 && matches!(value, 0xd800..=0xdbff) {
                    (Escape::Half { high: value }, None)
                } else {
                    (Escape::None, Some(character(high, value).ok_or(JsonError::Escape)?))
                }
            }
            (Escape::Half { high }, b'\\') => (Escape::HalfBegun { high }, None),
            (Escape::HalfBegun { high }, b'u') => (Escape::Hex { high, value: 0, digits: 0 }, None),
            _ => return Err(JsonError::Escape),
        };
        self.escape = next;
        Ok(letter)
    }
}

/// The character of one unit of UTF-16, or of two; none if they are halves that do not belong together.
fn character(high: u16, value: u16) -> Option<char> {
    let units = [high, value];
    let units = if high == 0 { &units[1..] } else { &units };
    char::decode_utf16(units.iter().copied()).next().and_then(Result::ok)
}

/// How many bytes there are before the first quote, backslash or control character.
fn run(bytes: &[u8]) -> usize {
    scan(bytes, 0)
}

/// The same, but also before the first byte that is not ASCII.
pub(super) fn plain(bytes: &[u8]) -> usize {
    scan(bytes, HIGH)
}

const ONES: u64 = u64::MAX / 255;
const HIGH: u64 = ONES << 7;

/// Eight bytes at a time. A byte is found by a borrow into its highest bit, which may go on into the bytes behind it but
/// never before it: so the first one found is right. `also` are highest bits that are found as they are.
#[inline(always)]
fn scan(bytes: &[u8], also: u64) -> usize {
    let (words, tail) = bytes.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let found = stops(u64::from_le_bytes(*word), also);
        if found != 0 {
            return at * 8 + first(found);
        }
    }
    let mut word = [0; 8];
    word.iter_mut().zip(tail).for_each(|(to, from)| *to = *from);
    // Zeros behind the tail are control characters, and stop it.
    let found = stops(u64::from_le_bytes(word), also);
    bytes.len() - tail.len() + first(found)
}

#[inline(always)]
const fn stops(word: u64, also: u64) -> u64 {
    let quote = word ^ (ONES * b'"' as u64);
    let backslash = word ^ (ONES * b'\\' as u64);
    let quote = quote.wrapping_sub(ONES) & !quote;
    let backslash = backslash.wrapping_sub(ONES) & !backslash;
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    ((quote | backslash | control) & HIGH) | (word & also)
}

/// The number of the first byte whose highest bit is set.
#[inline(always)]
const fn first(found: u64) -> usize {
    (found.trailing_zeros() / 8) as usize
}
