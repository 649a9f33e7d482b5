//! Who reports the objects of the whole cluster: a campaign for one Lease, without sockets and without a clock.
//!
//! Every agent is a candidate, and one of them holds the Lease (coordination.k8s.io/v1) and reports. [`Elector`] says
//! which request is due; somebody else sends it and hands the answer in.
//!
//! # Why no two report
//!
//! * A holder trusts a renewal that succeeded for 7/15 of the duration, counted from its *sending* on the monotonic
//!   clock. Then it is no owner any more, whatever else it knows; [`Elector::is_owner`] is asked before every page, also by
//!   a process that was stopped and goes on.
//! * A candidate takes over 8/15 of the duration after an *answer* showed it the last change, with a write that
//!   the server refuses when the Lease has changed since. A renewal that it has not seen makes the write fail, and one
//!   that it has seen was sent before the answer came.
//! * A Lease that was deleted says nothing about who held it. So whoever creates it waits as if it had seen a renewal
//!   of another.
//! * Times of the wall clock are written for people and never read.
//!
//! Not covered: a hand that empties `holderIdentity` while the holder lives (until its next renewal two report), and
//! a machine whose monotonic clock stands still while the world goes on, as in a suspended virtual machine.

mod contract;
mod object;
#[cfg(test)]
mod simulation_tests;
#[cfg(test)]
mod tests;
mod timing;

pub use contract::{LeaseNumbers, LeaseSettings, Outcome, Step};
pub use timing::DURATION;

use crate::base::clock::{Moment, Monotonic};
use object::{Entry, Lease};
use std::time::Duration;
use timing::{Dice, Timing, after};

/// Reads after a sign that the API server's cache is behind, until candidates trust it again.
const EXACT_READS: u32 = 3;
/// Requests that an agent makes at most to give the lease up.
const LEAVING_REQUESTS: u32 = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Get,
    Create,
    Update,
}

/// The request that has no answer yet.
#[derive(Clone, Copy, Debug)]
struct Asked {
    verb: Verb,
    /// Not after it was sent.
    at: Monotonic,
}

/// The Lease as this agent knows it.
#[derive(Debug)]
struct Seen {
    lease: Lease,
    /// When an answer first showed it so.
    at: Monotonic,
}

#[derive(Debug, Default)]
struct Counts {
    acquired: u64,
    lost: u64,
    renew_failures: u64,
    conflicts: u64,
    malformed: u64,
}

/// One agent's campaign.
#[derive(Debug)]
pub struct Elector {
    settings: LeaseSettings,
    identity: String,
    collection: String,
    item: String,
    cached: String,
    timing: Timing,
    dice: Dice,
    seen: Option<Seen>,
    /// A holder renews before this, so it does not read.
    read_at: Monotonic,
    /// The next renewal or takeover.
    write_at: Option<Monotonic>,
    /// No write before this, whatever [`Self::write_at`] says.
    barred: Monotonic,
    asked: Option<Asked>,
    /// A write of ours may have been applied without our knowledge.
    unsure: bool,
    /// The Lease is one that this agent has created; nothing is known about an owner before it.
    created: bool,
    /// Reads that shall not come from the cache.
    exact: u32,
    /// In a row.
    failures: u32,
    /// Renewals that came too late, in a row.
    clashes: u32,
    /// In a row, for each verb.
    forbidden: [u32; 3],
    /// Not an owner from here on, unless a renewal succeeds; 0 when the term is over.
    until: Monotonic,
    renewed: Option<Monotonic>,
    /// How many requests are left when the agent ends.
    leaving: Option<u32>,
    counts: Counts,
}

impl Elector {
    /// `seed` differs from one process to the next: the name in the Lease contains it, so that an agent which was
    /// started again does not take the lease of its former life for its own.
    pub fn new(settings: LeaseSettings, seed: u64) -> Elector {
        assert!(!settings.name.is_empty(), "the flag has a default");
        let collection = format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases", settings.namespace);
        let item = format!("{collection}/{}", settings.name);
        Elector {
            identity: format!("{}_{seed:016x}", settings.identity),
            cached: format!("{item}?resourceVersion=0"),
            timing: Timing::new(settings.duration),
            dice: Dice::new(seed, &settings.identity),
            collection,
            item,
            settings,
            seen: None,
            read_at: Monotonic(0),
            write_at: None,
            barred: Monotonic(0),
            asked: None,
            unsure: false,
            created: false,
            exact: 0,
            failures: 0,
            clashes: 0,
            forbidden: [0; 3],
            until: Monotonic(0),
            renewed: None,
            leaving: None,
            counts: Counts::default(),
        }
    }

    /// The step to take now. Whoever asks again without an answer has given the request up, and drops an answer that
    /// comes later.
    pub fn next(&mut self, now: Moment) -> Step {
        if let Some(asked) = self.asked.take() {
            self.failed(asked, now.monotonic);
        }
        self.lapse(now.monotonic);
        if let Some(left) = self.leaving {
            return self.leave(now, left);
        }
        let write_at = self.write_at.map(|at| at.max(self.barred));
        match write_at {
            Some(at) if at <= now.monotonic => self.write(now),
            _ if self.read_at <= now.monotonic => self.read(now),
            _ => Step::Wait(write_at.map_or(self.read_at, |at| at.min(self.read_at))),
        }
    }

