//! A table whose families are known when trimeter is built: values by row, frame and column.

use super::FrameIndex;
use super::row::{RowSet, Usage};
use crate::family::{Family, Profile, Scale, Table};
use crate::limits::Limits;

/// A column: a family, or one value of its split label.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Index of the family in the table's list.
    pub family: u16,
    pub key: &'static str,
    /// The value of the split label; empty without one.
    pub split: &'static str,
    /// Its place in the values; `None`: not in the profile.
    pub slot: Option<u16>,
    pub scale: Scale,
}

/// Rows × columns × frames. A value is stored inverted, so that memory the kernel gives us, zeroed and not yet
/// resident, already says "missing".
pub struct Grid {
    name: &'static str,
    families: &'static [Family],
    columns: Vec<Column>,
    slots: usize,
    frames: usize,
    values: Vec<u64>,
    /// Where the table is in the store whose rows this one's hang below.
    parent: Option<usize>,
    pub(super) rows: RowSet,
}

/// `u64::MAX` says "missing"; a kernel's 2^64-1 is stored as 2^64-2, which is the same number as a float.
const MISSING: u64 = 0;

impl Grid {
    pub fn new(
        table: &Table,
        families: &'static [Family],
        parent: Option<usize>,
        limits: &Limits,
        profile: Profile,
    ) -> Self {
        let columns = columns(families, profile);
        let slots = columns.iter().filter(|column| column.slot.is_some()).count();
        let capacity = (table.rows)(limits);
        let frames = limits.frames as usize;
        assert!(capacity > 0, "a table needs rows");
        Grid {
            name: table.name,
            families,
            columns,
            slots,
            frames,
            values: vec![MISSING; frames * slots * capacity as usize],
            parent,
            rows: RowSet::new(capacity, table.label_bytes),
        }
    }

    /// Bytes of one row, in all frames.
    pub fn row_bytes(families: &'static [Family], table: &Table, profile: Profile, frames: u64) -> u64 {
        let slots = columns(families, profile).iter().filter(|column| column.slot.is_some()).count();
        RowSet::row_bytes(u64::from(table.label_bytes)) + slots as u64 * 8 * frames
    }

    /// Bytes of what says where a number goes.
    pub fn columns_bytes(families: &[Family]) -> u64 {
        (columns_count(families) * size_of::<Column>()) as u64
    }

    pub(super) fn begin(&mut self, frame: FrameIndex, pass: u64, from: Option<(FrameIndex, u64)>) {
        self.rows.begin();
        for row in 0..self.rows.end() {
            let to = self.start(frame, row);
            match from {
                Some((from, _)) => {
                    let start = self.start(from, row);
                    self.values.copy_within(start..start + self.slots, to);
                }
                None => self.values[to..to + self.slots].fill(MISSING),
            }
        }
        if let Some((_, kept)) = from {
            self.rows.carry(kept, pass);
        }
    }

    pub(super) fn sweep(&mut self, needed: u64) {
        let row_slots = self.frames * self.slots;
        let values = &mut self.values;
        self.rows.sweep(needed, |row| {
            // A row that is used again must not find what it left in older frames.
            let start = row as usize * row_slots;
            values[start..start + row_slots].fill(MISSING);
        });
    }

    /// All frames of a row are together: a table that holds a few of its rows touches few pages.
    fn start(&self, frame: FrameIndex, row: u32) -> usize {
        (row as usize * self.frames + frame) * self.slots
    }

    pub(super) fn put(&mut self, frame: FrameIndex, slot: u16, row: u32, bits: u64) {
        let at = self.start(frame, row) + slot as usize;
        self.values[at] = if bits == u64::MAX { !(u64::MAX - 1) } else { !bits };
    }

    /// The bits of a value; `None`: missing.
    pub fn value(&self, frame: FrameIndex, slot: u16, row: u32) -> Option<u64> {
        let bits = self.values[self.start(frame, row) + slot as usize];
        (bits != MISSING).then_some(!bits)
    }

    /// Rows that may have values are `0..end()`.
    pub const fn end(&self) -> u32 {
        self.rows.end()
    }

    pub const fn name(&self) -> &'static str {
        self.name
    }

    pub const fn families(&self) -> &'static [Family] {
        self.families
    }

    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The labels of a row, without those of the row above it.
    pub fn labels(&self, row: u32) -> &[u8] {
        self.rows.labels(row)
    }

    /// Where the table is in the store whose rows this one's hang below.
    pub const fn parent(&self) -> Option<usize> {
        self.parent
    }

    /// Longest label text of a row.
    pub(super) const fn label_bytes(&self) -> usize {
        self.rows.label_bytes()
    }

    /// The row of the parent that a row hangs below.
    pub fn parent_row(&self, row: u32) -> Option<u32> {
        self.rows.parent(row)
    }

    pub fn usage(&self) -> Usage {
        self.rows.usage()
    }
}

fn columns_count(families: &[Family]) -> usize {
    families.iter().map(|family| family.split.map_or(1, |split| split.values.len())).sum()
}

fn columns(families: &'static [Family], profile: Profile) -> Vec<Column> {
    let mut columns = Vec::with_capacity(columns_count(families));
    let mut slots = 0;
    for (index, family) in families.iter().enumerate() {
        let served = family.profile <= profile;
        let values = family.split.map_or(&[""][..], |split| split.values);
        for split in values {
            let slot = served.then_some(slots);
            slots += u16::from(served);
            let family_index = u16::try_from(index).unwrap_or(u16::MAX);
            columns.push(Column { family: family_index, key: family.key, split, slot, scale: family.scale });
        }
    }
    columns
}
