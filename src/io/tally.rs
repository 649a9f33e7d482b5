//! Counters that a collector keeps and the agent's own report serves.

use crate::store::Usage;
use std::cell::RefCell;
use std::rc::Rc;

/// Different labels that are counted.
pub const COUNTS_MAX: u32 = 16;
const TABLES_MAX: usize = 4;

/// What became of questions, by label, and how full the tables for them are.
pub struct Tally {
    counts: RefCell<Vec<(&'static str, u64)>>,
    tables: RefCell<Vec<(&'static str, Usage)>>,
}

/// The tally of a collector and of the report; both are on one thread.
pub type SharedTally = Rc<Tally>;

impl Tally {
    pub fn shared() -> SharedTally {
        Rc::new(Tally {
            counts: RefCell::new(Vec::with_capacity(COUNTS_MAX as usize)),
            tables: RefCell::new(Vec::with_capacity(TABLES_MAX)),
        })
    }

    /// Adds to a count. More labels than there is room for are ours to avoid; they are not counted.
    pub fn add(&self, label: &'static str, times: u64) {
        let mut counts = self.counts.borrow_mut();
        match counts.iter().position(|(known, _)| *known == label) {
            Some(at) => counts[at].1 += times,
            None if counts.len() < COUNTS_MAX as usize => counts.push((label, times)),
            None => debug_assert!(false, "no room to count {label}"),
        }
    }

    /// Says how full a table is.
    pub fn table(&self, name: &'static str, usage: Usage) {
        let mut tables = self.tables.borrow_mut();
        match tables.iter().position(|(known, _)| *known == name) {
            Some(at) => tables[at].1 = usage,
            None if tables.len() < TABLES_MAX => tables.push((name, usage)),
            None => debug_assert!(false, "no room for table {name}"),
        }
    }

    /// Calls `each` with every label that was counted.
    pub fn each_count(&self, each: impl FnMut(&(&'static str, u64))) {
        self.counts.borrow().iter().for_each(each);
    }

    /// Calls `each` with every table.
    pub fn each_table(&self, each: impl FnMut(&(&'static str, Usage))) {
        self.tables.borrow().iter().for_each(each);
    }

    /// What was counted under a label.
    pub fn count(&self, label: &str) -> u64 {
        self.counts.borrow().iter().find(|(known, _)| *known == label).map_or(0, |(_, count)| *count)
    }
}
