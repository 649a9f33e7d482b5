//! Textfiles: `*.prom` in the operator's directories, served as they are, with what the peer asks of them.
//!
//! A file with a line that is not understood or with a timestamp is left out as a whole: half of a file is worse than
//! none, because the other half looks complete. What a limit has no room for is counted, and `node_textfile_scrape_error`
//! says that something is missing; the rest is served.

use crate::base::text::PathText;
use crate::collect::{Collect, Collector, Pass, Setup, Trouble};
use crate::expo::parse::{Sample, parse};
use crate::family::{Family, Kind, Table, check, gauge};
use crate::flags::{Flag, FlagKind};
use crate::io::{Io, Names, Root};
use crate::text::glob;
use emit::{Emit, Help};
use scan::Scan;

mod emit;
mod scan;

pub const COLLECTOR: Collector = Collector {
    name: "textfile",
    default: true,
    files: &[],
    tables: &[
        Table::single("textfile", ERROR),
        Table::rows("textfile_files", |_| FILES, 512, FILE),
        Table::named(
            "textfile_series",
            |limits| limits.textfile_series,
            512,
            |limits| limits.textfile_families,
            None,
        ),
    ],
    flags: &[Flag {
        name: DIRECTORY,
        kind: FlagKind::Texts,
        default: "",
        help: "Directories with *.prom files to serve; may be given several times and hold shell patterns.",
    }],
    make,
};

const DIRECTORY: &str = "collector.textfile.directory";

const ERROR: &[Family] =
    &[gauge("node_textfile_scrape_error", "Was there a textfile that could not be served?").essential()];
const FILE: &[Family] =
    &[gauge("node_textfile_mtime_seconds", "When a textfile that is served was written.").signed()];
const _: () = check(ERROR);
const _: () = check(FILE);

/// The table of files.
const FILE_ROWS: usize = 1;
/// The table of the series.
const SERIES: usize = 2;
/// A larger file is left out.
const FILE_BYTES: usize = 1 << 20;
/// Directories that patterns may find.
const DIRECTORIES: usize = 256;
/// Files in a directory, and files that are served.
const FILES: u32 = 1024;

fn make(setup: &Setup<'_>) -> Box<dyn Collect> {
    let given = setup.flags.texts(DIRECTORY);
    let patterns: Vec<Pattern> = given.map(|directory| Pattern::new(directory.as_bytes())).collect();
    // Without a directory there is nothing to have memory for.
    let some = |size: usize| if patterns.is_empty() { 0 } else { size };
    let families = some(setup.limits.textfile_families as usize);
    Box::new(Textfile {
        directories: Names::with_capacity(some(DIRECTORIES)),
        files: Names::with_capacity(some(FILES as usize)),
        buffer: Vec::with_capacity(some(FILE_BYTES)),
        scan: Scan::with_capacity(families),
        helps: Vec::with_capacity(families),
        taken: if patterns.is_empty() { Vec::new() } else { setup.taken.to_vec() },
        patterns,
    })
}

struct Textfile {
    patterns: Vec<Pattern>,
    directories: Names,
    files: Names,
    buffer: Vec<u8>,
    scan: Scan,
    /// The help texts of this pass, to find out whether files disagree.
    helps: Vec<Help>,
    /// Names that files cannot have: a name served twice makes the whole answer unreadable for strict readers.
    taken: Vec<&'static str>,
}

impl Textfile {
    /// Names of directories and files that there was no room for, since the start.
    fn refused(&self) -> u64 {
        let lists = self.patterns.iter().flat_map(|pattern| &pattern.names);
        lists.chain([&self.directories, &self.files]).map(Names::refused_total).sum()
    }
}

impl Collect for Textfile {
    /// Whoever names a metric first has it, and the operator's files come after the kernel.
    fn late(&self) -> bool {
        true
    }

    fn collect(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        self.helps.clear();
        self.directories.clear();
        let mut errored = false;
        let refused = self.refused() + pass.out.refused_total(FILE_ROWS) + pass.out.refused_total(SERIES);
        for pattern in &mut self.patterns {
            errored |= pattern.find(pass.io, &mut self.directories).is_none();
        }
        for directory in self.directories.iter() {
            if pass.io.list(Root::Absolute, &[directory], &mut self.files).is_err() {
                errored = true;
                continue;
            }
            for file in self.files.iter().filter(|name| name.ends_with(b".prom")) {
                let path = joined(directory, file);
                let read = path.ok().and_then(|path| {
                    let path = path.as_bytes();
                    pass.io.read_into(Root::Absolute, &[path], &mut self.buffer).ok()?;
                    self.scan.read(&self.buffer)?;
                    let taken = |name: &[u8]| pass.out.refuse_name(SERIES, name);
                    let free = self.scan.refuse_taken(&self.buffer, &self.taken, taken);
                    let agreed = self.scan.compare_helps(&self.buffer, &mut self.helps);
                    (serve(path, &self.buffer, &self.scan, pass) && free && agreed).then_some(())
                });
                errored |= read.is_none();
            }
        }
        let now_refused = self.refused() + pass.out.refused_total(FILE_ROWS) + pass.out.refused_total(SERIES);
        pass.out.single(0).set("", u64::from(errored || now_refused > refused));
        Ok(())
    }
}

