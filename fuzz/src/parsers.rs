//! Every parser of bytes that is not a collector: no panic, and what it hands out lies within what it was given.

use trimeter::command::{collectors_on_off, flag_tables};
use trimeter::expo::parse::{LABELS_MAX, Line, number, parse};
use trimeter::family::valid_name;
use trimeter::flags::parse_lines;
use trimeter::http::wire::{HeadResult, Method, parse_head};
use trimeter::http::{HEAD_BYTES, Request};
use trimeter::io::links::Link;
use trimeter::io::netlink::messages;
use trimeter::pattern::Pattern;
use trimeter::text::attributes::{attributes, number16, number32, number64, text};
use trimeter::text::{attribute, date, errno, glob, timezone};

/// Exposition text: what is taken for a sample is one, and the labels found one by one are those found by name.
pub fn exposition(bytes: &[u8]) {
    let lines = parse(bytes).count();
    assert!(lines <= bytes.len());
    for line in parse(bytes).flatten() {
        match line {
            Line::Sample(sample) => {
                assert!(valid_name(sample.name));
                assert!(sample.labels.count() <= LABELS_MAX);
                for (name, value) in sample.labels {
                    assert_eq!(sample.labels.get(name), Some(value));
                    assert!(std::str::from_utf8(value).is_ok());
                }
            }
            Line::Help { name, .. } | Line::Type { name, .. } => assert!(valid_name(name)),
            Line::Blank => {}
        }
    }
    // A number too large for a float is none; the infinity that is meant has a letter.
    let meant =
        |value: &f64| value.is_finite() || value.is_nan() || bytes.contains(&b'n') || bytes.contains(&b'N');
    let oracle = std::str::from_utf8(bytes).ok().and_then(|word| word.parse::<f64>().ok()).filter(meant);
    assert_eq!(number(bytes).map(f64::to_bits), oracle.map(f64::to_bits));
}

/// A request head: complete heads stay complete whatever comes behind them, and partial ones never exceed the limit.
pub fn head(bytes: &[u8]) {
    match parse_head(bytes) {
        HeadResult::Complete(head) => {
            assert!(head.bytes <= bytes.len() && head.bytes <= HEAD_BYTES);
            assert!(head.path.starts_with('/'));
            // However the network cuts the head, nothing before its last byte is a whole one.
            for end in [0, 1, head.bytes / 2, head.bytes.saturating_sub(1)] {
                assert!(!matches!(parse_head(&bytes[..end]), HeadResult::Complete(_)), "cut at {end}");
            }
            let HeadResult::Complete(again) = parse_head(&bytes[..head.bytes]) else {
                panic!("the head alone is none")
            };
            assert_eq!(again, head);
            query(head.query.as_bytes());
        }
        HeadResult::Partial => assert!(bytes.len() < HEAD_BYTES),
        HeadResult::Refused(error) => assert!((400..600).contains(&error.status())),
    }
}

/// Query strings: no more pairs than separators allow, no key or value longer than it was.
pub fn query(bytes: &[u8]) {
    let Ok(query) = std::str::from_utf8(bytes) else { return };
    let request = Request { method: Method::Get, path: "/", query, gzip: false, user_agent: b"" };
    let mut pairs = 0;
    for (key, value) in request.query_pairs() {
        assert!(key.as_bytes().len() + value.as_bytes().len() <= query.len());
        pairs += 1;
    }
    assert!(pairs <= query.split('&').count());
}

/// Netlink: messages, their attributes and those nested in them, and links.
pub fn netlink(bytes: &[u8]) {
    let mut inside = 0;
    for message in messages(bytes).flatten() {
        inside += message.payload.len();
        nested(message.payload, 3);
        Link::parse(message.payload);
    }
    assert!(inside <= bytes.len());
    nested(bytes, 3);
    for at in [0, 1, 2, bytes.len(), usize::MAX] {
        let found = (number16(bytes, at), number32(bytes, at), number64(bytes, at));
        assert!(found.0.is_some() || found.1.is_none());
        assert!(found.1.is_some() || found.2.is_none());
    }
    if let Some(link) = Link::parse(bytes) {
        assert!(!link.name.is_empty());
        (0..64).for_each(|index| assert!(link.statistic(index).is_none_or(|_| index < 25)));
        link.device_flags();
        link.dormant();
    }
}

