//! Runs every fuzz target on the stable toolchain: seeds, then mutations of them from a seeded generator.
//!
//!     cargo run --release --no-default-features --bin smoke -- [-seconds=60] [-seed=1] [TARGET…]
//!
//! A failing input is kept in `artifacts/TARGET/`, where `cargo fuzz` keeps its own, and the run goes on with the next.

use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use trimeter_fuzz::{TARGETS, Target};

/// SplitMix64: small, seeded, good enough to pick bytes.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.roll() % bound.max(1) as u64).unwrap_or(0)
    }
}

/// What kernel files are made of, and what breaks them.
const PIECES: &[&[u8]] = &[
    b"\n",
    b" ",
    b"\t",
    b":",
    b"0",
    b"-1",
    b"-",
    b"18446744073709551615",
    b"18446744073709551616",
    b"1e400",
    b"nan",
    b"0x",
    b"kB",
    b"\xff",
    b"\0",
    b"\"",
    b"\\",
    b"====\n",
    b"@",
    b"!",
    b"4294967295",
    b"0-4294967295",
    b"=",
    b",",
    b"\xff\xff\xff\xff",
    b"[",
    b"]",
    b"9223372036854775808",
];

fn mutate(dice: &mut Dice, bytes: &mut Vec<u8>) {
    for _ in 0..=dice.below(4) {
        let at = dice.below(bytes.len() + 1);
        match dice.below(7) {
            0 => bytes.truncate(at),
            1 => {
                let piece = PIECES[dice.below(PIECES.len())];
                bytes.splice(at..at, piece.iter().copied());
            }
            2 if at < bytes.len() => bytes[at] ^= 1 << dice.below(8),
            3 if at < bytes.len() => bytes[at] = dice.roll().to_le_bytes()[0],
            4 => {
                let end = (at + dice.below(64)).min(bytes.len());
                bytes.drain(at..end);
            }
            5 => {
                let end = (at + dice.below(64)).min(bytes.len());
                let copy = bytes[at..end].to_vec();
                let to = dice.below(bytes.len() + 1);
                bytes.splice(to..to, copy);
            }
            _ => {
                let noise = dice.roll().to_le_bytes();
                bytes.splice(at..at, noise);
            }
        }
    }
    bytes.truncate(1 << 16);
}

fn seeds(folder: &Path, target: &str) -> Vec<Vec<u8>> {
    let mut found = vec![Vec::new()];
    for kind in ["seeds", "corpus"] {
        let Ok(entries) = std::fs::read_dir(folder.join(kind).join(target)) else { continue };
        let mut paths: Vec<PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
        paths.sort();
        found.extend(paths.iter().filter_map(|path| std::fs::read(path).ok()));
    }
    found
}

/// Runs, failures.
fn run((name, body): Target, folder: &Path, seed: u64, time: Duration) -> (u64, u64) {
    let seeds = seeds(folder, name);
    let mut dice = Dice(seed);
    let (mut runs, mut failures) = (0, 0);
    let begun = Instant::now();
    // Failures beyond a few are the same one again.
    while begun.elapsed() < time && failures < 5 {
        let mut bytes = match usize::try_from(runs).ok().and_then(|run| seeds.get(run)) {
            Some(seed) => seed.clone(),
            None => {
                let mut bytes = seeds[dice.below(seeds.len())].clone();
                // The collectors' first byte picks one: every collector gets its share.
                if dice.below(2) == 0 && !bytes.is_empty() {
                    bytes[0] = dice.roll().to_le_bytes()[0];
                }
                mutate(&mut dice, &mut bytes);
                bytes
            }
        };
        runs += 1;
        if catch_unwind(|| body(&bytes)).is_err() {
            failures += 1;
            let path = folder.join("artifacts").join(name).join(format!("smoke-{seed}-{runs}"));
            let kept = std::fs::create_dir_all(path.parent().unwrap_or(folder))
                .and_then(|()| std::fs::write(&path, std::mem::take(&mut bytes)));
            println!("{name}: failed, run {runs} of seed {seed}: {} ({kept:?})", path.display());
        }
    }
    (runs, failures)
}

fn main() -> ExitCode {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut seconds, mut seed, mut wanted) = (60, 1, Vec::new());
    for arg in std::env::args().skip(1) {
        if let Some(value) = arg.strip_prefix("-seconds=") {
            seconds = value.parse().expect("-seconds takes a number");
        } else if let Some(value) = arg.strip_prefix("-seed=") {
            seed = value.parse().expect("-seed takes a number");
        } else {
            wanted.push(arg);
        }
    }
    let mut failures = 0;
    for target in TARGETS {
        if wanted.is_empty() || wanted.iter().any(|name| name == target.0) {
            let (runs, failed) = run(*target, folder, seed, Duration::from_secs(seconds));
            println!("{}: {runs} runs, {failed} failures, seed {seed}", target.0);
            failures += failed;
        }
    }
    if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
