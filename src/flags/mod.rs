//! The flag table: name, kind, default, help; and the values that a command line gives to it.
//!
//! Tables are plain data (`&[Flag]`): the agent's own in [`table`], node_exporter's other spellings in [`peer`], the
//! limits in `limits.rs` and each collector's beside its code. [`parse`] joins them and reports all mistakes together.

mod bytes;
mod duration;
mod help;
mod mistake;
mod parse;
pub mod peer;
pub mod table;
mod value;

#[cfg(test)]
mod tests;

pub use help::{help_text, markdown_table};
pub use mistake::{Mistake, Problem};
pub use parse::{parse, parse_lines, read};

use crate::pattern::Pattern;
use std::borrow::Cow;
use std::time::Duration;

/// What a flag's value may be.
#[derive(Clone, Copy, Debug)]
pub enum FlagKind {
    /// `-x`, `-x=true`, `-x=false`; and `-no-x` as node_exporter has it.
    Bool,
    Text,
    /// Text; given again, it adds instead of replacing.
    Texts,
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
    /// Bytes with an optional unit: `64MiB`, `200MB`, `1.5GiB`.
    Bytes,
    /// One of these words; upper and lower case are the same.
    OneOf(&'static [&'static str]),
    /// Comma list of these words; empty list: any word.
    List(&'static [&'static str]),
    /// A regular expression; empty: none.
    Regex,
    /// `IP:port`, `localhost:port` or `:port`. Other names are not looked up.
    Address,
    /// Another name of the flag `of`. `words` says what that flag calls this one's values; empty: the same.
    Alias {
        of: &'static str,
        words: &'static [(&'static str, &'static str)],
    },
    /// Checked like `kind` and then without effect, for the sake of command lines that are carried over.
    Inert {
        kind: &'static FlagKind,
        why: &'static str,
    },
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
#[derive(Clone, Debug)]
pub struct Flags {
    entries: Vec<Entry>,
    aliases: Vec<Alias>,
}

/// A flag and what it is set to.
#[derive(Clone, Debug)]
struct Entry {
    /// Owned for the switches of collectors only, whose names are put together from the collector's.
    name: Cow<'static, str>,
    /// Never `Alias` and never `Inert`.
    kind: FlagKind,
    /// Never empty, except for `Texts`. Checked and in their canonical spelling.
    values: Vec<String>,
    default: &'static str,
    given: bool,
    inert: bool,
    /// Switches a collector, so `-collector.disable-defaults` reaches it.
    switch: bool,
}

#[derive(Clone, Copy, Debug)]
struct Alias {
    name: &'static str,
    of: &'static str,
    words: &'static [(&'static str, &'static str)],
}

impl Entry {
    fn new(name: Cow<'static, str>, kind: FlagKind, default: &'static str) -> Self {
        let (kind, inert) = match kind {
            FlagKind::Inert { kind, .. } => (*kind, true),
            other => (other, false),
        };
        let values = match kind {
            FlagKind::Texts if default.is_empty() => Vec::new(),
            _ => vec![default.to_owned()],
        };
        Entry { name, kind, values, default, given: false, inert, switch: false }
    }

    /// Takes a checked value as given. The words of a list that is given again come to those before.
    fn give(&mut self, value: String) {
        if self.given
            && let (FlagKind::List(_), Some(words)) = (self.kind, self.values.first_mut())
        {
            words.push(',');
            words.push_str(&value);
            return;
        }
        if !(self.given && matches!(self.kind, FlagKind::Texts)) {
            self.values.clear();
        }
        self.values.push(value);
        self.given = true;
    }
}

impl Flags {
    /// Every flag at its default.
    ///
    /// # Panics
    /// When a name is in the tables twice: that is a mistake of ours, and any test that parses finds it.
    pub fn defaults(tables: &[&[Flag]]) -> Self {
        let mut flags = Flags { entries: Vec::new(), aliases: Vec::new() };
        for flag in tables.iter().copied().flatten() {
            assert!(!flags.knows(flag.name), "flag -{} is in the tables twice", flag.name);
            match flag.kind {
                FlagKind::Alias { of, words } => flags.aliases.push(Alias { name: flag.name, of, words }),
                kind => flags.entries.push(Entry::new(Cow::Borrowed(flag.name), kind, flag.default)),
            }
        }
        flags
    }

