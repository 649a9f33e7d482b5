use super::*;
use proptest::prelude::*;

const PLAIN: AnswerHead =
    AnswerHead { bytes: 0, status: 200, framing: Framing::UntilClose, keep_alive: false, retry_after: None };

fn check(text: &str, expect: AnswerHead) {
    let bytes = text.as_bytes();
    let expect = Ok(Some(AnswerHead { bytes: bytes.len(), ..expect }));
    assert_eq!(parse_answer(bytes), expect, "{text}");
    // However the network cuts it, the head is not complete before its end, nor refused.
    for cut in 0..bytes.len() {
        assert_eq!(parse_answer(&bytes[..cut]), Ok(None), "cut at {cut}");
    }
    assert_eq!(parse_answer(&[bytes, b"HTTP/1.1 body"].concat()), expect);
}

fn answer(headers: &str, expect: AnswerHead) {
    check(&format!("HTTP/1.1 200 OK\r\n{headers}\r\n"), expect);
}

fn refused(text: impl AsRef<[u8]>, expect: AnswerError) {
    assert_eq!(parse_answer(text.as_ref()), Err(expect), "{}", String::from_utf8_lossy(text.as_ref()));
}

fn malformed(headers: &str) {
    refused(format!("HTTP/1.1 200 OK\r\n{headers}\r\n"), AnswerError::Malformed);
}

#[test]
fn bodies_end_as_the_head_says() {
    let length = |length| AnswerHead { framing: Framing::Length(length), keep_alive: true, ..PLAIN };
    let chunked = AnswerHead { framing: Framing::Chunked, keep_alive: true, ..PLAIN };
    answer("Content-Length: 5\r\n", length(5));
    answer("content-length:   18446744073709551615  \r\n", length(u64::MAX));
    answer("CONTENT-LENGTH: 0\r\n", length(0));
    answer("Transfer-Encoding: chunked\r\n", chunked);
    answer("transfer-encoding: Chunked\r\n", chunked);
    answer("Content-Type: application/json\r\n", PLAIN);
    answer("Content-Encoding: identity\r\nContent-Length: 1\r\n", length(1));
    check("HTTP/1.1 204 No Content\r\n\r\n", AnswerHead { status: 204, ..length(0) });
    check("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", AnswerHead { status: 304, ..length(0) });
    check("HTTP/1.1 100 Continue\r\n\r\n", AnswerHead { status: 100, ..length(0) });
    check("HTTP/1.1 503\r\nContent-Length: 1\r\n\r\n", AnswerHead { status: 503, ..length(1) });
}

#[test]
fn connections_stay_as_the_head_says() {
    let length = |keep_alive| AnswerHead { framing: Framing::Length(1), keep_alive, ..PLAIN };
    answer("Content-Length: 1\r\nConnection: close\r\n", length(false));
    answer("Content-Length: 1\r\nConnection: Upgrade, Close\r\n", length(false));
    answer("Content-Length: 1\r\nConnection: keep-alive\r\n", length(true));
    answer("Connection: keep-alive\r\n", PLAIN);
    check("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n", length(false));
    check("HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: Keep-Alive\r\n\r\n", length(true));
}

#[test]
fn when_to_come_again() {
    let again = |headers: &str, seconds: Option<u64>| {
        let expect = AnswerHead { status: 429, retry_after: seconds.map(Duration::from_secs), ..PLAIN };
        check(&format!("HTTP/1.1 429 Too Many Requests\r\n{headers}\r\n"), expect);
    };
    let date = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
    again("Retry-After: 1\r\n", Some(1));
    again("Retry-After: 0\r\n", Some(0));
    again("Retry-After: 601\r\n", Some(600));
    again("Retry-After: 99999999999999999999999\r\n", Some(600));
    again("Retry-After: -1\r\n", None);
    again("Retry-After: \r\n", None);
    again("Retry-After: soon\r\n", None);
    again(&format!("{date}Retry-After: Sun, 06 Nov 1994 08:50:40 GMT\r\n"), Some(63));
    again(&format!("Retry-After: Mon, 07 Nov 1994 00:00:00 GMT\r\n{date}"), Some(600));
    again(&format!("{date}Retry-After: Sun, 06 Nov 1994 08:00:00 GMT\r\n"), Some(0));
    again("Retry-After: Sun, 06 Nov 1994 08:50:40 GMT\r\n", None);
    again(&format!("{date}Retry-After: Sun, 31 Feb 1994 08:50:40 GMT\r\n"), None);
    again(&format!("{date}Retry-After: Sun, 06 Nov 1994 24:50:40 GMT\r\n"), None);
    again(&format!("{date}Retry-After: Sunday, 06-Nov-94 08:49:37 GMT\r\n"), None);
}

#[test]
fn what_is_no_answer() {
    refused("GET / HTTP/1.1\r\n\r\n", AnswerError::Malformed);
    refused("HTTP/2 200 OK\r\n\r\n", AnswerError::Malformed);
    refused("SSH-2.0-OpenSSH_9.6\r\n", AnswerError::Malformed);
    refused(b"\x15\x03\x01\x00\x02\x02", AnswerError::Malformed);
    refused("HTTP/1.1 099 Odd\r\n\r\n", AnswerError::Malformed);
    refused("HTTP/1.1 101 Switching Protocols\r\n\r\n", AnswerError::Malformed);
    refused("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", AnswerError::Malformed);
    malformed("Content-Length: 1\r\nContent-Length: 1\r\n");
    malformed("Content-Length: 1\r\nContent-Length: 2\r\n");
    malformed("Content-Length: 1, 1\r\n");
    malformed("Content-Length: -1\r\n");
    malformed("Content-Length: +1\r\n");
    malformed("Content-Length: \r\n");
    malformed("Content-Length: 18446744073709551616\r\n");
    malformed("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n");
    malformed("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n");
    malformed("Transfer-Encoding: gzip, chunked\r\n");
    malformed("Transfer-Encoding: identity\r\n");
    malformed("Content-Encoding: gzip\r\n");
    malformed("No colon\r\n");
}

#[test]
fn heads_have_a_bound() {
    let of = |length: usize| {
        let front = "HTTP/1.1 200 OK\r\nX: ";
        format!("{front}{}\r\n\r\n", "x".repeat(length - front.len() - 4))
    };
    check(&of(2000), PLAIN);
    assert!(matches!(parse_answer(of(ANSWER_HEAD_BYTES).as_bytes()), Ok(Some(_))));
    refused(of(ANSWER_HEAD_BYTES + 1), AnswerError::TooLong);
    refused(&of(ANSWER_HEAD_BYTES + 1).as_bytes()[..ANSWER_HEAD_BYTES], AnswerError::TooLong);
    answer(&"a: b\r\n".repeat(64), PLAIN);
    refused(format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(65)), AnswerError::TooLong);
}

proptest! {
    #[test]
    fn any_bytes_are_an_answer_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for front in ["", "HTTP/1.1 200 OK\r\n"] {
            let bytes = [front.as_bytes(), &bytes].concat();
            if let Ok(Some(head)) = parse_answer(&bytes) {
                prop_assert!(head.bytes <= bytes.len());
            }
        }
    }
}
