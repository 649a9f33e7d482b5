//! Walking the hierarchies: breadth first through the list of groups, which grows while it is walked.

use super::Groups;
use super::table::{Folder, PATH_BYTES_MAX};
use crate::base::clock::Monotonic;
use crate::base::text::PathText;
use crate::io::ReadError;
use crate::io::syscall::{c_path, classify};
use rustix::fd::{AsFd as _, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir, Stat, statat};
use rustix::io::Errno;
use std::ffi::CStr;
use std::mem::MaybeUninit;

/// Mount units of systemd have groups of their own, which nobody asks for.
const SKIPPED_SUFFIX: &[u8] = b".mount";

// A path of the table with a dot before it and NUL behind it.
const _: () = assert!(PATH_BYTES_MAX + 2 <= 1024);

/// Which directories a walk lists.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Walk {
    /// Those that appeared since the last.
    New,
    /// Those that nothing was told about, too.
    Unwatched,
    /// All of them.
    All,
}

impl Groups {
    /// Brings the table up to date: what was told first, then what is to be looked for.
    pub(super) fn update(&mut self, now: Monotonic) {
        let hierarchies = self.tree.hierarchies().len();
        if hierarchies == 0 {
            return;
        }
        if self.table.order().is_empty() {
            self.table.add_root(now);
            for hierarchy in 0..hierarchies {
                self.see(0, hierarchy, 1, now);
            }
            self.rescan_due = true;
        }
        let births = self.table.births();
        self.drain(now);
        let stirred = self.count_links();
        let buried = self.bury();
        let freed = buried && self.turned_away;
        if self.rescan_due || freed || now.since(self.rescanned) >= self.options.rescan {
            self.rescan(now);
        } else if stirred || self.unwatched > 0 {
            self.walk(Walk::Unwatched, now);
        } else if self.unlisted {
            self.walk(Walk::New, now);
        }
        let more = self.bury();
        if more && self.turned_away {
            // Some were refused while the dead still had their places.
            self.rescan(now);
            self.bury();
        }
        if buried || more || births != self.table.births() {
            self.stirred = now;
        }
    }

    /// Looks for directories that have others in them than when they were listed. What is made through another mount of
    /// the file system, as in a node that is itself a container, is told to nobody here. On version 1 one hierarchy
    /// speaks for all. `true`: there are some.
    fn count_links(&mut self) -> bool {
        let mut some = false;
        for at in 0..self.table.order().len() {
            let slot = self.table.order()[at];
            let folders = self.table.folders_mut(slot);
            let held = folders.iter_mut().find_map(|folder| Some((&mut folder.links, folder.fd.as_ref()?)));
            let Some((links, fd)) = held else { continue };
            let Ok(found) = rustix::fs::fstat(fd) else { continue };
            if std::mem::replace(links, found.st_nlink) != found.st_nlink {
                folders.iter_mut().for_each(|folder| folder.stirred = true);
                some = true;
            }
        }
        some
    }

    fn rescan(&mut self, now: Monotonic) {
        self.rescans += 1;
        self.rescanned = now;
        self.rescan_due = false;
        self.turned_away = false;
        for at in 0..self.table.order().len() {
            let slot = self.table.order()[at];
            self.table.group_mut(slot).missing = 0;
        }
        if self.unwatched > 0 {
            self.watch_again();
        }
        self.walk(Walk::All, now);
    }

    fn walk(&mut self, walk: Walk, now: Monotonic) {
        let mut buffer = std::mem::take(&mut self.folder);
        if walk != Walk::New {
            self.begin_walk(walk);
        }
        self.unlisted = false;
        let mut at = 0;
        // The table is bounded, and so is the walk.
        while let Some(slot) = self.table.order().get(at).copied() {
            let before = self.table.order().len();
            for hierarchy in 0..self.tree.hierarchies().len() {
                if std::mem::take(&mut self.table.folder_mut(slot, hierarchy).unlisted) {
                    match self.list(slot, hierarchy, &mut buffer, now) {
                        Ok(()) | Err(ReadError::Missing | ReadError::Gone) => {}
                        Err(error) => {
                            // What is known stays as long as nobody can say that it is gone.
                            self.count(error);
                            self.keep_children(slot, hierarchy);
                            self.rescan_due |= error != ReadError::Denied;
                        }
                    }
                }
            }
            self.table.sort_from(before);
            at += 1;
        }
        if walk != Walk::New {
            self.lose_unseen();
        }
        self.folder = buffer;
    }

