//! Netlink attributes: length, kind and value, each at a multiple of four bytes (include/uapi/linux/netlink.h).

/// The attributes of a message from its first on. A length that cannot be ends the walk: what comes after it has no
/// known beginning.
pub fn attributes(message: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = message;
    std::iter::from_fn(move || {
        let length = usize::from(number16(rest, 0)?);
        // The two upper bits say "nested" and "big endian"; they are not part of the kind.
        let kind = number16(rest, 2)? & 0x3fff;
        let value = rest.get(HEADER_BYTES..length)?;
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or(b"");
        Some((kind, value))
    })
}

const HEADER_BYTES: usize = 4;

/// The number of two bytes at an offset, as the kernel's structs have it.
pub fn number16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().copied().map(u16::from_ne_bytes)
}

/// The number of four bytes at an offset.
pub fn number32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_ne_bytes)
}

/// The number of eight bytes at an offset.
pub fn number64(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().copied().map(u64::from_ne_bytes)
}

/// A text of the kernel, without the zero byte that ends it.
pub fn text(value: &[u8]) -> &[u8] {
    let end = memchr::memchr(0, value).unwrap_or(value.len());
    &value[..end]
}

/// Puts a message together as the kernel does.
#[cfg(test)]
pub mod build {
    /// One attribute with its padding.
    pub fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let length = u16::try_from(value.len() + 4).unwrap();
        let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
        bytes.extend_from_slice(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    /// A header and attributes.
    pub fn message(header: &[u8], list: &[(u16, &[u8])]) -> Vec<u8> {
        let mut bytes = header.to_vec();
        for (kind, value) in list {
            bytes.extend(attribute(*kind, value));
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(message: &[u8], expect: &[(u16, &[u8])]) {
        assert_eq!(attributes(message).collect::<Vec<_>>(), expect);
    }

    #[test]
    fn values_are_padded_to_four_bytes() {
        check(
            &build::message(&[], &[(3, b"eth0\0"), (0x8000 | 5, b""), (4, b"1234")]),
            &[(3, b"eth0\0"), (5, b""), (4, b"1234")],
        );
    }

    #[test]
    fn a_length_that_cannot_be_ends_the_walk() {
        let good = build::attribute(1, b"abcd");
        for length in [0_u16, 3, 9, u16::MAX] {
            let mut message = good.clone();
            message.extend(length.to_ne_bytes());
            message.extend([9, 0, b'x', b'x', b'x', b'x']);
            check(&message, &[(1, b"abcd")]);
        }
    }

    #[test]
    fn a_message_may_be_cut_anywhere() {
        let whole = build::message(&[], &[(1, b"abcde"), (2, b"fg")]);
        for end in 0..whole.len() {
            let found = attributes(&whole[..end]).count();
            // The padding after the last value is not needed.
            assert_eq!(found, usize::from(end >= 9) + usize::from(end >= 18), "cut at {end}");
        }
        check(&whole, &[(1, b"abcde"), (2, b"fg")]);
    }

    #[test]
    fn numbers_need_all_their_bytes() {
        let bytes = [1, 2, 3, 4, 5, 6, 7, 8];
        assert_eq!(number16(&bytes, 6), Some(u16::from_ne_bytes([7, 8])));
        assert_eq!(number16(&bytes, 7), None);
        assert_eq!(number32(&bytes, 4), Some(u32::from_ne_bytes([5, 6, 7, 8])));
        assert_eq!(number32(&bytes, 5), None);
        assert_eq!(number64(&bytes, 0), Some(u64::from_ne_bytes(bytes)));
        assert_eq!(number64(&bytes, 9), None);
        assert_eq!(text(b"eth0\0\0"), b"eth0");
        assert_eq!(text(b"eth0"), b"eth0");
    }
}
