//! Packs the time zones, links the binary statically with glibc, and says so when the machine lacks what that takes.
//!
//! `-C target-feature=+crt-static` would do the same, but without an explicit `--target` it also reaches procedural
//! macros, which cannot be built so; and with one the binary is no longer at `target/release/trimeter`. So the linker
//! is told directly. The compiler asks for the C libraries in their shared form; linker scripts of those names in our
//! output folder, which is searched first, hand it the archives.
#![expect(clippy::disallowed_methods, reason = "this is how a build script works")]

#[path = "build/zones.rs"]
mod zones;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// What the compiler asks for, and what it gets.
const SCRIPTS: [(&str, &str); 3] = [
    ("libgcc_s.so", "-l:libgcc_eh.a -l:libgcc.a -l:libc.a"),
    ("libc.so", "-l:libc.a -l:libgcc.a -l:libgcc_eh.a"),
    ("libm.so", "-l:libm.a"),
];

fn main() -> ExitCode {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build/zones.rs");
    let out = PathBuf::from(var("OUT_DIR"));
    let packed = zones::pack().map(|zones| std::fs::write(out.join("zones.bin"), zones));
    if !matches!(packed, Some(Ok(()))) {
        println!("cargo::error=cannot pack the time zones into {}: {packed:?}", out.display());
        return ExitCode::FAILURE;
    }
    link_statically(&out);
    ExitCode::SUCCESS
}

fn var(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

fn link_statically(out: &Path) {
    if var("CARGO_CFG_TARGET_OS") != "linux" || var("CARGO_CFG_TARGET_ENV") != "gnu" {
        return;
    }
    if !["libc.a", "libgcc_eh.a", "crt1.o"].iter().all(|file| toolchain_has(file)) {
        println!(
            "cargo::warning=no static glibc on this machine (libc6-dev or glibc-static): linking dynamically"
        );
        return;
    }
    for (shared, archives) in SCRIPTS {
        if let Err(error) = std::fs::write(out.join(shared), format!("GROUP({archives})\n")) {
            println!("cargo::warning=cannot write to {}: linking dynamically: {error}", out.display());
            return;
        }
    }
    println!("cargo::rustc-link-arg-bins=-L{}", out.display());
    println!("cargo::rustc-link-arg-bins=-static");
    // A program at a fixed address has no pointers to adjust at the start: 0.7 MB that would be touched for it, half of
    // it written. The exporters that are written in Go are linked so too.
    println!("cargo::rustc-link-arg-bins=-no-pie");
    let layout = format!("{}/build/layout.ld", var("CARGO_MANIFEST_DIR"));
    println!("cargo::rerun-if-changed={layout}");
    println!("cargo::rustc-link-arg-bins=-Wl,-z,keep-text-section-prefix,-T,{layout}");
}

/// `cc -print-file-name` answers with a path when it has the file and with the bare name when not.
fn toolchain_has(file: &str) -> bool {
    let answer = Command::new("cc").arg(format!("-print-file-name={file}")).output();
    answer.is_ok_and(|answer| Path::new(String::from_utf8_lossy(&answer.stdout).trim()).is_absolute())
}
