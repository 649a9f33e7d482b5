//! What clients get: statuses, framing, compression, order.

use super::*;

const GZIP: &str = "Accept-Encoding: gzip\r\n";

/// The room for a body in a page.
const ROOM: usize = PAGE_BYTES - answer::FRONT_BYTES - answer::BACK_BYTES;

#[test]
fn every_refusal_has_its_status_and_ends_the_connection() {
    let server = start(ServerLimits::default());
    let long_line = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(REQUEST_LINE_BYTES));
    let long_head = format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "x".repeat(100_000));
    for (request, status, error) in [
        ("nonsense\r\n\r\n", 400, HeadError::Malformed),
        ("POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", 405, HeadError::Method),
        ("GET / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", 413, HeadError::Body),
        ("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 413, HeadError::Body),
        (&long_line, 414, HeadError::LineTooLong),
        (&long_head, 431, HeadError::HeadTooLarge),
        ("GET / HTTP/2.0\r\n\r\n", 505, HeadError::Version),
    ] {
        assert_eq!(error.status(), status);
        assert!(!answer::reason(status).is_empty());
        let before = server.stat(error.label());
        let mut client = server.connect();
        client.send(request);
        let answer = client.answer(true);
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("connection"), Some("close"));
        assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
        assert_eq!(answer.header("allow"), (status == 405).then_some("GET, HEAD"));
        assert!(answer.body.ends_with(b"\n"));
        client.expect_end();
        assert_eq!(server.stat(error.label()), before + 1);
        assert_eq!(server.stat(&status.to_string()), before + 1);
    }
}

#[test]
fn a_request_reaches_the_service_and_the_answer_the_client() {
    let server = start(ServerLimits::default());
    let mut client = server.connect();
    let answer = client.get("http://any/echo?a=b", "User-Agent: me\r\nAccept-Encoding: gzip\r\n");
    assert_eq!(answer.body, b"Get a=b true me");
    assert_eq!(answer.header("content-type"), Some(TEXT));
    assert_eq!(answer.header("connection"), Some("keep-alive"));
    let answer = client.get("/missing", "");
    assert_eq!((answer.status, answer.header("content-length")), (404, Some("0")));
    let answer = client.get("/text/5", "Connection: close\r\n");
    assert_eq!(answer.body, body_bytes(false, 5));
    assert_eq!(answer.header("connection"), Some("close"));
    client.expect_end();
    let head = "HTTP/1.1 200 OK\r\nContent-Type: \r\nContent-Length: 5\r\nConnection: close\r\n\r\n".len();
    assert_eq!(server.stat("text_sent_bytes"), (head + TEXT.len() + 5) as u64);
    assert_eq!(server.stat("text_200"), 1);
    assert_eq!(server.stat("404"), 1);
}

#[test]
fn bodies_of_all_sizes_arrive_whole() {
    let server = start(ServerLimits::default());
    let mut client = server.connect();
    for size in [0, 1, 1023, 1024, ROOM - 1, ROOM, ROOM + 1, 2 * ROOM, 10 * ROOM, 10 * ROOM + 7] {
        for noise in [false, true] {
            let target = if noise { format!("/noise/{size}") } else { format!("/text/{size}") };
            let expect = body_bytes(noise, size);
            let plain = client.get(&target, "");
            assert!(plain.body == expect, "{target}");
            assert_eq!(plain.header("content-encoding"), None);
            let length = (size <= ROOM).then(|| size.to_string());
            assert_eq!(plain.header("content-length"), length.as_deref());

            let packed = client.get(&target, GZIP);
            assert!(packed.text() == expect, "{target}");
            let encoding = (size >= 1024).then_some("gzip");
            assert_eq!(packed.header("content-encoding"), encoding, "{target}");
            // A page holds what a text of ten pages shrinks to, and noise does not shrink.
            let whole = !noise || size < ROOM - 1;
            assert_eq!(packed.header("content-length").is_some(), whole, "{target}");

            // HEAD is GET without the body.
            for (headers, get) in [("", &plain), (GZIP, &packed)] {
                let head = client.head(&target, headers);
                assert_eq!((head.status, &head.headers), (200, &get.headers));
            }
        }
    }
    assert_eq!(server.stat("gzip_unavailable"), 0);
}

#[test]
fn a_request_may_be_cut_anywhere() {
    let server = start(ServerLimits::default());
    let mut client = server.connect();
    let request = format!("GET /text/40 HTTP/1.1\r\nHost: a\r\n{GZIP}\r\n");
    for cut in 0..request.len() {
        client.send(&request[..cut]);
        // Long enough for most first parts to be read alone; the answer does not depend on it.
        std::thread::sleep(Duration::from_micros(500));
        client.send(&request[cut..]);
        assert_eq!(client.answer(true).body, body_bytes(false, 40));
    }
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let server = start(ServerLimits::default());
    let mut client = server.connect();
    let sizes: Vec<usize> = (0..200).map(|index| index * 331).collect();
    let mut requests = String::new();
    for size in &sizes {
        let gzip = if size % 2 == 0 { GZIP } else { "" };
        write!(requests, "GET /text/{size} HTTP/1.1\r\n{gzip}\r\n").unwrap();
    }
    // The server does not read on while its answers are not read.
    let mut writer = client.stream.get_ref().try_clone().unwrap();
    let writing = std::thread::spawn(move || writer.write_all(requests.as_bytes()).unwrap());
    for size in sizes {
        assert!(client.answer(true).text() == body_bytes(false, size));
    }
    writing.join().unwrap();
}

#[test]
fn the_old_protocol_is_spoken() {
    let server = start(ServerLimits::default());
    let ask = |target: &str, headers: &str| {
        let mut client = server.connect();
        client.send(format!("GET {target} HTTP/1.0\r\n{headers}\r\n"));
        (client.answer(true), client)
    };
    let (small, mut client) = ask("/text/9", "");
    assert_eq!(small.header("content-length"), Some("9"));
    assert_eq!(small.header("connection"), Some("close"));
    client.expect_end();
    // No chunks: the body ends with the connection, even if that was to be kept.
    for (headers, kind) in [("", "text"), ("Connection: keep-alive\r\n", "text"), (GZIP, "noise")] {
        let (large, _) = ask(&format!("/{kind}/200000"), headers);
        assert!(large.text() == body_bytes(kind == "noise", 200_000));
        assert_eq!(large.header("content-length"), None);
        assert_eq!(large.header("transfer-encoding"), None);
        assert_eq!(large.header("connection"), Some("close"));
    }
    let (kept, mut client) = ask("/text/9", "Connection: keep-alive\r\n");
    assert_eq!(kept.header("connection"), Some("keep-alive"));
    assert_eq!(client.get("/text/9", "").body, kept.body);
}

#[test]
fn a_half_closed_connection_gets_its_answers() {
    let server = start(ServerLimits::default());
    let mut client = server.connect();
    client.send("GET /text/100000 HTTP/1.1\r\n\r\nGET /text/7 HTTP/1.1\r\n\r\n");
    client.stream.get_ref().shutdown(std::net::Shutdown::Write).unwrap();
    assert!(client.answer(true).body == body_bytes(false, 100_000));
    assert_eq!(client.answer(true).body, body_bytes(false, 7));
    client.expect_end();
    assert_eq!(server.stat("truncated"), 0);
    let mut client = server.connect();
    client.send("GET /text/7 HTTP/1.1\r\n");
    client.stream.get_ref().shutdown(std::net::Shutdown::Write).unwrap();
    client.expect_end();
    assert_eq!(server.stat("truncated"), 1);
}
