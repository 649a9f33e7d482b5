//! What is watched, what is known of it, and how that fares. Filled by reflectors, read by whoever answers a scrape.

use super::envelope::Event;
use crate::base::clock::Monotonic;
use crate::counted_errors;
use crate::expo::objects::ShownKind;
use crate::http::Counter;
use crate::records::{Allow, Kind, Loss, Selector, Shelf};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

counted_errors! {
    /// Why a list or watch ended before its time.
    pub enum Failure {
        /// No connection.
        Connect = "connect",
        /// No answer, or nothing for too long.
        Timeout = "timeout",
        /// The connection ended within an answer.
        Cut = "cut",
        /// 401, also with the token read anew.
        Unauthorized = "unauthorized",
        /// 403: a rule of RBAC is missing.
        Forbidden = "forbidden",
        /// 404: the server has none of the group versions.
        NotFound = "not_found",
        /// 410: the version is too old; everything is listed anew.
        Gone = "gone",
        /// 429: the server asks for patience.
        Throttled = "throttled",
        /// 5xx.
        Server = "server",
        /// The answer is not what the API has.
        Malformed = "malformed",
        /// The objects that were there did not come to their end.
        NoEnd = "no_end",
        /// Any other status.
        Refused = "refused",
    }
}

/// When a source is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// By every agent.
    Always,
    /// By the agent that reports what is not of one node.
    Owner,
}

/// A list and watch of one kind.
#[derive(Clone, Debug)]
pub struct SourceSpec {
    /// Place among the watched kinds.
    pub kind: usize,
    /// All when empty.
    pub namespace: String,
    pub field_selector: String,
    pub scope: Scope,
}

/// How a source fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Another agent reports it, or nobody has begun.
    Idle,
    Listing,
    Watching,
    /// It failed and will be tried again.
    Failing(Failure),
    /// The server has no such kind.
    Absent,
}

/// What is counted of a source.
#[derive(Debug, Default)]
pub struct SourceCounts {
    pub lists: [Counter; 2],
    pub watches: [Counter; 2],
    pub failures: [Counter; Failure::ALL.len()],
    pub events: [Counter; Event::ALL.len()],
    /// Lists after the first.
    pub relists: Counter,
    /// Watches that went on where another one ended.
    pub resumed: Counter,
    /// Events that are older than what is known.
    pub stale: Counter,
    pub losses: [Counter; Loss::ALL.len()],
}

/// A source at work.
pub struct Source {
    pub spec: SourceSpec,
    pub counts: SourceCounts,
    pub stage: Cell<Stage>,
    /// All that is there was taken in once.
    pub synced: Cell<bool>,
    /// The count of [`Cache::syncs`] since when it is so.
    pub synced_at: Cell<u64>,
    /// There is nothing to wait for: it is synced, or it cannot be.
    pub settled: Cell<bool>,
    /// It fails time after time, and a line of the log has said so.
    pub trouble_said: Cell<bool>,
    /// A rule of RBAC is missing, and a line of the log has said so.
    pub forbidden_said: Cell<bool>,
    /// When the server told of it last, be it that nothing changed.
    pub heard: Cell<Option<Monotonic>>,
    /// The newest list.
    pub mark: Cell<u32>,
    /// Place among the kind's group versions.
    pub version: Cell<usize>,
}

/// A kind that is watched.
pub struct WatchedKind {
    pub kind: &'static Kind,
    pub selector: Rc<Selector>,
    pub allow: Rc<Allow>,
    /// Something of an object was lost, and a line of the log has said so.
    pub loss_said: Cell<bool>,
    /// An object was refused, and a line of the log has said so.
    pub refusal_said: Cell<bool>,
}

/// Which of many agents keeps an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    pub number: u32,
    pub of: u32,
}

/// All of it.
pub struct Cache {
    pub shelf: RefCell<Shelf>,
    pub kinds: Vec<WatchedKind>,
    /// As they are served: one for each of `kinds`.
    pub shown: Vec<ShownKind>,
    pub sources: Vec<Source>,
    pub shard: Shard,
    /// How often a source was synced that was not before.
    pub syncs: Cell<u64>,
    /// How often a source was forgotten.
    pub forgotten: Cell<u64>,
    /// Lines that no page has room for.
    pub lines_refused: Counter,
}

impl SourceSpec {
    /// Where, for the log; nothing if it is everywhere.
    pub fn place(&self) -> String {
        match (&*self.namespace, &*self.field_selector) {
            ("", "") => String::new(),
            ("", selector) => format!(" with {selector}"),
            (namespace, "") => format!(" in {namespace}"),
            (namespace, selector) => format!(" in {namespace} with {selector}"),
        }
    }
}

impl Source {
    pub fn new(spec: SourceSpec) -> Self {
        Source {
            spec,
            counts: SourceCounts::default(),
            stage: Cell::new(Stage::Idle),
            synced: Cell::new(false),
            synced_at: Cell::new(0),
            settled: Cell::new(false),
            trouble_said: Cell::new(false),
            forbidden_said: Cell::new(false),
            heard: Cell::new(None),
            mark: Cell::new(0),
            version: Cell::new(0),
        }
    }
}

impl Cache {
    /// The kinds of which all sources of a scope were taken in, as bits by their place; what cannot be had, because the
    /// server has no such kind or forbids it in one namespace, is not waited for. What is partial is not shown.
    pub fn complete(&self, scope: Scope) -> u64 {
        let of_scope = || self.sources.iter().filter(|source| source.spec.scope == scope);
        let there = of_scope().filter(|source| source.synced.get());
        let missing = of_scope().filter(|source| !source.synced.get() && !source.settled.get());
        let kinds = there.fold(0, |kinds, source| kinds | 1 << source.spec.kind);
        missing.fold(kinds, |kinds, source| kinds & !(1 << source.spec.kind))
    }

    /// All that is there of a source was taken in.
    pub fn note_synced(&self, number: usize) {
        let source = &self.sources[number];
        source.settled.set(true);
        if !source.synced.replace(true) {
            self.syncs.set(self.syncs.get() + 1);
            source.synced_at.set(self.syncs.get());
        }
    }

    /// Has everything that this agent reports been taken in, or can it not be?
    pub fn is_settled(&self, owner: bool) -> bool {
        let mut reported = self.sources.iter().filter(|source| owner || source.spec.scope == Scope::Always);
        reported.all(|source| source.settled.get())
    }

    /// Forgets what a source told: another agent reports it now.
    pub fn forget(&self, number: usize) {
        let source = &self.sources[number];
        source.synced.set(false);
        self.forgotten.set(self.forgotten.get() + 1);
        source.settled.set(false);
        source.stage.set(Stage::Idle);
        source.heard.set(None);
        let number = u16::try_from(number).unwrap_or(u16::MAX);
        self.shelf.borrow_mut().forget(source.spec.kind, number);
    }
}
