//! The tokenizer: what may come next, what is open, and whether it is told.

use super::number::Number;
use super::quoted::{Quoted, plain};
use super::{JsonError, Sink, Want};
use crate::base::text::Text;

/// Objects and arrays that may be open at once; `serde_json` has the same bound.
const DEPTH_MAX: u8 = 127;

const KEY_BYTES: usize = 512;
const NUMBER_BYTES: usize = 64;

/// What became of the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// All of them were taken, and no value has ended.
    NeedMore,
    /// A value has ended, one that is in no other; so many bytes were taken. They are none when it is a number and
    /// the bytes only show its end.
    Value { used: usize },
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// A value of which the sink knows: that of a key, an element it was asked about, or one that is in no other.
    Value,
    /// An element that the sink is to be asked about.
    Element,
    /// The same, or the end of the array.
    FirstElement,
    Key,
    /// The same, or the end of the object.
    FirstKey,
    Colon,
    /// A comma, or the end of what is open.
    Comma,
    /// The rest of a key.
    KeyText,
    /// The rest of a string.
    StringText,
    /// The rest of a number.
    Number,
    /// The rest of `true`, `false` or `null`.
    Word(Word, &'static [u8]),
    /// Nothing ever.
    Failed(JsonError),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    True,
    False,
    Null,
}

/// Why [`Tokenizer::walk`] has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// The bytes are at their end.
    Bytes,
    /// What is told begins or ends.
    Turn,
    /// A value has ended that is in no other.
    Value,
}

/// `None` is to go on.
type Step = Result<Option<Stop>, JsonError>;

/// Takes JSON in any cuts and tells a [`Sink`] what it finds. Whatever is skipped is checked all the same.
pub struct Tokenizer {
    state: State,
    /// How many objects and arrays are open.
    depth: u8,
    /// What is open, the innermost in the lowest bit: 1 is an object.
    objects: u128,
    /// In what depth the value stands that is skipped.
    skipped: Option<u8>,
    quoted: Quoted,
    key: Text<KEY_BYTES>,
    number: Number,
    digits: Text<NUMBER_BYTES>,
    /// The key or the number is longer than its buffer.
    long: bool,
}

impl Tokenizer {
    pub const fn new() -> Self {
        Self {
            state: State::Value,
            depth: 0,
            objects: 0,
            skipped: None,
            quoted: Quoted::new(),
            key: Text::new(),
            number: Number::new(),
            digits: Text::new(),
            long: false,
        }
    }

    /// Forgets everything: the next byte begins a new text.
    pub fn reset(&mut self) {
        (self.state, self.depth, self.objects, self.skipped) = (State::Value, 0, 0, None);
    }

    /// Is no value open? White space aside, this is the state between the values of a stream.
    pub fn is_idle(&self) -> bool {
        self.state == State::Value && self.depth == 0
    }

    /// Takes bytes in any cut, up to the end of a value that is in no other; what is behind it is for the next call.
    /// After an error everything is refused until [`Tokenizer::reset`].
    pub fn feed(&mut self, bytes: &[u8], sink: &mut impl Sink) -> Result<Progress, JsonError> {
        let mut input = Input { bytes, at: 0 };
        loop {
            let stop = match self.skipped {
                None => self.walk::<true>(&mut input, sink),
                Some(_) => self.walk::<false>(&mut input, sink),
            };
            match stop {
                Ok(Stop::Turn) => {}
                Ok(Stop::Bytes) => return Ok(Progress::NeedMore),
                Ok(Stop::Value) => return Ok(Progress::Value { used: input.at }),
                Err(error) => return self.fail(error),
            }
        }
    }

    /// The text ends here. A number that is in no other value is whole by this: true. False is the end of a text
    /// without anything open, all else is an error.
    pub fn finish(&mut self, sink: &mut impl Sink) -> Result<bool, JsonError> {
        match self.state {
            State::Value if self.depth == 0 => return Ok(false),
            State::Number if self.depth == 0 => {}
            State::Failed(error) => return Err(error),
            _ => return self.fail(JsonError::Truncated),
        }
        if let Err(error) = self.number.end() {
            return self.fail(error);
        }
        sink.number(if self.long { b"" } else { self.digits.as_bytes() });
        self.state = State::Value;
        Ok(true)
    }

    fn fail<T>(&mut self, error: JsonError) -> Result<T, JsonError> {
        self.state = State::Failed(error);
        Err(error)
    }

