//! The container part against one real node: the files of its control groups go into a tree, the agent reads the tree, and
//! what it serves is compared with what that node's kubelet served at about the same time.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test that writes and reads files")]

mod common;

use common::{Series, close, conformance, program, samples};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, create_dir_all, read_to_string, write};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};
use trimeter::container::{COLLECTORS, REPORT};
use trimeter::family::{Families, Profile};

/// Files of one control group: `memory/memory.stat` → text.
type Files = BTreeMap<String, String>;

/// How the kubelet's number may differ from that of the files: it looks at each group every 10 to 30 seconds, so it saw a
/// group somewhat before the files were read, or after.
enum Rule {
    /// Not at all.
    Equal,
    /// A counter: by so much. All those of a group are on the same side.
    Counter(f64),
    /// A gauge: by so much, either way.
    Near(f64),
    /// It is about another moment.
    Any,
}

/// The first rule whose beginning fits counts; everything else must be equal.
const RULES: &[(&str, Rule)] = &[
    ("container_last_seen", Rule::Any),
    ("container_cpu_usage_seconds_total", Rule::Counter(1.0)),
    // Times of this machine have fractions.
    ("container_start_time_seconds", Rule::Near(1.0)),
    ("container_cpu_user_seconds_total", Rule::Counter(1.0)),
    ("container_cpu_system_seconds_total", Rule::Counter(1.0)),
    ("container_cpu_cfs_periods_total", Rule::Counter(100.0)),
    ("container_cpu_cfs_throttled_periods_total", Rule::Counter(100.0)),
    ("container_cpu_cfs_throttled_seconds_total", Rule::Counter(10.0)),
    ("container_memory_failures_total", Rule::Counter(3000.0)),
    ("container_memory_usage_bytes", Rule::Near(1048576.0)),
    ("container_memory_working_set_bytes", Rule::Near(1048576.0)),
    ("container_memory_rss", Rule::Near(1048576.0)),
    ("container_memory_cache", Rule::Near(1048576.0)),
    ("container_memory_mapped_file", Rule::Near(1048576.0)),
    ("container_memory_total_", Rule::Near(1048576.0)),
    ("container_memory_kernel_usage", Rule::Near(1048576.0)),
    ("container_memory_max_usage_bytes", Rule::Near(1048576.0)),
    ("container_processes", Rule::Near(1.0)),
    ("container_threads", Rule::Near(3.0)),
    ("container_file_descriptors", Rule::Near(3.0)),
    ("container_network_", Rule::Near(1e4)),
];

/// Series that one side may have alone: beginning of the name, id, reason.
const ALONE: &[(&str, &str, &str)] = &[
    ("container_fs_", "/", "file systems and disks of the recorded machine cannot be put into a tree"),
    ("container_file_descriptors", "/", "the processes of the root were not recorded"),
    ("container_processes", "/", "the processes of the root were not recorded"),
    ("container_sockets", "/", "the processes of the root were not recorded"),
    ("container_network_", "/", "interfaces of the host, which were recorded only for its pods"),
];

/// When the recorded machine was started.
const STARTED: f64 = 1_795_224_060.0;

/// Numbers of the whole machine that belong to no control group and were not recorded as files.
const MACHINE: &[&str] = &["machine_", "cadvisor_version_info", "container_scrape_error"];

struct Node {
    groups: BTreeMap<String, Files>,
    kubelet: BTreeMap<Series, f64>,
    types: BTreeMap<String, String>,
}

fn label<'a>(series: &'a Series, name: &str) -> &'a str {
    series.1.iter().find(|(label, _)| label == name).map_or("", |(_, value)| value)
}

fn types(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    lines.map(|line| line.split_once(' ').unwrap()).map(|(name, kind)| (name.into(), kind.into())).collect()
}

