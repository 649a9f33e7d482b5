//! Files, directories and answers from memory: fixtures, tests and simulation. Never used by the running agent.

use super::{
    Dump, FileSpec, FileSystem, Io, MountAnswer, Names, OwnFiles, ReadError, Root, Slot, Timex, Uname,
};
use crate::limits::Limits;
use crate::text::mountinfo::Medium;
use std::collections::BTreeMap;

/// What stands at a path.
#[derive(Clone, Debug)]
pub enum Entry {
    File(Vec<u8>),
    /// A symbolic link; a relative target is resolved from its folder.
    Link(Vec<u8>),
    /// A folder that is empty or that its files imply.
    Folder,
    /// Every read fails so.
    Broken(ReadError),
}

/// A machine made of bytes. Paths are `proc/…`, `sys/…`, `rootfs/…`, `udev/…`.
#[derive(Clone, Default)]
pub struct Replay {
    entries: BTreeMap<Vec<u8>, Entry>,
    modified: BTreeMap<Vec<u8>, i64>,
    dumps: Vec<(Dump, Vec<Vec<u8>>)>,
    mounts: BTreeMap<Vec<u8>, MountAnswer>,
    mounts_version: u64,
    /// The table of mounts says that it does not change.
    pub mounts_still: bool,
    scratch: Vec<u8>,
    pub uname: [Vec<u8>; 6],
    pub timex: Option<Timex>,
    /// What [`Io::is_live`] says of every root.
    pub live: bool,
    /// What [`super::Roots::prefix`] would say, for labels that hold a path.
    pub asked: Vec<Vec<u8>>,
}

impl Replay {
    pub fn new() -> Self {
        Self::default()
    }

    /// A machine with these text files.
    pub fn with(files: &[(&str, &str)]) -> Self {
        let mut replay = Self::new();
        for (path, text) in files {
            replay.file(path, text.as_bytes());
        }
        replay
    }

    pub fn file(&mut self, path: &str, bytes: &[u8]) {
        self.put(path, Entry::File(bytes.to_vec()));
    }

    pub fn symlink(&mut self, path: &str, target: &str) {
        self.put(path, Entry::Link(target.as_bytes().to_vec()));
    }

    /// Replaces what stands at the path, or adds it, with the folders above it.
    pub fn put(&mut self, path: &str, entry: Entry) {
        let path = path.as_bytes();
        for (at, byte) in path.iter().enumerate() {
            if *byte == b'/' {
                self.entries.entry(path[..at].to_vec()).or_insert(Entry::Folder);
            }
        }
        self.entries.insert(path.to_vec(), entry);
    }

    /// Takes the path away, and everything below it.
    pub fn remove(&mut self, path: &str) {
        let path = path.as_bytes();
        self.entries.retain(|key, _| {
            !(key.starts_with(path) && (key.len() == path.len() || key[path.len()] == b'/'))
        });
    }

    /// What stands at the path itself.
    pub fn get(&self, path: &str) -> Option<&Entry> {
        self.entries.get(path.as_bytes())
    }

    /// Every path, for a simulation that picks one.
    pub fn paths(&self) -> impl Iterator<Item = &[u8]> {
        self.entries.keys().map(Vec::as_slice)
    }

    pub fn set_modified(&mut self, path: &str, unix_nanos: i64) {
        self.modified.insert(path.as_bytes().to_vec(), unix_nanos);
    }

    pub fn set_dump(&mut self, what: Dump, messages: Vec<Vec<u8>>) {
        self.dumps.retain(|(kind, _)| *kind != what);
        self.dumps.push((what, messages));
    }

    pub fn set_mount(&mut self, path: &str, answer: MountAnswer) {
        self.mounts.insert(path.as_bytes().to_vec(), answer);
    }

