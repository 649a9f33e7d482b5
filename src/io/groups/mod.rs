//! Control groups: which there are, their paths and identities, and the contents of their files.
//!
//! A group is a path below `-path.cgroupfs` that exists in any mounted hierarchy; with cgroup v2 there is one hierarchy.
//! Room for `-container.max` groups is taken at the start. A full table refuses the newest and counts it.

mod held;
mod names;
mod read;
mod table;
#[cfg(test)]
pub mod testing;
mod tree;
mod walk;
mod watch;

use super::ReadError;
use super::batch::HELD_FILE_BYTES;
use crate::base::clock::{Moment, Monotonic};
use crate::base::text::PathText;
use crate::limits::Limits;
use crate::store::{Item, Usage};
use held::{Count, Held};
use read::Columns;
use rustix::fd::OwnedFd;
use std::cell::RefCell;
use std::mem::MaybeUninit;
use std::rc::Rc;
use std::time::Duration;
use table::Table;
use tree::Tree;
use watch::Watches;

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

/// Kernel memory of a directory that is watched and held: a file, a directory entry, an inode and a watch.
const HELD_FOLDER_BYTES: u64 = 1280;

/// Kernel memory of a file of a group that was read and is held: besides its buffer, its directory entry and inode, which
/// belong to whoever looked at them first.
const HELD_GROUP_FILE_BYTES: u64 = HELD_FILE_BYTES + 832;

/// What is decided about the list of groups.
#[derive(Clone, Copy, Debug)]
pub struct GroupOptions {
    /// Directories that may be held open.
    pub folders_max: u32,
    /// Directories that may be watched.
    pub watches_max: u32,
    /// How often every directory is listed, whatever the kernel tells.
    pub rescan: Duration,
    /// When the machine was started, in nanoseconds since the epoch.
    pub booted_nanos: i64,
}

impl Default for GroupOptions {
    fn default() -> Self {
        GroupOptions {
            folders_max: u32::MAX,
            watches_max: u32::MAX,
            rescan: Duration::from_secs(60),
            booted_nanos: 0,
        }
    }
}

/// The groups of the machine.
pub struct Groups {
    tree: Tree,
    table: Table,
    columns: Columns,
    watches: Watches,
    held: Held,
    /// Directories that are held.
    folders: Count,
    options: GroupOptions,
    /// The contents of the file that was read last.
    contents: Vec<u8>,
    folder: Box<[MaybeUninit<u8>]>,
    /// The pass that was prepared last.
    taken: Moment,
    /// When a group came or went last.
    stirred: Monotonic,
    /// When every directory was listed last.
    rescanned: Monotonic,
    rescan_due: bool,
    /// A group was refused since then.
    turned_away: bool,
    /// There are directories that are to be listed.
    unlisted: bool,
    /// Directories without a watch: they are listed in every pass.
    unwatched: u32,
    /// A directory went away since the last look for dead groups.
    dying: bool,
    rescans: u64,
    errors: [u64; ReadError::ALL.len()],
}

/// Numbers about the list itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct GroupNumbers {
    /// Times that every directory was listed.
    pub rescans: u64,
    /// Times that the kernel's queue of events was full.
    pub overflows: u64,
    /// Directories that the kernel gave no watch for.
    pub unwatched: u64,
    /// Reads that failed, in the order of [`ReadError::ALL`].
    pub errors: [u64; ReadError::ALL.len()],
}

