//! Memory errors as the memory controllers count them: `/sys/devices/system/edac/mc`.

use crate::base::text::Text;
use crate::collect::{Collect, Collector, Pass, Setup, Trouble};
use crate::family::{Family, Table, check, counter};
use crate::io::{Names, ReadError, Root};
use crate::text::attribute::{digits, numbered, value};
use crate::text::unsigned;

pub const COLLECTOR: Collector = Collector {
    name: "edac",
    default: true,
    files: &[],
    tables: &[
        Table::rows("edac_channel", |limits| limits.small_devices.saturating_mul(8), 192, CHANNELS),
        Table::rows("edac_controller", |limits| limits.small_devices, 48, CONTROLLERS),
        Table::rows("edac_csrow", |limits| limits.small_devices.saturating_mul(4), 80, CSROWS),
    ],
    flags: &[],
    make: |setup| Box::new(Edac::new(setup)),
};

const CHANNELS: &[Family] = &[
    counter(
        "node_edac_channel_correctable_errors_total",
        "Memory errors of the channel that were corrected.",
    )
    .key("ce_count"),
    counter(
        "node_edac_channel_uncorrectable_errors_total",
        "Memory errors of the channel that were not corrected.",
    )
    .key("ue_count"),
];
const _: () = check(CHANNELS);

const CONTROLLERS: &[Family] = &[
    counter("node_edac_correctable_errors_total", "Memory errors that were corrected.")
        .key("ce_count")
        .essential(),
    counter("node_edac_uncorrectable_errors_total", "Memory errors that were not corrected.")
        .key("ue_count")
        .essential(),
];
const _: () = check(CONTROLLERS);

const CSROWS: &[Family] = &[
    counter(
        "node_edac_csrow_correctable_errors_total",
        "Memory errors of the chip-select row that were corrected.",
    )
    .key("ce_count"),
    counter(
        "node_edac_csrow_uncorrectable_errors_total",
        "Memory errors of the chip-select row that were not corrected.",
    )
    .key("ue_count"),
];
const _: () = check(CSROWS);

const CHANNEL_TABLE: usize = 0;
const CONTROLLER_TABLE: usize = 1;
const CSROW_TABLE: usize = 2;

const FOLDER: &[u8] = b"devices/system/edac/mc/";
/// Correctable and uncorrectable errors.
const KINDS: [&str; 2] = ["ce_count", "ue_count"];
/// Entries of a controller's or a row's folder.
const ENTRIES: usize = 256;

struct Edac {
    controllers: Names,
    rows: Names,
    channels: Names,
}

impl Edac {
    fn new(setup: &Setup<'_>) -> Self {
        Edac {
            controllers: Names::with_capacity(setup.limits.small_devices as usize + 8),
            rows: Names::with_capacity(ENTRIES),
            channels: Names::with_capacity(ENTRIES),
        }
    }

    fn refused(&self) -> u64 {
        self.controllers.refused_total() + self.rows.refused_total() + self.channels.refused_total()
    }
}

