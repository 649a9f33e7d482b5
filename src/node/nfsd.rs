//! The NFS server: `/proc/net/rpc/nfsd`, in the format of the client's file.

use super::nfs::{Numbers, V2, V3, absorb, requests};
use crate::collect::{Collector, Pass, Trouble};
use crate::family::{Family, Table, check, counter, gauge};
use crate::io::FileSpec;
use crate::stateless;
use crate::store::Out;

pub const COLLECTOR: Collector = Collector {
    name: "nfsd",
    default: true,
    files: &[FileSpec::proc("net/rpc/nfsd", |_| 8192).whole()],
    tables: &[Table::single("nfsd", FAMILIES), Table::rows("nfsd_requests", |_| 128, 64, REQUESTS)],
    flags: &[],
    make: stateless!(collect),
};

const FAMILIES: &[Family] = &[
    counter("node_nfsd_reply_cache_hits_total", "Replies that were sent again from the cache.")
        .key("hits")
        .essential(),
    counter("node_nfsd_reply_cache_misses_total", "Requests that went into the reply cache.")
        .key("misses")
        .essential(),
    counter("node_nfsd_reply_cache_nocache_total", "Requests that need no reply cache.")
        .key("nocache")
        .essential(),
    counter("node_nfsd_file_handles_stale_total", "Requests with a file handle that is gone.")
        .key("stale")
        .essential(),
    counter("node_nfsd_disk_bytes_read_total", "Bytes read for clients.").key("read").essential(),
    counter("node_nfsd_disk_bytes_written_total", "Bytes written for clients.").key("written").essential(),
    gauge("node_nfsd_server_threads", "Threads of the server.").key("threads").essential(),
    gauge("node_nfsd_read_ahead_cache_size_blocks", "Size of the read-ahead cache.").key("ra_size"),
    counter(
        "node_nfsd_read_ahead_cache_not_found_total",
        "Lookups that the read-ahead cache could not answer.",
    )
    .key("ra_not_found")
    .essential(),
    counter("node_nfsd_packets_total", "Packets of the server by protocol.")
        .key("packets")
        .split("proto", &["udp", "tcp"])
        .essential(),
    counter("node_nfsd_connections_total", "TCP connections of the server.").key("connections").essential(),
    counter("node_nfsd_rpc_errors_total", "Bad remote procedure calls by what is wrong with them.")
        .key("errors")
        .split("error", &["fmt", "auth", "cInt"])
        .essential(),
    counter("node_nfsd_server_rpcs_total", "Remote procedure calls received.").key("rpcs").essential(),
];
const _: () = check(FAMILIES);

const REQUESTS: &[Family] = &[counter("node_nfsd_requests_total", "Procedures called, by version and name.")
    .key("requests")
    .essential()];
const _: () = check(REQUESTS);

/// NFSv4 operations by their number, RFC 7530; those without a name are not served by the peer.
const OPERATIONS: [&str; 40] = [
    "",
    "",
    "",
    "Access",
    "Close",
    "Commit",
    "Create",
    "DelegPurge",
    "DelegReturn",
    "GetAttr",
    "GetFH",
    "Link",
    "Lock",
    "Lockt",
    "Locku",
    "Lookup",
    "LookupRoot",
    "Nverify",
    "Open",
    "OpenAttr",
    "OpenConfirm",
    "OpenDgrd",
    "PutFH",
    "",
    "",
    "Read",
    "ReadDir",
    "ReadLink",
    "Remove",
    "Rename",
    "Renew",
    "RestoreFH",
    "SaveFH",
    "SecInfo",
    "SetAttr",
    "",
    "",
    "Verify",
    "Write",
    "RelLockOwner",
];

fn collect(pass: &mut Pass<'_>) -> Result<(), Trouble> {
    absorb(pass, set)
}

