//! The program as its users meet it: flags, exit codes, endpoints, signals.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test that runs the program")]

mod common;

use common::{Agent, answer, output, request, samples};
use std::io::{BufRead as _, Read, Write};
use std::process::Command;
use std::time::{Duration, Instant};

#[test]
fn version_and_help() {
    let (code, text, _) = output(&["-version"]);
    assert_eq!((code, text.as_str()), (0, concat!("trimeter-", env!("CARGO_PKG_VERSION"), "\n")));
    let (code, text, _) = output(&["--help"]);
    assert_eq!(code, 0);
    for flag in
        ["-httpListenAddr", "-promscrape.kubernetes.exclude-namespaces", "collector.netdev.device-exclude"]
    {
        assert!(text.contains(flag), "{flag} is not in the help");
    }
}

#[test]
fn all_mistakes_are_told_at_once() {
    let (code, _, errors) = output(&[
        "-metrics.profile=most",
        "-collect.maxAge=soon",
        "-nonsense",
        "--collector.netdev.device-exclude=(",
        "-path.procfs=/nowhere",
        "-promscrape.kubernetes.node.collectors=cpus",
    ]);
    assert_eq!(code, 2);
    let parts = [
        "-metrics.profile",
        "most",
        "essential",
        "-collect.maxAge",
        "soon",
        "nonsense",
        "device-exclude",
        "/nowhere",
        "collectors=cpus",
    ];
    for part in parts {
        assert!(errors.contains(part), "{part} is not in: {errors}");
    }
}

#[test]
fn without_sysfs_the_rest_is_served() {
    let (code, text, errors) = output(&["-once", "-path.sysfs=/neither"]);
    assert_eq!(code, 0, "{errors}");
    assert!(errors.contains("/neither"), "{errors}");
    assert!(text.contains("node_memory_MemTotal_bytes"), "{text}");
}

#[test]
fn an_empty_node_name_is_none() {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    for (given, expect) in [("", host.as_str()), ("a-node", "a-node")] {
        let output = common::program().arg("-once").env("NODE_NAME", given).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains(&format!("node=\"{expect}\"")), "{text}");
    }
}

#[test]
fn addresses_are_numbers_or_localhost() {
    let (code, _, errors) = output(&["-httpListenAddr=node-1:10333"]);
    assert_eq!(code, 2);
    assert!(errors.contains("IP address") && errors.contains("localhost"), "{errors}");
    let mut agent = Agent::start(&["-httpListenAddr=localhost:0", "-promscrape.kubernetes=false"]);
    agent.log_line("only metrics of the agent itself");
    assert_eq!(agent.get("/-/healthy").0, 200);
}

#[test]
fn a_plan_above_what_is_allowed_is_refused_with_both_numbers() {
    let (code, plan, _) = output(&["-dryRun"]);
    assert_eq!(code, 0);
    let total: u64 = plan.lines().last().unwrap().split_whitespace().last().unwrap().parse().unwrap();
    let (code, _, errors) = output(&["-memory.allowedBytes=100KB"]);
    assert_eq!(code, 2);
    assert!(errors.contains(&total.to_string()), "{total} is not in: {errors}");
    assert!(errors.contains("-memory.allowedBytes"), "{errors}");
    let (code, both, errors) = output(&["-dryRun", "-memory.allowedBytes=100KB"]);
    assert_eq!((code, both == plan), (2, true));
    assert!(errors.contains("-memory.allowedBytes"), "{errors}");
    let (code, _, _) = output(&["-once", &format!("-memory.allowedBytes={total}")]);
    assert_eq!(code, 0);
}

#[test]
fn every_endpoint_answers() {
    // Control groups of this machine may come and go between two answers.
    let agent = Agent::start(&["-metrics.profile=full", "-path.cgroupfs=tests/fixtures/cgroup-v2"]);
    let all = samples(&agent.get("/metrics").1);
    let node = samples(&agent.get("/metrics/node").1);
    let own = samples(&agent.get("/metrics/self").1);
    let containers = samples(&agent.get("/metrics/cadvisor").1);
    let names = |set: &std::collections::BTreeMap<common::Series, f64>, prefix: &str| {
        set.keys().filter(|(name, _)| name.starts_with(prefix)).count()
    };
    assert!(names(&node, "node_") > 100);
    assert!(names(&own, "trimeter_") > 30);
    assert!(names(&own, "node_") == 0);
    assert!(names(&node, "trimeter_") == 0);
    let of_cadvisor =
        |set| ["container_", "machine_", "cadvisor_"].iter().map(|prefix| names(set, prefix)).sum();
    for set in [&containers, &all] {
        let count: usize = of_cadvisor(set);
        assert_eq!(count, containers.len());
    }
    for set in [&all, &node, &own] {
        assert!(set.contains_key(&("process_resident_memory_bytes".to_owned(), Vec::new())));
    }
    assert!(names(&all, "node_") > 100 && names(&all, "trimeter_") > 30);
    assert_eq!(agent.get("/-/healthy"), (200, "OK\n".to_owned()));
    assert_eq!(agent.get("/-/ready"), (200, "OK\n".to_owned()));
    let (status, page) = agent.get("/");
    assert_eq!(status, 200);
    for part in
        ["/metrics/node", "/metrics/cadvisor", "meminfo", "<td>container</td>", "off: by default", "</html>"]
    {
        assert!(page.contains(part), "{part} is not on the page");
    }
    assert_eq!(agent.get("/nothing").0, 404);
}

