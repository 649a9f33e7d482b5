//! Request heads: bytes to a [`Head`] or the reason for refusing it. Pure; fuzzed.

use super::{HEAD_BYTES, REQUEST_LINE_BYTES};
use crate::counted_errors;

/// More headers are refused like a head that is too long.
const HEADERS_MAX: usize = 64;

/// The methods that are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Get,
    Head,
}

counted_errors! {
    /// Why a head is refused. The connection ends with it: where the next request would begin is not known.
    pub enum HeadError {
        /// Not a request of HTTP/1.
        Malformed = "malformed",
        /// Neither GET nor HEAD.
        Method = "method",
        /// Content-Length is not 0, or there is a Transfer-Encoding: nothing here reads a body.
        Body = "body",
        /// The request line is longer than [`REQUEST_LINE_BYTES`].
        LineTooLong = "line_too_long",
        /// The head is longer than [`HEAD_BYTES`] or has too many headers.
        HeadTooLarge = "head_too_large",
        /// Neither HTTP/1.0 nor HTTP/1.1.
        Version = "version",
    }
}

impl HeadError {
    pub const fn status(self) -> u16 {
        match self {
            HeadError::Malformed => 400,
            HeadError::Method => 405,
            HeadError::Body => 413,
            HeadError::LineTooLong => 414,
            HeadError::HeadTooLarge => 431,
            HeadError::Version => 505,
        }
    }
}

/// What is known about a request once its head is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head<'a> {
    /// Length of the head; the next request begins behind it.
    pub bytes: usize,
    pub method: Method,
    /// Begins with a slash.
    pub path: &'a str,
    /// Without the question mark.
    pub query: &'a str,
    /// HTTP/1.1, so chunks may be sent.
    pub version_11: bool,
    /// The client wants the connection to stay.
    pub keep_alive: bool,
    pub gzip: bool,
    pub user_agent: &'a [u8],
}

/// What [`parse_head`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadResult<'a> {
    /// No mistake so far; the end is still to come.
    Partial,
    Complete(Head<'a>),
    Refused(HeadError),
}

/// Reads the first request head of the bytes.
pub fn parse_head(bytes: &[u8]) -> HeadResult<'_> {
    match parse(bytes) {
        Ok(Some(head)) => HeadResult::Complete(head),
        Ok(None) => HeadResult::Partial,
        Err(error) => HeadResult::Refused(error),
    }
}

fn parse(bytes: &[u8]) -> Result<Option<Head<'_>>, HeadError> {
    let line = request_line(bytes);
    if line.len() > REQUEST_LINE_BYTES {
        return Err(HeadError::LineTooLong);
    }
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    let length = match request.parse(bytes) {
        Ok(httparse::Status::Complete(length)) if length <= HEAD_BYTES => length,
        Ok(httparse::Status::Partial) if bytes.len() < HEAD_BYTES => return Ok(None),
        Ok(_) | Err(httparse::Error::TooManyHeaders) => return Err(HeadError::HeadTooLarge),
        Err(httparse::Error::Version) if names_http(line) => return Err(HeadError::Version),
        Err(_) => return Err(HeadError::Malformed),
    };
    let method = match request.method {
        Some("GET") => Method::Get,
        Some("HEAD") => Method::Head,
        _ => return Err(HeadError::Method),
    };
    let (path, query) = split_target(request.path.unwrap_or("")).ok_or(HeadError::Malformed)?;
    let version_11 = request.version == Some(1);
    let said = read_headers(request.headers)?;
    Ok(Some(Head {
        bytes: length,
        method,
        path,
        query,
        version_11,
        keep_alive: !said.close && (version_11 || said.keep_alive),
        gzip: said.gzip.allowed(),
        user_agent: said.user_agent,
    }))
}

/// The first line, as far as it is there, without the empty lines that a request may have before it.
fn request_line(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).unwrap_or(bytes.len());
    let line = &bytes[start..];
    let end = memchr::memchr(b'\n', line).unwrap_or(line.len());
    &line[..end]
}

/// Does the line end with a version of HTTP, whichever?
fn names_http(line: &[u8]) -> bool {
    let word = line.rsplit(|byte| *byte == b' ').next().unwrap_or(line);
    word.strip_prefix(b"HTTP/").and_then(<[u8]>::first).is_some_and(u8::is_ascii_digit)
}

/// `/path?query`, or `http://host/path?query` as clients of a proxy write it.
fn split_target(target: &str) -> Option<(&str, &str)> {
    if target.starts_with('/') {
        return Some(target.split_once('?').unwrap_or((target, "")));
    }
    let (scheme, rest) = target.split_once("://")?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return None;
    }
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (path, query) = rest[end..].split_once('?').unwrap_or((&rest[end..], ""));
    Some((if path.is_empty() { "/" } else { path }, query))
}

#[derive(Default)]
struct Said<'a> {
    close: bool,
    keep_alive: bool,
    gzip: Gzip,
    user_agent: &'a [u8],
}

fn read_headers<'a>(headers: &[httparse::Header<'a>]) -> Result<Said<'a>, HeadError> {
    let mut said = Said::default();
    for header in headers {
        let is = |name: &str| header.name.eq_ignore_ascii_case(name);
        if is("Content-Length") {
            match header.value {
                b"" => return Err(HeadError::Malformed),
                value if value.iter().all(|digit| *digit == b'0') => {}
                value if value.iter().all(u8::is_ascii_digit) => return Err(HeadError::Body),
                _ => return Err(HeadError::Malformed),
            }
        } else if is("Transfer-Encoding") {
            return Err(HeadError::Body);
        } else if is("Connection") {
            for token in tokens(header.value, b',') {
                said.close |= token.eq_ignore_ascii_case(b"close");
                said.keep_alive |= token.eq_ignore_ascii_case(b"keep-alive");
            }
        } else if is("Accept-Encoding") {
            tokens(header.value, b',').for_each(|token| said.gzip.hear(token));
        } else if is("User-Agent") {
            said.user_agent = header.value;
        }
    }
    Ok(said)
}

/// What Accept-Encoding says, over all its lines.
#[derive(Default)]
struct Gzip {
    by_name: Option<bool>,
    by_star: bool,
}

impl Gzip {
    /// `gzip`, `gzip;q=0.5`, `*;q=0`, …
    fn hear(&mut self, token: &[u8]) {
        let mut parts = tokens(token, b';');
        let name = parts.next().unwrap_or(b"");
        let wanted = parts.all(|part| !is_zero_weight(part));
        if name.eq_ignore_ascii_case(b"gzip") || name.eq_ignore_ascii_case(b"x-gzip") {
            self.by_name = Some(wanted);
        } else if name == b"*" {
            self.by_star = wanted;
        }
    }

    fn allowed(&self) -> bool {
        self.by_name.unwrap_or(self.by_star)
    }
}

/// `q=0`, `q=0.000`; also a weight that is no number, as sending the text as it is cannot be wrong.
fn is_zero_weight(parameter: &[u8]) -> bool {
    let [b'q' | b'Q', rest @ ..] = parameter else { return false };
    let [b'=', value @ ..] = rest.trim_ascii_start() else { return false };
    let value = value.trim_ascii();
    let number = value.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
    !number || !value.iter().any(|byte| matches!(byte, b'1'..=b'9'))
}

/// The pieces between separators, trimmed, empty ones left out.
fn tokens(list: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    list.split(move |byte| *byte == separator).map(<[u8]>::trim_ascii).filter(|token| !token.is_empty())
}
