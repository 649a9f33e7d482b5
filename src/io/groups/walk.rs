//! Walking the hierarchies: breadth first through the list of groups, which grows while it is walked.

use super::Groups;
use super::table::PATH_BYTES_MAX;
use crate::base::clock::Monotonic;
use crate::base::text::PathText;
use crate::io::ReadError;
use crate::io::syscall::{c_path, classify};
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir, statat};
use std::mem::MaybeUninit;

/// Mount units of systemd have groups of their own, which nobody asks for.
const SKIPPED_SUFFIX: &[u8] = b".mount";

// A path of the table with a dot before it and NUL behind it.
const _: () = assert!(PATH_BYTES_MAX + 2 <= 1024);

impl Groups {
    /// Looks at every directory.
    pub(super) fn rescan(&mut self, now: Monotonic) {
        if self.tree.hierarchies().is_empty() {
            return;
        }
        let mut folder = std::mem::take(&mut self.folder);
        self.table.add_root(now);
        self.table.begin_walk();
        for hierarchy in 0..self.tree.hierarchies().len() {
            self.table.see(0, hierarchy, 1, now);
        }
        let mut at = 0;
        // The table is bounded, and so is the walk.
        while let Some(slot) = self.table.order().get(at).copied() {
            let before = self.table.order().len();
            for hierarchy in 0..self.tree.hierarchies().len() {
                if self.table.seen(slot, hierarchy) {
                    match self.list(slot, hierarchy, &mut folder, now) {
                        Ok(()) | Err(ReadError::Missing | ReadError::Gone) => {}
                        Err(_) => self.table.keep_children(slot, hierarchy),
                    }
                }
            }
            self.table.sort_from(before);
            at += 1;
        }
        self.table.end_walk();
        self.folder = folder;
    }

    /// Opens the directory of a group, or a file in it.
    pub(super) fn open(
        &self,
        slot: u32,
        hierarchy: usize,
        file: &str,
        flags: OFlags,
    ) -> Result<OwnedFd, ReadError> {
        let mut path = PathText::new();
        let written = path.push(".").and_then(|()| {
            self.table.push_path(slot, &mut path);
            if file.is_empty() { Ok(()) } else { path.push_all(&[b"/", file.as_bytes()]) }
        });
        written.map_err(|_full| ReadError::Failed)?;
        let root = &self.tree.hierarchies()[hierarchy].root;
        rustix::fs::openat(root, c_path(&mut path)?, flags | OFlags::CLOEXEC, Mode::empty()).map_err(classify)
    }

    /// Takes in the children of a group in one hierarchy.
    fn list(
        &mut self,
        slot: u32,
        hierarchy: usize,
        buffer: &mut [MaybeUninit<u8>],
        now: Monotonic,
    ) -> Result<(), ReadError> {
        let folder = self.open(slot, hierarchy, "", OFlags::RDONLY | OFlags::DIRECTORY)?;
        let mut entries = RawDir::new(&folder, buffer);
        // The kernel ends the directory; what does not fit into the table is counted there.
        while let Some(entry) = entries.next() {
            let entry = entry.map_err(classify)?;
            let name = entry.file_name().to_bytes();
            let maybe_folder = matches!(entry.file_type(), FileType::Directory | FileType::Unknown);
            if !maybe_folder || name == b"." || name == b".." || name.ends_with(SKIPPED_SUFFIX) {
                continue;
            }
            // What vanishes under the walk was never there.
            let Ok(found) = statat(&folder, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW) else { continue };
            if FileType::from_raw_mode(found.st_mode) != FileType::Directory {
                continue;
            }
            if let Some(child) = self.table.find_or_add(slot, name, now) {
                self.table.see(child, hierarchy, found.st_ino, now);
            }
        }
        Ok(())
    }
}
