//! The first reading of a textfile: is all of it understood, which families are there, and which labels do they have?

use super::Part;
use super::emit::Help;
use crate::base::text::Text;
use crate::expo::parse::{Line, Sample, parse};
use crate::family::Kind;
use crate::store::NAME_BYTES;
use hashbrown::DefaultHashBuilder;
use std::hash::BuildHasher;

/// A piece of the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    start: usize,
    end: usize,
}

impl Span {
    /// Where a piece of the text is in it.
    fn of(text: &[u8], piece: &[u8]) -> Span {
        let start = (piece.as_ptr() as usize).saturating_sub(text.as_ptr() as usize).min(text.len());
        Span { start, end: (start + piece.len()).min(text.len()) }
    }

    pub fn get(self, text: &[u8]) -> &[u8] {
        &text[self.start..self.end]
    }
}

/// A metric of the file.
#[derive(Clone, Copy)]
pub struct FileFamily {
    pub name: Span,
    /// With its escapes; `None`: the file has none.
    pub help: Option<Span>,
    kind: Option<Kind>,
    has_samples: bool,
    /// Another file says something else about it, or a collector has the name.
    pub refused: bool,
    /// There is no room for its labels.
    pub crowded: bool,
    first_label: Option<usize>,
}

impl FileFamily {
    pub fn kind(&self) -> Kind {
        self.kind.unwrap_or(Kind::Untyped)
    }
}

/// A label that a sample of the family has, chained by name.
struct LabelName {
    name: Span,
    next: Option<usize>,
}

/// The families of one file, in memory that is allocated once.
pub struct Scan {
    families: Vec<FileFamily>,
    families_max: usize,
    labels: Vec<LabelName>,
    labels_max: usize,
    hasher: DefaultHashBuilder,
}

/// Labels of a family, on average.
const LABELS: usize = 16;

impl Scan {
    pub fn with_capacity(families_max: usize) -> Self {
        let labels_max = families_max * LABELS;
        Scan {
            families: Vec::with_capacity(families_max),
            families_max,
            labels: Vec::with_capacity(labels_max),
            labels_max,
            hasher: DefaultHashBuilder::default(),
        }
    }

    /// Reads the whole file. `None`: it must not be served. Families over the limit are not there afterwards, those with
    /// more labels than there is room for are crowded.
    pub fn read(&mut self, text: &[u8]) -> Option<()> {
        self.families.clear();
        self.labels.clear();
        for line in parse(text) {
            match line.ok()? {
                Line::Blank => {}
                Line::Help { name, text: help } => {
                    let Some((family, _)) = self.find_or_add(text, name) else { continue };
                    let family = &mut self.families[family];
                    if family.help.is_some() {
                        return None;
                    }
                    family.help = (!help.is_empty()).then(|| Span::of(text, help));
                }
                Line::Type { name, kind } => {
                    let Some((family, _)) = self.find_or_add(text, name) else { continue };
                    let family = &mut self.families[family];
                    if family.kind.is_some() || family.has_samples {
                        return None;
                    }
                    family.kind = Some(kind);
                }
                Line::Sample(sample) => self.add_sample(text, &sample)?,
            }
        }
        Some(())
    }

    fn add_sample(&mut self, text: &[u8], sample: &Sample<'_>) -> Option<()> {
        if sample.timestamp.is_some() {
            return None;
        }
        let Some((family, _)) = self.find_or_add(text, sample.name) else { return Some(()) };
        self.families[family].has_samples = true;
        let own = Part::label(self.families[family].kind()).map(str::as_bytes);
        for (name, value) in sample.labels {
            if Some(name) == own {
                crate::expo::parse::number(value)?;
            } else {
                self.add_label(text, family, name);
            }
        }
        Some(())
    }

