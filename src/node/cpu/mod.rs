//! CPU time: the CPU lines of `/proc/stat`; and what /sys and /proc/cpuinfo say of each CPU.
//!
//! Format: "cpu0" and ten numbers of 1/100 s: user, nice, system, idle, iowait, irq, softirq, steal, guest,
//! guest_nice. Guest time is part of user and nice time too. The line "cpu" is the sum of the others.

mod info;
mod list;
mod throttle;

pub(super) use info::is_wanted as info_is_wanted;
pub(super) use list::{CpuList, Number, ONLINE, covers};

use crate::collect::{Collect, Collector, Pass, Setup, Trouble};
use crate::family::{Family, Table, check, counter, gauge};
use crate::flags::{Flag, FlagKind};
use crate::io::FileSpec;
use crate::text::{lines, ranges, unsigned, words};
use info::Info;
use throttle::Throttles;

pub const COLLECTOR: Collector = Collector {
    name: "cpu",
    default: true,
    files: &[super::stat::FILE, ONLINE, FileSpec::sys("devices/system/cpu/isolated", |_| 4096)],
    tables: &[
        Table::rows("cpu", |limits| limits.cpus.max(1), 24, FAMILIES),
        Table::rows("cpu isolated", |limits| limits.cpus.max(1), 24, ISOLATED_FAMILIES),
        Table::rows("cpu cores", |limits| limits.cpus.max(1), 64, throttle::CORE_FAMILIES),
        Table::rows("cpu packages", |limits| limits.cpus.max(1), 32, throttle::PACKAGE_FAMILIES),
        Table::rows("cpu info", |limits| limits.cpus.max(1), 320, info::INFO_FAMILIES),
        Table::rows("cpu frequency", |limits| limits.cpus.max(1), 64, info::FREQUENCY_FAMILIES),
        Table::rows("cpu flags", |_| info::FLAGS_MAX, 48, info::FLAG_FAMILIES),
        Table::rows("cpu bugs", |_| info::BUGS_MAX, 48, info::BUG_FAMILIES),
    ],
    flags: &[
        Flag {
            name: "collector.cpu.guest",
            kind: FlagKind::Bool,
            default: "true",
            help: "Serves node_cpu_guest_seconds_total.",
        },
        info::INFO,
        info::FLAGS_INCLUDE,
        info::BUGS_INCLUDE,
    ],
    make,
};

const MODES: &[&str] = &["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"];
const GUEST_MODES: &[&str] = &["user", "nice"];

const FAMILIES: &[Family] = &[
    counter("node_cpu_seconds_total", "Time the CPU spent in each mode.")
        .key("seconds")
        .decimals(2)
        .split("mode", MODES)
        .essential(),
    counter(
        "node_cpu_guest_seconds_total",
        "Time the CPU spent in virtual machines; part of user and nice too.",
    )
    .key("guest")
    .decimals(2)
    .split("mode", GUEST_MODES)
    .essential(),
    throttle::ONLINE,
];
const _: () = check(FAMILIES);

const ISOLATED_FAMILIES: &[Family] =
    &[gauge("node_cpu_isolated", "The CPU is kept from the scheduler's balancing; the value is 1.")
        .key("isolated")];
const _: () = check(ISOLATED_FAMILIES);

/// No kernel is built for more.
const CPUS_MAX: u32 = 8192;

const COLUMNS: usize = 10;
const IDLE: usize = 3;

/// Idle time that goes back by this many ticks, 3 s, is that of a CPU that was off: all its times begin anew.
const IDLE_JUMP: u64 = 300;

/// The largest times seen of a CPU. The kernel computes idle and iowait from clocks that may go back a little; a
/// counter must not.
struct Times {
    cpu: u64,
    ticks: [u64; COLUMNS],
    in_file: bool,
}

struct Cpu {
    times: Vec<Times>,
    times_max: usize,
    guest: bool,
    throttles: Throttles,
    info: Option<Info>,
}

fn make(setup: &Setup<'_>) -> Box<dyn Collect> {
    let times_max = setup.limits.cpus.max(1) as usize;
    let info = info::is_wanted(setup.flags).then(|| Info::new(setup.flags, setup.limits));
    Box::new(Cpu {
        times: Vec::with_capacity(times_max),
        times_max,
        guest: setup.flags.bool("collector.cpu.guest"),
        throttles: Throttles::new(setup.limits),
        info,
    })
}

