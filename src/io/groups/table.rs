//! The table of groups: slots with names, parents and identities, found by parent and name.

use super::names::{Arena, NAME_BYTES, Span};
use crate::base::clock::Monotonic;
use crate::base::text::PathText;
use crate::store::{Index, Usage};
use std::hash::BuildHasher as _;

/// Longest path of a group. Nested nodes have some 350 bytes; what is longer is refused.
pub(super) const PATH_BYTES_MAX: usize = 768;

/// A group.
#[derive(Clone, Debug, Default)]
pub(super) struct Group {
    /// 0: the slot is free.
    pub birth: u64,
    pub born: Monotonic,
    pub parent: Option<u32>,
    hash: u64,
    name: Span,
    path_bytes: u16,
}

/// The directory of a group in one hierarchy.
#[derive(Clone, Debug, Default)]
pub(super) struct Folder {
    /// 0: it is not there.
    pub inode: u64,
    /// The last walk has seen it.
    seen: bool,
}

/// All groups. A list that refuses the new when it is full.
pub(super) struct Table {
    groups: Vec<Group>,
    folders: Vec<Folder>,
    hierarchies: usize,
    capacity: usize,
    /// Slots in use, parents first.
    order: Vec<u32>,
    free: Vec<u32>,
    names: Arena,
    index: Index,
    hasher: hashbrown::DefaultHashBuilder,
    births: u64,
    high_water: u32,
    refused: u64,
}

impl Table {
    /// Bytes of one group.
    pub const fn row_bytes(hierarchies: usize) -> u64 {
        // Its places in the order and in the free list, and at most four places in the index.
        let places = 2 * 4 + 4 * 4;
        (size_of::<Group>() + hierarchies * size_of::<Folder>() + NAME_BYTES + places) as u64
    }

    pub fn new(capacity: u32, hierarchies: usize) -> Self {
        let capacity = capacity as usize;
        Table {
            groups: Vec::with_capacity(capacity),
            folders: Vec::with_capacity(capacity * hierarchies),
            hierarchies,
            capacity,
            order: Vec::with_capacity(capacity),
            free: Vec::with_capacity(capacity),
            names: Arena::new(capacity),
            index: Index::new(capacity),
            hasher: hashbrown::DefaultHashBuilder::default(),
            births: 0,
            high_water: 0,
            refused: 0,
        }
    }

    pub fn usage(&self) -> Usage {
        Usage {
            used: u32::try_from(self.order.len()).unwrap_or(u32::MAX),
            capacity: u32::try_from(self.capacity).unwrap_or(u32::MAX),
            high_water: self.high_water,
            refused: self.refused,
            ..Usage::default()
        }
    }

    /// Slots in use, parents first.
    pub fn order(&self) -> &[u32] {
        &self.order
    }

    pub fn group(&self, slot: u32) -> &Group {
        &self.groups[slot as usize]
    }

    pub fn lives(&self, slot: u32) -> bool {
        self.groups.get(slot as usize).is_some_and(|group| group.birth > 0)
    }

    pub fn folder(&mut self, slot: u32, hierarchy: usize) -> &mut Folder {
        &mut self.folders[slot as usize * self.hierarchies + hierarchy]
    }

    fn folders(&mut self, slot: u32) -> &mut [Folder] {
        let start = slot as usize * self.hierarchies;
        &mut self.folders[start..start + self.hierarchies]
    }

    fn name(&self, slot: u32) -> &[u8] {
        self.names.get(self.groups[slot as usize].name)
    }

    /// `/a/b`; `/` for the root.
    pub fn path(&self, slot: u32) -> PathText {
        let mut path = PathText::new();
        if self.push_path(slot, &mut path) == 0 && path.push("/").is_err() {
            path.clear();
        }
        path
    }

    /// Appends `/a/b`, nothing for the root, and returns how many bytes that are. A path that does not fit is left out:
    /// those of the table are shorter than the room that callers have for them.
    pub fn push_path(&self, slot: u32, to: &mut PathText) -> usize {
        // Names are known from the last to the first: each is written to its place in a text of the right length.
        let mut text = [0_u8; PATH_BYTES_MAX];
        let length = usize::from(self.groups[slot as usize].path_bytes);
        let (mut end, mut at) = (length, Some(slot));
        while let Some(slot) = at.filter(|_| end > 0) {
            let name = self.name(slot);
            let start = end - name.len();
            text[start..end].copy_from_slice(name);
            text[start - 1] = b'/';
            end = start - 1;
            at = self.groups[slot as usize].parent;
        }
        if to.push(&text[..length]).is_ok() { length } else { 0 }
    }

    fn hash(&self, parent: u32, name: &[u8]) -> u64 {
        self.hasher.hash_one((parent, name))
    }

    /// The child of a group.
    pub fn find(&self, parent: u32, name: &[u8]) -> Option<u32> {
        let hash = self.hash(parent, name);
        self.index.find(hash, |slot| {
            let group = &self.groups[slot as usize];
            group.hash == hash && group.parent == Some(parent) && self.names.get(group.name) == name
        })
    }

