//! Thermal zones and cooling devices: `/sys/class/thermal`.
//!
//! A zone whose sensor gives no answer (EAGAIN, ENODATA, EIO) has no series; the peer serves 0 degrees.

use crate::base::text::Text;
use crate::collect::{Collect, Collector, Pass, Setup, Trouble};
use crate::family::{Family, Table, check, gauge};
use crate::io::{Names, Root};
use crate::text::attribute::{numbered, value};
use crate::text::{signed, unsigned};

pub const COLLECTOR: Collector = Collector {
    name: "thermal_zone",
    default: true,
    files: &[],
    tables: &[
        Table::rows("cooling_device", |limits| limits.small_devices.saturating_mul(4), 200, COOLING),
        Table::rows("thermal_zone", |limits| limits.small_devices, 200, ZONES),
    ],
    flags: &[],
    make: |setup| Box::new(ThermalZones::new(setup)),
};

const COOLING: &[Family] = &[
    gauge("node_cooling_device_cur_state", "How far the cooling device is turned up now.")
        .key("cur_state")
        .essential(),
    gauge("node_cooling_device_max_state", "How far the cooling device can be turned up.")
        .key("max_state")
        .essential(),
];
const _: () = check(COOLING);

const ZONES: &[Family] = &[gauge("node_thermal_zone_temp", "Temperature of the zone in degrees Celsius.")
    .key("temp")
    .signed()
    .decimals(3)];
const _: () = check(ZONES);

const FOLDER: &[u8] = b"class/thermal/";
const COOLING_TABLE: usize = 0;
const ZONE_TABLE: usize = 1;

struct ThermalZones {
    names: Names,
}

impl ThermalZones {
    fn new(setup: &Setup<'_>) -> Self {
        // A cooling device per CPU is usual.
        ThermalZones { names: Names::with_capacity(setup.limits.small_devices as usize * 5) }
    }
}

impl Collect for ThermalZones {
    fn collect(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        let refused = self.names.refused_total();
        pass.io.list(Root::Sys, &[FOLDER], &mut self.names)?;
        for name in self.names.iter() {
            if let Some(number) = numbered(name, "thermal_zone") {
                zone(pass, name, number);
            } else if let Some(number) = numbered(name, "cooling_device") {
                cooling_device(pass, name, number);
            }
        }
        if self.names.refused_total() > refused { Err(Trouble::TooLong) } else { Ok(()) }
    }
}

/// The `type` of a zone or device.
fn kind(pass: &mut Pass<'_>, name: &[u8]) -> Option<Text<128>> {
    let mut kind = Text::new();
    kind.push(value(pass.io.read(Root::Sys, &[FOLDER, name, b"/type"]).ok()?)).ok()?;
    Some(kind)
}

fn zone(pass: &mut Pass<'_>, name: &[u8], number: &[u8]) {
    if !pass.out.wants(ZONE_TABLE, "temp") {
        return;
    }
    // A disabled zone's sensor is not polled: what it says is of the past.
    let mode = pass.io.read(Root::Sys, &[FOLDER, name, b"/mode"]);
    if mode.is_ok_and(|mode| value(mode) == b"disabled") {
        return;
    }
    let Some(kind) = kind(pass, name) else { return };
    let Ok(text) = pass.io.read(Root::Sys, &[FOLDER, name, b"/temp"]) else { return };
    match signed(value(text)) {
        Some(temp) => {
            let labels = [("type", kind.as_bytes()), ("zone", number)];
            pass.out.table(ZONE_TABLE).row(&labels).set_signed("temp", temp);
        }
        None => pass.out.malformed(),
    }
}

fn cooling_device(pass: &mut Pass<'_>, name: &[u8], number: &[u8]) {
    let Some(kind) = kind(pass, name) else { return };
    for key in ["cur_state", "max_state"] {
        let Ok(text) = pass.io.read(Root::Sys, &[FOLDER, name, b"/", key.as_bytes()]) else { continue };
        match unsigned(value(text)) {
            Some(state) => {
                let labels = [("name", number), ("type", kind.as_bytes())];
                pass.out.table(COOLING_TABLE).row(&labels).set(key, state);
            }
            None => pass.out.malformed(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::io::ReadError;
    use crate::io::replay::{Entry, Replay};
    use crate::node::testing::{Bench, check, failing};

    #[test]
    fn zones_and_devices() {
        check(
            "thermal_zone",
            &[
                ("sys/class/thermal/thermal_zone0/type", "x86_pkg_temp\n"),
                ("sys/class/thermal/thermal_zone0/temp", "45250\n"),
                ("sys/class/thermal/thermal_zone1/type", "cold\n"),
                ("sys/class/thermal/thermal_zone1/temp", "-5000\n"),
                ("sys/class/thermal/thermal_zone2/type", "off\n"),
                ("sys/class/thermal/thermal_zone2/mode", "disabled\n"),
                ("sys/class/thermal/thermal_zone2/temp", "1000\n"),
                ("sys/class/thermal/cooling_device3/type", "Fan\n"),
                ("sys/class/thermal/cooling_device3/cur_state", "1\n"),
                ("sys/class/thermal/cooling_device3/max_state", "7\n"),
            ],
            "node_cooling_device_cur_state{name=\"3\",type=\"Fan\"} 1
             node_cooling_device_max_state{name=\"3\",type=\"Fan\"} 7
             node_thermal_zone_temp{type=\"x86_pkg_temp\",zone=\"0\"} 45.25
             node_thermal_zone_temp{type=\"cold\",zone=\"1\"} -5",
        );
    }

    #[test]
    fn what_cannot_be_read_is_missing() {
        let mut machine = Replay::with(&[
            ("sys/class/thermal/thermal_zone0/type", "gpu\n"),
            ("sys/class/thermal/thermal_zone1/type", "wifi\n"),
            ("sys/class/thermal/thermal_zone1/temp", "99999999999999999999\n"),
            ("sys/class/thermal/thermal_zone2/temp", "1000\n"),
            ("sys/class/thermal/cooling_device0/type", "Processor\n"),
            ("sys/class/thermal/cooling_device0/cur_state", "-1\n"),
            ("sys/class/thermal/cooling_device0/max_state", "10\n"),
        ]);
        machine.put("sys/class/thermal/thermal_zone0/temp", Entry::Broken(ReadError::Unsupported));
        let (result, text) = Bench::new("thermal_zone", machine, &[]).pass();
        assert_eq!(result, Ok(()));
        assert_eq!(text, "node_cooling_device_max_state{name=\"0\",type=\"Processor\"} 10");
    }

    #[test]
    fn no_folder_is_no_data() {
        failing("thermal_zone", &[], "no_data", "");
    }
}
