//! What can be wrong with a command line, each with flag, value and what is allowed.

use std::fmt;

/// Something the operator has to correct.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// As it was written, with its dashes.
    pub flag: String,
    pub value: Option<String>,
    /// The environment variable that the value is from.
    pub variable: Option<String>,
    pub problem: Problem,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// No flag has this name; the nearest one, if any is near.
    Unknown {
        near: Option<String>,
    },
    /// An argument without a dash or name; the switch before it may have been meant to take it.
    NotAFlag {
        switch: Option<String>,
    },
    NotUtf8,
    /// The command line ends, or goes on with another flag.
    NoValue {
        allowed: String,
    },
    /// `-no-x=…`.
    NeedsNoValue,
    Value {
        allowed: String,
    },
    Regex {
        reason: String,
    },
}

/// Longer values are cut in messages.
const SHOWN_MAX: usize = 200;

impl fmt::Display for Mistake {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.variable {
            Some(variable) => write!(to, "environment variable {}", Shown(variable))?,
            None => write!(to, "{}", Shown(&self.flag))?,
        }
        if let Some(value) = &self.value {
            write!(to, "={}", Shown(value))?;
        }
        if self.variable.is_some() {
            write!(to, " (flag {})", self.flag)?;
        }
        match &self.problem {
            Problem::Unknown { near: Some(near) } => write!(to, ": unknown flag; did you mean -{near}?"),
            Problem::Unknown { near: None } => write!(to, ": unknown flag; -help lists all"),
            Problem::NotAFlag { switch: Some(switch) } => {
                write!(to, ": not a flag; a value of the switch before it is written {switch}=false")
            }
            Problem::NotAFlag { switch: None } => write!(to, ": not a flag; flags are written -name=value"),
            Problem::NotUtf8 => write!(to, ": not UTF-8"),
            Problem::NoValue { allowed } => write!(to, ": the value is missing; allowed is {allowed}"),
            Problem::NeedsNoValue => write!(to, ": takes no value"),
            Problem::Value { allowed } => write!(to, ": not allowed; allowed is {allowed}"),
            Problem::Regex { reason } => write!(
                to,
                ": {reason}; allowed is a regular expression (RE2 syntax without \\p, \\P and look-around)"
            ),
        }
    }
}

/// Text from outside: control characters escaped, cut where it gets too long.
struct Shown<'a>(&'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (count, letter) in self.0.chars().enumerate() {
            if count == SHOWN_MAX {
                return write!(to, "\u{2026}");
            }
            if letter.is_control() {
                write!(to, "{}", letter.escape_default())?;
            } else {
                write!(to, "{letter}")?;
            }
        }
        Ok(())
    }
}

/// The candidate with the fewest letters to change, if those are few for the length of the name.
pub(super) fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let letters: Vec<char> = name.to_lowercase().chars().take(SHOWN_MAX).collect();
    let most = 1 + letters.len() / 6;
    let mut best = None;
    for candidate in candidates {
        let other: Vec<char> = candidate.to_lowercase().chars().collect();
        if letters.len().abs_diff(other.len()) > most {
            continue;
        }
        let changes = distance(&letters, &other);
        // Names of two letters are near to everything.
        if changes <= most && changes < letters.len() && best.is_none_or(|(fewest, _)| changes < fewest) {
            best = Some((changes, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Letters to insert, remove or replace, row by row.
fn distance(one: &[char], other: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.iter().enumerate() {
        let mut diagonal = line;
        let mut left = line + 1;
        for (column, against) in other.iter().enumerate() {
            let above = row[column + 1];
            row[column] = left;
            let replaced = diagonal + usize::from(letter != against);
            left = replaced.min(left + 1).min(above + 1);
            diagonal = above;
        }
        row[other.len()] = left;
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_to_change() {
        for (one, other, changes) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("kitten", "sitting", 3),
            ("once", "onec", 2),
            ("dryRun", "dryrun", 1),
        ] {
            let [one, other] = [one, other].map(|word| word.chars().collect::<Vec<_>>());
            assert_eq!(distance(&one, &other), changes);
            assert_eq!(distance(&other, &one), changes);
        }
    }

    #[test]
    fn the_nearest_is_near() {
        let names = ["once", "dryRun", "collect.maxAge", "io.engine"];
        for (name, near) in [
            ("dryrun", Some("dryRun")),
            ("colect.maxage", Some("collect.maxAge")),
            ("oncee", Some("once")),
            ("x", None),
            ("listen", None),
        ] {
            assert_eq!(nearest(name, names.into_iter()), near, "{name}");
        }
    }

    #[test]
    fn odd_text_is_shown_safely() {
        assert_eq!(Shown("a\n\u{1b}[1m\"b\"").to_string(), "a\\n\\u{1b}[1m\"b\"");
        assert_eq!(Shown(&"x".repeat(300)).to_string(), format!("{}\u{2026}", "x".repeat(200)));
    }
}
