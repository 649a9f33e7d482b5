//! The store of one part: tables of rows × families, and a ring of frames that hold their values.
//!
//! A frame is a snapshot. The newest complete one is served; a slow client pins the one it reads, and rows
//! and values of a pinned frame stay until it lets go.

mod grid;
mod named;
mod out;
mod row;

pub use grid::{Column, Grid};
pub use named::{NAME_BYTES, Named, NamedFamily};
use out::Others;
pub use out::{NamedRow, Out, RowOut, TableOut, signed_bits, signed_value, write_escaped, write_labels};
pub use row::{Handle, Usage};
pub(crate) use row::{Index, RowSet};

use crate::base::clock::Monotonic;
use crate::family::{Families, Profile, Table};
use crate::limits::Limits;
use std::time::Duration;

/// Index of a frame in the ring.
pub type FrameIndex = usize;

/// A table of the store.
pub enum Rows {
    Grid(Grid),
    Named(Named),
}

/// A planned row of the memory table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub what: &'static str,
    pub rows: u64,
    pub row_bytes: u64,
}

/// How the names of what the kernel holds for the agent end: memory that is charged to it and is not resident.
pub const IN_THE_KERNEL: &str = ", in the kernel";

impl Item {
    /// Is it kernel memory?
    pub fn is_in_the_kernel(&self) -> bool {
        self.what.ends_with(IN_THE_KERNEL)
    }

