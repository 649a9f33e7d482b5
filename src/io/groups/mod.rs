//! Control groups: which there are, their paths and identities, and the contents of their files.
//!
//! A group is a path below `-path.cgroupfs` that exists in any mounted hierarchy; with cgroup v2 there is one hierarchy.
//! Room for `-container.max` groups is taken at the start. A full table refuses the newest and counts it.

mod names;
mod read;
mod table;
#[cfg(test)]
pub mod testing;
mod tree;
mod walk;

use super::ReadError;
use crate::base::clock::{Moment, Monotonic};
use crate::base::text::PathText;
use crate::limits::Limits;
use crate::store::{Item, Usage};
use read::Columns;
use std::cell::RefCell;
use std::mem::MaybeUninit;
use std::rc::Rc;
use table::Table;
use tree::Tree;

/// A file of every group that the rib reads. Which of the two names counts depends on [`Groups::version`].
#[derive(Clone, Copy, Debug)]
pub struct GroupFile {
    /// The controller whose hierarchy has it, with v1: `memory`.
    pub controller: &'static str,
    /// Its name with v1; empty: there is none.
    pub v1: &'static str,
    /// Its name with v2; empty: there is none.
    pub v2: &'static str,
    /// Is it held open between reads?
    pub hold: Hold,
    /// A limit: somebody writes it, and then [`Groups::changed`] says so.
    pub watch: bool,
}

/// Which files are held open. One that was read once costs about 4.6 KiB of kernel memory, so their number is planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// Read in every pass: held first.
    Hot,
    /// Read in every pass, held when there is room.
    Warm,
    /// Read now and then: never held.
    Never,
}

/// The interface of the kernel's control groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// One hierarchy per controller. Hybrid machines count as this: their v2 tree has no controllers.
    V1,
    V2,
}

/// A group, as long as it lives; later another may have the same id, with another [`Groups::birth`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupId(u32);

impl GroupId {
    /// The place of the group, below `-container.max`: for what is kept per group.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// The groups of the machine for every collector that wants them; all of them run on one thread.
pub type SharedGroups = Rc<RefCell<Groups>>;

/// What one call for directory entries may return.
const FOLDER_BYTES: usize = 32 * 1024;

/// The groups of the machine.
pub struct Groups {
    tree: Tree,
    table: Table,
    columns: Columns,
    /// The contents of the file that was read last.
    contents: Vec<u8>,
    folder: Box<[MaybeUninit<u8>]>,
    /// The pass that was prepared last.
    taken: Option<Moment>,
}

impl Groups {
    /// Looks for the hierarchies at `path` and makes room for `-container.max` groups; `files` are read by their index.
    pub fn new(limits: &Limits, path: &str, files: &'static [GroupFile]) -> Self {
        let tree = Tree::find(path);
        let columns = Columns::new(files, &tree);
        Groups {
            table: Table::new(limits.groups, tree.hierarchies().len()),
            tree,
            columns,
            contents: Vec::with_capacity(read::CONTENTS_BYTES_MAX + 1),
            folder: Box::new_uninit_slice(FOLDER_BYTES),
            taken: None,
        }
    }

    pub fn shared(limits: &Limits, path: &str, files: &'static [GroupFile]) -> SharedGroups {
        Rc::new(RefCell::new(Self::new(limits, path, files)))
    }

    /// A machine without control groups.
    pub fn none() -> SharedGroups {
        Self::shared(&Limits { groups: 1, ..Limits::default() }, "", &[])
    }

    /// What it holds.
    pub fn plan(&self) -> Vec<Item> {
        let buffers = (read::CONTENTS_BYTES_MAX + 1 + FOLDER_BYTES) as u64;
        vec![
            Item {
                what: "control groups",
                rows: self.table.usage().capacity.into(),
                row_bytes: Table::row_bytes(self.tree.hierarchies().len()),
            },
            Item { what: "control groups' buffers", rows: 1, row_bytes: buffers },
        ]
    }

    pub const fn version(&self) -> Version {
        self.tree.version()
    }

    /// Brings the list of groups up to date, once per pass. Without a control group file system: `Missing`.
    pub fn refresh(&mut self, now: Moment) -> Result<(), ReadError> {
        if self.taken != Some(now) {
            self.taken = Some(now);
            self.rescan(now.monotonic);
        }
        if self.tree.hierarchies().is_empty() { Err(ReadError::Missing) } else { Ok(()) }
    }

    /// Every group: parents before their children, in the same order every time.
    pub fn iter(&self) -> impl Iterator<Item = GroupId> {
        self.table.order().iter().map(|slot| GroupId(*slot))
    }

    /// The n-th group of [`Self::iter`], for who reads on the way: nothing but `refresh` changes the list.
    pub fn get(&self, at: usize) -> Option<GroupId> {
        self.table.order().get(at).copied().map(GroupId)
    }

    /// The group with this path.
    pub fn find(&self, path: &[u8]) -> Option<GroupId> {
        let mut slot = 0;
        for name in path.split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
            slot = self.table.find(slot, name)?;
        }
        self.table.lives(slot).then_some(GroupId(slot))
    }

    /// `/` or `/kubepods/…`: bytes, for a name may be any.
    pub fn path(&self, id: GroupId) -> PathText {
        self.table.path(id.0)
    }

    /// Its number: unique, counted up and never used again. A group that is made anew has another.
    pub fn birth(&self, id: GroupId) -> u64 {
        self.table.group(id.0).birth
    }

    /// When it was first seen.
    pub fn born(&self, id: GroupId) -> Monotonic {
        self.table.group(id.0).born
    }

    pub fn parent(&self, id: GroupId) -> Option<GroupId> {
        self.table.group(id.0).parent.map(GroupId)
    }

    /// May limits (files that are watched) have been written since this was last asked? True for a new group.
    pub fn changed(&mut self, _id: GroupId) -> bool {
        true
    }

    /// The table of groups.
    pub fn usage(&self) -> Usage {
        self.table.usage()
    }
}

#[cfg(test)]
mod tests;
