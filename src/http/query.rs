//! Query strings: `key=value` pairs, percent-decoded into fixed texts.

use crate::base::text::Text;

/// A decoded key or value. What is longer is cut, so no text of this length can be taken for a known name.
pub type QueryText = Text<128>;

/// See [`super::Request::query_pairs`]. Empty pairs are left out; a percent sign that no two hex digits follow stands
/// for itself; a key without `=` has an empty value.
#[derive(Clone, Debug)]
pub struct QueryPairs<'a> {
    rest: &'a str,
}

impl<'a> QueryPairs<'a> {
    pub(super) const fn new(query: &'a str) -> Self {
        QueryPairs { rest: query }
    }
}

impl Iterator for QueryPairs<'_> {
    type Item = (QueryText, QueryText);

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            let (pair, rest) = self.rest.split_once('&').unwrap_or((self.rest, ""));
            self.rest = rest;
            if !pair.is_empty() {
                let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                return Some((decode(key), decode(value)));
            }
        }
        None
    }
}

fn decode(encoded: &str) -> QueryText {
    let mut text = QueryText::new();
    let mut rest = encoded.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        let byte = match (first, after) {
            (b'+', _) => b' ',
            (b'%', &[high, low, ..]) => match (hex(high), hex(low)) {
                (Some(high), Some(low)) => {
                    rest = &after[2..];
                    high * 16 + low
                }
                _ => b'%',
            },
            (other, _) => other,
        };
        if text.push([byte]).is_err() {
            return text;
        }
    }
    text
}

const fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(query: &str, expect: &[(&str, &str)]) {
        let pairs: Vec<_> = QueryPairs::new(query)
            .map(|(key, value)| (key.as_bytes().to_vec(), value.as_bytes().to_vec()))
            .collect();
        let expect: Vec<_> =
            expect.iter().map(|(key, value)| (key.as_bytes().to_vec(), value.as_bytes().to_vec())).collect();
        assert_eq!(pairs, expect, "{query}");
    }

    #[test]
    fn pairs_are_split_and_decoded() {
        check("", &[]);
        check("&&", &[]);
        check("collect[]=cpu&collect%5B%5D=meminfo", &[("collect[]", "cpu"), ("collect[]", "meminfo")]);
        check("a&b=&=c&d=e=f", &[("a", ""), ("b", ""), ("", "c"), ("d", "e=f")]);
        check("a=1+2%2B3&b=%c3%A4", &[("a", "1 2+3"), ("b", "ä")]);
    }

    #[test]
    fn a_bad_escape_stands_for_itself() {
        check("a=%&b=%4&c=%zz&d=%%41", &[("a", "%"), ("b", "%4"), ("c", "%zz"), ("d", "%A")]);
    }

    #[test]
    fn a_long_value_is_cut() {
        check(&format!("a={}", "x".repeat(128)), &[("a", &"x".repeat(128))]);
        check(&format!("a={}&b=1", "x".repeat(200)), &[("a", &"x".repeat(128)), ("b", "1")]);
    }
}
