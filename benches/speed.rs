//! How long things take, for people: `cargo bench`. With `-count BODY TURNS` it only runs a body, for callgrind; with
//! `-list` it names them.
#![allow(
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench that drives the agent"
)]

mod bodies;

use bodies::Body;
use criterion::{Criterion, Throughput};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use trimeter::agent::{Options, build};
use trimeter::base::clock;
use trimeter::command::{collectors_on_off, flag_tables};
use trimeter::flags::Flags;
use trimeter::io::batch::Engine;
use trimeter::io::engine::{Choice, Requested, probe, run};

/// The function whose instructions are counted.
#[inline(never)]
fn counted_turn(body: &mut Body) {
    (body.turn)();
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["-list"] => bodies::all().iter().for_each(|body| println!("{}", body.name)),
        ["-count", name, turns] => {
            let mut all = bodies::all();
            let body = all.iter_mut().find(|body| body.name == name).expect("-list names the bodies");
            // What is found and kept in the first turns is not what a turn costs.
            for _ in 0..3 {
                (body.turn)();
            }
            for _ in 0..turns.parse::<u32>().expect("-count takes a body and a number") {
                counted_turn(body);
            }
        }
        _ => {
            let mut criterion = Criterion::default().configure_from_args();
            for mut body in bodies::all() {
                let mut group = criterion.benchmark_group("fixtures");
                if body.bytes > 0 {
                    group.throughput(Throughput::Bytes(body.bytes));
                }
                group.bench_function(body.name, |bencher| bencher.iter(|| counted_turn(&mut body)));
                group.finish();
            }
            live(&mut criterion);
            criterion.final_summary();
        }
    }
}

fn flags(arguments: &[&str]) -> Flags {
    let arguments = arguments.iter().map(std::ffi::OsString::from);
    let parsed = trimeter::flags::parse(&flag_tables(), &collectors_on_off(), arguments, |_| None);
    parsed.unwrap_or_else(|mistakes| panic!("{mistakes:?}"))
}

/// This machine, which makes numbers that only this machine repeats.
fn live(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("live");
    for profile in ["essential", "full"] {
        let profile_flag = format!("-metrics.profile={profile}");
        group.bench_function(format!("pass {profile}"), |bencher| {
            let flags = flags(&[&profile_flag, "-collect.maxAge=0s"]);
            let options = Options::new(&flags);
            let prepared = options.prepare();
            let budget = options.budget(&prepared);
            let choice = probe(Requested::Syscall, &options.roots);
            let engine = Engine::Syscall;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let (agent, _server) = runtime
                .block_on(async { build(options, prepared, &budget, choice, engine, clock::monotonic()) })
                .unwrap();
            bencher.iter(|| runtime.block_on(agent.collect_all()));
        });
        let (_agent, port) = agent(&profile_flag);
        for (name, more) in [("plain", ""), ("gzip", "Accept-Encoding: gzip\r\n")] {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
            stream.set_nodelay(true).unwrap();
            let request = format!("GET /metrics HTTP/1.1\r\nHost: x\r\n{more}\r\n");
            let mut buffer = vec![0; 1 << 20];
            group.bench_function(format!("scrape {profile} {name}"), |bencher| {
                bencher.iter(|| scrape(&mut stream, &request, &mut buffer));
            });
        }
    }
    group.finish();
}

/// An agent on a thread of its own; its port.
fn agent(profile: &str) -> (std::thread::JoinHandle<()>, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let profile = profile.to_owned();
    let thread = std::thread::spawn(move || {
        let flags = flags(&[&profile, "-collect.maxAge=0s"]);
        let options = Options::new(&flags);
        let prepared = options.prepare();
        let budget = options.budget(&prepared);
        let choice: Choice = probe(Requested::Auto, &options.roots);
        run(&choice, async move |engine| {
            let (_agent, server) =
                build(options, prepared, &budget, choice, engine, clock::monotonic()).unwrap();
            server.run(listener, std::future::pending()).await.unwrap();
        })
        .unwrap();
    });
    (thread, port)
}

/// One request and all of its answer, by length or by chunks; returns the bytes.
fn scrape(stream: &mut TcpStream, request: &str, buffer: &mut [u8]) -> usize {
    stream.write_all(request.as_bytes()).unwrap();
    let mut used = 0;
    loop {
        let count = stream.read(&mut buffer[used..]).unwrap();
        assert!(count > 0, "the connection ended");
        used += count;
        let got = &buffer[..used];
        let Some(end) = got.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = std::str::from_utf8(&got[..end]).unwrap().to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let whole = match length {
            Some(length) => used == end + 4 + length.parse::<usize>().unwrap(),
            None => got.ends_with(b"\r\n0\r\n\r\n"),
        };
        if whole {
            return used;
        }
    }
}
