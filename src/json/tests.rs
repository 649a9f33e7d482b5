//! The tokenizer beside `serde_json`, which is the slow oracle: what it takes and refuses, and what it tells.

mod oracle;
mod random;

use super::*;
use crate::base::gate;
use oracle::{Builder, Nothing, built, feed, same, single};
use serde_json::Value;

/// A text whole, byte by byte, and as a member and an element, which may be skipped.
fn check(text: &[u8], good: bool) {
    let bytes: Vec<&[u8]> = text.chunks(1).collect();
    assert_eq!(same(&[text]), good, "{}", String::from_utf8_lossy(text));
    assert_eq!(same(&bytes), good, "{}", String::from_utf8_lossy(text));
    for (before, behind) in
        [("{\"a\":", "}"), ("[", "]"), ("{\"bb\":[0,", ",{}]}"), ("[{\"a\":{\"b\":", "}}]")]
    {
        let text = [before.as_bytes(), text, behind.as_bytes()].concat();
        same(&[&text]);
        same(&text.chunks(1).collect::<Vec<_>>());
        same(&text.chunks(7).collect::<Vec<_>>());
    }
}

/// JSON.
const GOOD: &[&str] = &[
    "0",
    "-0",
    "10",
    "1.5",
    "-1.25e+10",
    "1E5",
    "1e-5",
    "0e999",
    "1e-999",
    "0.0e99999999999",
    "1e-99999999999",
    "1e308",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775808",
    "1e+0",
    "0.1",
    "null",
    "1.7976931348623157e308",
    "179769313486231570000000000000000000000e269",
    "true",
    "false",
    " null\r\n\t",
    "[]",
    "{}",
    "[[]]",
    "[{}]",
    " [ ] ",
    "{ }",
    "[1,2 , 3]",
    r#"{"a":1}"#,
    r#" { "a" : 1 , "b" : [ ] } "#,
    r#""""#,
    r#""abc""#,
    r#""\"\\\/\b\f\n\r\t""#,
    r#""\u0041\u00e9\u20ac\uFFFF\u0000""#,
    r#""\ud83d\ude00""#,
    r#""\uD83D\uDE00 and \uD834\udd1e""#,
    "\"é€😀\u{7f}\u{80}\"",
    "\"12345678é\"",
    r#"{"":0}"#,
    r#"{"é\n":[true]}"#,
    r#"{"a":1,"a":2}"#,
    r#"[null,true,false,"",0]"#,
    r#"{"12345678":"1234567","1234567":"12345678"}"#,
];

#[test]
fn what_is_json_is_taken() {
    for text in GOOD {
        check(text.as_bytes(), true);
    }
}

/// No JSON.
const BAD: &[&str] = &[
    "",
    " ",
    "01",
    "-01",
    "1.",
    ".5",
    "+1",
    "-",
    "1e",
    "1e+",
    "1.e1",
    "1e1.5",
    "--1",
    "0x1",
    "00",
    "-.1",
    "1e999",
    "-1e999",
    "1e309",
    "1.7976931348623159e308",
    "1e99999999999",
    "0.1e400",
    "1a",
    "1 2",
    "nul",
    "nulll",
    "True",
    "NaN",
    "Infinity",
    "tru",
    "truefalse",
    "[",
    "]",
    "{",
    "}",
    "[1",
    "[1,",
    "[1,]",
    "[,1]",
    "[1 2]",
    "[1}",
    "{]",
    "{\"a\":1]",
    "[]]",
    "{}}",
    "{}{}",
    "[] []",
    r#"{"a"}"#,
    r#"{"a":}"#,
    r#"{"a":1,}"#,
    r#"{,}"#,
    r#"{1:2}"#,
    r#"{"a" 1}"#,
    r#"{"a":1 "b":2}"#,
    r#"{a:1}"#,
    r#"{"a":1,,"b":2}"#,
    r#"{"a"::1}"#,
    "'a'",
    r#"""#,
    r#""a"#,
    r#""\"#,
    r#""\""#,
    r#""\x""#,
    r#""\u""#,
    r#""\u12""#,
    r#""\u123g""#,
    r#""\ud800""#,
    r#""\udc00""#,
    r#""\ud800\ud800""#,
    r#""\ud800\ud800\udc00""#,
    r#""\ud800\u0041""#,
    r#""\ud800\n""#,
    r#""\ud800A""#,
    r#""\ud83d\\ude00""#,
    r#""\'""#,
    r#""\U0041""#,
    "\"\t\"",
    "\"a\nb\"",
    "\"\0\"",
    "\"\u{1f}\"",
    "\u{feff}null",
    "\u{a0}1",
    "\u{c}1",
    "/**/1",
    "1 //",
    "\"a\"b",
    "[\"a\"b]",
    "*",
    "é",
    r#"{"a\ud800":1}"#,
    "{\"a\u{1}\":1}",
    "[01]",
    "[1.]",
    "[-]",
    "[-,1]",
];

