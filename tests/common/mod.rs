//! What the tests of the whole program share: the agent as a process, raw requests, exposition text as a set.
#![allow(
    dead_code,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "helpers of tests; every test uses some of them"
)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// The agent, killed when the test ends.
pub struct Agent {
    pub child: Child,
    pub port: u16,
    lines: Receiver<String>,
}

/// A command of the program that was built for this test.
pub fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_trimeter"))
}

/// Runs the program to its end: exit code, standard output, standard error.
pub fn output(arguments: &[&str]) -> (i32, String, String) {
    let output = program().args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

impl Agent {
    /// Starts the agent on a port of the kernel's choice and waits for its start line.
    pub fn start(arguments: &[&str]) -> Agent {
        Agent::spawn(program().arg("-httpListenAddr=127.0.0.1:0").args(arguments))
    }

    /// Starts a command that becomes the agent, and waits for its start line.
    pub fn spawn(command: &mut Command) -> Agent {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let stderr = child.stderr.take().unwrap();
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mut agent = Agent { child, port: 0, lines };
        let line = agent.log_line("listens on 127.0.0.1:");
        let port = line.split("listens on 127.0.0.1:").nth(1).unwrap().split(';').next().unwrap();
        agent.port = port.parse().unwrap();
        agent
    }

    /// Waits for a line of the log that holds `part`.
    pub fn log_line(&mut self, part: &str) -> String {
        let mut seen = Vec::new();
        loop {
            match self.lines.recv_timeout(Duration::from_secs(20)) {
                Ok(line) if line.contains(part) => return line,
                Ok(line) => seen.push(line),
                Err(_) => panic!("no line with {part:?} in the log: {seen:#?}"),
            }
        }
    }

    /// A line of the log, if there is one that nobody has asked for.
    pub fn logged(&mut self) -> Option<String> {
        self.lines.try_recv().ok()
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    /// Status and body of one request on a connection of its own.
    pub fn get(&self, path: &str) -> (u16, String) {
        let mut stream = self.connect();
        let answer = request(&mut stream, &format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"));
        (answer.status, String::from_utf8(answer.body).unwrap())
    }

    /// A number of `/proc/PID/status`, such as `VmRSS`, in kB.
    pub fn status(&self, key: &str) -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = text.lines().find(|line| line.starts_with(key)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// A sample without labels of an exposition text.
    pub fn sample(&self, path: &str, name: &str) -> f64 {
        let (_, text) = self.get(path);
        let line = text.lines().find(|line| line.split(' ').next() == Some(name)).unwrap();
        line.split(' ').nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// An answer.
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

/// Sends a request and reads its answer, by length or by chunks.
pub fn request(stream: &mut TcpStream, text: &str) -> Answer {
    stream.write_all(text.as_bytes()).unwrap();
    answer(stream, text.starts_with("HEAD"))
}

/// Reads one answer.
pub fn answer(stream: &mut TcpStream, without_body: bool) -> Answer {
    let mut head = Vec::new();
    let mut byte = [0; 1];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).unwrap() == 0 {
            panic!("the head ended early: {:?}", String::from_utf8_lossy(&head));
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let field = |name: &str| {
        head.lines()
            .find(|line| line.to_ascii_lowercase().starts_with(name))
            .map(|line| line[name.len()..].trim().to_owned())
    };
    let mut body = Vec::new();
    if !without_body {
        if let Some(length) = field("content-length:") {
            body = vec![0; length.parse().unwrap()];
            stream.read_exact(&mut body).unwrap();
        } else if field("transfer-encoding:").is_some() {
            let mut reader = BufReader::with_capacity(1, stream);
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                let length = usize::from_str_radix(line.trim(), 16).unwrap();
                let start = body.len();
                body.resize(start + length, 0);
                reader.read_exact(&mut body[start..]).unwrap();
                reader.read_line(&mut line).unwrap();
                if length == 0 {
                    break;
                }
            }
        } else {
            stream.read_to_end(&mut body).unwrap();
        }
    }
    Answer { status, head, body }
}

/// Name and sorted labels of a sample.
pub type Series = (String, Vec<(String, String)>);

/// Exposition text as a set; panics at a line that is neither comment nor sample, and at a series that comes twice.
pub fn samples(text: &str) -> BTreeMap<Series, f64> {
    let mut found = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let (series, value) = sample(line);
        let before = found.insert(series, value);
        assert!(before.is_none(), "twice: {line}");
    }
    found
}

pub fn sample(line: &str) -> (Series, f64) {
    let name_end = line.find(['{', ' ']).unwrap_or_else(|| panic!("no sample: {line}"));
    let name = line[..name_end].to_owned();
    let mut labels = Vec::new();
    let mut rest = &line[name_end..];
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        while !rest.starts_with('}') {
            let (label, after) = rest.split_once("=\"").unwrap_or_else(|| panic!("no label: {line}"));
            let mut value = String::new();
            let mut letters = after.char_indices();
            let end = loop {
                match letters.next().unwrap_or_else(|| panic!("no end of a label: {line}")) {
                    (at, '"') => break at,
                    (_, '\\') => value.push(match letters.next().unwrap().1 {
                        'n' => '\n',
                        other => other,
                    }),
                    (_, letter) => value.push(letter),
                }
            };
            labels.push((label.trim_start_matches(',').trim().to_owned(), value));
            rest = after[end + 1..].trim_start_matches(',');
        }
        rest = &rest[1..];
    }
    labels.sort();
    let value =
        rest.trim().split(' ').next().unwrap().parse().unwrap_or_else(|_| panic!("no number: {line}"));
    ((name, labels), value)
}

/// What strict readers want of a page besides single series: each family has one HELP and one TYPE, and all its samples
/// follow them before those of the next family.
pub fn strict(text: &str) -> BTreeMap<Series, f64> {
    let mut types: BTreeMap<&str, &str> = BTreeMap::new();
    let mut family = "";
    let mut helped = std::collections::BTreeSet::new();
    for line in text.lines() {
        let mut words = line.split([' ', '{']);
        match (words.next().unwrap(), words.next()) {
            ("#", Some("HELP")) => assert!(helped.insert(words.next().unwrap()), "twice: {line}"),
            ("#", Some("TYPE")) => {
                family = words.next().unwrap();
                assert!(types.insert(family, words.next().unwrap()).is_none(), "twice: {line}");
            }
            (name, _) => {
                let parts: &[&str] = match types[family] {
                    "histogram" => &["_bucket", "_sum", "_count"],
                    "summary" => &["", "_sum", "_count"],
                    _ => &[""],
                };
                let own = name.strip_prefix(family).is_some_and(|part| parts.contains(&part));
                assert!(own && helped.contains(family), "not below the head of its family: {line}");
            }
        }
    }
    samples(text)
}

/// Equal but for the last bits of a float.
pub fn close(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-9 * a.abs().max(b.abs())
}

/// The folder with cases of the peers; `None` after saying that the test is skipped. In CI its absence is a failure.
pub fn conformance() -> Option<PathBuf> {
    match std::env::var_os("TRIMETER_CONFORMANCE_DIR") {
        Some(folder) => Some(PathBuf::from(folder)),
        None => {
            assert!(std::env::var_os("CI").is_none(), "TRIMETER_CONFORMANCE_DIR is not set");
            eprintln!("skipped: TRIMETER_CONFORMANCE_DIR names no folder with the peers' cases");
            None
        }
    }
}
