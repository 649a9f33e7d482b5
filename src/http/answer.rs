//! How an answer is laid out in a page, so that its head, a chunk's size, the bytes of the body and a chunk's end
//! leave in one write and nothing is copied:
//!
//! ```text
//! |        head  size\r\n|body …………………|\r\n0\r\n\r\n |
//! |<---- FRONT_BYTES --->|            |<-- BACK_BYTES ->|
//! ```

use super::CONTENT_TYPE_BYTES;
use crate::base::text::{Full, Text};
use std::ops::Range;

/// Room before the body: for the head of the answer and a chunk's size.
pub(super) const FRONT_BYTES: usize = 512;

/// Room behind the body: for a chunk's end and the last chunk.
pub(super) const BACK_BYTES: usize = 16;

const SIZE_BYTES: usize = 16;

/// The head of an answer.
type HeadText = Text<{ FRONT_BYTES - SIZE_BYTES }>;

// The longest head without its content type has less than 300 bytes.
const _: () = assert!(FRONT_BYTES - SIZE_BYTES - CONTENT_TYPE_BYTES > 300);

/// How the client knows where the body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    Length(usize),
    Chunked,
    /// HTTP/1.0 knows no chunks.
    UntilClose,
}

/// Everything that the head of an answer depends on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reply {
    pub status: u16,
    pub content_type: &'static str,
    pub gzip: bool,
    pub framing: Framing,
    pub keep_alive: bool,
}

/// The body's part of a page.
pub(super) fn body_part(page: &mut [u8]) -> &mut [u8] {
    let end = page.len() - BACK_BYTES;
    &mut page[FRONT_BYTES..end]
}

/// Puts head and framing around the `used` bytes of body in the page; what is to be sent. `first`: with the head;
/// `last`: the body ends here.
pub(super) fn wrap(page: &mut [u8], used: usize, reply: &Reply, first: bool, last: bool) -> Range<usize> {
    let mut start = FRONT_BYTES;
    let mut end = FRONT_BYTES + used;
    if reply.framing == Framing::Chunked {
        // A chunk without bytes would be the last one.
        if used > 0 {
            let (size, length) = chunk_size(used);
            start = put_before(page, start, &size[..length]);
            end = put_behind(page, end, b"\r\n");
        }
        if last {
            end = put_behind(page, end, b"0\r\n\r\n");
        }
    }
    if first {
        start = put_before(page, start, head(reply).as_bytes());
    }
    start..end
}

/// The head alone, as HEAD gets it.
pub(super) fn wrap_head(page: &mut [u8], reply: &Reply) -> Range<usize> {
    put_before(page, FRONT_BYTES, head(reply).as_bytes())..FRONT_BYTES
}

fn put_before(page: &mut [u8], end: usize, piece: &[u8]) -> usize {
    let start = end - piece.len();
    page[start..end].copy_from_slice(piece);
    start
}

fn put_behind(page: &mut [u8], start: usize, piece: &[u8]) -> usize {
    let end = start + piece.len();
    page[start..end].copy_from_slice(piece);
    end
}

/// `1f40\r\n`, without zeros in front.
fn chunk_size(size: usize) -> ([u8; SIZE_BYTES], usize) {
    let mut text = [0; SIZE_BYTES];
    let digits = size.checked_ilog(16).unwrap_or(0) as usize + 1;
    let mut left = size;
    for place in text[..digits].iter_mut().rev() {
        *place = b"0123456789abcdef"[left % 16];
        left /= 16;
    }
    text[digits..digits + 2].copy_from_slice(b"\r\n");
    (text, digits + 2)
}

/// # Panics
/// If a content type is longer than [`CONTENT_TYPE_BYTES`].
fn head(reply: &Reply) -> HeadText {
    assert!(reply.content_type.len() <= CONTENT_TYPE_BYTES);
    let mut text = HeadText::new();
    let written = write_head(&mut text, reply);
    assert!(written.is_ok());
    text
}

