//! From arguments and environment to values: Go's flag syntax and kingpin's `--no-`, all mistakes at once.

use super::mistake::{Mistake, Problem, nearest};
use super::{Alias, Flag, FlagKind, Flags, value};
use std::ffi::OsString;
use std::iter::Peekable;

/// Reads a command line (without the program's name) and, with `-envflag.enable`, the environment.
///
/// `on_off` are the collectors and whether they are on by default: each gets the flags `-collector.<name>` and
/// `-no-collector.<name>`. What is asked with `-help` is answered whatever else is wrong.
pub fn parse<A: Into<OsString>>(
    tables: &[&[Flag]],
    on_off: &[(&'static str, bool)],
    args: impl IntoIterator<Item = A>,
    env: impl Fn(&str) -> Option<String>,
) -> Result<Flags, Vec<Mistake>> {
    let (flags, mistakes) = read(tables, on_off, args, env);
    let help = flags.knows("help") && flags.bool("help");
    if mistakes.is_empty() || help { Ok(flags) } else { Err(mistakes) }
}

/// As [`parse`], but with the flags even where there are mistakes, so that the caller can look for its own and tell all
/// together. A flag whose value was refused has its default.
pub fn read<A: Into<OsString>>(
    tables: &[&[Flag]],
    on_off: &[(&'static str, bool)],
    args: impl IntoIterator<Item = A>,
    env: impl Fn(&str) -> Option<String>,
) -> (Flags, Vec<Mistake>) {
    let flags = Flags::defaults(tables).with_collectors(on_off);
    let mut parser = Parser { flags, mistakes: Vec::new() };
    parser.arguments(args.into_iter().map(Into::into).peekable());
    if parser.is_on("envflag.enable") {
        parser.environment(&env);
    }
    if parser.is_on("collector.disable-defaults") {
        parser.flags.disable_defaults();
    }
    (parser.flags, parser.mistakes)
}

/// A command line of one argument per line, for fuzzing: arbitrary bytes in, no panic out.
pub fn parse_lines(
    tables: &[&[Flag]],
    on_off: &[(&'static str, bool)],
    lines: &[u8],
) -> Result<Flags, Vec<Mistake>> {
    use std::os::unix::ffi::OsStringExt as _;
    let args = lines.split(|byte| *byte == b'\n').map(|line| OsString::from_vec(line.to_vec()));
    // The environment holds the same lines again, so that its path is taken as well.
    let text = String::from_utf8_lossy(lines);
    let variable =
        |name: &str| text.lines().filter_map(|line| line.split_once('=')).find(|(known, _)| *known == name);
    parse(tables, on_off, args, |name| variable(name).map(|(_, value)| value.to_owned()))
}

struct Parser {
    flags: Flags,
    mistakes: Vec<Mistake>,
}

/// What a name on the command line stands for.
#[derive(Clone, Copy)]
enum Meaning {
    Flag(usize),
    /// `-no-x`.
    Off(usize),
    /// The alias and the flag that it is another name of.
    Alias(Alias, usize),
}

/// A word of the command line that looks like a flag.
struct Word<'a> {
    name: &'a str,
    value: Option<&'a str>,
    /// As written, without the value.
    written: &'a str,
}

impl<'a> Word<'a> {
    fn of(argument: &'a str) -> Option<Self> {
        let (written, value) = match argument.split_once('=') {
            Some((written, value)) => (written, Some(value)),
            None => (argument, None),
        };
        let name = written.strip_prefix("--").or_else(|| written.strip_prefix('-'))?;
        if name.is_empty() || name.starts_with('-') { None } else { Some(Word { name, value, written }) }
    }
}

impl Parser {
    fn arguments(&mut self, mut args: Peekable<impl Iterator<Item = OsString>>) {
        let mut flags_end = false;
        // The switch without a value right before, for a better message about what follows it.
        let mut switch = None;
        while let Some(argument) = args.next() {
            let argument = match argument.into_string() {
                Ok(argument) => argument,
                Err(odd) => {
                    self.mistake(&odd.to_string_lossy(), None, Problem::NotUtf8);
                    continue;
                }
            };
            if argument == "--" && !flags_end {
                flags_end = true;
                switch = None;
                continue;
            }
            match Word::of(&argument) {
                Some(word) if !flags_end => switch = self.word(&word, &mut args),
                _ => self.mistake(&argument, None, Problem::NotAFlag { switch: switch.take() }),
            }
        }
    }

    /// Takes a flag and, if it needs one, its value from the next argument. Returns a switch without value.
    fn word(
        &mut self,
        word: &Word<'_>,
        args: &mut Peekable<impl Iterator<Item = OsString>>,
    ) -> Option<String> {
        let meaning = self.meaning(word.name);
        let (index, alias) = match meaning {
            None => {
                self.unknown(word, args);
                return None;
            }
            Some(Meaning::Off(index)) => {
                match word.value {
                    None => self.flags.entries[index].give("false".to_owned()),
                    Some(value) => self.mistake(word.written, Some(value), Problem::NeedsNoValue),
                }
                return None;
            }
            Some(Meaning::Flag(index)) => (index, None),
            Some(Meaning::Alias(alias, index)) => (index, Some(alias)),
        };
        let kind = self.flags.entries[index].kind;
        if let Some(value) = word.value {
            self.take(index, alias, value, word.written, None);
            return None;
        }
        if matches!(kind, FlagKind::Bool) {
            self.take(index, alias, "true", word.written, None);
            return Some(word.written.to_owned());
        }
        let next = args.next_if(|next| !next.to_str().is_some_and(|next| self.is_flag(next)));
        match next.map(OsString::into_string) {
            Some(Ok(value)) => self.take(index, alias, &value, word.written, None),
            Some(Err(odd)) => self.mistake(word.written, Some(&odd.to_string_lossy()), Problem::NotUtf8),
            None => {
                let kind = alias.map_or(kind, |alias| alias.kind_of(kind));
                let allowed = value::allowed(&kind);
                self.mistake(word.written, None, Problem::NoValue { allowed });
            }
        }
        None
    }

    /// Reports an unknown flag together with the argument that seems to be its value.
    fn unknown(&mut self, word: &Word<'_>, args: &mut Peekable<impl Iterator<Item = OsString>>) {
        let next = match word.value {
            Some(_) => None,
            None => args.next_if(|next| !next.as_encoded_bytes().starts_with(b"-")),
        };
        let next = next.map(|next| next.to_string_lossy().into_owned());
        let near = self.near(word.name);
        self.mistake(word.written, word.value.or(next.as_deref()), Problem::Unknown { near });
    }

    /// The name that was probably meant, with `no-` if that was written.
    fn near(&self, name: &str) -> Option<String> {
        let entries = || self.flags.entries.iter();
        let switches = entries().filter(|entry| matches!(entry.kind, FlagKind::Bool));
        let names = entries().map(|entry| entry.name.as_ref());
        let names = names.chain(self.flags.aliases.iter().map(|alias| alias.name));
        match name.strip_prefix("no-") {
            Some(on) if self.flags.knows(on) => Some(on.to_owned()),
            Some(on) => {
                nearest(on, switches.map(|entry| entry.name.as_ref())).map(|near| format!("no-{near}"))
            }
            None => nearest(name, names).map(str::to_owned),
        }
    }

    /// Takes every variable of a flag that the command line has not set.
    fn environment(&mut self, env: &impl Fn(&str) -> Option<String>) {
        let prefix = self.flags.text("envflag.prefix").to_owned();
        for index in 0..self.flags.entries.len() {
            let entry = &self.flags.entries[index];
            if entry.given || entry.name.starts_with("envflag.") {
                continue;
            }
            let variable = format!("{prefix}{}", entry.name.replace('.', "_"));
            let written = format!("-{}", entry.name);
            if let Some(value) = env(&variable) {
                self.take(index, None, &value, &written, Some(variable));
            }
        }
    }

    /// Checks and keeps a value. A refused one counts as given: the environment does not replace it.
    fn take(
        &mut self,
        index: usize,
        alias: Option<Alias>,
        value: &str,
        written: &str,
        variable: Option<String>,
    ) {
        let entry = &mut self.flags.entries[index];
        let translated = alias.map_or(Ok(value), |alias| alias.translate(value));
        match translated.and_then(|value| value::canonical(&entry.kind, value)) {
            Ok(value) => entry.give(value),
            Err(problem) => {
                entry.given = true;
                let (flag, value) = (written.to_owned(), Some(value.to_owned()));
                self.mistakes.push(Mistake { flag, value, variable, problem });
            }
        }
    }

    fn mistake(&mut self, flag: &str, value: Option<&str>, problem: Problem) {
        let (flag, value) = (flag.to_owned(), value.map(str::to_owned));
        self.mistakes.push(Mistake { flag, value, variable: None, problem });
    }

    fn meaning(&self, name: &str) -> Option<Meaning> {
        let index = |name: &str| self.flags.entries.iter().position(|entry| entry.name == name);
        if let Some(index) = index(name) {
            return Some(Meaning::Flag(index));
        }
        if let Some(alias) = self.flags.aliases.iter().find(|alias| alias.name == name) {
            return Some(Meaning::Alias(*alias, index(alias.of)?));
        }
        let off = index(name.strip_prefix("no-")?)?;
        matches!(self.flags.entries[off].kind, FlagKind::Bool).then_some(Meaning::Off(off))
    }

    /// Is this argument a flag that exists, and so not the value of the one before?
    fn is_flag(&self, argument: &str) -> bool {
        Word::of(argument).is_some_and(|word| self.meaning(word.name).is_some())
    }

    fn is_on(&self, name: &str) -> bool {
        self.flags.knows(name) && self.flags.bool(name)
    }
}

impl Flags {
    /// Turns off the collectors that nobody asked for.
    fn disable_defaults(&mut self) {
        for entry in self.entries.iter_mut().filter(|entry| entry.switch && !entry.given) {
            entry.values = vec!["false".to_owned()];
        }
    }
}

impl Alias {
    /// The value in the words of the flag that this is another name of.
    fn translate<'a>(&self, value: &'a str) -> Result<&'a str, Problem> {
        if self.words.is_empty() {
            return Ok(value);
        }
        let found = self.words.iter().find(|(word, _)| *word == value);
        found.map(|(_, meaning)| *meaning).ok_or_else(|| Problem::Value {
            allowed: value::allowed(&FlagKind::Alias { of: self.of, words: self.words }),
        })
    }

    /// The kind whose values are to be named in a message.
    fn kind_of(&self, kind: FlagKind) -> FlagKind {
        if self.words.is_empty() { kind } else { FlagKind::Alias { of: self.of, words: self.words } }
    }
}
