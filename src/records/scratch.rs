//! An object while it comes in: what its kind keeps is laid out in rows, and nothing else is stored.
//!
//! Rows have the layout of the record to be, with two differences: a text's slot is its place among the texts here, and
//! a list's slot is the place of its newest row, which links to the one before it.

use super::allow::Allow;
use super::field::{Of, Shape, row_bytes};
use super::row::{ABSENT, word};
use super::selector::{NONE, Selector, is_member};
use super::texts::{Texts, Written};
use crate::counted_errors;
use crate::json::{Sink, Want};
use crate::text::quantity::Quantity;
use crate::text::rfc3339;
use std::ops::Range;
use std::rc::Rc;

/// Objects and arrays below each other that are looked into. What kinds keep is less deep.
const FRAMES_MAX: usize = 16;

/// Slots of different rows that one value goes to.
const TARGETS_MAX: usize = 4;

counted_errors! {
    /// Why something of an object is not kept.
    pub enum Loss {
        /// A list has more rows than its kind keeps.
        Rows = "rows",
        /// A text is longer than any label value may be; its beginning is kept.
        LongText = "long_text",
        /// The object has more than there is room for while it is read.
        Room = "room",
        /// A value is not of the type that its field has.
        Type = "type",
    }
}

/// An object or array that is open.
#[derive(Clone, Copy, Debug)]
struct Frame {
    /// What it is in the tree; [`NONE`]: its inside is of no interest.
    node: u16,
    /// The row that its members go to.
    row: u32,
    /// The list whose row ends with it, to be dropped when it has nothing.
    ends_row_of: u16,
    /// Elements so far, where they are counted.
    elements: u32,
}

/// Where the next value goes to.
#[derive(Clone, Debug)]
struct Pending {
    node: u16,
    row: u32,
    ends_row_of: u16,
    targets: [(u32, Range<u16>); TARGETS_MAX],
    used: usize,
}

impl Pending {
    const NOTHING: Pending = Pending {
        node: NONE,
        row: 0,
        ends_row_of: NONE,
        targets: [const { (0, 0..0) }; TARGETS_MAX],
        used: 0,
    };

    fn aim(&mut self, row: u32, leaves: Range<u16>) {
        if let Some(place) = self.targets.get_mut(self.used).filter(|_| !leaves.is_empty()) {
            *place = (row, leaves);
            self.used += 1;
        }
    }
}

/// What is told of an object and not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told<'a> {
    /// `metadata.resourceVersion`
    pub version: Option<&'a [u8]>,
    /// The bookmark that ends the objects that were there.
    pub initial_events_end: bool,
    /// Of a Status in place of an object: the status of the answer.
    pub code: Option<i64>,
}

/// Room for one object.
pub struct Scratch {
    selector: Rc<Selector>,
    allow: Rc<Allow>,
    /// Rows, each with a link of four bytes before it.
    rows: Box<[u8]>,
    rows_used: usize,
    texts: Texts,
    frames: [Frame; FRAMES_MAX],
    depth: usize,
    pending: Pending,
    losses: [u32; Loss::ALL.len()],
}

/// The bytes of a link.
const LINK: usize = 4;

/// The object's own row.
pub(super) const ROOT: u32 = 4;
const _: () = assert!(ROOT as usize == LINK);

impl Scratch {
    /// Room for objects of so many bytes in rows, and as many in texts.
    pub fn new(selector: Rc<Selector>, allow: Rc<Allow>, bytes: usize) -> Self {
        let frame = Frame { node: NONE, row: 0, ends_row_of: NONE, elements: 0 };
        let mut scratch = Scratch {
            selector,
            allow,
            rows: vec![0; bytes].into_boxed_slice(),
            rows_used: 0,
            texts: Texts::new(bytes),
            frames: [frame; FRAMES_MAX],
            depth: 0,
            pending: Pending::NOTHING,
            losses: [0; Loss::ALL.len()],
        };
        scratch.begin();
        scratch
    }

    /// Forgets the object: the next value is another one.
    pub fn begin(&mut self) {
        self.rows_used = LINK;
        self.texts.clear();
        self.depth = 0;
        self.losses = [0; Loss::ALL.len()];
        let root = self.add_row_bytes(NONE);
        assert!(root == Some(ROOT));
        self.pending = Pending { node: 0, row: ROOT, ..Pending::NOTHING };
    }

