//! Objects as kube-state-metrics shows them: every case of the peers' data, and profiles, names and types of all families.
//!
//! `KIND=pods cargo test --test conformance_kube` looks at the cases of one resource.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test that reads the peers' cases")]
mod common;
mod records;

use common::{close, conformance, sample};
use records::{render, shelf_with};
use serde_json::Value;
use std::collections::BTreeSet;
use trimeter::family::Profile;
use trimeter::objects::KINDS;

/// Differences that are meant; docs/compat.md says why. Case and family.
const MEANT: &[(&str, &str)] = &[];

fn texts(value: &Value) -> Vec<String> {
    let list = value.as_array().into_iter().flatten();
    list.map(|text| text.as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_case_has_the_peers_samples() {
    let Some(folder) = conformance() else { return };
    let only = std::env::var("KIND").ok();
    let (mut wrong, mut equal) = (Vec::new(), 0);
    for entry in std::fs::read_dir(folder.join("conformance/kube-state")).unwrap() {
        let path = entry.unwrap().path();
        let resource = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if path.extension().is_none_or(|end| end != "jsonl")
            || only.as_ref().is_some_and(|only| *only != resource)
        {
            continue;
        }
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            let case: Value = serde_json::from_str(line).unwrap();
            match compare(&resource, &case) {
                None => equal += 1,
                Some(difference) => wrong.push(difference),
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} cases differ:\n{}",
        wrong.len(),
        wrong.len() + equal,
        wrong.join("\n")
    );
    assert!(equal > 0);
}

/// What is different between a case and what we show.
fn compare(resource: &str, case: &Value) -> Option<String> {
    let name = case["case"].as_str().unwrap();
    let Some(place) = KINDS.iter().position(|kind| kind.resource == resource) else {
        return Some(format!("{name}: no such kind"));
    };
    let (labels, annotations) = (texts(&case["allow_labels"]), texts(&case["allow_annotations"]));
    let mut shelf = shelf_with(place, &case["object"], labels.clone(), annotations.clone());
    let text = render(&mut shelf, place, !labels.is_empty(), !annotations.is_empty());
    let set = |lines: &mut dyn Iterator<Item = &str>| -> Vec<_> {
        let mut all: Vec<_> = lines.filter(|line| !line.starts_with('#')).map(sample).collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    };
    let families = case["families"].as_array().unwrap();
    let meant = |family: &str| MEANT.contains(&(name, family));
    let expect: Vec<String> = families
        .iter()
        .filter(|family| !meant(family["name"].as_str().unwrap()))
        .flat_map(|family| texts(&family["lines"]))
        .collect();
    let expect = set(&mut expect.iter().map(String::as_str));
    let mut got = set(&mut text.lines());
    got.retain(|((family, _), _)| !meant(family));
    let same = |a: &(common::Series, f64), b: &(common::Series, f64)| a.0 == b.0 && close(a.1, b.1);
    let missing = expect.iter().filter(|expect| !got.iter().any(|got| same(got, expect)));
    let more = got.iter().filter(|got| !expect.iter().any(|expect| same(got, expect)));
    let lines: Vec<String> = missing
        .map(|sample| format!("  missing {sample:?}"))
        .chain(more.map(|sample| format!("  too many {sample:?}")))
        .collect();
    (!lines.is_empty()).then(|| format!("{name}\n{}", lines.join("\n")))
}

#[test]
fn families_have_the_peers_names_and_types_and_the_profiles_of_the_dashboards() {
    let Some(folder) = conformance() else { return };
    let only = std::env::var("KIND").ok();
    let list = std::fs::read_to_string(folder.join("spec/kube-state-families.jsonl")).unwrap();
    let used = std::fs::read_to_string(folder.join("spec/essential.csv")).unwrap();
    let used: BTreeSet<&str> = used
        .lines()
        .filter(|line| line.split(',').nth(3).is_some_and(|sets| sets != "0" && sets != "n_families"))
        .map(|line| line.split(',').next().unwrap())
        .collect();
    let mut expect = Vec::new();
    for line in list.lines() {
        let family: Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| family[key].as_str().unwrap().to_owned();
        if only.as_ref().is_some_and(|only| *only != text("resource")) {
            continue;
        }
        let name = text("name");
        let essential = used.contains(name.as_str());
        let on = family["default_on"] == Value::Bool(true) || family["opt_in"] == Value::Bool(true);
        let opt_in = family["opt_in"] == Value::Bool(true);
        let stable = text("stability") == "STABLE";
        expect.push((text("resource"), name, text("type"), stable, essential, opt_in, on));
    }
    let mut got = Vec::new();
    for kind in KINDS.iter().filter(|kind| only.as_ref().is_none_or(|only| *only == kind.resource)) {
        for family in kind.families {
            let word = if family.counter { "counter" } else { "gauge" };
            let essential = family.profile == Profile::Essential;
            let name = family.name.to_owned();
            got.push((
                kind.resource.to_owned(),
                name,
                word.to_owned(),
                family.stable,
                essential,
                family.opt_in,
                kind.default,
            ));
        }
    }
    expect.sort();
    got.sort();
    let missing: Vec<_> = expect.iter().filter(|family| !got.contains(family)).collect();
    let more: Vec<_> = got.iter().filter(|family| !expect.contains(family)).collect();
    assert!(missing.is_empty() && more.is_empty(), "missing {missing:#?}\ntoo many {more:#?}");
}

#[test]
fn families_are_in_the_peers_order() {
    let Some(folder) = conformance() else { return };
    let list = std::fs::read_to_string(folder.join("spec/kube-state-families.jsonl")).unwrap();
    for kind in KINDS {
        let families = list.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let mut expect: Vec<(u64, String)> = families
            .filter(|family| family["resource"] == kind.resource)
            .map(|family| (family["order"].as_u64().unwrap(), family["name"].as_str().unwrap().to_owned()))
            .collect();
        expect.sort();
        let got: Vec<&str> = kind.families.iter().map(|family| family.name).collect();
        let expect: Vec<&str> = expect.iter().map(|(_, name)| name.as_str()).collect();
        assert_eq!(got, expect, "{}", kind.resource);
    }
}
