//! CPU times over several passes.

use crate::io::replay::Replay;
use crate::limits::Limits;
use crate::node::testing::{Bench, check, failing};

#[test]
fn ticks_become_seconds() {
    check(
        "cpu",
        &[("proc/stat", "cpu  1 1 1 1\ncpu0 101 2 3 4 5 6 7 8 9 10\ncpu1 1 0 0 0\nintr 5\ncpu2 1")],
        r#"node_cpu_seconds_total{mode="user",cpu="0"} 1.01
           node_cpu_seconds_total{mode="user",cpu="1"} 0.01
           node_cpu_seconds_total{mode="nice",cpu="0"} 0.02
           node_cpu_seconds_total{mode="nice",cpu="1"} 0
           node_cpu_seconds_total{mode="system",cpu="0"} 0.03
           node_cpu_seconds_total{mode="system",cpu="1"} 0
           node_cpu_seconds_total{mode="idle",cpu="0"} 0.04
           node_cpu_seconds_total{mode="idle",cpu="1"} 0
           node_cpu_seconds_total{mode="iowait",cpu="0"} 0.05
           node_cpu_seconds_total{mode="irq",cpu="0"} 0.06
           node_cpu_seconds_total{mode="softirq",cpu="0"} 0.07
           node_cpu_seconds_total{mode="steal",cpu="0"} 0.08
           node_cpu_guest_seconds_total{mode="user",cpu="0"} 0.09
           node_cpu_guest_seconds_total{mode="nice",cpu="0"} 0.1"#,
    );
    failing("cpu", &[], "no_data", "");
}

#[test]
fn isolated_cpus_need_no_times() {
    check(
        "cpu",
        &[("proc/stat", ""), ("sys/devices/system/cpu/isolated", "1,4-5\n")],
        r#"node_cpu_isolated{cpu="1"} 1
           node_cpu_isolated{cpu="4"} 1
           node_cpu_isolated{cpu="5"} 1"#,
    );
    check("cpu", &[("proc/stat", ""), ("sys/devices/system/cpu/isolated", "\n")], "");
}

/// The ticks of cpu0's first five modes after each of these lines, one pass each.
#[track_caller]
fn passes(lines: &[(&str, [u64; 5])]) {
    let mut bench = Bench::new("cpu", Replay::new(), &[("collector.cpu.guest", "false")]);
    for (line, expect) in lines {
        bench.machine.file("proc/stat", line.as_bytes());
        let (result, text) = bench.pass();
        assert_eq!(result, Ok(()));
        let shown = text.lines().map(|line| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap() * 100.0);
        let expect: Vec<f64> = expect.iter().map(|ticks| *ticks as f64).collect();
        assert_eq!(shown.map(f64::round).collect::<Vec<_>>(), expect, "{line}");
    }
}

#[test]
fn a_time_never_goes_back() {
    passes(&[
        ("cpu0 10 20 30 1000 50", [10, 20, 30, 1000, 50]),
        ("cpu0 9 21 30 701 40", [10, 21, 30, 1000, 50]),
        ("cpu0 11 21 30 1001 51", [11, 21, 30, 1001, 51]),
    ]);
}

#[test]
fn idle_that_jumps_back_begins_anew() {
    passes(&[("cpu0 10 20 30 1000 50", [10, 20, 30, 1000, 50]), ("cpu0 1 2 3 700 5", [1, 2, 3, 700, 5])]);
}

#[test]
fn a_cpu_that_was_gone_begins_anew() {
    let mut bench = Bench::new("cpu", Replay::with(&[("proc/stat", "cpu0 5\ncpu1 7\n")]), &[]);
    let mut check = |text: &str, expect: &str| {
        bench.machine.file("proc/stat", text.as_bytes());
        assert_eq!(bench.pass(), (Ok(()), expect.to_owned()));
    };
    let (zero, one) = (
        "node_cpu_seconds_total{mode=\"user\",cpu=\"0\"} ",
        "node_cpu_seconds_total{mode=\"user\",cpu=\"1\"} ",
    );
    check("cpu0 5\ncpu1 7\n", &format!("{zero}0.05\n{one}0.07"));
    check("cpu1 7\n", &format!("{one}0.07"));
    let (_, text) = {
        bench.machine.file("proc/stat", b"cpu0 2\ncpu1 6\n");
        bench.pass()
    };
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, [format!("{zero}0.02"), format!("{one}0.07")]);
}

#[test]
fn a_bad_line_costs_that_cpu_and_keeps_its_past() {
    let mut bench = Bench::new("cpu", Replay::with(&[("proc/stat", "cpu0 50\n")]), &[]);
    let shown = "node_cpu_seconds_total{mode=\"user\",cpu=\"0\"} 0.5";
    assert_eq!(bench.pass(), (Ok(()), shown.to_owned()));
    for text in ["cpu0 -1\ncpux 1\n", "cpu0 99999999999999999999999\n"] {
        bench.machine.file("proc/stat", text.as_bytes());
        assert_eq!(bench.pass(), (Ok(()), String::new()));
    }
    bench.machine.file("proc/stat", b"cpu0 49\n");
    assert_eq!(bench.pass(), (Ok(()), shown.to_owned()));
}

#[test]
fn more_cpus_than_planned_are_refused() {
    let limits = Limits { cpus: 1, ..Limits::default() };
    let machine = Replay::with(&[("proc/stat", "cpu0 1\ncpu1 2\n")]);
    let mut bench = Bench::with_limits("cpu", machine, &[], limits);
    for _ in 0..2 {
        assert_eq!(bench.pass(), (Ok(()), "node_cpu_seconds_total{mode=\"user\",cpu=\"0\"} 0.01".to_owned()));
    }
}
