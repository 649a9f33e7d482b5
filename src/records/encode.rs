//! From a scratch to a record: rows side by side, texts behind them, names interned. And the way back for names.

use super::field::{Field, ListShape, Of, Shape};
use super::heap::Heap;
use super::names::Names;
use super::row::word;
use super::scratch::{ROOT, Scratch};
use crate::base::text::Full;
use crate::text::label_name::{LABELS_MAX, ObjectLabelNames};

/// Where a record is put together.
pub(super) struct Draft {
    record: Growing,
    label_names: Box<ObjectLabelNames>,
}

/// What there is of the record.
struct Growing {
    bytes: Box<[u8]>,
    used: usize,
}

impl Draft {
    /// Bytes of one for records of so many bytes.
    pub const fn planned(bytes: u32) -> u64 {
        bytes as u64 + size_of::<ObjectLabelNames>() as u64
    }

    pub fn new(bytes: usize) -> Self {
        let record = Growing { bytes: vec![0; bytes].into_boxed_slice(), used: 0 };
        Draft { record, label_names: Box::default() }
    }

    pub fn bytes(&self) -> &[u8] {
        &self.record.bytes[..self.record.used]
    }

    /// Puts the object of the scratch together. Its names have one user more; if there is no room, they have not.
    pub fn encode(&mut self, scratch: &Scratch, names: &mut Names, heap: &mut Heap) -> Result<(), Full> {
        let fields = scratch.selector().fields();
        let Draft { record: draft, label_names } = self;
        draft.used = 0;
        let root = draft.reserve(super::field::row_bytes(fields))?;
        let done = Encoding { draft, label_names, scratch, names, heap }.row(fields, ROOT, root);
        if done.is_err() {
            self.give_back(fields, names, heap);
        }
        done
    }

    /// Takes the names of the record back.
    pub fn give_back(&self, fields: &'static [Field], names: &mut Names, heap: &mut Heap) {
        each_name(fields, 0, &mut |at| word(&self.record.bytes, at), &mut |name| names.give_back(heap, name));
    }
}

impl Growing {
    fn reserve(&mut self, bytes: usize) -> Result<usize, Full> {
        let start = self.used;
        let room = self.bytes.get_mut(start..start + bytes).ok_or(Full)?;
        room.fill(0);
        self.used = start + bytes;
        Ok(start)
    }

    fn write(&mut self, at: usize, bytes: &[u8]) {
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
    }
}

struct Encoding<'a> {
    draft: &'a mut Growing,
    label_names: &'a mut ObjectLabelNames,
    scratch: &'a Scratch,
    names: &'a mut Names,
    heap: &'a mut Heap,
}

impl Encoding<'_> {
    fn row(&mut self, fields: &'static [Field], from: u32, to: usize) -> Result<(), Full> {
        let mut at = 0;
        for field in fields {
            let bytes = field.shape.bytes();
            let slot = self.scratch.row(from, at + bytes).get(at..).unwrap_or(&[]);
            match field.shape {
                Shape::Name => self.name(place(slot), to + at)?,
                Shape::Text => self.text(place(slot), to + at)?,
                Shape::List(list) => {
                    let count = slot.get(4..6).and_then(|count| count.try_into().ok());
                    let count = usize::from(u16::from_le_bytes(count.unwrap_or_default()));
                    self.list(list, place(slot), count, to + at)?;
                }
                _ => self.draft.write(to + at, slot),
            }
            at += bytes;
        }
        Ok(())
    }

    fn name(&mut self, text: u32, to: usize) -> Result<(), Full> {
        if text != 0 {
            let name = self.names.take(self.heap, self.scratch.text(text)).ok_or(Full)?;
            self.draft.write(to, &name.to_le_bytes());
        }
        Ok(())
    }

    fn text(&mut self, text: u32, to: usize) -> Result<(), Full> {
        if text != 0 {
            let text = self.scratch.text(text);
            let length = u16::try_from(text.len()).map_err(|_| Full)?;
            let start = self.draft.reserve(2 + text.len())?;
            self.draft.write(start, &length.to_le_bytes());
            self.draft.write(start + 2, text);
            self.draft.write(to, &u32::try_from(start).map_err(|_| Full)?.to_le_bytes());
        }
        Ok(())
    }

    fn list(&mut self, list: ListShape, newest: u32, count: usize, to: usize) -> Result<(), Full> {
        if count == 0 {
            return Ok(());
        }
        let start = self.draft.reserve(count * list.row_bytes)?;
        self.draft.write(to, &u32::try_from(start).map_err(|_| Full)?.to_le_bytes());
        self.draft.write(to + 4, &u16::try_from(count).map_err(|_| Full)?.to_le_bytes());
        if let Of::Label { prefix, .. } = list.of {
            return self.labels(prefix, newest, count, start);
        }
        let mut row = newest;
        for index in (0..count).rev() {
            self.row(list.fields, row, start + index * list.row_bytes)?;
            row = self.scratch.link(row);
        }
        Ok(())
    }

    /// Label names are made from the keys in their order, for which name a key gets depends on those before it.
    fn labels(&mut self, prefix: &str, newest: u32, count: usize, start: usize) -> Result<(), Full> {
        let mut rows = [(&[][..], 0_u32); LABELS_MAX as usize];
        let rows = rows.get_mut(..count).ok_or(Full)?;
        let mut row = newest;
        for place_of in rows.iter_mut() {
            let slots = self.scratch.row(row, 8);
            let value = place(slots.get(4..).unwrap_or(&[]));
            *place_of = (self.scratch.text(place(slots)), value);
            row = self.scratch.link(row);
        }
        rows.sort_unstable_by_key(|(key, _)| *key);
        self.label_names.clear();
        for (key, _) in rows.iter() {
            self.label_names.add(prefix.as_bytes(), key)?;
        }
        for (index, (_, value)) in rows.iter().enumerate() {
            let name = self.names.take(self.heap, self.label_names.name(index)).ok_or(Full)?;
            self.draft.write(start + 8 * index, &name.to_le_bytes());
            self.name(*value, start + 8 * index + 4)?;
        }
        Ok(())
    }
}

/// The place in a slot of a text or a list.
fn place(slot: &[u8]) -> u32 {
    word(slot, 0)
}

/// Takes the names of a record in the heap back.
pub(super) fn give_back(fields: &'static [Field], record: u32, names: &mut Names, heap: &mut Heap) {
    // Names are given back while the record is walked, so it is looked at anew for every slot.
    let start = record as usize;
    let shared = std::cell::RefCell::new((names, heap));
    each_name(fields, 0, &mut |at| word(shared.borrow().1.bytes(), start + at), &mut |name| {
        let (names, heap) = &mut *shared.borrow_mut();
        names.give_back(heap, name);
    });
}

/// Calls for every name of a row and of the rows below it, as deep as lists are declared below each other.
fn each_name(
    fields: &'static [Field],
    row: usize,
    read: &mut dyn FnMut(usize) -> u32,
    take: &mut dyn FnMut(u32),
) {
    let mut at = row;
    for field in fields {
        match field.shape {
            Shape::Name => take(read(at)),
            Shape::List(list) => {
                let first = read(at) as usize;
                let count = (read(at + 4) & 0xffff) as usize;
                for index in 0..count {
                    each_name(list.fields, first + index * list.row_bytes, read, take);
                }
            }
            _ => {}
        }
        at += field.shape.bytes();
    }
}
