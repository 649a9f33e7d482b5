//! Bytes: a client's connection, its requests, and answers with all that may go wrong with them.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::faults::{Cut, End, Faults, Place};
use super::json;

/// A socket that the list of connections knows, too: the last owner closes it.
pub struct Socket(pub Arc<TcpStream>);

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        (&*self.0).read(buffer)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        (&*self.0).write(bytes)
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

enum Stream {
    Plain(Socket),
    Tls(Box<StreamOwned<ServerConnection, Socket>>),
}

/// A client.
pub struct Peer {
    stream: Stream,
    /// What was read and is not yet a whole request.
    pending: Vec<u8>,
}

/// A request.
#[derive(Debug)]
pub struct Request {
    pub method: String,
    /// Path and query as they came.
    pub target: String,
    head: String,
    pub body: Vec<u8>,
}

impl Request {
    /// A field of the head, by its name in any case.
    pub fn field(&self, name: &str) -> Option<&str> {
        let field =
            |line: &'_ str| line.split_once(':').is_some_and(|(key, _)| key.eq_ignore_ascii_case(name));
        self.head.lines().find(|line| field(line)).map(|line| line[name.len() + 1..].trim())
    }
}

impl Peer {
    pub fn new(socket: Arc<TcpStream>, tls: Option<Arc<ServerConfig>>) -> Peer {
        let stream = match tls {
            Some(config) => {
                let connection = ServerConnection::new(config).unwrap();
                Stream::Tls(Box::new(StreamOwned::new(connection, Socket(socket))))
            }
            None => Stream::Plain(Socket(socket)),
        };
        Peer { stream, pending: Vec::new() }
    }

    pub fn socket(&self) -> &Arc<TcpStream> {
        match &self.stream {
            Stream::Plain(socket) => &socket.0,
            Stream::Tls(stream) => &stream.sock.0,
        }
    }

    /// Has the client shown a certificate of the authority?
    pub fn certified(&self) -> bool {
        match &self.stream {
            Stream::Plain(_) => false,
            Stream::Tls(stream) => stream.conn.peer_certificates().is_some(),
        }
    }

    fn read_more(&mut self) -> Result<usize> {
        let mut buffer = [0; 16 * 1024];
        let count = match &mut self.stream {
            Stream::Plain(socket) => socket.read(&mut buffer)?,
            Stream::Tls(stream) => stream.read(&mut buffer)?,
        };
        self.pending.extend_from_slice(&buffer[..count]);
        Ok(count)
    }

    /// The next request; none when the client has gone.
    pub fn request(&mut self) -> Option<Request> {
        let end = loop {
            if let Some(at) = self.pending.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            if self.read_more().ok()? == 0 {
                return None;
            }
        };
        let head = String::from_utf8(self.pending.drain(..end).collect()).ok()?;
        let mut words = head.lines().next()?.split(' ');
        let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
        let mut request = Request { method, target, head, body: Vec::new() };
        let length = request.field("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
        while self.pending.len() < length {
            if self.read_more().ok()? == 0 {
                return None;
            }
        }
        request.body = self.pending.drain(..length).collect();
        Some(request)
    }

    /// Has the client gone? Does not wait.
    pub fn is_gone(&self) -> bool {
        is_hung_up(self.socket())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        match &mut self.stream {
            Stream::Plain(socket) => socket.write_all(bytes),
            Stream::Tls(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
        }
    }

    /// Under TLS, says that nothing more comes.
    fn farewell(&mut self) {
        if let Stream::Tls(stream) = &mut self.stream {
            stream.conn.send_close_notify();
            // The client may have gone first.
            drop(stream.flush());
        }
    }

    /// The connection will end with a reset instead of a farewell.
    pub fn reset_on_close(&self) {
        rustix::net::sockopt::set_socket_linger(self.socket(), Some(Duration::ZERO)).unwrap();
    }
}

/// Has the other side closed the connection, or at least its half of it? Go's server takes both as the client's end.
pub fn is_hung_up(socket: &TcpStream) -> bool {
    let mut sockets = [PollFd::new(socket, PollFlags::RDHUP)];
    poll(&mut sockets, Some(&Timespec::default())).unwrap() > 0
}

/// An answer on its way.
pub struct Wire<'a> {
    pub peer: &'a mut Peer,
    pub faults: Faults,
    closing: &'a AtomicBool,
    in_head: bool,
    chunked: bool,
    /// Bytes on the wire since the head began or since it ended.
    sent: usize,
    /// Bytes of the body before chunks and garbage.
    body_bytes: usize,
}

/// The date of all answers: a client takes no time from them.
const FIELDS: &str = "Audit-Id: 266a790e-588c-499d-9f29-ab377e2f6bf4\r\nCache-Control: no-cache, private\r\n\
    Date: Sat, 21 Nov 2026 02:01:55 GMT\r\n";

/// Longer parts of a body are not copied to frame them.
const COPIED_MAX: usize = 1 << 20;

/// Go sends shorter bodies with their length.
const CHUNKED_FROM: usize = 2048;

impl<'a> Wire<'a> {
    pub fn new(peer: &'a mut Peer, faults: Faults, closing: &'a AtomicBool) -> Wire<'a> {
        Wire { peer, faults, closing, in_head: true, chunked: false, sent: 0, body_bytes: 0 }
    }

