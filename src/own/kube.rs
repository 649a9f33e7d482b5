//! trimeter_kube_*: how the agent fares with the Kubernetes API.

use crate::base::clock::Monotonic;
use crate::expo::number::{self, NUMBER_BYTES};
use crate::family::{Family, Table, check, counter, gauge};
use crate::http::client::ClientError;
use crate::kube::api::CODES;
use crate::kube::cache::{Cache, Failure, Source};
use crate::kube::envelope::Event;
use crate::kube::watch::Watches;
use crate::records::Loss;
use crate::store::Out;

/// Rows about sources: one for each kind, and one more for each namespace that is watched by itself.
const SOURCES_MAX: u32 = 256;

/// Rows about what went wrong with a kind: all reasons that a few kinds can have, or a few that all have.
const REASONS_MAX: u32 = 512;

/// The tables, in the order in which [`fill`] knows them.
pub const TABLES: &[Table] = &[
    Table::rows("own kube sources", |_| SOURCES_MAX, 512, SOURCES),
    Table::rows("own kube events", |_| SOURCES_MAX, 96, EVENTS),
    Table::rows("own kube failures", |_| REASONS_MAX, 96, FAILURES),
    Table::rows("own kube losses", |_| REASONS_MAX, 96, LOSSES),
    Table::rows("own kube objects", |_| 48, 64, OBJECTS),
    Table::rows("own kube requests", |_| 16, 32, REQUESTS),
    Table::rows("own kube request errors", |_| 16, 32, REQUEST_ERRORS),
    Table::single("own kube API", API),
    Table::single("own kube lease", LEASE),
];

const SOURCES: &[Family] = &[
    gauge("trimeter_kube_source_synced", "1 if all objects of a source were taken in, else 0.")
        .key("synced")
        .essential(),
    gauge(
        "trimeter_kube_source_age_seconds",
        "Time since the API server answered for a source; a quiet watch says something every minute.",
    )
    .key("age")
    .decimals(3)
    .essential(),
    counter("trimeter_kube_relists_total", "Times that the objects of a source were listed again.")
        .key("relists")
        .essential(),
    counter("trimeter_kube_watches_resumed_total", "Watches of a source that went on where one had ended.")
        .key("resumed")
        .essential(),
    counter("trimeter_kube_events_stale_total", "Events that were older than what was known, and left out.")
        .key("stale")
        .essential(),
];
const _: () = check(SOURCES);

const EVENTS: &[Family] = &[counter("trimeter_kube_events_total", "Events of watches, by type.").essential()];
const _: () = check(EVENTS);

const FAILURES: &[Family] =
    &[counter("trimeter_kube_failures_total", "Lists and watches that ended before their time, by reason.")
        .essential()];
const _: () = check(FAILURES);

const LOSSES: &[Family] = &[counter(
    "trimeter_kube_object_losses_total",
    "What of objects was not kept, by reason; an object that is sent again counts again.",
)
.essential()];
const _: () = check(LOSSES);

const OBJECTS: &[Family] = &[gauge("trimeter_kube_objects", "Objects that are kept.").essential()];
const _: () = check(OBJECTS);

const REQUESTS: &[Family] =
    &[counter("trimeter_kube_requests_total", "Answers of the API server, by status.").essential()];
const _: () = check(REQUESTS);

const REQUEST_ERRORS: &[Family] =
    &[counter("trimeter_kube_request_errors_total", "Requests without an answer, by reason.").essential()];
const _: () = check(REQUEST_ERRORS);

const API: &[Family] = &[
    counter(
        "trimeter_kube_request_duration_seconds_total",
        "Time from the beginning of requests, with the connection if there is none, to the head of their answers.",
    )
    .key("waited")
    .decimals(9)
    .essential(),
    counter("trimeter_kube_received_bytes_total", "Bytes from the API server, heads and bodies.")
        .key("received")
        .essential(),
    counter("trimeter_kube_sent_bytes_total", "Bytes sent to the API server.").key("sent").essential(),
    counter("trimeter_kube_connections_total", "Connections made to the API server.")
        .key("connections")
        .essential(),
    counter("trimeter_kube_lines_refused_total", "Lines that were left out because no page has room for them.")
        .key("refused")
        .essential(),
    gauge("trimeter_kube_heap_used_bytes", "Bytes of records and names of objects.").key("heap").essential(),
];
const _: () = check(API);

