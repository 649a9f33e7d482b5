use super::UNTOLD_PASSES;
use super::testing::Bench;
use crate::family::Profile;
use crate::io::groups::testing::TestTree;
use crate::limits::Limits;

fn sample(bench: &mut Bench, series: &str) -> Option<String> {
    let (result, _, lines) = bench.pass();
    assert_eq!(result, Ok(()));
    let (name, labels) = series.split_once('{').unwrap();
    let found = lines.iter().find(|line| {
        line.strip_prefix(name)
            .and_then(|rest| rest.strip_prefix('{'))
            .is_some_and(|rest| rest.starts_with(labels))
    });
    found.map(|line| line.rsplit_once(' ').unwrap().1.to_owned())
}

#[track_caller]
fn check(bench: &mut Bench, series: &str, expect: Option<&str>) {
    assert_eq!(sample(bench, series).as_deref(), expect, "{series}");
}

#[test]
fn a_group_is_there_as_long_as_its_directory() {
    let tree = TestTree::v2();
    tree.write("box/memory.current", "1\n");
    let mut bench = Bench::new(tree, Profile::Full);
    let series = "container_memory_usage_bytes{id=\"/box\"";
    for round in 2..5 {
        check(&mut bench, series, Some(&(round - 1).to_string()));
        bench.tree.write("box/memory.current", &format!("{round}\n"));
    }
    bench.tree.remove("box");
    check(&mut bench, series, None);
    assert_eq!(bench.store.tables()[0].usage().used, 1, "only the root has a row");
    // Another group with the same name has nothing of the first.
    bench.tree.make("box");
    check(&mut bench, series, None);
    bench.tree.write("box/memory.current", "7\n");
    bench.tree.write("box/memory.max", "8\n");
    bench.tree.remove("box");
    bench.tree.write("box/memory.current", "9\n");
    check(&mut bench, series, Some("9"));
    check(&mut bench, "container_spec_memory_limit_bytes{id=\"/box\"", None);
}

#[test]
fn limits_and_kills_follow_what_is_written() {
    let tree = TestTree::v2();
    tree.write("box/memory.max", "1000\n");
    tree.write("box/memory.current", "1\n");
    tree.write("box/memory.events", "oom_kill 0\n");
    let mut bench = Bench::new(tree, Profile::Full);
    check(&mut bench, "container_spec_memory_limit_bytes{id=\"/box\"", Some("1000"));
    bench.tree.write("box/memory.max", "2000\n");
    check(&mut bench, "container_spec_memory_limit_bytes{id=\"/box\"", Some("2000"));
    check(&mut bench, "container_oom_events_total{id=\"/box\"", Some("0"));
    bench.tree.write("box/memory.events", "oom_kill 1\n");
    check(&mut bench, "container_oom_events_total{id=\"/box\"", Some("1"));
}

#[test]
fn kills_that_nobody_tells_of_are_seen_in_turn() {
    let tree = TestTree::v2();
    tree.write("box/memory.events", "oom_kill 0\n");
    tree.write("elsewhere", "oom_kill 1\n");
    let mut bench = Bench::new(tree, Profile::Essential);
    let series = "container_oom_events_total{id=\"/box\"";
    check(&mut bench, series, Some("0"));
    // Another file under the same name is no write of this one.
    bench.tree.rename("elsewhere", "box/memory.events");
    let line = format!("{series}}} 1");
    let seen = (0..UNTOLD_PASSES).filter(|_| bench.pass().2.contains(&line)).count();
    assert!((1..UNTOLD_PASSES).contains(&seen), "{seen} of {UNTOLD_PASSES} passes");
    check(&mut bench, series, Some("1"));
}

