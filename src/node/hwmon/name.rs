//! Names of chips, sensors and attributes.

use super::FOLDER;
use crate::base::text::{PathText, Text};
use crate::io::{Io, Root};
use crate::text::unsigned;
use std::fmt::Write;

/// The label of a chip; empty for none.
pub(super) type ChipName = Text<128>;

/// `temp1`
pub(super) type SensorName = Text<40>;

/// Types of sensors, with those attributes of a whole chip that look like one.
const TYPES: [&str; 14] = [
    "beep_enable",
    "cpu",
    "curr",
    "energy",
    "fan",
    "freq",
    "humidity",
    "in",
    "intrusion",
    "power",
    "pwm",
    "temp",
    "update_interval",
    "vrm",
];

/// A file name `<type><number>_<property>`; number and property may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attribute<'a> {
    pub kind: &'static str,
    pub number: i64,
    pub property: &'a [u8],
}

impl<'a> Attribute<'a> {
    /// `None`: the file is no sensor's.
    pub(super) fn of(file: &'a [u8]) -> Option<Self> {
        let letters = file.iter().position(u8::is_ascii_digit).unwrap_or(file.len());
        let (kind, rest) = file.split_at(letters);
        let digits = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
        let (number, rest) = rest.split_at(digits);
        let property = match rest {
            [] => rest,
            [b'_', property @ ..] if !property.is_empty() => property,
            // `temp_1x`: the underscore ends the type after all.
            _ => {
                let at = (1..letters).rev().find(|at| file[*at] == b'_' && *at + 1 < file.len())?;
                return Self::typed(&file[..at], 0, &file[at + 1..]);
            }
        };
        let number = if number.is_empty() { 0 } else { i64::try_from(unsigned(number)?).ok()? };
        Self::typed(kind, number, property)
    }

    fn typed(kind: &[u8], number: i64, property: &'a [u8]) -> Option<Self> {
        let kind = TYPES.iter().find(|known| known.as_bytes() == kind)?;
        Some(Attribute { kind, number, property })
    }

    /// Type and number: `temp1`, and `temp0` for `temp`.
    pub(super) fn sensor(&self) -> SensorName {
        let mut name = SensorName::new();
        // 15 bytes of type and 19 of number at most.
        if write!(name, "{}{}", self.kind, self.number).is_err() {
            name.clear();
        }
        name
    }
}

/// Small letters, digits, `:` and `_`; anything else becomes `_`, which is taken away at both ends. `None`: nothing
/// is left, or it does not fit.
pub(super) fn clean(text: &[u8]) -> Option<ChipName> {
    let mut name = ChipName::new();
    // Underscores that are written when another letter follows.
    let mut pending = 0;
    let mut put = |letter: Option<u8>| -> Option<()> {
        match letter {
            None | Some(b'_') => pending += 1,
            Some(letter) => {
                let kept = if name.is_empty() { 0 } else { pending };
                for _ in 0..kept {
                    name.push(b"_").ok()?;
                }
                pending = 0;
                name.push([letter]).ok()?;
            }
        }
        Some(())
    };
    for chunk in text.utf8_chunks() {
        for letter in chunk.valid().chars() {
            let lower = letter.to_lowercase().next().unwrap_or(letter);
            let allowed = lower.is_ascii_lowercase() || lower.is_ascii_digit() || matches!(lower, ':' | '_');
            put(if allowed { u8::try_from(lower).ok() } else { None })?;
        }
        for _ in chunk.invalid() {
            put(None)?;
        }
    }
    if name.is_empty() { None } else { Some(name) }
}

/// The file `name` of a chip, cleaned; empty when there is none.
pub(super) fn clean_name_file(io: &mut dyn Io, folder: &[u8]) -> ChipName {
    io.read(Root::Sys, &[FOLDER, folder, b"/name"]).ok().and_then(clean).unwrap_or_default()
}

/// The name of a chip by its device, `platform_coretemp_0`, which stays the same when modules are loaded in another
/// order; else by its file `name`; else by its folder.
pub(super) fn base_name(io: &mut dyn Io, folder: &[u8]) -> ChipName {
    if let Some(name) = device_name(io, folder) {
        return name;
    }
    let own = clean_name_file(io, folder);
    if !own.is_empty() {
        return own;
    }
    let mut path = real_folder(io, folder).unwrap_or_default();
    last(&mut path).and_then(|name| clean(name.as_bytes())).unwrap_or_default()
}

