//! A device in sysfs is a folder with an attribute to a file: a number, or words.

use crate::base::text::Text;
use crate::collect::Pass;
use crate::io::{Io, Root};
use crate::text::attribute::{ATTRIBUTE_BYTES, value};
use crate::text::{signed, trim};

/// Words of an attribute, as long as the peer reads them.
pub type Words = Text<ATTRIBUTE_BYTES>;

/// The words of an attribute below /sys; `None`: it cannot be read.
pub fn words(io: &mut dyn Io, pieces: &[&[u8]]) -> Option<Words> {
    let mut words = Words::new();
    words.push(value(io.read(Root::Sys, pieces).ok()?)).ok()?;
    Some(words)
}

/// [`words`] of several attributes of a device; what cannot be read is empty.
pub fn labels<const N: usize>(
    io: &mut dyn Io,
    folder: &[u8],
    name: &[u8],
    attributes: [&str; N],
) -> [Words; N] {
    attributes.map(|attribute| words(io, &[folder, name, b"/", attribute.as_bytes()]).unwrap_or_default())
}

/// The whole text of an attribute below /sys; `None`: it cannot be read or is longer than `N`.
pub fn text<const N: usize>(io: &mut dyn Io, pieces: &[&[u8]]) -> Option<Text<N>> {
    let mut text = Text::new();
    text.push(trim(io.read(Root::Sys, pieces).ok()?)).ok()?;
    Some(text)
}

/// Sets the number of a device that an attribute holds, if the collector's first table serves it. Drivers have what they
/// can do: most attributes are optional.
pub fn number(pass: &mut Pass<'_>, label: &str, folder: &[u8], name: &[u8], attribute: &[u8]) {
    if !pass.out.wants(0, attribute) {
        return;
    }
    let Ok(text) = pass.io.read(Root::Sys, &[folder, name, b"/", attribute]) else { return };
    match signed(value(text)) {
        Some(number) => {
            pass.out.table(0).row(&[(label, name)]).set_signed(attribute, number);
        }
        None => pass.out.malformed(),
    }
}
