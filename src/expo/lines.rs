//! The samples of one object and family as lines: whole lines only, going on where the page before ended.

use super::number::{self, NUMBER_BYTES};
use super::render::Page;
use crate::base::text::Text;
use crate::records::Rows;
use crate::records::field::{Item, Label};
use crate::text::quantity::Quantity;

/// Longest text of the labels that every series of an object has.
const IDENTITY_BYTES: usize = 2048;

/// Room for those labels.
pub type IdentityText = Text<IDENTITY_BYTES>;

/// The value of a label.
#[derive(Clone, Copy)]
pub enum Value<'a> {
    /// Escaped as it is kept.
    Text(&'a [u8]),
    /// Two texts with a dash between them.
    Dashed(&'a [u8], &'a [u8]),
    /// Texts with commas between them.
    Commas(Rows<'a, Item<'static>>),
    Int(i64),
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(text: &'a [u8]) -> Self {
        Value::Text(text)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Value::Text(text.as_bytes())
    }
}

/// What is absent is empty.
impl<'a> From<Option<&'a [u8]>> for Value<'a> {
    fn from(text: Option<&'a [u8]>) -> Self {
        Value::Text(text.unwrap_or_default())
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Value::Text(if value { b"true" } else { b"false" })
    }
}

/// What is absent is empty.
impl From<Option<bool>> for Value<'_> {
    fn from(value: Option<bool>) -> Self {
        value.map_or(Value::Text(b""), Value::from)
    }
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Value::Int(value)
    }
}

/// What is absent is empty.
impl From<Option<i64>> for Value<'_> {
    fn from(value: Option<i64>) -> Self {
        value.map_or(Value::Text(b""), Value::Int)
    }
}

/// The number of a sample.
#[derive(Clone, Copy, Debug)]
pub enum Number {
    Int(i64),
    Float(f64),
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Number::Int(value)
    }
}

impl From<u32> for Number {
    fn from(value: u32) -> Self {
        Number::Int(value.into())
    }
}

impl From<f64> for Number {
    fn from(value: f64) -> Self {
        Number::Float(value)
    }
}

/// 1 or 0.
impl From<bool> for Number {
    fn from(value: bool) -> Self {
        Number::Int(value.into())
    }
}

/// By the rule for cores: thousandths, rounded away from zero.
impl From<Quantity> for Number {
    fn from(value: Quantity) -> Self {
        Number::Float(value.milli_rule())
    }
}

/// The labels that every series of an object has.
pub struct Identity<'a> {
    text: &'a mut IdentityText,
    fits: bool,
}

impl<'a> Identity<'a> {
    /// Begins anew.
    pub fn new(text: &'a mut IdentityText) -> Self {
        text.clear();
        Identity { text, fits: true }
    }

    /// Had all labels room?
    pub const fn fits(&self) -> bool {
        self.fits
    }

    pub fn label<'v>(&mut self, name: &str, value: impl Into<Value<'v>>) {
        let before = self.text.len();
        let comma: &[u8] = if before == 0 { b"" } else { b"," };
        let text = &mut *self.text;
        let fits = push_label(comma, name, value.into(), |piece| text.push(piece).ok()).is_some();
        if !fits {
            text.truncate(before);
        }
        self.fits &= fits;
    }
}

/// Writes samples of one object and family.
pub struct Lines<'page, 'bytes> {
    page: &'page mut Page<'bytes>,
    family: &'page [u8],
    identity: &'page [u8],
    /// Lines that the page before has.
    skip: u32,
    /// Lines of this object and family so far, those that were skipped too.
    done: u32,
    /// The page had no room for a line; no more are written.
    full: bool,
    /// Lines that no page has room for.
    refused: u32,
    /// The kind's lists of allowed labels and annotations are not empty.
    allows: Allows,
}

/// Which families of labels a kind serves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allows {
    pub labels: bool,
    pub annotations: bool,
}

/// What became of an object's lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Lines that are written, on pages before too.
    pub done: u32,
    /// There are more, for the next page.
    pub full: bool,
    pub refused: u32,
}

impl<'page, 'bytes> Lines<'page, 'bytes> {
    /// Lines of `family` for an object of which earlier pages have `skip`.
    pub fn new(
        page: &'page mut Page<'bytes>,
        family: &'page str,
        allows: Allows,
        skip: u32,
        identity: &'page IdentityText,
    ) -> Self {
        let (family, identity) = (family.as_bytes(), identity.as_bytes());
        Lines { page, family, identity, skip, done: 0, full: false, refused: 0, allows }
    }

    pub fn outcome(self) -> Outcome {
        Outcome { done: self.done, full: self.full, refused: self.refused }
    }

    /// A sample with the labels that every series of the object has, and no others.
    pub fn value(&mut self, number: impl Into<Number>) {
        self.sample(&[], number);
    }

    /// The same, if there is a number.
    pub fn maybe(&mut self, number: Option<impl Into<Number>>) {
        if let Some(number) = number {
            self.value(number);
        }
    }

