//! References of images as containerd spells them in full: `busybox:1` is `docker.io/library/busybox:1`. Pure.

use crate::base::text::{Full, Text};

const HUB: &[u8] = b"docker.io";

/// The full spelling. What names no repository, as the number of an image does, is left as it is. A tag in front of a
/// digest decides nothing and is dropped.
pub fn normalise<const N: usize>(reference: &[u8]) -> Result<Text<N>, Full> {
    let mut full = Text::new();
    if reference.is_empty() || reference.starts_with(b"sha256:") || super::path::is_number(reference) {
        full.push(reference)?;
        return Ok(full);
    }
    let (name, digest) = match memchr::memchr(b'@', reference) {
        Some(at) => reference.split_at(at),
        None => (reference, &b""[..]),
    };
    let (host, path) = match memchr::memchr(b'/', name) {
        Some(at) if is_host(&name[..at]) => (&name[..at], &name[at + 1..]),
        _ => (HUB, name),
    };
    let host = if host == b"index.docker.io" { HUB } else { host };
    // The host may have a port; what follows the last colon of the path is a tag.
    let (path, tag) = match memchr::memrchr(b':', path) {
        Some(at) => path.split_at(at),
        None => (path, &b""[..]),
    };
    let official = host == HUB && !path.contains(&b'/');
    let folder: &[u8] = if official { b"library/" } else { b"" };
    let ending = match (digest, tag) {
        (b"", b"") => b":latest",
        (b"", tag) => tag,
        (digest, _) => digest,
    };
    full.push_all(&[host, b"/", folder, path, ending])?;
    Ok(full)
}

/// Is the first part of a name a registry rather than a user of Docker's?
fn is_host(part: &[u8]) -> bool {
    part == b"localhost" || part.iter().any(|byte| matches!(byte, b'.' | b':') || byte.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(reference: &str, expect: &str) {
        let full = normalise::<128>(reference.as_bytes()).unwrap();
        assert_eq!(full.as_str(), expect, "{reference}");
        assert_eq!(normalise::<128>(full.as_bytes()).unwrap().as_str(), expect, "{reference}, twice");
    }

    #[test]
    fn references_are_spelled_in_full() {
        check("busybox:1", "docker.io/library/busybox:1");
        check("busybox", "docker.io/library/busybox:latest");
        check("local/busybox:1", "docker.io/local/busybox:1");
        check("docker.io/busybox", "docker.io/library/busybox:latest");
        check("index.docker.io/a/b", "docker.io/a/b:latest");
        check("registry.k8s.io/pause:3.10", "registry.k8s.io/pause:3.10");
        check("localhost/a", "localhost/a:latest");
        check("localhost:5000/a/b/c:1", "localhost:5000/a/b/c:1");
        check("Host/a", "Host/a:latest");
        check("quay.io/a@sha256:12", "quay.io/a@sha256:12");
        check("a:1@sha256:12", "docker.io/library/a@sha256:12");
        check("", "");
        check("sha256:12", "sha256:12");
        check(&"a1".repeat(32), &"a1".repeat(32));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert_eq!(normalise::<26>(b"busybox:1").map(|full| full.len()), Err(Full));
        assert_eq!(normalise::<27>(b"busybox:1").map(|full| full.len()), Ok(27));
        assert_eq!(normalise::<4>(b"sha256:12").map(|full| full.len()), Err(Full));
    }
}
