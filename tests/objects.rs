//! One object of every kind, and what is shown of it. `UPDATE_GOLDEN=1 cargo test --test objects` rewrites what is shown.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test that reads and writes files")]

mod records;

use records::{render, shelf_with};
use trimeter::objects::KINDS;

#[test]
fn an_object_of_every_kind() {
    let all = vec!["*".to_owned()];
    for (place, kind) in KINDS.iter().enumerate() {
        let fixture = format!("tests/fixtures/objects/{}.json", kind.resource);
        let golden = format!("tests/golden/objects/{}.prom", kind.resource);
        let object = std::fs::read_to_string(&fixture).unwrap_or_else(|error| panic!("{fixture}: {error}"));
        let object = serde_json::from_str(&object).unwrap_or_else(|error| panic!("{fixture}: {error}"));
        let mut shelf = shelf_with(place, &object, all.clone(), all.clone());
        let text = render(&mut shelf, place, true, true);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::create_dir_all("tests/golden/objects").unwrap();
            std::fs::write(&golden, &text).unwrap();
        }
        let expect = std::fs::read_to_string(&golden).unwrap_or_else(|error| panic!("{golden}: {error}"));
        for (number, (ours, theirs)) in text.lines().zip(expect.lines()).enumerate() {
            assert_eq!(ours, theirs, "{golden} line {}; UPDATE_GOLDEN=1 accepts the new text", number + 1);
        }
        assert_eq!(text.lines().count(), expect.lines().count(), "{golden} has another length");
    }
}
