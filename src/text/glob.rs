//! Shell patterns for one path component: `*`, `?`, `[a-z]`, `[^a-z]` and `\` before a character.

/// Does the component hold a character that a pattern gives a meaning?
pub fn is_pattern(component: &[u8]) -> bool {
    component.iter().any(|byte| matches!(byte, b'*' | b'?' | b'[' | b'\\'))
}

/// Does the whole name match? A broken pattern matches nothing.
pub fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut here) = (0, 0);
    // Where to go on when what follows the last star does not fit: one byte further than the last time.
    let mut star: Option<(usize, usize)> = None;
    loop {
        let step = match pattern.get(at) {
            Some(b'*') => {
                star = Some((at + 1, here));
                at += 1;
                continue;
            }
            None if here == name.len() => return true,
            None => None,
            Some(_) => name.get(here).and_then(|byte| one(&pattern[at..], *byte)),
        };
        match (step, star) {
            (Some(bytes), _) => {
                at += bytes;
                here += 1;
            }
            (None, Some((after, from))) if from < name.len() => {
                star = Some((after, from + 1));
                at = after;
                here = from + 1;
            }
            (None, _) => return false,
        }
    }
}

/// Matches one byte with the head of a pattern; the pattern's bytes that it took.
fn one(pattern: &[u8], byte: u8) -> Option<usize> {
    match pattern {
        [b'?', ..] => Some(1),
        [b'\\'] => None,
        [b'\\', literal, ..] => (*literal == byte).then_some(2),
        [b'[', class @ ..] => in_class(class, byte),
        [literal, ..] => (*literal == byte).then_some(1),
        [] => None,
    }
}

/// The same for what follows `[`.
fn in_class(class: &[u8], byte: u8) -> Option<usize> {
    let negated = class.first() == Some(&b'^');
    let mut at = usize::from(negated);
    let mut found = false;
    let first = at;
    loop {
        let low = *class.get(at)?;
        if low == b']' && at > first {
            return (found != negated).then_some(at + 2);
        }
        let (low, bytes) = if low == b'\\' { (*class.get(at + 1)?, 2) } else { (low, 1) };
        at += bytes;
        let high = match (class.get(at), class.get(at + 1)) {
            (Some(b'-'), Some(high)) if *high != b']' => {
                at += 2;
                *high
            }
            _ => low,
        };
        found |= (low..=high).contains(&byte);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, name: &str, expect: bool) {
        assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), expect, "{pattern} {name}");
    }

    #[test]
    fn patterns_match_whole_names() {
        check("abc", "abc", true);
        check("abc", "abcd", false);
        check("a*c", "abbc", true);
        check("a*c", "abbcd", false);
        check("*_extra_*", "summary_extra_dimension", true);
        check("*.prom", "a.prom", true);
        check("*a*b", "aab", true);
        check("*", "", true);
        check("", "", true);
        check("?", "", false);
        check("a?c", "abc", true);
    }

    #[test]
    fn classes_have_ranges_and_negation() {
        check("[a-c]x", "bx", true);
        check("[a-c]x", "dx", false);
        check("[^a-c]x", "dx", true);
        check("[]a]", "]", true);
        check(r"[\]]", "]", true);
        check(r"\*", "*", true);
        check(r"\*", "a", false);
        check("*[0-9]", "sda1", true);
    }

    #[test]
    fn broken_patterns_match_nothing() {
        check("[", "[", false);
        check("[a", "a", false);
        check("[a-", "a", false);
        check(r"\", r"\", false);
    }
}