#[test]
fn collect_and_exclude_have_the_peers_rules() {
    let agent = Agent::start(&["-metrics.profile=full"]);
    let collectors = |path: &str| {
        let (status, text) = agent.get(path);
        assert_eq!(status, 200, "{text}");
        let set = samples(&text);
        let mut found: Vec<String> = set
            .keys()
            .filter(|(name, _)| name == "node_scrape_collector_success")
            .map(|(_, labels)| labels[0].1.clone())
            .collect();
        found.sort();
        (found, set)
    };
    let (found, set) = collectors("/metrics/node?collect[]=loadavg&collect%5B%5D=meminfo");
    assert_eq!(found, ["loadavg", "meminfo"]);
    assert!(set.keys().all(|(name, _)| !name.starts_with("node_cpu")));
    assert!(set.contains_key(&("node_load1".to_owned(), Vec::new())));
    let (_, text) = agent.get("/metrics?collect[]=loadavg");
    assert!(!text.lines().any(|line| line.starts_with("container_")), "{text}");
    let (_, text) = agent.get("/metrics?exclude[]=loadavg");
    assert!(text.contains("container_last_seen"), "{text}");
    let (found, _) = collectors("/metrics/node?exclude[]=loadavg&exclude[]=nonsense");
    assert!(!found.contains(&"loadavg".to_owned()) && found.len() > 20);
    let refused = |path: &str, expect: &str| {
        let (status, text) = agent.get(path);
        assert_eq!((status, text.as_str()), (400, expect));
    };
    refused(
        "/metrics/node?collect[]=cpu&exclude[]=cpu",
        "Combined collect and exclude queries are not allowed.",
    );
    refused(
        "/metrics?collect[]=nonsense&exclude[]=cpu",
        "Combined collect and exclude queries are not allowed.",
    );
    let begin = "Couldn't create filtered metrics handler: couldn't create collector:";
    refused("/metrics?collect[]=nonsense", &format!("{begin} missing collector: nonsense"));
    refused("/metrics?collect[]=slabinfo", &format!("{begin} disabled collector: slabinfo"));
    refused("/metrics?collect[]=systemd", &format!("{begin} disabled collector: systemd"));
}

