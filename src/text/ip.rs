//! The family of an IP address.

use std::net::IpAddr;

/// `4` or `6` for what Go takes for an address: no leading zeros, no zone. An IPv4 address mapped into IPv6 is one of
/// version 4.
pub fn family(text: &[u8]) -> Option<&'static str> {
    match std::str::from_utf8(text).ok()?.parse().ok()? {
        IpAddr::V4(_) => Some("4"),
        IpAddr::V6(address) => Some(if address.to_ipv4_mapped().is_some() { "4" } else { "6" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families() {
        for (text, expect) in [
            ("10.0.0.1", Some("4")),
            ("::ffff:10.0.0.1", Some("4")),
            ("::ffff:a00:1", Some("4")),
            ("::10.0.0.1", Some("6")),
            ("2001:db8::1", Some("6")),
            ("::", Some("6")),
            ("1:2:3:4:5:6:7::", Some("6")),
            ("1::2:3:4:5:6:7:8", None),
            ("fe80::1%eth0", None),
            ("010.0.0.1", None),
            ("10.0.0", None),
            ("256.0.0.1", None),
            ("12345::", None),
            ("::ffff:10.0.0.01", None),
            ("[::1]", None),
            (" ::1", None),
            ("", None),
        ] {
            assert_eq!(family(text.as_bytes()), expect, "{text}");
        }
        assert_eq!(family(b"\xff"), None);
    }
}
