//! What a campaign asks for, is told, and shows.

use crate::base::clock::Monotonic;
use std::time::Duration;

/// What the operator decides.
#[derive(Clone, Debug)]
pub struct LeaseSettings {
    /// Name of the Lease.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Name of the node.
    pub identity: String,
    /// Within [`super::DURATION`].
    pub duration: Duration,
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing before this moment.
    Wait(Monotonic),
    /// GET; `cached`: as old as the API server's memory, so that etcd is not asked.
    Read { cached: bool },
    /// POST this body.
    Create(String),
    /// PUT this body.
    Update(String),
    /// Nothing any more: the lease is given up, or others will see that it is.
    Done,
}

/// What came of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// 200 or 201, with the Lease.
    Lease(&'a [u8]),
    /// 404
    NotFound,
    /// 409
    Conflict,
    /// 403
    Forbidden,
    /// Another answer, or none.
    Failed,
}

/// What the page and the metrics show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseNumbers<'a> {
    pub owner: bool,
    /// Who holds the lease, as last seen; empty when nobody does or nothing is known.
    pub holder: &'a str,
    /// How often the holder has changed, as the Lease says.
    pub transitions: u32,
    /// Terms that began.
    pub acquired_total: u64,
    /// Terms that ended against this agent's will.
    pub lost_total: u64,
    /// Renewals that were refused or had no answer.
    pub renew_failures_total: u64,
    /// Writes that came later than another's.
    pub conflicts_total: u64,
    /// Answers that were no Lease.
    pub malformed_total: u64,
    /// Since the last renewal that succeeded was sent; `None` before the first.
    pub renewed: Option<Duration>,
}
