//! The table of groups: slots with names, parents and identities, found by parent and name.

use super::names::{Arena, NAME_BYTES, Span};
use crate::base::clock::Monotonic;
use crate::base::text::PathText;
use crate::store::{Index, Usage};
use rustix::fd::OwnedFd;
use std::cell::Cell;
use std::hash::BuildHasher as _;

/// Longest path of a group. Nested nodes have some 350 bytes; what is longer is refused.
pub(super) const PATH_BYTES_MAX: usize = 768;

/// A group.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// 0: the slot is free.
    pub birth: u64,
    pub born: Monotonic,
    /// When it was made; `None`: nobody has asked yet.
    pub created: Option<i64>,
    /// When [`super::Groups::changed`] last said yes.
    pub told: Monotonic,
    /// Files that the kernel does not have for it, by their number.
    pub missing: u64,
    pub parent: Option<u32>,
    hash: u64,
    name: Span,
    path_bytes: u16,
    /// A limit may have been written.
    pub changed: bool,
}

/// The directory of a group in one hierarchy.
#[derive(Debug, Default)]
pub(super) struct Folder {
    /// 0: it is not there.
    pub inode: u64,
    /// The number of its watch; 0: it has none.
    pub watch: i32,
    /// Held to open files through.
    pub fd: Option<OwnedFd>,
    /// Its children are to be listed.
    pub unlisted: bool,
    /// The listing of its parent has it, or its parent was not listed.
    pub seen: bool,
    /// It was there and went away: when it comes back it is another.
    pub lost: bool,
    /// Links when they were last counted: one for each directory in it, and two.
    pub links: u64,
    /// The links have changed since it was listed.
    pub stirred: bool,
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

    pub const fn is_full(&self) -> bool {
        self.order.len() >= self.capacity
    }

    /// Slots in use, parents first.
    pub fn order(&self) -> &[u32] {
        &self.order
    }

    pub fn group(&self, slot: u32) -> &Group {
        &self.groups[slot as usize]
    }

    pub fn group_mut(&mut self, slot: u32) -> &mut Group {
        &mut self.groups[slot as usize]
    }

    pub fn lives(&self, slot: u32) -> bool {
        self.groups.get(slot as usize).is_some_and(|group| group.birth > 0)
    }

    /// The number of a directory.
    pub const fn place(&self, slot: u32, hierarchy: usize) -> usize {
        slot as usize * self.hierarchies + hierarchy
    }

    /// The group and the hierarchy of a directory's number.
    pub fn at_place(&self, place: u32) -> (u32, usize) {
        let hierarchies = u32::try_from(self.hierarchies).unwrap_or(1).max(1);
        (place / hierarchies, (place % hierarchies) as usize)
    }

    pub fn folder(&self, slot: u32, hierarchy: usize) -> &Folder {
        &self.folders[self.place(slot, hierarchy)]
    }

    pub fn folder_mut(&mut self, slot: u32, hierarchy: usize) -> &mut Folder {
        let place = self.place(slot, hierarchy);
        &mut self.folders[place]
    }

    /// The directory of a number, for who has it from [`Self::place`].
    pub fn folder_at(&self, place: u32) -> &Folder {
        &self.folders[place as usize]
    }

    pub fn folders(&self) -> &[Folder] {
        &self.folders
    }

    pub fn folders_mut(&mut self, slot: u32) -> &mut [Folder] {
        let start = slot as usize * self.hierarchies;
        &mut self.folders[start..start + self.hierarchies]
    }

    /// Is it in any hierarchy?
    pub fn is_there(&self, slot: u32) -> bool {
        let start = slot as usize * self.hierarchies;
        self.folders[start..start + self.hierarchies].iter().any(|folder| folder.inode != 0)
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

    /// Groups that there have been so far.
    pub const fn births(&self) -> u64 {
        self.births
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
            self.groups.push(Group { birth: self.births, born: now, changed: true, ..Group::default() });
            self.folders.extend((0..self.hierarchies).map(|_| Folder::default()));
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
        let fits = path_bytes <= PATH_BYTES_MAX && !self.is_full();
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
        let groups = Cell::from_mut(self.groups.as_mut_slice()).as_slice_of_cells();
        let edit = |slot: u32, edit: &mut dyn FnMut(&mut Group)| {
            if let Some(cell) = groups.get(slot as usize) {
                let mut group = cell.take();
                edit(&mut group);
                cell.set(group);
            }
        };
        let span_of = |slot: u32| {
            let mut span = None;
            edit(slot, &mut |group| span = (group.birth > 0).then_some(group.name));
            span
        };
        let moved = |slot: u32, span: Span| edit(slot, &mut |group| group.name = span);
        let span = self.names.add(slot, name, span_of, moved)?;
        self.births += 1;
        let group = Group {
            birth: self.births,
            born: now,
            parent: Some(parent),
            hash: self.hash(parent, name),
            name: span,
            path_bytes: u16::try_from(path_bytes).ok()?,
            changed: true,
            ..Group::default()
        };
        self.index.insert(group.hash, slot);
        if self.free.pop().is_some() {
            self.groups[slot as usize] = group;
        } else {
            self.groups.push(group);
            self.folders.extend((0..self.hierarchies).map(|_| Folder::default()));
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

    /// The group was made anew under the same path: nothing that was known of it holds.
    pub fn bear_again(&mut self, slot: u32, now: Monotonic) {
        self.births += 1;
        let birth = self.births;
        let group = &mut self.groups[slot as usize];
        (group.birth, group.born, group.changed) = (birth, now, true);
        (group.created, group.missing) = (None, 0);
        for folder in self.folders_mut(slot) {
            folder.lost = false;
        }
    }

    /// Is a group to be buried: without a directory, or below one that is?
    pub fn is_dead(&self, slot: u32) -> bool {
        let orphan = self.groups[slot as usize].parent.is_some_and(|parent| !self.lives(parent));
        slot != 0 && (orphan || !self.is_there(slot))
    }

    /// Frees the slot of a group, whose directories are closed by now. It stays in the order until [`Self::close_up`].
    pub fn remove(&mut self, slot: u32) {
        let Table { groups, index, names, .. } = self;
        index.remove(groups[slot as usize].hash, slot, |other| groups[other as usize].hash);
        names.remove(groups[slot as usize].name);
        self.groups[slot as usize] = Group::default();
        self.folders_mut(slot).fill_with(Folder::default);
        self.free.push(slot);
    }

    /// Takes removed groups out of the order.
    pub fn close_up(&mut self) {
        let groups = &self.groups;
        self.order.retain(|slot| groups[*slot as usize].birth > 0);
    }
}
