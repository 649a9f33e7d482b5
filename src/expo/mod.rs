//! Exposition text: numbers, and the rendering of frames and of objects, a page at a time.

pub mod lines;
pub mod number;
pub mod objects;
pub mod parse;
mod render;

pub use render::{Cursor, Filter, LINE_BYTES, Page, render, render_all};