fn recorded(folder: &Path) -> Node {
    let json = read_to_string(folder.join("kubelet-1.36-cgroupv1-files.json")).unwrap();
    let Value::Object(all) = serde_json::from_str(&json).unwrap() else { panic!("no object") };
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let files = |value: &Value| -> Files {
        value.as_object().unwrap().iter().map(|(name, value)| (name.clone(), text(value))).collect()
    };
    let output = read_to_string(folder.join("kubelet-1.36-cgroupv1.prom")).unwrap();
    Node {
        groups: all.iter().map(|(path, value)| (path.clone(), files(value))).collect(),
        kubelet: samples(&output),
        types: types(&output),
    }
}

/// How long after that the last container was.
const SPAN: f64 = 3300.0;

/// Times of the recorded machine on this one, where nothing is older than its start or younger than now.
#[derive(Clone, Copy)]
struct Times {
    start: f64,
    /// This machine may be up for a shorter time than the recorded one was.
    squeeze: f64,
}

impl Times {
    fn here() -> Self {
        let uptime = read_to_string("/proc/uptime").unwrap();
        let uptime: f64 = uptime.split(' ').next().unwrap().parse().unwrap();
        let start = UNIX_EPOCH.elapsed().unwrap().as_secs_f64() - uptime + 1.0;
        if start < STARTED {
            return Times { start: STARTED, squeeze: 1.0 };
        }
        Times { start: start.ceil(), squeeze: ((uptime - 5.0) / SPAN).min(1.0) }
    }

    fn of(self, recorded: f64) -> f64 {
        self.start + (recorded - STARTED) * self.squeeze
    }
}

fn put(path: PathBuf, content: &str) {
    create_dir_all(path.parent().unwrap()).unwrap();
    write(path, content).unwrap();
}

/// What a group had open, its limits and interfaces, for every process that was in it.
fn processes(root: &Path, files: &Files, sockets: usize) {
    for pid in files.get("cpu/cgroup.procs").into_iter().flat_map(|pids| pids.split_whitespace()) {
        let process = root.join("proc").join(pid);
        for (name, content) in files {
            match name.strip_prefix("proc/") {
                Some("fd") => {
                    create_dir_all(process.join("fd")).unwrap();
                    let count: usize = content.parse().unwrap();
                    for open in 0..count {
                        let target =
                            if open < sockets { "socket:[1]".to_owned() } else { format!("/dev/{open}") };
                        std::os::unix::fs::symlink(target, process.join(format!("fd/{open}"))).unwrap();
                    }
                }
                Some(rest) => put(process.join(rest), content),
                None => {}
            }
        }
    }
}

/// Writes one control group in all its hierarchies. The times of a folder come last: a file in it changes them.
fn group(root: &Path, path: &str, files: &Files, times: Times) {
    let place = |name: &str| {
        let (controller, file) = name.split_once('/').unwrap();
        root.join("cgroup").join(controller).join(path.trim_start_matches('/')).join(file)
    };
    let stamps = files.iter().filter_map(|(name, time)| Some((name.strip_suffix(".mtime")?, time)));
    for (name, content) in files.iter().filter(|(name, _)| !name.starts_with("proc/")) {
        if !name.ends_with(".mtime") {
            put(place(name), content);
        }
    }
    for (name, _) in stamps.clone().filter(|(name, _)| !name.ends_with('/')) {
        put(place(name), "0\n");
    }
    for (name, time) in stamps {
        let time = UNIX_EPOCH + Duration::from_secs_f64(times.of(time.parse::<f64>().unwrap()));
        File::open(place(name)).unwrap().set_modified(time).unwrap();
    }
}

