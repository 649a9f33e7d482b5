//! The tests' API server answers as the real one does; its faults are tested beside this, in `apiserver_faults.rs`.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test")]

mod apiserver;

use std::time::Duration;

use apiserver::client::{Answer, Client};
use apiserver::{Api, TOKEN, Tls, WatchList, generate, json};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

const PODS: &str = "/api/v1/pods";
const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/monitoring/leases";
const WATCH_LIST: &str =
    "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";

/// Three pods: two on `node-a` in two namespaces, one that waits for a node.
fn cluster() -> Api {
    let api = Api::start();
    api.put("pods", generate::pod("one", "shop", "node-a"));
    api.put("pods", generate::pod("two", "kube-system", "node-a"));
    api.put("pods", generate::pod("waits", "shop", ""));
    api
}

fn names(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.head.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    let list = answer.json();
    list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["metadata"]["name"].as_str().unwrap().into())
        .collect()
}

/// Code, reason and message of a refusal.
fn refusal(answer: &Answer) -> (u16, String, String) {
    let status = answer.json();
    assert_eq!((&status["kind"], &status["status"]), (&Value::from("Status"), &Value::from("Failure")));
    assert_eq!(status["code"], answer.head.status);
    let text = |field: &str| status[field].as_str().unwrap().to_owned();
    (answer.head.status, text("reason"), text("message"))
}

#[test]
fn lists_have_selectors_and_items_without_a_kind() {
    let api = cluster();
    let mut client = Client::new(&api);
    for (target, expect) in [
        ("/api/v1/pods", &["two", "one", "waits"][..]),
        ("/api/v1/namespaces/shop/pods", &["one", "waits"]),
        ("/api/v1/pods?fieldSelector=spec.nodeName%3Dnode-a", &["two", "one"]),
        ("/api/v1/pods?fieldSelector=spec.nodeName%3D", &["waits"]),
        ("/api/v1/pods?fieldSelector=spec.nodeName=node-a,metadata.namespace!=kube-system", &["one"]),
        ("/api/v1/pods?fieldSelector=metadata.name==two", &["two"]),
        ("/apis/apps/v1/deployments", &[]),
    ] {
        assert_eq!(names(&client.get(target)), expect, "{target}");
    }
    let list = client.get(PODS).json();
    assert_eq!((&list["kind"], &list["apiVersion"]), (&"PodList".into(), &"v1".into()));
    assert_eq!(list["metadata"]["resourceVersion"], api.version().to_string());
    assert!(list["items"][0]["kind"].is_null() && list["items"][0]["apiVersion"].is_null());
    let one = client.get("/api/v1/namespaces/shop/pods/one").json();
    assert_eq!((&one["kind"], &one["spec"]["nodeName"]), (&"Pod".into(), &"node-a".into()));

    let wrong = client.get("/api/v1/pods?fieldSelector=spec.color=red");
    assert_eq!(refusal(&wrong).2, "field label not supported: spec.color");
    let future = client.get("/api/v1/pods?resourceVersion=999999");
    assert_eq!(
        refusal(&future),
        (504, "Timeout".into(), "Too large resource version: 999999, current: 1003".into())
    );
}

#[test]
fn fields_come_in_the_order_of_structs() {
    let api = cluster();
    let text = String::from_utf8(Client::new(&api).get("/api/v1/namespaces/shop/pods/one").body).unwrap();
    let places = [
        "\"kind\"",
        "\"apiVersion\"",
        "\"metadata\"",
        "\"managedFields\"",
        "\"spec\"",
        "\"containers\"",
        "\"nodeName\"",
        "\"status\":{",
        "\"containerStatuses\"",
    ]
    .map(|key| text.find(key).unwrap());
    assert!(places.is_sorted(), "{places:?}");
    assert!((4500..9000).contains(&text.len()), "{} bytes", text.len());
}

