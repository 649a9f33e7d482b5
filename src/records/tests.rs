use super::*;
use crate::json::{Sink, Want};
use crate::records::field::Schema as _;
use serde_json::{Value, json};
use std::rc::Rc;

crate::record! {
    /// A row below a row.
    struct Port {
        name: Name = "name",
        number: Int = "number",
    }
}

crate::record! {
    /// A member of an object.
    struct Amount {
        what: Name = "@key",
        much: Quantity = "@value",
    }
}

crate::record! {
    /// An element that is a text.
    struct Word {
        word: Text = "@value",
    }
}

crate::record! {
    /// A row with lists of its own.
    struct Part {
        name: Name = "name",
        ports: List<Port, 3> = "ports[]",
        amounts: List<Amount, 4> = "resources.limits",
        words: List<Word, 4> = "words[]",
        running: Present = "state.running",
        since: Time = "state.running.since",
    }
}

crate::record! {
    /// A volume, of interest only when it has a claim.
    struct Volume {
        name: Name = "name",
        claim: Name = "claim.name",
    }
}

crate::record! {
    /// Something of everything.
    object Thing {
        created: Time = "metadata.creationTimestamp",
        class: Name = "metadata.annotations[\"a.b/class\"]",
        labels: AllowedLabels = "metadata.labels",
        annotations: AllowedAnnotations = "metadata.annotations",
        roles: List<Amount, 4> = "metadata.labels[\"role/*\"]",
        count: Int = "spec.count",
        count_text: Text = "spec.count",
        on: Flag = "spec.on",
        parts: List<Part, 4> = "spec.parts[]",
        volumes: Sparse<Volume, 2> = "spec.volumes[]",
        active: Count = "status.active",
        certificate: Decoded = "status.certificate",
    }
}

const LIMITS: ShelfLimits =
    ShelfLimits { objects: 8, names: 200, heap_bytes: 64 * 1024, record_bytes: 32 * 1024, walks: 2 };

fn shelf() -> Shelf {
    Shelf::new(&LIMITS, std::iter::once(Thing::FIELDS))
}

fn scratch() -> Scratch {
    let allow = Allow { labels: vec!["app".to_owned(), "team/*".to_owned()], annotations: Vec::new() };
    Scratch::new(Rc::new(Selector::new(Thing::FIELDS)), Rc::new(allow), 16 * 1024)
}

