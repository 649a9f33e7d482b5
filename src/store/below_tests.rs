use super::*;
use crate::expo::{Cursor, Filter, Page, render, render_all};
use crate::family::{Family, counter, gauge};

const PERSON: &[Family] = &[
    counter("t_steps_total", "Steps.").key("steps").essential(),
    gauge("t_mood", "Mood.").key("mood").split_pairs(&["day=\"1\",half=\"am\"", "day=\"1\",half=\"pm\""]),
];
const PET: &[Family] = &[
    counter("t_meals_total", "Meals.").key("meals").split("food", &["hay", "fish"]),
    gauge("t_weight", "Weight.").key("weight"),
];
const TABLES: &[Table] =
    &[Table::rows("persons", |_| 3, 64, PERSON), Table::rows("pets", |_| 4, 32, PET).below("persons")];

fn store(profile: Profile) -> Store {
    let limits = Limits { frames: 3, ..Limits::default() };
    Store::new(TABLES.iter().map(|table| (table, profile)), &limits)
}

/// One pass with these persons and the weights of their pets.
fn pass(store: &mut Store, persons: &[(&str, &[(&str, u64)])]) {
    assert!(store.begin(|_| false));
    let mut out = store.out(0, 2);
    for (person, pets) in persons {
        let mut row = out.table(0).into_row(&[("person", person.as_bytes())]);
        row.set("steps", 1);
        let handle = row.handle();
        for (pet, weight) in *pets {
            if let Some(handle) = handle {
                out.table(1).row_below(handle, &[("pet", pet.as_bytes())]).set("weight", *weight);
            }
        }
    }
    store.commit();
}

fn shown(store: &Store, pin: Pin) -> Vec<String> {
    let text = String::from_utf8(render_all(store, pin, Filter::ALL)).unwrap();
    let mut lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect();
    lines.sort();
    lines
}

fn text(store: &mut Store) -> Vec<String> {
    let pin = store.pin().unwrap();
    let lines = shown(store, pin);
    store.unpin(pin);
    lines
}

#[test]
fn a_row_has_the_labels_of_the_row_above_and_its_own() {
    let mut store = store(Profile::Full);
    for _ in 0..3 {
        pass(&mut store, &[("ann", &[("cat", 4), ("dog", 9)]), ("bob", &[("cat", 5), ("", 1)])]);
        let expect = [
            r#"t_steps_total{person="ann"} 1"#,
            r#"t_steps_total{person="bob"} 1"#,
            r#"t_weight{person="ann",pet="cat"} 4"#,
            r#"t_weight{person="ann",pet="dog"} 9"#,
            r#"t_weight{person="bob",pet=""} 1"#,
            r#"t_weight{person="bob",pet="cat"} 5"#,
        ];
        assert_eq!(text(&mut store), expect);
    }
    assert_eq!(
        store.tables()[1].usage(),
        Usage { used: 4, capacity: 4, high_water: 4, refused: 0, ..Usage::default() }
    );
    pass(&mut store, &[("ann", &[("cat", 4), ("dog", 9), ("fox", 1), ("hen", 1), ("owl", 1)])]);
    assert_eq!(store.tables()[1].usage().refused, 3, "bob's pets are in the frame before");
}

#[test]
fn every_mixture_of_labels_has_its_commas() {
    let mut store = store(Profile::Full);
    assert!(store.begin(|_| false));
    let mut out = store.out(0, 2);
    for labels in [&[][..], &[("person", &b"ann"[..])]] {
        let mut row = out.table(0).into_row(labels);
        row.set_split("mood", "day=\"1\",half=\"pm\"", 7);
        let handle = row.handle().unwrap();
        for labels in [&[][..], &[("pet", &b"cat"[..])]] {
            let mut table = out.table(1);
            let mut row = table.row_below(handle, labels);
            row.set_split("meals", "fish", 1);
            row.set("weight", 2);
        }
    }
    store.commit();
    let expect = [
        r#"t_meals_total{food="fish",person="ann",pet="cat"} 1"#,
        r#"t_meals_total{food="fish",person="ann"} 1"#,
        r#"t_meals_total{food="fish",pet="cat"} 1"#,
        r#"t_meals_total{food="fish"} 1"#,
        r#"t_mood{day="1",half="pm",person="ann"} 7"#,
        r#"t_mood{day="1",half="pm"} 7"#,
        r#"t_weight 2"#,
        r#"t_weight{person="ann",pet="cat"} 2"#,
        r#"t_weight{person="ann"} 2"#,
        r#"t_weight{pet="cat"} 2"#,
    ];
    assert_eq!(text(&mut store), expect);
}

