//! What is worth a log line while the agent runs: a line when trouble begins and one when it is over, never one per pass.
//!
//! Everything here is a comparison of counters after a pass, with state that is allocated once.

use super::{Agent, IO_TABLES, WATCHES};
use crate::base::clock::Monotonic;
use crate::base::log;
use crate::collect::Trouble;
use crate::family::{Families, Profile, Table};
use crate::limits::Limits;
use crate::part::Stat;
use crate::store::{Item, Rows, Usage};
use std::fmt;
use std::time::Duration;

/// Trouble that has not come back for so long is over: what comes and goes with every pass is one episode.
const QUIET: Duration = Duration::from_secs(60);

/// A stretch of time with trouble, seen through the counter of it.
#[derive(Clone, Copy, Debug, Default)]
struct Episode {
    count: u64,
    /// When the counter went up last; `None`: there is no trouble.
    bad_at: Option<Monotonic>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Begins,
    Ends,
}

impl Episode {
    fn look(&mut self, count: u64, now: Monotonic) -> Option<Turn> {
        if count != self.count {
            self.count = count;
            return self.bad_at.replace(now).is_none().then_some(Turn::Begins);
        }
        let bad_at = self.bad_at.filter(|bad_at| now.since(*bad_at) >= QUIET);
        bad_at.map(|_| {
            self.bad_at = None;
            Turn::Ends
        })
    }
}

/// The flags that a table's size depends on: rows, and for some names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Raise([Option<&'static str>; 2]);

impl Raise {
    fn of(table: &Table, limits: &Limits) -> Self {
        let size = |limits: &Limits| {
            let names = match table.families {
                Families::Static(_) => 0,
                Families::Named { families, .. } => families(limits),
            };
            ((table.rows)(limits), names)
        };
        let now = size(limits);
        let mut flags = limits.raised().filter(|(_, raised)| size(raised) != now).map(|(flag, _)| flag);
        Raise([flags.next(), flags.next()])
    }
}

impl fmt::Display for Raise {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [Some(flag), Some(other)] => write!(to, "; raise -{flag} or -{other}"),
            [Some(flag), None] => write!(to, "; raise -{flag}"),
            [None, _] => Ok(()),
        }
    }
}

#[derive(Default)]
struct TableNews {
    raise: Raise,
    rows_said: bool,
    names_said: bool,
}

impl TableNews {
    /// Is it the first time that the table has refused something for want of room?
    const fn rows(&mut self, usage: Usage) -> bool {
        let first = usage.refused > usage.names_refused && !self.rows_said;
        self.rows_said |= first;
        first
    }

    /// Is it the first time that the table has refused a name that something else has?
    const fn names(&mut self, usage: Usage) -> bool {
        let first = usage.names_refused > 0 && !self.names_said;
        self.names_said |= first;
        first
    }
}

/// What has been said.
pub struct News {
    /// In the order of the parts, their stores' tables, and those of `io`.
    tables: Vec<TableNews>,
    collectors: Vec<Episode>,
    passes: Episode,
    accept: Episode,
    connections: Episode,
    fallbacks_said: bool,
    watches_said: bool,
    names_said: bool,
}

impl News {
    /// `tables`: those of all parts, in the order in which the agent lists them.
    pub fn new<'a>(
        tables: impl Iterator<Item = (&'a Table, Profile)>,
        collectors: usize,
        limits: &Limits,
    ) -> Self {
        let of_io = IO_TABLES.map(|(_, flag)| Raise([Some(flag), None]));
        let raises = tables.map(|(table, _)| Raise::of(table, limits)).chain(of_io);
        News {
            tables: raises.map(|raise| TableNews { raise, ..TableNews::default() }).collect(),
            collectors: vec![Episode::default(); collectors],
            passes: Episode::default(),
            accept: Episode::default(),
            connections: Episode::default(),
            fallbacks_said: false,
            watches_said: false,
            names_said: false,
        }
    }

    /// What [`Self::new`] will hold.
    pub fn plan(tables: usize, collectors: usize) -> Vec<Item> {
        let item = |what, rows, row_bytes| Item { what, rows: rows as u64, row_bytes: row_bytes as u64 };
        vec![
            item("news of tables", tables + IO_TABLES.len(), size_of::<TableNews>()),
            item("news of collectors", collectors, size_of::<Episode>()),
        ]
    }

