//! The tests' API server goes wrong in the ways that a test asks for, and in no other.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test")]

mod apiserver;
mod common;

use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use apiserver::client::Client;
use apiserver::faults::Plan;
use apiserver::{Api, Cut, End, Faults, InitialEventsEnd, Reach, Refusal, Tls, generate};

const LIST: &str = "/api/v1/namespaces";
const WATCH_LIST: &str = "/api/v1/namespaces?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&\
    allowWatchBookmarks=true&timeoutSeconds=1";

/// Two namespaces: short answers.
fn cluster() -> Api {
    let api = Api::start();
    api.put_all("namespaces", ["a", "b"].map(generate::namespace));
    api
}

/// Long enough for an answer to come, and short enough to wait for one that does not.
const SOON: Duration = Duration::from_millis(400);

/// All bytes of the answer to a request on a connection of its own, and how the connection ended.
fn raw(api: &Api, target: &str) -> (Vec<u8>, std::io::Result<()>) {
    let mut client = Client::new(api);
    client.send("GET", target, "");
    client.rest()
}

/// Head and body of an answer.
fn text(api: &Api, target: &str) -> String {
    let answer = Client::new(api).get(target);
    answer.head.text + &String::from_utf8(answer.body).unwrap()
}

fn with(faults: Faults) -> Api {
    let api = cluster();
    api.faults(faults);
    api
}

/// Events in short until the stream ends.
fn events(api: &Api, target: &str) -> Vec<String> {
    let mut client = Client::new(api);
    assert_eq!(client.watch(target).status, 200);
    let mut seen = Vec::new();
    while seen.last().is_none_or(|last| last != "end") {
        seen.push(client.brief());
    }
    seen
}

#[test]
fn an_answer_ends_at_every_place() {
    let api = cluster();
    let whole = text(&api, LIST).into_bytes();
    let head = whole.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    for at in 0..whole.len() {
        let cut = if at < head { Cut::head(at, End::Close) } else { Cut::body(at - head, End::Close) };
        api.faults(Faults { cut, ..Faults::default() });
        let (part, outcome) = raw(&api, LIST);
        assert_eq!(part.len(), at);
        assert!(part == whole[..at] && outcome.is_ok(), "{at}: {outcome:?}");
    }
}

#[test]
fn an_answer_ends_in_three_ways() {
    for tls in [false, true] {
        for (end, expect) in [
            (End::Close, None),
            (End::Reset, Some(ErrorKind::ConnectionReset)),
            (End::Hang, Some(ErrorKind::WouldBlock)),
        ] {
            let api = if tls { Api::start_tls(Tls::Good) } else { Api::start() };
            api.require_token(None);
            api.faults_on("", 0, 1, Faults { cut: Cut::body(5, end), ..Faults::default() });
            let mut client = Client::new(&api);
            client.send("GET", LIST, "");
            client.hurry(SOON);
            let (part, outcome) = client.rest();
            drop(client);
            assert!(end == End::Reset || part.ends_with(b"\r\n\r\n{\"kin"), "{end:?}");
            assert_eq!(outcome.err().map(|error| error.kind()), expect, "{end:?}");
            api.eventually("the server has let go", |api| api.connections() == 0);
        }
    }
}

#[test]
fn refusals_pass_by() {
    let api = cluster();
    for (skip, refuse) in
        [Refusal::TooManyRequests(7), Refusal::Trouble(503), Refusal::Expired].into_iter().enumerate()
    {
        api.faults_on(LIST, usize::from(skip == 0), 1, Faults { refuse: Some(refuse), ..Faults::default() });
    }
    let mut client = Client::new(&api);
    // The first rule lets one pass, so the second comes first.
    let answers: Vec<_> = (0..4).map(|_| client.get(LIST)).collect();
    let codes: Vec<u16> = answers.iter().map(|answer| answer.head.status).collect();
    assert_eq!(codes, [503, 429, 410, 200]);
    assert!(answers[1].head.text.contains("\r\nRetry-After: 7\r\n"));
    assert_eq!(answers[1].json()["reason"], "TooManyRequests");
    let records: Vec<u16> = api.requests().iter().map(|record| record.status).collect();
    assert_eq!(records, codes);

    api.faults_on("continue=", 0, 1, Faults { refuse: Some(Refusal::Expired), ..Faults::default() });
    let page = client.get(&format!("{LIST}?limit=1")).json();
    let next = format!("{LIST}?continue={}", page["metadata"]["continue"].as_str().unwrap());
    assert_eq!([client.get(&next).head.status, client.get(&next).head.status], [410, 200]);
}

