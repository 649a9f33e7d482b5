//! Families: what a metric is called, of which type it is and how its number is to be read, in one literal.

use crate::limits::Limits;

/// The TYPE of the exposition format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    Untyped,
    Histogram,
    Summary,
}

impl Kind {
    pub const fn word(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Untyped => "untyped",
            Kind::Histogram => "histogram",
            Kind::Summary => "summary",
        }
    }
}

/// The smallest `-metrics.profile` that serves a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Profile {
    /// Families that public dashboards and alerts use.
    Essential,
    /// Everything the peer serves by default.
    Full,
}

/// What the eight bytes of a slot hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repr {
    Unsigned,
    Signed,
    Float,
}

/// How a slot becomes the number on the line: slot × `times` ÷ 10^`decimals`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    pub repr: Repr,
    pub times: u32,
    pub decimals: u8,
}

/// A label whose values are known: the family has one column for each.
#[derive(Clone, Copy, Debug)]
pub struct Split {
    /// Empty: the values are label pairs as they stand on the line.
    pub label: &'static str,
    pub values: &'static [&'static str],
}

/// A metric. Built with [`counter`], [`gauge`] or [`untyped`] and the methods below.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    pub name: &'static str,
    pub help: &'static str,
    pub kind: Kind,
    pub scale: Scale,
    /// What the source calls the number; the name by which a collector sets it.
    pub key: &'static str,
    pub split: Option<Split>,
    pub profile: Profile,
}

/// A family of profile `full`, unsigned, unscaled, whose key is empty.
const fn family(kind: Kind, name: &'static str, help: &'static str) -> Family {
    let scale = Scale { repr: Repr::Unsigned, times: 1, decimals: 0 };
    Family { name, help, kind, scale, key: "", split: None, profile: Profile::Full }
}

pub const fn counter(name: &'static str, help: &'static str) -> Family {
    family(Kind::Counter, name, help)
}

pub const fn gauge(name: &'static str, help: &'static str) -> Family {
    family(Kind::Gauge, name, help)
}

pub const fn untyped(name: &'static str, help: &'static str) -> Family {
    family(Kind::Untyped, name, help)
}

impl Family {
    /// What the source calls the number.
    pub const fn key(mut self, key: &'static str) -> Self {
        self.key = key;
        self
    }

    /// One column per value of a label.
    pub const fn split(mut self, label: &'static str, values: &'static [&'static str]) -> Self {
        assert!(!values.is_empty(), "a split needs values");
        self.split = Some(Split { label, values });
        self
    }

    /// One column per text of several labels, `a="b",c="d"`, which is also what a collector calls the column.
    pub const fn split_pairs(mut self, pairs: &'static [&'static str]) -> Self {
        assert!(!pairs.is_empty(), "a split needs values");
        self.split = Some(Split { label: "", values: pairs });
        self
    }

    /// The source's unit is `times` of the family's, as in kB → bytes: 1024.
    pub const fn times(mut self, times: u32) -> Self {
        assert!(times > 0, "a scale of 0 loses the number");
        self.scale.times = times;
        self
    }

    /// The source's unit is 10^-`decimals` of the family's, as in milliseconds → seconds: 3.
    pub const fn decimals(mut self, decimals: u8) -> Self {
        assert!(decimals <= 18, "more decimals than a u64 has digits");
        self.scale.decimals = decimals;
        self
    }

    /// The number may be negative; set with `set_signed`.
    pub const fn signed(mut self) -> Self {
        self.scale.repr = Repr::Signed;
        self
    }

    /// The number is a float; set with `set_float`, never scaled.
    pub const fn float(mut self) -> Self {
        self.scale.repr = Repr::Float;
        self
    }

    /// Served in every profile.
    pub const fn essential(mut self) -> Self {
        self.profile = Profile::Essential;
        self
    }
}

