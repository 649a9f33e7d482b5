//! What a distribution says it is, `os-release`.
//!
//! Format (os-release(5)): `KEY=value` as a shell would read it, one a line, `#` begins a comment.

use super::{lines, split_once, trim};
use crate::base::text::Text;

/// Where the file is below the root file system; the first that is there counts.
pub const PATHS: [&str; 2] = ["etc/os-release", "usr/lib/os-release"];

/// The longest file that is read.
pub const FILE_BYTES: usize = 16 * 1024;

/// The keys and their values, which are still quoted. `None`: a line that is not understood.
pub fn assignments(text: &[u8]) -> impl Iterator<Item = Option<(&[u8], &[u8])>> {
    let lines = lines(text).map(trim).filter(|line| !line.is_empty() && line[0] != b'#');
    lines.map(|line| {
        let (key, value) = split_once(line, b'=')?;
        Some((trim(key.strip_prefix(b"export ").unwrap_or(key)), value))
    })
}

/// Reads a value as a shell does: quotes of both kinds, backslashes, up to a space that is not quoted. `None`: a
/// quote is not closed, or the value does not fit.
pub fn unquote<const N: usize>(text: &[u8], value: &mut Text<N>) -> Option<()> {
    let mut quote = None;
    let mut bytes = trim(text).iter().copied();
    while let Some(byte) = bytes.next() {
        match (quote, byte) {
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b' ' | b'\t') => return Some(()),
            (Some(open), _) if byte == open => quote = None,
            (Some(b'"'), b'\\') => {
                let escaped = bytes.next()?;
                // Between double quotes a backslash stands for itself before any other letter.
                if !matches!(escaped, b'"' | b'\\' | b'$' | b'`') {
                    value.push(b"\\").ok()?;
                }
                value.push([escaped]).ok()?;
            }
            (None, b'\\') => value.push([bytes.next()?]).ok()?,
            _ => value.push([byte]).ok()?,
        }
    }
    if quote.is_some() { None } else { Some(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_assignments() {
        let text = b"# own\n\n NAME=\"a\"\nexport ID = b\nbad\nX==\n";
        let found: Vec<_> = assignments(text).collect();
        let expect = [Some((&b"NAME"[..], &b"\"a\""[..])), Some((b"ID", b" b")), None, Some((b"X", b"="))];
        assert_eq!(found, expect);
    }

    #[test]
    fn values_are_unquoted() {
        let check = |text: &[u8], expect: Option<&str>| {
            let mut value = Text::<128>::new();
            let result = unquote(text, &mut value).map(|()| value.as_str().to_owned());
            assert_eq!(result.as_deref(), expect);
        };
        check(b"debian", Some("debian"));
        check(b"\"a b\" # c", Some("a b"));
        check(b"'a \\ \"b'", Some("a \\ \"b"));
        check(b"\"\\$x \\n \\`\"", Some("$x \\n `"));
        check(b"a\\ b'c'\"d\"", Some("a bcd"));
        check(b"", Some(""));
        check(b"\"open", None);
        check(b"\"open\\", None);
        check("x".repeat(129).as_bytes(), None);
    }
}
