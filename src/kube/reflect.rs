//! A reflector: keeps the objects of one source as the API server has them. It lists and watches, goes on where a watch
//! ended, and begins anew when the server has forgotten where that was.
//!
//! Objects are taken in as they come, in the place of what was known of them. What a new list lacks is taken out only
//! when the list is at its end: no scrape misses an object that exists, and nothing is kept twice.

use super::api::{Api, Backoff};
use super::cache::{Cache, Failure, Scope, Source, Stage};
use super::envelope::{Continue, Form, Version};
use super::intake::{Reader, origin};
use super::stop::Stop;
use super::target::{self, Ask};
use crate::base::clock::{self, Monotonic};
use crate::base::task::give_way;
use crate::base::{gate, log};
use crate::http::client::{ClientError, Connection};
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::SemaphorePermit;
use tokio::time::Instant;

/// How long a watch may say nothing. Servers send a bookmark every minute.
const SILENCE: Duration = Duration::from_secs(150);

/// The same while objects are listed.
const LIST_SILENCE: Duration = Duration::from_secs(30);

/// How long a page may take, whatever comes of it.
const PAGE_MAX: Duration = Duration::from_secs(60);

/// How long the objects that are there may be waited for, and their end when some have come.
const INITIAL_SILENCE: Duration = Duration::from_secs(10);

/// How long the objects that are there may take in a stream, whatever else it tells.
const INITIAL_MAX: Duration = Duration::from_secs(60);

/// How long a watch is asked for: as long as client-go asks, so that not all end at once.
const WATCH_SECONDS: std::ops::Range<u64> = 300..600;

/// How much longer it may take to end.
const WATCH_GRACE: Duration = Duration::from_secs(30);

/// A watch that lasted so long was a good one.
const WATCH_WELL: Duration = Duration::from_secs(5);

/// Bytes that are taken in before others have their turn.
const SLICE_BYTES: usize = 64 * 1024;

/// Pages of a list; 500 objects each.
const PAGES_MAX: u32 = 100_000;

/// How often a page is asked for again before the list is given up.
const PAGE_TRIES: u32 = 3;

/// Longest pause within a list; its continue token does not live long.
const PAGE_PAUSE_MAX: Duration = Duration::from_secs(10);

/// When a kind that is forbidden or absent is asked for again.
const SLOW_RETRY: Duration = Duration::from_secs(60);

/// The same for the first time: a server that has just started may not know its roles yet.
const FIRST_RETRY: Duration = Duration::from_secs(2);

/// Failures in a row after which a line of the log says so.
const SAY_AFTER: u32 = 3;

/// Failures of a watch in a row after which everything is listed anew: the version may be one that no server knows.
const RELIST_AFTER: u32 = 5;

/// Keeps one source.
pub struct Reflector {
    cache: Rc<Cache>,
    api: Rc<Api>,
    number: usize,
    connection: Connection,
    reader: Reader,
    target: String,
    /// The last version of the watch before; lists from the server's cache are not older.
    floor: Version,
    backoff: Backoff,
    /// In a row.
    failures: u32,
    /// The last request had no answer, and the log knows of it.
    unanswered: bool,
    /// After a list from the server's cache that failed: the next one is not from it.
    exact: bool,
    /// Refusals for want of a rule, or for want of the kind, in a row.
    refusals: u32,
    /// When the watch began that is under way, or was last.
    watching: Option<Monotonic>,
    /// It has told of something.
    advanced: bool,
}

impl Reflector {
    /// Bytes that a reflector holds beside its connection.
    pub fn bytes(scratch_bytes: usize) -> u64 {
        (size_of::<Reflector>() + 2 * scratch_bytes) as u64
    }

    /// For the source with this number; everything is allocated.
    pub fn new(cache: &Rc<Cache>, api: &Rc<Api>, number: usize) -> Self {
        Reflector {
            cache: Rc::clone(cache),
            api: Rc::clone(api),
            number,
            connection: api.connection(),
            reader: Reader::new(cache, number),
            target: String::with_capacity(4096),
            floor: Version::new(),
            backoff: api.backoff(),
            failures: 0,
            unanswered: false,
            exact: false,
            refusals: 0,
            watching: None,
            advanced: false,
        }
    }

