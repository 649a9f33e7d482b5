//! Planned memory for records and names of any length: blocks that are found by their size, merged when they are
//! free, and never more than was planned.
//!
//! A block begins with a word: its bytes, a multiple of 8, and in the lowest bits whether it is free and whether the
//! one before it is. A free block holds links to others of its class behind that word and its bytes again at its end,
//! so that the block behind it finds its beginning. The list of a class holds blocks that are at least as large as the
//! class. A request is served from its own class if one of the first blocks fits, else from the first class that surely
//! does: what a record leaves is taken by the next one of its length, and holes do not add up. Blocks grow from the low
//! end: memory that was never needed is never touched.

use super::row::word;
use crate::store::{Item, Usage};

const WORD: usize = 4;
const WORD_BYTES: u32 = 4;
const FREE: u32 = 1;
const BEFORE_FREE: u32 = 2;
const FLAGS: u32 = 7;

/// Word, two links and the size again.
const BLOCK_BYTES_MIN: u32 = 16;

/// Classes of 8 bytes each up to here, then eight to a doubling.
const SMALL_BYTES: u32 = 512;
const SMALL_CLASSES: usize = 64;
const _: () = assert!(SMALL_BYTES / 8 == 64);
const CLASSES: usize = SMALL_CLASSES + 8 * 23;

/// Blocks of a request's own class that are looked at.
const LOOKS: usize = 16;

/// Blocks of all sizes. Refuses what it has no room for, and counts it.
pub struct Heap {
    bytes: Box<[u8]>,
    /// Blocks lie below it. INVARIANT: the last block below it is in use.
    end: u32,
    /// First free block of each class; 0: none, for the first block begins at 4.
    free: [u32; CLASSES],
    /// Classes that have a free block.
    filled: u128,
    filled_high: u128,
    used: u64,
    high_water: u64,
    refused: u64,
}

impl Heap {
    /// What [`Self::new`] allocates.
    pub fn plan(what: &'static str, bytes: u32) -> Item {
        Item { what, rows: 1, row_bytes: u64::from(bytes) }
    }

    pub fn new(bytes: u32) -> Self {
        let bytes = (bytes & !7).max(64);
        Heap {
            bytes: vec![0; bytes as usize].into_boxed_slice(),
            end: BLOCK_BYTES_MIN / 4,
            free: [0; CLASSES],
            filled: 0,
            filled_high: 0,
            used: 0,
            high_water: 0,
            refused: 0,
        }
    }

    /// All of it, for views of what blocks hold.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What a block holds, to be written.
    pub fn block_mut(&mut self, place: u32, length: usize) -> &mut [u8] {
        let start = place as usize;
        &mut self.bytes[start..start + length]
    }

    pub fn used_bytes(&self) -> u64 {
        self.used
    }

