//! OpenZFS: the kstat files of `/proc/spl/kstat/zfs` and of each pool's folder there.
//!
//! Format: a line about the file, a line "name type data", and lines "hits 4 123", where type 3 is signed and 4 is
//! unsigned, both of 64 bits. A pool's `io` has a line of names and a line of numbers; its `state` is one word.

use crate::base::text::Text;
use crate::collect::{Collect, Collector, Pass, Setup, Trouble};
use crate::family::{Family, Kind, Table, check, gauge};
use crate::io::{Names, Root};
use crate::text::{lines, signed, trim, unsigned, words};

pub const COLLECTOR: Collector = Collector {
    name: "zfs",
    default: true,
    files: &[],
    tables: &[
        Table::rows("zfs_pools", |limits| limits.small_devices, 280, POOL),
        // The keys are the kernel module's own and differ by version; the essential one is in the table above.
        Table::named(
            "zfs",
            |limits| limits.kernel_rows.saturating_mul(2),
            320,
            |limits| limits.kernel_rows.min(32_768),
            Some(&[]),
        ),
    ],
    flags: &[],
    make,
};

const POOL: &[Family] = &[gauge("node_zfs_zpool_state", "Is the pool in this state?")
    .key("state")
    .split("state", &STATES)
    .essential()];
const _: () = check(POOL);

const STATES: [&str; 7] = ["online", "degraded", "faulted", "offline", "removed", "unavail", "suspended"];

/// Files of the module as a whole, and what their numbers' names begin with.
const FILES: &[(&str, &str)] = &[
    ("abdstats", "node_zfs_abd_"),
    ("arcstats", "node_zfs_arc_"),
    ("dbufstats", "node_zfs_dbuf_"),
    ("dmu_tx", "node_zfs_dmu_tx_"),
    ("dnodestats", "node_zfs_dnode_"),
    ("fm", "node_zfs_fm_"),
    ("vdev_cache_stats", "node_zfs_vdev_cache_"),
    ("vdev_mirror_stats", "node_zfs_vdev_mirror_"),
    ("xuio_stats", "node_zfs_xuio_"),
    ("zfetchstats", "node_zfs_zfetch_"),
    ("zil", "node_zfs_zil_"),
];

const FOLDER: &[u8] = b"spl/kstat/zfs/";
const FILE_BYTES: usize = 64 * 1024;
/// Columns of a pool's `io`; there are 12.
const COLUMNS: usize = 32;
const SERIES: usize = 1;

fn make(setup: &Setup<'_>) -> Box<dyn Collect> {
    Box::new(Zfs {
        entries: Names::with_capacity(setup.limits.small_devices as usize + 64),
        pool: Names::with_capacity(setup.limits.kernel_rows as usize),
        buffer: Vec::with_capacity(FILE_BYTES),
    })
}

struct Zfs {
    entries: Names,
    /// What is in a pool's folder: among others a file for each dataset.
    pool: Names,
    buffer: Vec<u8>,
}

impl Collect for Zfs {
    fn collect(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        pass.io.list(Root::Proc, &[b"spl/kstat/zfs"], &mut self.entries)?;
        let all = pass.out.serves(SERIES);
        for entry in self.entries.iter() {
            match FILES.iter().find(|(name, _)| name.as_bytes() == entry) {
                Some((_, prefix)) if all => {
                    if pass.io.read_into(Root::Proc, &[FOLDER, entry], &mut self.buffer).is_ok() {
                        absorb_kstat(&self.buffer, prefix, entry, &[], true, pass);
                    }
                }
                Some(_) => {}
                None => {
                    set_state(entry, pass);
                    if all && pass.io.list(Root::Proc, &[FOLDER, entry], &mut self.pool).is_ok() {
                        set_pool(entry, &self.pool, &mut self.buffer, pass);
                    }
                }
            }
        }
        Ok(())
    }
}

/// Not every entry is a pool: one without a state is none.
fn set_state(pool: &[u8], pass: &mut Pass<'_>) {
    let Ok(text) = pass.io.read(Root::Proc, &[FOLDER, pool, b"/state"]) else { return };
    let now = trim(text);
    let mut table = pass.out.table(0);
    let mut row = table.row(&[("zpool", pool)]);
    for state in STATES {
        row.set_split("state", state, u64::from(now.eq_ignore_ascii_case(state.as_bytes())));
    }
}

fn set_pool(pool: &[u8], files: &Names, buffer: &mut Vec<u8>, pass: &mut Pass<'_>) {
    for file in files.iter() {
        let is_dataset = file.starts_with(b"objset-");
        if !is_dataset && file != b"io" {
            continue;
        }
        // A pool that is being exported loses its files one by one.
        if pass.io.read_into(Root::Proc, &[FOLDER, pool, b"/", file], buffer).is_err() {
            continue;
        }
        if !is_dataset {
            absorb_io(buffer, pool, pass);
        } else if let Some(dataset) = dataset_name(buffer) {
            let labels = [("dataset", dataset), ("zpool", pool)];
            absorb_kstat(buffer, "node_zfs_zpool_dataset_", b"objset", &labels, false, pass);
        } else {
            pass.out.malformed();
        }
    }
}

/// The value of the line "dataset_name 7 pool/data set".
fn dataset_name(text: &[u8]) -> Option<&[u8]> {
    lines(text).find_map(|line| {
        let rest = trim(line.strip_prefix(b"dataset_name")?);
        // The name may have spaces; what stands before it is the type.
        Some(trim(rest.strip_prefix(b"7 ")?))
    })
}

