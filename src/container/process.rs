//! Processes of a group, the files and sockets they have open, threads and limits of processes. Only in profile `full`.
//!
//! Looking at every open file takes longer than everything else that is read of a group, so that a pass looks at as many
//! as fit into [`STEPS_PER_PASS`], and the next pass goes on with the next group. Few groups are all seen in every pass.

use super::files::{PROCESSES, TASKS};
use super::limits::Limits;
use super::visit::Visit;
use crate::base::text::Text;
use crate::family::{Family, check, gauge};
use crate::io::groups::Version;
use crate::io::{Io, Names, ReadError, Root};
use crate::store::RowOut;
use crate::text::{lines, unsigned, words};
use std::fmt::Write as _;

pub(super) const FAMILIES: &[Family] = &[
    gauge("container_processes", "Processes of the group itself, without those of groups below it.")
        .key("processes"),
    gauge("container_file_descriptors", "Files that these processes have open.").key("file descriptors"),
    gauge("container_sockets", "Sockets among the open files.").key("sockets"),
    gauge("container_threads_max", "Threads that the group may have; 0: no limit.").key("threads max"),
    gauge("container_threads", "Threads of the group and of those below it.").key("threads"),
    gauge("container_ulimits_soft", "Soft limit of the group's first process; -1: no limit.")
        .key("ulimits")
        .split("ulimit", &["max_open_files"])
        .signed(),
];
const _: () = check(FAMILIES);

/// Open files that a pass looks at; one group that has more is looked at alone.
const STEPS_PER_PASS: usize = 400;

/// A directory or a list of limits takes as long as so many files.
const STEPS_PER_PROCESS: usize = 5;

/// More processes in a group cannot be looked at; on a large machine the root has some thousand threads of the kernel.
const PROCESSES_MAX: usize = 16 * 1024;

/// More open files of a process cannot be looked at.
const FILES_MAX: usize = 4096;

/// What was seen of a group when it was last its turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    files: Option<u64>,
    sockets: Option<u64>,
    /// -1: no limit.
    files_max: Option<i64>,
}

/// Looks into processes, by turns.
pub(super) struct Walk {
    pids: Vec<u32>,
    names: Names,
    /// The next group to look at, by its place in the order of a pass.
    turn: usize,
    steps: usize,
}

impl Walk {
    pub fn new() -> Self {
        Walk {
            pids: Vec::with_capacity(PROCESSES_MAX),
            names: Names::with_capacity(FILES_MAX),
            turn: 0,
            steps: 0,
        }
    }

    /// Begins a pass.
    pub fn begin(&mut self) {
        self.steps = STEPS_PER_PASS;
    }

    /// Ends a pass over so many groups.
    pub fn end(&mut self, groups: usize) {
        // With steps left, the rest has been passed.
        if self.turn > groups || self.steps > 0 {
            self.turn = 0;
        }
    }

    /// Is it the turn of the group at this place?
    fn takes(&mut self, at: usize) -> bool {
        let takes = self.steps > 0 && at >= self.turn;
        if takes {
            self.turn = at + 1;
        }
        takes
    }
}

/// A group in its turn.
pub(super) struct Turn<'a> {
    pub walk: &'a mut Walk,
    pub io: &'a mut dyn Io,
    /// The place of the group in the pass, counted from 1.
    pub at: usize,
    /// Is its first process asked for its limits?
    pub limited: bool,
}

/// Reads and shows, if the profile serves any of it.
pub(super) fn read(
    visit: &mut Visit<'_>,
    turn: Turn<'_>,
    limits: &Limits,
    seen: &mut Seen,
    row: &mut RowOut<'_>,
) {
    let Turn { walk, io, at, limited } = turn;
    if !visit.needed[TASKS] {
        return;
    }
    let mut count = None;
    walk.pids.clear();
    visit.absorb(PROCESSES, |text| absorb_processes(text, &mut count, &mut walk.pids));
    if let Some(count) = count
        && walk.takes(at)
    {
        *seen = walk.look(count, limited, visit.is_root(), io);
    }
    row.set_some("processes", count);
    row.set_some("file descriptors", seen.files);
    row.set_some("sockets", seen.sockets);
    row.set_some("threads max", limits.threads);
    row.set_some("threads", visit.threads(count));
    if let Some(files_max) = seen.files_max {
        row.set_split_signed("ulimits", "max_open_files", files_max);
    }
}

impl Visit<'_> {
    /// The root has no such file: with v1 the peer shows 0, with v2 its processes.
    fn threads(&mut self, processes: Option<u64>) -> Option<u64> {
        if self.is_root() && self.version() == Version::V1 {
            return processes.map(|_| 0);
        }
        self.number(TASKS).or(processes.filter(|_| self.version() == Version::V2))
    }
}