/// Serves a file that was understood. `false`: it has gone meanwhile.
fn serve(path: &[u8], text: &[u8], scan: &Scan, pass: &mut Pass<'_>) -> bool {
    let mut emit = Emit::new(path, text, scan);
    emit.samples(pass, SERIES);
    // Asked last, so that a file that cannot be served does not look fresh.
    let Ok(nanos) = pass.io.modified(Root::Absolute, &[path]) else { return false };
    pass.out.table(FILE_ROWS).row(&[("file", path)]).set_signed("", nanos / 1_000_000_000);
    true
}

fn joined(directory: &[u8], name: &[u8]) -> Result<PathText, crate::base::text::Full> {
    let mut path = PathText::new();
    match directory {
        b"." | b"" => path.push(name)?,
        b"/" => path.push_all(&[b"/", name])?,
        _ => path.push_all(&[directory, b"/", name])?,
    }
    Ok(path)
}

/// A directory, or a pattern of directories.
struct Pattern {
    /// As given, without what a path does not need.
    text: Vec<u8>,
    components: Vec<Vec<u8>>,
    /// One list for each component that is a pattern.
    names: Vec<Names>,
}

impl Pattern {
    fn new(given: &[u8]) -> Self {
        let mut components: Vec<Vec<u8>> = Vec::new();
        let absolute = given.starts_with(b"/");
        for component in given.split(|byte| *byte == b'/') {
            match component {
                b"" | b"." => {}
                b".." if components.last().is_some_and(|last| last != b"..") => {
                    components.pop();
                }
                b".." if absolute => {}
                _ => components.push(component.to_vec()),
            }
        }
        let mut text = components.join(&b'/');
        if absolute {
            text.insert(0, b'/');
        } else if text.is_empty() {
            text.push(b'.');
        }
        let patterns = components.iter().filter(|component| glob::is_pattern(component)).count();
        let names = (0..patterns).map(|_| Names::with_capacity(FILES as usize)).collect();
        Pattern { text, components, names }
    }

    /// Adds the directories to `found`; without a match the text itself, which then cannot be listed. `None`: a path
    /// is longer than any can be.
    fn find(&mut self, io: &mut dyn Io, found: &mut Names) -> Option<()> {
        let before = found.len();
        if !self.names.is_empty() {
            let mut path = PathText::new();
            if self.text.starts_with(b"/") {
                path.push("/").ok()?;
            }
            expand(io, &mut path, &self.components, &mut self.names, found)?;
        }
        if found.len() == before {
            found.push(&self.text);
        }
        Some(())
    }
}

/// Goes down the components; its depth is their number.
fn expand(
    io: &mut dyn Io,
    path: &mut PathText,
    components: &[Vec<u8>],
    names: &mut [Names],
    found: &mut Names,
) -> Option<()> {
    let Some((first, rest)) = components.split_first() else {
        if io.modified(Root::Absolute, &[path.as_bytes()]).is_ok() {
            found.push(path.as_bytes());
        }
        return Some(());
    };
    let length = path.len();
    let slash: &[u8] = if length == 0 || path.as_bytes() == b"/" { b"" } else { b"/" };
    if !glob::is_pattern(first) {
        path.push_all(&[slash, first]).ok()?;
        let result = expand(io, path, rest, names, found);
        path.truncate(length);
        return result;
    }
    let (here, below) = names.split_first_mut()?;
    let folder: &[u8] = if length == 0 { b"." } else { path.as_bytes() };
    if io.list(Root::Absolute, &[folder], here).is_err() {
        return Some(());
    }
    for name in here.iter().filter(|name| glob::matches(first, name)) {
        path.push_all(&[slash, name]).ok()?;
        expand(io, path, rest, below, found)?;
        path.truncate(length);
    }
    Some(())
}

/// The samples of a text that was understood before.
fn samples(text: &[u8]) -> impl Iterator<Item = Sample<'_>> {
    parse(text).filter_map(|line| match line {
        Ok(crate::expo::parse::Line::Sample(sample)) => Some(sample),
        _ => None,
    })
}

/// What a histogram or summary has besides its own name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// The family's own name.
    Whole,
    Bucket,
    Sum,
    Count,
}

impl Part {
    const fn suffix(self) -> &'static str {
        match self {
            Part::Whole => "",
            Part::Bucket => "_bucket",
            Part::Sum => "_sum",
            Part::Count => "_count",
        }
    }

    /// What families of a type are served as.
    const fn of(kind: Kind) -> &'static [Part] {
        match kind {
            Kind::Histogram => &[Part::Whole, Part::Bucket, Part::Sum, Part::Count],
            Kind::Summary => &[Part::Whole, Part::Sum, Part::Count],
            Kind::Counter | Kind::Gauge | Kind::Untyped => &[Part::Whole],
        }
    }

    /// The label that tells the numbers of one histogram or summary apart.
    const fn label(kind: Kind) -> Option<&'static str> {
        match kind {
            Kind::Histogram => Some("le"),
            Kind::Summary => Some("quantile"),
            Kind::Counter | Kind::Gauge | Kind::Untyped => None,
        }
    }
}

#[cfg(test)]
mod tests;
