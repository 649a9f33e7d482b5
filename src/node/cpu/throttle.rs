//! How often CPUs were throttled for their heat, and whether they are online: `/sys/devices/system/cpu/cpu*`.

use super::list::{CpuList, Number};
use crate::base::text::Text;
use crate::collect::Pass;
use crate::family::{Family, check, counter, gauge};
use crate::io::{Io, Root};
use crate::limits::Limits;
use crate::text::{trim, unsigned};

pub const CORE_FAMILIES: &[Family] =
    &[counter("node_cpu_core_throttles_total", "Times the core was throttled.").key("core").essential()];
const _: () = check(CORE_FAMILIES);

pub const PACKAGE_FAMILIES: &[Family] =
    &[counter("node_cpu_package_throttles_total", "Times the whole package was throttled.").key("package")];
const _: () = check(PACKAGE_FAMILIES);

/// A family of the table of CPUs.
pub const ONLINE: Family = gauge("node_cpu_online", "Whether the CPU runs.").key("online");

type Id = Text<20>;

/// A CPU whose files are read for its core, for its package or for both.
struct Source {
    cpu: Number,
    package: Id,
    core: Id,
    counts_core: bool,
    counts_package: bool,
}

/// Which files hold the counts, found when the CPUs are listed: on most machines, none.
pub struct Throttles {
    list: CpuList,
    /// One CPU per core and per package, at most one entry per CPU.
    sources: Vec<Source>,
    sources_max: usize,
    /// The kernel lets cpu0 be switched off, so that all CPUs say whether they are on.
    switches: bool,
}

impl Throttles {
    pub fn new(limits: &Limits) -> Self {
        let sources_max = limits.cpus.max(1) as usize;
        let sources = Vec::with_capacity(sources_max);
        Throttles { list: CpuList::new(limits), sources, sources_max, switches: false }
    }

    /// Reads the counts into the tables with these indices.
    pub fn collect(
        &mut self,
        pass: &mut Pass<'_>,
        online: &[u8],
        cpus: usize,
        cores: usize,
        packages: usize,
    ) {
        if self.list.refresh(pass, online) {
            self.find(pass.io);
        }
        let mut vanished = false;
        for source in &self.sources {
            let cpu = source.cpu.as_bytes();
            if source.counts_core {
                let labels = [("core", source.core.as_bytes()), ("package", source.package.as_bytes())];
                match count(pass.io, cpu, b"core_throttle_count") {
                    Some(count) => {
                        pass.out.table(cores).row(&labels).set("core", count);
                    }
                    None => vanished = true,
                }
            }
            if source.counts_package {
                match count(pass.io, cpu, b"package_throttle_count") {
                    Some(count) => {
                        let labels = [("package", source.package.as_bytes())];
                        pass.out.table(packages).row(&labels).set("package", count);
                    }
                    None => vanished = true,
                }
            }
        }
        if self.switches {
            for number in self.list.numbers() {
                let cpu = number.as_bytes();
                if let Some(online) = read(pass.io, cpu, b"/online").and_then(unsigned) {
                    pass.out.table(cpus).row(&[("cpu", cpu)]).set("online", online);
                }
            }
        }
        if vanished {
            self.list.outdate();
        }
    }

    fn find(&mut self, io: &mut dyn Io) {
        self.sources.clear();
        self.switches = read(io, b"0", b"/online").is_some();
        for cpu in self.list.numbers() {
            if self.sources.len() == self.sources_max {
                break;
            }
            let mut id = |file: &[u8]| {
                let text = read(io, cpu.as_bytes(), file).filter(|text| unsigned(text).is_some())?;
                let mut id = Id::new();
                id.push(text).ok().map(|()| id)
            };
            let (Some(package), Some(core)) =
                (id(b"/topology/physical_package_id"), id(b"/topology/core_id"))
            else {
                continue;
            };
            let of_package = |source: &&Source| source.package.as_bytes() == package.as_bytes();
            let mut known = self.sources.iter().filter(of_package);
            let core_known =
                known.clone().any(|source| source.counts_core && source.core.as_bytes() == core.as_bytes());
            let package_known = known.any(|source| source.counts_package);
            let counts_core = !core_known && count(io, cpu.as_bytes(), b"core_throttle_count").is_some();
            let counts_package =
                !package_known && count(io, cpu.as_bytes(), b"package_throttle_count").is_some();
            if counts_core || counts_package {
                self.sources.push(Source { cpu, package, core, counts_core, counts_package });
            }
        }
    }
}

