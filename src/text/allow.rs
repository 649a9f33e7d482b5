//! Which labels and annotations of which resources are shown: `pods=[app,team/*],nodes=[*]`. Spaces around names do not
//! count.

/// The patterns of each resource that a flag names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowLists {
    lists: Vec<(String, Vec<String>)>,
}

/// The resource that stands for all of them, and the pattern that allows every key.
const ALL: &str = "*";

impl AllowLists {
    /// Reads the value of a flag; an error says what is wrong with which part.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut lists = Self::default();
        lists.add(text)?;
        Ok(lists)
    }

    /// Reads one more value; what it says of a resource replaces what was said before.
    pub fn add(&mut self, text: &str) -> Result<(), String> {
        let mut rest = text;
        while !rest.is_empty() {
            let Some((resource, after)) = rest.split_once("=[") else {
                return Err(format!("'{rest}' is not of the form resource=[key,…]"));
            };
            let resource = resource.trim();
            if resource.is_empty() || resource.contains([',', '=', '[', ']']) {
                return Err(format!("'{resource}' is no resource"));
            }
            let Some((inside, after)) = after.split_once(']') else {
                return Err(format!("the list of '{resource}' has no ']' at its end"));
            };
            let patterns = patterns(inside).map_err(|wrong| format!("{resource}: {wrong}"))?;
            self.lists.retain(|(name, _)| name != resource);
            self.lists.push((resource.to_owned(), patterns));
            rest = match after.strip_prefix(',') {
                Some("") => return Err("nothing stands behind the last ','".to_owned()),
                Some(next) => next,
                None if after.is_empty() => after,
                None => return Err(format!("a ',' is missing before '{after}'")),
            };
        }
        Ok(())
    }

    /// The patterns for a resource; none: its labels are not shown. What is said of `*` holds for all resources, and
    /// only that.
    pub fn of(&self, resource: &str) -> &[String] {
        let list = |wanted: &str| self.lists.iter().find(|(name, _)| name == wanted);
        list(ALL).or_else(|| list(resource)).map_or(&[], |(_, patterns)| patterns)
    }

    /// The resources that are named, and their patterns.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.lists.iter().map(|(resource, patterns)| (resource.as_str(), patterns.as_slice()))
    }
}

fn patterns(inside: &str) -> Result<Vec<String>, String> {
    if inside.is_empty() {
        return Ok(Vec::new());
    }
    let pattern = |pattern: &str| {
        let pattern = pattern.trim();
        if pattern.is_empty() {
            return Err("a key is empty".to_owned());
        }
        if pattern.contains(['[', '=']) {
            return Err(format!("'{pattern}' is no key"));
        }
        if pattern.matches('*').count() > 1 {
            return Err(format!("'{pattern}' has more than one '*'"));
        }
        Ok(pattern.to_owned())
    };
    inside.split(',').map(pattern).collect()
}

/// Is a key allowed? `*` as the first pattern allows all; a pattern with one `*` in it allows what begins and ends so;
/// any other allows itself.
pub fn matches<P: AsRef<[u8]>>(patterns: &[P], key: &[u8]) -> bool {
    let Some(first) = patterns.first() else { return false };
    first.as_ref() == ALL.as_bytes() || patterns.iter().any(|pattern| one(pattern.as_ref(), key))
}

fn one(pattern: &[u8], key: &[u8]) -> bool {
    if pattern == key {
        return true;
    }
    match super::split_once(pattern, b'*') {
        None | Some((b"", b"")) => false,
        Some((_, after)) if after.contains(&b'*') => false,
        Some((before, after)) => {
            key.len() >= before.len() + after.len() && key.starts_with(before) && key.ends_with(after)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: &[(&str, &[&str])]) {
        let lists = AllowLists::parse(text).unwrap();
        let found: Vec<(&str, Vec<&str>)> =
            lists.iter().map(|(name, list)| (name, list.iter().map(String::as_str).collect())).collect();
        let expect: Vec<(&str, Vec<&str>)> =
            expect.iter().map(|(name, list)| (*name, list.to_vec())).collect();
        assert_eq!(found, expect, "{text}");
    }

    #[test]
    fn lists_of_flags() {
        check("", &[]);
        check("pods=[*]", &[("pods", &["*"])]);
        check("pods=[]", &[("pods", &[])]);
        check(
            "namespaces=[kubernetes.io/team,b],pods=[a,b/*],*=[*]",
            &[("namespaces", &["kubernetes.io/team", "b"]), ("pods", &["a", "b/*"]), ("*", &["*"])],
        );
        check("pods=[ a , b/* ], nodes=[x]", &[("pods", &["a", "b/*"]), ("nodes", &["x"])]);
        check("pods=[a],pods=[b]", &[("pods", &["b"])]);
    }

    #[test]
    fn errors_name_what_is_wrong() {
        for (text, expect) in [
            ("pods", "'pods' is not of the form resource=[key,…]"),
            ("pods=a", "'pods=a' is not of the form resource=[key,…]"),
            ("=[a]", "'' is no resource"),
            (",pods=[a]", "',pods' is no resource"),
            ("pods=[a", "the list of 'pods' has no ']' at its end"),
            ("pods=[a],", "nothing stands behind the last ','"),
            ("pods=[a]nodes=[b]", "a ',' is missing before 'nodes=[b]'"),
            ("pods=[a,]", "pods: a key is empty"),
            ("pods=[*app*]", "pods: '*app*' has more than one '*'"),
            ("pods=[a,nodes=[b]", "pods: 'nodes=[b' is no key"),
        ] {
            assert_eq!(AllowLists::parse(text), Err(expect.to_owned()), "{text}");
        }
    }

    #[test]
    fn all_resources_override_others() {
        let mut lists = AllowLists::parse("pods=[a]").unwrap();
        assert_eq!(lists.of("pods"), ["a"]);
        assert!(lists.of("nodes").is_empty());
        lists.add("*=[b]").unwrap();
        assert_eq!((lists.of("pods"), lists.of("nodes")), (&["b".to_owned()][..], &["b".to_owned()][..]));
    }

    #[test]
    fn keys_and_patterns() {
        for (patterns, key, expect) in [
            (&["*"][..], "a", true),
            (&["*", "b"], "a", true),
            (&["b", "*"], "a", false),
            (&["b", "*"], "*", true),
            (&["a*"], "abc", true),
            (&["*c"], "abc", true),
            (&["a*c"], "abc", true),
            (&["a*c"], "ac", true),
            (&["ab*bc"], "abc", false),
            (&["a*"], "b", false),
            (&["*b*"], "abc", false),
            (&["a?"], "ab", false),
            (&["a", "b"], "b", true),
            (&[], "a", false),
        ] {
            assert_eq!(matches(patterns, key.as_bytes()), expect, "{patterns:?} {key}");
        }
    }
}
