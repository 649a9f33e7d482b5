//! One connection from its first byte to its last: heads in, answers out, in order.

use super::answer::{self, BACK_BYTES, FRONT_BYTES, Framing, Reply};
use super::gzip::{self, Lease, Squeezed};
use super::line::{Cut, Line, Patience, Read};
use super::server::Shared;
use super::stats::Timeout;
use super::wire::{self, Head, HeadResult, Method};
use super::{Body, Filled, HEAD_BYTES, PAGE_BYTES, Request, Response, Service};
use crate::base::task::give_way;
use crate::base::text::Text;
use tokio::time::Instant;

/// The memory of a connection, allocated before there is one.
pub(super) struct Buffers {
    head: Box<[u8]>,
    page: Box<[u8]>,
}

impl Buffers {
    pub fn new() -> Self {
        Buffers { head: vec![0; HEAD_BYTES].into_boxed_slice(), page: vec![0; PAGE_BYTES].into_boxed_slice() }
    }
}

/// What to do after looking at the bytes that have come.
enum Next {
    Read,
    /// The request was answered and took this many bytes.
    Consumed(usize),
    /// Close at once: there is nobody to whom it makes a difference.
    Close,
    /// That was the last answer.
    End,
    /// Say this and close.
    Refuse(u16),
}

/// Serves a connection until it is to be closed.
pub(super) async fn converse<S: Service>(shared: &Shared<S>, mut line: Line<'_>, buffers: &mut Buffers) {
    let Buffers { head, page } = buffers;
    // INVARIANT: head[..filled] has come and is not answered; `since`: when its first byte came, or the last answer
    // ended.
    let mut filled = 0;
    let mut since = Instant::now();
    let mut fresh = true;
    loop {
        let next = match wire::parse_head(&head[..filled]) {
            HeadResult::Partial => Next::Read,
            HeadResult::Complete(request) => answer_head(shared, &mut line, &request, page).await,
            HeadResult::Refused(error) => {
                shared.stats.bad_head(error);
                Next::Refuse(error.status())
            }
        };
        let next = match next {
            Next::Read => {
                let got = line.read(&mut head[filled..], deadline(shared, filled, since, fresh)).await;
                if let Read::Bytes(count) = got {
                    if filled == 0 {
                        since = Instant::now();
                    }
                    filled += count;
                }
                after_read(shared, got, filled, fresh)
            }
            done => done,
        };
        match next {
            Next::Read => {}
            Next::Consumed(bytes) => {
                head.copy_within(bytes..filled, 0);
                filled -= bytes;
                since = Instant::now();
                fresh = false;
                if filled > 0 {
                    give_way().await;
                }
            }
            Next::Close => return,
            Next::End => {
                line.linger(head, shared.limits.linger).await;
                return;
            }
            Next::Refuse(status) => {
                refuse(shared, &mut line, page, status).await;
                line.linger(head, shared.limits.linger).await;
                return;
            }
        }
    }
}

fn deadline<S: Service>(shared: &Shared<S>, filled: usize, since: Instant, fresh: bool) -> Instant {
    let limits = &shared.limits;
    since
        + match (filled, fresh) {
            (0, true) => limits.silent,
            (0, false) => limits.idle,
            _ => limits.header,
        }
}

/// Counts what ends a connection while it is read.
fn after_read<S: Service>(shared: &Shared<S>, got: Read, filled: usize, fresh: bool) -> Next {
    let stats = &shared.stats;
    match got {
        Read::Bytes(_) => Next::Read,
        Read::End => {
            if filled > 0 {
                stats.truncated.one();
            }
            Next::Close
        }
        Read::TimedOut if filled > 0 => {
            stats.timed_out(Timeout::Header);
            Next::Refuse(408)
        }
        Read::TimedOut => {
            stats.timed_out(if fresh { Timeout::Silent } else { Timeout::Idle });
            Next::Close
        }
        Read::Stopping => Next::Close,
        Read::Lost => {
            stats.lost.one();
            Next::Close
        }
    }
}

/// Lets the service answer a request and sends what it says.
async fn answer_head<S: Service>(
    shared: &Shared<S>,
    line: &mut Line<'_>,
    head: &Head<'_>,
    page: &mut [u8],
) -> Next {
    let request = Request {
        method: head.method,
        path: head.path,
        query: head.query,
        gzip: head.gzip,
        user_agent: head.user_agent,
    };
    let class = shared.service.class(request.path);
    let Response { status, content_type, body } = shared.service.respond(&request).await;
    let reply = Reply {
        status,
        content_type,
        gzip: false,
        framing: Framing::UntilClose,
        keep_alive: head.keep_alive && !shared.stopping.get(),
    };
    shared.stats.answered(class, status);
    let mut sender = Sender::new(shared, line, class, reply);
    sender.chunks = head.version_11;
    sender.head_only = head.method == Method::Head;
    let sent = send(&mut sender, body, head.gzip, page).await;
    match sent {
        Ok(()) if sender.reply.keep_alive => Next::Consumed(head.bytes),
        Ok(()) => Next::End,
        Err(cut) => {
            shared.stats.cut(cut);
            line.reset_on_close();
            Next::Close
        }
    }
}

