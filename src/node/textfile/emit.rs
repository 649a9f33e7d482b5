//! The second reading of a textfile: its samples become series.

use super::scan::Scan;
use super::{Part, samples};
use crate::base::text::Text;
use crate::collect::Pass;
use crate::expo::number::{NUMBER_BYTES, peer_float};
use crate::expo::parse::{Sample, number};
use crate::family::Kind;

/// A help text of this pass, as hashes of it and of the name.
pub struct Help {
    pub name: u64,
    pub help: u64,
    /// Files disagree.
    pub refused: bool,
}

/// A file that was understood.
pub struct Emit<'a> {
    path: &'a [u8],
    text: &'a [u8],
    scan: &'a Scan,
    /// The family whose help is in `help`.
    helped: Option<usize>,
    help: Text<256>,
}

/// What a reading of the file sets. Of two numbers for a series the first wins, so later steps fill gaps only.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    /// What the file says.
    Written,
    /// The last bucket of histograms that only have a count.
    Infinity,
    /// Sums, counts and last buckets that nobody wrote are 0, as with the peer.
    Zero,
}

impl<'a> Emit<'a> {
    pub const fn new(path: &'a [u8], text: &'a [u8], scan: &'a Scan) -> Self {
        Emit { path, text, scan, helped: None, help: Text::new() }
    }

    /// Sets all samples in a named table.
    pub fn samples(&mut self, pass: &mut Pass<'_>, table: usize) {
        let steps = [Step::Written, Step::Infinity, Step::Zero];
        let steps = if self.scan.has_parts() { &steps[..] } else { &steps[..1] };
        for step in steps {
            for sample in samples(self.text) {
                self.sample(&sample, *step, pass, table);
            }
        }
    }

    fn sample(&mut self, sample: &Sample<'_>, step: Step, pass: &mut Pass<'_>, table: usize) {
        let found = self.scan.find(self.text, sample.name);
        let Some((at, part)) = found.filter(|(at, _)| !self.scan.family(*at).crowded) else {
            if step == Step::Written {
                pass.out.refuse(table);
            }
            return;
        };
        let family = self.scan.family(at);
        if family.refused {
            return;
        }
        self.write_help(at);
        let kind = family.kind();
        let name = family.name.get(self.text);
        let mut set = |part: Part, bound: Option<f64>, value: f64| {
            let mut labels = Text::<2048>::new();
            if self.write_labels(&mut labels, at, sample, kind, bound).is_some() {
                let mut row = pass.out.named(table, name, kind, self.help.as_bytes());
                row.set_raw(part.suffix(), labels.as_bytes(), value);
            } else {
                pass.out.malformed();
            }
        };
        let Some(own) = Part::label(kind) else {
            if step == Step::Written {
                set(Part::Whole, None, sample.value);
            }
            return;
        };
        let bound = sample.labels.get(own.as_bytes()).and_then(number);
        match (step, kind, part) {
            (Step::Written, _, Part::Sum) => set(part, None, sample.value),
            // Counts are whole numbers, whatever they are written as.
            (Step::Written, _, Part::Count) => set(part, None, sample.value.trunc()),
            (Step::Written, Kind::Histogram, Part::Bucket) if bound.is_some() => {
                set(part, bound, sample.value.trunc());
            }
            (Step::Written, Kind::Summary, Part::Whole) if bound.is_some_and(|bound| !bound.is_nan()) => {
                set(part, bound, sample.value);
            }
            (Step::Infinity, Kind::Histogram, Part::Count) => {
                set(Part::Bucket, Some(f64::INFINITY), sample.value.trunc());
            }
            (Step::Zero, _, _) => {
                set(Part::Sum, None, 0.0);
                set(Part::Count, None, 0.0);
                if kind == Kind::Histogram {
                    set(Part::Bucket, Some(f64::INFINITY), 0.0);
                }
            }
            _ => {}
        }
    }

    /// All labels of the family in their order, empty where the sample has none, and the bound last. The values of
    /// the file have their escapes already. `None`: they do not fit.
    fn write_labels(
        &self,
        labels: &mut Text<2048>,
        family: usize,
        sample: &Sample<'_>,
        kind: Kind,
        bound: Option<f64>,
    ) -> Option<()> {
        for name in self.scan.label_names(self.text, family) {
            let value = sample.labels.get(name).unwrap_or(b"");
            let comma: &[u8] = if labels.is_empty() { b"" } else { b"," };
            labels.push_all(&[comma, name, b"=\"", value, b"\""]).ok()?;
        }
        if let (Some(bound), Some(name)) = (bound, Part::label(kind)) {
            let mut digits = [0; NUMBER_BYTES];
            let length = peer_float(&mut digits, bound);
            let comma: &[u8] = if labels.is_empty() { b"" } else { b"," };
            labels.push_all(&[comma, name.as_bytes(), b"=\"", &digits[..length], b"\""]).ok()?;
        }
        Some(())
    }

    /// The help of the file without its escapes, or where the metric comes from; what does not fit is left out.
    fn write_help(&mut self, family: usize) {
        if self.helped == Some(family) {
            return;
        }
        self.helped = Some(family);
        self.help.clear();
        let Some(help) = self.scan.family(family).help else {
            if self.help.push_all(&[b"From the textfile ", self.path]).is_err() {
                self.help.clear();
            }
            return;
        };
        let mut rest = help.get(self.text);
        while let Some((first, after)) = rest.split_first() {
            let (byte, after) = match (first, after) {
                (b'\\', [b'n', after @ ..]) => (b'\n', after),
                (b'\\', [b'\\', after @ ..]) => (b'\\', after),
                _ => (*first, after),
            };
            if self.help.push([byte]).is_err() {
                return;
            }
            rest = after;
        }
    }
}
