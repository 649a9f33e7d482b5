//! What can happen to a machine between two passes.

pub use trimeter::io::replay::Entry;
use trimeter::io::replay::Replay;
use trimeter::io::{Dump, FileSystem, MountAnswer, ReadError, Timex};

/// Xorshift: small, seeded, good enough to pick what breaks.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        // A few rounds, or neighbouring seeds begin alike.
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        for _ in 0..8 {
            dice.roll();
        }
        dice
    }

    pub fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from((self.roll() >> 11) % bound.max(1) as u64).unwrap()
    }

    pub fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.roll().to_le_bytes()[3]).collect()
    }
}

/// Numbers that no parser likes.
const NUMBERS: &[&str] = &[
    "18446744073709551615",
    "18446744073709551616",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-1",
    "",
    "0",
    "4294967295",
    "4294967296",
    "99999999999999999999999999999",
    "1e400",
    "0x7f",
    "NaN",
    "-",
    "1.5",
];

/// The whole machine, and what of the running one is not as it was.
pub struct World {
    pub whole: Replay,
    paths: Vec<String>,
    folders: Vec<String>,
    changed: Vec<String>,
    appeared: u64,
    /// A text that the agent has made of the whole machine.
    pub said: String,
    dates: i64,
}

impl World {
    /// `live`: the kernel answers netlink, too.
    pub fn new(mut whole: Replay, live: bool) -> Self {
        let (mut paths, mut folders) = (Vec::new(), Vec::new());
        for path in whole.paths() {
            let path = String::from_utf8(path.to_vec()).unwrap();
            match whole.get(&path) {
                Some(Entry::Folder) if path.contains('/') => folders.push(path),
                Some(Entry::Folder) => {}
                _ => paths.push(path),
            }
        }
        if live {
            whole.live = true;
            whole.set_dump(Dump::Links, (1..4).map(|index| link(index, &format!("eth{index}"))).collect());
            whole.set_dump(Dump::Neighbours, Vec::new());
            whole.set_dump(Dump::Addresses, Vec::new());
            whole.set_dump(Dump::TcpSockets, Vec::new());
        }
        World { whole, paths, folders, changed: Vec::new(), appeared: 0, said: String::new(), dates: 0 }
    }

    /// Everything as it was, but for the dates of what was changed.
    pub fn restore(&mut self, machine: &mut Replay) {
        machine.clone_from(&self.whole);
        self.dates += 1;
        for path in self.changed.drain(..) {
            machine.set_modified(&path, self.dates);
        }
    }

    /// One thing goes wrong, or is mended; says what.
    pub fn change(&mut self, dice: &mut Dice, machine: &mut Replay) -> String {
        let path = self.paths[dice.below(self.paths.len())].clone();
        self.dates += 1;
        match dice.below(17) {
            // A textfile with what another collector has said.
            16 => {
                let lines: Vec<&str> = self.said.lines().collect();
                let first = dice.below(lines.len());
                let text: String = lines[first..].iter().take(20).map(|line| format!("{line}\n")).collect();
                self.put(machine, "textfile/again.prom", Some(Entry::File(text.into_bytes())))
            }
            0 => self.put(machine, &path, None),
            1 => {
                let folder = self.folders[dice.below(self.folders.len())].clone();
                // A tree that goes away in one piece; its files come back one by one.
                machine.remove(&folder);
                format!("remove {folder}")
            }
            2 => {
                let error = dice.pick(ReadError::ALL);
                self.put(machine, &path, Some(Entry::Broken(error)))
            }
            3..5 => self.put(machine, &path, self.whole.get(&path).cloned()),
            5 => self.copy_tree(dice, machine),
            6 => self.around(dice, machine),
            7 => {
                let target =
                    dice.pick(&["..", "/", "", ".", "../../..", "nowhere", "/sys/class", "\u{fffd}"]);
                self.put(machine, &path, Some(Entry::Link(target.into())))
            }
            _ => {
                let Some(Entry::File(bytes)) = self.whole.get(&path) else { return "nothing".into() };
                let bytes = broken(dice, bytes);
                self.put(machine, &path, Some(Entry::File(bytes)))
            }
        }
    }

    fn put(&mut self, machine: &mut Replay, path: &str, entry: Option<Entry>) -> String {
        let said: String = format!("{path} := {entry:?}").chars().take(200).collect();
        match entry {
            Some(entry) => machine.put(path, entry),
            None => machine.remove(path),
        }
        machine.set_modified(path, self.dates);
        self.changed.push(path.to_owned());
        said
    }

    /// Devices appear, as copies of one that is there.
    fn copy_tree(&mut self, dice: &mut Dice, machine: &mut Replay) -> String {
        let from = self.folders[dice.below(self.folders.len())].clone();
        let below: Vec<(&str, Entry)> = self
            .paths
            .iter()
            .filter_map(|path| Some((path.as_str(), path.strip_prefix(&from)?)))
            .filter(|(_, rest)| rest.starts_with('/'))
            .filter_map(|(path, rest)| Some((rest, self.whole.get(path)?.clone())))
            .take(40)
            .collect();
        let copies = dice.pick(&[1, 3, 30]);
        for _ in 0..copies {
            self.appeared += 1;
            for (rest, entry) in &below {
                machine.put(&format!("{from}{}{rest}", self.appeared), entry.clone());
            }
        }
        format!("{copies} copies of {from}")
    }

