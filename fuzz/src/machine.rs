//! Any collector on a machine made of the fuzzer's bytes: it must not panic, and what it renders must be well formed.

use trimeter::base::clock::{Moment, Monotonic};
use trimeter::collect::{Pass, Setup};
use trimeter::expo::render_all;
use trimeter::family::Profile;
use trimeter::flags::Flags;
use trimeter::io::replay::Replay;
use trimeter::io::{Dump, Files, Root, Roots};
use trimeter::limits::Limits;
use trimeter::node::COLLECTORS;
use trimeter::store::Store;

/// The first byte picks the collector. The rest are files, each up to a line "====\n" and from the second pass on
/// changed again: first those with a fixed name, in their order. A section "path\n" then contents with the prefix
/// "@" is a file of that path (`@sys/class/net/eth0/mtu`), "@>" a link whose contents are its target, and "!" the
/// messages of a dump.
pub fn collectors(bytes: &[u8]) {
    let Some((first, rest)) = bytes.split_first() else { return };
    let collector = &COLLECTORS[usize::from(*first) % COLLECTORS.len()];
    let limits = Limits { cpus: 4, ..Limits::default() };
    let flags = Flags::defaults(&[collector.flags]);
    let roots = Roots::default();
    let setup = Setup { flags: &flags, limits: &limits, roots: &roots, page_bytes: 4096 };
    let mut state = (collector.make)(&setup);
    let mut store = Store::new(collector.tables.iter(), &limits, Profile::Full);
    let mut machine = machine_of(rest, collector.files.iter().map(|spec| (spec.root, spec.path)));
    let mut now = Moment { monotonic: Monotonic(1_000_000_000), unix_nanos: 1_700_000_000_000_000_000 };
    for pass in 0..3 {
        let mut slots = Vec::new();
        machine.fill(collector.files, &limits, &mut slots);
        assert!(store.begin(|_| false));
        let mut pass_over = Pass {
            files: Files::new(&slots),
            io: &mut machine,
            out: store.out(0, collector.tables.len()),
            now,
        };
        // Trouble is a fine answer; only a panic is not.
        let _trouble = state.request(&mut pass_over).and_then(|()| state.collect(&mut pass_over));
        store.commit();
        if let Some(frame) = store.pin() {
            well_formed(&render_all(&store, frame, &|_| true));
            store.unpin(frame);
        }
        now.monotonic.0 += 15_000_000_000;
        now.unix_nanos += 15_000_000_000;
        // What was there is gone in the second pass and back, cut short, in the third.
        machine = match pass {
            0 => Replay::new(),
            _ => {
                machine_of(&rest[..rest.len() / 2], collector.files.iter().map(|spec| (spec.root, spec.path)))
            }
        };
    }
}

fn machine_of<'a>(bytes: &[u8], mut fixed: impl Iterator<Item = (Root, &'a str)>) -> Replay {
    let mut machine = Replay::new();
    machine.live = true;
    let mut messages = Vec::new();
    for section in sections(bytes) {
        if let Some(message) = section.strip_prefix(b"!") {
            messages.push(message.to_vec());
        } else if let Some(named) = section.strip_prefix(b"@") {
            let end = named.iter().position(|byte| *byte == b'\n').unwrap_or(named.len());
            let contents = named.get(end + 1..).unwrap_or(b"");
            let Ok(path) = std::str::from_utf8(&named[..end]) else { continue };
            match path.strip_prefix('>') {
                Some(path) => machine.symlink(path, &String::from_utf8_lossy(contents)),
                None => machine.file(path, contents),
            }
        } else if let Some((root, path)) = fixed.next() {
            let tree = match root {
                Root::Proc => "proc/",
                Root::Sys => "sys/",
                Root::RootFs => "rootfs/",
                Root::Udev => "udev/",
                Root::Absolute => "",
            };
            machine.file(&format!("{tree}{path}"), section);
        }
    }
    for dump in [Dump::Links, Dump::Neighbours, Dump::TcpSockets] {
        machine.set_dump(dump, messages.clone());
    }
    machine
}

/// What stands between lines "====".
fn sections(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    const MARK: &[u8] = b"====\n";
    let mut rest = Some(bytes);
    std::iter::from_fn(move || {
        let here = rest?;
        let at = here.windows(MARK.len()).position(|window| window == MARK);
        rest = at.map(|at| &here[at + MARK.len()..]);
        Some(at.map_or(here, |at| &here[..at]))
    })
}

/// Exposition text is UTF-8, ends with a newline, and every sample ends with a number.
fn well_formed(text: &[u8]) {
    let text = std::str::from_utf8(text).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'));
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(
            name.starts_with("node_")
                || name.starts_with(char::is_alphabetic)
                || name.starts_with(['_', ':'])
        );
        value.parse::<f64>().unwrap();
    }
}
