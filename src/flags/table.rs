//! The agent's own flags.

use super::{Flag, FlagKind};

const SECOND_MS: u64 = 1000;
const HOUR_MS: u64 = 3_600_000;

/// Periods of background work.
const PERIOD: FlagKind = FlagKind::Duration { min_ms: SECOND_MS, max_ms: HOUR_MS };
const ANY_WORDS: FlagKind = FlagKind::List(&[]);

const fn flag(name: &'static str, kind: FlagKind, default: &'static str, help: &'static str) -> Flag {
    Flag { name, kind, default, help }
}

/// A flag whose part of the agent does not exist yet.
const fn inert(
    name: &'static str,
    kind: &'static FlagKind,
    default: &'static str,
    why: &'static str,
    help: &'static str,
) -> Flag {
    Flag { name, kind: FlagKind::Inert { kind, why }, default, help }
}

/// Another name of a flag.
const fn alias(name: &'static str, of: &'static str) -> Flag {
    flag(name, FlagKind::Alias { of, words: &[] }, "", "")
}

/// Everything that is not about Kubernetes.
pub const AGENT: &[Flag] = &[
    flag(
        "httpListenAddr",
        FlagKind::Address,
        ":10333",
        "IP address and port to serve HTTP on; localhost is 127.0.0.1, and nothing before the colon is every address.",
    ),
    flag(
        "nodeName",
        FlagKind::Text,
        "",
        "Name of this node. Empty: the environment variable NODE_NAME, then the host name.",
    ),
    flag(
        "loggerLevel",
        FlagKind::OneOf(&["INFO", "WARN", "ERROR", "FATAL", "PANIC"]),
        "INFO",
        "Lowest level of the log lines that are written to standard error.",
    ),
    flag("loggerFormat", FlagKind::OneOf(&["default", "json"]), "default", "Format of log lines."),
    flag(
        "metrics.profile",
        FlagKind::OneOf(&["essential", "full"]),
        "essential",
        "Which metrics to serve: those that common dashboards and alerts use, or all that node_exporter serves by \
         default.",
    ),
    flag(
        "memory.allowedBytes",
        FlagKind::Bytes,
        "0",
        "Memory that the plan may come to; a larger plan is refused at start. 0: any.",
    ),
    flag(
        "io.engine",
        FlagKind::OneOf(&["auto", "uring", "syscall"]),
        "auto",
        "How kernel files are read: through io_uring, with system calls, or with whichever works.",
    ),
    flag(
        "collect.maxAge",
        FlagKind::Duration { min_ms: 0, max_ms: HOUR_MS },
        "1s",
        "A scrape collects anew when the newest numbers are older than this.",
    ),
    flag("path.procfs", FlagKind::Text, "/proc", "Where the proc file system of the node is mounted."),
    flag("path.sysfs", FlagKind::Text, "/sys", "Where the sysfs of the node is mounted."),
    flag(
        "path.cgroupfs",
        FlagKind::Text,
        "/sys/fs/cgroup",
        "Where the control groups of the node are mounted. When not given and -path.sysfs is: fs/cgroup below that.",
    ),
    flag(
        "path.rootfs",
        FlagKind::Text,
        "/",
        "Where the root file system of the node is mounted; the prefix does not appear in labels.",
    ),
    flag(
        "container.rescan",
        PERIOD,
        "60s",
        "How often all control groups are listed, whatever inotify tells. Those that it gives no watch for are listed in \
         every pass.",
    ),
    flag("path.udev.data", FlagKind::Text, "/run/udev/data", "Where udev keeps its device properties."),
    flag("once", FlagKind::Bool, "false", "Print one scrape to standard output and exit."),
    flag("dryRun", FlagKind::Bool, "false", "Check the flags, print the memory plan and exit."),
    flag("help", FlagKind::Bool, "false", "Print this list and exit."),
    flag("version", FlagKind::Bool, "false", "Print the version and exit."),
    flag(
        "envflag.enable",
        FlagKind::Bool,
        "false",
        "Take flags that are not on the command line from environment variables: the name with _ for each dot.",
    ),
    flag("envflag.prefix", FlagKind::Text, "", "What the names of those environment variables begin with."),
    flag(
        "collector.disable-defaults",
        FlagKind::Bool,
        "false",
        "Turn off all node collectors that are not turned on by their own flag.",
    ),
];