    /// What is no file changes.
    fn around(&mut self, dice: &mut Dice, machine: &mut Replay) -> String {
        match dice.below(6) {
            0 => {
                let count = dice.pick(&[0, 1, 23, 25, 60]);
                let mut links: Vec<_> = (0..count).map(|index| link(index, &format!("if{index}"))).collect();
                for message in &mut links {
                    if dice.one_in(4) {
                        *message = broken(dice, message);
                    }
                }
                machine.set_dump(Dump::Links, links);
            }
            1 => {
                let what = dice.pick(&[Dump::Links, Dump::Neighbours, Dump::Addresses, Dump::TcpSockets]);
                let count = dice.below(30);
                let noise = (0..count)
                    .map(|_| {
                        let size = dice.below(200);
                        dice.bytes(size)
                    })
                    .collect();
                machine.set_dump(what, noise);
            }
            2 => machine.live = !machine.live,
            3 => {
                let field = dice.below(6);
                let size = dice.pick(&[0, 1, 64, 200]);
                machine.uname[field] = dice.bytes(size);
            }
            4 => {
                let any = i64::MIN >> dice.below(64);
                machine.timex = dice.one_in(2).then_some(Timex {
                    state: dice.below(9).try_into().unwrap(),
                    offset: any,
                    freq: any,
                    maxerror: -any.saturating_add(1),
                    status: i32::MIN,
                    tick: any,
                    shift: i32::MAX,
                    tai: i32::MIN,
                    ..Timex::default()
                });
            }
            _ => {
                let size = dice.roll();
                let answers = [
                    MountAnswer::Stuck,
                    MountAnswer::Error(13),
                    MountAnswer::Error(i32::MIN),
                    MountAnswer::Known(FileSystem { size, free: u64::MAX, ..FileSystem::default() }),
                ];
                let path = dice.pick(&["/", "/boot", "/home", "/var/lib", "/data"]);
                machine.set_mount(path, dice.pick(&answers));
            }
        }
        "around".into()
    }
}

/// The bytes, broken in one way.
fn broken(dice: &mut Dice, bytes: &[u8]) -> Vec<u8> {
    let at = dice.below(bytes.len() + 1);
    match dice.below(9) {
        0 => Vec::new(),
        1 => bytes[..at].to_vec(),
        2 => {
            let size = dice.pick(&[1, 16, 300, 5000]);
            dice.bytes(size)
        }
        // Longer than what is planned for it.
        3 => {
            let size = dice.pick(&[4096, 4097, 1 << 16, 1 << 20]);
            bytes.iter().copied().chain(*b"x\n").cycle().take(size).collect()
        }
        4 | 5 => numbers(dice, bytes),
        6 => repeated(dice, bytes),
        7 => {
            let mut bytes = bytes.to_vec();
            for _ in 0..=dice.below(8) {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = dice.roll().to_le_bytes()[0];
                }
            }
            bytes
        }
        _ => {
            let size = dice.below(20);
            [&bytes[..at], &dice.bytes(size), &bytes[at..]].concat()
        }
    }
}

/// Some numbers, or all of them, become others.
fn numbers(dice: &mut Dice, bytes: &[u8]) -> Vec<u8> {
    let rare = dice.pick(&[1, 2, 10]);
    let mut out = Vec::new();
    for run in bytes.chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit()) {
        if run[0].is_ascii_digit() && dice.one_in(rare) {
            out.extend_from_slice(dice.pick(NUMBERS).as_bytes());
        } else {
            out.extend_from_slice(run);
        }
    }
    out
}

/// A line many times, each with another name in it.
fn repeated(dice: &mut Dice, bytes: &[u8]) -> Vec<u8> {
    let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    let Some(line) = lines.get(dice.below(lines.len())) else { return Vec::new() };
    let word = dice.below(4);
    // The end of the word in question.
    let mut ends = (1..line.len())
        .filter(|at| line[at - 1].is_ascii_alphanumeric() && !line[*at].is_ascii_alphanumeric());
    let at = ends.nth(word).unwrap_or(0);
    let mut out = bytes.to_vec();
    for copy in 0..dice.pick(&[1, 20, 200]) {
        out.extend_from_slice(&line[..at]);
        out.extend_from_slice(format!("{copy}").as_bytes());
        out.extend_from_slice(&line[at..]);
    }
    out
}

/// RTM_NEWLINK: struct ifinfomsg, then IFLA_IFNAME, IFLA_MTU and IFLA_STATS64.
fn link(index: u32, name: &str) -> Vec<u8> {
    let mut bytes = vec![0, 0, 1, 0];
    bytes.extend(index.to_ne_bytes());
    bytes.extend(0x1043_u32.to_ne_bytes());
    bytes.extend([0; 4]);
    let numbers: Vec<u8> = (0..25).flat_map(|number| u64::from(index * 100 + number).to_ne_bytes()).collect();
    for (kind, value) in [
        (3_u16, name.as_bytes().to_vec()),
        (4, 1500_u32.to_ne_bytes().to_vec()),
        (16, vec![6]),
        (23, numbers),
    ] {
        bytes.extend(u16::try_from(value.len() + 4).unwrap().to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(&value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }
    bytes
}
