//! A table whose families the source names while running: a row is one series, chained to the others of its family.

use super::FrameIndex;
use super::row::{RowSet, Usage};
use crate::base::text::Text;
use crate::family::{Kind, Table};
use crate::limits::Limits;

/// Bytes of a metric name or help text that are kept; longer names are refused, longer help is cut.
pub const NAME_BYTES: usize = 128;
const HELP_BYTES: usize = 128;

/// A family that the source has named.
#[derive(Clone, Copy)]
pub struct NamedFamily {
    pub name: Text<NAME_BYTES>,
    pub help: Text<HELP_BYTES>,
    pub kind: Kind,
    first: Option<u32>,
    last: Option<u32>,
    rows: u32,
    /// The pass that named it last.
    named: u64,
}

/// What a series' name ends in besides its family's name: `_bucket` and the like.
pub type Suffix = &'static str;

#[derive(Clone, Copy)]
struct Series {
    family: u16,
    suffix: Suffix,
    next: Option<u32>,
    previous: Option<u32>,
}

/// Series × frames, and their families. Both refuse the new when they are full.
pub struct Named {
    name: &'static str,
    essential: Option<&'static [&'static str]>,
    /// Places that were ever in use, of families and of series; room for all is reserved and not touched before.
    families: Vec<Option<NamedFamily>>,
    families_max: usize,
    series: Vec<Series>,
    /// The bits of a float by frame and row; inverted as in a grid.
    values: Vec<u64>,
    capacity: usize,
    pub(super) rows: RowSet,
    families_refused: u64,
    names_refused: u64,
    /// The first of them.
    name_refused: Option<Text<NAME_BYTES>>,
    /// Families come in the same order every pass: the one after the last found is tried first, then the last.
    next: usize,
}

/// Has a family of this kind series with this suffix?
fn writes(kind: Kind, suffix: &str) -> bool {
    kind == Kind::Histogram || (kind == Kind::Summary && suffix != "_bucket")
}

const FREE: Series = Series { family: u16::MAX, suffix: "", next: None, previous: None };

