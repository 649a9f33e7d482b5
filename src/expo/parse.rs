//! Exposition text 0.0.4 into lines, samples and labels: pure, without allocation, every line on its own.
//!
//! Pieces are slices of the text as it came, escapes included; what is returned has been checked.

use crate::family::{Kind, valid_name};
use crate::text::{float, signed};

/// What a line says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Line<'a> {
    /// Nothing: an empty line or a comment.
    Blank,
    /// `# HELP name text`, the text with its escapes.
    Help {
        name: &'a [u8],
        text: &'a [u8],
    },
    Type {
        name: &'a [u8],
        kind: Kind,
    },
    Sample(Sample<'a>),
}

/// `name{labels} value timestamp`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample<'a> {
    pub name: &'a [u8],
    pub labels: Labels<'a>,
    pub value: f64,
    /// Milliseconds since the epoch.
    pub timestamp: Option<i64>,
}

/// The labels of a sample, between the braces; iterates over names and escaped values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Labels<'a> {
    rest: &'a [u8],
}

/// More labels than this make a line [`Bad::Labels`]: it bounds what one line can cost.
pub const LABELS_MAX: usize = 64;

/// Why a line is not understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bad {
    /// Not a metric name.
    Name,
    /// Labels that are not closed, not quoted, not UTF-8, reserved or repeated.
    Labels,
    Value,
    Timestamp,
    /// A TYPE that the format does not have.
    Type,
    /// The text ends within the line.
    Cut,
}

/// The lines of a text. A last line without its newline is [`Bad::Cut`]: its number may be half of one.
pub fn parse(text: &[u8]) -> impl Iterator<Item = Result<Line<'_>, Bad>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let Some(end) = memchr::memchr(b'\n', rest) else {
            rest = b"";
            return Some(Err(Bad::Cut));
        };
        let line = &rest[..end];
        rest = &rest[end + 1..];
        Some(parse_line(line))
    })
}

/// One line, without its newline.
pub fn parse_line(line: &[u8]) -> Result<Line<'_>, Bad> {
    let line = skip_blanks(line);
    match line {
        [] => Ok(Line::Blank),
        [b'#', comment @ ..] => parse_comment(skip_blanks(comment)),
        _ => parse_sample(line).map(Line::Sample),
    }
}

fn parse_comment(text: &[u8]) -> Result<Line<'_>, Bad> {
    let (word, rest) = cut_word(text);
    let (name, rest) = cut_word(skip_blanks(rest));
    let rest = skip_blanks(rest);
    match word {
        // The name alone says nothing.
        b"HELP" | b"TYPE" if name.is_empty() => Ok(Line::Blank),
        b"HELP" | b"TYPE" if !valid_name(name) => Err(Bad::Name),
        b"TYPE" if rest.is_empty() => Ok(Line::Blank),
        b"HELP" => Ok(Line::Help { name, text: rest }),
        b"TYPE" => Ok(Line::Type { name, kind: kind(rest.trim_ascii_end())? }),
        _ => Ok(Line::Blank),
    }
}

fn kind(word: &[u8]) -> Result<Kind, Bad> {
    let kinds = [Kind::Counter, Kind::Gauge, Kind::Untyped, Kind::Histogram, Kind::Summary];
    let known = kinds.into_iter().find(|kind| kind.word().as_bytes().eq_ignore_ascii_case(word));
    known.ok_or(Bad::Type)
}

fn parse_sample(line: &[u8]) -> Result<Sample<'_>, Bad> {
    let end = line.iter().position(|byte| matches!(byte, b' ' | b'\t' | b'{')).unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    if !valid_name(name) {
        return Err(Bad::Name);
    }
    let (labels, rest) = match skip_blanks(rest) {
        [b'{', inside @ ..] => {
            let end = check_labels(inside)?;
            (Labels { rest: &inside[..end] }, &inside[end + 1..])
        }
        rest => (Labels::default(), rest),
    };
    let (value, rest) = cut_word(skip_blanks(rest));
    let value = number(value).ok_or(Bad::Value)?;
    let (timestamp, rest) = cut_word(skip_blanks(rest));
    let timestamp = match timestamp {
        b"" => None,
        digits => Some(signed(digits).ok_or(Bad::Timestamp)?),
    };
    if !skip_blanks(rest).is_empty() {
        return Err(Bad::Timestamp);
    }
    Ok(Sample { name, labels, value, timestamp })
}

