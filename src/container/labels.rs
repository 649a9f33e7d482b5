//! Which groups are shown, and under which labels: the path at once, names of runtimes when a thread has read them.

use super::lookup::{Miss, Places, Question, STATE_BYTES_MAX};
use super::path::{Kind, Place, Runtime};
use super::scope::{Scope, Scopes};
use super::started::Started;
use super::state::{Facts, Role};
use crate::base::chains::{Chain, Chains};
use crate::base::clock::{self, Monotonic};
use crate::base::text::{Full, Text};
use crate::collect::Setup;
use crate::flags::{Flag, FlagKind};
use crate::io::errands::Errands;
use crate::io::foreign::Foreign;
use crate::io::groups::{GroupId, Groups};
use crate::io::tally::SharedTally;
use crate::kube::pods::SharedPods;
use crate::store::{Item, Usage, write_labels};
use std::time::Duration;

/// Longest label text of a group: its path, and the names that the runtime gave it.
pub const LABEL_BYTES: usize = LABEL_BYTES_MAX as usize;
pub const LABEL_BYTES_MAX: u16 = 1536;

/// Room for the names of a group, on average: number, image, container, pod and namespace have some 250 bytes.
const NAMES_BYTES: usize = 480;

/// Questions that are open at the same time.
const QUESTIONS_MAX: usize = 128;

/// How long a group waits for its names before it is shown by its path alone. With the time until it is found it makes less
/// than the 100 ms after which it must be shown.
const WITHHELD: Duration = Duration::from_millis(45);

/// How long a pass waits for names of groups that it has seen first; a question takes some 50 µs.
const PATIENCE: Duration = Duration::from_millis(5);

/// The same before the first pass, when nobody waits.
const PATIENCE_FIRST: Duration = Duration::from_secs(2);

/// When a question that found nothing is asked again: after this, and then after twice as long each time.
const RETRY: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(300);

/// What only looks like a container is asked about this often.
const GUESSES_MAX: u8 = 4;

const LEGACY: &str = "container.legacyLabels";

pub const FLAG: Flag = Flag {
    name: LEGACY,
    kind: FlagKind::Bool,
    default: "false",
    help: "Repeat the labels container and pod as container_name and pod_name, and add container_id.",
};

/// What is asked, for whom.
#[derive(Clone, Copy)]
struct Asked {
    id: GroupId,
    birth: u64,
    question: Question,
}

#[derive(Clone, Copy)]
struct Answered {
    id: GroupId,
    birth: u64,
    found: Result<Facts, Miss>,
}

/// What is known of a group.
struct Slot {
    /// 0: of none.
    birth: u64,
    /// The pass that saw it last.
    seen: u64,
    kind: Kind,
    /// Below its own kubelet's root, or that root.
    kubelet: bool,
    scope: Scope,
    role: Option<Role>,
    /// What its runtime started it with.
    process: Option<Started>,
    names: Option<Chain>,
    /// Another number for every change of the label text.
    edition: u64,
    /// It is shown by its path alone from then on.
    patient_until: Monotonic,
    asking: Asking,
    tries: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asking {
    /// Nothing, or nothing more.
    Nothing,
    /// To be asked from then on.
    Due(Monotonic),
    /// The answer is awaited.
    Open,
}

impl Slot {
    const FREE: Slot = Slot {
        birth: 0,
        seen: 0,
        kind: Kind::Other,
        kubelet: false,
        scope: Scope::Alone,
        role: None,
        process: None,
        names: None,
        edition: 0,
        patient_until: Monotonic(0),
        asking: Asking::Nothing,
        tries: 0,
    };
}

/// The resolver.
pub struct Names {
    /// By the place of the group; room for all of them is reserved and not touched before.
    slots: Vec<Slot>,
    capacity: usize,
    chains: Chains,
    /// `None`: there is no thread, so all groups are shown by their paths.
    errands: Option<Errands<Asked, Answered>>,
    scopes: Scopes,
    legacy: bool,
    /// A kubelet runs here.
    kubernetes: bool,
    pass: u64,
    editions: u64,
    now: Monotonic,
    /// How long a pass waits for new names.
    patience: Duration,
    /// Somebody waits for names that were never asked for before.
    fresh: bool,
    /// The thread did not answer in time when it was last waited for.
    late: bool,
    first: bool,
    tally: SharedTally,
    pods: SharedPods,
}

impl Names {
    /// What it holds beside what [`Self::new`] allocates.
    pub const fn plan() -> Item {
        Errands::<Asked, Answered>::plan("reading of runtimes' state", Foreign::bytes(STATE_BYTES_MAX))
    }