    /// The answer to the last request.
    pub fn answered(&mut self, now: Monotonic, outcome: Outcome<'_>) {
        let Some(asked) = self.asked.take() else { return };
        self.lapse(now);
        if outcome != Outcome::Failed && outcome != Outcome::Forbidden {
            self.forbidden[asked.verb as usize] = 0;
        }
        match (outcome, asked.verb) {
            (Outcome::Lease(text), _) => match Lease::parse(text, &self.settings.name) {
                Some(lease) => self.learn(asked, lease, now),
                None => {
                    self.counts.malformed += 1;
                    self.failed(asked, now);
                }
            },
            (Outcome::NotFound, Verb::Get | Verb::Update) => self.absent(asked, now),
            (Outcome::Conflict, Verb::Create | Verb::Update) => self.conflict(asked, now),
            (Outcome::Forbidden, _) => self.refused(asked, now),
            (Outcome::NotFound, Verb::Create) | (Outcome::Conflict, Verb::Get) | (Outcome::Failed, _) => {
                self.failed(asked, now);
            }
        }
    }

    /// Is this agent the owner? To be asked before every scrape and every page.
    pub const fn is_owner(&self, now: Monotonic) -> bool {
        now.0 < self.until.0
    }

    /// From now on this agent is no owner, and gives the lease up if it holds it: the steps that follow say how, until
    /// [`Step::Done`]. None of them waits.
    pub fn release(&mut self) {
        self.until = Monotonic(0);
        self.leaving.get_or_insert(LEAVING_REQUESTS);
    }

    /// How long an answer is to be waited for.
    pub fn patience(&self) -> Duration {
        self.timing.patience()
    }

    /// Path and query of a request.
    pub fn target(&self, step: &Step) -> &str {
        match step {
            Step::Create(_) => &self.collection,
            Step::Read { cached: true } => &self.cached,
            Step::Read { cached: false } | Step::Update(_) | Step::Wait(_) | Step::Done => &self.item,
        }
    }

    /// The name that this process writes into the Lease.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// The rule that the service account lacks; `None` when nothing was forbidden lately.
    pub fn forbidden(&self) -> Option<String> {
        let verb = [Verb::Get, Verb::Create, Verb::Update]
            .into_iter()
            .find(|&verb| self.forbidden[verb as usize] > 0)
            .map(|verb| match verb {
                Verb::Get => "get",
                Verb::Create => "create",
                Verb::Update => "update",
            })?;
        let LeaseSettings { name, namespace, .. } = &self.settings;
        Some(format!("may not {verb} leases.coordination.k8s.io {name:?} in namespace {namespace:?}"))
    }

