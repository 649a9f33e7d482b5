//! trimeter_*: what the agent knows of itself.

use crate::base::{gate, log};
use crate::collect::Trouble;
use crate::expo::number::{self, NUMBER_BYTES};
use crate::family::{Family, Table, check, counter, gauge};
use crate::io::ReadError;
use crate::io::groups::GroupNumbers;
use crate::io::tally::{COUNTS_MAX, Tally};
use crate::part::Shown;
use crate::store::{Out, Usage};

/// The newest whole answer of an endpoint.
#[derive(Clone, Copy, Debug, Default)]
pub struct Answer {
    pub endpoint: &'static str,
    pub series: u64,
    /// Before compression.
    pub bytes: u64,
    pub answers: u64,
}

/// What the report is made from.
pub struct View<'a> {
    pub parts: &'a [&'a Shown],
    /// Every table: its part, its name and how full it is.
    pub tables: &'a [(&'static str, &'static str, Usage)],
    /// What became of questions about containers.
    pub tally: &'a Tally,
    /// Requests by path and status; status 0: any that is not counted by itself.
    pub requests: &'a [(&'static str, u16, u64)],
    /// What clients did wrong or did not get, by kind.
    pub server_errors: &'a [(&'static str, u64)],
    pub answers: &'a [Answer],
    pub engine: &'static str,
    pub profile: &'static str,
    pub node: &'a str,
    pub numbers: Numbers,
    pub groups: GroupNumbers,
}

/// The numbers without labels.
#[derive(Clone, Copy, Debug, Default)]
pub struct Numbers {
    pub planned_bytes: u64,
    pub allowed_bytes: u64,
    pub engine_fallbacks: u64,
    pub passes: u64,
    pub passes_refused: u64,
    pub frames_revoked: u64,
    pub start_nanos: u64,
    pub connections: u64,
    pub connections_max: u64,
    pub accepted: u64,
    pub refused: u64,
    pub sent_bytes: u64,
    pub gzipped: u64,
    pub gzip_busy: u64,
}

/// Tables that are told of.
pub const TABLES_MAX: u32 = 256;

/// The tables, in the order in which [`fill`] knows them.
pub const TABLES: &[Table] = &[
    Table::rows("own build", |_| 1, 256, BUILD),
    Table::rows("own engine", |_| 4, 64, ENGINE),
    Table::single("own agent", AGENT),
    Table::rows("own collectors", |_| 160, 96, COLLECTORS),
    Table::rows("own collector errors", |_| 512, 128, COLLECTOR_ERRORS),
    Table::rows("own tables", |_| TABLES_MAX, 96, USAGE),
    Table::rows("own endpoints", |_| 16, 64, ENDPOINTS),
    Table::rows("own requests", |_| 96, 64, REQUESTS),
    Table::rows("own server errors", |_| 64, 64, SERVER_ERRORS),
    Table::rows("own log", |_| 8, 32, LOG),
    Table::single("own groups", GROUPS),
    Table::rows("own group errors", |_| 8, 32, GROUP_ERRORS),
    Table::rows("own lookups", |_| COUNTS_MAX, 64, LOOKUPS),
];

const BUILD: &[Family] =
    &[gauge("trimeter_build_info", "1, with the version and the profile of the agent.").essential()];
const _: () = check(BUILD);

const ENGINE: &[Family] =
    &[gauge("trimeter_io_engine_info", "1, with the engine that reads planned files.").essential()];
const _: () = check(ENGINE);

const AGENT: &[Family] = &[
    gauge("trimeter_memory_planned_bytes", "Memory that the plan gives out at start.")
        .key("planned")
        .essential(),
    gauge("trimeter_memory_allowed_bytes", "-memory.allowedBytes; 0: any plan is allowed.")
        .key("allowed")
        .essential(),
    counter(
        "trimeter_hot_allocations_total",
        "Heap allocations on the hot path since start; 0 is the promise.",
    )
    .key("hot allocations")
    .essential(),
    counter("trimeter_io_engine_fallbacks_total", "Reads that io_uring refused and pread did.")
        .key("fallbacks")
        .essential(),
    counter("trimeter_passes_total", "Collection passes, of scrapes and of the background tick.")
        .key("passes")
        .essential(),
    counter(
        "trimeter_passes_refused_total",
        "Passes that could not begin because slow clients read every frame; an older frame was served.",
    )
    .key("refused passes")
    .essential(),
    gauge(
        "trimeter_start_duration_seconds",
        "Time from the start of the program to the first complete pass.",
    )
    .key("start")
    .decimals(9)
    .essential(),
    counter("trimeter_log_dropped_total", "Log lines that standard error had no room for.")
        .key("log dropped")
        .essential(),
    gauge("trimeter_http_connections", "Connections that are open.").key("connections").essential(),
    gauge("trimeter_http_connections_max", "Connections that are planned.")
        .key("connections max")
        .essential(),
    counter("trimeter_http_connections_accepted_total", "Connections taken in.").key("accepted").essential(),
    counter("trimeter_http_connections_refused_total", "Connections closed at once because all were in use.")
        .key("refused")
        .essential(),
    counter("trimeter_http_sent_bytes_total", "Bytes sent, with heads and after compression.")
        .key("sent")
        .essential(),
    counter("trimeter_http_gzip_total", "Answers that were compressed.").key("gzip").essential(),
    counter("trimeter_http_gzip_busy_total", "Answers sent plain because every compressor was in use.")
        .key("gzip busy")
        .essential(),
];
const _: () = check(AGENT);

