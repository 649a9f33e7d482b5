//! Objects that change while a slow reader is within them: what is sent of an object and family is one state of it.
#![allow(clippy::unwrap_used, reason = "a test that reads its own objects")]

mod records;

use records::{SOURCE, scratch, shelf, tell};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use trimeter::expo::Page;
use trimeter::expo::lines::Allows;
use trimeter::expo::objects::{ObjectCursor, ObjectFilter, ShownKind, render_objects};
use trimeter::objects::KINDS;
use trimeter::records::{Scratch, Shelf};

const FAMILY: &str = "kube_endpointslice_endpoints{";

/// A page takes some 15 of the lines.
const PAGE_BYTES: usize = 4096;

/// A slice whose every endpoint tells the state of the slice and how many it has.
fn slice(number: usize, state: usize, count: usize) -> Value {
    let endpoint = |index: usize| {
        json!({"addresses": [format!("10.0.0.{index}")], "hostname": format!("{state}-{count}"),
               "conditions": {"ready": true}})
    };
    json!({
        "metadata": {"name": format!("slice-{number}"), "namespace": "shop", "uid": format!("uid-{number}")},
        "addressType": "IPv4",
        "endpoints": (0..count).map(endpoint).collect::<Vec<Value>>(),
    })
}

fn label<'a>(line: &'a str, name: &str) -> &'a str {
    line.split(&format!("{name}=\"")).nth(1).unwrap().split('"').next().unwrap()
}

/// The slices and what they were at any time.
struct World {
    place: usize,
    shelf: Shelf,
    scratch: Scratch,
    random: u64,
    states: usize,
    /// How many endpoints those have that are there.
    there: BTreeMap<usize, usize>,
}

impl World {
    fn new(seed: u64) -> Self {
        let place = KINDS.iter().position(|kind| kind.resource == "endpointslices").unwrap();
        let scratch = scratch(place, Vec::new(), Vec::new());
        World { place, shelf: shelf(), scratch, random: seed | 1, states: 0, there: BTreeMap::new() }
    }

    fn below(&mut self, end: usize) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        usize::try_from(self.random >> 33).unwrap() % end
    }

    /// Reads a slice.
    fn read(&mut self, slice: &Value) {
        self.scratch.begin();
        tell(slice, &mut self.scratch);
    }

    fn remove(&mut self, number: usize) {
        self.read(&slice(number, 0, 0));
        assert!(self.shelf.remove(self.place, SOURCE.number, &self.scratch));
    }

    fn put(&mut self, number: usize, count: usize) {
        self.states += 1;
        self.read(&slice(number, self.states, count));
        self.shelf.put(self.place, SOURCE, &self.scratch).unwrap();
        self.there.insert(number, count);
    }

    /// One of the slices changes, goes or comes.
    fn change(&mut self) {
        let number = self.below(8);
        let count = [1, 3, 20, 40, 90][self.below(5)];
        if self.below(3) == 0 && self.there.remove(&number).is_some() {
            self.remove(number);
        } else {
            self.put(number, count);
        }
    }
}

#[test]
fn what_is_sent_of_an_object_is_one_state_of_it() {
    for seed in 1..60 {
        let mut world = World::new(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed));
        (0..8).for_each(|number| world.put(number, 30 + 7 * number));
        let mut stayed: BTreeSet<usize> = world.there.keys().copied().collect();
        let kind = KINDS[world.place];
        let families = kind.families.iter().filter(|family| FAMILY.starts_with(family.name)).collect();
        let shown = ShownKind { kind, place: world.place, families, allows: Allows::default() };
        let mut cursor = ObjectCursor::new(&mut world.shelf).unwrap();
        let (mut text, mut bytes) = (String::new(), vec![0; PAGE_BYTES]);
        let mut pages = 0;
        loop {
            let mut page = Page::new(&mut bytes);
            let shown = std::slice::from_ref(&shown);
            let done = render_objects(&mut world.shelf, shown, ObjectFilter::ALL, &mut cursor, &mut page);
            let used = page.used();
            text.push_str(std::str::from_utf8(&bytes[..used]).unwrap());
            pages += 1;
            assert!(pages < 1000, "seed {seed}: it does not end");
            if done {
                break;
            }
            for _ in 0..world.below(3) {
                world.change();
                stayed.retain(|number| world.there.contains_key(number));
            }
        }
        cursor.end(&mut world.shelf);
        let mut found: BTreeMap<&str, (BTreeSet<&str>, Vec<&str>)> = BTreeMap::new();
        for line in text.lines().filter(|line| line.starts_with(FAMILY)) {
            let (states, addresses) = found.entry(label(line, "endpointslice")).or_default();
            states.insert(label(line, "hostname"));
            addresses.push(label(line, "address"));
        }
        for (name, (states, addresses)) in &found {
            assert_eq!(states.len(), 1, "seed {seed}: {name} is mixed of {states:?}");
            let count: usize = states.first().unwrap().split_once('-').unwrap().1.parse().unwrap();
            assert_eq!(addresses.len(), count, "seed {seed}: {name} has lines twice or too few");
        }
        for number in &stayed {
            assert!(
                found.contains_key(&*format!("slice-{number}")),
                "seed {seed}: slice-{number} is missing"
            );
        }
        assert_eq!(cursor.series, found.values().map(|(_, addresses)| addresses.len() as u64).sum::<u64>());
        // Nothing is left that a walk held.
        for number in world.there.clone().into_keys() {
            world.remove(number);
        }
        assert_eq!(world.shelf.used_bytes(), 0, "seed {seed}");
    }
}
