//! Connections and requests: who may ask, what a path means, lists by pages, single objects.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    reason = "helpers of tests; each connection has a thread of its own"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Weak};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio_rustls::rustls::ServerConfig;

use super::faults::{End, Plan, Refusal};
use super::json;
use super::log::{Entry, Log, Record};
use super::state::{Selector, Store};
use super::status::Status;
use super::target::{Query, Target, decoded};
use super::watch::{self, WatchList};
use super::wire::{Peer, Request, Wire};

/// Most connections at a time; more are closed at once.
const CONNECTIONS_MAX: usize = 1024;

/// What comes of new connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    #[default]
    Answers,
    /// They are reset.
    Resets,
    /// Nothing is read from them or written to them: not even a TLS handshake.
    Silent,
}

/// All that a test may set.
#[derive(Default)]
pub struct Settings {
    pub reach: Reach,
    pub token: Option<String>,
    /// Verb and plural.
    pub forbidden: BTreeSet<(String, &'static str)>,
    /// Group versions that are served or not, other than at the start.
    pub served: BTreeMap<String, bool>,
    pub plain_not_found: bool,
    pub watch_list: WatchList,
    pub gone_as_http: bool,
    pub bookmark_every: Option<Duration>,
    pub frozen: bool,
    /// Watches send a bookmark, or end, when these numbers change.
    pub bookmarks: u64,
    pub endings: u64,
    /// Start of a target, and the answer.
    pub replays: Vec<(String, Arc<Vec<u8>>)>,
}

/// What changes while the server runs.
#[derive(Default)]
pub struct Inner {
    pub store: Store,
    pub settings: Settings,
    pub plan: Plan,
    pub log: Log,
}

/// What all threads share.
pub struct Shared {
    inner: Mutex<Inner>,
    pub changed: Condvar,
    pub closing: AtomicBool,
    pub started: Instant,
    pub connections: Mutex<BTreeMap<u64, Weak<TcpStream>>>,
    pub threads: AtomicUsize,
    tls: Option<Arc<ServerConfig>>,
}

impl Shared {
    pub fn new(tls: Option<Arc<ServerConfig>>) -> Shared {
        Shared {
            inner: Mutex::default(),
            changed: Condvar::new(),
            closing: AtomicBool::new(false),
            started: Instant::now(),
            connections: Mutex::default(),
            threads: AtomicUsize::new(0),
            tls,
        }
    }

    pub fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    pub fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }
}

/// Accepts until the server closes.
pub fn listen(shared: &Arc<Shared>, listener: &TcpListener) {
    for number in 1.. {
        let Ok((stream, _)) = listener.accept() else { continue };
        if shared.is_closing() {
            return;
        }
        if shared.threads.load(Ordering::Relaxed) >= CONNECTIONS_MAX {
            continue;
        }
        stream.set_nodelay(true).unwrap();
        let stream = Arc::new(stream);
        shared.connections.lock().unwrap().insert(number, Arc::downgrade(&stream));
        shared.threads.fetch_add(1, Ordering::Relaxed);
        let shared = shared.clone();
        let serve = move || {
            connection(&shared, Peer::new(stream, shared.tls.clone()), number);
            shared.connections.lock().unwrap().remove(&number);
            shared.threads.fetch_sub(1, Ordering::Relaxed);
        };
        std::thread::Builder::new().stack_size(512 * 1024).spawn(serve).unwrap();
    }
}

/// Answers the requests of a connection, one after the other.
fn connection(shared: &Shared, mut peer: Peer, number: u64) {
    let reach = || shared.lock().settings.reach;
    if reach() == Reach::Resets {
        return peer.reset_on_close();
    }
    while reach() == Reach::Silent && !shared.is_closing() && !peer.is_gone() {
        std::thread::sleep(Duration::from_millis(5));
    }
    while let Some(request) = peer.request() {
        if answer(shared, &mut peer, &request, number).is_err() {
            return;
        }
    }
}

/// Ends a request in the log however its answer ends.
pub struct Logged<'a> {
    shared: &'a Shared,
    entry: Entry,
}

impl Logged<'_> {
    pub fn status(&self, code: u16) {
        self.shared.lock().log.answered(self.entry, code);
    }
}

impl Drop for Logged<'_> {
    fn drop(&mut self) {
        self.shared.lock().log.end(self.entry);
    }
}

fn logged<'a>(
    shared: &'a Shared,
    peer: &Peer,
    request: &Request,
    target: Option<&Target>,
    connection: u64,
) -> Logged<'a> {
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let field = |name: &str| request.field(name).unwrap_or("").to_owned();
    let resource = target.map(|target| target.resource.plural);
    let record = Record {
        at: shared.started.elapsed(),
        connection,
        method: request.method.clone(),
        path: path.to_owned(),
        query: query.to_owned(),
        user_agent: field("user-agent"),
        accept: field("accept"),
        authorization: request.field("authorization").is_some(),
        status: 0,
        resource,
        watch: Query::parse(query).is_on("watch"),
        ended: false,
    };
    Logged { shared, entry: shared.lock().log.begin(record, Arc::downgrade(peer.socket())) }
}

