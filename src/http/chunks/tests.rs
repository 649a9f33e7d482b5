use super::*;
use proptest::prelude::*;

/// What a stream of pieces comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    /// The body and what follows it.
    Whole(Vec<u8>, Vec<u8>),
    /// The body so far.
    Open(Vec<u8>),
    Failed(ChunkError),
}

fn run(parts: &[&[u8]]) -> Outcome {
    let mut chunks = Chunks::new();
    let (mut body, mut rest) = (Vec::new(), Vec::new());
    let mut ended = false;
    for part in parts {
        let mut part = *part;
        loop {
            match chunks.next(part) {
                Ok(Piece::Data(range)) => {
                    assert!(!range.is_empty());
                    body.extend_from_slice(&part[range.clone()]);
                    part = &part[range.end..];
                }
                Ok(Piece::Framing) => break,
                Ok(Piece::End(at)) => {
                    ended = true;
                    rest.extend_from_slice(&part[at..]);
                    break;
                }
                Err(error) => {
                    assert_eq!(chunks.next(part), Err(error), "an error stays one");
                    return Outcome::Failed(error);
                }
            }
        }
    }
    if ended { Outcome::Whole(body, rest) } else { Outcome::Open(body) }
}

/// The decoder for streams that are there as a whole: by lines. The slow oracle.
fn naive(mut bytes: &[u8]) -> Option<Outcome> {
    let mut body = Vec::new();
    let line = |bytes: &[u8]| bytes.windows(2).position(|pair| pair == b"\r\n");
    loop {
        let Some(end) = line(bytes) else { return Some(Outcome::Open(body)) };
        let head = &bytes[..end];
        let digits = head.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        if digits == 0 || !matches!(head.get(digits), None | Some(b';' | b' ' | b'\t')) {
            return None;
        }
        let size = usize::from_str_radix(std::str::from_utf8(&head[..digits]).ok()?, 16).ok()?;
        bytes = &bytes[end + 2..];
        if size == 0 {
            break;
        }
        if bytes.len() < size + 2 {
            body.extend_from_slice(&bytes[..size.min(bytes.len())]);
            return Some(Outcome::Open(body));
        }
        body.extend_from_slice(&bytes[..size]);
        if &bytes[size..size + 2] != b"\r\n" {
            return None;
        }
        bytes = &bytes[size + 2..];
    }
    loop {
        let Some(end) = line(bytes) else { return Some(Outcome::Open(body)) };
        bytes = &bytes[end + 2..];
        if end == 0 {
            return Some(Outcome::Whole(body, bytes.to_vec()));
        }
    }
}

fn check(stream: impl AsRef<[u8]>, expect: Outcome) {
    let stream = stream.as_ref();
    assert_eq!(run(&[stream]), expect, "{:?}", String::from_utf8_lossy(stream));
    // However the network cuts it, the body is the same.
    for first in 0..=stream.len() {
        for second in first..=stream.len() {
            let parts = [&stream[..first], &stream[first..second], &stream[second..]];
            assert_eq!(run(&parts), expect, "cut at {first} and {second}");
        }
    }
    let bytes: Vec<&[u8]> = stream.chunks(1).collect();
    assert_eq!(run(&bytes), expect);
}

fn whole(stream: impl AsRef<[u8]>, body: &str, rest: &str) {
    check(stream, Outcome::Whole(body.into(), rest.into()));
}

fn bad(stream: impl AsRef<[u8]>) {
    check(stream, Outcome::Failed(ChunkError::Malformed));
}

#[test]
fn bodies() {
    whole("0\r\n\r\n", "", "");
    whole("5\r\nhello\r\n0\r\n\r\n", "hello", "");
    whole("5\r\nhello\r\n1\r\n!\r\n0\r\n\r\nHTTP/1.1", "hello!", "HTTP/1.1");
    whole("A\r\n0123456789\r\na\r\n0123456789\r\n000\r\n\r\n", "01234567890123456789", "");
    whole("2\r\n\r\n\r\n0\r\n\r\n", "\r\n", "");
    whole("1;name=\"value\"\r\nx\r\n0 ; last\r\n\r\n", "x", "");
    whole("1  \r\nx\r\n0\t\r\n\r\n", "x", "");
    whole("1\r\nx\r\n0\r\nGrpc-Status: 0\r\nOther: 1\r\n\r\nrest", "x", "rest");
}

#[test]
fn bodies_that_go_on() {
    for open in ["", "1", "1\r", "0\r\n", "0\r\n\r", "0\r\nTrailer: 1\r\n", "5;x"] {
        check(open, Outcome::Open(Vec::new()));
    }
    check("ffffffffffffffff\r\nx", Outcome::Open(b"x".into()));
    check("5\r\nhel", Outcome::Open(b"hel".into()));
    check("3\r\nhel\r", Outcome::Open(b"hel".into()));
}

