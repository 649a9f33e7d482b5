//! The mounted hierarchies: one with cgroup v2, one per controller or per few of them with v1.

use super::Version;
use crate::base::text::PathText;
use crate::io::ReadError;
use crate::io::syscall::{c_path, classify};
use rustix::fd::OwnedFd;
use rustix::fs::{CWD, Mode, OFlags};

/// Controllers whose hierarchies count: a group that is in none of these is of no interest. Those of cAdvisor with the
/// kubelet's set of metrics.
const CONTROLLERS: [&str; 6] = ["cpu", "cpuacct", "memory", "blkio", "pids", "cpuset"];

/// More hierarchies than there are controllers cannot be.
pub(super) const HIERARCHIES_MAX: usize = CONTROLLERS.len();

/// A mounted hierarchy.
pub(super) struct Hierarchy {
    /// Its controllers, separated by commas; empty with v2.
    controllers: String,
    /// Where it is mounted, without a slash at the end.
    pub path: String,
    pub root: OwnedFd,
    /// Device and inode of its root: a hierarchy may be there under several names.
    identity: (u64, u64),
}

/// All hierarchies that count.
pub(super) struct Tree {
    version: Version,
    hierarchies: Vec<Hierarchy>,
}

impl Tree {
    /// Looks for them once, at the start: what is mounted later is not seen.
    pub fn find(path: &str) -> Self {
        let v2 = open(path).ok().filter(|root| has(root, c"cgroup.controllers"));
        if let Some(root) = v2 {
            let one = Hierarchy::new(String::new(), path.to_owned(), root);
            return Tree { version: Version::V2, hierarchies: one.into_iter().collect() };
        }
        let mut hierarchies: Vec<Hierarchy> = Vec::new();
        for name in folders(path) {
            if !name.split(',').any(|part| CONTROLLERS.contains(&part)) {
                continue;
            }
            let place = format!("{path}/{name}");
            let Ok(root) = open(&place) else { continue };
            let Some(found) = Hierarchy::new(name, place, root) else { continue };
            match hierarchies.iter_mut().find(|known| known.identity == found.identity) {
                Some(known) => {
                    known.controllers.push(',');
                    known.controllers.push_str(&found.controllers);
                }
                None => hierarchies.push(found),
            }
        }
        hierarchies.truncate(HIERARCHIES_MAX);
        Tree { version: Version::V1, hierarchies }
    }

    pub const fn version(&self) -> Version {
        self.version
    }

    pub fn hierarchies(&self) -> &[Hierarchy] {
        &self.hierarchies
    }

    /// The hierarchy that has a controller.
    pub fn of(&self, controller: &str) -> Option<usize> {
        if self.version == Version::V2 {
            return (!self.hierarchies.is_empty()).then_some(0);
        }
        self.hierarchies
            .iter()
            .position(|hierarchy| hierarchy.controllers.split(',').any(|name| name == controller))
    }
}

impl Hierarchy {
    fn new(controllers: String, path: String, root: OwnedFd) -> Option<Self> {
        let found = rustix::fs::fstat(&root).ok()?;
        Some(Hierarchy { controllers, path, root, identity: (found.st_dev, found.st_ino) })
    }
}

/// Opens a directory for what is found below it.
fn open(path: &str) -> Result<OwnedFd, ReadError> {
    let mut text = PathText::new();
    text.push(path).map_err(|_full| ReadError::Failed)?;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::openat(CWD, c_path(&mut text)?, flags, Mode::empty()).map_err(classify)
}

fn has(folder: &OwnedFd, name: &std::ffi::CStr) -> bool {
    rustix::fs::statat(folder, name, rustix::fs::AtFlags::empty()).is_ok()
}

/// The names of the directories at `path`, links to them included, sorted.
#[expect(clippy::disallowed_methods, reason = "read once, at the start")]
fn folders(path: &str) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(path) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}
