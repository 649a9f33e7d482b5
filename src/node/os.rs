//! The distribution: `etc/os-release`, else `usr/lib/os-release`, below the root file system. Read again when the
//! file's modification time changes.

use crate::base::text::Text;
use crate::collect::{Collect, Collector, Pass, Trouble};
use crate::family::{Family, Table, check, gauge};
use crate::io::{ReadError, Root};
use crate::text::os_release::{self, FILE_BYTES, PATHS, unquote};
use crate::text::{date, float};

pub const COLLECTOR: Collector = Collector {
    name: "os",
    default: true,
    files: &[],
    tables: &[
        // A new version is a new row, while older frames still need theirs.
        Table::rows("os", |limits| limits.frames + 1, 1536, INFO),
        Table::single("os_support_end", SUPPORT_END),
        Table::rows("os_version", |limits| limits.frames + 1, 512, VERSION),
    ],
    flags: &[],
    make: |_| Box::new(Os::new()),
};

const INFO: &[Family] =
    &[gauge("node_os_info", "The distribution as os-release names it; always 1.").key("info")];
const _: () = check(INFO);

const SUPPORT_END: &[Family] = &[gauge(
    "node_os_support_end_timestamp_seconds",
    "When the distribution's support ends, since the epoch.",
)
.key("support_end")
.signed()];
const _: () = check(SUPPORT_END);

const VERSION: &[Family] =
    &[gauge("node_os_version", "Major and minor version of the distribution.").key("version").float()];
const _: () = check(VERSION);

/// Label and key of the file, in the order of the labels.
const LABELS: [(&str, &str); 12] = [
    ("build_id", "BUILD_ID"),
    ("id", "ID"),
    ("id_like", "ID_LIKE"),
    ("image_id", "IMAGE_ID"),
    ("image_version", "IMAGE_VERSION"),
    ("name", "NAME"),
    ("pretty_name", "PRETTY_NAME"),
    ("variant", "VARIANT"),
    ("variant_id", "VARIANT_ID"),
    ("version", "VERSION"),
    ("version_codename", "VERSION_CODENAME"),
    ("version_id", "VERSION_ID"),
];
const ID: usize = 1;
const ID_LIKE: usize = 2;
const NAME: usize = 5;
const VERSION_ID: usize = 11;

type Value = Text<128>;

struct Os {
    buffer: Vec<u8>,
    /// Which of [`PATHS`] was read and when that was written.
    kept: Option<(usize, i64)>,
    values: [Value; LABELS.len()],
    support_end: Value,
}

impl Os {
    fn new() -> Self {
        Os {
            buffer: Vec::with_capacity(FILE_BYTES),
            kept: None,
            values: [Value::new(); LABELS.len()],
            support_end: Value::new(),
        }
    }

    /// Reads the file if it is not the one that was read last.
    fn refresh(&mut self, pass: &mut Pass<'_>) -> Result<(), ReadError> {
        for (index, path) in PATHS.iter().enumerate() {
            let modified = match pass.io.modified(Root::RootFs, &[path.as_bytes()]) {
                Err(ReadError::Missing) => continue,
                other => other?,
            };
            if self.kept == Some((index, modified)) {
                return Ok(());
            }
            self.kept = None;
            match pass.io.read_into(Root::RootFs, &[path.as_bytes()], &mut self.buffer) {
                Err(ReadError::Missing) => continue,
                other => other?,
            }
            self.kept = Some((index, modified));
            self.parse(pass);
            return Ok(());
        }
        Err(ReadError::Missing)
    }

    fn parse(&mut self, pass: &mut Pass<'_>) {
        self.values.fill(Value::new());
        self.support_end.clear();
        for line in os_release::assignments(&self.buffer) {
            let Some((key, text)) = line else {
                pass.out.malformed();
                continue;
            };
            let value = match LABELS.iter().position(|(_, known)| known.as_bytes() == key) {
                Some(at) => &mut self.values[at],
                None if key == b"SUPPORT_END" => &mut self.support_end,
                None => continue,
            };
            value.clear();
            if unquote(text, value).is_none() {
                value.clear();
                pass.out.malformed();
            }
        }
    }
}

