//! The server over real sockets: raw bytes from a client's thread.

mod heads;
mod hot;
mod serve;
mod trouble;

use super::*;
use crate::base::gate;
use std::cell::Cell;
use std::fmt::{Display, Write as _};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The first bytes of an endless text that shrinks, or of one that does not.
fn body_bytes(noise: bool, length: usize) -> Vec<u8> {
    (0..length).map(|at| body_byte(noise, at)).collect()
}

fn body_byte(noise: bool, at: usize) -> u8 {
    if noise {
        let mut mixed = (at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed ^= mixed >> 29;
        mixed.wrapping_mul(0xbf58_476d_1ce4_e5b9).to_be_bytes()[0]
    } else {
        b"node_cpu_seconds_total{cpu=\"0\"} 12345\n"[at % 38]
    }
}

/// A body of `length` bytes, as much of it in each page as fits.
#[expect(clippy::large_enum_variant, reason = "it is moved once, and must not be on the heap")]
enum TestBody {
    Pattern { noise: bool, at: usize, length: usize },
    Text(Text),
}

type Text = crate::base::text::Text<1024>;

impl Body for TestBody {
    fn fill(&mut self, page: &mut [u8]) -> Filled {
        assert!(page.len() >= 16 * 1024);
        match self {
            TestBody::Pattern { noise, at, length } => {
                let count = page.len().min(*length - *at);
                for (index, byte) in page[..count].iter_mut().enumerate() {
                    *byte = body_byte(*noise, *at + index);
                }
                *at += count;
                if at == length { Filled::Last(count) } else { Filled::More(count) }
            }
            TestBody::Text(text) => {
                page[..text.len()].copy_from_slice(text.as_bytes());
                Filled::Last(text.len())
            }
        }
    }
}

/// `/text/LENGTH`, `/noise/LENGTH`, `/stats`, `/wait` (until the test says go), `/echo`.
struct TestService {
    stats: Rc<ServerStats>,
    waiting: Cell<u32>,
    go: Arc<AtomicBool>,
}

impl Service for TestService {
    type Body = TestBody;

    const CLASSES: &'static [&'static str] = &["text", "other"];

    fn class(&self, path: &str) -> usize {
        usize::from(!path.starts_with("/text/"))
    }

    async fn respond(&self, request: &Request<'_>) -> Response<TestBody> {
        let mut text = Text::new();
        let mut status = 200;
        if let Some((kind @ ("text" | "noise"), length)) = request.path[1..].split_once('/') {
            let body = TestBody::Pattern { noise: kind == "noise", at: 0, length: length.parse().unwrap() };
            return Response { status, content_type: TEXT, body };
        }
        match request.path {
            "/stats" => self.write_stats(&mut text),
            "/echo" => {
                write!(text, "{:?} {} {}", request.method, request.query, request.gzip).unwrap();
                text.push_all(&[b" ", request.user_agent]).unwrap();
            }
            "/wait" => {
                self.waiting.set(self.waiting.get() + 1);
                while !self.go.load(Relaxed) {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                text.push("waited").unwrap();
            }
            _ => status = 404,
        }
        Response { status, content_type: TEXT, body: TestBody::Text(text) }
    }
}

impl TestService {
    fn write_stats(&self, text: &mut Text) {
        let stats = &self.stats;
        let mut line = |name: &dyn Display, value: u64| writeln!(text, "{name} {value}").unwrap();
        line(&"waiting", self.waiting.get().into());
        line(&"allocations", gate::thread_allocations());
        line(&"hot_allocations", gate::thread_hot_allocations());
        line(&"open", stats.open().into());
        line(&"accepted", stats.accepted.get());
        line(&"refused", stats.refused.get());
        line(&"lost", stats.lost.get());
        line(&"truncated", stats.truncated.get());
        line(&"gzip_used", stats.gzip_used.get());
        line(&"gzip_unavailable", stats.gzip_unavailable.get());
        line(&"text_200", stats.answers(0, 200));
        line(&"text_sent_bytes", stats.sent_bytes(0));
        Timeout::ALL.iter().for_each(|kind| line(&kind.label(), stats.timeouts(*kind)));
        HeadError::ALL.iter().for_each(|kind| {
            line(&kind.label(), stats.head_errors(*kind));
            line(&kind.status(), stats.answers(1, kind.status()));
        });
        line(&"404", stats.answers(1, 404));
        line(&"408", stats.answers(1, 408));
    }
}

/// A server on its own thread.
struct Running {
    address: SocketAddr,
    /// Ends the wait of `/wait`.
    go: Arc<AtomicBool>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

fn start(limits: ServerLimits) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let go = Arc::new(AtomicBool::new(false));
    let gone = Arc::clone(&go);
    let thread = std::thread::spawn(move || {
        let stats = Rc::new(ServerStats::new(TestService::CLASSES.len()));
        let service = TestService { stats: Rc::clone(&stats), waiting: Cell::new(0), go: gone };
        let server = Server::new(limits, Rc::new(service), stats);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let shutdown = async { stopped.await.unwrap() };
        let local = tokio::task::LocalSet::new();
        local.block_on(&runtime, server.run(listener, shutdown)).unwrap();
    });
    Running { address, go, stop: Some(stop), thread: Some(thread) }
}

impl Running {
    fn connect(&self) -> Client {
        let stream = TcpStream::connect(self.address).unwrap();
        // Longer than any test should take: a test that waits for it has failed.
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.set_nodelay(true).unwrap();
        Client { stream: BufReader::new(stream) }
    }

    /// A number of `/stats`.
    fn stat(&self, name: &str) -> u64 {
        let body = self.connect().get("/stats", "Connection: close\r\n").body;
        stat_of(&body, name)
    }

    /// Waits until a number of `/stats` is this.
    fn wait_for(&self, name: &str, value: u64) {
        for _ in 0..3000 {
            if self.stat(name) == value {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("{name} did not become {value}: {}", self.stat(name));
    }

    fn signal(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    fn join(&mut self) {
        self.thread.take().unwrap().join().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take()
            && stop.send(()).is_ok()
            && !std::thread::panicking()
        {
            self.join();
        }
    }
}

fn stat_of(body: &[u8], name: &str) -> u64 {
    let text = std::str::from_utf8(body).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
}

/// A connection to the server.
struct Client {
    stream: BufReader<TcpStream>,
}

/// An answer, taken apart.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    status: u16,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(known, _)| known == name);
        let value = found.next().map(|(_, value)| value.as_str());
        assert_eq!(found.next(), None);
        value
    }

    /// The body, unpacked if it is packed.
    fn text(&self) -> Vec<u8> {
        if self.header("content-encoding") != Some("gzip") {
            return self.body.clone();
        }
        let mut text = Vec::new();
        flate2::read::GzDecoder::new(&self.body[..]).read_to_end(&mut text).unwrap();
        text
    }
}

impl Client {
    fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.get_mut().write_all(bytes.as_ref()).unwrap();
    }

    fn get(&mut self, target: &str, headers: &str) -> Answer {
        self.send(format!("GET {target} HTTP/1.1\r\nHost: x\r\n{headers}\r\n"));
        self.answer(true)
    }

    fn head(&mut self, target: &str, headers: &str) -> Answer {
        self.send(format!("HEAD {target} HTTP/1.1\r\nHost: x\r\n{headers}\r\n"));
        self.answer(false)
    }

    /// Reads an answer; `body`: with its body.
    fn answer(&mut self, body: bool) -> Answer {
        let status_line = self.line();
        let status = status_line.strip_prefix("HTTP/1.1 ").unwrap_or_else(|| panic!("{status_line:?}"));
        let status = status[..3].parse().unwrap();
        let mut headers = Vec::new();
        loop {
            let line = self.line();
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(": ").unwrap();
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        let mut answer = Answer { status, headers, body: Vec::new() };
        if body {
            answer.body = self.body(&answer);
        }
        answer
    }

    fn body(&mut self, answer: &Answer) -> Vec<u8> {
        let mut body = Vec::new();
        if let Some(length) = answer.header("content-length") {
            body.resize(length.parse().unwrap(), 0);
            self.stream.read_exact(&mut body).unwrap();
        } else if answer.header("transfer-encoding") == Some("chunked") {
            loop {
                let size = usize::from_str_radix(&self.line(), 16).unwrap();
                let mut chunk = vec![0; size];
                self.stream.read_exact(&mut chunk).unwrap();
                assert_eq!(self.line(), "");
                if size == 0 {
                    break;
                }
                body.extend_from_slice(&chunk);
            }
        } else {
            self.stream.read_to_end(&mut body).unwrap();
        }
        body
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        line.strip_suffix("\r\n").unwrap_or_else(|| panic!("{line:?}")).to_owned()
    }

    /// The server has closed its side, and nothing is left to read.
    fn expect_end(&mut self) {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).unwrap();
        assert_eq!(String::from_utf8_lossy(&rest), "");
    }
}