    /// Goes through the bytes until there are no more of them, or until it matters to others.
    fn walk<const TOLD: bool>(
        &mut self,
        input: &mut Input<'_>,
        sink: &mut impl Sink,
    ) -> Result<Stop, JsonError> {
        loop {
            let stop = match self.state {
                State::KeyText => self.key_text::<TOLD>(input, sink)?,
                State::StringText => self.string_text::<TOLD>(input, sink)?,
                State::Number => self.number::<TOLD>(input, sink)?,
                State::Word(word, rest) => self.word::<TOLD>(word, rest, input, sink)?,
                State::Failed(error) => return Err(error),
                State::Value
                | State::Element
                | State::FirstElement
                | State::Key
                | State::FirstKey
                | State::Colon
                | State::Comma => {
                    let Some(byte) = input.next_mark() else { return Ok(Stop::Bytes) };
                    self.mark::<TOLD>(byte, input, sink)?
                }
            };
            if let Some(stop) = stop {
                return Ok(stop);
            }
        }
    }

    /// The first byte of something, which has just been taken.
    #[inline(always)]
    fn mark<const TOLD: bool>(&mut self, byte: u8, input: &mut Input<'_>, sink: &mut impl Sink) -> Step {
        match (self.state, byte) {
            (State::Key | State::FirstKey, b'"') => return self.key::<TOLD>(input, sink),
            (State::Colon, b':') => self.state = State::Value,
            (State::Comma, b',') => {
                self.state = if self.objects & 1 == 1 { State::Key } else { State::Element };
            }
            (State::Comma | State::FirstKey, b'}') | (State::Comma | State::FirstElement, b']') => {
                return self.close::<TOLD>(byte, sink);
            }
            (State::Element | State::FirstElement, _) => {
                if TOLD && sink.element() == Want::Skip {
                    input.at -= 1;
                    self.state = State::Value;
                    return Ok(Some(self.skip()));
                }
                return self.value::<TOLD>(byte, input, sink);
            }
            (State::Value, _) => return self.value::<TOLD>(byte, input, sink),
            _ => return Err(JsonError::Syntax),
        }
        Ok(None)
    }

    /// The value that comes next is skipped.
    fn skip(&mut self) -> Stop {
        self.skipped = Some(self.depth);
        Stop::Turn
    }

    #[inline(always)]
    fn value<const TOLD: bool>(&mut self, byte: u8, input: &mut Input<'_>, sink: &mut impl Sink) -> Step {
        match byte {
            b'"' => match input.whole() {
                Some(text) => {
                    if TOLD {
                        sink.string_part(text);
                        sink.string_end();
                    }
                    Ok(self.after_value::<TOLD>())
                }
                None => {
                    self.quoted = Quoted::new();
                    self.state = State::StringText;
                    Ok(None)
                }
            },
            b'{' | b'[' => self.open::<TOLD>(byte == b'{', sink),
            b't' => self.word::<TOLD>(Word::True, b"rue", input, sink),
            b'f' => self.word::<TOLD>(Word::False, b"alse", input, sink),
            b'n' => self.word::<TOLD>(Word::Null, b"ull", input, sink),
            b'-' | b'0'..=b'9' => {
                input.at -= 1;
                self.number = Number::new();
                self.digits.clear();
                self.long = false;
                self.number::<TOLD>(input, sink)
            }
            _ => Err(JsonError::Syntax),
        }
    }

    #[inline(always)]
    fn open<const TOLD: bool>(&mut self, object: bool, sink: &mut impl Sink) -> Step {
        if self.depth == DEPTH_MAX {
            return Err(JsonError::Depth);
        }
        self.depth += 1;
        self.objects = (self.objects << 1) | u128::from(object);
        self.state = if object { State::FirstKey } else { State::FirstElement };
        match object {
            true if TOLD => sink.begin_object(),
            false if TOLD => sink.begin_array(),
            _ => {}
        }
        Ok(None)
    }

    /// The brace or bracket closes what is open, if it is of the same kind.
    #[inline(always)]
    fn close<const TOLD: bool>(&mut self, byte: u8, sink: &mut impl Sink) -> Step {
        let object = self.objects & 1 == 1;
        if object != (byte == b'}') || self.depth == 0 {
            return Err(JsonError::Syntax);
        }
        self.depth -= 1;
        self.objects >>= 1;
        match object {
            true if TOLD => sink.end_object(),
            false if TOLD => sink.end_array(),
            _ => {}
        }
        Ok(self.after_value::<TOLD>())
    }

    #[inline(always)]
    fn after_value<const TOLD: bool>(&mut self) -> Option<Stop> {
        if self.depth == 0 {
            self.state = State::Value;
            return Some(Stop::Value);
        }
        self.state = State::Comma;
        if !TOLD && self.skipped == Some(self.depth) {
            self.skipped = None;
            return Some(Stop::Turn);
        }
        None
    }