    /// Chooses the directories to list, and forgets that their children were seen.
    fn begin_walk(&mut self, walk: Walk) {
        for at in 0..self.table.order().len() {
            let slot = self.table.order()[at];
            let parent = self.table.group(slot).parent;
            for hierarchy in 0..self.tree.hierarchies().len() {
                let listed = parent.is_some_and(|parent| self.table.folder(parent, hierarchy).unlisted);
                let folder = self.table.folder_mut(slot, hierarchy);
                folder.seen = !listed;
                let stirred = std::mem::take(&mut folder.stirred);
                folder.unlisted |= folder.inode != 0 && (walk == Walk::All || folder.watch == 0 || stirred);
            }
        }
    }

    fn keep_children(&mut self, parent: u32, hierarchy: usize) {
        for at in 0..self.table.order().len() {
            let slot = self.table.order()[at];
            if self.table.group(slot).parent == Some(parent) {
                self.table.folder_mut(slot, hierarchy).seen = true;
            }
        }
    }

    fn lose_unseen(&mut self) {
        for at in 0..self.table.order().len() {
            let slot = self.table.order()[at];
            for hierarchy in 0..self.tree.hierarchies().len() {
                if !self.table.folder(slot, hierarchy).seen {
                    self.lose(slot, hierarchy);
                }
            }
        }
    }