    pub fn new(setup: &Setup<'_>) -> Self {
        let places = Places::new(setup.flags);
        let mut files = Foreign::new(&setup.roots.rootfs, STATE_BYTES_MAX);
        let answer = move |asked: &Asked| Answered {
            id: asked.id,
            birth: asked.birth,
            found: places.look_up(&asked.question, &mut files),
        };
        let groups = setup.limits.groups as usize;
        Names {
            slots: Vec::with_capacity(groups),
            capacity: groups,
            chains: Chains::new(groups, NAMES_BYTES),
            errands: Errands::new("containers", QUESTIONS_MAX, answer).ok(),
            scopes: Scopes::new(setup.flags),
            legacy: setup.flags.bool(LEGACY),
            kubernetes: false,
            pass: 0,
            editions: 0,
            now: Monotonic(0),
            patience: PATIENCE,
            fresh: false,
            late: false,
            first: true,
            tally: setup.tally.clone(),
            pods: setup.pods.clone(),
        }
    }

    /// Brings everything up to date with the groups, once per pass. The first time it waits longer, and what is there
    /// already is never withheld.
    pub fn settle(&mut self, groups: &Groups, now: Monotonic) {
        self.look(groups, now);
        let patience = if self.first { PATIENCE_FIRST } else { self.patience };
        let begun = clock::monotonic();
        while self.fresh && self.errands.as_ref().is_some_and(|errands| errands.usage().used > 0) {
            let left = patience.saturating_sub(clock::monotonic().since(begun));
            // A thread that hangs is not waited for again before it has answered.
            if self.late || !self.errands.as_ref().is_some_and(|errands| errands.wait(left)) {
                self.late = true;
                break;
            }
            self.fetch(groups);
            self.fresh = false;
            self.ask(groups);
        }
        self.first = false;
        self.report();
    }

    /// Takes in what has changed and asks about it, between passes: the next one has the answers at once.
    pub fn wake(&mut self, groups: &Groups, now: Monotonic) {
        if !self.first {
            self.look(groups, now);
        }
    }

    fn look(&mut self, groups: &Groups, now: Monotonic) {
        self.now = now;
        self.fetch(groups);
        self.sweep(groups);
        self.ask(groups);
        self.ask_api(groups);
    }

    /// A number that is another when the label text of the group has changed; `None`: the group is not shown.
    pub fn edition(&self, id: GroupId) -> Option<u64> {
        let slot = self.slots.get(id.index())?;
        let waits = slot.names.is_none() && self.now < slot.patient_until;
        (slot.scope.shown(self.kubernetes) && !waits).then_some(slot.edition)
    }

    /// What the path of a group says it is.
    pub fn kind(&self, id: GroupId) -> Kind {
        self.slots.get(id.index()).map_or(Kind::Other, |slot| slot.kind)
    }

    /// The pod that a group is below.
    pub fn pod(&self, groups: &Groups, id: GroupId) -> Option<GroupId> {
        let mut above = groups.parent(id);
        while let Some(group) = above.filter(|group| self.kind(*group) != Kind::Pod) {
            above = groups.parent(group);
        }
        above
    }

    /// What a container is to its network; `None`: it is no container, or its runtime is silent.
    pub fn role(&self, id: GroupId) -> Option<Role> {
        self.slots.get(id.index())?.role
    }

    /// The process that a runtime started a container with, if `holds` says that it is still that one; see [`Started`].
    /// What is not known, or no more, is asked for again, more and more seldom.
    pub fn process(&mut self, id: GroupId, holds: impl FnOnce(u32) -> bool) -> Option<u32> {
        let now = self.now;
        let slot = self.slots.get_mut(id.index()).filter(|slot| slot.kind != Kind::Placeholder)?;
        slot.process = slot.process.and_then(|started| started.check(now, holds));
        if slot.process.is_none() && slot.role.is_some() && slot.asking == Asking::Nothing {
            slot.retry(now);
        }
        slot.process.map(|started| started.pid)
    }