impl Groups {
    /// Looks for the hierarchies at `path` and makes room for `-container.max` groups; `files` are read by their index.
    pub fn new(limits: &Limits, path: &str, files: &'static [GroupFile], options: GroupOptions) -> Self {
        let tree = Tree::find(path);
        let columns = Columns::new(files, &tree);
        let hierarchies = tree.hierarchies().len();
        let folders = limits.groups.saturating_mul(columns.hierarchies()).min(options.folders_max);
        Groups {
            table: Table::new(limits.groups, hierarchies),
            watches: Watches::new(limits.groups as usize * hierarchies, options.watches_max),
            held: Held::new(limits.groups, columns.holds.clone(), limits.held_group_files),
            folders: Count::new(folders),
            options,
            tree,
            columns,
            contents: Vec::with_capacity(read::CONTENTS_BYTES_MAX + 1),
            folder: Box::new_uninit_slice(FOLDER_BYTES),
            taken: Moment::default(),
            stirred: Monotonic::default(),
            rescanned: Monotonic::default(),
            rescan_due: false,
            turned_away: false,
            unlisted: false,
            unwatched: 0,
            dying: false,
            rescans: 0,
            errors: [0; ReadError::ALL.len()],
        }
    }

    /// With the usual options.
    pub fn shared(limits: &Limits, path: &str, files: &'static [GroupFile]) -> SharedGroups {
        Rc::new(RefCell::new(Self::new(limits, path, files, GroupOptions::default())))
    }

    /// A machine without control groups.
    pub fn none() -> SharedGroups {
        Self::shared(&Limits { groups: 1, held_group_files: 0, ..Limits::default() }, "", &[])
    }

    /// Descriptors that directories of groups take, when all groups are there.
    pub fn folders_wanted(limits: &Limits, path: &str, files: &'static [GroupFile]) -> u32 {
        limits.groups.saturating_mul(Columns::new(files, &Tree::find(path)).hierarchies())
    }

    /// What it holds, and the kernel for it.
    pub fn plan(&self) -> Vec<Item> {
        let hierarchies = self.tree.hierarchies().len();
        let buffers = (read::CONTENTS_BYTES_MAX + 1 + FOLDER_BYTES) as u64 + Watches::buffer_bytes();
        let row_bytes = Table::row_bytes(hierarchies)
            + hierarchies as u64 * Watches::row_bytes()
            + Held::row_bytes(self.columns.holds.len());
        vec![
            Item { what: "control groups", rows: self.table.usage().capacity.into(), row_bytes },
            Item {
                what: "their directories, in the kernel",
                rows: u64::from(self.table.usage().capacity) * hierarchies as u64,
                row_bytes: HELD_FOLDER_BYTES,
            },
            Item {
                what: "their files held open, in the kernel",
                rows: self.held.usage().capacity.into(),
                row_bytes: HELD_GROUP_FILE_BYTES,
            },
            Item { what: "buffers for them", rows: 1, row_bytes: buffers },
        ]
    }

    /// Is there a hierarchy at all?
    pub fn are_mounted(&self) -> bool {
        !self.tree.hierarchies().is_empty()
    }

    pub const fn version(&self) -> Version {
        self.tree.version()
    }

    /// Brings the list of groups up to date, once per pass. Without a control group file system: `Missing`.
    pub fn refresh(&mut self, now: Moment) -> Result<(), ReadError> {
        if self.taken != now {
            self.taken = now;
            self.update(now.monotonic);
        }
        if self.are_mounted() { Ok(()) } else { Err(ReadError::Missing) }
    }

    /// When `refresh` last found that a group had come or gone.
    pub fn stirred(&self) -> Monotonic {
        self.stirred
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

    /// The table of groups.
    pub fn usage(&self) -> Usage {
        self.table.usage()
    }

    /// The table of their files that are held open.
    pub fn held_usage(&self) -> Usage {
        self.held.usage()
    }

    /// The table of their directories that are held open.
    pub fn folders_usage(&self) -> Usage {
        self.folders.usage()
    }

    /// The table of watches.
    pub fn watches_usage(&self) -> Usage {
        self.watches.usage()
    }

    pub fn numbers(&self) -> GroupNumbers {
        GroupNumbers {
            rescans: self.rescans,
            overflows: self.watches.overflows,
            unwatched: self.unwatched.into(),
            errors: self.errors,
        }
    }

    /// A descriptor that is readable when groups have come, gone or changed since the last pass.
    pub fn events(&self) -> Option<OwnedFd> {
        self.watches.as_fd()?.try_clone_to_owned().ok()
    }
}

#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod tests;
