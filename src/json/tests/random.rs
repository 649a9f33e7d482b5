//! Recordings and random texts, in random cuts.

use super::oracle::{Builder, cut, feed, left, same};
use crate::json::*;
use proptest::prelude::*;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Every recording below the folder.
#[expect(clippy::disallowed_methods, reason = "a test that reads recordings")]
fn recordings(folder: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            recordings(&path, found);
        } else if path.extension().is_some_and(|name| name == "json" || name == "jsonl") {
            let bytes = std::fs::read(&path).unwrap();
            found.push((path, bytes));
        }
    }
}

#[test]
fn recordings_are_what_they_are_to_the_oracle() {
    let Some(folder) = std::env::var_os("TRIMETER_CONFORMANCE_DIR") else {
        assert!(std::env::var_os("CI").is_none(), "TRIMETER_CONFORMANCE_DIR is not set");
        eprintln!("skipped: TRIMETER_CONFORMANCE_DIR names no folder with recordings");
        return;
    };
    let mut found = Vec::new();
    recordings(&Path::new(&folder).join("data"), &mut found);
    assert!(found.len() >= 25);
    for (path, bytes) in found {
        let oracle: Vec<Value> =
            serde_json::Deserializer::from_slice(&bytes).into_iter().map(Result::unwrap).collect();
        for size in [bytes.len().max(1), 4096, 61, 1] {
            for picky in [false, true] {
                let mut builder = Builder::new(picky);
                let count = feed(&mut Tokenizer::new(), bytes.chunks(size), &mut builder);
                assert_eq!(count, Ok(oracle.len()), "{}", path.display());
                let expected = oracle.iter().cloned();
                let same = match picky {
                    true => builder.values.into_iter().eq(expected.map(left)),
                    false => builder.values.into_iter().eq(expected),
                };
                assert!(same, "{} in pieces of {size}", path.display());
            }
        }
    }
}

/// Small numbers from a seed, for how a value is written.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (self.0 >> 33) % bound
    }
}

/// Writes a value with white space and escapes that nobody asked for.
fn write(value: &Value, dice: &mut Dice, out: &mut String) {
    let space = |dice: &mut Dice| ["", "", "", " ", "\n", "\r\n\t"][usize::try_from(dice.below(6)).unwrap()];
    out.push_str(space(dice));
    match value {
        Value::Object(object) => {
            out.push('{');
            for (at, (key, value)) in object.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                out.push_str(space(dice));
                write_text(key, dice, out);
                out.push_str(space(dice));
                out.push(':');
                write(value, dice, out);
            }
            out.push_str(space(dice));
            out.push('}');
        }
        Value::Array(array) => {
            out.push('[');
            for (at, value) in array.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                write(value, dice, out);
            }
            out.push_str(space(dice));
            out.push(']');
        }
        Value::String(text) => write_text(text, dice, out),
        other => out.push_str(&other.to_string()),
    }
    out.push_str(space(dice));
}

fn write_text(text: &str, dice: &mut Dice, out: &mut String) {
    out.push('"');
    for letter in text.chars() {
        if dice.below(8) == 0 {
            letter.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
        } else {
            let quoted = serde_json::to_string(&letter).unwrap();
            out.push_str(&quoted[1..quoted.len() - 1]);
        }
    }
    out.push('"');
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[ -~]{0,40}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::vec((".{0,12}", inner), 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// What breaks a text.
const MARKS: &[u8] = b"\"\\{}[],:0-.eE+utn\x1f\x80\xe2\xff ";

proptest! {
    #[test]
    fn values_come_back(value in values(), seed: u64, places in prop::collection::vec(any::<usize>(), 0..6)) {
        let mut text = String::new();
        write(&value, &mut Dice(seed), &mut text);
        prop_assert!(same(&cut(text.as_bytes(), &places)));
        for text in [serde_json::to_string(&value).unwrap(), serde_json::to_string_pretty(&value).unwrap()] {
            prop_assert!(same(&cut(text.as_bytes(), &places)));
        }
    }

    #[test]
    fn mutations_are_judged_alike(
        value in values(),
        seed: u64,
        changes in prop::collection::vec((any::<usize>(), any::<u8>(), 0..4_u8), 1..4),
        places in prop::collection::vec(any::<usize>(), 0..6),
    ) {
        let mut text = String::new();
        write(&value, &mut Dice(seed), &mut text);
        let mut text = text.into_bytes();
        for (place, byte, kind) in changes {
            let place = place % (text.len() + 1);
            let mark = MARKS[usize::from(byte) % MARKS.len()];
            match kind {
                0 => text.insert(place, mark),
                1 if place < text.len() => drop(text.remove(place)),
                2 if place < text.len() => text[place] = mark,
                _ if place < text.len() => text[place] = byte,
                _ => text.truncate(place / 2),
            }
        }
        same(&cut(&text, &places));
    }

    #[test]
    fn numbers_are_judged_alike(
        text in "-?(0|[1-9][0-9]{0,24})(\\.[0-9]{1,24})?([eE][+-]?[0-9]{1,4})?|[-+.eE0-9]{1,12}",
        places in prop::collection::vec(any::<usize>(), 0..3),
    ) {
        same(&cut(text.as_bytes(), &places));
        same(&cut(format!("[{text}]").as_bytes(), &places));
    }

    #[test]
    fn the_largest_number_is_the_same(
        digits in "1797[67]?6?9?3?1?3?4?8?6?2?3?1?[0-9]{0,8}(\\.[0-9]{0,9})?",
        power in 270..310_u32,
    ) {
        same(&[format!("{digits}e{power}").as_bytes()]);
        same(&[format!("{digits}{}", "0".repeat(20)).as_bytes(), format!("e{}", power - 20).as_bytes()]);
    }

    #[test]
    fn any_bytes_are_judged_alike(
        text in prop::collection::vec(any::<u8>(), 0..64),
        places in prop::collection::vec(any::<usize>(), 0..3),
    ) {
        same(&cut(&text, &places));
        let quoted = [b"\"", &text[..], b"\""].concat();
        same(&cut(&quoted, &places));
    }
}
