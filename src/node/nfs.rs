//! The NFS client: `/proc/net/rpc/nfs`.
//!
//! Format: a keyword and numbers on each line; "proc3 22 0 5 …" has the number of its procedures first.

use crate::collect::{Collector, Pass, Trouble};
use crate::family::{Family, Table, check, counter};
use crate::io::FileSpec;
use crate::stateless;
use crate::store::Out;
use crate::text::{lines, unsigned, words};

pub const COLLECTOR: Collector = Collector {
    name: "nfs",
    default: true,
    files: &[FileSpec::proc("net/rpc/nfs", |_| 8192).whole()],
    tables: &[Table::single("nfs", FAMILIES), Table::rows("nfs_requests", |_| 128, 64, REQUESTS)],
    flags: &[],
    make: stateless!(collect),
};

const FAMILIES: &[Family] = &[
    counter("node_nfs_packets_total", "Packets of the client by protocol.")
        .key("packets")
        .split("protocol", &["udp", "tcp"])
        .essential(),
    counter("node_nfs_connections_total", "TCP connections of the client.").key("connections").essential(),
    counter("node_nfs_rpcs_total", "Remote procedure calls made.").key("rpcs").essential(),
    counter("node_nfs_rpc_retransmissions_total", "Calls sent again.").key("retransmissions").essential(),
    counter("node_nfs_rpc_authentication_refreshes_total", "Credentials refreshed.")
        .key("refreshes")
        .essential(),
];
const _: () = check(FAMILIES);

const REQUESTS: &[Family] = &[counter("node_nfs_requests_total", "Procedures called, by version and name.")
    .key("requests")
    .essential()];
const _: () = check(REQUESTS);

/// NFSv2 procedures by their number, RFC 1094, in the peer's spelling.
pub(super) const V2: [&str; 18] = [
    "Null", "GetAttr", "SetAttr", "Root", "Lookup", "ReadLink", "Read", "WrCache", "Write", "Create",
    "Remove", "Rename", "Link", "SymLink", "MkDir", "RmDir", "ReadDir", "FsStat",
];

/// NFSv3 procedures by their number, RFC 1813.
pub(super) const V3: [&str; 22] = [
    "Null",
    "GetAttr",
    "SetAttr",
    "Lookup",
    "Access",
    "ReadLink",
    "Read",
    "Write",
    "Create",
    "MkDir",
    "SymLink",
    "MkNod",
    "Remove",
    "RmDir",
    "Rename",
    "Link",
    "ReadDir",
    "ReadDirPlus",
    "FsStat",
    "FsInfo",
    "PathConf",
    "Commit",
];

/// NFSv4 procedures of the Linux client by their number, NFSPROC4_CLNT_*.
const V4: [&str; 59] = [
    "Null",
    "Read",
    "Write",
    "Commit",
    "Open",
    "OpenConfirm",
    "OpenNoattr",
    "OpenDowngrade",
    "Close",
    "Setattr",
    "FsInfo",
    "Renew",
    "SetClientID",
    "SetClientIDConfirm",
    "Lock",
    "Lockt",
    "Locku",
    "Access",
    "Getattr",
    "Lookup",
    "LookupRoot",
    "Remove",
    "Rename",
    "Link",
    "Symlink",
    "Create",
    "Pathconf",
    "StatFs",
    "ReadLink",
    "ReadDir",
    "ServerCaps",
    "DelegReturn",
    "GetACL",
    "SetACL",
    "FsLocations",
    "ReleaseLockowner",
    "Secinfo",
    "FsidPresent",
    "ExchangeID",
    "CreateSession",
    "DestroySession",
    "Sequence",
    "GetLeaseTime",
    "ReclaimComplete",
    "GetDeviceInfo",
    "LayoutGet",
    "LayoutCommit",
    "LayoutReturn",
    "SecinfoNoName",
    "TestStateID",
    "FreeStateID",
    "GetDeviceList",
    "BindConnToSession",
    "DestroyClientID",
    "Seek",
    "Allocate",
    "DeAllocate",
    "LayoutStats",
    "Clone",
];

/// Most numbers of a line that are kept; NFSv4 has the most.
const NUMBERS: usize = 160;

/// The numbers of a line.
pub(super) struct Numbers {
    values: [u64; NUMBERS],
    used: usize,
}

