//! A reflector: keeps the objects of one source as the API server has them. It lists and watches, goes on where a watch
//! ended, and begins anew when the server has forgotten where that was.
//!
//! Objects are taken in as they come, in the place of what was known of them. What a new list lacks is taken out only
//! when the list is at its end: no scrape misses an object that exists, and nothing is kept twice.

use super::api::{Api, Backoff};
use super::cache::{Cache, Failure, Source, Stage};
use super::envelope::{Envelope, Form, Version};
use super::intake::{Intake, origin};
use super::target::{self, Ask};
use crate::base::task::give_way;
use crate::base::{clock, gate, log};
use crate::http::client::{ClientError, Connection, Head};
use crate::json::Tokenizer;
use crate::records::Scratch;
use std::rc::Rc;
use std::time::Duration;
use tokio::time::Instant;

/// How long a watch may say nothing. Servers send a bookmark every minute.
const SILENCE: Duration = Duration::from_secs(150);

/// The same while objects are listed.
const LIST_SILENCE: Duration = Duration::from_secs(30);

/// How long the objects that are there may be waited for, and their end when some have come.
const INITIAL_SILENCE: Duration = Duration::from_secs(10);

/// How long the objects that are there may take in a stream, whatever else it tells.
const INITIAL_MAX: Duration = Duration::from_secs(60);

/// How long a watch is asked for: as long as client-go asks, so that not all end at once.
const WATCH_SECONDS: std::ops::Range<u64> = 300..600;

/// Bytes that are taken in before others have their turn.
const SLICE_BYTES: usize = 64 * 1024;

/// Pages of a list; 500 objects each.
const PAGES_MAX: u32 = 100_000;

/// When a kind that is forbidden or absent is asked for again.
const SLOW_RETRY: Duration = Duration::from_secs(60);

/// Keeps one source.
pub struct Reflector {
    cache: Rc<Cache>,
    api: Rc<Api>,
    number: usize,
    connection: Connection,
    tokenizer: Tokenizer,
    scratch: Scratch,
    envelope: Envelope,
    target: String,
    /// Where a watch goes on; empty: everything is to be listed.
    version: Version,
    backoff: Backoff,
}

impl Reflector {
    /// Bytes that a reflector holds beside its connection.
    pub fn bytes(scratch_bytes: usize) -> u64 {
        (size_of::<Reflector>() + 2 * scratch_bytes) as u64
    }

    /// For the source with this number; everything is allocated.
    pub fn new(cache: &Rc<Cache>, api: &Rc<Api>, number: usize) -> Self {
        let kind = &cache.kinds[cache.sources[number].spec.kind];
        let scratch =
            Scratch::new(Rc::clone(&kind.selector), Rc::clone(&kind.allow), kind.kind.scratch_bytes);
        Reflector {
            cache: Rc::clone(cache),
            api: Rc::clone(api),
            number,
            connection: api.connection(),
            tokenizer: Tokenizer::new(),
            scratch,
            envelope: Envelope::new(Form::Watch),
            target: String::with_capacity(4096),
            version: Version::new(),
            backoff: api.backoff(),
        }
    }

    /// Lets go of everything: the next run begins anew.
    pub fn forget(&mut self) {
        self.connection.close();
        self.version.clear();
        self.backoff.reset();
    }

