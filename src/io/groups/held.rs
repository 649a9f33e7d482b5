//! Files of groups that stay open between reads, as many as are planned.

use super::Hold;
use crate::store::Usage;
use rustix::fd::OwnedFd;

/// A count of descriptors with its bound.
#[derive(Debug, Default)]
pub(super) struct Count {
    pub used: u32,
    pub capacity: u32,
    high_water: u32,
    refused: u64,
}

impl Count {
    pub const fn new(capacity: u32) -> Self {
        Count { used: 0, capacity, high_water: 0, refused: 0 }
    }

    /// So many are in use now.
    pub fn note(&mut self, used: u32) {
        self.used = used;
        self.high_water = self.high_water.max(used);
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

/// The held files. When there is no room, hot files take the places of warm ones; what finds none is opened for every
/// read, which is counted.
pub(super) struct Held {
    /// By slot and file; taken for a slot when its first file is held.
    files: Vec<Option<OwnedFd>>,
    /// How each file is held.
    holds: Vec<Hold>,
    count: Count,
    warm: u32,
    /// Where the search for a warm file goes on.
    next: usize,
}

impl Held {
    /// Bytes for the descriptors of a group.
    pub const fn row_bytes(files: usize) -> u64 {
        (files * size_of::<Option<OwnedFd>>()) as u64
    }

    pub fn new(groups: u32, holds: Vec<Hold>, capacity: u32) -> Self {
        Held {
            files: Vec::with_capacity(groups as usize * holds.len()),
            holds,
            count: Count::new(capacity),
            warm: 0,
            next: 0,
        }
    }

    pub fn usage(&self) -> Usage {
        self.count.usage()
    }

    const fn place(&self, slot: u32, file: usize) -> usize {
        slot as usize * self.holds.len() + file
    }

    pub fn get(&self, slot: u32, file: usize) -> Option<&OwnedFd> {
        self.files.get(self.place(slot, file))?.as_ref()
    }

    /// Holds a file that was just opened, or closes it.
    pub fn keep(&mut self, slot: u32, file: usize, fd: OwnedFd) {
        let hold = self.holds[file];
        if hold == Hold::Never {
            return;
        }
        if self.count.used >= self.count.capacity && !(hold == Hold::Hot && self.give_up_warm()) {
            self.count.refused += 1;
            return;
        }
        let end = (slot as usize + 1) * self.holds.len();
        while self.files.len() < end {
            self.files.push(None);
        }
        let place = self.place(slot, file);
        self.files[place] = Some(fd);
        self.warm += u32::from(hold == Hold::Warm);
        self.count.note(self.count.used + 1);
    }

    /// Closes the next warm file.
    fn give_up_warm(&mut self) -> bool {
        if self.warm == 0 {
            return false;
        }
        for _ in 0..self.files.len() {
            let place = self.next;
            self.next = (place + 1) % self.files.len();
            let file = place % self.holds.len();
            if self.holds[file] == Hold::Warm && self.files[place].is_some() {
                self.drop_at(place, file);
                return true;
            }
        }
        false
    }

    fn drop_at(&mut self, place: usize, file: usize) {
        if self.files.get_mut(place).and_then(Option::take).is_some() {
            self.count.used -= 1;
            self.warm -= u32::from(self.holds[file] == Hold::Warm);
        }
    }

    /// Closes one file of a group.
    pub fn close_file(&mut self, slot: u32, file: usize) {
        self.drop_at(self.place(slot, file), file);
    }

    /// Closes the files of a group.
    pub fn close(&mut self, slot: u32) {
        for file in 0..self.holds.len() {
            self.close_file(slot, file);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> OwnedFd {
        rustix::fs::open(
            "/",
            rustix::fs::OFlags::PATH | rustix::fs::OFlags::CLOEXEC,
            rustix::fs::Mode::empty(),
        )
        .unwrap()
    }

    #[test]
    fn hot_files_take_the_places_of_warm_ones() {
        let mut held = Held::new(8, vec![Hold::Warm, Hold::Hot, Hold::Never], 3);
        for (slot, file_at) in [(0, 0), (1, 0), (2, 0), (3, 0), (3, 2)] {
            held.keep(slot, file_at, file());
        }
        let all = |held: &Held| -> Vec<(u32, usize)> {
            (0..8)
                .flat_map(|slot| (0..3).map(move |at| (slot, at)))
                .filter(|(slot, at)| held.get(*slot, *at).is_some())
                .collect()
        };
        assert_eq!(all(&held), [(0, 0), (1, 0), (2, 0)]);
        assert_eq!(held.usage().refused, 1);
        held.keep(5, 1, file());
        held.keep(6, 1, file());
        assert_eq!(all(&held), [(2, 0), (5, 1), (6, 1)]);
        held.keep(0, 1, file());
        held.keep(1, 1, file());
        assert_eq!(all(&held), [(0, 1), (5, 1), (6, 1)]);
        held.close(5);
        held.close(5);
        assert_eq!((held.usage().used, held.usage().high_water, held.usage().refused), (2, 3, 2));
        held.keep(1, 0, file());
        assert_eq!(all(&held), [(0, 1), (1, 0), (6, 1)]);
    }
}
