//! CPU frequencies and governors: `/sys/devices/system/cpu/cpu*/cpufreq/*`, in kHz.

use super::cpu::{CpuList, Number, ONLINE, covers, info_is_wanted};
use crate::base::text::Text;
use crate::collect::{Collect, Collector, Pass, Setup, Trouble};
use crate::family::{Family, Table, check, gauge};
use crate::io::{Io, ReadError, Root};
use crate::text::{trim, unsigned, words};

pub const COLLECTOR: Collector = Collector {
    name: "cpufreq",
    default: true,
    files: &[ONLINE],
    tables: &[
        Table::rows("cpufreq", |limits| limits.cpus.max(1), 24, FAMILIES),
        // Linux has six governors, a driver may bring its own.
        Table::rows("cpufreq governors", |limits| limits.cpus.max(1) * 8, 64, GOVERNOR_FAMILIES),
    ],
    flags: &[],
    make,
};

/// A file in kHz.
const fn kilohertz(key: &'static str, name: &'static str, help: &'static str) -> Family {
    gauge(name, help).key(key).times(1000)
}

const FAMILIES: &[Family] = &[
    kilohertz("cpuinfo_avg_freq", "node_cpu_frequency_avg_hertz", "Frequency as the hardware averages it."),
    kilohertz(CURRENT, "node_cpu_frequency_hertz", "Frequency as the hardware says it is."),
    kilohertz("cpuinfo_max_freq", "node_cpu_frequency_max_hertz", "Highest frequency of the hardware."),
    kilohertz("cpuinfo_min_freq", "node_cpu_frequency_min_hertz", "Lowest frequency of the hardware."),
    kilohertz("scaling_cur_freq", "node_cpu_scaling_frequency_hertz", "Frequency the kernel chose last.")
        .essential(),
    kilohertz(
        "scaling_max_freq",
        "node_cpu_scaling_frequency_max_hertz",
        "Highest frequency the policy allows.",
    )
    .essential(),
    kilohertz(
        "scaling_min_freq",
        "node_cpu_scaling_frequency_min_hertz",
        "Lowest frequency the policy allows.",
    )
    .essential(),
];
const _: () = check(FAMILIES);

const CURRENT: &str = "cpuinfo_cur_freq";
const FIXED: [&str; 2] = ["cpuinfo_max_freq", "cpuinfo_min_freq"];

const GOVERNOR_FAMILIES: &[Family] =
    &[gauge("node_cpu_scaling_governor", "Governors the CPU could have; the one it has is 1.")
        .key("governor")];
const _: () = check(GOVERNOR_FAMILIES);

/// Where a number of [`FAMILIES`] comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    /// There is no such file, or it may not be read.
    None,
    /// The hardware's, which do not change: read when the CPUs are listed.
    Fixed(u64),
    File,
}

/// A CPU with a frequency driver.
struct Scaled {
    cpu: Number,
    sources: [Source; FAMILIES.len()],
    /// Names with spaces between them; empty: none to choose from.
    governors: Text<128>,
}

struct CpuFreq {
    list: CpuList,
    scaled: Vec<Scaled>,
    scaled_max: usize,
    /// The name is taken by the frequency of /proc/cpuinfo, whose labels are different.
    current_taken: bool,
}

fn make(setup: &Setup<'_>) -> Box<dyn Collect> {
    let scaled_max = setup.limits.cpus.max(1) as usize;
    Box::new(CpuFreq {
        list: CpuList::new(setup.limits),
        scaled: Vec::with_capacity(scaled_max),
        scaled_max,
        current_taken: info_is_wanted(setup.flags),
    })
}

impl Collect for CpuFreq {
    fn collect(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        let online = pass.files.get(0).unwrap_or_default();
        if self.list.refresh(pass, online) {
            self.find(pass.io, online);
        }
        let mut vanished = false;
        for scaled in &self.scaled {
            let cpu = scaled.cpu.as_bytes();
            let mut malformed = 0;
            let mut table = pass.out.table(0);
            let mut row = table.row(&[("cpu", cpu)]);
            for (family, source) in FAMILIES.iter().zip(scaled.sources) {
                let number = match source {
                    Source::None => continue,
                    Source::Fixed(number) => Ok(Some(number)),
                    Source::File => read(pass.io, cpu, family.key).map(unsigned),
                };
                match number {
                    Ok(Some(kilohertz)) => {
                        row.set(family.key, kilohertz);
                    }
                    // Drivers say "<unknown>" and the like when they do not know.
                    Ok(None) => malformed += 1,
                    Err(_) => vanished = true,
                }
            }
            pass.out.malformed_by(malformed);
            governors(pass, scaled);
        }
        if vanished {
            self.list.outdate();
        }
        Ok(())
    }
}