    /// What the page and the metrics show.
    pub fn numbers(&self, now: Monotonic) -> LeaseNumbers<'_> {
        let lease = self.seen.as_ref().map(|seen| &seen.lease);
        LeaseNumbers {
            owner: self.is_owner(now),
            holder: lease.map_or("", |lease| &lease.holder),
            transitions: lease.map_or(0, |lease| lease.transitions),
            acquired_total: self.counts.acquired,
            lost_total: self.counts.lost,
            renew_failures_total: self.counts.renew_failures,
            conflicts_total: self.counts.conflicts,
            malformed_total: self.counts.malformed,
            renewed: self.renewed.map(|at| now.since(at)),
        }
    }

    /// Is the Lease ours, by all that is known? It can be, and the term be over.
    fn holding(&self) -> bool {
        !self.created && self.seen.as_ref().is_some_and(|seen| seen.lease.holder == self.identity)
    }

    fn ask(&mut self, verb: Verb, now: Monotonic) {
        self.asked = Some(Asked { verb, at: now });
    }

    fn read(&mut self, now: Moment) -> Step {
        self.ask(Verb::Get, now.monotonic);
        Step::Read { cached: self.exact == 0 }
    }

    fn write(&mut self, now: Moment) -> Step {
        self.write_at = None;
        let entry = self.entry(&self.identity, now);
        if let Some(seen) = &self.seen {
            let body = seen.lease.written(&entry);
            self.ask(Verb::Update, now.monotonic);
            Step::Update(body)
        } else {
            let body = object::fresh(&self.settings.name, &self.settings.namespace, &entry);
            self.ask(Verb::Create, now.monotonic);
            Step::Create(body)
        }
    }

    fn entry<'a>(&self, holder: &'a str, now: Moment) -> Entry<'a> {
        Entry { holder, seconds: self.timing.seconds(), unix_nanos: now.unix_nanos }
    }

    /// The next step of an agent that ends.
    fn leave(&mut self, now: Moment, left: u32) -> Step {
        let known = self.seen.as_ref().filter(|_| self.unsure || self.holding());
        let (Some(seen), Some(left)) = (known, left.checked_sub(1)) else { return Step::Done };
        self.leaving = Some(left);
        if self.unsure {
            return self.read(now);
        }
        let body = seen.lease.written(&self.entry("", now));
        self.ask(Verb::Update, now.monotonic);
        Step::Update(body)
    }

    /// Counts a term that the fence has ended.
    fn lapse(&mut self, now: Monotonic) {
        if !self.is_owner(now) {
            self.lose();
        }
    }

    fn lose(&mut self) {
        if self.until != Monotonic(0) {
            self.until = Monotonic(0);
            self.counts.lost += 1;
        }
    }

    /// A write of ours that succeeded was sent at `sent`.
    fn renew(&mut self, sent: Monotonic, now: Monotonic) {
        (self.created, self.clashes) = (false, 0);
        self.renewed = Some(sent);
        let until = after(sent, self.timing.fence());
        if self.leaving.is_some() || until <= now {
            // The answer took longer than the renewal is worth.
            return;
        }
        if !self.is_owner(now) {
            self.counts.acquired += 1;
        }
        self.until = until;
    }

    /// An answer showed the Lease.
    fn learn(&mut self, asked: Asked, lease: Lease, now: Monotonic) {
        (self.failures, self.unsure) = (0, false);
        if asked.verb == Verb::Get {
            self.exact = self.exact.saturating_sub(1);
        }
        let ours = lease.holder == self.identity;
        // Another Lease than before, or the first, can only have our name by a creation: that of an update as well, on
        // a server that does not compare the uid.
        let known = self.seen.as_ref().is_some_and(|seen| seen.lease.uid == lease.uid);
        let created = asked.verb == Verb::Create || ours && !known;
        self.created |= created;
        let renewed = asked.verb == Verb::Update && ours && !created;
        if renewed {
            self.renew(asked.at, now);
        } else if !ours || created {
            self.lose();
        }
        let at = match &self.seen {
            Some(seen) if seen.lease.version == lease.version => seen.at,
            _ => now,
        };
        let quiet = self.timing.takeover(lease.seconds);
        self.read_at = after(asked.at, if renewed { quiet } else { self.timing.read(&mut self.dice) });
        self.write_at = Some(if renewed {
            after(asked.at, self.timing.renew())
        } else if lease.holder.is_empty() {
            after(now, Timing::spread(&mut self.dice))
        } else if ours && !self.created {
            now
        } else {
            after(at, quiet)
        });
        self.seen = Some(Seen { lease, at });
    }

    /// There is no Lease.
    fn absent(&mut self, asked: Asked, now: Monotonic) {
        (self.failures, self.unsure) = (0, false);
        self.seen = None;
        self.lose();
        self.read_at = after(asked.at, self.timing.read(&mut self.dice));
        self.write_at = Some(after(now, Timing::spread(&mut self.dice)));
    }

    /// Another write came first: that of another agent, or one of our own that had no answer.
    fn conflict(&mut self, asked: Asked, now: Monotonic) {
        (self.failures, self.exact) = (0, EXACT_READS);
        self.counts.conflicts += 1;
        if self.holding() {
            // The term goes on until the Lease is read, or to the fence: the server only says that it was touched.
            self.counts.renew_failures += 1;
            self.unsure = true;
            self.clashes = self.clashes.saturating_add(1);
            self.read_at = match self.clashes {
                1 => now,
                again => after(now, self.timing.retry(again, true, &mut self.dice)),
            };
        } else if asked.verb == Verb::Create {
            self.read_at = after(now, Timing::spread(&mut self.dice));
        }
        // A candidate that came too late reads when it would have anyway.
    }

    /// No answer, or none that says anything.
    fn failed(&mut self, asked: Asked, now: Monotonic) {
        self.failures = self.failures.saturating_add(1);
        let holding = self.holding();
        let again = after(asked.at, self.timing.retry(self.failures, holding, &mut self.dice)).max(now);
        if asked.verb != Verb::Get {
            (self.unsure, self.exact) = (true, EXACT_READS);
            self.counts.renew_failures += u64::from(holding);
        }
        if asked.verb == Verb::Update && holding {
            self.write_at = Some(again);
        } else {
            // What is known may be wrong now, and is read before it is written again.
            self.read_at = again;
        }
    }

    /// A role does not allow the request. A server that starts says so as well, until it knows its roles: so the first
    /// time, and as long as a term lasts, it is tried again soon.
    fn refused(&mut self, asked: Asked, now: Monotonic) {
        let refusals = &mut self.forbidden[asked.verb as usize];
        *refusals = refusals.saturating_add(1);
        let soon = *refusals == 1 || self.is_owner(now);
        self.failures = self.failures.saturating_add(1);
        let holding = self.holding();
        let pause = if soon {
            self.timing.retry(self.failures, holding, &mut self.dice)
        } else {
            Timing::forbidden(&mut self.dice)
        };
        let again = after(now, pause);
        if asked.verb == Verb::Get {
            self.read_at = again;
        } else {
            self.counts.renew_failures += u64::from(holding);
            (self.write_at, self.barred) = (Some(again), again);
        }
    }
}
