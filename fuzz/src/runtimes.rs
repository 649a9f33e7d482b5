//! What container runtimes say: paths of control groups, files with their state, references of images.

use trimeter::container::image;
use trimeter::container::path::{Kind, Place, is_number};
use trimeter::container::state::{Facts, bundle, docker, docker_shares_network, storage};
use trimeter::text::netdev::{COLUMNS, devices};

const ID: &[u8] = b"f52987fbdcc7b29175fb52e01c7917e9d6d2e14550e3a2a7abf739da5a067e31";

/// A path is understood in pieces of itself, and what it says of its parent agrees with the parent's own path.
pub fn paths(bytes: &[u8]) {
    let place = Place::parse(bytes);
    let within = |part: Option<&[u8]>| {
        part.is_none_or(|part| part.is_empty() || bytes.windows(part.len()).any(|piece| piece == part))
    };
    assert!(within(place.pod) && within(place.container) && within(place.namespace));
    assert_eq!(place.kind == Kind::Root, bytes.iter().all(|byte| *byte == b'/'));
    assert!(place.pod.is_none() || place.qos.is_some() && (place.kubelet || place.nested));
    assert!(place.kind != Kind::Pod || place.pod.is_some());
    if matches!(place.kind, Kind::Container | Kind::Placeholder | Kind::Inner | Kind::Task) {
        assert!(place.container.is_some_and(|id| !id.is_empty() && !id.contains(&b'/')));
    }
    if let Some(end) = bytes.iter().rposition(|byte| *byte == b'/') {
        let parent = Place::parse(&bytes[..end]);
        // Whoever is below a kubelet's root stays there.
        assert!(!parent.kubelet || place.kubelet);
    }
    let mut below = bytes.to_vec();
    below.extend_from_slice(b"/");
    below.extend_from_slice(ID);
    let below = Place::parse(&below);
    assert!(is_number(ID) && below.kind == Kind::Container && below.container == Some(ID));
}

/// Files of any contents: labels are text, and a file that is no JSON is refused by all.
pub fn runtimes(bytes: &[u8]) {
    let json = serde_json::from_slice::<serde_json::Value>(bytes).is_ok();
    let facts = [bundle(bytes, ID), docker(bytes)];
    for facts in facts.iter().flatten() {
        labels(facts);
        assert_eq!(facts.in_pod(), !facts.pod.is_empty());
    }
    if json {
        assert!(facts.iter().all(Result::is_ok) && docker_shares_network(bytes).is_ok());
    }
    if let Ok(Some(facts)) = storage(bytes, ID) {
        labels(&facts);
        assert!(bytes.windows(ID.len()).any(|piece| piece == ID) || bytes.contains(&b'\\'));
    }
    if let Ok(full) = image::normalise::<512>(bytes) {
        // A digest is never lost, whatever stands before it.
        let digest = bytes.iter().position(|byte| *byte == b'@').map_or(&b""[..], |at| &bytes[at..]);
        assert!(full.as_bytes().ends_with(digest) && full.is_empty() == bytes.is_empty());
    }
    let lines = bytes.split(|byte| *byte == b'\n').count();
    assert!(devices(bytes).count() <= lines);
    for device in devices(bytes).flatten() {
        assert_eq!(device.is_whole(), device.numbers.iter().flatten().count() == COLUMNS.len());
    }
}

fn labels(facts: &Facts) {
    let texts = [
        facts.name.as_bytes(),
        facts.image.as_bytes(),
        facts.container.as_bytes(),
        facts.pod.as_bytes(),
        facts.namespace.as_bytes(),
    ];
    for text in texts {
        assert!(std::str::from_utf8(text).is_ok());
    }
}