/// A number as the format has it: decimal, or `NaN`, `+Inf`, `-Inf` in any case. One that is too large for a float is
/// none: it is not infinite.
pub fn number(word: &[u8]) -> Option<f64> {
    float(word).filter(|value| !value.is_infinite() || !word.iter().any(u8::is_ascii_digit))
}

/// The length of the labels up to `}`, when each of them is as it must be.
fn check_labels(inside: &[u8]) -> Result<usize, Bad> {
    let mut rest = inside;
    for _ in 0..=LABELS_MAX {
        rest = skip_blanks(rest);
        if let [b'}', ..] = rest {
            return Ok(inside.len() - rest.len());
        }
        let before = Labels { rest: &inside[..inside.len() - rest.len()] };
        let (name, _, after) = cut_label(rest).ok_or(Bad::Labels)?;
        if name == b"__name__" || before.get(name).is_some() {
            return Err(Bad::Labels);
        }
        rest = match skip_blanks(after) {
            [b',', after @ ..] => after,
            after @ [b'}', ..] => after,
            _ => return Err(Bad::Labels),
        };
    }
    Err(Bad::Labels)
}

/// `name="value"` at the start: name, value with its escapes, and what follows.
fn cut_label(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let end = text.iter().position(|byte| !letter(*byte))?;
    let (name, rest) = text.split_at(end);
    if name.first().is_none_or(u8::is_ascii_digit) {
        return None;
    }
    let rest = skip_blanks(rest).strip_prefix(b"=")?;
    let rest = skip_blanks(rest).strip_prefix(b"\"")?;
    let mut at = 0;
    loop {
        at += memchr::memchr2(b'"', b'\\', rest.get(at..)?)?;
        if rest[at] == b'"' {
            break;
        }
        if !matches!(rest.get(at + 1)?, b'"' | b'\\' | b'n') {
            return None;
        }
        at += 2;
    }
    let value = &rest[..at];
    std::str::from_utf8(value).ok()?;
    Some((name, value, &rest[at + 1..]))
}

impl<'a> Labels<'a> {
    /// The value of a label, with its escapes.
    pub fn get(self, name: &[u8]) -> Option<&'a [u8]> {
        self.into_iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }
}

impl<'a> Iterator for Labels<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, value, rest) = cut_label(skip_blanks(self.rest))?;
        let rest = skip_blanks(rest);
        self.rest = rest.strip_prefix(b",").unwrap_or(rest);
        Some((name, value))
    }
}

fn skip_blanks(text: &[u8]) -> &[u8] {
    let blanks = text.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    &text[blanks..]
}