/// Neither JSON nor UTF-8.
const BAD_BYTES: &[&[u8]] = &[
    b"\"\xff\"",
    b"\"\x80\"",
    b"\"\xc3\"",
    b"\"\xc3(\"",
    b"\"\xc0\xaf\"",
    b"\"\xe2\x82\"",
    b"\"\xe2\x82a\"",
    b"\"\xed\xa0\x80\"",
    b"\"\xf0\x80\x80\xaf\"",
    b"\"\xf4\x90\x80\x80\"",
    b"\"\xf8\x88\x80\x80\x80\"",
    b"\"\xe0\x80\xaf\"",
    b"\"\xe2\\u0041\"",
    b"\"\xf0\x9f\x98\"",
    b"\"\xf0\x9f\\n\x98\x80\"",
    b"{\"\xff\":1}",
    b"\xff",
    b"[\xff]",
    b"\xef\xbb\xbfnull",
    b"nul\xff",
    b"1\xff",
    b"\"12345678\xff12345678\"",
    b"\"\xc3\x28\"",
];

#[test]
fn what_is_no_json_is_refused() {
    for text in BAD {
        check(text.as_bytes(), false);
    }
    for text in BAD_BYTES {
        check(text, false);
    }
}

#[test]
fn errors_have_their_kind() {
    let kind = |text: &[u8]| single([text], &mut Nothing).unwrap_err();
    assert_eq!(kind(b"[1,]"), JsonError::Syntax);
    // Not two values of a stream.
    assert_eq!(feed(&mut Tokenizer::new(), [&b"01"[..]], &mut Nothing), Err(JsonError::Syntax));
    assert_eq!(kind(b"[1e999]"), JsonError::Number);
    assert_eq!(kind(b"\"\xff\""), JsonError::Utf8);
    assert_eq!(kind(b"\"\xe2\x82\""), JsonError::Utf8);
    assert_eq!(kind(b"\"\\ud800\""), JsonError::Escape);
    assert_eq!(kind(b"\"\n\""), JsonError::Control);
    assert_eq!(kind(b"[1"), JsonError::Truncated);
    assert_eq!(kind(&[b'['; 128]), JsonError::Depth);
    assert!(JsonError::ALL.iter().all(|error| !error.label().is_empty()));
}

#[test]
fn depth_has_the_same_bound() {
    for depth in 120..=130 {
        for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("{\"bb\":", "}"), ("[0,", "]")] {
            let text = format!("{}0{}", open.repeat(depth), close.repeat(depth));
            assert_eq!(same(&[text.as_bytes()]), depth <= 127, "{depth} of {open}");
        }
    }
    let mixed = format!("{}{}", "[{\"a\":".repeat(63), "[0]") + &"}]".repeat(63);
    assert!(same(&[mixed.as_bytes()]));
    assert!(!same(&[mixed.replace("}]", "]}").as_bytes()]));
}

const RICH: &str = concat!(
    r#" {"kind":"PodList","n":[-0,1.5e-3,18446744073709551615, 1e22],"é\u00e9\n":"\ud83d\ude00😀 €\"\\\/","t":[true,"#,
    "false ,null\n],\"empty\" :{ \"o\":{},\"a\":[ ],\"s\":\"\"},\"sk\\u0069p\":[{\"deep\":[\"\\t\",{}]},7]\r\n} ",
);

