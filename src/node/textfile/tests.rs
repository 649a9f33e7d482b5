use super::*;
use crate::io::replay::Replay;
use crate::limits::Limits;
use crate::node::testing::Bench;

/// Files of /t, and the lines without the two of the collector itself; then whether there was an error.
fn served(files: &[(&str, &str)]) -> (String, bool) {
    let (_, text) = bench(files).pass();
    split(&text)
}

fn bench(files: &[(&str, &str)]) -> Bench {
    let mut machine = Replay::new();
    for (name, text) in files {
        machine.file(&format!("t/{name}"), text.as_bytes());
    }
    Bench::new("textfile", machine, &[(DIRECTORY, "/t/")])
}

fn split(text: &str) -> (String, bool) {
    let lines = text.lines().filter(|line| !line.starts_with("node_textfile"));
    let lines: Vec<_> = lines.collect();
    (lines.join("\n"), text.contains("node_textfile_scrape_error 1"))
}

#[track_caller]
fn check(text: &str, expect: &str) {
    let expect: Vec<_> = expect.lines().map(str::trim_start).collect();
    assert_eq!(served(&[("a.prom", text)]), (expect.join("\n"), false));
}

#[test]
fn without_a_directory_there_is_no_error() {
    let (result, text) = Bench::new("textfile", Replay::new(), &[]).pass();
    assert_eq!((result, text.as_str()), (Ok(()), "node_textfile_scrape_error 0"));
    let (_, text) = Bench::new("textfile", Replay::new(), &[(DIRECTORY, "/none")]).pass();
    assert_eq!(text, "node_textfile_scrape_error 1");
}

#[test]
fn files_say_when_they_were_written() {
    let mut bench = bench(&[("a.prom", "up 1\n"), ("b.txt", "down 1\n"), ("c.prom", "bad\n")]);
    bench.machine.set_modified("t/a.prom", 1_700_000_000_999_999_999);
    let (_, text) = bench.pass();
    assert_eq!(
        text,
        "node_textfile_scrape_error 1\nnode_textfile_mtime_seconds{file=\"/t/a.prom\"} 1700000000\nup 1"
    );
    bench.machine.file("t/a.prom", b"up 2\n");
    bench.machine.remove("t/c.prom");
    let (_, text) = bench.pass();
    assert_eq!(split(&text), ("up 2".to_owned(), false));
}

#[test]
fn missing_labels_are_empty() {
    check(
        "a{z=\"1\",b=\"x\\\"\"} 1\na{c=\"2\"} 2\na 3\na 4\n",
        r#"a{b="x\"",c="",z="1"} 1
           a{b="",c="2",z=""} 2
           a{b="",c="",z=""} 3"#,
    );
}

#[test]
fn histograms_are_made_whole() {
    check(
        "# TYPE h histogram\nh_bucket{le=\"1000000\"} 1\nh_count 2\n",
        r#"h_bucket{le="1e+06"} 1
           h_count 2
           h_bucket{le="+Inf"} 2
           h_sum 0"#,
    );
    check(
        "# TYPE h histogram\nh_sum{a=\"b\"} 1.5\nh 1\nh_bucket 3\n",
        r#"h_sum{a="b"} 1.5
           h_count{a="b"} 0
           h_bucket{a="b",le="+Inf"} 0
           h_sum{a=""} 0
           h_count{a=""} 0
           h_bucket{a="",le="+Inf"} 0"#,
    );
}

#[test]
fn summaries_are_made_whole() {
    check(
        "# TYPE s summary\ns{quantile=\"0.50\"} 0.25\ns_count 3e0\ns_bucket 7\n",
        r#"s{quantile="0.5"} 0.25
           s_count 3
           s_sum 0
           s_bucket 7"#,
    );
}