const COLLECTORS: &[Family] = &[
    gauge("trimeter_collector_success", "1 if the newest pass of the collector succeeded, else 0.")
        .key("success")
        .essential(),
    gauge("trimeter_collector_duration_seconds", "How long the newest pass of the collector took.")
        .key("duration")
        .decimals(9)
        .essential(),
    counter("trimeter_collector_malformed_total", "Lines and numbers that a collector did not understand.")
        .key("malformed")
        .essential(),
];
const _: () = check(COLLECTORS);

const COLLECTOR_ERRORS: &[Family] = &[counter(
    "trimeter_collector_errors_total",
    "Passes of a collector that failed, by kind; kinds that never happened are left out.",
)
.essential()];
const _: () = check(COLLECTOR_ERRORS);

const USAGE: &[Family] = &[
    gauge(
        "trimeter_table_used",
        "Rows of a table in use; tables of one row and those that never had any are left out.",
    )
    .key("used")
    .essential(),
    gauge("trimeter_table_capacity", "Rows that a table has.").key("capacity").essential(),
    gauge("trimeter_table_high_water", "Most rows of a table that were in use at once.")
        .key("high water")
        .essential(),
    counter("trimeter_table_refused_total", "Rows that a full table refused, or whose labels were too long.")
        .key("refused")
        .essential(),
];
const _: () = check(USAGE);

const ENDPOINTS: &[Family] = &[
    gauge("trimeter_endpoint_series", "Series in the newest whole answer of an endpoint.")
        .key("series")
        .essential(),
    gauge("trimeter_endpoint_bytes", "Bytes in the newest whole answer of an endpoint, before compression.")
        .key("bytes")
        .essential(),
    counter("trimeter_scrapes_total", "Whole answers of an endpoint.").key("answers").essential(),
];
const _: () = check(ENDPOINTS);

const REQUESTS: &[Family] =
    &[counter("trimeter_http_requests_total", "Requests by path and status.").essential()];
const _: () = check(REQUESTS);

const SERVER_ERRORS: &[Family] =
    &[counter("trimeter_http_errors_total", "What went wrong with connections and requests, by kind.")
        .essential()];
const _: () = check(SERVER_ERRORS);

const LOG: &[Family] = &[counter("trimeter_log_lines_total", "Log lines written, by level.").essential()];
const _: () = check(LOG);

const GROUPS: &[Family] = &[
    counter("trimeter_group_rescans_total", "Times that all directories of control groups were listed.")
        .key("rescans")
        .essential(),
    counter(
        "trimeter_group_events_lost_total",
        "Times that the kernel's queue of events about control groups was full.",
    )
    .key("lost")
    .essential(),
    gauge(
        "trimeter_group_directories_unwatched",
        "Directories of control groups that inotify has no watch for; they are listed in every pass.",
    )
    .key("unwatched")
    .essential(),
];
const _: () = check(GROUPS);

const GROUP_ERRORS: &[Family] = &[counter(
    "trimeter_group_read_errors_total",
    "Files of control groups that could not be read, by kind; kinds that never happened are left out.",
)
.essential()];
const _: () = check(GROUP_ERRORS);

const LOOKUPS: &[Family] = &[counter(
    "trimeter_container_lookups_total",
    "Questions about containers to the state that runtimes keep on disk, by what became of them.",
)
.essential()];
const _: () = check(LOOKUPS);

