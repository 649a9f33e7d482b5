//! How many files may be held open: what is left of RLIMIT_NOFILE when every connection has its descriptor.

use crate::base::log;
use crate::limits::Limits;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// For the log, the listener, the loop, netlink, and files and folders that are open for one read.
const RESERVE: u64 = 32;

/// What is held open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fit {
    /// Planned files.
    pub planned: usize,
    /// Attributes below /sys.
    pub attributes: u32,
}

/// RLIMIT_NOFILE after the soft limit was raised to the hard one; `None`: unlimited.
pub fn raised_limit() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        // Where it is forbidden the soft limit stays, and is what counts.
        if setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_err() {}
    }
    getrlimit(Resource::Nofile).current
}

/// Connections come first, then planned files, then attributes; one line says when some are not held.
pub fn fit(limit: Option<u64>, limits: &Limits, planned: usize) -> Result<Fit, String> {
    let first = u64::from(limits.connections) + RESERVE;
    let needed = first + planned as u64 + u64::from(limits.held_files);
    let limit = limit.unwrap_or(u64::MAX);
    let Some(rest) = limit.checked_sub(first) else {
        return Err(format!(
            "-limit.connections={}: {first} descriptors are needed at the least, and RLIMIT_NOFILE={limit} is the hard limit; raise it (LimitNOFILE=, ulimit -Hn), or lower -limit.connections",
            limits.connections
        ));
    };
    let planned = planned.min(usize::try_from(rest).unwrap_or(usize::MAX));
    let rest = rest - planned as u64;
    let attributes = limits.held_files.min(u32::try_from(rest).unwrap_or(u32::MAX));
    if needed > limit {
        log::warn(format_args!(
            "RLIMIT_NOFILE={limit} and {needed} descriptors are needed: {} files are held open, the others are opened for every read, which costs CPU; raise the hard limit (LimitNOFILE=, ulimit -Hn)",
            planned as u64 + u64::from(attributes)
        ));
    }
    Ok(Fit { planned, attributes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_come_first_then_planned_files_then_attributes() {
        let limits = Limits { connections: 8, held_files: 100, ..Limits::default() };
        let check = |limit, expect: Option<(usize, u32)>| {
            let expect = expect.map(|(planned, attributes)| Fit { planned, attributes });
            assert_eq!(fit(limit, &limits, 10).ok(), expect, "{limit:?}");
        };
        check(None, Some((10, 100)));
        check(Some(150), Some((10, 100)));
        check(Some(149), Some((10, 99)));
        check(Some(51), Some((10, 1)));
        check(Some(49), Some((9, 0)));
        check(Some(40), Some((0, 0)));
        check(Some(39), None);
        let mistake = fit(Some(39), &limits, 10).unwrap_err();
        for part in ["40", "RLIMIT_NOFILE=39", "-limit.connections=8"] {
            assert!(mistake.contains(part), "{part} is not in: {mistake}");
        }
    }
}
