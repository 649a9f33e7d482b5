//! All objects: found by uid, listed by kind in the order of their coming, replaced in place.

use super::encode::{self, Draft};
use super::field::{Field, Meta};
use super::heap::Heap;
use super::names::Names;
use super::row::Row;
use super::scratch::Scratch;
use super::walk::Walk;
use crate::base::text::Full;
use crate::store::{Index, Item, Usage};
use std::hash::{BuildHasher, Hasher};

/// "No object".
pub(super) const NONE: u32 = u32::MAX;

/// An object in use, or a place for one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Object {
    /// Where its record begins in the heap.
    pub(super) record: u32,
    hash: u32,
    /// The count of births when it came.
    pub(super) born: u64,
    /// The newest list of its source that had it.
    mark: u32,
    pub(super) source: u16,
    pub(super) kind: u8,
    /// Neighbours of its kind.
    pub(super) next: u32,
    previous: u32,
}

/// The objects of a kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chain {
    pub(super) fields: &'static [Field],
    pub(super) first: u32,
    last: u32,
    count: u32,
}

/// How many things there is room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShelfLimits {
    pub objects: u32,
    pub names: u32,
    pub heap_bytes: u32,
    /// Longest record.
    pub record_bytes: u32,
    /// Walks at the same time.
    pub walks: u32,
}

/// What became of an object that was put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    Added,
    Changed,
    /// Nothing that is kept of it has changed.
    Same,
    /// Another source has told of it, to which this one yields.
    Yielded,
}

/// Who told of an object, and in which of its lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    pub number: u16,
    pub mark: u32,
    /// What another source tells of an object is newer.
    pub yields: bool,
}

/// Everything that is kept. Refuses new objects when there is no room, and counts them.
pub struct Shelf {
    pub(super) heap: Heap,
    pub(super) names: Names,
    draft: Draft,
    pub(super) objects: Vec<Object>,
    capacity: u32,
    /// First free place below the end of `objects`; linked by `next`.
    free: u32,
    used: u32,
    high_water: u32,
    refused: u64,
    births: u64,
    index: Index,
    pub(super) chains: Vec<Chain>,
    pub(super) walks: Box<[Option<Walk>]>,
    hasher: hashbrown::DefaultHashBuilder,
}

impl Shelf {
    /// What [`Self::new`] allocates.
    pub fn plan(limits: &ShelfLimits) -> Vec<Item> {
        let objects = u64::from(limits.objects);
        vec![
            Heap::plan("records and names", limits.heap_bytes),
            Names::plan(limits.names),
            Item { what: "objects", rows: objects, row_bytes: size_of::<Object>() as u64 },
            Item { what: "index of objects", rows: objects, row_bytes: 4 * 4 },
            Item { what: "a record in the making", rows: 1, row_bytes: Draft::planned(limits.record_bytes) },
            Item {
                what: "walks",
                rows: u64::from(limits.walks),
                row_bytes: size_of::<Option<Walk>>() as u64,
            },
        ]
    }

    /// Allocates everything. `kinds` are the fields of each kind, which is from then on called by its place.
    pub fn new(limits: &ShelfLimits, kinds: impl Iterator<Item = &'static [Field]>) -> Self {
        let chains = kinds.map(|fields| Chain { fields, first: NONE, last: NONE, count: 0 }).collect();
        Shelf {
            heap: Heap::new(limits.heap_bytes),
            names: Names::new(limits.names),
            draft: Draft::new(limits.record_bytes as usize),
            objects: Vec::with_capacity(limits.objects as usize),
            capacity: limits.objects,
            free: NONE,
            used: 0,
            high_water: 0,
            refused: 0,
            births: 0,
            index: Index::new(limits.objects as usize),
            chains,
            walks: vec![None; limits.walks as usize].into_boxed_slice(),
            hasher: hashbrown::DefaultHashBuilder::default(),
        }
    }

