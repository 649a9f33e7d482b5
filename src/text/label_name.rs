//! Label names that keys of labels and annotations make.

use crate::base::text::{Full, Text};

/// Longest name.
const NAME_BYTES: usize = 512;

/// The names that an object's keys make, in the order of the keys: two that would be the same are told apart.
pub struct LabelNames<const N: usize> {
    names: [Text<NAME_BYTES>; N],
    used: usize,
}

impl<const N: usize> Default for LabelNames<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> LabelNames<N> {
    pub const fn new() -> Self {
        LabelNames { names: [const { Text::new() }; N], used: 0 }
    }

    /// Adds the name of a key; keys come sorted.
    pub fn add(&mut self, prefix: &[u8], key: &[u8]) -> Result<usize, Full> {
        let mut name = Text::new();
        sanitise(prefix, key, &mut name)?;
        let place = self.used;
        *self.names.get_mut(place).ok_or(Full)? = name;
        self.used += 1;
        Ok(place)
    }

    pub fn name(&self, index: usize) -> &[u8] {
        self.names.get(index).map_or(&[], Text::as_bytes)
    }
}

/// `HTTPServer` → `label_httpserver`, `appName` → `label_app_name`, `a.b/c` → `label_a_b_c`.
pub fn sanitise<const N: usize>(prefix: &[u8], key: &[u8], out: &mut Text<N>) -> Result<(), Full> {
    out.push(prefix)?;
    let mut before = 0;
    for byte in key {
        // One for each character that is none of a name.
        if byte & 0xc0 == 0x80 {
            continue;
        }
        if byte.is_ascii_uppercase()
            && (before as u8).is_ascii_alphanumeric()
            && !(before as u8).is_ascii_uppercase()
        {
            out.push(b"_")?;
        }
        let plain = byte.is_ascii_alphanumeric() || *byte == b'_';
        out.push([if plain { byte.to_ascii_lowercase() } else { b'_' }])?;
        before = *byte;
    }
    Ok(())
}
