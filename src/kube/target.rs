//! Paths and queries of lists and watches.

use super::cache::SourceSpec;
use crate::records::Kind;
use std::fmt::Write as _;

/// Objects of a page.
const PAGE: u32 = 500;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask<'a> {
    /// A page of a list; with the token of the page before.
    List(&'a str),
    /// All of a list from the server's cache, which is at this version or a later one; "0": at any. Servers look the
    /// pods of one node up there, and would read those of all nodes from their store for a list by pages.
    Cached(&'a str),
    /// All objects and then what changes, for so many seconds.
    WatchList(u64),
    /// What has changed since a version, for so many seconds.
    Watch(&'a str, u64),
}

/// The path and query, written to `text`.
pub fn write(text: &mut String, kind: &Kind, version: usize, source: &SourceSpec, ask: Ask<'_>) {
    text.clear();
    let group_version = kind.versions.get(version).copied().unwrap_or_default();
    let root = if group_version.contains('/') { "apis" } else { "api" };
    let mut put = |piece: &str| text.push_str(piece);
    for piece in ["/", root, "/", group_version, "/"] {
        put(piece);
    }
    if !source.namespace.is_empty() {
        put("namespaces/");
        encode(text, &source.namespace);
        text.push('/');
    }
    text.push_str(kind.resource);
    let written = match ask {
        Ask::List(_) => write!(text, "?limit={PAGE}"),
        Ask::Cached(_) => write!(text, "?"),
        Ask::WatchList(seconds) => write!(
            text,
            "?watch=true&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan\
             &timeoutSeconds={seconds}"
        ),
        Ask::Watch(_, seconds) => {
            write!(text, "?watch=true&allowWatchBookmarks=true&timeoutSeconds={seconds}")
        }
    };
    debug_assert!(written.is_ok());
    let more = match ask {
        Ask::List("") | Ask::WatchList(_) => None,
        Ask::List(token) => Some(("&continue=", token)),
        Ask::Watch(version, _) => Some(("&resourceVersion=", version)),
        Ask::Cached(version) => Some(("resourceVersion=", version)),
    };
    if let Some((name, value)) = more {
        text.push_str(name);
        encode(text, value);
    }
    if !source.field_selector.is_empty() {
        text.push_str("&fieldSelector=");
        encode(text, &source.field_selector);
    }
}

/// Percent-encodes what is not unreserved (RFC 3986 §2.3).
fn encode(text: &mut String, value: &str) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let written = write!(text, "%{byte:02X}");
            debug_assert!(written.is_ok());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::cache::Scope;
    use crate::objects::KINDS;

    fn check(resource: &str, namespace: &str, selector: &str, ask: Ask<'_>, expect: &str) {
        let kind = KINDS.iter().find(|kind| kind.resource == resource).unwrap();
        let source = SourceSpec {
            kind: 0,
            namespace: namespace.to_owned(),
            field_selector: selector.to_owned(),
            scope: Scope::Always,
        };
        let mut text = String::from("what was there before");
        write(&mut text, kind, 0, &source, ask);
        assert_eq!(text, expect);
    }

    #[test]
    fn a_target_names_kind_place_and_selection() {
        check("deployments", "", "", Ask::List(""), "/apis/apps/v1/deployments?limit=500");
        check(
            "deployments",
            "shop",
            "metadata.namespace!=a",
            Ask::List("ab/c="),
            "/apis/apps/v1/namespaces/shop/deployments?limit=500&continue=ab%2Fc%3D\
             &fieldSelector=metadata.namespace%21%3Da",
        );
        check(
            "pods",
            "",
            "spec.nodeName=attic",
            Ask::Cached("0"),
            "/api/v1/pods?resourceVersion=0&fieldSelector=spec.nodeName%3Dattic",
        );
        check(
            "deployments",
            "",
            "",
            Ask::Watch("15", 300),
            "/apis/apps/v1/deployments?watch=true&allowWatchBookmarks=true&timeoutSeconds=300&resourceVersion=15",
        );
        check(
            "deployments",
            "",
            "",
            Ask::WatchList(300),
            "/apis/apps/v1/deployments?watch=true&allowWatchBookmarks=true&sendInitialEvents=true\
             &resourceVersionMatch=NotOlderThan&timeoutSeconds=300",
        );
    }
}
