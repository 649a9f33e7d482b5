//! bcache: `/sys/fs/bcache/<uuid>` with folders for backing devices and caches (Documentation/admin-guide/bcache.rst).
//!
//! Many numbers are written for people by bch_hprint() of the kernel: "20.4G", "427.5k".

use crate::collect::{Collect, Collector, Pass, Setup, Trouble};
use crate::family::{Family, Table, check, counter, gauge};
use crate::flags::{Flag, FlagKind};
use crate::io::{Names, ReadError, Root};
use crate::text::{lines, split_once, trim, unsigned};

pub const COLLECTOR: Collector = Collector {
    name: "bcache",
    default: true,
    files: &[],
    tables: &[
        Table::rows("bcache", |limits| limits.small_devices, 64, SET),
        Table::rows("bcache_backing", |limits| limits.small_devices, 128, BACKING),
        Table::rows("bcache_caches", |limits| limits.small_devices, 128, CACHE),
    ],
    flags: &[Flag {
        name: PRIORITY,
        kind: FlagKind::Bool,
        default: "false",
        help: "Read bcache's priority statistics too, which costs the kernel a walk over all buckets.",
    }],
    make,
};

const PRIORITY: &str = "collector.bcache.priorityStats";

/// The key is the path of the file.
const SET: &[Family] = &[
    gauge("node_bcache_average_key_size_sectors", "Sectors of a key, on average.").key("average_key_size"),
    gauge("node_bcache_btree_cache_size_bytes", "Memory of the tree's cache.").key("btree_cache_size"),
    gauge("node_bcache_cache_available_percent", "Part of the cache without dirty data.")
        .key("cache_available_percent"),
    gauge("node_bcache_congested", "Congestion of the cache.").key("congested"),
    gauge("node_bcache_root_usage_percent", "Part of the root node in use.").key("root_usage_percent"),
    gauge("node_bcache_tree_depth", "Depth of the tree.").key("tree_depth"),
    gauge("node_bcache_active_journal_entries", "Journal entries newer than the tree.")
        .key("internal/active_journal_entries"),
    gauge("node_bcache_btree_nodes", "Nodes of the tree.").key("internal/btree_nodes"),
    // The file says microseconds and the peer takes it for nanoseconds; dashboards are drawn over the peer's number.
    gauge("node_bcache_btree_read_average_duration_seconds", "Time that reading the tree takes, on average.")
        .key("internal/btree_read_average_duration_us")
        .decimals(9),
    counter("node_bcache_cache_read_races_total", "Buckets that were reused while they were read.")
        .key("internal/cache_read_races"),
];
const BACKING: &[Family] = &[
    gauge("node_bcache_dirty_data_bytes", "Dirty bytes in the cache.").key("dirty_data"),
    gauge("node_bcache_dirty_target_bytes", "Dirty bytes that are aimed at.").key("target"),
    gauge("node_bcache_writeback_rate", "Bytes a second that are written back.").key("rate"),
    gauge("node_bcache_writeback_rate_proportional_term", "Proportional term of the rate.")
        .key("proportional")
        .signed(),
    gauge("node_bcache_writeback_rate_integral_term", "Integral term of the rate.").key("integral").signed(),
    gauge("node_bcache_writeback_change", "Newest change of the rate.").key("change").signed(),
    counter("node_bcache_bypassed_bytes_total", "Bytes that went past the cache.")
        .key("stats_total/bypassed"),
    counter("node_bcache_cache_hits_total", "Requests the cache answered.").key("stats_total/cache_hits"),
    counter("node_bcache_cache_misses_total", "Requests the cache could not answer.")
        .key("stats_total/cache_misses"),
    counter("node_bcache_cache_bypass_hits_total", "Hits of requests that were to go past the cache.")
        .key("stats_total/cache_bypass_hits"),
    counter("node_bcache_cache_bypass_misses_total", "Misses of requests that were to go past the cache.")
        .key("stats_total/cache_bypass_misses"),
    counter("node_bcache_cache_miss_collisions_total", "Misses that a write overtook.")
        .key("stats_total/cache_miss_collisions"),
    counter("node_bcache_cache_readaheads_total", "Reads ahead.").key(READAHEADS),
];
const CACHE: &[Family] = &[
    gauge("node_bcache_io_errors", "Errors, fading with time.").key("io_errors"),
    counter("node_bcache_metadata_written_bytes_total", "Bytes written that are no data.")
        .key("metadata_written"),
    counter("node_bcache_written_bytes_total", "Bytes of data written to the cache.").key("written"),
    gauge("node_bcache_priority_stats_unused_percent", "Part of the cache without data.").key("Unused"),
    gauge("node_bcache_priority_stats_metadata_percent", "Part of the cache that is no data.")
        .key("Metadata"),
];
const _: () = check(SET);
const _: () = check(BACKING);
const _: () = check(CACHE);

/// Shown when there are any: newer kernels have none, and neither has the peer then.
const READAHEADS: &str = "stats_total/cache_readaheads";
/// Lines of `writeback_rate_debug` that are shown.
const RATES: [&str; 5] = ["rate", "target", "proportional", "integral", "change"];

