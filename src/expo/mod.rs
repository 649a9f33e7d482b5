//! Exposition text: numbers and the rendering of a frame, a page at a time.

pub mod number;
pub mod parse;
mod render;

pub use render::{Cursor, Filter, LINE_BYTES, Page, render, render_all};
