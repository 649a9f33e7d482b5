//! The process that a runtime started a container with, for as long as it is that one: its number may be used again.

use crate::base::clock::Monotonic;
use crate::text::lines;
use std::time::Duration;

/// How long a process is trusted to be still the same.
const TRUSTED: Duration = Duration::from_secs(10);

/// A process that a runtime has named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Started {
    pub pid: u32,
    /// When it was last found in its group; `None`: not yet.
    checked: Option<Monotonic>,
}

impl Started {
    pub const fn new(pid: u32) -> Self {
        Started { pid, checked: None }
    }

    /// Itself, if it is still what it was; `holds` is asked only when that was too long ago.
    pub fn check(self, now: Monotonic, holds: impl FnOnce(u32) -> bool) -> Option<Self> {
        if self.checked.is_some_and(|checked| now.since(checked) < TRUSTED) {
            return Some(self);
        }
        holds(self.pid).then_some(Started { checked: Some(now), ..self })
    }
}

/// Is a process in the group with this path, or below it, by its `/proc/PID/cgroup`? Only the last name of the path is
/// looked for: to a reader in a cgroup namespace of its own, what is outside begins with `/..` instead of names. The name
/// of a container's group holds its number.
pub(super) fn is_in(list: &[u8], path: &[u8]) -> bool {
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or(b"");
    !name.is_empty()
        && lines(list).any(|line| line.split(|byte| *byte == b'/').skip(1).any(|part| part == name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_checked_when_it_is_learnt_and_then_now_and_then() {
        let at = |seconds: u64| Monotonic(seconds * 1_000_000_000);
        let started = Started::new(70);
        assert_eq!(started.check(at(5), |_| false), None);
        let mut asked = 0;
        let started = started
            .check(at(5), |pid| {
                asked = pid;
                true
            })
            .unwrap();
        assert_eq!((asked, started.pid), (70, 70));
        assert_eq!(started.check(at(14), |_| false), Some(started));
        assert_eq!(started.check(at(15), |_| false), None);
        let later = started.check(at(15), |_| true).unwrap();
        assert_eq!(later.check(at(24), |_| false), Some(later));
    }

    #[test]
    fn a_process_is_in_the_group_that_its_path_names() {
        let check = |list: &str, path: &str, expect: bool| {
            assert_eq!(is_in(list.as_bytes(), path.as_bytes()), expect, "{list} {path}");
        };
        let path = "/kubepods/poda/12";
        check("0::/kubepods/poda/12\n", path, true);
        check("0::/kubepods/poda/12", path, true);
        check("0::/../../poda/12\n", path, true);
        check("0::/kubepods/poda/12/init.scope\n", path, true);
        check("2:cpu,cpuacct:/\n1:name=systemd:/kubepods/poda/12\n0::/\n", path, true);
        check("0::/kubepods/poda/123\n", path, false);
        check("0::/kubepods/poda\n", path, false);
        check("12\n", path, false);
        check("", path, false);
        check("0::/\n", "/", false);
    }
}
