//! Objects in a shelf and as text, without an API server.
#![allow(
    dead_code,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "helpers of tests; every test uses some of them"
)]

pub mod pods;

use serde_json::Value;
use std::rc::Rc;
use trimeter::expo::Page;
use trimeter::expo::lines::Allows;
use trimeter::expo::objects::{ObjectCursor, ObjectFilter, ShownKind, render_objects};
use trimeter::json::{Sink, Want};
use trimeter::objects::KINDS;
use trimeter::records::{Allow, Scratch, Selector, Shelf, ShelfLimits, Source};

const LIMITS: ShelfLimits =
    ShelfLimits { objects: 64, names: 4096, heap_bytes: 8 << 20, record_bytes: 1 << 20, walks: 2 };

/// The first list of the first source.
pub const SOURCE: Source = Source { number: 1, mark: 1, yields: false };

/// Tells a sink what a value holds.
pub fn tell(value: &Value, sink: &mut impl Sink) {
    match value {
        Value::Null => sink.null(),
        Value::Bool(value) => sink.boolean(*value),
        Value::Number(number) => sink.number(number.to_string().as_bytes()),
        Value::String(text) => {
            for piece in text.as_bytes().chunks(7) {
                sink.string_part(piece);
            }
            sink.string_end();
        }
        Value::Array(elements) => {
            sink.begin_array();
            for element in elements {
                if sink.element() == Want::Take {
                    tell(element, sink);
                }
            }
            sink.end_array();
        }
        Value::Object(members) => {
            sink.begin_object();
            for (key, value) in members {
                if sink.key(key.as_bytes(), false) == Want::Take {
                    tell(value, sink);
                }
            }
            sink.end_object();
        }
    }
}

/// An empty shelf for all kinds.
pub fn shelf() -> Shelf {
    Shelf::new(&LIMITS, KINDS.iter().map(|kind| kind.fields))
}

/// A scratch for objects of the kind at this place.
pub fn scratch(place: usize, labels: Vec<String>, annotations: Vec<String>) -> Scratch {
    let kind = KINDS[place];
    let allow = Allow { labels, annotations };
    Scratch::new(Rc::new(Selector::new(kind.fields)), Rc::new(allow), kind.scratch_bytes)
}

/// A shelf with one object.
pub fn shelf_with(place: usize, object: &Value, labels: Vec<String>, annotations: Vec<String>) -> Shelf {
    let mut shelf = shelf();
    let mut scratch = scratch(place, labels, annotations);
    tell(object, &mut scratch);
    shelf.put(place, SOURCE, &scratch).unwrap();
    shelf
}

/// All families of a kind as text.
pub fn render(shelf: &mut Shelf, place: usize, labels: bool, annotations: bool) -> String {
    let kind = KINDS[place];
    let shown = ShownKind {
        kind,
        place,
        families: kind.families.iter().collect(),
        allows: Allows { labels, annotations },
    };
    let mut cursor = ObjectCursor::new(shelf).unwrap();
    let mut text = Vec::new();
    let mut bytes = vec![0; 16 * 1024];
    loop {
        let mut page = Page::new(&mut bytes);
        let done =
            render_objects(shelf, std::slice::from_ref(&shown), ObjectFilter::ALL, &mut cursor, &mut page);
        let used = page.used();
        text.extend_from_slice(&bytes[..used]);
        if done {
            break;
        }
    }
    assert_eq!(cursor.refused, 0);
    cursor.end(shelf);
    String::from_utf8(text).unwrap()
}

/// The text of a kind's fixture.
pub fn fixture(resource: &str) -> String {
    let path = format!("tests/fixtures/objects/{resource}.json");
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}