/// containerd's word on a container, made of the kubelet's labels.
fn runtime_state(root: &Path, series: &Series, sandbox: &str, uid: &str) {
    let kind = if label(series, "container").is_empty() { "sandbox" } else { "container" };
    let mut annotations = vec![
        ("container-type", kind),
        ("sandbox-id", sandbox),
        ("sandbox-name", label(series, "pod")),
        ("sandbox-namespace", label(series, "namespace")),
        ("sandbox-uid", uid),
    ];
    if kind == "sandbox" {
        annotations.push(("podsandbox.image-name", label(series, "image")));
    } else {
        annotations.push(("container-name", label(series, "container")));
        annotations.push(("image-name", label(series, "image")));
    }
    let annotations: serde_json::Map<String, Value> = annotations
        .into_iter()
        .map(|(name, value)| (format!("io.kubernetes.cri.{name}"), Value::from(value)))
        .collect();
    let config = serde_json::json!({ "ociVersion": "1.2.0", "process": { "args": ["x"] }, "annotations": annotations });
    put(
        root.join("containerd/io.containerd.runtime.v2.task/k8s.io")
            .join(label(series, "name"))
            .join("config.json"),
        &config.to_string(),
    );
}

/// The root of every hierarchy was not recorded: its files are made of what the kubelet said about it.
fn root_group(root: &Path, node: &Node, times: Times) {
    let told = |name: &str| {
        let of_root = |series: &&Series| series.0 == name && label(series, "id") == "/";
        node.kubelet.iter().find(|(series, _)| of_root(series)).map_or(0.0, |(_, value)| *value)
    };
    let stat = [
        ("total_cache", "container_memory_cache"),
        ("total_rss", "container_memory_rss"),
        ("total_mapped_file", "container_memory_mapped_file"),
        ("total_inactive_file", "container_memory_total_inactive_file_bytes"),
        ("total_active_file", "container_memory_total_active_file_bytes"),
        ("total_swap", "container_memory_swap"),
        ("pgfault", "container_memory_failures_total"),
    ];
    let mut memory: String = stat.iter().map(|(key, name)| format!("{key} {}\n", told(name))).collect();
    memory.push_str("pgmajfault 0\n");
    let ticks = |name: &str| told(name) * 100.0;
    let user = ticks("container_cpu_user_seconds_total").round();
    let system = ticks("container_cpu_system_seconds_total").round();
    let usage = (told("container_cpu_usage_seconds_total") * 1e9).round();
    let number = |name: &str| format!("{}\n", told(name));
    let content = [
        ("cpu/cpu.shares", "1024\n".to_owned()),
        ("cpu/cpu.cfs_period_us", "100000\n".to_owned()),
        ("cpu/cpu.cfs_quota_us", "-1\n".to_owned()),
        ("cpu/cpu.stat", "nr_periods 0\nnr_throttled 0\nthrottled_time 0\n".to_owned()),
        ("cpu/cgroup.procs", "1\n".to_owned()),
        ("cpuacct/cpuacct.usage", format!("{usage}\n")),
        ("cpuacct/cpuacct.stat", format!("user {user}\nsystem {system}\n")),
        ("memory/memory.stat", memory),
        ("memory/memory.use_hierarchy", "1\n".to_owned()),
        ("memory/memory.usage_in_bytes", number("container_memory_usage_bytes")),
        ("memory/memory.max_usage_in_bytes", number("container_memory_max_usage_bytes")),
        ("memory/memory.kmem.usage_in_bytes", number("container_memory_kernel_usage")),
        ("memory/memory.failcnt", "0\n".to_owned()),
        ("memory/memory.limit_in_bytes", "9223372036854771712\n".to_owned()),
        ("memory/memory.soft_limit_in_bytes", "9223372036854771712\n".to_owned()),
        ("memory/memory.memsw.limit_in_bytes", "9223372036854771712\n".to_owned()),
        ("memory/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n".to_owned()),
    ];
    for (name, text) in content {
        put(root.join("cgroup").join(name), &text);
    }
    for controller in ["cpu", "cpuacct", "memory", "pids", "blkio"] {
        let folder = root.join("cgroup").join(controller);
        put(folder.join("cgroup.clone_children"), "0\n");
        let started = UNIX_EPOCH + Duration::from_secs_f64(times.of(told("container_start_time_seconds")));
        File::open(folder).unwrap().set_modified(started).unwrap();
    }
    put(
        root.join("proc/1/limits"),
        "Max open files            32768                32768                files\n",
    );
    create_dir_all(root.join("proc/1/fd")).unwrap();
    let kib = told("machine_memory_bytes").max(told("container_spec_memory_limit_bytes")) / 1024.0;
    put(root.join("proc/meminfo"), &format!("MemTotal:       {kib} kB\nSwapTotal:             0 kB\n"));
}

