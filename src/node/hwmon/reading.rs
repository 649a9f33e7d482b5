//! From a sensor's type and property to the metric's name, unit and number.

use super::finite;
use super::name::{Attribute, clean};
use crate::base::text::Text;
use crate::family::Kind;
use crate::store::NAME_BYTES;

/// How the number of a file becomes the number of the metric.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Unit {
    One,
    /// Multiplied by 0.001, as the peer does: the product differs from a quotient in the last digit.
    Milli,
    Micro,
    /// 1 for the text `1`, else 0.
    Switch,
}

/// The metric of an attribute.
pub(super) struct Reading {
    pub name: Text<NAME_BYTES>,
    pub kind: Kind,
    pub help: &'static str,
    /// The label `sensor` is the sensor's label instead of its name.
    pub by_label: bool,
    unit: Unit,
}

/// What the metric's name ends in, its unit and its help text.
type Rule = (&'static str, Unit, &'static str);

impl Reading {
    /// `has_value`: the sensor has a file without property, beside the one with property `input`. `None`: a name
    /// that does not fit.
    pub(super) fn of(attribute: &Attribute<'_>, has_value: bool) -> Option<Self> {
        let whole: Option<Rule> = match attribute.kind {
            "beep_enable" => {
                Some(("beep_enabled", Unit::Switch, "Does the chip beep at an alarm: 1 yes, 0 no."))
            }
            "vrm" => {
                Some(("voltage_regulator_version", Unit::One, "Version of the voltage regulator's standard."))
            }
            "update_interval" => {
                Some(("update_interval_seconds", Unit::Milli, "How often the chip takes its readings."))
            }
            _ => None,
        };
        let mut name = Text::new();
        name.push("node_hwmon_").ok()?;
        if let Some((rest, unit, help)) = whole {
            // Properties of a whole chip's attribute are none of its value.
            if !attribute.property.is_empty() {
                return None;
            }
            name.push(rest).ok()?;
            return Some(Reading { name, kind: Kind::Gauge, help, by_label: false, unit });
        }
        name.push(attribute.kind).ok()?;
        match attribute.property {
            b"" => {}
            b"input" if !has_value => {}
            property => {
                name.push("_").ok()?;
                if let Some(property) = clean(property) {
                    name.push(property).ok()?;
                }
            }
        }
        let (suffix, unit, help) = rule(attribute);
        name.push(suffix).ok()?;
        let kind = if attribute.kind == "energy" && suffix == JOULES { Kind::Counter } else { Kind::Gauge };
        let by_label = suffix == MEGAHERTZ;
        Some(Reading { name, kind, help, by_label, unit })
    }

    /// The number of the metric; `None` when the text is no number.
    pub(super) fn number(&self, text: &[u8]) -> Option<f64> {
        match self.unit {
            Unit::One => finite(text),
            Unit::Milli => finite(text).map(|number| number * 0.001),
            Unit::Micro => finite(text).map(|number| number / 1_000_000.0),
            Unit::Switch => Some(if text == b"1" { 1.0 } else { 0.0 }),
        }
    }
}

const JOULES: &str = "_joule_total";
const MEGAHERTZ: &str = "_freq_mhz";

