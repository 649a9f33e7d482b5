//! Objects of the Kubernetes API as compact records in planned memory: what is kept of each, and where.
//!
//! [`field`] says what: [`record!`](crate::record) declares paths in the JSON and the names by which code reads them.
//! A [`Selector`] is the tree of a kind's paths, a [`Scratch`] the object that is coming in, a [`Shelf`] all that is
//! there. Nothing is allocated after the start, however many objects come and go.

mod allow;
mod encode;
pub mod field;
mod heap;
pub mod kind;
mod names;
mod row;
mod scratch;
mod selector;
mod shelf;
mod texts;
mod walk;

pub use allow::Allow;
pub use kind::{Family, Kind};
pub use names::NAME_BYTES_MAX;
pub use row::{Row, Rows};
pub use scratch::{Loss, Scratch, Told};
pub use selector::Selector;
pub use shelf::{Put, Shelf, ShelfLimits, Source};
pub use walk::{Here, WalkId};

#[cfg(test)]
mod tests;