    /// Takes in the children of a group in one hierarchy.
    fn list(
        &mut self,
        slot: u32,
        hierarchy: usize,
        buffer: &mut [MaybeUninit<u8>],
        now: Monotonic,
    ) -> Result<(), ReadError> {
        let folder = self.open(slot, hierarchy, b"", OFlags::RDONLY | OFlags::DIRECTORY)?;
        let mut entries = RawDir::new(&folder, buffer);
        // The kernel ends the directory; what does not fit into the table is counted there.
        while let Some(entry) = entries.next() {
            let entry = entry.map_err(classify)?;
            let name = entry.file_name();
            let maybe_folder = matches!(entry.file_type(), FileType::Directory | FileType::Unknown);
            if !maybe_folder || name == c"." || name == c".." {
                continue;
            }
            if let Ok(found) = statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) {
                self.take_child(slot, hierarchy, name, &found, now);
            }
        }
        Ok(())
    }

    /// Something was made, so says an event.
    pub(super) fn appeared(&mut self, slot: u32, hierarchy: usize, name: &CStr, now: Monotonic) {
        if self.table.is_full() {
            self.bury();
        }
        if let Ok(found) = self.stat(slot, hierarchy, name.to_bytes()) {
            self.take_child(slot, hierarchy, name, &found, now);
        }
    }

    /// Takes in one child, if it is a directory of interest.
    fn take_child(&mut self, slot: u32, hierarchy: usize, name: &CStr, found: &Stat, now: Monotonic) {
        let is_folder = FileType::from_raw_mode(found.st_mode) == FileType::Directory;
        if !is_folder || name.to_bytes().ends_with(SKIPPED_SUFFIX) {
            return;
        }
        match self.table.find_or_add(slot, name.to_bytes(), now) {
            Some(child) => self.see(child, hierarchy, found.st_ino, now),
            // What is refused for its long path is so again.
            None => self.turned_away |= self.table.is_full(),
        }
    }

    /// The directory of a group is there and has this inode. Another than before, or one that had gone: it was made
    /// anew, and so is the group.
    fn see(&mut self, slot: u32, hierarchy: usize, inode: u64, now: Monotonic) {
        let Folder { inode: known, lost, .. } = *self.table.folder(slot, hierarchy);
        if known == inode {
            self.table.folder_mut(slot, hierarchy).seen = true;
            return;
        }
        self.lose(slot, hierarchy);
        if known != 0 || lost {
            self.table.bear_again(slot, now);
        }
        // The watch comes before the listing: what is made in between is told or listed, or both.
        let watch = self.watch(slot, hierarchy);
        let fd = if self.columns.reads(hierarchy) && self.folders.used < self.folders.capacity {
            self.open(slot, hierarchy, b"", OFlags::PATH | OFlags::DIRECTORY).ok()
        } else {
            None
        };
        let links = fd.as_ref().and_then(|fd| rustix::fs::fstat(fd).ok()).map_or(0, |found| found.st_nlink);
        self.folders.note(self.folders.used + u32::from(fd.is_some()));
        self.unwatched += u32::from(watch == 0);
        self.unlisted = true;
        *self.table.folder_mut(slot, hierarchy) =
            Folder { inode, watch, fd, unlisted: true, seen: true, links, ..Folder::default() };
    }

    fn watch(&mut self, slot: u32, hierarchy: usize) -> i32 {
        let place = u32::try_from(self.table.place(slot, hierarchy)).unwrap_or(u32::MAX);
        match self.absolute(slot, hierarchy) {
            Ok(mut path) => c_path(&mut path).map_or(0, |path| self.watches.add(path, place)),
            Err(_) => 0,
        }
    }

    /// Asks once more for watches that were not to be had: somebody may have raised the kernel's limit.
    fn watch_again(&mut self) {
        for at in 0..self.table.order().len() {
            let slot = self.table.order()[at];
            for hierarchy in 0..self.tree.hierarchies().len() {
                let Folder { inode, watch, .. } = *self.table.folder(slot, hierarchy);
                if inode != 0 && watch == 0 {
                    let watch = self.watch(slot, hierarchy);
                    self.unwatched -= u32::from(watch != 0);
                    self.table.folder_mut(slot, hierarchy).watch = watch;
                }
            }
        }
    }

    /// The directory of a group is gone.
    pub(super) fn lose(&mut self, slot: u32, hierarchy: usize) {
        let place = self.table.place(slot, hierarchy);
        let Folder { inode, watch, .. } = *self.table.folder(slot, hierarchy);
        if inode == 0 {
            return;
        }
        if let Ok(place) = u32::try_from(place) {
            self.watches.remove(watch, place, self.table.folders());
        }
        self.unwatched -= u32::from(watch == 0);
        let folder = self.table.folder_mut(slot, hierarchy);
        self.folders.used -= u32::from(folder.fd.is_some());
        *folder = Folder { lost: true, ..Folder::default() };
        self.held.close(slot);
        self.dying = true;
    }

    /// Takes dead groups out of the table. `true`: there were some.
    pub(super) fn bury(&mut self) -> bool {
        if !std::mem::take(&mut self.dying) {
            return false;
        }
        let mut buried = false;
        for at in 0..self.table.order().len() {
            let slot = self.table.order()[at];
            if self.table.is_dead(slot) {
                for hierarchy in 0..self.tree.hierarchies().len() {
                    self.lose(slot, hierarchy);
                }
                self.table.remove(slot);
                buried = true;
            }
        }
        self.table.close_up();
        self.dying = false;
        buried
    }

    /// The path of a group in a hierarchy as this process sees it.
    fn absolute(&self, slot: u32, hierarchy: usize) -> Result<PathText, ReadError> {
        let mut path = PathText::new();
        path.push(&self.tree.hierarchies()[hierarchy].path).map_err(|_full| ReadError::Failed)?;
        self.table.push_path(slot, &mut path);
        Ok(path)
    }

    /// Calls `then` with a directory and a name that lead to something in a group, or to its directory.
    fn at<T>(
        &self,
        slot: u32,
        hierarchy: usize,
        name: &[u8],
        then: impl FnOnce(BorrowedFd<'_>, &CStr) -> Result<T, Errno>,
    ) -> Result<T, ReadError> {
        let mut path = PathText::new();
        let held = self.table.folder(slot, hierarchy).fd.as_ref();
        let mut pieces: [&[u8]; 3] = [b".", b"/", name];
        if held.is_some() && !name.is_empty() {
            pieces = [b"", b"", name];
        }
        let full = |_full| ReadError::Failed;
        path.push(pieces[0]).map_err(full)?;
        if held.is_none() {
            self.table.push_path(slot, &mut path);
        }
        path.push_all(&pieces[1..]).map_err(full)?;
        let root = &self.tree.hierarchies()[hierarchy].root;
        then(held.unwrap_or(root).as_fd(), c_path(&mut path)?).map_err(classify)
    }

    /// Opens a file of a group, or its directory.
    pub(super) fn open(
        &self,
        slot: u32,
        hierarchy: usize,
        name: &[u8],
        flags: OFlags,
    ) -> Result<OwnedFd, ReadError> {
        let flags = flags | OFlags::CLOEXEC;
        self.at(slot, hierarchy, name, |folder, path| rustix::fs::openat(folder, path, flags, Mode::empty()))
    }

    /// stat(2) of a file of a group, or of its directory.
    pub(super) fn stat(&self, slot: u32, hierarchy: usize, name: &[u8]) -> Result<Stat, ReadError> {
        self.at(slot, hierarchy, name, |folder, path| statat(folder, path, AtFlags::SYMLINK_NOFOLLOW))
    }
}