/// The whole tree.
fn tree(root: &Path, node: &Node, times: Times) {
    for (path, files) in &node.groups {
        group(root, path, files, times);
        // Not recorded; the kubelet has seen no kill.
        put(root.join(format!("cgroup/memory{path}/memory.oom_control")), "under_oom 0\noom_kill 0\n");
        let named = |name: &str| {
            node.kubelet.iter().find(|(series, _)| series.0 == name && label(series, "id") == path)
        };
        let sockets = named("container_sockets").map_or(0.0, |(_, value)| *value);
        processes(root, files, if sockets == 0.0 { 0 } else { 1 });
        let Some((series, _)) = named("container_last_seen") else { continue };
        if label(series, "name").is_empty() {
            continue;
        }
        let pod = path.rsplit_once('/').unwrap().0;
        let of_sandbox = |(series, _): &(&Series, &f64)| {
            label(series, "id").starts_with(pod)
                && !label(series, "name").is_empty()
                && label(series, "container").is_empty()
        };
        let (sandbox, _) = node.kubelet.iter().find(of_sandbox).unwrap();
        let uid = pod.rsplit_once("/pod").unwrap().1;
        runtime_state(root, series, label(sandbox, "name"), uid);
    }
    // Last: a folder that is made in another changes its time.
    root_group(root, node, times);
}

fn rule(name: &str) -> &'static Rule {
    RULES.iter().find(|(beginning, _)| name.starts_with(beginning)).map_or(&Rule::Equal, |(_, rule)| rule)
}

fn fits(rule: &Rule, ours: f64, theirs: f64) -> bool {
    match rule {
        Rule::Equal => close(ours, theirs),
        Rule::Counter(most) | Rule::Near(most) => (ours - theirs).abs() <= *most,
        Rule::Any => true,
    }
}

fn excused(series: &Series) -> bool {
    let alone = |(name, id, _): &(&str, &str, &str)| series.0.starts_with(name) && label(series, "id") == *id;
    ALONE.iter().any(alone) || MACHINE.iter().any(|name| series.0.starts_with(name))
}

/// What the agent serves of the tree, and the types.
fn served(root: &Path) -> (BTreeMap<Series, f64>, BTreeMap<String, String>) {
    let at = |flag: &str, name: &str| format!("-{flag}={}", root.join(name).display());
    create_dir_all(root.join("sys")).unwrap();
    let output = program()
        .args(["-once", "-metrics.profile=full", "-promscrape.kubernetes.collectors=container"])
        .args([at("path.procfs", "proc"), at("path.sysfs", "sys"), at("path.cgroupfs", "cgroup")])
        .args([at("path.rootfs", ""), at("containerd.state", "containerd")])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    (samples(&text), types(&text))
}

/// Counters of a group that are before the kubelet's, and those that are after.
type Order = BTreeMap<String, [BTreeSet<String>; 2]>;

/// Compares one series; `Err`: the complaint.
fn compare(series: &Series, ours: f64, theirs: f64, times: Times, order: &mut Order) -> Result<(), String> {
    let theirs = if series.0 == "container_start_time_seconds" { times.of(theirs) } else { theirs };
    let rule = rule(&series.0);
    if matches!(rule, Rule::Counter(_)) && !close(ours, theirs) {
        let group = order.entry(label(series, "id").to_owned()).or_default();
        group[usize::from(ours > theirs)].insert(series.0.clone());
    }
    let complaint = || format!("{series:?} is {ours}, the kubelet's is {theirs}");
    if fits(rule, ours, theirs) { Ok(()) } else { Err(complaint()) }
}

