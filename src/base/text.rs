//! Text in a fixed buffer: paths, keys and labels that are put together without a heap.

use std::fmt;

/// The piece did not fit; the text is as it was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// Up to `N` bytes of text, most often UTF-8 but never required to be: file names are bytes.
#[derive(Clone, Copy)]
pub struct Text<const N: usize> {
    bytes: [u8; N],
    // INVARIANT: used <= N.
    used: usize,
}

/// Long enough for every path the kernel makes below /proc and /sys; longer ones are refused and counted.
pub type PathText = Text<1024>;

impl<const N: usize> Text<N> {
    pub const fn new() -> Self {
        Self { bytes: [0; N], used: 0 }
    }

    pub fn clear(&mut self) {
        self.used = 0;
    }

    /// Cuts the text back to `length` bytes; longer than it is means no change.
    pub fn truncate(&mut self, length: usize) {
        self.used = self.used.min(length);
    }

    /// Appends the whole piece or nothing.
    pub fn push(&mut self, piece: impl AsRef<[u8]>) -> Result<(), Full> {
        let piece = piece.as_ref();
        let end = self.used + piece.len();
        let Some(room) = self.bytes.get_mut(self.used..end) else { return Err(Full) };
        room.copy_from_slice(piece);
        self.used = end;
        Ok(())
    }

    /// Appends all pieces or nothing.
    pub fn push_all(&mut self, pieces: &[&[u8]]) -> Result<(), Full> {
        let before = self.used;
        for piece in pieces {
            if self.push(piece).is_err() {
                self.used = before;
                return Err(Full);
            }
        }
        Ok(())
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.used]
    }

    /// The text if it is UTF-8, else an empty string; for messages only.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or("")
    }

    pub const fn len(&self) -> usize {
        self.used
    }

    pub const fn is_empty(&self) -> bool {
        self.used == 0
    }
}

impl<const N: usize> Default for Text<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> AsRef<[u8]> for Text<N> {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

/// `write!` into a text; what does not fit is cut at the last whole piece and reported as an error.
impl<const N: usize> fmt::Write for Text<N> {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        self.push(piece).map_err(|Full| fmt::Error)
    }
}

impl<const N: usize> fmt::Debug for Text<N> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:?}", String::from_utf8_lossy(self.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_fits_whole_or_not_at_all() {
        let mut text = Text::<4>::new();
        assert_eq!(text.push("abc"), Ok(()));
        assert_eq!(text.push("de"), Err(Full));
        assert_eq!(text.as_bytes(), b"abc");
        assert_eq!(text.push("d"), Ok(()));
        assert_eq!(text.as_bytes(), b"abcd");
        assert_eq!(text.push(""), Ok(()));
    }

    #[test]
    fn several_pieces_fit_together_or_none_is_kept() {
        let mut text = Text::<4>::new();
        assert_eq!(text.push_all(&[b"ab", b"cde"]), Err(Full));
        assert!(text.is_empty());
        assert_eq!(text.push_all(&[b"ab", b"cd"]), Ok(()));
        assert_eq!(text.as_str(), "abcd");
        text.truncate(1);
        text.truncate(9);
        assert_eq!((text.len(), text.as_str()), (1, "a"));
    }
}
