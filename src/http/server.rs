//! The server: a fixed number of seats, each with a task and its buffers, and one loop that accepts.

use super::connection::{Buffers, converse};
use super::gzip::Pool;
use super::line::Line;
use super::stats::ServerStats;
use super::{HEAD_BYTES, PAGE_BYTES, ServerLimits, Service};
use crate::base::gate;
use crate::base::task::either;
use crate::store::Item;
use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};

/// How long accepting rests when there are no descriptors: the waiting connection would fail at once again.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// Where a connection is handed to the task that serves it.
pub(super) struct Seat {
    taken: Cell<bool>,
    incoming: Cell<Option<TcpStream>>,
    /// The server shuts down.
    leave: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Seat {
    const fn new() -> Self {
        Seat {
            taken: Cell::new(false),
            incoming: Cell::new(None),
            leave: Cell::new(false),
            waker: RefCell::new(None),
        }
    }

    /// Does the server shut down? If not, the task is woken when it does.
    pub fn stopping(&self, context: &Context<'_>) -> bool {
        let mut waker = self.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|known| known.will_wake(context.waker())) {
            *waker = Some(context.waker().clone());
        }
        self.leave.get()
    }

    fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }

    /// The next connection; `None` when there will be none.
    async fn next(&self) -> Option<TcpStream> {
        poll_fn(|context| match (self.stopping(context), self.incoming.take()) {
            (_, Some(stream)) => Poll::Ready(Some(stream)),
            (true, None) => Poll::Ready(None),
            (false, None) => Poll::Pending,
        })
        .await
    }
}

/// What the tasks have in common.
pub(super) struct Shared<S> {
    pub limits: ServerLimits,
    pub service: Rc<S>,
    pub stats: Rc<ServerStats>,
    pub pool: Pool,
    pub stopping: Cell<bool>,
    seats: Box<[Seat]>,
}

/// An HTTP server that has allocated all it needs and not begun.
pub struct Server<S> {
    shared: Rc<Shared<S>>,
    buffers: Vec<Buffers>,
}

impl<S: Service> Server<S> {
    /// What [`Self::new`] and the tasks of [`Self::run`] will hold.
    pub fn plan(limits: &ServerLimits) -> Vec<Item> {
        let own = size_of::<Seat>() + size_of::<Buffers>() + future_bytes(sit::<S>);
        vec![
            Item {
                what: "HTTP connections",
                rows: u64::from(limits.connections),
                row_bytes: (HEAD_BYTES + PAGE_BYTES + own) as u64,
            },
            Item {
                what: "gzip compressors",
                rows: u64::from(limits.compressors),
                row_bytes: Pool::row_bytes(),
            },
        ]
    }

    /// Allocates everything.
    ///
    /// # Panics
    /// Without a connection to serve, or without a class to count by.
    pub fn new(limits: ServerLimits, service: Rc<S>, stats: Rc<ServerStats>) -> Self {
        assert!(limits.connections > 0);
        assert!(!S::CLASSES.is_empty());
        let buffers = (0..limits.connections).map(|_| Buffers::new()).collect();
        let seats = (0..limits.connections).map(|_| Seat::new()).collect();
        let pool = Pool::new(limits.compressors);
        let stopping = Cell::new(false);
        Server { shared: Rc::new(Shared { limits, service, stats, pool, stopping, seats }), buffers }
    }

    /// Serves until `shutdown` is ready and the answers in flight are finished. Within a [`tokio::task::LocalSet`] of
    /// a single-threaded runtime.
    pub async fn run(
        self,
        listener: std::net::TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> io::Result<()> {
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let Server { shared, buffers } = self;
        let tasks = buffers.into_iter().enumerate();
        let mut tasks = Tasks(
            tasks
                .map(|(index, buffers)| tokio::task::spawn_local(sit(Rc::clone(&shared), index, buffers)))
                .collect(),
        );
        let mut shutdown = pin!(shutdown);
        while let Some(accepted) = accept_until(&listener, shutdown.as_mut()).await {
            match accepted {
                Ok(stream) => shared.place(stream),
                Err(_) => {
                    shared.stats.accept_failed.one();
                    if either(shutdown.as_mut(), pin!(sleep(ACCEPT_REST))).await {
                        break;
                    }
                }
            }
        }
        drop(listener);
        shared.stopping.set(true);
        for seat in &shared.seats {
            seat.leave.set(true);
            seat.wake();
        }
        let deadline = shared.limits.shutdown;
        // What is not finished by then is aborted when `tasks` is dropped.
        let _finished = either(pin!(tasks.all()), pin!(sleep(deadline))).await;
        Ok(())
    }
}

impl<S> Shared<S> {
    /// Gives the connection to a free seat, or closes it.
    fn place(&self, stream: TcpStream) {
        self.stats.accepted.one();
        // The first free one, so that a quiet server touches few buffers.
        let Some(seat) = self.seats.iter().find(|seat| !seat.taken.get()) else {
            self.stats.refused.one();
            return;
        };
        // Each page leaves as soon as it is written. It fails if the client is gone already.
        if stream.set_nodelay(true).is_err() {
            self.stats.lost.one();
            return;
        }
        seat.taken.set(true);
        self.stats.opened();
        seat.incoming.set(Some(stream));
        seat.wake();
    }
}

/// Serves the connections of a seat, one after the other.
async fn sit<S: Service>(shared: Rc<Shared<S>>, index: usize, mut buffers: Buffers) {
    let seat = &shared.seats[index];
    let mut timer = pin!(sleep_until(Instant::now()));
    while let Some(mut stream) = seat.next().await {
        let line = Line { stream: &mut stream, timer: timer.as_mut(), seat };
        gate::hot(converse(&shared, line, &mut buffers)).await;
        drop(stream);
        seat.taken.set(false);
        shared.stats.closed();
    }
}

/// The size of what an async function returns, which has no name to ask by.
const fn future_bytes<A, B, C, F: Future>(_: fn(A, B, C) -> F) -> usize {
    size_of::<F>()
}

/// The next connection; `None` when it is time to stop.
async fn accept_until(
    listener: &TcpListener,
    mut shutdown: Pin<&mut impl Future<Output = ()>>,
) -> Option<io::Result<TcpStream>> {
    poll_fn(|context| {
        if shutdown.as_mut().poll(context).is_ready() {
            return Poll::Ready(None);
        }
        listener.poll_accept(context).map(|accepted| Some(accepted.map(|(stream, _)| stream)))
    })
    .await
}

/// The tasks of the seats; dropped, they end where they are.
struct Tasks(Vec<JoinHandle<()>>);

impl Tasks {
    async fn all(&mut self) {
        for task in &mut self.0 {
            // A task that panicked has ended as well; the panic has been printed.
            if task.await.is_err() {}
        }
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        for task in &self.0 {
            task.abort();
        }
    }
}