    /// What of the object was lost.
    pub const fn losses(&self) -> &[u32; Loss::ALL.len()] {
        &self.losses
    }

    /// What is told of the object and not kept.
    pub fn told(&self) -> Told<'_> {
        let at = row_bytes(self.selector.fields());
        let word = |place: usize| self.word(ROOT as usize + at + place);
        let text = |place: usize| Some(word(place)).filter(|text| *text != 0).map(|text| self.text(text));
        let code = self.row(ROOT, at + 16).get(at + 8..).and_then(|code| code.try_into().ok());
        Told {
            version: text(0),
            initial_events_end: text(4) == Some(b"true"),
            code: code.map(i64::from_le_bytes).filter(|code| *code != ABSENT),
        }
    }

    /// uid, namespace and name of the object; what is empty is as good as absent.
    pub fn identity(&self) -> [Option<&[u8]>; 3] {
        // Every record begins with these three texts.
        [0, 4, 8].map(|at| match self.word(ROOT as usize + at) {
            0 => None,
            text => Some(self.text(text)).filter(|text| !text.is_empty()),
        })
    }

    pub(super) fn selector(&self) -> &Selector {
        &self.selector
    }

    pub(super) fn row(&self, row: u32, bytes: usize) -> &[u8] {
        let start = row as usize;
        self.rows.get(start..start + bytes).unwrap_or(&[])
    }

    /// The row before one of the same list; 0: none.
    pub(super) fn link(&self, row: u32) -> u32 {
        self.word(row as usize - LINK)
    }

    pub(super) fn text(&self, place: u32) -> &[u8] {
        self.texts.get(place)
    }

    fn word(&self, at: usize) -> u32 {
        word(&self.rows, at)
    }

    fn lose(&mut self, loss: Loss) {
        self.losses[loss.index()] += 1;
    }

    fn write(&mut self, row: u32, at: u16, bytes: &[u8]) {
        let start = row as usize + usize::from(at);
        if let Some(slot) = self.rows.get_mut(start..start + bytes.len()) {
            slot.copy_from_slice(bytes);
        }
    }

    /// A blank row of a list, not yet linked.
    fn add_row_bytes(&mut self, list: u16) -> Option<u32> {
        let blank = self.selector.blank_of(list);
        let start = self.rows_used + if list == NONE { 0 } else { LINK };
        let room = self.rows.get_mut(start..start + blank.len())?;
        room.copy_from_slice(blank);
        self.rows_used = start + blank.len();
        u32::try_from(start).ok()
    }

    /// A new row of a list below a row; `None`: no room, counted.
    fn add_row(&mut self, list: u16, above: u32) -> Option<u32> {
        let (at, max) = (self.selector.list(list).at, self.selector.list(list).shape.max);
        let slot = above as usize + usize::from(at);
        let newest = self.word(slot);
        let count = self.rows.get(slot + 4..slot + 6).and_then(|count| count.try_into().ok());
        let count = u16::from_le_bytes(count.unwrap_or_default());
        if count >= max {
            self.lose(Loss::Rows);
            return None;
        }
        let Some(row) = self.add_row_bytes(list) else {
            self.lose(Loss::Room);
            return None;
        };
        let link = row as usize - LINK;
        self.rows[link..link + LINK].copy_from_slice(&newest.to_le_bytes());
        self.write(above, at, &row.to_le_bytes());
        self.write(above, at + 4, &(count + 1).to_le_bytes());
        Some(row)
    }

    /// Takes a list's newest row out again if it has nothing but its first field.
    fn drop_blank(&mut self, list: u16, row: u32, above: u32) {
        let rows = self.selector.list(list);
        let (at, bytes) = (rows.at, rows.shape.row_bytes);
        let first = rows.shape.fields.first().map_or(0, |field| field.shape.bytes());
        if self.row(row, bytes).get(first..) != self.selector.blank_of(list).get(first..) {
            return;
        }
        let before = self.link(row);
        let slot = above as usize + usize::from(at);
        let count = self.rows.get(slot + 4..slot + 6).and_then(|count| count.try_into().ok());
        let count = u16::from_le_bytes(count.unwrap_or_default());
        self.write(above, at, &before.to_le_bytes());
        self.write(above, at + 4, &count.saturating_sub(1).to_le_bytes());
        self.rows_used = row as usize - LINK;
    }

    fn clear_list(&mut self, list: u16, above: u32) {
        let at = self.selector.list(list).at;
        self.write(above, at, &[0; 6]);
    }

    /// Does something for every slot that the value goes to.
    fn each_target(&mut self, mut set: impl FnMut(&mut Self, u32, u16, Shape)) {
        let selector = Rc::clone(&self.selector);
        let used = self.pending.used;
        for index in 0..used {
            let (row, leaves) = self.pending.targets[index].clone();
            for leaf in selector.leaves(&leaves) {
                set(self, row, leaf.at, leaf.shape);
            }
        }
    }

    fn open(&mut self, elements: bool) {
        self.each_target(|scratch, row, at, shape| match shape {
            Shape::Present => scratch.write(row, at, &[1]),
            Shape::Count if elements => scratch.write(row, at, &[0; 4]),
            _ => scratch.lose(Loss::Type),
        });
        let Pending { node, row, ends_row_of, .. } = self.pending;
        let frame = Frame { node, row, ends_row_of, elements: 0 };
        if node != NONE {
            let (list, members) = {
                let node = self.selector.node(node);
                (node.elements, node.members.clone())
            };
            if elements && list != NONE {
                self.clear_list(list, row);
            }
            if !elements {
                members.for_each(|list| self.clear_list(list, row));
            }
        }
        self.pending = Pending::NOTHING;
        match self.frames.get_mut(self.depth) {
            Some(place) => *place = frame,
            None => debug_assert!(false, "what is this deep is skipped"),
        }
        self.depth += 1;
    }

    fn close(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        let Frame { row, ends_row_of, .. } = self.frames[self.depth.min(FRAMES_MAX - 1)];
        if ends_row_of != NONE
            && let Some(above) = self.depth.checked_sub(1)
        {
            self.drop_blank(ends_row_of, row, self.frames[above].row);
        }
    }

    fn set_quantity(&mut self, row: u32, at: u16, quantity: Option<Quantity>) {
        match quantity {
            Some(quantity) => {
                self.write(row, at, &quantity.mantissa().to_le_bytes());
                self.write(row, at + 8, &[quantity.scale()]);
            }
            None => self.lose(Loss::Type),
        }
    }

    /// Ends the text that is open.
    fn end_text(&mut self) -> Option<Written> {
        let Some(written) = self.texts.end() else {
            self.lose(Loss::Room);
            return None;
        };
        if written.cut {
            self.lose(Loss::LongText);
        }
        Some(written)
    }

    /// The key of a member as a text of its row.
    fn set_keys(&mut self, list: u16, row: u32, key: &[u8]) {
        let keys = self.selector.list(list).keys.clone();
        if keys.is_empty() {
            return;
        }
        self.texts.push(key);
        let Some(Written { place, .. }) = self.end_text() else { return };
        let selector = Rc::clone(&self.selector);
        for leaf in selector.leaves(&keys) {
            self.write(row, leaf.at, &place.to_le_bytes());
        }
    }
}