/// cgroup.procs: counts the processes and lists as many as fit. Returns how many lines were not understood.
pub(super) fn absorb_processes(text: &[u8], count: &mut Option<u64>, pids: &mut Vec<u32>) -> u32 {
    let (mut found, mut malformed) = (0, 0);
    for line in lines(text) {
        found += 1;
        match unsigned(line).and_then(|pid| u32::try_from(pid).ok()) {
            Some(pid) if pids.len() < PROCESSES_MAX => pids.push(pid),
            Some(_) => {}
            None => malformed += 1,
        }
    }
    *count = Some(found);
    malformed
}

impl Walk {
    /// Looks into the processes that are listed. What is not allowed, or more than fits, is missing.
    fn look(&mut self, count: u64, limited: bool, root: bool, io: &mut dyn Io) -> Seen {
        let mut seen = Seen::default();
        // Those outside of our own PID namespace are listed as 0: how many they are is all that is known.
        if self.pids.contains(&0) {
            return seen;
        }
        let first = if root { Some(1) } else { self.pids.first().copied() };
        if let Some(pid) = first.filter(|_| limited) {
            seen.files_max = files_max(pid, io);
        }
        if count != self.pids.len() as u64 {
            return seen;
        }
        let (mut files, mut sockets) = (Some(0), Some(0));
        for at in 0..self.pids.len() {
            let (more_files, more_sockets) = self.look_into(self.pids[at], io);
            files = add(files, more_files);
            sockets = add(sockets, more_sockets);
            if files.is_none() {
                break;
            }
        }
        (seen.files, seen.sockets) = (files, sockets);
        seen
    }

    /// Open files and sockets of a process.
    fn look_into(&mut self, pid: u32, io: &mut dyn Io) -> (Option<u64>, Option<u64>) {
        let pid = digits(pid);
        let refused = self.names.refused_total();
        self.steps = self.steps.saturating_sub(STEPS_PER_PROCESS);
        match io.list(Root::Proc, &[pid.as_bytes(), b"/fd"], &mut self.names) {
            Ok(()) => {}
            // A process that has ended has no files.
            Err(ReadError::Missing | ReadError::Gone) => return (Some(0), Some(0)),
            Err(_) => return (None, None),
        }
        self.steps = self.steps.saturating_sub(self.names.len());
        let refused = self.names.refused_total() - refused;
        let files = self.names.len() as u64 + refused;
        let mut sockets = 0;
        for name in self.names.iter() {
            // A file that was closed since the list was made was no socket, for all we know.
            let target = io.link(Root::Proc, &[pid.as_bytes(), b"/fd/", name]).unwrap_or_default();
            sockets += u64::from(target.starts_with(b"socket"));
        }
        (Some(files), (refused == 0).then_some(sockets))
    }
}

fn add(sum: Option<u64>, more: Option<u64>) -> Option<u64> {
    Some(sum?.saturating_add(more?))
}

fn digits(pid: u32) -> Text<10> {
    let mut text = Text::new();
    let fits = write!(text, "{pid}");
    assert!(fits.is_ok(), "no number of 32 bits has more than 10 digits");
    text
}

/// The soft limit of open files in `/proc/PID/limits`: "Max open files            1024                 524288               files".
fn files_max(pid: u32, io: &mut dyn Io) -> Option<i64> {
    let text = io.read(Root::Proc, &[digits(pid).as_bytes(), b"/limits"]).ok()?;
    let rest = lines(text).find_map(|line| line.strip_prefix(b"Max open files"))?;
    match words(rest).next()? {
        b"unlimited" => Some(-1),
        number => unsigned(number).and_then(|number| i64::try_from(number).ok()),
    }
}

#[cfg(test)]
mod tests {
    use super::STEPS_PER_PASS;
    use crate::container::testing::{Bench, check_root_v1, check_v1, check_v2};
    use crate::family::Profile;
    use crate::io::ReadError;
    use crate::io::groups::testing::TestTree;
    use crate::io::replay::{Entry, Replay};

    const ALL: &str =
        "container_processes container_file_d container_sockets container_threads container_ulimits";

    /// A process with as many files, of which the first is a socket.
    fn process(machine: &mut Replay, pid: u32, files: usize) {
        machine.put(&format!("proc/{pid}/fd"), Entry::Folder);
        for file in 0..files {
            let target = if file == 0 { "socket:[77]" } else { "/dev/null" };
            machine.symlink(&format!("proc/{pid}/fd/{file}"), target);
        }
    }

    fn shown(bench: &mut Bench, id: &str) -> Vec<String> {
        let (result, _, lines) = bench.pass();
        assert_eq!(result, Ok(()));
        let label = format!("id=\"{id}\"");
        lines
            .into_iter()
            .filter(|line| line.contains(&label) && ALL.split(' ').any(|word| line.starts_with(word)))
            .map(|line| line.replace(&format!("{{{label}}}"), "").replace(&format!(",{label}"), ""))
            .collect()
    }

