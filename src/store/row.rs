//! Rows of a table: label text in a planned arena, found again by that text, freed when no frame needs them.

use std::hash::BuildHasher;
use std::num::NonZeroU32;

/// How full a table is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub used: u32,
    pub capacity: u32,
    pub high_water: u32,
    pub refused: u64,
    /// Of those, for a metric name that something else has.
    pub names_refused: u64,
}

/// A row that a pass has found, to be found again without its labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handle {
    pub(super) row: u32,
    /// How often the row was freed before: a row that is used again is another.
    freed: u32,
    /// The pass that the handle is from.
    pub(super) pass: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Row {
    /// The pass that saw it last; 0: the row is free.
    seen: u64,
    hash: u32,
    /// The row of the table above whose labels come first.
    parent: Option<NonZeroU32>,
    freed: u32,
    label_bytes: u16,
}

/// The rows and their label text. Lists refuse the new when they are full.
pub struct RowSet {
    /// Rows that were ever in use; room for all of them is reserved and not touched before.
    rows: Vec<Row>,
    capacity: u32,
    labels: Vec<u8>,
    label_bytes: usize,
    index: Index,
    free: Vec<u32>,
    /// Rows in use are below it.
    end: u32,
    used: u32,
    high_water: u32,
    refused: u64,
    /// Rows come in the same order every pass: the one after the last found is tried first.
    next: u32,
    hasher: hashbrown::DefaultHashBuilder,
}

impl RowSet {
    /// Bytes of one row.
    pub const fn row_bytes(label_bytes: u64) -> u64 {
        // A row, its place in the free list, and at most four places in the index.
        24 + 4 + 4 * 4 + label_bytes
    }

    pub fn new(capacity: u32, label_bytes: u16) -> Self {
        let rows = capacity as usize;
        RowSet {
            rows: Vec::with_capacity(rows),
            capacity,
            labels: vec![0; rows * label_bytes as usize],
            label_bytes: label_bytes as usize,
            index: Index::new(rows),
            free: Vec::with_capacity(rows),
            end: 0,
            used: 0,
            high_water: 0,
            refused: 0,
            next: 0,
            hasher: hashbrown::DefaultHashBuilder::default(),
        }
    }

    /// Longest label text of a row.
    pub const fn label_bytes(&self) -> usize {
        self.label_bytes
    }

    /// Rows that may be in use are `0..end()`.
    pub const fn end(&self) -> u32 {
        self.end
    }

    /// The label text of a row.
    pub fn labels(&self, row: u32) -> &[u8] {
        let start = row as usize * self.label_bytes;
        &self.labels[start..start + self.rows[row as usize].label_bytes as usize]
    }

    /// The row of the table above whose labels come before those of a row.
    pub fn parent(&self, row: u32) -> Option<u32> {
        self.rows[row as usize].parent.map(|parent| parent.get() - 1)
    }

    /// What finds a row of this pass again.
    pub fn handle(&self, row: u32, pass: u64) -> Handle {
        Handle { row, freed: self.rows[row as usize].freed, pass }
    }

    /// Is the row of the handle still there?
    pub fn keeps(&self, handle: Handle) -> bool {
        self.rows.get(handle.row as usize).is_some_and(|row| row.seen > 0 && row.freed == handle.freed)
    }

    /// The row of a handle; `None`: it was freed.
    pub fn again(&mut self, handle: Handle, pass: u64) -> Option<u32> {
        self.keeps(handle).then(|| self.mark(handle.row, pass))
    }

    /// The row with these labels, made if need be; `None`: full or too long, counted.
    pub fn find_or_add(&mut self, labels: &[u8], pass: u64) -> Option<u32> {
        self.find_or_add_below(None, labels, pass)
    }

    /// [`Self::find_or_add`] with the labels of a row of the table above before its own.
    pub fn find_or_add_below(&mut self, parent: Option<u32>, labels: &[u8], pass: u64) -> Option<u32> {
        let parent = parent.and_then(|row| NonZeroU32::new(row.wrapping_add(1)));
        let guess = self.next;
        if guess < self.end {
            let Row { seen, parent: above, .. } = self.rows[guess as usize];
            if seen > 0 && above == parent && self.labels(guess) == labels {
                return Some(self.mark(guess, pass));
            }
        }
        let hash = self.hash(parent, labels);
        let is = |row: u32| {
            let known = &self.rows[row as usize];
            known.hash == hash && known.parent == parent && self.labels(row) == labels
        };
        if let Some(row) = self.index.find(hash.into(), is) {
            return Some(self.mark(row, pass));
        }
        if labels.len() > self.label_bytes {
            self.refused += 1;
            return None;
        }
        let Some(row) = self.free.pop().or_else(|| self.untouched()) else {
            self.refused += 1;
            return None;
        };
        let start = row as usize * self.label_bytes;
        self.labels[start..start + labels.len()].copy_from_slice(labels);
        let label_bytes = u16::try_from(labels.len()).unwrap_or(0);
        let freed = self.rows[row as usize].freed;
        self.rows[row as usize] = Row { seen: pass, hash, parent, freed, label_bytes };
        self.index.insert(hash.into(), row);
        self.used += 1;
        self.high_water = self.high_water.max(self.used);
        self.end = self.end.max(row + 1);
        Some(self.mark(row, pass))
    }

