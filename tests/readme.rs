//! README.md contains the table of all flags as they are; `UPDATE_README=1` writes it there.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test of a file of the project")]

use trimeter::command::{collectors_on_off, flag_tables};
use trimeter::flags::{help_text, markdown_table, parse};

const BEGIN: &str = "<!-- flags -->\n";
const END: &str = "<!-- /flags -->";

#[test]
fn readme_has_the_flags() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let readme = std::fs::read_to_string(path).unwrap();
    let (before, rest) = readme.split_once(BEGIN).unwrap();
    let (found, after) = rest.split_once(END).unwrap();
    let expected = format!("\n{}\n", markdown_table(&flag_tables(), &collectors_on_off()));
    if found == expected {
        return;
    }
    if std::env::var_os("UPDATE_README").is_some() {
        std::fs::write(path, format!("{before}{BEGIN}{expected}{END}{after}")).unwrap();
        return;
    }
    let differs = found.lines().zip(expected.lines()).find(|(found, expected)| found != expected);
    panic!("README.md has old flags, UPDATE_README=1 rewrites them; first difference: {differs:#?}");
}

#[test]
fn every_flag_takes_its_own_default() {
    for flag in flag_tables().into_iter().flatten().filter(|flag| !flag.default.is_empty()) {
        let argument = format!("-{}={}", flag.name, flag.default);
        let parsed = parse(&flag_tables(), &collectors_on_off(), [argument], |_| None);
        let flags = parsed.unwrap_or_else(|mistakes| panic!("{}", mistakes[0]));
        assert!(flags.given(flag.name));
        assert!(flags.given_without_effect().is_empty(), "{}", flag.name);
    }
}

#[test]
fn every_flag_says_what_it_does() {
    let help = help_text(&flag_tables(), &collectors_on_off());
    for flag in flag_tables().into_iter().flatten() {
        assert!(help.contains(&format!("-{}", flag.name)), "{}", flag.name);
        assert!(
            flag.help.is_empty() || flag.help.ends_with('.'),
            "{}: a sentence ends with a dot",
            flag.name
        );
    }
}

/// The arguments of node_exporter in the manifests of kube-prometheus.
#[test]
fn a_peers_command_line_is_taken_as_it_is() {
    let args = [
        "--web.listen-address=127.0.0.1:9101",
        "--path.sysfs=/host/sys",
        "--path.rootfs=/host/root",
        "--path.udev.data=/host/root/run/udev/data",
        "--no-collector.wifi",
        "--no-collector.loadavg",
        "--log.level=info",
        "--web.disable-exporter-metrics",
        "--web.max-requests=10",
    ];
    let flags = parse(&flag_tables(), &collectors_on_off(), args, |_| None).unwrap();
    assert_eq!(flags.text("httpListenAddr"), "127.0.0.1:9101");
    assert_eq!(flags.text("path.rootfs"), "/host/root");
    assert!(!flags.collector("loadavg"));
    assert_eq!(flags.given_without_effect(), ["web.max-requests"]);
}
