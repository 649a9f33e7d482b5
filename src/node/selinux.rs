//! SELinux: `/sys/fs/selinux/enforce` and `/etc/selinux/config`.

use crate::collect::{Collector, Pass, Trouble};
use crate::family::{Family, Table, check, gauge};
use crate::io::{FileSpec, Io, ReadError, Root};
use crate::stateless;
use crate::text::{lines, split_once, trim, unsigned};

pub const COLLECTOR: Collector = Collector {
    name: "selinux",
    default: true,
    files: &[FileSpec::sys("fs/selinux/enforce", |_| 64)],
    tables: &[Table::single("selinux", FAMILIES)],
    flags: &[],
    make: stateless!(collect),
};

const FAMILIES: &[Family] = &[
    gauge("node_selinux_config_mode", "Mode of the next boot: 1 enforcing, 0 permissive, -1 disabled.")
        .key("config")
        .signed(),
    gauge("node_selinux_current_mode", "Mode of now: 1 enforcing, 0 permissive.").key("current").signed(),
    gauge("node_selinux_enabled", "Whether SELinux is on.").key("enabled"),
];
const _: () = check(FAMILIES);

fn collect(pass: &mut Pass<'_>) -> Result<(), Trouble> {
    let files = pass.files;
    let enforce = match files.get(0) {
        Err(ReadError::Missing) => None,
        // Without a policy every task is "kernel": mounted, and still off.
        _ if label(pass.io) == Some(b"kernel") => None,
        answer => Some(answer),
    };
    let Some(enforce) = enforce else {
        pass.out.single(0).set("enabled", 0);
        return Ok(());
    };
    // go-selinux reads the configuration with its default in mind: a file that is not there says "disabled".
    let config = match pass.io.read(Root::RootFs, &[b"etc/selinux/config"]) {
        Ok(text) => Some(config_mode(text)),
        Err(ReadError::Missing) => Some(-1),
        Err(_) => None,
    };
    let current = enforce.ok().and_then(|text| unsigned(trim(text)));
    let mut row = pass.out.single(0);
    if let Some(config) = config {
        row.set_signed("config", config);
    }
    if let Some(mode) = current.and_then(|mode| i64::try_from(mode).ok()) {
        row.set_signed("current", mode);
    }
    row.set("enabled", 1);
    Ok(())
}

/// The label of the agent's own task, up to the NUL at its end.
fn label(io: &mut dyn Io) -> Option<&[u8]> {
    let text = io.read(Root::Proc, &[b"self/attr/current"]).ok()?;
    text.split(|byte| *byte == 0).next().map(trim)
}

/// The mode that "SELINUX=…" names; anything else is "disabled".
fn config_mode(text: &[u8]) -> i64 {
    for line in lines(text).map(trim) {
        let Some((key, value)) = split_once(line, b'=') else { continue };
        if trim(key) == b"SELINUX" {
            let value = trim(value);
            return match value {
                _ if value.eq_ignore_ascii_case(b"enforcing") => 1,
                _ if value.eq_ignore_ascii_case(b"permissive") => 0,
                _ => -1,
            };
        }
    }
    -1
}

#[cfg(test)]
mod tests {
    use crate::node::testing::check;

    const ENFORCE: &str = "sys/fs/selinux/enforce";
    const CONFIG: &str = "rootfs/etc/selinux/config";

    #[test]
    fn off_is_a_zero_and_nothing_else() {
        check("selinux", &[], "node_selinux_enabled 0");
        check("selinux", &[(ENFORCE, "0"), ("proc/self/attr/current", "kernel\0")], "node_selinux_enabled 0");
    }

    #[test]
    fn on_has_both_modes() {
        check(
            "selinux",
            &[
                (ENFORCE, "1"),
                (CONFIG, "# SELINUX=disabled\nSELINUX=permissive\nSELINUXTYPE=targeted\n"),
                ("proc/self/attr/current", "system_u:system_r:unconfined_service_t:s0\0"),
            ],
            "node_selinux_config_mode 0
             node_selinux_current_mode 1
             node_selinux_enabled 1",
        );
    }

    #[test]
    fn what_cannot_be_read_is_missing() {
        check(
            "selinux",
            &[(ENFORCE, "x")],
            "node_selinux_config_mode -1
             node_selinux_enabled 1",
        );
    }
}
