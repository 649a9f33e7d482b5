//! Is a value one that its flag allows, and how is it written canonically?

use super::mistake::Problem;
use super::{FlagKind, bytes, duration};
use crate::pattern::Pattern;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

/// The value as it is kept, or what is wrong with it.
pub(super) fn canonical(kind: &FlagKind, value: &str) -> Result<String, Problem> {
    let kept = match kind {
        FlagKind::Bool => switch(value).map(|on| on.to_string()),
        FlagKind::Int { min, max } => {
            let number = if value.starts_with('+') { None } else { value.parse::<u64>().ok() };
            number.filter(|number| (min..=max).contains(&number)).map(|number| number.to_string())
        }
        FlagKind::Duration { min_ms, max_ms } => {
            let range = Duration::from_millis(*min_ms)..=Duration::from_millis(*max_ms);
            duration::parse(value).filter(|duration| range.contains(duration)).map(|_| value.to_owned())
        }
        FlagKind::Bytes => bytes::parse(value).map(|_| value.to_owned()),
        FlagKind::OneOf(allowed) => {
            allowed.iter().find(|word| word.eq_ignore_ascii_case(value)).map(|word| (*word).to_owned())
        }
        FlagKind::List(allowed) => {
            let fits = allowed.is_empty() || words(value).all(|word| allowed.contains(&word));
            fits.then(|| value.to_owned())
        }
        FlagKind::Regex => match Pattern::new(value) {
            Ok(_) => Some(value.to_owned()),
            Err(reason) => return Err(Problem::Regex { reason }),
        },
        FlagKind::Address => is_address(value).then(|| value.to_owned()),
        FlagKind::Inert { kind, .. } => return canonical(kind, value),
        FlagKind::Text | FlagKind::Texts | FlagKind::Alias { .. } => Some(value.to_owned()),
    };
    kept.ok_or_else(|| Problem::Value { allowed: allowed(kind) })
}

/// The values of a kind in words.
pub(super) fn allowed(kind: &FlagKind) -> String {
    match kind {
        FlagKind::Bool => "true or false".to_owned(),
        FlagKind::Text | FlagKind::Texts => "text".to_owned(),
        FlagKind::Int { min, max: u64::MAX } => format!("a whole number, {min} or more"),
        FlagKind::Int { min, max } => format!("a whole number from {min} to {max}"),
        FlagKind::Duration { min_ms, max_ms } => format!(
            "a duration such as 250ms or 1m30s, from {} to {}",
            duration::show(Duration::from_millis(*min_ms)),
            duration::show(Duration::from_millis(*max_ms))
        ),
        FlagKind::Bytes => "bytes such as 1048576, 64MiB or 200MB".to_owned(),
        FlagKind::OneOf(words) => format!("one of {}", words.join(", ")),
        FlagKind::List([]) => "words with commas between them".to_owned(),
        FlagKind::List(words) => format!("a comma list of {}", words.join(", ")),
        FlagKind::Regex => "a regular expression (RE2 syntax without \\p and \\P)".to_owned(),
        FlagKind::Address => {
            "IP:port, [IPv6]:port, localhost:port or :port, with an IP address and no other host name"
                .to_owned()
        }
        FlagKind::Alias { words: [], of } => format!("what -{of} allows"),
        FlagKind::Alias { words, .. } => {
            let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            format!("one of {}", words.join(", "))
        }
        FlagKind::Inert { kind, .. } => allowed(kind),
    }
}

/// The words between the commas, without spaces around them.
pub(super) fn words(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|word| !word.is_empty())
}

