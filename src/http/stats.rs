//! What the server counts, for whoever turns it into metrics.

use super::line::Cut;
use super::wire::HeadError;
use crate::counted_errors;
use std::cell::Cell;

counted_errors! {
    /// Why the server stopped waiting for a client.
    pub enum Timeout {
        /// A new connection sent nothing.
        Silent = "silent",
        /// No further request.
        Idle = "idle",
        /// The head of a request did not come to its end.
        Header = "header",
        /// The client read nothing of an answer.
        Stall = "stall",
        /// The client read too slowly.
        Response = "response",
        /// The client read so slowly that the room of what it read was needed for something newer.
        Outdated = "outdated",
    }
}

/// The statuses that are counted one by one; any other has the place behind them.
pub const STATUSES: [u16; 11] = [200, 400, 404, 405, 408, 413, 414, 431, 500, 503, 505];

/// A number that only goes up.
#[derive(Debug, Default)]
pub struct Counter(Cell<u64>);

impl Counter {
    pub const fn get(&self) -> u64 {
        self.0.get()
    }

    pub fn add(&self, more: u64) {
        self.0.set(self.0.get().wrapping_add(more));
    }

    pub fn one(&self) {
        self.add(1);
    }
}

/// The counts of one class of paths.
#[derive(Debug, Default)]
struct ClassStats {
    /// By place in [`STATUSES`], others last.
    answers: [Counter; STATUSES.len() + 1],
    /// Bytes written to sockets, heads and framing included.
    sent_bytes: Counter,
}

/// Everything the server counts. Handed in, because the service that renders it exists before the server.
#[derive(Debug)]
pub struct ServerStats {
    open: Cell<u32>,
    pub accepted: Counter,
    /// Closed at once because every seat was taken.
    pub refused: Counter,
    /// accept(2) failed, most often for want of descriptors.
    pub accept_failed: Counter,
    /// The client went away while a request was read or an answer written.
    pub lost: Counter,
    /// The client closed its side in the middle of a head.
    pub truncated: Counter,
    /// Answers that were compressed.
    pub gzip_used: Counter,
    /// Answers that were sent as they are because every compressor was busy.
    pub gzip_unavailable: Counter,
    timeouts: [Counter; Timeout::ALL.len()],
    head_errors: [Counter; HeadError::ALL.len()],
    classes: Box<[ClassStats]>,
}

impl ServerStats {
    /// For a service with this many classes of paths.
    pub fn new(classes: usize) -> Self {
        assert!(classes > 0);
        ServerStats {
            open: Cell::new(0),
            accepted: Counter::default(),
            refused: Counter::default(),
            accept_failed: Counter::default(),
            lost: Counter::default(),
            truncated: Counter::default(),
            gzip_used: Counter::default(),
            gzip_unavailable: Counter::default(),
            timeouts: Default::default(),
            head_errors: Default::default(),
            classes: (0..classes).map(|_| ClassStats::default()).collect(),
        }
    }

    /// Connections being served.
    pub const fn open(&self) -> u32 {
        self.open.get()
    }

    pub const fn timeouts(&self, kind: Timeout) -> u64 {
        self.timeouts[kind.index()].get()
    }

    pub const fn head_errors(&self, kind: HeadError) -> u64 {
        self.head_errors[kind.index()].get()
    }

    /// Answers of a class with a status; any status that is not in [`STATUSES`] asks for all of those.
    pub fn answers(&self, class: usize, status: u16) -> u64 {
        self.classes.get(class).map_or(0, |counts| counts.answers[place(status)].get())
    }

    /// Bytes written for a class, heads and framing included.
    pub fn sent_bytes(&self, class: usize) -> u64 {
        self.classes.get(class).map_or(0, |counts| counts.sent_bytes.get())
    }

    pub(super) fn opened(&self) {
        self.open.set(self.open.get() + 1);
    }

    pub(super) fn closed(&self) {
        self.open.set(self.open.get() - 1);
    }

    pub(super) fn timed_out(&self, kind: Timeout) {
        self.timeouts[kind.index()].one();
    }

    pub(super) fn cut(&self, cut: Cut) {
        match cut {
            Cut::TimedOut(kind) => self.timed_out(kind),
            Cut::Lost => self.lost.one(),
        }
    }

    pub(super) fn bad_head(&self, kind: HeadError) {
        self.head_errors[kind.index()].one();
    }

    pub(super) fn answered(&self, class: usize, status: u16) {
        self.class(class).answers[place(status)].one();
    }

    pub(super) fn sent(&self, class: usize, bytes: usize) {
        self.class(class).sent_bytes.add(bytes as u64);
    }

    /// The class for requests without a path.
    pub(super) const fn class_none(&self) -> usize {
        self.classes.len() - 1
    }

    fn class(&self, class: usize) -> &ClassStats {
        &self.classes[class.min(self.class_none())]
    }
}

fn place(status: u16) -> usize {
    STATUSES.iter().position(|known| *known == status).unwrap_or(STATUSES.len())
}