    /// Objects, names and the heap, each with how full it is.
    pub fn usages(&self) -> [(&'static str, Usage); 3] {
        let objects = Usage {
            used: self.used,
            capacity: self.capacity,
            high_water: self.high_water,
            refused: self.refused,
            ..Usage::default()
        };
        [("objects", objects), ("names", self.names.usage()), ("records and names, KiB", self.heap.usage())]
    }

    /// Bytes of records and names in use.
    pub fn used_bytes(&self) -> u64 {
        self.heap.used_bytes()
    }

    /// Objects of a kind.
    pub fn count(&self, kind: usize) -> u32 {
        self.chains[kind].count
    }

    /// Births so far: an object with a higher number came later.
    pub const fn births(&self) -> u64 {
        self.births
    }

    /// Keeps the object of a scratch, in the place of what was known of it.
    pub fn put(&mut self, kind: usize, source: Source, scratch: &Scratch) -> Result<Put, Full> {
        let hash = self.hash_of(kind, scratch);
        let known = self.find(kind, hash, scratch);
        if let Some(object) = known {
            // It exists, whether or not there is room for what is new of it.
            let object = &mut self.objects[object as usize];
            if source.yields && object.source != source.number {
                return Ok(Put::Yielded);
            }
            (object.source, object.mark) = (source.number, source.mark);
        }
        let Shelf { draft, names, heap, .. } = self;
        if draft.encode(scratch, names, heap).is_err() {
            self.refused += 1;
            return Err(Full);
        }
        let fields = self.chains[kind].fields;
        if let Some(object) = known {
            let Object { record, .. } = self.objects[object as usize];
            let bytes = self.draft.bytes();
            let start = record as usize;
            // A record that is as long and the same in every byte is the same: its names are.
            if self.heap.bytes().get(start..start + bytes.len()) == Some(bytes) {
                self.draft.give_back(fields, &mut self.names, &mut self.heap);
                return Ok(Put::Same);
            }
            self.replace(object, fields)?;
            return Ok(Put::Changed);
        }
        if self.used == self.capacity {
            self.draft.give_back(fields, &mut self.names, &mut self.heap);
            self.refused += 1;
            return Err(Full);
        }
        let record = self.store(fields)?;
        self.add(kind, source, hash, record);
        Ok(Put::Added)
    }

    /// The draft in place of an object's record: in the same block if it fits and nobody reads it.
    fn replace(&mut self, object: u32, fields: &'static [Field]) -> Result<(), Full> {
        let Object { record, kind, .. } = self.objects[object as usize];
        let bytes = self.draft.bytes();
        if !self.is_held(record) {
            // The names of the old record are read from it: before its end is given away with what is in it, and not
            // before it is known that the new one fits.
            if self.heap.has_room(record, bytes.len()) || self.heap.fit(record, bytes.len()) {
                encode::give_back(fields, record, &mut self.names, &mut self.heap);
                let fits = self.heap.fit(record, bytes.len());
                debug_assert!(fits, "it has room");
                self.heap.block_mut(record, bytes.len()).copy_from_slice(bytes);
                return Ok(());
            }
        }
        let new = self.store(fields)?;
        self.objects[object as usize].record = new;
        self.release(record, kind);
        Ok(())
    }

    /// Moves the draft into the heap; if there is no room, its names are given back.
    fn store(&mut self, fields: &'static [Field]) -> Result<u32, Full> {
        let bytes = self.draft.bytes();
        match self.heap.allocate(bytes.len()) {
            Some(record) => {
                self.heap.block_mut(record, bytes.len()).copy_from_slice(bytes);
                Ok(record)
            }
            None => {
                self.draft.give_back(fields, &mut self.names, &mut self.heap);
                self.refused += 1;
                Err(Full)
            }
        }
    }

    /// Forgets the object of a scratch if this source told of it last. Was it there?
    pub fn remove(&mut self, kind: usize, source: u16, scratch: &Scratch) -> bool {
        let hash = self.hash_of(kind, scratch);
        let known = self.find(kind, hash, scratch);
        let known = known.filter(|object| self.objects[*object as usize].source == source);
        if let Some(object) = known {
            self.take_out(object);
        }
        known.is_some()
    }

    /// Forgets what a source's complete list did not have; how many.
    pub fn sweep(&mut self, kind: usize, source: Source) -> u32 {
        self.retain(kind, |object| object.source != source.number || object.mark == source.mark)
    }

    /// Forgets all that a source told.
    pub fn forget(&mut self, kind: usize, source: u16) -> u32 {
        self.retain(kind, |object| object.source != source)
    }

    fn retain(&mut self, kind: usize, keep: impl Fn(&Object) -> bool) -> u32 {
        let mut gone = 0;
        let mut next = self.chains[kind].first;
        while next != NONE {
            let object = next;
            next = self.objects[object as usize].next;
            if !keep(&self.objects[object as usize]) {
                self.take_out(object);
                gone += 1;
            }
        }
        gone
    }

    /// The records of a kind, in the order of their coming.
    pub fn iter(&self, kind: usize) -> impl Iterator<Item = Row<'_>> {
        let mut next = self.chains[kind].first;
        std::iter::from_fn(move || {
            let object = self.objects.get(next as usize)?;
            next = object.next;
            Some(Row::new(self.heap.bytes(), object.record as usize))
        })
    }

