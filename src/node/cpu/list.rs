//! The CPUs below /sys, listed again when they may have changed: walking the directory costs more than reading it.

use crate::base::clock::Monotonic;
use crate::base::text::Text;
use crate::collect::Pass;
use crate::io::{FileSpec, Names, Root};
use crate::limits::Limits;
use crate::text::{split_once, trim, unsigned};
use std::time::Duration;

/// Which CPUs run, as `0-3,7`. A change of its text is a hotplug event.
pub const ONLINE: FileSpec = FileSpec::sys("devices/system/cpu/online", |_| 4096);

/// Entries of the directory that are no CPUs, with room for new ones.
const OTHER_ENTRIES: usize = 64;

/// What else may have changed, such as a driver that was loaded, is seen after this time.
const LISTED_AGE_MAX: Duration = Duration::from_secs(60);

/// The number of a CPU as the kernel writes it.
pub type Number = Text<10>;

/// The CPUs that /sys shows, online or not.
pub struct CpuList {
    names: Names,
    online: Text<512>,
    listed: Option<Monotonic>,
}

impl CpuList {
    pub fn new(limits: &Limits) -> Self {
        let names = Names::with_capacity(limits.cpus.max(1) as usize + OTHER_ENTRIES);
        CpuList { names, online: Text::new(), listed: None }
    }

    /// Lists again if need be; `true`: it did, and what was derived from the list is to be derived anew. `online` is
    /// the contents of [`ONLINE`]; without it, time alone decides.
    pub fn refresh(&mut self, pass: &mut Pass<'_>, online: &[u8]) -> bool {
        let now = pass.now.monotonic;
        let young = self.listed.is_some_and(|then| now.since(then) < LISTED_AGE_MAX);
        // A text that does not fit is compared as far as it fits.
        let online = &online[..online.len().min(512)];
        if young && self.online.as_bytes() == online {
            return false;
        }
        self.online.clear();
        self.listed = self.online.push(online).is_ok().then_some(now);
        if pass.io.list(Root::Sys, &[b"devices/system/cpu"], &mut self.names).is_err() {
            self.names.clear();
        }
        true
    }

    /// Something that was there is gone: the next pass lists again.
    pub fn outdate(&mut self) {
        self.listed = None;
    }

    /// The numbers of the CPUs, in the order of their names.
    pub fn numbers(&self) -> impl Iterator<Item = Number> {
        self.names.iter().filter_map(|name| {
            let number = name.strip_prefix(b"cpu").filter(|number| unsigned(number).is_some())?;
            let mut text = Number::new();
            text.push(number).ok()?;
            Some(text)
        })
    }
}

/// Is the number in a list of ranges such as `0-3,7`?
pub fn covers(list: &[u8], number: &[u8]) -> bool {
    let Some(number) = unsigned(number) else { return false };
    trim(list).split(|byte| *byte == b',').any(|piece| {
        let (first, last) = split_once(piece, b'-').unwrap_or((piece, piece));
        match (unsigned(first), unsigned(last)) {
            (Some(first), Some(last)) => (first..=last).contains(&number),
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn ranges_cover_their_ends() {
        for (number, expect) in [("0", true), ("3", true), ("4", false), ("7", true), ("x", false)] {
            assert_eq!(covers(b"0-3,7\n", number.as_bytes()), expect, "{number}");
        }
        assert!(!covers(b"x-,", b"0"));
        assert!(covers(b"0-18446744073709551615", b"5"));
    }
}