    fn tell_collectors<'a>(&mut self, stats: impl Iterator<Item = (&'static str, &'a Stat)>) {
        for (episode, (part, stat)) in self.collectors.iter_mut().zip(stats) {
            // A pass without the collector says nothing about it.
            let Some(collected) = stat.collected else { continue };
            match (episode.look(failures(stat), collected), stat.trouble) {
                (Some(Turn::Begins), Some(trouble)) => log::warn(format_args!(
                    "collector {} of part {part} fails: {}; {}",
                    stat.name,
                    trouble.label(),
                    remedy(trouble)
                )),
                (Some(Turn::Ends), _) => {
                    log::info(format_args!("collector {} of part {part} works again", stat.name));
                }
                _ => {}
            }
        }
    }

    fn tell_table(&mut self, index: usize, part: &str, name: &str, usage: Usage) {
        let Some(known) = self.tables.get_mut(index) else { return };
        if known.rows(usage) {
            let full = usage.high_water >= usage.capacity;
            let why = if full { "is full" } else { "has no room for more names or for long labels" };
            // What is not held open is read all the same.
            let held = name.contains("held");
            let effect =
                if held { "opens the others for every read, which costs CPU" } else { "refuses rows" };
            log::warn(format_args!(
                "table {name} of part {part} {why} and {effect} (trimeter_table_refused_total): capacity {}{}",
                usage.capacity, known.raise
            ));
        }
    }

    fn tell_name(&mut self, index: usize, part: &str, rows: &Rows) {
        let (Some(known), Some(name)) = (self.tables.get_mut(index), rows.name_refused()) else { return };
        if known.names(rows.usage()) {
            log::warn(format_args!(
                "table {} of part {part} refuses names that something else serves or that have two types (trimeter_table_refused_total); the first is {name}",
                rows.name()
            ));
        }
    }

    fn tell_passes(&mut self, refused: u64, now: Monotonic) {
        match self.passes.look(refused, now) {
            Some(Turn::Begins) => log::warn(format_args!(
                "slow clients read every frame, so passes are refused and older numbers served (trimeter_passes_refused_total); raise -limit.frames, or find who reads slowly"
            )),
            Some(Turn::Ends) => log::info(format_args!("passes are no longer refused")),
            None => {}
        }
    }

    fn tell_accept(&mut self, failed: u64, now: Monotonic) {
        match self.accept.look(failed, now) {
            Some(Turn::Begins) => log::error(format_args!(
                "connections cannot be accepted, most often for want of descriptors (trimeter_http_errors_total{{kind=\"accept failed\"}}); raise RLIMIT_NOFILE"
            )),
            Some(Turn::Ends) => log::info(format_args!("connections are accepted again")),
            None => {}
        }
    }

    fn tell_connections(&mut self, refused: u64, now: Monotonic) {
        match self.connections.look(refused, now) {
            Some(Turn::Begins) => log::warn(format_args!(
                "connections are closed at once because all that are planned are in use (trimeter_http_connections_refused_total); raise -limit.connections, or find who keeps them open"
            )),
            Some(Turn::Ends) => log::info(format_args!("there are connections to be had again")),
            None => {}
        }
    }

    /// The kernel's own limit is smaller than ours.
    fn tell_watches(&mut self, unwatched: u64) {
        if unwatched > 0 && !self.watches_said {
            self.watches_said = true;
            log::warn(format_args!(
                "{unwatched} directories of control groups get no inotify watch (trimeter_group_directories_unwatched) and are listed in every pass, which costs CPU; raise fs.inotify.max_user_watches or fs.inotify.max_user_instances"
            ));
        }
    }

    fn tell_names(&mut self, denied: u64) {
        if denied > 0 && !self.names_said {
            self.names_said = true;
            log::warn(format_args!(
                "what runtimes keep about their containers may not be read, so some containers have no names (trimeter_container_lookups_total{{result=\"denied\"}}); run the agent as the owner of those files, most often user 0"
            ));
        }
    }

    fn tell_fallbacks(&mut self, fallbacks: u64) {
        if fallbacks > 0 && !self.fallbacks_said {
            self.fallbacks_said = true;
            log::warn(format_args!(
                "io_uring fails reads that pread does (trimeter_io_engine_fallbacks_total); those files are read with pread from now on; -io.engine=syscall does without io_uring"
            ));
        }
    }
}

