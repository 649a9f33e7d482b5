//! One object of every kind, and what is shown of it. `UPDATE_GOLDEN=1 cargo test --test objects` rewrites what is shown.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test that reads and writes files")]

mod records;

use records::{fixture, render, shelf_with};
use trimeter::objects::KINDS;

#[test]
fn an_object_of_every_kind() {
    let differences: Vec<String> = (0..KINDS.len()).filter_map(difference).collect();
    assert!(differences.is_empty(), "UPDATE_GOLDEN=1 accepts the new texts:\n{}", differences.join("\n"));
}

/// Where what is shown of a kind's fixture differs from what was accepted.
fn difference(place: usize) -> Option<String> {
    let all = vec!["*".to_owned()];
    let resource = KINDS[place].resource;
    let golden = format!("tests/golden/objects/{resource}.prom");
    let object = serde_json::from_str(&fixture(resource));
    let object = object.unwrap_or_else(|error| panic!("{resource}: {error}"));
    let mut shelf = shelf_with(place, &object, all.clone(), all);
    let text = render(&mut shelf, place, true, true);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all("tests/golden/objects").unwrap();
        std::fs::write(&golden, &text).unwrap();
    }
    let expect = std::fs::read_to_string(&golden).unwrap_or_else(|error| panic!("{golden}: {error}"));
    let mut lines = text.lines().zip(expect.lines()).enumerate();
    if let Some((number, (ours, theirs))) = lines.find(|(_, (ours, theirs))| ours != theirs) {
        return Some(format!("{golden} line {}:\n  {ours}\n  was {theirs}", number + 1));
    }
    (text.len() != expect.len()).then(|| format!("{golden} has another length"))
}
