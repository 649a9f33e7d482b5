//! The flags as text for `-help` and as a table for the README.

use super::{Flag, FlagKind};
use std::fmt::Write as _;

/// Width of the lines of `-help`.
const COLUMNS: usize = 100;

/// The rows of a listing, sorted by name.
struct Listing<'a> {
    /// The flags that have a help text.
    own: Vec<&'a Flag>,
    aliases: Vec<&'a Flag>,
    /// node_exporter's flags that are accepted and no more; their reason is all there is to say about them.
    ignored: Vec<&'a Flag>,
}

impl<'a> Listing<'a> {
    fn of(tables: &[&'a [Flag]]) -> Self {
        let mut all: Vec<&Flag> = tables.iter().copied().flatten().collect();
        all.sort_by_key(|flag| flag.name);
        let mut listing = Listing { own: Vec::new(), aliases: Vec::new(), ignored: Vec::new() };
        for flag in all {
            match flag.kind {
                FlagKind::Alias { .. } => listing.aliases.push(flag),
                FlagKind::Inert { .. } if flag.help.is_empty() => listing.ignored.push(flag),
                _ => listing.own.push(flag),
            }
        }
        listing
    }
}

/// The values of a kind as one or a few words.
fn kind_words(kind: &FlagKind) -> String {
    match kind {
        FlagKind::Bool => "switch".to_owned(),
        FlagKind::Text => "text".to_owned(),
        FlagKind::Texts => "text, repeatable".to_owned(),
        FlagKind::Int { .. } => "number".to_owned(),
        FlagKind::Duration { .. } => "duration".to_owned(),
        FlagKind::Bytes => "bytes".to_owned(),
        FlagKind::OneOf(words) => words.join("|"),
        FlagKind::List(_) => "list".to_owned(),
        FlagKind::Regex => "regex".to_owned(),
        FlagKind::Address => "address".to_owned(),
        FlagKind::Alias { .. } => String::new(),
        FlagKind::Inert { kind, .. } => kind_words(kind),
    }
}

/// The range or the words of a kind, where its name does not say it all.
fn range_words(kind: &FlagKind) -> String {
    match kind {
        FlagKind::Int { max: u64::MAX, .. } | FlagKind::List([]) => String::new(),
        FlagKind::Int { min, max } => format!(" From {min} to {max}."),
        FlagKind::List(words) => format!(" Of {}.", words.join(", ")),
        FlagKind::Inert { kind, .. } => range_words(kind),
        FlagKind::Bool
        | FlagKind::Text
        | FlagKind::Texts
        | FlagKind::Duration { .. }
        | FlagKind::Bytes
        | FlagKind::OneOf(_)
        | FlagKind::Regex
        | FlagKind::Address
        | FlagKind::Alias { .. } => String::new(),
    }
}

/// What a row says besides name, kind and default.
fn meaning(flag: &Flag) -> String {
    match flag.kind {
        FlagKind::Alias { of, words: [] } => format!("Another name of -{of}."),
        FlagKind::Alias { of, words } => {
            let words: Vec<String> = words.iter().map(|(from, to)| format!("{from} is {to}")).collect();
            format!("Another name of -{of}: {}.", words.join(", "))
        }
        FlagKind::Inert { why, .. } => {
            format!("{}{} Without effect: {why}.", flag.help.trim(), range_words(&flag.kind))
        }
        kind => format!("{}{}", flag.help.trim(), range_words(&kind)),
    }
}

/// Flags without effect, together where they lack it for the same reason.
fn by_reason<'a>(ignored: &[&'a Flag]) -> Vec<(&'static str, Vec<&'a Flag>)> {
    let mut groups: Vec<(&'static str, Vec<&Flag>)> = Vec::new();
    for flag in ignored {
        let FlagKind::Inert { why, .. } = flag.kind else { continue };
        match groups.iter_mut().find(|(known, _)| *known == why) {
            Some((_, flags)) => flags.push(flag),
            None => groups.push((why, vec![flag])),
        }
    }
    groups
}

/// The names of the collectors that are on (or off) by default, sorted.
fn collectors(on_off: &[(&'static str, bool)], on: bool) -> Vec<&'static str> {
    let wanted = on_off.iter().filter(|(_, default)| *default == on);
    let mut names: Vec<&str> = wanted.map(|(name, _)| *name).collect();
    names.sort_unstable();
    names
}

/// What `-help` prints.
pub fn help_text(tables: &[&[Flag]], on_off: &[(&'static str, bool)]) -> String {
    let listing = Listing::of(tables);
    let mut text = String::from("Usage: trimeter [-flag=value]...\n\nFlags:\n");
    for flag in &listing.own {
        let kind = kind_words(&flag.kind);
        let default = match (flag.kind, flag.default) {
            (FlagKind::Bool, "false") | (_, "") => String::new(),
            (_, default) => format!(" (default {default})"),
        };
        line(&mut text, &format!("  -{} {kind}", flag.name));
        wrap(&mut text, &format!("{}{default}", meaning(flag)));
    }
    line(&mut text, "\nNode collectors:\n  -collector.<name>, -no-collector.<name>");
    wrap(&mut text, &format!("On by default: {}.", collectors(on_off, true).join(", ")));
    let off = collectors(on_off, false);
    if !off.is_empty() {
        wrap(&mut text, &format!("Off by default: {}.", off.join(", ")));
    }
    line(&mut text, "\nnode_exporter's names:");
    for flag in &listing.aliases {
        line(&mut text, &format!("  -{}", flag.name));
        wrap(&mut text, &meaning(flag));
    }
    line(&mut text, "\nnode_exporter's flags that are accepted without effect:");
    for (why, flags) in by_reason(&listing.ignored) {
        let names: Vec<String> = flags.iter().map(|flag| format!("-{}", flag.name)).collect();
        line(&mut text, &format!("  Because {why}:"));
        wrap(&mut text, &names.join(", "));
    }
    text
}

fn line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

/// Appends words, indented and cut into lines. A longer word has a line of its own.
fn wrap(text: &mut String, words: &str) {
    let mut column = COLUMNS;
    for word in words.split(' ') {
        let letters = word.chars().count();
        if column + 1 + letters > COLUMNS {
            if !text.ends_with('\n') {
                text.push('\n');
            }
            text.push_str("      ");
            column = 6;
        } else {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += letters;
    }
    text.push('\n');
}

/// The README's table of flags, with a newline at its end.
pub fn markdown_table(tables: &[&[Flag]], on_off: &[(&'static str, bool)]) -> String {
    let listing = Listing::of(tables);
    let mut text = String::from("| flag | value | default | meaning |\n|---|---|---|---|\n");
    for flag in listing.own.iter().chain(&listing.aliases) {
        row(
            &mut text,
            &[
                &code(flag.name, "-"),
                &cell(&kind_words(&flag.kind)),
                &code(flag.default, ""),
                &cell(&meaning(flag)),
            ],
        );
    }
    let named = |on| {
        let names: Vec<String> = collectors(on_off, on).iter().map(|name| code(name, "")).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    };
    let switches =
        format!("Node collectors. On by default: {}. Off by default: {}.", named(true), named(false));
    row(&mut text, &["`-collector.<name>`, `-no-collector.<name>`", "switch", "", &switches]);
    text.push_str("\nnode_exporter's flags that are accepted without effect; the log says so once:\n\n");
    text.push_str("| flags | why |\n|---|---|\n");
    for (why, flags) in by_reason(&listing.ignored) {
        let names: Vec<String> = flags.iter().map(|flag| code(flag.name, "-")).collect();
        row(&mut text, &[&names.join(", "), &cell(why)]);
    }
    text
}

fn row(text: &mut String, cells: &[&str]) {
    // Writing to a String does not fail.
    if writeln!(text, "| {} |", cells.join(" | ")).is_err() {}
}

/// A bar would end the cell, in code as well; nothing at all for an empty text.
fn code(text: &str, dash: &str) -> String {
    if text.is_empty() { String::new() } else { format!("`{dash}{}`", text.replace('|', "\\|")) }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;")
}