    /// A number that is 0 where it is absent.
    pub fn or_zero(&mut self, number: Option<i64>) {
        self.value(number.unwrap_or(0));
    }

    /// 1 if it is true, else 0.
    pub fn flag(&mut self, flag: Option<bool>) {
        self.value(flag == Some(true));
    }

    /// A sample of value 1 with these labels.
    pub fn info(&mut self, labels: &[(&str, Value<'_>)]) {
        self.sample(labels, 1_i64);
    }

    /// A sample with these labels behind those that every series of the object has.
    pub fn sample(&mut self, labels: &[(&str, Value<'_>)], number: impl Into<Number>) {
        self.line(labels, None, number.into());
    }

    /// A sample for each of the states, 1 for that which is the present one; none where it is absent or empty.
    pub fn one_of(&mut self, label: &str, states: &[&str], present: Option<&[u8]>) {
        let Some(present) = present.filter(|present| !present.is_empty()) else { return };
        for state in states {
            self.sample(&[(label, (*state).into())], present == state.as_bytes());
        }
    }

    /// The three samples of a condition: `true`, `false` and `unknown` in `label`, with these labels before it.
    pub fn condition(&mut self, before: &[(&str, Value<'_>)], label: &str, status: Option<&[u8]>) {
        const STATES: [(&str, &[u8]); 3] = [("true", b"True"), ("false", b"False"), ("unknown", b"Unknown")];
        let mut labels = [("", Value::Text(b"")); 4];
        let count = before.len().min(3);
        labels[..count].copy_from_slice(&before[..count]);
        for (state, word) in STATES {
            labels[count] = (label, state.into());
            self.sample(&labels[..=count], status == Some(word));
        }
    }

    /// A sample of value 1 with labels that the object has itself.
    pub fn labelled(&mut self, labels: Rows<'_, Label<'static>>) {
        self.line(&[], Some(labels), Number::Int(1));
    }

    /// The same with the labels that `--metric-labels-allowlist` allows; nothing when it allows none for the kind.
    pub fn allowed_labels(&mut self, labels: Rows<'_, Label<'static>>) {
        if self.allows.labels {
            self.labelled(labels);
        }
    }

    /// The same for `--metric-annotations-allowlist`.
    pub fn allowed_annotations(&mut self, annotations: Rows<'_, Label<'static>>) {
        if self.allows.annotations {
            self.labelled(annotations);
        }
    }

    fn line(&mut self, labels: &[(&str, Value<'_>)], own: Option<Rows<'_, Label<'static>>>, value: Number) {
        if self.full {
            return;
        }
        if self.done < self.skip {
            self.done += 1;
            return;
        }
        let start = self.page.used();
        if self.try_line(labels, own, value).is_some() {
            self.done += 1;
            return;
        }
        self.page.cut(start);
        if start == 0 {
            // An empty page has not enough room: no other has.
            self.refused += 1;
            self.done += 1;
        } else {
            self.full = true;
        }
    }

    fn try_line(
        &mut self,
        labels: &[(&str, Value<'_>)],
        own: Option<Rows<'_, Label<'static>>>,
        value: Number,
    ) -> Option<()> {
        let page = &mut *self.page;
        page.try_push(self.family)?;
        let mut before: &[u8] = b"{";
        if !self.identity.is_empty() {
            page.try_push(b"{")?;
            page.try_push(self.identity)?;
            before = b",";
        }
        for (name, value) in labels {
            push_label(before, name, *value, |piece| page.try_push(piece))?;
            before = b",";
        }
        for label in own.into_iter().flatten() {
            page.try_push(before)?;
            page.try_push(label.name().unwrap_or_default())?;
            page.try_push(b"=\"")?;
            page.try_push(label.value().unwrap_or_default())?;
            page.try_push(b"\"")?;
            before = b",";
        }
        page.try_push(if before == b"," { b"} " } else { b" " })?;
        let mut digits = [0; NUMBER_BYTES];
        let length = match value {
            Number::Int(value) => number::signed(&mut digits, value),
            Number::Float(value) => number::float(&mut digits, value),
        };
        page.try_push(&digits[..length])?;
        page.try_push(b"\n")
    }
}

/// Writes a label, with what is before it.
fn push_label(
    before: &[u8],
    name: &str,
    value: Value<'_>,
    mut push: impl FnMut(&[u8]) -> Option<()>,
) -> Option<()> {
    push(before)?;
    push(name.as_bytes())?;
    push(b"=\"")?;
    match value {
        Value::Text(text) => push(text)?,
        Value::Dashed(first, second) => {
            push(first)?;
            push(b"-")?;
            push(second)?;
        }
        Value::Commas(items) => {
            for (index, item) in items.iter().enumerate() {
                push(if index == 0 { b"" } else { b"," })?;
                push(item.text().unwrap_or_default())?;
            }
        }
        Value::Int(value) => {
            let mut digits = [0; NUMBER_BYTES];
            let length = number::signed(&mut digits, value);
            push(&digits[..length])?;
        }
    }
    push(b"\"")
}