impl Collect for Edac {
    fn collect(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        let refused = self.refused();
        match pass.io.list(Root::Sys, &[FOLDER], &mut self.controllers) {
            Ok(()) => {}
            // A machine without error correcting memory has nothing to count, which is no failure.
            Err(ReadError::Missing) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        for name in self.controllers.iter() {
            let Some(number) = numbered(name, "mc").map(digits) else { continue };
            controller(pass, name, number);
            if !pass.out.wants(CSROW_TABLE, "ce_count") && !pass.out.wants(CHANNEL_TABLE, "ce_count") {
                continue;
            }
            if pass.io.list(Root::Sys, &[FOLDER, name], &mut self.rows).is_err() {
                continue;
            }
            for row in self.rows.iter() {
                let Some(row_number) = numbered(row, "csrow").map(digits) else { continue };
                let folder = [name, b"/", row];
                csrow(pass, folder, number, row_number);
                if pass.io.list(Root::Sys, &[FOLDER, name, b"/", row], &mut self.channels).is_ok() {
                    for file in self.channels.iter() {
                        channel(pass, folder, file, number, row_number);
                    }
                }
            }
        }
        if self.refused() > refused { Err(Trouble::TooLong) } else { Ok(()) }
    }
}

/// A counter; `None` when it is not there or not a number, which is counted.
fn count(pass: &mut Pass<'_>, pieces: &[&[u8]]) -> Option<u64> {
    let number = unsigned(value(pass.io.read(Root::Sys, pieces).ok()?));
    if number.is_none() {
        pass.out.malformed();
    }
    number
}

fn controller(pass: &mut Pass<'_>, name: &[u8], number: &[u8]) {
    for key in KINDS {
        if let Some(errors) = count(pass, &[FOLDER, name, b"/", key.as_bytes()]) {
            pass.out.table(CONTROLLER_TABLE).row(&[("controller", number)]).set(key, errors);
        }
        if !pass.out.wants(CSROW_TABLE, key) {
            continue;
        }
        // Errors that the controller cannot tell the row of.
        let file: &[u8] = if key == "ce_count" { b"/ce_noinfo_count" } else { b"/ue_noinfo_count" };
        if let Some(errors) = count(pass, &[FOLDER, name, file]) {
            let labels = [("controller", number), ("csrow", &b"unknown"[..])];
            pass.out.table(CSROW_TABLE).row(&labels).set(key, errors);
        }
    }
}

fn csrow(pass: &mut Pass<'_>, folder: [&[u8]; 3], controller: &[u8], row: &[u8]) {
    let [name, slash, row_name] = folder;
    for key in KINDS {
        if let Some(errors) = count(pass, &[FOLDER, name, slash, row_name, b"/", key.as_bytes()]) {
            let labels = [("controller", controller), ("csrow", row)];
            pass.out.table(CSROW_TABLE).row(&labels).set(key, errors);
        }
    }
}

/// A channel is known by its file `ch<number>_ce_count`.
fn channel(pass: &mut Pass<'_>, folder: [&[u8]; 3], file: &[u8], controller: &[u8], row: &[u8]) {
    let Some(rest) = numbered(file, "ch") else { return };
    let number = digits(rest);
    if &rest[number.len()..] != b"_ce_count" {
        return;
    }
    let [name, slash, row_name] = folder;
    let path = [FOLDER, name, slash, row_name, b"/ch", number, b"_dimm_label"];
    let mut label = Text::<160>::new();
    let written = match pass.io.read(Root::Sys, &path) {
        Ok(text) => dimm_label(value(text), &mut label),
        Err(_) => label.push("unknown").ok(),
    };
    if written.is_none() {
        pass.out.malformed();
        return;
    }
    for key in KINDS {
        let path = [FOLDER, name, slash, row_name, b"/ch", number, b"_", key.as_bytes()];
        if let Some(errors) = count(pass, &path) {
            let labels = [
                ("channel", number),
                ("controller", controller),
                ("csrow", row),
                ("dimm_label", label.as_bytes()),
            ];
            pass.out.table(CHANNEL_TABLE).row(&labels).set(key, errors);
        }
    }
}

/// `mc#0csrow#1channel#0` → `mc0_csrow1_channel0`, as the peer has it. `None`: it does not fit.
fn dimm_label(text: &[u8], label: &mut Text<160>) -> Option<()> {
    let mut rest = text;
    while let [first, after @ ..] = rest {
        if rest.starts_with(b"csrow") || rest.starts_with(b"channel") {
            label.push(b"_").ok()?;
        }
        if *first != b'#' {
            label.push([*first]).ok()?;
        }
        rest = after;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::replay::{Entry, Replay};
    use crate::node::testing::{Bench, check};

    #[test]
    fn controllers_rows_and_channels() {
        check(
            "edac",
            &[
                ("sys/devices/system/edac/mc/power/async", "disabled\n"),
                ("sys/devices/system/edac/mc/mc1/ce_count", "7\n"),
                ("sys/devices/system/edac/mc/mc1/ue_count", "x\n"),
                ("sys/devices/system/edac/mc/mc1/ce_noinfo_count", "1\n"),
                ("sys/devices/system/edac/mc/mc1/csrow2/ce_count", "6\n"),
                ("sys/devices/system/edac/mc/mc1/csrow2/ue_count", "0\n"),
                ("sys/devices/system/edac/mc/mc1/csrow2/ch0_ce_count", "4\n"),
                ("sys/devices/system/edac/mc/mc1/csrow2/ch0_dimm_label", "CPU#1_channel#0\n"),
                ("sys/devices/system/edac/mc/mc1/csrow2/ch1_ce_count", "2\n"),
                ("sys/devices/system/edac/mc/mc1/csrow2/ch1_ue_count", "0\n"),
            ],
            "node_edac_channel_correctable_errors_total{channel=\"0\",controller=\"1\",csrow=\"2\",dimm_label=\"CPU1__channel0\"} 4
             node_edac_channel_correctable_errors_total{channel=\"1\",controller=\"1\",csrow=\"2\",dimm_label=\"unknown\"} 2
             node_edac_channel_uncorrectable_errors_total{channel=\"1\",controller=\"1\",csrow=\"2\",dimm_label=\"unknown\"} 0
             node_edac_correctable_errors_total{controller=\"1\"} 7
             node_edac_csrow_correctable_errors_total{controller=\"1\",csrow=\"unknown\"} 1
             node_edac_csrow_correctable_errors_total{controller=\"1\",csrow=\"2\"} 6
             node_edac_csrow_uncorrectable_errors_total{controller=\"1\",csrow=\"2\"} 0",
        );
    }

    #[test]
    fn a_machine_without_controllers_succeeds() {
        check("edac", &[], "");
        let mut machine = Replay::new();
        machine.put("sys/devices/system/edac/mc", Entry::Broken(ReadError::Denied));
        assert_eq!(Bench::new("edac", machine, &[]).pass().0, Err(Trouble::Denied));
    }
}