/// Answers one request; an error ends the connection.
fn answer(shared: &Shared, peer: &mut Peer, request: &Request, connection: u64) -> io::Result<()> {
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let (target, query) = (Target::parse(&decoded(path)), Query::parse(query));
    let logged = logged(shared, peer, request, target.as_ref(), connection);
    let (faults, replay) = {
        let mut inner = shared.lock();
        let mut replays = inner.settings.replays.iter();
        let replay =
            replays.find(|(start, _)| request.target.starts_with(start)).map(|found| found.1.clone());
        (inner.plan.faults(&request.target), replay)
    };
    let certified = peer.certified();
    let refuse = faults.refuse;
    let mut wire = Wire::new(peer, faults, &shared.closing);
    if let Some(bytes) = replay {
        let code = std::str::from_utf8(&bytes[9..12]).ok().and_then(|code| code.parse().ok());
        logged.status(code.unwrap_or(0));
        wire.recorded(&bytes)?;
        // Not every recorded answer says how long it is.
        return Err(wire.end(End::Close));
    }
    let checked = match refuse {
        Some(Refusal::TooManyRequests(seconds)) => Err(Status::too_many_requests(seconds)),
        Some(Refusal::Trouble(code)) => Err(Status::trouble(code)),
        Some(Refusal::Forbidden) => Err(Status::new(403, "Forbidden", "no rule allows it", "null")),
        Some(Refusal::Expired) if query.get("continue").is_empty() => Err(Status::too_old(1, 2)),
        Some(Refusal::Expired) => Err(Status::continue_expired(query.get("continue"))),
        None => authorized(shared, request, target.as_ref(), &query, certified),
    };
    let outcome = match (checked, &target) {
        (Err(status), _) => Err(status),
        (Ok(()), None) => plain(path),
        (Ok(()), Some(target)) if request.method == "GET" && query.is_on("watch") => {
            match watch::Watch::new(shared, target, &query) {
                Ok(watch) => {
                    logged.status(200);
                    return watch.run(&mut wire);
                }
                Err(status) => Err(status),
            }
        }
        (Ok(()), Some(target)) => object(shared, request, target, &query),
    };
    match outcome {
        Ok((code, body)) => {
            logged.status(code);
            let content_type =
                if body.starts_with('{') { "application/json" } else { "text/plain; charset=utf-8" };
            wire.whole(code, content_type, "", body)
        }
        Err(status) => {
            logged.status(status.code);
            if status.is_unknown_path() && shared.lock().settings.plain_not_found {
                return wire.whole(404, "text/plain; charset=utf-8", "", "404 page not found\n".to_owned());
            }
            let more =
                status.retry_after.map_or(String::new(), |seconds| format!("Retry-After: {seconds}\r\n"));
            wire.whole(status.code, "application/json", &more, status.body)
        }
    }
}

/// Code and body, or a refusal.
type Outcome = Result<(u16, String), Status>;

/// Paths that are no resource's.
fn plain(path: &str) -> Outcome {
    match path {
        "/version" => {
            let version = r#"{"major":"1","minor":"36","gitVersion":"v1.36.0","gitTreeState":"clean","goVersion":"go1.26.0","compiler":"gc","platform":"linux/amd64"}"#;
            Ok((200, version.to_owned()))
        }
        "/livez" | "/readyz" | "/healthz" => Ok((200, "ok".to_owned())),
        _ => Err(Status::unknown_path()),
    }
}

fn authorized(
    shared: &Shared,
    request: &Request,
    target: Option<&Target>,
    query: &Query,
    certified: bool,
) -> Result<(), Status> {
    let inner = shared.lock();
    if let Some(token) = inner.settings.token.as_ref().filter(|_| !certified) {
        let shown = request.field("authorization").and_then(|field| field.strip_prefix("Bearer "));
        if shown != Some(token.as_str()) {
            return Err(Status::unauthorized());
        }
    }
    let Some(target) = target else { return Ok(()) };
    let verb = match request.method.as_str() {
        "GET" if query.is_on("watch") => "watch",
        "GET" if target.name.is_none() => "list",
        "GET" => "get",
        "POST" => "create",
        "PUT" => "update",
        _ => "delete",
    };
    if inner.settings.forbidden.contains(&(verb.to_owned(), target.resource.plural)) {
        let (namespace, name) = (target.namespace.as_deref(), target.name.as_deref());
        return Err(Status::forbidden(target.resource, verb, namespace, name));
    }
    if target.is_served(&inner.settings) { Ok(()) } else { Err(Status::unknown_path()) }
}

