//! Software RAID: `/proc/mdstat` and `/sys/block/md*/md`.
//!
//! Format: a line "md0 : active raid1 sdb1[1] sda1[0](F) sdc1[2](S)", then indented lines: first
//! "195310144 blocks [2/1] [U_]", later perhaps "[=>...]  recovery =  8.5% (16775552/195310144) finish=…" or
//! "resync=PENDING".

use crate::collect::{Collect, Collector, Pass, Setup, Trouble};
use crate::family::{Family, Table, check, gauge};
use crate::io::{FileSpec, Names, ReadError, Root};
use crate::text::{lines, split_once, trim, unsigned, words};
use memchr::memmem;

pub const COLLECTOR: Collector = Collector {
    name: "mdadm",
    default: true,
    files: &[FileSpec::proc("mdstat", |limits| limits.small_devices.saturating_mul(1024))],
    tables: &[
        Table::rows("md", |limits| limits.small_devices, 64, ARRAY),
        Table::rows("md_sysfs", |limits| limits.small_devices, 64, SYSFS),
    ],
    flags: &[],
    make,
};

const ARRAY: &[Family] = &[
    gauge("node_md_blocks", "Blocks of 1,024 bytes of the array.").key("blocks"),
    gauge("node_md_blocks_synced", "Blocks that are in sync.").key("synced"),
    gauge("node_md_disks", "Disks of the array that are active, failed or spare.")
        .key("disks")
        .split("state", &["active", "failed", "spare"])
        .essential(),
    gauge("node_md_disks_required", "Disks the array needs to be complete.").key("required").essential(),
    gauge("node_md_state", "Is the array in this state?").key("state").split("state", &STATES),
];
const SYSFS: &[Family] = &[
    gauge("node_md_degraded", "Disks the array lacks.").key("degraded"),
    gauge("node_md_raid_disks", "Disks the array was made for.").key("raid_disks"),
];
const _: () = check(ARRAY);
const _: () = check(SYSFS);

const STATES: [&str; 5] = ["active", "check", "inactive", "recovering", "resync"];

fn make(setup: &Setup<'_>) -> Box<dyn Collect> {
    Box::new(Mdadm { names: Names::with_capacity(setup.limits.disks as usize * 4) })
}

struct Mdadm {
    /// Block devices, of which the arrays are some.
    names: Names,
}

impl Collect for Mdadm {
    fn collect(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        let text = pass.files.get(0)?;
        let mut array: Option<Array<'_>> = None;
        for line in lines(text) {
            match &mut array {
                Some(array) if line.starts_with(b" ") || line.starts_with(b"\t") => array.add(line),
                _ => {
                    finish(array.take(), pass);
                    array = Array::begin(line);
                }
            }
        }
        finish(array, pass);
        if pass.out.serves(1) {
            self.sysfs(pass)?;
        }
        Ok(())
    }
}

/// An array while its lines are read.
struct Array<'a> {
    name: &'a [u8],
    line: &'a [u8],
    state: &'a [u8],
    /// Lines after the first.
    lines: u32,
    blocks: Option<u64>,
    /// Disks needed and disks there; an inactive array does not say.
    disks: Option<(u64, u64)>,
    synced: Option<u64>,
    malformed: bool,
}

impl<'a> Array<'a> {
    /// The first line of an array; `None`: a line of another kind, or an empty one.
    fn begin(line: &'a [u8]) -> Option<Self> {
        let mut words = words(line);
        let name = words.next()?;
        if name == b"Personalities" || name == b"unused" {
            return None;
        }
        // "md0", ":", and then the state.
        let colon = words.next();
        let state = words.next().unwrap_or(b"");
        let malformed = colon != Some(b":") || state.is_empty();
        Some(Array { name, line, state, lines: 0, blocks: None, disks: None, synced: None, malformed })
    }