impl Collect for Cpu {
    fn collect(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        let files = pass.files;
        if let Ok(isolated) = files.get(2) {
            let mut table = pass.out.table(1);
            ranges(isolated, CPUS_MAX, |cpu| {
                let mut number = Number::new();
                if std::fmt::Write::write_fmt(&mut number, format_args!("{cpu}")).is_ok() {
                    table.row(&[("cpu", number.as_bytes())]).set("isolated", 1);
                }
            });
        }
        self.throttles.collect(pass, files.get(1).unwrap_or_default(), 0, 2, 3);
        let stat = files.get(0).map(|text| self.absorb(text, pass));
        if let Some(info) = &mut self.info {
            info.collect(pass, info::Tables { info: 4, frequency: 5, flags: 6, bugs: 7 })?;
        }
        Ok(stat?)
    }
}

impl Cpu {
    fn absorb(&mut self, text: &[u8], pass: &mut Pass<'_>) {
        for times in &mut self.times {
            times.in_file = false;
        }
        let mut table = pass.out.table(0);
        let (mut malformed, mut line_index) = (0, 0);
        for line in lines(text) {
            let Some(rest) = line.strip_prefix(b"cpu") else {
                // The CPUs come first; what follows is long.
                if line.starts_with(b"intr") {
                    break;
                }
                continue;
            };
            let mut words = words(rest);
            if rest.first().is_none_or(u8::is_ascii_whitespace) {
                continue;
            }
            let Some((number, cpu)) = words.next().and_then(|word| Some((word, unsigned(word)?))) else {
                malformed += 1;
                continue;
            };
            let times = self.times_of(line_index, cpu);
            line_index += 1;
            let Some((ticks, columns)) = numbers(words) else {
                malformed += 1;
                continue;
            };
            let mut row = table.row(&[("cpu", number)]);
            // Without a place for its past the CPU has no row either: both lists have the same capacity.
            let Some(times) = times else { continue };
            let ticks = times.advance(&ticks, columns);
            for (mode, value) in MODES.iter().zip(&ticks[..columns]) {
                row.set_split("seconds", mode, *value);
            }
            if self.guest {
                for (mode, value) in GUEST_MODES.iter().zip(ticks[..columns].iter().skip(MODES.len())) {
                    row.set_split("guest", mode, *value);
                }
            }
        }
        pass.out.malformed_by(malformed);
        self.times.retain(|times| times.in_file);
        // CPUs that came back stand at the end; in the file they do not.
        if !self.times.is_sorted_by_key(|times| times.cpu) {
            self.times.sort_unstable_by_key(|times| times.cpu);
        }
    }

    /// The times of a CPU, made if need be; it is expected at this place of the list. `None`: the list is full.
    fn times_of(&mut self, expected: usize, cpu: u64) -> Option<&mut Times> {
        let at = if self.times.get(expected).is_some_and(|times| times.cpu == cpu) {
            expected
        } else if let Some(at) = self.times.iter().position(|times| times.cpu == cpu) {
            at
        } else if self.times.len() < self.times_max {
            self.times.push(Times { cpu, ticks: [0; COLUMNS], in_file: true });
            self.times.len() - 1
        } else {
            return None;
        };
        let times = &mut self.times[at];
        times.in_file = true;
        Some(times)
    }
}

/// The numbers of a line, and how many there are; `None`: one of them is none.
fn numbers<'a>(words: impl Iterator<Item = &'a [u8]>) -> Option<([u64; COLUMNS], usize)> {
    let mut ticks = [0; COLUMNS];
    let mut columns = 0;
    for (tick, word) in ticks.iter_mut().zip(words) {
        *tick = unsigned(word)?;
        columns += 1;
    }
    Some((ticks, columns))
}

impl Times {
    /// Takes over what has grown, and everything after a jump. `columns`: how many of them the kernel has.
    fn advance(&mut self, ticks: &[u64; COLUMNS], columns: usize) -> [u64; COLUMNS] {
        if columns > IDLE && self.ticks[IDLE].saturating_sub(ticks[IDLE]) >= IDLE_JUMP {
            self.ticks = [0; COLUMNS];
        }
        for (known, new) in self.ticks.iter_mut().zip(ticks) {
            *known = (*known).max(*new);
        }
        self.ticks
    }
}

#[cfg(test)]
mod tests;