    /// Adds `collector.<name>` for each collector and whether it is on by itself.
    pub fn with_collectors(mut self, on_off: &[(&'static str, bool)]) -> Self {
        for (collector, on) in on_off {
            let name = format!("collector.{collector}");
            assert!(!self.knows(&name), "flag -{name} is in the tables twice");
            let default = if *on { "true" } else { "false" };
            let entry = Entry::new(Cow::Owned(name), FlagKind::Bool, default);
            self.entries.push(Entry { switch: true, ..entry });
        }
        self
    }

    fn knows(&self, name: &str) -> bool {
        self.entries.iter().any(|entry| entry.name == name)
            || self.aliases.iter().any(|alias| alias.name == name)
    }

    fn entry(&self, name: &str) -> &Entry {
        match self.entries.iter().find(|entry| entry.name == name) {
            Some(entry) => entry,
            None => panic!("flag -{name} is in no table"),
        }
    }

    /// The value as text; of a repeatable flag, the first.
    ///
    /// # Panics
    /// This and the other getters: for a name that is in no table, or of another kind.
    pub fn text(&self, name: &str) -> &str {
        self.entry(name).values.first().map_or("", String::as_str)
    }

    /// The values of a repeatable flag that are not empty.
    pub fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        self.entry(name).values.iter().map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The words of a comma list.
    pub fn list(&self, name: &str) -> impl Iterator<Item = &str> {
        value::words(self.text(name))
    }

    pub fn bool(&self, name: &str) -> bool {
        self.text(name) == "true"
    }

    pub fn int(&self, name: &str) -> u64 {
        match self.text(name).parse() {
            Ok(number) => number,
            Err(_) => panic!("flag -{name} holds no number"),
        }
    }

    pub fn bytes(&self, name: &str) -> u64 {
        match bytes::parse(self.text(name)) {
            Some(bytes) => bytes,
            None => panic!("flag -{name} holds no bytes"),
        }
    }

    pub fn duration(&self, name: &str) -> Duration {
        match duration::parse(self.text(name)) {
            Some(duration) => duration,
            None => panic!("flag -{name} holds no duration"),
        }
    }

    /// The expression; `None` when it is empty.
    pub fn regex(&self, name: &str) -> Option<Pattern> {
        let text = self.text(name);
        if text.is_empty() {
            return None;
        }
        match Pattern::new(text) {
            Ok(regex) => Some(regex),
            Err(error) => panic!("flag -{name} holds no regular expression: {error}"),
        }
    }

    /// Was it set on the command line or in the environment?
    pub fn given(&self, name: &str) -> bool {
        self.entry(name).given
    }

    /// Is the collector of this name on?
    pub fn collector(&self, name: &str) -> bool {
        let switch = |entry: &&Entry| entry.switch && entry.name.strip_prefix("collector.") == Some(name);
        match self.entries.iter().find(switch) {
            Some(entry) => entry.values.first().is_some_and(|value| value == "true"),
            None => panic!("collector {name} has no switch"),
        }
    }

    /// The flags that were set to something else than their default and change nothing yet; for one log line.
    pub fn given_without_effect(&self) -> Vec<&str> {
        let lost = |entry: &&Entry| {
            entry.inert && entry.given && entry.values.iter().any(|value| value != entry.default)
        };
        self.entries.iter().filter(lost).map(|entry| entry.name.as_ref()).collect()
    }

    /// Sets a value as if it had been given; for tests. A name that is in no table becomes a text.
    ///
    /// # Panics
    /// For a value that the command line would refuse.
    pub fn set(&mut self, name: &'static str, value: &str) {
        if !self.entries.iter().any(|entry| entry.name == name) {
            self.entries.push(Entry::new(Cow::Borrowed(name), FlagKind::Text, ""));
        }
        for entry in self.entries.iter_mut().filter(|entry| entry.name == name) {
            match value::canonical(&entry.kind, value) {
                Ok(value) => entry.give(value),
                Err(problem) => panic!("flag -{name}={value}: {problem:?}"),
            }
        }
    }
}