/// Reads, creates, changes or deletes one object, or lists.
fn object(shared: &Shared, request: &Request, target: &Target, query: &Query) -> Outcome {
    let Target { resource, group_version, namespace, name } = target;
    let key = |name: &str| (namespace.clone().unwrap_or_default(), name.to_owned());
    let mut inner = shared.lock();
    let store = &mut inner.store;
    match (request.method.as_str(), name) {
        ("GET", None) => list(store, target, query),
        ("GET", Some(name)) => match store.get(resource, &key(name)) {
            Some(object) => Ok((200, object.typed(resource, group_version))),
            None => Err(Status::not_found(resource, name)),
        },
        ("DELETE", Some(name)) => {
            let gone = store.delete(resource, &key(name)).ok_or_else(|| Status::not_found(resource, name))?;
            shared.changed.notify_all();
            Ok((200, gone.typed(resource, group_version)))
        }
        ("POST", None) | ("PUT", Some(_)) => {
            let Ok(mut sent) = serde_json::from_slice::<serde_json::Value>(&request.body) else {
                return Err(Status::bad_request("the object provided is unrecognized"));
            };
            let own = sent["metadata"]["name"].as_str().unwrap_or("").to_owned();
            if own.is_empty() || name.as_ref().is_some_and(|name| *name != own) {
                return Err(Status::bad_request("the name of the object does not match the name on the URL"));
            }
            if let Some(namespace) = namespace {
                sent["metadata"]["namespace"] = namespace.as_str().into();
            }
            let version = sent["metadata"]["resourceVersion"].as_str().unwrap_or("");
            let creates = match store.get(resource, &key(&own)) {
                Some(_) if name.is_none() => return Err(Status::already_exists(resource, &own)),
                // Leases are never updated blindly; other kinds may be.
                Some(_) if version.is_empty() && resource.plural == "leases" => {
                    return Err(Status::version_missing(resource, &own));
                }
                Some(old) if !version.is_empty() && version != old.version.to_string() => {
                    return Err(Status::conflict(resource, &own));
                }
                Some(_) => false,
                None if name.is_some() && !version.is_empty() => {
                    return Err(Status::not_found(resource, &own));
                }
                None => true,
            };
            let object = store.put(resource, sent);
            shared.changed.notify_all();
            Ok((if creates { 201 } else { 200 }, object.typed(resource, group_version)))
        }
        _ => Err(Status::method_not_allowed()),
    }
}

/// A list, or a page of one: later pages show the objects as they were at the first.
fn list(store: &Store, target: &Target, query: &Query) -> Outcome {
    let selector = Selector::new(target.resource, target.namespace.as_deref(), query.get("fieldSelector"))?;
    if !query.get("sendInitialEvents").is_empty() {
        return Err(Status::option_forbidden(
            422,
            "sendInitialEvents",
            "sendInitialEvents is forbidden for list",
        ));
    }
    let asked = query.get("resourceVersion").parse().unwrap_or(0);
    if asked > store.version {
        return Err(Status::too_large(asked, store.version));
    }
    let token = query.get("continue");
    let (version, start) = match token {
        "" if query.get("resourceVersionMatch") == "Exact" => (asked, String::new()),
        "" => (store.version, String::new()),
        token => continued(token).ok_or_else(|| Status::bad_request("continue key is not valid"))?,
    };
    // A list from the watch cache knows no pages.
    let cached = query.get("resourceVersion") == "0" && token.is_empty();
    let limit = query.get("limit").parse().ok().filter(|limit| *limit > 0 && !cached).unwrap_or(usize::MAX);
    // Versions above all others stand for now.
    let version = version.min(store.version);
    let objects = match store.list_at(target.resource, version) {
        Some(objects) => objects,
        None if token.is_empty() => return Err(Status::too_old(version, store.compacted)),
        None => return Err(Status::continue_expired(&token_of(u64::MAX, &start))),
    };
    let path = |key: &(String, String)| format!("{}/{}", key.0, key.1);
    let rest: Vec<_> = objects
        .iter()
        .filter(|object| selector.matches(object) && (start.is_empty() || path(&object.key) > start))
        .collect();
    let page = &rest[..rest.len().min(limit)];
    let mut metadata = format!(r#"{{"resourceVersion":"{version}""#);
    if page.len() < rest.len() {
        metadata
            .push_str(&format!(r#","continue":"{}""#, token_of(version, &path(&page.last().unwrap().key))));
        // With a selector the server would have to look at all of them.
        if selector.is_everything() {
            metadata.push_str(&format!(r#","remainingItemCount":{}"#, rest.len() - page.len()));
        }
    }
    let Target { resource, group_version, .. } = target;
    let length: usize = page.iter().map(|object| object.text.len() + 1).sum();
    let mut body = String::with_capacity(length + 512);
    body.push_str(&format!(r#"{{"kind":"{}List","apiVersion":"{group_version}","metadata":"#, resource.kind));
    body.push_str(&metadata);
    body.push_str(r#"},"items":["#);
    for object in page {
        body.push_str(&object.text);
        body.push(',');
    }
    if !page.is_empty() {
        body.pop();
    }
    body.push_str("]}");
    Ok((200, body))
}

/// The version of a list and the last object that was shown; opaque to clients.
fn token_of(version: u64, last: &str) -> String {
    let text = format!(r#"{{"v":"meta.k8s.io/v1","rv":{version},"start":{}}}"#, json::quoted(last));
    URL_SAFE_NO_PAD.encode(text)
}

fn continued(token: &str) -> Option<(u64, String)> {
    let value: serde_json::Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
    Some((value["rv"].as_u64()?, value["start"].as_str()?.to_owned()))
}
