use super::object::micro_time;
use super::timing::Dice;
use super::*;
use serde_json::{Value, json};

const SECOND: u64 = 1_000_000_000;
/// 2026-08-30T12:34:56.789012Z
const NOON: i64 = 1_788_093_296_789_012_345;

fn elector(seed: u64) -> Elector {
    let settings = LeaseSettings {
        name: "trimeter".into(),
        namespace: "monitoring".into(),
        identity: "node7".into(),
        duration: Duration::from_secs(15),
    };
    Elector::new(settings, seed)
}

/// The moment so many milliseconds after the start.
fn at(millis: u64) -> Moment {
    let unix_nanos = NOON + i64::try_from(millis).unwrap() * 1_000_000;
    Moment { monotonic: Monotonic(100 * SECOND + millis * 1_000_000), unix_nanos }
}

fn waits(elector: &mut Elector, now: u64) -> u64 {
    match elector.next(at(now)) {
        Step::Wait(until) => (until.0 - at(0).monotonic.0) / 1_000_000,
        step => panic!("{step:?}"),
    }
}

/// The server's object with another version.
fn lease(version: u32, spec: &Value) -> String {
    json!({
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {
            "name": "trimeter", "namespace": "monitoring", "uid": "u1", "resourceVersion": version.to_string(),
            "labels": { "team": "metrics" }, "annotations": { "note": "a \"quoted\" word" },
        },
        "spec": spec,
    })
    .to_string()
}

fn held(version: u32, holder: &str) -> String {
    lease(version, &json!({ "holderIdentity": holder, "leaseDurationSeconds": 15, "leaseTransitions": 3 }))
}

fn body(step: Step) -> Value {
    match step {
        Step::Create(body) | Step::Update(body) => serde_json::from_str(&body).unwrap(),
        step => panic!("{step:?}"),
    }
}

/// The body with the version that the server gives it.
fn stored(body: &Value, version: u32) -> String {
    let mut lease = body.clone();
    lease["metadata"]["resourceVersion"] = version.to_string().into();
    lease["metadata"]["uid"] = "u1".into();
    lease.to_string()
}

/// An elector that took an empty lease: written at 600 ms and answered at 610.
fn owner() -> Elector {
    let mut elector = elector(7);
    assert_eq!(elector.next(at(0)), Step::Read { cached: true });
    elector.answered(at(10).monotonic, Outcome::Lease(held(1, "").as_bytes()));
    assert!(waits(&mut elector, 10) <= 510);
    let written = body(elector.next(at(600)));
    elector.answered(at(610).monotonic, Outcome::Lease(stored(&written, 2).as_bytes()));
    assert!(elector.is_owner(at(610).monotonic));
    elector
}

#[test]
fn paths_name_the_lease() {
    let elector = elector(0xabc);
    let item = "/apis/coordination.k8s.io/v1/namespaces/monitoring/leases/trimeter";
    assert_eq!(elector.identity(), "node7_0000000000000abc");
    assert_eq!(elector.target(&Step::Read { cached: true }), format!("{item}?resourceVersion=0"));
    assert_eq!(elector.target(&Step::Read { cached: false }), item);
    assert_eq!(elector.target(&Step::Update(String::new())), item);
    assert_eq!(elector.target(&Step::Create(String::new())), item.strip_suffix("/trimeter").unwrap());
    assert_eq!(elector.patience(), Duration::from_secs(2));
}

#[test]
fn a_lease_that_is_not_there_is_created_and_owned_when_no_other_owner_can_be_left() {
    let mut elector = elector(7);
    assert_eq!(elector.next(at(0)), Step::Read { cached: true });
    elector.answered(at(10).monotonic, Outcome::NotFound);
    let when = waits(&mut elector, 10);
    assert!(when <= 510);
    let step = elector.next(at(1000));
    assert!(matches!(step, Step::Create(_)));
    let written = body(step);
    assert_eq!(
        written,
        json!({
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": { "name": "trimeter", "namespace": "monitoring" },
            "spec": {
                "holderIdentity": "node7_0000000000000007",
                "leaseDurationSeconds": 15,
                "acquireTime": "2026-08-30T12:34:57.789012Z",
                "renewTime": "2026-08-30T12:34:57.789012Z",
                "leaseTransitions": 0,
            },
        })
    );
    elector.answered(at(1010).monotonic, Outcome::Lease(stored(&written, 5).as_bytes()));
    assert!(!elector.is_owner(at(1010).monotonic));
    // It goes on reading, for another may be faster.
    let when = waits(&mut elector, 1010);
    assert!((4600..=5400).contains(&when), "{when}");
    assert_eq!(elector.next(at(5400)), Step::Read { cached: true });
    elector.answered(at(5410).monotonic, Outcome::Lease(stored(&written, 5).as_bytes()));
    assert_eq!(waits(&mut elector, 5410), 9010);
    let renewed = body(elector.next(at(9010)));
    assert_eq!(renewed["spec"]["acquireTime"], written["spec"]["acquireTime"]);
    assert_eq!(renewed["spec"]["leaseTransitions"], 0);
    elector.answered(at(9020).monotonic, Outcome::Lease(stored(&renewed, 6).as_bytes()));
    assert!(elector.is_owner(at(9020).monotonic));
}