impl Sink for Scratch {
    fn key(&mut self, key: &[u8], long: bool) -> Want {
        self.pending = Pending::NOTHING;
        let Some(frame) = self.depth.checked_sub(1).map(|depth| self.frames[depth]) else {
            return Want::Skip;
        };
        if frame.node == NONE || long || self.depth == FRAMES_MAX {
            return Want::Skip;
        }
        if let Some(child) = self.selector.child(frame.node, key) {
            self.pending.node = child;
            self.pending.row = frame.row;
            let leaves = self.selector.node(child).leaves.clone();
            self.pending.aim(frame.row, leaves);
        }
        for list in self.selector.node(frame.node).members.clone() {
            let allow = Rc::clone(&self.allow);
            if !is_member(self.selector.list(list), key, |allowed, key| allow.allows(allowed, key)) {
                continue;
            }
            let Some(row) = self.add_row(list, frame.row) else { continue };
            self.set_keys(list, row, key);
            let root = self.selector.list(list).root;
            let leaves = self.selector.node(root).leaves.clone();
            self.pending.aim(row, leaves);
            if self.pending.node == NONE {
                (self.pending.node, self.pending.row) = (root, row);
            }
        }
        if self.pending.node == NONE { Want::Skip } else { Want::Take }
    }

    fn element(&mut self) -> Want {
        self.pending = Pending::NOTHING;
        let Some(depth) = self.depth.checked_sub(1) else { return Want::Skip };
        let frame = self.frames[depth];
        self.frames[depth].elements = frame.elements.saturating_add(1);
        if frame.node == NONE || self.depth == FRAMES_MAX {
            return Want::Skip;
        }
        let list = self.selector.node(frame.node).elements;
        if list == NONE {
            return Want::Skip;
        }
        let Some(row) = self.add_row(list, frame.row) else { return Want::Skip };
        let (root, of) = (self.selector.list(list).root, self.selector.list(list).shape.of);
        let leaves = self.selector.node(root).leaves.clone();
        self.pending.aim(row, leaves);
        (self.pending.node, self.pending.row) = (root, row);
        if of == Of::Sparse {
            self.pending.ends_row_of = list;
        }
        Want::Take
    }

