//! node_exporter's flags that are not ours under the same name, so that its command lines can be carried over.
//!
//! `--web.config.file` and `--web.systemd-socket` are left out on purpose: to ignore them would serve without the
//! protection, or at another place, than was asked for.

use super::{Flag, FlagKind};

const fn alias(name: &'static str, of: &'static str, words: &'static [(&'static str, &'static str)]) -> Flag {
    Flag { name, kind: FlagKind::Alias { of, words }, default: "", help: "" }
}

const fn inert(
    name: &'static str,
    kind: &'static FlagKind,
    default: &'static str,
    why: &'static str,
) -> Flag {
    Flag { name, kind: FlagKind::Inert { kind, why }, default, help: "" }
}

/// A collector that we do not have: off, whatever node_exporter's default is.
const fn collector(name: &'static str) -> Flag {
    inert(name, &FlagKind::Bool, "false", "there is no such collector")
}

/// A flag of a collector that we do not have.
const fn of_absent(name: &'static str, kind: &'static FlagKind) -> Flag {
    let default = if matches!(kind, FlagKind::Bool) { "false" } else { "" };
    inert(name, kind, default, "its collector does not exist")
}

const ANY: &FlagKind = &FlagKind::Texts;

pub const NODE_EXPORTER: &[Flag] = &[
    alias("h", "help", &[]),
    alias("web.listen-address", "httpListenAddr", &[]),
    alias(
        "log.level",
        "loggerLevel",
        &[("debug", "INFO"), ("info", "INFO"), ("warn", "WARN"), ("error", "ERROR")],
    ),
    alias("log.format", "loggerFormat", &[("logfmt", "default"), ("json", "json")]),
    inert("web.telemetry-path", &FlagKind::Text, "/metrics", "the path is always /metrics"),
    Flag {
        name: "web.disable-exporter-metrics",
        kind: FlagKind::Bool,
        default: "false",
        help: "Serve no process_* metrics of the agent.",
    },
    inert(
        "web.max-requests",
        &FlagKind::Int { min: 0, max: u64::MAX },
        "40",
        "-limit.connections bounds the clients",
    ),
    inert(
        "runtime.gomaxprocs",
        &FlagKind::Int { min: 0, max: u64::MAX },
        "1",
        "there is no Go runtime, and one thread collects",
    ),
    inert(
        "collector.netclass_rtnl.with-stats",
        &FlagKind::Bool,
        "false",
        "collector netdev serves the counters of network devices",
    ),
    inert(
        "collector.netdev.label-ifalias",
        &FlagKind::Bool,
        "false",
        "node_network_info has the alias of a network device",
    ),
];

/// Collectors of node_exporter that do not exist here, and their flags. A collector that comes into being takes its
/// rows out of this list.
pub const ABSENT: &[Flag] = &[
    collector("collector.bcachefs"),
    collector("collector.cgroups"),
    collector("collector.cpu_vulnerabilities"),
    collector("collector.drbd"),
    collector("collector.drm"),
    collector("collector.ethtool"),
    collector("collector.lnstat"),
    collector("collector.logind"),
    collector("collector.mountstats"),
    collector("collector.network_route"),
    collector("collector.ntp"),
    collector("collector.nvmesubsystem"),
    collector("collector.pcidevice"),
    collector("collector.perf"),
    collector("collector.qdisc"),
    collector("collector.runit"),
    collector("collector.supervisord"),
    collector("collector.swap"),
    collector("collector.sysctl"),
    collector("collector.systemd"),
    collector("collector.wifi"),
    collector("collector.xfrm"),
    of_absent("collector.ethtool.device-include", &FlagKind::Regex),
    of_absent("collector.ethtool.device-exclude", &FlagKind::Regex),
    of_absent("collector.ethtool.metrics-include", &FlagKind::Regex),
    of_absent("collector.ntp.server", ANY),
    of_absent("collector.ntp.server-port", ANY),
    of_absent("collector.ntp.protocol-version", ANY),
    of_absent("collector.ntp.server-is-local", &FlagKind::Bool),
    of_absent("collector.ntp.ip-ttl", ANY),
    of_absent("collector.ntp.max-distance", ANY),
    of_absent("collector.ntp.local-offset-tolerance", ANY),
    of_absent("collector.pcidevice.idsfile", ANY),
    of_absent("collector.pcidevice.names", &FlagKind::Bool),
    of_absent("collector.perf.cpus", ANY),
    of_absent("collector.perf.tracepoint", ANY),
    of_absent("collector.perf.disable-hardware-profilers", &FlagKind::Bool),
    of_absent("collector.perf.hardware-profilers", ANY),
    of_absent("collector.perf.disable-software-profilers", &FlagKind::Bool),
    of_absent("collector.perf.software-profilers", ANY),
    of_absent("collector.perf.disable-cache-profilers", &FlagKind::Bool),
    of_absent("collector.perf.cache-profilers", ANY),
    of_absent("collector.qdisc.fixtures", ANY),
    of_absent("collector.qdisc.device-include", &FlagKind::Regex),
    of_absent("collector.qdisc.device-exclude", &FlagKind::Regex),
    of_absent("collector.qdisk.device-include", &FlagKind::Regex),
    of_absent("collector.qdisk.device-exclude", &FlagKind::Regex),
    of_absent("collector.runit.servicedir", ANY),
    of_absent("collector.supervisord.url", ANY),
    of_absent("collector.sysctl.include", ANY),
    of_absent("collector.sysctl.include-info", ANY),
    of_absent("collector.systemd.unit-include", &FlagKind::Regex),
    of_absent("collector.systemd.unit-exclude", &FlagKind::Regex),
    of_absent("collector.systemd.enable-task-metrics", &FlagKind::Bool),
    of_absent("collector.systemd.enable-restarts-metrics", &FlagKind::Bool),
    of_absent("collector.systemd.enable-start-time-metrics", &FlagKind::Bool),
    of_absent("collector.wifi.fixtures", ANY),
];
