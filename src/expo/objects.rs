//! Objects as exposition text, a page at a time: kind by kind, family by family, object by object.
//!
//! Objects may change while a body is sent. One that comes after its beginning is not in it, so that no series is there
//! twice; one that goes is in the families before and not in those behind. The lines of one object and family are of one
//! state of it, also where they are on several pages.

use super::lines::{Allows, Identity, IdentityText, Lines, Outcome};
use super::render::Page;
use crate::records::{Family, Here, Kind, Shelf, WalkId};

/// A kind as it is served.
pub struct ShownKind {
    pub kind: &'static Kind,
    /// What it is called on the shelf.
    pub place: usize,
    /// Those of the profile that no list leaves out.
    pub families: Vec<&'static Family>,
    pub allows: Allows,
}

/// Where the next page begins.
#[derive(Debug)]
pub struct ObjectCursor {
    walk: WalkId,
    /// Objects that were born later are not shown.
    births: u64,
    kind: usize,
    family: usize,
    /// The head of the family is written and the walk is under way.
    begun: bool,
    /// Lines of the object that earlier pages have; the walk holds it.
    skip: u32,
    /// Series written so far.
    pub series: u64,
    /// Lines that are longer than a page.
    pub refused: u64,
}

impl ObjectCursor {
    /// `None`: too many bodies are being sent.
    pub fn new(shelf: &mut Shelf) -> Option<Self> {
        let walk = shelf.begin_walk()?;
        let births = shelf.births();
        Some(ObjectCursor { walk, births, kind: 0, family: 0, begun: false, skip: 0, series: 0, refused: 0 })
    }

    /// Counts what a page has of an object.
    fn note(&mut self, outcome: Outcome, skip: u32) {
        self.series += u64::from(outcome.done.saturating_sub(skip).saturating_sub(outcome.refused));
        self.refused += u64::from(outcome.refused);
    }

    /// Gives the walk back.
    pub fn end(&self, shelf: &mut Shelf) {
        shelf.end_walk(&self.walk);
    }
}

/// What of the objects is shown.
#[derive(Clone, Copy)]
pub struct ObjectFilter<'a> {
    /// Kinds, by their place in the list.
    pub kinds: &'a dyn Fn(usize) -> bool,
    /// Who told of an object last.
    pub sources: &'a dyn Fn(u16) -> bool,
}

impl ObjectFilter<'_> {
    pub const ALL: ObjectFilter<'static> = ObjectFilter { kinds: &|_| true, sources: &|_| true };
}

/// Fills the page from the cursor on. `true`: all is written.
pub fn render_objects(
    shelf: &mut Shelf,
    kinds: &[ShownKind],
    filter: ObjectFilter<'_>,
    cursor: &mut ObjectCursor,
    page: &mut Page<'_>,
) -> bool {
    let mut identity = IdentityText::new();
    while let Some(shown) = kinds.get(cursor.kind) {
        // A kind without objects has no heads either. The first object may come while its families are written.
        if (cursor.family > 0 || cursor.begun || shelf.count(shown.place) > 0) && (filter.kinds)(cursor.kind)
        {
            while let Some(family) = shown.families.get(cursor.family) {
                if !cursor.begun {
                    if head(family, page).is_none() {
                        return false;
                    }
                    cursor.begun = true;
                    shelf.go_first(&cursor.walk, shown.place);
                }
                if !family_page(shelf, (shown, family), filter, cursor, &mut identity, page) {
                    return false;
                }
                cursor.family += 1;
                cursor.begun = false;
            }
        }
        cursor.kind += 1;
        cursor.family = 0;
    }
    true
}

/// Writes the samples of a family from where the walk is. `true`: of all objects.
fn family_page(
    shelf: &mut Shelf,
    (shown, family): (&ShownKind, &Family),
    filter: ObjectFilter<'_>,
    cursor: &mut ObjectCursor,
    identity: &mut IdentityText,
    page: &mut Page<'_>,
) -> bool {
    while let Some(Here { row, source }) = shelf.here(&cursor.walk, cursor.births) {
        let skip = cursor.skip;
        let mut labels = Identity::new(identity);
        (shown.kind.identity)(row, &mut labels);
        if skip == 0 && !(filter.sources)(source) {
            // Another agent shows it.
        } else if labels.fits() {
            let start = page.used();
            let mut lines = Lines::new(page, family.name, shown.allows, skip, identity);
            (family.emit)(row, &mut lines);
            let outcome = lines.outcome();
            if outcome.full {
                // An object's samples stay together where a page has room for them.
                if skip == 0 && start > 0 {
                    page.cut(start);
                } else {
                    cursor.note(outcome, skip);
                    cursor.skip = outcome.done;
                    shelf.hold(&cursor.walk);
                }
                return false;
            }
            cursor.note(outcome, skip);
        } else {
            cursor.refused += 1;
        }
        cursor.skip = 0;
        shelf.go_next(&cursor.walk);
    }
    true
}

/// Writes HELP and TYPE; `None`: there is no room for both.
fn head(family: &Family, page: &mut Page<'_>) -> Option<()> {
    let start = page.used();
    let stability = if family.stable { "[STABLE] " } else { "" };
    let kind = if family.counter { " counter\n" } else { " gauge\n" };
    let pieces = ["# HELP ", family.name, " ", stability, family.help, "\n# TYPE ", family.name, kind];
    for piece in pieces {
        if page.try_push(piece.as_bytes()).is_none() {
            page.cut(start);
            return None;
        }
    }
    Some(())
}