    fn begin_object(&mut self) {
        self.open(false);
    }

    fn end_object(&mut self) {
        self.close();
    }

    fn begin_array(&mut self) {
        self.open(true);
    }

    fn end_array(&mut self) {
        if let Some(depth) = self.depth.checked_sub(1) {
            let Frame { node, row, elements, .. } = self.frames[depth.min(FRAMES_MAX - 1)];
            if node != NONE {
                let selector = Rc::clone(&self.selector);
                for leaf in selector.leaves(&selector.node(node).leaves) {
                    if matches!(leaf.shape, Shape::Count) {
                        self.write(row, leaf.at, &elements.to_le_bytes());
                    }
                }
            }
        }
        self.close();
    }

    fn string_part(&mut self, piece: &[u8]) {
        self.texts.push(piece);
    }

    fn string_end(&mut self) {
        let Some(Written { place, bytes, padding, cut }) = self.texts.end() else { return };
        let decoded = u32::try_from((bytes / 4 * 3).saturating_sub(padding));
        let mut kept = false;
        self.each_target(|scratch, row, at, shape| match shape {
            Shape::Name | Shape::Text => {
                scratch.write(row, at, &place.to_le_bytes());
                kept = true;
            }
            Shape::Present => scratch.write(row, at, &[1]),
            Shape::Decoded => scratch.write(row, at, &decoded.unwrap_or(u32::MAX).to_le_bytes()),
            Shape::Time => match rfc3339::unix_seconds(scratch.text(place)) {
                Some(seconds) => scratch.write(row, at, &seconds.to_le_bytes()),
                None => scratch.lose(Loss::Type),
            },
            Shape::Quantity => {
                let quantity = Quantity::parse(scratch.text(place));
                scratch.set_quantity(row, at, quantity);
            }
            // A value that is a text or a number has a field for each.
            Shape::Int => {}
            Shape::Flag | Shape::Count | Shape::List(_) => scratch.lose(Loss::Type),
        });
        if !kept {
            // Only what it says was of interest: however long it is, nothing is lost.
            self.texts.forget(place);
        } else if cut {
            self.lose(Loss::LongText);
        }
    }

    fn number(&mut self, text: &[u8]) {
        let whole = std::str::from_utf8(text).ok().and_then(|text| text.parse::<i64>().ok());
        self.each_target(|scratch, row, at, shape| match (shape, whole) {
            (Shape::Present, _) => scratch.write(row, at, &[1]),
            (Shape::Int, Some(whole)) => scratch.write(row, at, &whole.to_le_bytes()),
            (Shape::Quantity, _) => scratch.set_quantity(row, at, Quantity::parse(text)),
            // A value that is a text or a number has a field for each.
            (Shape::Text | Shape::Name, _) => {}
            _ => scratch.lose(Loss::Type),
        });
    }

    fn boolean(&mut self, value: bool) {
        self.each_target(|scratch, row, at, shape| match shape {
            Shape::Present => scratch.write(row, at, &[1]),
            Shape::Flag => scratch.write(row, at, &[1 + u8::from(value)]),
            _ => scratch.lose(Loss::Type),
        });
    }

    fn null(&mut self) {}
}