#[test]
fn the_recorded_node_gives_the_kubelets_series() {
    let Some(folder) = conformance() else { return };
    let node = recorded(&folder.join("conformance/container"));
    let root = std::env::temp_dir().join(format!("trimeter-conformance-container-{}", std::process::id()));
    let times = Times::here();
    tree(&root, &node, times);
    let (served, types) = served(&root);
    std::fs::remove_dir_all(&root).unwrap();
    let mut wrong = BTreeSet::new();
    let mut compared = BTreeMap::<&str, usize>::new();
    let mut order = Order::new();
    for (series, theirs) in node.kubelet.iter().filter(|(series, _)| !excused(series)) {
        let Some(ours) = served.get(series) else {
            wrong.insert(format!("missing: {series:?} {theirs}"));
            continue;
        };
        *compared.entry(&series.0).or_default() += 1;
        wrong.extend(compare(series, *ours, *theirs, times, &mut order).err());
        let kind = types.get(&series.0);
        if kind.is_some_and(|kind| *kind != node.types[&series.0]) {
            wrong.insert(format!("{} is a {kind:?}", series.0));
        }
    }
    for (series, ours) in served.iter().filter(|(series, _)| series.0.starts_with("container_")) {
        if !node.kubelet.contains_key(series) && !excused(series) {
            wrong.insert(format!("too much: {series:?} {ours}"));
        }
    }
    for (id, sides) in order.iter().filter(|(_, sides)| sides.iter().all(|side| !side.is_empty())) {
        wrong.insert(format!("{id}: some counters are before the kubelet's, some after: {sides:?}"));
    }
    assert!(wrong.is_empty(), "{} differ: {wrong:#?}", wrong.len());
    assert!(compared.len() > 45, "only {} families were compared", compared.len());
    assert!(compared.values().sum::<usize>() > 1000, "{compared:?}");
}

/// Memory modules: the kubelet has these two families where the kernel tells of modules, the list of the others leaves
/// them out.
const MODULES: [&str; 2] = ["machine_dimm_capacity_bytes", "machine_dimm_count"];

#[test]
fn families_types_and_profiles_are_those_of_the_lists() {
    let Some(folder) = conformance() else { return };
    let list = read_to_string(folder.join("spec/container-families.jsonl")).unwrap();
    let peers: Vec<Value> = list.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let peers: BTreeMap<&str, &str> = peers
        .iter()
        .filter(|family| family["kubelet_exposes"] == true)
        .map(|family| (family["name"].as_str().unwrap(), family["type"].as_str().unwrap()))
        .collect();
    assert_eq!(peers.len(), 87);
    let tables = COLLECTORS.iter().flat_map(|collector| collector.tables).chain(REPORT.tables);
    let families = tables.flat_map(|table| match table.families {
        Families::Static(families) => families,
        Families::Named { .. } => &[],
    });
    let ours: BTreeMap<&str, _> = families.map(|family| (family.name, family)).collect();
    let types = ours.iter().filter(|(name, _)| !MODULES.contains(name));
    let types: BTreeMap<&str, &str> = types.map(|(name, family)| (*name, family.kind.word())).collect();
    assert_eq!(types, peers);

    let list = read_to_string(folder.join("spec/essential.csv")).unwrap();
    let used: BTreeSet<&str> = list
        .lines()
        .map(|line| line.split(',').collect::<Vec<&str>>())
        .filter(|fields| {
            matches!(fields[1], "container" | "machine") && fields[2] == "current" && fields[3] != "0"
        })
        .map(|fields| fields[0])
        .collect();
    let essential = ours.iter().filter(|(_, family)| family.profile == Profile::Essential);
    assert_eq!(essential.map(|(name, _)| *name).collect::<BTreeSet<&str>>(), used);
}
