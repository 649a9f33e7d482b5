//! The JSON tokenizer beside `serde_json`.

use serde_json::{Map, Value};
use trimeter::json::{Progress, Sink, Tokenizer, Want};

/// In any cuts, and whether it is told or skipped, a text is JSON or not, and has the same value. The first byte says
/// how it is cut.
pub fn json(bytes: &[u8]) {
    let Some((salt, bytes)) = bytes.split_first() else { return };
    let oracle = serde_json::from_slice::<Value>(bytes).ok();
    let cuts: Vec<&[u8]> =
        bytes.chunk_by(|one, next| one.wrapping_mul(*salt).wrapping_add(*next) % 7 > 0).collect();
    for pieces in [vec![bytes], cuts, bytes.chunks(1).collect()] {
        let mut built = Built::default();
        assert_eq!(single(&pieces, &mut built), oracle.is_some());
        assert_eq!(single(&pieces, &mut Built { skips: true, ..Built::default() }), oracle.is_some());
        if !built.long {
            assert!(oracle.is_none() || built.value == oracle);
        }
    }
}

/// Is it one value, and nothing else?
fn single(pieces: &[&[u8]], sink: &mut Built) -> bool {
    let mut tokenizer = Tokenizer::new();
    let mut values = 0;
    for mut piece in pieces.iter().copied() {
        loop {
            match tokenizer.feed(piece, sink) {
                Ok(Progress::NeedMore) => break,
                Ok(Progress::Value { used }) => {
                    values += 1;
                    piece = &piece[used..];
                }
                Err(error) => {
                    assert_eq!(tokenizer.feed(b"[]", sink), Err(error));
                    return false;
                }
            }
        }
    }
    values += u32::from(tokenizer.finish(sink) == Ok(true));
    values == 1 && tokenizer.is_idle()
}

/// Builds the value that it is told.
#[derive(Default)]
struct Built {
    skips: bool,
    /// Something was too long to be told.
    long: bool,
    open: Vec<(String, Value)>,
    key: String,
    text: Vec<u8>,
    value: Option<Value>,
}

impl Built {
    fn want(&self) -> Want {
        if self.skips { Want::Skip } else { Want::Take }
    }

    fn put(&mut self, value: Value) {
        let key = std::mem::take(&mut self.key);
        match self.open.last_mut() {
            Some((_, Value::Object(object))) => drop(object.insert(key, value)),
            Some((_, Value::Array(array))) => array.push(value),
            _ => self.value = Some(value),
        }
    }

    fn close(&mut self) {
        let (key, value) = self.open.pop().unwrap();
        self.key = key;
        self.put(value);
    }
}

impl Sink for Built {
    fn key(&mut self, key: &[u8], long: bool) -> Want {
        self.long |= long;
        self.key = String::from_utf8(key.to_vec()).unwrap();
        self.want()
    }

    fn element(&mut self) -> Want {
        self.want()
    }

    fn begin_object(&mut self) {
        self.open.push((std::mem::take(&mut self.key), Value::Object(Map::new())));
    }

    fn end_object(&mut self) {
        assert!(self.open.last().unwrap().1.is_object());
        self.close();
    }

    fn begin_array(&mut self) {
        self.open.push((std::mem::take(&mut self.key), Value::Array(Vec::new())));
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
        self.long |= text.is_empty();
        self.put(serde_json::from_slice(text).unwrap_or(Value::Null));
    }

    fn boolean(&mut self, value: bool) {
        self.put(Value::Bool(value));
    }

    fn null(&mut self) {
        self.put(Value::Null);
    }
}
