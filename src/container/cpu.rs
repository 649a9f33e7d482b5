//! CPU time and throttling: cpuacct.usage, cpuacct.stat and cpu.stat with v1, cpu.stat alone with v2.

use super::files::{CPU_STAT, CPU_TICKS, CPU_USAGE};
use super::visit::Visit;
use crate::family::{Family, check, counter, gauge};
use crate::io::groups::Version;
use crate::store::RowOut;
use crate::text::{lines, split_once, unsigned};

/// Nanoseconds, for time that is a counter.
const fn time(key: &'static str, name: &'static str, help: &'static str) -> Family {
    counter(name, help).key(key).decimals(9)
}

pub(super) const FAMILIES: &[Family] = &[
    time("cpu user", "container_cpu_user_seconds_total", "CPU time spent in user mode.").essential(),
    time("cpu system", "container_cpu_system_seconds_total", "CPU time spent in kernel mode.").essential(),
    time("cpu usage", "container_cpu_usage_seconds_total", "CPU time spent on all CPUs together.")
        .split("cpu", &["total"])
        .essential(),
    counter("container_cpu_cfs_periods_total", "Periods of the CPU quota that began while tasks could run.")
        .key("cfs periods")
        .essential(),
    counter("container_cpu_cfs_throttled_periods_total", "Periods in which the CPU quota was used up.")
        .key("cfs throttled")
        .essential(),
    time(
        "cfs throttled time",
        "container_cpu_cfs_throttled_seconds_total",
        "Time in which tasks waited because the CPU quota was used up.",
    )
    .essential(),
    counter("container_cpu_cfs_burst_periods_total", "Periods in which more than the CPU quota was used.")
        .key("cfs bursts"),
    time(
        "cfs burst time",
        "container_cpu_cfs_burst_seconds_total",
        "CPU time above the quota, taken from what earlier periods had left over.",
    ),
    gauge(
        "container_cpu_load_average_10s",
        "Tasks that could run, over 10 seconds; always 0, as the kubelet's.",
    )
    .key("load"),
    gauge(
        "container_cpu_load_d_average_10s",
        "Tasks in uninterruptible sleep, over 10 seconds; always 0, as the kubelet's.",
    )
    .key("load d"),
    gauge("container_tasks_state", "Tasks by state; always 0, as the kubelet's.")
        .key("tasks")
        .split("state", STATES),
];
const _: () = check(FAMILIES);

const STATES: &[&str] = &["iowaiting", "running", "sleeping", "stopped", "uninterruptible"];

/// Nanoseconds of a tick: the kernel counts in hundredths of a second for everybody, whatever its own clock is.
const TICK_NANOS: u64 = 10_000_000;

/// What the files say, in nanoseconds; kept until the next pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Times {
    usage: Option<u64>,
    user: Option<u64>,
    system: Option<u64>,
    periods: Option<u64>,
    throttled: Option<u64>,
    throttled_time: Option<u64>,
    bursts: Option<u64>,
    burst_time: Option<u64>,
}

/// Reads and shows. `quota`: the group has a CPU quota, without which there is no throttling to speak of.
pub(super) fn read(visit: &mut Visit<'_>, quota: bool, known: &mut Times, row: &mut RowOut<'_>) {
    let before = std::mem::take(known);
    let times = known;
    match visit.version() {
        Version::V2 => visit.absorb(CPU_STAT, |text| absorb(text, times)),
        Version::V1 => {
            times.usage = visit.number(CPU_USAGE);
            if times.usage.is_some() && times.usage == before.usage {
                // Nothing has run since the last pass.
                (times.user, times.system) = (before.user, before.system);
            } else {
                visit.absorb(CPU_TICKS, |text| absorb(text, times));
            }
            if quota {
                visit.absorb(CPU_STAT, |text| absorb(text, times));
                // Bursts of v1 are not counted by cAdvisor.
                (times.bursts, times.burst_time) = (times.periods.and(Some(0)), times.periods.and(Some(0)));
            }
        }
    }
    show(times, quota, row);
}

/// The lines of cpu.stat and cpuacct.stat, whose keys are all different. Returns how many were not understood.
pub(super) fn absorb(text: &[u8], times: &mut Times) -> u32 {
    let mut malformed = 0;
    for line in lines(text) {
        let Some((key, value)) = split_once(line, b' ') else {
            malformed += 1;
            continue;
        };
        let (place, nanos) = match key {
            b"usage_usec" => (&mut times.usage, 1000),
            b"user_usec" => (&mut times.user, 1000),
            b"system_usec" => (&mut times.system, 1000),
            b"user" => (&mut times.user, TICK_NANOS),
            b"system" => (&mut times.system, TICK_NANOS),
            b"nr_periods" => (&mut times.periods, 1),
            b"nr_throttled" => (&mut times.throttled, 1),
            b"throttled_usec" => (&mut times.throttled_time, 1000),
            b"throttled_time" => (&mut times.throttled_time, 1),
            b"nr_bursts" => (&mut times.bursts, 1),
            b"burst_usec" => (&mut times.burst_time, 1000),
            _ => continue,
        };
        *place = unsigned(value).map(|number| number.saturating_mul(nanos));
        malformed += u32::from(place.is_none());
    }
    malformed
}