impl Named {
    pub fn new(
        table: &Table,
        families: u32,
        essential: Option<&'static [&'static str]>,
        limits: &Limits,
    ) -> Self {
        let capacity = (table.rows)(limits);
        assert!(families < u32::from(u16::MAX), "family indices are 16 bits");
        Named {
            name: table.name,
            essential,
            families: Vec::with_capacity(families as usize),
            families_max: families as usize,
            series: Vec::with_capacity(capacity as usize),
            values: vec![0; limits.frames as usize * capacity as usize],
            capacity: capacity as usize,
            rows: RowSet::new(capacity, table.label_bytes + KEY_BYTES),
            families_refused: 0,
            names_refused: 0,
            name_refused: None,
            next: 0,
        }
    }

    pub fn row_bytes(table: &Table, frames: u64) -> u64 {
        RowSet::row_bytes(u64::from(table.label_bytes + KEY_BYTES)) + size_of::<Series>() as u64 + 8 * frames
    }

    pub const fn family_bytes() -> u64 {
        size_of::<Option<NamedFamily>>() as u64
    }

    pub(super) fn begin(&mut self, frame: FrameIndex, pass: u64, from: Option<(FrameIndex, u64)>) {
        self.rows.begin();
        self.next = 0;
        let end = self.rows.end() as usize;
        let to = frame * self.capacity;
        match from {
            Some((from, kept)) => {
                let start = from * self.capacity;
                self.values.copy_within(start..start + end, to);
                self.rows.carry(kept, pass);
            }
            None => self.values[to..to + end].fill(0),
        }
    }

    pub(super) fn sweep(&mut self, needed: u64) {
        let (series, families, values) = (&mut self.series, &mut self.families, &mut self.values);
        let capacity = self.capacity;
        self.rows.sweep(needed, |row| {
            let gone = std::mem::replace(&mut series[row as usize], FREE);
            if let Some(next) = gone.next {
                series[next as usize].previous = gone.previous;
            }
            if let Some(previous) = gone.previous {
                series[previous as usize].next = gone.next;
            }
            let family = &mut families[gone.family as usize];
            if let Some(known) = family {
                known.rows -= 1;
                if known.first == Some(row) {
                    known.first = gone.next;
                }
                if known.last == Some(row) {
                    known.last = gone.previous;
                }
                if known.rows == 0 {
                    *family = None;
                }
            }
            for frame in values.chunks_exact_mut(capacity) {
                frame[row as usize] = 0;
            }
        });
    }

    /// Does the profile serve a family of this name?
    pub(super) fn wants(&self, name: &[u8]) -> bool {
        self.essential.is_none_or(|list| list.iter().any(|known| known.as_bytes() == name))
    }

    /// The index of a family, made if need be; its help and type are those of the first who names it in a pass.
    /// `None`: not in the profile, or refused and counted: no room, or another type than the first said.
    /// `taken` is asked about new names only: it takes its time.
    pub(super) fn family(
        &mut self,
        name: &[u8],
        kind: Kind,
        help: &[u8],
        pass: u64,
        taken: &dyn Fn(&[u8]) -> bool,
    ) -> Option<u16> {
        if !self.wants(name) {
            return None;
        }
        let found = self.find(name);
        let known = found.and_then(|at| self.families[at].as_ref());
        let new = known.is_none_or(|known| known.named != pass && (known.rows == 0 || known.kind != kind));
        if new && (taken(name) || self.collides(name, kind, pass, taken)) {
            self.refuse_name(name);
            return None;
        }
        let Some(index) = found.or_else(|| self.free_place(name, pass)) else {
            self.families_refused += 1;
            return None;
        };
        self.next = index + 1;
        match &mut self.families[index] {
            Some(known) if found.is_some() && known.named == pass => {
                if known.kind != kind {
                    self.refuse_name(name);
                    return None;
                }
            }
            Some(known) if found.is_some() => {
                known.named = pass;
                known.kind = kind;
                known.help = kept_help(help);
            }
            slot => {
                let mut text = Text::new();
                text.push(name).ok()?;
                let help = kept_help(help);
                *slot = Some(NamedFamily {
                    name: text,
                    help,
                    kind,
                    first: None,
                    last: None,
                    rows: 0,
                    named: pass,
                });
            }
        }
        u16::try_from(index).ok()
    }

    /// Counts a name that something else has, or has with another type.
    pub(super) fn refuse_name(&mut self, name: &[u8]) {
        self.names_refused += 1;
        if self.name_refused.is_none() {
            let cut = name.len().min(NAME_BYTES);
            let mut text = Text::new();
            self.name_refused = text.push(&name[..cut]).is_ok().then_some(text);
        }
    }

    /// The first name that was refused because something else has it.
    pub(super) fn name_refused(&self) -> Option<&str> {
        self.name_refused.as_ref().map(Text::as_str)
    }

    /// A place for a new family: one without rows that nobody has named in this pass, or one that was never in use.
    fn free_place(&mut self, name: &[u8], pass: u64) -> Option<usize> {
        if name.len() > NAME_BYTES {
            return None;
        }
        let free = |family: &Option<NamedFamily>| {
            family.as_ref().is_none_or(|known| known.rows == 0 && known.named != pass)
        };
        self.families.iter().position(free).or_else(|| {
            let place = self.families.len();
            (place < self.families_max).then(|| {
                self.families.push(None);
                place
            })
        })
    }

    /// Would a series of the family be named as one of another family: `x` is a histogram and `x_count` is there, or
    /// the other way round?
    fn collides(&self, name: &[u8], kind: Kind, pass: u64, taken: &dyn Fn(&[u8]) -> bool) -> bool {
        let known = |name: &[u8]| {
            let family = self.find(name).and_then(|at| self.families[at].as_ref());
            family.filter(|family| family.rows > 0 || family.named == pass)
        };
        ["_bucket", "_sum", "_count"].into_iter().any(|suffix| {
            let base = name.strip_suffix(suffix.as_bytes()).and_then(known);
            if base.is_some_and(|base| writes(base.kind, suffix)) {
                return true;
            }
            let mut longer = Text::<{ NAME_BYTES + 8 }>::new();
            writes(kind, suffix)
                && longer.push_all(&[name, suffix.as_bytes()]).is_ok()
                && (known(longer.as_bytes()).is_some() || taken(longer.as_bytes()))
        })
    }

    /// Has anybody named a family so whose series are still needed?
    pub(super) fn has_family(&self, name: &[u8]) -> bool {
        self.find(name).and_then(|at| self.families[at].as_ref()).is_some_and(|family| family.rows > 0)
    }

    fn find(&self, name: &[u8]) -> Option<usize> {
        let is =
            |family: &Option<NamedFamily>| family.as_ref().is_some_and(|known| known.name.as_bytes() == name);
        for guess in [self.next, self.next.saturating_sub(1)] {
            if self.families.get(guess).is_some_and(is) {
                return Some(guess);
            }
        }
        self.families.iter().position(is)
    }

    /// Sets a series of a family from [`Self::family`]. Of two with the same labels in a pass the first wins.
    pub(super) fn set(
        &mut self,
        frame: FrameIndex,
        pass: u64,
        family: u16,
        suffix: Suffix,
        labels: &[u8],
        value: f64,
    ) {
        // The row's key is family, suffix and labels; the first bytes are not shown.
        let mut key = Text::<2048>::new();
        let number = family.to_be_bytes();
        let mut tag = [0; 8];
        let tag_bytes = suffix.len().min(8);
        tag[..tag_bytes].copy_from_slice(&suffix.as_bytes()[..tag_bytes]);
        if key.push_all(&[&number, &tag, labels]).is_err() {
            self.rows.refuse();
            return;
        }
        let Some(row) = self.rows.find_or_add(key.as_bytes(), pass) else { return };
        // Rows are handed out one after the other; their room was reserved.
        if self.series.len() <= row as usize {
            self.series.resize(row as usize + 1, FREE);
        }
        if self.series[row as usize].family == u16::MAX {
            self.chain(row, family, suffix);
        }
        let bits = value.to_bits();
        let slot = &mut self.values[frame * self.capacity + row as usize];
        if *slot != 0 {
            return;
        }
        *slot = if bits == u64::MAX { !1 } else { !bits };
    }

    fn chain(&mut self, row: u32, index: u16, suffix: Suffix) {
        let Some(family) = &mut self.families[index as usize] else { return };
        let previous = family.last;
        family.last = Some(row);
        family.rows += 1;
        match previous {
            Some(previous) => self.series[previous as usize].next = Some(row),
            None => family.first = Some(row),
        }
        self.series[row as usize] = Series { family: index, suffix, next: None, previous };
    }

    /// Families that may have series, in the order in which they came.
    pub fn families(&self) -> &[Option<NamedFamily>] {
        &self.families
    }

    /// The first row of a family.
    pub const fn first(family: &NamedFamily) -> Option<u32> {
        family.first
    }

    /// The row after this one in its family.
    pub fn next(&self, row: u32) -> Option<u32> {
        self.series[row as usize].next
    }

    pub fn suffix(&self, row: u32) -> &'static str {
        self.series[row as usize].suffix
    }

    pub fn labels(&self, row: u32) -> &[u8] {
        &self.rows.labels(row)[KEY_BYTES as usize..]
    }

    pub fn value(&self, frame: FrameIndex, row: u32) -> Option<f64> {
        let stored = self.values[frame * self.capacity + row as usize];
        (stored != 0).then(|| f64::from_bits(!stored))
    }

    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Is any name in the profile?
    pub fn serves(&self) -> bool {
        self.essential.is_none_or(|list| !list.is_empty())
    }

    pub fn usage(&self) -> Usage {
        let mut usage = self.rows.usage();
        usage.refused += self.families_refused + self.names_refused;
        usage.names_refused = self.names_refused;
        usage
    }
}

/// As much of a help text as is kept, cut between characters.
fn kept_help(help: &[u8]) -> Text<HELP_BYTES> {
    let cut = help.len().min(HELP_BYTES);
    let whole = (0..=cut).rev().find(|end| std::str::from_utf8(&help[..*end]).is_ok()).unwrap_or(0);
    let mut kept = Text::new();
    let fits = kept.push(&help[..whole]).is_ok();
    debug_assert!(fits, "the help text was cut to its buffer");
    kept
}

/// Bytes of a row's key before its labels: family and suffix.
const KEY_BYTES: u16 = 10;
