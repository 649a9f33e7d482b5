//! The client over real sockets: a server's thread plays a script of what it reads and says.

use super::*;
use crate::base::gate;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;

const LONG: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(50);

/// A server's side of one connection.
struct Peer(TcpStream);

impl Peer {
    /// Reads a request: its head, and its body by its length.
    fn hear(&mut self) -> String {
        let mut text = Vec::new();
        let mut byte = [0];
        while !text.ends_with(b"\r\n\r\n") {
            match self.0.read(&mut byte) {
                Ok(1) => text.push(byte[0]),
                _ => return String::from_utf8(text).unwrap(),
            }
        }
        let head = String::from_utf8(text).unwrap();
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        self.0.read_exact(&mut body).unwrap();
        head + std::str::from_utf8(&body).unwrap()
    }

    fn say(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).unwrap();
    }

    /// Waits until the client has closed.
    fn wait(&mut self) {
        let mut scratch = [0; 1024];
        while self.0.read(&mut scratch).is_ok_and(|count| count > 0) {}
    }
}

/// A server that plays one script per connection, and the client's connection to it.
fn start<S>(scripts: Vec<S>) -> (Connection, Rc<ClientStats>, JoinHandle<()>)
where
    S: FnOnce(&mut Peer) + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        for script in scripts {
            script(&mut Peer(listener.accept().unwrap().0));
        }
    });
    let stats = Rc::new(ClientStats::default());
    let of = Server { host: "127.0.0.1".into(), port, tls: None, base_path: "/base".into() };
    (Connection::new(Rc::new(of), Patience::default(), Rc::clone(&stats)), stats, server)
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(future)
}

/// The rest of a body, or why it has none.
async fn rest(connection: &mut Connection, patience: Duration) -> Result<Vec<u8>, ClientError> {
    let mut body = Vec::new();
    while let Some(piece) = connection.chunk(Instant::now() + patience).await? {
        assert!(!piece.is_empty());
        body.extend_from_slice(piece);
    }
    assert_eq!(connection.chunk(Instant::now()).await, Ok(None));
    Ok(body)
}

async fn get(connection: &mut Connection) -> Result<(Head, Vec<u8>), ClientError> {
    let head = connection.request(&Request::get("/x")).await?;
    Ok((head, rest(connection, LONG).await?))
}

/// One GET of one answer after which the server closes.
fn check(answer: impl AsRef<[u8]> + Send + 'static, expect: Result<(u16, &str), ClientError>) {
    let script = move |peer: &mut Peer| {
        peer.hear();
        peer.say(answer);
    };
    let (mut connection, stats, server) = start(vec![script]);
    let found = block_on(get(&mut connection));
    let found = found.map(|(head, body)| (head.status, String::from_utf8(body).unwrap()));
    assert_eq!(found, expect.map(|(status, body)| (status, body.to_owned())));
    if let Err(error) = expect {
        assert_eq!(stats.errors(error), 1);
    }
    drop(connection);
    server.join().unwrap();
}

#[test]
fn answers() {
    check("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", Ok((200, "hello")));
    check("HTTP/1.1 200 OK\r\n\r\nhello", Ok((200, "hello")));
    check("HTTP/1.0 200 OK\r\n\r\n", Ok((200, "")));
    check("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", Ok((404, "")));
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    check(format!("{chunked}5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n"), Ok((200, "hello!")));
    check("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", Ok((200, "x")));
}

#[test]
fn answers_that_fail() {
    check("", Err(ClientError::Head));
    check("HTTP/1.1 200 OK\r\nContent-Le", Err(ClientError::Head));
    check("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello", Err(ClientError::Cut));
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    check(format!("{chunked}5\r\nhello\r\n"), Err(ClientError::Cut));
    check(format!("{chunked}5\r\nhelloo"), Err(ClientError::Malformed));
    check(format!("{chunked}5;{}", "x".repeat(5000)), Err(ClientError::TooLong));
    check("220 ready for mail\r\n", Err(ClientError::Malformed));
    check("HTTP/1.1 100 Continue\r\n\r\n".repeat(9), Err(ClientError::Malformed));
    check(format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(ANSWER_HEAD_BYTES)), Err(ClientError::TooLong));
}

