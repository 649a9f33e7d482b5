//! Heads: bytes in, meaning or refusal out.

use super::wire::{Head, HeadError, HeadResult, parse_head};
use super::*;
use proptest::prelude::*;

const PLAIN: Head<'static> = Head {
    bytes: 0,
    method: Method::Get,
    path: "/metrics",
    query: "",
    version_11: true,
    keep_alive: true,
    gzip: false,
    user_agent: b"",
};

fn check(bytes: impl AsRef<[u8]>, expect: Head<'_>) {
    let bytes = bytes.as_ref();
    let expect = Head { bytes: bytes.len(), ..expect };
    assert_eq!(parse_head(bytes), HeadResult::Complete(expect), "{}", String::from_utf8_lossy(bytes));
    // However the network cuts it, the head is not complete before its end, nor refused.
    for cut in 0..bytes.len() {
        assert_eq!(parse_head(&bytes[..cut]), HeadResult::Partial, "cut at {cut}");
    }
    let more = [bytes, b"GET /next HTTP/1.1\r\n\r\n"].concat();
    assert_eq!(parse_head(&more), HeadResult::Complete(expect));
}

fn refused(bytes: impl AsRef<[u8]>, expect: HeadError) {
    let bytes = bytes.as_ref();
    assert_eq!(parse_head(bytes), HeadResult::Refused(expect), "{}", String::from_utf8_lossy(bytes));
}

fn with(headers: &str) -> String {
    format!("GET /metrics HTTP/1.1\r\n{headers}\r\n")
}

#[test]
fn heads_are_read() {
    check("GET /metrics HTTP/1.1\r\n\r\n", PLAIN);
    check("GET /metrics HTTP/1.1\n\n", PLAIN);
    check("\r\n\r\nGET /metrics HTTP/1.1\r\n\r\n", PLAIN);
    check("HEAD /metrics HTTP/1.1\r\nHost: a\r\n\r\n", Head { method: Method::Head, ..PLAIN });
    let vmagent = "Host: 10.0.0.1:10333\r\nUser-Agent: vm_promscrape\r\n\
        Accept: text/plain;version=0.0.4;q=1,*/*;q=0.1\r\nAccept-Encoding: gzip\r\n\
        X-Prometheus-Scrape-Timeout-Seconds: 2.000\r\n";
    check(with(vmagent), Head { gzip: true, user_agent: b"vm_promscrape", ..PLAIN });
}

#[test]
fn targets_are_split() {
    let target = |target: &str, path, query| {
        check(format!("GET {target} HTTP/1.1\r\n\r\n"), Head { path, query, ..PLAIN });
    };
    target("/", "/", "");
    target("/metrics?collect[]=cpu&x=/?", "/metrics", "collect[]=cpu&x=/?");
    target("http://host:1/metrics?a", "/metrics", "a");
    target("HTTPS://host", "/", "");
    target("http://host?a", "/", "a");
    target("//", "//", "");
    refused("GET * HTTP/1.1\r\n\r\n", HeadError::Malformed);
    refused("GET metrics HTTP/1.1\r\n\r\n", HeadError::Malformed);
    refused("GET ftp://host/ HTTP/1.1\r\n\r\n", HeadError::Malformed);
}

#[test]
fn a_connection_stays_or_goes() {
    let kept = |version: u8, headers: &str, keep_alive| {
        let head = format!("GET /metrics HTTP/1.{version}\r\n{headers}\r\n");
        check(head, Head { version_11: version == 1, keep_alive, ..PLAIN });
    };
    kept(1, "", true);
    kept(1, "Connection: close\r\n", false);
    kept(1, "connection: x, CLOSE ,y\r\n", false);
    kept(1, "Connection: keep-alive\r\nConnection: close\r\n", false);
    kept(0, "", false);
    kept(0, "Connection: Keep-Alive\r\n", true);
    kept(0, "Connection: keep-alive, close\r\n", false);
}

#[test]
fn gzip_is_wanted_or_not() {
    for (value, gzip) in [
        ("gzip", true),
        ("GZIP", true),
        ("x-gzip", true),
        ("deflate, gzip;q=1.0, *;q=0.5", true),
        ("gzip ; q = 0.001", true),
        ("gzip;q=0", false),
        ("gzip;q=0.000, *", false),
        ("gzip;q=x", false),
        ("gzip;Q=", false),
        ("*", true),
        ("*;q=0", false),
        ("identity", false),
        ("deflate,,br", false),
        ("", false),
        ("gzipped", false),
        (";q=1", false),
    ] {
        check(with(&format!("Accept-Encoding: {value}\r\n")), Head { gzip, ..PLAIN });
    }
    check(with("Accept-Encoding: br\r\nAccept-Encoding: gzip\r\n"), Head { gzip: true, ..PLAIN });
}

