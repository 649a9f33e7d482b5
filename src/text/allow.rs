//! Allow lists of labels and annotations: `pods=[app,team.io/*],*=[*]`.

/// Patterns by resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowLists(Vec<(String, Vec<String>)>);

impl AllowLists {
    /// Reads a flag; the error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut lists = Vec::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            let (resource, after) = rest
                .split_once("=[")
                .ok_or_else(|| format!("no =[ after {rest:?}; give resource=[key,key]"))?;
            let (keys, after) =
                after.split_once(']').ok_or_else(|| format!("no ] at the end of {resource:?}'s keys"))?;
            let keys: Vec<String> =
                keys.split(',').map(str::trim).filter(|key| !key.is_empty()).map(str::to_owned).collect();
            for key in &keys {
                if key.matches('*').count() > 1 {
                    return Err(format!("{key:?} has more than one *"));
                }
            }
            lists.push((resource.trim().to_owned(), keys));
            rest = after.trim();
            if !rest.is_empty() {
                rest = rest.strip_prefix(',').ok_or_else(|| format!("no comma before {rest:?}"))?.trim();
            }
        }
        Ok(AllowLists(lists))
    }

    pub fn resources(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(resource, _)| resource.as_str())
    }

    /// The patterns of a resource. Those of `*` are for all and override what is said of one.
    pub fn of(&self, resource: &str) -> &[String] {
        let find = |name: &str| self.0.iter().rev().find(|(known, _)| known == name);
        find("*").or_else(|| find(resource)).map_or(&[], |(_, keys)| keys)
    }
}

/// Is a key allowed? `*` alone allows every key only as the first pattern.
pub fn matches(patterns: &[String], key: &[u8]) -> bool {
    if patterns.first().is_some_and(|first| first == "*") {
        return true;
    }
    patterns.iter().any(|pattern| match pattern.split_once('*') {
        None => pattern.as_bytes() == key,
        Some(("", "")) => false,
        Some((before, after)) => {
            !after.contains('*')
                && key.len() >= before.len() + after.len()
                && key.starts_with(before.as_bytes())
                && key.ends_with(after.as_bytes())
        }
    })
}
