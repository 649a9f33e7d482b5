//! Going through the objects of a kind, page by page, while they change.

use super::encode;
use super::row::Row;
use super::shelf::{NONE, Shelf};

/// Where somebody is who goes through the objects of a kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk {
    /// [`NONE`]: at the end.
    next: u32,
    /// What is held of an object until the walk goes on, whatever becomes of it.
    held: Option<Held>,
}

/// A record that a walk is within.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    record: u32,
    source: u16,
    kind: u8,
    /// The object has another record by now, or is gone: this one is given back when nobody holds it.
    outdated: bool,
    /// It is gone, and the walk is at the object behind it.
    passed: bool,
}

/// The object that a walk is at.
#[derive(Clone, Copy)]
pub struct Here<'a> {
    pub row: Row<'a>,
    /// Who told of it last.
    pub source: u16,
}

/// A walk; to be given back to [`Shelf::end_walk`].
#[derive(Debug)]
pub struct WalkId(usize);

impl Shelf {
    /// Does a walk hold this record?
    pub(super) fn is_held(&self, record: u32) -> bool {
        self.walks.iter().flatten().any(|walk| walk.held.is_some_and(|held| held.record == record))
    }

    /// Gives a record back that no object has, or leaves that to the last walk that holds it.
    pub(super) fn release(&mut self, record: u32, kind: u8) {
        let mut held = false;
        let holds = self.walks.iter_mut().flatten().filter_map(|walk| walk.held.as_mut());
        for hold in holds.filter(|hold| hold.record == record) {
            hold.outdated = true;
            held = true;
        }
        if !held {
            let fields = self.chains[usize::from(kind)].fields;
            encode::give_back(fields, record, &mut self.names, &mut self.heap);
            self.heap.free(record);
        }
    }

    /// Begins to go through the objects of kinds; `None`: too many do.
    pub fn begin_walk(&mut self) -> Option<WalkId> {
        let place = self.walks.iter().position(Option::is_none)?;
        self.walks[place] = Some(Walk { next: NONE, held: None });
        Some(WalkId(place))
    }

    pub fn end_walk(&mut self, walk: &WalkId) {
        self.let_go(walk);
        self.walks[walk.0] = None;
    }

    /// Goes to the first object of a kind.
    pub fn go_first(&mut self, walk: &WalkId, kind: usize) {
        self.let_go(walk);
        self.walks[walk.0] = Some(Walk { next: self.chains[kind].first, held: None });
    }

    /// Goes to the next one.
    pub fn go_next(&mut self, walk: &WalkId) {
        let passed = self.let_go(walk).is_some_and(|held| held.passed);
        let Some(walk) = self.walks[walk.0].as_mut().filter(|_| !passed) else { return };
        walk.next = self.objects.get(walk.next as usize).map_or(NONE, |object| object.next);
    }

    /// Keeps the object that the walk is at as it is until the walk goes on: a page has a part of it.
    pub fn hold(&mut self, walk: &WalkId) {
        let Some(walk) = self.walks[walk.0].as_mut().filter(|walk| walk.held.is_none()) else { return };
        walk.held = self.objects.get(walk.next as usize).map(|object| Held {
            record: object.record,
            source: object.source,
            kind: object.kind,
            outdated: false,
            passed: false,
        });
    }

    /// An object goes: walks that are at it are at the next one.
    pub(super) fn pass(&mut self, place: u32, next: u32) {
        for walk in self.walks.iter_mut().flatten().filter(|walk| walk.next == place) {
            walk.next = next;
            if let Some(held) = &mut walk.held {
                held.passed = true;
            }
        }
    }

    /// Ends a hold; what was held.
    fn let_go(&mut self, walk: &WalkId) -> Option<Held> {
        let held = self.walks[walk.0].as_mut()?.held.take()?;
        if held.outdated {
            self.release(held.record, held.kind);
        }
        Some(held)
    }

    /// The object that the walk is at, if it is not younger than `births`.
    pub fn here(&self, walk: &WalkId, births: u64) -> Option<Here<'_>> {
        let Walk { next, held } = self.walks[walk.0]?;
        let (record, source) = match held {
            Some(held) => (held.record, held.source),
            None => {
                let object = self.objects.get(next as usize).filter(|object| object.born <= births)?;
                (object.record, object.source)
            }
        };
        Some(Here { row: Row::new(self.heap.bytes(), record as usize), source })
    }
}