const LEASE: &[Family] = &[
    gauge("trimeter_kube_lease_held", "1 if this agent reports what is not of one node, else 0.")
        .key("held")
        .essential(),
    counter("trimeter_kube_lease_acquired_total", "Times that this agent took the lease.")
        .key("acquired")
        .essential(),
    counter("trimeter_kube_lease_lost_total", "Times that this agent lost the lease.")
        .key("lost")
        .essential(),
    counter(
        "trimeter_kube_lease_failures_total",
        "Renewals that were refused or had no answer that says so.",
    )
    .key("failures")
    .essential(),
    counter(
        "trimeter_kube_lease_conflicts_total",
        "Writes to the lease that came later than another agent's.",
    )
    .key("conflicts")
    .essential(),
    gauge("trimeter_kube_lease_transitions", "How often the holder has changed, as the lease says.")
        .key("transitions")
        .essential(),
    gauge(
        "trimeter_kube_lease_renewal_age_seconds",
        "Time since this agent sent its last renewal that succeeded.",
    )
    .key("renewed")
    .decimals(3)
    .essential(),
];
const _: () = check(LEASE);

/// Fills the tables of [`TABLES`].
pub fn fill(out: &mut Out<'_>, watches: &Watches, now: Monotonic) {
    let cache = &watches.cache;
    for source in &cache.sources {
        source_rows(out, cache, source, now);
    }
    let shelf = cache.shelf.borrow();
    let mut table = out.table(4);
    for (place, kind) in cache.kinds.iter().enumerate() {
        table.row(&[("resource", kind.kind.resource.as_bytes())]).set("", shelf.count(place).into());
    }
    requests(out, watches);
    let mut row = out.single(7);
    let (numbers, stats) = (&watches.api.numbers, &watches.api.stats);
    row.set("waited", numbers.waited_nanos.get());
    row.set("received", stats.received_bytes.get());
    row.set("sent", stats.sent_bytes.get());
    row.set("connections", stats.connections.get());
    row.set("refused", cache.lines_refused.get());
    row.set("heap", shelf.used_bytes());
    let mut row = out.single(8);
    row.set("held", watches.owner.reports(now).into());
    watches.owner.numbers(now, &mut |lease| {
        row.set("acquired", lease.acquired_total);
        row.set("lost", lease.lost_total);
        row.set("transitions", lease.transitions.into());
        row.set("failures", lease.renew_failures_total + lease.malformed_total);
        row.set("conflicts", lease.conflicts_total);
        if let Some(renewed) = lease.renewed {
            row.set("renewed", u64::try_from(renewed.as_millis()).unwrap_or(u64::MAX));
        }
    });
}

fn source_rows(out: &mut Out<'_>, cache: &Cache, source: &Source, now: Monotonic) {
    let resource = cache.kinds[source.spec.kind].kind.resource.as_bytes();
    let (namespace, selector) = (source.spec.namespace.as_bytes(), source.spec.field_selector.as_bytes());
    let mut table = out.table(0);
    let mut row = table.row(&[("namespace", namespace), ("resource", resource), ("selector", selector)]);
    row.set("synced", source.synced.get().into());
    if let Some(heard) = source.heard.get() {
        row.set("age", u64::try_from(now.since(heard).as_millis()).unwrap_or(u64::MAX));
    }
    let counts = &source.counts;
    row.set("relists", counts.relists.get());
    row.set("resumed", counts.resumed.get());
    row.set("stale", counts.stale.get());
    let mut add = |table: usize, label: &str, word: &str, count: u64| {
        if count > 0 {
            out.table(table).row(&[("resource", resource), (label, word.as_bytes())]).add("", count);
        }
    };
    for ((_, word), count) in Event::ALL.iter().zip(&counts.events) {
        add(1, "type", word, count.get());
    }
    for (failure, count) in Failure::ALL.iter().zip(&counts.failures) {
        add(2, "reason", failure.label(), count.get());
    }
    for (loss, count) in Loss::ALL.iter().zip(&counts.losses) {
        add(3, "reason", loss.label(), count.get());
    }
}

fn requests(out: &mut Out<'_>, watches: &Watches) {
    let numbers = &watches.api.numbers;
    let mut table = out.table(5);
    for (code, count) in CODES.into_iter().chain([0]).zip(&numbers.answers) {
        if count.get() > 0 {
            let mut digits = [0; NUMBER_BYTES];
            let length = number::unsigned(&mut digits, u64::from(code));
            let word = if code == 0 { b"other" } else { &digits[..length] };
            table.row(&[("code", word)]).set("", count.get());
        }
    }
    let mut table = out.table(6);
    for (error, count) in ClientError::ALL.iter().map(|error| (error, watches.api.stats.errors(*error))) {
        if count > 0 {
            table.row(&[("reason", error.label().as_bytes())]).set("", count);
        }
    }
}