    /// Adds a tree of the disk below `at` ("proc", "sys", …): files up to 1 MiB, links and folders.
    #[expect(clippy::disallowed_methods, reason = "loads fixtures for tests; the agent never calls it")]
    pub fn load(&mut self, at: &str, folder: &std::path::Path) -> std::io::Result<()> {
        self.put(at, Entry::Folder);
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let path = format!("{at}/{}", entry.file_name().to_string_lossy());
            let kind = entry.file_type()?;
            if kind.is_symlink() {
                let target = std::fs::read_link(entry.path())?;
                self.symlink(&path, &target.to_string_lossy());
            } else if kind.is_dir() {
                self.load(&path, &entry.path())?;
            } else {
                self.file(&path, &std::fs::read(entry.path())?);
            }
        }
        Ok(())
    }

    /// Reads the files of a collector as the batch does.
    pub fn fill(&self, specs: &[FileSpec], limits: &Limits, slots: &mut Vec<Slot>) {
        slots.clear();
        for spec in specs {
            let max = (spec.bytes_max)(limits) as usize;
            let mut slot = Slot { buffer: Vec::with_capacity(max), result: Ok(()) };
            self.read_slot(spec, max, &mut slot);
            slots.push(slot);
        }
    }

    /// Reads a file into its slot, whose buffer has room for `bytes_max`.
    pub fn read_slot(&self, spec: &FileSpec, bytes_max: usize, slot: &mut Slot) {
        slot.buffer.clear();
        slot.result = self.find(spec.root, &[spec.path.as_bytes()]).and_then(|bytes| {
            if bytes.len() > bytes_max {
                return Err(ReadError::TooLong);
            }
            slot.buffer.extend_from_slice(bytes);
            Ok(())
        });
    }

    fn find(&self, root: Root, pieces: &[&[u8]]) -> Result<&[u8], ReadError> {
        let path = self.resolve(&joined(root, pieces), true)?;
        match self.entries.get(&path) {
            Some(Entry::File(bytes)) => Ok(bytes),
            Some(Entry::Broken(error)) => Err(*error),
            Some(Entry::Folder | Entry::Link(_)) => Err(ReadError::Failed),
            None => Err(ReadError::Missing),
        }
    }

    /// Follows links in every component, and in the last one if `last`.
    fn resolve(&self, path: &[u8], last: bool) -> Result<Vec<u8>, ReadError> {
        let mut left: Vec<Vec<u8>> = path.split(|b| *b == b'/').rev().map(<[u8]>::to_vec).collect();
        let mut done: Vec<Vec<u8>> = Vec::new();
        let mut links = 0;
        while let Some(piece) = left.pop() {
            match piece.as_slice() {
                b"" | b"." => continue,
                b".." => {
                    done.pop();
                    continue;
                }
                _ => done.push(piece),
            }
            let here = done.join(&b'/');
            let follow = last || left.iter().any(|rest| !rest.is_empty());
            if let (Some(Entry::Link(target)), true) = (self.entries.get(&here), follow) {
                links += 1;
                if links > 40 {
                    return Err(ReadError::Failed);
                }
                done.pop();
                if target.starts_with(b"/") {
                    done.clear();
                }
                left.extend(target.split(|b| *b == b'/').rev().map(<[u8]>::to_vec));
            }
        }
        Ok(done.join(&b'/'))
    }
}

fn joined(root: Root, pieces: &[&[u8]]) -> Vec<u8> {
    let prefix: &[u8] = match root {
        Root::Proc => b"proc/",
        Root::Sys => b"sys/",
        Root::RootFs => b"rootfs/",
        Root::Udev => b"udev/",
        Root::Absolute => b"",
    };
    let mut path = prefix.to_vec();
    for piece in pieces {
        path.extend_from_slice(piece);
    }
    path
}

impl Io for Replay {
    fn list(&mut self, root: Root, pieces: &[&[u8]], names: &mut Names) -> Result<(), ReadError> {
        names.clear();
        let mut folder = self.resolve(&joined(root, pieces), true)?;
        match self.entries.get(&folder) {
            Some(Entry::Folder) => {}
            Some(Entry::Broken(error)) => return Err(*error),
            _ => return Err(ReadError::Missing),
        }
        folder.push(b'/');
        for (path, _) in self.entries.range(folder.clone()..) {
            let Some(name) = path.strip_prefix(folder.as_slice()) else { break };
            if !name.contains(&b'/') {
                names.push(name);
            }
        }
        names.sort();
        Ok(())
    }

    fn read(&mut self, root: Root, pieces: &[&[u8]]) -> Result<&[u8], ReadError> {
        let bytes = self.find(root, pieces)?;
        if bytes.len() > 4096 { Err(ReadError::TooLong) } else { Ok(bytes) }
    }

