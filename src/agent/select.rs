//! `?collect[]=` and `?exclude[]=`, with node_exporter's rules and words.

use super::Agent;
use crate::base::text::Text;
use crate::http::Request;
use crate::part::Set;

/// Why a selection is answered with 400.
pub type Refusal = Text<512>;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Selection {
    /// Collectors of the node part.
    pub node: Set,
    /// Named collectors are all that is asked for: other peers' parts are left out beside them.
    pub only: bool,
    /// Kinds of objects, by their place among those that are watched.
    pub kinds: u64,
}

/// The collectors that a request asks for.
#[expect(clippy::result_large_err, reason = "the words are kept in place: the hot path has no heap")]
pub fn select(agent: &Agent, request: &Request<'_>) -> Result<Selection, Refusal> {
    let (mut any_collect, mut any_exclude) = (false, false);
    for (key, _) in request.query_pairs() {
        any_collect |= key.as_bytes() == b"collect[]";
        any_exclude |= key.as_bytes() == b"exclude[]";
    }
    if any_collect && any_exclude {
        return Err(refusal(&[b"Combined collect and exclude queries are not allowed."]));
    }
    let mut collect = Set::NONE;
    let mut exclude = Set::ALL;
    for (key, value) in request.query_pairs() {
        match key.as_bytes() {
            b"collect[]" => collect = collect.with(find(agent, value.as_bytes())?),
            b"exclude[]" => {
                // As the peer has it: excluding what is unknown or off changes nothing.
                if let Ok(index) = find(agent, value.as_bytes()) {
                    exclude = exclude.without(index);
                }
            }
            _ => {}
        }
    }
    let kinds = kinds(agent, request);
    Ok(Selection { node: if any_collect { collect } else { exclude }, only: any_collect, kinds })
}

/// `?resources=` and `?exclude_resources=`, with kube-state-metrics' rules: both are lists, may be repeated, and what is
/// excluded is not served.
fn kinds(agent: &Agent, request: &Request<'_>) -> u64 {
    let (mut wanted, mut excluded) = (None, 0);
    for (key, value) in request.query_pairs() {
        let named = value.as_bytes().split(|byte| *byte == b',');
        let places = named.fold(0, |places, name| places | agent.kind_named(name));
        match key.as_bytes() {
            b"resources" => wanted = Some(wanted.unwrap_or(0) | places),
            b"exclude_resources" => excluded |= places,
            _ => {}
        }
    }
    wanted.unwrap_or(u64::MAX) & !excluded
}

#[expect(clippy::result_large_err, reason = "see select")]
fn find(agent: &Agent, name: &[u8]) -> Result<usize, Refusal> {
    let stats = agent.node_stats();
    if let Some(index) = stats.iter().position(|stat| stat.name.as_bytes() == name) {
        return Ok(index);
    }
    let known = agent.settings.known.iter().any(|known| known.as_bytes() == name);
    let state: &[u8] = if known { b"disabled" } else { b"missing" };
    let begin = b"Couldn't create filtered metrics handler: couldn't create collector: ";
    Err(refusal(&[begin, state, b" collector: ", name]))
}

fn refusal(pieces: &[&[u8]]) -> Refusal {
    let mut text = Refusal::new();
    for piece in pieces {
        let cut = piece.len().min(400);
        if text.push(&piece[..cut]).is_err() {
            break;
        }
    }
    text
}