#[test]
fn who_creates_too_late_reads() {
    let mut elector = elector(7);
    elector.next(at(0));
    elector.answered(at(10).monotonic, Outcome::NotFound);
    assert!(matches!(elector.next(at(600)), Step::Create(_)));
    elector.answered(at(610).monotonic, Outcome::Conflict);
    assert!(waits(&mut elector, 610) <= 1110);
    assert_eq!(elector.next(at(1110)), Step::Read { cached: false });
    elector.answered(at(1120).monotonic, Outcome::Lease(held(9, "node1").as_bytes()));
    assert_eq!(elector.numbers(at(1120).monotonic).holder, "node1");
    assert_eq!(elector.numbers(at(1120).monotonic).conflicts_total, 1);
    assert!(!elector.is_owner(at(1120).monotonic));
}

#[test]
fn a_silent_holder_is_followed_at_its_moment_and_nothing_of_the_object_is_lost() {
    let mut elector = elector(7);
    let silent = json!({
        "holderIdentity": "node1", "leaseDurationSeconds": 15, "leaseTransitions": 3, "strategy": "Mine",
        "acquireTime": "2020-01-01T00:00:00.000000Z", "renewTime": "2099-01-01T00:00:00.000000Z",
    });
    let text = lease(41, &silent);
    let mut now = 0;
    while now < 8010 {
        assert_eq!(elector.next(at(now)), Step::Read { cached: true });
        elector.answered(at(now + 10).monotonic, Outcome::Lease(text.as_bytes()));
        let next = waits(&mut elector, now + 10);
        assert!(next == 8010 || (3600..=4400).contains(&(next - now)), "{next}");
        now = next;
    }
    let written = body(elector.next(at(8010)));
    let mut expected: Value = serde_json::from_str(&text).unwrap();
    expected["spec"] = json!({
        "holderIdentity": "node7_0000000000000007", "leaseDurationSeconds": 15, "leaseTransitions": 4,
        "strategy": "Mine",
        "acquireTime": "2026-08-30T12:35:04.799012Z", "renewTime": "2026-08-30T12:35:04.799012Z",
    });
    assert_eq!(written, expected);
    elector.answered(at(8020).monotonic, Outcome::Lease(stored(&written, 42).as_bytes()));
    let numbers = elector.numbers(at(8020).monotonic);
    assert_eq!((numbers.owner, numbers.transitions, numbers.acquired_total), (true, 4, 1));
    assert_eq!(numbers.renewed, Some(Duration::from_millis(10)));
    // A renewal changes nothing but its time.
    assert_eq!(waits(&mut elector, 8020), 10_010);
    expected["spec"]["renewTime"] = "2026-08-30T12:35:06.799012Z".into();
    expected["metadata"]["resourceVersion"] = "42".into();
    assert_eq!(body(elector.next(at(10_010))), expected);
}

#[test]
fn the_fence_counts_from_the_sending_of_the_last_renewal_that_succeeded() {
    let mut elector = owner();
    assert!(elector.is_owner(at(7599).monotonic));
    assert!(!elector.is_owner(at(7600).monotonic));
    for (sent, answer) in [(2600, Outcome::Failed), (3800, Outcome::Lease(b"[]")), (6000, Outcome::Forbidden)]
    {
        assert!(matches!(elector.next(at(sent)), Step::Update(_)), "{sent}");
        elector.answered(at(sent + 100).monotonic, answer);
        assert!(waits(&mut elector, sent + 100) <= sent + 2200);
    }
    assert!(elector.is_owner(at(7599).monotonic));
    // The process was stopped: what it is asked first is a page.
    assert!(!elector.is_owner(at(60_000).monotonic));
    let written = body(elector.next(at(60_000)));
    let numbers = elector.numbers(at(60_000).monotonic);
    assert_eq!((numbers.lost_total, numbers.renew_failures_total, numbers.malformed_total), (1, 3, 1));
    // Nobody else was there: another term.
    elector.answered(at(60_010).monotonic, Outcome::Lease(stored(&written, 3).as_bytes()));
    assert!(elector.is_owner(at(60_010).monotonic));
    assert_eq!(elector.numbers(at(60_010).monotonic).acquired_total, 2);
    // An answer that comes after the fence gives nothing.
    let written = body(elector.next(at(62_000)));
    elector.answered(at(69_000).monotonic, Outcome::Lease(stored(&written, 4).as_bytes()));
    assert!(!elector.is_owner(at(69_000).monotonic));
    assert!(matches!(elector.next(at(69_000)), Step::Update(_)));
}