#[test]
fn shapes_that_mean_the_same() {
    let plain = cluster();
    let expect = Client::new(&plain).get(LIST).json();
    for (faults, parts) in [
        (
            Faults { pretty: true, ..Faults::default() },
            &["{\n  \"kind\": \"NamespaceList\",\n  \"apiVersion\": \"v1\""][..],
        ),
        (
            Faults { reversed_keys: true, ..Faults::default() },
            &["\"status\":{\"phase\":\"Active\"},\"spec\":", "\"kind\":\"NamespaceList\"}\n"],
        ),
        (Faults { content_length: true, ..Faults::default() }, &["\r\nContent-Length: "]),
        (Faults { head_pieces: Some(1), ..Faults::default() }, &[]),
        (Faults { slow: Some((100, Duration::from_millis(1))), ..Faults::default() }, &[]),
    ] {
        let api = with(faults);
        let text = text(&api, LIST);
        assert!(parts.iter().all(|part| text.contains(part)), "{text}");
        assert_eq!(Client::new(&api).get(LIST).json(), expect);
    }
    let api = with(Faults { pretty: true, reversed_keys: true, ..Faults::default() });
    let mut client = Client::new(&api);
    client.watch(WATCH_LIST);
    let text = String::from_utf8(client.chunk().unwrap().unwrap()).unwrap();
    assert!(text.starts_with("{\n  \"object\": {\n    \"status\": {"), "{text}");
    assert!(text.ends_with("\n  \"type\": \"ADDED\"\n}"), "{text}");
}

#[test]
fn slow_answers_take_their_time() {
    let api = with(Faults { slow: Some((50, Duration::from_millis(2))), ..Faults::default() });
    let start = Instant::now();
    let bytes = Client::new(&api).get(LIST).body.len();
    assert!(start.elapsed() > Duration::from_millis(2) * u32::try_from(bytes / 50).unwrap());
}

#[test]
fn chunks_end_at_odd_places() {
    let api = cluster();
    let mut namespace = generate::namespace("c");
    namespace["metadata"]["annotations"]["note"] = "gr\u{fc}n \u{1f680}".repeat(300).into();
    api.put("namespaces", namespace);
    let expect = Client::new(&api).get(LIST).body;
    for bytes in [1, 3, 1000] {
        api.faults(Faults { chunk_bytes: Some(bytes), ..Faults::default() });
        let mut client = Client::new(&api);
        client.send("GET", LIST, "");
        client.head().unwrap();
        let chunks: Vec<Vec<u8>> = std::iter::from_fn(|| client.chunk().unwrap()).collect();
        assert_eq!(chunks.len(), expect.len().div_ceil(bytes));
        assert_eq!(chunks.concat(), expect);
        assert!(bytes > 1 || chunks.iter().any(|chunk| std::str::from_utf8(chunk).is_err()));
    }
}

#[test]
fn garbage_takes_the_place_of_json() {
    let api = with(Faults { garbage_after: Some(20), ..Faults::default() });
    let body = Client::new(&api).get(LIST).body;
    assert!(body.starts_with(b"{\"kind\":\"NamespaceLi"), "{:?}", String::from_utf8_lossy(&body));
    assert!(serde_json::from_slice::<serde_json::Value>(&body).is_err());
    api.no_faults();
    assert_eq!(Client::new(&api).get(LIST).body.len(), body.len());
}

