//! Amounts of memory: `1048576`, `64MiB`, `200MB`, `1.5GiB`.

use super::duration::scaled;

/// Decimal and binary units by their first letter.
const LETTERS: [char; 5] = ['k', 'm', 'g', 't', 'p'];

/// A number and a unit: none or `B`; `k`, `kB`, `M`, `MB`… count in thousands; `Ki`, `KiB`, `Mi`, `MiB`… in 1024s.
/// Upper and lower case are the same.
pub(super) fn parse(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    u64::try_from(scaled(number, unit_bytes(unit)?)?).ok()
}

fn unit_bytes(unit: &str) -> Option<u64> {
    let unit = unit.to_ascii_lowercase();
    let unit = unit.strip_suffix('b').unwrap_or(&unit);
    let mut letters = unit.chars();
    let Some(letter) = letters.next() else { return Some(1) };
    let power = u32::try_from(LETTERS.iter().position(|known| *known == letter)?).ok()? + 1;
    match letters.as_str() {
        "" => Some(1000_u64.pow(power)),
        "i" => Some(1024_u64.pow(power)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_unit() {
        for (text, bytes) in [
            ("0", 0),
            ("7", 7),
            ("7B", 7),
            ("2k", 2000),
            ("2K", 2000),
            ("2kB", 2000),
            ("2KB", 2000),
            ("2Ki", 2048),
            ("2KiB", 2048),
            ("64MiB", 64 << 20),
            ("200MB", 200_000_000),
            ("1.5GiB", 3 << 29),
            ("3GB", 3_000_000_000),
            ("1TiB", 1 << 40),
            ("1PB", 1_000_000_000_000_000),
            (".5k", 500),
            ("18446744073709551615", u64::MAX),
        ] {
            assert_eq!(parse(text), Some(bytes), "{text}");
        }
        for text in [
            "",
            "B",
            "MiB",
            "-1",
            "+1",
            "1 MiB",
            "1XB",
            "1KiBB",
            "1iB",
            "1e3",
            "18446744073709551616",
            "16384PiB",
            "1.2.3k",
            "0x10",
            "1KK",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "[0-9.kKmMiIbB]{0,30}|\\PC{0,30}") {
            if let Some(bytes) = parse(&text) {
                prop_assert_eq!(parse(&bytes.to_string()), Some(bytes));
            }
        }
    }
}
