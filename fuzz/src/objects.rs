//! How Kubernetes writes single values: amounts, times, schedules, names.

use trimeter::base::text::Text;
use trimeter::text::cron::{self, Next, Zone};
use trimeter::text::label_name::{self, LabelNames};
use trimeter::text::quantity::{Quantity, SCALE_MAX};
use trimeter::text::{allow, go_number, ip, lines, resource_name, rfc3339, shard, zones};

/// Amounts and other numbers: the three values of an amount agree with each other, and decimals with the standard
/// library.
pub fn quantity(bytes: &[u8]) {
    if let Some(quantity) = Quantity::parse(bytes) {
        assert!(quantity.scale() <= SCALE_MAX);
        assert_eq!(Quantity::from_parts(quantity.mantissa(), quantity.scale()), quantity);
        let (whole, milli, near) = (quantity.value() as f64, quantity.milli_rule(), quantity.approximate());
        assert!((whole - near).abs() <= 1.0 + near.abs() * 1e-15, "{whole} {near}");
        assert!((milli - near).abs() <= 1.0 + near.abs() * 1e-15, "{milli} {near}");
        assert_eq!(quantity.mantissa().signum(), quantity.value().signum());
    }
    let number = go_number::float(bytes);
    let is_plain =
        bytes.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'-' | b'+'));
    if is_plain {
        let oracle = std::str::from_utf8(bytes).ok().and_then(|text| text.parse::<f64>().ok());
        assert_eq!(number, oracle.filter(|number| number.is_finite()));
    }
    let hash = shard::fnv1a64(bytes);
    let shards = u32::try_from(hash % 1000).unwrap() + 1;
    assert!(shard::jump(hash, shards) < shards);
    assert!(ip::family(bytes).is_none_or(|family| ["4", "6"].contains(&family)));
}

/// Moments: of no more than the years that there are; and names, each of them once.
pub fn times(bytes: &[u8]) {
    if let Some(seconds) = rfc3339::unix_seconds(bytes) {
        assert!((rfc3339::ZERO - 90_000..253_402_390_800).contains(&seconds));
        // A second later is one more.
        let mut later = bytes.to_vec();
        if let Some(digit) = later.get_mut(18).filter(|digit| (b'0'..b'9').contains(digit))
            && bytes[13] == b':'
        {
            *digit += 1;
            assert_eq!(rfc3339::unix_seconds(&later), Some(seconds + 1));
        }
    }
    let mut names = LabelNames::<16, 2048>::new();
    for key in lines(bytes) {
        let mut alone = Text::<128>::new();
        let fits = label_name::sanitise(b"label_", key, &mut alone).is_ok();
        assert!(alone.is_empty() || (fits && alone.len() >= 6));
        if let Ok(index) = names.add(b"label_", key) {
            assert_eq!(index + 1, names.len());
        }
        let mut value = Text::<64>::new();
        if resource_name::sanitise(key, &mut value).is_ok() {
            assert!(value.len() <= key.len());
        }
        resource_name::unit_of_node(key);
    }
    for one in 0..names.len() {
        assert!((0..one).all(|other| names.name(other) != names.name(one)));
    }
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(lists) = allow::AllowLists::parse(text)
    {
        for (_, patterns) in lists.iter() {
            assert!(
                patterns.iter().all(|pattern| pattern == "*" || allow::matches(patterns, pattern.as_bytes()))
            );
        }
    }
}

/// Clocks that are changed at odd times by odd amounts, as the bytes have it.
struct Clocks<'a>(&'a [u8]);

impl Zone for Clocks<'_> {
    fn offset_at(&self, unix: i64) -> i32 {
        let at = usize::try_from((unix >> 20) & 0xf).unwrap_or(0);
        self.0.get(at).map_or(0, |byte| (i32::from(*byte) - 128) * 900)
    }
}

/// Schedules: runs are after the moment asked about, in order, at the beginning of a minute, and no clock keeps the
/// search from its end.
pub fn cron(bytes: &[u8]) {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let (text, rest) = (&bytes[..end], bytes.get(end + 1..).unwrap_or(b""));
    let (first, clocks) = rest.split_first_chunk::<8>().unwrap_or((&[0; 8], rest));
    let moment = i64::from_le_bytes(*first);
    let zone = zones::find(clocks);
    assert!(zone.is_none_or(|zone| zone.offset_at(moment).abs() < 86_400));
    let Some(schedule) = cron::parse(text) else { return };
    schedule.next(moment, &Clocks(clocks));
    schedule.next(1_700_000_000, &Clocks(clocks));
    let mut after = moment.rem_euclid(4_000_000_000);
    for _ in 0..3 {
        let Next::At(next) = schedule.next(after, &schedule.zone().unwrap_or(zones::UTC)) else { return };
        assert!(next > after);
        assert!(next % 60 == 0 || text.windows(6).any(|part| part == b"@every"));
        after = next;
    }
}
