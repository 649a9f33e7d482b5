//! The HTTP/1.1 client: one connection to one server, one request at a time, one buffer of fixed size.
//!
//! [`Connection::request`] sends a request and reads the head of its answer; [`Connection::chunk`] hands out the body
//! as views into the buffer. Over a plain connection that is open, neither allocates. Dropping a future of theirs in
//! the middle is safe: the next request begins with a new connection.

mod head;
mod request;

pub use head::{ANSWER_HEAD_BYTES, AnswerError, AnswerHead, Framing, RETRY_AFTER_MAX, parse_answer};
pub use request::{Request, Server, Verb};

use super::chunks::{ChunkError, Chunks, Piece};
use super::stats::Counter;
use crate::base::text::Text;
use crate::counted_errors;
use crate::net::{self, ConnectError, Halt, Patience, Stream, TLS_BYTES, Target};
use crate::store::Item;
use request::write_head;
use std::ops::Range;
use std::rc::Rc;
use std::time::Duration;
use tokio::time::Instant;

/// Heads, and what is read at once of a body.
const BUFFER_BYTES: usize = ANSWER_HEAD_BYTES;

/// A server that says "not yet" more often than this before its answer says nothing.
const INFORMATIONAL_MAX: u32 = 8;

/// The longest text about a failure that is kept.
const PROBLEM_BYTES: usize = 512;

counted_errors! {
    /// Why there is no answer, or no more of it.
    pub enum ClientError {
        /// There is no connection; [`Connection::connect_error`] says more.
        Connect = "connect",
        /// TLS failed, or a certificate is not one to be trusted; [`Connection::problem`] says more.
        Tls = "tls",
        /// The request does not fit into the buffer, or has a byte that no head can have.
        Request = "request",
        /// The connection ended before the head of the answer did.
        Head = "head",
        /// The head of the answer did not come to its end in time.
        HeadTimeout = "head_timeout",
        /// No more of the body came in time.
        IdleTimeout = "idle_timeout",
        /// The connection ended within the body.
        Cut = "cut",
        /// Not HTTP/1.1, or not a body as it was announced.
        Malformed = "malformed",
        /// A head of more than 16 KiB, or a line between chunks of more than 4 KiB.
        TooLong = "too_long",
    }
}

/// What connections count; shared by those that are counted together.
#[derive(Debug, Default)]
pub struct ClientStats {
    /// Sent, those included that were sent a second time.
    pub requests: Counter,
    /// Sent a second time, because the kept connection was closed in the meantime.
    pub retries: Counter,
    pub connections: Counter,
    /// Heads and framing included, TLS not.
    pub sent_bytes: Counter,
    pub received_bytes: Counter,
    errors: [Counter; ClientError::ALL.len()],
    connect_errors: [Counter; ConnectError::ALL.len()],
}

impl ClientStats {
    pub fn errors(&self, error: ClientError) -> u64 {
        self.errors[error.index()].get()
    }

    pub fn connect_errors(&self, error: ConnectError) -> u64 {
        self.connect_errors[error.index()].get()
    }
}

/// What the head of an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub status: u16,
    /// At most [`RETRY_AFTER_MAX`].
    pub retry_after: Option<Duration>,
    /// Length of the body, where it is announced.
    pub length: Option<u64>,
}

/// What of the body is still to come.
#[derive(Debug)]
enum Rest {
    Length(u64),
    Chunked(Chunks),
    UntilClose,
    Ended,
}

/// Why an attempt failed.
enum Failed {
    /// Nothing of the answer has come, and the connection was used before: most likely it was closed in between.
    Stale,
    Because(ClientError),
}

impl From<ClientError> for Failed {
    fn from(error: ClientError) -> Self {
        Failed::Because(error)
    }
}

/// A connection that is opened when it is needed and kept while it can be.
pub struct Connection {
    server: Rc<Server>,
    stats: Rc<ClientStats>,
    patience: Patience,
    stream: Option<Stream>,
    /// The last answer was read to its end, and the server has not said that it closes.
    idle: bool,
    keep_alive: bool,
    rest: Rest,
    buffer: Box<[u8]>,
    /// What was read and not handed out yet. INVARIANT: within the buffer.
    unread: Range<usize>,
    connect_error: Option<ConnectError>,
    problem: Text<PROBLEM_BYTES>,
}

impl Connection {
    /// What a number of connections hold, those over TLS.
    pub const fn plan(what: &'static str, connections: u64) -> Item {
        let row_bytes = (BUFFER_BYTES + size_of::<Connection>()) as u64 + TLS_BYTES;
        Item { what, rows: connections, row_bytes }
    }

    /// Allocates the buffer, and connects to nothing yet.
    pub fn new(server: Rc<Server>, patience: Patience, stats: Rc<ClientStats>) -> Self {
        Connection {
            server,
            stats,
            patience,
            stream: None,
            idle: false,
            keep_alive: false,
            rest: Rest::Ended,
            buffer: vec![0; BUFFER_BYTES].into_boxed_slice(),
            unread: 0..0,
            connect_error: None,
            problem: Text::new(),
        }
    }

