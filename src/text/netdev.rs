//! `/proc/net/dev`: counters of network devices.
//!
//! Format: two lines of a head, then "  eth0: 1 2 3 …" with a number for each of [`COLUMNS`].

use super::{lines, trim, unsigned, words};

/// What the numbers of a line are.
pub const COLUMNS: [&str; 16] = [
    "receive_bytes",
    "receive_packets",
    "receive_errs",
    "receive_drop",
    "receive_fifo",
    "receive_frame",
    "receive_compressed",
    "receive_multicast",
    "transmit_bytes",
    "transmit_packets",
    "transmit_errs",
    "transmit_drop",
    "transmit_fifo",
    "transmit_colls",
    "transmit_carrier",
    "transmit_compressed",
];

/// A network device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Device<'a> {
    pub name: &'a [u8],
    /// `None`: missing or not understood.
    pub numbers: [Option<u64>; COLUMNS.len()],
}

impl Device<'_> {
    /// Is there a number for every column?
    pub fn is_whole(&self) -> bool {
        self.numbers.iter().all(Option::is_some)
    }
}

/// The devices; `None`: a line that is not understood.
pub fn devices(text: &[u8]) -> impl Iterator<Item = Option<Device<'_>>> {
    // The two lines of the head have bars between their parts.
    lines(text).filter(|line| !line.contains(&b'|')).map(|line| {
        // A name may have colons, the numbers have none.
        let colon = memchr::memrchr(b':', line)?;
        let mut words = words(&line[colon + 1..]);
        let numbers = COLUMNS.map(|_| words.next().and_then(unsigned));
        Some(Device { name: trim(&line[..colon]), numbers })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_line_costs_that_line() {
        let text =
            "Inter-|   Receive\n face |bytes\n  a:b: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\nx\n y: 1 -2\n";
        let found: Vec<_> = devices(text.as_bytes()).collect();
        let whole = found[0].unwrap();
        assert_eq!((whole.name, whole.numbers[15], whole.is_whole()), (&b"a:b"[..], Some(16), true));
        assert_eq!(found[1], None);
        let part = found[2].unwrap();
        assert_eq!(
            (part.name, &part.numbers[..3], part.is_whole()),
            (&b"y"[..], &[Some(1), None, None][..], false)
        );
        assert_eq!(found.len(), 3);
    }
}