impl Collect for Os {
    fn collect(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        self.refresh(pass)?;
        let mut labels = [("", &b""[..]); LABELS.len()];
        for (at, (label, _)) in LABELS.iter().enumerate() {
            labels[at] = (label, self.values[at].as_bytes());
        }
        pass.out.table(0).row(&labels).set("info", 1);
        if !self.support_end.is_empty() {
            match date::parse(self.support_end.as_bytes()) {
                Some(day) => {
                    pass.out.single(1).set_signed("support_end", day * 86_400);
                }
                None => pass.out.malformed(),
            }
        }
        if let Some(version) = version(self.values[VERSION_ID].as_bytes()) {
            let labels = [labels[ID], labels[ID_LIKE], labels[NAME]];
            pass.out.table(2).row(&labels).set_float("version", version);
        }
        Ok(())
    }
}

/// `22.04.3` → 22.04. `None`: no version, or 0.
fn version(text: &[u8]) -> Option<f64> {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let major = digits(text);
    let minor = match text.get(major) {
        Some(b'.') => 1 + digits(&text[major + 1..]),
        _ => 0,
    };
    if major == 0 {
        return None;
    }
    float(&text[..major + minor]).filter(|version| *version > 0.0 && version.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::replay::{Entry, Replay};
    use crate::node::testing::{Bench, failing};

    fn info(id: &str, name: &str, version: &str) -> String {
        format!(
            "node_os_info{{build_id=\"\",id=\"{id}\",id_like=\"\",image_id=\"\",image_version=\"\",name=\"{name}\",\
             pretty_name=\"\",variant=\"\",variant_id=\"\",version=\"\",version_codename=\"\",\
             version_id=\"{version}\"}} 1"
        )
    }

    #[test]
    fn the_file_is_read_again_when_it_changes() {
        let text =
            "# own\nNAME=\"Own \\\"Linux\\\"\"\nID=own\nVERSION_ID=12.4.1\nSUPPORT_END=2030-01-02\nbad\n";
        let mut machine = Replay::with(&[("rootfs/usr/lib/os-release", text)]);
        machine.symlink("rootfs/etc/os-release", "../usr/lib/os-release");
        let mut bench = Bench::new("os", machine, &[]);
        let expect = format!(
            "{}\nnode_os_support_end_timestamp_seconds 1893542400\n\
             node_os_version{{id=\"own\",id_like=\"\",name=\"Own \\\"Linux\\\"\"}} 12.4",
            info("own", "Own \\\"Linux\\\"", "12.4.1")
        );
        assert_eq!(bench.pass(), (Ok(()), expect.clone()));
        bench.machine.file("rootfs/usr/lib/os-release", b"ID=next\nVERSION_ID=rolling\n");
        assert_eq!(bench.pass(), (Ok(()), expect));
        bench.machine.set_modified("rootfs/usr/lib/os-release", 7);
        assert_eq!(bench.pass(), (Ok(()), info("next", "", "rolling")));
        bench.machine.remove("rootfs/usr");
        assert_eq!(bench.pass(), (Err(Trouble::NoData), String::new()));
    }

    #[test]
    fn a_file_that_cannot_be_read() {
        failing("os", &[], "no_data", "");
        let mut machine = Replay::new();
        machine.put("rootfs/etc/os-release", Entry::Broken(ReadError::Denied));
        assert_eq!(Bench::new("os", machine, &[]).pass().0, Err(Trouble::Denied));
        let long = "X".repeat(FILE_BYTES + 1);
        failing("os", &[("rootfs/etc/os-release", &long)], "too_long", "");
    }

    #[test]
    fn versions() {
        assert_eq!(version(b"22.04"), Some(22.04));
        assert_eq!(version(b"9"), Some(9.0));
        assert_eq!(version(b"9."), Some(9.0));
        assert_eq!(version(b"3.18.4_alpha"), Some(3.18));
        assert_eq!(version(b"0"), None);
        assert_eq!(version(b"v1"), None);
        assert_eq!(version("9".repeat(400).as_bytes()), None);
    }
}
