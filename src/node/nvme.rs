//! NVMe controllers and their namespaces: `/sys/class/nvme`.

use super::device::text;
use crate::base::text::Text;
use crate::collect::{Collect, Collector, Pass, Setup, Trouble};
use crate::family::{Family, Table, check, gauge};
use crate::io::{Names, ReadError, Root};
use crate::text::unsigned;

pub const COLLECTOR: Collector = Collector {
    name: "nvme",
    default: true,
    files: &[],
    tables: &[
        Table::rows("nvme", |limits| limits.small_devices, 320, CONTROLLER),
        Table::rows("nvme_namespaces", |limits| limits.small_devices, 64, NAMESPACE),
        Table::rows("nvme_namespace_info", |limits| limits.small_devices, 128, NAMESPACE_INFO),
    ],
    flags: &[],
    make,
};

const CONTROLLER: &[Family] = &[gauge("node_nvme_info", "An NVMe controller; always 1.")];
const NAMESPACE: &[Family] = &[
    gauge("node_nvme_namespace_capacity_bytes", "Bytes the namespace may use.").key("capacity"),
    gauge("node_nvme_namespace_size_bytes", "Bytes the namespace shows.").key("size"),
    gauge("node_nvme_namespace_used_bytes", "Bytes of the namespace that are in use.").key("used"),
    gauge("node_nvme_namespace_logical_block_size_bytes", "Bytes of a block of the namespace.").key("block"),
];
const NAMESPACE_INFO: &[Family] = &[gauge("node_nvme_namespace_info", "A namespace and its path; always 1.")];
const _: () = check(CONTROLLER);
const _: () = check(NAMESPACE);
const _: () = check(NAMESPACE_INFO);

fn make(setup: &Setup<'_>) -> Box<dyn Collect> {
    let devices = setup.limits.small_devices as usize;
    // A controller's folder has its attributes and namespaces.
    Box::new(Nvme { devices: Names::with_capacity(devices), entries: Names::with_capacity(devices + 64) })
}

struct Nvme {
    devices: Names,
    entries: Names,
}

const CLASS: &[u8] = b"class/nvme/";

impl Collect for Nvme {
    fn collect(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        pass.io.list(Root::Sys, &[b"class/nvme"], &mut self.devices)?;
        if !(0..3).any(|table| pass.out.serves(table)) {
            return Ok(());
        }
        for device in self.devices.iter() {
            set_controller(device, pass);
            match pass.io.list(Root::Sys, &[CLASS, device], &mut self.entries) {
                // Unplugged since the class was listed.
                Err(ReadError::Missing | ReadError::Gone) => continue,
                other => other?,
            }
            for name in self.entries.iter() {
                if let Some(number) = namespace(name) {
                    set_namespace(device, name, number, pass);
                }
            }
        }
        Ok(())
    }
}

fn set_controller(device: &[u8], pass: &mut Pass<'_>) {
    let mut read = |attribute: &[u8]| text::<96>(pass.io, &[CLASS, device, b"/", attribute]);
    let (cntlid, firmware) = (read(b"cntlid"), read(b"firmware_rev"));
    let (model, serial, state) = (read(b"model"), read(b"serial"), read(b"state"));
    if [&cntlid, &firmware, &model, &serial, &state].iter().all(|value| value.is_none()) {
        return;
    }
    let or_empty = Option::unwrap_or_default;
    pass.out
        .table(0)
        .row(&[
            ("cntlid", or_empty(cntlid).as_bytes()),
            ("device", device),
            ("firmware_revision", or_empty(firmware).as_bytes()),
            ("model", or_empty(model).as_bytes()),
            ("serial", or_empty(serial).as_bytes()),
            ("state", or_empty(state).as_bytes()),
        ])
        .set("", 1);
}

/// The number of a namespace: `nvme0n1`, or with several paths `nvme0c0n1`.
fn namespace(name: &[u8]) -> Option<&[u8]> {
    let rest = name.strip_prefix(b"nvme")?;
    let at = rest.iter().position(|byte| *byte == b'n')?;
    let (controller, number) = (&rest[..at], &rest[at + 1..]);
    let mut parts = controller.split(|byte| *byte == b'c');
    let known = parts.next().and_then(unsigned).is_some()
        && parts.next().is_none_or(|part| unsigned(part).is_some())
        && parts.next().is_none();
    (known && unsigned(number).is_some()).then_some(number)
}

