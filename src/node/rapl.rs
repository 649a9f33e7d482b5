//! Energy that parts of the processor have used: `/sys/class/powercap`.
//!
//! A zone names itself `package-0`, `core`, `dram`; the number is the label `index`, the rest is part of the metric's
//! name. `energy_uj` is for root only since CVE-2020-8694.

use crate::base::text::Text;
use crate::collect::{Collect, Collector, Pass, Setup, Trouble};
use crate::family::{Kind, Table};
use crate::flags::{Flag, FlagKind};
use crate::io::{Names, ReadError, Root};
use crate::text::attribute::value;
use crate::text::{split_once, unsigned};
use std::fmt::Write;

pub const COLLECTOR: Collector = Collector {
    name: "rapl",
    default: true,
    files: &[],
    tables: &[Table::named(
        "rapl",
        |limits| limits.small_devices,
        512,
        |limits| limits.small_devices.min(32),
        Some(&[]),
    )],
    flags: &[Flag {
        name: "collector.rapl.enable-zone-label",
        kind: FlagKind::Bool,
        default: "false",
        help: "Name the zone in a label of node_rapl_joules_total instead of in the metric's name.",
    }],
    make: |setup| Box::new(Rapl::new(setup)),
};

const FOLDER: &[u8] = b"class/powercap/";
const HELP: &[u8] = b"Energy that the zone has used, in joules.";

type ZoneName = Text<64>;

struct Rapl {
    /// `-path.sysfs`, which is part of the label `path`.
    sysfs: Box<str>,
    zone_label: bool,
    names: Names,
    /// Zones without a number of their own are numbered: the next number by name.
    next: Vec<(ZoneName, i64)>,
    zones_max: usize,
}

impl Rapl {
    fn new(setup: &Setup<'_>) -> Self {
        let zones_max = setup.limits.small_devices as usize;
        Rapl {
            sysfs: setup.roots.sysfs.as_str().into(),
            zone_label: setup.flags.bool("collector.rapl.enable-zone-label"),
            names: Names::with_capacity(zones_max),
            next: Vec::with_capacity(zones_max),
            zones_max,
        }
    }
}

impl Collect for Rapl {
    fn collect(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        let refused = self.names.refused_total();
        pass.io.list(Root::Sys, &[FOLDER], &mut self.names)?;
        // Profile `essential` has no zone, whatever its name.
        if !pass.out.wants(0, "node_rapl_package_joules_total") {
            return Ok(());
        }
        self.next.clear();
        let mut denied = false;
        for folder in self.names.iter() {
            let Ok(text) = pass.io.read(Root::Sys, &[FOLDER, folder, b"/name"]) else { continue };
            let Some((zone, index)) = numbered(&mut self.next, self.zones_max, value(text)) else {
                pass.out.malformed();
                continue;
            };
            let energy = match pass.io.read(Root::Sys, &[FOLDER, folder, b"/energy_uj"]) {
                Ok(text) => unsigned(value(text)),
                Err(error) => {
                    denied |= error == ReadError::Denied;
                    continue;
                }
            };
            let set = energy
                .and_then(|energy| set(pass, &self.sysfs, self.zone_label, folder, &zone, index, energy));
            if set.is_none() {
                pass.out.malformed();
            }
        }
        if denied {
            return Err(Trouble::NoData);
        }
        if self.names.refused_total() > refused { Err(Trouble::TooLong) } else { Ok(()) }
    }
}

/// Name and index of a zone. `None`: a name that is too long, or too many of them.
fn numbered(next: &mut Vec<(ZoneName, i64)>, zones_max: usize, text: &[u8]) -> Option<(ZoneName, i64)> {
    let own = split_once(text, b'-')
        .and_then(|(name, number)| Some((name, i64::try_from(unsigned(number)?).ok()?)));
    let name = own.map_or(text, |(name, _)| name);
    let mut zone = ZoneName::new();
    zone.push(name).ok()?;
    let known = next.iter().position(|(known, _)| known.as_bytes() == name);
    let index = match (own, known) {
        (Some((_, index)), _) => index,
        (None, Some(at)) => next[at].1,
        (None, None) => 0,
    };
    let after = index.saturating_add(1);
    match known {
        Some(at) => next[at].1 = after,
        None if next.len() < zones_max => next.push((zone, after)),
        None => return None,
    }
    Some((zone, index))
}