#[test]
fn a_row_above_stays_as_long_as_a_frame_shows_the_row_below() {
    let mut store = store(Profile::Full);
    pass(&mut store, &[("ann", &[("cat", 1)])]);
    let old = store.pin().unwrap();
    let before = shown(&store, old);
    for round in 0..20 {
        let name = format!("p{round}");
        pass(&mut store, &[(&name, &[("cat", 2)])]);
        assert_eq!(shown(&store, old), before);
    }
    store.unpin(old);
    pass(&mut store, &[]);
    for round in 0..20 {
        let name = format!("q{round}");
        pass(&mut store, &[(&name, &[("cat", round)])]);
        let expect = [
            format!("t_steps_total{{person=\"{name}\"}} 1"),
            format!("t_weight{{person=\"{name}\",pet=\"cat\"}} {round}"),
        ];
        assert_eq!(text(&mut store), expect);
    }
    let used: Vec<u32> = store.tables().iter().map(|table| table.usage().used).collect();
    assert_eq!(used, [1, 1]);
}

#[test]
fn tables_that_are_kept_stay_together() {
    let mut store = store(Profile::Full);
    pass(&mut store, &[("ann", &[("cat", 1)])]);
    let before = text(&mut store);
    for _ in 0..5 {
        assert!(store.begin(|_| true));
        store.commit();
        assert_eq!(text(&mut store), before);
    }
}

#[test]
fn a_handle_finds_its_row_until_the_row_is_freed() {
    let mut store = store(Profile::Full);
    assert!(store.begin(|_| false));
    let ann = store.out(0, 2).table(0).into_row(&[("person", b"ann")]).handle().unwrap();
    store.commit();
    for round in 0..5 {
        assert!(store.begin(|_| false));
        let mut out = store.out(0, 2);
        let mut table = out.table(0);
        assert!(table.keeps(ann));
        let mut row = table.again(ann);
        assert!(row.set("steps", round));
        let handle = row.handle().unwrap();
        out.table(1).row_below(handle, &[("pet", b"cat")]).set("weight", round);
        store.commit();
        let expect = [
            format!("t_steps_total{{person=\"ann\"}} {round}"),
            format!("t_weight{{person=\"ann\",pet=\"cat\"}} {round}"),
        ];
        assert_eq!(text(&mut store), expect);
    }
    // A pass without her: the row is free, and whoever has its place is not her.
    pass(&mut store, &[]);
    assert!(store.begin(|_| false));
    assert!(!store.out(0, 2).table(0).keeps(ann));
    assert!(store.out(0, 2).table(0).again(ann).handle().is_none());
    store.commit();
    pass(&mut store, &[("bob", &[])]);
    assert!(store.begin(|_| false));
    assert!(!store.out(0, 2).table(0).keeps(ann));
    assert!(store.out(0, 2).table(0).again(ann).handle().is_none());
    store.commit();
}

#[test]
fn a_refused_row_has_no_handle() {
    let mut store = store(Profile::Full);
    assert!(store.begin(|_| false));
    let mut out = store.out(0, 2);
    let mut table = out.table(0);
    let handles: Vec<bool> = ["a", "b", "c", "d"]
        .iter()
        .map(|name| table.row(&[("person", name.as_bytes())]).handle().is_some())
        .collect();
    assert_eq!(handles, [true, true, true, false]);
}

#[test]
#[should_panic(expected = "of another pass")]
fn a_row_is_not_hung_below_one_that_this_pass_does_not_know() {
    let mut store = store(Profile::Full);
    assert!(store.begin(|_| false));
    let ann = store.out(0, 2).table(0).into_row(&[("person", b"ann")]).handle().unwrap();
    store.commit();
    assert!(store.begin(|_| false));
    store.out(0, 2).table(1).row_below(ann, &[("pet", b"cat")]);
}

#[test]
fn a_table_that_the_profile_does_not_serve_takes_rows_all_the_same() {
    let mut store = store(Profile::Essential);
    pass(&mut store, &[("ann", &[("cat", 4)])]);
    assert_eq!(text(&mut store), [r#"t_steps_total{person="ann"} 1"#]);
    assert!(store.begin(|_| false));
    assert!(!store.out(0, 2).serves(1));
}

#[test]
fn pages_of_any_size_show_the_same() {
    let mut store = store(Profile::Full);
    let long = "x".repeat(50);
    pass(&mut store, &[(&long, &[("cat", 4), ("dog", 9)]), ("bob", &[("cat", 5)])]);
    let pin = store.pin().unwrap();
    let whole = render_all(&store, pin, Filter::ALL);
    for size in [700, 800, 1000, 5000] {
        let (mut cursor, mut joined, mut bytes) = (Cursor::default(), Vec::new(), vec![0; size]);
        loop {
            let mut page = Page::new(&mut bytes);
            let done = render(&store, pin, Filter::ALL, &mut cursor, &mut page);
            let used = page.used();
            joined.extend_from_slice(&bytes[..used]);
            if done {
                break;
            }
        }
        assert_eq!(joined, whole, "{size}");
    }
}
