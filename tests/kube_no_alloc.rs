//! From bytes of the API server to exposition text nothing is allocated: lists, events, changes and whole answers.
#![allow(clippy::unwrap_used, reason = "a test")]
mod records;

use records::SOURCE;
use std::rc::Rc;
use trimeter::base::gate;
use trimeter::expo::Page;
use trimeter::expo::lines::Allows;
use trimeter::expo::objects::{ObjectCursor, ObjectFilter, ShownKind, render_objects};
use trimeter::json::{Progress, Tokenizer};
use trimeter::kube::envelope::{Envelope, Event, Form, Reading};
use trimeter::objects::KINDS;
use trimeter::records::{Allow, Scratch, Selector, Shelf, ShelfLimits};

/// Every kind's fixture, many times with other names, as a stream of events.
fn streams() -> Vec<(usize, Vec<u8>)> {
    let mut streams = Vec::new();
    for (place, kind) in KINDS.iter().enumerate() {
        let text = records::fixture(kind.resource);
        let object: serde_json::Value = serde_json::from_str(&text).unwrap();
        let mut stream = Vec::new();
        for round in 0..3 {
            for number in 0..20 {
                let mut object = object.clone();
                object["metadata"]["name"] = format!("name-{number}").into();
                object["metadata"]["uid"] = format!("uid-{number}").into();
                object["metadata"]["resourceVersion"] = (round * 100 + number).to_string().into();
                object["metadata"]["labels"]["app"] = format!("app-{round}").into();
                let event = ["ADDED", "MODIFIED", "DELETED"][round];
                let line = serde_json::json!({ "type": event, "object": object });
                stream.extend_from_slice(line.to_string().as_bytes());
                stream.push(b'\n');
            }
        }
        streams.push((place, stream));
    }
    streams
}

#[test]
fn no_allocation_from_the_wire_to_the_text() {
    let limits =
        ShelfLimits { objects: 2048, names: 16_384, heap_bytes: 8 << 20, record_bytes: 1 << 20, walks: 2 };
    let mut shelf = Shelf::new(&limits, KINDS.iter().map(|kind| kind.fields));
    let allow = Rc::new(Allow { labels: vec!["*".to_owned()], annotations: vec!["*".to_owned()] });
    let shown: Vec<ShownKind> = KINDS
        .iter()
        .enumerate()
        .map(|(place, kind)| ShownKind {
            kind,
            place,
            families: kind.families.iter().collect(),
            allows: Allows { labels: true, annotations: true },
        })
        .collect();
    let streams = streams();
    let mut scratches: Vec<Scratch> = KINDS
        .iter()
        .map(|kind| Scratch::new(Rc::new(Selector::new(kind.fields)), Rc::clone(&allow), kind.scratch_bytes))
        .collect();
    let mut bytes = vec![0; 32 * 1024];
    let (mut events, mut series) = (0_u64, 0);
    let before = gate::thread_allocations();
    for (place, stream) in &streams {
        let mut tokenizer = Tokenizer::new();
        let mut envelope = Envelope::new(Form::Watch);
        for (index, slice) in stream.chunks(1460).enumerate() {
            let mut rest = slice;
            loop {
                let shelf = &mut shelf;
                let mut reading = Reading {
                    envelope: &mut envelope,
                    scratch: &mut scratches[*place],
                    take: |event: Event, scratch: &Scratch| {
                        events += 1;
                        match event {
                            Event::Deleted => assert!(shelf.remove(*place, SOURCE.number, scratch)),
                            _ => assert!(shelf.put(*place, SOURCE, scratch).is_ok()),
                        }
                    },
                };
                match tokenizer.feed(rest, &mut reading) {
                    Ok(Progress::NeedMore) => break,
                    Ok(Progress::Value { used }) => rest = &rest[used..],
                    Err(error) => panic!("{}: {}", KINDS[*place].resource, error.label()),
                }
            }
            if index % 8 == 0 {
                series += render(&mut shelf, &shown, &mut bytes);
            }
        }
        assert_eq!(shelf.count(*place), 0, "{}", KINDS[*place].resource);
    }
    let allocated = gate::thread_allocations() - before;
    assert_eq!(allocated, 0);
    assert_eq!(events, 60 * KINDS.len() as u64);
    assert!(series > 10_000, "{series}");
}

/// A whole answer; how many series it has.
fn render(shelf: &mut Shelf, shown: &[ShownKind], bytes: &mut [u8]) -> u64 {
    let mut cursor = ObjectCursor::new(shelf).unwrap();
    loop {
        let mut page = Page::new(bytes);
        if render_objects(shelf, shown, ObjectFilter::ALL, &mut cursor, &mut page) {
            cursor.end(shelf);
            return cursor.series;
        }
    }
}
