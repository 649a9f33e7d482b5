//! Trees of control groups made of ordinary folders and files.

use super::{GroupFile, Groups, SharedGroups};
use crate::base::clock::{Moment, Monotonic};
use crate::limits::Limits;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// A folder that is removed with everything in it when the test ends.
pub struct TestTree {
    path: PathBuf,
    pub now: Moment,
}

static COUNT: AtomicU32 = AtomicU32::new(0);

impl TestTree {
    /// An empty folder.
    pub fn empty() -> Self {
        let number = COUNT.fetch_add(1, Relaxed);
        // Memory is faster than a disk when thousands of groups come and go.
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let path = folder.join(format!("trimeter-groups-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        let now = Moment { monotonic: Monotonic(1_000_000_000), unix_nanos: 1_700_000_000_000_000_000 };
        TestTree { path, now }
    }

    /// The root of a v2 tree.
    pub fn v2() -> Self {
        let tree = Self::empty();
        tree.write("cgroup.controllers", "cpu io memory pids");
        tree
    }

    /// The roots of v1 hierarchies, with these names.
    pub fn v1(hierarchies: &[&str]) -> Self {
        let tree = Self::empty();
        for name in hierarchies {
            tree.make(name);
        }
        tree
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes a group and those above it.
    pub fn make(&self, group: &str) {
        std::fs::create_dir_all(self.path.join(group)).unwrap();
    }

    /// Removes a group and what is below it.
    pub fn remove(&self, group: &str) {
        std::fs::remove_dir_all(self.path.join(group)).unwrap();
    }

    /// Moves a group, which keeps its inode.
    pub fn rename(&self, from: &str, to: &str) {
        std::fs::rename(self.path.join(from), self.path.join(to)).unwrap();
    }

    /// Writes a file; its group is made if need be.
    pub fn write(&self, file: &str, text: &str) {
        self.write_bytes(file, text.as_bytes());
    }

    /// [`Self::write`] for what need not be text.
    pub fn write_bytes(&self, file: &str, text: &[u8]) {
        let path = self.path.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn groups(&self, limits: &Limits, files: &'static [GroupFile]) -> SharedGroups {
        Groups::shared(limits, self.path.to_str().unwrap(), files)
    }

    /// The moment of the next pass, 15 seconds after the one before.
    pub fn later(&mut self) -> Moment {
        self.now.monotonic.0 += 15_000_000_000;
        self.now.unix_nanos += 15_000_000_000;
        self.now
    }
}

impl Drop for TestTree {
    fn drop(&mut self) {
        // A test that has failed may have left what cannot be removed.
        drop(std::fs::remove_dir_all(&self.path));
    }
}
