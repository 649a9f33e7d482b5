//! IP addresses, as far as their family is of interest.

use std::net::{IpAddr, Ipv6Addr};

/// `4` or `6`; an IPv4 address in the form of IPv6 is `4`. `None`: no address.
pub fn family(text: &[u8]) -> Option<&'static str> {
    let text = std::str::from_utf8(text).ok()?;
    let mapped = |address: Ipv6Addr| address.to_ipv4_mapped().is_some();
    match text.parse().ok()? {
        IpAddr::V4(_) => Some("4"),
        IpAddr::V6(address) if mapped(address) => Some("4"),
        IpAddr::V6(_) => Some("6"),
    }
}
