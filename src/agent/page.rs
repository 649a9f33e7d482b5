//! The page at `/`: links, and every collector with its state.

use super::Agent;
use crate::base::clock;
use crate::base::text::Text;
use crate::collect::Trouble;
use crate::kube::cache::Stage;
use crate::kube::watch::Watches;
use crate::part::Stat;
use std::fmt::Write as _;

const HEAD: &str = concat!(
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>trimeter</title>\n",
    "<meta name=\"viewport\" content=\"width=device-width\"><style>\n",
    "body{font:15px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}\n",
    "table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.2rem .8rem .2rem 0;border-bottom:1px solid #ddd}\n",
    "td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}.ok{color:#137333}.no{color:#b3261e}.off{color:#6b6b6b}\n",
    "@media(prefers-color-scheme:dark){body{color:#e6e6e6;background:#16181b}td,th{border-color:#333}a{color:#8ab4f8}",
    ".ok{color:#81c995}.no{color:#f28b82}.off{color:#9a9a9a}}\n",
    "</style></head><body>\n<h1>trimeter ",
    env!("CARGO_PKG_VERSION"),
    "</h1>\n"
);

const LINKS: &str = concat!(
    "<ul>\n<li><a href=\"/metrics\">/metrics</a>: everything</li>\n",
    "<li><a href=\"/metrics/node\">/metrics/node</a>: the machine, under node_exporter's names</li>\n",
    "<li><a href=\"/metrics/cadvisor\">/metrics/cadvisor</a>: containers, under cAdvisor's names</li>\n",
    "<li><a href=\"/metrics/kube-state\">/metrics/kube-state</a>: Kubernetes objects, under kube-state-metrics' names</li>\n",
    "<li><a href=\"/metrics/self\">/metrics/self</a>: trimeter itself</li>\n",
    "<li><a href=\"/-/healthy\">/-/healthy</a>, <a href=\"/-/ready\">/-/ready</a></li>\n</ul>\n",
    "<table><tr><th>collector</th><th>state</th><th class=\"n\">newest pass</th></tr>\n"
);

const SOURCES: &str = "</table>\n<h2>Kubernetes objects</h2>\n<table><tr><th>watched</th><th>state</th>\
                       <th class=\"n\">heard</th></tr>\n";

const TAIL: &str = "</table>\n</body></html>\n";

/// Where the page goes on: 0 the head, then a collector each, then those that are off, then a source of objects each, then
/// the tail.
#[derive(Clone, Copy, Debug, Default)]
pub struct At(usize);

/// Longest piece that is written at once.
const PIECE: usize = 3072;

/// Writes what fits. `true`: the page is complete.
pub fn fill(agent: &Agent, at: &mut At, page: &mut [u8]) -> (usize, bool) {
    let mut used = 0;
    loop {
        let mut piece = Text::<PIECE>::new();
        let more = write_piece(agent, at.0, &mut piece);
        let Some(room) = page.get_mut(used..used + piece.len()) else { return (used, false) };
        room.copy_from_slice(piece.as_bytes());
        used += piece.len();
        at.0 += 1;
        if !more {
            return (used, true);
        }
    }
}

