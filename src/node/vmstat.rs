//! Virtual memory events: `/proc/vmstat`, "key value" lines.

use crate::base::text::Text;
use crate::collect::{Collect, Collector, Pass, Setup, Trouble};
use crate::family::{Family, Kind, Table, check, untyped, valid_name};
use crate::filter::NameFilter;
use crate::flags::{Flag, FlagKind};
use crate::io::FileSpec;
use crate::text::{lines, split_once, trim, unsigned};

pub const COLLECTOR: Collector = Collector {
    name: "vmstat",
    default: true,
    files: &[FileSpec::proc("vmstat", |_| 16_384)],
    tables: &[
        Table::single("vmstat", FAMILIES),
        // An operator who asks for fields gets them in every profile.
        Table::named("vmstat fields", |_| FIELDS_MAX, 0, |_| FIELDS_MAX, None),
    ],
    flags: &[Flag {
        name: FLAG,
        kind: FlagKind::Regex,
        default: DEFAULT,
        help: "Fields of /proc/vmstat to serve.",
    }],
    make,
};

const FLAG: &str = "collector.vmstat.fields";

/// Seven fields of all kernels so far, which have families of their own.
const DEFAULT: &str = "^(oom_kill|pgpg|pswp|pg.*fault).*";

/// Linux 6.18 has 192 fields with everything configured that distributions configure.
const FIELDS_MAX: u32 = 256;

/// An event that the default expression matches.
const fn event(key: &'static str, name: &'static str, help: &'static str) -> Family {
    untyped(name, help).key(key).essential()
}

const FAMILIES: &[Family] = &[
    event("pgpgin", "node_vmstat_pgpgin", "KiB read from block devices."),
    event("pgpgout", "node_vmstat_pgpgout", "KiB written to block devices."),
    event("pswpin", "node_vmstat_pswpin", "Pages read from swap."),
    event("pswpout", "node_vmstat_pswpout", "Pages written to swap."),
    event("pgfault", "node_vmstat_pgfault", "Page faults, minor and major."),
    event("pgmajfault", "node_vmstat_pgmajfault", "Page faults that had to read from a device."),
    event("oom_kill", "node_vmstat_oom_kill", "Processes killed for lack of memory."),
];
const _: () = check(FAMILIES);

struct Vmstat {
    /// The operator's own expression; `None`: the default.
    fields: Option<NameFilter>,
}

fn make(setup: &Setup<'_>) -> Box<dyn Collect> {
    let own = setup.flags.text(FLAG) != DEFAULT;
    Box::new(Vmstat { fields: own.then(|| NameFilter::new(setup.flags, FLAG, "")) })
}

impl Collect for Vmstat {
    fn collect(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        let text = pass.files.get(0)?;
        match &mut self.fields {
            None => usual(text, pass),
            Some(fields) => chosen(text, fields, pass),
        }
        Ok(())
    }
}

/// The fields of the default expression, found by their first letters: the file has 25 times as many.
fn usual(text: &[u8], pass: &mut Pass<'_>) {
    let mut malformed = 0;
    let mut row = pass.out.single(0);
    for line in lines(text) {
        let likely = match line {
            [b'p', b'g', third, ..] => matches!(third, b'p' | b'f' | b'm'),
            [b'p', b's', ..] | [b'o', b'o', ..] => true,
            _ => false,
        };
        if !likely {
            continue;
        }
        let Some((key, value)) = split_once(line, b' ') else {
            malformed += 1;
            continue;
        };
        match unsigned(trim(value)) {
            Some(value) => {
                row.set(key, value);
            }
            None => malformed += 1,
        }
    }
    pass.out.malformed_by(malformed);
}

fn chosen(text: &[u8], fields: &mut NameFilter, pass: &mut Pass<'_>) {
    for line in lines(text) {
        let Some((key, value)) = split_once(line, b' ') else {
            pass.out.malformed();
            continue;
        };
        if !fields.keeps(key) {
            continue;
        }
        let mut name = Text::<128>::new();
        let mut help = Text::<128>::new();
        let fits = name.push_all(&[b"node_vmstat_", key]).is_ok()
            && help.push_all(&[b"Field ", key, b" of /proc/vmstat."]).is_ok();
        match unsigned(trim(value)) {
            Some(value) if fits && valid_name(name.as_bytes()) => {
                let mut series = pass.out.named(1, name.as_bytes(), Kind::Untyped, help.as_bytes());
                #[expect(clippy::cast_precision_loss, reason = "a sample is a float in the end")]
                series.set(&[], value as f64);
            }
            _ => pass.out.malformed(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::FLAG;
    use crate::io::replay::Replay;
    use crate::node::testing::{Bench, check, failing};

    const TEXT: &str = "nr_free_pages 9\npgpgin 1\npgpgout 2\npswpin 3\npswpout 4\npgalloc_dma 5\npgfault 6\n\
                        pgmajfault 7\npgfree 8\npgmigrate_fail 9\noom_kill 0\n";

    #[test]
    fn seven_fields_by_default() {
        check(
            "vmstat",
            &[("proc/vmstat", TEXT)],
            "node_vmstat_pgpgin 1
             node_vmstat_pgpgout 2
             node_vmstat_pswpin 3
             node_vmstat_pswpout 4
             node_vmstat_pgfault 6
             node_vmstat_pgmajfault 7
             node_vmstat_oom_kill 0",
        );
        check("vmstat", &[("proc/vmstat", "")], "");
        failing("vmstat", &[], "no_data", "");
    }

    #[test]
    fn others_when_asked_for() {
        let machine = Replay::with(&[("proc/vmstat", TEXT)]);
        let mut bench = Bench::new("vmstat", machine, &[(FLAG, "^(nr_free|pgfault)")]);
        for _ in 0..2 {
            let (result, text) = bench.pass();
            assert_eq!(result, Ok(()));
            assert_eq!(text, "node_vmstat_nr_free_pages 9\nnode_vmstat_pgfault 6");
        }
    }

    #[test]
    fn bad_lines_cost_themselves() {
        let text = "pgpgin\npgpgout -2\npswpin 18446744073709551616\n\npgfault 18446744073709551615";
        check("vmstat", &[("proc/vmstat", text)], "node_vmstat_pgfault 18446744073709551614");
        let machine = Replay::with(&[("proc/vmstat", "a-b 1\nc 2\nd x\ne")]);
        let (result, text) = Bench::new("vmstat", machine, &[(FLAG, "")]).pass();
        assert_eq!((result, text.as_str()), (Ok(()), "node_vmstat_c 2"));
    }
}
