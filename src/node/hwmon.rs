//! Hardware sensors: `/sys/class/hwmon`, as lm-sensors shows them.
//!
//! An attribute is called `<type><number>_<property>`, as in `temp1_crit`; the metric is called after type, property
//! and unit, whatever the property is, so drivers that are not written yet have metrics too. A chip's attributes are
//! in its folder or (old drivers) in the folder `device` of it; what both have is taken from the second.

mod name;
mod reading;

use crate::base::text::Text;
use crate::collect::{Collect, Collector, Pass, Setup, Trouble};
use crate::family::{Kind, Table};
use crate::filter::NameFilter;
use crate::flags::{Flag, FlagKind, Flags};
use crate::io::{Io, Names, Root};
use crate::text::attribute::raw;
use crate::text::float;
use name::{Attribute, ChipName, SensorName, base_name, clean, clean_name_file};
use reading::Reading;

pub const COLLECTOR: Collector = Collector {
    name: "hwmon",
    default: true,
    files: &[],
    tables: &[Table::named(
        "hwmon",
        |limits| limits.sensors,
        320,
        |limits| limits.sensor_families,
        Some(ESSENTIAL),
    )],
    flags: &[
        flag("collector.hwmon.chip-include", "Chips to take, by the label chip."),
        flag("collector.hwmon.chip-exclude", "Chips to leave out, by the label chip."),
        flag("collector.hwmon.sensor-include", "Sensors to take, as chip;sensor."),
        flag("collector.hwmon.sensor-exclude", "Sensors to leave out, as chip;sensor."),
    ],
    make: |setup| Box::new(Hwmon::new(setup)),
};

const fn flag(name: &'static str, help: &'static str) -> Flag {
    Flag { name, kind: FlagKind::Regex, default: "", help }
}

/// The families that dashboards and alerts use.
const ESSENTIAL: &[&str] = &[
    CHIP_NAMES,
    "node_hwmon_fan_min_rpm",
    "node_hwmon_fan_rpm",
    "node_hwmon_temp_alarm",
    "node_hwmon_temp_celsius",
    "node_hwmon_temp_crit_alarm_celsius",
    "node_hwmon_temp_crit_celsius",
    "node_hwmon_temp_crit_hyst_celsius",
    "node_hwmon_temp_max_celsius",
];
const CHIP_NAMES: &str = "node_hwmon_chip_names";
const SENSOR_LABEL: &str = "node_hwmon_sensor_label";

const FOLDER: &[u8] = b"class/hwmon/";
/// Entries of a chip's folder; super I/O chips have about 250.
const ENTRIES_MIN: usize = 512;

struct Chip {
    /// From the device; several chips may share it.
    base: ChipName,
    /// From the file `name`; empty when there is none.
    own: ChipName,
}

struct Hwmon {
    chip_filter: NameFilter,
    sensor_filter: NameFilter,
    folders: Names,
    /// By the index in `folders`; never more than it was made for.
    chips: Vec<Chip>,
    entries: Names,
    device_entries: Names,
}

impl Hwmon {
    fn new(setup: &Setup<'_>) -> Self {
        let chips_max = setup.limits.small_devices as usize;
        let entries = (setup.limits.sensors as usize).max(ENTRIES_MIN);
        let filter = |flags: &Flags, of: [&str; 2]| NameFilter::new(flags, of[0], of[1]);
        Hwmon {
            chip_filter: filter(
                setup.flags,
                ["collector.hwmon.chip-include", "collector.hwmon.chip-exclude"],
            ),
            sensor_filter: filter(
                setup.flags,
                ["collector.hwmon.sensor-include", "collector.hwmon.sensor-exclude"],
            ),
            folders: Names::with_capacity(chips_max),
            chips: Vec::with_capacity(chips_max),
            entries: Names::with_capacity(entries),
            device_entries: Names::with_capacity(entries),
        }
    }

    fn refused(&self) -> u64 {
        self.folders.refused_total() + self.entries.refused_total() + self.device_entries.refused_total()
    }

    /// The label of a chip. Chips of one device are told apart by their names, or else by their folders.
    fn label(&self, index: usize, folder: &[u8]) -> Option<ChipName> {
        let chip = &self.chips[index];
        let same_base = |other: &&Chip| other.base.as_bytes() == chip.base.as_bytes();
        if chip.base.is_empty() || self.chips.iter().filter(same_base).count() == 1 {
            return Some(chip.base).filter(|base| !base.is_empty());
        }
        let same_own = |other: &&Chip| other.own.as_bytes() == chip.own.as_bytes();
        let own_is_unique = self.chips.iter().filter(same_base).filter(same_own).count() == 1;
        let suffix = if chip.own.is_empty() || !own_is_unique { clean(folder) } else { Some(chip.own) };
        let mut label = chip.base;
        label.push_all(&[b"_", suffix?.as_bytes()]).ok()?;
        Some(label)
    }
}

