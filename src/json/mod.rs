//! JSON as it comes over the wire: a push tokenizer that takes bytes in any cuts and holds fixed memory.

mod number;
mod quoted;
#[cfg(test)]
mod tests;
mod tokenizer;

pub use tokenizer::{Progress, Tokenizer};

use crate::counted_errors;

counted_errors! {
    /// Why a text is no JSON, or none that we take. What is refused is what `serde_json` refuses.
    pub enum JsonError {
        /// Something stands where it must not.
        Syntax = "syntax",
        /// A number that no float is large enough for.
        Number = "number",
        /// More than 127 objects and arrays are open.
        Depth = "depth",
        /// A string that is not UTF-8.
        Utf8 = "utf8",
        /// A backslash before the wrong letter, or half of a pair of surrogates.
        Escape = "escape",
        /// A control character in a string, where it must be written as an escape.
        Control = "control",
        /// The text ends within a value.
        Truncated = "truncated",
    }
}

/// What is to be done with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// It is checked, and nothing of it is told.
    Skip,
    Take,
}

/// Who is told what the tokenizer finds. Of a value that is skipped nothing is told, not even its end.
pub trait Sink {
    /// A key of the open object, unescaped: the next value is its. One that is longer than the tokenizer's buffer is
    /// told as an empty text and `long`.
    fn key(&mut self, key: &[u8], long: bool) -> Want;

    /// The next value is an element of the open array.
    fn element(&mut self) -> Want;

    fn begin_object(&mut self);

    fn end_object(&mut self);

    fn begin_array(&mut self);

    fn end_array(&mut self);

    /// A piece of a string, unescaped. Pieces together are UTF-8; one alone may be cut within a character.
    fn string_part(&mut self, piece: &[u8]);

    fn string_end(&mut self);

    /// A number as it is written. One that is longer than the tokenizer's buffer is told as an empty text.
    fn number(&mut self, text: &[u8]);

    fn boolean(&mut self, value: bool);

    fn null(&mut self);
}
