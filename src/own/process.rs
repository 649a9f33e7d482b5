//! The agent's own process: `/proc/self`, always of the agent's own /proc, wherever the node's is mounted.

use crate::base::clock;
use crate::collect::{Collect, Collector, Pass, Setup, Trouble};
use crate::family::{Family, Table, check, counter, gauge};
use crate::io::FileSpec;
use crate::text::{split_once, unsigned, words};

pub const COLLECTOR: Collector = Collector {
    name: "process",
    default: true,
    files: &[FileSpec::absolute("/proc/self/stat", |_| 2048).whole()],
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
    /// Nanoseconds since the epoch when this was made, which is the start of the agent.
    start: u64,
}

impl Process {
    fn new(setup: &Setup<'_>) -> Self {
        Process { page_bytes: setup.page_bytes, start: clock::now().unix_nanos.unsigned_abs() }
    }
}

impl Collect for Process {
    fn collect(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        let own = pass.io.own_files();
        let mut row = pass.out.single(0);
        if let Some(open) = own.open {
            row.set("open_fds", open);
        }
        if let Some(most) = own.open_max {
            row.set("max_fds", most);
        }
        row.set_float("virtual_max", own.address_space_max.map_or(-1.0, |bytes| bytes as f64));
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