#[test]
fn what_cannot_be_served_is_refused() {
    for method in ["POST", "PUT", "OPTIONS", "get", "Brew"] {
        refused(format!("{method} / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"), HeadError::Method);
    }
    refused("CONNECT host:1 HTTP/1.1\r\n\r\n", HeadError::Method);
    check(with("Content-Length: 0\r\nContent-Length: 00\r\n"), PLAIN);
    check(with("Expect: 100-continue\r\n"), PLAIN);
    refused(with("Content-Length: 1\r\n"), HeadError::Body);
    refused(with("Content-Length: 99999999999999999999999\r\n"), HeadError::Body);
    refused(with("Content-Length: 0, 0\r\n"), HeadError::Malformed);
    refused(with("Content-Length: -1\r\n"), HeadError::Malformed);
    refused(with("Content-Length:\r\n"), HeadError::Malformed);
    refused(with("Transfer-Encoding: chunked\r\n"), HeadError::Body);
    refused("GET / HTTP/2.0\r\n\r\n", HeadError::Version);
    refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", HeadError::Version);
    refused("GET / HTTP/1.2\r\n\r\n", HeadError::Version);
    refused("GET / HTTP/0.9\r\n\r\n", HeadError::Version);
    refused("GET / FTP/1.1\r\n\r\n", HeadError::Malformed);
    refused("GET /\r\n\r\n", HeadError::Malformed);
    refused("GET  / HTTP/1.1\r\n\r\n", HeadError::Malformed);
    refused("GET / HTTP/1.1 x\r\n\r\n", HeadError::Malformed);
    refused(with("no colon\r\n"), HeadError::Malformed);
    refused(with("A : space before the colon\r\n"), HeadError::Malformed);
    refused(with("A: b\r\n folded\r\n"), HeadError::Malformed);
    refused(with("A: \0\r\n"), HeadError::Malformed);
    refused(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", HeadError::Malformed);
}

#[test]
fn a_head_has_limits() {
    // `GET ` and ` HTTP/1.1\r` take 14 bytes of the line.
    let line = |length: usize| format!("GET /{} HTTP/1.1\r\n", "x".repeat(length - 15));
    let longest = format!("{}\r\n", line(REQUEST_LINE_BYTES));
    assert!(matches!(parse_head(longest.as_bytes()), HeadResult::Complete(_)));
    refused(line(REQUEST_LINE_BYTES + 1), HeadError::LineTooLong);
    refused(format!("GET /{}", "x".repeat(REQUEST_LINE_BYTES)), HeadError::LineTooLong);
    refused("x".repeat(REQUEST_LINE_BYTES + 1), HeadError::LineTooLong);

    let longest = with(&format!("A: {}\r\n", "x".repeat(HEAD_BYTES - with("A: \r\n").len())));
    assert_eq!(longest.len(), HEAD_BYTES);
    assert!(matches!(parse_head(longest.as_bytes()), HeadResult::Complete(_)));
    assert_eq!(parse_head(&longest.as_bytes()[..HEAD_BYTES - 1]), HeadResult::Partial);
    let longer = longest.replace("A: ", "AB: ");
    refused(&longer, HeadError::HeadTooLarge);
    refused(&longer.as_bytes()[..HEAD_BYTES], HeadError::HeadTooLarge);
    refused("\r\n".repeat(HEAD_BYTES / 2), HeadError::HeadTooLarge);
    check(with(&"A: b\r\n".repeat(64)), PLAIN);
    refused(with(&"A: b\r\n".repeat(65)), HeadError::HeadTooLarge);
}

proptest! {
    #[test]
    fn any_bytes_are_borne(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let HeadResult::Complete(head) = parse_head(&bytes) {
            prop_assert!(head.bytes <= bytes.len());
            prop_assert!(head.path.starts_with('/'));
        }
    }

    #[test]
    fn any_mistake_in_a_head_is_borne(at in 0..200_usize, byte in any::<u8>()) {
        let mut bytes = with("Accept-Encoding: gzip;q=0.5, *\r\nContent-Length: 0\r\nConnection: close\r\n").into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        if let HeadResult::Complete(head) = parse_head(&bytes) {
            prop_assert!(head.bytes <= bytes.len());
            prop_assert!(head.path.starts_with('/'));
        }
    }
}