    /// The upper half of the hash: the index has never as many places as that has values.
    fn hash(&self, parent: Option<NonZeroU32>, labels: &[u8]) -> u32 {
        let hash = match parent {
            Some(parent) => self.hasher.hash_one((parent, labels)),
            None => self.hasher.hash_one(labels),
        };
        u32::try_from(hash >> 32).unwrap_or(0)
    }

    /// A row that was never in use.
    fn untouched(&mut self) -> Option<u32> {
        let row = u32::try_from(self.rows.len()).ok().filter(|row| *row < self.capacity)?;
        self.rows.push(Row::default());
        Some(row)
    }

    /// Notes that a row is refused for a reason of the caller.
    pub fn refuse(&mut self) {
        self.refused += 1;
    }

    fn mark(&mut self, row: u32, pass: u64) -> u32 {
        self.rows[row as usize].seen = pass;
        self.next = row + 1;
        row
    }

    /// Begins a pass: the first row is expected first.
    pub fn begin(&mut self) {
        self.next = 0;
    }

    /// Keeps for this pass all rows that the pass `from` knew.
    pub fn carry(&mut self, from: u64, pass: u64) {
        for row in &mut self.rows[..self.end as usize] {
            if row.seen == from && from > 0 {
                row.seen = pass;
            }
        }
    }

    /// Frees rows that were last seen before pass `needed`, and calls `gone` with each.
    pub fn sweep(&mut self, needed: u64, mut gone: impl FnMut(u32)) {
        for row in 0..self.end {
            let Row { seen, hash, .. } = self.rows[row as usize];
            if seen == 0 || seen >= needed {
                continue;
            }
            let rows = &self.rows;
            self.index.remove(hash.into(), row, |row| rows[row as usize].hash.into());
            let freed = &mut self.rows[row as usize];
            freed.seen = 0;
            freed.freed = freed.freed.wrapping_add(1);
            self.free.push(row);
            self.used -= 1;
            gone(row);
        }
        while self.end > 0 && self.rows[self.end as usize - 1].seen == 0 {
            self.end -= 1;
        }
    }

    pub fn usage(&self) -> Usage {
        Usage {
            used: self.used,
            capacity: self.capacity,
            high_water: self.high_water,
            refused: self.refused,
            ..Usage::default()
        }
    }
}

/// Rows by hash: linear probing in a table that is never more than half full. Zero says "empty", so that memory the
/// kernel hands out is an index without being written.
pub(crate) struct Index {
    /// Row + 1, or 0. The length is a power of two.
    places: Vec<u32>,
}

impl Index {
    pub(crate) fn new(rows: usize) -> Self {
        Index { places: vec![0; (2 * rows.max(1)).next_power_of_two()] }
    }

    /// The place that a hash asks for.
    fn home(&self, hash: u64) -> usize {
        usize::try_from(hash & (self.places.len() as u64 - 1)).unwrap_or(0)
    }

    const fn after(&self, place: usize) -> usize {
        (place + 1) & (self.places.len() - 1)
    }

    pub(crate) fn find(&self, hash: u64, is: impl Fn(u32) -> bool) -> Option<u32> {
        let mut place = self.home(hash);
        loop {
            let row = self.places[place].checked_sub(1)?;
            if is(row) {
                return Some(row);
            }
            place = self.after(place);
        }
    }

    pub(crate) fn insert(&mut self, hash: u64, row: u32) {
        let mut place = self.home(hash);
        while self.places[place] != 0 {
            place = self.after(place);
        }
        self.places[place] = row + 1;
    }

    /// Takes a row out and moves up what it was in the way of, so that no search ends early.
    pub(crate) fn remove(&mut self, hash: u64, row: u32, hash_of: impl Fn(u32) -> u64) {
        let mut hole = self.home(hash);
        while self.places[hole] != row + 1 {
            if self.places[hole] == 0 {
                return;
            }
            hole = self.after(hole);
        }
        let mut place = self.after(hole);
        while let Some(other) = self.places[place].checked_sub(1) {
            let home = self.home(hash_of(other));
            // Between its home and its place there is the hole: it may move there.
            let distance = |from: usize, to: usize| to.wrapping_sub(from) & (self.places.len() - 1);
            if distance(home, place) >= distance(hole, place) {
                self.places[hole] = other + 1;
                hole = place;
            }
            place = self.after(place);
        }
        self.places[hole] = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        /// Few homes, so that rows are in each other's way.
        #[test]
        fn the_index_knows_what_a_map_knows(steps in proptest::collection::vec((0_u64..24, 0_u32..12), 0..200)) {
            let mut index = Index::new(12);
            let mut map: BTreeMap<u32, u64> = BTreeMap::new();
            for (hash, row) in steps {
                match map.remove(&row) {
                    Some(old) => index.remove(old, row, |other| if other == row { old } else { map[&other] }),
                    None => {
                        map.insert(row, hash);
                        index.insert(hash, row);
                    }
                }
                for row in 0..12 {
                    for hash in 0..24 {
                        let expect = (map.get(&row) == Some(&hash)).then_some(row);
                        prop_assert_eq!(index.find(hash, |other| other == row && map[&other] == hash), expect);
                    }
                }
            }
        }
    }
}