#[test]
fn pages_show_the_list_of_the_first_one() {
    let api = cluster();
    let mut client = Client::new(&api);
    let first = client.get("/api/v1/pods?limit=1");
    assert_eq!(names(&first), ["two"]);
    let metadata = first.json()["metadata"].clone();
    assert_eq!((&metadata["resourceVersion"], &metadata["remainingItemCount"]), (&"1003".into(), &2.into()));
    let next = format!("/api/v1/pods?limit=5&continue={}", metadata["continue"].as_str().unwrap());

    api.delete("pods", "shop", "one");
    api.put("pods", generate::pod("new", "shop", "node-a"));
    let second = client.get(&next);
    assert_eq!(names(&second), ["one", "waits"]);
    assert_eq!(second.json()["metadata"], serde_json::json!({"resourceVersion": "1003"}));

    api.compact();
    let expired = client.get(&next);
    let (code, reason, message) = refusal(&expired);
    assert_eq!((code, reason.as_str()), (410, "Expired"));
    assert!(message.starts_with("The provided continue parameter is too old"), "{message}");
    // Whoever does not mind goes on with the list of now.
    let token = expired.json()["metadata"]["continue"].as_str().unwrap().to_owned();
    assert_eq!(names(&client.get(&format!("/api/v1/pods?continue={token}"))), ["new", "waits"]);

    assert_eq!(client.get("/api/v1/pods?continue=abc").head.status, 400);
    // The watch cache has no pages; with a selector nobody counts the rest.
    assert_eq!(names(&client.get("/api/v1/pods?limit=1&resourceVersion=0")).len(), 3);
    let page = client.get("/api/v1/pods?limit=1&fieldSelector=metadata.name!=x").json();
    assert!(page["metadata"]["continue"].is_string() && page["metadata"]["remainingItemCount"].is_null());
}

#[test]
fn a_watch_goes_on_from_its_version() {
    let api = cluster();
    let mut client = Client::new(&api);
    assert_eq!(client.watch("/api/v1/pods?watch=true&resourceVersion=1002&timeoutSeconds=60").status, 200);
    assert_eq!(client.brief(), "ADDED waits");
    let mut pod = api.get("pods", "shop", "one").unwrap();
    pod["status"]["phase"] = "Failed".into();
    api.put("pods", pod);
    let event = client.event().unwrap();
    assert_eq!((&event["type"], &event["object"]["kind"]), (&"MODIFIED".into(), &"Pod".into()));
    assert_eq!(event["object"]["metadata"]["resourceVersion"], "1004");
    api.put("nodes", generate::node("node-a"));
    api.delete("pods", "shop", "one");
    let event = client.event().unwrap();
    assert_eq!((&event["type"], &event["object"]["status"]["phase"]), (&"DELETED".into(), &"Failed".into()));
    assert_eq!(event["object"]["metadata"]["resourceVersion"], "1006");

    // Compacting hurts only those who come later.
    api.compact();
    api.put("pods", generate::pod("late", "shop", "node-a"));
    assert_eq!(client.brief(), "ADDED late");
    api.end_watches();
    assert_eq!(client.brief(), "end");

    // The same connection serves the next request.
    client.watch("/api/v1/pods?watch=true&resourceVersion=1002");
    let error = client.event().unwrap();
    assert_eq!((&error["type"], &error["object"]["code"]), (&"ERROR".into(), &410.into()));
    assert_eq!(error["object"]["message"], "too old resource version: 1002 (1006)");
    assert_eq!(client.brief(), "end");
    api.gone_as_http(true);
    let gone = client.get("/api/v1/pods?watch=true&resourceVersion=1002");
    assert_eq!((gone.head.status, refusal(&gone).1.as_str()), (410, "Expired"));
}

#[test]
fn watches_without_a_version_begin_with_all_objects() {
    let api = cluster();
    for version in ["", "&resourceVersion=0"] {
        let mut client = Client::new(&api);
        client.watch(&format!("{PODS}?watch=1&timeoutSeconds=1&allowWatchBookmarks=true{version}"));
        let seen: Vec<String> = (0..5).map(|_| client.brief()).collect();
        assert_eq!(seen, ["ADDED two", "ADDED one", "ADDED waits", "BOOKMARK", "end"]);
    }
}

