//! Watches: initial events, changes, bookmarks, and the ends of a stream.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "helpers of tests; a watch waits and ends by the clock"
)]

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::faults::{End, InitialEventsEnd};
use super::serve::Shared;
use super::state::{Event, Object, Selector};
use super::status::Status;
use super::target::{Query, Target};
use super::wire::Wire;

/// How the server takes `sendInitialEvents`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WatchList {
    /// As servers do since 1.32, and some since 1.27.
    #[default]
    Served,
    /// 422: the server knows the parameter, and its feature gate is off.
    Forbidden,
    /// 400, as some proxies of the API answer.
    BadRequest,
    /// The server does not know the parameters: a plain watch, which has no bookmark after its first events.
    Ignored,
}

/// How long a watch lasts whose client does not say.
const TIMEOUT: Duration = Duration::from_secs(1800);

/// How often the server sends bookmarks, if not set otherwise.
const BOOKMARK_EVERY: Duration = Duration::from_secs(60);

/// How often a waiting watch looks whether its client is still there.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A watch.
pub struct Watch<'a> {
    shared: &'a Shared,
    target: &'a Target,
    selector: Selector,
    initial: Vec<Arc<Object>>,
    /// The client waits for the end of the initial events.
    announces: bool,
    bookmarks: bool,
    timeout: Duration,
    /// The version up to which the client has seen everything.
    seen: u64,
    /// The version is too old: what is said instead of events.
    expired: Option<Status>,
    events: usize,
    /// Bookmarks that a test had asked for, and ends, when the watch began.
    bookmarks_sent: u64,
    endings: u64,
}

/// Does the stream go on?
#[derive(PartialEq, Eq)]
enum Stream {
    Goes,
    Ends,
}

/// What a watch has waited for.
enum Next {
    Events(Vec<Event>),
    Bookmark,
    End,
    Gone,
}