    /// Writes the label text of a group: the kubelet's six labels, always all of them.
    pub fn write(&self, groups: &Groups, id: GroupId, to: &mut Text<LABEL_BYTES>) -> Result<(), Full> {
        let mut kept = Text::<LABEL_BYTES>::new();
        let chain = self.slots.get(id.index()).and_then(|slot| slot.names.as_ref());
        for piece in chain.into_iter().flat_map(|chain| self.chains.get(chain)) {
            kept.push(piece)?;
        }
        // A name may hold any byte but this one, see `keep`.
        let mut parts = kept.as_bytes().split(|byte| *byte == 0);
        let mut part = || parts.next().unwrap_or(b"");
        let [container, pod, namespace, name, image] = [part(), part(), part(), part(), part()];
        let path = groups.path(id);
        let labels: [(&str, &[u8]); 6] = [
            ("container", container),
            ("id", path.as_bytes()),
            ("image", image),
            ("name", name),
            ("namespace", namespace),
            ("pod", pod),
        ];
        write_labels(to, &labels).ok_or(Full)?;
        if self.legacy {
            let place = Place::parse(path.as_bytes());
            let number = place.container.filter(|_| place.kind == Kind::Container).unwrap_or(b"");
            to.push(",")?;
            let labels = [("container_id", number), ("container_name", container), ("pod_name", pod)];
            write_labels(to, &labels).ok_or(Full)?;
        }
        Ok(())
    }

    /// Takes in new groups and lets go of those that are no more.
    fn sweep(&mut self, groups: &Groups) {
        self.pass += 1;
        let (mut at, mut kubernetes) = (0, false);
        while let Some(id) = groups.get(at) {
            at += 1;
            let birth = groups.birth(id);
            while self.slots.len() <= id.index() && self.slots.len() < self.capacity {
                self.slots.push(Slot::FREE);
            }
            let Some(slot) = self.slots.get(id.index()) else { continue };
            if slot.birth != birth {
                self.take_in(groups, id, birth);
            }
            let slot = &mut self.slots[id.index()];
            slot.seen = self.pass;
            kubernetes |= slot.kind == Kind::Kubepods && slot.kubelet;
        }
        self.kubernetes = kubernetes;
        for slot in &mut self.slots {
            if slot.birth != 0 && slot.seen != self.pass {
                if let Some(names) = slot.names.take() {
                    self.chains.remove(&names);
                }
                *slot = Slot::FREE;
            }
        }
    }

    fn take_in(&mut self, groups: &Groups, id: GroupId, birth: u64) {
        let path = groups.path(id);
        let place = Place::parse(path.as_bytes());
        self.editions += 1;
        let wanted = match place.kind {
            Kind::Container | Kind::Placeholder | Kind::Task => {
                place.runtime.is_none_or(Runtime::keeps_state)
            }
            _ => false,
        };
        let slot = &mut self.slots[id.index()];
        if let Some(names) = slot.names.take() {
            self.chains.remove(&names);
        }
        let withheld = !self.first && self.errands.is_some() && (wanted || place.kind == Kind::Pod);
        let until = groups.born(id).0.saturating_add(u64::try_from(WITHHELD.as_nanos()).unwrap_or(0));
        *slot = Slot {
            birth,
            kind: place.kind,
            kubelet: place.kubelet,
            scope: self.scopes.of(&place, path.as_bytes()),
            edition: self.editions,
            patient_until: if withheld { Monotonic(until) } else { Monotonic(0) },
            asking: if wanted { Asking::Due(self.now) } else { Asking::Nothing },
            ..Slot::FREE
        };
    }

    /// Asks what is due.
    fn ask(&mut self, groups: &Groups) {
        let Some(errands) = &self.errands else { return };
        let mut asked = 0;
        let mut at = 0;
        while let Some(id) = groups.get(at) {
            at += 1;
            let Some(slot) = self.slots.get_mut(id.index()) else { continue };
            let Asking::Due(due) = slot.asking else { continue };
            if due > self.now || !slot.scope.shown(self.kubernetes) {
                continue;
            }
            let Some(question) = question(groups.path(id).as_bytes()) else {
                slot.asking = Asking::Nothing;
                continue;
            };
            if errands.ask(Asked { id, birth: slot.birth, question }).is_err() {
                // What found no room is asked when answers have made some.
                self.tally.add("queue_full", 1);
                break;
            }
            slot.asking = Asking::Open;
            // Who is known and asked about again has no process to be shown by.
            self.fresh |= slot.tries == 0 || slot.role.is_some();
            asked += 1;
        }
        self.tally.add("asked", asked);
    }

