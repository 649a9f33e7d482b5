//! How a collector sets numbers: by table, labels and the source's own name of the number.

use super::grid::Grid;
use super::named::Named;
use super::{FrameIndex, Handle, Rows};
use crate::base::text::Text;
use crate::family::{Kind, Repr};

/// The tables of one collector during a pass.
pub struct Out<'a> {
    tables: &'a mut [Rows],
    others: Others<'a>,
    frame: FrameIndex,
    pass: u64,
    malformed: u64,
}

/// The tables of the other collectors, which are on the same page.
#[derive(Clone, Copy)]
pub(super) struct Others<'a> {
    pub before: &'a [Rows],
    pub after: &'a [Rows],
}

impl Others<'_> {
    /// Has a source named a family so?
    fn have(&self, name: &[u8]) -> bool {
        self.before.iter().chain(self.after).any(|rows| match rows {
            Rows::Named(named) => named.has_family(name),
            Rows::Grid(_) => false,
        })
    }
}

/// Longest label text of any row.
const LABEL_BYTES: usize = 2048;

/// Longest label text of most rows.
const SHORT_LABEL_BYTES: usize = 256;

impl<'a> Out<'a> {
    pub(super) const fn new(
        tables: &'a mut [Rows],
        others: Others<'a>,
        frame: FrameIndex,
        pass: u64,
    ) -> Self {
        Out { tables, others, frame, pass, malformed: 0 }
    }

    /// The collector's n-th table.
    ///
    /// # Panics
    /// When the table is declared as named.
    pub fn table(&mut self, index: usize) -> TableOut<'_> {
        match &mut self.tables[index] {
            Rows::Grid(grid) => TableOut { grid, frame: self.frame, pass: self.pass },
            Rows::Named(named) => panic!("table {} names its families while running", named.name()),
        }
    }

    /// The row of a table without labels.
    pub fn single(&mut self, index: usize) -> RowOut<'_> {
        self.table(index).into_row(&[])
    }

    /// A series of the collector's n-th table, which is named. A name that another collector's source has used is
    /// refused and counted: a page with two families of a name is no valid page.
    ///
    /// # Panics
    /// When the table's families are static.
    pub fn named(&mut self, index: usize, name: &[u8], kind: Kind, help: &[u8]) -> NamedRow<'_> {
        match &mut self.tables[index] {
            Rows::Named(named) => {
                let family = named.family(name, kind, help, self.pass, &|name| self.others.have(name));
                NamedRow { named, family, frame: self.frame, pass: self.pass }
            }
            Rows::Grid(grid) => panic!("table {} has static families", grid.name()),
        }
    }

    /// Is any family of the collector's n-th table in the profile? If not, what only it needs is not worth reading.
    pub fn serves(&self, index: usize) -> bool {
        match &self.tables[index] {
            Rows::Grid(grid) => grid.columns().iter().any(|column| column.slot.is_some()),
            Rows::Named(named) => named.serves(),
        }
    }

    /// Does the profile serve this number (by its key) or, in a named table, this family? What is not wanted need
    /// not be read.
    pub fn wants(&self, index: usize, key: impl AsRef<[u8]>) -> bool {
        let key = key.as_ref();
        match &self.tables[index] {
            Rows::Grid(grid) => {
                grid.columns().iter().any(|column| column.slot.is_some() && column.key.as_bytes() == key)
            }
            Rows::Named(named) => named.wants(key),
        }
    }

    /// Counts a row of the collector's n-th table that was refused before it came here.
    pub fn refuse(&mut self, index: usize) {
        match &mut self.tables[index] {
            Rows::Grid(grid) => grid.rows.refuse(),
            Rows::Named(named) => named.rows.refuse(),
        }
    }

    /// Counts a name that the collector's n-th table, which is named, cannot have because something else has it.
    pub fn refuse_name(&mut self, index: usize, name: &[u8]) {
        if let Rows::Named(named) = &mut self.tables[index] {
            named.refuse_name(name);
        }
    }

    /// Rows that the collector's n-th table has refused since the start.
    pub fn refused_total(&self, index: usize) -> u64 {
        self.tables[index].usage().refused
    }

    /// Counts a line or a number that is not understood; the rest goes on.
    pub fn malformed(&mut self) {
        self.malformed += 1;
    }

    /// Counts several of them.
    pub fn malformed_by(&mut self, count: u64) {
        self.malformed += count;
    }

    /// Lines and numbers of this pass that were not understood.
    pub const fn malformed_count(&self) -> u64 {
        self.malformed
    }
}