/// Families that share their labels and rows, as a network device's.
#[derive(Clone, Copy)]
pub struct Table {
    /// The label value in `trimeter_table_*{table=…}`.
    pub name: &'static str,
    pub rows: fn(&Limits) -> u32,
    /// Longest text of a row's own labels, `a="b",c="d"`, escaped.
    pub label_bytes: u16,
    /// The table whose rows lend their labels to this one's.
    pub below: Option<&'static str>,
    pub families: Families,
}

/// Where a table's families come from.
#[derive(Clone, Copy)]
pub enum Families {
    /// Known when trimeter is built.
    Static(&'static [Family]),
    /// Named by the source while running, as sensors and textfiles do; a row is one series.
    Named {
        families: fn(&Limits) -> u32,
        /// The names that profile `essential` serves; `None`: all.
        essential: Option<&'static [&'static str]>,
    },
}

impl Table {
    /// One row without labels.
    pub const fn single(name: &'static str, families: &'static [Family]) -> Self {
        Table { name, rows: |_| 1, label_bytes: 0, below: None, families: Families::Static(families) }
    }

    /// Rows with labels, at most `rows` of them.
    pub const fn rows(
        name: &'static str,
        rows: fn(&Limits) -> u32,
        label_bytes: u16,
        families: &'static [Family],
    ) -> Self {
        Table { name, rows, label_bytes, below: None, families: Families::Static(families) }
    }

    /// Series whose names the source decides.
    pub const fn named(
        name: &'static str,
        rows: fn(&Limits) -> u32,
        label_bytes: u16,
        families: fn(&Limits) -> u32,
        essential: Option<&'static [&'static str]>,
    ) -> Self {
        Table { name, rows, label_bytes, below: None, families: Families::Named { families, essential } }
    }

    /// Rows have the labels of a row of `parent`, which an earlier table of the same collector is called, and then
    /// their own: what many rows have in common is kept once.
    pub const fn below(mut self, parent: &'static str) -> Self {
        assert!(
            matches!(self.families, Families::Static(_)),
            "only families that are known hang below a row"
        );
        self.below = Some(parent);
        self
    }
}

/// Refuses at build time what a table of families must not hold: `const _: () = check(FAMILIES);`
pub const fn check(families: &[Family]) {
    let mut index = 0;
    while index < families.len() {
        let family = &families[index];
        assert!(!family.name.is_empty(), "a family without a name");
        assert!(!family.help.is_empty(), "a family without a help text");
        assert!(valid_name(family.name.as_bytes()), "a name that is no metric name");
        if let Repr::Float = family.scale.repr {
            assert!(family.scale.times == 1 && family.scale.decimals == 0, "a float is never scaled");
        }
        let mut other = 0;
        while other < index {
            assert!(!same(families[other].name, family.name), "a name declared twice");
            other += 1;
        }
        index += 1;
    }
}

/// The families of several lists.
pub const fn count(lists: &[&[Family]]) -> usize {
    let (mut index, mut total) = (0, 0);
    while index < lists.len() {
        total += lists[index].len();
        index += 1;
    }
    total
}

/// Several lists as one: a table whose families are declared beside the code that fills them, in several files.
pub const fn concat<const N: usize>(lists: &[&[Family]]) -> [Family; N] {
    let mut all = [untyped("", ""); N];
    let (mut list, mut next) = (0, 0);
    while list < lists.len() {
        let mut index = 0;
        while index < lists[list].len() {
            all[next] = lists[list][index];
            next += 1;
            index += 1;
        }
        list += 1;
    }
    assert!(next == N, "as many families as there are in the lists");
    all
}

/// `[a-zA-Z_:][a-zA-Z0-9_:]*`
pub const fn valid_name(name: &[u8]) -> bool {
    let mut index = 0;
    while index < name.len() {
        let byte = name[index];
        let letter = byte.is_ascii_alphabetic() || byte == b'_' || byte == b':';
        if !(letter || (index > 0 && byte.is_ascii_digit())) {
            return false;
        }
        index += 1;
    }
    !name.is_empty()
}

const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut index = 0;
    while index < a.len() {
        if a[index] != b[index] {
            return false;
        }
        index += 1;
    }
    true
}
