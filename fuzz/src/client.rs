//! What an API server says: heads of answers, and chunked bodies.

use trimeter::http::chunks::{ChunkError, Chunks, Piece};
use trimeter::http::client::{ANSWER_HEAD_BYTES, Framing, RETRY_AFTER_MAX, parse_answer};

/// A chunked body: the first two bytes say where the rest is cut, and the body is the same as of the whole.
pub fn chunks(bytes: &[u8]) {
    let [first, second, stream @ ..] = bytes else { return };
    let (first, second) = (usize::from(*first).min(stream.len()), usize::from(*second).min(stream.len()));
    let (first, second) = (first.min(second), first.max(second));
    let whole = decode(&[stream]);
    assert_eq!(decode(&[&stream[..first], &stream[first..second], &stream[second..]]), whole);
    assert_eq!(decode(&stream.chunks(1).collect::<Vec<_>>()), whole);
    let (Ok((body, _)) | Err((body, _))) = whole;
    assert!(body.len() <= stream.len());
}

/// The body and what follows it, if it has ended; or the body up to where it is wrong, and what is wrong.
type Decoded = Result<(Vec<u8>, Option<Vec<u8>>), (Vec<u8>, ChunkError)>;

fn decode(parts: &[&[u8]]) -> Decoded {
    let mut chunks = Chunks::new();
    let mut body = Vec::new();
    let mut rest: Option<Vec<u8>> = None;
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
                    rest.get_or_insert_default().extend_from_slice(&part[at..]);
                    break;
                }
                Err(error) => return Err((body, error)),
            }
        }
    }
    Ok((body, rest))
}

/// The head of an answer: a complete one stays complete whatever comes behind it, and is none before its last byte.
pub fn answer_head(bytes: &[u8]) {
    match parse_answer(bytes) {
        Ok(Some(head)) => {
            assert!(head.bytes <= bytes.len() && head.bytes <= ANSWER_HEAD_BYTES);
            assert!((100..1000).contains(&head.status) && head.status != 101);
            assert!(!head.keep_alive || head.framing != Framing::UntilClose);
            assert!(head.retry_after.is_none_or(|time| time <= RETRY_AFTER_MAX));
            for end in [0, 1, head.bytes / 2, head.bytes.saturating_sub(1)] {
                assert_eq!(parse_answer(&bytes[..end]), Ok(None), "cut at {end}");
            }
            assert_eq!(parse_answer(&bytes[..head.bytes]), Ok(Some(head)));
        }
        Ok(None) => assert!(bytes.len() < ANSWER_HEAD_BYTES),
        Err(error) => assert!(!error.label().is_empty()),
    }
}
