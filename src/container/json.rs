//! Texts picked out of JSON by their place. Everything else is passed over without being kept. Not for the hot thread:
//! a text with escapes takes memory for a moment.

use crate::base::text::Text;
use serde_core::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// What is wanted of a value; anything else in its place is passed over.
#[derive(Clone, Copy)]
pub enum Want {
    /// The text goes into this field.
    Text(usize),
    /// The digits of the number, which is whole and not negative, go into this field.
    Digits(usize),
    /// The first of a list is wanted.
    First(&'static Want),
    /// Members of an object by their names.
    Object(&'static [(&'static str, Want)]),
    /// A text that is itself JSON.
    Inside(&'static Want),
}

/// Longest text that is kept.
pub const TEXT_BYTES: usize = 512;

/// The bytes are no JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// The texts that were found.
pub struct Fields<const N: usize> {
    texts: [Text<TEXT_BYTES>; N],
    /// A text was longer than is kept, or JSON in a text was none.
    pub lost: bool,
}

impl<const N: usize> Fields<N> {
    const fn new() -> Self {
        Fields { texts: [const { Text::new() }; N], lost: false }
    }

    pub fn pick(json: &[u8], want: &'static Want) -> Result<Self, Malformed> {
        let mut fields = Self::new();
        fields.read(json, want)?;
        Ok(fields)
    }

    /// The element of a list of objects whose field `key` is `is`.
    pub fn find(json: &[u8], want: &'static Want, key: usize, is: &[u8]) -> Result<Option<Self>, Malformed> {
        let mut fields = Self::new();
        let mut source = serde_json::Deserializer::from_slice(json);
        let mut found = false;
        let search = Search { want, key, is, fields: &mut fields, found: &mut found };
        // What follows the element is not looked at.
        match (&mut source).deserialize_seq(search) {
            _ if found => Ok(Some(fields)),
            Ok(()) => Ok(None),
            Err(_) => Err(Malformed),
        }
    }

    /// A field; empty when it was not there.
    pub fn get(&self, field: usize) -> &[u8] {
        self.texts[field].as_bytes()
    }

    /// The first of these fields that is not empty.
    pub fn first(&self, fields: &[usize]) -> &[u8] {
        fields.iter().map(|field| self.get(*field)).find(|text| !text.is_empty()).unwrap_or(b"")
    }

    fn read(&mut self, json: &[u8], want: &'static Want) -> Result<(), Malformed> {
        let mut source = serde_json::Deserializer::from_slice(json);
        Picker { want, fields: self }.deserialize(&mut source).map_err(|_error| Malformed)?;
        source.end().map_err(|_error| Malformed)
    }

    fn set(&mut self, field: usize, text: &str) {
        self.texts[field].clear();
        self.lost |= self.texts[field].push(text).is_err();
    }
}

/// Reads one value.
struct Picker<'a, const N: usize> {
    want: &'static Want,
    fields: &'a mut Fields<N>,
}

impl<'de, const N: usize> DeserializeSeed<'de> for Picker<'_, N> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<(), D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de, const N: usize> Visitor<'de> for Picker<'_, N> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        if let Want::Digits(field) = self.want {
            self.fields.set(*field, &number.to_string());
        }
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        match self.want {
            Want::Text(field) => self.fields.set(*field, text),
            Want::Inside(want) => self.fields.lost |= self.fields.read(text.as_bytes(), want).is_err(),
            Want::Digits(_) | Want::First(_) | Want::Object(_) => {}
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        if let Want::First(want) = self.want {
            list.next_element_seed(Picker { want, fields: self.fields })?;
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Want::Object(members) = self.want else {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(());
        };
        while let Some(member) = map.next_key_seed(Member(members))? {
            match member {
                Some(want) => map.next_value_seed(Picker { want, fields: &mut *self.fields })?,
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// Reads the name of a member: what is wanted of its value.
struct Member(&'static [(&'static str, Want)]);

impl<'de> DeserializeSeed<'de> for Member {
    type Value = Option<&'static Want>;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Self::Value, D::Error> {
        source.deserialize_str(self)
    }
}

impl Visitor<'_> for Member {
    type Value = Option<&'static Want>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().find(|(known, _)| *known == name).map(|(_, want)| want))
    }
}

/// Looks for one element of a list.
struct Search<'a, const N: usize> {
    want: &'static Want,
    key: usize,
    is: &'a [u8],
    fields: &'a mut Fields<N>,
    found: &'a mut bool,
}