#[test]
fn requests_are_as_they_should_be() {
    let script = |peer: &mut Peer| {
        let version = env!("CARGO_PKG_VERSION");
        let port = peer.0.local_addr().unwrap().port();
        let common = format!(
            "Host: 127.0.0.1:{port}\r\nUser-Agent: trimeter/{version}\r\nAccept: application/json\r\nAccept-Encoding: identity\r\n"
        );
        assert_eq!(peer.hear(), format!("GET /base/x?y=1 HTTP/1.1\r\n{common}\r\n"));
        peer.say("HTTP/1.1 204 No Content\r\n\r\n");
        let expect = format!(
            "PUT /base/x HTTP/1.1\r\n{common}Authorization: Bearer abc\r\nContent-Type: application/json\r\n\
             Content-Length: 2\r\n\r\n{{}}"
        );
        assert_eq!(peer.hear(), expect);
        peer.say("HTTP/1.1 204 No Content\r\n\r\n");
        assert_eq!(peer.hear(), format!("POST /base/x HTTP/1.1\r\n{common}Content-Length: 0\r\n\r\n"));
        peer.say("HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n");
        peer.wait();
    };
    let (mut connection, stats, server) = start(vec![script]);
    block_on(async {
        let head = connection.request(&Request::get("/x?y=1")).await.unwrap();
        assert_eq!(head, Head { status: 204, retry_after: None, length: Some(0) });
        let plain = Request::get("/x");
        let put = Request { verb: Verb::Put, authorization: Some("Bearer abc"), body: Some(b"{}"), ..plain };
        assert_eq!(connection.request(&put).await.unwrap().status, 204);
        let post = Request { verb: Verb::Post, ..plain };
        let seven = Some(Duration::from_secs(7));
        let head = connection.request(&post).await.unwrap();
        assert_eq!(head, Head { status: 429, retry_after: seven, length: Some(0) });
    });
    assert_eq!((stats.connections.get(), stats.requests.get(), stats.retries.get()), (1, 3, 0));
    drop(connection);
    server.join().unwrap();
}

#[test]
fn what_cannot_be_a_head_is_not_sent() {
    let scripts: Vec<fn(&mut Peer)> = vec![|peer| peer.wait(); 5];
    let (mut connection, stats, server) = start(scripts);
    let long = "/".repeat(BUFFER_BYTES);
    let plain = Request::get("/x");
    block_on(async {
        for request in [
            Request::get(&long),
            Request::get("x"),
            Request::get("/x y"),
            Request { authorization: Some("Bearer a\r\nX: y"), ..plain },
            Request { accept: "a\nb", ..plain },
        ] {
            assert_eq!(connection.request(&request).await, Err(ClientError::Request));
        }
    });
    assert_eq!(stats.sent_bytes.get(), 0);
    server.join().unwrap();
}