fn nested(bytes: &[u8], depth: u32) {
    let mut inside = 0;
    for (kind, value) in attributes(bytes) {
        assert!(kind <= 0x3fff);
        assert!(!text(value).contains(&0));
        inside += value.len() + 4;
        if depth > 0 {
            nested(value, depth - 1);
        }
    }
    assert!(inside <= bytes.len());
}

/// A command line of one argument per line; a mistake has words for it.
pub fn flags(bytes: &[u8]) {
    match parse_lines(&flag_tables(), &collectors_on_off(), bytes) {
        Ok(flags) => {
            trimeter::limits::Limits::from_flags(&flags);
        }
        Err(mistakes) => {
            assert!(!mistakes.is_empty());
            assert!(mistakes.iter().all(|mistake| !mistake.to_string().is_empty()));
        }
    }
}

/// Time zone files and rules: at any moment, or none.
pub fn timezone(bytes: &[u8]) {
    let (moment, file) = bytes.split_first_chunk::<8>().unwrap_or((&[0; 8], bytes));
    for seconds in [i64::from_le_bytes(*moment), 0, 1_700_000_000, i64::MIN, i64::MAX] {
        for zone in [timezone::lookup(file, seconds), timezone::posix(file, seconds)].into_iter().flatten() {
            assert!(zone.name.as_bytes().len() <= 32);
        }
    }
    date::parse(bytes);
    errno::message(i32::from_le_bytes([moment[0], moment[1], moment[2], moment[3]]));
    attribute::value(attribute::raw(bytes));
    attribute::digits(bytes);
    attribute::numbered(bytes, "cpu");
}

/// Patterns: the part before the first zero byte on what comes after it. The shell's agree with a slow oracle.
pub fn patterns(bytes: &[u8]) {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let (pattern, name) = (&bytes[..end], bytes.get(end + 1..).unwrap_or(b""));
    let found = glob::matches(pattern, name);
    if !glob::is_pattern(pattern) {
        assert_eq!(found, pattern == name);
    }
    if !pattern.iter().any(|byte| matches!(byte, b'[' | b'\\')) && pattern.len() * name.len() < 4096 {
        assert_eq!(found, stars(pattern, name));
    }
    // An automaton takes memory by its expression; long ones only cost the fuzzer's time.
    if let Ok(text) = std::str::from_utf8(pattern)
        && text.len() <= 64
    {
        match Pattern::new(text) {
            Ok(compiled) => {
                let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric());
                if plain {
                    let inside = text.is_empty() || name.windows(text.len()).any(|part| part == pattern);
                    assert_eq!(compiled.matches(name), inside);
                } else {
                    compiled.matches(name);
                }
            }
            Err(error) => assert!(!error.is_empty()),
        }
    }
}

/// The oracle for patterns of `*` and `?` alone: a table of what matches up to where.
fn stars(pattern: &[u8], name: &[u8]) -> bool {
    let mut here = vec![false; name.len() + 1];
    here[0] = true;
    for letter in pattern {
        let mut next = vec![false; name.len() + 1];
        for at in 0..=name.len() {
            next[at] = match letter {
                b'*' => here[at] || (at > 0 && next[at - 1]),
                b'?' => at > 0 && here[at - 1],
                other => at > 0 && here[at - 1] && name[at - 1] == *other,
            };
        }
        here = next;
    }
    here[name.len()]
}

/// Files of control groups: no parser finds more wrong lines than there are words, for numbers are words too.
pub fn groups(bytes: &[u8]) {
    let lines = trimeter::text::lines(bytes).count();
    let words = trimeter::text::words(bytes).count();
    for malformed in trimeter::container::parse_all(bytes) {
        assert!(malformed as usize <= 3 * (lines + words).max(1));
    }
}
