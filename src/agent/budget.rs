//! The plan of the memory: added up before it is taken, printed by `-dryRun`, refused when it is over
//! `-memory.allowedBytes`.

use crate::store::Item;
use std::fmt::Write as _;

/// A group of planned items.
pub struct Budget {
    pub groups: Vec<(&'static str, Vec<Item>)>,
}

impl Budget {
    /// All planned bytes.
    pub fn bytes(&self) -> u64 {
        self.groups.iter().flat_map(|(_, items)| items).map(Item::bytes).fold(0, u64::saturating_add)
    }
}

/// The plan as a table for people.
pub fn render(budget: &Budget) -> String {
    let mut text =
        format!("{:<12} {:<32} {:>10} {:>12} {:>14}\n", "part", "what", "rows", "row bytes", "bytes");
    for (group, items) in &budget.groups {
        for item in items {
            let line = writeln!(
                text,
                "{group:<12} {:<32} {:>10} {:>12} {:>14}",
                item.what,
                item.rows,
                item.row_bytes,
                item.bytes()
            );
            debug_assert!(line.is_ok());
        }
    }
    let total = budget.bytes();
    let line = writeln!(text, "{:<12} {:<32} {:>10} {:>12} {total:>14}", "total", "", "", "");
    debug_assert!(line.is_ok());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_the_sum_of_the_lines() {
        let item = |rows, row_bytes| Item { what: "thing", rows, row_bytes };
        let budget = Budget { groups: vec![("a", vec![item(3, 10), item(1, 5)]), ("b", vec![item(2, 1)])] };
        assert_eq!(budget.bytes(), 37);
        let text = render(&budget);
        assert_eq!(text.lines().count(), 5);
        assert!(text.lines().last().unwrap().ends_with(" 37"));
    }
}