    /// Lets go of everything: the next run begins anew.
    pub fn forget(&mut self) {
        self.connection.close();
        self.reader.version.clear();
        self.watching = None;
        self.backoff.reset();
        self.note_answer();
    }

    /// Lists and watches until it is dropped.
    pub async fn run(&mut self) {
        loop {
            let ended = if self.reader.version.is_empty() { self.sync().await } else { self.watch().await };
            let lasted = self.watching.take().map_or(Duration::ZERO, |since| clock::monotonic().since(since));
            if std::mem::take(&mut self.advanced) || lasted >= WATCH_WELL {
                self.backoff.reset();
                self.note_success();
            }
            let pause = match ended {
                // A watch that the server ends at once, time after time, is not to be asked for without a pause.
                Ok(()) if lasted >= WATCH_WELL => Duration::ZERO,
                Ok(()) => self.backoff.pause(),
                Err(stop) => self.after(stop),
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// What follows from a failure; how long to wait.
    fn after(&mut self, stop: Stop) -> Duration {
        self.note_failure(stop.failure);
        self.source().stage.set(Stage::Failing(stop.failure));
        match stop.failure {
            Failure::NotFound => return self.after_not_found(),
            Failure::Forbidden => return self.after_forbidden(),
            _ => {}
        }
        self.failures += 1;
        if !stop.answered || stop.failure == Failure::Unauthorized {
            if !std::mem::replace(&mut self.unanswered, true) {
                self.api.fails(stop.failure, self.connection.problem());
            }
        } else if self.failures >= SAY_AFTER && !self.source().trouble_said.replace(true) {
            let source = self.source();
            log::warn(format_args!(
                "lists and watches of {}{} fail time after time: {} ({}); what is known of them stays \
                 (trimeter_kube_failures_total)",
                self.cache.kinds[source.spec.kind].kind.resource,
                source.spec.place(),
                stop.failure.label(),
                stop.status,
            ));
        }
        let anew = match stop.failure {
            Failure::Gone | Failure::Malformed | Failure::Refused => stop.answered,
            Failure::Throttled | Failure::Unauthorized => false,
            _ => stop.answered && self.failures.is_multiple_of(RELIST_AFTER),
        };
        if anew && !self.reader.version.is_empty() {
            self.floor = self.reader.version;
            self.reader.version.clear();
        }
        self.pause(stop)
    }

    /// The next pause, and no less than the server asks for.
    fn pause(&mut self, stop: Stop) -> Duration {
        let asked = stop.retry_after.map(|patience| patience + self.api.jitter(Duration::from_millis(500)));
        self.backoff.pause().max(asked.unwrap_or_default())
    }

    /// The next group version, and in the end the first again.
    fn after_not_found(&mut self) -> Duration {
        let source = &self.cache.sources[self.number];
        let kind = self.cache.kinds[source.spec.kind].kind;
        let next = source.version.get() + 1;
        if next < kind.versions.len() {
            source.version.set(next);
            return Duration::ZERO;
        }
        source.version.set(0);
        self.refusals += 1;
        if self.refusals == 1 {
            return self.api.jitter(FIRST_RETRY);
        }
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

    fn after_forbidden(&mut self) -> Duration {
        self.refusals += 1;
        if self.refusals == 1 {
            return self.api.jitter(FIRST_RETRY);
        }
        let source = self.source();
        source.settled.set(true);
        if !source.forbidden_said.replace(true) {
            self.api.say_forbidden(self.cache.kinds[source.spec.kind].kind, source.version.get(), source);
        }
        self.api.jitter(SLOW_RETRY)
    }

    /// Takes in everything that is there, and goes on with what changes.
    async fn sync(&mut self) -> Result<(), Stop> {
        let api = Rc::clone(&self.api);
        let mut turn = api.turn().await;
        self.source().stage.set(Stage::Listing);
        if self.source().synced.get() {
            self.source().counts.relists.one();
        }
        if api.streams_lists() {
            let stop = match self.watch_list(turn).await {
                Err(stop) if self.reader.version.is_empty() => stop,
                other => return other,
            };
            match (stop.failure, stop.status) {
                // It does not end what is there.
                (Failure::NoEnd, _) => api.no_end(),
                // It knows no such stream.
                (_, 400 | 422) => api.lists_instead(),
                _ => return Err(stop),
            }
            self.note_failure(stop.failure);
            turn = api.turn().await;
        }
        self.list(&api, turn).await?;
        self.watch().await
    }

    /// What a source tells from now on is its newest list.
    fn begin_list(&self) {
        let mark = &self.source().mark;
        mark.set(mark.get().wrapping_add(1));
    }

    async fn watch_list(&mut self, turn: SemaphorePermit<'_>) -> Result<(), Stop> {
        self.begin_list();
        let seconds = self.api.within(WATCH_SECONDS);
        let done = match self.ask(Ask::WatchList(seconds)).await {
            Ok(()) => self.stream(Some(turn), seconds).await,
            Err(stop) => Err(stop),
        };
        if !self.reader.version.is_empty() {
            return done;
        }
        self.note_list(false);
        // It may have ended, and what was there has not.
        done.and(Err(Stop::answered(Failure::NoEnd)))
    }

    /// Lists page by page; all at once from the server's cache what that knows by its index.
    async fn list<'a>(&mut self, api: &'a Api, turn: SemaphorePermit<'a>) -> Result<(), Stop> {
        let mut turn = Some(turn);
        self.begin_list();
        let source = self.source();
        let cached = source.spec.scope == Scope::Always && !source.spec.field_selector.is_empty();
        let mut rest = Continue::new();
        let mut tries = 0;
        for _ in 0..PAGES_MAX {
            let floor = self.floor;
            let ask = match floor.as_str() {
                _ if !cached || self.exact => Ask::List(rest.as_str()),
                "" => Ask::Cached("0"),
                floor => Ask::Cached(floor),
            };
            let got = self.page(ask).await;
            self.note_list(got.is_ok());
            match got {
                Ok(()) => tries = 0,
                Err(stop) if !rest.is_empty() && stop.may_pass() && tries < PAGE_TRIES => {
                    tries += 1;
                    self.note_failure(stop.failure);
                    let pause = self.pause(stop);
                    if pause > PAGE_PAUSE_MAX {
                        return Err(stop);
                    }
                    // Others may list in the meantime.
                    drop(turn.take());
                    tokio::time::sleep(pause).await;
                    turn = Some(api.turn().await);
                    continue;
                }
                Err(stop) => {
                    // Its cache may never come to what another server has told.
                    self.exact = true;
                    return Err(stop);
                }
            }
            if self.reader.envelope.rest.is_empty() {
                self.reader.version = self.reader.envelope.version;
                self.exact = false;
                self.complete();
                return Ok(());
            }
            rest = self.reader.envelope.rest;
        }
        Err(Stop::answered(Failure::Malformed))
    }

    /// Takes in a page of a list.
    async fn page(&mut self, ask: Ask<'_>) -> Result<(), Stop> {
        let latest = Instant::now() + PAGE_MAX;
        self.ask(ask).await?;
        self.reader.begin(Form::List);
        let mut whole = false;
        let mut slice = 0;
        loop {
            let deadline = latest.min(Instant::now() + LIST_SILENCE);
            let Some(bytes) = self.connection.chunk(deadline).await.map_err(Stop::within)? else { break };
            slice += bytes.len();
            whole |= gate_hot(|| self.reader.page(bytes)).map_err(Stop::answered)?;
            self.source().heard.set(Some(clock::monotonic()));
            if slice >= SLICE_BYTES {
                slice = 0;
                give_way().await;
            }
        }
        if !whole {
            return Err(Stop::answered(Failure::Cut));
        }
        if self.reader.envelope.cut || self.reader.envelope.version.is_empty() {
            return Err(Stop::answered(Failure::Malformed));
        }
        Ok(())
    }

    /// Goes on with what changes.
    async fn watch(&mut self) -> Result<(), Stop> {
        let seconds = self.api.within(WATCH_SECONDS);
        let version = self.reader.version;
        let begun = self.ask(Ask::Watch(version.as_str(), seconds)).await;
        let source = self.source();
        source.counts.watches[usize::from(begun.is_err())].one();
        begun?;
        source.counts.resumed.one();
        source.stage.set(Stage::Watching);
        self.watching = Some(clock::monotonic());
        self.stream(None, seconds).await
    }

    /// Sends a request; `Ok`: its answer begins with 200.
    async fn ask(&mut self, ask: Ask<'_>) -> Result<(), Stop> {
        let source = &self.cache.sources[self.number];
        let kind = self.cache.kinds[source.spec.kind].kind;
        target::write(&mut self.target, kind, source.version.get(), &source.spec, ask);
        let head = self.api.get(&mut self.connection, &self.target).await?;
        if head.status != 401 {
            self.note_answer();
        }
        if head.status == 200 {
            let source = self.source();
            source.heard.set(Some(clock::monotonic()));
            source.forbidden_said.set(false);
            self.refusals = 0;
            return Ok(());
        }
        self.connection.close();
        Err(Stop::of(&head))
    }

    fn source(&self) -> &Source {
        &self.cache.sources[self.number]
    }

    fn note_list(&self, complete: bool) {
        self.source().counts.lists[usize::from(!complete)].one();
    }

    fn note_failure(&self, failure: Failure) {
        self.source().counts.failures[failure.index()].one();
    }

    /// The server has answered.
    fn note_answer(&mut self) {
        if std::mem::take(&mut self.unanswered) {
            self.api.works();
        }
    }

    /// Watches work.
    fn note_success(&mut self) {
        self.failures = 0;
        if self.source().trouble_said.replace(false) {
            let source = self.source();
            log::info(format_args!(
                "lists and watches of {}{} work again",
                self.cache.kinds[source.spec.kind].kind.resource,
                source.spec.place(),
            ));
        }
    }

    /// The list is at its end: what it lacks is gone.
    fn complete(&mut self) {
        let source = &self.cache.sources[self.number];
        let origin = origin(&self.cache, self.number);
        self.cache.shelf.borrow_mut().sweep(source.spec.kind, origin);
        self.cache.note_synced(self.number);
        source.stage.set(Stage::Watching);
    }

    /// Takes in events until the stream ends, which was asked for so many seconds. With a turn, the first of them are
    /// the objects that are there.
    async fn stream(&mut self, mut turn: Option<SemaphorePermit<'_>>, seconds: u64) -> Result<(), Stop> {
        self.reader.begin(Form::Watch);
        let mut slice = 0;
        let begun = Instant::now();
        let latest = begun + Duration::from_secs(seconds) + WATCH_GRACE;
        loop {
            let (patience, latest) = match turn {
                Some(_) => (INITIAL_SILENCE, begun + INITIAL_MAX),
                None => (SILENCE, latest),
            };
            let bytes = match self.connection.chunk(latest.min(Instant::now() + patience)).await {
                Ok(Some(bytes)) => bytes,
                Ok(None) => break,
                // What is there has no end.
                Err(ClientError::IdleTimeout) if turn.is_some() => {
                    return Err(Stop::answered(Failure::NoEnd));
                }
                // Nothing happens, and this server sends no bookmarks. Or it is gone, which the next request finds.
                Err(ClientError::IdleTimeout) => return Ok(()),
                Err(error) => return Err(Stop::within(error)),
            };
            slice += bytes.len();
            let taken = gate_hot(|| self.reader.events(bytes, turn.is_some()));
            self.source().heard.set(Some(clock::monotonic()));
            if taken.advanced && turn.is_none() && !self.advanced {
                self.advanced = true;
                self.note_success();
            }
            // Before what may have gone wrong behind it.
            if taken.end && turn.take().is_some() {
                self.complete();
                self.note_list(true);
                self.api.streamed();
                self.watching = Some(clock::monotonic());
            }
            if let Some(code) = taken.error {
                self.connection.close();
                return Err(Stop::of_code(code));
            }
            if taken.malformed {
                self.connection.close();
                return Err(Stop::answered(Failure::Malformed));
            }
            if slice >= SLICE_BYTES {
                slice = 0;
                give_way().await;
            }
        }
        if self.reader.is_between() { Ok(()) } else { Err(Stop::answered(Failure::Cut)) }
    }
}

/// Parsing and keeping allocate nothing.
fn gate_hot<T>(work: impl FnOnce() -> T) -> T {
    let _hot = gate::Hot::enter();
    work()
}
