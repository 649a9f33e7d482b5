//! Names of resources: what they are counted in.

use crate::base::text::Text;

/// Longest name; longer ones are shown as far as they go.
pub const NAME_BYTES: usize = 320;

/// What a container's resource is counted in; `None`: it is not shown.
pub fn unit_of_container(name: &[u8]) -> Option<&'static str> {
    match name {
        b"cpu" => Some("core"),
        b"storage" | b"ephemeral-storage" | b"memory" => Some("byte"),
        _ if is_huge_pages(name) || is_attachable(name) => Some("byte"),
        _ if is_extended(name) => Some("integer"),
        _ => None,
    }
}

/// What a node's resource is counted in; `None`: it is not shown.
pub fn unit_of_node(name: &[u8]) -> Option<&'static str> {
    if name == b"pods" { Some("integer") } else { unit_of_container(name) }
}

pub fn is_huge_pages(name: &[u8]) -> bool {
    name.starts_with(b"hugepages-")
}

pub fn is_attachable(name: &[u8]) -> bool {
    name.starts_with(b"attachable-volumes-")
}

/// Without a slash, or with Kubernetes' own domain before it.
pub fn is_native(name: &[u8]) -> bool {
    !name.contains(&b'/') || memchr::memmem::find(name, b"kubernetes.io/").is_some()
}

/// Of somebody else's domain, so that a quota may name it as `requests.…`.
pub fn is_extended(name: &[u8]) -> bool {
    if is_native(name) || name.starts_with(b"requests.") {
        return false;
    }
    let Some(slash) = name.iter().position(|byte| *byte == b'/') else { return false };
    let (domain, rest) = (&name[..slash], &name[slash + 1..]);
    // With `requests.` before it.
    domain.len() + 9 <= 253 && is_domain(domain) && is_qualified(rest)
}

fn is_domain(domain: &[u8]) -> bool {
    domain.split(|byte| *byte == b'.').all(|part| {
        let inner = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
        let outer = |byte: Option<&u8>| byte.is_some_and(|byte| *byte != b'-');
        part.iter().all(inner) && outer(part.first()) && outer(part.last())
    })
}

fn is_qualified(name: &[u8]) -> bool {
    let inner = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    let outer = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    name.len() <= 63 && name.iter().all(inner) && outer(name.first()) && outer(name.last())
}

/// The name with `_` for what is no letter, digit or `_`.
pub fn sanitised(name: &[u8]) -> Text<NAME_BYTES> {
    let mut text = Text::new();
    for byte in name {
        let plain = byte.is_ascii_alphanumeric() || *byte == b'_';
        // The rest of a character of several bytes has been stood for by its first.
        let full = byte & 0xc0 != 0x80 && text.push([if plain { *byte } else { b'_' }]).is_err();
        if full {
            break;
        }
    }
    text
}
