use super::*;
use crate::json::{Progress, Tokenizer};
use crate::records::field::Schema as _;
use crate::records::{Allow, Selector};
use std::rc::Rc;

crate::record! {
    /// An object of which only the name is kept.
    object Named {}
}

/// What an envelope holds: its objects as (event, name, version, end of what was there), its version and the rest.
type Told = (Vec<(Event, String, String, bool)>, String, String);

fn scratch() -> Scratch {
    Scratch::new(Rc::new(Selector::new(Named::FIELDS)), Rc::new(Allow::default()), 4096)
}

fn read(form: Form, scratch: &mut Scratch, pieces: &[&[u8]]) -> Option<Told> {
    let (mut tokenizer, mut envelope, mut objects) = (Tokenizer::new(), Envelope::new(form), Vec::new());
    let mut version = |event: Event, scratch: &Scratch| {
        let text = |text: Option<&[u8]>| String::from_utf8(text.unwrap_or_default().to_vec()).unwrap();
        let told = scratch.told();
        objects.push((event, text(scratch.identity()[2]), text(told.version), told.initial_events_end));
    };
    for piece in pieces {
        let mut rest = *piece;
        loop {
            let mut reading = Reading { envelope: &mut envelope, scratch, take: &mut version };
            match tokenizer.feed(rest, &mut reading) {
                Ok(Progress::NeedMore) => break,
                Ok(Progress::Value { used }) => rest = &rest[used..],
                Err(_) => return None,
            }
        }
    }
    let text = |text: &[u8]| String::from_utf8(text.to_vec()).unwrap();
    tokenizer.is_idle().then(|| (objects, text(envelope.version.as_bytes()), text(envelope.rest.as_bytes())))
}

fn check(form: Form, text: &str, objects: &[(Event, &str, &str, bool)], version: &str, rest: &str) {
    let expect: Vec<_> = objects
        .iter()
        .map(|(event, name, version, end)| (*event, (*name).to_owned(), (*version).to_owned(), *end))
        .collect();
    let expect = Some((expect, version.to_owned(), rest.to_owned()));
    let (mut scratch, text) = (scratch(), text.as_bytes());
    assert_eq!(read(form, &mut scratch, &[text]), expect);
    for first in 0..=text.len() {
        let step = if cfg!(debug_assertions) { 7 } else { 1 };
        for second in (first..=text.len()).step_by(step) {
            let pieces = [&text[..first], &text[first..second], &text[second..]];
            assert_eq!(read(form, &mut scratch, &pieces), expect, "cut at {first} and {second}");
        }
    }
}

#[test]
fn a_watch_is_read_in_any_order() {
    check(
        Form::Watch,
        r#"{"type":"ADDED","object":{"metadata":{"name":"a","resourceVersion":"5"},"spec":{"x":[{"metadata":1}]}}}
{"object":{"metadata":{"resourceVersion":"6","name":"b"}},"more":{"type":"DELETED","object":{}},"type":"MODIFIED"}
{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9","annotations":{"k8s.io/initial-events-end":"true"}}}}
{"type":"new","object":{}} {"type":"DELETED"} {"object":null,"type":"DELETED"} {"type":["ADDED"],"object":[{}]}"#,
        &[
            (Event::Added, "a", "5", false),
            (Event::Modified, "b", "6", false),
            (Event::Bookmark, "", "9", true),
            // What has no object is none.
            (Event::Other, "", "", false),
        ],
        "",
        "",
    );
}

#[test]
fn a_list_is_read_in_any_order() {
    let items = [(Event::Listed, "a", "", false), (Event::Listed, "b", "3", false)];
    check(
        Form::List,
        r#"{"kind":"DeploymentList","metadata":{"resourceVersion":"77","continue":"ab=="},
"items":[{"metadata":{"name":"a"}},{"metadata":{"name":"b","resourceVersion":"3","continue":"no"}}]}"#,
        &items,
        "77",
        "ab==",
    );
    check(
        Form::List,
        r#"{"items":[{"metadata":{"name":"a"}},{"metadata":{"name":"b","resourceVersion":"3"}}],
"metadata":{"more":{"resourceVersion":"1"},"resourceVersion":"76","resourceVersion":"77"},"x":[[{"metadata":{"resourceVersion":"2"}}]]}"#,
        &items,
        "77",
        "",
    );
    check(Form::List, r#"{"items":null,"metadata":{"resourceVersion":"7"}}"#, &[], "7", "");
    check(Form::List, r#"{"metadata":null,"items":{"a":[{}]},"resourceVersion":"8"}"#, &[], "", "");
}

#[test]
fn an_error_has_its_code() {
    let mut scratch = scratch();
    let text = br#"{"type":"ERROR","object":{"kind":"Status","code":410,"message":"too old","metadata":{}}}"#;
    assert!(read(Form::Watch, &mut scratch, &[text]).is_some());
    assert_eq!(scratch.told().code, Some(410));
}

#[test]
fn what_is_cut_is_not_told() {
    let whole = br#"{"type":"ADDED","object":{"metadata":{"name":"a"}}}"#;
    let mut scratch = scratch();
    for end in 1..whole.len() {
        assert_eq!(read(Form::Watch, &mut scratch, &[&whole[..end]]), None);
    }
    assert_eq!(read(Form::Watch, &mut scratch, &[br#"{"type":"ADDED","object":{]"#]), None);
}
