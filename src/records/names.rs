//! Texts that many records share, kept once: found by their bytes, counted by their users.
//!
//! A name is a block of the heap: users, hash, length and the bytes.

use super::heap::Heap;
use super::row::{long_text, word};
use crate::store::{Index, Item, Usage};
use std::hash::BuildHasher;

/// Bytes before the length.
const HEAD: usize = 8;

/// Longest name; what is longer is cut where it is taken from the JSON.
pub const NAME_BYTES_MAX: usize = 4096;

/// The names in use. Refuses the new when there is no room for it.
pub struct Names {
    index: Index,
    capacity: u32,
    used: u32,
    high_water: u32,
    refused: u64,
    hasher: hashbrown::DefaultHashBuilder,
}

/// The bytes of a name; `None` for no name.
pub(super) fn text(heap: &[u8], name: u32) -> Option<&[u8]> {
    if name == 0 { None } else { long_text(heap, name as usize + HEAD) }
}

impl Names {
    /// What [`Self::new`] allocates.
    pub fn plan(capacity: u32) -> Item {
        Item { what: "index of names", rows: u64::from(capacity), row_bytes: 4 * 4 }
    }

    pub fn new(capacity: u32) -> Self {
        Names {
            index: Index::new(capacity as usize),
            capacity,
            used: 0,
            high_water: 0,
            refused: 0,
            hasher: hashbrown::DefaultHashBuilder::default(),
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

    /// The name with this text, for one more user; `None`: there is no room for it, counted.
    pub fn take(&mut self, heap: &mut Heap, name: &[u8]) -> Option<u32> {
        let name = &name[..name.len().min(NAME_BYTES_MAX)];
        let hash = self.hash(name);
        let bytes = heap.bytes();
        let found = self.index.find(hash.into(), |known| {
            word(bytes, known as usize + 4) == hash && text(bytes, known) == Some(name)
        });
        if let Some(known) = found {
            add_users(heap, known, 1);
            return Some(known);
        }
        if self.used == self.capacity {
            self.refused += 1;
            return None;
        }
        let length = u16::try_from(name.len()).ok()?;
        let place = heap.allocate(HEAD + 2 + name.len())?;
        let block = heap.block_mut(place, HEAD + 2 + name.len());
        block[..4].copy_from_slice(&1_u32.to_le_bytes());
        block[4..8].copy_from_slice(&hash.to_le_bytes());
        block[8..10].copy_from_slice(&length.to_le_bytes());
        block[10..].copy_from_slice(name);
        self.index.insert(hash.into(), place);
        self.used += 1;
        self.high_water = self.high_water.max(self.used);
        Some(place)
    }

    /// One user less; the last one takes the name with it.
    pub fn give_back(&mut self, heap: &mut Heap, name: u32) {
        if name == 0 || add_users(heap, name, -1) > 0 {
            return;
        }
        let bytes = heap.bytes();
        let hash = word(bytes, name as usize + 4);
        self.index.remove(hash.into(), name, |other| word(bytes, other as usize + 4).into());
        heap.free(name);
        self.used -= 1;
    }

    fn hash(&self, name: &[u8]) -> u32 {
        let hash = self.hasher.hash_one(name);
        // The index takes the lowest bits.
        u32::try_from(hash & u64::from(u32::MAX)).unwrap_or(0)
    }
}

/// Changes the count of users; what it is then.
fn add_users(heap: &mut Heap, name: u32, more: i32) -> u32 {
    let users = word(heap.bytes(), name as usize).saturating_add_signed(more);
    heap.block_mut(name, 4).copy_from_slice(&users.to_le_bytes());
    users
}