const NO_DISCOVERY: &str = "applications are not discovered yet";

/// The flags of the Kubernetes monitoring proposal, of its second version and of its first.
pub const KUBERNETES: &[Flag] = &[
    flag(
        "promscrape.kubernetes",
        FlagKind::Bool,
        "true",
        "Collect at all. Without it only the agent's own metrics are served.",
    ),
    flag(
        "promscrape.kubernetes.collectors",
        FlagKind::List(&["node", "container", "kube-state", "app", "all"]),
        "node,container,kube-state,app",
        "Parts of the agent that are on.",
    ),
    flag(
        "promscrape.kubernetes.interval",
        PERIOD,
        "15s",
        "Period of the collection in the background. Scrapes collect on their own, see -collect.maxAge.",
    ),
    flag(
        "promscrape.kubernetes.namespaces",
        ANY_WORDS,
        "",
        "Namespaces whose objects are watched. Empty: all. Objects without a namespace always are.",
    ),
    flag("promscrape.kubernetes.exclude-namespaces", ANY_WORDS, "", "Namespaces to leave out of those."),
    flag(
        "promscrape.kubernetes.node.enabled",
        FlagKind::Bool,
        "true",
        "Off, it removes node from -promscrape.kubernetes.collectors.",
    ),
    flag(
        "promscrape.kubernetes.node.interval",
        PERIOD,
        "15s",
        "When given, replaces -promscrape.kubernetes.interval for node metrics.",
    ),
    flag(
        "promscrape.kubernetes.node.collectors",
        ANY_WORDS,
        "all",
        "Node collectors that are on, by node_exporter's names. all: as their own flags say.",
    ),
    flag(
        "promscrape.kubernetes.container.enabled",
        FlagKind::Bool,
        "true",
        "Off, it removes container from -promscrape.kubernetes.collectors.",
    ),
    inert(
        "promscrape.kubernetes.container.interval",
        &PERIOD,
        "15s",
        "all parts collect at the same interval",
        "When given, replaces -promscrape.kubernetes.interval for container metrics.",
    ),
    inert(
        "promscrape.kubernetes.container.collectors",
        &FlagKind::List(&["cpu", "memory", "network", "diskio", "all"]),
        "all",
        "all container metrics of the profile are served",
        "Groups of container metrics that are on.",
    ),
    inert(
        "promscrape.kubernetes.container.useCache",
        &FlagKind::Bool,
        "true",
        "metrics are always served from memory",
        "Serve container metrics from memory.",
    ),
    inert(
        "promscrape.kubernetes.container.workers",
        &FlagKind::Int { min: 1, max: 1024 },
        "5",
        "one thread reads in batches, there are no workers",
        "Workers that read container metrics.",
    ),
    flag(
        "promscrape.kubernetes.kube-state.enabled",
        FlagKind::Bool,
        "true",
        "Off, it removes kube-state from -promscrape.kubernetes.collectors.",
    ),
    inert(
        "promscrape.kubernetes.kube-state.interval",
        &PERIOD,
        "30s",
        "a changed object is served at once",
        "Longest time until a changed object is served.",
    ),
    flag(
        "promscrape.kubernetes.kube-state.resources",
        ANY_WORDS,
        "all",
        "Kinds of objects to watch, in plural: pods,deployments,nodes. all: those that kube-state-metrics watches when \
         it is not told.",
    ),
    alias("resources", "promscrape.kubernetes.kube-state.resources"),
    flag(
        "promscrape.kubernetes.kube-state.namespaces",
        ANY_WORDS,
        "",
        "When given, replaces -promscrape.kubernetes.namespaces for objects.",
    ),
    alias("namespaces", "promscrape.kubernetes.kube-state.namespaces"),
    flag(
        "promscrape.kubernetes.kube-state.excludeNamespaces",
        ANY_WORDS,
        "",
        "When given, replaces -promscrape.kubernetes.exclude-namespaces for objects.",
    ),
    alias("namespaces-denylist", "promscrape.kubernetes.kube-state.excludeNamespaces"),
    inert(
        "promscrape.kubernetes.autoDiscover.enabled",
        &FlagKind::Bool,
        "true",
        NO_DISCOVERY,
        "Off, it removes app from -promscrape.kubernetes.collectors.",
    ),
    inert(
        "promscrape.kubernetes.autoDiscover.interval",
        &PERIOD,
        "30s",
        NO_DISCOVERY,
        "Period at which the list of discovered applications is published.",
    ),
    inert(
        "promscrape.kubernetes.autoDiscover.roles",
        &FlagKind::List(&["pod", "service", "node", "endpoints", "ingress"]),
        "pod,service,node,endpoints,ingress",
        NO_DISCOVERY,
        "Kinds of objects whose annotations are looked at.",
    ),
    inert(
        "promscrape.kubernetes.autoDiscover.pod.pathAnnotation",
        &FlagKind::Text,
        "victoriametrics.com/path",
        NO_DISCOVERY,
        "Annotation of a pod that names the path of its metrics.",
    ),
    inert(
        "promscrape.kubernetes.autoDiscover.pod.portAnnotation",
        &FlagKind::Text,
        "victoriametrics.com/port",
        NO_DISCOVERY,
        "Annotation of a pod that names the port of its metrics.",
    ),
    inert(
        "promscrape.kubernetes.autoDiscover.pod.schemeAnnotation",
        &FlagKind::Text,
        "victoriametrics.com/scheme",
        NO_DISCOVERY,
        "Annotation of a pod that names the scheme of its metrics: http or https.",
    ),
];