#[test]
fn watches_expire_after_any_event() {
    for (events_before, expect) in [
        (0, &["ERROR 410", "end"][..]),
        (1, &["ADDED a", "ERROR 410", "end"]),
        (2, &["ADDED a", "ADDED b", "ERROR 410", "end"]),
        (3, &["ADDED a", "ADDED b", "BOOKMARK end", "BOOKMARK", "end"]),
    ] {
        let api = with(Faults { expire_after: Some(events_before), ..Faults::default() });
        assert_eq!(events(&api, WATCH_LIST), expect);
    }
}

#[test]
fn initial_events_have_no_end() {
    let fault = |end| with(Faults { initial_events_end: end, ..Faults::default() });
    assert_eq!(events(&fault(InitialEventsEnd::StreamEnds), WATCH_LIST), ["ADDED a", "ADDED b", "end"]);
    assert_eq!(
        events(&fault(InitialEventsEnd::Missing), WATCH_LIST),
        ["ADDED a", "ADDED b", "BOOKMARK", "end"]
    );
    let api = fault(InitialEventsEnd::Hangs);
    let mut client = Client::new(&api);
    client.watch(WATCH_LIST);
    assert_eq!([client.brief(), client.brief()], ["ADDED a", "ADDED b"]);
    client.hurry(Duration::from_millis(50));
    assert_eq!(client.chunk().unwrap_err().kind(), ErrorKind::WouldBlock);
    drop(client);
    api.eventually("the server has let go", |api| api.connections() == 0);
}

#[test]
fn events_come_twice_and_out_of_order() {
    let api = with(Faults { duplicates: true, ..Faults::default() });
    assert_eq!(events(&api, WATCH_LIST)[..4], ["ADDED a", "ADDED a", "ADDED b", "ADDED b"]);

    let api = with(Faults { older_again: true, ..Faults::default() });
    let mut client = Client::new(&api);
    client.watch(&format!("{LIST}?watch=1&resourceVersion={}", api.version()));
    api.put("namespaces", generate::namespace("a"));
    api.delete("namespaces", "", "b");
    let seen: Vec<_> = (0..4).map(|_| client.event().unwrap()).collect();
    let seen = seen.iter().map(|event| {
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        (text(&event["type"]), text(&event["object"]["metadata"]["resourceVersion"]))
    });
    let expect = [("MODIFIED", "1003"), ("MODIFIED", "1001"), ("DELETED", "1004"), ("MODIFIED", "1002")];
    assert!(seen.eq(expect.map(|(kind, version)| (kind.to_owned(), version.to_owned()))));
}

#[test]
fn a_frozen_server_says_nothing_until_it_thaws() {
    let api = cluster();
    let mut client = Client::new(&api);
    client.watch(&format!("{LIST}?watch=1&resourceVersion={}", api.version()));
    api.freeze(true);
    api.put("namespaces", generate::namespace("c"));
    client.hurry(Duration::from_millis(60));
    assert_eq!(client.chunk().unwrap_err().kind(), ErrorKind::WouldBlock);
    assert_eq!(api.watches("namespaces"), 1);
    api.freeze(false);
    client.hurry(Duration::from_secs(10));
    assert_eq!(client.brief(), "ADDED c");
    api.cut_connections();
    assert!(client.rest().1.is_ok());
    api.eventually("the watch has ended", |api| api.watches_all() == 0);
}

#[test]
fn servers_are_out_of_reach_and_come_back() {
    let api = Api::start_tls(Tls::Good);
    api.require_token(None);
    api.reach(Reach::Resets);
    assert!(Client::tls(&api, api.authority()).is_err());
    api.reach(Reach::Silent);
    std::thread::scope(|scope| {
        let waits =
            scope.spawn(|| Client::tls(&api, api.authority()).map(|mut client| client.get("/livez").body));
        api.eventually("the client waits", |api| api.connections() == 1);
        assert!(!waits.is_finished());
        api.reach(Reach::Answers);
        assert_eq!(waits.join().unwrap().unwrap(), b"ok");
    });
}