    fn add(&mut self, line: &[u8]) {
        self.lines += 1;
        let has = |word: &[u8]| memmem::find(line, word).is_some();
        if self.lines == 1 {
            self.blocks = words(line).next().and_then(unsigned);
            self.disks = self.count_disks(line);
            self.malformed |= self.blocks.is_none() || self.disks.is_none();
            return;
        }
        if has(b"bitmap:") {
            return;
        }
        self.state = if has(b"recovery") {
            b"recovering"
        } else if has(b"check") {
            b"check"
        } else if has(b"resync") {
            b"resync"
        } else {
            return;
        };
        self.synced = if has(b"PENDING") || has(b"DELAYED") { Some(0) } else { progress(line) };
        self.malformed |= self.synced.is_none();
    }

    /// Disks needed and disks there, of the line that begins with the number of blocks.
    fn count_disks(&self, line: &[u8]) -> Option<(u64, u64)> {
        let has = |word: &[u8]| memmem::find(self.line, word).is_some();
        if has(b"raid0") || has(b"linear") {
            // Every disk has a number in brackets, and an array without redundancy needs all of them.
            let disks = memchr::memchr_iter(b'[', self.line).count() as u64;
            return Some((disks, disks));
        }
        if has(b"inactive") {
            return Some((0, 0));
        }
        words(line).find_map(|word| {
            let (needed, there) = split_once(word.strip_prefix(b"[")?.strip_suffix(b"]")?, b'/')?;
            Some((unsigned(needed)?, unsigned(there)?))
        })
    }
}

/// The blocks done in "recovery =  8.5% (16775552/195310144) finish=17.0min".
fn progress(line: &[u8]) -> Option<u64> {
    words(line).find_map(|word| {
        let (done, all) = split_once(word.strip_prefix(b"(")?.strip_suffix(b")")?, b'/')?;
        unsigned(all)?;
        unsigned(done)
    })
}

fn finish(array: Option<Array<'_>>, pass: &mut Pass<'_>) {
    let Some(array) = array else { return };
    let (Some(blocks), Some((needed, there)), false) = (array.blocks, array.disks, array.malformed) else {
        pass.out.malformed();
        return;
    };
    let marked = |mark: &[u8]| memmem::find_iter(array.line, mark).count() as u64;
    let mut table = pass.out.table(0);
    let mut row = table.row(&[("device", array.name)]);
    row.set("blocks", blocks);
    row.set("synced", array.synced.unwrap_or(blocks));
    row.set_split("disks", "active", there);
    row.set_split("disks", "failed", marked(b"(F)"));
    row.set_split("disks", "spare", marked(b"(S)"));
    row.set("required", needed);
    for state in STATES {
        row.set_split("state", state, u64::from(array.state == state.as_bytes()));
    }
}

