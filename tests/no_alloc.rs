//! The promise: after the start, a pass and a scrape on a kept-alive connection allocate nothing.
//!
//! The agent is built in this process, so that its thread's allocations can be counted, all of them and not only
//! those in sections that are marked hot.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test that drives the agent")]

mod common;

use common::{request, samples};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::channel;
use std::time::Duration;
use trimeter::agent::{Options, build};
use trimeter::base::{clock, gate};
use trimeter::command::{collectors_on_off, flag_tables};
use trimeter::io::engine::{Requested, probe, run};

/// Scrapes before the count begins: the sockets, the timer and the ring have their memory by then.
const WARM: usize = 20;
const SCRAPES: usize = 500;

/// Scrapes an agent with these flags and returns what its thread allocated meanwhile, and the last body.
fn scraped(arguments: &[&str], requests: &[&str], mut between: impl FnMut(usize)) -> (u64, u64, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
    let (counts_in, counts) = channel();
    let (asked_in, asked) = channel::<()>();
    let agent = std::thread::spawn(move || {
        let parsed = trimeter::flags::parse(
            &flag_tables(),
            &collectors_on_off(),
            arguments.into_iter().map(std::ffi::OsString::from),
            |_| None,
        );
        let flags = parsed.unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
        let options = Options::new(&flags);
        let prepared = options.prepare();
        let budget = options.budget(&prepared);
        let requested = Requested::from_word(flags.text("io.engine")).unwrap();
        let choice = probe(requested, &options.roots);
        run(&choice, async move |engine| {
            let (agent, server) =
                build(options, prepared, &budget, choice, engine, clock::monotonic()).unwrap();
            let watcher = std::rc::Rc::clone(&agent);
            tokio::task::spawn_local(async move { watcher.watch_groups().await });
            tokio::task::spawn_local(async move { agent.tick().await });
            // Answers with the thread's count whenever it is asked, from inside the loop.
            let watch = async move {
                loop {
                    match asked.try_recv() {
                        Ok(()) => {
                            let count = (gate::thread_allocations(), gate::thread_hot_allocations());
                            if counts_in.send(count).is_err() {
                                return;
                            }
                        }
                        Err(std::sync::mpsc::TryRecvError::Empty) => {
                            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
                        }
                        Err(std::sync::mpsc::TryRecvError::Disconnected) => return,
                    }
                }
            };
            server.run(listener, watch).await.unwrap();
        })
        .unwrap();
    });
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let count = || {
        asked_in.send(()).unwrap();
        counts.recv().unwrap()
    };
    for round in 0..WARM {
        request(&mut stream, requests[round % requests.len()]);
    }
    count();
    let before = count();
    let mut body = Vec::new();
    for round in 0..SCRAPES {
        between(round);
        body = request(&mut stream, requests[round % requests.len()]).body;
    }
    let after = count();
    drop(asked_in);
    drop(stream);
    agent.join().unwrap();
    // Sending a count through the channel may allocate a block of it now and then: 31 counts each.
    (after.0 - before.0, after.1 - before.1, String::from_utf8_lossy(&body).into_owned())
}

const PLAIN: &str = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
const GZIP: &str = "GET /metrics/node HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n";
const SOME: &str = "GET /metrics?collect[]=cpu&collect[]=meminfo HTTP/1.1\r\nHost: x\r\n\r\n";
const PAGE: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

const CONTAINERS: &str = "GET /metrics/cadvisor HTTP/1.1\r\nHost: x\r\n\r\n";

fn check(engine: &str, profile: &str) {
    let engine = format!("-io.engine={engine}");
    let profile = format!("-metrics.profile={profile}");
    // No age and a fast tick, so that every scrape collects and the background does, too.
    let arguments = [engine.as_str(), &profile, "-collect.maxAge=0s", "-promscrape.kubernetes.interval=1s"];
    let (all, hot, body) = scraped(&arguments, &[GZIP, SOME, PAGE, PLAIN], |_| {});
    assert_eq!(hot, 0, "{arguments:?}: allocations in hot sections");
    assert!(all <= 1, "{arguments:?}: {all} allocations in {SCRAPES} scrapes");
    let served = samples(&body);
    assert!(served.len() > 150, "{} series", served.len());
    let name = ("trimeter_hot_allocations_total".to_owned(), Vec::new());
    assert_eq!(served.get(&name), Some(&0.0));
}

#[test]
fn scrapes_and_ticks_allocate_nothing_with_pread() {
    check("syscall", "full");
    check("syscall", "essential");
}

#[test]
fn scrapes_and_ticks_allocate_nothing_with_the_engine_of_this_machine() {
    check("auto", "full");
}

/// Control groups that come and go between scrapes, two hundred of them with all their numbers.
#[test]
fn containers_that_come_and_go_allocate_nothing() {
    let folder = std::env::temp_dir().join(format!("trimeter-no-alloc-{}", std::process::id()));
    let group = |number: usize| {
        let pod = number % 20;
        folder.join(format!("kubepods.slice/kubepods-pod{pod:032x}.slice/cri-containerd-{number:064x}.scope"))
    };
    let make = |number: usize| {
        std::fs::create_dir_all(group(number)).unwrap();
        let files = [
            ("memory.current", "4096\n"),
            ("memory.stat", "anon 4096\nfile 0\ninactive_file 0\npgfault 3\npgmajfault 0\n"),
            ("memory.max", "max\n"),
            ("cpu.stat", "usage_usec 5\nuser_usec 3\nsystem_usec 2\n"),
            ("cpu.pressure", "some avg10=0.00 avg60=0.00 avg300=0.00 total=1\n"),
            ("cpu.max", "50000 100000\n"),
            ("cpu.weight", "100\n"),
        ];
        for (name, text) in files {
            std::fs::write(group(number).join(name), text).unwrap();
        }
    };
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("cgroup.controllers"), "cpu memory\n").unwrap();
    (0..200).for_each(make);
    let cgroupfs = format!("-path.cgroupfs={}", folder.display());
    let arguments = [&cgroupfs, "-io.engine=syscall", "-metrics.profile=full", "-collect.maxAge=0s"];
    let (all, hot, body) = scraped(&arguments, &[CONTAINERS], |round| {
        std::fs::remove_dir_all(group(round)).unwrap();
        make(200 + round);
        if round + 1 == SCRAPES {
            // No runtime knows the group; so long it waits for its names.
            std::thread::sleep(Duration::from_millis(150));
        }
    });
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(hot, 0, "allocations in hot sections");
    assert!(all <= 1, "{all} allocations in {SCRAPES} scrapes");
    let last = format!("cri-containerd-{:064x}", 199 + SCRAPES);
    assert!(body.contains(&last), "the newest group is not served");
    assert!(!body.contains(&format!("cri-containerd-{:064x}", SCRAPES - 1)), "a dead group is served");
    assert!(samples(&body).len() > 200);
}

#[test]
fn the_count_sees_an_allocation() {
    let before = gate::thread_allocations();
    let text = String::from_utf8(vec![b'x'; 100]).unwrap();
    assert_eq!((gate::thread_allocations() - before, text.len()), (1, 100));
}