impl Collect for Hwmon {
    fn collect(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        let refused = self.refused();
        pass.io.list(Root::Sys, &[FOLDER], &mut self.folders)?;
        self.chips.clear();
        for folder in self.folders.iter() {
            let chip = Chip { base: base_name(pass.io, folder), own: clean_name_file(pass.io, folder) };
            self.chips.push(chip);
        }
        for index in 0..self.chips.len() {
            let Some(folder) = self.folders.get(index) else { break };
            if pass.io.list(Root::Sys, &[FOLDER, folder], &mut self.entries).is_err() {
                continue;
            }
            let Some(label) = self.label(index, folder) else {
                pass.out.malformed();
                continue;
            };
            if !self.chip_filter.keeps(label.as_bytes()) {
                continue;
            }
            let path: [&[u8]; 3] = [FOLDER, folder, b"/device"];
            if pass.io.list(Root::Sys, &path, &mut self.device_entries).is_err() {
                self.device_entries.clear();
            }
            let own = &self.chips[index].own;
            if !own.is_empty() {
                let labels = [("chip", label.as_bytes()), ("chip_name", own.as_bytes())];
                let help = b"The name that a chip's driver gives it; always 1.";
                pass.out.named(0, CHIP_NAMES.as_bytes(), Kind::Gauge, help).set(&labels, 1.0);
            }
            let folders = [&self.entries, &self.device_entries];
            let mut source = Source { folder, label: &label, folders, filter: &mut self.sensor_filter };
            source.attributes(pass);
        }
        if self.refused() > refused { Err(Trouble::TooLong) } else { Ok(()) }
    }
}

/// Below the chip's folder: its own attributes, and its device's.
const BELOW: [&[u8]; 2] = [b"/", b"/device/"];

/// A chip during a pass.
struct Source<'a> {
    folder: &'a [u8],
    label: &'a ChipName,
    /// By the index in [`BELOW`].
    folders: [&'a Names; 2],
    filter: &'a mut NameFilter,
}

impl Source<'_> {
    fn attributes(&mut self, pass: &mut Pass<'_>) {
        for (place, names) in self.folders.into_iter().enumerate() {
            for file in names.iter() {
                // Every device has a folder `power`, which looks like a sensor's attribute.
                if file == b"power" {
                    continue;
                }
                let Some(attribute) = Attribute::of(file) else { continue };
                let hidden = place == 0 && self.has(pass.io, 1, file);
                if !hidden && self.sensor_is_wanted(&attribute) {
                    self.attribute(pass, place, file, &attribute);
                }
            }
        }
    }

    fn sensor_is_wanted(&mut self, attribute: &Attribute<'_>) -> bool {
        let mut key = Text::<256>::new();
        let sensor = attribute.sensor();
        let pieces = [self.label.as_bytes(), b";", sensor.as_bytes()];
        key.push_all(&pieces).is_ok() && self.filter.keeps(key.as_bytes())
    }

    /// Is there a file that can be read?
    fn has(&self, io: &mut dyn Io, place: usize, file: &[u8]) -> bool {
        let listed = self.folders[place].iter().any(|name| name == file);
        listed && io.read(Root::Sys, &[FOLDER, self.folder, BELOW[place], file]).is_ok()
    }

    /// The text of another property of the sensor.
    fn other<'i>(&self, io: &'i mut dyn Io, sensor: &SensorName, property: &str) -> Option<&'i [u8]> {
        let mut file = Text::<96>::new();
        file.push_all(&[sensor.as_bytes(), property.as_bytes()]).ok()?;
        let place = (0..BELOW.len()).rev().find(|place| self.has(io, *place, file.as_bytes()))?;
        let text = io.read(Root::Sys, &[FOLDER, self.folder, BELOW[place], file.as_bytes()]).ok()?;
        Some(without_newlines(raw(text)))
    }

    fn attribute(&self, pass: &mut Pass<'_>, place: usize, file: &[u8], attribute: &Attribute<'_>) {
        let sensor = attribute.sensor();
        let path = [FOLDER, self.folder, BELOW[place], file];
        if attribute.property == b"label" {
            self.sensor_label(pass, &path, &sensor);
            return;
        }
        // `temp1` beside `temp1_input`: then the second is not the value itself.
        let has_value = attribute.property == b"input" && self.other(pass.io, &sensor, "").is_some();
        let Some(reading) = Reading::of(attribute, has_value) else {
            pass.out.malformed();
            return;
        };
        if !pass.out.wants(0, reading.name.as_bytes()) {
            return;
        }
        let Ok(text) = pass.io.read(Root::Sys, &path) else { return };
        let text = without_newlines(raw(text));
        // Some properties are words, by their driver's choice; only a reading must be a number.
        let Some(number) = reading.number(text) else {
            if matches!(attribute.property, b"" | b"input") {
                pass.out.malformed();
            }
            return;
        };
        let mut labels = [("chip", self.label.as_bytes()), ("sensor", sensor.as_bytes())];
        let named_by_label;
        if reading.by_label {
            // The clocks of a graphics card are told apart by their labels; one without is not served.
            let Some(label) = self.other(pass.io, &sensor, "_label").and_then(clean) else { return };
            named_by_label = label;
            labels[1].1 = named_by_label.as_bytes();
        }
        let help = reading.help.as_bytes();
        pass.out.named(0, reading.name.as_bytes(), reading.kind, help).set(&labels, number);
    }

    fn sensor_label(&self, pass: &mut Pass<'_>, path: &[&[u8]], sensor: &SensorName) {
        if !pass.out.wants(0, SENSOR_LABEL) {
            return;
        }
        let Ok(text) = pass.io.read(Root::Sys, path) else { return };
        let label = without_newlines(raw(text));
        let labels = [("chip", self.label.as_bytes()), ("label", label), ("sensor", sensor.as_bytes())];
        let help = b"The label that a sensor's driver gives it; always 1.";
        pass.out.named(0, SENSOR_LABEL.as_bytes(), Kind::Gauge, help).set(&labels, 1.0);
    }
}

fn without_newlines(mut text: &[u8]) -> &[u8] {
    while let [b'\n', rest @ ..] | [rest @ .., b'\n'] = text {
        text = rest;
    }
    text
}

/// A finite number.
fn finite(text: &[u8]) -> Option<f64> {
    float(text).filter(|number| number.is_finite())
}

#[cfg(test)]
mod tests;