    fn read_into(&mut self, root: Root, pieces: &[&[u8]], buffer: &mut Vec<u8>) -> Result<(), ReadError> {
        buffer.clear();
        let bytes = self.find(root, pieces)?;
        if bytes.len() > buffer.capacity() {
            return Err(ReadError::TooLong);
        }
        buffer.extend_from_slice(bytes);
        Ok(())
    }

    fn link(&mut self, root: Root, pieces: &[&[u8]]) -> Result<&[u8], ReadError> {
        let path = self.resolve(&joined(root, pieces), false)?;
        match self.entries.get(&path) {
            Some(Entry::Link(target)) => {
                self.scratch.clone_from(target);
                Ok(&self.scratch)
            }
            Some(Entry::Broken(error)) => Err(*error),
            Some(_) => Err(ReadError::Unsupported),
            None => Err(ReadError::Missing),
        }
    }

    fn modified(&mut self, root: Root, pieces: &[&[u8]]) -> Result<i64, ReadError> {
        let path = self.resolve(&joined(root, pieces), true)?;
        match self.entries.get(&path) {
            Some(Entry::Broken(error)) => Err(*error),
            Some(_) => Ok(self.modified.get(&path).copied().unwrap_or(0)),
            None => Err(ReadError::Missing),
        }
    }

    fn dump(&mut self, what: Dump, each: &mut dyn FnMut(&[u8])) -> Result<(), ReadError> {
        let found = self.dumps.iter().find(|(kind, _)| *kind == what);
        let (_, messages) = found.ok_or(ReadError::Unsupported)?;
        for message in messages {
            each(message);
        }
        Ok(())
    }

    fn is_live(&self, _root: Root) -> bool {
        self.live
    }

    fn ask_mount(&mut self, path: &[u8], _medium: Medium) {
        self.asked.push(path.to_vec());
    }

    fn mount(&mut self, path: &[u8]) -> MountAnswer {
        self.mounts.get(path).copied().unwrap_or(MountAnswer::Known(FileSystem::default()))
    }

    fn mounts_version(&mut self) -> u64 {
        self.mounts_version += u64::from(!self.mounts_still);
        self.mounts_version
    }

    fn mount_lines(&mut self, each: &mut dyn FnMut(&[u8])) -> Result<(), ReadError> {
        let text = match self.find(Root::Proc, &[b"1/mountinfo"]) {
            Err(ReadError::Missing) => self.find(Root::Proc, &[b"self/mountinfo"]),
            other => other,
        };
        for line in crate::text::lines(text?) {
            each(line);
        }
        Ok(())
    }

    fn uname(&mut self) -> Uname<'_> {
        let [sysname, release, version, machine, nodename, domainname] = &self.uname;
        Uname { sysname, release, version, machine, nodename, domainname }
    }

    fn own_files(&mut self) -> OwnFiles {
        OwnFiles::default()
    }

    fn timex(&mut self) -> Result<Timex, ReadError> {
        self.timex.ok_or(ReadError::Denied)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_followed_in_the_middle_of_a_path() {
        let mut replay = Replay::with(&[("sys/devices/pci/net/eth0/mtu", "1500\n")]);
        replay.symlink("sys/class/net/eth0", "../../devices/pci/net/eth0");
        assert_eq!(replay.read(Root::Sys, &[b"class/net/", b"eth0", b"/mtu"]), Ok(&b"1500\n"[..]));
        assert_eq!(replay.link(Root::Sys, &[b"class/net/eth0"]), Ok(&b"../../devices/pci/net/eth0"[..]));
        assert_eq!(replay.read(Root::Sys, &[b"class/net/eth1/mtu"]), Err(ReadError::Missing));
    }

    #[test]
    fn a_folder_lists_what_is_in_it_and_not_below() {
        let mut replay = Replay::with(&[("sys/a/b/c", ""), ("sys/a/d", ""), ("sys/ab", "")]);
        let mut names = Names::with_capacity(8);
        assert_eq!(replay.list(Root::Sys, &[b"a"], &mut names), Ok(()));
        assert_eq!(names.iter().collect::<Vec<_>>(), [&b"b"[..], b"d"]);
        replay.remove("sys/a/b");
        assert_eq!(replay.list(Root::Sys, &[b"a"], &mut names), Ok(()));
        assert_eq!(names.len(), 1);
        assert_eq!(replay.list(Root::Sys, &[b"x"], &mut names), Err(ReadError::Missing));
    }
}
