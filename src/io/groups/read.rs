//! Reading the files of groups.

use super::tree::Tree;
use super::{GroupFile, GroupId, Groups, Version};
use crate::base::text::PathText;
use crate::io::ReadError;
use crate::io::syscall::{self, classify};
use rustix::fs::{AtFlags, OFlags};

/// The longest contents. Block device statistics have a few hundred bytes per device; a list of processes seven per
/// process.
pub(super) const CONTENTS_BYTES_MAX: usize = 64 * 1024;

/// The files of every group, by the rib's numbers.
pub(super) struct Columns {
    /// Name and hierarchy; `None`: not with this version.
    files: Vec<Option<(&'static str, usize)>>,
}

impl Columns {
    pub fn new(files: &'static [GroupFile], tree: &Tree) -> Self {
        let column = |file: &GroupFile| {
            let name = if tree.version() == Version::V1 { file.v1 } else { file.v2 };
            (!name.is_empty()).then_some(name).zip(tree.of(file.controller))
        };
        Columns { files: files.iter().map(column).collect() }
    }
}

impl Groups {
    /// The contents of a file of a group. `Missing`: the group, the version or the kernel does not have it; `Gone`: the
    /// group went away since the list was made.
    pub fn read(&mut self, id: GroupId, file: usize) -> Result<&[u8], ReadError> {
        let (name, hierarchy) = self.columns.files[file].ok_or(ReadError::Missing)?;
        if self.table.folder(id.0, hierarchy).inode == 0 {
            return Err(ReadError::Missing);
        }
        let fd = self.open(id.0, hierarchy, name, OFlags::RDONLY | OFlags::NONBLOCK)?;
        let pieces = syscall::Pieces::Many;
        let length = syscall::read_all(fd, pieces, CONTENTS_BYTES_MAX, &mut self.contents);
        length.map_err(classify)?.into_result()?;
        Ok(&self.contents)
    }

    /// When the group was made, in nanoseconds since the epoch: the earliest modification of its directories and of a
    /// file in each that nobody writes. `None`: it is gone.
    pub fn created(&mut self, id: GroupId) -> Option<i64> {
        let marker = if self.version() == Version::V1 { "cgroup.clone_children" } else { "cgroup.events" };
        let mut earliest = None;
        for hierarchy in 0..self.tree.hierarchies().len() {
            for name in ["", marker] {
                let modified = self.modified(id.0, hierarchy, name);
                earliest = [earliest, modified].into_iter().flatten().min();
            }
        }
        earliest
    }

    fn modified(&self, slot: u32, hierarchy: usize, name: &str) -> Option<i64> {
        let mut path = PathText::new();
        path.push(".").ok()?;
        self.table.push_path(slot, &mut path);
        path.push_all(&[b"/", name.as_bytes()]).ok()?;
        let path = syscall::c_path(&mut path).ok()?;
        let root = &self.tree.hierarchies()[hierarchy].root;
        let found = rustix::fs::statat(root, path, AtFlags::empty()).ok()?;
        let nanos = i64::try_from(found.st_mtime_nsec).unwrap_or(0);
        Some(found.st_mtime.saturating_mul(1_000_000_000).saturating_add(nanos))
    }
}
