//! The agent's own process: `/proc/self`, always of the agent's own /proc, wherever the node's is mounted.

use crate::base::clock;
use crate::collect::{Collect, Collector, Pass, Setup, Trouble};
use crate::family::{Family, Table, check, counter, gauge};
use crate::io::{FileSpec, Names, Root};
use crate::store::RowOut;
use crate::text::{float, lines, split_once, unsigned, words};

pub const COLLECTOR: Collector = Collector {
    name: "process",
    default: true,
    files: &[
        FileSpec { root: Root::Absolute, path: "/proc/self/stat", bytes_max: |_| 2048, reopen: false },
        FileSpec { root: Root::Absolute, path: "/proc/self/limits", bytes_max: |_| 4096, reopen: false },
    ],
    tables: &[Table::single("process", FAMILIES)],
    flags: &[],
    make: |setup| Box::new(Process::new(setup)),
};

const FAMILIES: &[Family] = &[
    counter("process_cpu_seconds_total", "CPU time that the agent has used, user and system.")
        .key("cpu")
        .decimals(2)
        .essential(),
    gauge("process_max_fds", "Files that the agent may have open.").key("max_fds").essential(),
    gauge("process_open_fds", "Files that the agent has open.").key("open_fds").essential(),
    gauge("process_resident_memory_bytes", "Memory of the agent that is resident.")
        .key("resident")
        .essential(),
    gauge("process_start_time_seconds", "When the agent was started, since the epoch.")
        .key("start")
        .decimals(9)
        .essential(),
    gauge("process_threads", "Threads of the agent.").key("threads").essential(),
    gauge("process_virtual_memory_bytes", "Address space of the agent.").key("virtual").essential(),
    gauge("process_virtual_memory_max_bytes", "Address space that the agent may use; -1: any.")
        .key("virtual_max")
        .float()
        .essential(),
];
const _: () = check(FAMILIES);

struct Process {
    page_bytes: u64,
    descriptors: Names,
    /// Nanoseconds since the epoch when this was made, which is the start of the agent.
    start: u64,
}

impl Process {
    fn new(setup: &Setup<'_>) -> Self {
        let limits = setup.limits;
        let most = 1024 + limits.held_files + limits.connections;
        Process {
            page_bytes: setup.page_bytes,
            descriptors: Names::with_capacity(most as usize),
            start: clock::now().unix_nanos.unsigned_abs(),
        }
    }
}

impl Collect for Process {
    fn collect(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        let listed = pass.io.list(Root::Absolute, &[b"/proc/self/fd"], &mut self.descriptors);
        let mut row = pass.out.single(0);
        if listed.is_ok() {
            // The descriptor that listed the directory is one of them and closed by now.
            row.set("open_fds", self.descriptors.len().saturating_sub(1) as u64);
        }
        if let Ok(text) = pass.files.get(1) {
            limits(text, &mut row);
        }
        let stat = pass.files.get(0)?;
        // The command may hold spaces and brackets: fields are counted from the last bracket.
        let at = memchr::memrchr(b')', stat).ok_or(Trouble::Malformed)?;
        let (_, fields) = split_once(&stat[at..], b' ').ok_or(Trouble::Malformed)?;
        let field = |number: usize| words(fields).nth(number - 3).and_then(unsigned);
        if let (Some(user), Some(system)) = (field(14), field(15)) {
            row.set("cpu", user.saturating_add(system));
        }
        if let Some(threads) = field(20) {
            row.set("threads", threads);
        }
        row.set("start", self.start);
        if let Some(bytes) = field(23) {
            row.set("virtual", bytes);
        }
        if let Some(pages) = field(24) {
            row.set("resident", pages.saturating_mul(self.page_bytes));
        }
        Ok(())
    }
}

/// Format: "Max open files            1024                 524288               files", soft limit first.
fn limits(text: &[u8], row: &mut RowOut<'_>) {
    for line in lines(text) {
        if let Some(rest) = line.strip_prefix(b"Max open files") {
            if let Some(limit) = words(rest).next().and_then(unsigned) {
                row.set("max_fds", limit);
            }
        } else if let Some(rest) = line.strip_prefix(b"Max address space") {
            let limit = match words(rest).next() {
                Some(b"unlimited") => Some(-1.0),
                other => other.and_then(float),
            };
            if let Some(limit) = limit {
                row.set_float("virtual_max", limit);
            }
        }
    }
}
