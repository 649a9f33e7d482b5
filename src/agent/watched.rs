//! The agent's part in watching objects: when they are there, and what of them an answer shows.

use super::{Agent, READY_PAUSE, Section};
use crate::base::{clock, log};
use crate::expo::Page;
use crate::expo::objects::{ObjectCursor, ObjectFilter, render_objects};
use crate::kube::cache::Scope;
use crate::objects::telemetry;
use crate::own;
use std::time::Duration;

/// Room for a page where nobody else has one.
const PAGE_BYTES: usize = 64 * 1024;

/// How long `-once` waits for objects.
const ONCE_WAIT: Duration = Duration::from_secs(20);

impl Agent {
    /// Is everything of the API there that this agent reports, or known not to be to be had?
    pub(super) fn is_settled(&self) -> bool {
        self.watches.as_ref().is_none_or(|watches| {
            let owner = watches.owner.reports(clock::monotonic());
            watches.cache.is_settled(owner)
        })
    }

    /// Starts to watch objects. Within a [`tokio::task::LocalSet`].
    pub fn start_watches(&self) {
        if let Some(watches) = &self.watches {
            watches.start(self.reflectors.take());
        }
    }

    /// Lets go of what other agents wait for.
    pub async fn resign(&self) {
        if let Some(watches) = &self.watches {
            watches.owner.resign(&watches.api).await;
        }
    }

    /// Notes that the agent is ready as soon as the objects are there, also when nobody scrapes.
    pub async fn watch_ready(&self) {
        while self.ready.get().is_none() {
            tokio::time::sleep(READY_PAUSE).await;
            self.note_ready();
        }
    }

    /// Fills what is made when it is asked for.
    pub(super) fn fill(&self, section: Section) {
        let store = match section {
            Section::Own => return self.fill_own(),
            Section::Kube => &self.kube,
            Section::Telemetry => &self.telemetry,
            _ => return,
        };
        let Some(watches) = &self.watches else { return };
        let mut store = store.borrow_mut();
        store.at(clock::monotonic());
        if store.begin(|_| false) {
            let count = store.tables().len();
            let out = &mut store.out(0, count);
            match section {
                Section::Kube => own::kube::fill(out, watches, clock::monotonic()),
                _ => telemetry::fill(out, &watches.cache),
            }
            store.commit();
        }
    }

    /// The place of a watched kind as a bit; none for what is not watched.
    pub(super) fn kind_named(&self, name: &[u8]) -> u64 {
        let kinds = self.watches.iter().flat_map(|watches| &watches.cache.kinds);
        let place = kinds.into_iter().position(|kind| kind.kind.resource.as_bytes() == name);
        place.map_or(0, |place| 1 << place)
    }

    /// Waits until objects are there, for `-once`.
    pub(super) async fn await_objects(&self) {
        self.start_watches();
        let settled = async {
            while !self.is_settled() {
                tokio::time::sleep(READY_PAUSE).await;
            }
        };
        if tokio::time::timeout(ONCE_WAIT, settled).await.is_err() {
            log::warn(format_args!("the objects of the API server did not come within {ONCE_WAIT:?}"));
        }
    }

    /// All objects as text, for `-once`.
    pub(super) fn all_objects(&self) -> Vec<u8> {
        let mut text = Vec::new();
        let Some(mut objects) = ObjectsAt::new(self, u64::MAX) else { return text };
        let mut bytes = vec![0; PAGE_BYTES];
        loop {
            let mut page = Page::new(&mut bytes);
            let done = objects.fill(self, &mut page);
            let used = page.used();
            text.extend_from_slice(&bytes[..used]);
            if done != Some(false) {
                objects.end(self);
                return text;
            }
        }
    }
}

/// Where an answer is among the objects.
pub struct ObjectsAt {
    cursor: ObjectCursor,
    /// Kinds that were wanted and complete when the answer began, by their place: what every agent reports of them, and
    /// what the owner does.
    kinds: [u64; 2],
    /// This agent reports what is not of one node.
    owner: bool,
    /// What was synced when the answer began, and not forgotten since: `Cache::syncs`, `Cache::forgotten`.
    syncs: u64,
    forgotten: u64,
}

impl ObjectsAt {
    /// `None`: no objects are watched.
    pub fn new(agent: &Agent, wanted: u64) -> Option<Self> {
        let watches = agent.watches.as_ref()?;
        let owner = watches.owner.reports(clock::monotonic());
        let owned = if owner { watches.cache.complete(Scope::Owner) } else { 0 };
        let kinds = [watches.cache.complete(Scope::Always), owned].map(|kinds| kinds & wanted);
        let cursor = ObjectCursor::new(&mut watches.cache.shelf.borrow_mut())?;
        let (syncs, forgotten) = (watches.cache.syncs.get(), watches.cache.forgotten.get());
        Some(ObjectsAt { cursor, kinds, owner, syncs, forgotten })
    }

    /// Fills the page. `Some(true)`: all is written; `None`: it is no longer for this agent to say.
    pub fn fill(&mut self, agent: &Agent, page: &mut Page<'_>) -> Option<bool> {
        let watches = agent.watches.as_ref()?;
        let (cache, [always, owned]) = (&watches.cache, self.kinds);
        // Also when it was lost in the meantime and is held again: what was forgotten then came anew.
        let lost = !watches.owner.reports(clock::monotonic()) || cache.forgotten.get() != self.forgotten;
        if self.owner && lost {
            return None;
        }
        let since = self.syncs;
        let filter = ObjectFilter {
            kinds: &|place| (always | owned) >> place & 1 == 1,
            sources: &|source| {
                cache.sources.get(usize::from(source)).is_some_and(|source| {
                    let kinds = if source.spec.scope == Scope::Always { always } else { owned };
                    let synced = source.synced.get() && source.synced_at.get() <= since;
                    synced && kinds >> source.spec.kind & 1 == 1
                })
            },
        };
        Some(render_objects(&mut cache.shelf.borrow_mut(), &cache.shown, filter, &mut self.cursor, page))
    }

    pub const fn series(&self) -> u64 {
        self.cursor.series
    }

    /// Lets go of the objects.
    pub fn end(&self, agent: &Agent) {
        let Some(watches) = &agent.watches else { return };
        self.cursor.end(&mut watches.cache.shelf.borrow_mut());
        let refused = &watches.cache.lines_refused;
        if self.cursor.refused > 0 && refused.get() == 0 {
            log::warn(format_args!(
                "objects have lines that are longer than a page of an answer and are left out \
                 (trimeter_kube_lines_refused_total)"
            ));
        }
        refused.add(self.cursor.refused);
    }
}
