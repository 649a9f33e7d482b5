//! What is wrong with flags that are right one by one: on this machine, or together.

use crate::flags::Flags;
use crate::node;

/// Pairs of which only one may be given, as with the peer. Both given would leave it open which one decides.
const EITHER_OR: [(&str, &str); 6] = [
    ("collector.diskstats.device-include", "collector.diskstats.device-exclude"),
    ("collector.filesystem.fs-types-include", "collector.filesystem.fs-types-exclude"),
    ("collector.filesystem.mount-points-include", "collector.filesystem.mount-points-exclude"),
    ("collector.hwmon.chip-include", "collector.hwmon.chip-exclude"),
    ("collector.hwmon.sensor-include", "collector.hwmon.sensor-exclude"),
    ("collector.netdev.device-include", "collector.netdev.device-exclude"),
];

/// Mistakes that only show when the flags are seen together, or with the machine.
pub fn mistakes(flags: &Flags) -> Vec<String> {
    let mut mistakes = Vec::new();
    let procfs = flags.text("path.procfs");
    if !is_folder(procfs) {
        mistakes.push(format!(
            "-path.procfs={procfs}: there is no such folder; give the place where it is mounted"
        ));
    }
    for name in flags.list("promscrape.kubernetes.node.collectors") {
        if name != "all" && !node::COLLECTORS.iter().any(|collector| collector.name == name) {
            mistakes.push(format!(
                "-promscrape.kubernetes.node.collectors={name}: no such collector; the page at / and -help list them"
            ));
        }
    }
    let says = |name: &str| flags.given(name) && !flags.text(name).is_empty();
    for (include, exclude) in EITHER_OR {
        if says(include) && says(exclude) {
            mistakes.push(format!(
                "-{include}={}: not together with -{exclude}={}; give one of them",
                flags.text(include),
                flags.text(exclude)
            ));
        }
    }
    mistakes
}

/// What the agent lives with and the operator should know. Containers and some boards have no sysfs; what is read from
/// /proc and netlink does not need it.
pub fn warning(flags: &Flags) -> Option<String> {
    let sysfs = flags.text("path.sysfs");
    let text =
        format!("-path.sysfs={sysfs}: there is no such folder; metrics that are read from there are missing");
    (!is_folder(sysfs)).then_some(text)
}

fn is_folder(path: &str) -> bool {
    std::path::Path::new(path).is_dir()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{collectors_on_off, flag_tables};
    use crate::flags::read;

    fn flags(line: &str) -> Flags {
        let (flags, mistakes) = read(&flag_tables(), &collectors_on_off(), line.split_whitespace(), |_| None);
        assert_eq!(mistakes, [], "{line}");
        flags
    }

    #[test]
    fn an_include_and_an_exclude_are_not_given_together() {
        for (include, exclude) in EITHER_OR {
            let found = mistakes(&flags(&format!("--{include}=a --{exclude}=b")));
            assert_eq!(found, [format!("-{include}=a: not together with -{exclude}=b; give one of them")]);
            for line in [
                format!("--{include}=a"),
                format!("--{exclude}=a"),
                format!("--{include}=a --{exclude}="),
                format!("--{include}= --{exclude}=b"),
            ] {
                assert!(mistakes(&flags(&line)).is_empty(), "{line}");
            }
        }
        // An old name is the same flag.
        let line = "--collector.netdev.device-whitelist=a --collector.netdev.device-blacklist=b";
        assert_eq!(mistakes(&flags(line)).len(), 1);
    }

    #[test]
    fn a_missing_proc_is_a_mistake_and_a_missing_sys_is_not() {
        assert_eq!(mistakes(&flags("-path.procfs=/nowhere -path.sysfs=/neither")).len(), 1);
        assert!(warning(&flags("-path.sysfs=/neither")).unwrap().contains("-path.sysfs=/neither"));
        assert_eq!(warning(&flags("-path.sysfs=/")), None);
    }

    #[test]
    fn every_collector_of_a_list_exists() {
        let line = "-promscrape.kubernetes.node.collectors=cpu,all,cpus";
        let found = mistakes(&flags(line));
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("collectors=cpus: no such collector"), "{found:?}");
    }
}
