//! Operators' include and exclude expressions over names, asked once per name and remembered.

use crate::flags::Flags;
use crate::pattern::Pattern;
use hashbrown::DefaultHashBuilder;

use std::hash::BuildHasher;

/// Names that match `include` (if given) and not `exclude` (if given).
pub struct NameFilter {
    include: Option<Pattern>,
    exclude: Option<Pattern>,
    hasher: DefaultHashBuilder,
    /// Hash of a name with the answer as its lowest bit, by the bits above; the newest asked stays. 0: none.
    asked: Vec<u64>,
}

/// Answers that are remembered.
const ASKED: usize = 1024;

impl NameFilter {
    /// A filter of two flags; an empty name means there is no such flag. As with the peer, an include expression
    /// switches off an exclude expression that is only a default, and names what is wanted all by itself.
    pub fn new(flags: &Flags, include: &str, exclude: &str) -> Self {
        let regex = |name: &str| if name.is_empty() { None } else { flags.regex(name) };
        let include = regex(include);
        let only_default = include.is_some() && !exclude.is_empty() && !flags.given(exclude);
        let exclude = if only_default { None } else { regex(exclude) };
        Self::of(include, exclude)
    }

    pub fn of(include: Option<Pattern>, exclude: Option<Pattern>) -> Self {
        NameFilter { include, exclude, hasher: DefaultHashBuilder::default(), asked: vec![0; ASKED] }
    }

    /// Is the name wanted?
    pub fn keeps(&mut self, name: &[u8]) -> bool {
        if self.include.is_none() && self.exclude.is_none() {
            return true;
        }
        // Never 0, and the lowest bit is the answer's.
        let hash = (self.hasher.hash_one(name) | 2) & !1;
        let at = usize::try_from(hash >> 2).unwrap_or(0) % ASKED;
        let asked = self.asked[at];
        if asked & !1 == hash {
            return asked & 1 == 1;
        }
        let included = self.include.as_ref().is_none_or(|pattern| pattern.matches(name));
        let answer = included && !self.exclude.as_ref().is_some_and(|pattern| pattern.matches(name));
        self.asked[at] = hash | u64::from(answer);
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags::{Flag, FlagKind};

    #[test]
    fn a_name_must_be_included_and_not_excluded() {
        let mut filter = NameFilter::of(Pattern::new("^(eth|veth)").ok(), Pattern::new("^veth").ok());
        for _ in 0..2 {
            assert!(filter.keeps(b"eth0"));
            assert!(!filter.keeps(b"veth1"));
            assert!(!filter.keeps(b"lo"));
            assert!(filter.keeps(b"eth\xff"));
        }
    }

    #[test]
    fn an_include_takes_the_place_of_a_default_exclude() {
        const TABLE: &[Flag] = &[
            Flag { name: "in", kind: FlagKind::Regex, default: "", help: "" },
            Flag { name: "out", kind: FlagKind::Regex, default: "^loop", help: "" },
        ];
        let mut flags = Flags::defaults(&[TABLE]);
        assert!(!NameFilter::new(&flags, "in", "out").keeps(b"loop0"));
        flags.set("in", "loop|sd");
        assert!(NameFilter::new(&flags, "in", "out").keeps(b"loop0"));
        flags.set("out", "^loop");
        let mut filter = NameFilter::new(&flags, "in", "out");
        assert!(!filter.keeps(b"loop0"));
        assert!(filter.keeps(b"sda"));
    }

    #[test]
    fn without_expressions_everything_is_wanted() {
        assert!(NameFilter::of(None, None).keeps(b"\xff"));
    }
}
