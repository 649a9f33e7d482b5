//! statfs(2) on threads of its own: a mount that hangs blocks a worker and never the loop.
//!
//! What the kernel answers from memory is asked on the spot. Any other question is put into the slot of its path; a worker takes it, asks the kernel without the lock, and puts the answer
//! back. [`StatPool::settle`] waits a bounded time for the questions of a pass. A mount that did not answer in that time
//! before is not waited for again until it does.

use super::{FileSystem, MountAnswer};
use crate::base::clock::{self, Monotonic};
use crate::base::text::PathText;
use crate::limits::Limits;
use crate::store::{Item, Usage};
use crate::text::mountinfo::Medium;
use rustix::fs::StatVfsMountFlags;
use std::ffi::CStr;
use std::ops::Range;
use std::pin::pin;
#[expect(
    clippy::disallowed_types,
    reason = "workers that may hang cannot be on the loop; it holds the lock for copies"
)]
use std::sync::Mutex;
use std::sync::{Arc, Condvar, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// The most workers that there can be.
pub const WORKERS_MAX: usize = 16;
/// Where there are several workers, this one takes mounts of local devices only, so remote file systems that hang leave
/// one for those.
const LOCAL_WORKER: usize = 0;
/// A worker has a path, the answer of statfs and a signal frame on its stack.
const STACK_BYTES: usize = 64 * 1024;
/// A path and the NUL behind it fit into a [`PathText`].
const PATH_BYTES_MAX: usize = size_of::<PathText>() - size_of::<usize>() - 1;
/// Ticks after which a mount that nobody has asked for is forgotten.
const FORGET_AFTER_TICKS: u64 = 3;

/// How mounts are asked.
#[derive(Clone, Copy, Debug)]
pub struct MountOptions {
    /// How long a mount that has answered before may take before it counts as stuck.
    pub timeout: Duration,
    /// Threads that ask: 1 to [`WORKERS_MAX`].
    pub workers: usize,
}

impl MountOptions {
    /// A number out of range becomes the nearest in it.
    const fn threads(&self) -> usize {
        match self.workers {
            0 => 1,
            1..=WORKERS_MAX => self.workers,
            _ => WORKERS_MAX,
        }
    }
}

/// Asks the kernel: an answer or an errno. Handed in by tests.
pub type Stat = dyn Fn(&CStr) -> Result<FileSystem, i32> + Send + Sync;

/// statfs(2) with sizes in bytes of `f_bsize`, as the peer has them.
pub fn statfs(path: &CStr) -> Result<FileSystem, i32> {
    let raw = rustix::fs::statfs(path).map_err(rustix::io::Errno::raw_os_error)?;
    let block = u64::try_from(raw.f_bsize).unwrap_or(0);
    let read_only = u64::try_from(raw.f_flags).unwrap_or(0) & StatVfsMountFlags::RDONLY.bits() != 0;
    Ok(FileSystem {
        size: raw.f_blocks.saturating_mul(block),
        free: raw.f_bfree.saturating_mul(block),
        available: u64::try_from(raw.f_bavail.cast_signed()).unwrap_or(0).saturating_mul(block),
        files: raw.f_files,
        files_free: raw.f_ffree,
        read_only,
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The newest question has its answer, or there was none.
    Idle,
    Queued,
    /// A worker has asked the kernel.
    Running,
}

/// A mount.
#[derive(Clone, Copy)]
struct Slot {
    /// Empty: the slot is free.
    path: PathText,
    local: bool,
    phase: Phase,
    asked_tick: u64,
    asked_at: Monotonic,
    /// It was not answered while it was waited for.
    slow: bool,
    answer: Option<Result<FileSystem, i32>>,
}

impl Slot {
    const FREE: Slot = Slot {
        path: PathText::new(),
        local: false,
        phase: Phase::Idle,
        asked_tick: 0,
        asked_at: Monotonic(0),
        slow: false,
        answer: None,
    };
}

#[derive(Clone, Copy, Default)]
struct Woken {
    pass: u64,
    worker: usize,
}

struct State {
    /// Slots that were ever in use; room for all is reserved and not touched before.
    slots: Vec<Slot>,
    slots_max: usize,
    /// The slot after the one that was found last: mounts come in the same order every pass.
    next: usize,
    pass: u64,
    tick: u64,
    /// Questions that [`StatPool::settle`] waits for.
    open: usize,
    /// The longest it waits.
    patience: Duration,
    /// Workers that there are.
    workers: usize,
    sleeping: [bool; WORKERS_MAX],
    /// Who was woken last for a remote and for a local mount.
    woken: [Woken; 2],
    /// Is there a question about a remote and about a local mount that nobody was woken for?
    unsaid: [bool; 2],
    closed: bool,
    used: u32,
    high_water: u32,
    refused: u64,
}

impl State {
    fn find(&mut self, path: &[u8]) -> Option<usize> {
        if path.is_empty() {
            return None;
        }
        let count = self.slots.len();
        let from = self.next;
        let found = (from..count).chain(0..from).find(|index| self.slots[*index].path.as_bytes() == path)?;
        self.next = (found + 1) % count;
        Some(found)
    }

    /// The slot of a path, taken if need be; `None`: all are in use, or the path is too long.
    fn find_or_take(&mut self, path: &[u8]) -> Option<usize> {
        if path.is_empty() || path.len() > PATH_BYTES_MAX {
            return None;
        }
        if let Some(found) = self.find(path) {
            return Some(found);
        }
        let free = match self.slots.iter().position(|slot| slot.path.is_empty()) {
            Some(free) => free,
            None if self.slots.len() < self.slots_max => {
                self.slots.push(Slot::FREE);
                self.slots.len() - 1
            }
            None => return None,
        };
        let slot = &mut self.slots[free];
        *slot = Slot::FREE;
        slot.path.push(path).ok()?;
        self.used += 1;
        self.high_water = self.high_water.max(self.used);
        self.next = (free + 1) % self.slots.len();
        Some(free)
    }

    /// Those that take mounts of other machines: all but the one for local mounts, or the only one.
    fn remote_workers(&self) -> Range<usize> {
        if self.workers > 1 { LOCAL_WORKER + 1..self.workers } else { 0..self.workers }
    }

    /// The question that a worker may take.
    fn take(&mut self, worker: usize) -> Option<usize> {
        let takes_all = self.remote_workers().contains(&worker);
        let index =
            self.slots.iter().position(|slot| slot.phase == Phase::Queued && (takes_all || slot.local))?;
        self.slots[index].phase = Phase::Running;
        Some(index)
    }
}

struct Shared {
    #[expect(clippy::disallowed_types, reason = "see the import")]
    state: Mutex<State>,
    /// One per worker, so that exactly those are woken that are needed.
    work: [Condvar; WORKERS_MAX],
    answered: Notify,
    stat: Box<Stat>,
}

impl Shared {
    /// A worker that panicked has changed nothing by halves: every change is a few assignments.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self, state: &mut State, worker: usize) {
        if std::mem::take(&mut state.sleeping[worker]) {
            self.work[worker].notify_one();
        }
    }

    /// Wakes one worker, unless the one that this pass has woken is still at it: it takes question after question, so
    /// more are needed only when it hangs, and [`StatPool::settle`] wakes those.
    fn wake_for(&self, state: &mut State, local: bool) {
        let at_it = state.woken[usize::from(local)];
        if at_it.pass == state.pass && !state.sleeping[at_it.worker] {
            return;
        }
        let mut workers = if local { 0..state.workers } else { state.remote_workers() };
        if let Some(worker) = workers.find(|worker| state.sleeping[*worker]) {
            state.woken[usize::from(local)] = Woken { pass: state.pass, worker };
            self.wake(state, worker);
        }
    }

    fn work(&self, worker: usize) {
        let mut state = self.lock();
        while !state.closed {
            let Some(index) = state.take(worker) else {
                state.sleeping[worker] = true;
                while state.sleeping[worker] {
                    state = self.work[worker].wait(state).unwrap_or_else(PoisonError::into_inner);
                }
                continue;
            };
            let mut path = state.slots[index].path;
            drop(state);
            let begun = clock::monotonic();
            let answer = match super::syscall::c_path(&mut path) {
                Ok(path) => (self.stat)(path),
                Err(_) => Err(libc::EINVAL),
            };
            let took = clock::monotonic().since(begun);
            state = self.lock();
            self.put(&mut state, index, answer, took);
        }
    }

    fn put(&self, state: &mut State, index: usize, answer: Result<FileSystem, i32>, took: Duration) {
        let patience = state.patience;
        let slot = &mut state.slots[index];
        slot.phase = Phase::Idle;
        slot.answer = Some(answer);
        let waited_for = !slot.slow;
        slot.slow = took > patience;
        if waited_for {
            state.open = state.open.saturating_sub(1);
            if state.open == 0 {
                self.answered.notify_one();
            }
        }
    }
}

/// Two parts ask about mounts, each about as many as planned, and they need not be the same.
const fn slots_max(limits: &Limits) -> usize {
    2 * limits.mounts as usize
}

/// The pool. Questions and answers are for one thread, the loop.
pub struct StatPool {
    shared: Arc<Shared>,
    timeout: Duration,
}

impl StatPool {
    /// What [`Self::new`] will hold.
    pub fn plan(limits: &Limits, options: MountOptions) -> Vec<Item> {
        vec![
            Item { what: "mounts", rows: slots_max(limits) as u64, row_bytes: size_of::<Slot>() as u64 },
            Item { what: "mount workers", rows: options.threads() as u64, row_bytes: STACK_BYTES as u64 },
        ]
    }

    /// Starts the workers.
    pub fn new(limits: &Limits, options: MountOptions, stat: Box<Stat>) -> std::io::Result<Self> {
        let workers = options.threads();
        let slots_max = slots_max(limits);
        let state = State {
            slots: Vec::with_capacity(slots_max),
            slots_max,
            next: 0,
            pass: 1,
            tick: 1,
            open: 0,
            patience: Duration::from_millis(20),
            workers,
            sleeping: [false; WORKERS_MAX],
            woken: [Woken::default(); 2],
            unsaid: [false; 2],
            closed: false,
            used: 0,
            high_water: 0,
            refused: 0,
        };
        #[expect(clippy::disallowed_types, reason = "see the import")]
        let state = Mutex::new(state);
        let work = [const { Condvar::new() }; WORKERS_MAX];
        let shared = Arc::new(Shared { state, work, answered: Notify::new(), stat });
        for worker in 0..workers {
            let shared = Arc::clone(&shared);
            let thread = std::thread::Builder::new().name("statfs".into()).stack_size(STACK_BYTES);
            thread.spawn(move || shared.work(worker))?;
        }
        Ok(StatPool { shared, timeout: options.timeout })
    }

    /// Begins a pass.
    pub fn begin_pass(&self) {
        let mut state = self.shared.lock();
        state.pass += 1;
        state.next = 0;
    }

    /// Forgets mounts that nobody has asked for in the last ticks, unless they are still asked. A pass may leave
    /// collectors out, a tick never does.
    pub fn age(&self) {
        let mut state = self.shared.lock();
        state.tick += 1;
        let tick = state.tick;
        let mut freed = 0;
        for slot in &mut state.slots {
            let old = slot.asked_tick + FORGET_AFTER_TICKS < tick;
            if old && slot.phase == Phase::Idle && !slot.path.is_empty() {
                *slot = Slot::FREE;
                freed += 1;
            }
        }
        state.used = state.used.saturating_sub(freed);
    }

    /// Asks about a path, unless it is being asked already.
    pub fn ask(&self, path: &[u8], medium: Medium) {
        let mut state = self.shared.lock();
        let tick = state.tick;
        let Some(index) = state.find_or_take(path) else {
            state.refused += 1;
            return;
        };
        let local = medium != Medium::Elsewhere;
        let slot = &mut state.slots[index];
        slot.asked_tick = tick;
        slot.local = local;
        if slot.phase != Phase::Idle {
            return;
        }
        slot.asked_at = clock::monotonic();
        if medium == Medium::Memory {
            let mut path = slot.path;
            slot.answer = Some(
                super::syscall::c_path(&mut path).map_or(Err(libc::EINVAL), |path| (self.shared.stat)(path)),
            );
            return;
        }
        slot.phase = Phase::Queued;
        state.open += usize::from(!state.slots[index].slow);
        state.unsaid[usize::from(local)] = true;
    }

    /// Lets the workers begin with what was asked: one is woken for all local mounts and one for the others.
    pub fn begin(&self) {
        let mut state = self.shared.lock();
        for local in [false, true] {
            if std::mem::take(&mut state.unsaid[usize::from(local)]) {
                self.shared.wake_for(&mut state, local);
            }
        }
    }

    /// The answer to the newest question. While it is open: the answer to the one before, as long as the kernel has
    /// not taken longer than the timeout for the new one; a mount that has never answered is stuck at once. A path that
    /// found no slot is ENOBUFS.
    pub fn answer(&self, path: &[u8]) -> MountAnswer {
        let mut state = self.shared.lock();
        let Some(index) = state.find(path) else { return MountAnswer::Error(libc::ENOBUFS) };
        let slot = &state.slots[index];
        let in_time = slot.phase == Phase::Idle || clock::monotonic().since(slot.asked_at) < self.timeout;
        match slot.answer {
            Some(Ok(known)) if in_time => MountAnswer::Known(known),
            Some(Err(errno)) if in_time => MountAnswer::Error(errno),
            _ => MountAnswer::Stuck,
        }
    }

    /// Waits until the questions are answered, at most `bound`, without blocking the loop.
    pub async fn settle(&self, bound: Duration) {
        self.begin();
        self.shared.lock().patience = bound;
        let first = bound / 4;
        if self.all_answered(first).await {
            return;
        }
        // The worker that was woken may hang: the others take what it has left.
        {
            let mut state = self.shared.lock();
            for worker in 0..state.workers {
                self.shared.wake(&mut state, worker);
            }
        }
        if self.all_answered(bound.saturating_sub(first)).await {
            return;
        }
        let mut state = self.shared.lock();
        state.open = 0;
        for slot in &mut state.slots {
            slot.slow |= slot.phase != Phase::Idle;
        }
    }

    async fn all_answered(&self, bound: Duration) -> bool {
        let wait = async {
            loop {
                let mut notified = pin!(self.shared.answered.notified());
                notified.as_mut().enable();
                if self.shared.lock().open == 0 {
                    return;
                }
                notified.await;
            }
        };
        tokio::time::timeout(bound, wait).await.is_ok()
    }

    pub fn usage(&self) -> Usage {
        let state = self.shared.lock();
        Usage {
            used: state.used,
            capacity: u32::try_from(state.slots_max).unwrap_or(u32::MAX),
            high_water: state.high_water,
            refused: state.refused,
            ..Usage::default()
        }
    }
}

impl Drop for StatPool {
    /// Workers end by themselves; one that hangs in the kernel is not waited for.
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.closed = true;
        for worker in 0..state.workers {
            self.shared.wake(&mut state, worker);
        }
    }
}

#[cfg(test)]
mod tests;
