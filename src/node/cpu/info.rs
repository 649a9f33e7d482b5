//! What the CPUs are: `/proc/cpuinfo`, read only when asked for.
//!
//! Format: "model name\t: Some CPU" lines, an empty line after each CPU. Architectures have different keys.

use crate::collect::{Pass, Trouble};
use crate::family::{Family, check, gauge};
use crate::filter::NameFilter;
use crate::flags::{Flag, FlagKind, Flags};
use crate::io::Root;
use crate::limits::Limits;
use crate::text::{float, lines, split_once, trim, unsigned, words};

pub const INFO_FAMILIES: &[Family] =
    &[gauge("node_cpu_info", "What the CPU is, in labels; the value is 1.").key("info").essential()];
const _: () = check(INFO_FAMILIES);

pub const FREQUENCY_FAMILIES: &[Family] =
    &[gauge("node_cpu_frequency_hertz", "Frequency of the CPU as /proc/cpuinfo has it.")
        .key("frequency")
        .float()];
const _: () = check(FREQUENCY_FAMILIES);

pub const FLAG_FAMILIES: &[Family] =
    &[gauge("node_cpu_flag_info", "Features of the first CPU that were asked for; the value is 1.")
        .key("flag")];
const _: () = check(FLAG_FAMILIES);

pub const BUG_FAMILIES: &[Family] =
    &[gauge("node_cpu_bug_info", "Bugs of the first CPU that were asked for; the value is 1.").key("bug")];
const _: () = check(BUG_FAMILIES);

/// Linux 6.18 names about 200 features on new machines.
pub const FLAGS_MAX: u32 = 256;
pub const BUGS_MAX: u32 = 64;

pub const INFO: Flag = Flag {
    name: "collector.cpu.info",
    kind: FlagKind::Bool,
    default: "false",
    help: "Serves node_cpu_info and the frequency from /proc/cpuinfo.",
};
pub const FLAGS_INCLUDE: Flag = Flag {
    name: "collector.cpu.info.flags-include",
    kind: FlagKind::Regex,
    default: "",
    help: "Features to serve as node_cpu_flag_info; implies -collector.cpu.info.",
};
pub const BUGS_INCLUDE: Flag = Flag {
    name: "collector.cpu.info.bugs-include",
    kind: FlagKind::Regex,
    default: "",
    help: "Bugs to serve as node_cpu_bug_info; implies -collector.cpu.info.",
};

/// Is any of it asked for?
pub fn is_wanted(flags: &Flags) -> bool {
    let given = |flag: &Flag| !flags.text(flag.name).is_empty();
    flags.bool(INFO.name) || given(&FLAGS_INCLUDE) || given(&BUGS_INCLUDE)
}

/// Indices of the tables.
#[derive(Clone, Copy)]
pub struct Tables {
    pub info: usize,
    pub frequency: usize,
    pub flags: usize,
    pub bugs: usize,
}

pub struct Info {
    text: Vec<u8>,
    flags: Option<NameFilter>,
    bugs: Option<NameFilter>,
}

/// The lines of one CPU.
#[derive(Clone, Copy, Default)]
struct Processor<'a> {
    number: Option<&'a [u8]>,
    vendor: &'a [u8],
    family: &'a [u8],
    model: &'a [u8],
    model_name: &'a [u8],
    stepping: &'a [u8],
    microcode: &'a [u8],
    megahertz: Option<f64>,
    cache_size: &'a [u8],
    package: &'a [u8],
    core: &'a [u8],
    flags: &'a [u8],
    bugs: &'a [u8],
}

impl Info {
    pub fn new(flags: &Flags, limits: &Limits) -> Self {
        let filter = |flag: &Flag| flags.regex(flag.name).map(|include| NameFilter::of(Some(include), None));
        Info {
            // Features alone are up to 2 KiB of each CPU's text.
            text: Vec::with_capacity(4096 * limits.cpus.max(1) as usize),
            flags: filter(&FLAGS_INCLUDE),
            bugs: filter(&BUGS_INCLUDE),
        }
    }

    pub fn collect(&mut self, pass: &mut Pass<'_>, tables: Tables) -> Result<(), Trouble> {
        pass.io.read_into(Root::Proc, &[b"cpuinfo"], &mut self.text)?;
        let mut processor = Processor::default();
        let mut first = true;
        // An empty line ends a CPU; the last one may lack it.
        for line in lines(&self.text).chain([&b""[..]]) {
            if !trim(line).is_empty() {
                match split_once(line, b':') {
                    Some((key, value)) => processor.absorb(trim(key), trim(value)),
                    None => pass.out.malformed(),
                }
                continue;
            }
            let processor = std::mem::take(&mut processor);
            let Some(number) = processor.number else { continue };
            processor.set(number, pass, tables);
            if first {
                listed(&mut self.flags, processor.flags, |flag| {
                    pass.out.table(tables.flags).row(&[("flag", flag)]).set("flag", 1);
                });
                listed(&mut self.bugs, processor.bugs, |bug| {
                    pass.out.table(tables.bugs).row(&[("bug", bug)]).set("bug", 1);
                });
            }
            first = false;
        }
        Ok(())
    }
}