    /// Makes the root, which has slot 0 for good.
    pub fn add_root(&mut self, now: Monotonic) {
        if self.groups.is_empty() {
            self.births += 1;
            self.groups.push(Group { birth: self.births, born: now, ..Group::default() });
            self.folders.extend(std::iter::repeat_n(Folder::default(), self.hierarchies));
            self.order.push(0);
            self.high_water = 1;
        }
    }

    /// The child of a group, made if need be; `None`: no room for it, counted.
    pub fn find_or_add(&mut self, parent: u32, name: &[u8], now: Monotonic) -> Option<u32> {
        if let Some(slot) = self.find(parent, name) {
            return Some(slot);
        }
        let path_bytes = usize::from(self.groups[parent as usize].path_bytes) + 1 + name.len();
        let fits = path_bytes <= PATH_BYTES_MAX && self.order.len() < self.capacity;
        let slot = if fits { self.add(parent, name, path_bytes, now) } else { None };
        if slot.is_none() {
            self.refused += 1;
        }
        slot
    }

    fn add(&mut self, parent: u32, name: &[u8], path_bytes: usize, now: Monotonic) -> Option<u32> {
        let slot = match self.free.last() {
            Some(slot) => *slot,
            None => u32::try_from(self.groups.len()).ok()?,
        };
        let groups = std::cell::Cell::from_mut(self.groups.as_mut_slice()).as_slice_of_cells();
        let span_of = |slot: u32| {
            let group = groups.get(slot as usize)?;
            let taken = group.take();
            let span = (taken.birth > 0).then_some(taken.name);
            group.set(taken);
            span
        };
        let moved = |slot: u32, span: Span| {
            if let Some(group) = groups.get(slot as usize) {
                let mut taken = group.take();
                taken.name = span;
                group.set(taken);
            }
        };
        let span = self.names.add(slot, name, span_of, moved)?;
        self.births += 1;
        let group = Group {
            birth: self.births,
            born: now,
            parent: Some(parent),
            hash: self.hash(parent, name),
            name: span,
            path_bytes: u16::try_from(path_bytes).ok()?,
        };
        self.index.insert(group.hash, slot);
        if self.free.pop().is_some() {
            self.groups[slot as usize] = group;
        } else {
            self.groups.push(group);
            self.folders.extend(std::iter::repeat_n(Folder::default(), self.hierarchies));
        }
        self.order.push(slot);
        self.high_water = self.high_water.max(self.usage().used);
        Some(slot)
    }

    /// Sorts what was added from a place of the order on by name: it was listed in the order of hashes.
    pub fn sort_from(&mut self, start: usize) {
        let Table { order, groups, names, .. } = self;
        let name = |slot: &u32| names.get(groups[*slot as usize].name);
        order[start..].sort_unstable_by(|a, b| name(a).cmp(name(b)));
    }

    /// The directory of a group has this inode. Another than before: it was made anew, and so is the group.
    pub fn see(&mut self, slot: u32, hierarchy: usize, inode: u64, now: Monotonic) {
        let folder = self.folder(slot, hierarchy);
        if folder.inode != inode && folder.inode != 0 {
            self.bear_again(slot, now);
        }
        *self.folder(slot, hierarchy) = Folder { inode, seen: true };
    }

    fn bear_again(&mut self, slot: u32, now: Monotonic) {
        self.births += 1;
        let births = self.births;
        let group = &mut self.groups[slot as usize];
        (group.birth, group.born) = (births, now);
        for folder in self.folders(slot) {
            folder.inode = 0;
        }
    }

    /// Begins a walk: nothing is seen yet.
    pub fn begin_walk(&mut self) {
        for folder in &mut self.folders {
            folder.seen = false;
        }
    }

    /// Was the directory of a group seen in this walk?
    pub fn seen(&mut self, slot: u32, hierarchy: usize) -> bool {
        self.folder(slot, hierarchy).seen
    }

    /// What is known below a group that cannot be listed at the moment stays.
    pub fn keep_children(&mut self, parent: u32, hierarchy: usize) {
        for at in 0..self.order.len() {
            let slot = self.order[at];
            if self.groups[slot as usize].parent == Some(parent) {
                let folder = self.folder(slot, hierarchy);
                folder.seen = folder.inode != 0;
            }
        }
    }

    /// Ends a walk: directories that were not seen are gone, and groups without a directory.
    pub fn end_walk(&mut self) {
        for at in 0..self.order.len() {
            let slot = self.order[at];
            for folder in self.folders(slot) {
                if !folder.seen {
                    folder.inode = 0;
                }
            }
        }
        self.bury();
    }

    /// Takes groups without a directory, and what is below them, out of the table.
    fn bury(&mut self) {
        let mut kept = 0;
        for at in 0..self.order.len() {
            let slot = self.order[at];
            let orphan = self.groups[slot as usize].parent.is_some_and(|parent| !self.lives(parent));
            let there = self.folders(slot).iter().any(|folder| folder.inode != 0);
            if slot == 0 || (there && !orphan) {
                self.order[kept] = slot;
                kept += 1;
                continue;
            }
            let Table { groups, index, names, .. } = self;
            index.remove(groups[slot as usize].hash, slot, |other| groups[other as usize].hash);
            names.remove(groups[slot as usize].name);
            self.groups[slot as usize].birth = 0;
            self.folders(slot).fill(Folder::default());
            self.free.push(slot);
        }
        self.order.truncate(kept);
    }
}
