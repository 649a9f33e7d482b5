//! Attributes of sysfs: small files that hold one value, in folders that are numbered.

use super::trim;

/// The peer reads an attribute with one read(2) of this many bytes; what is longer is cut there by both.
pub const ATTRIBUTE_BYTES: usize = 128;

/// The value of an attribute: what the first read(2) gives.
pub fn raw(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len().min(ATTRIBUTE_BYTES)]
}

/// [`raw`] without white space at its ends.
pub fn value(bytes: &[u8]) -> &[u8] {
    trim(raw(bytes))
}

/// What follows `prefix` in a name, if that begins with a digit: `0` of `thermal_zone0`.
pub fn numbered<'a>(name: &'a [u8], prefix: &str) -> Option<&'a [u8]> {
    name.strip_prefix(prefix.as_bytes()).filter(|rest| rest.first().is_some_and(u8::is_ascii_digit))
}

/// The digits a text begins with.
pub fn digits(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_cut_and_trimmed() {
        assert_eq!(value(b" 1 \n"), b"1");
        assert_eq!(value(b""), b"");
        assert_eq!(value(&[b'x'; 200]).len(), 128);
        assert_eq!(raw(b"a\n"), b"a\n");
    }

    #[test]
    fn numbered_names() {
        assert_eq!(numbered(b"mc10", "mc"), Some(&b"10"[..]));
        assert_eq!(numbered(b"mc", "mc"), None);
        assert_eq!(numbered(b"mcx", "mc"), None);
        assert_eq!(numbered(b"power", "mc"), None);
        assert_eq!(digits(b"12_ce_count"), b"12");
        assert_eq!(digits(b"x"), b"");
    }
}
