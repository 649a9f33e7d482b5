//! What uname(2) says of the kernel and the host.

use crate::collect::{Collector, Pass, Trouble};
use crate::family::{Family, Table, check, gauge};
use crate::stateless;

pub const COLLECTOR: Collector = Collector {
    name: "uname",
    default: true,
    files: &[],
    // A new host name is a new row, while older frames still need theirs.
    tables: &[Table::rows("uname", |limits| limits.frames + 1, 768, FAMILIES)],
    flags: &[],
    make: stateless!(collect),
};

const FAMILIES: &[Family] =
    &[gauge("node_uname_info", "Kernel and host as uname(2) names them; always 1.").key("info").essential()];
const _: () = check(FAMILIES);

fn collect(pass: &mut Pass<'_>) -> Result<(), Trouble> {
    let uname = pass.io.uname();
    let labels = [
        ("domainname", uname.domainname),
        ("machine", uname.machine),
        ("nodename", uname.nodename),
        ("release", uname.release),
        ("sysname", uname.sysname),
        ("version", uname.version),
    ];
    pass.out.table(0).row(&labels).set("info", 1);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::io::replay::Replay;
    use crate::node::testing::Bench;

    #[test]
    fn six_labels() {
        let mut machine = Replay::new();
        machine.uname = [&b"Linux"[..], b"6.1.0-9-amd64", b"#1 SMP \"x\"", b"x86_64", b"node-7", b"(none)"]
            .map(<[u8]>::to_vec);
        let (result, text) = Bench::new("uname", machine, &[]).pass();
        assert_eq!(result, Ok(()));
        assert_eq!(
            text,
            "node_uname_info{domainname=\"(none)\",machine=\"x86_64\",nodename=\"node-7\",\
             release=\"6.1.0-9-amd64\",sysname=\"Linux\",version=\"#1 SMP \\\"x\\\"\"} 1"
        );
    }

    #[test]
    fn an_empty_answer_is_an_empty_label() {
        let (result, text) = Bench::new("uname", Replay::new(), &[]).pass();
        assert_eq!(result, Ok(()));
        assert!(text.contains("nodename=\"\""), "{text}");
    }
}
