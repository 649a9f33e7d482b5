//! Pods are the most of a cluster's objects: what one takes of the heap, and how its control groups find it.
#![allow(clippy::unwrap_used, reason = "a test that reads its own objects")]

mod records;

use records::{SOURCE, pods, scratch, tell};
use trimeter::objects::KINDS;
use trimeter::objects::pods::READER;
use trimeter::records::{Shelf, ShelfLimits};

const PODS: u32 = 1000;

/// What a pod of two containers may take, its share of names included.
const BYTES_MAX: u64 = 1200;

fn place() -> usize {
    KINDS.iter().position(|kind| kind.resource == "pods").unwrap()
}

#[test]
fn a_pod_of_two_containers_is_small() {
    let limits = ShelfLimits {
        objects: PODS,
        names: 4 * PODS,
        heap_bytes: 4 << 20,
        record_bytes: 64 * 1024,
        walks: 1,
    };
    let mut shelf = Shelf::new(&limits, KINDS.iter().map(|kind| kind.fields));
    let place = place();
    let mut scratch = scratch(place, Vec::new(), Vec::new());
    for number in 0..PODS {
        scratch.begin();
        tell(&pods::pod(number as usize), &mut scratch);
        assert_eq!(scratch.losses(), &[0; 4]);
        shelf.put(place, SOURCE, &scratch).unwrap();
    }
    let bytes = shelf.used_bytes() / u64::from(PODS);
    let [_, (_, names), _] = shelf.usages();
    assert!(bytes <= BYTES_MAX, "{bytes} bytes a pod, {} names", names.used);
    // What each pod has alone is to be a text of its record: as a name it would be counted here a thousand times.
    assert!(names.used < PODS, "{} names", names.used);
    eprintln!("{bytes} bytes a pod, {} names", names.used);
}

/// What the control group of a pod tells of it.
fn called(uid: &str, container: &str) -> Option<[String; 4]> {
    let object = serde_json::from_str(&records::fixture("pods")).unwrap();
    let shelf = records::shelf_with(place(), &object, Vec::new(), Vec::new());
    let (uid, container) = (uid.as_bytes(), container.as_bytes());
    let mut rows = shelf.iter(place()).filter(|row| (READER.is_called)(*row, uid));
    let row = shelf.by_uid(place(), uid).or_else(|| rows.next())?;
    let name = (READER.name)(row, container);
    Some(
        [name.namespace, name.pod, name.container, name.image]
            .map(|text| String::from_utf8_lossy(text).into()),
    )
}

#[test]
fn control_groups_are_called_after_the_uid_or_the_hash_of_the_manifest() {
    let pod = ["orchard", "press-7d9f8b6c5d-x2k4q"];
    for (uid, container, expect) in [
        ("6f0c2a51-9d3e-4b7a-8c15-000020260822", "", Some(["", ""])),
        ("9b1c2d3e4f5061728394a5b6c7d8e9f0", &"4".repeat(64), Some(["press", "registry.example/press:3.1"])),
        ("9b1c2d3e4f5061728394a5b6c7d8e9f0", &"2".repeat(64), Some(["wash", "registry.example/wash:1.4"])),
        ("9b1c2d3e4f5061728394a5b6c7d8e9f0", &"4".repeat(63), Some(["", ""])),
        ("00000000-0000-0000-0000-000000000000", &"4".repeat(64), None),
    ] {
        let expect = expect.map(|of| [pod, of].concat());
        assert_eq!(
            called(uid, container).map(Vec::from),
            expect.map(|all| all.into_iter().map(str::to_owned).collect())
        );
    }
}