fn count(io: &mut dyn Io, cpu: &[u8], file: &[u8]) -> Option<u64> {
    let pieces = [&b"devices/system/cpu/cpu"[..], cpu, b"/thermal_throttle/", file];
    unsigned(trim(io.read(Root::Sys, &pieces).ok()?))
}

fn read<'a>(io: &'a mut dyn Io, cpu: &[u8], file: &[u8]) -> Option<&'a [u8]> {
    io.read(Root::Sys, &[b"devices/system/cpu/cpu", cpu, file]).ok().map(trim)
}

#[cfg(test)]
mod tests {
    use crate::io::replay::Replay;
    use crate::node::testing::{Bench, check};

    const STAT: (&str, &str) = ("proc/stat", "cpu 0\n");

    fn cpu(machine: &mut Replay, cpu: u32, package: &str, core: &str, counts: Option<(&str, &str)>) {
        let folder = format!("sys/devices/system/cpu/cpu{cpu}");
        machine.file(&format!("{folder}/topology/physical_package_id"), package.as_bytes());
        machine.file(&format!("{folder}/topology/core_id"), core.as_bytes());
        if let Some((core, package)) = counts {
            machine.file(&format!("{folder}/thermal_throttle/core_throttle_count"), core.as_bytes());
            machine.file(&format!("{folder}/thermal_throttle/package_throttle_count"), package.as_bytes());
        }
    }

    #[test]
    fn a_core_and_a_package_count_once() {
        let mut machine = Replay::with(&[STAT]);
        cpu(&mut machine, 0, "0\n", "0\n", Some(("5\n", "30\n")));
        cpu(&mut machine, 1, "0\n", "0\n", Some(("6\n", "31\n")));
        cpu(&mut machine, 2, "0\n", "4\n", Some(("7\n", "32\n")));
        cpu(&mut machine, 3, "1\n", "0\n", None);
        cpu(&mut machine, 4, "-1\n", "0\n", Some(("1\n", "1\n")));
        let mut bench = Bench::new("cpu", machine, &[]);
        let expect = "node_cpu_core_throttles_total{core=\"0\",package=\"0\"} 5\n\
                      node_cpu_core_throttles_total{core=\"4\",package=\"0\"} 7\n\
                      node_cpu_package_throttles_total{package=\"0\"} 30";
        assert_eq!(bench.pass(), (Ok(()), expect.to_owned()));
        // The CPU that counted is taken away; its sibling counts from the pass after.
        bench.machine.remove("sys/devices/system/cpu/cpu0");
        assert_eq!(bench.pass().0, Ok(()));
        assert_eq!(bench.pass(), (Ok(()), expect.replace("} 5", "} 6").replace("} 30", "} 31")));
    }

    #[test]
    fn online_is_said_when_cpu0_can_be_switched_off() {
        check(
            "cpu",
            &[
                STAT,
                ("sys/devices/system/cpu/cpu0/online", "1\n"),
                ("sys/devices/system/cpu/cpu1/online", "0\n"),
                ("sys/devices/system/cpu/cpufreq/x", ""),
            ],
            r#"node_cpu_online{cpu="0"} 1
               node_cpu_online{cpu="1"} 0"#,
        );
        check("cpu", &[STAT, ("sys/devices/system/cpu/cpu1/online", "1\n")], "");
    }
}