fn make(setup: &Setup<'_>) -> Box<dyn Collect> {
    let devices = setup.limits.small_devices as usize;
    Box::new(Bcache {
        sets: Names::with_capacity(devices + 8),
        entries: Names::with_capacity(devices + 64),
        priority: setup.flags.bool(PRIORITY),
    })
}

struct Bcache {
    sets: Names,
    entries: Names,
    priority: bool,
}

const FOLDER: &[u8] = b"fs/bcache/";

impl Collect for Bcache {
    fn collect(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        match pass.io.list(Root::Sys, &[b"fs/bcache"], &mut self.sets) {
            // No bcache in this kernel is no trouble, as with the peer.
            Err(ReadError::Missing) => return Ok(()),
            other => other?,
        }
        if !(0..3).any(|table| pass.out.serves(table)) {
            return Ok(());
        }
        // Beside the sets there are the files "register" and "register_quiet".
        for uuid in self.sets.iter().filter(|name| name.contains(&b'-')) {
            set_files(0, SET, &[FOLDER, uuid], &[("uuid", uuid)], pass);
            if pass.io.list(Root::Sys, &[FOLDER, uuid], &mut self.entries).is_err() {
                continue;
            }
            for entry in self.entries.iter() {
                let numbered = |prefix: &[u8]| entry.strip_prefix(prefix).and_then(unsigned).is_some();
                let folder: &[&[u8]] = &[FOLDER, uuid, b"/", entry];
                if numbered(b"bdev") {
                    let labels = [("backing_device", entry), ("uuid", uuid)];
                    set_files(1, BACKING, folder, &labels, pass);
                    set_rates(folder, &labels, pass);
                } else if numbered(b"cache") {
                    let labels = [("cache_device", entry), ("uuid", uuid)];
                    set_files(2, CACHE, folder, &labels, pass);
                    if self.priority {
                        set_priority(folder, &labels, pass);
                    }
                }
            }
        }
        Ok(())
    }
}

/// Sets every number that is a file of its own: keys without a capital letter, save those of [`RATES`].
fn set_files(
    table: usize,
    families: &[Family],
    folder: &[&[u8]],
    labels: &[(&str, &[u8])],
    pass: &mut Pass<'_>,
) {
    for family in families {
        if RATES.contains(&family.key) || family.key.starts_with(|first: char| first.is_ascii_uppercase()) {
            continue;
        }
        let Some(value) = read(folder, family.key.as_bytes(), pass, human) else { continue };
        let Some(value) = value.and_then(|value| u64::try_from(value).ok()) else {
            pass.out.malformed();
            continue;
        };
        if value > 0 || family.key != READAHEADS {
            pass.out.table(table).row(labels).set(family.key, value);
        }
    }
}

/// What `parse` makes of a file; `None`: there is no such file.
fn read<T>(folder: &[&[u8]], file: &[u8], pass: &mut Pass<'_>, parse: fn(&[u8]) -> T) -> Option<T> {
    let mut pieces: [&[u8]; 6] = [b""; 6];
    let count = folder.len().min(4);
    pieces[..count].copy_from_slice(&folder[..count]);
    pieces[count] = b"/";
    pieces[count + 1] = file;
    pass.io.read(Root::Sys, &pieces[..count + 2]).ok().map(parse)
}

/// Lines "rate:           1.1M/sec".
fn set_rates(folder: &[&[u8]], labels: &[(&str, &[u8])], pass: &mut Pass<'_>) {
    let values = read(folder, b"writeback_rate_debug", pass, |text| {
        RATES.map(|key| {
            let line = lines(text).find_map(|line| line.strip_prefix(key.as_bytes())?.strip_prefix(b":"))?;
            let value = trim(line);
            Some(human(value.strip_suffix(b"/sec").unwrap_or(value)))
        })
    });
    let Some(values) = values else { return };
    let mut malformed = 0_u64;
    let mut table = pass.out.table(1);
    let mut row = table.row(labels);
    for (key, value) in RATES.iter().zip(values) {
        let Some(value) = value else { continue };
        let known = match (*key, value) {
            ("rate" | "target", Some(value)) => u64::try_from(value).is_ok_and(|value| row.set(key, value)),
            (_, Some(value)) => row.set_signed(key, value),
            (_, None) => false,
        };
        malformed += u64::from(!known);
    }
    pass.out.malformed_by(malformed);
}

/// Lines "Unused:         99%".
fn set_priority(folder: &[&[u8]], labels: &[(&str, &[u8])], pass: &mut Pass<'_>) {
    const KEYS: [&str; 2] = ["Unused", "Metadata"];
    let values = read(folder, b"priority_stats", pass, |text| {
        KEYS.map(|key| {
            let line = lines(text).find_map(|line| line.strip_prefix(key.as_bytes())?.strip_prefix(b":"))?;
            unsigned(trim(line).strip_suffix(b"%")?)
        })
    });
    for (key, value) in KEYS.iter().zip(values.unwrap_or_default()) {
        if let Some(value) = value {
            pass.out.table(2).row(labels).set(key, value);
        }
    }
}

