//! Operators' regular expressions, compiled to automata at the start: matching a name allocates nothing.

use crate::base::gate;
use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::nfa::thompson;
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input};

/// An expression of RE2's syntax over bytes. `\d`, `\w` and `\s` are ASCII, as they are in Go.
#[derive(Clone, Debug)]
pub struct Pattern {
    automaton: dense::DFA<Vec<u32>>,
}

/// An automaton is at most this large, and so is everything that is needed to make it.
const BYTES_MAX: usize = 4 << 20;

impl Pattern {
    /// Compiles an expression; the error says what is wrong with it.
    pub fn new(text: &str) -> Result<Self, String> {
        gate::outside(|| Self::compile(text))
    }

    fn compile(text: &str) -> Result<Self, String> {
        let built = dense::Builder::new()
            .syntax(syntax::Config::new().unicode(false).utf8(false))
            .thompson(thompson::Config::new().utf8(false).nfa_size_limit(Some(BYTES_MAX)))
            .configure(
                dense::Config::new()
                    .start_kind(StartKind::Unanchored)
                    .dfa_size_limit(Some(BYTES_MAX))
                    .determinize_size_limit(Some(BYTES_MAX)),
            )
            .build(text);
        match built {
            Ok(automaton) => Ok(Pattern { automaton }),
            Err(error) => Err(innermost(&error)),
        }
    }

    /// Does any part of the name match?
    pub fn matches(&self, name: &[u8]) -> bool {
        // The automaton has no byte at which it gives up, so the search cannot fail.
        let input = Input::new(name).anchored(Anchored::No).earliest(true);
        self.automaton.try_search_fwd(&input).is_ok_and(|found| found.is_some())
    }
}

/// The words of the error that began the others.
fn innermost(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => innermost(source),
        None => {
            // A syntax error is shown with the expression above it, which the flag's message repeats anyway.
            let text = error.to_string();
            text.rsplit("error: ").next().unwrap_or(&text).trim().to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_match_as_the_peers_do() {
        let check = |pattern: &str, name: &[u8], expect: bool| {
            assert_eq!(Pattern::new(pattern).unwrap().matches(name), expect, "{pattern} {name:?}");
        };
        check("^(eth|veth)", b"eth0", true);
        check("^(eth|veth)", b"xeth0", false);
        check("eth", b"xeth0", true);
        check("^$", b"", true);
        check("^$", b"a", false);
        check(r"^nvme\d+n\d+p\d+$", b"nvme0n1p2", true);
        check(r"^/(dev|proc)($|/)", b"/dev/shm", true);
        check(r"^/(dev|proc)($|/)", b"/devices", false);
        check("(?i)ETH", b"eth0", true);
        check("a.c", b"a\xffc", true);
        check(r"\bcpu\b", b"a cpu b", true);
    }

    #[test]
    fn what_is_no_expression_is_told() {
        for bad in ["(", "[z-a]", "a{5,2}", r"\p{Greek}", "(?=a)", "*a"] {
            let error = Pattern::new(bad).unwrap_err();
            assert!(!error.is_empty(), "{bad}");
        }
        assert!(Pattern::new("(a{1000}){1000}").is_err());
    }
}
