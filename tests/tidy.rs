//! What the compiler does not check: who imports whom, where `unsafe` is, how long files are, and that nothing is
//! forgotten in a list.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test that reads the sources")]

use std::path::{Path, PathBuf};

/// Files that may hold `unsafe`; a new line is a design decision.
const UNSAFE: &[&str] = &["src/base/gate.rs", "src/io/timex.rs", "tests/engine.rs"];

/// Mechanism; knows no metric name.
const SPINE: &[&str] = &[
    "base", "collect", "expo", "family", "filter", "flags", "http", "io", "json", "kube", "limits", "net",
    "part", "pattern", "records", "store", "text",
];

/// One peer each.
const RIBS: &[&str] = &["container", "node", "objects", "own"];

/// Longest file.
const LINES_MAX: usize = 500;

fn sources(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("target") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((path.to_string_lossy().into_owned(), text));
            }
        }
    }
    assert!(!found.is_empty(), "no sources below {folder}: the test runs in the wrong folder");
    found.sort();
    found
}

/// The code before the tests.
fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]").next().unwrap_or(text)
}

/// Does the file hold nothing but tests?
fn is_test(path: &str) -> bool {
    path.ends_with("tests.rs") || path.ends_with("testing.rs")
}

/// The module of a source: `src/io/uring.rs` → `io`.
fn module(path: &str) -> &str {
    let rest = path.strip_prefix("src/").unwrap_or(path);
    let end = rest.find('/').unwrap_or(rest.len());
    rest[..end].trim_end_matches(".rs")
}

/// The modules that a source names as `crate::…`, tests aside.
fn imports(text: &str) -> Vec<&str> {
    let code = without_tests(text);
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + 7..];
        if let Some(list) = rest.strip_prefix('{') {
            let end = list.find('}').unwrap_or(list.len());
            found.extend(list[..end].split(',').map(|name| name.trim().split("::").next().unwrap()));
        } else {
            let end =
                rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(rest.len());
            found.push(&rest[..end]);
        }
    }
    found
}

#[test]
fn the_spine_knows_no_rib_and_ribs_do_not_know_each_other() {
    let mut wrong = Vec::new();
    for (path, text) in sources("src") {
        let own = module(&path);
        for name in imports(&text) {
            let bad = if own == "base" {
                !["base", "counted_errors"].contains(&name)
            } else if SPINE.contains(&own) {
                RIBS.contains(&name) || ["agent", "command"].contains(&name)
            } else if RIBS.contains(&own) {
                (RIBS.contains(&name) && name != own) || ["agent", "command"].contains(&name)
            } else {
                false
            };
            if bad {
                wrong.push(format!("{path} imports {name}"));
            }
        }
        if !SPINE.contains(&own)
            && !RIBS.contains(&own)
            && !["agent", "command", "lib", "main"].contains(&own)
        {
            wrong.push(format!("{path}: module {own} is neither spine nor rib; add it to a list here"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn collectors_open_no_files_and_no_sockets() {
    let banned = ["std::fs", "TcpStream", "UdpSocket", "rustix", "tokio", "libc::", "Instant", "SystemTime"];
    for (path, text) in sources("src").iter().filter(|(path, _)| RIBS.contains(&module(path))) {
        for word in banned {
            assert!(!text.contains(word), "{path} names {word}");
        }
    }
}

#[test]
fn only_listed_files_hold_unsafe() {
    let mut found = Vec::new();
    for folder in ["src", "tests", "benches"] {
        for (path, text) in sources(folder) {
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            if path != "tests/tidy.rs"
                && code.clone().any(|line| line.contains("unsafe ") || line.contains("unsafe_code"))
            {
                found.push(path);
            }
        }
    }
    found.retain(|path| !UNSAFE.contains(&path.as_str()));
    assert!(found.is_empty(), "unsafe outside the list: {found:?}");
}

#[test]
fn files_are_short_and_say_what_they_are_for() {
    let mut wrong = Vec::new();
    for folder in ["src", "tests", "benches"] {
        for (path, text) in sources(folder) {
            let lines = text.lines().count();
            if lines > LINES_MAX {
                wrong.push(format!("{path}: {lines} lines"));
            }
            if !text.starts_with("//!") && !is_test(&path) {
                wrong.push(format!("{path}: the first line does not say what the file is for"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_collector_is_in_the_list() {
    let list = std::fs::read_to_string("src/node/mod.rs").unwrap();
    for (path, text) in sources("src/node") {
        if text.contains("pub const COLLECTOR: Collector") {
            let name = Path::new(&path).file_stem().unwrap().to_string_lossy().into_owned();
            let name =
                if name == "mod" { module(path.strip_prefix("src/node/").unwrap()).to_owned() } else { name };
            assert!(list.contains(&format!("{name}::COLLECTOR")), "{path} is not in COLLECTORS");
        }
    }
}

#[test]
fn a_metric_name_is_written_once() {
    let mut seen: Vec<(String, String)> = Vec::new();
    for (path, text) in sources("src") {
        if is_test(&path) {
            continue;
        }
        let code = without_tests(&text);
        for prefix in ["\"node_", "\"trimeter_", "\"process_", "\"container_", "\"machine_", "\"cadvisor_"] {
            for (at, _) in code.match_indices(prefix) {
                let name = code[at + 1..].split('"').next().unwrap();
                seen.push((name.to_owned(), path.clone()));
            }
        }
    }
    assert!(seen.len() > 100);
    seen.sort();
    // cpu.info has it from /proc/cpuinfo, and then cpufreq leaves it out.
    seen.retain(|(name, _)| name != "node_cpu_frequency_hertz");
    // No metric but a label, of container families for old dashboards and of a family of pods.
    seen.retain(|(name, _)| name != "container_id");
    let twice: Vec<_> = seen.windows(2).filter(|pair| pair[0].0 == pair[1].0).map(|pair| &pair[0]).collect();
    assert!(twice.is_empty(), "{twice:#?}");
}

#[test]
fn nothing_is_left_for_later() {
    for folder in ["src", "tests", "benches", "fuzz"] {
        for (path, text) in sources(folder).iter().filter(|(path, _)| path != "tests/tidy.rs") {
            for word in ["TODO", "FIXME", "HACK", "unimplemented!", "#[ignore]"] {
                assert!(!text.contains(word), "{path} holds {word}");
            }
        }
    }
}
