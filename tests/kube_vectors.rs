//! The rules of Kubernetes and kube-state-metrics for single values: amounts, names, schedules, against what the
//! reference makes of them.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test that reads the peers' cases")]
mod common;

use serde_json::Value;
use trimeter::base::text::Text;
use trimeter::expo::number::{NUMBER_BYTES, float, peer_float};
use trimeter::text::cron::{self, Next};
use trimeter::text::label_name::ObjectLabelNames;
use trimeter::text::quantity::Quantity;
use trimeter::text::{allow, go_number, resource_name, rfc3339, shard, zones};

/// The cases of a kind, no fewer than there were once; `None` when there is no folder with them.
fn vectors(kind: &str, least: usize) -> Option<Vec<Value>> {
    let folder = common::conformance()?;
    let file = std::fs::read(folder.join("conformance/kube-state/vectors.json")).unwrap();
    let mut all: Value = serde_json::from_slice(&file).unwrap();
    let Value::Array(cases) = all[kind].take() else { panic!("no list of {kind}") };
    assert!(cases.len() >= least, "{kind}: {}", cases.len());
    Some(cases)
}

/// Numbers of the cases are texts, as Go writes them.
fn number(text: &Value) -> f64 {
    text.as_str().unwrap().parse().unwrap()
}

#[track_caller]
fn same(found: f64, expect: &Value, case: &Value) {
    let expect = number(expect);
    assert!(found == expect || (found.is_nan() && expect.is_nan()), "{found} {case}");
}

