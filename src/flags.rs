//! The flag table: name, kind, default, range, help; and the parsed values.

use regex_lite::Regex;
use std::time::Duration;

/// What a flag's value may be.
#[derive(Clone, Copy, Debug)]
pub enum FlagKind {
    /// `-x`, `-x=true`, `-x=false`; and `--no-x` where node_exporter has it.
    Bool,
    Text,
    /// A whole number in this range.
    Int {
        min: u64,
        max: u64,
    },
    /// A Go duration in this range of milliseconds.
    Duration {
        min_ms: u64,
        max_ms: u64,
    },
    OneOf(&'static [&'static str]),
    /// Comma list of these words; empty list: any word.
    List(&'static [&'static str]),
    /// A regular expression; empty: none.
    Regex,
    /// `host:port` or `:port`.
    Address,
}

/// A flag.
#[derive(Clone, Copy, Debug)]
pub struct Flag {
    /// Without the dash.
    pub name: &'static str,
    pub kind: FlagKind,
    pub default: &'static str,
    pub help: &'static str,
}

/// The values of all flags.
pub struct Flags {
    values: Vec<(&'static str, String)>,
}

impl Flags {
    /// Every flag at its default.
    pub fn defaults(tables: &[&[Flag]]) -> Self {
        let all = tables.iter().flat_map(|table| table.iter());
        Flags { values: all.map(|flag| (flag.name, flag.default.to_owned())).collect() }
    }

    /// The value as text.
    ///
    /// # Panics
    /// For a name that is in no table.
    pub fn text(&self, name: &str) -> &str {
        match self.values.iter().find(|(known, _)| *known == name) {
            Some((_, value)) => value,
            None => panic!("flag -{name} is in no table"),
        }
    }

    pub fn bool(&self, name: &str) -> bool {
        self.text(name) == "true"
    }

    pub fn int(&self, name: &str) -> u64 {
        self.text(name).parse().unwrap_or(0)
    }

    pub fn duration(&self, _name: &str) -> Duration {
        Duration::ZERO
    }

    /// The expression; `None` when it is empty.
    pub fn regex(&self, name: &str) -> Option<Regex> {
        let text = self.text(name);
        if text.is_empty() { None } else { Regex::new(text).ok() }
    }

    /// Sets a value as if it had been given; for tests.
    pub fn set(&mut self, name: &'static str, value: &str) {
        self.values.retain(|(known, _)| *known != name);
        self.values.push((name, value.to_owned()));
    }
}
