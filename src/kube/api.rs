//! What all reflectors share of the API server: who we are to it, how many list at the same time, how it fares.

use super::cache::{Failure, Source};
use super::config::Cluster;
use super::token::Token;
use crate::base::clock::{self, Monotonic};
use crate::base::log;
use crate::http::Counter;
use crate::http::client::{ClientError, ClientStats, Connection, Head, Request, Server};
use crate::net::Patience;
use crate::records::Kind;
use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Lists at the same time.
const LISTS: usize = 4;

/// How long lists are asked for page by page when the server does not stream them; it may be another one by then.
const NO_STREAMS_NANOS: u64 = 3_600_000_000_000;

/// Streams without an end of what is there, one after the other, before lists are asked for instead.
const NO_ENDS_MAX: u32 = 2;

/// Pauses between attempts: twice as long each time, from this to that, and up to half of it more.
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(20);

/// Statuses that are counted one by one; any other has the place behind them.
pub const CODES: [u16; 14] = [200, 201, 400, 401, 403, 404, 409, 410, 422, 429, 500, 502, 503, 504];

/// The API server.
pub struct Api {
    server: Rc<Server>,
    /// For people.
    name: String,
    token: RefCell<Token>,
    turns: Semaphore,
    /// Until then it is not asked to tell what is there and what changes in one stream.
    lists_until: Cell<Monotonic>,
    /// Streams in which what is there had no end, in a row.
    no_ends: Cell<u32>,
    /// Sources whose requests have no answer; a line of the log has said so.
    unanswered: Cell<u32>,
    random: Cell<u64>,
    pub numbers: ApiNumbers,
    pub stats: Rc<ClientStats>,
}

/// What is counted of requests.
#[derive(Debug, Default)]
pub struct ApiNumbers {
    /// By place in [`CODES`], others last.
    pub answers: [Counter; CODES.len() + 1],
    /// From the sending of requests to the head of their answers.
    pub waited_nanos: Counter,
}

impl Api {
    pub fn new(cluster: Cluster, seed: u64) -> Self {
        let token = Token::new(&cluster.credentials);
        Api {
            name: name(&cluster),
            server: Rc::new(cluster.server),
            token: RefCell::new(token),
            turns: Semaphore::new(LISTS),
            lists_until: Cell::new(Monotonic(0)),
            no_ends: Cell::new(0),
            unanswered: Cell::new(0),
            random: Cell::new(seed | 1),
            numbers: ApiNumbers::default(),
            stats: Rc::default(),
        }
    }

    /// A connection of its own, not yet made.
    pub fn connection(&self) -> Connection {
        Connection::new(Rc::clone(&self.server), Patience::default(), Rc::clone(&self.stats))
    }

