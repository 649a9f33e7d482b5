//! What an operator sees of trouble: one line in the log when it begins, and a metric that counts it.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test that runs the program")]

mod common;

use common::{Agent, request, strict};
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use std::io::Write as _;
use std::path::PathBuf;

/// Lines of warnings and errors that the agent has written.
fn lines(agent: &Agent) -> f64 {
    let (_, text) = agent.get("/metrics/self");
    let of = |level: &str| strict(&text)[&("trimeter_log_lines_total".to_owned(), labels("level", level))];
    of("warn") + of("error")
}

fn labels(name: &str, value: &str) -> Vec<(String, String)> {
    vec![(name.to_owned(), value.to_owned())]
}

#[test]
fn a_full_table_is_told_once() {
    let mut agent =
        Agent::start(&["-limit.mounts=1", "-collect.maxAge=0s", "-path.procfs=tests/fixtures/full/proc"]);
    agent.log_line("collector filesystem of part node fails: too_long");
    let line = agent.log_line("table mounts of part node is full");
    assert!(line.contains("capacity 1; raise -limit.mounts"), "{line}");
    let before = lines(&agent);
    for _ in 0..20 {
        agent.get("/metrics");
    }
    assert_eq!(lines(&agent), before);
    assert_eq!(agent.sample("/metrics/self", "trimeter_log_dropped_total"), 0.0);
}

/// A folder of textfiles, removed when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, files: &[(&str, &str)]) -> Folder {
        let path = std::env::temp_dir().join(format!("trimeter-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        for (file, text) in files {
            std::fs::write(path.join(file), text).unwrap();
        }
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

#[test]
fn names_that_are_taken_are_refused_and_the_page_stays_valid() {
    let text = "# TYPE process_cpu_seconds_total gauge\nprocess_cpu_seconds_total 1\n\
        # HELP trimeter_build_info mine\ntrimeter_build_info{mine=\"yes\"} 1\n\
        # TYPE node_load1 counter\nnode_load1 1\n\
        # TYPE node_vmstat_pgfault gauge\nnode_vmstat_pgfault{mine=\"yes\"} 1\n\
        # TYPE trimeter_http_connections histogram\ntrimeter_http_connections_count 1\n\
        backup_age_seconds 5\n";
    let folder =
        Folder::new("names", &[("a.prom", text), ("b.prom", "node_memory_MemFree_bytes 1\nother 2\n")]);
    let mut agent = Agent::start(&[
        "-metrics.profile=full",
        "-collect.maxAge=0s",
        &format!("--collector.textfile.directory={}", folder.0.display()),
    ]);
    let line = agent.log_line("refuses names that something else serves");
    assert!(
        line.contains("table textfile_series of part node") && line.contains("process_cpu_seconds_total"),
        "{line}"
    );
    let before = lines(&agent);
    for path in ["/metrics", "/metrics/node", "/metrics/self", "/metrics"] {
        strict(&agent.get(path).1);
    }
    let found = strict(&agent.get("/metrics").1);
    let value = |name: &str, labels: Vec<(String, String)>| found.get(&(name.to_owned(), labels)).copied();
    assert_eq!(value("backup_age_seconds", Vec::new()), Some(5.0));
    assert_eq!(value("other", Vec::new()), Some(2.0));
    assert_eq!(value("node_textfile_scrape_error", Vec::new()), Some(1.0));
    let mine = |labels: &[(String, String)]| labels.iter().any(|(label, _)| label == "mine");
    assert_eq!(found.keys().find(|(_, labels)| mine(labels)), None);
    assert!(value("node_vmstat_pgfault", Vec::new()).is_some_and(|value| value > 1.0));
    assert!(value("node_memory_MemFree_bytes", Vec::new()).is_some_and(|value| value > 1.0));
    let mut table = labels("part", "node");
    table.extend(labels("table", "textfile_series"));
    assert!(value("trimeter_table_refused_total", table).is_some_and(|refused| refused >= 6.0));
    assert_eq!(value("trimeter_hot_allocations_total", Vec::new()), Some(0.0));
    assert_eq!(lines(&agent), before);
}

#[test]
fn connections_that_cannot_be_accepted_are_told_once() {
    let mut agent = Agent::start(&["-collect.maxAge=0s", "-io.engine=syscall"]);
    let mut stream = agent.connect();
    let mut scrape = || request(&mut stream, "GET /metrics/self HTTP/1.1\r\nHost: x\r\n\r\n");
    scrape();
    let pid = Pid::from_raw(i32::try_from(agent.child.id()).unwrap());
    // The hard limit stays: not everybody may raise it again.
    let few = Rlimit { current: Some(3), ..getrlimit(Resource::Nofile) };
    let before = prlimit(pid, Resource::Nofile, few).unwrap();
    let refused = agent.connect();
    let failed = ("trimeter_http_errors_total".to_owned(), labels("kind", "accept failed"));
    let begun = std::time::Instant::now();
    while strict(&String::from_utf8(scrape().body).unwrap())[&failed] < 2.0 {
        assert!(begun.elapsed().as_secs() < 20, "no accept has failed");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    agent.log_line("connections cannot be accepted");
    prlimit(pid, Resource::Nofile, before).unwrap();
    // The kernel has kept the connection, which is served now.
    drop(refused);
    assert_eq!(agent.get("/-/healthy").0, 200);
    let accepts = std::iter::from_fn(|| agent.logged()).filter(|line| line.contains("cannot be accepted"));
    assert_eq!(accepts.count(), 0);
}

#[test]
fn passes_that_slow_clients_prevent_are_told_once() {
    let mut agent = Agent::start(&["-metrics.profile=full", "-collect.maxAge=0s", "-limit.frames=2"]);
    let refused = |agent: &Agent| agent.sample("/metrics/self", "trimeter_passes_refused_total");
    // More than what sockets hold, and nobody reads it: each answer that is stuck holds a frame.
    let many = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".repeat(150);
    let mut slow = Vec::new();
    while refused(&agent) == 0.0 {
        assert!(slow.len() < 24, "no pass was refused");
        let mut stream = agent.connect();
        stream.write_all(many.as_bytes()).unwrap();
        slow.push(stream);
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    agent.log_line("passes are refused");
    for _ in 0..20 {
        assert_eq!(agent.get("/metrics/node").0, 200);
    }
    let more = std::iter::from_fn(|| agent.logged()).filter(|line| line.contains("passes are refused"));
    assert_eq!(more.count(), 0);
}

#[test]
fn connections_over_the_limit_are_told_once() {
    let mut agent = Agent::start(&["-collect.maxAge=0s", "-limit.connections=1"]);
    let mut stream = agent.connect();
    let mut scrape = || {
        let answer = request(&mut stream, "GET /metrics/self HTTP/1.1\r\nHost: x\r\n\r\n");
        strict(&String::from_utf8(answer.body).unwrap())
    };
    scrape();
    let others: Vec<_> = (0..3).map(|_| agent.connect()).collect();
    let count = ("trimeter_http_connections_refused_total".to_owned(), Vec::new());
    let begun = std::time::Instant::now();
    while scrape()[&count] < 3.0 {
        assert!(begun.elapsed().as_secs() < 20, "no connection was refused");
    }
    drop(others);
    agent.log_line("connections are closed at once");
    let more = std::iter::from_fn(|| agent.logged()).filter(|line| line.contains("are closed at once"));
    assert_eq!(more.count(), 0);
}
