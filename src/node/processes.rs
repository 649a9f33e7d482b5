//! Processes and threads by state: `/proc/PID/stat`, `/proc/PID/task/TID/stat`.
//!
//! Format: "1 (systemd) S 0 1 …": the name may hold anything, even ')'; after the last ')' come the state and 49
//! numbers, of which the 17th is the number of threads.

use crate::collect::{Collect, Collector, Pass, Setup, Trouble};
use crate::family::{Family, Table, check, gauge};
use crate::io::{FileSpec, Io, Names, ReadError, Root};
use crate::text::{trim, unsigned, words};

pub const COLLECTOR: Collector = Collector {
    name: "processes",
    default: false,
    files: &[FileSpec::proc("sys/kernel/threads-max", |_| 64), FileSpec::proc("sys/kernel/pid_max", |_| 64)],
    tables: &[Table::single("processes", FAMILIES)],
    flags: &[],
    make,
};

/// Letters of all kernels since 2.6; `x` and `W` are gone from new ones.
const STATES: &[&str] = &["R", "S", "D", "T", "t", "X", "x", "Z", "P", "I", "K", "W"];

const FAMILIES: &[Family] = &[
    gauge("node_processes_threads", "Threads of all processes.").key("threads").essential(),
    gauge("node_processes_max_threads", "Threads the machine may have.").key("threads-max").essential(),
    gauge("node_processes_state", "Processes by state.").key("state").split("state", STATES).essential(),
    gauge("node_processes_threads_state", "Threads by state.")
        .key("thread_state")
        .split("thread_state", STATES),
    gauge("node_processes_pids", "Processes.").key("pids").essential(),
    gauge("node_processes_max_processes", "Largest process number.").key("pid_max").essential(),
];
const _: () = check(FAMILIES);

/// Processes, or threads of one, whose names fit; with more of them the numbers are missing rather than too small.
const NAMES_MAX: usize = 16_384;

struct Processes {
    pids: Names,
    tids: Names,
}

#[derive(Default)]
struct Counts {
    pids: u64,
    threads: u64,
    states: [u64; STATES.len()],
    thread_states: [u64; STATES.len()],
}

fn make(_: &Setup<'_>) -> Box<dyn Collect> {
    Box::new(Processes { pids: Names::with_capacity(NAMES_MAX), tids: Names::with_capacity(NAMES_MAX) })
}

impl Collect for Processes {
    fn collect(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        let files = pass.files;
        let limit = |index: usize| files.get(index).ok().and_then(|text| unsigned(trim(text)));
        let counts = self.count(pass.io);
        let mut row = pass.out.single(0);
        if let Ok(counts) = &counts {
            row.set("threads", counts.threads);
        }
        if let Some(threads_max) = limit(0) {
            row.set("threads-max", threads_max);
        }
        if let Ok(counts) = &counts {
            // A state that nobody is in has no series, as upstream.
            for (key, states) in [("state", &counts.states), ("thread_state", &counts.thread_states)] {
                for (state, count) in STATES.iter().zip(states).filter(|(_, count)| **count > 0) {
                    row.set_split(key, state, *count);
                }
            }
            row.set("pids", counts.pids);
        }
        if let Some(pid_max) = limit(1) {
            row.set("pid_max", pid_max);
        }
        counts.map(|_| ())
    }
}

impl Processes {
    fn count(&mut self, io: &mut dyn Io) -> Result<Counts, Trouble> {
        let mut counts = Counts::default();
        listed(io, &[b""], &mut self.pids)?;
        for pid in self.pids.iter().filter(|name| unsigned(name).is_some()) {
            // Processes end between the list and the read, and hidepid= hides them.
            let Some((state, threads)) = io.read(Root::Proc, &[pid, b"/stat"]).ok().and_then(parse) else {
                continue;
            };
            counts.pids += 1;
            counts.threads = counts.threads.saturating_add(threads);
            add(&mut counts.states, state);
            if threads == 1 {
                add(&mut counts.thread_states, state);
                continue;
            }
            match listed(io, &[pid, b"/task"], &mut self.tids) {
                Ok(()) => {}
                Err(Trouble::TooLong) => return Err(Trouble::TooLong),
                Err(_) => continue,
            }
            for tid in self.tids.iter() {
                let stat = io.read(Root::Proc, &[pid, b"/task/", tid, b"/stat"]);
                if let Some((state, _)) = stat.ok().and_then(parse) {
                    add(&mut counts.thread_states, state);
                }
            }
        }
        Ok(counts)
    }
}

fn listed(io: &mut dyn Io, pieces: &[&[u8]], names: &mut Names) -> Result<(), Trouble> {
    let refused = names.refused_total();
    io.list(Root::Proc, pieces, names).map_err(|error| match error {
        ReadError::TooLong => Trouble::Failed,
        error => error.into(),
    })?;
    if names.refused_total() > refused { Err(Trouble::TooLong) } else { Ok(()) }
}

fn add(states: &mut [u64; STATES.len()], state: u8) {
    if let Some(at) = STATES.iter().position(|known| known.as_bytes() == [state]) {
        states[at] += 1;
    }
}

/// State and number of threads.
fn parse(stat: &[u8]) -> Option<(u8, u64)> {
    let name_end = memchr::memrchr(b')', stat)?;
    let mut words = words(&stat[name_end + 1..]);
    let state = words.next()?;
    let threads = words.nth(16).and_then(unsigned)?;
    Some((*state.first()?, threads))
}

#[cfg(test)]
mod tests {
    use crate::io::replay::Replay;
    use crate::node::testing::{Bench, check};

    fn stat(name: &str, state: &str, threads: &str) -> String {
        format!("7 ({name}) {state} 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 {threads} 0 9 9 9\n")
    }

    #[test]
    fn processes_and_their_threads() {
        check(
            "processes",
            &[
                ("proc/1/stat", &stat("init", "S", "1")),
                ("proc/20/stat", &stat("a) R (b", "R", "2")),
                ("proc/20/task/20/stat", &stat("x", "R", "2")),
                ("proc/20/task/21/stat", &stat("x", "D", "2")),
                ("proc/20/task/22/stat", "gone"),
                ("proc/30/stat", "30 (cut) S 1"),
                ("proc/self/stat", &stat("x", "Z", "1")),
                ("proc/sys/kernel/threads-max", "192000\n"),
                ("proc/sys/kernel/pid_max", "4194304\n"),
            ],
            r#"node_processes_threads 3
               node_processes_max_threads 192000
               node_processes_state{state="R"} 1
               node_processes_state{state="S"} 1
               node_processes_threads_state{thread_state="R"} 1
               node_processes_threads_state{thread_state="S"} 1
               node_processes_threads_state{thread_state="D"} 1
               node_processes_pids 2
               node_processes_max_processes 4194304"#,
        );
    }

    #[test]
    fn too_many_processes_are_not_counted_by_halves() {
        let mut machine = Replay::with(&[("proc/sys/kernel/pid_max", "9")]);
        for pid in 0..=super::NAMES_MAX {
            machine.file(&format!("proc/{pid}/stat"), b"");
        }
        let (result, text) = Bench::new("processes", machine, &[]).pass();
        assert_eq!(
            (result.unwrap_err().label(), text.as_str()),
            ("too_long", "node_processes_max_processes 9")
        );
    }
}
