//! The bodies of the fuzz targets: bytes in, a panic when something that always holds does not.
//!
//! `cargo +nightly fuzz run NAME` searches for such bytes by coverage. `smoke` runs the same bodies on the stable
//! toolchain over the seeds and their mutations. A new target is a function here, a line in [`TARGETS`], a file in
//! `fuzz_targets/` and an entry in `Cargo.toml`; a new collector needs nothing.

mod client;
mod json;
mod machine;
mod objects;
mod parsers;
mod runtimes;

pub use client::{answer_head, chunks};
pub use json::json;
pub use machine::collectors;
pub use objects::{cron, quantity, times};
pub use parsers::{exposition, flags, groups, head, netlink, patterns, query, timezone};
pub use runtimes::{paths, runtimes};

use trimeter::base::text::Text;
use trimeter::io::Names;
use trimeter::{expo, text};

/// A target: its name and its body.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: &[Target] = &[
    ("words", words),
    ("numbers", numbers),
    ("names", names),
    ("exposition", exposition),
    ("head", head),
    ("answer_head", answer_head),
    ("chunks", chunks),
    ("query", query),
    ("netlink", netlink),
    ("flags", flags),
    ("timezone", timezone),
    ("patterns", patterns),
    ("json", json),
    ("paths", paths),
    ("runtimes", runtimes),
    ("groups", groups),
    ("quantity", quantity),
    ("times", times),
    ("cron", cron),
    ("collectors", collectors),
];

/// Lines and words lose no byte that is not white space.
pub fn words(bytes: &[u8]) {
    let kept: usize = text::lines(bytes).flat_map(text::words).map(<[u8]>::len).sum();
    let blank = bytes.iter().filter(|byte| matches!(byte, b' ' | b'\t' | b'\n')).count();
    assert_eq!(kept + blank, bytes.len());
    for line in text::lines(bytes) {
        assert!(!line.contains(&b'\n'));
        if let Some((before, after)) = text::split_once(line, b':') {
            assert_eq!(before.len() + 1 + after.len(), line.len());
        }
        if let Some(mount) = text::mountinfo::parse(line) {
            assert!(mount.point.len() + mount.device.len() + mount.fstype.len() < line.len());
            assert!(text::mountinfo::below(mount.point, b"/host").is_none_or(|below| below[0] == b'/'));
        }
        if let Some((_, _, name, words)) = text::diskstats::device(line) {
            assert!(!name.is_empty());
            let numbers = text::diskstats::numbers(words);
            assert!(numbers.is_none_or(|numbers| (11..=17).contains(&numbers.as_slice().len())));
        }
    }
    for (key, value) in text::os_release::assignments(bytes).flatten() {
        assert!(!key.contains(&b'='));
        let mut unquoted = Text::<64>::new();
        if text::os_release::unquote(value, &mut unquoted).is_some() {
            assert!(unquoted.len() <= value.len());
        }
    }
}

/// Numbers agree with the standard library, which is the slow oracle, in both directions.
pub fn numbers(bytes: &[u8]) {
    let word = std::str::from_utf8(bytes).ok();
    let unsigned = text::unsigned(bytes);
    if !bytes.starts_with(b"+") {
        assert_eq!(unsigned, word.and_then(|word| word.parse().ok()));
    }
    if !bytes.starts_with(b"-+") && !bytes.starts_with(b"++") {
        assert_eq!(text::signed(bytes), word.and_then(|word| word.parse().ok()));
    }
    if text::hex(bytes).is_some() {
        assert_eq!(text::hex(bytes), word.and_then(|word| u64::from_str_radix(word, 16).ok()));
    }
    let mut calls = 0_u32;
    text::ranges(bytes, 1000, |_| calls += 1);
    assert!(calls <= 1000);
    if let Some(bits) = bytes.first_chunk::<8>() {
        let value = f64::from_le_bytes(*bits);
        let mut out = [0; expo::number::NUMBER_BYTES];
        let length = expo::number::float(&mut out, value);
        let back: f64 = std::str::from_utf8(&out[..length]).unwrap().parse().unwrap();
        // Equal, not the same bits: minus zero is written as 0.
        assert!(back == value || (back.is_nan() && value.is_nan()));
        let length = expo::number::unsigned(&mut out, u64::from_le_bytes(*bits));
        assert_eq!(out[..length], *u64::from_le_bytes(*bits).to_string().as_bytes());
    }
}

/// Bounded text and lists of names take whole pieces or none, and count what they refuse.
pub fn names(bytes: &[u8]) {
    let mut list = Names::with_capacity(8);
    let mut text = Text::<64>::new();
    let mut kept = Vec::new();
    let mut pieces = 0;
    for piece in bytes.split(|byte| *byte == 0) {
        pieces += 1;
        list.push(piece);
        if text.push(piece).is_ok() {
            kept.extend_from_slice(piece);
        }
    }
    assert_eq!(text.as_bytes(), kept);
    assert_eq!(list.len() as u64 + list.refused_total(), pieces);
    list.sort();
    let sorted: Vec<&[u8]> = list.iter().collect();
    assert!(sorted.is_sorted());
}