fn show(times: &Times, quota: bool, row: &mut RowOut<'_>) {
    row.set_some("cpu user", times.user);
    row.set_some("cpu system", times.system);
    // As with the peer, a group that has not run yet has no usage.
    if let Some(usage) = times.usage.filter(|usage| *usage > 0) {
        row.set_split("cpu usage", "total", usage);
    }
    if quota {
        row.set_some("cfs periods", times.periods);
        row.set_some("cfs throttled", times.throttled);
        row.set_some("cfs throttled time", times.throttled_time);
        row.set_some("cfs bursts", times.bursts);
        row.set_some("cfs burst time", times.burst_time);
    }
    row.set("load", 0);
    row.set("load d", 0);
    for state in STATES {
        row.set_split("tasks", state, 0);
    }
}

#[cfg(test)]
mod tests {
    use crate::container::testing::{check_v1, check_v2};

    #[test]
    fn v2_has_one_file_in_microseconds() {
        let stat = "usage_usec 1500000\nuser_usec 1000001\nsystem_usec 499999\nnice_usec 0\ncore_sched.force_idle_usec 0\n\
                    nr_periods 7\nnr_throttled 3\nthrottled_usec 250\nnr_bursts 2\nburst_usec 9\n";
        let times = "container_cpu_system_seconds_total 0.499999
             container_cpu_usage_seconds_total{cpu=\"total\"} 1.5
             container_cpu_user_seconds_total 1.000001";
        check_v2(TIMES, &[("cpu.stat", stat)], times);
        check_v2(TIMES, &[("cpu.stat", stat), ("cpu.max", "max 100000\n")], times);
        check_v2(
            TIMES,
            &[("cpu.stat", stat), ("cpu.max", "20000 100000\n")],
            &format!(
                "container_cpu_cfs_burst_periods_total 2
                 container_cpu_cfs_burst_seconds_total 0.000009
                 container_cpu_cfs_periods_total 7
                 container_cpu_cfs_throttled_periods_total 3
                 container_cpu_cfs_throttled_seconds_total 0.00025
                 {times}"
            ),
        );
    }

    #[test]
    fn v1_counts_nanoseconds_and_ticks() {
        let files = [
            ("cpuacct/cpuacct.usage", "711973106\n"),
            ("cpuacct/cpuacct.stat", "user 14\nsystem 56\n"),
            (
                "cpu/cpu.stat",
                "nr_periods 795\nnr_throttled 1\nthrottled_time 36160712\nnr_bursts 4\nburst_time 5\n",
            ),
            ("cpu/cpu.cfs_quota_us", "20000\n"),
        ];
        let times = "container_cpu_system_seconds_total 0.56
             container_cpu_usage_seconds_total{cpu=\"total\"} 0.711973106
             container_cpu_user_seconds_total 0.14";
        check_v1(
            TIMES,
            &files,
            &format!(
                "container_cpu_cfs_burst_periods_total 0
                 container_cpu_cfs_burst_seconds_total 0
                 container_cpu_cfs_periods_total 795
                 container_cpu_cfs_throttled_periods_total 1
                 container_cpu_cfs_throttled_seconds_total 0.036160712
                 {times}"
            ),
        );
        check_v1(TIMES, &[files[0], files[1], files[2], ("cpu/cpu.cfs_quota_us", "-1\n")], times);
    }

    #[test]
    fn what_has_not_run_has_no_usage() {
        check_v2(
            TIMES,
            &[("cpu.stat", "usage_usec 0\nuser_usec 0\nsystem_usec 0\n")],
            "container_cpu_system_seconds_total 0
             container_cpu_user_seconds_total 0",
        );
    }

    #[test]
    fn load_and_tasks_are_zero() {
        check_v2(
            "container_cpu_load container_tasks",
            &[],
            "container_cpu_load_average_10s 0
             container_cpu_load_d_average_10s 0
             container_tasks_state{state=\"iowaiting\"} 0
             container_tasks_state{state=\"running\"} 0
             container_tasks_state{state=\"sleeping\"} 0
             container_tasks_state{state=\"stopped\"} 0
             container_tasks_state{state=\"uninterruptible\"} 0",
        );
    }

    #[test]
    fn bad_lines_cost_themselves() {
        check_v2(TIMES, &[], "");
        check_v2(
            TIMES,
            &[(
                "cpu.stat",
                "\nusage_usec\nuser_usec x\nsystem_usec 18446744073709551616\nusage_usec -1\nnr_periods",
            )],
            "",
        );
        check_v2(
            TIMES,
            &[("cpu.stat", "user_usec 18446744073709551615\n\u{0}\u{ff} 7\nusage_usec 3")],
            "container_cpu_usage_seconds_total{cpu=\"total\"} 0.000003
             container_cpu_user_seconds_total 18446744073.709551614",
        );
    }

    const TIMES: &str = "container_cpu_usage container_cpu_user container_cpu_system container_cpu_cfs";
}
