//! Kernel file shapes: lines, words, numbers, flat keyed files; and how Kubernetes writes amounts, times and
//! schedules. Pure functions over bytes, no allocation.

pub mod allow;
pub mod attribute;
pub mod attributes;
pub mod cron;
pub mod date;
pub mod diskstats;
pub mod errno;
pub mod glob;
pub mod go_number;
pub mod ip;
pub mod label_name;
pub mod mountinfo;
pub mod netdev;
pub mod os_release;
pub mod quantity;
pub mod resource_name;
pub mod rfc3339;
pub mod shard;
pub mod timezone;
pub mod zones;

/// The lines of a text, without their newline; an empty last line is none.
pub fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let line = &rest[..end];
        rest = rest.get(end + 1..).unwrap_or(b"");
        Some(line)
    })
}

/// The words of a line: what stands between spaces and tabs.
pub fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
    line.split(|byte| matches!(byte, b' ' | b'\t' | b'\n')).filter(|word| !word.is_empty())
}

/// The text without white space at its ends.
pub const fn trim(text: &[u8]) -> &[u8] {
    text.trim_ascii()
}

/// A decimal number; `None` for an empty text, another letter or more than 2^64-1.
pub fn unsigned(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    let mut value = 0_u64;
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    Some(value)
}

/// A decimal number that may have a sign.
pub fn signed(text: &[u8]) -> Option<i64> {
    match text {
        [b'-', digits @ ..] => {
            let size = unsigned(digits)?;
            0_i64.checked_sub_unsigned(size)
        }
        [b'+', digits @ ..] | digits => i64::try_from(unsigned(digits)?).ok(),
    }
}

/// A hexadecimal number without a prefix, at most 16 digits.
pub fn hex(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 16 {
        return None;
    }
    let mut value = 0_u64;
    for byte in text {
        let digit = (*byte as char).to_digit(16)?;
        value = value << 4 | u64::from(digit);
    }
    Some(value)
}

/// A float as `str::parse` reads it, without `inf`, `nan` and the like unless the text says so.
pub fn float(text: &[u8]) -> Option<f64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Cuts a text at the first `byte`: what stands before and after it.
pub fn split_once(text: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let at = memchr::memchr(byte, text)?;
    Some((&text[..at], &text[at + 1..]))
}

/// A list of ranges such as `0-3,7`, as cpumask files have them; bad pieces are left out. Calls `each` at most
/// `limit` times.
pub fn ranges(text: &[u8], limit: u32, mut each: impl FnMut(u32)) {
    let mut left = limit;
    for piece in trim(text).split(|byte| *byte == b',') {
        let (first, last) = split_once(piece, b'-').unwrap_or((piece, piece));
        let number = |text| unsigned(text).and_then(|number| u32::try_from(number).ok());
        let (Some(first), Some(last)) = (number(first), number(last)) else { continue };
        for value in first..=last {
            if left == 0 {
                return;
            }
            left -= 1;
            each(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_words() {
        assert_eq!(lines(b"a\nb").collect::<Vec<_>>(), [b"a", b"b"]);
        assert_eq!(lines(b"a\n\nb\n").collect::<Vec<_>>(), [&b"a"[..], b"", b"b"]);
        assert_eq!(lines(b"").count(), 0);
        assert_eq!(words(b"  a \tb  ").collect::<Vec<_>>(), [b"a", b"b"]);
    }

    #[test]
    fn numbers_have_bounds() {
        assert_eq!(unsigned(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(unsigned(b"18446744073709551616"), None);
        assert_eq!(unsigned(b""), None);
        assert_eq!(unsigned(b"1x"), None);
        assert_eq!(unsigned(b"-1"), None);
        assert_eq!(signed(b"-9223372036854775808"), Some(i64::MIN));
        assert_eq!(signed(b"-9223372036854775809"), None);
        assert_eq!(signed(b"9223372036854775808"), None);
        assert_eq!(signed(b"+7"), Some(7));
        assert_eq!(hex(b"ffffffffffffffff"), Some(u64::MAX));
        assert_eq!(hex(b"10000000000000000"), None);
        assert_eq!(hex(b"0x1"), None);
        assert_eq!(float(b"0.21"), Some(0.21));
        assert_eq!(float(b"\xff"), None);
    }

    #[test]
    fn ranges_are_bounded() {
        let collect = |text: &[u8], limit| {
            let mut found = Vec::new();
            ranges(text, limit, |value| found.push(value));
            found
        };
        assert_eq!(collect(b"0-2,7\n", 99), [0, 1, 2, 7]);
        assert_eq!(collect(b"0-4294967295", 3), [0, 1, 2]);
        assert_eq!(collect(b"3-1,x,,5-", 9), Vec::<u32>::new());
    }
}