fn texts(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

#[test]
fn quantities() {
    let Some(cases) = vectors("quantities", 72) else { return };
    // Beyond 64 bits the reference has numbers that wrapped around; ours end at the largest.
    const BEYOND: [&str; 3] = ["9223372036854775808", "1e19", "1000000000000000000000"];
    for case in &cases {
        let text = case["in"].as_str().unwrap();
        let found = Quantity::parse(text.as_bytes());
        assert_eq!(found.is_none(), case.get("err").is_some(), "{case}");
        let Some(quantity) = found else { continue };
        if BEYOND.contains(&text) {
            assert_eq!(quantity.value(), i64::MAX);
            continue;
        }
        same(quantity.value() as f64, &case["float_of_Value"], case);
        same(quantity.milli_rule(), &case["convertValueToFloat64"], case);
        same(quantity.approximate(), &case["AsApproximateFloat64"], case);
    }
}

#[test]
fn resource_names() {
    let Some(cases) = vectors("resource_names", 20) else { return };
    for case in &cases {
        let name = case["name"].as_str().unwrap().as_bytes();
        let found = [
            resource_name::is_native(name),
            resource_name::is_extended(name),
            resource_name::is_hugepage(name),
            resource_name::is_attachable(name),
        ];
        let expect = ["native", "extended", "hugepage", "attachable"].map(|key| case[key].as_bool().unwrap());
        assert_eq!(found, expect, "{case}");
        let mut value = Text::<64>::new();
        resource_name::sanitise(name, &mut value).unwrap();
        assert_eq!(value.as_str(), case["sanitized"].as_str().unwrap(), "{case}");
    }
}

#[test]
fn resource_versions() {
    let Some(cases) = vectors("resource_version", 14) else { return };
    for case in &cases {
        let found = go_number::float(case["in"].as_str().unwrap().as_bytes());
        match case.get("value") {
            Some(expect) => same(found.unwrap(), expect, case),
            None => assert_eq!(found, None, "{case}"),
        }
    }
}

/// The names and values of a map's entries, in the order of the keys' bytes.
fn named(entries: &[(&String, &Value)]) -> (Vec<String>, Vec<String>) {
    let mut names = ObjectLabelNames::new();
    let mut values = Vec::new();
    for (key, value) in entries {
        names.add(b"label_", key.as_bytes()).unwrap();
        values.push(value.as_str().unwrap().to_owned());
    }
    let names = (0..names.len()).map(|index| String::from_utf8(names.name(index).to_vec()).unwrap());
    (names.collect(), values)
}

fn sorted(map: &Value) -> Vec<(&String, &Value)> {
    let mut entries: Vec<_> = map.as_object().unwrap().iter().collect();
    entries.sort_by_key(|(key, _)| *key);
    entries
}

#[test]
fn label_names() {
    let Some(cases) = vectors("label_names", 8) else { return };
    for case in &cases {
        let (names, values) = named(&sorted(&case["in"]));
        assert_eq!(names, texts(&case["keys"]), "{case}");
        assert_eq!(values, texts(&case["values"]), "{case}");
    }
}

#[test]
fn allow_lists() {
    let Some(cases) = vectors("allowlist", 9) else { return };
    for case in &cases {
        let patterns = texts(&case["allow"]);
        let mut entries = sorted(&case["data"]);
        entries.retain(|(key, _)| allow::matches(&patterns, key.as_bytes()));
        let (names, values) = named(&entries);
        assert_eq!(names, texts(&case["keys"]), "{case}");
        assert_eq!(values, texts(&case["values"]), "{case}");
    }
}

#[test]
fn shards() {
    let Some(cases) = vectors("sharding", 41) else { return };
    for case in &cases {
        let hash = shard::fnv1a64(case["uid"].as_str().unwrap().as_bytes());
        assert_eq!(format!("{hash:016x}"), case["fnv1a64"].as_str().unwrap(), "{case}");
        for (key, expect) in case.as_object().unwrap() {
            let Some(shards) = key.strip_prefix("of_") else { continue };
            let found = shard::jump(hash, shards.parse().unwrap());
            assert_eq!(u64::from(found), expect.as_u64().unwrap(), "{key} {case}");
        }
    }
}

#[test]
fn floats() {
    let Some(cases) = vectors("floats", 33) else { return };
    let text = |write: fn(&mut [u8; NUMBER_BYTES], f64) -> usize, value| {
        let mut out = [0; NUMBER_BYTES];
        let length = write(&mut out, value);
        String::from_utf8(out[..length].to_vec()).unwrap()
    };
    for case in &cases {
        let value = number(&case[0]);
        assert_eq!(number(&case[1]), value, "{case}");
        assert_eq!(text(float, value).parse::<f64>().unwrap(), value, "{case}");
        assert_eq!(text(peer_float, value), case[1].as_str().unwrap());
    }
}

/// The value of the only sample of a family, if the family is among those of a case.
fn sample(case: &Value, family: &str) -> Option<f64> {
    let found = case["families"].as_array().unwrap().iter().find(|found| found["name"] == family)?;
    let line = found["lines"][0].as_str().unwrap();
    Some(line.rsplit_once(' ').unwrap().1.parse().unwrap())
}

#[test]
fn schedules_of_cron_jobs() {
    let Some(folder) = common::conformance() else { return };
    let cases = std::fs::read_to_string(folder.join("conformance/kube-state/cronjobs.jsonl")).unwrap();
    let mut seen = 0;
    for line in cases.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let (spec, status) = (&case["object"]["spec"], &case["object"]["status"]);
        let text = spec["schedule"].as_str().unwrap().as_bytes();
        let schedule = match spec["timeZone"].as_str() {
            Some(zone) => cron::parse_in(zone.as_bytes(), text),
            None => cron::parse(text),
        };
        assert_eq!(schedule.is_none(), sample(&case, "kube_cronjob_schedule_invalid").is_some(), "{line}");
        let last = status["lastScheduleTime"].as_str();
        let after = last.or_else(|| case["object"]["metadata"]["creationTimestamp"].as_str());
        let after = after.map(|text| rfc3339::unix_seconds(text.as_bytes()).unwrap());
        let next = schedule.zip(after).filter(|_| spec["suspend"] != true).map(|(schedule, after)| {
            match schedule.next(after, &schedule.zone().unwrap_or(zones::UTC)) {
                Next::At(unix) => unix as f64,
                Next::Never => rfc3339::ZERO as f64,
            }
        });
        assert_eq!(next, sample(&case, "kube_cronjob_next_schedule_time"), "{line}");
        seen += 1;
    }
    assert!(seen >= 11);
}