/// Says why the connection ends, in a line of text.
async fn refuse<S: Service>(shared: &Shared<S>, line: &mut Line<'_>, page: &mut [u8], status: u16) {
    let mut text = Text::<64>::new();
    let pushed = text.push_all(&[answer::reason(status).as_bytes(), b"\n"]);
    debug_assert!(pushed.is_ok());
    let class = shared.stats.class_none();
    shared.stats.answered(class, status);
    let reply = Reply {
        status,
        content_type: "text/plain; charset=utf-8",
        gzip: false,
        framing: Framing::UntilClose,
        keep_alive: false,
    };
    answer::body_part(page)[..text.len()].copy_from_slice(text.as_bytes());
    let mut sender = Sender::new(shared, line, class, reply);
    if let Err(cut) = sender.part(page, text.len(), true).await {
        shared.stats.cut(cut);
    }
}

/// Sends the body, compressed if it is worth it and a compressor is free.
async fn send<S: Service, B: Body>(
    sender: &mut Sender<'_, '_, S>,
    mut body: B,
    gzip: bool,
    page: &mut [u8],
) -> Result<(), Cut> {
    let (mut used, mut last) = fill(&mut body, page)?;
    if gzip && (!last || used >= gzip::BODY_BYTES_MIN) {
        if let Some(lease) = sender.shared.pool.take() {
            sender.shared.stats.gzip_used.one();
            sender.reply.gzip = true;
            return send_squeezed(sender, body, lease, page, (used, last)).await;
        }
        sender.shared.stats.gzip_unavailable.one();
    }
    loop {
        sender.part(page, used, last).await?;
        if last || sender.head_only {
            return Ok(());
        }
        give_way().await;
        (used, last) = fill(&mut body, page)?;
    }
}

async fn send_squeezed<S: Service, B: Body>(
    sender: &mut Sender<'_, '_, S>,
    mut body: B,
    mut lease: Lease<'_>,
    page: &mut [u8],
    (mut used, mut last): (usize, bool),
) -> Result<(), Cut> {
    let gzip = lease.gzip();
    loop {
        let mut input = &page[FRONT_BYTES..FRONT_BYTES + used];
        loop {
            let step = gzip.squeeze(&mut input, last);
            if step == Squeezed::MoreInput {
                break;
            }
            let done = step == Squeezed::Done;
            sender.part(&mut gzip.page, gzip.used, done).await?;
            if done || sender.head_only {
                return Ok(());
            }
            gzip.used = 0;
            give_way().await;
        }
        give_way().await;
        (used, last) = fill(&mut body, page)?;
    }
}

/// # Panics
/// If a body that is not at its end writes nothing to an empty page, or more than there is room for.
#[expect(clippy::panic_in_result_fn, reason = "a body that breaks its contract is our own mistake")]
fn fill<B: Body>(body: &mut B, page: &mut [u8]) -> Result<(usize, bool), Cut> {
    const { assert!(PAGE_BYTES - FRONT_BYTES - BACK_BYTES >= 16 * 1024) };
    let room = answer::body_part(page);
    let (used, last) = match body.fill(room) {
        Filled::More(used) => (used, false),
        Filled::Last(used) => (used, true),
        Filled::Cut => return Err(Cut::TimedOut(Timeout::Outdated)),
    };
    assert!(used > 0 || last);
    assert!(used <= room.len());
    Ok((used, last))
}

/// Sends the parts of one answer.
struct Sender<'a, 'line, S> {
    shared: &'a Shared<S>,
    line: &'a mut Line<'line>,
    class: usize,
    reply: Reply,
    /// The client knows chunks.
    chunks: bool,
    head_only: bool,
    /// Nothing has been sent.
    first: bool,
    patience: Patience,
}

impl<'a, 'line, S: Service> Sender<'a, 'line, S> {
    fn new(shared: &'a Shared<S>, line: &'a mut Line<'line>, class: usize, reply: Reply) -> Self {
        let limits = &shared.limits;
        let patience = Patience { stall: limits.stall, until: Instant::now() + limits.response };
        Sender { shared, line, class, reply, chunks: false, head_only: false, first: true, patience }
    }

    /// Sends the `used` bytes of body in the page. The first part decides how the body is framed: if it is the last
    /// as well, its length is known.
    async fn part(&mut self, page: &mut [u8], used: usize, last: bool) -> Result<(), Cut> {
        if self.first {
            self.reply.framing = match (last, self.chunks) {
                (true, _) => Framing::Length(used),
                (false, true) => Framing::Chunked,
                (false, false) => Framing::UntilClose,
            };
            self.reply.keep_alive &= self.reply.framing != Framing::UntilClose;
        }
        let range = if self.head_only {
            answer::wrap_head(page, &self.reply)
        } else {
            answer::wrap(page, used, &self.reply, self.first, last)
        };
        self.first = false;
        let bytes = &page[range];
        self.line.write_all(bytes, self.patience).await?;
        self.shared.stats.sent(self.class, bytes.len());
        Ok(())
    }
}