#[test]
fn ticks_of_v1_are_read_when_something_has_run() {
    let tree = TestTree::v1(&["cpu,cpuacct"]);
    tree.write("cpu,cpuacct/box/cpuacct.usage", "10\n");
    tree.write("cpu,cpuacct/box/cpuacct.stat", "user 1\nsystem 2\n");
    let mut bench = Bench::new(tree, Profile::Full);
    let series = "container_cpu_system_seconds_total{id=\"/box\"";
    check(&mut bench, series, Some("0.02"));
    bench.tree.write("cpu,cpuacct/box/cpuacct.stat", "user 1\nsystem 3\n");
    check(&mut bench, series, Some("0.02"));
    bench.tree.write("cpu,cpuacct/box/cpuacct.usage", "11\n");
    check(&mut bench, series, Some("0.03"));
}

#[test]
fn a_machine_without_swap_space_has_groups_without_swap() {
    let tree = TestTree::v2();
    tree.write("box/memory.current", "1\n");
    tree.write("box/memory.swap.current", "5\n");
    let mut bench = Bench::new(tree, Profile::Full);
    check(&mut bench, "container_memory_swap{id=\"/box\"", Some("5"));
    bench.machine.file("proc/meminfo", b"MemTotal: 8 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n");
    check(&mut bench, "container_memory_swap{id=\"/box\"", Some("0"));
}

#[test]
fn the_essential_profile_is_what_dashboards_use() {
    let tree = TestTree::v2();
    for (file, text) in [
        ("memory.current", "1\n"),
        ("memory.peak", "many"),
        ("cpu.pressure", "nonsense"),
        ("cgroup.procs", "nonsense\n"),
    ] {
        tree.write(&format!("box/{file}"), text);
    }
    let mut bench = Bench::new(tree, Profile::Essential);
    let (result, malformed, lines) = bench.pass();
    // What is not served is not read, so that nothing in it can be wrong.
    assert_eq!((result, malformed), (Ok(()), 0));
    assert!(lines.iter().any(|line| line.starts_with("container_memory_usage_bytes{id=\"/box\"")));
    assert!(!lines.iter().any(|line| line.starts_with("container_memory_failcnt")), "{lines:?}");
}

#[test]
fn a_full_table_shows_the_first_and_counts() {
    let tree = TestTree::v2();
    for number in 0..9 {
        tree.write(&format!("box{number}/memory.current"), "1\n");
    }
    let mut bench = Bench::with_limits(tree, Profile::Full, Limits { groups: 4, ..Limits::default() });
    for _ in 0..3 {
        let (result, _, lines) = bench.pass();
        assert_eq!(result, Ok(()));
        // The root has no such file.
        assert_eq!(lines.iter().filter(|line| line.starts_with("container_memory_usage_bytes{")).count(), 3);
    }
}

#[test]
fn any_bytes_in_any_file_cost_themselves_only() {
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % below as u64).unwrap()
    };
    let pieces: [&[u8]; 20] = [
        b"\n",
        b" ",
        b"=",
        b":",
        b"8:0",
        b"max",
        b"-1",
        b"18446744073709551616",
        b"18446744073709551615",
        b"usage_usec",
        b"anon",
        b"total_rss",
        b"oom_kill",
        b"rbytes",
        b"some",
        b"total=",
        b"Read",
        b"Total",
        b"\xff\0",
        b"7",
    ];
    for version in 0..2 {
        let tree = if version == 0 {
            TestTree::v2()
        } else {
            TestTree::v1(&["cpu,cpuacct", "memory", "blkio", "pids"])
        };
        let mut bench = Bench::new(tree, Profile::Full);
        for _ in 0..60 {
            for file in super::FILES {
                let (name, below) = if version == 0 {
                    (file.v2, String::new())
                } else {
                    (file.v1, format!("{}/", file.controller))
                };
                let below = below.replace("cpuacct/", "cpu/").replace("cpu/", "cpu,cpuacct/");
                if name.is_empty() || random(3) == 0 {
                    continue;
                }
                let text: Vec<u8> =
                    (0..random(12)).flat_map(|_| pieces[random(pieces.len())]).copied().collect();
                bench.tree.write_bytes(&format!("{below}box/{name}"), &text);
            }
            let (_, _, lines) = bench.pass();
            assert!(lines.iter().any(|line| line.starts_with("container_last_seen{id=\"/box\"")));
        }
    }
}