/// One piece; what does not fit into it is left out. `false`: it was the last.
fn write_piece(agent: &Agent, at: usize, piece: &mut Text<PIECE>) -> bool {
    let collectors = agent.parts().map(|part| part.stats.borrow().len()).iter().sum();
    let off = &agent.settings.off;
    let written = match at {
        0 => piece.write_str(HEAD),
        1 => introduction(agent, piece),
        at if at - 2 < collectors => {
            let Some(stat) = collector(agent, at - 2) else { return true };
            let (class, state) = match (stat.collected, stat.trouble) {
                (None, _) => ("off", "not collected yet"),
                (Some(_), None) => ("ok", "ok"),
                (Some(_), Some(Trouble::NoData)) => ("off", "nothing of it on this machine"),
                (Some(_), Some(trouble)) => ("no", trouble.label()),
            };
            writeln!(
                piece,
                "<tr><td>{}</td><td class=\"{class}\">{state}</td><td class=\"n\">{} µs</td></tr>",
                stat.name,
                stat.duration.as_micros()
            )
        }
        at if at - 2 - collectors < off.len() => {
            let (name, reason) = off[at - 2 - collectors];
            writeln!(piece, "<tr><td>{name}</td><td class=\"off\">off: {reason}</td><td></td></tr>")
        }
        at => {
            let number = at - 2 - collectors - off.len();
            let watches = agent.watches.as_ref().filter(|watches| number <= watches.cache.sources.len());
            match (watches, number.checked_sub(1)) {
                (Some(watches), None) => objects(watches, piece),
                (Some(watches), Some(number)) => source(watches, number, piece),
                (None, _) => return piece.write_str(TAIL).is_err(),
            }
        }
    };
    debug_assert!(written.is_ok(), "a piece of the page is too long");
    true
}

/// What is said above the sources.
fn objects(watches: &Watches, piece: &mut Text<PIECE>) -> std::fmt::Result {
    piece.write_str(SOURCES)?;
    let reports = watches.owner.reports(clock::monotonic());
    let who = match (watches.owner.is_elected(), reports) {
        (false, true) => "all that is asked for",
        (false, false) => "pods of this node only",
        (true, true) => "the lease is held here",
        (true, false) => "another agent holds the lease",
    };
    writeln!(piece, "<tr><td colspan=\"3\" class=\"off\">{who}</td></tr>")
}

fn source(watches: &Watches, number: usize, piece: &mut Text<PIECE>) -> std::fmt::Result {
    let source = &watches.cache.sources[number];
    let (class, state, why) = match source.stage.get() {
        Stage::Idle => ("off", "not watched here", ""),
        Stage::Listing => ("off", "is listed", ""),
        Stage::Watching => ("ok", "ok", ""),
        Stage::Absent => ("off", "the server has none", ""),
        Stage::Failing(failure) => ("no", "fails: ", failure.label()),
    };
    let kind = watches.cache.kinds[source.spec.kind].kind.resource;
    write!(piece, "<tr><td>{kind}")?;
    for detail in [&source.spec.namespace, &source.spec.field_selector] {
        if !detail.is_empty() {
            piece.write_str(" ")?;
            escaped(detail, piece)?;
        }
    }
    write!(piece, "</td><td class=\"{class}\">{state}{why}</td><td class=\"n\">")?;
    if let Some(heard) = source.heard.get() {
        write!(piece, "{} s ago", clock::monotonic().since(heard).as_secs())?;
    }
    piece.write_str("</td></tr>\n")
}

/// Text between tags.
fn escaped(text: &str, piece: &mut Text<PIECE>) -> std::fmt::Result {
    text.chars().try_for_each(|letter| match letter {
        '<' => piece.write_str("&lt;"),
        '&' => piece.write_str("&amp;"),
        other => piece.write_char(other),
    })
}

/// The collector of this number, counted through all parts.
fn collector(agent: &Agent, mut index: usize) -> Option<Stat> {
    for part in agent.parts() {
        let stats = part.stats.borrow();
        match stats.get(index) {
            Some(stat) => return Some(*stat),
            None => index -= stats.len(),
        }
    }
    None
}

fn introduction(agent: &Agent, piece: &mut Text<PIECE>) -> std::fmt::Result {
    let settings = &agent.settings;
    writeln!(
        piece,
        "<p>profile {}, engine {}, {:.1} MiB planned, {:.1} of them in the kernel for files that are held open</p>",
        settings.profile,
        settings.engine,
        mebibytes(settings.planned_bytes),
        mebibytes(settings.planned_kernel_bytes)
    )?;
    piece.write_str(LINKS)
}

#[expect(clippy::cast_precision_loss, reason = "for people, one digit after the point")]
fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / 1_048_576.0
}
