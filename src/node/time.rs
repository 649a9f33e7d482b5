//! The clock, the time zone, and the clock sources: `/sys/devices/system/clocksource`.
//!
//! The zone is the one this process would show, as the peer has it: the file that the environment variable TZ names,
//! else `/etc/localtime`, else UTC.

use crate::base::clock::{Moment, Monotonic};
use crate::base::text::Text;
use crate::collect::{Collect, Collector, Pass, Setup, Trouble};
use crate::family::{Family, Table, check, gauge};
use crate::io::{Io, Names, ReadError, Root};
use crate::text::attribute::{numbered, value};
use crate::text::timezone::{Zone, lookup};
use crate::text::words;
use std::os::unix::ffi::OsStringExt;
use std::time::Duration;

pub const COLLECTOR: Collector = Collector {
    name: "time",
    default: true,
    files: &[],
    tables: &[
        Table::rows("clocksource", |_| 64, 128, SOURCES),
        Table::single("time", TIME),
        // Summer time is a new row, while older frames still need theirs.
        Table::rows("time_zone", |limits| limits.frames + 1, 64, ZONE),
    ],
    flags: &[],
    make: |setup| Box::new(Time::new(setup)),
};

const SOURCES: &[Family] = &[
    gauge("node_time_clocksource_available_info", "A clock source that the kernel could use; always 1.")
        .key("available"),
    gauge("node_time_clocksource_current_info", "The clock source that the kernel uses; always 1.")
        .key("current"),
];
const _: () = check(SOURCES);

const TIME: &[Family] = &[gauge("node_time_seconds", "The system's clock: seconds since the epoch.")
    .key("now")
    .decimals(9)
    .essential()];
const _: () = check(TIME);

const ZONE: &[Family] =
    &[gauge("node_time_zone_offset_seconds", "Seconds that the local time zone is ahead of UTC.")
        .key("offset")
        .signed()];
const _: () = check(ZONE);

const SOURCE_TABLE: usize = 0;
const TIME_TABLE: usize = 1;
const ZONE_TABLE: usize = 2;

const FOLDER: &[u8] = b"devices/system/clocksource/";

struct Time {
    sources: Names,
    local: LocalTime,
}

impl Time {
    fn new(_: &Setup<'_>) -> Self {
        let tz = std::env::var_os("TZ").map(OsStringExt::into_vec);
        Time { sources: Names::with_capacity(8), local: LocalTime::new(tz.as_deref()) }
    }
}

impl Collect for Time {
    fn collect(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        if let Ok(nanos) = u64::try_from(pass.now.unix_nanos) {
            pass.out.single(TIME_TABLE).set("now", nanos);
        }
        if pass.out.wants(ZONE_TABLE, "offset") {
            let zone = self.local.zone(pass.io, pass.now);
            let labels = [("time_zone", zone.name.as_bytes())];
            pass.out.table(ZONE_TABLE).row(&labels).set_signed("offset", i64::from(zone.offset));
        }
        if !pass.out.wants(SOURCE_TABLE, "current") {
            return Ok(());
        }
        // The folders are there from boot on; what is in them changes when the kernel gives up a clock.
        if self.sources.is_empty() {
            match pass.io.list(Root::Sys, &[FOLDER], &mut self.sources) {
                Ok(()) | Err(ReadError::Missing) => {}
                Err(error) => return Err(error.into()),
            }
        }
        for name in self.sources.iter() {
            if let Some(device) = numbered(name, "clocksource") {
                clock_sources(pass, name, device);
            }
        }
        Ok(())
    }
}

fn clock_sources(pass: &mut Pass<'_>, name: &[u8], device: &[u8]) {
    for (key, file) in [("available", &b"/available_clocksource"[..]), ("current", b"/current_clocksource")] {
        let Ok(text) = pass.io.read(Root::Sys, &[FOLDER, name, file]) else { continue };
        for source in words(value(text)) {
            pass.out.table(SOURCE_TABLE).row(&[("clocksource", source), ("device", device)]).set(key, 1);
        }
    }
}

/// Where zones are looked for by name, as Go does.
const ZONE_FOLDERS: [&str; 4] =
    ["/usr/share/zoneinfo/", "/usr/share/lib/zoneinfo/", "/usr/lib/locale/TZ/", "/etc/zoneinfo/"];
const FILE_BYTES: usize = 16 * 1024;
/// How often the file is read again: the zone of a machine is changed by hand.
const READ_EVERY: Duration = Duration::from_secs(60);

/// Which file says what the local time is.
#[derive(Clone, Copy)]
enum Source {
    /// No file: TZ is empty, `UTC` or too long.
    Utc,
    /// TZ is not set.
    Localtime,
    /// TZ is a path.
    Path(Text<256>),
    /// TZ is a name below one of [`ZONE_FOLDERS`].
    Named(Text<256>),
}

impl Source {
    fn of(tz: Option<&[u8]>) -> Self {
        let Some(tz) = tz else { return Source::Localtime };
        let tz = tz.strip_prefix(b":").unwrap_or(tz);
        let mut text = Text::new();
        // A name with `..` could point to any file.
        let climbs = tz.split(|byte| *byte == b'/').any(|piece| piece == b"..");
        match text.push(tz) {
            Ok(()) if tz.starts_with(b"/") => Source::Path(text),
            Ok(()) if !tz.is_empty() && tz != b"UTC" && !climbs => Source::Named(text),
            _ => Source::Utc,
        }
    }
}

struct LocalTime {
    source: Source,
    buffer: Vec<u8>,
    read_at: Option<Monotonic>,
}

impl LocalTime {
    fn new(tz: Option<&[u8]>) -> Self {
        LocalTime { source: Source::of(tz), buffer: Vec::with_capacity(FILE_BYTES), read_at: None }
    }