/// The last two pieces of the path of the device.
fn device_name(io: &mut dyn Io, folder: &[u8]) -> Option<ChipName> {
    let mut path = real_folder(io, folder)?;
    match io.link(Root::Sys, &[FOLDER, folder, b"/device"]) {
        Ok(target) => follow(&mut path, target)?,
        Err(crate::io::ReadError::Unsupported) => path.push("/device").ok()?,
        Err(_) => return None,
    }
    let device = clean(last(&mut path)?.as_bytes())?;
    let bus = last(&mut path).and_then(|bus| clean(bus.as_bytes()));
    let Some(mut name) = bus else { return Some(device) };
    name.push_all(&[b"_", device.as_bytes()]).ok()?;
    Some(name)
}

/// Where a chip's folder is, below `/sys`.
fn real_folder(io: &mut dyn Io, folder: &[u8]) -> Option<PathText> {
    let mut path = PathText::new();
    match io.link(Root::Sys, &[FOLDER, folder]) {
        Ok(target) => {
            path.push("class/hwmon").ok()?;
            follow(&mut path, target)?;
        }
        Err(_) => path.push_all(&[FOLDER, folder]).ok()?,
    }
    Some(path)
}

/// Follows a link from a folder by its text alone: below `/sys` links point to real paths. `None`: too long.
fn follow(path: &mut PathText, target: &[u8]) -> Option<()> {
    if target.starts_with(b"/") {
        path.clear();
    }
    for piece in target.split(|byte| *byte == b'/') {
        match piece {
            b"" | b"." => {}
            b".." => drop(last(path)),
            _ => path.push_all(&[b"/", piece]).ok()?,
        }
    }
    Some(())
}

/// Cuts off the last piece of a path.
fn last(path: &mut PathText) -> Option<Text<256>> {
    let bytes = path.as_bytes();
    let start = memchr::memrchr(b'/', bytes).map_or(0, |at| at + 1);
    let mut piece = Text::new();
    piece.push(&bytes[start..]).ok()?;
    path.truncate(start.saturating_sub(1));
    if piece.is_empty() { None } else { Some(piece) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(file: &str, expect: Option<(&str, &str)>) {
        let attribute = Attribute::of(file.as_bytes());
        let found = attribute.map(|found| {
            (found.sensor().as_str().to_owned(), String::from_utf8(found.property.to_vec()).unwrap())
        });
        assert_eq!(found, expect.map(|(sensor, property)| (sensor.to_owned(), property.to_owned())));
    }

    #[test]
    fn attributes() {
        check("temp1_input", Some(("temp1", "input")));
        check("temp", Some(("temp0", "")));
        check("in0", Some(("in0", "")));
        check("temp01_max", Some(("temp1", "max")));
        check("pwm1_auto_point1_pwm", Some(("pwm1", "auto_point1_pwm")));
        check("beep_enable", Some(("beep_enable0", "")));
        check("update_interval", Some(("update_interval0", "")));
        check("temp_1x", Some(("temp0", "1x")));
        check("energy9223372036854775807", Some(("energy9223372036854775807", "")));
    }

    #[test]
    fn files_that_are_no_attributes() {
        for file in
            ["", "1", "name", "temp_input", "temp1x", "temp1_", "_", "power_state", "fan9223372036854775808"]
        {
            check(file, None);
        }
    }

    #[test]
    fn names_are_cleaned() {
        let check = |text: &[u8], expect: &str| {
            assert_eq!(clean(text).unwrap_or_default().as_str(), expect);
        };
        check(b"coretemp.0", "coretemp_0");
        check(b"asus-nb-wmi\n", "asus_nb_wmi");
        check(b"__A  b__", "a__b");
        check("0000:01:00.0 \u{e9}\u{212a}".as_bytes(), "0000:01:00_0__k");
        check(b"a\xff\xffb", "a__b");
        check(b"...", "");
        check(&[b'x'; 129], "");
    }

    #[test]
    fn links_are_followed_by_their_text() {
        let check = |from: &str, target: &str, expect: &str| {
            let mut path = PathText::new();
            path.push(from).unwrap();
            follow(&mut path, target.as_bytes()).unwrap();
            assert_eq!(path.as_str().trim_start_matches('/'), expect);
        };
        check("class/hwmon", "../../devices/pci0/0000:01/hwmon/hwmon1", "devices/pci0/0000:01/hwmon/hwmon1");
        check("devices/a/hwmon/hwmon1", "../../../a/", "devices/a");
        check("devices/a", "./../../../..", "");
        check("devices/a", "/x//y", "x/y");
    }
}
