//! Texts of different lengths in blocks of one size: each takes as many as it needs, and nothing is ever moved.

/// Bytes of a block, the link to the next included.
const BLOCK_BYTES: usize = 64;
const ROOM: usize = BLOCK_BYTES - 4;

/// "No block"; blocks are numbered from 1, so that memory the kernel hands out is a list without links.
const NONE: u32 = 0;

#[derive(Clone)]
struct Block {
    next: u32,
    bytes: [u8; ROOM],
}

/// A text that is kept. Not `Copy`: it is given back once.
#[derive(Debug, PartialEq, Eq)]
pub struct Chain {
    first: u32,
    length: u16,
}

impl Chain {
    pub const fn len(&self) -> usize {
        self.length as usize
    }

    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }
}

/// The blocks. A list that refuses the new when too few are free.
pub struct Chains {
    /// Blocks that were ever in use; room for all is reserved and not touched before.
    blocks: Vec<Block>,
    capacity: usize,
    free: u32,
    used: usize,
    high_water: usize,
    refused: u64,
}

impl Chains {
    /// Bytes that [`Self::new`] allocates.
    pub const fn bytes(texts: usize, text_bytes: usize) -> u64 {
        (Self::blocks(texts, text_bytes) * BLOCK_BYTES) as u64
    }

    const fn blocks(texts: usize, text_bytes: usize) -> usize {
        texts * text_bytes.div_ceil(ROOM)
    }

    /// Room for `texts` texts of `text_bytes` each, or for fewer that are longer.
    pub fn new(texts: usize, text_bytes: usize) -> Self {
        let capacity = Self::blocks(texts, text_bytes);
        assert!(u32::try_from(capacity).is_ok());
        Chains {
            blocks: Vec::with_capacity(capacity),
            capacity,
            free: NONE,
            used: 0,
            high_water: 0,
            refused: 0,
        }
    }

    /// Keeps the text that these pieces make; `None`: there is no room for it, counted.
    pub fn put(&mut self, pieces: &[&[u8]]) -> Option<Chain> {
        let length = pieces.iter().map(|piece| piece.len()).sum::<usize>();
        let needed = length.div_ceil(ROOM);
        let fits = u16::try_from(length).ok().filter(|_| self.used + needed <= self.capacity);
        let Some(length) = fits else {
            self.refused += 1;
            return None;
        };
        let mut bytes = pieces.iter().copied().flatten().copied();
        let (mut first, mut last) = (NONE, NONE);
        for _ in 0..needed {
            let number = self.take();
            let block = &mut self.blocks[number as usize - 1];
            block.next = NONE;
            for (to, byte) in block.bytes.iter_mut().zip(bytes.by_ref()) {
                *to = byte;
            }
            match last {
                NONE => first = number,
                _ => self.blocks[last as usize - 1].next = number,
            }
            last = number;
        }
        self.used += needed;
        self.high_water = self.high_water.max(self.used);
        Some(Chain { first, length })
    }

    /// A block that nobody uses; there is one.
    fn take(&mut self) -> u32 {
        if self.free != NONE {
            let number = self.free;
            self.free = self.blocks[number as usize - 1].next;
            return number;
        }
        self.blocks.push(Block { next: NONE, bytes: [0; ROOM] });
        u32::try_from(self.blocks.len()).unwrap_or(NONE)
    }

    /// The pieces of a text.
    pub fn get(&self, chain: &Chain) -> impl Iterator<Item = &[u8]> {
        let (mut next, mut left) = (chain.first, chain.len());
        std::iter::from_fn(move || {
            if left == 0 {
                return None;
            }
            let block = &self.blocks[next as usize - 1];
            let length = left.min(ROOM);
            (next, left) = (block.next, left - length);
            Some(&block.bytes[..length])
        })
    }

    /// Gives the blocks of a text back.
    pub fn remove(&mut self, chain: &Chain) {
        let needed = chain.len().div_ceil(ROOM);
        let mut last = chain.first;
        for _ in 1..needed {
            last = self.blocks[last as usize - 1].next;
        }
        if needed > 0 {
            self.blocks[last as usize - 1].next = self.free;
            self.free = chain.first;
        }
        self.used -= needed;
    }

    /// Blocks in use, all of them, the most that were in use, and texts that were refused.
    pub const fn usage(&self) -> (usize, usize, usize, u64) {
        (self.used, self.capacity, self.high_water, self.refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_text_takes_blocks_or_is_refused() {
        let mut chains = Chains::new(2, 90);
        assert_eq!(Chains::bytes(2, 90), 256);
        let long = chains.put(&[&[1; 100], &[2; 80]]).unwrap();
        assert_eq!(chains.get(&long).map(<[u8]>::len).collect::<Vec<_>>(), [60, 60, 60]);
        assert_eq!(chains.put(&[&[3; 61]]), None);
        let short = chains.put(&[&[3; 60]]).unwrap();
        assert_eq!(chains.put(&[&[4]]), None);
        let empty = chains.put(&[]).unwrap();
        assert_eq!((chains.get(&empty).count(), empty.is_empty()), (0, true));
        assert_eq!(chains.usage(), (4, 4, 4, 2));
        chains.remove(&long);
        chains.remove(&empty);
        let again = chains.put(&[&[5; 170]]).unwrap();
        assert_eq!(chains.get(&short).flatten().copied().collect::<Vec<_>>(), [3; 60]);
        assert_eq!(chains.get(&again).flatten().copied().collect::<Vec<_>>(), [5; 170]);
        assert_eq!(chains.usage(), (4, 4, 4, 2));
        assert_eq!(Chains::new(1, 1 << 17).put(&[&[0; 1 << 16]]), None);
    }

    proptest! {
        #[test]
        fn texts_are_what_was_put(steps in proptest::collection::vec((0_usize..8, 0_usize..300), 0..100)) {
            let mut chains = Chains::new(8, 120);
            let mut kept: [Option<(Chain, Vec<u8>)>; 8] = Default::default();
            for (step, (at, length)) in steps.into_iter().enumerate() {
                match kept[at].take() {
                    Some((chain, text)) => {
                        prop_assert_eq!(chains.get(&chain).flatten().copied().collect::<Vec<_>>(), text);
                        chains.remove(&chain);
                    }
                    None => {
                        let text = vec![step.to_le_bytes()[0]; length];
                        kept[at] = chains.put(&[&text]).map(|chain| (chain, text));
                    }
                }
                let used: usize = kept.iter().flatten().map(|(chain, _)| chain.len().div_ceil(ROOM)).sum();
                prop_assert_eq!(chains.usage().0, used);
            }
            for (chain, text) in kept.iter().flatten() {
                prop_assert_eq!(chains.get(chain).flatten().copied().collect::<Vec<_>>(), text.clone());
            }
        }
    }
}