fn write_head(text: &mut HeadText, reply: &Reply) -> Result<(), Full> {
    let status = usize::from(reply.status);
    text.push_all(&[b"HTTP/1.1 ", decimal(status).as_bytes(), b" ", reason(reply.status).as_bytes()])?;
    text.push_all(&[b"\r\nContent-Type: ", reply.content_type.as_bytes()])?;
    if reply.gzip {
        text.push("\r\nContent-Encoding: gzip")?;
    }
    match reply.framing {
        Framing::Length(length) => {
            text.push_all(&[b"\r\nContent-Length: ", decimal(length).as_bytes()])?;
        }
        Framing::Chunked => text.push("\r\nTransfer-Encoding: chunked")?,
        Framing::UntilClose => {}
    }
    if reply.status == 405 {
        text.push("\r\nAllow: GET, HEAD")?;
    }
    // Said each time: HTTP/1.0 clients need the one, HTTP/1.1 clients the other.
    text.push(if reply.keep_alive { "\r\nConnection: keep-alive" } else { "\r\nConnection: close" })?;
    text.push("\r\n\r\n")
}

fn decimal(number: usize) -> Text<20> {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut left = number;
    loop {
        at -= 1;
        digits[at] = b"0123456789"[left % 10];
        left /= 10;
        if left == 0 {
            break;
        }
    }
    let mut text = Text::new();
    let pushed = text.push(&digits[at..]);
    debug_assert!(pushed.is_ok());
    text
}

/// The phrase that goes with a status; it may be empty.
pub(super) const fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Content Too Large",
        414 => "URI Too Long",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPLY: Reply = Reply {
        status: 200,
        content_type: "text/plain",
        gzip: false,
        framing: Framing::Length(3),
        keep_alive: true,
    };

    fn check(body: &str, reply: Reply, first: bool, last: bool, expect: &str) {
        let mut page = vec![b'#'; 20_000];
        body_part(&mut page)[..body.len()].copy_from_slice(body.as_bytes());
        let range = wrap(&mut page, body.len(), &reply, first, last);
        assert_eq!(std::str::from_utf8(&page[range]).unwrap(), expect);
    }

    #[test]
    fn a_body_is_wrapped_in_its_page() {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n";
        let keep = "Connection: keep-alive\r\n\r\n";
        let close = "Connection: close\r\n\r\n";
        check("abc", REPLY, true, true, &format!("{head}Content-Length: 3\r\n{keep}abc"));
        let chunked = Reply { framing: Framing::Chunked, ..REPLY };
        check(
            "abc",
            chunked,
            true,
            false,
            &format!("{head}Transfer-Encoding: chunked\r\n{keep}3\r\nabc\r\n"),
        );
        check("0123456789abcdefg", chunked, false, true, "11\r\n0123456789abcdefg\r\n0\r\n\r\n");
        check("", chunked, false, true, "0\r\n\r\n");
        check("", chunked, false, false, "");
        let until_close = Reply { framing: Framing::UntilClose, keep_alive: false, ..REPLY };
        check("abc", until_close, true, false, &format!("{head}{close}abc"));
        check("abc", until_close, false, true, "abc");
    }

    #[test]
    fn the_longest_head_fits() {
        let longest = Reply {
            status: 431,
            content_type: str::from_utf8(&[b'x'; CONTENT_TYPE_BYTES]).unwrap(),
            gzip: true,
            framing: Framing::Length(usize::MAX),
            keep_alive: true,
        };
        check("", longest, true, true, head(&longest).as_str());
    }

    #[test]
    fn numbers_are_written() {
        for number in [0, 1, 9, 10, 255, 256, 4095, 4096, 32_768, usize::MAX] {
            assert_eq!(decimal(number).as_str(), number.to_string());
            // A page has no more than eight digits.
            let size = number.min(0xffff_ffff);
            let (text, length) = chunk_size(size);
            assert_eq!(&text[..length], format!("{size:x}\r\n").as_bytes());
        }
    }
}