fn listed(filter: &mut Option<NameFilter>, list: &[u8], mut each: impl FnMut(&[u8])) {
    let Some(filter) = filter else { return };
    for name in words(list) {
        if filter.keeps(name) {
            each(name);
        }
    }
}

impl<'a> Processor<'a> {
    fn absorb(&mut self, key: &[u8], value: &'a [u8]) {
        match key {
            b"processor" => self.number = unsigned(value).map(|_| value),
            b"vendor_id" => self.vendor = value,
            b"cpu family" => self.family = value,
            b"model" => self.model = value,
            b"model name" => self.model_name = value,
            b"stepping" => self.stepping = value,
            b"microcode" => self.microcode = value,
            b"cpu MHz" => self.megahertz = float(value).filter(|megahertz| megahertz.is_finite()),
            b"cache size" => self.cache_size = value,
            b"physical id" => self.package = value,
            b"core id" => self.core = value,
            b"flags" | b"Features" => self.flags = value,
            b"bugs" => self.bugs = value,
            _ => {}
        }
    }

    fn set(&self, number: &[u8], pass: &mut Pass<'_>, tables: Tables) {
        let labels = [
            ("cachesize", self.cache_size),
            ("core", self.core),
            ("cpu", number),
            ("family", self.family),
            ("microcode", self.microcode),
            ("model", self.model),
            ("model_name", self.model_name),
            ("package", self.package),
            ("stepping", self.stepping),
            ("vendor", self.vendor),
        ];
        pass.out.table(tables.info).row(&labels).set("info", 1);
        if let Some(megahertz) = self.megahertz {
            let labels = [("core", self.core), ("cpu", number), ("package", self.package)];
            // The kernel prints kHz with a point: rounding takes away what the float added.
            let hertz = (megahertz * 1e6).round();
            pass.out.table(tables.frequency).row(&labels).set_float("frequency", hertz);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::io::replay::Replay;
    use crate::node::testing::Bench;

    const CPUINFO: &str = "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 85\n\
        model name\t: Intel(R) Xeon(R) @ 2.00GHz\nstepping\t: 3\nmicrocode\t: 0x1\ncpu MHz\t\t: 2000.178\n\
        cache size\t: 39424 KB\nphysical id\t: 0\ncore id\t\t: 0\nflags\t\t: fpu aes avx avx2\n\
        bugs\t\t: mds itlb_multihit\npower management:\n\nprocessor\t: 1\nno colon\nflags: aes\n";

    fn check(flags: &[(&'static str, &str)], expect: &str) {
        let machine = Replay::with(&[("proc/stat", ""), ("proc/cpuinfo", CPUINFO)]);
        assert_eq!(Bench::new("cpu", machine, flags).pass(), (Ok(()), expect.to_owned()));
    }

    const INFO: &str = "node_cpu_info{cachesize=\"39424 KB\",core=\"0\",cpu=\"0\",family=\"6\",microcode=\"0x1\",\
        model=\"85\",model_name=\"Intel(R) Xeon(R) @ 2.00GHz\",package=\"0\",stepping=\"3\",\
        vendor=\"GenuineIntel\"} 1\n\
        node_cpu_info{cachesize=\"\",core=\"\",cpu=\"1\",family=\"\",microcode=\"\",model=\"\",model_name=\"\",\
        package=\"\",stepping=\"\",vendor=\"\"} 1\n\
        node_cpu_frequency_hertz{core=\"0\",cpu=\"0\",package=\"0\"} 2000178000";

    #[test]
    fn nothing_unless_asked_for() {
        check(&[], "");
        check(&[("collector.cpu.info", "true")], INFO);
    }

    #[test]
    fn features_and_bugs_imply_the_rest() {
        let flags = "node_cpu_flag_info{flag=\"avx\"} 1\nnode_cpu_flag_info{flag=\"avx2\"} 1";
        check(&[("collector.cpu.info.flags-include", "^avx.?$")], &format!("{INFO}\n{flags}"));
        let bugs = "node_cpu_bug_info{bug=\"mds\"} 1";
        check(&[("collector.cpu.info.bugs-include", "^mds$")], &format!("{INFO}\n{bugs}"));
    }

    #[test]
    fn a_missing_file_leaves_the_rest() {
        let machine = Replay::with(&[("proc/stat", "cpu0 1")]);
        let (result, text) = Bench::new("cpu", machine, &[("collector.cpu.info", "true")]).pass();
        assert_eq!(result.unwrap_err().label(), "no_data");
        assert_eq!(text, "node_cpu_seconds_total{mode=\"user\",cpu=\"0\"} 0.01");
    }
}