    fn zone(&mut self, io: &mut dyn Io, now: Moment) -> Zone {
        if self.read_at.is_none_or(|then| now.monotonic.since(then) >= READ_EVERY) {
            self.read_at = Some(now.monotonic);
            if !self.read(io) {
                self.buffer.clear();
            }
        }
        lookup(&self.buffer, now.unix_nanos.div_euclid(1_000_000_000)).unwrap_or_else(Zone::utc)
    }

    fn read(&mut self, io: &mut dyn Io) -> bool {
        let buffer = &mut self.buffer;
        match &self.source {
            Source::Utc => false,
            Source::Localtime => io.read_into(Root::Absolute, &[b"/etc/localtime"], buffer).is_ok(),
            Source::Path(path) => io.read_into(Root::Absolute, &[path.as_bytes()], buffer).is_ok(),
            Source::Named(name) => ZONE_FOLDERS.iter().any(|folder| {
                io.read_into(Root::Absolute, &[folder.as_bytes(), name.as_bytes()], buffer).is_ok()
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::replay::Replay;
    use crate::node::testing::Bench;

    fn samples(machine: Replay, pick: &str) -> String {
        let (result, text) = Bench::new("time", machine, &[]).pass();
        assert_eq!(result, Ok(()));
        text.lines().filter(|line| line.contains(pick)).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn nanoseconds_are_exact() {
        let mut bench = Bench::new("time", Replay::new(), &[]);
        bench.now.unix_nanos = 1_700_000_000_123_456_789 - 15_000_000_000;
        assert!(bench.pass().1.starts_with("node_time_seconds 1700000000.123456789\n"));
        bench.now.unix_nanos = -20_000_000_000;
        let (result, text) = bench.pass();
        assert_eq!(result, Ok(()));
        assert!(!text.contains("node_time_seconds"), "{text}");
    }

    #[test]
    fn clock_sources_are_read_every_pass() {
        let mut bench = Bench::new(
            "time",
            Replay::with(&[
                ("sys/devices/system/clocksource/clocksource0/available_clocksource", "tsc hpet \n"),
                ("sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n"),
                ("sys/devices/system/clocksource/power/async", ""),
            ]),
            &[],
        );
        let (_, text) = bench.pass();
        assert!(
            text.starts_with(
                "node_time_clocksource_available_info{clocksource=\"tsc\",device=\"0\"} 1\n\
                 node_time_clocksource_available_info{clocksource=\"hpet\",device=\"0\"} 1\n\
                 node_time_clocksource_current_info{clocksource=\"tsc\",device=\"0\"} 1\n\
                 node_time_seconds "
            ),
            "{text}"
        );
        bench.machine.file("sys/devices/system/clocksource/clocksource0/current_clocksource", b"hpet\n");
        let (_, text) = bench.pass();
        assert!(text.contains("node_time_clocksource_current_info{clocksource=\"hpet\",device=\"0\"} 1\n"));
        assert!(!text.contains("current_info{clocksource=\"tsc\""));
    }

    #[test]
    fn without_files_the_zone_is_utc() {
        let text = samples(Replay::new(), "zone");
        assert_eq!(text, "node_time_zone_offset_seconds{time_zone=\"UTC\"} 0");
    }

    /// A zone without transitions.
    fn tzif(rule: &str) -> Vec<u8> {
        let mut header = b"TZif2".to_vec();
        header.extend_from_slice(&[0; 15 + 16]);
        header.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 4]);
        let body = b"\0\0\0\0\0\0LMT\0";
        [&header, &body[..], &header, &body[..], b"\n", rule.as_bytes(), b"\n"].concat()
    }

    #[track_caller]
    fn local(tz: Option<&str>, expect: (&str, i32)) {
        let mut machine = Replay::new();
        machine.file("etc/localtime", &tzif("AAA-1"));
        machine.file("usr/share/lib/zoneinfo/Own/Place", &tzif("<-02>2"));
        machine.file("usr/share/zoneinfo/Broken", b"TZif");
        let mut zone = LocalTime::new(tz.map(str::as_bytes));
        let found = zone.zone(&mut machine, Moment::default());
        assert_eq!((found.name.as_str(), found.offset), expect);
    }

    #[test]
    fn the_variable_tz_names_a_file() {
        local(None, ("AAA", 3600));
        local(Some(""), ("UTC", 0));
        local(Some(":UTC"), ("UTC", 0));
        local(Some("Own/Place"), ("-02", -7200));
        local(Some(":Own/Place"), ("-02", -7200));
        local(Some("/etc/localtime"), ("AAA", 3600));
        local(Some("/not/there"), ("UTC", 0));
        local(Some("../../../etc/localtime"), ("UTC", 0));
        local(Some("Broken"), ("UTC", 0));
        local(Some(&"x".repeat(300)), ("UTC", 0));
    }

    #[test]
    fn the_file_is_read_again_after_a_minute() {
        let mut machine = Replay::new();
        machine.file("etc/localtime", &tzif("AAA-1"));
        let mut zone = LocalTime::new(None);
        let mut name = |machine: &mut Replay, seconds: u64| {
            let now = Moment { monotonic: Monotonic(seconds * 1_000_000_000), unix_nanos: 0 };
            zone.zone(machine, now).name.as_str().to_owned()
        };
        assert_eq!(name(&mut machine, 1), "AAA");
        machine.file("etc/localtime", &tzif("BBB-1"));
        assert_eq!(name(&mut machine, 60), "AAA");
        assert_eq!(name(&mut machine, 61), "BBB");
        machine.remove("etc/localtime");
        assert_eq!(name(&mut machine, 121), "UTC");
    }
}
