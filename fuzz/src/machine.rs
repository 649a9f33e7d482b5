//! Any collector on a machine made of the fuzzer's bytes: it must not panic, and what it renders must be well formed.

use std::path::Path;
use std::sync::OnceLock;
use trimeter::base::clock::{Moment, Monotonic};
use trimeter::collect::{Pass, Setup};
use trimeter::expo::{Filter, render_all};
use trimeter::family::Profile;
use trimeter::flags::Flags;
use trimeter::io::groups::Groups;
use trimeter::io::links::Links;
use trimeter::io::replay::{Entry, Replay};
use trimeter::io::tally::Tally;
use trimeter::io::{Dump, Files, Root, Roots};
use trimeter::kube::pods::SharedPods;
use trimeter::limits::Limits;
use trimeter::store::Store;
use trimeter::{container, node};

/// The machine of the fixtures, from whose files the fuzzer replaces some.
fn fixtures() -> &'static Replay {
    static MACHINE: OnceLock<Replay> = OnceLock::new();
    MACHINE.get_or_init(|| {
        let mut machine = Replay::new();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures");
        let mut trees: Vec<_> = std::fs::read_dir(folder).unwrap().map(|tree| tree.unwrap().path()).collect();
        trees.sort();
        for tree in trees {
            for root in ["proc", "sys", "udev"] {
                let below = tree.join(root);
                if below.is_dir() {
                    machine.load(root, &below).unwrap();
                }
            }
        }
        machine
    })
}

/// The first byte picks the collector, the second whether the machine is that of the fixtures (odd) or an empty one.
/// The rest are sections, each up to a line "====\n". Most are the contents of the collector's files with a fixed
/// name, in their order. "@path\n" and contents are the file of that path, "@>path\n" and a target a link, "%" with
/// two bytes and contents replaces the file of the fixtures with that number, "!" is a message of a dump.
pub fn collectors(bytes: &[u8]) {
    let [first, based, rest @ ..] = bytes else { return };
    let base = if based % 2 == 1 { fixtures().clone() } else { Replay::new() };
    // Those of the node come first: seeds name them by their place.
    let all: Vec<_> = node::COLLECTORS.iter().chain(container::COLLECTORS).collect();
    let collector = all[usize::from(*first) % all.len()];
    let limits = Limits { cpus: 4, ..Limits::default() };
    let tables: Vec<_> = all.iter().map(|collector| collector.flags).collect();
    let on_off: Vec<_> = all.iter().map(|collector| (collector.name, collector.default)).collect();
    let mut flags = Flags::defaults(&tables).with_collectors(&on_off);
    flags.set("collector.textfile.directory", "/t");
    let roots = Roots::default();
    let (links, groups) = (Links::shared(&limits), Groups::none());
    let taken = trimeter::part::names(collector.tables.iter().map(|table| (table, Profile::Full)));
    let setup = Setup {
        flags: &flags,
        limits: &limits,
        roots: &roots,
        page_bytes: 4096,
        links: &links,
        groups: &groups,
        tally: &Tally::shared(),
        pods: &SharedPods::default(),
        taken: &taken,
    };
    let mut state = (collector.make)(&setup);
    let mut store = Store::new(collector.tables.iter().map(|table| (table, Profile::Full)), &limits);
    let fixed = || collector.files.iter().map(|spec| (spec.root, spec.path));
    let mut machine = machine_of(base.clone(), rest, fixed());
    let mut now = Moment { monotonic: Monotonic(1_000_000_000), unix_nanos: 1_700_000_000_000_000_000 };
    for pass in 0..3 {
        let mut slots = Vec::new();
        machine.fill(collector.files, &limits, &mut slots);
        let places: Vec<usize> = (0..slots.len()).collect();
        assert!(store.begin(|_| false));
        let mut pass_over = Pass {
            files: Files::new(&slots, &places),
            io: &mut machine,
            out: store.out(0, collector.tables.len()),
            now,
        };
        // Trouble is a fine answer; only a panic is not.
        let _trouble = state.request(&mut pass_over).and_then(|()| state.collect(&mut pass_over));
        store.commit();
        if let Some(frame) = store.pin() {
            well_formed(&render_all(&store, frame, Filter::ALL));
            store.unpin(frame);
        }
        now.monotonic.0 += 15_000_000_000;
        now.unix_nanos += 15_000_000_000;
        // What was there is gone in the second pass and back, cut short, in the third.
        machine = match pass {
            0 => Replay::new(),
            _ => machine_of(base.clone(), &rest[..rest.len() / 2], fixed()),
        };
    }
}

fn machine_of<'a>(
    mut machine: Replay,
    bytes: &[u8],
    mut fixed: impl Iterator<Item = (Root, &'a str)>,
) -> Replay {
    machine.live = true;
    let mut messages = Vec::new();
    for section in sections(bytes) {
        if let Some(message) = section.strip_prefix(b"!") {
            messages.push(message.to_vec());
        } else if let [b'%', low, high, contents @ ..] = section {
            let known = fixtures().paths().count().max(1);
            let path = fixtures().paths().nth(usize::from(u16::from_le_bytes([*low, *high])) % known);
            if let Some(path) = path.and_then(|path| std::str::from_utf8(path).ok()) {
                machine.put(path, Entry::File(contents.to_vec()));
            }
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
