//! Slow, silent, absent and too many clients; the end of the server.

use super::*;

const SHORT: Duration = Duration::from_millis(100);

/// Every wait is long, so that a test shortens the one that it is about.
fn patient() -> ServerLimits {
    let long = Duration::from_secs(60);
    ServerLimits { header: long, silent: long, idle: long, stall: long, response: long, ..Default::default() }
}

#[test]
fn a_head_that_drips_is_cut_off() {
    let server = start(ServerLimits { header: SHORT, ..patient() });
    let mut client = server.connect();
    client.send("GET / HTTP/1.1\r\nA: ");
    let mut writer = client.stream.get_ref().try_clone().unwrap();
    let dripping = std::thread::spawn(move || {
        // Ends when the server has closed.
        for _ in 0..3000 {
            if writer.write_all(b"x").is_err() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    });
    assert_eq!(client.answer(true).status, 408);
    drop(client);
    dripping.join().unwrap();
    assert_eq!((server.stat("header"), server.stat("408")), (1, 1));
}

#[test]
fn a_second_head_has_its_own_time() {
    let server = start(ServerLimits { header: SHORT, ..patient() });
    let mut client = server.connect();
    client.send("GET /text/1 HTTP/1.1\r\n\r\nGET /text/2");
    assert_eq!(client.answer(true).body.len(), 1);
    assert_eq!(client.answer(true).status, 408);
    client.expect_end();
}

#[test]
fn silence_ends_a_connection() {
    let server = start(ServerLimits { silent: SHORT, ..patient() });
    server.connect().expect_end();
    assert_eq!((server.stat("silent"), server.stat("idle")), (1, 0));
    let server = start(ServerLimits { idle: SHORT, ..patient() });
    let mut client = server.connect();
    assert_eq!(client.get("/text/3", "").body.len(), 3);
    client.expect_end();
    assert_eq!((server.stat("silent"), server.stat("idle")), (0, 1));
}

/// No client reads this much, and no kernel buffers it.
const ENDLESS: &str = "GET /text/1000000000000 HTTP/1.1\r\n";

#[test]
fn a_client_that_stops_reading_is_cut_and_disturbs_nobody() {
    for gzip in ["", "Accept-Encoding: gzip\r\n"] {
        let server = start(ServerLimits { stall: SHORT, ..patient() });
        let mut stalled = server.connect();
        // A small window is full at once, however slowly a busy machine compresses.
        rustix::net::sockopt::set_socket_recv_buffer_size(stalled.stream.get_ref(), 4096).unwrap();
        stalled.send(format!("{ENDLESS}{gzip}\r\n"));
        let mut other = server.connect();
        assert!(other.get("/text/100000", "").body == body_bytes(false, 100_000));
        server.wait_for("stall", 1);
        // Not an end that could be taken for the end of the body.
        let mut rest = Vec::new();
        assert!(stalled.stream.read_to_end(&mut rest).is_err());
        assert!(other.get("/text/100000", gzip).text() == body_bytes(false, 100_000));
        server.wait_for("open", 2);
    }
}

#[test]
fn a_client_that_reads_on_and_on_is_cut() {
    let server = start(ServerLimits { response: Duration::from_millis(300), ..patient() });
    let mut client = server.connect();
    client.send(format!("{ENDLESS}\r\n"));
    let mut scratch = [0; 10_000];
    while client.stream.get_mut().read(&mut scratch).is_ok_and(|count| count > 0) {
        std::thread::sleep(Duration::from_millis(1));
    }
    server.wait_for("response", 1);
}

#[test]
fn a_client_that_leaves_is_noticed() {
    let server = start(patient());
    let mut client = server.connect();
    client.send(format!("{ENDLESS}\r\n"));
    assert_eq!(client.answer(false).status, 200);
    drop(client);
    server.wait_for("lost", 1);
    server.wait_for("open", 1);
}

#[test]
fn one_connection_too_many_is_closed_at_once() {
    let server = start(ServerLimits { connections: 3, ..patient() });
    let mut first = server.connect();
    let mut second = server.connect();
    let mut third = server.connect();
    for client in [&mut first, &mut second, &mut third] {
        assert_eq!(client.get("/text/5", "").body.len(), 5);
    }
    server.connect().expect_end();
    server.connect().expect_end();
    let stats = first.get("/stats", "").body;
    assert_eq!(["open", "accepted", "refused"].map(|name| stat_of(&stats, name)), [3, 5, 2]);
    drop(third);
    while stat_of(&first.get("/stats", "").body, "open") == 3 {
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(server.connect().get("/text/6", "").body.len(), 6);
    assert_eq!(second.get("/text/5", "").body.len(), 5);
}

#[test]
fn without_a_free_compressor_the_text_goes_as_it_is() {
    let server = start(ServerLimits { compressors: 1, ..patient() });
    let gzip = "Accept-Encoding: gzip\r\n";
    // Noise fills the socket's buffers; the client does not read, so the compressor stays with it.
    let mut holder = server.connect();
    holder.send(format!("GET /noise/1000000000000 HTTP/1.1\r\n{gzip}\r\n"));
    assert_eq!(holder.answer(false).header("content-encoding"), Some("gzip"));
    let mut client = server.connect();
    let answer = client.get("/text/50000", gzip);
    assert_eq!(answer.header("content-encoding"), None);
    assert!(answer.body == body_bytes(false, 50_000));
    assert_eq!(["gzip_used", "gzip_unavailable"].map(|name| server.stat(name)), [1, 1]);
    drop(holder);
    server.wait_for("lost", 1);
    assert_eq!(client.get("/text/50000", gzip).header("content-encoding"), Some("gzip"));
}

#[test]
fn shutdown_finishes_answers_and_closes_idle_connections() {
    let mut server = start(ServerLimits { shutdown: Duration::from_secs(60), ..patient() });
    let mut idle = server.connect();
    assert_eq!(idle.get("/text/5", "").body.len(), 5);
    let mut silent = server.connect();
    let mut half = server.connect();
    half.send("GET /text/5 HT");
    let mut waiting = server.connect();
    waiting.send("GET /wait HTTP/1.1\r\n\r\n");
    server.wait_for("waiting", 1);
    let mut reading = server.connect();
    reading.send("GET /text/30000000 HTTP/1.1\r\n\r\n");
    let answer = reading.answer(false);
    server.signal();
    for client in [&mut idle, &mut silent, &mut half] {
        client.expect_end();
    }
    assert!(TcpStream::connect(server.address).is_err());
    assert!(reading.body(&answer) == body_bytes(false, 30_000_000));
    server.go.store(true, Relaxed);
    let answer = waiting.answer(true);
    assert_eq!((answer.body.as_slice(), answer.header("connection")), (b"waited".as_slice(), Some("close")));
    for client in [&mut reading, &mut waiting] {
        client.expect_end();
    }
    server.join();
}

#[test]
fn shutdown_does_not_wait_for_ever() {
    let mut server = start(ServerLimits { shutdown: SHORT, ..patient() });
    let mut stalled = server.connect();
    stalled.send(format!("{ENDLESS}\r\n"));
    assert_eq!(stalled.answer(false).status, 200);
    server.signal();
    server.join();
}

#[test]
fn the_plan_says_what_is_held() {
    let plan = Server::<TestService>::plan(&ServerLimits::default());
    assert_eq!(plan.iter().map(|item| item.rows).collect::<Vec<_>>(), [32, 1]);
    assert!(plan[0].row_bytes > (HEAD_BYTES + PAGE_BYTES) as u64);
    // The task with all that it keeps across a wait.
    assert!(plan[0].row_bytes < (HEAD_BYTES + PAGE_BYTES + 8 * 1024) as u64);
}