/// How objects of the Kubernetes API are watched, under kube-state-metrics' names where it has them.
pub const OBJECTS: &[Flag] = &[
    flag(
        "kubeconfig",
        FlagKind::Text,
        "",
        "File that says where the API server is and who we are to it. Empty: the service account of the pod.",
    ),
    flag(
        "kubeconfig.context",
        FlagKind::Text,
        "",
        "Context of -kubeconfig. Empty: the current one of the file.",
    ),
    flag(
        "kube-state.owner",
        FlagKind::OneOf(&["lease", "always", "never"]),
        "lease",
        "Who reports what is not of one node: the one of many agents that holds a Lease, this one, or another program.",
    ),
    flag(
        "kube-state.pods",
        FlagKind::OneOf(&["node", "all"]),
        "node",
        "node: every agent reports the pods of its node, and the owner those that have none yet. all: the owner reports \
         all pods.",
    ),
    flag("kube-state.lease.name", FlagKind::Text, "trimeter-kube-state", "Name of the Lease."),
    flag(
        "kube-state.lease.namespace",
        FlagKind::Text,
        "",
        "Namespace of the Lease. Empty: that of the pod, or of the context of the kubeconfig.",
    ),
    flag(
        "kube-state.lease.duration",
        FlagKind::Duration { min_ms: 5 * SECOND_MS, max_ms: 600 * SECOND_MS },
        "15s",
        "How long it may take until another agent reports when the owner is gone without a word.",
    ),
    flag("node", FlagKind::Text, "", "Name of the node whose pods are reported. Empty: -nodeName."),
    flag(
        "metric-labels-allowlist",
        FlagKind::Text,
        "",
        "Labels of objects that become labels of kube_*_labels: pods=[app,team.io/*],nodes=[*].",
    ),
    flag(
        "metric-annotations-allowlist",
        FlagKind::Text,
        "",
        "Annotations of objects that become labels of kube_*_annotations.",
    ),
    flag(
        "metric-allowlist",
        ANY_WORDS,
        "",
        "Expressions; of the metrics of objects, only those are served whose name one of them matches in part, whatever the \
         profile.",
    ),
    flag(
        "metric-denylist",
        ANY_WORDS,
        "",
        "Expressions; metrics of objects whose name one of them matches in part are not served.",
    ),
    flag(
        "metric-opt-in-list",
        ANY_WORDS,
        "",
        "Expressions; metrics of objects that nobody gets without asking and whose name one of them matches in part.",
    ),
    flag(
        "shard",
        FlagKind::Int { min: 0, max: 65_535 },
        "0",
        "Number of the shard of objects that is kept, from 0.",
    ),
    flag(
        "total-shards",
        FlagKind::Int { min: 1, max: 65_536 },
        "1",
        "Shards that objects are dealt out to, by a hash of their uid.",
    ),
];
