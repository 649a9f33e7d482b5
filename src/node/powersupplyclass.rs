//! Batteries and mains adapters: `/sys/class/power_supply`.

use super::device;
use crate::collect::{Collect, Collector, Pass, Setup, Trouble};
use crate::family::{Family, Table, check, gauge};
use crate::filter::NameFilter;
use crate::flags::{Flag, FlagKind};
use crate::io::{Names, Root};

pub const COLLECTOR: Collector = Collector {
    name: "powersupplyclass",
    default: true,
    files: &[],
    tables: &[
        Table::rows("power_supply", |limits| limits.small_devices, 96, NUMBERS),
        Table::rows("power_supply_info", |limits| limits.small_devices, 768, INFO),
    ],
    flags: &[Flag {
        name: "collector.powersupply.ignored-supplies",
        kind: FlagKind::Regex,
        default: "^$",
        help: "Power supplies to leave out.",
    }],
    make: |setup| Box::new(PowerSupplies::new(setup)),
};

const fn count(key: &'static str, name: &'static str, help: &'static str) -> Family {
    gauge(name, help).key(key).signed()
}

/// A number that the kernel gives in millionths.
const fn micro(key: &'static str, name: &'static str, help: &'static str) -> Family {
    count(key, name, help).decimals(6)
}

/// A temperature, which the kernel gives in tenths of a degree.
const fn tenths(key: &'static str, name: &'static str, help: &'static str) -> Family {
    count(key, name, help).decimals(1)
}

