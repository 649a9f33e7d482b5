//! Names of groups, one after the other in an arena of fixed size that is packed when it is full.

/// Room per group. Names of containers under systemd, 87 bytes with a number of 64 letters, fit; few are longer.
pub(super) const NAME_BYTES: usize = 96;

/// The slot that a name belongs to, and its length.
const HEAD_BYTES: usize = 5;

/// Where a name is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    at: u32,
    bytes: u8,
}

impl Span {
    pub const fn len(self) -> usize {
        self.bytes as usize
    }
}

/// The arena: records of slot, length and bytes.
pub(super) struct Arena {
    bytes: Vec<u8>,
    capacity: usize,
    /// Bytes of records whose group is gone.
    dead: usize,
}

impl Arena {
    pub fn new(groups: usize) -> Self {
        let capacity = groups * NAME_BYTES;
        Arena { bytes: Vec::with_capacity(capacity), capacity, dead: 0 }
    }

    pub fn get(&self, span: Span) -> &[u8] {
        let start = span.at as usize;
        &self.bytes[start..start + span.len()]
    }

    /// Keeps the name of a slot. When the end is reached, records whose group is gone make room: `lives` says where the
    /// name of a slot is, and `moved` where it is now.
    pub fn add(
        &mut self,
        slot: u32,
        name: &[u8],
        lives: impl Fn(u32) -> Option<Span>,
        moved: impl FnMut(u32, Span),
    ) -> Option<Span> {
        let length = u8::try_from(name.len()).ok()?;
        let record = HEAD_BYTES + name.len();
        if self.bytes.len() + record > self.capacity {
            if self.bytes.len() - self.dead + record > self.capacity {
                return None;
            }
            self.pack(lives, moved);
        }
        self.bytes.extend_from_slice(&slot.to_ne_bytes());
        self.bytes.push(length);
        let at = u32::try_from(self.bytes.len()).ok()?;
        self.bytes.extend_from_slice(name);
        Some(Span { at, bytes: length })
    }

    /// Forgets a name.
    pub fn remove(&mut self, span: Span) {
        self.dead += HEAD_BYTES + span.len();
    }

    fn pack(&mut self, lives: impl Fn(u32) -> Option<Span>, mut moved: impl FnMut(u32, Span)) {
        let (mut from, mut to) = (0, 0);
        while let Some((head, _)) = self.bytes.get(from..).and_then(|rest| rest.split_first_chunk()) {
            let [a, b, c, d, bytes]: [u8; HEAD_BYTES] = *head;
            let slot = u32::from_ne_bytes([a, b, c, d]);
            let end = from + HEAD_BYTES + usize::from(bytes);
            let span = u32::try_from(from + HEAD_BYTES).ok().map(|at| Span { at, bytes });
            if span.is_some() && lives(slot) == span {
                self.bytes.copy_within(from..end, to);
                if let Ok(at) = u32::try_from(to + HEAD_BYTES) {
                    moved(slot, Span { at, bytes });
                }
                to += end - from;
            }
            from = end;
        }
        self.bytes.truncate(to);
        self.dead = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[test]
    fn names_that_are_gone_make_room() {
        let mut arena = Arena::new(2);
        let spans = RefCell::new([None::<Span>; 16]);
        let add = |arena: &mut Arena, slot: u32, name: &[u8]| {
            let span = arena.add(
                slot,
                name,
                |slot| spans.borrow()[slot as usize],
                |slot, span| spans.borrow_mut()[slot as usize] = Some(span),
            );
            spans.borrow_mut()[slot as usize] = span;
            span.is_some()
        };
        let long = [b'x'; 90];
        assert!(add(&mut arena, 0, b""));
        assert!(add(&mut arena, 1, &long));
        assert!(!add(&mut arena, 2, &[b'y'; 100]), "it is full");
        assert!(!add(&mut arena, 2, &[b'y'; 256]), "no file system has such names");
        assert!(add(&mut arena, 3, b"three"));
        let gone = spans.borrow_mut()[1].take().unwrap();
        arena.remove(gone);
        assert!(add(&mut arena, 2, &[b'y'; 100]));
        let name = |slot: usize| arena.get(spans.borrow()[slot].unwrap()).to_vec();
        assert_eq!((name(0), name(2), name(3)), (vec![], vec![b'y'; 100], b"three".to_vec()));
    }
}