/// A table of a pass.
pub struct TableOut<'a> {
    grid: &'a mut Grid,
    frame: FrameIndex,
    pass: u64,
}

impl TableOut<'_> {
    /// The row with these labels, made if need be. A full table gives a row that ignores what is set.
    pub fn row(&mut self, labels: &[(&str, &[u8])]) -> RowOut<'_> {
        let row = find(self.grid, None, labels, self.pass);
        RowOut { grid: self.grid, frame: self.frame, pass: self.pass, row, cursor: 0 }
    }

    /// Is the row of the handle still there? It is freed when a pass did not ask for it.
    pub fn keeps(&self, handle: Handle) -> bool {
        self.grid.rows.keeps(handle)
    }

    /// The row of a handle from an earlier pass, whose labels are neither written nor compared. One that is no longer
    /// there ignores what is set.
    pub fn again(&mut self, handle: Handle) -> RowOut<'_> {
        assert!(self.grid.parent().is_none(), "a row below another is found by its labels");
        let row = self.grid.rows.again(handle, self.pass);
        RowOut { grid: self.grid, frame: self.frame, pass: self.pass, row, cursor: 0 }
    }

    /// The row with these labels below a row of the parent table, made if need be.
    ///
    /// # Panics
    /// When the parent's row was not asked for in this pass: it might be freed before this one.
    pub fn row_below(&mut self, parent: Handle, labels: &[(&str, &[u8])]) -> RowOut<'_> {
        assert!(self.grid.parent().is_some(), "the table hangs below no other");
        assert!(parent.pass == self.pass, "the parent's row is of another pass");
        let row = find(self.grid, Some(parent.row), labels, self.pass);
        RowOut { grid: self.grid, frame: self.frame, pass: self.pass, row, cursor: 0 }
    }

    /// [`Self::row`] for labels that are text already: `a="b",c="d"`, escaped.
    pub fn row_raw(&mut self, labels: &[u8]) -> RowOut<'_> {
        assert!(self.grid.parent().is_none(), "the table's rows hang below others");
        let row = self.grid.rows.find_or_add(labels, self.pass);
        RowOut { grid: self.grid, frame: self.frame, pass: self.pass, row, cursor: 0 }
    }

    /// Is the family with this key in the profile? A collector need not read what nobody serves.
    pub fn serves(&self, key: &str) -> bool {
        self.grid.columns().iter().any(|column| column.key == key && column.slot.is_some())
    }

    /// Counts a row that was refused before it came here.
    pub fn refuse(&mut self) {
        self.grid.rows.refuse();
    }
}

impl<'a> TableOut<'a> {
    /// [`Self::row`] for a table that is used once.
    pub fn into_row(self, labels: &[(&str, &[u8])]) -> RowOut<'a> {
        let row = find(self.grid, None, labels, self.pass);
        RowOut { grid: self.grid, frame: self.frame, pass: self.pass, row, cursor: 0 }
    }
}