impl Numbers {
    /// All words must be numbers, except where the kernel prints an average: what comes after it is left out.
    pub(super) fn parse<'a>(words: impl Iterator<Item = &'a [u8]>) -> Option<Numbers> {
        let mut numbers = Numbers { values: [0; NUMBERS], used: 0 };
        for (to, word) in numbers.values.iter_mut().zip(words) {
            if word.contains(&b'.') {
                break;
            }
            *to = unsigned(word)?;
            numbers.used += 1;
        }
        Some(numbers)
    }

    pub(super) fn get(&self) -> &[u64] {
        &self.values[..self.used]
    }

    /// The counts of procedures, after their number; `None`: the line has more or fewer than it says.
    pub(super) fn counts(&self) -> Option<&[u64]> {
        let (first, counts) = self.get().split_first()?;
        (u64::try_from(counts.len()) == Ok(*first)).then_some(counts)
    }
}

/// Sets the counts of procedures by their names; an empty name is not served.
pub(super) fn requests(proto: &str, names: &[&str], counts: &[u64], key: &str, out: &mut Out<'_>) {
    let mut table = out.table(1);
    for (name, count) in names.iter().zip(counts).filter(|(name, _)| !name.is_empty()) {
        table.row(&[("method", name.as_bytes()), ("proto", proto.as_bytes())]).set(key, *count);
    }
}

fn collect(pass: &mut Pass<'_>) -> Result<(), Trouble> {
    absorb(pass, set)
}

/// Hands every line of the first file to `set`, by its first word and its numbers; a line it refuses is counted.
pub(super) fn absorb(
    pass: &mut Pass<'_>,
    set: fn(&[u8], &Numbers, &mut Out<'_>) -> Option<()>,
) -> Result<(), Trouble> {
    for line in lines(pass.files.get(0)?) {
        let mut words = words(line);
        let keyword = words.next().unwrap_or(b"");
        let done = Numbers::parse(words).and_then(|numbers| set(keyword, &numbers, &mut pass.out));
        if done.is_none() {
            pass.out.malformed();
        }
    }
    Ok(())
}

/// `None`: the line has the wrong number of numbers.
fn set(keyword: &[u8], numbers: &Numbers, out: &mut Out<'_>) -> Option<()> {
    match (keyword, numbers.get()) {
        (b"net", [_, udp, tcp, connections]) => {
            let mut row = out.single(0);
            row.set_split("packets", "udp", *udp);
            row.set_split("packets", "tcp", *tcp);
            row.set("connections", *connections);
        }
        (b"rpc", [calls, again, refreshes]) => {
            let mut row = out.single(0);
            row.set("rpcs", *calls);
            row.set("retransmissions", *again);
            row.set("refreshes", *refreshes);
        }
        (b"proc2", _) => requests("2", &V2, numbers.counts()?, "requests", out),
        (b"proc3", _) => requests("3", &V3, numbers.counts()?, "requests", out),
        (b"proc4", _) => {
            // A procedure that this kernel does not have was called 0 times, as the peer says too.
            let counts = numbers.counts()?;
            let mut padded = [0; V4.len()];
            for (to, count) in padded.iter_mut().zip(counts) {
                *to = *count;
            }
            requests("4", &V4, &padded, "requests", out);
        }
        (b"net" | b"rpc", _) => return None,
        _ => {}
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use crate::io::replay::Replay;
    use crate::node::testing::{Bench, check, failing};

    #[test]
    fn lines_have_keywords() {
        check(
            "nfs",
            &[(
                "proc/net/rpc/nfs",
                "net 70 1 69 45\nrpc 18446744073709551615 6 x\nrpc 12 6 14\nproc2 2 16 57\nproc3 9 1\nnew 1 2\n",
            )],
            r#"node_nfs_packets_total{protocol="udp"} 1
               node_nfs_packets_total{protocol="tcp"} 69
               node_nfs_connections_total 45
               node_nfs_rpcs_total 12
               node_nfs_rpc_retransmissions_total 6
               node_nfs_rpc_authentication_refreshes_total 14
               node_nfs_requests_total{method="Null",proto="2"} 16
               node_nfs_requests_total{method="GetAttr",proto="2"} 57"#,
        );
        failing("nfs", &[], "no_data", "");
    }

    #[test]
    fn procedures_of_a_newer_kernel_are_left_out_and_of_an_older_one_are_0() {
        let run = |count: usize| {
            let counts = (1..=count).map(|number| number.to_string()).collect::<Vec<_>>().join(" ");
            let text = format!("proc4 {count} {counts}\n");
            Bench::new("nfs", Replay::with(&[("proc/net/rpc/nfs", &text)]), &[]).pass().1
        };
        assert!(run(69).ends_with(r#"node_nfs_requests_total{method="Clone",proto="4"} 59"#));
        let old = run(48);
        assert!(old.contains(r#"node_nfs_requests_total{method="LayoutReturn",proto="4"} 48"#));
        assert!(old.contains(r#"node_nfs_requests_total{method="SecinfoNoName",proto="4"} 0"#));
        assert_eq!(old.lines().count(), 59);
    }
}