    /// The object with this uid.
    pub fn by_uid(&self, kind: usize, uid: &[u8]) -> Option<Row<'_>> {
        let hash = self.hash(kind, uid);
        let found = self.index.find(hash.into(), |object| {
            let known = &self.objects[object as usize];
            known.hash == hash && usize::from(known.kind) == kind && self.meta(object).uid() == Some(uid)
        })?;
        Some(self.meta(found).0)
    }

    fn meta(&self, object: u32) -> Meta<'_> {
        Meta(Row::new(self.heap.bytes(), self.objects[object as usize].record as usize))
    }

    fn hash(&self, kind: usize, uid: &[u8]) -> u32 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write_usize(kind);
        hasher.write(uid);
        u32::try_from(hasher.finish() & u64::from(u32::MAX)).unwrap_or(0)
    }

    /// By uid; what has none, by its namespace and name.
    fn hash_of(&self, kind: usize, scratch: &Scratch) -> u32 {
        match scratch.identity() {
            [Some(uid), ..] => self.hash(kind, uid),
            [None, namespace, name] => {
                let mut hasher = self.hasher.build_hasher();
                hasher.write_usize(kind);
                hasher.write(namespace.unwrap_or_default());
                hasher.write_u8(0);
                hasher.write(name.unwrap_or_default());
                u32::try_from(hasher.finish() & u64::from(u32::MAX)).unwrap_or(0)
            }
        }
    }

    fn find(&self, kind: usize, hash: u32, scratch: &Scratch) -> Option<u32> {
        let [uid, namespace, name] = scratch.identity();
        self.index.find(hash.into(), |object| {
            let known = &self.objects[object as usize];
            if known.hash != hash || usize::from(known.kind) != kind {
                return false;
            }
            let meta = self.meta(object);
            let known_uid = meta.uid().filter(|uid| !uid.is_empty());
            known_uid == uid
                && (uid.is_some() || (given(meta.namespace()) == namespace && given(meta.name()) == name))
        })
    }

    fn add(&mut self, kind: usize, source: Source, hash: u32, record: u32) {
        self.births += 1;
        let chain = &mut self.chains[kind];
        let object = Object {
            record,
            hash,
            born: self.births,
            mark: source.mark,
            source: source.number,
            kind: u8::try_from(kind).unwrap_or(u8::MAX),
            next: NONE,
            previous: chain.last,
        };
        let place = match self.free {
            NONE => {
                self.objects.push(object);
                u32::try_from(self.objects.len() - 1).unwrap_or(NONE)
            }
            free => {
                self.free = self.objects[free as usize].next;
                self.objects[free as usize] = object;
                free
            }
        };
        match chain.last {
            NONE => chain.first = place,
            last => self.objects[last as usize].next = place,
        }
        chain.last = place;
        chain.count += 1;
        self.index.insert(hash.into(), place);
        self.used += 1;
        self.high_water = self.high_water.max(self.used);
    }

    fn take_out(&mut self, place: u32) {
        let object = self.objects[place as usize];
        self.pass(place, object.next);
        let objects = &self.objects;
        self.index.remove(object.hash.into(), place, |other| objects[other as usize].hash.into());
        let chain = &mut self.chains[usize::from(object.kind)];
        match object.previous {
            NONE => chain.first = object.next,
            previous => self.objects[previous as usize].next = object.next,
        }
        match object.next {
            NONE => chain.last = object.previous,
            next => self.objects[next as usize].previous = object.previous,
        }
        chain.count -= 1;
        self.release(object.record, object.kind);
        self.objects[place as usize].next = self.free;
        self.free = place;
        self.used -= 1;
    }
}

fn given(text: Option<&[u8]>) -> Option<&[u8]> {
    text.filter(|text| !text.is_empty())
}