/// Fills the tables of [`TABLES`].
pub fn fill(out: &mut Out<'_>, view: &View<'_>) {
    let version = env!("CARGO_PKG_VERSION").as_bytes();
    let build: &[(&str, &[u8])] =
        &[("node", view.node.as_bytes()), ("profile", view.profile.as_bytes()), ("version", version)];
    out.table(0).row(build).set("", 1);
    out.table(1).row(&[("engine", view.engine.as_bytes())]).set("", 1);
    agent(out, &view.numbers);
    parts(out, view.parts);
    let mut table = out.table(5);
    for (part, name, usage) in view.tables {
        let labels: &[(&str, &[u8])] = &[("part", part.as_bytes()), ("table", name.as_bytes())];
        let mut row = table.row(labels);
        row.set("used", u64::from(usage.used));
        row.set("capacity", u64::from(usage.capacity));
        row.set("high water", u64::from(usage.high_water));
        row.set("refused", usage.refused);
    }
    rest(out, view);
    groups(out, &view.groups);
}

fn groups(out: &mut Out<'_>, numbers: &GroupNumbers) {
    let mut row = out.single(10);
    row.set("rescans", numbers.rescans);
    row.set("lost", numbers.overflows);
    row.set("unwatched", numbers.unwatched);
    let mut table = out.table(11);
    for kind in ReadError::ALL {
        let count = numbers.errors[kind.index()];
        if count > 0 {
            table.row(&[("kind", kind.label().as_bytes())]).set("", count);
        }
    }
}

fn agent(out: &mut Out<'_>, numbers: &Numbers) {
    let mut row = out.single(2);
    row.set("planned", numbers.planned_bytes);
    row.set("allowed", numbers.allowed_bytes);
    row.set("hot allocations", gate::hot_allocations_total());
    row.set("fallbacks", numbers.engine_fallbacks);
    row.set("passes", numbers.passes);
    row.set("refused passes", numbers.passes_refused);
    row.set("revoked", numbers.frames_revoked);
    row.set("start", numbers.start_nanos);
    row.set("log dropped", log::dropped_total());
    row.set("connections", numbers.connections);
    row.set("connections max", numbers.connections_max);
    row.set("accepted", numbers.accepted);
    row.set("refused", numbers.refused);
    row.set("sent", numbers.sent_bytes);
    row.set("gzip", numbers.gzipped);
    row.set("gzip busy", numbers.gzip_busy);
}

fn parts(out: &mut Out<'_>, parts: &[&Shown]) {
    for part in parts {
        for stat in part.stats.borrow().iter().filter(|stat| stat.collected.is_some()) {
            let labels: &[(&str, &[u8])] =
                &[("collector", stat.name.as_bytes()), ("part", part.name.as_bytes())];
            let mut table = out.table(3);
            let mut row = table.row(labels);
            row.set("success", u64::from(stat.success));
            row.set("duration", u64::try_from(stat.duration.as_nanos()).unwrap_or(u64::MAX));
            row.set("malformed", stat.malformed);
            let mut table = out.table(4);
            for kind in Trouble::ALL {
                let count = stat.errors[kind.index()];
                if count > 0 {
                    let labels: &[(&str, &[u8])] = &[
                        ("collector", stat.name.as_bytes()),
                        ("kind", kind.label().as_bytes()),
                        ("part", part.name.as_bytes()),
                    ];
                    table.row(labels).set("", count);
                }
            }
        }
    }
}

fn rest(out: &mut Out<'_>, view: &View<'_>) {
    let mut table = out.table(6);
    for answer in view.answers.iter().filter(|answer| answer.answers > 0) {
        let mut row = table.row(&[("endpoint", answer.endpoint.as_bytes())]);
        row.set("series", answer.series);
        row.set("bytes", answer.bytes);
        row.set("answers", answer.answers);
    }
    let mut table = out.table(7);
    for (path, status, count) in view.requests {
        let mut text = [0; NUMBER_BYTES];
        let length = number::unsigned(&mut text, u64::from(*status));
        let code = if *status == 0 { b"other" } else { &text[..length] };
        table.row(&[("code", code), ("path", path.as_bytes())]).set("", *count);
    }
    let mut table = out.table(8);
    for (kind, count) in view.server_errors {
        table.row(&[("kind", kind.as_bytes())]).set("", *count);
    }
    let mut table = out.table(9);
    for (level, name) in
        [(log::Level::Info, "info"), (log::Level::Warn, "warn"), (log::Level::Error, "error")]
    {
        table.row(&[("level", name.as_bytes())]).set("", log::lines_total(level));
    }
    let mut table = out.table(12);
    view.tally.each_count(|(result, count)| {
        table.row(&[("result", result.as_bytes())]).set("", *count);
    });
}