#[test]
fn cuts_change_nothing() {
    let text = RICH.as_bytes();
    for picky in [false, true] {
        let whole = built(&[text], picky).unwrap();
        assert_eq!(whole.as_object().unwrap().len(), if picky { 2 } else { 6 });
        for first in 0..=text.len() {
            for second in first..=text.len() {
                let pieces = [&text[..first], &text[first..second], &text[second..]];
                assert_eq!(built(&pieces, picky).as_ref(), Ok(&whole), "cut at {first} and {second}");
            }
        }
    }
    for end in 0..text.len() - 1 {
        assert!(!same(&[&text[..end]]), "ended at {end}");
    }
}

#[test]
fn a_stream_is_told_value_by_value() {
    let stream = format!("{RICH}\n{{\"a\":1}}\n\n[2]\"x\"3 4\n true{RICH}5");
    let oracle: Vec<Value> = [RICH, "{\"a\":1}", "[2]", "\"x\"", "3", "4", "true", RICH, "5"]
        .map(|text| text.parse().unwrap())
        .into();
    for size in 1..=stream.len() {
        let mut builder = Builder::new(false);
        let count = feed(&mut Tokenizer::new(), stream.as_bytes().chunks(size), &mut builder);
        assert_eq!(count, Ok(oracle.len()));
        assert_eq!(builder.values, oracle);
    }
}

#[test]
fn a_failure_lasts_until_the_reset() {
    let mut tokenizer = Tokenizer::default();
    for text in ["[{\"a\":[", "{\"k\":\"\\ud800", "[{\"skipped\":[1,", "\"\\ud8", "12", "{\"key", "nu"] {
        assert_eq!(tokenizer.feed(text.as_bytes(), &mut Nothing), Ok(Progress::NeedMore));
        assert!(!tokenizer.is_idle());
        let error = tokenizer.feed(b"\x01", &mut Nothing).or_else(|_| tokenizer.feed(b"\x01", &mut Nothing));
        let error = error.or_else(|_| tokenizer.feed(b"[]", &mut Nothing)).err();
        assert!(error.is_some() && tokenizer.finish(&mut Nothing).err() == error || text == "12", "{text}");
        tokenizer.reset();
        assert!(tokenizer.is_idle());
        assert_eq!(tokenizer.finish(&mut Nothing), Ok(false));
        assert_eq!(feed(&mut tokenizer, [&b"{\"a\":[\"b\"]}"[..]], &mut Nothing), Ok(1));
    }
}

#[test]
fn nothing_is_allocated() {
    let mut tokenizer = Tokenizer::new();
    for size in [1, 5, RICH.len()] {
        let before = gate::thread_allocations();
        assert_eq!(feed(&mut tokenizer, RICH.as_bytes().chunks(size), &mut Nothing), Ok(1));
        assert_eq!(tokenizer.feed(b"[1e300", &mut Nothing), Ok(Progress::NeedMore));
        assert!(tokenizer.feed(b"000]", &mut Nothing).is_err());
        assert_eq!(gate::thread_allocations(), before);
        tokenizer.reset();
    }
}

#[test]
fn what_is_too_long_for_its_buffer_is_told_empty() {
    for length in [63, 64, 65, 511, 512, 513, 1000] {
        let (digits, key) = (format!("0.{}", "1".repeat(length - 2)), "k".repeat(length - 2));
        for escape in ["kk", "\\n\\u0041", "é"] {
            let text = format!("[{digits},{{\"{key}{escape}\":0.5}},0.5]");
            let number: Value = if length <= 64 { digits.parse().unwrap() } else { "long".into() };
            let name = if length <= 512 {
                format!("{key}{}", escape.replace("\\n\\u0041", "\nA"))
            } else {
                "long".into()
            };
            let expected = Value::Array(vec![number, serde_json::json!({ name: 0.5 }), 0.5.into()]);
            for size in [1, 7, 64, 100, text.len()] {
                let pieces: Vec<&[u8]> = text.as_bytes().chunks(size).collect();
                assert_eq!(built(&pieces, false).as_ref(), Ok(&expected), "{length} {size}");
            }
        }
    }
}
