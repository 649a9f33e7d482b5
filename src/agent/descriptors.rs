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
    /// Directories of control groups.
    pub group_folders: u32,
    /// Files of control groups.
    pub group_files: u32,
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

/// Connections come first, then what saves most: planned files, control groups' directories and their files, attributes.
/// One line says when some are not held.
pub fn fit(limit: Option<u64>, limits: &Limits, wanted: Fit) -> Result<Fit, String> {
    let first = u64::from(limits.connections) + RESERVE;
    let needed = first + wanted.descriptors();
    let limit = limit.unwrap_or(u64::MAX);
    let Some(mut rest) = limit.checked_sub(first) else {
        return Err(format!(
            "-limit.connections={}: {first} descriptors are needed at the least, and RLIMIT_NOFILE={limit} is the hard limit; raise it (LimitNOFILE=, ulimit -Hn), or lower -limit.connections",
            limits.connections
        ));
    };
    let planned = wanted.planned.min(usize::try_from(rest).unwrap_or(usize::MAX));
    rest -= planned as u64;
    let mut take = |wanted: u32| {
        let taken = wanted.min(u32::try_from(rest).unwrap_or(u32::MAX));
        rest -= u64::from(taken);
        taken
    };
    let fit = Fit {
        planned,
        group_folders: take(wanted.group_folders),
        group_files: take(wanted.group_files),
        attributes: take(wanted.attributes),
    };
    if needed > limit {
        log::warn(format_args!(
            "RLIMIT_NOFILE={limit} and {needed} descriptors are planned: at most {} files are held open, the others are opened for every read, which costs CPU; raise the hard limit (LimitNOFILE=, ulimit -Hn), or lower -container.max",
            fit.descriptors()
        ));
    }
    Ok(fit)
}

impl Fit {
    fn descriptors(self) -> u64 {
        self.planned as u64
            + u64::from(self.group_folders)
            + u64::from(self.group_files)
            + u64::from(self.attributes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_come_first_and_attributes_last() {
        let limits = Limits { connections: 8, ..Limits::default() };
        let of = |planned, group_folders, group_files, attributes| Fit {
            planned,
            group_folders,
            group_files,
            attributes,
        };
        let check = |limit, expect: Option<Fit>| {
            assert_eq!(fit(limit, &limits, of(10, 20, 30, 100)).ok(), expect, "{limit:?}");
        };
        check(None, Some(of(10, 20, 30, 100)));
        check(Some(200), Some(of(10, 20, 30, 100)));
        check(Some(199), Some(of(10, 20, 30, 99)));
        check(Some(99), Some(of(10, 20, 29, 0)));
        check(Some(51), Some(of(10, 1, 0, 0)));
        check(Some(49), Some(of(9, 0, 0, 0)));
        check(Some(40), Some(of(0, 0, 0, 0)));
        check(Some(39), None);
        let mistake = fit(Some(39), &limits, of(0, 0, 0, 0)).unwrap_err();
        for part in ["40", "RLIMIT_NOFILE=39", "-limit.connections=8"] {
            assert!(mistake.contains(part), "{part} is not in: {mistake}");
        }
    }
}
