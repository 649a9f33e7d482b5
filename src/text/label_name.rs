//! Keys of labels and annotations as names of Prometheus labels, each of them once.

use crate::base::text::{Full, Text};

/// Calls `each` for every character: with the byte of an ASCII letter, digit or `_`, else with nothing. What is no
/// UTF-8 is one character a byte.
pub(super) fn characters(
    key: &[u8],
    mut each: impl FnMut(Option<u8>) -> Result<(), Full>,
) -> Result<(), Full> {
    for chunk in key.utf8_chunks() {
        for letter in chunk.valid().chars() {
            let plain = u8::try_from(letter).ok();
            each(plain.filter(|byte| byte.is_ascii_alphanumeric() || *byte == b'_'))?;
        }
        for _ in chunk.invalid() {
            each(None)?;
        }
    }
    Ok(())
}

/// The pieces of a name: `fooBar/baz` is `foo_bar_baz`.
fn pieces(key: &[u8], mut push: impl FnMut(&[u8]) -> Result<(), Full>) -> Result<(), Full> {
    // Between a lower-case letter or a digit and an upper-case letter.
    let mut breaks = false;
    characters(key, |byte| {
        let byte = byte.unwrap_or(b'_');
        if breaks && byte.is_ascii_uppercase() {
            push(b"_")?;
        }
        breaks = byte.is_ascii_lowercase() || byte.is_ascii_digit();
        push(&[byte.to_ascii_lowercase()])
    })
}

/// Appends the prefix and the key as a label's name, all of it or nothing.
pub fn sanitise<const N: usize>(prefix: &[u8], key: &[u8], out: &mut Text<N>) -> Result<(), Full> {
    let before = out.len();
    out.push(prefix)
        .and_then(|()| pieces(key, |piece| out.push(piece)))
        .inspect_err(|Full| out.truncate(before))
}

/// Most bytes of a sanitised name that [`LabelNames`] is sized for: the longest key, a `_` in every second place.
pub const NAME_BYTES_MAX: usize = 480;

/// The names of one object's labels. Keys are added in the order of their bytes; where several become the same name,
/// each of them gets `_conflict<N>` at its end, the first one when the second comes.
///
/// `KEYS` keys and `BYTES` bytes of all names that were ever given; what is more is refused.
pub struct LabelNames<const KEYS: usize, const BYTES: usize> {
    text: Text<BYTES>,
    /// What the key of this place was called when it came.
    given: [Name; KEYS],
    /// What its coming made another key be called; no bytes: it did not.
    moved: [Name; KEYS],
    /// The name that the key of this place has.
    now: [Place; KEYS],
    // INVARIANT: used <= KEYS, and every place below it is filled.
    used: usize,
}

/// The names of as many keys as are kept of an object.
pub type ObjectLabelNames = LabelNames<{ LABELS_MAX as usize }, { LABELS_MAX as usize * NAME_BYTES_MAX }>;

/// Most labels of an object that are kept.
pub const LABELS_MAX: u16 = 128;

/// A name that was given.
#[derive(Clone, Copy)]
struct Name {
    start: usize,
    bytes: usize,
    /// Which key it was given to.
    owner: usize,
    /// How many keys wanted it.
    wanted: u32,
}

/// Where a name is.
#[derive(Clone, Copy)]
enum Place {
    Given(usize),
    Moved(usize),
}

const NONE: Name = Name { start: 0, bytes: 0, owner: 0, wanted: 0 };

impl<const KEYS: usize, const BYTES: usize> LabelNames<KEYS, BYTES> {
    /// No keys.
    pub const fn new() -> Self {
        Self {
            text: Text::new(),
            given: [NONE; KEYS],
            moved: [NONE; KEYS],
            now: [Place::Given(0); KEYS],
            used: 0,
        }
    }

    /// Forgets all keys.
    pub fn clear(&mut self) {
        self.text.clear();
        self.used = 0;
    }

