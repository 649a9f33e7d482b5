//! Errands: questions whose answers may take their time, as files of other programs do. A thread of its own answers
//! them one after the other, so a file system that hangs holds up nobody else. Both ways are queues of fixed size.

use crate::base::text::Full;
use crate::store::{Item, Usage};
use std::collections::VecDeque;
#[expect(clippy::disallowed_types, reason = "both sides hold the lock for a copy in or out")]
use std::sync::Mutex;
use std::sync::{Arc, Condvar, MutexGuard, PoisonError};
use std::time::Duration;

/// A JSON parser, paths and a signal frame.
const STACK_BYTES: usize = 256 * 1024;

struct State<Q, A> {
    questions: VecDeque<Q>,
    answers: VecDeque<A>,
    /// Asked and not yet fetched: what there is room for.
    open: usize,
    high_water: usize,
    refused: u64,
    closed: bool,
}

struct Shared<Q, A> {
    #[expect(clippy::disallowed_types, reason = "see the import")]
    state: Mutex<State<Q, A>>,
    asked: Condvar,
    answered: Condvar,
}

impl<Q, A> Shared<Q, A> {
    /// A thread that panicked has changed nothing by halves: every change is a push or a pop.
    fn lock(&self) -> MutexGuard<'_, State<Q, A>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<Q: Copy, A: Copy> Shared<Q, A> {
    fn work(&self, mut answer: impl FnMut(&Q) -> A) {
        let mut state = self.lock();
        while !state.closed {
            let Some(question) = state.questions.pop_front() else {
                state = self.asked.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            drop(state);
            let found = answer(&question);
            state = self.lock();
            // There is room: no more is open than either queue holds.
            state.answers.push_back(found);
            if state.questions.is_empty() {
                self.answered.notify_one();
            }
        }
    }
}

/// The asking side, which neither allocates nor waits, unless for [`Self::wait`].
pub struct Errands<Q, A> {
    shared: Arc<Shared<Q, A>>,
    capacity: usize,
}

impl<Q: Copy + Send + 'static, A: Copy + Send + 'static> Errands<Q, A> {
    /// What the thread holds, beside the queues that [`Self::new`] allocates; `reading` is what it needs to answer.
    pub const fn plan(what: &'static str, reading: u64) -> Item {
        Item { what, rows: 1, row_bytes: STACK_BYTES as u64 + reading }
    }

    /// Starts the thread that calls `answer`. At most `capacity` questions are open.
    pub fn new(
        name: &str,
        capacity: usize,
        answer: impl FnMut(&Q) -> A + Send + 'static,
    ) -> std::io::Result<Self> {
        let state = State {
            questions: VecDeque::with_capacity(capacity),
            answers: VecDeque::with_capacity(capacity),
            open: 0,
            high_water: 0,
            refused: 0,
            closed: false,
        };
        #[expect(clippy::disallowed_types, reason = "see the import")]
        let state = Mutex::new(state);
        let shared = Arc::new(Shared { state, asked: Condvar::new(), answered: Condvar::new() });
        let thread = std::thread::Builder::new().name(name.into()).stack_size(STACK_BYTES);
        let worker = Arc::clone(&shared);
        thread.spawn(move || worker.work(answer))?;
        Ok(Errands { shared, capacity })
    }

    /// Asks. `Full`: as many questions are open as there is room for; counted.
    pub fn ask(&self, question: Q) -> Result<(), Full> {
        let mut state = self.shared.lock();
        if state.open == self.capacity {
            state.refused += 1;
            return Err(Full);
        }
        state.open += 1;
        state.high_water = state.high_water.max(state.open);
        state.questions.push_back(question);
        self.shared.asked.notify_one();
        Ok(())
    }

    /// The next answer; they come in the order of the questions.
    pub fn fetch(&self) -> Option<A> {
        let mut state = self.shared.lock();
        let answer = state.answers.pop_front()?;
        state.open -= 1;
        Some(answer)
    }

    /// Waits until everything that was asked has its answer, at most `bound`. `false`: it has not.
    pub fn wait(&self, bound: Duration) -> bool {
        let state = self.shared.lock();
        let busy = |state: &mut State<Q, A>| state.answers.len() < state.open;
        let (state, _timeout) = self
            .shared
            .answered
            .wait_timeout_while(state, bound, busy)
            .unwrap_or_else(PoisonError::into_inner);
        state.answers.len() == state.open
    }

    pub fn usage(&self) -> Usage {
        let state = self.shared.lock();
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Usage {
            used: number(state.open),
            capacity: number(self.capacity),
            high_water: number(state.high_water),
            refused: state.refused,
            ..Usage::default()
        }
    }
}

impl<Q, A> Drop for Errands<Q, A> {
    /// The thread ends by itself; one that hangs in the kernel is not waited for.
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.asked.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::gate;
    use std::sync::mpsc;

    #[test]
    fn answers_come_in_the_order_of_the_questions() {
        let errands = Errands::new("test", 8, |question: &u64| question * 2).unwrap();
        assert_eq!((0..8).map(|question| errands.ask(question)).collect::<Vec<_>>(), [Ok(()); 8]);
        assert!(errands.wait(Duration::from_secs(10)));
        assert_eq!((0..9).map(|_| errands.fetch()).collect::<Vec<_>>()[6..], [Some(12), Some(14), None]);
        let usage = errands.usage();
        assert_eq!((usage.used, usage.capacity, usage.high_water, usage.refused), (0, 8, 8, 0));
    }

    #[test]
    fn a_full_queue_refuses_and_a_thread_that_hangs_holds_up_nobody() {
        let (let_go, hang) = mpsc::channel::<()>();
        let errands = Errands::new("test", 3, move |question: &u64| {
            if hang.recv().is_err() {
                return 0;
            }
            question + 1
        })
        .unwrap();
        assert_eq!(
            (1..=4).map(|at| errands.ask(at)).collect::<Vec<_>>(),
            [Ok(()), Ok(()), Ok(()), Err(Full)]
        );
        assert!(!errands.wait(Duration::from_millis(1)));
        assert_eq!(errands.fetch(), None);
        let_go.send(()).unwrap();
        while errands.fetch().is_none() {
            std::thread::yield_now();
        }
        assert_eq!([5, 6].map(|at| errands.ask(at)), [Ok(()), Err(Full)]);
        (0..3).for_each(|_| let_go.send(()).unwrap());
        assert!(errands.wait(Duration::from_secs(10)));
        // What is answered and not fetched takes room as well.
        assert_eq!(errands.ask(7), Err(Full));
        assert_eq!([3, 4, 6].map(|_| errands.fetch()), [Some(3), Some(4), Some(6)]);
        assert_eq!((errands.usage().used, errands.usage().refused), (0, 3));
    }

    #[test]
    fn asking_and_fetching_take_no_memory() {
        let errands = Errands::new("test", 64, |question: &[u8; 512]| [question[0]; 2048]).unwrap();
        let before = gate::thread_allocations();
        for round in 0..10 {
            for _ in 0..70 {
                if errands.ask([round; 512]).is_err() {
                    break;
                }
            }
            assert!(errands.wait(Duration::from_secs(10)));
            while let Some(answer) = errands.fetch() {
                assert_eq!(answer[2047], round);
            }
        }
        assert_eq!(gate::thread_allocations(), before);
        assert_eq!(errands.usage().refused, 10);
    }
}
