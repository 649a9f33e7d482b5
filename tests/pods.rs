//! Pods are the most of a cluster's objects: what one takes of the heap, and how its control groups find it.
#![allow(clippy::unwrap_used, reason = "a test that reads its own objects")]

mod records;

use records::{SOURCE, pods, scratch, tell};
use trimeter::objects::KINDS;
use trimeter::records::{Shelf, ShelfLimits};

const PODS: u32 = 1000;

/// What a pod of two containers may take, its share of names included.
const BYTES_MAX: u64 = 1200;

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
    let place = KINDS.iter().position(|kind| kind.resource == "pods").unwrap();
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