#[test]
fn a_file_is_served_whole_or_not_at_all() {
    for text in [
        "up 1\nup",
        "up 1\nup 2",
        "up 1 5\n",
        "# TYPE up gauge\n# TYPE up gauge\nup 1\n",
        "# HELP up a\n# HELP up a\nup 1\n",
        "up 1\n# TYPE up gauge\n",
        "# TYPE h histogram\nh_bucket{le=\"x\"} 1\n",
        "up{a=\"1\",a=\"1\"} 1\n",
    ] {
        assert_eq!(served(&[("a.prom", text)]), (String::new(), true), "{text}");
    }
}

#[test]
fn files_must_agree_on_a_help() {
    let (text, errored) = served(&[
        ("a.prom", "# HELP e one\ne{f=\"a\"} 1\n"),
        ("b.prom", "# HELP e two\ne{f=\"b\"} 2\nother 1\n"),
        ("c.prom", "# HELP e one\ne{f=\"c\"} 3\n"),
    ]);
    assert_eq!((text.as_str(), errored), ("e{f=\"a\"} 1\nother 1", true));
    let (text, errored) = served(&[("a.prom", "# HELP e one\ne{f=\"a\"} 1\n"), ("b.prom", "e{f=\"b\"} 2\n")]);
    assert_eq!((text.as_str(), errored), ("e{f=\"a\"} 1\ne{f=\"b\"} 2", false));
}

#[test]
fn types_and_help_follow_the_file() {
    let mut bench =
        bench(&[("a.prom", "# TYPE e gauge\ne 1\n"), ("b.prom", "# TYPE e counter\ne{a=\"b\"} 2\n")]);
    // The second file calls it a counter, which it is not.
    assert_eq!(split(&bench.pass().1), ("e 1".to_owned(), true));
    bench.machine.file("t/a.prom", b"# TYPE e counter\ne 3\n");
    assert_eq!(split(&bench.pass().1), ("e 3\ne{a=\"b\"} 2".to_owned(), false));
}

#[test]
fn families_over_the_limit_are_refused_and_the_others_served() {
    let limits = Limits { textfile_families: 2, textfile_series: 8, ..Limits::default() };
    let machine =
        Replay::with(&[("t/a.prom", "a 1\n"), ("t/b.prom", "b 2\na{x=\"\"} 1\n# TYPE c gauge\nc 3\nd 4\n")]);
    let mut bench = Bench::with_limits("textfile", machine, &[(DIRECTORY, "/t")], limits);
    assert_eq!(split(&bench.pass().1), ("a 1\na{x=\"\"} 1\nb 2".to_owned(), true));
    assert_eq!(bench.refused("textfile_series"), 2);
    // Each file is within the limit, both together are not.
    bench.machine.file("t/b.prom", b"b 2\nc 3\n");
    bench.machine.file("t/a.prom", b"a 1\n");
    assert_eq!(split(&bench.pass().1), ("a 1\nb 2".to_owned(), true));
    bench.machine.file("t/b.prom", b"b 2\n");
    assert!(!split(&bench.pass().1).1);
}

#[test]
fn series_over_the_limit_are_an_error() {
    let limits = Limits { textfile_series: 2, ..Limits::default() };
    let machine = Replay::with(&[("t/a.prom", "a{b=\"1\"} 1\na{b=\"2\"} 2\na{b=\"3\"} 3\n")]);
    let mut bench = Bench::with_limits("textfile", machine, &[(DIRECTORY, "/t")], limits);
    assert_eq!(split(&bench.pass().1), ("a{b=\"1\"} 1\na{b=\"2\"} 2".to_owned(), true));
    assert_eq!(bench.refused("textfile_series"), 1);
}

#[test]
fn a_family_with_too_many_labels_is_refused_by_itself() {
    let limits = Limits { textfile_families: 2, ..Limits::default() };
    let labels = |count: u32| (0..count).map(|n| format!("l{n:02}=\"\"")).collect::<Vec<_>>().join(",");
    let text = format!("a{{{}}} 1\nb{{{}}} 2\n", labels(2), labels(40));
    let machine = Replay::with(&[("t/a.prom", text.as_str())]);
    let mut bench = Bench::with_limits("textfile", machine, &[(DIRECTORY, "/t")], limits);
    assert_eq!(split(&bench.pass().1), ("a{l00=\"\",l01=\"\"} 1".to_owned(), true));
    assert_eq!(bench.refused("textfile_series"), 1);
}