/// Passes that failed for a reason somebody can do something about.
fn failures(stat: &Stat) -> u64 {
    let kinds = Trouble::ALL.iter().filter(|kind| **kind != Trouble::NoData);
    kinds.map(|kind| stat.errors[kind.index()]).sum()
}

/// What to do about it.
const fn remedy(trouble: Trouble) -> &'static str {
    match trouble {
        Trouble::NoData => "the machine does not have it",
        Trouble::Denied => "run the agent as a user who may read it, or switch the collector off",
        Trouble::TooLong => {
            "a file or a list is longer than planned: raise the -limit.* flag of what the machine has many of"
        }
        Trouble::Malformed => {
            "the kernel's words are not understood: please report them with the kernel's version"
        }
        Trouble::Failed => "a system call failed: see the kernel's log",
    }
}

impl Agent {
    /// Says what is new. Called after every pass, and when one is refused.
    pub(super) fn tell_news(&self, now: Monotonic) {
        let mut news = self.news.borrow_mut();
        let stats = self.parts().map(|part| (part.name, part.stats.borrow()));
        news.tell_collectors(stats.iter().flat_map(|(part, stats)| stats.iter().map(|stat| (*part, stat))));
        let mut index = 0;
        for (part, store) in self.stores() {
            for rows in store.borrow().tables() {
                news.tell_table(index, part, rows.name(), rows.usage());
                news.tell_name(index, part, rows);
                index += 1;
            }
        }
        let groups = self.groups.borrow().numbers();
        for (name, usage) in self.io_usage.get() {
            if name != WATCHES {
                news.tell_table(index, "io", name, usage);
            }
            index += 1;
        }
        news.tell_watches(groups.unwatched);
        news.tell_names(self.tally.count("denied"));
        news.tell_passes(self.passes_refused(), now);
        news.tell_accept(self.server.accept_failed.get(), now);
        news.tell_connections(self.server.refused.get(), now);
        news.tell_fallbacks(self.engine_fallbacks.get());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node;

    #[test]
    fn an_episode_is_one_line_at_each_end() {
        let mut episode = Episode::default();
        let mut look = |count, seconds: u64| episode.look(count, Monotonic(seconds * 1_000_000_000));
        assert_eq!(look(0, 1), None);
        assert_eq!(look(1, 2), Some(Turn::Begins));
        // Every pass, then every other one.
        assert_eq!([look(2, 15), look(3, 30), look(3, 45), look(4, 60), look(4, 119)], [None; 5]);
        assert_eq!(look(4, 120), Some(Turn::Ends));
        assert_eq!(look(4, 500), None);
        assert_eq!(look(5, 501), Some(Turn::Begins));
    }

    #[test]
    fn a_table_is_named_the_first_time_it_refuses() {
        let mut table = TableNews::default();
        let mut look = |refused, names_refused| {
            let usage = Usage { refused, names_refused, ..Usage::default() };
            (table.rows(usage), table.names(usage))
        };
        let (rows, names, nothing) = ((true, false), (false, true), (false, false));
        assert_eq!([look(0, 0), look(2, 2), look(4, 2), look(9, 3)], [nothing, names, rows, nothing]);
    }

    #[test]
    fn tables_know_their_flags() {
        let flags = |name: &str| {
            let mut tables = node::COLLECTORS.iter().flat_map(|collector| collector.tables);
            let table = tables.find(|table| table.name == name).unwrap();
            Raise::of(table, &Limits { cpus: 4, ..Limits::default() }).to_string()
        };
        assert_eq!(flags("mounts"), "; raise -limit.mounts");
        assert_eq!(flags("textfile_series"), "; raise -limit.textfileSeries or -limit.textfileFamilies");
        assert_eq!(flags("textfile_files"), "");
    }

    #[test]
    fn what_the_machine_does_not_have_is_no_news() {
        let mut errors = [0; Trouble::ALL.len()];
        errors[Trouble::NoData.index()] = 7;
        errors[Trouble::Denied.index()] = 2;
        let stat = Stat {
            name: "a",
            success: false,
            duration: Duration::ZERO,
            collected: None,
            trouble: None,
            errors,
            malformed: 0,
        };
        assert_eq!(failures(&stat), 2);
    }
}