fn set_namespace(device: &[u8], name: &[u8], nsid: &[u8], pass: &mut Pass<'_>) {
    let mut read = |attribute: &[u8]| text::<32>(pass.io, &[CLASS, device, b"/", name, b"/", attribute]);
    let state = read(b"ana_state");
    let (size, used) = (read(b"size"), read(b"nuse"));
    let block = read(b"queue/logical_block_size");
    let labels = [("device", device), ("nsid", nsid)];
    let mut malformed = 0_u64;
    let mut number = |text: Option<Text<32>>| {
        let text = text?;
        let value = unsigned(text.as_bytes());
        malformed += u64::from(value.is_none());
        value
    };
    let (size, used, block) = (number(size), number(used), number(block));
    let mut table = pass.out.table(1);
    let mut row = table.row(&labels);
    if let Some(block) = block {
        row.set("block", block);
        // The peer takes both for blocks of the namespace; sysfs counts `size` in sectors of 512 bytes, which is the
        // same for nearly every disk. Dashboards have been drawn over the peer's number.
        if let Some(bytes) = size.and_then(|size| size.checked_mul(block)) {
            row.set("capacity", bytes);
            row.set("size", bytes);
        }
        if let Some(bytes) = used.and_then(|used| used.checked_mul(block)) {
            row.set("used", bytes);
        }
    }
    let state = state.as_ref().map_or(&b"unknown"[..], Text::as_bytes);
    pass.out.table(2).row(&[("ana_state", state), ("device", device), ("nsid", nsid)]).set("", 1);
    pass.out.malformed_by(malformed);
}

/// A short attribute without white space at its ends; `None`: not there, or longer than it can be.
#[cfg(test)]
mod tests {
    use super::namespace;
    use crate::node::testing::{check, failing};

    #[test]
    fn controllers_and_namespaces() {
        check(
            "nvme",
            &[
                ("sys/class/nvme/nvme1/cntlid", "7\n"),
                ("sys/class/nvme/nvme1/firmware_rev", "A1  \n"),
                ("sys/class/nvme/nvme1/model", "Fast Disk   \n"),
                ("sys/class/nvme/nvme1/serial", "S1\n"),
                ("sys/class/nvme/nvme1/state", "live\n"),
                ("sys/class/nvme/nvme1/nvme1n2/size", "1000\n"),
                ("sys/class/nvme/nvme1/nvme1n2/nuse", "10\n"),
                ("sys/class/nvme/nvme1/nvme1n2/queue/logical_block_size", "512\n"),
                ("sys/class/nvme/nvme1/nvme1c0n3/size", "18446744073709551615\n"),
                ("sys/class/nvme/nvme1/nvme1c0n3/ana_state", "optimized\n"),
                ("sys/class/nvme/nvme1/nvme1c0n3/nuse", "x\n"),
                ("sys/class/nvme/nvme1/nvme1c0n3/queue/logical_block_size", "4096\n"),
                ("sys/class/nvme/nvme1/hwmon0/name", "nvme\n"),
            ],
            r#"node_nvme_info{cntlid="7",device="nvme1",firmware_revision="A1",model="Fast Disk",serial="S1",state="live"} 1
               node_nvme_namespace_capacity_bytes{device="nvme1",nsid="2"} 512000
               node_nvme_namespace_size_bytes{device="nvme1",nsid="2"} 512000
               node_nvme_namespace_used_bytes{device="nvme1",nsid="2"} 5120
               node_nvme_namespace_logical_block_size_bytes{device="nvme1",nsid="3"} 4096
               node_nvme_namespace_logical_block_size_bytes{device="nvme1",nsid="2"} 512
               node_nvme_namespace_info{ana_state="optimized",device="nvme1",nsid="3"} 1
               node_nvme_namespace_info{ana_state="unknown",device="nvme1",nsid="2"} 1"#,
        );
        failing("nvme", &[], "no_data", "");
    }

    #[test]
    fn names_of_namespaces() {
        for (name, number) in [
            ("nvme0n1", Some("1")),
            ("nvme10c2n33", Some("33")),
            ("nvme0", None),
            ("nvmen1", None),
            ("nvme0n", None),
            ("nvme0n1p1", None),
            ("nvme0c1c2n1", None),
            ("ng0n1", None),
        ] {
            assert_eq!(namespace(name.as_bytes()), number.map(str::as_bytes), "{name}");
        }
    }
}