#[test]
fn there_is_room_for_as_many_files_as_are_read() {
    let mut machine = Replay::new();
    for number in 0..1024 {
        machine.file(&format!("t/{number}.prom"), b"up 1\n");
    }
    let mut bench = Bench::new("textfile", machine, &[(DIRECTORY, "/t")]);
    let (_, text) = bench.pass();
    assert_eq!(text.matches("node_textfile_mtime_seconds{").count(), 1024);
    assert!(text.contains("node_textfile_scrape_error 0"));
    bench.machine.file("t/more.prom", b"up 1\n");
    assert!(bench.pass().1.contains("node_textfile_scrape_error 1"));
}

#[test]
fn patterns_find_directories() {
    let machine = Replay::with(&[
        ("t/one/x/a.prom", "a 1\n"),
        ("t/two/x/a.prom", "b 2\n"),
        ("t/two/y/a.prom", "c 3\n"),
    ]);
    let find = |directory: &str| {
        let (_, text) = Bench::new("textfile", machine.clone(), &[(DIRECTORY, directory)]).pass();
        split(&text)
    };
    assert_eq!(find("/t/*/x"), ("a 1\nb 2".to_owned(), false));
    assert_eq!(find("/t/t*/[a-y]"), ("b 2\nc 3".to_owned(), false));
    assert_eq!(find("/t/./one//y/../x/"), ("a 1".to_owned(), false));
    assert_eq!(find("/t/n*"), (String::new(), true));
    assert_eq!(find("/*/*/z"), (String::new(), true));
}

#[test]
fn a_name_of_a_collector_is_not_served_again() {
    let text = "node_load1 7\nup 1\nnode_textfile_scrape_error 5\nnode_scrape_collector_success 2\n";
    let mut machine = Replay::new();
    machine.file("t/a.prom", text.as_bytes());
    let mut bench = Bench::new("textfile", machine, &[(DIRECTORY, "/t")]);
    let (_, text) = bench.pass();
    assert_eq!(bench.refused("textfile_series"), 3);
    let (error, samples) = text.split_once('\n').unwrap();
    assert_eq!(error, "node_textfile_scrape_error 1");
    assert_eq!(
        samples.lines().collect::<Vec<_>>(),
        ["node_textfile_mtime_seconds{file=\"/t/a.prom\"} 0", "up 1"]
    );
}

#[test]
fn parts_of_a_histogram_are_names_too() {
    let refused = |text: &str, taken: &[&str]| {
        let mut scan = Scan::with_capacity(4);
        assert!(scan.read(text.as_bytes()).is_some());
        let mut refused = Vec::new();
        let free = scan.refuse_taken(text.as_bytes(), taken, |name| refused.push(name.to_vec()));
        assert_eq!(free, refused.is_empty());
        refused.len()
    };
    for (kind, expect) in [("histogram", [1, 1, 1, 1]), ("summary", [1, 0, 1, 1]), ("gauge", [1, 0, 0, 0])] {
        let text = format!("# TYPE h {kind}\nh 1\n");
        assert_eq!(
            ["h", "h_bucket", "h_count", "h_sum"].map(|name| refused(&text, &["a", name, "z"])),
            expect
        );
    }
}

#[test]
fn a_name_of_a_collector_that_is_off_is_free() {
    let mut machine = Replay::new();
    machine.file("t/a.prom", b"node_md_disks{device=\"md0\"} 2\nnode_memory_MemFree_bytes 1\n");
    let flags = [(DIRECTORY, "/t"), ("collector.mdadm", "false"), ("collector.meminfo", "true")];
    let (_, text) = Bench::new("textfile", machine, &flags).pass();
    assert_eq!(split(&text), ("node_md_disks{device=\"md0\"} 2".to_owned(), true));
}