impl<'de, const N: usize> Visitor<'de> for Search<'_, N> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        loop {
            *self.fields = Fields::new();
            if list.next_element_seed(Picker { want: self.want, fields: &mut *self.fields })?.is_none() {
                return Ok(());
            }
            if self.fields.get(self.key) == self.is {
                *self.found = true;
                return Err(A::Error::custom("found"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANT: Want = Want::Object(&[
        ("id", Want::Text(0)),
        ("names", Want::First(&Want::Text(1))),
        ("a", Want::Object(&[("b", Want::Text(2))])),
        ("text", Want::Inside(&Want::Object(&[("c", Want::Text(3))]))),
    ]);

    /// The fields, separated by spaces, and `!` when something was lost.
    fn check(json: &str, expect: &str) {
        let found = match Fields::<4>::pick(json.as_bytes(), &WANT) {
            Ok(fields) => {
                let texts = fields.texts.iter().map(|text| format!("[{}]", text.as_str()));
                texts.collect::<String>() + if fields.lost { "!" } else { "" }
            }
            Err(Malformed) => "malformed".into(),
        };
        assert_eq!(found, expect, "{json}");
    }

    #[test]
    fn texts_are_picked_by_their_place() {
        check(r#"{"id":"1","x":[{"id":"2"}],"a":{"b":"3","id":"4"},"names":["n","m"]}"#, "[1][n][3][]");
        check(r#"{"text":"{\"c\":\"4\"}","b":"5"}"#, "[][][][4]");
        check(r#"{"id":"a\"\\\u0041\n"}"#, "[a\"\\A\n][][][]");
        check(r#"{"id":"1","id":"2"}"#, "[2][][][]");
    }

    #[test]
    fn what_is_of_another_type_is_passed_over() {
        check(r#"{"id":1,"names":"n","a":["b"],"text":{"c":"4"}}"#, "[][][][]");
        check(r#"{"id":null,"names":[],"a":-1.5,"text":true}"#, "[][][][]");
        check(r#"{"id":{"b":"1"},"names":{"id":"2"},"a":{"b":["3"]}}"#, "[][][][]");
        check("[]", "[][][][]");
        check("17", "[][][][]");
    }

    #[test]
    fn digits_are_those_of_a_whole_number() {
        const NUMBER: Want = Want::Object(&[("n", Want::Digits(0))]);
        let check = |json: &str, expect: &str| {
            let found = Fields::<1>::pick(json.as_bytes(), &NUMBER).unwrap();
            assert_eq!((found.texts[0].as_str(), found.lost), (expect, false), "{json}");
        };
        check(r#"{"n":4194304}"#, "4194304");
        check(r#"{"n":0}"#, "0");
        for other in ["-1", "1.5", "1e3", "\"7\"", "[7]", "null", "99999999999999999999"] {
            check(&format!("{{\"n\":{other}}}"), "");
        }
    }

    #[test]
    fn what_is_no_json_is_malformed() {
        check("", "malformed");
        check("{", "malformed");
        check(r#"{"id":"1"}}"#, "malformed");
        check(r#"{"id":"1""#, "malformed");
        check("{\"id\":\"\u{1}\"}", "malformed");
        assert!(Fields::<4>::pick(b"{\"id\":\"\xff\"}", &WANT).is_err());
        let deep = "[".repeat(100_000);
        check(&deep, "malformed");
        check(&format!(r#"{{"x":{deep}"#), "malformed");
    }

    #[test]
    fn what_does_not_fit_or_is_no_json_inside_is_lost() {
        let long = "x".repeat(TEXT_BYTES);
        check(&format!(r#"{{"id":"{long}"}}"#), &format!("[{long}][][][]"));
        check(&format!(r#"{{"id":"{long}x","names":["n"]}}"#), "[][n][][]!");
        check(r#"{"text":"{","id":"1"}"#, "[1][][][]!");
    }

    #[test]
    fn a_list_is_searched_up_to_the_element() {
        let find = |json: &str, id: &str| {
            let found = Fields::<4>::find(json.as_bytes(), &WANT, 0, id.as_bytes());
            found.map(|found| found.map(|fields| fields.texts[1].as_str().to_owned()))
        };
        let list = r#"[{"id":"1","names":["a"]},{"names":["b"],"id":"2"},{"id":"3"}]"#;
        assert_eq!(find(list, "1"), Ok(Some("a".into())));
        assert_eq!(find(list, "2"), Ok(Some("b".into())));
        assert_eq!(find(list, "3"), Ok(Some("".into())));
        assert_eq!(find(list, "4"), Ok(None));
        assert_eq!(find(&list[..60], "2"), Ok(Some("b".into())));
        assert_eq!(find(&list[..60], "3"), Err(Malformed));
        assert_eq!(find("{}", "3"), Err(Malformed));
        assert_eq!(find("[]", "3"), Ok(None));
    }
}
