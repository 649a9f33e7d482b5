use super::*;
use crate::expo::{Filter, render_all};
use crate::family::{Family, Kind, counter, gauge};
use crate::store::out::write_escaped;

const DEVICE: &[Family] = &[
    counter("t_bytes_total", "Bytes.").key("bytes").essential(),
    gauge("t_state", "State.").key("state").split("is", &["on", "off"]),
    gauge("t_level", "Level.").key("level").signed().decimals(3),
];
const TABLES: &[Table] =
    &[Table::rows("devices", |_| 3, 64, DEVICE), Table::named("sensors", |_| 4, 64, |_| 2, Some(&["t_a"]))];

fn limits() -> Limits {
    Limits { frames: 3, ..Limits::default() }
}

fn store(profile: Profile) -> Store {
    Store::new(TABLES.iter().map(|table| (table, profile)), &limits())
}

/// One pass that sets the bytes of these devices.
fn pass(store: &mut Store, devices: &[(&str, u64)]) {
    assert!(store.begin(|_| false));
    let mut out = store.out(0, 2);
    let mut table = out.table(0);
    for (device, bytes) in devices {
        table.row(&[("device", device.as_bytes())]).set("bytes", *bytes);
    }
    store.commit();
}

fn text(store: &mut Store) -> String {
    let frame = store.pin().unwrap();
    let text = shown(store, frame);
    store.unpin(frame);
    text
}