#[test]
fn answers_are_whole_plain_and_compressed() {
    let agent = Agent::start(&["-metrics.profile=full"]);
    let mut stream = agent.connect();
    let plain = request(&mut stream, "GET /metrics/node HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(plain.head.contains("text/plain; version=0.0.4; charset=utf-8"), "{}", plain.head);
    assert!(plain.body.ends_with(b"\n"));
    let zipped =
        request(&mut stream, "GET /metrics/node HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip, br\r\n\r\n");
    assert!(zipped.head.to_ascii_lowercase().contains("content-encoding: gzip"), "{}", zipped.head);
    let mut text = String::new();
    flate2::read::GzDecoder::new(zipped.body.as_slice()).read_to_string(&mut text).unwrap();
    let names = |text: &str| samples(text).into_keys().map(|(name, _)| name).collect::<Vec<_>>();
    let both = [names(&text), names(std::str::from_utf8(&plain.body).unwrap())];
    assert_eq!(both[0].first(), both[1].first());
    assert_eq!(both[0].len(), both[1].len());
    let head = request(&mut stream, "HEAD /metrics/node HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!((head.status, head.body.len()), (200, 0));
    let refused = request(&mut stream, "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(refused.status, 405);
    let mut stream = agent.connect();
    stream
        .write_all(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\nGET /-/ready HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    assert_eq!(answer(&mut stream, false).status, 200);
    assert_eq!(answer(&mut stream, false).status, 200);
}

#[test]
fn a_slow_reader_does_not_disturb_the_others() {
    let agent = Agent::start(&["-metrics.profile=full", "-collect.maxAge=0s"]);
    // Clients that ask and never read hold their frames; the others are served all the same.
    let slow: Vec<_> = (0..8)
        .map(|_| {
            let mut stream = agent.connect();
            stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
            stream
        })
        .collect();
    for _ in 0..50 {
        let (status, text) = agent.get("/metrics");
        assert_eq!(status, 200);
        assert!(samples(&text).len() > 150);
    }
    drop(slow);
}

#[test]
fn memory_does_not_grow_with_scrapes() {
    // New control groups of this machine would take their planned memory.
    let cgroupfs = "-path.cgroupfs=tests/fixtures/cgroup-v2";
    let agent = Agent::start(&["-metrics.profile=full", "-collect.maxAge=0s", cgroupfs]);
    let mut stream = agent.connect();
    let mut scrape = |times: usize| {
        for _ in 0..times {
            assert_eq!(request(&mut stream, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
        }
    };
    scrape(1000);
    let before = agent.status("RssAnon");
    scrape(3000);
    let after = agent.status("RssAnon");
    assert!(after <= before + 64, "resident memory grew from {before} kB to {after} kB");
    assert_eq!(agent.sample("/metrics/self", "trimeter_hot_allocations_total"), 0.0);
}

/// The agent with so many descriptors.
fn with_descriptors(count: u32) -> Command {
    let mut command = Command::new("sh");
    let script = format!("ulimit -n {count}; exec \"$0\" -httpListenAddr=127.0.0.1:0 -metrics.profile=full");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_trimeter")]);
    command
}

#[test]
fn with_few_descriptors_every_connection_is_served_all_the_same() {
    let output = with_descriptors(24).output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(errors.contains("RLIMIT_NOFILE=24") && errors.contains("64"), "{errors}");
    let agent = Agent::spawn(&mut with_descriptors(64));
    let mut streams: Vec<_> = (0..32).map(|_| agent.connect()).collect();
    for _ in 0..2 {
        for stream in &mut streams {
            let answer = request(stream, "GET /metrics/node HTTP/1.1\r\nHost: x\r\n\r\n");
            assert_eq!(answer.status, 200);
            assert!(samples(std::str::from_utf8(&answer.body).unwrap()).len() > 150);
        }
    }
    let open = std::fs::read_dir(format!("/proc/{}/fd", agent.child.id())).unwrap().count();
    assert!(open < 64, "{open} descriptors");
}

#[test]
fn signals() {
    let mut agent = Agent::start(&[]);
    let pid = i32::try_from(agent.child.id()).unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
    assert_eq!(agent.get("/-/healthy").0, 200);
    // An idle connection does not hold it up.
    let idle = agent.connect();
    let began = Instant::now();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let status = agent.child.wait().unwrap();
    assert_eq!(status.code(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(5));
    drop(idle);
}

#[test]
fn an_address_in_use_is_told() {
    let agent = Agent::start(&[]);
    let address = format!("-httpListenAddr=127.0.0.1:{}", agent.port);
    let (code, _, errors) = output(&[&address]);
    assert_eq!(code, 1);
    assert!(errors.contains("cannot listen"), "{errors}");
}

#[test]
fn the_start_line_says_what_runs() {
    let mut agent = Agent::start(&["-io.engine=syscall"]);
    agent.log_line("not in a Kubernetes cluster");
    let mut without = Agent::start(&["-path.cgroupfs=/nowhere"]);
    without.log_line("-path.cgroupfs=/nowhere: no control groups are mounted there");
    drop(agent);
    let mut child = common::program()
        .args(["-httpListenAddr=127.0.0.1:0", "-promscrape.kubernetes=false"])
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    std::io::BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(line.contains("; no collectors; "), "{line}");
}

#[test]
fn a_container_is_served_and_forgotten_before_numbers_are_old() {
    let root = std::env::temp_dir().join(format!("trimeter-groups-{}", std::process::id()));
    let id = format!("/kubepods/burstable/pod73dc8baf-43a0-413e-aac2-5eb0868f6c1a/{:064x}", 7);
    let group = root.join(id.trim_start_matches('/'));
    std::fs::create_dir_all(group.parent().unwrap()).unwrap();
    std::fs::write(root.join("cgroup.controllers"), "cpu io memory pids").unwrap();
    let cgroupfs = format!("-path.cgroupfs={}", root.display());
    let agent =
        Agent::start(&["-promscrape.kubernetes.collectors=container", "-collect.maxAge=1h", &cgroupfs]);
    let shown = || agent.get("/metrics/cadvisor").1.contains(&id);
    assert!(!shown());
    for _ in 0..3 {
        std::fs::create_dir(&group).unwrap();
        // Names are looked for first, and nothing keeps them here.
        std::thread::sleep(std::time::Duration::from_millis(200));
        assert!(shown());
        std::fs::remove_dir(&group).unwrap();
        assert!(!shown());
    }
    std::fs::remove_dir_all(&root).unwrap();
}