#[test]
fn what_is_no_chunk() {
    bad("\r\n");
    bad(" 1\r\nx");
    bad(";\r\n");
    bad("g\r\n");
    bad("-1\r\n");
    bad("0x1\r\n");
    bad("1\nx\r\n");
    bad("1\rx");
    bad("1;a\nb\r\n");
    bad("1\r\nxy\r\n");
    bad("1\r\nx\n");
    bad("1\r\nx\r1");
    bad("10000000000000000\r\n");
    bad("0\r\n\n");
    bad("0\r\nTrailer\n");
    bad("0\r\n\r\r");
    bad("0\r\nTrailer\rx");
}

#[test]
fn lines_have_a_bound() {
    let most = usize::try_from(LINE_BYTES).unwrap();
    let size = |zeros: usize| format!("{}1\r\nx\r\n0\r\n\r\n", "0".repeat(zeros));
    assert_eq!(run(&[size(most - 1).as_bytes()]), Outcome::Whole(b"x".into(), Vec::new()));
    assert_eq!(run(&[size(most).as_bytes()]), Outcome::Failed(ChunkError::TooLong));
    let extension = |length: usize| format!("1;{}\r\nx\r\n0\r\n\r\n", "y".repeat(length));
    assert_eq!(run(&[extension(most - 2).as_bytes()]), Outcome::Whole(b"x".into(), Vec::new()));
    assert_eq!(run(&[extension(most - 1).as_bytes()]), Outcome::Failed(ChunkError::TooLong));
    let trailer = |length: usize| format!("0\r\n{}\r\nb: 1\r\n\r\n", "t".repeat(length));
    assert_eq!(run(&[trailer(most).as_bytes()]), Outcome::Whole(Vec::new(), Vec::new()));
    assert_eq!(run(&[trailer(most + 1).as_bytes()]), Outcome::Failed(ChunkError::TooLong));
    let trailers = |count: usize| format!("0\r\n{}\r\n", "t: 1\r\n".repeat(count));
    let most = usize::try_from(TRAILERS_MAX).unwrap();
    assert_eq!(run(&[trailers(most).as_bytes()]), Outcome::Whole(Vec::new(), Vec::new()));
    assert_eq!(run(&[trailers(most + 1).as_bytes()]), Outcome::Failed(ChunkError::TooLong));
}

/// Streams that are chunked, nearly chunked, or cut short.
fn streams() -> impl Strategy<Value = Vec<u8>> {
    let chunk = ("[a-z\r\n]{1,20}", "(;[a-z=]{0,5}|[ \t]{0,2})")
        .prop_map(|(data, extension)| format!("{:x}{extension}\r\n{data}\r\n", data.len()));
    let noise = "[0-9a-f;\r\n]{0,6}".prop_map(String::from);
    let part = prop_oneof![9 => chunk, 1 => noise];
    let end = prop_oneof![Just("0\r\n\r\n"), Just("0\r\na: b\r\n\r\n"), Just("")];
    (proptest::collection::vec(part, 0..6), end, 0..8_usize).prop_map(|(parts, end, cut)| {
        let text = parts.concat() + end;
        let keep = text.len().saturating_sub(if cut < 4 { 0 } else { cut });
        text.as_bytes()[..keep].to_vec()
    })
}

proptest! {
    #[test]
    fn agrees_with_the_naive_decoder(stream in streams(), cuts in proptest::collection::vec(1..9_usize, 1..9)) {
        let mut parts = Vec::new();
        let (mut rest, mut cuts) = (&stream[..], cuts.iter().cycle());
        while !rest.is_empty() {
            let (part, after) = rest.split_at(rest.len().min(*cuts.next().unwrap()));
            parts.push(part);
            rest = after;
        }
        let found = run(&parts);
        prop_assert_eq!(&found, &run(&[&stream]));
        match naive(&stream) {
            // A stream that is cut where the line is already wrong is only waited for by the naive one.
            Some(Outcome::Open(_)) if matches!(found, Outcome::Failed(_)) => {}
            // A line with a stray end in it is taken for longer by the naive one.
            Some(_) if found == Outcome::Failed(ChunkError::Malformed) => {}
            Some(expect) => prop_assert_eq!(found, expect),
            None => prop_assert!(!matches!(found, Outcome::Whole(..))),
        }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(pieces in proptest::collection::vec("[a-z\r\n]{1,40}", 0..9), cut in 0..400_usize) {
        let mut stream = String::new();
        for piece in &pieces {
            stream += &format!("{:X}\r\n{piece}\r\n", piece.len());
        }
        stream += "0\r\n\r\n";
        let (first, second) = stream.as_bytes().split_at(cut.min(stream.len()));
        let expect = Outcome::Whole(pieces.concat().into(), Vec::new());
        prop_assert_eq!(naive(stream.as_bytes()), Some(expect.clone()));
        prop_assert_eq!(run(&[first, second]), expect);
    }
}
