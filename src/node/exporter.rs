//! What node_exporter says of itself: its build and how its collectors fare.

use crate::family::{Family, Table, check, gauge};
use crate::part::{Report, Stat};
use crate::store::Out;

/// Filled after every pass of the node collectors.
pub const REPORT: Report = Report {
    tables: &[
        Table::rows("node build", |_| 1, 256, BUILD),
        Table::rows("node collectors", |_| 128, 64, SCRAPE),
    ],
    fill,
};

const BUILD: &[Family] =
    &[gauge("node_exporter_build_info", "1, with the version of what serves the node metrics.").essential()];
const _: () = check(BUILD);

const SCRAPE: &[Family] = &[
    gauge("node_scrape_collector_duration_seconds", "How long the newest pass of the collector took.")
        .key("duration")
        .decimals(9)
        .essential(),
    gauge("node_scrape_collector_success", "1 if the newest pass of the collector succeeded, else 0.")
        .key("success")
        .essential(),
];
const _: () = check(SCRAPE);

fn fill(out: &mut Out<'_>, stats: &[Stat]) {
    let version = env!("CARGO_PKG_VERSION").as_bytes();
    let build: &[(&str, &[u8])] = &[
        ("branch", b""),
        ("goarch", goarch()),
        ("goos", b"linux"),
        ("goversion", b""),
        ("revision", b"trimeter"),
        ("tags", b""),
        ("version", version),
    ];
    out.table(0).row(build).set("", 1);
    let mut table = out.table(1);
    for stat in stats.iter().filter(|stat| stat.collected.is_some()) {
        let mut row = table.row(&[("collector", stat.name.as_bytes())]);
        row.set("duration", u64::try_from(stat.duration.as_nanos()).unwrap_or(u64::MAX));
        row.set("success", u64::from(stat.success));
    }
}

/// The architecture by the name that the peer gives it.
const fn goarch() -> &'static [u8] {
    if cfg!(target_arch = "x86_64") {
        b"amd64"
    } else if cfg!(target_arch = "aarch64") {
        b"arm64"
    } else if cfg!(target_arch = "arm") {
        b"arm"
    } else if cfg!(target_arch = "riscv64") {
        b"riscv64"
    } else {
        b""
    }
}