    pub const fn bytes(&self) -> u64 {
        self.rows.saturating_mul(self.row_bytes)
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Frame {
    /// The number of the pass that filled it; 0: none yet.
    sequence: u64,
    /// Clients that read it.
    pins: u32,
    /// When it stopped being the newest.
    superseded: Monotonic,
}

/// A frame that a client reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pin {
    frame: FrameIndex,
    sequence: u64,
}

impl Pin {
    /// Where the frame is in the ring.
    pub const fn frame(self) -> FrameIndex {
        self.frame
    }
}

/// How long a client may read a frame that is no longer the newest, when every other frame is being read too.
const PATIENCE: Duration = Duration::from_secs(1);

/// Longest label text of a row together with that of the row it hangs below: it must fit on a line.
const LABEL_BYTES_MAX: usize = 3072;

/// All tables of a part with their frames.
pub struct Store {
    tables: Vec<Rows>,
    frames: Vec<Frame>,
    newest: Option<FrameIndex>,
    filling: Option<FrameIndex>,
    sequence: u64,
    now: Monotonic,
    busy_total: u64,
    revoked_total: u64,
}

impl Store {
    /// What [`Self::new`] will hold: a line per table, and one for what they have apart from rows.
    pub fn plan<'a>(tables: impl Iterator<Item = (&'a Table, Profile)>, limits: &Limits) -> Vec<Item> {
        let frames = u64::from(limits.frames);
        let mut fixed = frames * size_of::<Frame>() as u64;
        let mut items: Vec<Item> = tables
            .map(|(table, profile)| {
                let rows = u64::from((table.rows)(limits));
                let row_bytes = match table.families {
                    Families::Static(families) => Grid::row_bytes(families, table, profile, frames),
                    Families::Named { .. } => Named::row_bytes(table, frames),
                };
                fixed += size_of::<Rows>() as u64;
                let shared = match table.families {
                    Families::Static(families) => {
                        fixed += Grid::columns_bytes(families);
                        0
                    }
                    Families::Named { families, .. } => Named::family_bytes() * u64::from(families(limits)),
                };
                Item { what: table.name, rows, row_bytes: row_bytes + shared.div_ceil(rows.max(1)) }
            })
            .collect();
        items.push(Item { what: "tables and their columns", rows: 1, row_bytes: fixed });
        items
    }

    /// Allocates everything the tables will ever use.
    pub fn new<'a>(tables: impl Iterator<Item = (&'a Table, Profile)>, limits: &Limits) -> Self {
        let mut made: Vec<Rows> = Vec::new();
        for (table, profile) in tables {
            let rows = match table.families {
                Families::Static(families) => {
                    let parent = table.below.map(|name| parent(&made, name, table));
                    Rows::Grid(Grid::new(table, families, parent, limits, profile))
                }
                Families::Named { families, essential } => {
                    let essential = essential.filter(|_| profile == Profile::Essential);
                    Rows::Named(Named::new(table, families(limits), essential, limits))
                }
            };
            made.push(rows);
        }
        let tables = made;
        Store {
            tables,
            frames: vec![Frame::default(); limits.frames as usize],
            newest: None,
            filling: None,
            sequence: 0,
            now: Monotonic::default(),
            busy_total: 0,
            revoked_total: 0,
        }
    }

    /// Tells the time of the pass to begin or of the commit.
    pub fn at(&mut self, now: Monotonic) {
        self.now = now;
    }

    /// Begins a pass in a frame that nobody reads, or that is taken from clients who read it for too long; `keep` says of each table whether its values are carried over
    /// from the newest frame instead of being set anew. `false`: all frames are being read; counted.
    pub fn begin(&mut self, keep: impl Fn(usize) -> bool) -> bool {
        let newest = self.newest;
        let free = (0..self.frames.len())
            .filter(|index| self.frames[*index].pins == 0 && Some(*index) != newest)
            .min_by_key(|index| self.frames[*index].sequence)
            .or_else(|| self.revoke());
        let Some(frame) = free else {
            self.busy_total += 1;
            return false;
        };
        self.sequence += 1;
        self.frames[frame].sequence = self.sequence;
        self.filling = Some(frame);
        for (index, table) in self.tables.iter_mut().enumerate() {
            let from = newest.filter(|_| keep(index)).map(|from| (from, self.frames[from].sequence));
            match table {
                Rows::Grid(grid) => grid.begin(frame, self.sequence, from),
                Rows::Named(named) => named.begin(frame, self.sequence, from),
            }
        }
        true
    }

    /// Takes the frame that has been out of date for the longest, if that is too long.
    fn revoke(&mut self) -> Option<FrameIndex> {
        let newest = self.newest;
        let others = (0..self.frames.len()).filter(|index| Some(*index) != newest);
        let oldest = others.min_by_key(|index| self.frames[*index].sequence)?;
        let frame = &mut self.frames[oldest];
        if self.now.since(frame.superseded) < PATIENCE {
            return None;
        }
        frame.pins = 0;
        self.revoked_total += 1;
        Some(oldest)
    }

    /// Where a collector sets its numbers: the tables from `first` on are its own.
    ///
    /// # Panics
    /// Without a pass that was begun.
    #[expect(clippy::expect_used, reason = "a pass without begin is our own mistake")]
    pub fn out(&mut self, first: usize, count: usize) -> Out<'_> {
        let frame = self.filling.expect("begin comes before out");
        let (before, rest) = self.tables.split_at_mut(first);
        let (own, after) = rest.split_at_mut(count);
        Out::new(own, Others { before, after }, frame, self.sequence)
    }

    /// Ends the pass: its frame is the newest, and rows that no frame in use knows are free again.
    pub fn commit(&mut self) {
        if let Some(frame) = self.filling.take()
            && let Some(before) = self.newest.replace(frame)
        {
            self.frames[before].superseded = self.now;
        }
        let needed = self
            .frames
            .iter()
            .enumerate()
            .filter(|(index, frame)| frame.pins > 0 || Some(*index) == self.newest)
            .map(|(_, frame)| frame.sequence)
            .min()
            .unwrap_or(self.sequence);
        for table in &mut self.tables {
            match table {
                Rows::Grid(grid) => grid.sweep(needed),
                Rows::Named(named) => named.sweep(needed),
            }
        }
    }

    /// The newest complete frame, kept as it is until [`Self::unpin`] or until it is revoked.
    pub fn pin(&mut self) -> Option<Pin> {
        let frame = self.newest?;
        self.frames[frame].pins += 1;
        Some(Pin { frame, sequence: self.frames[frame].sequence })
    }

    /// Is the frame still what it was when it was pinned?
    pub fn holds(&self, pin: Pin) -> bool {
        self.frames[pin.frame].sequence == pin.sequence
    }

    /// Lets go of a frame from [`Self::pin`].
    pub fn unpin(&mut self, pin: Pin) {
        if self.holds(pin) {
            assert!(self.frames[pin.frame].pins > 0);
            self.frames[pin.frame].pins -= 1;
        }
    }

    pub fn tables(&self) -> &[Rows] {
        &self.tables
    }

    /// Passes that could not begin because every frame was being read.
    pub const fn busy_total(&self) -> u64 {
        self.busy_total
    }

    /// Frames that were taken from clients who read them for too long.
    pub const fn revoked_total(&self) -> u64 {
        self.revoked_total
    }
}

/// The newest table of that name.
///
/// # Panics
/// When there is none, when it hangs below another, or when no line has room for the labels of both.
fn parent(made: &[Rows], name: &str, table: &Table) -> usize {
    let is = |rows: &Rows| match rows {
        Rows::Grid(grid) => {
            let label_bytes = grid.label_bytes() + table.label_bytes as usize;
            grid.name() == name && grid.parent().is_none() && label_bytes <= LABEL_BYTES_MAX
        }
        Rows::Named(_) => false,
    };
    made.iter().rposition(is).unwrap_or_else(|| panic!("no table {name} that {} can hang below", table.name))
}

impl Rows {
    pub const fn name(&self) -> &'static str {
        match self {
            Rows::Grid(grid) => grid.name(),
            Rows::Named(named) => named.name(),
        }
    }

    pub fn usage(&self) -> Usage {
        match self {
            Rows::Grid(grid) => grid.usage(),
            Rows::Named(named) => named.usage(),
        }
    }

    /// The first metric name that was refused because something else has it.
    pub fn name_refused(&self) -> Option<&str> {
        match self {
            Rows::Grid(_) => None,
            Rows::Named(named) => named.name_refused(),
        }
    }
}

#[cfg(test)]
mod below_tests;
#[cfg(test)]
mod tests;
