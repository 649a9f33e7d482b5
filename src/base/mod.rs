//! What everything stands on: bounded text, counters of trouble, the allocation gate, clock and log. Imports
//! nothing of the crate.

pub mod chains;
pub mod clock;
pub mod count;
pub mod gate;
pub mod log;
pub mod task;
pub mod text;
