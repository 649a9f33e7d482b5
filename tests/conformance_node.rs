//! The node collectors against the peer's fixtures: trees of files and the samples that node_exporter makes of them,
//! and the tables of families against the peer's list.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that reads files"
)]

mod common;

use common::{close, conformance, program, samples};
use std::collections::BTreeMap;
use trimeter::family::{Families, Profile};
use trimeter::node;

/// Collectors whose expected samples come from the machine that recorded them.
const LIVE: &[&str] = &["netdev", "uname", "timex", "filesystem", "time"];

#[test]
fn the_peers_fixtures_give_the_peers_samples() {
    let Some(folder) = conformance() else { return };
    let root = std::env::temp_dir().join(format!("trimeter-conformance-{}", std::process::id()));
    let fixtures = root.join("collector/fixtures");
    std::fs::create_dir_all(&fixtures).unwrap();
    let archive = std::fs::File::open(folder.join("conformance/node/fixtures.tar.gz")).unwrap();
    tar::Archive::new(flate2::read::GzDecoder::new(archive)).unpack(&fixtures).unwrap();
    // Relative, because the path of the powercap zone is a label.
    let at = |path: &str, name: &str| format!("-path.{path}=collector/fixtures{name}");
    let output = program()
        .current_dir(&root)
        .args(["-once", "-metrics.profile=full", "-promscrape.kubernetes.collectors=node"])
        .args([at("rootfs", ""), at("procfs", "/proc"), at("sysfs", "/sys"), at("udev.data", "/udev/data")])
        .args(["--collector.cpu.info", "--collector.cpu.info.flags-include=^(aes|avx.?|constant_tsc)$"])
        .args([
            "--collector.cpu.info.bugs-include=^(cpu_meltdown|spectre_.*|mds)$",
            "--collector.stat.softirq",
        ])
        .output()
        .unwrap();
    std::fs::remove_dir_all(&root).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let got = samples(&String::from_utf8(output.stdout).unwrap());
    let mut wrong = Vec::new();
    let mut compared = 0;
    for entry in std::fs::read_dir(folder.join("conformance/node")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if path.extension().is_none_or(|extension| extension != "prom") || LIVE.contains(&name.as_str()) {
            continue;
        }
        for (series, value) in samples(&std::fs::read_to_string(&path).unwrap()) {
            compared += 1;
            match got.get(&series) {
                Some(ours) if close(*ours, value) => {}
                ours => wrong.push(format!("{name}: {series:?} is {ours:?}, not {value}")),
            }
        }
    }
    assert!(compared > 900, "only {compared} samples were compared");
    assert!(wrong.is_empty(), "{} of {compared} differ: {wrong:#?}", wrong.len());
}

/// Every family of the node part that is known before it runs: name, type, profile.
fn declared() -> BTreeMap<&'static str, (&'static str, Profile)> {
    let tables = node::COLLECTORS.iter().flat_map(|collector| collector.tables).chain(node::REPORT.tables);
    let mut found = BTreeMap::new();
    for table in tables {
        match table.families {
            Families::Static(families) => {
                for family in families {
                    let before = found.insert(family.name, (family.kind.word(), family.profile));
                    // cpu.info has it from /proc/cpuinfo, and then cpufreq leaves it out.
                    let twice = family.name == "node_cpu_frequency_hertz";
                    assert!(before.is_none() || twice, "{} is declared twice", family.name);
                }
            }
            Families::Named { essential, .. } => {
                for name in essential.unwrap_or(&[]) {
                    found.insert(name, ("", Profile::Essential));
                }
            }
        }
    }
    found
}

#[test]
fn families_have_the_peers_types() {
    let Some(folder) = conformance() else { return };
    let list = std::fs::read_to_string(folder.join("spec/node-families.jsonl")).unwrap();
    let field = |line: &str, name: &str| {
        let start = line.find(&format!("\"{name}\":\""))? + name.len() + 4;
        Some(line[start..].split('"').next()?.to_owned())
    };
    let kind_of = |line: &str| {
        let kind = field(line, "type")?;
        Some(if kind == "unknown" { "untyped".to_owned() } else { kind })
    };
    let peer: BTreeMap<String, String> =
        list.lines().filter_map(|line| Some((field(line, "name")?, kind_of(line)?))).collect();
    let mut wrong = Vec::new();
    let mut compared = 0;
    for (name, (kind, _)) in declared() {
        match peer.get(name) {
            Some(expect) if !kind.is_empty() && expect != kind => {
                wrong.push(format!("{name} is a {kind}, the peer's is a {expect}"));
            }
            Some(_) => compared += 1,
            None => {}
        }
    }
    assert!(compared > 400, "only {compared} families were compared");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_essential_profile_is_what_dashboards_use() {
    let Some(folder) = conformance() else { return };
    let list = std::fs::read_to_string(folder.join("spec/essential.csv")).unwrap();
    let declared = declared();
    let mut wrong = Vec::new();
    let mut used_names = Vec::new();
    for line in list.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let (name, group, status, families) = (fields[0], fields[1], fields[2], fields[3]);
        if group != "node" || status != "current" || families == "0" || name.starts_with("node_systemd") {
            continue;
        }
        used_names.push(name);
        match declared.get(name) {
            Some((_, Profile::Essential)) => {}
            Some((_, Profile::Full)) => wrong.push(format!("{name} is not essential")),
            None => wrong.push(format!("{name} is nowhere")),
        }
    }
    for (name, (_, profile)) in &declared {
        if *profile == Profile::Essential && !used_names.contains(name) {
            wrong.push(format!("{name} is essential, and no dashboard of the list uses it"));
        }
    }
    assert!(used_names.len() > 200);
    assert!(wrong.is_empty(), "{wrong:#?}");
}
