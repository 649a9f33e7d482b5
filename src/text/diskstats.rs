//! What block devices have done, `/proc/diskstats`.
//!
//! Format (Documentation/admin-guide/iostats.rst): major, minor, name and 11 numbers; 15 since Linux 4.18 (discards),
//! 17 since 5.5 (flushes). More columns than that are not understood and left out.

use super::{unsigned, words};

/// Numbers of a line that are understood.
pub const NUMBERS_MAX: usize = 17;

/// Fewer numbers than this are the short lines of partitions before Linux 2.6.25.
const NUMBERS_MIN: usize = 11;

/// Room for the file of a machine with this many disks, each in four partitions: most lines have less than 150 bytes.
pub const fn bytes_max(disks: u32) -> u32 {
    let bytes = 4 * disks * 192;
    if bytes < 32 * 1024 { 32 * 1024 } else { bytes }
}

/// Major, minor, name and the words after them.
pub fn device(line: &[u8]) -> Option<(u64, u64, &[u8], impl Iterator<Item = &[u8]>)> {
    let mut words = words(line);
    let major = words.next().and_then(unsigned)?;
    let minor = words.next().and_then(unsigned)?;
    let name = words.next()?;
    Some((major, minor, name, words))
}

/// The numbers of a line, in its order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    values: [u64; NUMBERS_MAX],
    count: usize,
}

impl Numbers {
    pub fn as_slice(&self) -> &[u64] {
        &self.values[..self.count]
    }
}

/// `None`: a number is missing or not understood.
pub fn numbers<'a>(words: impl Iterator<Item = &'a [u8]>) -> Option<Numbers> {
    let mut numbers = Numbers::default();
    for (slot, word) in numbers.values.iter_mut().zip(words) {
        *slot = unsigned(word)?;
        numbers.count += 1;
    }
    (numbers.count >= NUMBERS_MIN).then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_device_and_its_numbers() {
        let check = |line: &str, expect: Option<(u64, u64, &str, Option<&[u64]>)>| {
            let found = device(line.as_bytes()).map(|(major, minor, name, words)| {
                (major, minor, String::from_utf8_lossy(name).into_owned(), numbers(words))
            });
            let found = found.as_ref().map(|(major, minor, name, numbers)| {
                (*major, *minor, name.as_str(), numbers.as_ref().map(Numbers::as_slice))
            });
            assert_eq!(found, expect, "{line}");
        };
        check(
            "   8       0 sda 1 2 3 4 5 6 7 8 9 10 11",
            Some((8, 0, "sda", Some(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]))),
        );
        let long = "8 0 sda 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 18446744073709551615 x";
        let mut expect: Vec<u64> = (0..16).collect();
        expect.push(u64::MAX);
        check(long, Some((8, 0, "sda", Some(&expect))));
        check("8 1 sda1 1 2 3 4", Some((8, 1, "sda1", None)));
        check("8 0 sda 1 2 3 4 5 6 7 8 9 10 x", Some((8, 0, "sda", None)));
        check("8 0 sda 1 2 3 4 5 6 7 8 9 10 18446744073709551616", Some((8, 0, "sda", None)));
        check("8 0", None);
        check("8 x sda 1", None);
        check("", None);
    }
}
