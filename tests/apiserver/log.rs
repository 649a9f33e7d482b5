//! What clients have asked: every request with its outcome, and how many are open at the same time.

use std::collections::BTreeMap;
use std::net::TcpStream;
use std::sync::Weak;
use std::time::Duration;

use super::wire;

/// A request and what became of it.
#[derive(Clone, Debug)]
pub struct Record {
    /// Since the server's start.
    pub at: Duration,
    /// Connections are numbered from 1: requests with the same number came over the same one.
    pub connection: u64,
    pub method: String,
    /// Path as it was sent.
    pub path: String,
    /// Query as it was sent, escapes and all.
    pub query: String,
    pub user_agent: String,
    pub accept: String,
    /// There was an `Authorization` field, right or wrong.
    pub authorization: bool,
    /// 0 until a head was sent.
    pub status: u16,
    /// Plural of the resource, if the path is one's.
    pub resource: Option<&'static str>,
    pub watch: bool,
    /// The answer has ended, one way or another.
    pub ended: bool,
}

/// A request that has not ended.
#[derive(Debug)]
struct Open {
    id: u64,
    resource: &'static str,
    watch: bool,
    socket: Weak<TcpStream>,
}

impl Open {
    /// A client that has hung up has ended its request, even if nobody has looked yet.
    fn is_live(&self) -> bool {
        self.socket.upgrade().is_some_and(|socket| !wire::is_hung_up(&socket))
    }
}

/// Most requests that are remembered; later ones are counted only.
const RECORDS_MAX: usize = 100_000;

/// All requests.
#[derive(Debug, Default)]
pub struct Log {
    pub records: Vec<Record>,
    open: Vec<Open>,
    open_max: BTreeMap<&'static str, usize>,
    ids: u64,
    /// Counts every clearing, so that a request that began before it is not looked for.
    generation: u64,
}

/// Where a request stands in the log.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    id: u64,
    index: Option<usize>,
    generation: u64,
}

impl Log {
    pub fn begin(&mut self, record: Record, socket: Weak<TcpStream>) -> Entry {
        self.ids += 1;
        let id = self.ids;
        if let Some(resource) = record.resource {
            self.open.push(Open { id, resource, watch: record.watch, socket });
            let now = self.open(resource);
            let most = self.open_max.entry(resource).or_default();
            *most = now.max(*most);
        }
        let index = (self.records.len() < RECORDS_MAX).then_some(self.records.len());
        self.records.extend(index.map(|_| record));
        Entry { id, index, generation: self.generation }
    }

    fn record(&mut self, entry: Entry) -> Option<&mut Record> {
        let current = entry.generation == self.generation;
        self.records.get_mut(entry.index.filter(|_| current)?)
    }

    pub fn answered(&mut self, entry: Entry, status: u16) {
        if let Some(record) = self.record(entry) {
            record.status = status;
        }
    }

    pub fn end(&mut self, entry: Entry) {
        if let Some(record) = self.record(entry) {
            record.ended = true;
        }
        self.open.retain(|open| open.id != entry.id);
    }

    /// Open requests of a resource, watches counted.
    pub fn open(&self, resource: &str) -> usize {
        self.open.iter().filter(|open| open.resource == resource && open.is_live()).count()
    }

    /// Most of them at the same time since the log was cleared.
    pub fn open_max(&self, resource: &str) -> usize {
        self.open_max.get(resource).copied().unwrap_or(0)
    }

    /// Open watches of one resource or of all.
    pub fn watches(&self, resource: Option<&str>) -> usize {
        let wanted = |open: &&Open| open.watch && resource.is_none_or(|resource| open.resource == resource);
        self.open.iter().filter(wanted).filter(|open| open.is_live()).count()
    }

    /// Forgets what was asked; what is open stays counted.
    pub fn clear(&mut self) {
        self.records.clear();
        self.generation += 1;
        let resources: Vec<&'static str> = self.open_max.keys().copied().collect();
        self.open_max = resources.into_iter().map(|resource| (resource, self.open(resource))).collect();
    }
}
