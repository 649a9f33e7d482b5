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
        self.sum(|_| true)
    }

    /// Those of them that the kernel holds for the agent, charged to its control group and not resident.
    pub fn kernel_bytes(&self) -> u64 {
        self.sum(Item::is_in_the_kernel)
    }

    fn sum(&self, which: impl Fn(&Item) -> bool) -> u64 {
        let items = self.groups.iter().flat_map(|(_, items)| items).filter(|item| which(item));
        items.map(Item::bytes).fold(0, u64::saturating_add)
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
    let (total, kernel) = (budget.bytes(), budget.kernel_bytes());
    let sums = [
        ("total", "resident at most", total - kernel),
        ("total", "in the kernel", kernel),
        ("total", "", total),
    ];
    for (name, what, bytes) in sums {
        let line = writeln!(text, "{name:<12} {what:<32} {:>10} {:>12} {bytes:>14}", "", "");
        debug_assert!(line.is_ok());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_the_sum_of_the_lines() {
        let item = |rows, row_bytes| Item { what: "thing", rows, row_bytes };
        let kernel = Item { what: "files held open, in the kernel", rows: 2, row_bytes: 4 };
        let groups = vec![("a", vec![item(3, 10), item(1, 5)]), ("b", vec![item(2, 1), kernel])];
        let budget = Budget { groups };
        assert_eq!((budget.bytes(), budget.kernel_bytes()), (45, 8));
        let text = render(&budget);
        let ends: Vec<&str> = text.lines().map(|line| line.split_whitespace().last().unwrap()).collect();
        assert_eq!(ends, ["bytes", "30", "5", "2", "8", "37", "8", "45"]);
    }
}
