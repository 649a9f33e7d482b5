//! The URL of an API server.

use std::net::{IpAddr, Ipv6Addr};

/// What is allowed, for a message.
pub(super) const ALLOWED: &str = "http://host[:port][/path] or https://host[:port][/path]";

/// The parts of a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Url<'a> {
    pub tls: bool,
    /// Without brackets.
    pub host: &'a str,
    pub port: u16,
    /// Without a slash at its end.
    pub path: &'a str,
}

/// Reads a URL; what a connection cannot be made of (a user, a query, a fragment) makes it none.
pub(super) fn parse(url: &str) -> Option<Url<'_>> {
    let (scheme, rest) = url.split_once("://")?;
    let tls = if scheme.eq_ignore_ascii_case("https") {
        true
    } else if scheme.eq_ignore_ascii_case("http") {
        false
    } else {
        return None;
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let is_path = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#');
    if !path.bytes().all(is_path) {
        return None;
    }
    let end = if authority.starts_with('[') { authority.find(']')? + 1 } else { 0 };
    let at = authority[end..].find(':').map(|at| end + at);
    let (name, number) = authority.split_at(at.unwrap_or(authority.len()));
    let port = match number.strip_prefix(':') {
        Some(number) => port(number)?,
        None if tls => 443,
        None => 80,
    };
    if name.contains(':') && !name.starts_with('[') {
        return None;
    }
    Some(Url { tls, host: host(name)?, port, path: path.trim_end_matches('/') })
}

/// An IP address, the sixth version's with or without brackets, or a name; without the brackets.
pub(super) fn host(text: &str) -> Option<&str> {
    if let Some(inside) = text.strip_prefix('[') {
        let inside = inside.strip_suffix(']')?;
        return inside.parse::<Ipv6Addr>().ok().map(|_| inside);
    }
    if text.parse::<IpAddr>().is_ok() {
        return Some(text);
    }
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let name = text.strip_suffix('.').unwrap_or(text);
    // Of digits alone is an address that is none.
    let named = name.rsplit('.').next()?.bytes().any(|byte| !byte.is_ascii_digit());
    (text.len() <= 253 && named && name.split('.').all(is_label)).then_some(text)
}

/// A port that can be connected to.
pub(super) fn port(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| digits && *port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, tls: bool, host: &str, port: u16, path: &str) {
        assert_eq!(parse(url), Some(Url { tls, host, port, path }), "{url}");
    }

    #[test]
    fn urls() {
        check("https://10.0.0.1", true, "10.0.0.1", 443, "");
        check("https://10.0.0.1:6443", true, "10.0.0.1", 6443, "");
        check("HTTP://localhost:8080/", false, "localhost", 8080, "");
        check("http://localhost", false, "localhost", 80, "");
        check("https://[fd00::1]:6443/", true, "fd00::1", 6443, "");
        check("https://[::1]", true, "::1", 443, "");
        check(
            "https://rancher.example.com/k8s/clusters/c-m-1/",
            true,
            "rancher.example.com",
            443,
            "/k8s/clusters/c-m-1",
        );
        check("https://a_b.c-d.:1", true, "a_b.c-d.", 1, "");
    }

    #[test]
    fn what_is_no_url_of_a_server() {
        for bad in [
            "",
            "localhost",
            "localhost:8080",
            "ftp://x",
            "https://",
            "https:///path",
            "https://:443",
            "https://x:",
            "https://x:0",
            "https://x:65536",
            "https://x:+1",
            "https://x:1:2",
            "https://fd00::1",
            "https://[fd00::1",
            "https://[fd00::1]x",
            "https://[10.0.0.1]",
            "https://user@x",
            "https://user:password@x",
            "https://x/path?query",
            "https://x?query",
            "https://x#fragment",
            "https://x/a b",
            "https://x/\r\n",
            "https://x y",
            "https://x/\u{fc}",
            "https://\u{fc}",
            "https://10.0.0.256",
            "https://1.2.3",
            "https://a..b",
            "https://fe80::1%eth0",
            "https://[fe80::1%eth0]",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
        assert_eq!(host("[::1]"), Some("::1"));
        assert_eq!(host("::1"), Some("::1"));
        assert_eq!(host(&"a".repeat(64)), None);
    }
}
