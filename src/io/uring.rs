//! Reads through io_uring: the only file that names tokio-uring.
//!
//! Up to [`IN_FLIGHT_MAX`] reads are with the kernel at a time. Their futures live in slots that are allocated once, and
//! buffers are moved in and out, so a batch allocates nothing. Reads are never cancelled: a buffer that the kernel may
//! write to stays where it is until the kernel has answered.

use super::ReadError;
use super::batch::{Batch, Held, Planned, is_wanted};
use super::{Slot, syscall};
use rustix::fd::OwnedFd;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio_uring::buf::BoundedBuf;

/// tokio-uring plans 64 operations in flight; more would make it allocate.
pub const IN_FLIGHT_MAX: usize = 64;

/// Entries of the submission queue.
const ENTRIES: u32 = 64;

/// A file that the kernel has not read by then costs its sample; its buffer stays with the kernel.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// A held file of the ring.
pub type RingFile = Rc<tokio_uring::fs::File>;

/// The result of a read, and the buffer with what it appended.
type Read = (std::io::Result<usize>, Vec<u8>);

/// Where the futures of reads live: a trait, because the type of an async block has no name, and for tests.
trait Reads {
    fn start(&mut self, slot: usize, file: RingFile, buffer: Vec<u8>);
    /// `Pending` also when nothing was started.
    fn poll(&mut self, slot: usize, context: &mut Context<'_>) -> Poll<Read>;
}

/// Slots for futures of one type.
struct Slots<F, M> {
    make: M,
    futures: Box<[Pin<Box<Option<F>>>]>,
}

impl<F, M> Reads for Slots<F, M>
where
    F: Future<Output = Read>,
    M: Fn(RingFile, Vec<u8>) -> F,
{
    fn start(&mut self, slot: usize, file: RingFile, buffer: Vec<u8>) {
        let future = (self.make)(file, buffer);
        self.futures[slot].as_mut().set(Some(future));
    }

    fn poll(&mut self, slot: usize, context: &mut Context<'_>) -> Poll<Read> {
        let Some(future) = self.futures[slot].as_mut().as_pin_mut() else { return Poll::Pending };
        let result = future.poll(context);
        if result.is_ready() {
            self.futures[slot].as_mut().set(None);
        }
        result
    }
}

fn slots<F, M>(make: M) -> Box<dyn Reads>
where
    F: Future<Output = Read> + 'static,
    M: Fn(RingFile, Vec<u8>) -> F + 'static,
{
    Box::new(Slots { make, futures: (0..IN_FLIGHT_MAX).map(|_| Box::pin(None)).collect() })
}

/// Reads what follows `buffer.len()` in the file, up to the buffer's capacity.
async fn read_more(file: RingFile, buffer: Vec<u8>) -> Read {
    let offset = buffer.len();
    let (result, slice) = file.read_at(buffer.slice(offset..), offset as u64).await;
    (result, slice.into_inner())
}

/// A read that is with the kernel.
#[derive(Clone, Copy)]
struct InFlight {
    file: usize,
    /// The batch that began it: later ones do not wait for it.
    sequence: u64,
}

/// The state of the ring between batches.
pub struct Ring {
    reads: Box<dyn Reads>,
    /// The file of each read that is with the kernel, by its slot.
    in_flight: Box<[Option<InFlight>]>,
    /// The number of the batch.
    sequence: u64,
    /// The ring has stopped answering; everything is read with pread.
    dead: bool,
    fallbacks: u64,
    timeout: Duration,
}

impl Ring {
    /// Must be used in the runtime that [`start`] makes.
    pub fn new() -> Self {
        Self::with(slots(read_more), ANSWER_TIMEOUT)
    }

    fn with(reads: Box<dyn Reads>, timeout: Duration) -> Self {
        Ring {
            reads,
            in_flight: vec![None; IN_FLIGHT_MAX].into(),
            sequence: 0,
            dead: false,
            fallbacks: 0,
            timeout,
        }
    }

    /// Reads that the ring failed and pread did not.
    pub const fn fallbacks_total(&self) -> u64 {
        self.fallbacks
    }

    /// See [`super::batch::Engine::read`].
    pub(super) async fn read(&mut self, batch: &mut Batch, wanted: &[bool]) {
        self.sequence += 1;
        let timeout = self.timeout;
        let mut pass = Pass { next: 0, started: 0, answered: 0 };
        let all = poll_fn(|context| self.drive(batch, wanted, &mut pass, context));
        if tokio::time::timeout(timeout, all).await.is_err() {
            self.give_up(batch, wanted, &pass);
        }
    }