/// What stands before the first blank, and the rest.
fn cut_word(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| matches!(byte, b' ' | b'\t')).unwrap_or(text.len());
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample(line: &str) -> Result<(String, f64, Option<i64>), Bad> {
        let shown = |text: &[u8]| String::from_utf8(text.to_vec()).unwrap();
        let Line::Sample(sample) = parse_line(line.as_bytes())? else { return Err(Bad::Cut) };
        let labels = sample.labels.map(|(name, value)| format!("|{}={}", shown(name), shown(value)));
        Ok((shown(sample.name) + &labels.collect::<String>(), sample.value, sample.timestamp))
    }

    #[track_caller]
    fn check(line: &str, text: &str, value: f64, timestamp: Option<i64>) {
        assert_eq!(sample(line), Ok((text.to_owned(), value, timestamp)), "{line}");
    }

    #[test]
    fn samples() {
        check("up 1", "up", 1.0, None);
        check("  up\t1 ", "up", 1.0, None);
        check("up 1e-400", "up", 0.0, None);
        check("up{} 1", "up", 1.0, None);
        check("up{}1", "up", 1.0, None);
        check(r#"up{a="b"} 1.5e+06 -7"#, "up|a=b", 1_500_000.0, Some(-7));
        check(r#"up { a = "b" , c = "}\"\\\n,", } +Inf"#, r#"up|a=b|c=}\"\\\n,"#, f64::INFINITY, None);
        check("a:b -Inf", "a:b", f64::NEG_INFINITY, None);
        assert!(sample("up NaN").unwrap().1.is_nan());
    }

    #[test]
    fn bad_samples() {
        for (line, bad) in [
            ("1up 1", Bad::Name),
            ("up-x 1", Bad::Name),
            ("{} 1", Bad::Name),
            ("up", Bad::Value),
            ("up x", Bad::Value),
            ("up 1_000", Bad::Value),
            ("up 1e400", Bad::Value),
            ("up -1e400", Bad::Value),
            ("up 1\r", Bad::Value),
            ("up 1 x", Bad::Timestamp),
            ("up 1 2 3", Bad::Timestamp),
            ("up 1 99999999999999999999", Bad::Timestamp),
            ("up{a} 1", Bad::Labels),
            ("up{a=b} 1", Bad::Labels),
            (r#"up{a="b" 1"#, Bad::Labels),
            (r#"up{a="b} 1"#, Bad::Labels),
            (r#"up{a="\x"} 1"#, Bad::Labels),
            (r#"up{a="b" c="d"} 1"#, Bad::Labels),
            (r#"up{a="b",a="c"} 1"#, Bad::Labels),
            (r#"up{a="b",,} 1"#, Bad::Labels),
            (r#"up{__name__="b"} 1"#, Bad::Labels),
            (r#"up{1a="b"} 1"#, Bad::Labels),
            ("up{", Bad::Labels),
        ] {
            assert_eq!(sample(line), Err(bad), "{line}");
        }
        assert_eq!(parse_line(b"up{a=\"\xff\"} 1"), Err(Bad::Labels));
    }

    #[test]
    fn labels_are_bounded() {
        let line = |count: usize| {
            let labels: Vec<String> = (0..count).map(|index| format!("l{index}=\"\"")).collect();
            format!("up{{{}}} 1", labels.join(","))
        };
        assert!(sample(&line(LABELS_MAX)).is_ok());
        assert_eq!(sample(&line(LABELS_MAX + 1)), Err(Bad::Labels));
    }

    #[test]
    fn comments() {
        assert_eq!(parse_line(b"# anything"), Ok(Line::Blank));
        assert_eq!(parse_line(b"#"), Ok(Line::Blank));
        assert_eq!(parse_line(b""), Ok(Line::Blank));
        assert_eq!(parse_line(b"# HELP"), Ok(Line::Blank));
        assert_eq!(parse_line(b"# HELP up a\\n b "), Ok(Line::Help { name: b"up", text: b"a\\n b " }));
        assert_eq!(parse_line(b"#HELP up"), Ok(Line::Help { name: b"up", text: b"" }));
        assert_eq!(parse_line(b"# TYPE up Gauge"), Ok(Line::Type { name: b"up", kind: Kind::Gauge }));
        assert_eq!(parse_line(b"# TYPE up stateset"), Err(Bad::Type));
        assert_eq!(parse_line(b"# TYPE 1 gauge"), Err(Bad::Name));
        assert_eq!(parse_line(b"# TYPE up "), Ok(Line::Blank));
    }

    #[test]
    fn a_text_that_ends_in_a_line_is_cut() {
        let lines: Vec<_> = parse(b"\nup 1\nup 12").collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[0], Ok(Line::Blank));
        assert_eq!(lines[2], Err(Bad::Cut));
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            for line in parse(&text).flatten() {
                if let Line::Sample(sample) = line {
                    prop_assert!(valid_name(sample.name));
                    for (name, value) in sample.labels {
                        prop_assert_eq!(sample.labels.get(name), Some(value));
                    }
                }
            }
        }

        #[test]
        fn what_looks_like_a_sample_is_survived(text in "[a{}=\",\\\\n 1#\n]{0,60}") {
            for line in parse(text.as_bytes()).flatten() {
                if let Line::Sample(sample) = line {
                    prop_assert!(sample.labels.count() <= text.len());
                }
            }
        }
    }
}
