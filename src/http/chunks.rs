//! The chunked coding of a body, decoded where the bytes lie. Pure; takes any cuts; fuzzed.

use crate::counted_errors;
use std::ops::Range;

/// No line of the framing is longer: a size with its extensions, or one trailer.
pub const LINE_BYTES: u32 = 4 * 1024;

/// No body has more trailers.
pub const TRAILERS_MAX: u32 = 64;

counted_errors! {
    /// Why a body cannot be decoded any further.
    pub enum ChunkError {
        /// Not the chunked coding, or a size over 64 bits.
        Malformed = "malformed",
        /// A line is longer than [`LINE_BYTES`], or there are more than [`TRAILERS_MAX`] trailers.
        TooLong = "too_long",
    }
}

/// What the front of the bytes is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Bytes of the body are here, never none; the next piece begins where they end.
    Data(Range<usize>),
    /// All of it was framing, and more is to come.
    Framing,
    /// The body has ended, and what follows begins here.
    End(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before the first digit of a size.
    SizeStart,
    Size,
    Extension,
    SizeEnd,
    Data,
    DataReturn,
    DataEnd,
    /// At the start of a trailer or of the empty line after the last.
    TrailerStart,
    Trailer,
    TrailerEnd,
    LastEnd,
    Done,
    Failed(ChunkError),
}

/// The decoder. Holds no bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunks {
    state: State,
    /// The size that is being read, then what is left of the chunk.
    left: u64,
    /// Bytes of the line so far.
    line: u32,
    trailers: u32,
}

impl Chunks {
    /// At the start of a body.
    pub const fn new() -> Self {
        Chunks { state: State::SizeStart, left: 0, line: 0, trailers: 0 }
    }

    /// Takes framing and at most one run of data from the front of the bytes. After an error, only errors.
    pub fn next(&mut self, bytes: &[u8]) -> Result<Piece, ChunkError> {
        for (at, byte) in bytes.iter().enumerate() {
            match self.state {
                State::Data => return Ok(self.data(at, bytes.len())),
                State::Done => return Ok(Piece::End(at)),
                State::Failed(error) => return Err(error),
                _ => {
                    let next = self.framing(*byte);
                    self.state = next.unwrap_or_else(State::Failed);
                    next?;
                }
            }
        }
        Ok(if self.state == State::Done { Piece::End(bytes.len()) } else { Piece::Framing })
    }

    /// The run of data that begins at `at`, which is before `end`.
    fn data(&mut self, at: usize, end: usize) -> Piece {
        let here = end - at;
        let taken = usize::try_from(self.left).map_or(here, |left| left.min(here));
        self.left -= taken as u64;
        if self.left == 0 {
            self.state = State::DataReturn;
        }
        Piece::Data(at..at + taken)
    }

    /// The state after one byte of framing.
    fn framing(&mut self, byte: u8) -> Result<State, ChunkError> {
        match (self.state, byte) {
            (State::SizeStart | State::Size, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                self.count_line()?;
                self.digit(byte)?;
                Ok(State::Size)
            }
            (State::Size, b';' | b' ' | b'\t') => self.in_line(State::Extension),
            (State::Size | State::Extension, b'\r') => Ok(State::SizeEnd),
            (State::Extension, byte) if byte != b'\n' => self.in_line(State::Extension),
            (State::SizeEnd, b'\n') => {
                self.line = 0;
                Ok(if self.left == 0 { State::TrailerStart } else { State::Data })
            }
            (State::DataReturn, b'\r') => Ok(State::DataEnd),
            (State::DataEnd, b'\n') => Ok(State::SizeStart),
            (State::TrailerStart, b'\r') => Ok(State::LastEnd),
            (State::TrailerStart, byte) if byte != b'\n' => {
                if self.trailers == TRAILERS_MAX {
                    return Err(ChunkError::TooLong);
                }
                self.trailers += 1;
                self.in_line(State::Trailer)
            }
            (State::Trailer, b'\r') => Ok(State::TrailerEnd),
            (State::Trailer, byte) if byte != b'\n' => self.in_line(State::Trailer),
            (State::TrailerEnd, b'\n') => {
                self.line = 0;
                Ok(State::TrailerStart)
            }
            (State::LastEnd, b'\n') => Ok(State::Done),
            _ => Err(ChunkError::Malformed),
        }
    }

    fn in_line(&mut self, next: State) -> Result<State, ChunkError> {
        self.count_line()?;
        Ok(next)
    }

    fn count_line(&mut self) -> Result<(), ChunkError> {
        if self.line == LINE_BYTES {
            return Err(ChunkError::TooLong);
        }
        self.line += 1;
        Ok(())
    }

    fn digit(&mut self, byte: u8) -> Result<(), ChunkError> {
        let value = u64::from((byte as char).to_digit(16).unwrap_or(0));
        self.left = self.left.checked_mul(16).ok_or(ChunkError::Malformed)? | value;
        Ok(())
    }
}

impl Default for Chunks {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