    /// How full it is, in KiB.
    pub fn usage(&self) -> Usage {
        let kib = |bytes: u64| u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX);
        Usage {
            used: kib(self.used),
            capacity: kib(self.bytes.len() as u64),
            high_water: kib(self.high_water),
            refused: self.refused,
            ..Usage::default()
        }
    }

    /// A block of so many bytes, whose content is left from before; `None`: there is no room, counted.
    pub fn allocate(&mut self, length: usize) -> Option<u32> {
        let block = self.take(length);
        match block {
            Some(block) => {
                let size = self.word(block) & !FLAGS;
                self.used += u64::from(size);
                self.high_water = self.high_water.max(self.used);
                Some(block + WORD_BYTES)
            }
            None => {
                self.refused += 1;
                None
            }
        }
    }

    /// Gives a block back.
    pub fn free(&mut self, place: u32) {
        let mut block = place - WORD_BYTES;
        let word = self.word(block);
        debug_assert_eq!(word & FREE, 0, "a block is given back once");
        let mut size = word & !FLAGS;
        self.used -= u64::from(size);
        if word & BEFORE_FREE != 0 {
            let before = self.word(block - WORD_BYTES);
            block -= before;
            self.unlink(block, before);
            size += before;
        }
        let after = block + size;
        if after < self.end && self.word(after) & FREE != 0 {
            let more = self.word(after) & !FLAGS;
            self.unlink(after, more);
            size += more;
        }
        if block + size == self.end {
            self.end = block;
            return;
        }
        self.link(block, size);
        let after = block + size;
        let word = self.word(after);
        self.set(after, word | BEFORE_FREE);
    }

    /// Has a block in use room for so many bytes as it is?
    pub fn has_room(&self, place: u32, length: usize) -> bool {
        let size = self.word(place - WORD_BYTES) & !FLAGS;
        needed(length).is_some_and(|needed| needed <= size)
    }

    /// Makes a block in use fit so many bytes where it is: it gives away what it does not need, or takes of the free
    /// room behind it. `false`: it cannot, and stays as it is. What it held is left, as far as it reaches.
    pub fn fit(&mut self, place: u32, length: usize) -> bool {
        let Some(needed) = needed(length) else { return false };
        let block = place - WORD_BYTES;
        let word = self.word(block);
        let (flags, size) = (word & FLAGS, word & !FLAGS);
        if block + size == self.end {
            return self.fit_last(block, size, needed);
        }
        let after = block + size;
        let behind = if self.word(after) & FREE != 0 { self.word(after) & !FLAGS } else { 0 };
        let Some(rest) = (size + behind).checked_sub(needed) else { return false };
        let kept = if rest < BLOCK_BYTES_MIN { size + behind } else { needed };
        if kept == size {
            return true;
        }
        if behind > 0 {
            self.unlink(after, behind);
        }
        self.set(block, kept | flags);
        let after = block + size + behind;
        let word = self.word(after);
        if kept == size + behind {
            self.set(after, word & !BEFORE_FREE);
        } else {
            self.link(block + kept, rest);
            self.set(after, word | BEFORE_FREE);
        }
        self.resize(size, kept);
        true
    }

    /// The last block moves the end.
    fn fit_last(&mut self, block: u32, size: u32, needed: u32) -> bool {
        let Some(end) = block.checked_add(needed).filter(|end| *end as usize <= self.bytes.len()) else {
            return false;
        };
        let flags = self.word(block) & FLAGS;
        self.set(block, needed | flags);
        self.end = end;
        self.resize(size, needed);
        true
    }

    fn resize(&mut self, before: u32, after: u32) {
        self.used = self.used + u64::from(after) - u64::from(before);
        self.high_water = self.high_water.max(self.used);
    }

    fn take(&mut self, length: usize) -> Option<u32> {
        let needed = needed(length)?;
        if let Some(block) = self.block_with_room(needed) {
            return Some(self.cut(block, needed));
        }
        let block = self.end;
        let Some(end) = block.checked_add(needed).filter(|end| *end as usize <= self.bytes.len()) else {
            return self.any_block(needed).map(|block| self.cut(block, needed));
        };
        self.end = end;
        self.set(block, needed);
        Some(block)
    }

    /// Makes a free block that fits one in use.
    fn cut(&mut self, block: u32, needed: u32) -> u32 {
        let size = self.word(block) & !FLAGS;
        self.unlink(block, size);
        let rest = size - needed;
        if rest < BLOCK_BYTES_MIN {
            self.set(block, size);
            let after = block + size;
            let word = self.word(after);
            self.set(after, word & !BEFORE_FREE);
        } else {
            self.set(block, needed);
            self.link(block + needed, rest);
        }
        block
    }

    /// A free block that fits, if it is easily found.
    fn block_with_room(&self, needed: u32) -> Option<u32> {
        let class = class_of(needed);
        let near = self.listed(class).take(LOOKS).find(|block| self.word(*block) & !FLAGS >= needed);
        near.or_else(|| self.filled_above(class).map(|class| self.free[class]))
    }

    /// A free block of the request's own class, however far it is: there is no other room.
    fn any_block(&self, needed: u32) -> Option<u32> {
        self.listed(class_of(needed)).find(|block| self.word(*block) & !FLAGS >= needed)
    }

    /// The free blocks of a class.
    fn listed(&self, class: usize) -> impl Iterator<Item = u32> {
        let first = Some(self.free[class]);
        std::iter::successors(first, |block| Some(self.word(*block + 4))).take_while(|block| *block != 0)
    }

    /// The next class that has free blocks.
    fn filled_above(&self, class: usize) -> Option<usize> {
        let first = class + 1;
        let low = if first < 128 { self.filled >> first << first } else { 0 };
        if low != 0 {
            return Some(low.trailing_zeros() as usize);
        }
        let skip = first.saturating_sub(128);
        let high = if skip < 128 { self.filled_high >> skip << skip } else { 0 };
        (high != 0).then(|| 128 + high.trailing_zeros() as usize)
    }

    fn link(&mut self, block: u32, size: u32) {
        let class = class_of(size);
        let first = self.free[class];
        self.set(block, size | FREE);
        self.set(block + 4, first);
        self.set(block + 8, 0);
        self.set(block + size - 4, size);
        if first != 0 {
            self.set(first + 8, block);
        }
        self.free[class] = block;
        self.mark(class, true);
    }

    fn unlink(&mut self, block: u32, size: u32) {
        let class = class_of(size);
        let (next, previous) = (self.word(block + 4), self.word(block + 8));
        if next != 0 {
            self.set(next + 8, previous);
        }
        if previous == 0 {
            self.free[class] = next;
            self.mark(class, next != 0);
        } else {
            self.set(previous + 4, next);
        }
    }

    const fn mark(&mut self, class: usize, filled: bool) {
        let (word, bit) = match class.checked_sub(128) {
            Some(bit) => (&mut self.filled_high, bit),
            None => (&mut self.filled, class),
        };
        if filled {
            *word |= 1 << bit;
        } else {
            *word &= !(1 << bit);
        }
    }

    fn word(&self, at: u32) -> u32 {
        word(&self.bytes, at as usize)
    }

    fn set(&mut self, at: u32, word: u32) {
        let start = at as usize;
        self.bytes[start..start + WORD].copy_from_slice(&word.to_le_bytes());
    }
}