    /// Sends a request on the kept connection, or on a new one if there is none, and reads the head of the answer. A
    /// GET is sent a second time when the kept connection ends without a byte of an answer. What was not read of the
    /// answer before is lost, and its connection with it.
    pub async fn request(&mut self, request: &Request<'_>) -> Result<Head, ClientError> {
        self.connect_error = None;
        self.problem.clear();
        let mut result = self.attempt(request).await;
        if matches!(result, Err(Failed::Stale)) && request.verb == Verb::Get {
            self.stats.retries.one();
            self.close();
            result = self.attempt(request).await;
        }
        result.map_err(|failed| match failed {
            Failed::Stale => self.fail(ClientError::Head),
            Failed::Because(error) => self.fail(error),
        })
    }

    /// The next bytes of the body; `None` at its end, from then on always.
    pub async fn chunk(&mut self, deadline: Instant) -> Result<Option<&[u8]>, ClientError> {
        match self.piece(deadline).await {
            Ok(Some(range)) => Ok(Some(&self.buffer[range])),
            Ok(None) => Ok(None),
            Err(error) => Err(self.fail(error)),
        }
    }

    /// Closes the connection; the next request opens one.
    pub fn close(&mut self) {
        self.stream = None;
        self.idle = false;
        self.rest = Rest::Ended;
        self.unread = 0..0;
    }

    /// Why the last request found no connection, when its error is [`ClientError::Connect`] or [`ClientError::Tls`].
    pub const fn connect_error(&self) -> Option<ConnectError> {
        self.connect_error
    }

    /// What is known about the last failure to connect or of TLS, for one line of the log; empty when it is nothing.
    pub fn problem(&self) -> &str {
        self.problem.as_str()
    }

    fn fail(&mut self, error: ClientError) -> ClientError {
        self.stats.errors[error.index()].one();
        self.close();
        error
    }

    async fn attempt(&mut self, request: &Request<'_>) -> Result<Head, Failed> {
        let reused = self.ready().await?;
        // Until the body is read to its end nobody else may use the connection.
        self.idle = false;
        let deadline = Instant::now() + request.patience;
        self.stats.requests.one();
        // A server that refuses a request may answer before it has read it, and close: its answer is worth more than
        // the error of the write.
        let whole = match self.send(request, deadline).await {
            Ok(()) => true,
            Err(Failed::Because(ClientError::Head)) => false,
            Err(error) => return Err(error),
        };
        let head = self.answer(deadline, reused).await?;
        self.keep_alive = head.keep_alive && whole;
        self.rest = match head.framing {
            Framing::Length(length) => Rest::Length(length),
            Framing::Chunked => Rest::Chunked(Chunks::new()),
            Framing::UntilClose => Rest::UntilClose,
        };
        let length = if let Framing::Length(length) = head.framing { Some(length) } else { None };
        if length == Some(0) {
            self.end();
        }
        Ok(Head { status: head.status, retry_after: head.retry_after, length })
    }

    /// Sees to it that there is a connection. Is it one that was used before?
    async fn ready(&mut self) -> Result<bool, ClientError> {
        if self.idle
            && let Some(stream) = &mut self.stream
            && stream.is_silent().await
        {
            return Ok(true);
        }
        self.close();
        let server = Rc::clone(&self.server);
        let target = Target { host: &server.host, port: server.port, tls: server.tls.as_ref() };
        match net::connect(target, &self.patience).await {
            Ok(stream) => {
                self.stats.connections.one();
                self.stream = Some(stream);
                Ok(false)
            }
            Err(failure) => {
                self.stats.connect_errors[failure.error.index()].one();
                self.connect_error = Some(failure.error);
                self.say(&failure.text);
                Err(match failure.error {
                    ConnectError::Tls | ConnectError::TlsTimeout | ConnectError::Certificate => {
                        ClientError::Tls
                    }
                    _ => ClientError::Connect,
                })
            }
        }
    }

    /// Keeps a text about a failure, or its front.
    fn say(&mut self, text: &str) {
        self.problem.clear();
        for letter in text.chars() {
            if self.problem.push(letter.encode_utf8(&mut [0; 4])).is_err() {
                break;
            }
        }
    }

    /// Writes the request. The head is put together in the buffer, which is free while nothing is read.
    async fn send(&mut self, request: &Request<'_>, deadline: Instant) -> Result<(), Failed> {
        let length = write_head(&mut self.buffer, &self.server, request).ok_or(ClientError::Request)?;
        let Some(stream) = &mut self.stream else { return Err(ClientError::Connect.into()) };
        let body = request.body.unwrap_or(b"");
        let mut written = stream.write_all(&self.buffer[..length], deadline).await;
        if written.is_ok() {
            written = stream.write_all(body, deadline).await;
        }
        if let Err(halt) = written {
            return Err(self.halted(&halt, ClientError::HeadTimeout, ClientError::Head).into());
        }
        self.stats.sent_bytes.add((length + body.len()) as u64);
        Ok(())
    }

