//! From the bytes of lists and watches to the shelf: nothing is allocated, and what is not ours or out of order is left
//! out.

use super::cache::{Cache, Failure, Scope};
use super::envelope::{Envelope, Event, Form, Reading, Version};
use crate::base::log;
use crate::json::{Progress, Tokenizer};
use crate::records::{Loss, Put, Scratch, Shelf, Source as Origin};
use crate::text::shard;
use std::rc::Rc;

/// What became of the bytes of a stream.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Taken {
    /// The bookmark that ends the objects that were there.
    pub end: bool,
    /// The version at which a watch goes on has grown.
    pub advanced: bool,
    /// The server said so in place of an object.
    pub error: Option<i64>,
    /// What followed is no JSON.
    pub malformed: bool,
}

/// Who tells, in its newest list.
pub(super) fn origin(cache: &Cache, number: usize) -> Origin {
    let source = &cache.sources[number];
    Origin {
        number: u16::try_from(number).unwrap_or(u16::MAX),
        mark: source.mark.get(),
        // A pod that has come to this node is told by two, and its past by the owner, which may come later.
        yields: source.spec.scope == Scope::Owner,
    }
}

/// What takes in the bytes of one source, whatever their cuts.
pub(super) struct Reader {
    cache: Rc<Cache>,
    number: usize,
    tokenizer: Tokenizer,
    scratch: Scratch,
    pub envelope: Envelope,
    /// Where a watch goes on; empty: everything is to be listed.
    pub version: Version,
}

impl Reader {
    pub fn new(cache: &Rc<Cache>, number: usize) -> Self {
        let kind = &cache.kinds[cache.sources[number].spec.kind];
        let scratch =
            Scratch::new(Rc::clone(&kind.selector), Rc::clone(&kind.allow), kind.kind.scratch_bytes);
        Reader {
            cache: Rc::clone(cache),
            number,
            tokenizer: Tokenizer::new(),
            scratch,
            envelope: Envelope::new(Form::Watch),
            version: Version::new(),
        }
    }

    /// The next bytes are the first of an answer.
    pub fn begin(&mut self, form: Form) {
        self.envelope = Envelope::new(form);
        self.tokenizer.reset();
    }

    /// Did the last bytes end an event?
    pub fn is_between(&self) -> bool {
        self.tokenizer.is_idle()
    }

    /// Takes in bytes of a list's page. `true`: its end.
    pub fn page(&mut self, bytes: &[u8]) -> Result<bool, Failure> {
        let (cache, number) = (&*self.cache, self.number);
        let mut shelf = cache.shelf.borrow_mut();
        let mut reading = Reading {
            envelope: &mut self.envelope,
            scratch: &mut self.scratch,
            take: |_, scratch: &Scratch| keep(cache, &mut shelf, number, scratch),
        };
        match self.tokenizer.feed(bytes, &mut reading) {
            Ok(Progress::NeedMore) => Ok(false),
            Ok(Progress::Value { .. }) => Ok(true),
            Err(_) => Err(Failure::Malformed),
        }
    }

    /// Takes in bytes of a watch. While it is syncing, they are of the objects that are there.
    pub fn events(&mut self, mut bytes: &[u8], syncing: bool) -> Taken {
        let mut taken = Taken::default();
        let (cache, number) = (&*self.cache, self.number);
        let mut shelf = cache.shelf.borrow_mut();
        let source = &cache.sources[number];
        let version = &mut self.version;
        loop {
            let mut reading = Reading {
                envelope: &mut self.envelope,
                scratch: &mut self.scratch,
                take: |event: Event, scratch: &Scratch| {
                    if let Some(index) = event.index() {
                        source.counts.events[index].one();
                    }
                    take(cache, &mut shelf, number, (event, scratch), syncing, version, &mut taken);
                },
            };
            match self.tokenizer.feed(bytes, &mut reading) {
                Ok(Progress::NeedMore) => return taken,
                Ok(Progress::Value { used }) => bytes = bytes.get(used..).unwrap_or_default(),
                Err(_) => {
                    taken.malformed = true;
                    return taken;
                }
            }
        }
    }
}

/// Takes in one event.
fn take(
    cache: &Cache,
    shelf: &mut Shelf,
    number: usize,
    (event, scratch): (Event, &Scratch),
    syncing: bool,
    version: &mut Version,
    taken: &mut Taken,
) {
    let source = &cache.sources[number];
    let told = scratch.told();
    // The objects that are there come in any order; from then on versions only grow.
    let unordered = syncing && !taken.end;
    match event {
        Event::Error => {
            taken.error = Some(told.code.unwrap_or(500));
            return;
        }
        Event::Bookmark if told.initial_events_end => taken.end = true,
        Event::Bookmark => {}
        Event::Added | Event::Modified if !unordered && is_old(told.version, version) => {
            source.counts.stale.one();
            return;
        }
        Event::Added | Event::Modified => keep(cache, shelf, number, scratch),
        Event::Deleted => {
            let origin = origin(cache, number);
            shelf.remove(source.spec.kind, origin.number, scratch);
        }
        Event::Listed | Event::Other => return,
    }
    if (!unordered || taken.end)
        && let Some(told) = told.version
        && !is_old(Some(told), version)
    {
        version.clear();
        taken.advanced = true;
        let fits = version.push(told);
        debug_assert!(fits.is_ok() || version.is_empty());
    }
}

/// Is a version not above another one? What is no number is never old.
fn is_old(version: Option<&[u8]>, known: &Version) -> bool {
    let number = |text: &[u8]| crate::text::unsigned(text);
    match (version.and_then(number), number(known.as_bytes())) {
        (Some(version), Some(known)) => version <= known,
        _ => false,
    }
}

/// Puts an object on the shelf, if it is one of ours.
fn keep(cache: &Cache, shelf: &mut Shelf, number: usize, scratch: &Scratch) {
    let source = &cache.sources[number];
    let kind = &cache.kinds[source.spec.kind];
    // What every agent reports of its own node is nobody else's.
    if cache.shard.of > 1 && source.spec.scope == Scope::Owner {
        let [uid, ..] = scratch.identity();
        let hash = shard::fnv1a64(uid.unwrap_or_default());
        if shard::jump(hash, cache.shard.of) != cache.shard.number {
            return;
        }
    }
    let lost = scratch.losses();
    for (counter, lost) in source.counts.losses.iter().zip(lost) {
        counter.add((*lost).into());
    }
    match shelf.put(source.spec.kind, origin(cache, number), scratch) {
        Ok(Put::Yielded) => source.counts.stale.one(),
        Ok(_) => {
            if let Some(loss) = Loss::ALL.iter().find(|loss| lost[loss.index()] > 0)
                && !kind.loss_said.replace(true)
            {
                say(kind.kind.resource, scratch, "is not kept in full", loss.label());
            }
        }
        Err(_) => {
            if !kind.refusal_said.replace(true) {
                say(
                    kind.kind.resource,
                    scratch,
                    "is not kept",
                    "no room; raise -limit.objects, -limit.objectNames or -limit.objectKiB",
                );
            }
        }
    }
}

fn say(resource: &str, scratch: &Scratch, what: &str, why: &str) {
    let [_, namespace, name] =
        scratch.identity().map(|text| String::from_utf8_lossy(text.unwrap_or_default()));
    log::warn(format_args!(
        "{resource} {namespace}/{name} {what}: {why} (trimeter_kube_object_losses_total); said once for {resource}"
    ));
}