#[test]
fn a_watch_list_says_when_it_is_complete() {
    let api = cluster();
    let mut client = Client::new(&api);
    let head = client.watch(&format!("{PODS}?{WATCH_LIST}"));
    assert!(head.text.contains("\r\nTransfer-Encoding: chunked\r\n"), "{}", head.text);
    for expect in ["ADDED two", "ADDED one", "ADDED waits"] {
        assert_eq!(client.brief(), expect);
    }
    let bookmark = client.event().unwrap();
    let expect = r#"{"kind":"Pod","apiVersion":"v1","metadata":{"resourceVersion":"1003","annotations":{"k8s.io/initial-events-end":"true"}},"spec":{"containers":null},"status":{}}"#;
    assert_eq!(bookmark["object"], json::parse(expect));
    api.put("nodes", generate::node("node-a"));
    api.bookmark();
    let bookmark = client.event().unwrap();
    assert_eq!(bookmark["object"]["metadata"], serde_json::json!({"resourceVersion": "1004"}));
    api.bookmark_every(Duration::from_millis(30));
    assert_eq!([client.brief(), client.brief()], ["BOOKMARK", "BOOKMARK"]);
}

#[test]
fn servers_without_watch_list_refuse_or_ignore_it() {
    let api = cluster();
    let mut client = Client::new(&api);
    let target = format!("{PODS}?{WATCH_LIST}&timeoutSeconds=1");
    for (mode, code) in [(WatchList::Forbidden, 422), (WatchList::BadRequest, 400)] {
        api.watch_list(mode);
        let (status, _, message) = refusal(&client.get(&target));
        assert_eq!(status, code);
        assert!(message.contains("sendInitialEvents is forbidden for watch unless"), "{message}");
    }
    api.watch_list(WatchList::Ignored);
    client.watch(&target);
    let seen: Vec<String> = (0..5).map(|_| client.brief()).collect();
    assert_eq!(seen, ["ADDED two", "ADDED one", "ADDED waits", "BOOKMARK", "end"]);
    api.watch_list(WatchList::Served);
    assert_eq!(client.get(&format!("{PODS}?watch=1&sendInitialEvents=true")).head.status, 422);
    assert_eq!(client.get(&format!("{PODS}?watch=1&resourceVersionMatch=NotOlderThan")).head.status, 422);
    assert_eq!(client.get(&format!("{PODS}?sendInitialEvents=true")).head.status, 422);
}

#[test]
fn objects_move_between_selections() {
    let api = cluster();
    let mut without = Client::new(&api);
    without.watch(&format!("{PODS}?watch=1&resourceVersion=1003&fieldSelector=spec.nodeName%3D"));
    let mut on_node = Client::new(&api);
    on_node.watch(&format!("{PODS}?watch=1&resourceVersion=1003&fieldSelector=spec.nodeName%3Dnode-b"));
    let mut pod = api.get("pods", "shop", "waits").unwrap();
    pod["spec"]["nodeName"] = "node-b".into();
    api.put("pods", pod);
    let gone = without.event().unwrap();
    assert_eq!((&gone["type"], &gone["object"]["spec"]["nodeName"]), (&"DELETED".into(), &Value::Null));
    assert_eq!(gone["object"]["metadata"]["resourceVersion"], "1004");
    assert_eq!(on_node.brief(), "ADDED waits");
    // No uid of a pod changes with it, and nobody hears of pods elsewhere.
    api.put("pods", generate::pod("elsewhere", "shop", "node-c"));
    api.delete("pods", "shop", "waits");
    assert_eq!(on_node.brief(), "DELETED waits");
    api.put("pods", generate::pod("fresh", "shop", ""));
    assert_eq!(without.brief(), "ADDED fresh");
}

#[test]
fn leases_are_written_by_one_at_a_time() {
    let api = Api::start();
    let mut client = Client::new(&api);
    let path = format!("{LEASES}/trimeter");
    assert_eq!(
        refusal(&client.get(&path)),
        (404, "NotFound".into(), "leases.coordination.k8s.io \"trimeter\" not found".into())
    );
    let lease = generate::lease("trimeter", "monitoring", "node-a").to_string();
    let created = client.request("POST", LEASES, &lease);
    assert_eq!(created.head.status, 201);
    assert_eq!(refusal(&client.request("POST", LEASES, &lease)).1, "AlreadyExists");
    assert_eq!(refusal(&client.request("PUT", &path, &lease)).0, 422);

    let mut mine = created.json();
    mine["spec"]["renewTime"] = "2026-11-21T01:54:09.000000Z".into();
    let written = client.request("PUT", &path, &mine.to_string());
    assert_eq!(written.head.status, 200);
    let late = refusal(&client.request("PUT", &path, &mine.to_string()));
    assert_eq!((late.0, late.1.as_str()), (409, "Conflict"));
    let now = client.get(&path).json();
    assert_eq!(now, written.json());
    assert_eq!(now["metadata"]["uid"], mine["metadata"]["uid"]);
    assert_ne!(now["metadata"]["resourceVersion"], mine["metadata"]["resourceVersion"]);
    assert_eq!(client.request("DELETE", &path, "").head.status, 200);
    assert_eq!(refusal(&client.request("PUT", &path, &now.to_string())).0, 404);
    assert_eq!(client.request("POST", LEASES, "{").head.status, 400);
}

