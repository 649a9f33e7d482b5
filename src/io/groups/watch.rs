//! Watches on the directories of groups: the kernel tells of new groups, of dead ones, and of limits that are written.
//!
//! cgroupfs reports what system calls do to it as any file system does: mkdir(2) and rmdir(2) at the directory above,
//! write(2) of a limit at the directory of the group (tried on Linux 6.18, v1 and v2).

use super::Groups;
use super::table::Folder;
use crate::base::clock::Monotonic;
use crate::store::{Index, Usage};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::inotify::{CreateFlags, Event, ReadFlags, Reader, WatchFlags, add_watch, init, remove_watch};
use rustix::io::Errno;
use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::rc::Rc;

/// Room for some hundred events of one read.
const EVENTS_BYTES: usize = 16 * 1024;

/// Events of one pass: four times what the kernel queues at most by default, so that a queue is always emptied and who
/// makes events without end does not stop the loop.
const EVENTS_MAX: usize = 65_536;

/// New and dead directories, and limits that are written.
const WATCHED: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVE)
    .union(WatchFlags::MODIFY)
    .union(WatchFlags::ONLYDIR)
    .union(WatchFlags::DONT_FOLLOW);

/// The watches, by the number of their directory.
pub(super) struct Watches {
    /// `None`: the kernel gives none, and every pass lists every directory.
    inotify: Option<Rc<OwnedFd>>,
    buffer: Box<[MaybeUninit<u8>]>,
    index: Index,
    capacity: u32,
    used: u32,
    high_water: u32,
    refused: u64,
    /// Times that the kernel's queue was full and events were lost.
    pub overflows: u64,
}

impl Watches {
    /// Bytes of one watch: at most four places in the index, and the buffer.
    pub const fn row_bytes() -> u64 {
        4 * 4
    }

    pub const fn buffer_bytes() -> u64 {
        EVENTS_BYTES as u64
    }

    pub fn new(folders: usize, watches_max: u32) -> Self {
        let capacity = u32::try_from(folders).unwrap_or(u32::MAX).min(watches_max);
        let inotify =
            if capacity > 0 { init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).ok() } else { None };
        Watches {
            inotify: inotify.map(Rc::new),
            buffer: Box::new_uninit_slice(EVENTS_BYTES),
            index: Index::new(folders),
            capacity,
            used: 0,
            high_water: 0,
            refused: 0,
            overflows: 0,
        }
    }

    pub fn usage(&self) -> Usage {
        Usage {
            used: self.used,
            capacity: self.capacity,
            high_water: self.high_water,
            refused: self.refused,
            ..Usage::default()
        }
    }

    /// The descriptor that is readable when something has happened.
    pub fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        self.inotify.as_ref().map(|inotify| inotify.as_fd())
    }

    /// Watches a directory; 0: it goes unwatched.
    pub fn add(&mut self, path: &CStr, place: u32) -> i32 {
        let Some(inotify) = self.inotify.as_ref().filter(|_| self.used < self.capacity) else {
            self.refused += 1;
            return 0;
        };
        match add_watch(inotify, path, WATCHED) {
            // The kernel gives one directory one watch, under however many names it is found.
            Ok(watch) if self.index.find(key(watch), |other| other == place).is_none() => {
                self.index.insert(key(watch), place);
                self.used += 1;
                self.high_water = self.high_water.max(self.used);
                watch
            }
            Ok(_) => 0,
            // Gone already; nothing is lost.
            Err(Errno::NOENT | Errno::NOTDIR) => 0,
            Err(_) => {
                self.refused += 1;
                0
            }
        }
    }

    /// Takes a watch away, if there is one.
    pub fn remove(&mut self, watch: i32, place: u32, folders: &[Folder]) {
        if watch == 0 {
            return;
        }
        self.index.remove(key(watch), place, |other| key(folders[other as usize].watch));
        self.used -= 1;
        // The kernel has taken it away itself when the directory is gone for good.
        if self.inotify.as_ref().is_some_and(|inotify| remove_watch(inotify, watch).is_err()) {}
    }
}

fn key(watch: i32) -> u64 {
    u64::from(watch.unsigned_abs())
}

impl Groups {
    /// Takes in what has happened since the last pass.
    pub(super) fn drain(&mut self, now: Monotonic) {
        let Some(inotify) = self.watches.inotify.clone() else { return };
        let mut buffer = std::mem::take(&mut self.watches.buffer);
        let mut reader = Reader::new(&*inotify, &mut buffer);
        let mut events = 0;
        while events < EVENTS_MAX || !reader.is_buffer_empty() {
            match reader.next() {
                Ok(event) => self.take_in(&event, now),
                Err(Errno::INTR) => {}
                Err(_) => break,
            }
            events += 1;
        }
        self.watches.buffer = buffer;
    }

    fn take_in(&mut self, event: &Event<'_>, now: Monotonic) {
        let what = event.events();
        if what.contains(ReadFlags::QUEUE_OVERFLOW) {
            self.watches.overflows += 1;
            self.rescan_due = true;
            return;
        }
        let folder = |place: u32| self.table.folder_at(place).watch == event.wd();
        let Some(place) = self.watches.index.find(key(event.wd()), folder) else { return };
        let (slot, hierarchy) = self.table.at_place(place);
        if what.intersects(ReadFlags::IGNORED | ReadFlags::UNMOUNT) {
            // The kernel has taken the watch away: for a directory that is gone, or a hierarchy.
            self.watches.remove(event.wd(), place, self.table.folders());
            self.table.folder_mut(slot, hierarchy).watch = 0;
            self.unwatched += 1;
            self.rescan_due = true;
            return;
        }
        let Some(name) = event.file_name() else { return };
        if !what.contains(ReadFlags::ISDIR) {
            if what.contains(ReadFlags::MODIFY) {
                self.written(slot, name.to_bytes());
            }
            return;
        }
        // What is told need not be looked for: see `count_links`.
        let links = &mut self.table.folder_mut(slot, hierarchy).links;
        if what.intersects(ReadFlags::CREATE | ReadFlags::MOVED_TO) {
            *links = links.saturating_add(1);
            self.appeared(slot, hierarchy, name, now);
        } else if what.intersects(ReadFlags::DELETE | ReadFlags::MOVED_FROM) {
            *links = links.saturating_sub(1);
            if let Some(child) = self.table.find(slot, name.to_bytes()) {
                self.lose(child, hierarchy);
            }
        }
    }

    /// Somebody wrote a file of a group.
    fn written(&mut self, slot: u32, name: &[u8]) {
        if self.columns.is_watched(name) {
            self.table.group_mut(slot).changed = true;
        } else if name == b"cgroup.subtree_control" {
            // The groups below have other files now.
            for at in 0..self.table.order().len() {
                let child = self.table.order()[at];
                let group = self.table.group_mut(child);
                if group.parent == Some(slot) {
                    (group.missing, group.changed) = (0, true);
                }
            }
        }
    }
}
