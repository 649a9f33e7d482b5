//! Bonds: `/sys/class/net/bonding_masters`, and for each of them its slaves and their link.

use super::netdev::DEVICE_LABEL_BYTES;
use crate::base::text::Text;
use crate::collect::{Collect, Collector, Pass, Trouble};
use crate::family::{Family, Table, check, gauge};
use crate::io::{Io, ReadError, Root};
use crate::text::{trim, words};

pub const COLLECTOR: Collector = Collector {
    name: "bonding",
    default: true,
    files: &[],
    tables: &[Table::rows("bonding", |limits| limits.small_devices, DEVICE_LABEL_BYTES, FAMILIES)],
    flags: &[],
    make: |_| {
        Box::new(Bonding { masters: Vec::with_capacity(LIST_BYTES), slaves: Vec::with_capacity(LIST_BYTES) })
    },
};

const FAMILIES: &[Family] = &[
    gauge("node_bonding_slaves", "Devices in a bond.").key("slaves").essential(),
    gauge("node_bonding_active", "Devices in a bond that have a link.").key("active").essential(),
];
const _: () = check(FAMILIES);

/// A file of sysfs is at most a page long.
const LIST_BYTES: usize = 4096;

struct Bonding {
    masters: Vec<u8>,
    slaves: Vec<u8>,
}

impl Bonding {
    /// Slaves of a bond, and those with a link. A slave that goes away in between is not counted.
    fn count(&mut self, io: &mut dyn Io, master: &[u8]) -> Result<(u64, u64), ReadError> {
        io.read_into(Root::Sys, &[b"class/net/", master, b"/bonding/slaves"], &mut self.slaves)?;
        let (mut slaves, mut active) = (0, 0);
        for slave in words(&self.slaves) {
            if let Ok(up) = has_link(io, master, slave) {
                slaves += 1;
                active += u64::from(up);
            }
        }
        Ok((slaves, active))
    }
}

fn has_link(io: &mut dyn Io, master: &[u8], slave: &[u8]) -> Result<bool, ReadError> {
    // Kernels before 2.6.39 say slave_ instead of lower_.
    let mut result = Err(ReadError::Missing);
    for prefix in [&b"/lower_"[..], b"/slave_"] {
        let mut folder = Text::<64>::new();
        folder.push_all(&[master, prefix, slave]).map_err(|_| ReadError::TooLong)?;
        let pieces: [&[u8]; 3] = [b"class/net/", folder.as_bytes(), b"/bonding_slave/mii_status"];
        result = io.read(Root::Sys, &pieces).map(|state| trim(state) == b"up");
        if result != Err(ReadError::Missing) {
            break;
        }
    }
    result
}

impl Collect for Bonding {
    fn collect(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        pass.io.read_into(Root::Sys, &[b"class/net/bonding_masters"], &mut self.masters)?;
        let masters = std::mem::take(&mut self.masters);
        for master in words(&masters) {
            // A bond that goes away in between does not drop the others.
            if let Ok((slaves, active)) = self.count(pass.io, master) {
                let mut table = pass.out.table(0);
                let mut row = table.row(&[("master", master)]);
                row.set("slaves", slaves);
                row.set("active", active);
            }
        }
        self.masters = masters;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::node::testing::{check, failing};

    #[test]
    fn slaves_with_a_link_are_active() {
        check(
            "bonding",
            &[
                ("sys/class/net/bonding_masters", "bond0 bond1 gone old\n"),
                ("sys/class/net/bond0/bonding/slaves", "eth0 eth1 eth2\n"),
                ("sys/class/net/bond0/lower_eth0/bonding_slave/mii_status", "up\n"),
                ("sys/class/net/bond0/lower_eth1/bonding_slave/mii_status", "down\n"),
                ("sys/class/net/bond1/bonding/slaves", "\n"),
                ("sys/class/net/old/bonding/slaves", "eth3\n"),
                ("sys/class/net/old/slave_eth3/bonding_slave/mii_status", "up\n"),
            ],
            r#"node_bonding_slaves{master="bond0"} 2
               node_bonding_slaves{master="bond1"} 0
               node_bonding_slaves{master="old"} 1
               node_bonding_active{master="bond0"} 1
               node_bonding_active{master="bond1"} 0
               node_bonding_active{master="old"} 1"#,
        );
        failing("bonding", &[], "no_data", "");
    }
}
