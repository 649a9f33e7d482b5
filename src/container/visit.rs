//! One group in one pass: its files, and how reading them went.

use super::files::Needed;
use crate::collect::Trouble;
use crate::io::ReadError;
use crate::io::groups::{GroupId, Groups, Version};
use crate::text::{lines, split_once, trim, unsigned, words};

/// What every group is compared with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Machine {
    pub memory: Option<u64>,
    pub swap: Option<u64>,
    swap_free: Option<u64>,
}

impl Machine {
    /// The words of `/proc/meminfo`.
    pub fn new(meminfo: &[u8]) -> Self {
        let mut machine = Machine::default();
        for line in lines(meminfo) {
            let Some((key, rest)) = split_once(line, b':') else { continue };
            let place = match key {
                b"MemTotal" => &mut machine.memory,
                b"SwapTotal" => &mut machine.swap,
                b"SwapFree" => &mut machine.swap_free,
                _ => continue,
            };
            *place = words(rest).next().and_then(unsigned).map(|kib| kib.saturating_mul(1024));
        }
        machine
    }

    pub fn swap_used(&self) -> Option<u64> {
        Some(self.swap?.saturating_sub(self.swap_free?))
    }
}

/// A group during a pass.
pub(super) struct Visit<'a> {
    pub groups: &'a mut Groups,
    pub id: GroupId,
    pub needed: &'a Needed,
    pub machine: Machine,
    /// The worst that happened in this pass; what is not there is no trouble.
    pub trouble: Option<Trouble>,
    /// Lines and numbers of this pass that were not understood.
    pub malformed: u64,
}

impl Visit<'_> {
    pub const fn version(&self) -> Version {
        self.groups.version()
    }

    /// Is it the group of everything?
    pub fn is_root(&self) -> bool {
        self.groups.parent(self.id).is_none()
    }

    /// The contents of a file. `None`: the profile does not need it, it is not there, or it cannot be read.
    pub fn read(&mut self, file: usize) -> Option<&[u8]> {
        if !self.needed[file] {
            return None;
        }
        match self.groups.read(self.id, file) {
            Ok(text) => Some(text),
            // A group may die at any moment, and kernels differ in what they have.
            Err(ReadError::Missing | ReadError::Gone | ReadError::Unsupported) => None,
            Err(error) => {
                self.trouble = Some(error.into());
                None
            }
        }
    }

    /// Hands the contents of a file, if there are any, to a function that returns how many lines it did not understand.
    pub fn absorb(&mut self, file: usize, absorb: impl FnOnce(&[u8]) -> u32) {
        let malformed = self.read(file).map_or(0, absorb);
        self.malformed += u64::from(malformed);
    }

    /// The number that a file consists of.
    pub fn number(&mut self, file: usize) -> Option<u64> {
        let mut number = None;
        self.absorb(file, |text| {
            number = unsigned(trim(text));
            u32::from(number.is_none())
        });
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_has_what_meminfo_says() {
        let check = |text: &str, expect: [Option<u64>; 3]| {
            let machine = Machine::new(text.as_bytes());
            assert_eq!([machine.memory, machine.swap, machine.swap_used()], expect, "{text}");
        };
        check("MemTotal: 4 kB\nSwapTotal: 3 kB\nSwapFree: 1 kB\n", [Some(4096), Some(3072), Some(2048)]);
        check("MemTotal: x kB\nSwapFree: 1 kB\nno colon\n:", [None, None, None]);
        check("SwapTotal: 1 kB\nSwapFree: 2 kB", [None, Some(1024), Some(0)]);
        check("MemTotal: 18446744073709551615 kB", [Some(u64::MAX), None, None]);
        check("", [None, None, None]);
    }
}
