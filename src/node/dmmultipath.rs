//! Device mapper multipath: `/sys/block/dm-*` whose UUID says so, and the state of the disks below.

use super::device::text;
use crate::base::text::Text;
use crate::collect::{Collect, Collector, Pass, Setup, Trouble};
use crate::family::{Family, Table, check, gauge};
use crate::io::{Names, Root};
use crate::text::unsigned;

pub const COLLECTOR: Collector = Collector {
    name: "dmmultipath",
    default: false,
    files: &[],
    tables: &[
        Table::rows("multipath", |limits| limits.disks, 192, DEVICE),
        Table::rows("multipath_info", |limits| limits.disks, 384, INFO),
        Table::rows("multipath_paths", |limits| limits.disks.saturating_mul(4), 192, PATH),
    ],
    flags: &[],
    make,
};

const DEVICE: &[Family] = &[
    gauge("node_dmmultipath_device_active", "Is the device in use and not suspended?").key("active"),
    gauge("node_dmmultipath_device_size_bytes", "Bytes of the device.").key("size").times(512),
    gauge("node_dmmultipath_device_paths", "Paths of the device.").key("paths"),
    gauge("node_dmmultipath_device_paths_active", "Paths whose disk is running or live.").key("paths_active"),
    gauge("node_dmmultipath_device_paths_failed", "Paths whose disk is neither.").key("paths_failed"),
];
const INFO: &[Family] = &[gauge("node_dmmultipath_device_info", "A multipath device; always 1.")];
const PATH: &[Family] = &[gauge("node_dmmultipath_path_state", "A path and what its disk says; always 1.")];
const _: () = check(DEVICE);
const _: () = check(INFO);
const _: () = check(PATH);

fn make(setup: &Setup<'_>) -> Box<dyn Collect> {
    let disks = setup.limits.disks as usize;
    Box::new(Multipath { blocks: Names::with_capacity(disks * 4), paths: Names::with_capacity(disks) })
}

struct Multipath {
    blocks: Names,
    paths: Names,
}

const BLOCK: &[u8] = b"block/";

impl Collect for Multipath {
    fn collect(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        pass.io.list(Root::Sys, &[b"block"], &mut self.blocks)?;
        if !(0..3).any(|table| pass.out.serves(table)) {
            return Ok(());
        }
        for block in self.blocks.iter().filter(|name| name.starts_with(b"dm-")) {
            let Some(uuid) = text::<192>(pass.io, &[BLOCK, block, b"/dm/uuid"]) else { continue };
            if uuid.as_bytes().starts_with(b"mpath-") {
                set_device(block, uuid.as_bytes(), &mut self.paths, pass);
            }
        }
        Ok(())
    }
}

fn set_device(block: &[u8], uuid: &[u8], paths: &mut Names, pass: &mut Pass<'_>) {
    let Some(name) = text::<192>(pass.io, &[BLOCK, block, b"/dm/name"]) else { return };
    let name = name.as_bytes();
    let suspended =
        text::<192>(pass.io, &[BLOCK, block, b"/dm/suspended"]).and_then(|text| unsigned(text.as_bytes()));
    let sectors = text::<192>(pass.io, &[BLOCK, block, b"/size"]).and_then(|text| unsigned(text.as_bytes()));
    let (mut active, mut failed) = (0, 0);
    // A device without paths has an empty folder; one without the folder has none either.
    if pass.io.list(Root::Sys, &[BLOCK, block, b"/slaves"], paths).is_err() {
        paths.clear();
    }
    for path in paths.iter() {
        let state = text::<192>(pass.io, &[BLOCK, path, b"/device/state"]);
        match state.as_ref().map(Text::as_bytes) {
            Some(b"running" | b"live") => active += 1,
            _ => failed += 1,
        }
        if let Some(state) = state {
            let labels = [("device", name), ("path", path), ("state", state.as_bytes())];
            pass.out.table(2).row(&labels).set("", 1);
        }
    }
    pass.out.table(1).row(&[("device", name), ("sysfs_name", block), ("uuid", uuid)]).set("", 1);
    let mut table = pass.out.table(0);
    let mut row = table.row(&[("device", name), ("sysfs_name", block)]);
    if let Some(suspended) = suspended {
        row.set("active", u64::from(suspended != 1));
    }
    if let Some(sectors) = sectors {
        row.set("size", sectors);
    }
    row.set("paths", active + failed);
    row.set("paths_active", active);
    row.set("paths_failed", failed);
}

#[cfg(test)]
mod tests {
    use crate::node::testing::{check, failing};

    #[test]
    fn paths_are_counted_by_state() {
        check(
            "dmmultipath",
            &[
                ("sys/block/dm-3/dm/uuid", "mpath-36\n"),
                ("sys/block/dm-3/dm/name", "mpa\n"),
                ("sys/block/dm-3/dm/suspended", "0\n"),
                ("sys/block/dm-3/size", "2\n"),
                ("sys/block/dm-3/slaves/sdb/x", ""),
                ("sys/block/dm-3/slaves/sdc/x", ""),
                ("sys/block/dm-3/slaves/sdd/x", ""),
                ("sys/block/sdb/device/state", "running\n"),
                ("sys/block/sdc/device/state", "offline\n"),
                ("sys/block/dm-4/dm/uuid", "LVM-x\n"),
                ("sys/block/dm-4/dm/name", "root\n"),
            ],
            r#"node_dmmultipath_device_active{device="mpa",sysfs_name="dm-3"} 1
               node_dmmultipath_device_size_bytes{device="mpa",sysfs_name="dm-3"} 1024
               node_dmmultipath_device_paths{device="mpa",sysfs_name="dm-3"} 3
               node_dmmultipath_device_paths_active{device="mpa",sysfs_name="dm-3"} 1
               node_dmmultipath_device_paths_failed{device="mpa",sysfs_name="dm-3"} 2
               node_dmmultipath_device_info{device="mpa",sysfs_name="dm-3",uuid="mpath-36"} 1
               node_dmmultipath_path_state{device="mpa",path="sdb",state="running"} 1
               node_dmmultipath_path_state{device="mpa",path="sdc",state="offline"} 1"#,
        );
        failing("dmmultipath", &[], "no_data", "");
    }
}
