//! A sink that builds what it is told, and `serde_json` beside it.

use crate::json::*;
use serde_json::{Map, Value};

/// Builds the value that is told. `picky` skips some of it.
#[derive(Default)]
pub(super) struct Builder {
    picky: bool,
    open: Vec<(String, Value)>,
    key: String,
    text: Vec<u8>,
    pub values: Vec<Value>,
    /// How many elements of each open array the sink was asked about.
    asked: Vec<usize>,
}

/// What a picky builder skips, and what is left out of the oracle's value for it.
pub(super) fn skips_key(key: &str) -> bool {
    key.len() % 3 == 1
}

pub(super) fn skips_element(index: usize) -> bool {
    index % 3 == 1
}

impl Builder {
    pub fn new(picky: bool) -> Self {
        Self { picky, ..Self::default() }
    }

    fn put(&mut self, value: Value) {
        let key = std::mem::take(&mut self.key);
        match self.open.last_mut() {
            Some((_, Value::Object(object))) => drop(object.insert(key, value)),
            Some((_, Value::Array(array))) => array.push(value),
            _ => self.values.push(value),
        }
    }

    fn open(&mut self, value: Value) {
        self.open.push((std::mem::take(&mut self.key), value));
        self.asked.push(0);
    }

    fn close(&mut self) {
        let (key, value) = self.open.pop().unwrap();
        self.asked.pop();
        self.key = key;
        self.put(value);
    }

    fn want(&self, skip: bool) -> Want {
        if self.picky && skip { Want::Skip } else { Want::Take }
    }
}

impl Sink for Builder {
    fn key(&mut self, key: &[u8], long: bool) -> Want {
        assert!(!long || key.is_empty());
        self.key = if long { "long".into() } else { String::from_utf8(key.to_vec()).unwrap() };
        self.want(skips_key(&self.key))
    }

    fn element(&mut self) -> Want {
        let asked = self.asked.last_mut().unwrap();
        *asked += 1;
        let index = *asked - 1;
        self.want(skips_element(index))
    }

    fn begin_object(&mut self) {
        self.open(Value::Object(Map::new()));
    }

    fn end_object(&mut self) {
        assert!(self.open.last().unwrap().1.is_object());
        self.close();
    }

    fn begin_array(&mut self) {
        self.open(Value::Array(Vec::new()));
    }

    fn end_array(&mut self) {
        assert!(self.open.last().unwrap().1.is_array());
        self.close();
    }

    fn string_part(&mut self, piece: &[u8]) {
        self.text.extend_from_slice(piece);
    }

    fn string_end(&mut self) {
        let text = String::from_utf8(std::mem::take(&mut self.text)).unwrap();
        self.put(Value::String(text));
    }

    fn number(&mut self, text: &[u8]) {
        let text = if text.is_empty() { b"\"long\"" } else { text };
        self.put(serde_json::from_slice(text).unwrap());
    }

    fn boolean(&mut self, value: bool) {
        self.put(Value::Bool(value));
    }

    fn null(&mut self) {
        self.put(Value::Null);
    }
}

/// Skips whatever it can.
pub(super) struct Nothing;

impl Sink for Nothing {
    fn key(&mut self, _: &[u8], _: bool) -> Want {
        Want::Skip
    }

    fn element(&mut self) -> Want {
        Want::Skip
    }

    fn begin_object(&mut self) {}
    fn end_object(&mut self) {}
    fn begin_array(&mut self) {}
    fn end_array(&mut self) {}
    fn string_part(&mut self, _: &[u8]) {}
    fn string_end(&mut self) {}
    fn number(&mut self, _: &[u8]) {}
    fn boolean(&mut self, _: bool) {}
    fn null(&mut self) {}
}

/// Feeds a text in pieces; how many values it holds.
#[expect(clippy::panic_in_result_fn, reason = "a helper of tests")]
pub(super) fn feed<'a>(
    tokenizer: &mut Tokenizer,
    pieces: impl IntoIterator<Item = &'a [u8]>,
    sink: &mut impl Sink,
) -> Result<usize, JsonError> {
    let mut values = 0;
    for mut piece in pieces {
        while let Progress::Value { used } = tokenizer.feed(piece, sink)? {
            assert!(tokenizer.is_idle());
            assert!(used <= piece.len());
            values += 1;
            piece = &piece[used..];
        }
    }
    values += usize::from(tokenizer.finish(sink)?);
    assert!(tokenizer.is_idle());
    Ok(values)
}

/// The values of a text; an error if they are not as many as `serde_json` would take for one text.
pub(super) fn single<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
    sink: &mut impl Sink,
) -> Result<(), JsonError> {
    match feed(&mut Tokenizer::new(), pieces, sink)? {
        1 => Ok(()),
        _ => Err(JsonError::Syntax),
    }
}

#[expect(clippy::panic_in_result_fn, reason = "a helper of tests")]
pub(super) fn built(pieces: &[&[u8]], picky: bool) -> Result<Value, JsonError> {
    let mut builder = Builder::new(picky);
    single(pieces.iter().copied(), &mut builder)?;
    assert!(builder.open.is_empty());
    Ok(builder.values.pop().unwrap())
}

/// The oracle's value without what a picky builder skips.
pub(super) fn left(value: Value) -> Value {
    match value {
        Value::Object(object) => {
            let kept = object.into_iter().filter(|(key, _)| !skips_key(key));
            Value::Object(kept.map(|(key, value)| (key, left(value))).collect())
        }
        Value::Array(array) => {
            let kept = array.into_iter().enumerate().filter(|(index, _)| !skips_element(*index));
            Value::Array(kept.map(|(_, value)| left(value)).collect())
        }
        other => other,
    }
}

/// Compares with the oracle: taken, in parts, and skipped. Returns whether the text is JSON.
pub(super) fn same(pieces: &[&[u8]]) -> bool {
    let text = pieces.concat();
    let shown = String::from_utf8_lossy(&text[..text.len().min(2000)]);
    let oracle = serde_json::from_slice::<Value>(&text).ok();
    assert_eq!(single(pieces.iter().copied(), &mut Nothing).is_ok(), oracle.is_some(), "skipped {shown}");
    assert_eq!(built(pieces, false).ok(), oracle, "{shown}");
    let json = oracle.is_some();
    assert_eq!(built(pieces, true).ok(), oracle.map(left), "picky {shown}");
    json
}

/// Cuts a text at places that the numbers name.
pub(super) fn cut<'a>(text: &'a [u8], places: &[usize]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = places.iter().map(|place| place % (text.len() + 1)).collect();
    places.sort_unstable();
    let ends = places.iter().copied().chain([text.len()]);
    let starts = [0].into_iter().chain(places.iter().copied());
    starts.zip(ends).map(|(start, end)| &text[start..end]).collect()
}