    /// Takes answers and starts reads until every wanted file has its result.
    fn drive(
        &mut self,
        batch: &mut Batch,
        wanted: &[bool],
        pass: &mut Pass,
        context: &mut Context<'_>,
    ) -> Poll<()> {
        for slot in 0..IN_FLIGHT_MAX {
            loop {
                if self.in_flight[slot].is_none() && !self.start_next(slot, batch, wanted, pass) {
                    break;
                }
                // The first poll hands the read to the ring, a later one takes the answer.
                let Poll::Ready((result, buffer)) = self.reads.poll(slot, context) else { break };
                pass.answered += u32::from(self.absorb(slot, result, buffer, batch));
            }
        }
        let done = pass.next >= batch.files.len() && pass.answered == pass.started;
        if done { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Starts the next wanted file that the ring holds; those that it does not hold are read on the way.
    fn start_next(&mut self, slot: usize, batch: &mut Batch, wanted: &[bool], pass: &mut Pass) -> bool {
        while pass.next < batch.files.len() {
            let index = pass.next;
            pass.next += 1;
            let (file, out) = (&mut batch.files[index], &mut batch.slots[index]);
            if file.in_flight || !is_wanted(wanted, index) {
                continue;
            }
            match &file.held {
                Held::Ring(held) if !self.dead => {
                    let held = Rc::clone(held);
                    let mut buffer = std::mem::take(&mut out.buffer);
                    buffer.clear();
                    // Stands until the answer comes.
                    out.result = Err(ReadError::Failed);
                    file.in_flight = true;
                    self.reads.start(slot, held, buffer);
                    self.in_flight[slot] = Some(InFlight { file: index, sequence: self.sequence });
                    pass.started += 1;
                    return true;
                }
                Held::Ring(_) | Held::None | Held::Plain(_) => file.read_plain(out),
            }
        }
        false
    }

    /// Takes the answer of a slot: done, more to read, or a matter for pread. Does a file of this batch
    /// have its result now?
    fn absorb(
        &mut self,
        slot: usize,
        result: std::io::Result<usize>,
        buffer: Vec<u8>,
        batch: &mut Batch,
    ) -> bool {
        let Some(InFlight { file: index, sequence }) = self.in_flight[slot] else { return false };
        let (file, out) = (&mut batch.files[index], &mut batch.slots[index]);
        if sequence != self.sequence {
            // What the file was when an earlier batch asked. Its buffer is back, so the next one can ask again.
            self.in_flight[slot] = None;
            file.in_flight = false;
            out.buffer = buffer;
            out.buffer.clear();
            return false;
        }
        if let (Ok(last), Held::Ring(held)) = (&result, &file.held)
            && buffer.len() <= file.bytes_max
            && !file.pieces.ended(*last, buffer.len())
        {
            self.reads.start(slot, Rc::clone(held), buffer);
            return false;
        }
        self.in_flight[slot] = None;
        file.in_flight = false;
        out.buffer = buffer;
        match result {
            Ok(_) if out.buffer.len() > file.bytes_max => {
                out.buffer.clear();
                out.result = Err(ReadError::TooLong);
            }
            Ok(_) => out.result = Ok(()),
            Err(_) => self.read_instead(file, out),
        }
        true
    }

    /// The thing behind the file may have gone and come back, or the ring cannot read such a file: pread, through a
    /// new descriptor, says which. The file is pread's from then on, for taking it back would cost heap.
    fn read_instead(&mut self, file: &mut Planned, out: &mut Slot) {
        file.held = Held::None;
        file.read_plain(out);
        if out.result.is_ok() {
            self.fallbacks += 1;
        }
    }

    /// After the timeout. Files that the kernel still reads have failed for this pass and keep their slot of the ring.
    /// When it has answered none of several, it is the ring that is gone: what it had is read with pread, in buffers
    /// that are allocated anew, once, because the kernel may still write to the old ones.
    #[cold]
    fn give_up(&mut self, batch: &mut Batch, wanted: &[bool], pass: &Pass) {
        if pass.answered == 0 && pass.started > 1 {
            self.dead = true;
            for slot in 0..IN_FLIGHT_MAX {
                let Some(InFlight { file: index, .. }) = self.in_flight[slot].take() else { continue };
                let (file, out) = (&mut batch.files[index], &mut batch.slots[index]);
                file.in_flight = false;
                out.buffer = Vec::with_capacity(file.bytes_max + 1);
                self.read_instead(file, out);
            }
        }
        for index in pass.next..batch.files.len() {
            let (file, out) = (&mut batch.files[index], &mut batch.slots[index]);
            if is_wanted(wanted, index) && !file.in_flight {
                file.read_plain(out);
            }
        }
    }
}

impl Default for Ring {
    fn default() -> Self {
        Self::new()
    }
}

/// How far a batch is.
struct Pass {
    /// The next file to start.
    next: usize,
    /// Files that the ring was given.
    started: u32,
    /// Those of them that have their result.
    answered: u32,
}

/// Gives a file to the ring; allocates.
pub fn file(fd: OwnedFd) -> RingFile {
    Rc::new(tokio_uring::fs::File::from_std(std::fs::File::from(fd)))
}

fn runtime() -> std::io::Result<tokio_uring::Runtime> {
    tokio_uring::Runtime::new(tokio_uring::builder().entries(ENTRIES))
}

/// Runs a future to its end on a runtime with a ring, which also serves tokio's sockets, timers and local tasks.
pub fn start<F: Future>(future: F) -> std::io::Result<F::Output> {
    Ok(runtime()?.block_on(future))
}

/// Makes a small ring and reads a file of procfs with it. A ring that does not answer counts as one that is not there.
pub fn probe(path: &std::ffi::CStr) -> std::io::Result<usize> {
    let fd = syscall::open(path)?;
    let held = file(fd);
    let read = async {
        let mut slots = slots(read_more);
        slots.start(0, held, Vec::with_capacity(1024));
        let answer = poll_fn(|context| slots.poll(0, context));
        match tokio::time::timeout(ANSWER_TIMEOUT, answer).await {
            Ok((result, _)) => result,
            Err(_) => Err(std::io::ErrorKind::TimedOut.into()),
        }
    };
    start(read)?
}

#[cfg(test)]
mod tests {
    use super::super::batch::Engine;
    use super::super::{FileSpec, Roots};
    use super::*;
    use crate::limits::Limits;
    use std::cell::Cell;

    /// A ring that never answers.
    struct Silent;

    impl Reads for Silent {
        fn start(&mut self, _slot: usize, _file: RingFile, buffer: Vec<u8>) {
            // The kernel keeps the buffer.
            std::mem::forget(buffer);
        }

        fn poll(&mut self, _slot: usize, _context: &mut Context<'_>) -> Poll<Read> {
            Poll::Pending
        }
    }

    fn run(future: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(future);
    }

    const SPECS: &[FileSpec] = &[FileSpec::proc("version", |_| 1024), FileSpec::proc("uptime", |_| 100)];

    #[test]
    fn a_ring_that_stops_answering_is_replaced_by_pread() {
        run(async {
            let ring = Ring::with(Box::new(Silent), Duration::from_millis(20));
            let mut engine = Engine::Uring(Box::new(ring));
            let mut batch = Batch::new(SPECS.iter(), &Limits::default(), &Roots::default());
            engine.warm(&mut batch);
            for _ in 0..3 {
                engine.read(&mut batch, &[]).await;
                assert!(batch.slots().iter().all(|slot| slot.result.is_ok() && !slot.buffer.is_empty()));
            }
            assert_eq!(engine.fallbacks_total(), 2);
            assert_eq!(batch.held(), 2);
        });
    }

    /// A ring that reads an `x`, and does not answer for buffers of one capacity until it is told to.
    struct Hanging {
        buffers: Vec<Option<Vec<u8>>>,
        capacity: Rc<Cell<usize>>,
    }

    impl Reads for Hanging {
        fn start(&mut self, slot: usize, _file: RingFile, buffer: Vec<u8>) {
            self.buffers[slot] = Some(buffer);
        }

        fn poll(&mut self, slot: usize, _context: &mut Context<'_>) -> Poll<Read> {
            match self.buffers[slot].take_if(|buffer| buffer.capacity() != self.capacity.get()) {
                Some(mut buffer) if buffer.is_empty() => {
                    buffer.push(b'x');
                    Poll::Ready((Ok(1), buffer))
                }
                Some(buffer) => Poll::Ready((Ok(0), buffer)),
                None => Poll::Pending,
            }
        }
    }

    #[test]
    fn a_read_that_hangs_costs_its_file_and_no_other() {
        run(async {
            let capacity = Rc::new(Cell::new(101));
            let reads = Hanging { buffers: vec![None; IN_FLIGHT_MAX], capacity: Rc::clone(&capacity) };
            let mut ring = Ring::with(Box::new(reads), Duration::from_millis(20));
            let mut batch = Batch::new(SPECS.iter(), &Limits::default(), &Roots::default());
            for planned in &mut batch.files {
                planned.held = Held::Ring(file(syscall::open(c"/proc/version").unwrap()));
            }
            let mut kinds = async || {
                ring.read(&mut batch, &[]).await;
                batch.slots().iter().map(|slot| slot.result).collect::<Vec<_>>()
            };
            let hung = [Ok(()), Err(ReadError::Failed)];
            assert_eq!(kinds().await, hung);
            assert_eq!(kinds().await, hung);
            capacity.set(0);
            // The late answer belongs to the first batch: it gives the buffer back, and the file is read anew.
            assert_eq!(kinds().await, [Ok(()), Ok(())]);
            assert_eq!(ring.fallbacks_total(), 0);
        });
    }
}
