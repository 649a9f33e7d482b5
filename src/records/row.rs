//! Reading records: views of rows in the heap.

use super::field::{Schema, row_bytes};
use crate::text::quantity::Quantity;
use std::marker::PhantomData;

/// "Absent", in a slot of eight bytes.
pub(super) const ABSENT: i64 = i64::MIN;

/// A row of a record.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    heap: &'a [u8],
    record: usize,
    at: usize,
}

impl<'a> Row<'a> {
    /// The first row of the record that begins at `record`.
    pub(super) const fn new(heap: &'a [u8], record: usize) -> Self {
        Row { heap, record, at: record }
    }

    fn bytes<const N: usize>(self, at: usize) -> [u8; N] {
        let start = self.at + at;
        self.heap.get(start..start + N).and_then(|bytes| bytes.try_into().ok()).unwrap_or([0; N])
    }

    fn place(self, at: usize) -> usize {
        u32::from_le_bytes(self.bytes(at)) as usize
    }

    pub(super) fn name(self, at: usize) -> Option<&'a [u8]> {
        super::names::text(self.heap, u32::from_le_bytes(self.bytes(at)))
    }

    pub(super) fn text(self, at: usize) -> Option<&'a [u8]> {
        match self.place(at) {
            0 => None,
            place => long_text(self.heap, self.record + place),
        }
    }

    pub(super) fn int(self, at: usize) -> Option<i64> {
        Some(i64::from_le_bytes(self.bytes(at))).filter(|value| *value != ABSENT)
    }

    pub(super) fn quantity(self, at: usize) -> Option<Quantity> {
        let [scale] = self.bytes(at + 8);
        self.int(at).map(|mantissa| Quantity::from_parts(mantissa, scale))
    }

    pub(super) fn flag(self, at: usize) -> Option<bool> {
        match self.bytes(at) {
            [0] => None,
            [other] => Some(other == 2),
        }
    }

    pub(super) fn present(self, at: usize) -> bool {
        self.bytes(at) != [0]
    }

    pub(super) fn count(self, at: usize) -> u32 {
        u32::from_le_bytes(self.bytes(at))
    }

    pub(super) fn rows<T>(self, at: usize) -> Rows<'a, T> {
        let count = usize::from(u16::from_le_bytes(self.bytes(at + 4)));
        let first = Row { at: self.record + self.place(at), ..self };
        Rows { first, count, of: PhantomData }
    }
}

/// The four bytes at a place as a number; 0 where there are none.
pub(super) fn word(bytes: &[u8], at: usize) -> u32 {
    let word = bytes.get(at..at + 4).and_then(|word| word.try_into().ok());
    u32::from_le_bytes(word.unwrap_or_default())
}

/// The text with its length before it.
pub(super) fn long_text(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let rest = bytes.get(at..)?;
    let (length, rest) = rest.split_at_checked(2)?;
    rest.get(..usize::from(u16::from_le_bytes(length.try_into().ok()?)))
}

/// The rows of a list, in the order of the JSON.
pub struct Rows<'a, T> {
    first: Row<'a>,
    count: usize,
    of: PhantomData<T>,
}

impl<T> Clone for Rows<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Rows<'_, T> {}

impl<T> Rows<'_, T> {
    pub const fn len(&self) -> usize {
        self.count
    }

    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }
}

impl<'a, T: Schema> Rows<'a, T> {
    /// All rows.
    pub fn iter(self) -> impl ExactSizeIterator<Item = T::At<'a>> + DoubleEndedIterator + Clone {
        let bytes = row_bytes(T::FIELDS);
        (0..self.count).map(move |index| T::at(Row { at: self.first.at + index * bytes, ..self.first }))
    }
}

impl<'a, T: Schema> IntoIterator for Rows<'a, T> {
    type Item = T::At<'a>;
    type IntoIter = RowsIter<'a, T>;

    fn into_iter(self) -> RowsIter<'a, T> {
        RowsIter { rows: self, next: 0 }
    }
}

/// See [`Rows`].
pub struct RowsIter<'a, T> {
    rows: Rows<'a, T>,
    next: usize,
}

impl<'a, T: Schema> Iterator for RowsIter<'a, T> {
    type Item = T::At<'a>;

    fn next(&mut self) -> Option<T::At<'a>> {
        if self.next == self.rows.count {
            return None;
        }
        let at = self.rows.first.at + self.next * row_bytes(T::FIELDS);
        self.next += 1;
        Some(T::at(Row { at, ..self.rows.first }))
    }
}
