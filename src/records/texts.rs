//! Texts of an object while it comes in, escaped as label values are.

use super::names::NAME_BYTES_MAX;

/// Bytes of the length that is before each text.
const LENGTH: usize = 2;

/// Room for the texts of one object.
pub(super) struct Texts {
    bytes: Box<[u8]>,
    used: usize,
    /// Where the text that is open begins.
    open: Option<usize>,
    /// Bytes of that text as they came, and the `=` at their end.
    came: usize,
    padding: usize,
    /// Not all of it had room.
    cut: bool,
}

/// A text that is at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Written {
    pub place: u32,
    /// Bytes that came, and the `=` at their end.
    pub bytes: usize,
    pub padding: usize,
    /// Only its beginning is kept.
    pub cut: bool,
}

impl Texts {
    pub fn new(bytes: usize) -> Self {
        let bytes = vec![0; bytes].into_boxed_slice();
        // Place 0 is no text.
        Texts { bytes, used: LENGTH, open: None, came: 0, padding: 0, cut: false }
    }

    /// Forgets all texts.
    pub fn clear(&mut self) {
        (self.used, self.open, self.came, self.padding, self.cut) = (LENGTH, None, 0, 0, false);
    }

    /// Forgets the text at this place and those after it.
    pub fn forget(&mut self, place: u32) {
        self.used = self.used.min(place as usize);
    }

    pub fn get(&self, place: u32) -> &[u8] {
        super::row::long_text(&self.bytes, place as usize).unwrap_or(&[])
    }

    /// Where the open text begins; it is begun if there is none.
    fn start(&mut self) -> usize {
        if self.open.is_none() {
            self.open = Some(self.used);
            self.used = (self.used + LENGTH).min(self.bytes.len());
        }
        self.open.unwrap_or(self.used)
    }

    /// Appends to the open text.
    pub fn push(&mut self, piece: &[u8]) {
        let start = self.start();
        self.came += piece.len();
        let padding = piece.iter().rev().take_while(|byte| **byte == b'=').count();
        self.padding = if padding == piece.len() { self.padding + padding } else { padding };
        let mut rest = piece;
        while !rest.is_empty() && !self.cut {
            let plain = memchr::memchr3(b'"', b'\\', b'\n', rest).unwrap_or(rest.len());
            let left = (start + LENGTH + NAME_BYTES_MAX).saturating_sub(self.used);
            if plain > left || (plain < rest.len() && plain + 2 > left) {
                self.write(&rest[..plain.min(left)]);
                self.cut = true;
                return;
            }
            self.write(&rest[..plain]);
            if let Some(special) = rest.get(plain) {
                self.write(match special {
                    b'\n' => b"\\n",
                    b'"' => b"\\\"",
                    _ => b"\\\\",
                });
            }
            rest = rest.get(plain + 1..).unwrap_or(&[]);
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        match self.bytes.get_mut(self.used..self.used + bytes.len()) {
            Some(room) => {
                room.copy_from_slice(bytes);
                self.used += bytes.len();
            }
            None => self.cut = true,
        }
    }

    /// Ends the open text; one that was never begun is empty. `None`: there is no room even for its length.
    pub fn end(&mut self) -> Option<Written> {
        let start = self.start();
        let cut = self.cut;
        let written =
            Written { place: u32::try_from(start).ok()?, bytes: self.came, padding: self.padding, cut };
        (self.open, self.came, self.padding, self.cut) = (None, 0, 0, false);
        if cut {
            // It ends with a whole character.
            let text = self.bytes.get(start + LENGTH..self.used)?;
            let whole = std::str::from_utf8(text).map_or_else(|error| error.valid_up_to(), str::len);
            self.used = start + LENGTH + whole;
        }
        let length = u16::try_from(self.used.checked_sub(start + LENGTH)?).ok()?;
        self.bytes.get_mut(start..start + LENGTH)?.copy_from_slice(&length.to_le_bytes());
        Some(written)
    }
}