/// Tells a sink what a value holds, strings in pieces.
fn tell(value: &Value, sink: &mut impl Sink) {
    match value {
        Value::Null => sink.null(),
        Value::Bool(value) => sink.boolean(*value),
        Value::Number(number) => sink.number(number.to_string().as_bytes()),
        Value::String(text) => {
            text.as_bytes().chunks(5).for_each(|piece| sink.string_part(piece));
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

fn load(scratch: &mut Scratch, object: &Value) {
    scratch.begin();
    tell(object, scratch);
}

fn thing(number: u32) -> Value {
    json!({"metadata": {"uid": format!("uid-{number}"), "name": format!("thing-{number}"), "namespace": "n"}})
}

const SOURCE: Source = Source { number: 1, mark: 1, yields: false };

#[test]
fn what_is_kept_is_read_back() {
    let (mut shelf, mut scratch) = (shelf(), scratch());
    load(
        &mut scratch,
        &json!({
            "kind": "Thing", "unknown": {"metadata": {"name": "wrong"}, "list": [1, [2, {"a": 3}]]},
            "metadata": {
                "name": "a \"b\"\n\\", "namespace": "ns", "uid": "u-1", "creationTimestamp": "1970-01-01T00:01:00Z",
                "resourceVersion": "77",
                "labels": {"app": "x", "team/a": "y", "other": "z", "role/main": "5", "team/b": null},
                "annotations": {"a.b/class": "gold", "other": "no", "k8s.io/initial-events-end": "true"}
            },
            "spec": {
                "count": 7, "on": false,
                "parts": [
                    {"name": "p0", "ports": [{"name": "http", "number": 80}, {"number": -1}],
                     "resources": {"limits": {"cpu": "100m", "memory": "1Gi", "odd": "x"}}, "words": ["a", "bb"],
                     "state": {"running": {"since": "1970-01-01T00:00:05.9Z"}}},
                    {"name": "p1", "state": {"running": {}}},
                    {"name": "p2", "state": {"running": null}}
                ],
                "volumes": [{"name": "v0"}, {"name": "v1", "claim": {"name": "c1"}}, {"name": "v2"}, {"name": "v3"}]
            },
            "status": {"active": [{"a": 1}, {"b": 2}, 3], "certificate": "QUJDREU="}
        }),
    );
    assert_eq!(scratch.told().version, Some(&b"77"[..]));
    assert!(scratch.told().initial_events_end);
    assert_eq!(shelf.put(0, SOURCE, &scratch), Ok(Put::Added));
    let thing = Thing(shelf.by_uid(0, b"u-1").unwrap());
    assert_eq!(thing.name(), Some(&br#"a \"b\"\n\\"#[..]));
    assert_eq!((thing.namespace(), thing.created()), (Some(&b"ns"[..]), Some(60)));
    assert_eq!((thing.class(), thing.count(), thing.count_text()), (Some(&b"gold"[..]), Some(7), None));
    assert_eq!((thing.on(), thing.active(), thing.certificate()), (Some(false), 3, 5));
    let labels: Vec<_> = thing.labels().iter().map(|label| (label.name().unwrap(), label.value())).collect();
    let expect: [(&[u8], Option<&[u8]>); 3] =
        [(b"label_app", Some(b"x")), (b"label_team_a", Some(b"y")), (b"label_team_b", None)];
    assert_eq!(labels, expect);
    assert!(thing.annotations().is_empty());
    assert_eq!(thing.roles().iter().map(|role| role.what().unwrap()).collect::<Vec<_>>(), [b"role/main"]);
    let parts: Vec<_> = thing.parts().iter().collect();
    assert_eq!(parts.iter().map(|part| part.name().unwrap()).collect::<Vec<_>>(), [b"p0", b"p1", b"p2"]);
    assert_eq!(parts.iter().map(|part| part.running()).collect::<Vec<_>>(), [true, true, false]);
    assert_eq!((parts[0].since(), parts[1].since()), (Some(5), None));
    let ports: Vec<_> = parts[0].ports().iter().map(|port| (port.name(), port.number())).collect();
    assert_eq!(ports, [(Some(&b"http"[..]), Some(80)), (None, Some(-1))]);
    let amounts: Vec<_> = parts[0]
        .amounts()
        .iter()
        .map(|amount| (amount.what().unwrap(), amount.much().map(|much| much.value())))
        .collect();
    assert_eq!(amounts, [(&b"cpu"[..], Some(1)), (b"memory", Some(1 << 30)), (b"odd", None)]);
    assert_eq!(
        parts[0].words().iter().map(|word| word.word().unwrap().to_vec()).collect::<Vec<_>>(),
        [b"a".to_vec(), b"bb".to_vec()]
    );
    let volumes: Vec<_> = thing.volumes().iter().map(|volume| (volume.name(), volume.claim())).collect();
    assert_eq!(volumes, [(Some(&b"v1"[..]), Some(&b"c1"[..]))]);
}

#[test]
fn what_is_too_much_is_left_out_and_counted() {
    let (mut shelf, mut scratch) = (shelf(), scratch());
    let mut object = thing(1);
    object["spec"] = json!({
        "parts": [{"name": "p", "ports": [{"number": 1}, {"number": 2}, {"number": 3}, {"number": 4}]}],
        "count": "many", "on": "yes",
    });
    object["metadata"]["labels"] = json!({"app": "ä".repeat(4000)});
    load(&mut scratch, &object);
    let losses = |scratch: &Scratch| scratch.losses().to_vec();
    assert_eq!(losses(&scratch), [1, 1, 0, 1]);
    shelf.put(0, SOURCE, &scratch).unwrap();
    let kept = Thing(shelf.by_uid(0, b"uid-1").unwrap());
    assert_eq!(kept.parts().iter().next().unwrap().ports().len(), 3);
    assert_eq!(kept.count_text(), Some(&b"many"[..]));
    let label = kept.labels().iter().next().unwrap().value().unwrap().to_vec();
    assert_eq!(label.len(), NAME_BYTES_MAX);
    assert!(std::str::from_utf8(&label).is_ok());
    // More than the scratch has room for.
    object["spec"] = json!({"parts": [{"words": ["x".repeat(4000), "x".repeat(4000), "x".repeat(4000), "x".repeat(4000)]}]});
    load(&mut scratch, &object);
    assert!(scratch.losses().iter().sum::<u32>() > 0);
}

#[test]
fn objects_are_replaced_in_place_and_names_are_shared() {
    let (mut shelf, mut scratch) = (shelf(), scratch());
    for number in 0..4 {
        load(&mut scratch, &thing(number));
        assert_eq!(shelf.put(0, SOURCE, &scratch), Ok(Put::Added));
        assert_eq!(shelf.put(0, SOURCE, &scratch), Ok(Put::Same));
    }
    let before = shelf.used_bytes();
    let mut changed = thing(2);
    changed["metadata"]["annotations"] = json!({"a.b/class": "gold"});
    load(&mut scratch, &changed);
    assert_eq!(shelf.put(0, SOURCE, &scratch), Ok(Put::Changed));
    assert!(shelf.used_bytes() > before);
    load(&mut scratch, &thing(2));
    assert_eq!(shelf.put(0, SOURCE, &scratch), Ok(Put::Changed));
    assert_eq!(shelf.used_bytes(), before);
    let names: Vec<_> = shelf.iter(0).map(|row| Thing(row).name().unwrap().to_vec()).collect();
    assert_eq!(names, (0..4).map(|number| format!("thing-{number}").into_bytes()).collect::<Vec<_>>());
    let namespaces: std::collections::BTreeSet<_> =
        shelf.iter(0).map(|row| Thing(row).namespace().unwrap().as_ptr()).collect();
    assert_eq!(namespaces.len(), 1);
    // A list of the same source that lacks two of them.
    let newer = Source { mark: 2, ..SOURCE };
    for number in [1, 3] {
        load(&mut scratch, &thing(number));
        assert_eq!(shelf.put(0, newer, &scratch), Ok(Put::Same));
    }
    assert_eq!(shelf.sweep(0, newer), 2);
    assert_eq!(shelf.count(0), 2);
    // What another source has told is not this one's to take.
    load(&mut scratch, &thing(1));
    assert!(!shelf.remove(0, 9, &scratch));
    assert!(shelf.remove(0, 1, &scratch));
    assert!(!shelf.remove(0, 1, &scratch));
    assert_eq!(shelf.forget(0, 1), 1);
    assert_eq!((shelf.count(0), shelf.used_bytes()), (0, 0));
}

#[test]
fn a_full_shelf_refuses_and_keeps_what_it_has() {
    let (mut shelf, mut scratch) = (shelf(), scratch());
    for number in 0..LIMITS.objects {
        load(&mut scratch, &thing(number));
        shelf.put(0, SOURCE, &scratch).unwrap();
    }
    let before = shelf.used_bytes();
    load(&mut scratch, &thing(99));
    assert!(shelf.put(0, SOURCE, &scratch).is_err());
    assert_eq!((shelf.usages()[0].1.refused, shelf.used_bytes()), (1, before));
    // Known objects still change, until the names are used up: then they stay as they were.
    let mut changed = thing(0);
    for round in 0..4 {
        let labels: serde_json::Map<_, _> = (0..30)
            .map(|label| (format!("team/{round}-{label}"), json!(format!("{round}-{label}"))))
            .collect();
        changed["metadata"]["labels"] = Value::Object(labels);
        changed["metadata"]["uid"] = json!(format!("uid-{round}"));
        changed["metadata"]["name"] = json!(format!("thing-{round}"));
        load(&mut scratch, &changed);
        let _put = shelf.put(0, SOURCE, &scratch);
    }
    assert!(shelf.usages()[1].1.refused > 0);
    assert_eq!(shelf.count(0), LIMITS.objects);
    shelf.forget(0, 1);
    assert_eq!(shelf.used_bytes(), 0);
}

#[test]
fn a_walk_goes_on_when_objects_come_and_go() {
    let (mut shelf, mut scratch) = (shelf(), scratch());
    let put = |shelf: &mut Shelf, scratch: &mut Scratch, number| {
        load(scratch, &thing(number));
        shelf.put(0, SOURCE, scratch).unwrap();
    };
    (0..4).for_each(|number| put(&mut shelf, &mut scratch, number));
    let walk = shelf.begin_walk().unwrap();
    let births = shelf.births();
    let here = |shelf: &Shelf, walk: &WalkId| {
        shelf.here(walk, births).map(|here| Thing(here.row).name().unwrap().to_vec())
    };
    shelf.go_first(&walk, 0);
    shelf.go_next(&walk);
    assert_eq!(here(&shelf, &walk), Some(b"thing-1".to_vec()));
    let gone = |shelf: &mut Shelf, scratch: &mut Scratch, number| {
        load(scratch, &thing(number));
        assert!(shelf.remove(0, 1, scratch));
    };
    gone(&mut shelf, &mut scratch, 0);
    assert_eq!(here(&shelf, &walk), Some(b"thing-1".to_vec()));
    gone(&mut shelf, &mut scratch, 1);
    assert_eq!(here(&shelf, &walk), Some(b"thing-2".to_vec()));
    // It takes the place of the one that went, and comes after the walk's beginning all the same.
    put(&mut shelf, &mut scratch, 1);
    shelf.go_next(&walk);
    assert_eq!(here(&shelf, &walk), Some(b"thing-3".to_vec()));
    shelf.go_next(&walk);
    assert_eq!(here(&shelf, &walk), None);
    let other = shelf.begin_walk().unwrap();
    assert!(shelf.begin_walk().is_none());
    shelf.end_walk(&walk);
    shelf.end_walk(&other);
    assert!(shelf.begin_walk().is_some());
}

#[test]
fn a_source_yields_to_what_another_told() {
    let (mut shelf, mut scratch) = (shelf(), scratch());
    let later = Source { number: 2, yields: true, ..SOURCE };
    load(&mut scratch, &thing(0));
    assert_eq!(shelf.put(0, later, &scratch), Ok(Put::Added));
    assert_eq!(shelf.put(0, SOURCE, &scratch), Ok(Put::Same));
    assert_eq!(shelf.put(0, later, &scratch), Ok(Put::Yielded));
    assert!(!shelf.remove(0, 2, &scratch) && shelf.remove(0, 1, &scratch));
}

/// A page has a part of an object: the rest is of the same state, whatever becomes of it, and nothing is left behind.
#[test]
fn a_held_object_stays_as_it_was() {
    let (mut shelf, mut scratch) = (shelf(), scratch());
    for number in 0..3 {
        load(&mut scratch, &thing(number));
        shelf.put(0, SOURCE, &scratch).unwrap();
    }
    let births = shelf.births();
    let walks = [shelf.begin_walk().unwrap(), shelf.begin_walk().unwrap()];
    let name = |shelf: &Shelf, walk: &WalkId| {
        shelf
            .here(walk, births)
            .map(|here| String::from_utf8_lossy(Thing(here.row).name().unwrap()).into_owned())
    };
    for walk in &walks {
        shelf.go_first(walk, 0);
        shelf.go_next(walk);
        shelf.hold(walk);
    }
    let mut changed = thing(1);
    changed["metadata"]["name"] = json!("changed");
    load(&mut scratch, &changed);
    assert_eq!(shelf.put(0, SOURCE, &scratch), Ok(Put::Changed));
    assert_eq!(name(&shelf, &walks[0]).as_deref(), Some("thing-1"));
    changed["metadata"]["name"] = json!("changed again");
    load(&mut scratch, &changed);
    assert_eq!(shelf.put(0, SOURCE, &scratch), Ok(Put::Changed));
    assert!(shelf.remove(0, 1, &scratch));
    for walk in &walks {
        assert_eq!(name(&shelf, walk).as_deref(), Some("thing-1"));
        shelf.go_next(walk);
        assert_eq!(name(&shelf, walk).as_deref(), Some("thing-2"));
    }
    shelf.hold(&walks[0]);
    // The one behind it goes, too, and so does all there is.
    shelf.forget(0, 1);
    assert_eq!(name(&shelf, &walks[0]).as_deref(), Some("thing-2"));
    assert_eq!(name(&shelf, &walks[1]), None);
    assert!(shelf.used_bytes() > 0);
    walks.iter().for_each(|walk| shelf.end_walk(walk));
    assert_eq!(shelf.used_bytes(), 0);
}

/// Few objects with names of their own, longer and shorter each time, some of them held: each is what was put last.
#[test]
fn what_is_put_is_what_is_there() {
    for seed in 1..200_u64 {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut below = |end: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state >> 33).unwrap() % end
        };
        let (mut shelf, mut scratch) = (shelf(), scratch());
        let mut there: [Option<(String, String)>; 3] = [None, None, None];
        let walk = shelf.begin_walk().unwrap();
        for step in 0..300 {
            let which = below(3);
            let lengths = [0, 1, 20, 60, 90, 300];
            let (class, text) = (lengths[below(6)], lengths[below(6)]);
            let (class, text) = (format!("{step:x}").repeat(class), format!("{step:x}").repeat(text));
            let mut object = thing(u32::try_from(which).unwrap());
            object["metadata"]["annotations"] = json!({"a.b/class": class});
            object["spec"] = json!({"count": text});
            load(&mut scratch, &object);
            match below(8) {
                0 => {
                    let known = there[which].take().is_some();
                    assert_eq!(shelf.remove(0, 1, &scratch), known);
                }
                1 => {
                    shelf.go_first(&walk, 0);
                    shelf.hold(&walk);
                }
                _ => {
                    shelf.put(0, SOURCE, &scratch).unwrap();
                    there[which] = Some((class, text));
                }
            }
            for (which, expect) in there.iter().enumerate() {
                let row = shelf.by_uid(0, format!("uid-{which}").as_bytes()).map(Thing);
                let text =
                    |text: Option<&[u8]>| String::from_utf8(text.unwrap_or_default().to_vec()).unwrap();
                let found = row.map(|thing| (text(thing.class()), text(thing.count_text())));
                assert_eq!(found.as_ref(), expect.as_ref(), "seed {seed}, step {step}");
            }
        }
        shelf.end_walk(&walk);
        shelf.forget(0, 1);
        assert_eq!(shelf.used_bytes(), 0);
    }
}

#[test]
fn nothing_is_allocated_for_objects_that_come_and_go() {
    let (mut shelf, mut scratch) = (shelf(), scratch());
    let objects: Vec<Value> = (0..40).map(thing).collect();
    let mut round = || {
        for object in &objects {
            load(&mut scratch, object);
            if shelf.put(0, SOURCE, &scratch).is_err() {
                shelf.forget(0, 1);
            }
        }
    };
    round();
    let before = crate::base::gate::thread_allocations();
    (0..50).for_each(|_| round());
    assert_eq!(crate::base::gate::thread_allocations(), before);
}