/// `None`: the line has the wrong number of numbers.
fn set(keyword: &[u8], numbers: &Numbers, out: &mut Out<'_>) -> Option<()> {
    let mut row = out.single(0);
    match (keyword, numbers.get()) {
        (b"rc", [hits, misses, nocache, ..]) => {
            row.set("hits", *hits);
            row.set("misses", *misses);
            row.set("nocache", *nocache);
        }
        (b"fh", [stale, ..]) => {
            row.set("stale", *stale);
        }
        (b"io", [read, written, ..]) => {
            row.set("read", *read);
            row.set("written", *written);
        }
        (b"th", [threads, ..]) => {
            row.set("threads", *threads);
        }
        // Ten steps of depth stand between them.
        (b"ra", [size, _, _, _, _, _, _, _, _, _, _, not_found]) => {
            row.set("ra_size", *size);
            row.set("ra_not_found", *not_found);
        }
        (b"net", [_, udp, tcp, connections]) => {
            row.set_split("packets", "udp", *udp);
            row.set_split("packets", "tcp", *tcp);
            row.set("connections", *connections);
        }
        (b"rpc", [calls, _, format, auth, client]) => {
            row.set_split("errors", "fmt", *format);
            row.set_split("errors", "auth", *auth);
            row.set_split("errors", "cInt", *client);
            row.set("rpcs", *calls);
        }
        // The peer leaves out the procedure that does nothing.
        (b"proc2", _) => requests("2", &V2[1..], numbers.counts()?.get(1..)?, "requests", out),
        (b"proc3", _) => requests("3", &V3[1..], numbers.counts()?.get(1..)?, "requests", out),
        (b"proc4ops", _) => requests("4", &OPERATIONS, numbers.counts()?, "requests", out),
        (b"wdeleg_getattr", [count]) => requests("4", &["WdelegGetattr"], &[*count], "requests", out),
        (b"rc" | b"fh" | b"io" | b"th" | b"ra" | b"net" | b"rpc" | b"wdeleg_getattr", _) => return None,
        _ => {}
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use crate::node::testing::{check, failing};

    #[test]
    fn lines_have_keywords() {
        check(
            "nfsd",
            &[(
                "proc/net/rpc/nfsd",
                "rc 1 2 3\nfh 4 0 0 0 0\nio 5 6\nth 8 0 0.000 0.100\nra 32 0 0 0 0 0 0 0 0 0 0 7\nnet 9 10 11 12\nrpc 13 6 1 2 3\n\
                 proc2 2 1 2\nproc3 1 1\nproc4 2 5 6\nproc4ops 5 0 0 0 7 8\nproc4ops 6 1\nwdeleg_getattr 15\n\n",
            )],
            r#"node_nfsd_reply_cache_hits_total 1
               node_nfsd_reply_cache_misses_total 2
               node_nfsd_reply_cache_nocache_total 3
               node_nfsd_file_handles_stale_total 4
               node_nfsd_disk_bytes_read_total 5
               node_nfsd_disk_bytes_written_total 6
               node_nfsd_server_threads 8
               node_nfsd_read_ahead_cache_size_blocks 32
               node_nfsd_read_ahead_cache_not_found_total 7
               node_nfsd_packets_total{proto="udp"} 10
               node_nfsd_packets_total{proto="tcp"} 11
               node_nfsd_connections_total 12
               node_nfsd_rpc_errors_total{error="fmt"} 1
               node_nfsd_rpc_errors_total{error="auth"} 2
               node_nfsd_rpc_errors_total{error="cInt"} 3
               node_nfsd_server_rpcs_total 13
               node_nfsd_requests_total{method="GetAttr",proto="2"} 2
               node_nfsd_requests_total{method="Access",proto="4"} 7
               node_nfsd_requests_total{method="Close",proto="4"} 8
               node_nfsd_requests_total{method="WdelegGetattr",proto="4"} 15"#,
        );
        failing("nfsd", &[], "no_data", "");
        check("nfsd", &[("proc/net/rpc/nfsd", "rc 1 2\nio -1 3\nrpc 1\nproc2\nproc3 0\n")], "");
    }
}
