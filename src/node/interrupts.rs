//! Interrupts by CPU: `/proc/interrupts`, a line of CPU names, then a line for each interrupt.
//!
//! Format: " 24:  1  0  IO-APIC   5-edge  ACPI:Ged" with a number for each CPU, or "NMI:  0  0  Non-maskable
//! interrupts". On aarch64 no space need follow the colon. "ERR:" and "MIS:" have one number and no text.

use crate::base::text::Text;
use crate::collect::{Collect, Collector, Pass, Setup, Trouble};
use crate::family::{Family, Table, check, counter};
use crate::filter::NameFilter;
use crate::flags::{Flag, FlagKind};
use crate::io::FileSpec;
use crate::text::{lines, split_once, trim, unsigned, words};

pub const COLLECTOR: Collector = Collector {
    name: "interrupts",
    default: false,
    files: &[FileSpec::proc("interrupts", |limits| {
        limits.kernel_rows.saturating_mul(128 + 11 * limits.cpus.max(1)).saturating_add(1024)
    })],
    tables: &[Table::rows(
        "interrupts",
        |limits| limits.kernel_rows.saturating_mul(limits.cpus.max(1)),
        224,
        FAMILIES,
    )],
    flags: &[
        Flag {
            name: INCLUDE,
            kind: FlagKind::Regex,
            default: "",
            help: "Interrupts to serve, as `type;info;devices`.",
        },
        Flag {
            name: EXCLUDE,
            kind: FlagKind::Regex,
            default: "",
            help: "Interrupts not to serve, as `type;info;devices`.",
        },
        Flag {
            name: ZEROS,
            kind: FlagKind::Bool,
            default: "true",
            help: "Serves interrupts that a CPU never had.",
        },
    ],
    make,
};

const INCLUDE: &str = "collector.interrupts.name-include";
const EXCLUDE: &str = "collector.interrupts.name-exclude";
const ZEROS: &str = "collector.interrupts.include-zeros";

const FAMILIES: &[Family] =
    &[counter("node_interrupts_total", "Interrupts served, by line and CPU.").key("interrupts").essential()];
const _: () = check(FAMILIES);

/// Longest text of a label; longer ones are refused.
type Joined = Text<192>;

struct Interrupts {
    names: NameFilter,
    zeros: bool,
}

fn make(setup: &Setup<'_>) -> Box<dyn Collect> {
    let names = NameFilter::new(setup.flags, INCLUDE, EXCLUDE);
    Box::new(Interrupts { names, zeros: setup.flags.bool(ZEROS) })
}

impl Collect for Interrupts {
    fn collect(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        let mut lines = lines(pass.files.get(0)?);
        let header = lines.next().ok_or(Trouble::Malformed)?;
        let cpus = words(header).count();
        for line in lines {
            let Some((kind, rest)) = split_once(line, b':') else {
                pass.out.malformed();
                continue;
            };
            let kind = trim(kind);
            let mut texts = words(rest).skip(cpus).peekable();
            // The lines without a text count something else.
            if texts.peek().is_none() {
                continue;
            }
            let numbered = unsigned(kind).is_some();
            let chip = if numbered { texts.next() } else { None };
            let Some(rest_joined) = joined(texts) else {
                pass.out.malformed();
                continue;
            };
            let rest_joined = rest_joined.as_bytes();
            let (info, devices) = chip.map_or((rest_joined, &b""[..]), |chip| (chip, rest_joined));
            if !self.keeps(kind, info, devices) {
                continue;
            }
            self.set(pass, header, [kind, info, devices], rest);
        }
        Ok(())
    }
}

impl Interrupts {
    fn keeps(&mut self, kind: &[u8], info: &[u8], devices: &[u8]) -> bool {
        let mut name = Text::<512>::new();
        name.push_all(&[kind, b";", info, b";", devices]).is_ok() && self.names.keeps(name.as_bytes())
    }

    /// Sets the numbers of a line, in the order of the header's CPUs.
    fn set(&self, pass: &mut Pass<'_>, header: &[u8], [kind, info, devices]: [&[u8]; 3], counts: &[u8]) {
        for (cpu, count) in words(header).zip(words(counts)) {
            match (cpu.strip_prefix(b"CPU"), unsigned(count)) {
                (Some(_), Some(0)) if !self.zeros => {}
                (Some(cpu), Some(count)) => {
                    let labels = [("cpu", cpu), ("devices", devices), ("info", info), ("type", kind)];
                    pass.out.table(0).row(&labels).set("interrupts", count);
                }
                _ => pass.out.malformed(),
            }
        }
    }
}

/// The words with one space between them; `None`: they do not fit.
fn joined<'a>(words: impl Iterator<Item = &'a [u8]>) -> Option<Joined> {
    let mut text = Joined::new();
    for word in words {
        let space: &[u8] = if text.is_empty() { b"" } else { b" " };
        text.push_all(&[space, word]).ok()?;
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::{EXCLUDE, INCLUDE, ZEROS};
    use crate::io::replay::Replay;
    use crate::node::testing::{Bench, failing};

    // CPU1 is off: the header leaves it out.
    const TEXT: &str = "           CPU0       CPU2       \n\
        \x20 0:         18          0  IR-IO-APIC-edge      timer\n\
        \x2024:1 0 GICv3 27 Level     arch_timer, uart\n\
        NMI:         47       5031   Non-maskable interrupts\n\
        ERR:          0\nMIS:          0\n\nBAD:  x 7 text\n";

    #[track_caller]
    fn check(flags: &[(&'static str, &str)], expect: &str) {
        let mut bench = Bench::new("interrupts", Replay::with(&[("proc/interrupts", TEXT)]), flags);
        let expect: Vec<_> = expect.lines().map(str::trim).collect();
        assert_eq!(bench.pass(), (Ok(()), expect.join("\n")));
    }

    #[test]
    fn every_line_with_a_text_and_every_cpu() {
        check(
            &[],
            r#"node_interrupts_total{cpu="0",devices="timer",info="IR-IO-APIC-edge",type="0"} 18
               node_interrupts_total{cpu="2",devices="timer",info="IR-IO-APIC-edge",type="0"} 0
               node_interrupts_total{cpu="0",devices="27 Level arch_timer, uart",info="GICv3",type="24"} 1
               node_interrupts_total{cpu="2",devices="27 Level arch_timer, uart",info="GICv3",type="24"} 0
               node_interrupts_total{cpu="0",devices="",info="Non-maskable interrupts",type="NMI"} 47
               node_interrupts_total{cpu="2",devices="",info="Non-maskable interrupts",type="NMI"} 5031
               node_interrupts_total{cpu="2",devices="",info="text",type="BAD"} 7"#,
        );
        failing("interrupts", &[], "no_data", "");
        failing("interrupts", &[("proc/interrupts", "")], "malformed", "");
    }

    #[test]
    fn names_and_zeros_can_be_left_out() {
        let timer = r#"node_interrupts_total{cpu="0",devices="timer",info="IR-IO-APIC-edge",type="0"} 18"#;
        check(&[(INCLUDE, "^0;IR"), (ZEROS, "false")], timer);
        check(&[(EXCLUDE, "interrupts|text|GIC"), (ZEROS, "false")], timer);
    }
}