/// The number of bch_hprint(): whole, or with one of its letters for 1024, 1024², …
///
/// The digits after its point are 1024ths that were divided by 100 and not tenths: "1.10" is more than "1.9". They are
/// put back in order as the peer does, so that both programs show the same number.
fn human(text: &[u8]) -> Option<i64> {
    let text = trim(text);
    let (last, digits) = text.split_last()?;
    let power = match last {
        b'0'..=b'9' => 0,
        _ => 1 + b"kMGTPEZY".iter().position(|letter| letter == last)?,
    };
    let digits = if power == 0 { text } else { digits };
    let negative = digits.starts_with(b"-");
    let digits = digits.strip_prefix(b"-").unwrap_or(digits);
    let size = if power == 0 {
        i64::try_from(unsigned(digits)?).ok()?
    } else {
        let (whole, fraction) = split_once(digits, b'.').unwrap_or((digits, b"0"));
        let (whole, fraction) = (unsigned(whole)?, unsigned(fraction)?);
        // whole + fraction / 10.24, in 1024ths of the unit's 100th part, without rounding before the end.
        let parts =
            u128::from(whole).checked_mul(1024)?.checked_add(u128::from(fraction).checked_mul(100)?)?;
        let unit = 1024_u128.checked_pow(u32::try_from(power).ok()?)?;
        i64::try_from(parts.checked_mul(unit)? / 1024).ok()?
    };
    Some(if negative { -size } else { size })
}

#[cfg(test)]
mod tests {
    use super::{PRIORITY, human};
    use crate::io::replay::Replay;
    use crate::node::testing::{Bench, check};

    #[test]
    fn numbers_for_people() {
        let check = |text: &str, expect| assert_eq!(human(text.as_bytes()), expect, "{text}");
        check("512\n", Some(512));
        check("-7", Some(-7));
        check("20.4G", Some(21_894_266_880));
        check("427.5k", Some(437_748));
        check("-1.1M", Some(-1_150_976));
        check("3k", Some(3072));
        check("9999999999Y", None);
        check("18446744073709551615", None);
        for text in ["", "k", "x", "1.5", "1.x", "1.2.3k", "--1", "1q"] {
            check(text, None);
        }
    }

    const FILES: &[(&str, &str)] = &[
        ("sys/fs/bcache/register", ""),
        ("sys/fs/bcache/a-b/tree_depth", "1\n"),
        ("sys/fs/bcache/a-b/btree_cache_size", "1k\n"),
        ("sys/fs/bcache/a-b/congested", "x\n"),
        ("sys/fs/bcache/a-b/internal/btree_read_average_duration_us", "1305\n"),
        ("sys/fs/bcache/a-b/bdev0/dirty_data", "0\n"),
        ("sys/fs/bcache/a-b/bdev0/stats_total/cache_hits", "546\n"),
        ("sys/fs/bcache/a-b/bdev0/stats_total/cache_readaheads", "0\n"),
        (
            "sys/fs/bcache/a-b/bdev0/writeback_rate_debug",
            "rate:\t\t1k/sec\ndirty: 1G\ntarget: 2k\nproportional: -1k\nintegral: x\nnext io: 17ms\n",
        ),
        ("sys/fs/bcache/a-b/cache0/written", "7\n"),
        ("sys/fs/bcache/a-b/cache0/priority_stats", "Unused:\t\t99%\nMetadata:\tx%\n"),
        ("sys/fs/bcache/a-b/bdevx/dirty_data", "1\n"),
    ];

    const EXPECT: &str = r#"node_bcache_btree_cache_size_bytes{uuid="a-b"} 1024
node_bcache_tree_depth{uuid="a-b"} 1
node_bcache_btree_read_average_duration_seconds{uuid="a-b"} 0.000001305
node_bcache_dirty_data_bytes{backing_device="bdev0",uuid="a-b"} 0
node_bcache_dirty_target_bytes{backing_device="bdev0",uuid="a-b"} 2048
node_bcache_writeback_rate{backing_device="bdev0",uuid="a-b"} 1024
node_bcache_writeback_rate_proportional_term{backing_device="bdev0",uuid="a-b"} -1024
node_bcache_cache_hits_total{backing_device="bdev0",uuid="a-b"} 546
node_bcache_written_bytes_total{cache_device="cache0",uuid="a-b"} 7"#;

    #[test]
    fn sets_have_backing_devices_and_caches() {
        check("bcache", FILES, EXPECT);
        check("bcache", &[], "");
    }

    #[test]
    fn priority_statistics_are_asked_for() {
        let (result, text) = Bench::new("bcache", Replay::with(FILES), &[(PRIORITY, "true")]).pass();
        assert_eq!(result, Ok(()));
        let more = r#"node_bcache_priority_stats_unused_percent{cache_device="cache0",uuid="a-b"} 99"#;
        assert_eq!(text, format!("{EXPECT}\n{more}"));
    }
}