impl<'a> Watch<'a> {
    pub fn new(shared: &'a Shared, target: &'a Target, query: &Query) -> Result<Watch<'a>, Status> {
        let inner = shared.lock();
        let namespace = target.namespace.as_deref();
        let mut selector = Selector::new(target.resource, namespace, query.get("fieldSelector"))?;
        if let Some(name) = &target.name {
            selector = Selector::new(target.resource, namespace, &format!("metadata.name={name}"))?;
        }
        let mode = inner.settings.watch_list;
        let send = match query.get("sendInitialEvents") {
            "" => None,
            _ if mode == WatchList::Ignored => None,
            text => Some(matches!(text, "true" | "1")),
        };
        if mode != WatchList::Ignored {
            check(send, query.get("resourceVersionMatch"), mode)?;
        }
        let asked = query.get("resourceVersion");
        let version: u64 = match asked {
            "" => 0,
            text => {
                text.parse().map_err(|_| Status::bad_request(&format!("invalid resource version {text}")))?
            }
        };
        let synthetic = send.unwrap_or(version == 0);
        let store = &inner.store;
        let initial = store.all(target.resource).filter(|object| synthetic && selector.matches(object));
        let initial = initial.cloned().collect();
        // A version of the future is waited for: nothing up to it is shown.
        let seen = if synthetic || version == 0 { store.version } else { version };
        let old = (seen < store.compacted).then(|| Status::too_old(seen, store.compacted));
        let expired = match old {
            Some(status) if inner.settings.gone_as_http => return Err(status),
            old => old,
        };
        let seconds = query.get("timeoutSeconds").parse().ok().map(Duration::from_secs);
        Ok(Watch {
            shared,
            target,
            selector,
            initial,
            announces: send == Some(true),
            bookmarks: query.is_on("allowWatchBookmarks"),
            timeout: seconds.filter(|timeout| !timeout.is_zero()).unwrap_or(TIMEOUT),
            seen,
            expired,
            events: 0,
            bookmarks_sent: inner.settings.bookmarks,
            endings: inner.settings.endings,
        })
    }

    /// Sends events until the stream ends; an error ends the connection, too.
    pub fn run(mut self, wire: &mut Wire<'_>) -> io::Result<()> {
        wire.head(200, "application/json", "", None)?;
        match self.stream(wire)? {
            Stream::Ends => wire.finish(),
            Stream::Goes => Err(wire.end(End::Close)),
        }
    }

    fn stream(&mut self, wire: &mut Wire<'_>) -> io::Result<Stream> {
        if let Some(status) = self.expired.take() {
            self.error(wire, &status)?;
            return Ok(Stream::Ends);
        }
        if self.expires(wire)? {
            return Ok(Stream::Ends);
        }
        for object in std::mem::take(&mut self.initial) {
            if self.event(wire, "ADDED", &object)? == Stream::Ends {
                return Ok(Stream::Ends);
            }
        }
        if self.announces && self.bookmarks {
            match wire.faults.initial_events_end {
                InitialEventsEnd::Sent => self.bookmark(wire, true)?,
                InitialEventsEnd::StreamEnds => return Ok(Stream::Ends),
                InitialEventsEnd::Missing => {}
                InitialEventsEnd::Hangs => return Err(wire.end(End::Hang)),
            }
        }
        self.changes(wire)
    }

    fn changes(&mut self, wire: &mut Wire<'_>) -> io::Result<Stream> {
        let end = Instant::now() + self.timeout;
        let mut bookmark_at = Instant::now();
        loop {
            match self.wait(wire, end, bookmark_at) {
                Next::Events(events) => {
                    for event in &events {
                        if self.change(wire, event)? == Stream::Ends {
                            return Ok(Stream::Ends);
                        }
                        self.seen = event.version;
                    }
                }
                Next::Bookmark => {
                    self.bookmarks_sent = self.shared.lock().settings.bookmarks;
                    bookmark_at = Instant::now();
                    self.bookmark(wire, false)?;
                }
                Next::End => {
                    // The client may go on from here.
                    self.bookmark(wire, false)?;
                    return Ok(Stream::Ends);
                }
                Next::Gone => return Ok(Stream::Goes),
            }
        }
    }

    /// Waits for something to do.
    fn wait(&mut self, wire: &mut Wire<'_>, end: Instant, last_bookmark: Instant) -> Next {
        let mut inner = self.shared.lock();
        loop {
            let settings = &inner.settings;
            let every = settings.bookmark_every.unwrap_or(BOOKMARK_EVERY);
            if !settings.frozen {
                let Some(events) = inner.store.events_after(self.seen) else { return Next::Gone };
                let own = |event: &&Event| event.resource.plural == self.target.resource.plural;
                let events: Vec<Event> = events.filter(own).cloned().collect();
                if !events.is_empty() {
                    return Next::Events(events);
                }
                self.seen = self.seen.max(inner.store.version);
                let now = Instant::now();
                if now >= end || settings.endings != self.endings {
                    return Next::End;
                }
                if settings.bookmarks != self.bookmarks_sent || now >= last_bookmark + every {
                    return Next::Bookmark;
                }
            }
            if self.shared.is_closing() || wire.peer.is_gone() {
                return Next::Gone;
            }
            inner = self.shared.changed.wait_timeout(inner, LOOK_EVERY).unwrap().0;
        }
    }

    fn change(&mut self, wire: &mut Wire<'_>, event: &Event) -> io::Result<Stream> {
        let Some((kind, object)) = self.selector.sees(event) else { return Ok(Stream::Goes) };
        if self.event(wire, kind, &object)? == Stream::Ends {
            return Ok(Stream::Ends);
        }
        match event.before.as_ref().filter(|before| wire.faults.older_again && self.selector.matches(before))
        {
            Some(before) => self.event(wire, "MODIFIED", before),
            None => Ok(Stream::Goes),
        }
    }

    fn event(&mut self, wire: &mut Wire<'_>, kind: &str, object: &Object) -> io::Result<Stream> {
        let text = object.typed(self.target.resource, &self.target.group_version);
        let frame = wire.shaped(format!(r#"{{"type":"{kind}","object":{text}}}"#));
        wire.body(frame.as_bytes())?;
        if wire.faults.duplicates {
            wire.body(frame.as_bytes())?;
        }
        self.events += 1;
        Ok(if self.expires(wire)? { Stream::Ends } else { Stream::Goes })
    }

    /// Ends with an ERROR event if that is this answer's fault.
    fn expires(&self, wire: &mut Wire<'_>) -> io::Result<bool> {
        let expires = wire.faults.expire_after == Some(self.events);
        if expires {
            self.error(wire, &Status::too_old(self.seen, self.seen + 1))?;
        }
        Ok(expires)
    }

    fn error(&self, wire: &mut Wire<'_>, status: &Status) -> io::Result<()> {
        let frame = wire.shaped(format!(r#"{{"type":"ERROR","object":{}}}"#, status.body));
        wire.body(frame.as_bytes())
    }

    /// Says up to which version the client has seen everything, if it wants to know.
    fn bookmark(&self, wire: &mut Wire<'_>, ends_initial_events: bool) -> io::Result<()> {
        if !self.bookmarks {
            return Ok(());
        }
        let annotations =
            if ends_initial_events { r#","annotations":{"k8s.io/initial-events-end":"true"}"# } else { "" };
        let frame = format!(
            r#"{{"type":"BOOKMARK","object":{{"kind":"{}","apiVersion":"{}","metadata":{{"resourceVersion":"{}"{annotations}}}{}}}}}"#,
            self.target.resource.kind,
            self.target.group_version,
            self.seen,
            self.target.resource.empty()
        );
        let frame = wire.shaped(frame);
        wire.body(frame.as_bytes())
    }
}

/// The parameters of a WatchList go together.
fn check(send: Option<bool>, version_match: &str, mode: WatchList) -> Result<(), Status> {
    let forbidden = |field, message| Err(Status::option_forbidden(422, field, message));
    match (send, version_match, mode) {
        (None, "", _) => Ok(()),
        (None, _, _) => forbidden(
            "resourceVersionMatch",
            "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
        ),
        (Some(_), _, WatchList::Forbidden | WatchList::BadRequest) => Err(Status::option_forbidden(
            if mode == WatchList::BadRequest { 400 } else { 422 },
            "sendInitialEvents",
            "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled",
        )),
        (Some(_), "NotOlderThan", _) => Ok(()),
        (Some(_), _, _) => forbidden(
            "resourceVersionMatch",
            "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
        ),
    }
}
