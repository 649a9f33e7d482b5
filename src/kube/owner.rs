//! Who reports what is not of one node: always this agent, never, or whoever holds a Lease.

use super::api::Api;
use super::lease::{Elector, LeaseNumbers, LeaseSettings, Outcome, Step};
use crate::base::clock::{self, Monotonic};
use crate::base::log;
use crate::base::task::{either, give_way};
use crate::http::client::{Connection, Request, Verb};
use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Longest answer about a Lease.
const LEASE_BYTES_MAX: usize = 64 * 1024;

/// How long giving the lease up may take at the end.
const FAREWELL: Duration = Duration::from_secs(1);

/// Whether this agent is the one.
pub struct Owner {
    elector: Option<RefCell<Elector>>,
    /// Without an elector.
    always: bool,
    /// What was told last.
    told: Cell<bool>,
    changed: Notify,
    leaving: Notify,
    forbidden_said: Cell<bool>,
}

impl Owner {
    pub fn fixed(always: bool) -> Self {
        Owner {
            elector: None,
            always,
            told: Cell::new(always),
            changed: Notify::new(),
            leaving: Notify::new(),
            forbidden_said: Cell::new(false),
        }
    }

    pub fn elected(settings: LeaseSettings, seed: u64) -> Self {
        Owner { elector: Some(RefCell::new(Elector::new(settings, seed))), ..Owner::fixed(false) }
    }

    /// Is it this agent? Asked for every page of every answer.
    pub fn reports(&self, now: Monotonic) -> bool {
        self.elector.as_ref().map_or(self.always, |elector| elector.borrow().is_owner(now))
    }

    /// Hands on what is counted of the lease; not without one.
    pub fn numbers(&self, now: Monotonic, show: &mut dyn FnMut(&LeaseNumbers<'_>)) {
        if let Some(elector) = &self.elector {
            show(&elector.borrow().numbers(now));
        }
    }

    /// Is it decided by a lease?
    pub const fn is_elected(&self) -> bool {
        self.elector.is_some()
    }

    /// Waits until it is, or is not.
    pub async fn until(&self, reports: bool) {
        loop {
            let changed = self.changed.notified();
            if self.reports(clock::monotonic()) == reports {
                return;
            }
            changed.await;
        }
    }

    /// Campaigns for the lease until [`Self::resign`]; returns at once where there is none.
    pub async fn campaign(&self, api: &Rc<Api>) {
        let Some(elector) = &self.elector else { return };
        let _left = either(pin!(self.leaving.notified()), pin!(self.stand(api, elector))).await;
    }

    async fn stand(&self, api: &Rc<Api>, elector: &RefCell<Elector>) {
        let mut connection = api.connection();
        loop {
            let step = elector.borrow_mut().next(clock::now());
            self.tell();
            match step {
                Step::Done => return,
                Step::Wait(until) => {
                    let wait = until.since(clock::monotonic());
                    // The fence may be nearer than the next step: it is looked at in between.
                    tokio::time::sleep(wait.clamp(Duration::from_millis(1), Duration::from_millis(250)))
                        .await;
                }
                step => self.perform(api, &mut connection, elector, step).await,
            }
        }
    }

    /// Gives the lease up, so that another agent need not wait for its end.
    pub async fn resign(&self, api: &Rc<Api>) {
        let Some(elector) = &self.elector else { return };
        // A request under way is given up: its answer would be taken for one of those that follow.
        self.leaving.notify_one();
        give_way().await;
        elector.borrow_mut().release();
        let mut connection = api.connection();
        let farewell = async {
            loop {
                let step = elector.borrow_mut().next(clock::now());
                match step {
                    Step::Done | Step::Wait(_) => return,
                    step => self.perform(api, &mut connection, elector, step).await,
                }
            }
        };
        if tokio::time::timeout(FAREWELL, farewell).await.is_err() {
            log::warn(format_args!("the lease could not be given up; another agent takes it when it ends"));
        }
    }

    async fn perform(
        &self,
        api: &Rc<Api>,
        connection: &mut Connection,
        elector: &RefCell<Elector>,
        step: Step,
    ) {
        let (target, patience) = {
            let elector = elector.borrow();
            (elector.target(&step).to_owned(), elector.patience())
        };
        let (verb, body) = match &step {
            Step::Wait(_) | Step::Done => return,
            Step::Read { .. } => (Verb::Get, None),
            Step::Create(body) => (Verb::Post, Some(body.as_bytes())),
            Step::Update(body) => (Verb::Put, Some(body.as_bytes())),
        };
        let request = Request { verb, body, patience, ..Request::get(&target) };
        let answered = async {
            let head = api.send(connection, request).await.ok()?;
            let mut text = Vec::new();
            while let Some(piece) = connection.chunk(Instant::now() + patience).await.ok()? {
                text.extend_from_slice(piece);
                if text.len() > LEASE_BYTES_MAX {
                    return None;
                }
            }
            Some((head.status, text))
        };
        let answer = tokio::time::timeout(patience, answered).await.ok().flatten();
        if answer.is_none() {
            connection.close();
        }
        let outcome = match &answer {
            Some((200 | 201, text)) => Outcome::Lease(text),
            Some((404, _)) => Outcome::NotFound,
            Some((409, _)) => Outcome::Conflict,
            Some((403, _)) => Outcome::Forbidden,
            _ => Outcome::Failed,
        };
        elector.borrow_mut().answered(clock::monotonic(), outcome);
        let forbidden = elector.borrow().forbidden();
        if let Some(rule) = &forbidden
            && !self.forbidden_said.get()
        {
            log::warn(format_args!(
                "this agent {rule}, so it never reports what is not of one node; a Role that allows it helps, and \
                 -kube-state.owner=never does without (trimeter_kube_lease_failures_total)"
            ));
        }
        self.forbidden_said.set(forbidden.is_some());
        self.tell();
    }

    /// Tells who waits for it that it has changed.
    fn tell(&self) {
        let reports = self.reports(clock::monotonic());
        if self.told.replace(reports) != reports {
            let what = if reports {
                "holds the lease: it reports"
            } else {
                "has lost the lease: it reports no longer"
            };
            log::info(format_args!("this agent {what} what is not of one node"));
            self.changed.notify_waiters();
        }
    }
}