fn find(grid: &mut Grid, parent: Option<u32>, labels: &[(&str, &[u8])], pass: u64) -> Option<u32> {
    assert!(grid.parent().is_some() == parent.is_some(), "table {} and its parent", grid.name());
    if labels.is_empty() {
        return grid.rows.find_or_add_below(parent, b"", pass);
    }
    // Room is zeroed before it is used: most labels need little of it, also if every byte has to be replaced.
    let bytes: usize = labels.iter().map(|(name, value)| name.len() + 3 * value.len() + 4).sum();
    if bytes <= SHORT_LABEL_BYTES {
        find_within::<SHORT_LABEL_BYTES>(grid, parent, labels, pass)
    } else {
        find_within::<LABEL_BYTES>(grid, parent, labels, pass)
    }
}

fn find_within<const N: usize>(
    grid: &mut Grid,
    parent: Option<u32>,
    labels: &[(&str, &[u8])],
    pass: u64,
) -> Option<u32> {
    let mut text = Text::<N>::new();
    if write_labels(&mut text, labels).is_none() {
        grid.rows.refuse();
        return None;
    }
    grid.rows.find_or_add_below(parent, text.as_bytes(), pass)
}

/// A row of a pass.
pub struct RowOut<'a> {
    grid: &'a mut Grid,
    frame: FrameIndex,
    pass: u64,
    row: Option<u32>,
    /// Numbers come in the order of the table: the column after the last set is tried first.
    cursor: usize,
}

impl RowOut<'_> {
    /// What finds the row again in later passes, and rows below it in this one; `None`: it was refused.
    pub fn handle(&self) -> Option<Handle> {
        self.row.map(|row| self.grid.rows.handle(row, self.pass))
    }

    /// Sets a number by the source's name of it, in the source's unit. `false`: the table does not know the name.
    pub fn set(&mut self, key: impl AsRef<[u8]>, value: u64) -> bool {
        self.put(key.as_ref(), b"", Repr::Unsigned, value)
    }

    /// [`Self::set`] if there is a number: a missing one is missing.
    pub fn set_some(&mut self, key: impl AsRef<[u8]>, value: Option<u64>) {
        if let Some(value) = value {
            self.set(key, value);
        }
    }

    /// [`Self::set`] for a family that may be negative.
    pub fn set_signed(&mut self, key: impl AsRef<[u8]>, value: i64) -> bool {
        // −1 is what a missing value would look like; the bits are shifted so that i64::MAX is, which is clamped.
        self.put(key.as_ref(), b"", Repr::Signed, signed_bits(value))
    }

    /// [`Self::set`] for a family that is a float.
    pub fn set_float(&mut self, key: impl AsRef<[u8]>, value: f64) -> bool {
        self.put(key.as_ref(), b"", Repr::Float, value.to_bits())
    }

    /// Sets a number of a family with a split label.
    pub fn set_split(&mut self, key: impl AsRef<[u8]>, split: impl AsRef<[u8]>, value: u64) -> bool {
        self.put(key.as_ref(), split.as_ref(), Repr::Unsigned, value)
    }

    /// [`Self::set_split`] for a family that may be negative.
    pub fn set_split_signed(&mut self, key: impl AsRef<[u8]>, split: impl AsRef<[u8]>, value: i64) -> bool {
        self.put(key.as_ref(), split.as_ref(), Repr::Signed, signed_bits(value))
    }

    /// [`Self::set_split`] for a float.
    pub fn set_split_float(&mut self, key: impl AsRef<[u8]>, split: impl AsRef<[u8]>, value: f64) -> bool {
        self.put(key.as_ref(), split.as_ref(), Repr::Float, value.to_bits())
    }

    /// Adds to what this pass has set so far: for sums over lines of the source.
    pub fn add(&mut self, key: impl AsRef<[u8]>, value: u64) -> bool {
        let Some(at) = self.find(key.as_ref(), b"") else { return false };
        let column = self.grid.columns()[at];
        let (Some(row), Some(slot)) = (self.row, column.slot) else { return true };
        let before = self.grid.value(self.frame, slot, row).unwrap_or(0);
        self.put(key.as_ref(), b"", Repr::Unsigned, before.saturating_add(value))
    }

    /// The column of a number.
    fn find(&self, key: &[u8], split: &[u8]) -> Option<usize> {
        let columns = self.grid.columns();
        let matches = |at: usize| {
            columns
                .get(at)
                .is_some_and(|column| column.key.as_bytes() == key && column.split.as_bytes() == split)
        };
        if matches(self.cursor) {
            return Some(self.cursor);
        }
        // What is left out on the way is most often passed over.
        (self.cursor..columns.len()).chain(0..self.cursor).find(|at| matches(*at))
    }

    fn put(&mut self, key: &[u8], split: &[u8], repr: Repr, bits: u64) -> bool {
        let Some(at) = self.find(key, split) else { return false };
        self.cursor = at + 1;
        let column = self.grid.columns()[at];
        debug_assert_eq!(column.scale.repr, repr, "{} is set as another kind of number", column.key);
        if column.scale.repr != repr {
            return false;
        }
        if let (Some(row), Some(slot)) = (self.row, column.slot) {
            self.grid.put(self.frame, slot, row, bits);
        }
        true
    }
}

