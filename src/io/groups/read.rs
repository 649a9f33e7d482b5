//! Reading the files of groups.

use super::tree::Tree;
use super::{GroupFile, GroupId, Groups, Hold, Version};
use crate::io::ReadError;
use crate::io::syscall::{Length, Pieces, classify, read_all};
use rustix::fs::OFlags;
use std::time::Duration;

/// The longest contents. Block device statistics have a few hundred bytes per device; a list of processes seven per
/// process.
pub(super) const CONTENTS_BYTES_MAX: usize = 64 * 1024;

/// How often limits are said to have changed when nobody tells: cAdvisor's period.
const UNTOLD: Duration = Duration::from_secs(5);

/// A file that this version has.
#[derive(Clone, Copy)]
struct Column {
    name: &'static str,
    hierarchy: usize,
    /// Its place among those of the version.
    place: usize,
    watch: bool,
    pieces: Pieces,
}

/// The files of every group, by the rib's numbers.
pub(super) struct Columns {
    files: Vec<Option<Column>>,
    /// How those of the version are held.
    pub holds: Vec<Hold>,
    /// Hierarchies with files that are read.
    read: u64,
}

impl Columns {
    /// # Panics
    /// With more than 64 files: a group knows by a bit for each what the kernel does not have.
    pub fn new(files: &'static [GroupFile], tree: &Tree) -> Self {
        assert!(files.len() <= 64, "a bit per file");
        let mut holds = Vec::new();
        let column = |file: &GroupFile| {
            let name = if tree.version() == Version::V1 { file.v1 } else { file.v2 };
            // A list of processes comes in pieces; everything else is one record.
            let listed = name == "cgroup.procs" || name == "tasks";
            let pieces = if listed { Pieces::Many } else { Pieces::Whole };
            let hierarchy = tree.of(file.controller).filter(|_| !name.is_empty())?;
            holds.push(file.hold);
            Some(Column { name, hierarchy, place: holds.len() - 1, watch: file.watch, pieces })
        };
        let columns: Vec<Option<Column>> = files.iter().map(column).collect();
        let read = columns.iter().flatten().fold(0, |set, column| set | 1 << column.hierarchy);
        Columns { files: columns, holds, read }
    }

    /// Are files of a hierarchy read?
    pub const fn reads(&self, hierarchy: usize) -> bool {
        self.read >> hierarchy & 1 == 1
    }

    /// Hierarchies with files that are read.
    pub const fn hierarchies(&self) -> u32 {
        self.read.count_ones()
    }

    /// Is it the name of a limit?
    pub fn is_watched(&self, name: &[u8]) -> bool {
        self.files.iter().flatten().any(|column| column.watch && column.name.as_bytes() == name)
    }
}

impl Groups {
    /// The contents of a file of a group. `Missing`: the group, the version or the kernel does not have it; `Gone`: the
    /// group went away since the list was made.
    pub fn read(&mut self, id: GroupId, file: usize) -> Result<&[u8], ReadError> {
        match self.read_file(id.0, file) {
            Ok(()) => Ok(&self.contents),
            Err(error) => {
                self.count(error);
                Err(error)
            }
        }
    }

    fn read_file(&mut self, slot: u32, file: usize) -> Result<(), ReadError> {
        let Column { name, hierarchy, place, pieces, .. } =
            self.columns.files[file].ok_or(ReadError::Missing)?;
        let bit = 1_u64 << file;
        if self.table.group(slot).missing & bit != 0 || self.table.folder(slot, hierarchy).inode == 0 {
            return Err(ReadError::Missing);
        }
        if let Some(fd) = self.held.get(slot, place) {
            let result = read_all(fd, pieces, CONTENTS_BYTES_MAX, &mut self.contents);
            let result = result.map_err(classify).and_then(Length::into_result);
            if result.is_err() {
                // Its group died, or a controller was taken from it: the next read finds out which.
                self.held.close_file(slot, place);
            }
            return result;
        }
        let opened = self.open(slot, hierarchy, name.as_bytes(), OFlags::RDONLY | OFlags::NONBLOCK);
        if opened.as_ref().is_err_and(|error| *error == ReadError::Missing) {
            self.table.group_mut(slot).missing |= bit;
        }
        let fd = opened?;
        let result = read_all(&fd, pieces, CONTENTS_BYTES_MAX, &mut self.contents);
        let result = result.map_err(classify).and_then(Length::into_result);
        if result.is_ok() {
            self.held.keep(slot, place, fd);
        }
        result
    }

    /// Counts why something could not be read; that a machine does not have it is no trouble.
    pub(super) fn count(&mut self, error: ReadError) {
        if error != ReadError::Missing {
            self.errors[error.index()] += 1;
        }
    }

    /// When the group was made, in nanoseconds since the epoch: the earliest modification of its directories and of a
    /// file in each that nobody writes, and not before the machine was started. `None`: it is gone.
    pub fn created(&mut self, id: GroupId) -> Option<i64> {
        if self.table.group(id.0).created.is_none() {
            let marker: &[u8] =
                if self.version() == Version::V1 { b"cgroup.clone_children" } else { b"cgroup.events" };
            let mut earliest = None;
            for hierarchy in 0..self.tree.hierarchies().len() {
                if self.table.folder(id.0, hierarchy).inode != 0 {
                    let times = [b"", marker].map(|name| self.modified(id.0, hierarchy, name));
                    earliest = times.into_iter().chain([earliest]).flatten().min();
                }
            }
            let booted = self.options.booted_nanos;
            self.table.group_mut(id.0).created = earliest.map(|earliest: i64| earliest.max(booted));
        }
        self.table.group(id.0).created
    }

    fn modified(&self, slot: u32, hierarchy: usize, name: &[u8]) -> Option<i64> {
        let found = self.stat(slot, hierarchy, name).ok()?;
        let nanos = i64::try_from(found.st_mtime_nsec).unwrap_or(0);
        Some(found.st_mtime.saturating_mul(1_000_000_000).saturating_add(nanos))
    }

    /// May limits (files that are watched) have been written since this was last asked? True for a new group, and now and
    /// then for one that the kernel gives no watch for.
    pub fn changed(&mut self, id: GroupId) -> bool {
        let unwatched = self.unwatched > 0
            && (0..self.tree.hierarchies().len()).any(|hierarchy| {
                let folder = self.table.folder(id.0, hierarchy);
                folder.inode != 0 && folder.watch == 0 && self.columns.reads(hierarchy)
            });
        let now = self.taken.monotonic;
        let group = self.table.group_mut(id.0);
        let untold = unwatched && now.since(group.told) >= UNTOLD;
        let changed = std::mem::take(&mut group.changed) || untold;
        if changed {
            group.told = now;
        }
        changed
    }
}