/// Bytes of a block for so many.
fn needed(length: usize) -> Option<u32> {
    let needed = u32::try_from(length.checked_add(WORD)?.checked_next_multiple_of(8)?).ok()?;
    Some(needed.max(BLOCK_BYTES_MIN))
}

/// The class in whose list a block of this size is.
const fn class_of(size: u32) -> usize {
    if size < SMALL_BYTES {
        return (size / 8) as usize;
    }
    let log = size.ilog2();
    SMALL_CLASSES + 8 * (log - SMALL_BYTES.ilog2()) as usize + (size >> (log - 3) & 7) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Goes through all blocks: they tile the heap, flags agree, no two neighbours are free, and free ones are listed.
    fn walk(heap: &Heap) {
        let mut listed = std::collections::BTreeSet::new();
        for (class, first) in heap.free.iter().enumerate() {
            let filled =
                if class < 128 { heap.filled >> class & 1 } else { heap.filled_high >> (class - 128) & 1 };
            assert_eq!(filled == 1, *first != 0, "class {class}");
            let mut block = *first;
            while block != 0 {
                assert!(listed.insert(block), "listed twice");
                assert_eq!(class_of(heap.word(block) & !FLAGS), class);
                block = heap.word(block + 4);
            }
        }
        let (mut block, mut before_free, mut used) = (BLOCK_BYTES_MIN / 4, false, 0);
        while block < heap.end {
            let word = heap.word(block);
            let (size, free) = (word & !FLAGS, word & FREE != 0);
            assert!(size >= BLOCK_BYTES_MIN);
            assert_eq!(word & BEFORE_FREE != 0, before_free);
            assert!(!(free && before_free), "two free neighbours");
            assert_eq!(listed.remove(&block), free);
            if free {
                assert_eq!(heap.word(block + size - 4), size);
            } else {
                used += u64::from(size);
            }
            (block, before_free) = (block + size, free);
        }
        assert_eq!((block, before_free), (heap.end, false), "the last block is in use");
        assert!(listed.is_empty());
        assert_eq!(used, heap.used_bytes());
    }

    proptest! {
        #[test]
        fn blocks_keep_what_they_hold(steps in prop::collection::vec((0_usize..3000, any::<prop::sample::Index>()), 1..400)) {
            let mut heap = Heap::new(128 * 1024);
            let mut held: Vec<(u32, Vec<u8>)> = Vec::new();
            for (number, (length, which)) in steps.iter().enumerate() {
                if number % 5 == 4 && !held.is_empty() {
                    let one = which.index(held.len());
                    let (place, bytes) = &mut held[one];
                    let kept = bytes.len().min(*length);
                    let room = heap.has_room(*place, *length);
                    let fits = heap.fit(*place, *length);
                    prop_assert!(fits || !room);
                    if fits && heap.fit(*place, *length) {
                        prop_assert_eq!(&heap.block_mut(*place, kept)[..], &bytes[..kept]);
                        *bytes = vec![u8::try_from(number % 251).unwrap(); *length];
                        heap.block_mut(*place, *length).copy_from_slice(bytes);
                    }
                } else if number % 3 == 2 && !held.is_empty() {
                    let (place, bytes) = held.swap_remove(which.index(held.len()));
                    prop_assert_eq!(heap.block_mut(place, bytes.len()), &bytes[..]);
                    heap.free(place);
                } else if let Some(place) = heap.allocate(*length) {
                    let bytes = vec![u8::try_from(number % 251).unwrap(); *length];
                    heap.block_mut(place, *length).copy_from_slice(&bytes);
                    held.push((place, bytes));
                }
                walk(&heap);
            }
            for (place, bytes) in held.drain(..) {
                prop_assert_eq!(heap.block_mut(place, bytes.len()), &bytes[..]);
                heap.free(place);
            }
            prop_assert_eq!(heap.used_bytes(), 0);
            prop_assert_eq!(heap.end, BLOCK_BYTES_MIN / 4);
        }
    }

    #[test]
    fn a_full_heap_refuses_and_counts_and_serves_again() {
        let mut heap = Heap::new(1024);
        let blocks: Vec<u32> = std::iter::from_fn(|| heap.allocate(100)).collect();
        assert!((8..=9).contains(&blocks.len()));
        assert_eq!(heap.usage().refused, 1);
        assert_eq!(heap.allocate(usize::MAX), None);
        heap.free(blocks[3]);
        assert!(heap.allocate(96).is_some());
    }

    /// Records and the names between them change for a long time, as pods do: holes do not add up.
    #[test]
    fn blocks_that_come_and_go_need_little_more_than_they_hold() {
        let mut state = 88_172_645_463_325_252_u64;
        let mut random = |range: std::ops::Range<usize>| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            range.start + usize::try_from(state >> 33).unwrap() % range.len()
        };
        let mut heap = Heap::new(8 << 20);
        let mut held: Vec<(u32, [u32; 3])> = Vec::new();
        for step in 0..60_000 {
            let length = random(600..1300);
            let names = [random(8..80), random(8..80), random(40..120)];
            if held.len() < 2000 {
                let names = names.map(|length| heap.allocate(length).unwrap());
                held.push((heap.allocate(length).unwrap(), names));
                continue;
            }
            let one = random(0..held.len());
            let (record, old) = &mut held[one];
            // Half of the changes bring other names, and some are of objects that went.
            if step % 2 == 0 {
                let new = names.map(|length| heap.allocate(length).unwrap());
                std::mem::replace(old, new).into_iter().for_each(|name| heap.free(name));
            }
            if step % 5 == 0 || !heap.fit(*record, length) {
                let new = heap.allocate(length).unwrap();
                heap.free(std::mem::replace(record, new));
            }
        }
        let needed = u64::from(heap.end);
        assert!(needed * 10 < heap.used_bytes() * 14, "{needed} bytes for {}", heap.used_bytes());
    }

    #[test]
    fn classes_grow_with_sizes() {
        let mut last = class_of(16);
        for size in (16..100_000_u32).step_by(8) {
            let class = class_of(size);
            assert!(class >= last && class <= last + 1 && class < CLASSES, "{size}");
            last = class;
        }
        assert!(class_of(!7) < CLASSES);
    }
}