/// Sets a zone's series. `None`: a name or path that does not fit.
fn set(
    pass: &mut Pass<'_>,
    sysfs: &str,
    zone_label: bool,
    folder: &[u8],
    zone: &ZoneName,
    index: i64,
    energy: u64,
) -> Option<()> {
    let mut path = Text::<400>::new();
    path.push_all(&[sysfs.as_bytes(), b"/class/powercap/", folder]).ok()?;
    let mut number = Text::<24>::new();
    write!(number, "{index}").ok()?;
    #[expect(
        clippy::cast_precision_loss,
        reason = "the exposition format has floats; 2^53 µJ are 285 years at 1 W"
    )]
    let joules = energy as f64 / 1_000_000.0;
    let mut name = Text::<128>::new();
    let mut labels =
        [("index", number.as_bytes()), ("path", path.as_bytes()), ("rapl_zone", zone.as_bytes())];
    let used = if zone_label {
        name.push("node_rapl_joules_total").ok()?;
        &mut labels[..]
    } else {
        name.push("node_rapl_").ok()?;
        metric_name(zone.as_bytes(), &mut name)?;
        &mut labels[..2]
    };
    pass.out.named(0, name.as_bytes(), Kind::Counter, HELP).set(used, joules);
    Some(())
}

/// Appends the zone and `_joules_total`; what a metric's name must not have becomes one `_` together with the `_`
/// around it.
fn metric_name(zone: &[u8], name: &mut Text<128>) -> Option<()> {
    let mut rest = zone;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    while let Some(first) = rest.first() {
        let run = rest.iter().take_while(|byte| **byte == b'_' || !allowed(**byte)).count();
        if run == 0 {
            name.push([*first]).ok()?;
            rest = &rest[1..];
        } else if rest[..run].iter().all(|byte| *byte == b'_') {
            name.push(&rest[..run]).ok()?;
            rest = &rest[run..];
        } else {
            name.push("_").ok()?;
            rest = &rest[run..];
            if rest.is_empty() {
                return name.push("joules_total").ok();
            }
        }
    }
    name.push("_joules_total").ok()
}

#[cfg(test)]
mod tests {
    use crate::io::ReadError;
    use crate::io::replay::{Entry, Replay};
    use crate::node::testing::{Bench, failing};

    fn machine() -> Replay {
        Replay::with(&[
            ("sys/class/powercap/intel-rapl/enabled", "1\n"),
            ("sys/class/powercap/intel-rapl:0/name", "package-1\n"),
            ("sys/class/powercap/intel-rapl:0/energy_uj", "2500000\n"),
            ("sys/class/powercap/intel-rapl:0:0/name", "dram\n"),
            ("sys/class/powercap/intel-rapl:0:0/energy_uj", "1\n"),
            ("sys/class/powercap/intel-rapl:1:0/name", "dram\n"),
            ("sys/class/powercap/intel-rapl:1:0/energy_uj", "18446744073709551615\n"),
            ("sys/class/powercap/intel-rapl:2/name", "package-0-die-1\n"),
            ("sys/class/powercap/intel-rapl:2/energy_uj", "0\n"),
            ("sys/class/powercap/intel-rapl:3/name", "psys\n"),
            ("sys/class/powercap/intel-rapl:3/energy_uj", "?\n"),
        ])
    }

    #[test]
    fn zones_are_numbered() {
        let (result, text) = Bench::new("rapl", machine(), &[]).pass();
        assert_eq!(result, Ok(()));
        let expect = [
            "node_rapl_package_joules_total{index=\"1\",path=\"/sys/class/powercap/intel-rapl:0\"} 2.5",
            "node_rapl_dram_joules_total{index=\"0\",path=\"/sys/class/powercap/intel-rapl:0:0\"} 0.000001",
            "node_rapl_dram_joules_total{index=\"1\",path=\"/sys/class/powercap/intel-rapl:1:0\"} 18446744073709.55",
            "node_rapl_package_0_die_1_joules_total{index=\"0\",path=\"/sys/class/powercap/intel-rapl:2\"} 0",
        ];
        assert_eq!(text.replace("1e-6", "0.000001"), expect.join("\n"));
    }

    #[test]
    fn the_zone_as_a_label() {
        let mut machine = machine();
        machine.remove("sys/class/powercap/intel-rapl:0:0");
        machine.remove("sys/class/powercap/intel-rapl:1:0");
        machine.remove("sys/class/powercap/intel-rapl:2");
        let (_, text) = Bench::new("rapl", machine, &[("collector.rapl.enable-zone-label", "true")]).pass();
        assert_eq!(
            text,
            "node_rapl_joules_total{index=\"1\",path=\"/sys/class/powercap/intel-rapl:0\",rapl_zone=\"package\"} 2.5"
        );
    }

    #[test]
    fn energy_for_root_only_is_no_data() {
        let mut machine = machine();
        for zone in ["0", "0:0", "1:0", "2", "3"] {
            let path = format!("sys/class/powercap/intel-rapl:{zone}/energy_uj");
            machine.put(&path, Entry::Broken(ReadError::Denied));
        }
        let (result, text) = Bench::new("rapl", machine, &[]).pass();
        assert_eq!((result.unwrap_err().label(), text.as_str()), ("no_data", ""));
        failing("rapl", &[], "no_data", "");
    }
}
