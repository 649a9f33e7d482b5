//! A frame as exposition text, a page at a time: the cursor remembers where the page ended.

use super::number::{self, NUMBER_BYTES};
use crate::base::text::Text;
use crate::family::Family;
use crate::store::{FrameIndex, Grid, Named, Pin, Rows, Store};

/// No line is longer: name, labels and number together. A page must be at least this large.
pub const LINE_BYTES: usize = 4096;

/// Longest name of a family together with its split.
const LEAD_BYTES: usize = 384;

/// What of a store is shown.
#[derive(Clone, Copy)]
pub struct Filter<'a> {
    /// Tables, by their index.
    pub tables: &'a dyn Fn(usize) -> bool,
    /// Rows of a grid, by the index of the table and the row's label text.
    pub rows: &'a dyn Fn(usize, &[u8]) -> bool,
}

impl Filter<'_> {
    pub const ALL: Filter<'static> = Filter { tables: &|_| true, rows: &|_, _| true };
}

/// Where the next page begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    table: usize,
    /// Index of a family.
    family: usize,
    /// Column of a grid, counted from the family's first.
    column: usize,
    /// Row of a grid; row + 1 of a named table, 0 before its first.
    row: u32,
    /// HELP and TYPE of the family are written.
    headed: bool,
    /// Series written so far.
    pub series: u64,
}

/// A buffer that is being filled.
pub struct Page<'a> {
    bytes: &'a mut [u8],
    used: usize,
}

impl<'a> Page<'a> {
    pub const fn new(bytes: &'a mut [u8]) -> Self {
        Page { bytes, used: 0 }
    }

    pub const fn used(&self) -> usize {
        self.used
    }

    /// Cuts the page back to what it was when so many bytes were used.
    pub(super) fn cut(&mut self, used: usize) {
        self.used = self.used.min(used);
    }

    /// Appends the piece; `None`: there is no room for all of it.
    pub(super) fn try_push(&mut self, piece: &[u8]) -> Option<()> {
        let end = self.used + piece.len();
        self.bytes.get_mut(self.used..end)?.copy_from_slice(piece);
        self.used = end;
        Some(())
    }

    const fn room(&self) -> usize {
        self.bytes.len() - self.used
    }

    fn push(&mut self, piece: &[u8]) {
        self.bytes[self.used..self.used + piece.len()].copy_from_slice(piece);
        self.used += piece.len();
    }

    fn byte(&mut self, byte: u8) {
        self.bytes[self.used] = byte;
        self.used += 1;
    }
}

/// Fills the page from the cursor on. `true`: all is written; `false`: go on with an empty page.
pub fn render(store: &Store, pin: Pin, filter: Filter<'_>, cursor: &mut Cursor, page: &mut Page<'_>) -> bool {
    let frame = pin.frame();
    while let Some(table) = store.tables().get(cursor.table) {
        let done = !(filter.tables)(cursor.table)
            || match table {
                Rows::Grid(grid) => grid_page(store, grid, frame, filter, cursor, page),
                Rows::Named(named) => named_page(named, frame, cursor, page),
            };
        if !done {
            return false;
        }
        *cursor = Cursor { table: cursor.table + 1, series: cursor.series, ..Cursor::default() };
    }
    true
}

fn grid_page(
    store: &Store,
    grid: &Grid,
    frame: FrameIndex,
    filter: Filter<'_>,
    cursor: &mut Cursor,
    page: &mut Page<'_>,
) -> bool {
    let families = grid.families();
    let above = grid.parent().and_then(|parent| match &store.tables()[parent] {
        Rows::Grid(parent) => Some(parent),
        Rows::Named(_) => None,
    });
    while let Some(family) = families.get(cursor.family) {
        let first = first_column(grid, cursor.family);
        let columns = family.split.map_or(1, |split| split.values.len());
        while cursor.column < columns {
            if !column_page((grid, above), frame, filter, first + cursor.column, cursor, page) {
                return false;
            }
            cursor.column += 1;
            cursor.row = 0;
        }
        cursor.family += 1;
        cursor.column = 0;
        cursor.headed = false;
    }
    true
}

/// The columns of a grid are in the order of its families.
fn first_column(grid: &Grid, family: usize) -> usize {
    grid.columns().partition_point(|column| (column.family as usize) < family)
}

