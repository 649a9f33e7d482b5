//! What single flags mean, and what they leave to the machine.

use crate::collect::Collector;
use crate::family::Profile;
use crate::flags::{FlagKind, Flags};
use crate::io::Roots;
use crate::text;

/// Did the operator switch on the collector, or a part of it, by name? Then the profile does not hide it.
pub fn asked_for(flags: &Flags, collector: &Collector) -> bool {
    let parts =
        collector.flags.iter().filter(|flag| matches!(flag.kind, FlagKind::Bool) && flag.default == "false");
    let switch = format!("collector.{}", collector.name);
    (flags.given(&switch) && flags.collector(collector.name))
        || parts.into_iter().any(|flag| flags.given(flag.name) && flags.bool(flag.name))
}

/// The profile of `-metrics.profile`.
pub fn profile(flags: &Flags) -> Profile {
    if flags.text("metrics.profile") == "full" { Profile::Full } else { Profile::Essential }
}

/// Is a part switched on by `-promscrape.kubernetes` and `-promscrape.kubernetes.collectors`?
pub fn part_is_on(flags: &Flags, part: &str) -> bool {
    let mut listed = flags.list("promscrape.kubernetes.collectors");
    flags.bool("promscrape.kubernetes") && listed.any(|name| name == part || name == "all")
}

/// Where the control groups are: with another -path.sysfs they are most likely below that.
pub fn cgroupfs(flags: &Flags) -> String {
    if !flags.given("path.cgroupfs") && flags.given("path.sysfs") {
        return format!("{}/fs/cgroup", without_slash(flags.text("path.sysfs")));
    }
    without_slash(flags.text("path.cgroupfs"))
}

pub fn without_slash(path: &str) -> String {
    path.trim_end_matches('/').to_owned()
}

/// The number of CPUs that the machine may ever have: `/sys/devices/system/cpu/possible`, "0-7", or where that is
/// missing the lines of `/proc/stat`. Rows of CPUs are cheap, so there are a few at least.
#[expect(clippy::disallowed_methods, reason = "read once, before there is anything that reads files")]
pub fn possible_cpus(roots: &Roots) -> u32 {
    const CPUS_MIN: u32 = 8;
    let read = |path: String| std::fs::read(path).unwrap_or_default();
    let mut most = CPUS_MIN;
    text::ranges(&read(format!("{}/devices/system/cpu/possible", roots.sysfs)), 65_536, |cpu| {
        most = most.max(cpu + 1)
    });
    for line in text::lines(&read(format!("{}/stat", roots.procfs))) {
        let number =
            line.strip_prefix(b"cpu").and_then(|rest| text::words(rest).next()).and_then(text::unsigned);
        if let Some(cpu) = number.and_then(|number| u32::try_from(number).ok()).filter(|_| line[3] != b' ') {
            most = most.max(cpu.saturating_add(1));
        }
    }
    most.min(8192)
}
