//! What a request's path and query name.

use super::kinds::{self, Resource};
use super::serve::Settings;

/// What a path names.
#[derive(Clone, Debug)]
pub struct Target {
    pub resource: &'static Resource,
    pub group_version: String,
    pub namespace: Option<String>,
    pub name: Option<String>,
}

impl Target {
    /// `/api/v1/…` or `/apis/GROUP/VERSION/…`, then `[namespaces/NAMESPACE/]PLURAL[/NAME]`.
    pub fn parse(path: &str) -> Option<Target> {
        let mut parts: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
        let version_parts = match *parts.first()? {
            "api" => 1,
            "apis" => 2,
            _ => return None,
        };
        if parts.len() < version_parts + 2 {
            return None;
        }
        let rest = parts.split_off(version_parts + 1);
        let group_version = parts[1..].join("/");
        let (namespace, plural, name) = match rest[..] {
            [plural] => (None, plural, None),
            [plural, name] => (None, plural, Some(name)),
            ["namespaces", namespace, plural] => (Some(namespace), plural, None),
            ["namespaces", namespace, plural, name] => (Some(namespace), plural, Some(name)),
            _ => return None,
        };
        let resource = kinds::find(plural)?;
        let known =
            resource.group_version == group_version || resource.older.contains(&group_version.as_str());
        // A name needs a namespace where there are namespaces, and only there.
        let fits = resource.namespaced || namespace.is_none();
        let named = name.is_none() || resource.namespaced == namespace.is_some();
        (known && fits && named).then(|| Target {
            resource,
            group_version,
            namespace: namespace.map(str::to_owned),
            name: name.map(str::to_owned),
        })
    }

    /// Does the server offer this version of the resource's group?
    pub fn is_served(&self, settings: &Settings) -> bool {
        let preferred = self.group_version == self.resource.group_version;
        settings.served.get(&self.group_version).copied().unwrap_or(preferred)
    }
}

/// The parameters of a query, decoded.
#[derive(Debug, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    pub fn parse(text: &str) -> Query {
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        let split = |pair: &str| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(key), decoded(value))
        };
        Query(pairs.map(split).collect())
    }

    /// The value, empty when it is not there.
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// `true` and `1`.
    pub fn is_on(&self, name: &str) -> bool {
        matches!(self.get(name), "true" | "1")
    }
}

/// Text with its `%XX` and `+` resolved.
pub fn decoded(text: &str) -> String {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        let escape = after.get(..2).filter(|_| *byte == b'%');
        let escape = escape.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        rest = if escape.is_some() { &after[2..] } else { after };
        out.push(escape.unwrap_or(if *byte == b'+' { b' ' } else { *byte }));
    }
    String::from_utf8_lossy(&out).into_owned()
}
