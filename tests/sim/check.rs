//! What any output must be.

use std::collections::BTreeSet;
use trimeter::expo::parse::{Line, parse};

/// Valid lines, one HELP and one TYPE per family before its samples, a family in one piece, no series twice.
pub fn exposition(text: &str) {
    assert!(text.ends_with('\n'), "no newline at the end");
    let (mut helped, mut typed, mut series) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut current: &[u8] = b"";
    let mut sampled = false;
    for (raw, line) in text.lines().zip(parse(text.as_bytes())) {
        match line.unwrap_or_else(|bad| panic!("{bad:?}: {raw}")) {
            Line::Blank => panic!("a line that says nothing: {raw:?}"),
            Line::Help { name, .. } => {
                assert!(helped.insert(name), "twice: {raw}");
                assert!(!typed.contains(name), "late: {raw}");
            }
            Line::Type { name, .. } => {
                assert!(typed.insert(name), "twice: {raw}");
                assert!(current.is_empty() || sampled, "a family without a sample before {raw}");
                (current, sampled) = (name, false);
            }
            Line::Sample(sample) => {
                let suffix = sample.name.strip_prefix(current);
                let known = [&b""[..], b"_sum", b"_count", b"_bucket"];
                assert!(suffix.is_some_and(|suffix| known.contains(&suffix)), "not of its family: {raw}");
                assert!(sample.timestamp.is_none(), "{raw}");
                assert!(raw.len() <= 4096, "long: {raw}");
                let mut labels: Vec<_> = sample.labels.collect();
                labels.sort_unstable();
                assert!(series.insert((sample.name, labels)), "twice: {raw}");
                sampled = true;
            }
        }
    }
}

/// What time or memory of the past makes: CPU counters never go back, a clock goes on, a file has a new date.
const LIVE: &[&str] = &[
    "node_cpu_seconds_total",
    "node_cpu_guest_seconds_total",
    "node_scrape_collector_duration_seconds",
    "node_time_seconds",
    "node_textfile_mtime_seconds",
];

/// The same lines; rows may have changed places.
pub fn same(expect: &str, text: &str) {
    let set = |text: &str| -> BTreeSet<String> {
        text.lines()
            .filter(|line| !LIVE.iter().any(|live| line.starts_with(live)))
            .map(str::to_owned)
            .collect()
    };
    let (expect, found) = (set(expect), set(text));
    let lost: Vec<_> = expect.difference(&found).take(10).collect();
    let new: Vec<_> = found.difference(&expect).take(10).collect();
    assert!(lost.is_empty() && new.is_empty(), "not as before\nlost {lost:#?}\nnew {new:#?}");
}