fn shown(store: &Store, frame: Pin) -> String {
    let text = String::from_utf8(render_all(store, frame, Filter::ALL)).unwrap();
    text.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_row_that_is_gone_is_gone_and_its_place_is_used_again() {
    let mut store = store(Profile::Full);
    for round in 0..100 {
        let name = format!("d{round}");
        pass(&mut store, &[("stays", round), (&name, 7)]);
        let expect =
            format!("t_bytes_total{{device=\"stays\"}} {round}\nt_bytes_total{{device=\"{name}\"}} 7");
        let mut lines: Vec<_> = text(&mut store).lines().map(str::to_owned).collect();
        lines.sort_by_key(|line| !line.contains("stays"));
        assert_eq!(lines.join("\n"), expect);
    }
    let usage = store.tables()[0].usage();
    assert_eq!((usage.used, usage.refused), (2, 0));
    assert!(usage.high_water <= 3);
}

#[test]
fn a_full_table_refuses_the_new_and_counts() {
    let mut store = store(Profile::Full);
    pass(&mut store, &[("a", 1), ("b", 2), ("c", 3), ("d", 4)]);
    assert_eq!(
        text(&mut store),
        "t_bytes_total{device=\"a\"} 1\nt_bytes_total{device=\"b\"} 2\nt_bytes_total{device=\"c\"} 3"
    );
    let usage = store.tables()[0].usage();
    assert_eq!(usage, Usage { used: 3, capacity: 3, high_water: 3, refused: 1, ..Usage::default() });
    let long = "x".repeat(70);
    pass(&mut store, &[(&long, 1)]);
    assert_eq!(text(&mut store), "");
    assert_eq!(store.tables()[0].usage().refused, 2);
}

#[test]
fn a_pinned_frame_stays_as_it_is() {
    let mut store = store(Profile::Full);
    pass(&mut store, &[("a", 1), ("b", 2)]);
    let old = store.pin().unwrap();
    let before = shown(&store, old);
    for round in 0..10 {
        pass(&mut store, &[("c", round)]);
        assert_eq!(shown(&store, old), before);
    }
    store.unpin(old);
    pass(&mut store, &[("c", 1)]);
    assert_eq!(store.tables()[0].usage().used, 1);
}

#[test]
fn when_every_frame_is_read_the_pass_is_refused() {
    let mut store = store(Profile::Full);
    let mut pinned = Vec::new();
    for round in 0..3 {
        pass(&mut store, &[("a", round)]);
        pinned.push(store.pin().unwrap());
    }
    assert!(!store.begin(|_| false));
    assert_eq!(store.busy_total(), 1);
    let texts: Vec<_> = pinned.iter().map(|frame| shown(&store, *frame)).collect();
    assert_eq!(
        texts,
        ["t_bytes_total{device=\"a\"} 0", "t_bytes_total{device=\"a\"} 1", "t_bytes_total{device=\"a\"} 2"]
    );
    store.unpin(pinned[0]);
    assert!(store.begin(|_| false));
}

#[test]
fn a_frame_is_taken_from_clients_who_read_it_for_too_long() {
    let mut store = store(Profile::Full);
    let mut pinned = Vec::new();
    for round in 0..3 {
        store.at(Monotonic(round * 100_000_000));
        pass(&mut store, &[("a", round)]);
        pinned.push(store.pin().unwrap());
    }
    // The first was superseded at 100 ms.
    store.at(Monotonic(1_099_000_000));
    assert!(!store.begin(|_| false));
    store.at(Monotonic(1_100_000_000));
    pass(&mut store, &[("a", 3)]);
    assert_eq!((store.busy_total(), store.revoked_total()), (1, 1));
    assert_eq!(pinned.iter().map(|pin| store.holds(*pin)).collect::<Vec<_>>(), [false, true, true]);
    for pin in pinned {
        store.unpin(pin);
    }
    assert_eq!(text(&mut store), "t_bytes_total{device=\"a\"} 3");
}

#[test]
fn a_table_that_is_kept_carries_its_values_and_rows() {
    let mut store = store(Profile::Full);
    pass(&mut store, &[("a", 1)]);
    for _ in 0..5 {
        assert!(store.begin(|table| table == 0));
        store.out(1, 1).named(0, b"t_a", Kind::Gauge, b"").set(&[], 2.5);
        store.commit();
        assert_eq!(text(&mut store), "t_bytes_total{device=\"a\"} 1\nt_a 2.5");
    }
    assert!(store.begin(|_| false));
    store.commit();
    assert_eq!(text(&mut store), "");
}

#[test]
fn every_kind_of_number_is_served() {
    let mut store = store(Profile::Full);
    assert!(store.begin(|_| false));
    let mut out = store.out(0, 2);
    let mut table = out.table(0);
    let mut row = table.row(&[("device", b"a\"\\\n\xff\xfeb")]);
    assert!(row.set("bytes", u64::MAX));
    assert!(row.set_split("state", "off", 1));
    assert!(row.set_signed("level", -1500));
    assert!(!row.set("unknown", 1));
    store.commit();
    let labels = "device=\"a\\\"\\\\\\n\u{fffd}b\"";
    assert_eq!(
        text(&mut store),
        format!(
            "t_bytes_total{{{labels}}} 18446744073709551614\nt_state{{is=\"off\",{labels}}} 1\nt_level{{{labels}}} -1.5"
        )
    );
}

#[test]
fn the_profile_decides_which_families_have_room() {
    let mut store = store(Profile::Essential);
    assert!(store.begin(|_| false));
    let mut out = store.out(0, 2);
    let mut table = out.table(0);
    let mut row = table.row(&[("device", b"a")]);
    row.set("bytes", 1);
    assert!(row.set_signed("level", 5));
    out.named(1, b"t_a", Kind::Gauge, b"").set(&[("x", b"1")], 1.0);
    out.named(1, b"t_b", Kind::Gauge, b"").set(&[("x", b"1")], 1.0);
    store.commit();
    assert_eq!(text(&mut store), "t_bytes_total{device=\"a\"} 1\nt_a{x=\"1\"} 1");
    let plan = |profile| Store::plan(TABLES.iter().map(|table| (table, profile)), &limits())[0].row_bytes;
    assert_eq!(plan(Profile::Full) - plan(Profile::Essential), 3 * 8 * 3);
}

#[test]
fn named_families_come_and_go() {
    let mut store = store(Profile::Full);
    for round in 0..20 {
        assert!(store.begin(|_| false));
        let mut out = store.out(0, 2);
        let name = format!("t_{round}");
        out.named(1, name.as_bytes(), Kind::Gauge, b"Help \\ \n x").set(&[("n", b"1")], 1.0);
        out.named(1, name.as_bytes(), Kind::Gauge, b"other").set(&[("n", b"2")], f64::NAN);
        store.commit();
        assert_eq!(text(&mut store), format!("{name}{{n=\"1\"}} 1\n{name}{{n=\"2\"}} NaN"));
    }
    let frame = store.pin().unwrap();
    let all = String::from_utf8(render_all(&store, frame, Filter::ALL)).unwrap();
    assert!(all.starts_with("# HELP t_19 Help \\\\ \\n x\n# TYPE t_19 gauge\n"));
    let usage = store.tables()[1].usage();
    assert_eq!(usage.refused, 0);
}

#[test]
fn named_families_over_the_limit_are_refused() {
    let mut store = store(Profile::Full);
    assert!(store.begin(|_| false));
    let mut out = store.out(0, 2);
    for name in ["t_a", "t_b", "t_c"] {
        out.named(1, name.as_bytes(), Kind::Gauge, b"").set(&[], 1.0);
    }
    store.commit();
    assert_eq!(text(&mut store), "t_a 1\nt_b 1");
    assert_eq!(store.tables()[1].usage().refused, 1);
}

#[test]
fn invalid_text_is_marked_once_per_run() {
    let mut text = crate::base::text::Text::<64>::new();
    write_escaped(&mut text, b"\x80\x81[\xff").unwrap();
    assert_eq!(text.as_str(), "\u{fffd}[\u{fffd}");
}

#[test]
fn a_named_family_does_not_repeat_one_of_another_table() {
    const MORE: &[Table] =
        &[Table::named("sensors", |_| 4, 64, |_| 4, None), Table::named("files", |_| 4, 64, |_| 4, None)];
    let mut store = Store::new(MORE.iter().map(|table| (table, Profile::Full)), &limits());
    // The sensor comes, goes and comes back; who has the name keeps it.
    for (pass, (sensor, expect)) in
        [(true, "t_a 1\nt_b 2"), (false, "t_a 2\nt_b 2"), (true, "t_a 2\nt_b 2")].into_iter().enumerate()
    {
        for _ in 0..2 {
            assert!(store.begin(|_| false));
            if sensor {
                store.out(0, 1).named(0, b"t_a", Kind::Gauge, b"").set(&[], 1.0);
            }
            let mut files = store.out(1, 1);
            files.named(0, b"t_a", Kind::Gauge, b"").set(&[], 2.0);
            files.named(0, b"t_b", Kind::Gauge, b"").set(&[], 2.0);
            store.commit();
        }
        let mut lines: Vec<String> = text(&mut store).lines().map(str::to_owned).collect();
        lines.sort();
        assert_eq!(lines.join("\n"), expect, "{pass}");
    }
}

#[test]
fn a_histogram_keeps_its_suffixes() {
    let check = |families: [(&str, Kind); 2], refused: u64| {
        const FILES: &[Table] = &[Table::named("files", |_| 4, 64, |_| 4, None)];
        let mut store = Store::new(FILES.iter().map(|table| (table, Profile::Full)), &limits());
        for pass in 1..4 {
            assert!(store.begin(|_| false));
            let mut files = store.out(0, 1);
            for (name, kind) in families {
                files.named(0, name.as_bytes(), kind, b"").set(&[], 1.0);
            }
            store.commit();
            assert_eq!(store.tables()[0].usage().refused, pass * refused, "{families:?}");
        }
    };
    check([("t", Kind::Histogram), ("t_bucket", Kind::Gauge)], 1);
    check([("t_sum", Kind::Gauge), ("t", Kind::Histogram)], 1);
    check([("t_count", Kind::Gauge), ("t", Kind::Summary)], 1);
    check([("t", Kind::Summary), ("t_bucket", Kind::Gauge)], 0);
    check([("t", Kind::Gauge), ("t_sum", Kind::Gauge)], 0);
}