    /// How many keys there are.
    pub const fn len(&self) -> usize {
        self.used
    }

    /// Are there no keys?
    pub const fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// Adds a key and answers with its index. A key that does not fit changes nothing.
    pub fn add(&mut self, prefix: &[u8], key: &[u8]) -> Result<usize, Full> {
        let index = self.used;
        if index == KEYS {
            return Err(Full);
        }
        let before = self.text.len();
        let added = self.add_here(index, prefix, key);
        if added.is_err() {
            self.text.truncate(before);
        }
        added
    }

    /// The name of the key with this index; empty when there is none.
    pub fn name(&self, index: usize) -> &[u8] {
        if index >= self.used {
            return b"";
        }
        self.bytes(self.at(self.now[index]))
    }

    fn add_here(&mut self, index: usize, prefix: &[u8], key: &[u8]) -> Result<usize, Full> {
        let start = self.text.len();
        sanitise(prefix, key, &mut self.text)?;
        let mut given = Name { start, bytes: self.text.len() - start, owner: index, wanted: 1 };
        let mut moved = NONE;
        if let Some(place) = self.find(self.bytes(given)) {
            // The plain name is known already.
            self.text.truncate(start);
            let mut wanted = self.at(place);
            if wanted.wanted == 1 {
                (moved, wanted.wanted) = self.conflict(wanted, 1)?;
            }
            // The name just given to the other key is in no table yet, but its number is used up.
            (given, wanted.wanted) = self.conflict(wanted, wanted.wanted.saturating_add(1))?;
            (moved.owner, given.owner) = (wanted.owner, index);
            match place {
                Place::Given(at) => self.given[at].wanted = wanted.wanted,
                Place::Moved(at) => self.moved[at].wanted = wanted.wanted,
            }
            if moved.bytes > 0 {
                self.now[wanted.owner] = Place::Moved(index);
            }
        }
        (self.given[index], self.moved[index], self.now[index]) = (given, moved, Place::Given(index));
        self.used += 1;
        Ok(index)
    }

    /// The first name with `_conflict<N>` at its end that is free, N from `number` on, and its N.
    fn conflict(&mut self, plain: Name, mut number: u32) -> Result<(Name, u32), Full> {
        let start = self.text.len();
        let mut copy = Text::<NAME_BYTES_MAX>::new();
        copy.push(self.bytes(plain))?;
        loop {
            self.text.push(copy)?;
            std::fmt::Write::write_fmt(&mut self.text, format_args!("_conflict{number}"))
                .map_err(|_| Full)?;
            let name = Name { start, bytes: self.text.len() - start, owner: 0, wanted: 1 };
            if self.find(self.bytes(name)).is_none() {
                return Ok((name, number));
            }
            self.text.truncate(start);
            number = number.saturating_add(1);
        }
    }

    /// The name if it was ever given.
    fn find(&self, name: &[u8]) -> Option<Place> {
        let is = |kept: &Name| kept.bytes == name.len() && self.bytes(*kept) == name;
        let given = self.given[..self.used].iter().position(is).map(Place::Given);
        given.or_else(|| self.moved[..self.used].iter().position(is).map(Place::Moved))
    }

    fn at(&self, place: Place) -> Name {
        match place {
            Place::Given(at) => self.given[at],
            Place::Moved(at) => self.moved[at],
        }
    }

    fn bytes(&self, name: Name) -> &[u8] {
        &self.text.as_bytes()[name.start..name.start + name.bytes]
    }
}