/// The key of a family is the name of its attribute.
const NUMBERS: &[Family] = &[
    count("authentic", "node_power_supply_authentic", "Is the battery genuine: 1 yes, 0 no."),
    count("calibrate", "node_power_supply_calibrate", "Is the battery being calibrated: 1 yes, 0 no."),
    count("capacity", "node_power_supply_capacity", "Charge in percent of full."),
    count(
        "capacity_alert_max",
        "node_power_supply_capacity_alert_max",
        "Charge in percent above which there is an alert.",
    ),
    count(
        "capacity_alert_min",
        "node_power_supply_capacity_alert_min",
        "Charge in percent below which there is an alert.",
    ),
    micro("charge_now", "node_power_supply_charge_ampere", "Charge now, in ampere hours."),
    micro(
        "charge_control_limit",
        "node_power_supply_charge_control_limit",
        "Present limit of the charge current.",
    ),
    micro(
        "charge_control_limit_max",
        "node_power_supply_charge_control_limit_max",
        "Largest limit of the charge current.",
    ),
    micro("charge_counter", "node_power_supply_charge_counter", "Charge that has passed, in ampere hours."),
    micro(
        "charge_empty",
        "node_power_supply_charge_empty",
        "Charge at which the battery counts as empty, in ampere hours.",
    ),
    micro(
        "charge_empty_design",
        "node_power_supply_charge_empty_design",
        "Charge at which a new battery counts as empty, in ampere hours.",
    ),
    micro(
        "charge_full",
        "node_power_supply_charge_full",
        "Charge at which the battery was full last, in ampere hours.",
    ),
    micro(
        "charge_full_design",
        "node_power_supply_charge_full_design",
        "Charge of a full new battery, in ampere hours.",
    ),
    micro(
        "charge_term_current",
        "node_power_supply_charge_term_current",
        "Current at which charging ends, in amperes.",
    ),
    micro(
        "constant_charge_current",
        "node_power_supply_constant_charge_current",
        "Current of constant charging, in amperes.",
    ),
    micro(
        "constant_charge_current_max",
        "node_power_supply_constant_charge_current_max",
        "Largest current of constant charging, in amperes.",
    ),
    micro(
        "constant_charge_voltage",
        "node_power_supply_constant_charge_voltage",
        "Voltage of constant charging, in volts.",
    ),
    micro(
        "constant_charge_voltage_max",
        "node_power_supply_constant_charge_voltage_max",
        "Largest voltage of constant charging, in volts.",
    ),
    micro("current_now", "node_power_supply_current_ampere", "Current now, in amperes."),
    micro("current_boot", "node_power_supply_current_boot", "Current when the machine started, in amperes."),
    micro("current_max", "node_power_supply_current_max", "Largest current, in amperes."),
    count("cycle_count", "node_power_supply_cyclecount", "Charge cycles so far."),
    micro(
        "energy_empty",
        "node_power_supply_energy_empty",
        "Energy at which the battery counts as empty, in watt hours.",
    ),
    micro(
        "energy_empty_design",
        "node_power_supply_energy_empty_design",
        "Energy at which a new battery counts as empty, in watt hours.",
    ),
    micro(
        "energy_full",
        "node_power_supply_energy_full",
        "Energy at which the battery was full last, in watt hours.",
    ),
    micro(
        "energy_full_design",
        "node_power_supply_energy_full_design",
        "Energy of a full new battery, in watt hours.",
    ),
    micro("energy_now", "node_power_supply_energy_watthour", "Energy now, in watt hours."),
    micro(
        "input_current_limit",
        "node_power_supply_input_current_limit",
        "Limit of the input current, in amperes.",
    ),
    count("online", "node_power_supply_online", "Does the supply give power: 1 yes, 2 programmable, 0 no.")
        .essential(),
    micro("power_now", "node_power_supply_power_watt", "Power now, in watts."),
    micro(
        "precharge_current",
        "node_power_supply_precharge_current",
        "Current before fast charging, in amperes.",
    ),
    count("present", "node_power_supply_present", "Is the battery there: 1 yes, 0 no."),
    tenths(
        "temp_alert_max",
        "node_power_supply_temp_alert_max_celsius",
        "Temperature above which there is an alert.",
    ),
    tenths(
        "temp_alert_min",
        "node_power_supply_temp_alert_min_celsius",
        "Temperature below which there is an alert.",
    ),
    tenths("temp_ambient", "node_power_supply_temp_ambient_celsius", "Temperature of the surroundings."),
    tenths(
        "temp_ambient_max",
        "node_power_supply_temp_ambient_max_celsius",
        "Temperature of the surroundings above which there is an alert.",
    ),
    tenths(
        "temp_ambient_min",
        "node_power_supply_temp_ambient_min_celsius",
        "Temperature of the surroundings below which there is an alert.",
    ),
    tenths("temp", "node_power_supply_temp_celsius", "Temperature in degrees Celsius."),
    tenths("temp_max", "node_power_supply_temp_max_celsius", "Largest temperature to run at."),
    tenths("temp_min", "node_power_supply_temp_min_celsius", "Smallest temperature to run at."),
    count("time_to_empty_now", "node_power_supply_time_to_empty_seconds", "Time until the battery is empty."),
    count("time_to_full_now", "node_power_supply_time_to_full_seconds", "Time until the battery is full."),
    micro("voltage_boot", "node_power_supply_voltage_boot", "Voltage when the machine started, in volts."),
    micro("voltage_max", "node_power_supply_voltage_max", "Largest voltage, in volts."),
    micro(
        "voltage_max_design",
        "node_power_supply_voltage_max_design",
        "Largest voltage of a new battery, in volts.",
    ),
    micro("voltage_min", "node_power_supply_voltage_min", "Smallest voltage, in volts."),
    micro(
        "voltage_min_design",
        "node_power_supply_voltage_min_design",
        "Smallest voltage of a new battery, in volts.",
    ),
    micro("voltage_ocv", "node_power_supply_voltage_ocv", "Voltage without load, in volts."),
    micro("voltage_now", "node_power_supply_voltage_volt", "Voltage now, in volts."),
];
const _: () = check(NUMBERS);

const INFO: &[Family] =
    &[gauge("node_power_supply_info", "What the power supply is and does; always 1.").key("info")];
const _: () = check(INFO);

/// Attributes that are labels of the info family; what is empty or not there is no label.
const WORDS: [&str; 11] = [
    "capacity_level",
    "charge_type",
    "health",
    "manufacturer",
    "model_name",
    "scope",
    "serial_number",
    "status",
    "technology",
    "type",
    "usb_type",
];

const FOLDER: &[u8] = b"class/power_supply/";
/// Entries of a supply's folder; drivers have about 40.
const ATTRIBUTES: usize = 256;

struct PowerSupplies {
    ignored: NameFilter,
    names: Names,
    attributes: Names,
}