    #[test]
    fn processes_without_a_number_here_are_counted_and_nothing_else() {
        let tree = TestTree::v2();
        let id = format!("docker/{}", "5".repeat(64));
        tree.write(&format!("{id}/cgroup.procs"), "0\n7\n");
        let mut bench = Bench::new(tree, Profile::Full);
        process(&mut bench.machine, 7, 3);
        assert_eq!(shown(&mut bench, &format!("/{id}")), ["container_processes 2", "container_threads 2"]);
    }

    #[test]
    fn open_files_and_sockets_are_counted() {
        let tree = TestTree::v2();
        let id = format!("docker/{}", "5".repeat(64));
        tree.write(&format!("{id}/cgroup.procs"), "7\n8\n9\n");
        tree.write(&format!("{id}/pids.current"), "12\n");
        tree.write(&format!("{id}/pids.max"), "max\n");
        let mut bench = Bench::new(tree, Profile::Full);
        process(&mut bench.machine, 7, 3);
        process(&mut bench.machine, 8, 1);
        bench.machine.file(
            "proc/7/limits",
            b"Limit  Soft Limit  Hard Limit  Units\nMax open files            20000                20001     files     \n",
        );
        let expect = [
            "container_file_descriptors 4",
            "container_processes 3",
            "container_sockets 2",
            "container_threads_max 0",
            "container_threads 12",
            "container_ulimits_soft{ulimit=\"max_open_files\"} 20000",
        ];
        assert_eq!(shown(&mut bench, &format!("/{id}")), expect);
        // Without the right to look, what is not seen is missing.
        bench.machine.put("proc/7/fd", Entry::Broken(ReadError::Denied));
        bench
            .machine
            .file("proc/7/limits", b"Max open files            unlimited            unlimited   files\n");
        let expect = [
            "container_processes 3",
            "container_threads_max 0",
            "container_threads 12",
            "container_ulimits_soft{ulimit=\"max_open_files\"} -1",
        ];
        assert_eq!(shown(&mut bench, &format!("/{id}")), expect);
    }

    #[test]
    fn a_group_of_groups_has_no_processes() {
        check_v2(
            ALL,
            &[("cgroup.procs", ""), ("pids.current", "3\n"), ("pids.max", "100\n")],
            "container_file_descriptors 0
             container_processes 0
             container_sockets 0
             container_threads_max 100
             container_threads 3",
        );
        check_v1(
            ALL,
            &[("cpu/cgroup.procs", ""), ("pids/pids.current", "3\n"), ("pids/pids.max", "max\n")],
            "container_file_descriptors 0
             container_processes 0
             container_sockets 0
             container_threads_max 0
             container_threads 3",
        );
    }

    #[test]
    fn the_root_has_no_count_of_threads() {
        check_root_v1(
            ALL,
            &[("cpu/cgroup.procs", "1\n2\n")],
            "container_file_descriptors 0
             container_processes 2
             container_sockets 0
             container_threads_max 0
             container_threads 0",
        );
    }

    #[test]
    fn groups_take_turns_when_there_is_much_to_see() {
        let tree = TestTree::v2();
        for (name, pid) in [("a", 10), ("b", 20), ("c", 30)] {
            tree.write(&format!("{name}/cgroup.procs"), &format!("{pid}\n"));
        }
        let mut bench = Bench::new(tree, Profile::Full);
        for pid in [10, 20, 30] {
            process(&mut bench.machine, pid, STEPS_PER_PASS);
        }
        let count = |bench: &mut Bench| {
            let (_, _, lines) = bench.pass();
            let seen = lines.iter().filter(|line| line.starts_with("container_sockets{"));
            // The root has no processes.
            seen.filter(|line| line.ends_with(" 1")).count()
        };
        assert_eq!([(); 5].map(|()| count(&mut bench)), [1, 2, 3, 3, 3]);
        // What changes is seen when it is the group's turn again.
        process(&mut bench.machine, 20, STEPS_PER_PASS + 7);
        let files = |bench: &mut Bench| {
            let line = shown(bench, "/b")[0].clone();
            line.rsplit_once(' ').unwrap().1.parse::<usize>().unwrap()
        };
        let turns = [(); 3].map(|()| files(&mut bench));
        assert_eq!(turns.iter().max(), Some(&(STEPS_PER_PASS + 7)));
    }

    #[test]
    fn bad_lines_cost_themselves() {
        check_v2(
            ALL,
            &[("cgroup.procs", "x\n-1\n99999999999\n"), ("pids.current", "many"), ("pids.max", "most")],
            "container_processes 3
             container_threads 3",
        );
    }
}
