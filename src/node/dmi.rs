//! What the firmware says of the machine: `/sys/class/dmi/id`. It stays the same until the next boot, so it is read
//! once. Serial numbers are for root only: what cannot be read is no label.

use super::device::{Words, words};
use crate::collect::{Collect, Collector, Pass, Trouble};
use crate::family::{Family, Table, check, gauge};

pub const COLLECTOR: Collector = Collector {
    name: "dmi",
    default: true,
    files: &[],
    tables: &[Table::rows("dmi", |_| 1, 2048, FAMILIES)],
    flags: &[],
    make: |_| Box::new(Dmi { looked: false, values: [None; LABELS.len()] }),
};

const FAMILIES: &[Family] =
    &[gauge("node_dmi_info", "Firmware, board, case and product as the firmware names them; always 1.")
        .key("info")];
const _: () = check(FAMILIES);

/// Labels and their attributes.
const LABELS: [(&str, &str); 20] = [
    ("bios_date", "bios_date"),
    ("bios_release", "bios_release"),
    ("bios_vendor", "bios_vendor"),
    ("bios_version", "bios_version"),
    ("board_asset_tag", "board_asset_tag"),
    ("board_name", "board_name"),
    ("board_serial", "board_serial"),
    ("board_vendor", "board_vendor"),
    ("board_version", "board_version"),
    ("chassis_asset_tag", "chassis_asset_tag"),
    ("chassis_serial", "chassis_serial"),
    ("chassis_vendor", "chassis_vendor"),
    ("chassis_version", "chassis_version"),
    ("product_family", "product_family"),
    ("product_name", "product_name"),
    ("product_serial", "product_serial"),
    ("product_sku", "product_sku"),
    ("product_uuid", "product_uuid"),
    ("product_version", "product_version"),
    ("system_vendor", "sys_vendor"),
];

struct Dmi {
    looked: bool,
    /// By the index in [`LABELS`].
    values: [Option<Words>; LABELS.len()],
}

impl Dmi {
    fn read(&mut self, pass: &mut Pass<'_>) {
        for ((_, attribute), kept) in LABELS.iter().zip(&mut self.values) {
            *kept = words(pass.io, &[b"class/dmi/id/", attribute.as_bytes()]);
        }
    }
}

impl Collect for Dmi {
    fn collect(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        // The firmware does not change while the machine runs: one look is enough, also when there is nothing.
        if !std::mem::replace(&mut self.looked, true) {
            self.read(pass);
        }
        let mut labels = [("", &b""[..]); LABELS.len()];
        let mut used = 0;
        for ((label, _), kept) in LABELS.iter().zip(&self.values) {
            if let Some(text) = kept {
                labels[used] = (label, text.as_bytes());
                used += 1;
            }
        }
        if used == 0 {
            return Err(Trouble::NoData);
        }
        pass.out.table(0).row(&labels[..used]).set("info", 1);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::io::ReadError;
    use crate::io::replay::{Entry, Replay};
    use crate::node::testing::{Bench, failing};

    #[test]
    fn readable_attributes_are_labels_and_kept() {
        let mut machine = Replay::with(&[
            ("sys/class/dmi/id/bios_vendor", "ACME \n"),
            ("sys/class/dmi/id/chassis_asset_tag", "\n"),
            ("sys/class/dmi/id/sys_vendor", "Own\u{e9} Works\n"),
            ("sys/class/dmi/id/chassis_type", "23\n"),
        ]);
        machine.put("sys/class/dmi/id/product_uuid", Entry::Broken(ReadError::Denied));
        machine.file("sys/class/dmi/id/product_version", b"\xff\xfe1\n");
        let mut bench = Bench::new("dmi", machine, &[]);
        let expect = (
            Ok(()),
            "node_dmi_info{bios_vendor=\"ACME\",chassis_asset_tag=\"\",product_version=\"\u{fffd}1\",\
             system_vendor=\"Own\u{e9} Works\"} 1"
                .to_owned(),
        );
        assert_eq!(bench.pass(), expect);
        bench.machine.remove("sys/class/dmi");
        assert_eq!(bench.pass(), expect);
    }

    #[test]
    fn a_machine_without_firmware_tables() {
        failing("dmi", &[], "no_data", "");
    }
}