    /// Reads the head of the answer, over all those that only announce it.
    async fn answer(&mut self, deadline: Instant, reused: bool) -> Result<AnswerHead, Failed> {
        self.unread = 0..0;
        let mut informational = 0;
        let mut begun = false;
        loop {
            match parse_answer(&self.buffer[self.unread.clone()]) {
                Ok(Some(head)) if head.status < 200 => {
                    self.unread.start += head.bytes;
                    informational += 1;
                    if informational > INFORMATIONAL_MAX {
                        return Err(ClientError::Malformed.into());
                    }
                    continue;
                }
                Ok(Some(head)) => {
                    self.unread.start += head.bytes;
                    return Ok(head);
                }
                Ok(None) => {}
                Err(AnswerError::Malformed) => return Err(ClientError::Malformed.into()),
                Err(AnswerError::TooLong) => return Err(ClientError::TooLong.into()),
            }
            match self.fill(deadline, ClientError::HeadTimeout, ClientError::Head).await {
                Ok(0) | Err(ClientError::Head) if reused && !begun => return Err(Failed::Stale),
                Ok(0) => return Err(ClientError::Head.into()),
                Ok(_) => begun = true,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Reads more behind what is unread, which is moved to the front of the buffer. 0 at the end of the connection.
    async fn fill(
        &mut self,
        deadline: Instant,
        late: ClientError,
        lost: ClientError,
    ) -> Result<usize, ClientError> {
        let kept = self.unread.len();
        if self.unread.start > 0 {
            self.buffer.copy_within(self.unread.clone(), 0);
            self.unread = 0..kept;
        }
        // A head that fills the buffer has been refused; of a body nothing is unread here.
        if kept == self.buffer.len() {
            return Err(ClientError::TooLong);
        }
        let Some(stream) = &mut self.stream else { return Ok(0) };
        match stream.read(&mut self.buffer[kept..], deadline).await {
            Ok(count) => {
                self.stats.received_bytes.add(count as u64);
                self.unread.end += count;
                Ok(count)
            }
            Err(halt) => Err(self.halted(&halt, late, lost)),
        }
    }

    /// What a halt is to the caller, by what it was about to do. TLS that fails is told as that.
    fn halted(&mut self, halt: &Halt, late: ClientError, lost: ClientError) -> ClientError {
        match halt {
            Halt::TimedOut => late,
            Halt::Failed(error) => match net::tls_problem(error) {
                Some(text) => {
                    self.say(&text);
                    ClientError::Tls
                }
                None => lost,
            },
        }
    }

    /// Where in the buffer the next bytes of the body are.
    async fn piece(&mut self, deadline: Instant) -> Result<Option<Range<usize>>, ClientError> {
        loop {
            if let Some(found) = self.unread_piece()? {
                return Ok(Some(found));
            }
            if matches!(self.rest, Rest::Ended) {
                return Ok(None);
            }
            if self.fill(deadline, ClientError::IdleTimeout, ClientError::Cut).await? == 0 {
                if !matches!(self.rest, Rest::UntilClose) {
                    return Err(ClientError::Cut);
                }
                self.end();
            }
        }
    }

    /// Takes the next bytes of the body from what is unread. Without any, all framing was taken.
    fn unread_piece(&mut self) -> Result<Option<Range<usize>>, ClientError> {
        let start = self.unread.start;
        let length = match &mut self.rest {
            Rest::Ended => return Ok(None),
            Rest::UntilClose => self.unread.len(),
            Rest::Length(left) => {
                let here = self.unread.len();
                let taken = usize::try_from(*left).map_or(here, |left| left.min(here));
                *left -= taken as u64;
                taken
            }
            Rest::Chunked(chunks) => match chunks.next(&self.buffer[self.unread.clone()]) {
                Ok(Piece::Data(range)) => {
                    self.unread.start = start + range.end;
                    return Ok(Some(start + range.start..start + range.end));
                }
                Ok(Piece::Framing) => {
                    self.unread = 0..0;
                    return Ok(None);
                }
                Ok(Piece::End(at)) => {
                    self.unread.start = start + at;
                    self.end();
                    return Ok(None);
                }
                Err(ChunkError::Malformed) => return Err(ClientError::Malformed),
                Err(ChunkError::TooLong) => return Err(ClientError::TooLong),
            },
        };
        self.unread.start = start + length;
        if matches!(self.rest, Rest::Length(0)) {
            self.end();
        }
        Ok((length > 0).then_some(start..start + length))
    }

    /// The answer has been read to its end. Bytes behind it are no answer to anything, and end the connection.
    fn end(&mut self) {
        if self.keep_alive && self.unread.is_empty() {
            self.rest = Rest::Ended;
            self.idle = true;
        } else {
            self.close();
        }
    }
}

#[cfg(test)]
mod head_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tls_tests;
