//! trimeter: see README.md for what it does. This page is how it is built.
//!
//! # The flow, one direction
//!
//! source → absorb → store → family table → text. Nothing points back: a collector never sees a socket, a renderer
//! never sees a file.

#[global_allocator]
static ALLOCATOR: base::gate::CountingAllocator = base::gate::CountingAllocator;

pub mod base;
pub mod collect;
pub mod expo;
pub mod family;
pub mod filter;
pub mod flags;
pub mod http;
pub mod io;
pub mod limits;
pub mod node;
pub mod store;
pub mod text;