#[test]
fn the_same_seed_brings_the_same_trouble() {
    let drawn = |seed| {
        let mut plan = Plan::default();
        plan.seed(seed, 70);
        let targets =
            |at: usize| format!("/api/v1/{}?resourceVersion={at}", ["pods", "nodes", "services"][at % 3]);
        (0..300).map(|at| plan.faults(&targets(at))).collect::<Vec<Faults>>()
    };
    let first = drawn(7);
    let text = |faults: &[Faults]| format!("{faults:?}");
    assert_eq!(text(&first), text(&drawn(7)));
    assert_ne!(text(&first), text(&drawn(8)));
    let hurt = |faults: &&Faults| {
        let Faults { refuse, cut, garbage_after, expire_after, .. } = faults;
        refuse.is_some() || cut.is_some() || garbage_after.is_some() || expire_after.is_some()
    };
    assert!((180..240).contains(&first.iter().filter(hurt).count()));
    for kind in
        ["TooManyRequests", "Trouble(503)", "Expired", "Head(", "Body(", "Hang", "garbage_after: Some"]
    {
        assert!(text(&first).contains(kind), "{kind}");
    }
    // Over the wire: every answer ends somehow.
    let api = cluster();
    api.seeded_faults(7, 50);
    for _ in 0..6 {
        let mut client = Client::new(&api);
        client.hurry(SOON);
        client.send("GET", LIST, "");
        drop(client.answer());
    }
    assert_eq!(api.requests_of("namespaces").len(), 6);
}

/// Recorded answers of Kubernetes 1.36.
fn recorded() -> Option<PathBuf> {
    common::conformance().map(|folder| folder.join("data/kubernetes-1.36"))
}

#[test]
fn recorded_lists_are_served_as_they_were() {
    let Some(folder) = recorded() else { return };
    let api = Api::start();
    assert!(api.load_lists(&folder.join("list")) > 50);
    let pods = std::fs::read(folder.join("list/pods.json")).unwrap();
    let pods: serde_json::Value = serde_json::from_slice(&pods).unwrap();
    let served = Client::new(&api).get("/api/v1/pods").json();
    assert_eq!(served["items"], pods["items"]);
    assert!(api.version() >= 14700);
    // A watch of now begins here.
    let mut client = Client::new(&api);
    client.watch(&format!("{LIST}?watch=1&resourceVersion={}", api.version()));
    api.put("namespaces", generate::namespace("new"));
    assert_eq!(client.brief(), "ADDED new");
}

#[test]
fn recorded_bytes_are_replayed() {
    let Some(folder) = recorded() else { return };
    let api = Api::start();
    let file = folder.join("watch/pods-watchlist-raw.http");
    api.replay_raw("/api/v1/pods?watch", &file);
    api.replay_raw("/api/v1/pods?gone", &folder.join("watch/pods-410-gone.http"));
    let (bytes, outcome) = raw(&api, "/api/v1/pods?watch=1");
    assert!(outcome.is_ok() && bytes == std::fs::read(&file).unwrap());
    let mut client = Client::new(&api);
    client.watch("/api/v1/pods?watch=1");
    let kinds = std::iter::from_fn(|| client.event()).map(|event| event["type"].as_str().unwrap().to_owned());
    assert!(kinds.filter(|kind| kind == "ADDED").count() > 10);
    let (bytes, _) = raw(&api, "/api/v1/pods?gone");
    assert!(bytes.starts_with(b"HTTP/1.1 200 \r\n") && bytes.ends_with(b"\"code\":410}}\n"));

    api.faults(Faults { cut: Cut::body(100, End::Close), ..Faults::default() });
    let (bytes, _) = raw(&api, "/api/v1/pods?watch=1");
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    assert_eq!(bytes.len() - head, 100);
}