impl CpuFreq {
    fn find(&mut self, io: &mut dyn Io, online: &[u8]) {
        self.scaled.clear();
        for cpu in self.list.numbers() {
            if self.scaled.len() == self.scaled_max {
                break;
            }
            if !online.is_empty() && !covers(online, cpu.as_bytes()) {
                continue;
            }
            // A file that only root may read, or that the driver does not answer, is left out until the list is made
            // anew.
            let sources = std::array::from_fn(|index| {
                let key = FAMILIES[index].key;
                if self.current_taken && key == CURRENT {
                    return Source::None;
                }
                match read(io, cpu.as_bytes(), key) {
                    Ok(text) if FIXED.contains(&key) => unsigned(text).map_or(Source::None, Source::Fixed),
                    Ok(_) => Source::File,
                    Err(_) => Source::None,
                }
            });
            let mut governors = Text::new();
            let listed = read(io, cpu.as_bytes(), "scaling_available_governors");
            // Half a list would lack the one in use.
            if listed.is_ok_and(|text| governors.push(text).is_err()) {
                governors.clear();
            }
            if !governors.is_empty() || sources.iter().any(|source| *source != Source::None) {
                self.scaled.push(Scaled { cpu, sources, governors });
            }
        }
    }
}

/// One series for each governor that there is.
fn governors(pass: &mut Pass<'_>, scaled: &Scaled) {
    let cpu = scaled.cpu.as_bytes();
    if scaled.governors.is_empty() {
        return;
    }
    let Ok(governor) = read(pass.io, cpu, "scaling_governor") else { return };
    for name in words(scaled.governors.as_bytes()).filter(|_| !governor.is_empty()) {
        let mut table = pass.out.table(1);
        let mut row = table.row(&[("cpu", cpu), ("governor", name)]);
        row.set("governor", u64::from(name == governor));
    }
}

fn read<'a>(io: &'a mut dyn Io, cpu: &[u8], file: &str) -> Result<&'a [u8], ReadError> {
    io.read(Root::Sys, &[b"devices/system/cpu/cpu", cpu, b"/cpufreq/", file.as_bytes()]).map(trim)
}

#[cfg(test)]
mod tests {
    use crate::io::ReadError;
    use crate::io::replay::{Entry, Replay};
    use crate::node::testing::{Bench, check};

    const CPU0: &str = "sys/devices/system/cpu/cpu0/cpufreq";

    fn machine() -> Replay {
        let mut machine = Replay::with(&[("sys/devices/system/cpu/online", "0-1\n")]);
        for cpu in 0..3 {
            for (file, text) in [
                ("cpuinfo_cur_freq", "1200000\n"),
                ("scaling_cur_freq", "1100000\n"),
                ("scaling_governor", "powersave\n"),
                ("scaling_available_governors", "performance powersave \n"),
                ("scaling_setspeed", "<unsupported>\n"),
            ] {
                machine.file(&format!("sys/devices/system/cpu/cpu{cpu}/cpufreq/{file}"), text.as_bytes());
            }
        }
        machine.file("sys/devices/system/cpu/cpufreq/boost", b"1\n");
        machine
    }

    #[test]
    fn online_cpus_have_frequencies_and_governors() {
        let mut machine = machine();
        machine.put("sys/devices/system/cpu/cpu1/cpufreq/cpuinfo_cur_freq", Entry::Broken(ReadError::Denied));
        let (result, text) = Bench::new("cpufreq", machine, &[]).pass();
        assert_eq!(result, Ok(()));
        let expect = [
            "node_cpu_frequency_hertz{cpu=\"0\"} 1200000000",
            "node_cpu_scaling_frequency_hertz{cpu=\"0\"} 1100000000",
            "node_cpu_scaling_frequency_hertz{cpu=\"1\"} 1100000000",
            "node_cpu_scaling_governor{cpu=\"0\",governor=\"performance\"} 0",
            "node_cpu_scaling_governor{cpu=\"0\",governor=\"powersave\"} 1",
            "node_cpu_scaling_governor{cpu=\"1\",governor=\"performance\"} 0",
            "node_cpu_scaling_governor{cpu=\"1\",governor=\"powersave\"} 1",
        ];
        assert_eq!(text, expect.join("\n"));
    }

    #[test]
    fn one_name_has_one_set_of_labels() {
        let (_, text) = Bench::new("cpufreq", machine(), &[("collector.cpu.info", "true")]).pass();
        assert!(!text.contains("node_cpu_frequency_hertz"), "{text}");
    }

    #[test]
    fn a_machine_without_drivers_has_no_series() {
        check("cpufreq", &[("sys/devices/system/cpu/cpu0/online", "1")], "");
        check("cpufreq", &[], "");
    }

    #[test]
    fn what_comes_and_goes() {
        let mut bench = Bench::new("cpufreq", Replay::with(&[]), &[]);
        assert_eq!(bench.pass().1, "");
        bench.machine.file(&format!("{CPU0}/scaling_cur_freq"), b"1\n");
        // Found when the list is a minute old.
        let shown = "node_cpu_scaling_frequency_hertz{cpu=\"0\"} 1000";
        for expect in ["", "", "", shown] {
            assert_eq!(bench.pass().1, expect);
        }
        bench.machine.file(&format!("{CPU0}/scaling_cur_freq"), b"<unknown>\n");
        assert_eq!(bench.pass().1, "");
        bench.machine.remove(CPU0);
        assert_eq!(bench.pass().1, "");
        bench.machine.file(&format!("{CPU0}/scaling_cur_freq"), b"1\n");
        assert_eq!(bench.pass().1, shown);
    }
}