#[test]
fn a_holder_that_sees_another_stops_at_once_and_one_that_lost_an_answer_goes_on() {
    for (holder, owner_still) in [("node1", false), ("", false), ("node7_0000000000000007", true)] {
        let mut elector = owner();
        assert!(matches!(elector.next(at(2600)), Step::Update(_)));
        elector.answered(at(2610).monotonic, Outcome::Conflict);
        assert!(elector.is_owner(at(2610).monotonic));
        assert_eq!(elector.next(at(2610)), Step::Read { cached: false });
        elector.answered(at(2620).monotonic, Outcome::Lease(held(9, holder).as_bytes()));
        assert_eq!(elector.is_owner(at(2620).monotonic), owner_still, "{holder:?}");
        assert_eq!(elector.numbers(at(2620).monotonic).lost_total, u64::from(!owner_still));
        assert_eq!(matches!(elector.next(at(2620)), Step::Update(_)), owner_still, "{holder:?}");
    }
    let mut elector = owner();
    elector.next(at(2600));
    elector.answered(at(2610).monotonic, Outcome::NotFound);
    assert!(!elector.is_owner(at(2610).monotonic), "the lease was deleted");
}

#[test]
fn renewals_that_always_come_too_late_are_paced() {
    let mut elector = owner();
    let (mut now, mut requests) = (2600, 0);
    while now < 62_600 {
        match elector.next(at(now)) {
            Step::Wait(until) => now = (until.0 - at(0).monotonic.0) / 1_000_000 + 1,
            Step::Read { .. } => {
                elector.answered(
                    at(now).monotonic,
                    Outcome::Lease(
                        held(now.try_into().unwrap(), elector.identity().to_owned().as_str()).as_bytes(),
                    ),
                );
                requests += 1;
            }
            _ => {
                elector.answered(at(now).monotonic, Outcome::Conflict);
                requests += 1;
            }
        }
    }
    assert!(requests < 130, "{requests}");
}

#[test]
fn what_is_forbidden_is_named_and_tried_slowly() {
    let mut elector = elector(7);
    assert_eq!(elector.forbidden(), None);
    elector.next(at(0));
    elector.answered(at(10).monotonic, Outcome::Forbidden);
    let rule = "may not get leases.coordination.k8s.io \"trimeter\" in namespace \"monitoring\"";
    assert_eq!(elector.forbidden().as_deref(), Some(rule));
    assert!(waits(&mut elector, 10) <= 1200);
    elector.next(at(1200));
    elector.answered(at(1210).monotonic, Outcome::Forbidden);
    assert!((55_000..68_000).contains(&waits(&mut elector, 1210)));
    assert!(matches!(elector.next(at(68_000)), Step::Read { .. }));
    elector.answered(at(68_010).monotonic, Outcome::NotFound);
    assert_eq!(elector.forbidden(), None);
    for (sent, least) in [(69_000, 0), (71_000, 54_000)] {
        assert!(matches!(elector.next(at(sent)), Step::Create(_)));
        elector.answered(at(sent + 10).monotonic, Outcome::Forbidden);
        assert!(elector.forbidden().unwrap().starts_with("may not create"));
        // Reads go on.
        let next = waits(&mut elector, sent + 10);
        assert!(next > sent && next <= sent + 5000, "{next}");
        assert!(elector.barred.since(at(sent).monotonic) >= Duration::from_millis(least));
    }
}

