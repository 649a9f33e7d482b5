//! Whole outputs: every collector over a machine of our own making, the printed plan, and the list of families.
//! `UPDATE_GOLDEN=1 cargo test --test golden` rewrites them; a change is reviewed like code.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test that reads and writes files")]

mod common;

use common::{output, program};
use std::path::Path;
use trimeter::family::Families;
use trimeter::{container, node, own};

/// Numbers and labels of the machine that runs the test, not of the fixture.
const LIVE: &[&str] = &[
    "process_",
    "trimeter_",
    "node_scrape_collector_duration_seconds",
    "node_time_seconds",
    "node_uname_info",
    "cadvisor_version_info",
    "node_timex_",
    "node_exporter_build_info",
    "node_scrape_collector_success{collector=\"timex\"}",
    "node_textfile_mtime_seconds",
    "node_filesystem_avail_bytes",
    "node_filesystem_files",
    "node_filesystem_free_bytes",
    "node_filesystem_size_bytes",
];

fn compare(name: &str, text: &str) {
    let path = Path::new("tests/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all("tests/golden").unwrap();
        std::fs::write(&path, text).unwrap();
    }
    let expect = std::fs::read_to_string(&path).unwrap_or_default();
    for (number, (ours, theirs)) in text.lines().zip(expect.lines()).enumerate() {
        assert_eq!(ours, theirs, "{name} line {}; UPDATE_GOLDEN=1 accepts the new text", number + 1);
    }
    assert_eq!(text.lines().count(), expect.lines().count(), "{name} has another length");
}

/// One pass over a tree below tests/fixtures, without what is live.
fn passed(tree: &str, more: &[&str]) -> String {
    let at = |flag: &str, folder: &str| format!("-path.{flag}=tests/fixtures/{tree}/{folder}");
    let output = program()
        .args(["-once", "-metrics.profile=full", "-limit.cpus=4"])
        .args([at("procfs", "proc"), at("sysfs", "sys"), at("rootfs", "rootfs"), at("udev.data", "udev")])
        .args(more)
        .env_remove("TZ")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let mut kept = String::new();
    for line in text.lines() {
        let name = line.strip_prefix("# HELP ").or(line.strip_prefix("# TYPE ")).unwrap_or(line);
        if !LIVE.iter().any(|live| name.starts_with(live)) {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

#[test]
fn a_machine_with_everything() {
    let on: Vec<String> = node::COLLECTORS
        .iter()
        .filter(|collector| !collector.default)
        .map(|collector| format!("--collector.{}", collector.name))
        .collect();
    let mut more: Vec<&str> = on.iter().map(String::as_str).collect();
    more.extend(["--collector.textfile.directory=tests/fixtures/full/textfile", "--collector.cpu.info"]);
    compare("full.prom", &passed("full", &more));
}

#[test]
fn a_machine_with_nothing() {
    std::fs::create_dir_all("tests/fixtures/empty/proc").unwrap();
    std::fs::create_dir_all("tests/fixtures/empty/sys").unwrap();
    compare("empty.prom", &passed("empty", &[]));
}

/// The families of groups over a tree of files, without what depends on when the tree was made.
fn groups(version: &str) -> String {
    let root = "tests/fixtures/groups";
    let output = program()
        .args(["-once", "-metrics.profile=full", "-promscrape.kubernetes.collectors=container"])
        .args([format!("-path.cgroupfs={root}/{version}"), format!("-path.procfs={root}/proc")])
        .args([format!("-path.rootfs={root}"), format!("-path.sysfs={root}")])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let kept = String::from_utf8(output.stdout).unwrap();
    let kept = kept.lines().filter(|line| {
        let name = line.strip_prefix("# HELP ").or(line.strip_prefix("# TYPE ")).unwrap_or(line);
        let dated =
            ["container_last_seen", "container_start_time"].iter().any(|dated| name.starts_with(dated));
        name.starts_with("container_") && !dated
    });
    kept.map(|line| format!("{line}\n")).collect()
}

#[test]
fn groups_of_both_versions() {
    compare("groups-v1.prom", &groups("v1"));
    compare("groups-v2.prom", &groups("v2"));
}

#[test]
fn the_plan_of_the_default_limits() {
    let (code, text, _) = output(&[
        "-dryRun",
        "-limit.cpus=4",
        "-metrics.profile=essential",
        "-path.cgroupfs=tests/fixtures/cgroup-v2",
    ]);
    assert_eq!(code, 0);
    // The collectors' own state is measured, and its size depends on the build; so does that of what serves a connection.
    let varies = ["own state", "HTTP connections"];
    let fixed = |line: &&str| !varies.iter().any(|what| line.contains(what)) && !line.starts_with("total");
    let planned = text.lines().filter(fixed);
    compare("budget.txt", &planned.map(|line| format!("{line}\n")).collect::<String>());
}

#[test]
fn the_list_of_families() {
    let mut text = String::new();
    let node = node::COLLECTORS.iter().map(|collector| (collector.name, collector.tables));
    let rest = [("node", node::REPORT.tables), ("process", own::COLLECTORS[0].tables), ("own", own::TABLES)];
    let container = container::COLLECTORS.iter().map(|collector| (collector.name, collector.tables));
    for (name, tables) in node.chain(container).chain(rest) {
        for table in tables {
            let Families::Static(families) = table.families else {
                text.push_str(&format!("{name}\t{}\tnamed while running\n", table.name));
                continue;
            };
            for family in families {
                let split = family
                    .split
                    .map_or("", |split| if split.label.is_empty() { "label pairs" } else { split.label });
                text.push_str(&format!(
                    "{name}\t{}\t{}\t{}\t{:?}\t{split}\n",
                    table.name,
                    family.name,
                    family.kind.word(),
                    family.profile
                ));
            }
        }
    }
    compare("families.txt", &text);
}