/// Renders a column of a grid; the other grid is the one whose rows it hangs below.
fn column_page(
    (grid, above): (&Grid, Option<&Grid>),
    frame: FrameIndex,
    filter: Filter<'_>,
    index: usize,
    cursor: &mut Cursor,
    page: &mut Page<'_>,
) -> bool {
    let column = &grid.columns()[index];
    let family: &Family = &grid.families()[cursor.family];
    let Some(slot) = column.slot else { return true };
    let split = family.split.map(|split| (split.label, column.split));
    // What every line of the column begins with, put together when the first one needs it.
    let mut lead = None;
    while cursor.row < grid.end() {
        let Some(bits) = grid.value(frame, slot, cursor.row) else {
            cursor.row += 1;
            continue;
        };
        let labels = grid.labels(cursor.row);
        let before =
            above.zip(grid.parent_row(cursor.row)).map_or(&b""[..], |(above, row)| above.labels(row));
        if !(filter.rows)(cursor.table, labels) {
            cursor.row += 1;
            continue;
        }
        if !head(family.name.as_bytes(), family.help.as_bytes(), family.kind.word(), cursor, page) {
            return false;
        }
        if !room_for(before.len() + labels.len(), page) {
            return false;
        }
        let lead = lead.get_or_insert_with(|| lead_of(family.name, split)).as_bytes();
        if before.is_empty() && labels.is_empty() {
            // The brace or comma at the end waits for labels.
            page.push(&lead[..lead.len() - 1]);
            page.push(if split.is_some() { &b"} "[..] } else { b" " });
        } else {
            page.push(lead);
            if !before.is_empty() {
                page.push(before);
                if !labels.is_empty() {
                    page.byte(b',');
                }
            }
            page.push(labels);
            page.push(b"} ");
        }
        let mut text = [0; NUMBER_BYTES];
        let length = number::write(&mut text, bits, column.scale);
        page.push(&text[..length]);
        page.byte(b'\n');
        cursor.row += 1;
        cursor.series += 1;
    }
    true
}

fn named_page(named: &Named, frame: FrameIndex, cursor: &mut Cursor, page: &mut Page<'_>) -> bool {
    while let Some(family) = named.families().get(cursor.family) {
        if let Some(family) = family {
            let mut row = match cursor.row {
                0 => Named::first(family),
                after => Some(after - 1),
            };
            while let Some(at) = row {
                cursor.row = at + 1;
                if let Some(value) = named.value(frame, at) {
                    let name = family.name.as_bytes();
                    if !head(name, family.help.as_bytes(), family.kind.word(), cursor, page) {
                        return false;
                    }
                    if !room_for(named.labels(at).len(), page) {
                        return false;
                    }
                    page.push(name);
                    page.push(named.suffix(at).as_bytes());
                    push_labels(page, named.labels(at));
                    let mut text = [0; NUMBER_BYTES];
                    let length = number::float(&mut text, value);
                    page.push(&text[..length]);
                    page.byte(b'\n');
                    cursor.series += 1;
                }
                row = named.next(at);
            }
        }
        cursor.family += 1;
        cursor.row = 0;
        cursor.headed = false;
    }
    true
}

/// Is there room for a line with so many bytes of row labels? Name, split labels and number take at most 512 bytes.
const fn room_for(label_bytes: usize, page: &Page<'_>) -> bool {
    page.room() >= label_bytes + 512
}

/// `name{split,` as a line with labels begins.
fn lead_of(name: &str, split: Option<(&str, &str)>) -> Text<LEAD_BYTES> {
    let mut lead = Text::new();
    let fits = match split {
        // Without a label the value is label pairs as they stand on the line.
        Some(("", pairs)) => lead.push_all(&[name.as_bytes(), b"{", pairs.as_bytes(), b","]),
        Some((label, value)) => {
            let (label, value) = (label.as_bytes(), value.as_bytes());
            lead.push_all(&[name.as_bytes(), b"{", label, b"=\"", value, b"\","])
        }
        None => lead.push_all(&[name.as_bytes(), b"{"]),
    };
    assert!(fits.is_ok(), "the name {name} with its split is too long for a line");
    lead
}

fn push_labels(page: &mut Page<'_>, labels: &[u8]) {
    if !labels.is_empty() {
        page.byte(b'{');
        page.push(labels);
        page.byte(b'}');
    }
    page.byte(b' ');
}

/// Writes HELP and TYPE before a family's first sample. `false`: no room.
fn head(name: &[u8], help: &[u8], kind: &str, cursor: &mut Cursor, page: &mut Page<'_>) -> bool {
    if cursor.headed {
        return true;
    }
    // A help text grows by a byte for each `\` and newline.
    if page.room() < 2 * name.len() + 2 * help.len() + 64 {
        return false;
    }
    if !help.is_empty() {
        page.push(b"# HELP ");
        page.push(name);
        page.byte(b' ');
        for byte in help {
            match byte {
                b'\\' => page.push(br"\\"),
                b'\n' => page.push(br"\n"),
                other => page.byte(*other),
            }
        }
        page.byte(b'\n');
    }
    page.push(b"# TYPE ");
    page.push(name);
    page.byte(b' ');
    page.push(kind.as_bytes());
    page.byte(b'\n');
    cursor.headed = true;
    true
}

/// The whole frame as text, for `-once` and tests.
pub fn render_all(store: &Store, pin: Pin, filter: Filter<'_>) -> Vec<u8> {
    let mut text = Vec::new();
    let mut bytes = vec![0; 16 * LINE_BYTES];
    let mut cursor = Cursor::default();
    loop {
        let mut page = Page::new(&mut bytes);
        let done = render(store, pin, filter, &mut cursor, &mut page);
        let used = page.used();
        text.extend_from_slice(&bytes[..used]);
        if done {
            return text;
        }
    }
}
