//! Traffic of the root, of pods' sandboxes and of containers with a network of their own: `net/dev` of a process.
//!
//! The file is never held open: an open one keeps the network of a pod that is gone.

use super::files::PROCESSES;
use super::labels::Names;
use super::path::Kind;
use super::started;
use super::state::Role;
use super::visit::Visit;
use crate::base::text::Text;
use crate::collect::Pass;
use crate::family::{Family, check, counter};
use crate::io::groups::{GroupId, Groups};
use crate::io::{Io, ReadError, Root};
use crate::store::Handle;
use crate::text::netdev::{COLUMNS, Device, devices};
use crate::text::{lines, trim, unsigned};
use std::fmt::Write as _;

/// Labels of a row, after those of its group: `interface`.
pub(super) const FAMILIES: &[Family] = &[
    traffic("receive_bytes", "container_network_receive_bytes_total", "Bytes received."),
    traffic("receive_packets", "container_network_receive_packets_total", "Packets received."),
    traffic("receive_errs", "container_network_receive_errors_total", "Bad packets received."),
    traffic(
        "receive_drop",
        "container_network_receive_packets_dropped_total",
        "Packets received and not kept.",
    ),
    traffic("transmit_bytes", "container_network_transmit_bytes_total", "Bytes sent."),
    traffic("transmit_packets", "container_network_transmit_packets_total", "Packets sent."),
    traffic("transmit_errs", "container_network_transmit_errors_total", "Packets that could not be sent."),
    traffic(
        "transmit_drop",
        "container_network_transmit_packets_dropped_total",
        "Packets dropped before they were sent.",
    ),
];
const _: () = check(FAMILIES);

const fn traffic(key: &'static str, name: &'static str, help: &'static str) -> Family {
    counter(name, help).key(key).essential()
}

/// `interface="…"`: a name has at most 15 bytes, each of which may need an escape or a mark.
pub(super) const INTERFACE_BYTES: u16 = 64;

/// Devices that are left out, by how their names begin. cAdvisor's list: what leads from the machine to its containers
/// is counted on the other side.
const SKIPPED: [&[u8]; 4] = [b"lo", b"veth", b"docker", b"nerdctl"];

/// Some thousand devices.
const FILE_BYTES: usize = 256 * 1024;

/// A process, in digits.
type Pid = Text<16>;

/// Reads the networks of groups.
pub(super) struct Network {
    file: Vec<u8>,
}

impl Network {
    pub fn new() -> Self {
        Network { file: Vec::with_capacity(FILE_BYTES) }
    }

    /// Shows the devices of a group that has a network.
    pub fn show(
        &mut self,
        names: &mut Names,
        visit: &mut Visit<'_>,
        group: Handle,
        table: usize,
        pass: &mut Pass<'_>,
    ) {
        if !pass.out.serves(table) {
            return;
        }
        let search = Search { names, groups: visit.groups, io: pass.io, file: &mut self.file };
        let Some(pid) = search.process(visit.id) else { return };
        match pass.io.read_into(Root::Proc, &[pid.as_bytes(), b"/net/dev"], &mut self.file) {
            Ok(()) => {}
            // The process has ended.
            Err(ReadError::Missing | ReadError::Gone | ReadError::Unsupported) => return,
            Err(error) => {
                visit.trouble = Some(error.into());
                return;
            }
        }
        let mut rows = pass.out.table(table);
        for device in devices(&self.file) {
            let Some(device) = device.filter(Device::is_whole) else {
                visit.malformed += 1;
                continue;
            };
            if SKIPPED.iter().any(|prefix| device.name.starts_with(prefix)) {
                continue;
            }
            let mut row = rows.row_below(group, &[("interface", device.name)]);
            for (key, number) in COLUMNS.into_iter().zip(device.numbers) {
                if let Some(number) = number {
                    // Columns that no family wants are passed over.
                    row.set(key, number);
                }
            }
        }
    }
}

/// A search for a process that has the network of a group; begun anew in every pass, for a number is used again.
struct Search<'a> {
    names: &'a mut Names,
    groups: &'a mut Groups,
    io: &'a mut dyn Io,
    file: &'a mut Vec<u8>,
}

impl Search<'_> {
    fn process(mut self, id: GroupId) -> Option<Pid> {
        if self.groups.parent(id).is_none() {
            return digits(1);
        }
        match (self.names.kind(id), self.names.role(id)) {
            (Kind::Placeholder, _) | (_, Some(Role::Sandbox | Role::Alone)) => {}
            _ => return None,
        }
        if let Some(pid) = self.of(id) {
            return Some(pid);
        }
        // The processes of a container may be one level below; those of a sandbox that CRI-O does without are its pod's.
        let in_pod = self.names.kind(id) == Kind::Placeholder || self.names.role(id) == Some(Role::Sandbox);
        let above = if in_pod { self.names.pod(self.groups, id) } else { None }.unwrap_or(id);
        let mut at = 0;
        while let Some(other) = self.groups.get(at) {
            at += 1;
            if other != id
                && is_below(self.groups, other, above)
                && let Some(pid) = self.of(other)
            {
                return Some(pid);
            }
        }
        None
    }

    /// The first process of a group. Those outside of our own PID namespace are listed as 0, or with v1 not at all: then it
    /// is the one that the runtime started.
    fn of(&mut self, id: GroupId) -> Option<Pid> {
        if let Some(pid) = first_process(self.groups, id) {
            return Some(pid);
        }
        let Search { names, groups, io, file } = self;
        let pid = names.process(id, |pid| {
            let Some(pid) = digits(pid) else { return false };
            let read = io.read_into(Root::Proc, &[pid.as_bytes(), b"/cgroup"], file);
            read.is_ok() && started::is_in(file, groups.path(id).as_bytes())
        });
        digits(pid?)
    }
}

fn digits(pid: u32) -> Option<Pid> {
    let mut digits = Pid::new();
    write!(digits, "{pid}").ok()?;
    Some(digits)
}

/// The first process of a group that has a number here.
fn first_process(groups: &mut Groups, id: GroupId) -> Option<Pid> {
    let list = groups.read(id, PROCESSES).ok()?;
    let first = lines(list).map(trim).find(|line| unsigned(line).is_some_and(|pid| pid > 0))?;
    let mut pid = Pid::new();
    pid.push(first).ok()?;
    Some(pid)
}

fn is_below(groups: &Groups, id: GroupId, above: GroupId) -> bool {
    let mut next = groups.parent(id);
    while let Some(group) = next {
        if group == above {
            return true;
        }
        next = groups.parent(group);
    }
    false
}

#[cfg(test)]
mod tests;