    /// A key whose quote has just been read.
    #[inline(always)]
    fn key<const TOLD: bool>(&mut self, input: &mut Input<'_>, sink: &mut impl Sink) -> Step {
        let Some(key) = input.whole() else {
            self.quoted = Quoted::new();
            self.key.clear();
            self.long = false;
            self.state = State::KeyText;
            return Ok(None);
        };
        self.state = State::Colon;
        Ok(match key.len() <= KEY_BYTES {
            true if TOLD => self.wanted(sink.key(key, false)),
            false if TOLD => self.wanted(sink.key(b"", true)),
            _ => None,
        })
    }

    fn wanted(&mut self, want: Want) -> Option<Stop> {
        match want {
            Want::Take => None,
            Want::Skip => Some(self.skip()),
        }
    }

    fn key_text<const TOLD: bool>(&mut self, input: &mut Input<'_>, sink: &mut impl Sink) -> Step {
        let (key, long) = (&mut self.key, &mut self.long);
        let ended = self.quoted.read(input.rest(), |piece| {
            if TOLD {
                *long |= key.push(piece).is_err();
            }
        })?;
        let Some(used) = ended else { return Ok(Some(Stop::Bytes)) };
        input.at += used;
        self.state = State::Colon;
        Ok(match self.long {
            false if TOLD => {
                let want = sink.key(self.key.as_bytes(), false);
                self.wanted(want)
            }
            true if TOLD => self.wanted(sink.key(b"", true)),
            _ => None,
        })
    }

    fn string_text<const TOLD: bool>(&mut self, input: &mut Input<'_>, sink: &mut impl Sink) -> Step {
        let ended = self.quoted.read(input.rest(), |piece| {
            if TOLD {
                sink.string_part(piece);
            }
        })?;
        let Some(used) = ended else { return Ok(Some(Stop::Bytes)) };
        input.at += used;
        if TOLD {
            sink.string_end();
        }
        Ok(self.after_value::<TOLD>())
    }

    /// Reads on in a number, or begins one. What ends it is no part of it.
    fn number<const TOLD: bool>(&mut self, input: &mut Input<'_>, sink: &mut impl Sink) -> Step {
        let rest = input.rest();
        let used = self.number.read(rest)?;
        let (text, behind) = rest.split_at(used);
        input.at += used;
        if behind.is_empty() {
            self.state = State::Number;
            self.long |= self.digits.push(text).is_err();
            return Ok(Some(Stop::Bytes));
        }
        self.number.end()?;
        if TOLD {
            // One that is whole in the bytes is told from there.
            let text = if self.digits.is_empty() && text.len() <= NUMBER_BYTES {
                text
            } else {
                self.long |= self.digits.push(text).is_err();
                self.digits.as_bytes()
            };
            sink.number(if self.long { b"" } else { text });
        }
        Ok(self.after_value::<TOLD>())
    }

    /// The letters of a word that are still to come.
    fn word<const TOLD: bool>(
        &mut self,
        word: Word,
        letters: &'static [u8],
        input: &mut Input<'_>,
        sink: &mut impl Sink,
    ) -> Step {
        let rest = input.rest();
        let (now, later) = letters.split_at(letters.len().min(rest.len()));
        if !rest.starts_with(now) {
            return Err(JsonError::Syntax);
        }
        input.at += now.len();
        if !later.is_empty() {
            self.state = State::Word(word, later);
            return Ok(Some(Stop::Bytes));
        }
        match word {
            Word::Null if TOLD => sink.null(),
            Word::True | Word::False if TOLD => sink.boolean(word == Word::True),
            _ => {}
        }
        Ok(self.after_value::<TOLD>())
    }
}

impl Default for Tokenizer {
    fn default() -> Self {
        Self::new()
    }
}

/// The bytes that are fed, and how many of them were taken.
struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Input<'a> {
    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or(b"")
    }

    /// Takes the next byte that is not white space.
    #[inline(always)]
    fn next_mark(&mut self) -> Option<u8> {
        loop {
            let byte = *self.bytes.get(self.at)?;
            self.at += 1;
            if !matches!(byte, b' ' | b'\n' | b'\t' | b'\r') {
                return Some(byte);
            }
        }
    }

    /// Takes a string and its closing quote, if it ends within the bytes and is ASCII without escapes.
    #[inline(always)]
    fn whole(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest();
        let length = plain(rest);
        if rest.get(length) != Some(&b'"') {
            return None;
        }
        self.at += length + 1;
        rest.get(..length)
    }
}
