//! Heads of answers: bytes to an [`AnswerHead`] or the reason for refusing it. Pure; fuzzed.

use crate::counted_errors;
use crate::text::{date, unsigned};
use std::time::Duration;

/// No head of an answer is longer.
pub const ANSWER_HEAD_BYTES: usize = 16 * 1024;

/// More headers are refused like a head that is too long.
const HEADERS_MAX: usize = 64;

/// A server that asks for more patience than this is asked again all the same.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(600);

counted_errors! {
    /// Why a head is refused.
    pub enum AnswerError {
        /// Not an answer of HTTP/1, or one whose body has no certain end.
        Malformed = "malformed",
        /// The head is longer than [`ANSWER_HEAD_BYTES`] or has too many headers.
        TooLong = "too_long",
    }
}

/// How the end of the body is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    Length(u64),
    Chunked,
    /// The connection ends with the body.
    UntilClose,
}

/// What is known about an answer once its head is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnswerHead {
    /// Length of the head; the body begins behind it.
    pub bytes: usize,
    pub status: u16,
    pub framing: Framing,
    /// The server wants the connection to stay.
    pub keep_alive: bool,
    /// At most [`RETRY_AFTER_MAX`].
    pub retry_after: Option<Duration>,
}

/// Reads the first head of the bytes; `None` when its end is still to come.
pub fn parse_answer(bytes: &[u8]) -> Result<Option<AnswerHead>, AnswerError> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    let length = match response.parse(bytes) {
        Ok(httparse::Status::Complete(length)) if length <= ANSWER_HEAD_BYTES => length,
        Ok(httparse::Status::Partial) if bytes.len() < ANSWER_HEAD_BYTES => return Ok(None),
        Ok(_) | Err(httparse::Error::TooManyHeaders) => return Err(AnswerError::TooLong),
        Err(_) => return Err(AnswerError::Malformed),
    };
    let status = response.code.unwrap_or(0);
    let version_11 = response.version == Some(1);
    // Another protocol was not asked for.
    if status < 100 || status == 101 {
        return Err(AnswerError::Malformed);
    }
    let said = read_headers(response.headers)?;
    let framing = match said {
        _ if status < 200 || status == 204 || status == 304 => Framing::Length(0),
        Said { chunked: true, length: None, .. } if version_11 => Framing::Chunked,
        Said { chunked: true, .. } => return Err(AnswerError::Malformed),
        Said { length: Some(length), .. } => Framing::Length(length),
        Said { .. } => Framing::UntilClose,
    };
    Ok(Some(AnswerHead {
        bytes: length,
        status,
        framing,
        keep_alive: !said.close && (version_11 || said.keep_alive) && framing != Framing::UntilClose,
        retry_after: said.retry_after(),
    }))
}

#[derive(Clone, Copy, Default)]
struct Said<'a> {
    close: bool,
    keep_alive: bool,
    chunked: bool,
    length: Option<u64>,
    retry_after: Option<&'a [u8]>,
    date: Option<&'a [u8]>,
}

impl Said<'_> {
    /// Seconds, or a date by the server's own clock.
    fn retry_after(&self) -> Option<Duration> {
        let value = self.retry_after?;
        let seconds = if value.iter().all(u8::is_ascii_digit) && !value.is_empty() {
            // More than fits is more than enough.
            unsigned(value).unwrap_or(u64::MAX)
        } else {
            let (until, now) = (http_date(value)?, http_date(self.date?)?);
            u64::try_from(until.saturating_sub(now)).unwrap_or(0)
        };
        Some(Duration::from_secs(seconds).min(RETRY_AFTER_MAX))
    }
}

fn read_headers<'a>(headers: &[httparse::Header<'a>]) -> Result<Said<'a>, AnswerError> {
    let mut said = Said::default();
    for header in headers {
        let is = |name: &str| header.name.eq_ignore_ascii_case(name);
        let value = header.value.trim_ascii();
        if is("Content-Length") {
            let length = unsigned(value).ok_or(AnswerError::Malformed)?;
            // Twice, even if the same, is nothing a server that knows what it sends would say.
            if said.length.replace(length).is_some() {
                return Err(AnswerError::Malformed);
            }
        } else if is("Transfer-Encoding") {
            if said.chunked || !value.eq_ignore_ascii_case(b"chunked") {
                return Err(AnswerError::Malformed);
            }
            said.chunked = true;
        } else if is("Content-Encoding") {
            // Nothing else was asked for.
            if !value.eq_ignore_ascii_case(b"identity") {
                return Err(AnswerError::Malformed);
            }
        } else if is("Connection") {
            for token in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
                said.close |= token.eq_ignore_ascii_case(b"close");
                said.keep_alive |= token.eq_ignore_ascii_case(b"keep-alive");
            }
        } else if is("Retry-After") {
            said.retry_after = Some(value);
        } else if is("Date") {
            said.date = Some(value);
        }
    }
    Ok(said)
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` as seconds since the epoch; the two older forms are not sent by anybody.
fn http_date(text: &[u8]) -> Option<i64> {
    const MONTHS: [&[u8]; 12] =
        [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
    if text.len() != 29 || !text.ends_with(b" GMT") {
        return None;
    }
    let number =
        |from: usize, to: usize| unsigned(&text[from..to]).and_then(|number| i64::try_from(number).ok());
    let month = MONTHS.iter().position(|name| *name == &text[8..11])?;
    let days = date::day(number(12, 16)?, i64::try_from(month).ok()? + 1, number(5, 7)?)?;
    let (hour, minute, second) = (number(17, 19)?, number(20, 22)?, number(23, 25)?);
    // A leap second is one.
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    Some(days * 86_400 + hour * 3600 + minute * 60 + second)
}