/// The bits of a signed value, so that the pattern of a missing one is `i64::MAX`.
pub const fn signed_bits(value: i64) -> u64 {
    value.cast_unsigned() ^ (1 << 63)
}

/// The value of [`signed_bits`].
pub const fn signed_value(bits: u64) -> i64 {
    (bits ^ (1 << 63)).cast_signed()
}

/// A series whose family the source names.
pub struct NamedRow<'a> {
    named: &'a mut Named,
    family: Option<u16>,
    frame: FrameIndex,
    pass: u64,
}

impl NamedRow<'_> {
    /// Sets the series of this family with these labels.
    pub fn set(&mut self, labels: &[(&str, &[u8])], value: f64) {
        let Some(family) = self.family else { return };
        let mut text = Text::<LABEL_BYTES>::new();
        if write_labels(&mut text, labels).is_none() {
            self.named.rows.refuse();
            return;
        }
        self.named.set(self.frame, self.pass, family, "", text.as_bytes(), value);
    }

    /// Sets a series whose labels are text already: `a="b",c="d"`, escaped.
    pub fn set_raw(&mut self, suffix: &'static str, labels: &[u8], value: f64) {
        let Some(family) = self.family else { return };
        self.named.set(self.frame, self.pass, family, suffix, labels, value);
    }
}

/// Writes `a="b",c="d"` with escapes; invalid UTF-8 becomes U+FFFD. `None`: it does not fit.
pub fn write_labels<const N: usize>(text: &mut Text<N>, labels: &[(&str, &[u8])]) -> Option<()> {
    for (index, (name, value)) in labels.iter().enumerate() {
        if index > 0 {
            text.push(b",").ok()?;
        }
        text.push_all(&[name.as_bytes(), b"=\""]).ok()?;
        write_escaped(text, value)?;
        text.push(b"\"").ok()?;
    }
    Some(())
}

/// Writes a label value with `\`, `"` and newline escaped.
pub fn write_escaped<const N: usize>(text: &mut Text<N>, value: &[u8]) -> Option<()> {
    let mut replaced = false;
    for chunk in value.utf8_chunks() {
        replaced &= chunk.valid().is_empty();
        let mut rest = chunk.valid().as_bytes();
        while let Some(at) = rest.iter().position(|byte| matches!(byte, b'\\' | b'"' | b'\n')) {
            text.push(&rest[..at]).ok()?;
            text.push(match rest[at] {
                b'\\' => &br"\\"[..],
                b'"' => br#"\""#,
                _ => br"\n",
            })
            .ok()?;
            rest = &rest[at + 1..];
        }
        text.push(rest).ok()?;
        // One mark for a run of bytes that are no UTF-8.
        if !chunk.invalid().is_empty() && !replaced {
            text.push("\u{fffd}").ok()?;
            replaced = true;
        }
    }
    Some(())
}