    /// Takes from the API what runtimes do not tell, or not yet: the names of pods and of their containers.
    fn ask_api(&mut self, groups: &Groups) {
        let pods = self.pods.clone();
        let mut at = 0;
        while let Some(id) = groups.get(at) {
            at += 1;
            let nameless = |slot: &&Slot| {
                // The runtime is asked first.
                slot.names.is_none()
                    && (slot.tries > 0 || slot.asking == Asking::Nothing)
                    && matches!(slot.kind, Kind::Container | Kind::Pod)
                    && slot.scope.shown(self.kubernetes)
            };
            if self.slots.get(id.index()).filter(nameless).is_none() {
                continue;
            }
            let path = groups.path(id);
            let place = Place::parse(path.as_bytes());
            let Some(pod) = place.pod else { continue };
            let number = place.container.unwrap_or(b"");
            let mut facts = None;
            pods.look(pod, number, &mut |name| facts = Facts::of_api(name, number));
            if let Some(facts) = facts {
                self.tally.add("by_api", 1);
                self.keep(id, &facts);
            }
        }
    }

    /// Takes the answers that have come.
    fn fetch(&mut self, groups: &Groups) {
        while let Some(answer) = self.errands.as_ref().and_then(Errands::fetch) {
            self.late = false;
            let result = answer.found.as_ref().map_or_else(|miss| miss.label(), |_| "found");
            self.tally.add(result, 1);
            let Some(slot) = self.slots.get_mut(answer.id.index()).filter(|slot| slot.birth == answer.birth)
            else {
                continue;
            };
            match answer.found {
                Ok(facts) => {
                    slot.asking = Asking::Nothing;
                    slot.process = facts.pid.map(Started::new);
                    // The names of a container do not change.
                    if slot.role.is_none() {
                        self.tally.add("incomplete", u64::from(facts.lost));
                        self.know(groups, answer.id, &facts);
                    }
                }
                Err(_) => slot.retry(self.now),
            }
        }
    }

    /// Notes the names of a container, and those of its pod.
    fn know(&mut self, groups: &Groups, id: GroupId, facts: &Facts) {
        let slot = &mut self.slots[id.index()];
        slot.role = Some(facts.role);
        self.keep(id, facts);
        if !facts.in_pod() {
            return;
        }
        let Some(pod) = self.pod(groups, id) else { return };
        let known = self.slots.get(pod.index()).is_none_or(|slot| slot.names.is_some());
        if !known {
            let facts = Facts { pod: facts.pod, namespace: facts.namespace, ..Facts::default() };
            self.keep(pod, &facts);
        }
    }

    fn keep(&mut self, id: GroupId, facts: &Facts) {
        let texts: [&[u8]; 5] = [
            facts.container.as_bytes(),
            facts.pod.as_bytes(),
            facts.namespace.as_bytes(),
            facts.name.as_bytes(),
            facts.image.as_bytes(),
        ];
        // A zero byte parts them; no name of Kubernetes or of a runtime holds one.
        let texts = texts.map(|text| if text.contains(&0) { b"" } else { text });
        let [container, pod, namespace, name, image] = texts;
        self.editions += 1;
        let slot = &mut self.slots[id.index()];
        if let Some(names) = slot.names.take() {
            self.chains.remove(&names);
        }
        slot.names = self.chains.put(&[container, b"\0", pod, b"\0", namespace, b"\0", name, b"\0", image]);
        slot.edition = self.editions;
        // Shown by its path when there is no room for its names.
        slot.patient_until = Monotonic(0);
    }

    fn report(&self) {
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let (used, capacity, high_water, refused) = self.chains.usage();
        let names = Usage {
            used: number(used),
            capacity: number(capacity),
            high_water: number(high_water),
            refused,
            ..Usage::default()
        };
        self.tally.table("names of containers", names);
        if let Some(errands) = &self.errands {
            self.tally.table("questions about containers", errands.usage());
        }
    }
}

impl Slot {
    /// Asks again later: the state may be late. What only looks like a container is given up.
    fn retry(&mut self, now: Monotonic) {
        self.tries = self.tries.saturating_add(1);
        if self.kind == Kind::Task && self.tries >= GUESSES_MAX {
            self.asking = Asking::Nothing;
            return;
        }
        let wait = RETRY.saturating_mul(1 << (self.tries - 1).min(16)).min(RETRY_MAX);
        let wait = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
        self.asking = Asking::Due(Monotonic(now.0.saturating_add(wait)));
    }
}

/// What to ask about the container with this path; `None`: its name is longer than any runtime's.
fn question(path: &[u8]) -> Option<Question> {
    let place = Place::parse(path);
    let (mut id, mut namespace) = (Text::new(), Text::new());
    id.push(place.container?).ok()?;
    namespace.push(place.namespace.unwrap_or(b"")).ok()?;
    Some(Question { runtime: place.runtime, in_pod: place.pod.is_some(), id, namespace })
}

#[cfg(test)]
mod tests;