    /// Sends the head; without a length the body comes in chunks.
    pub fn head(&mut self, code: u16, content_type: &str, more: &str, length: Option<usize>) -> Result<()> {
        self.chunked = length.is_none();
        let framing =
            length.map_or("Transfer-Encoding: chunked".to_owned(), |n| format!("Content-Length: {n}"));
        let reason = reason(code);
        let head = format!(
            "HTTP/1.1 {code} {reason}\r\n{FIELDS}Content-Type: {content_type}\r\n{more}{framing}\r\n\r\n"
        );
        match self.faults.head_pieces {
            None => self.raw(head.as_bytes())?,
            Some(bytes) => {
                for piece in head.as_bytes().chunks(bytes.max(1)) {
                    self.raw(piece)?;
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
        }
        self.end_head()
    }

    /// What follows is the body.
    fn end_head(&mut self) -> Result<()> {
        self.in_head = false;
        self.sent = 0;
        // A cut before the first byte of the body.
        self.raw(b"")
    }

    /// A whole answer.
    pub fn whole(&mut self, code: u16, content_type: &str, more: &str, body: String) -> Result<()> {
        let is_json = content_type == "application/json";
        let body = if is_json { self.shaped(body) } else { body };
        let known = body.len() < CHUNKED_FROM || self.faults.content_length;
        self.head(code, content_type, more, known.then_some(body.len()))?;
        self.body(body.as_bytes())?;
        self.finish()
    }

    /// JSON as this answer is to show it, with a newline at its end unless it is indented.
    pub fn shaped(&self, mut text: String) -> String {
        if self.faults.reversed_keys {
            text = json::reversed(&text);
        }
        if self.faults.pretty {
            text = json::pretty(&text);
        } else {
            text.push('\n');
        }
        text
    }

    /// A part of the body, as one chunk if nothing else is wanted.
    pub fn body(&mut self, bytes: &[u8]) -> Result<()> {
        let start = self.body_bytes;
        self.body_bytes += bytes.len();
        if bytes.len() > COPIED_MAX
            && self.faults.garbage_after.is_none()
            && self.faults.chunk_bytes.is_none()
        {
            let (before, after) = match self.chunked {
                true => (format!("{:x}\r\n", bytes.len()), "\r\n"),
                false => (String::new(), ""),
            };
            self.raw(before.as_bytes())?;
            self.raw(bytes)?;
            return self.raw(after.as_bytes());
        }
        let mut bytes = bytes.to_vec();
        if let Some(clean) = self.faults.garbage_after {
            for (at, byte) in bytes.iter_mut().enumerate().skip(clean.saturating_sub(start)) {
                *byte = b"\xff}\0\"\\]{\x80"[(start + at) % 8];
            }
        }
        if !self.chunked {
            return self.raw(&bytes);
        }
        // With small chunks one write holds many.
        let mut framed = Vec::with_capacity(bytes.len() + 16);
        for chunk in bytes.chunks(self.faults.chunk_bytes.unwrap_or(usize::MAX).max(1)) {
            framed.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            framed.extend_from_slice(chunk);
            framed.extend_from_slice(b"\r\n");
        }
        self.raw(&framed)
    }

    /// The end of the body.
    pub fn finish(&mut self) -> Result<()> {
        if self.chunked { self.raw(b"0\r\n\r\n") } else { Ok(()) }
    }

    /// An answer as it was recorded, head and all.
    pub fn recorded(&mut self, bytes: &[u8]) -> Result<()> {
        let head = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
        self.raw(&bytes[..head])?;
        self.end_head()?;
        self.raw(&bytes[head..])
    }

    fn raw(&mut self, bytes: &[u8]) -> Result<()> {
        let cut = match self.faults.cut {
            Some(Cut { place: Place::Head(at), end }) if self.in_head => Some((at, end)),
            Some(Cut { place: Place::Body(at), end }) if !self.in_head => Some((at, end)),
            _ => None,
        };
        let left = cut.map_or(usize::MAX, |(at, _)| at.saturating_sub(self.sent));
        let now = &bytes[..bytes.len().min(left)];
        self.sent += now.len();
        match self.faults.slow {
            None => self.peer.write(now)?,
            Some((bytes, pause)) => {
                for piece in now.chunks(bytes.max(1)) {
                    self.peer.write(piece)?;
                    std::thread::sleep(pause);
                    if self.closing.load(Ordering::Relaxed) {
                        return Err(ErrorKind::Interrupted.into());
                    }
                }
            }
        }
        match cut {
            Some((_, end)) if bytes.len() >= left => Err(self.end(end)),
            _ => Ok(()),
        }
    }

    /// Ends the connection early; with `Hang` not before the client has gone.
    pub fn end(&mut self, end: End) -> Error {
        match end {
            End::Close => self.peer.farewell(),
            End::Reset => self.peer.reset_on_close(),
            End::Hang => {
                while !self.closing.load(Ordering::Relaxed) && !self.peer.is_gone() {
                    std::thread::sleep(Duration::from_millis(5));
                }
            }
        }
        ErrorKind::ConnectionAborted.into()
    }
}

const fn reason(code: u16) -> &'static str {
    match code {
        200 => "OK",
        201 => "Created",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        410 => "Gone",
        422 => "Unprocessable Entity",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        _ => "Gateway Timeout",
    }
}