fn rule(attribute: &Attribute<'_>) -> Rule {
    match (attribute.kind, attribute.property) {
        (_, b"alarm" | b"fault") => ("", Unit::One, "Does the sensor report this condition: 1 yes, 0 no."),
        (_, b"beep") => ("_enabled", Unit::One, "Does the sensor beep at an alarm: 1 yes, 0 no."),
        ("in" | "cpu", _) => ("_volts", Unit::Milli, "Voltage, or a limit of it, as the chip reports it."),
        ("temp", property) if property != b"type" => {
            ("_celsius", Unit::Milli, "Temperature, or a limit of it, in degrees Celsius.")
        }
        ("curr", _) => ("_amps", Unit::Milli, "Current, or a limit of it, in amperes."),
        ("energy", _) => (JOULES, Unit::Micro, "Energy used so far, in joules."),
        ("power", b"accuracy") => ("", Unit::Micro, "Accuracy of the power meter as a ratio."),
        ("power", b"average_interval" | b"average_interval_min" | b"average_interval_max") => {
            ("_seconds", Unit::Milli, "Time over which the power meter takes its mean.")
        }
        ("power", _) => ("_watt", Unit::Micro, "Power, or a limit of it, in watts."),
        ("humidity", _) => {
            ("", Unit::Micro, "Relative humidity in the unit of the peer: the chip's number / 10^6.")
        }
        ("fan", b"input" | b"min" | b"max" | b"target") => {
            ("_rpm", Unit::One, "Speed of the fan, or a limit of it, in revolutions per minute.")
        }
        ("freq", b"input") => (MEGAHERTZ, Unit::Micro, "Frequency of the clock that the label sensor names."),
        _ => ("", Unit::One, "A property of a sensor, as its driver gives it."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(file: &str, text: &str, expect: Option<(&str, f64)>) {
        let attribute = Attribute::of(file.as_bytes()).unwrap();
        let reading = Reading::of(&attribute, false);
        let found = reading.and_then(|reading| Some((reading.name, reading.number(text.as_bytes())?)));
        assert_eq!(found.as_ref().map(|(name, number)| (name.as_str(), *number)), expect);
    }

    #[test]
    fn names_and_units() {
        check("temp1_input", "45500", Some(("node_hwmon_temp_celsius", 45.5)));
        check("temp1", "45500", Some(("node_hwmon_temp_celsius", 45.5)));
        check("temp1_crit_hyst", "-1000", Some(("node_hwmon_temp_crit_hyst_celsius", -1.0)));
        check("temp1_crit_alarm", "0", Some(("node_hwmon_temp_crit_alarm_celsius", 0.0)));
        check("temp1_alarm", "1", Some(("node_hwmon_temp_alarm", 1.0)));
        check("temp1_type", "4", Some(("node_hwmon_temp_type", 4.0)));
        check("in0_beep", "1", Some(("node_hwmon_in_beep_enabled", 1.0)));
        check("cpu0_vid", "1500", Some(("node_hwmon_cpu_vid_volts", 1.5)));
        check("curr1_max", "250", Some(("node_hwmon_curr_max_amps", 0.25)));
        check("energy1_input", "5", Some(("node_hwmon_energy_joule_total", 0.000_005)));
        check("power1_accuracy", "500000", Some(("node_hwmon_power_accuracy", 0.5)));
        check(
            "power1_average_interval_min",
            "100",
            Some(("node_hwmon_power_average_interval_min_seconds", 0.1)),
        );
        check("power1_average", "15000000", Some(("node_hwmon_power_average_watt", 15.0)));
        check("humidity1_input", "50000", Some(("node_hwmon_humidity", 0.05)));
        check("fan1_target", "900", Some(("node_hwmon_fan_target_rpm", 900.0)));
        check("fan1_pulses", "2", Some(("node_hwmon_fan_pulses", 2.0)));
        check("freq1_input", "300000000", Some(("node_hwmon_freq_freq_mhz", 300.0)));
        check("pwm1_Own-Prop", "7", Some(("node_hwmon_pwm_own_prop", 7.0)));
        check("beep_enable", "1", Some(("node_hwmon_beep_enabled", 1.0)));
        check("beep_enable", "on", Some(("node_hwmon_beep_enabled", 0.0)));
        check("vrm", "90", Some(("node_hwmon_voltage_regulator_version", 90.0)));
        check("update_interval", "1500", Some(("node_hwmon_update_interval_seconds", 1.5)));
    }

    #[test]
    fn what_is_no_number_has_no_metric() {
        for text in ["", "x", "1 2", "nan", "inf", "1e999"] {
            check("temp1_input", text, None);
        }
        check("vrm1_max", "1", None);
        check(&format!("temp1_{}", "x".repeat(120)), "1", None);
    }

    #[test]
    fn an_input_beside_a_value_says_so() {
        let attribute = Attribute::of(b"temp1_input").unwrap();
        let reading = Reading::of(&attribute, true).unwrap();
        assert_eq!(reading.name.as_str(), "node_hwmon_temp_input_celsius");
        let energy = Attribute::of(b"energy1_alarm").unwrap();
        assert_eq!(Reading::of(&energy, false).unwrap().kind, Kind::Gauge);
    }
}