    /// Puts a name into the chain of the family, which is sorted.
    fn add_label(&mut self, text: &[u8], family: usize, name: &[u8]) {
        let mut before = None;
        let mut here = self.families[family].first_label;
        while let Some(at) = here {
            let label = &self.labels[at];
            match label.name.get(text).cmp(name) {
                std::cmp::Ordering::Less => {}
                std::cmp::Ordering::Equal => return,
                std::cmp::Ordering::Greater => break,
            }
            before = here;
            here = label.next;
        }
        if self.labels.len() == self.labels_max {
            self.families[family].crowded = true;
            return;
        }
        let added = Some(self.labels.len());
        self.labels.push(LabelName { name: Span::of(text, name), next: here });
        match before {
            Some(before) => self.labels[before].next = added,
            None => self.families[family].first_label = added,
        }
    }

    /// The family of a name: its own, or that of the histogram or summary it is a part of.
    pub fn find(&self, text: &[u8], name: &[u8]) -> Option<(usize, Part)> {
        let named = |name: &[u8]| self.families.iter().position(|family| family.name.get(text) == name);
        if let Some(at) = named(name) {
            return Some((at, Part::Whole));
        }
        for part in [Part::Count, Part::Sum, Part::Bucket] {
            let Some(at) = name.strip_suffix(part.suffix().as_bytes()).and_then(named) else { continue };
            match self.families[at].kind() {
                Kind::Histogram => return Some((at, part)),
                Kind::Summary if part != Part::Bucket => return Some((at, part)),
                _ => {}
            }
        }
        None
    }

    fn find_or_add(&mut self, text: &[u8], name: &[u8]) -> Option<(usize, Part)> {
        if let Some(found) = self.find(text, name) {
            return Some(found);
        }
        if self.families.len() == self.families_max {
            return None;
        }
        self.families.push(FileFamily {
            name: Span::of(text, name),
            help: None,
            kind: None,
            has_samples: false,
            refused: false,
            crowded: false,
            first_label: None,
        });
        Some((self.families.len() - 1, Part::Whole))
    }

    /// Marks families that would be served under a name of a sorted list, and tells each; `false`: there are some.
    pub fn refuse_taken(&mut self, text: &[u8], taken: &[&str], mut refused: impl FnMut(&[u8])) -> bool {
        let mut free = true;
        for family in self.families.iter_mut().filter(|family| family.has_samples) {
            let name = family.name.get(text);
            family.refused = Part::of(family.kind()).iter().any(|part| {
                let mut served = Text::<{ NAME_BYTES + 8 }>::new();
                // What is too long for a name is nobody's.
                served.push_all(&[name, part.suffix().as_bytes()]).is_ok()
                    && taken.binary_search_by(|known| known.as_bytes().cmp(served.as_bytes())).is_ok()
            });
            if family.refused {
                refused(name);
                free = false;
            }
        }
        free
    }

    /// Marks families whose help differs from that of an earlier file; `false`: there are some. As with the peer, no
    /// file can say anything about the metric from then on.
    pub fn compare_helps(&mut self, text: &[u8], helps: &mut Vec<Help>) -> bool {
        let mut agreed = true;
        for family in self.families.iter_mut().filter(|family| family.has_samples) {
            let name = self.hasher.hash_one(family.name.get(text));
            let help = family.help.map(|help| self.hasher.hash_one(help.get(text)));
            let room = helps.len() < self.families_max;
            match (helps.iter_mut().find(|known| known.name == name), help) {
                (Some(known), help) => {
                    known.refused |= help.is_some_and(|help| help != known.help);
                    family.refused |= known.refused;
                    agreed &= !known.refused;
                }
                (None, Some(help)) if room => {
                    helps.push(Help { name, help, refused: false });
                }
                (None, _) => {}
            }
        }
        agreed
    }

    pub fn family(&self, at: usize) -> &FileFamily {
        &self.families[at]
    }

    /// The names of the labels that samples of the family have, sorted.
    pub fn label_names<'a>(&'a self, text: &'a [u8], family: usize) -> impl Iterator<Item = &'a [u8]> {
        let mut here = self.families[family].first_label;
        std::iter::from_fn(move || {
            let label = &self.labels[here?];
            here = label.next;
            Some(label.name.get(text))
        })
    }

    /// Is there a histogram or summary with samples?
    pub fn has_parts(&self) -> bool {
        self.families.iter().any(|family| family.has_samples && Part::label(family.kind()).is_some())
    }
}