#[test]
fn answers_that_are_no_lease_are_counted() {
    let good = held(1, "node1");
    let mut bad: Vec<String> = (0..good.len()).map(|end| good[..end].to_owned()).collect();
    for (from, to) in [
        ("\"kind\":\"Lease\"", "\"kind\":\"Status\""),
        ("\"name\":\"trimeter\"", "\"name\":\"other\""),
        ("\"resourceVersion\":\"1\"", "\"resourceVersion\":\"\""),
        ("\"resourceVersion\":\"1\"", "\"resourceVersion\":1"),
        ("\"holderIdentity\":\"node1\"", "\"holderIdentity\":[]"),
        ("\"metadata\":{", "\"metadata\":1,\"other\":{"),
        ("\"spec\":{", "\"spec\":3,\"other\":{"),
    ] {
        assert!(good.contains(from), "{from}");
        bad.push(good.replace(from, to));
    }
    bad.push("[".repeat(100_000));
    let mut elector = elector(7);
    for (count, text) in (1..).zip(&bad) {
        let now = count * 10_000;
        assert!(matches!(elector.next(at(now)), Step::Read { .. }), "{text}");
        elector.answered(at(now).monotonic, Outcome::Lease(text.as_bytes()));
        assert_eq!(elector.numbers(at(now).monotonic).malformed_total, count, "{text}");
    }
    // Odd numbers are none; a Lease without a spec is nobody's.
    let odd = json!({ "holderIdentity": null, "leaseDurationSeconds": -1, "leaseTransitions": 1e30 });
    for text in [lease(1, &odd), lease(2, &Value::Null), lease(3, &json!({ "leaseTransitions": i32::MAX }))] {
        let lease = Lease::parse(text.as_bytes(), "trimeter").unwrap();
        assert_eq!((lease.holder.as_str(), lease.seconds), ("", None));
        let entry = Entry { holder: "a", seconds: 15, unix_nanos: 0 };
        let written: Value = serde_json::from_str(&lease.written(&entry)).unwrap();
        assert!(written["spec"]["leaseTransitions"].as_i64().unwrap() <= i64::from(i32::MAX));
    }
}

#[test]
fn who_ends_gives_the_lease_up() {
    let mut elector = owner();
    elector.release();
    assert!(!elector.is_owner(at(700).monotonic));
    let written = body(elector.next(at(700)));
    assert_eq!(written["spec"]["holderIdentity"], "");
    assert_eq!(written["spec"]["leaseTransitions"], 4);
    assert_eq!(written["spec"]["renewTime"], "2026-08-30T12:34:57.489012Z");
    elector.answered(at(710).monotonic, Outcome::Lease(stored(&written, 3).as_bytes()));
    assert_eq!(elector.next(at(710)), Step::Done);
    assert_eq!(elector.numbers(at(710).monotonic).lost_total, 0);
    // A renewal was on its way: what became of it is read first.
    let mut elector = owner();
    elector.next(at(2600));
    elector.release();
    assert_eq!(elector.next(at(2700)), Step::Read { cached: false });
    elector.answered(at(2710).monotonic, Outcome::Lease(held(9, "node7_0000000000000007").as_bytes()));
    assert_eq!(body(elector.next(at(2710)))["metadata"]["resourceVersion"], "9");
    // Without a server it ends all the same.
    let steps = (0..9).map(|_| elector.next(at(2720))).take_while(|step| *step != Step::Done).count();
    assert!(steps < 5);
    // Who holds nothing has nothing to do.
    let mut candidate = super::tests::elector(1);
    candidate.release();
    assert_eq!(candidate.next(at(0)), Step::Done);
}

#[test]
fn times_of_the_wall_clock_have_six_decimals() {
    assert_eq!(micro_time(0), "1970-01-01T00:00:00.000000Z");
    assert_eq!(micro_time(-1), "1969-12-31T23:59:59.999999Z");
    assert_eq!(micro_time(951_868_799_999_999_999), "2000-02-29T23:59:59.999999Z");
    assert_eq!(micro_time(1_798_761_599_000_001_000), "2026-12-31T23:59:59.000001Z");
    assert_eq!(micro_time(NOON), "2026-08-30T12:34:56.789012Z");
    assert_eq!(micro_time(i64::MAX), "2262-04-11T23:47:16.854775Z");
    assert_eq!(micro_time(i64::MIN), "1677-09-21T00:12:43.145224Z");
}

#[test]
fn moments_keep_their_order_for_every_duration() {
    let mut dice = Dice::new(1, "");
    for millis in (5000..=600_000).step_by(37) {
        let timing = Timing::new(Duration::from_millis(millis));
        assert!(timing.takeover(None) > timing.fence());
        assert!(timing.renew() * 3 <= timing.fence());
        assert!(Duration::from_secs(timing.seconds()) >= Duration::from_millis(millis));
        assert!(timing.read(&mut dice) + timing.takeover(None) < Duration::from_millis(millis) * 13 / 15);
        for failures in [0, 1, 2, 10, u32::MAX] {
            assert!(timing.retry(failures, true, &mut dice) <= timing.renew());
        }
        // An agent with another duration reads what the holder has written.
        let short = Timing::new(Duration::from_secs(5));
        assert!(short.takeover(Some(timing.seconds())) > timing.fence());
    }
}
