//! Names of resources: which unit an amount has, and what the name is as a label's value.

use crate::base::text::{Full, Text};

/// What an amount of a resource counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Processors, with fractions.
    Core,
    /// Bytes, and attachable volumes, which the reference counts as such.
    Byte,
    /// Things.
    Integer,
}

impl Unit {
    /// The value of the label `unit`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Unit::Core => "core",
            Unit::Byte => "byte",
            Unit::Integer => "integer",
        }
    }
}

/// The unit of a resource of a container; `None`: it is not shown.
pub fn unit_of_pod(name: &[u8]) -> Option<Unit> {
    match name {
        b"cpu" => Some(Unit::Core),
        b"memory" | b"storage" | b"ephemeral-storage" => Some(Unit::Byte),
        _ if is_hugepage(name) || is_attachable(name) => Some(Unit::Byte),
        _ => is_extended(name).then_some(Unit::Integer),
    }
}

/// The unit of a resource of a node; `None`: it is not shown.
pub fn unit_of_node(name: &[u8]) -> Option<Unit> {
    match name {
        b"pods" => Some(Unit::Integer),
        _ => unit_of_pod(name),
    }
}

/// One of Kubernetes' own?
pub fn is_native(name: &[u8]) -> bool {
    !name.contains(&b'/') || memchr::memmem::find(name, b"kubernetes.io/").is_some()
}

/// Large pages of one size?
pub fn is_hugepage(name: &[u8]) -> bool {
    name.starts_with(b"hugepages-")
}

/// Volumes of one kind that a node can attach?
pub fn is_attachable(name: &[u8]) -> bool {
    name.starts_with(b"attachable-volumes-")
}

/// One that a device plugin or an operator made up: `nvidia.com/gpu`?
pub fn is_extended(name: &[u8]) -> bool {
    !is_native(name) && !name.starts_with(b"requests.") && is_qualified(name)
}

/// Would `requests.` and the name be a qualified name: a DNS name, a slash, letters?
fn is_qualified(name: &[u8]) -> bool {
    // A quota names the resource so, which takes nine bytes of the longest name.
    const DOMAIN_MAX: usize = 253 - b"requests.".len();
    let Some((domain, rest)) = super::split_once(name, b'/') else { return false };
    let lower = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let label = |label: &[u8]| {
        label.first().is_some_and(lower)
            && label.last().is_some_and(lower)
            && label.iter().all(|byte| lower(byte) || *byte == b'-')
    };
    let inner = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    domain.len() <= DOMAIN_MAX
        && domain.split(|byte| *byte == b'.').all(label)
        && rest.len() <= 63
        && rest.first().is_some_and(u8::is_ascii_alphanumeric)
        && rest.last().is_some_and(u8::is_ascii_alphanumeric)
        && rest.iter().all(inner)
}

/// Appends the name with `_` in place of every character that is no ASCII letter, digit or `_`.
pub fn sanitise<const N: usize>(name: &[u8], out: &mut Text<N>) -> Result<(), Full> {
    let before = out.len();
    super::label_name::characters(name, |byte| out.push([byte.unwrap_or(b'_')]))
        .inspect_err(|Full| out.truncate(before))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units() {
        for (name, pod, node) in [
            ("cpu", Some(Unit::Core), Some(Unit::Core)),
            ("memory", Some(Unit::Byte), Some(Unit::Byte)),
            ("ephemeral-storage", Some(Unit::Byte), Some(Unit::Byte)),
            ("hugepages-2Mi", Some(Unit::Byte), Some(Unit::Byte)),
            ("attachable-volumes-csi-x", Some(Unit::Byte), Some(Unit::Byte)),
            ("nvidia.com/gpu", Some(Unit::Integer), Some(Unit::Integer)),
            ("pods", None, Some(Unit::Integer)),
            ("unknown", None, None),
            ("kubernetes.io/x", None, None),
            ("requests.nvidia.com/gpu", None, None),
        ] {
            assert_eq!((unit_of_pod(name.as_bytes()), unit_of_node(name.as_bytes())), (pod, node), "{name}");
        }
        assert_eq!([Unit::Core, Unit::Byte, Unit::Integer].map(Unit::as_str), ["core", "byte", "integer"]);
    }

    #[test]
    fn extended_names_are_qualified() {
        let long = format!("{}/x", "a".repeat(244));
        let longer = format!("{}/x", "a".repeat(245));
        for (name, expect) in [
            ("a/b", true),
            ("a.b-c/D.e_f-9", true),
            (long.as_str(), true),
            (longer.as_str(), false),
            ("a/b/c", false),
            ("a/", false),
            ("/a", false),
            ("a./b", false),
            ("-a/b", false),
            ("A/b", false),
            ("a/-b", false),
            ("a/b ", false),
            ("ab", false),
            ("", false),
        ] {
            assert_eq!(is_extended(name.as_bytes()), expect, "{name}");
        }
        assert!(is_extended(format!("a/{}", "x".repeat(63)).as_bytes()));
        assert!(!is_extended(format!("a/{}", "x".repeat(64)).as_bytes()));
    }

    #[test]
    fn names_as_values_keep_their_case() {
        let mut out = Text::<16>::new();
        sanitise("UPPER.com/Ä".as_bytes(), &mut out).unwrap();
        assert_eq!(out.as_str(), "UPPER_com__");
        assert_eq!(sanitise(b"hugepages-2Mi", &mut out), Err(Full));
        assert_eq!(out.as_str(), "UPPER_com__");
    }
}
