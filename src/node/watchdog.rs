//! Watchdog timers: `/sys/class/watchdog`.

use super::device;
use crate::collect::{Collect, Collector, Pass, Setup, Trouble};
use crate::family::{Family, Table, check, gauge};
use crate::io::{Names, Root};

pub const COLLECTOR: Collector = Collector {
    name: "watchdog",
    default: true,
    files: &[],
    tables: &[
        Table::rows("watchdog", |limits| limits.small_devices, 64, NUMBERS),
        Table::rows("watchdog_info", |limits| limits.small_devices, 512, INFO),
    ],
    flags: &[],
    make: |setup| Box::new(Watchdogs::new(setup)),
};

/// A family whose key is the name of its attribute.
const fn attribute(key: &'static str, name: &'static str, help: &'static str) -> Family {
    gauge(name, help).key(key).signed()
}

const NUMBERS: &[Family] = &[
    attribute("access_cs0", "node_watchdog_access_cs0", "May the boot source be switched back: 1 yes, 0 no."),
    attribute("bootstatus", "node_watchdog_bootstatus", "Status bits of the timer when the machine started."),
    attribute("fw_version", "node_watchdog_fw_version", "Version of the timer's firmware."),
    attribute("nowayout", "node_watchdog_nowayout", "Does the timer go on once it runs: 1 yes, 0 no."),
    attribute("pretimeout", "node_watchdog_pretimeout_seconds", "Time between the warning and the reset."),
    attribute("timeleft", "node_watchdog_timeleft_seconds", "Time until the reset."),
    attribute("timeout", "node_watchdog_timeout_seconds", "Time after which the timer resets the machine."),
];
const _: () = check(NUMBERS);

const INFO: &[Family] =
    &[gauge("node_watchdog_info", "What the watchdog timer is and does; always 1.").key("info")];
const _: () = check(INFO);

/// Attributes that are labels of the info family.
const WORDS: [&str; 5] = ["identity", "options", "pretimeout_governor", "state", "status"];

const FOLDER: &[u8] = b"class/watchdog/";

struct Watchdogs {
    names: Names,
}

impl Watchdogs {
    fn new(setup: &Setup<'_>) -> Self {
        Watchdogs { names: Names::with_capacity(setup.limits.small_devices as usize) }
    }
}

impl Collect for Watchdogs {
    fn collect(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        let refused = self.names.refused_total();
        pass.io.list(Root::Sys, &[FOLDER], &mut self.names)?;
        for name in self.names.iter() {
            for family in NUMBERS {
                device::number(pass, "name", FOLDER, name, family.key.as_bytes());
            }
            info(pass, name);
        }
        if self.names.refused_total() > refused { Err(Trouble::TooLong) } else { Ok(()) }
    }
}

fn info(pass: &mut Pass<'_>, name: &[u8]) {
    if !pass.out.wants(1, "info") {
        return;
    }
    // A missing attribute is an empty label, as the peer has it.
    let words = device::labels(pass.io, FOLDER, name, WORDS);
    let [identity, options, governor, state, status] = &words;
    let labels = [
        ("identity", identity.as_bytes()),
        ("name", name),
        ("options", options.as_bytes()),
        ("pretimeout_governor", governor.as_bytes()),
        ("state", state.as_bytes()),
        ("status", status.as_bytes()),
    ];
    pass.out.table(1).row(&labels).set("info", 1);
}

#[cfg(test)]
mod tests {
    use crate::node::testing::{check, failing};

    #[test]
    fn a_timer() {
        check(
            "watchdog",
            &[
                ("sys/class/watchdog/watchdog0/identity", "iTCO_wdt\n"),
                ("sys/class/watchdog/watchdog0/state", "inactive\n"),
                ("sys/class/watchdog/watchdog0/timeout", "30\n"),
                ("sys/class/watchdog/watchdog0/timeleft", "x\n"),
                ("sys/class/watchdog/watchdog0/bootstatus", "0\n"),
            ],
            "node_watchdog_bootstatus{name=\"watchdog0\"} 0
             node_watchdog_timeout_seconds{name=\"watchdog0\"} 30
             node_watchdog_info{identity=\"iTCO_wdt\",name=\"watchdog0\",options=\"\",pretimeout_governor=\"\",state=\"inactive\",status=\"\"} 1",
        );
    }

    #[test]
    fn no_folder_is_no_data() {
        failing("watchdog", &[], "no_data", "");
    }
}