    /// Waits for the turn to list: many lists at once would take the memory and the CPU of all at once.
    pub async fn turn(&self) -> SemaphorePermit<'_> {
        match self.turns.acquire().await {
            Ok(turn) => turn,
            // It is never closed.
            Err(_) => std::future::pending().await,
        }
    }

    /// May it be asked to tell what is there and what changes in one stream?
    pub fn streams_lists(&self) -> bool {
        self.lists_until.get() <= clock::monotonic()
    }

    /// It told what is there in a stream, to the end.
    pub fn streamed(&self) {
        self.no_ends.set(0);
    }

    /// It did not say that this is all; some servers never do.
    pub fn no_end(&self) {
        self.no_ends.set(self.no_ends.get() + 1);
        if self.no_ends.get() >= NO_ENDS_MAX {
            self.lists_instead();
        }
    }

    /// It refuses to tell what is there in a stream.
    pub fn lists_instead(&self) {
        if self.streams_lists() {
            self.no_ends.set(0);
            self.lists_until.set(Monotonic(clock::monotonic().0.saturating_add(NO_STREAMS_NANOS)));
            log::info(format_args!("the API server does not stream lists; objects are listed page by page"));
        }
    }

    /// Asks for something.
    pub async fn get(&self, connection: &mut Connection, target: &str) -> Result<Head, ClientError> {
        self.send(connection, Request::get(target)).await
    }

    /// Sends a request with or without a body and waits for the head of its answer. A token that is refused is read
    /// anew, once.
    pub async fn send(&self, connection: &mut Connection, request: Request<'_>) -> Result<Head, ClientError> {
        let mut renewed = false;
        loop {
            let authorization = self.token.borrow_mut().authorization(clock::monotonic()).map(str::to_owned);
            let request = Request { authorization: authorization.as_deref(), ..request };
            let begun = clock::monotonic();
            let head = connection.request(&request).await;
            let waited = clock::monotonic().since(begun).as_nanos();
            self.numbers.waited_nanos.add(u64::try_from(waited).unwrap_or(u64::MAX));
            if let Ok(head) = &head {
                let place = CODES.iter().position(|code| *code == head.status).unwrap_or(CODES.len());
                self.numbers.answers[place].one();
            }
            if renewed || !head.as_ref().is_ok_and(|head| head.status == 401) {
                return head;
            }
            self.token.borrow_mut().expire();
            connection.close();
            renewed = true;
        }
    }

    /// It answers again a source that said [`Self::fails`]: one line when it does so for all.
    pub fn works(&self) {
        self.unanswered.set(self.unanswered.get().saturating_sub(1));
        if self.unanswered.get() == 0 {
            log::info(format_args!("the API server {} answers again", self.name));
        }
    }

    /// It does not answer a source: one line for all of them.
    pub fn fails(&self, failure: Failure, why: &str) {
        self.unanswered.set(self.unanswered.get() + 1);
        if self.unanswered.get() == 1 {
            log::warn(format_args!(
                "the API server {}: {} {why}; what is known of its objects stays (trimeter_kube_source_age_seconds)",
                self.name,
                failure.label(),
            ));
        }
    }

    /// Says which rule of RBAC is missing.
    pub fn say_forbidden(&self, kind: &Kind, version: usize, source: &Source) {
        let version = kind.versions.get(version).copied().unwrap_or_default();
        let group = version.split_once('/').map_or("", |(group, _)| group);
        let namespace = &source.spec.namespace;
        let place = if namespace.is_empty() { "all namespaces" } else { namespace };
        let effect =
            if source.synced.get() { "what was known of them stays" } else { "their metrics are missing" };
        log::warn(format_args!(
            "the API server forbids {}: {effect}; a rule with apiGroups [\"{group}\"], resources \
             [\"{}\"], verbs [list, watch] in {place} allows it (trimeter_kube_failures_total)",
            kind.resource, kind.resource,
        ));
    }

    pub fn backoff(self: &Rc<Self>) -> Backoff {
        Backoff { api: Rc::clone(self), pause: PAUSE_MIN }
    }

    /// A number of the range.
    pub fn within(&self, range: Range<u64>) -> u64 {
        // xorshift64*: spreads requests, guards nothing.
        let mut state = self.random.get();
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        self.random.set(state);
        let spread = range.end.saturating_sub(range.start).max(1);
        range.start + (state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11) % spread
    }

    /// At least a duration and at most half of it more, so that not all agents come at the same time.
    pub fn jitter(&self, least: Duration) -> Duration {
        let millis = u64::try_from(least.as_millis()).unwrap_or(u64::MAX / 8);
        Duration::from_millis(self.within(millis..millis + millis / 2 + 1))
    }
}

/// Pauses between attempts of one reflector.
pub struct Backoff {
    api: Rc<Api>,
    pause: Duration,
}

impl Backoff {
    pub fn reset(&mut self) {
        self.pause = PAUSE_MIN;
    }

    /// The pause before the next attempt.
    pub fn pause(&mut self) -> Duration {
        let pause = self.api.jitter(self.pause);
        self.pause = (self.pause * 2).min(PAUSE_MAX);
        pause
    }
}

/// The server as people write it.
pub fn name(cluster: &Cluster) -> String {
    let Server { host, port, tls, base_path } = &cluster.server;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
    format!("{scheme}://{host}:{port}{base_path}")
}