/// Go's spellings of a truth value.
fn switch(value: &str) -> Option<bool> {
    match value {
        "1" | "t" | "T" | "true" | "True" | "TRUE" => Some(true),
        "0" | "f" | "F" | "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

fn is_address(value: &str) -> bool {
    let Some((host, port)) = value.rsplit_once(':') else { return false };
    let port_fits = port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    let host_fits = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').is_some_and(|host| host.parse::<Ipv6Addr>().is_ok()),
        None => host.is_empty() || host == "localhost" || host.parse::<Ipv4Addr>().is_ok(),
    };
    port_fits && host_fits
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `Ok` with the canonical spelling, or the allowed values.
    fn check(kind: FlagKind, value: &str, expect: Result<&str, &str>) {
        match (canonical(&kind, value), expect) {
            (Ok(kept), Ok(expected)) => assert_eq!(kept, expected),
            (Err(Problem::Value { allowed }), Err(expected)) => assert_eq!(allowed, expected),
            (Err(Problem::Regex { reason }), Err(expected)) => assert_eq!(reason, expected),
            (got, expected) => panic!("{value:?}: {got:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn truth_values_are_gos() {
        for (on, off) in [("1", "0"), ("t", "f"), ("T", "F"), ("TRUE", "FALSE"), ("True", "False")] {
            check(FlagKind::Bool, on, Ok("true"));
            check(FlagKind::Bool, off, Ok("false"));
        }
        for odd in ["", "yes", "on", "tRUE", "2", " true"] {
            check(FlagKind::Bool, odd, Err("true or false"));
        }
    }

    #[test]
    fn numbers_lie_in_their_range() {
        let kind = FlagKind::Int { min: 2, max: 64 };
        check(kind, "2", Ok("2"));
        check(kind, "064", Ok("64"));
        for odd in ["1", "65", "", "-3", "+3", "3.0", " 3", "18446744073709551616"] {
            check(kind, odd, Err("a whole number from 2 to 64"));
        }
        check(FlagKind::Int { min: 1, max: u64::MAX }, "0", Err("a whole number, 1 or more"));
    }

    #[test]
    fn durations_lie_in_their_range() {
        let kind = FlagKind::Duration { min_ms: 1000, max_ms: 3_600_000 };
        check(kind, "1m30s", Ok("1m30s"));
        check(kind, "3600s", Ok("3600s"));
        for odd in ["15", "999ms", "1h1ns", "", "-1s"] {
            check(kind, odd, Err("a duration such as 250ms or 1m30s, from 1s to 1h"));
        }
    }

    #[test]
    fn words_are_known_ones() {
        let kind = FlagKind::OneOf(&["INFO", "WARN"]);
        check(kind, "info", Ok("INFO"));
        check(kind, "debug", Err("one of INFO, WARN"));
        check(kind, "", Err("one of INFO, WARN"));
        let kind = FlagKind::List(&["node", "app"]);
        check(kind, "node, app,", Ok("node, app,"));
        check(kind, "", Ok(""));
        check(kind, "node,pod", Err("a comma list of node, app"));
        check(FlagKind::List(&[]), "anything,at all", Ok("anything,at all"));
        assert_eq!(words(" a,, b ,").collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn addresses_have_a_port() {
        for address in [":10333", "0.0.0.0:9100", "localhost:0", "[::1]:65535", "[::]:80"] {
            check(FlagKind::Address, address, Ok(address));
        }
        for odd in [
            "",
            ":",
            "10333",
            "localhost",
            ":65536",
            ":+1",
            "::1:80",
            "[::1]",
            "[x]:1",
            "a b:1",
            "a/b:1",
            "node-1:1",
            "1.2.3:1",
        ] {
            check(
                FlagKind::Address,
                odd,
                Err(
                    "IP:port, [IPv6]:port, localhost:port or :port, with an IP address and no other host name",
                ),
            );
        }
    }

    #[test]
    fn expressions_that_go_has_and_we_have_not_are_refused() {
        for regex in ["", "^(z?ram|loop)\\d+$", "(?i)eth", "[[:alpha:]]+", "(?P<a>x)", "\\Aa\\z", "a{2,3}?"] {
            check(FlagKind::Regex, regex, Ok(regex));
        }
        check(FlagKind::Regex, "[", Err("unclosed character class"));
        check(
            FlagKind::Regex,
            "(?=a)",
            Err("look-around, including look-ahead and look-behind, is not supported"),
        );
        check(
            FlagKind::Regex,
            "(a{1000}){1000}{1000}",
            Err("heap usage during NFA compilation exceeded limit of 4194304"),
        );
        for unsupported in ["\\pL", "\\p{Greek}", "[\\p{L}]", "\\PN"] {
            check(FlagKind::Regex, unsupported, Err("Unicode not allowed here"));
        }
    }
}