#[test]
fn who_may_ask_for_what() {
    let api = cluster();
    api.require_token(Some("first"));
    let mut client = Client::new(&api);
    let expect = r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Unauthorized","reason":"Unauthorized","code":401}"#;
    assert_eq!(client.get(PODS).body, format!("{expect}\n").into_bytes());
    client.token = Some("first".into());
    assert_eq!(client.get(PODS).head.status, 200);
    api.require_token(Some("second"));
    assert_eq!(client.get(PODS).head.status, 401);
    client.token = Some("second".into());

    api.forbid("pods", &["list"]);
    api.forbid("leases", &["get", "watch"]);
    let message = r#"pods is forbidden: User "system:serviceaccount:monitoring:trimeter" cannot list resource "pods" in API group "" at the cluster scope"#;
    assert_eq!(refusal(&client.get(PODS)), (403, "Forbidden".into(), message.into()));
    let message = refusal(&client.get(&format!("{LEASES}/trimeter"))).2;
    assert!(message.starts_with(r#"leases.coordination.k8s.io "trimeter" is forbidden: User "#), "{message}");
    assert!(
        message.ends_with(r#"in API group "coordination.k8s.io" in the namespace "monitoring""#),
        "{message}"
    );
    assert_eq!(client.get(&format!("{LEASES}?watch=1")).head.status, 403);
    assert_eq!(client.get(LEASES).head.status, 200);
    api.allow("pods");
    assert_eq!(client.get(PODS).head.status, 200);
}

#[test]
fn group_versions_come_and_go() {
    let api = Api::start();
    api.put("horizontalpodautoscalers", serde_json::json!({"metadata": {"name": "web"}}));
    let mut client = Client::new(&api);
    assert_eq!(client.get("/version").json()["minor"], "36");
    assert_eq!(client.get("/livez").body, b"ok");
    let missing = (404, "NotFound".to_owned(), "the server could not find the requested resource".to_owned());
    api.serve_version("batch/v1", false);
    for target in [
        "/apis/batch/v1/jobs",
        "/apis/autoscaling/v1/horizontalpodautoscalers",
        "/apis/x.io/v1/xs",
        "/api/v1/jobs",
    ] {
        assert_eq!(refusal(&client.get(target)), missing, "{target}");
    }
    api.serve_version("batch/v1", true);
    api.serve_version("autoscaling/v1", true);
    assert_eq!(client.get("/apis/batch/v1/jobs").head.status, 200);
    let old = client.get("/apis/autoscaling/v1/horizontalpodautoscalers").json();
    assert_eq!(
        (&old["apiVersion"], &old["items"][0]["metadata"]["namespace"]),
        (&"autoscaling/v1".into(), &"default".into())
    );
    api.plain_not_found(true);
    for target in ["/apis/x.io/v1/xs", "/apis/batch/v1beta1/cronjobs"] {
        assert_eq!(client.get(target).body, b"404 page not found\n");
    }
    assert_eq!(client.request("PATCH", "/api/v1/nodes/a", "").head.status, 405);
}

#[test]
fn the_log_knows_what_is_open() {
    let api = cluster();
    let mut first = Client::new(&api);
    first.watch(&format!("{PODS}?watch=1&resourceVersion=1003"));
    assert_eq!((api.watches("pods"), api.watches("nodes"), api.watches_all()), (1, 0, 1));
    // One that hangs up and comes again is no second request at the same time.
    drop(first);
    let mut again = Client::new(&api);
    again.watch(&format!("{PODS}?watch=1&resourceVersion=1003"));
    assert_eq!((api.watches("pods"), api.in_flight_max("pods")), (1, 1));
    Client::new(&api).get(PODS);
    assert_eq!(api.in_flight_max("pods"), 2);
    drop(again);
    api.eventually("no watch is open", |api| api.watches_all() == 0 && api.connections() == 0);

    let records = api.requests_of("pods");
    let shown: Vec<_> =
        records.iter().map(|record| (record.connection, record.watch, record.status, record.ended)).collect();
    assert_eq!(shown, [(1, true, 200, true), (2, true, 200, true), (3, false, 200, true)]);
    assert_eq!((records[0].path.as_str(), records[0].query.as_str()), (PODS, "watch=1&resourceVersion=1003"));
    assert_eq!((records[0].user_agent.as_str(), records[0].authorization), ("selftest", false));
    api.clear_requests();
    assert_eq!((api.requests().len(), api.in_flight_max("pods")), (0, 0));
}

#[test]
fn tls_is_as_good_as_its_certificate() {
    for kind in [Tls::Good, Tls::Old] {
        let api = Api::start_tls(kind);
        api.put("pods", generate::huge_pod("huge", "shop", "node-a", 2 << 20));
        let mut client = Client::new(&api);
        assert_eq!(client.get("/version").head.status, 401);
        client.token = Some(TOKEN.into());
        let list = client.get(PODS);
        assert!(list.body.len() > 2 << 20);
        assert_eq!(names(&list), ["huge"]);
        client.watch(&format!("{PODS}?{WATCH_LIST}"));
        assert_eq!([client.brief(), client.brief()], ["ADDED huge", "BOOKMARK end"]);
        api.delete("pods", "shop", "huge");
        assert_eq!(client.brief(), "DELETED huge");
        drop(client);
        api.eventually("the server sees that its client has gone", |api| api.watches_all() == 0);
    }
    for kind in [Tls::Expired, Tls::OtherName, Tls::OtherAuthority] {
        let api = Api::start_tls(kind);
        assert!(Client::tls(&api, api.authority()).is_err(), "{kind:?}");
    }
}

#[test]
fn kubeconfigs_say_how_to_get_in() {
    let api = Api::start_tls(Tls::Good);
    let path = api.kubeconfig();
    let text = std::fs::read_to_string(&path).unwrap();
    for part in
        [&format!("server: {}", api.url()), &format!("token: {TOKEN}"), "certificate-authority-data: LS0t"]
    {
        assert!(text.contains(part), "{text}");
    }
    let text = std::fs::read_to_string(api.kubeconfig_with_certificate()).unwrap();
    let data = |name: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(name)).unwrap();
        STANDARD.decode(line.trim()).unwrap()
    };
    let (certificate, key) = (data("client-certificate-data:"), data("client-key-data:"));
    assert_eq!(Client::certified(&api, &certificate, &key).get("/version").head.status, 200);
    let text = std::fs::read_to_string(api.kubeconfig_with_token_file()).unwrap();
    let file = text.split("tokenFile: ").nth(1).unwrap().lines().next().unwrap();
    assert_eq!(std::fs::read_to_string(file).unwrap(), TOKEN);
    api.write_token("other");
    assert_eq!(std::fs::read_to_string(file).unwrap(), "other");
    drop(api);
    assert!(!path.exists());
}

#[test]
fn thousands_of_pods() {
    let api = Api::start();
    api.put_all("pods", generate::pods(2000, 20));
    api.put_all("deployments", generate::deployments(20));
    api.put_all("nodes", generate::nodes(20));
    api.put_all("namespaces", (0..20).map(|at| generate::namespace(&format!("team-{at}"))));
    let mut client = Client::new(&api);
    let own = names(&client.get(&format!("{PODS}?fieldSelector=spec.nodeName%3Dnode-7"))).len();
    let without = names(&client.get(&format!("{PODS}?fieldSelector=spec.nodeName%3D"))).len();
    assert_eq!((api.count("pods"), own, without), (2000, 100, 20));
    let (mut pages, mut token) = (0, String::new());
    loop {
        let page = client.get(&format!("{PODS}?limit=500&continue={token}")).json();
        pages += 1;
        let Some(next) = page["metadata"]["continue"].as_str() else { break };
        token = next.to_owned();
    }
    assert_eq!(pages, 4);
}