impl PowerSupplies {
    fn new(setup: &Setup<'_>) -> Self {
        PowerSupplies {
            ignored: NameFilter::new(setup.flags, "", "collector.powersupply.ignored-supplies"),
            names: Names::with_capacity(setup.limits.small_devices as usize),
            attributes: Names::with_capacity(ATTRIBUTES),
        }
    }

    fn refused(&self) -> u64 {
        self.names.refused_total() + self.attributes.refused_total()
    }
}

impl Collect for PowerSupplies {
    fn collect(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        let refused = self.refused();
        pass.io.list(Root::Sys, &[FOLDER], &mut self.names)?;
        for name in self.names.iter() {
            if !self.ignored.keeps(name) {
                continue;
            }
            // A supply that is unplugged between the two lists has no numbers; the others have.
            if pass.io.list(Root::Sys, &[FOLDER, name], &mut self.attributes).is_err() {
                continue;
            }
            for attribute in self.attributes.iter() {
                device::number(pass, "power_supply", FOLDER, name, attribute);
            }
            info(pass, name);
        }
        if self.refused() > refused { Err(Trouble::TooLong) } else { Ok(()) }
    }
}

fn info(pass: &mut Pass<'_>, name: &[u8]) {
    if !pass.out.wants(1, "info") {
        return;
    }
    let words = device::labels(pass.io, FOLDER, name, WORDS);
    let mut labels = [("power_supply", name); WORDS.len() + 1];
    let mut used = 1;
    for (word, text) in WORDS.iter().zip(&words) {
        if !text.is_empty() {
            labels[used] = (word, text.as_bytes());
            used += 1;
        }
    }
    pass.out.table(1).row(&labels[..used]).set("info", 1);
}

#[cfg(test)]
mod tests {
    use crate::io::ReadError;
    use crate::io::replay::{Entry, Replay};
    use crate::node::testing::{Bench, check, failing};

    #[test]
    fn micro_units_and_tenths_of_a_degree() {
        check(
            "powersupplyclass",
            &[
                ("sys/class/power_supply/AC/online", "1\n"),
                ("sys/class/power_supply/AC/type", "Mains\n"),
                ("sys/class/power_supply/BAT1/temp", "-15\n"),
                ("sys/class/power_supply/BAT1/current_now", "-1250000\n"),
                ("sys/class/power_supply/BAT1/cycle_count", "12\n"),
                ("sys/class/power_supply/BAT1/uevent", "POWER_SUPPLY_NAME=BAT1\n"),
                ("sys/class/power_supply/BAT1/manufacturer", " \n"),
                ("sys/class/power_supply/BAT1/model_name", "X \"1\"\n"),
            ],
            "node_power_supply_current_ampere{power_supply=\"BAT1\"} -1.25
             node_power_supply_cyclecount{power_supply=\"BAT1\"} 12
             node_power_supply_online{power_supply=\"AC\"} 1
             node_power_supply_temp_celsius{power_supply=\"BAT1\"} -1.5
             node_power_supply_info{power_supply=\"AC\",type=\"Mains\"} 1
             node_power_supply_info{power_supply=\"BAT1\",model_name=\"X \\\"1\\\"\"} 1",
        );
    }

    #[test]
    fn an_attribute_without_answer_costs_itself_only() {
        let mut machine = Replay::with(&[
            ("sys/class/power_supply/BAT0/capacity", "x\n"),
            ("sys/class/power_supply/BAT0/present", "1\n"),
        ]);
        machine.put("sys/class/power_supply/BAT0/voltage_now", Entry::Broken(ReadError::Gone));
        let (result, text) = Bench::new("powersupplyclass", machine, &[]).pass();
        assert_eq!(result, Ok(()));
        assert_eq!(
            text,
            "node_power_supply_present{power_supply=\"BAT0\"} 1\n\
             node_power_supply_info{power_supply=\"BAT0\"} 1"
        );
    }

    #[test]
    fn ignored_supplies_and_no_folder() {
        let machine = Replay::with(&[("sys/class/power_supply/AC/online", "1\n")]);
        let flags = [("collector.powersupply.ignored-supplies", "^A")];
        assert_eq!(Bench::new("powersupplyclass", machine, &flags).pass(), (Ok(()), String::new()));
        failing("powersupplyclass", &[], "no_data", "");
    }
}