/// Lines "name type data" after the line that says just that.
fn absorb_kstat(
    text: &[u8],
    prefix: &str,
    file: &[u8],
    labels: &[(&str, &[u8])],
    with_signed: bool,
    pass: &mut Pass<'_>,
) {
    let mut all = lines(text);
    if !all.any(|line| words(line).eq([&b"name"[..], b"type", b"data"])) {
        pass.out.malformed();
        return;
    }
    for line in all {
        let mut words = words(line);
        let (Some(key), Some(kind), Some(data)) = (words.next(), words.next(), words.next()) else {
            continue;
        };
        #[expect(clippy::cast_precision_loss, reason = "the numbers of the format are floats")]
        let value = match kind {
            b"3" if with_signed => signed(data).map(|value| value as f64),
            b"4" => unsigned(data).map(|value| value as f64),
            _ => continue,
        };
        if value.and_then(|value| set(prefix, key, file, labels, value, pass)).is_none() {
            pass.out.malformed();
        }
    }
}

/// A line of names that begins with "nread", and a line of numbers.
fn absorb_io(text: &[u8], pool: &[u8], pass: &mut Pass<'_>) {
    let mut all = lines(text);
    let mut keys: [&[u8]; COLUMNS] = [b""; COLUMNS];
    let Some(header) = all.find(|line| words(line).next() == Some(b"nread")) else {
        pass.out.malformed();
        return;
    };
    for (slot, key) in keys.iter_mut().zip(words(header)) {
        *slot = key;
    }
    let Some(numbers) = all.next() else { return };
    for (key, number) in keys.iter().take_while(|key| !key.is_empty()).zip(words(numbers)) {
        #[expect(clippy::cast_precision_loss, reason = "the numbers of the format are floats")]
        let value = unsigned(number).map(|value| value as f64);
        let labels = [("zpool", pool)];
        if value.and_then(|value| set("node_zfs_zpool_", key, b"io", &labels, value, pass)).is_none() {
            pass.out.malformed();
        }
    }
}

/// `None`: the key makes no metric name.
fn set(
    prefix: &str,
    key: &[u8],
    file: &[u8],
    labels: &[(&str, &[u8])],
    value: f64,
    pass: &mut Pass<'_>,
) -> Option<()> {
    let mut name = Text::<128>::new();
    name.push(prefix).ok()?;
    for byte in key {
        match byte {
            b'-' => name.push(b"_").ok()?,
            b'_' | b':' => name.push([*byte]).ok()?,
            _ if byte.is_ascii_alphanumeric() => name.push([*byte]).ok()?,
            _ => return None,
        }
    }
    let mut help = Text::<128>::new();
    help.push_all(&[b"OpenZFS: ", key, b" of kstat ", file, b"."]).ok()?;
    pass.out.named(SERIES, name.as_bytes(), Kind::Untyped, help.as_bytes()).set(labels, value);
    Some(())
}

#[cfg(test)]
mod tests {
    use crate::node::testing::{check, failing};

    #[test]
    fn kstats_are_named_by_the_kernel() {
        check(
            "zfs",
            &[
                (
                    "proc/spl/kstat/zfs/arcstats",
                    "6 1 0x01 91\nname                            type data\nhits  4    8772612\nmisses 4 x\nc.max 4 1\n\
                     label 7 word\nneed 3 -5\nanon-size 4 18446744073709551615\ncut 4",
                ),
                ("proc/spl/kstat/zfs/fm", "0 1\nhits 4 1\n"),
                ("proc/spl/kstat/zfs/dbgmsg", "x\n"),
            ],
            "node_zfs_arc_hits 8772612
             node_zfs_arc_need -5
             node_zfs_arc_anon_size 1.8446744073709552e19",
        );
        failing("zfs", &[], "no_data", "");
    }

    #[test]
    fn pools_have_states_and_datasets() {
        check(
            "zfs",
            &[
                ("proc/spl/kstat/zfs/tank/state", "DEGRADED\n"),
                ("proc/spl/kstat/zfs/tank/io", "12 3 0x00\nnread nwritten reads\n7 8 x\n"),
                (
                    "proc/spl/kstat/zfs/tank/objset-0x36",
                    "23 1\nname type data\ndataset_name 7 tank/my data\nwrites 4 4\nodd 3 1\n",
                ),
                ("proc/spl/kstat/zfs/tank/objset-0x37", "23 1\nname type data\nwrites 4 4\n"),
            ],
            r#"node_zfs_zpool_state{state="online",zpool="tank"} 0
               node_zfs_zpool_state{state="degraded",zpool="tank"} 1
               node_zfs_zpool_state{state="faulted",zpool="tank"} 0
               node_zfs_zpool_state{state="offline",zpool="tank"} 0
               node_zfs_zpool_state{state="removed",zpool="tank"} 0
               node_zfs_zpool_state{state="unavail",zpool="tank"} 0
               node_zfs_zpool_state{state="suspended",zpool="tank"} 0
               node_zfs_zpool_nread{zpool="tank"} 7
               node_zfs_zpool_nwritten{zpool="tank"} 8
               node_zfs_zpool_dataset_writes{dataset="tank/my data",zpool="tank"} 4"#,
        );
    }
}
