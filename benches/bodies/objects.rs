//! Pods of the Kubernetes API, kept and shown.

use super::Body;
use std::hint::black_box;
use std::rc::Rc;
use trimeter::expo::Page;
use trimeter::expo::lines::Allows;
use trimeter::expo::objects::{ObjectCursor, ObjectFilter, ShownKind, render_objects};
use trimeter::json::{Progress, Tokenizer};
use trimeter::objects::KINDS;
use trimeter::records::{Allow, Scratch, Selector, Shelf, ShelfLimits, Source};

#[path = "../../tests/records/pods.rs"]
mod pods;

const PODS: u32 = 300;

const LIMITS: ShelfLimits =
    ShelfLimits { objects: PODS, names: 8192, heap_bytes: 1 << 20, record_bytes: 64 * 1024, walks: 1 };

fn place() -> usize {
    KINDS.iter().position(|kind| kind.resource == "pods").unwrap_or_else(|| panic!("no pods"))
}

/// All families of pods as text.
pub fn rendering() -> Body {
    let place = place();
    let kind = KINDS[place];
    let mut shelf = Shelf::new(&LIMITS, KINDS.iter().map(|kind| kind.fields));
    let selector = Rc::new(Selector::new(kind.fields));
    let mut scratch = Scratch::new(selector, Rc::new(Allow::default()), kind.scratch_bytes);
    let mut tokenizer = Tokenizer::new();
    for number in 0..PODS {
        let text = pods::pod(number as usize).to_string();
        scratch.begin();
        let read = tokenizer.feed(text.as_bytes(), &mut scratch);
        assert!(matches!(read, Ok(Progress::Value { .. })));
        assert!(shelf.put(place, Source { number: 1, mark: 1, yields: false }, &scratch).is_ok());
    }
    let families = kind.families.iter().collect();
    let shown = [ShownKind { kind, place, families, allows: Allows::default() }];
    let mut bytes = vec![0; 32 * 1024];
    let mut turn = move || {
        let mut written = 0;
        let mut cursor = ObjectCursor::new(&mut shelf).unwrap_or_else(|| panic!("no walk"));
        loop {
            let mut page = Page::new(&mut bytes);
            let done = render_objects(&mut shelf, &shown, ObjectFilter::ALL, &mut cursor, &mut page);
            written += black_box(page.used());
            if done {
                break;
            }
        }
        cursor.end(&mut shelf);
        written as u64
    };
    let bytes = turn();
    Body { name: "pods_render", bytes, turn: Box::new(move || _ = turn()) }
}
