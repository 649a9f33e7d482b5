//! The files of `deploy/`: permissions are those of the list of kinds, no more and no less.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test that reads files of the repository"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use trimeter::flags::table;
use trimeter::objects::KINDS;

const FILE: &str = "deploy/kubernetes.yaml";
const BEGIN: &str = "  # rules begin\n";
const END: &str = "  # rules end\n";

/// The rules that the kinds need which are watched when nothing else is said.
fn rules() -> String {
    let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for kind in KINDS.iter().filter(|kind| kind.default) {
        for version in kind.versions {
            let group = version.split_once('/').map_or("", |(group, _)| group);
            let resources = groups.entry(group).or_default();
            if !resources.contains(&kind.resource) {
                resources.push(kind.resource);
            }
        }
    }
    let mut text = String::new();
    for (group, resources) in groups {
        writeln!(text, "  - apiGroups: [\"{group}\"]").unwrap();
        writeln!(text, "    resources: [{}]", resources.join(", ")).unwrap();
        writeln!(text, "    verbs: [list, watch]").unwrap();
    }
    text
}

#[test]
fn permissions_are_those_of_the_kinds() {
    let text = std::fs::read_to_string(FILE).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (found, after) = rest.split_once(END).unwrap();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        return std::fs::write(FILE, format!("{before}{BEGIN}{}{END}{after}", rules())).unwrap();
    }
    assert_eq!(found, rules(), "UPDATE_GOLDEN=1 writes the rules anew");
}

#[test]
fn nothing_else_is_permitted() {
    let text = std::fs::read_to_string(FILE).unwrap();
    let documents = yaml_rust2::YamlLoader::load_from_str(&text).unwrap();
    let mut verbs: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for document in documents.iter().filter(|document| document["rules"].as_vec().is_some()) {
        for rule in document["rules"].as_vec().unwrap() {
            let words = |key: &str| -> Vec<String> {
                let list = rule[key].as_vec().map(Vec::as_slice).unwrap_or_default();
                list.iter().map(|word| word.as_str().unwrap().to_owned()).collect()
            };
            assert!(!words("apiGroups").contains(&"*".to_owned()));
            assert!(!words("resources").contains(&"*".to_owned()));
            let kind = document["kind"].as_str().unwrap();
            verbs.entry(format!("{kind} {:?}", words("resourceNames"))).or_default().extend(words("verbs"));
        }
    }
    let lease = table::OBJECTS.iter().find(|flag| flag.name == "kube-state.lease.name").unwrap().default;
    for (rule, verbs) in &mut verbs {
        verbs.sort();
        verbs.dedup();
        let expect: &[&str] = match rule.as_str() {
            "ClusterRole []" => &["list", "watch"],
            "Role []" => &["create"],
            rule if rule == format!("Role [{lease:?}]") => &["get", "update"],
            other => panic!("a rule that nobody needs: {other}"),
        };
        assert_eq!(verbs, expect, "{rule}");
    }
}

#[test]
fn every_file_is_yaml() {
    for entry in std::fs::read_dir("deploy").unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "yaml") {
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(!yaml_rust2::YamlLoader::load_from_str(&text).unwrap().is_empty(), "{}", path.display());
        }
    }
}