impl Mdadm {
    fn sysfs(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        match pass.io.list(Root::Sys, &[b"block"], &mut self.names) {
            Err(ReadError::Missing) => return Ok(()),
            other => other?,
        }
        for name in self.names.iter().filter(|name| name.starts_with(b"md")) {
            let mut read = |attribute: &[u8]| {
                let text = pass.io.read(Root::Sys, &[b"block/", name, b"/md/", attribute])?;
                Ok::<_, ReadError>(unsigned(trim(text)))
            };
            let (Ok(disks), degraded) = (read(b"raid_disks"), read(b"degraded")) else { continue };
            let mut table = pass.out.table(1);
            let mut row = table.row(&[("device", name)]);
            if let Some(disks) = disks {
                row.set("raid_disks", disks);
            }
            match degraded {
                Ok(Some(degraded)) => {
                    row.set("degraded", degraded);
                }
                // An array without redundancy has no such file: it is whole or it is not there.
                Err(ReadError::Missing) => {
                    row.set("degraded", 0);
                }
                _ => pass.out.malformed(),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::io::replay::Replay;
    use crate::node::testing::{Bench, check, failing};

    #[test]
    fn an_array_that_recovers() {
        check(
            "mdadm",
            &[(
                "proc/mdstat",
                "Personalities : [raid1]\nmd6 : active raid1 sdb2[2](F) sdc[1](S) sda2[0]\n      1000 blocks [2/1] [U_]\n      \
                 [=>..]  recovery =  8.5% (85/1000) finish=17.0min speed=259783K/sec\n\nunused devices: <none>\n",
            )],
            r#"node_md_blocks{device="md6"} 1000
               node_md_blocks_synced{device="md6"} 85
               node_md_disks{state="active",device="md6"} 1
               node_md_disks{state="failed",device="md6"} 1
               node_md_disks{state="spare",device="md6"} 1
               node_md_disks_required{device="md6"} 2
               node_md_state{state="active",device="md6"} 0
               node_md_state{state="check",device="md6"} 0
               node_md_state{state="inactive",device="md6"} 0
               node_md_state{state="recovering",device="md6"} 1
               node_md_state{state="resync",device="md6"} 0"#,
        );
    }

    #[track_caller]
    fn array(lines: &str, expect: &[&str]) {
        let machine = Replay::with(&[("proc/mdstat", lines)]);
        let (result, text) = Bench::new("mdadm", machine, &[]).pass();
        assert_eq!(result, Ok(()));
        for line in expect {
            assert!(text.contains(line), "{line} in\n{text}");
        }
        assert_eq!(text.is_empty(), expect.is_empty(), "{text}");
    }

    #[test]
    fn arrays_of_all_kinds() {
        array(
            "md1 : active (auto-read-only) raid5 a[0] b[1] c[2]\n  8 blocks super 1.2 level 5, 64k chunk, algorithm 2 [3/3] [UUU]\n  resync=PENDING\n",
            &["synced{device=\"md1\"} 0", "state=\"resync\",device=\"md1\"} 1", "required{device=\"md1\"} 3"],
        );
        array(
            "md2 : active raid0 a[0] b[1]\n  8 blocks super external:/md127/0 128k chunks\n",
            &["disks{state=\"active\",device=\"md2\"} 2", "state{state=\"active\",device=\"md2\"} 1"],
        );
        array(
            "md3 : inactive a[2](S) b[1](S)\n  8 blocks super external:imsm\n",
            &[
                "disks{state=\"spare\",device=\"md3\"} 2",
                "required{device=\"md3\"} 0",
                "inactive\",device=\"md3\"} 1",
            ],
        );
        array(
            "md4 : active raid1 a[0] b[1]\n  8 blocks [2/2] [UU]\n  bitmap: 0/30 pages [0KB], 65536KB chunk\n  [>] check =  5.7% (4/8) finish=0.2min\n",
            &["synced{device=\"md4\"} 4", "state{state=\"check\",device=\"md4\"} 1"],
        );
    }

    #[test]
    fn a_bad_array_costs_that_array() {
        array("md1 : active raid1 a[0]\n", &[]);
        array("md1\n", &[]);
        array("md1 : active raid1 a[0]\n  x blocks [1/1] [U]\n", &[]);
        array("md1 : active raid1 a[0]\n  8 blocks [1/] [U]\n", &[]);
        array("md1 : active raid1 a[0]\n  8 blocks [1/1] [U]\n  recovery = x\n", &[]);
        array("  8 blocks\n", &[]);
        array(
            "md1 x\nmd2 : active raid1 a[0]\n\t8 blocks [1/1] [U]\n",
            &["node_md_blocks{device=\"md2\"} 8"],
        );
        failing("mdadm", &[], "no_data", "");
    }

    #[test]
    fn sysfs_counts_the_disks() {
        check(
            "mdadm",
            &[
                ("proc/mdstat", "Personalities :\n"),
                ("sys/block/md0/md/raid_disks", "2\n"),
                ("sys/block/md0/md/degraded", "1\n"),
                ("sys/block/md1/md/raid_disks", "4\n"),
                ("sys/block/md2/md/raid_disks", "\n"),
                ("sys/block/md2/md/degraded", "x\n"),
                ("sys/block/sda/size", "1\n"),
            ],
            r#"node_md_degraded{device="md0"} 1
               node_md_degraded{device="md1"} 0
               node_md_raid_disks{device="md0"} 2
               node_md_raid_disks{device="md1"} 4"#,
        );
    }
}