impl<const KEYS: usize, const BYTES: usize> Default for LabelNames<KEYS, BYTES> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(key: &str, expect: &str) {
        let mut out = Text::<64>::new();
        sanitise(b"label_", key.as_bytes(), &mut out).unwrap();
        assert_eq!(out.as_str(), expect, "{key}");
    }

    #[test]
    fn keys_become_names() {
        check("app.kubernetes.io/name", "label_app_kubernetes_io_name");
        check("HTTPServer", "label_httpserver");
        check("aB1C", "label_a_b1_c");
        check("MyLABEL", "label_my_label");
        check("9lives", "label_9lives");
        check("Ä-Ö", "label____");
        check("", "label_");
        let mut out = Text::<9>::new();
        sanitise(b"l_", b"\xe2\x82\xff", &mut out).unwrap();
        assert_eq!(out.as_str(), "l____");
        assert_eq!(sanitise(b"l_", b"abc", &mut out), Err(Full));
        assert_eq!(out.as_str(), "l____");
    }

    fn names<const K: usize, const B: usize>(names: &mut LabelNames<K, B>, keys: &[&str]) -> Vec<String> {
        names.clear();
        for (index, key) in keys.iter().enumerate() {
            assert_eq!(names.add(b"", key.as_bytes()), Ok(index));
        }
        (0..names.len()).map(|index| String::from_utf8(names.name(index).to_vec()).unwrap()).collect()
    }

    #[test]
    fn conflicts_are_numbered() {
        let mut all = LabelNames::<8, 256>::new();
        assert_eq!(names(&mut all, &["a", "b"]), ["a", "b"]);
        assert_eq!(names(&mut all, &["appName", "app_name"]), ["app_name_conflict1", "app_name_conflict2"]);
        assert_eq!(names(&mut all, &["x-", "x.", "x_"]), ["x__conflict1", "x__conflict2", "x__conflict3"]);
        assert_eq!(
            names(&mut all, &["a-b", "a.b", "a_b_conflict1", "a_b_conflict2"]),
            [
                "a_b_conflict1_conflict1",
                "a_b_conflict2_conflict1",
                "a_b_conflict1_conflict2",
                "a_b_conflict2_conflict2"
            ]
        );
        // The number that a key has by itself is passed over.
        assert_eq!(
            names(&mut all, &["A_conflict1", "a!", "a."]),
            ["a_conflict1", "a__conflict1", "a__conflict2"]
        );
        assert_eq!(
            names(&mut all, &["B_conflict1", "B", "b"]),
            ["b_conflict1", "b_conflict2", "b_conflict3"]
        );
        assert_eq!(all.name(3), b"");
    }

    #[test]
    fn a_key_that_does_not_fit_changes_nothing() {
        let mut few = LabelNames::<2, 32>::new();
        names(&mut few, &["ab"]);
        assert_eq!(few.add(b"", &[b'x'; 31]), Err(Full));
        // There is room for one name with a number, but two are needed.
        assert_eq!(few.add(b"12345678901", b"12345678901"), Ok(1));
        assert_eq!(few.add(b"", b"c"), Err(Full));
        assert_eq!((few.name(0), few.len()), (&b"ab"[..], 2));
        names(&mut few, &["AbCdEfGhIj"]);
        assert_eq!(few.add(b"", b"ab_cd_ef_gh_ij"), Err(Full));
        assert_eq!((few.name(0), few.len()), (&b"ab_cd_ef_gh_ij"[..], 1));
    }

    proptest! {
        #[test]
        fn no_name_twice(keys in prop::collection::btree_set("[aA]?[bB._-](_conflict[12]){0,3}", 0..32)) {
            let mut all = ObjectLabelNames::new();
            for key in &keys {
                all.add(b"label_", key.as_bytes()).unwrap();
            }
            let mut found: Vec<&[u8]> = (0..all.len()).map(|index| all.name(index)).collect();
            found.sort_unstable();
            found.dedup();
            prop_assert_eq!(found.len(), keys.len());
        }

        #[test]
        fn names_are_names(key: Vec<u8>) {
            let mut out = Text::<1024>::new();
            sanitise(b"label_", &key, &mut out).unwrap();
            let plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'_';
            prop_assert!(out.as_bytes().iter().all(plain));
        }
    }
}