#[test]
fn a_connection_is_kept_while_it_can_be() {
    fn length(peer: &mut Peer) {
        for _ in 0..3 {
            peer.hear();
            peer.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
        peer.hear();
        peer.say("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
        peer.wait();
    }
    fn chunked(peer: &mut Peer) {
        for _ in 0..2 {
            peer.hear();
            peer.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n");
        }
        peer.wait();
    }
    let (mut connection, stats, server) = start(vec![length as fn(&mut Peer), chunked]);
    block_on(async {
        for _ in 0..6 {
            assert_eq!(get(&mut connection).await.unwrap().1, b"ok");
        }
    });
    assert_eq!((stats.connections.get(), stats.requests.get()), (2, 6));
    drop(connection);
    server.join().unwrap();
}

#[test]
fn what_was_not_read_ends_the_connection() {
    fn half(peer: &mut Peer) {
        peer.hear();
        peer.say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
        peer.wait();
    }
    fn surplus(peer: &mut Peer) {
        peer.hear();
        peer.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 500 Forged\r\n\r\n");
        peer.wait();
    }
    let (mut connection, stats, server) = start(vec![half as fn(&mut Peer), surplus, surplus]);
    block_on(async {
        connection.request(&Request::get("/x")).await.unwrap();
        assert_eq!(connection.chunk(Instant::now() + LONG).await, Ok(Some(&b"half"[..])));
        for _ in 0..2 {
            let (head, body) = get(&mut connection).await.unwrap();
            assert_eq!((head.status, &body[..]), (200, &b"ok"[..]));
        }
    });
    assert_eq!(stats.connections.get(), 3);
    drop(connection);
    server.join().unwrap();
}

/// Answers once; then hears another request, and closes without a word.
fn forgetful(peer: &mut Peer) {
    peer.hear();
    peer.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    peer.hear();
}

fn good(peer: &mut Peer) {
    peer.hear();
    peer.say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nagain");
    peer.wait();
}

#[test]
fn a_get_is_sent_again_when_the_kept_connection_ends() {
    let (mut connection, stats, server) = start(vec![forgetful as fn(&mut Peer), good]);
    block_on(async {
        assert_eq!(get(&mut connection).await.unwrap().1, b"ok");
        assert_eq!(get(&mut connection).await.unwrap().1, b"agai");
    });
    assert_eq!((stats.connections.get(), stats.requests.get(), stats.retries.get()), (2, 3, 1));
    drop(connection);
    server.join().unwrap();
}

#[test]
fn a_get_is_sent_again_once() {
    let (mut connection, stats, server) = start(vec![forgetful as fn(&mut Peer), |peer| drop(peer.hear())]);
    block_on(async {
        assert_eq!(get(&mut connection).await.unwrap().1, b"ok");
        assert_eq!(get(&mut connection).await, Err(ClientError::Head));
    });
    assert_eq!((stats.connections.get(), stats.retries.get()), (2, 1));
    server.join().unwrap();
}

#[test]
fn a_post_is_not_sent_again() {
    let (mut connection, stats, server) = start(vec![forgetful as fn(&mut Peer)]);
    block_on(async {
        assert_eq!(get(&mut connection).await.unwrap().1, b"ok");
        let post = Request { verb: Verb::Post, body: Some(b"{}"), ..Request::get("/x") };
        assert_eq!(connection.request(&post).await, Err(ClientError::Head));
    });
    assert_eq!((stats.connections.get(), stats.requests.get(), stats.retries.get()), (1, 2, 0));
    server.join().unwrap();
}

#[test]
fn a_connection_that_is_known_to_be_closed_is_not_used() {
    fn once(peer: &mut Peer) {
        peer.hear();
        peer.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
    let (mut connection, stats, server) = start(vec![once as fn(&mut Peer), good]);
    block_on(async {
        assert_eq!(get(&mut connection).await.unwrap().1, b"ok");
        // Until the end of the connection is there, as far as the runtime knows.
        while connection.stream.as_mut().unwrap().is_silent().await {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let post = Request { verb: Verb::Post, body: Some(b"{}"), ..Request::get("/x") };
        assert_eq!(connection.request(&post).await.unwrap().status, 200);
    });
    assert_eq!((stats.connections.get(), stats.requests.get(), stats.retries.get()), (2, 2, 0));
    drop(connection);
    server.join().unwrap();
}

#[test]
fn waiting_has_an_end() {
    fn silent(peer: &mut Peer) {
        peer.hear();
        peer.wait();
    }
    fn half(peer: &mut Peer) {
        peer.hear();
        peer.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel");
        peer.wait();
    }
    let (mut connection, stats, server) = start(vec![silent as fn(&mut Peer), half]);
    let brief = Request { patience: SHORT, ..Request::get("/x") };
    block_on(async {
        assert_eq!(connection.request(&brief).await, Err(ClientError::HeadTimeout));
        connection.request(&Request::get("/x")).await.unwrap();
        assert_eq!(connection.chunk(Instant::now() + LONG).await, Ok(Some(&b"hel"[..])));
        assert_eq!(connection.chunk(Instant::now() + SHORT).await, Err(ClientError::IdleTimeout));
        assert_eq!(connection.chunk(Instant::now() + SHORT).await, Ok(None));
    });
    assert_eq!(stats.errors(ClientError::HeadTimeout), 1);
    assert_eq!(stats.errors(ClientError::IdleTimeout), 1);
    drop(connection);
    server.join().unwrap();
}

#[test]
fn a_server_that_does_not_read_is_not_waited_for() {
    let (tell, told) = std::sync::mpsc::channel::<()>();
    let script = move |_: &mut Peer| assert!(told.recv().is_err());
    let (mut connection, stats, server) = start(vec![script]);
    let body = vec![b' '; 64 * 1024 * 1024];
    let post = Request { verb: Verb::Post, body: Some(&body), patience: SHORT, ..Request::get("/x") };
    assert_eq!(block_on(connection.request(&post)), Err(ClientError::HeadTimeout));
    assert_eq!(stats.errors(ClientError::HeadTimeout), 1);
    drop(tell);
    server.join().unwrap();
}

#[test]
fn an_answer_before_the_end_of_the_request_is_heard() {
    let script = |peer: &mut Peer| {
        let mut front = [0; 100];
        peer.0.read_exact(&mut front).unwrap();
        peer.say("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno");
        peer.0.shutdown(std::net::Shutdown::Write).unwrap();
        peer.wait();
    };
    let (mut connection, _, server) = start(vec![script]);
    let body = vec![b' '; 8 * 1024 * 1024];
    let post = Request { verb: Verb::Post, body: Some(&body), ..Request::get("/x") };
    block_on(async {
        assert_eq!(connection.request(&post).await.unwrap().status, 413);
        assert_eq!(rest(&mut connection, LONG).await.unwrap(), b"no");
    });
    drop(connection);
    server.join().unwrap();
}

#[test]
fn a_body_that_comes_byte_by_byte_is_whole() {
    let text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na;x=y\r\n0123456789\r\n3\r\nabc\r\n0\r\nT: 1\r\n\r\n";
    let script = move |peer: &mut Peer| {
        peer.0.set_nodelay(true).unwrap();
        peer.hear();
        for byte in text.as_bytes() {
            peer.say([*byte]);
            std::thread::sleep(Duration::from_millis(1));
        }
        peer.wait();
    };
    let (mut connection, stats, server) = start(vec![script]);
    assert_eq!(block_on(get(&mut connection)).unwrap().1, b"0123456789abc");
    assert_eq!(stats.received_bytes.get(), text.len() as u64);
    drop(connection);
    server.join().unwrap();
}

#[test]
fn a_dropped_request_leaves_nothing_behind() {
    fn late(peer: &mut Peer) {
        peer.hear();
        peer.wait();
    }
    let (mut connection, _, server) = start(vec![late as fn(&mut Peer), good]);
    block_on(async {
        let request = Request::get("/x");
        assert!(tokio::time::timeout(SHORT, connection.request(&request)).await.is_err());
        assert_eq!(get(&mut connection).await.unwrap().1, b"agai");
    });
    drop(connection);
    server.join().unwrap();
}

#[test]
fn nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let server = Server { host: "127.0.0.1".into(), port, tls: None, base_path: String::new() };
    let stats = Rc::new(ClientStats::default());
    let mut connection = Connection::new(Rc::new(server), Patience::default(), Rc::clone(&stats));
    assert_eq!(block_on(connection.request(&Request::get("/x"))), Err(ClientError::Connect));
    assert_eq!(connection.connect_error(), Some(ConnectError::Refused));
    assert!(connection.problem().starts_with("cannot connect to 127.0.0.1:"), "{}", connection.problem());
    assert_eq!(stats.connect_errors(ConnectError::Refused), 1);
}

#[test]
fn an_open_connection_allocates_nothing() {
    const EVENTS: usize = 2000;
    let script = |peer: &mut Peer| {
        peer.hear();
        peer.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        peer.hear();
        peer.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        let data = "x".repeat(999);
        for _ in 0..EVENTS {
            peer.say(format!("{:x}\r\n{data}\r\n", data.len()));
        }
        peer.say("0\r\n\r\n");
        peer.wait();
    };
    let (mut connection, _, server) = start(vec![script]);
    let (bytes, allocations) = block_on(async {
        get(&mut connection).await.unwrap();
        let before = gate::thread_allocations();
        connection.request(&Request::get("/x")).await.unwrap();
        let mut bytes = 0;
        while let Some(piece) = connection.chunk(Instant::now() + LONG).await.unwrap() {
            bytes += piece.len();
        }
        (bytes, gate::thread_allocations() - before)
    });
    assert_eq!((bytes, allocations), (999 * EVENTS, 0));
    drop(connection);
    server.join().unwrap();
}