    /// Lists and watches until it is dropped.
    pub async fn run(&mut self) {
        loop {
            let begun = clock::monotonic();
            let ended = if self.version.is_empty() { self.sync().await } else { self.watch().await };
            let pause = match ended {
                Ok(()) => {
                    // A watch that the server ends at once, time after time, is not to be asked for without a pause.
                    if clock::monotonic().since(begun) >= Duration::from_secs(1) {
                        self.backoff.reset();
                        Duration::ZERO
                    } else {
                        self.backoff.pause()
                    }
                }
                Err(stop) => {
                    self.note_failure(stop.failure);
                    self.source().stage.set(Stage::Failing(stop.failure));
                    self.after(stop)
                }
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// What follows from a failure; how long to wait.
    fn after(&mut self, stop: Stop) -> Duration {
        let source = &self.cache.sources[self.number];
        let kind = self.cache.kinds[source.spec.kind].kind;
        match stop.failure {
            Failure::Gone => {
                self.version.clear();
                self.backoff.pause().min(Duration::from_secs(1))
            }
            Failure::NotFound => {
                let next = source.version.get() + 1;
                if next < kind.versions.len() {
                    source.version.set(next);
                    return Duration::ZERO;
                }
                source.version.set(0);
                source.stage.set(Stage::Absent);
                if !source.settled.replace(true) {
                    log::info(format_args!(
                        "the API server has no {} ({}); their metrics are missing",
                        kind.resource,
                        kind.versions.join(", ")
                    ));
                }
                self.api.jitter(SLOW_RETRY * 5)
            }
            Failure::Forbidden => {
                if !source.settled.replace(true) || source.synced.get() {
                    self.api.say_forbidden(kind, source.version.get(), &source.spec);
                }
                self.api.jitter(SLOW_RETRY)
            }
            Failure::Throttled | Failure::Server => {
                self.backoff.pause().max(stop.retry_after.unwrap_or_default())
            }
            Failure::Connect | Failure::Timeout | Failure::Unauthorized => {
                self.api.fails(stop.failure, self.connection.problem());
                self.backoff.pause()
            }
            Failure::Cut | Failure::Malformed | Failure::NoEnd | Failure::Refused => self.backoff.pause(),
        }
    }

    /// Takes in everything that is there, and goes on with what changes where the server tells both in one stream.
    async fn sync(&mut self) -> Result<(), Stop> {
        let api = Rc::clone(&self.api);
        let turn = api.turn().await;
        let source = self.source();
        source.stage.set(Stage::Listing);
        source.mark.set(source.mark.get().wrapping_add(1));
        if source.synced.get() {
            source.counts.relists.one();
        }
        if api.streams_lists() {
            match self.watch_list(turn).await {
                Err(stop) if stop.failure == Failure::Refused || stop.failure == Failure::NoEnd => {
                    // It knows no such stream, or does not end it.
                    self.note_failure(stop.failure);
                    if stop.failure == Failure::Refused {
                        api.lists_instead();
                    }
                    let turn = api.turn().await;
                    self.list().await?;
                    drop(turn);
                    Ok(())
                }
                other => other,
            }
        } else {
            self.list().await?;
            drop(turn);
            Ok(())
        }
    }

    async fn watch_list(&mut self, turn: tokio::sync::SemaphorePermit<'_>) -> Result<(), Stop> {
        let seconds = self.api.within(WATCH_SECONDS);
        let begun = self.ask(Ask::WatchList(seconds)).await;
        self.note_list(&begun);
        begun?;
        let done = self.stream(Some(turn)).await;
        let synced = !self.version.is_empty();
        match done {
            // It ended, and what was there has not.
            Ok(()) if !synced => Err(Stop::from(Failure::NoEnd)),
            other => other,
        }
    }

    /// Lists page by page.
    async fn list(&mut self) -> Result<(), Stop> {
        let mut rest = super::envelope::Continue::new();
        for _ in 0..PAGES_MAX {
            let asked = self.ask(Ask::List(rest.as_str())).await;
            self.note_list(&asked);
            asked?;
            self.envelope = Envelope::new(Form::List);
            self.tokenizer.reset();
            let mut whole = false;
            let mut slice = 0;
            loop {
                let Some(bytes) = self.connection.chunk(Instant::now() + LIST_SILENCE).await? else { break };
                slice += bytes.len();
                let taken = Intake {
                    cache: &self.cache,
                    number: self.number,
                    tokenizer: &mut self.tokenizer,
                    scratch: &mut self.scratch,
                    envelope: &mut self.envelope,
                    version: &mut self.version,
                    syncing: true,
                };
                whole |= gate_hot(|| taken.page(bytes))?;
                self.heard();
                if slice >= SLICE_BYTES {
                    slice = 0;
                    give_way().await;
                }
            }
            if !whole {
                return Err(Stop::from(Failure::Cut));
            }
            if self.envelope.cut || self.envelope.version.is_empty() {
                return Err(Stop::from(Failure::Malformed));
            }
            if self.envelope.rest.is_empty() {
                self.version = self.envelope.version;
                self.complete();
                return Ok(());
            }
            rest = self.envelope.rest;
        }
        Err(Stop::from(Failure::Malformed))
    }

    /// Goes on with what changes.
    async fn watch(&mut self) -> Result<(), Stop> {
        let seconds = self.api.within(WATCH_SECONDS);
        let version = self.version;
        let begun = self.ask(Ask::Watch(version.as_str(), seconds)).await;
        let source = self.source();
        source.counts.watches[usize::from(begun.is_err())].one();
        begun?;
        source.counts.resumed.one();
        source.stage.set(Stage::Watching);
        self.stream(None).await
    }

    /// Sends a request; `Ok`: its answer begins with 200.
    async fn ask(&mut self, ask: Ask<'_>) -> Result<(), Stop> {
        let source = &self.cache.sources[self.number];
        let kind = self.cache.kinds[source.spec.kind].kind;
        target::write(&mut self.target, kind, source.version.get(), &source.spec, ask);
        let head = self.api.get(&mut self.connection, &self.target).await?;
        self.heard();
        match head.status {
            200 => {
                self.api.works();
                Ok(())
            }
            _ => {
                self.connection.close();
                Err(Stop::of(&head))
            }
        }
    }

    fn source(&self) -> &Source {
        &self.cache.sources[self.number]
    }

    fn note_list<T>(&self, asked: &Result<T, Stop>) {
        self.source().counts.lists[usize::from(asked.is_err())].one();
    }

    fn note_failure(&self, failure: Failure) {
        self.source().counts.failures[failure.index()].one();
    }

    fn heard(&self) {
        self.source().heard.set(Some(clock::monotonic()));
    }

    /// The list is at its end: what it lacks is gone.
    fn complete(&mut self) {
        let source = &self.cache.sources[self.number];
        let origin = origin(&self.cache, self.number);
        self.cache.shelf.borrow_mut().sweep(source.spec.kind, origin);
        source.synced.set(true);
        source.settled.set(true);
        source.stage.set(Stage::Watching);
        self.backoff.reset();
    }

    /// Takes in events until the stream ends. With a turn, the first of them are the objects that are there.
    async fn stream(&mut self, mut turn: Option<tokio::sync::SemaphorePermit<'_>>) -> Result<(), Stop> {
        self.envelope = Envelope::new(Form::Watch);
        self.tokenizer.reset();
        let mut slice = 0;
        let begun = clock::monotonic();
        loop {
            if turn.is_some() && clock::monotonic().since(begun) > INITIAL_MAX {
                self.connection.close();
                return Err(Stop::from(Failure::NoEnd));
            }
            let patience = if turn.is_some() { INITIAL_SILENCE } else { SILENCE };
            let bytes = match self.connection.chunk(Instant::now() + patience).await {
                Ok(Some(bytes)) => bytes,
                Ok(None) => break,
                // Servers of before 1.27 tell what is there and not that this was all.
                Err(_) if turn.is_some() => return Err(Stop::from(Failure::NoEnd)),
                // Nothing happens, and this server sends no bookmarks. Or it is gone, which the next request finds.
                Err(ClientError::IdleTimeout) => {
                    self.connection.close();
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            };
            slice += bytes.len();
            let intake = Intake {
                cache: &self.cache,
                number: self.number,
                tokenizer: &mut self.tokenizer,
                scratch: &mut self.scratch,
                envelope: &mut self.envelope,
                version: &mut self.version,
                syncing: turn.is_some(),
            };
            let taken = gate_hot(|| intake.events(bytes))?;
            self.heard();
            if let Some(code) = taken.error {
                self.connection.close();
                return Err(Stop::of_code(code));
            }
            if taken.end && turn.take().is_some() {
                self.complete();
            }
            if slice >= SLICE_BYTES {
                slice = 0;
                give_way().await;
            }
        }
        if self.tokenizer.is_idle() { Ok(()) } else { Err(Stop::from(Failure::Cut)) }
    }
}

/// Parsing and keeping allocate nothing.
fn gate_hot<T>(work: impl FnOnce() -> T) -> T {
    let _hot = gate::Hot::enter();
    work()
}

/// A failure, with what the server said of patience.
#[derive(Clone, Copy, Debug)]
pub struct Stop {
    pub failure: Failure,
    pub retry_after: Option<Duration>,
}

impl From<ClientError> for Stop {
    fn from(error: ClientError) -> Self {
        Stop::from(match error {
            ClientError::Connect | ClientError::Tls => Failure::Connect,
            ClientError::HeadTimeout | ClientError::IdleTimeout => Failure::Timeout,
            ClientError::Head | ClientError::Cut => Failure::Cut,
            ClientError::Request | ClientError::Malformed | ClientError::TooLong => Failure::Malformed,
        })
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Stop { failure, retry_after: None }
    }
}

impl Stop {
    fn of(head: &Head) -> Self {
        Stop { retry_after: head.retry_after, ..Stop::of_code(i64::from(head.status)) }
    }

    fn of_code(code: i64) -> Self {
        Stop::from(match code {
            401 => Failure::Unauthorized,
            403 => Failure::Forbidden,
            404 => Failure::NotFound,
            410 => Failure::Gone,
            429 => Failure::Throttled,
            500..=599 => Failure::Server,
            _ => Failure::Refused,
        })
    }
}
