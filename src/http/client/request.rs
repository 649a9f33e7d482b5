//! What is asked, of whom, and the head that says so.

use crate::net::TlsSettings;
use std::fmt::{self, Write};
use std::time::Duration;

/// A server, and how to reach it.
#[derive(Clone, Debug)]
pub struct Server {
    /// A name, or an IP address without brackets.
    pub host: String,
    pub port: u16,
    pub tls: Option<TlsSettings>,
    /// What every target begins with: empty, or a path that begins with a slash and does not end with one.
    pub base_path: String,
}

/// The methods that are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    Get,
    Post,
    Put,
}

impl Verb {
    const fn word(self) -> &'static str {
        match self {
            Verb::Get => "GET",
            Verb::Post => "POST",
            Verb::Put => "PUT",
        }
    }
}

/// A request.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    pub verb: Verb,
    /// Path and query, behind the server's base path; begins with a slash.
    pub target: &'a str,
    /// The value of the header, with its scheme: `Bearer …`.
    pub authorization: Option<&'a str>,
    pub accept: &'a str,
    /// JSON.
    pub body: Option<&'a [u8]>,
    /// From the first byte of the request to the last of the answer's head.
    pub patience: Duration,
}

impl<'a> Request<'a> {
    /// A GET of JSON with half a minute's patience.
    pub const fn get(target: &'a str) -> Self {
        Request {
            verb: Verb::Get,
            target,
            authorization: None,
            accept: "application/json",
            body: None,
            patience: Duration::from_secs(30),
        }
    }
}

/// Puts the head of a request into the buffer; its length, or `None` when it does not fit or would not be one head.
pub(super) fn write_head(buffer: &mut [u8], server: &Server, request: &Request<'_>) -> Option<usize> {
    let is_word = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    let is_value = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    if !request.target.starts_with('/')
        || !is_word(request.target)
        || !is_value(request.authorization.unwrap_or(""))
        || !is_value(request.accept)
    {
        return None;
    }
    let mut out = Out { buffer, used: 0 };
    write_lines(&mut out, server, request).ok()?;
    Some(out.used)
}

fn write_lines(out: &mut Out<'_>, server: &Server, request: &Request<'_>) -> fmt::Result {
    let (host, port, version) = (&server.host, server.port, env!("CARGO_PKG_VERSION"));
    write!(out, "{} {}{} HTTP/1.1\r\n", request.verb.word(), server.base_path, request.target)?;
    if host.contains(':') {
        write!(out, "Host: [{host}]:{port}\r\n")?;
    } else {
        write!(out, "Host: {host}:{port}\r\n")?;
    }
    write!(out, "User-Agent: trimeter/{version}\r\nAccept: {}\r\n", request.accept)?;
    out.write_str("Accept-Encoding: identity\r\n")?;
    if let Some(authorization) = request.authorization {
        write!(out, "Authorization: {authorization}\r\n")?;
    }
    if let Some(body) = request.body {
        write!(out, "Content-Type: application/json\r\nContent-Length: {}\r\n", body.len())?;
    } else if request.verb != Verb::Get {
        out.write_str("Content-Length: 0\r\n")?;
    }
    out.write_str("\r\n")
}

/// A text that is put together in the front of a buffer.
struct Out<'a> {
    buffer: &'a mut [u8],
    used: usize,
}

impl fmt::Write for Out<'_> {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        let end = self.used + piece.len();
        self.buffer.get_mut(self.used..end).ok_or(fmt::Error)?.copy_from_slice(piece.as_bytes());
        self.used = end;
        Ok(())
    }
}
