//! What the API server keeps: objects, the events that changed them, and what a selector sees of both.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde_json::{Value, json};

use super::json;
use super::kinds::Resource;
use super::status::Status;

/// Namespace and name; the namespace is empty where there is none. Sorted as etcd's keys are.
pub type Key = (String, String);

/// An object at one of its versions.
#[derive(Debug)]
pub struct Object {
    pub key: Key,
    pub version: u64,
    /// JSON on one line without `kind` and `apiVersion`, as it stands in a list: a tenth of the memory of a `Value`.
    pub text: String,
    /// What field selectors may ask for.
    fields: Vec<(&'static str, String)>,
}

impl Object {
    fn new(resource: &Resource, mut value: Value, version: u64) -> Object {
        value["metadata"]["resourceVersion"] = Value::from(version.to_string());
        let whole = value.as_object_mut().unwrap();
        whole.remove("kind");
        whole.remove("apiVersion");
        let field = |name: &&'static str| {
            let found = name.split('.').fold(&value, |value, part| &value[part]);
            let text = found.as_str().map_or_else(|| found.to_string(), str::to_owned);
            (*name, if found.is_null() { String::new() } else { text })
        };
        let fields = resource.selectable().iter().map(field).collect();
        Object { key: key(&value), version, text: json::ordered(&value), fields }
    }

    /// With `kind` and `apiVersion` in front, as it stands in an event.
    pub fn typed(&self, resource: &Resource, group_version: &str) -> String {
        format!(r#"{{"kind":"{}","apiVersion":"{group_version}",{}"#, resource.kind, &self.text[1..])
    }

    /// The same object with another version: what DELETED events hold.
    fn at(&self, resource: &Resource, version: u64) -> Arc<Object> {
        Arc::new(Object::new(resource, json::parse(&self.text), version))
    }
}

fn key(value: &Value) -> Key {
    let text = |field: &str| value["metadata"][field].as_str().unwrap_or("").to_owned();
    (text("namespace"), text("name"))
}

/// An object became another one: `before` is missing when it was added, `after` when it was deleted.
#[derive(Clone, Debug)]
pub struct Event {
    pub version: u64,
    pub resource: &'static Resource,
    pub before: Option<Arc<Object>>,
    pub after: Option<Arc<Object>>,
}

/// `namespaces/X` of the path and `fieldSelector`.
#[derive(Debug, Default)]
pub struct Selector {
    namespace: Option<String>,
    /// Field, whether it must be equal, value.
    terms: Vec<(String, bool, String)>,
}

impl Selector {
    /// Terms are `a=b`, `a==b` or `a!=b`, with commas between.
    pub fn new(resource: &Resource, namespace: Option<&str>, text: &str) -> Result<Selector, Status> {
        let mut terms = Vec::new();
        for term in text.split(',').filter(|term| !term.is_empty()) {
            let (field, equal, value) = if let Some((field, value)) = term.split_once("!=") {
                (field, false, value)
            } else if let Some((field, value)) = term.split_once('=') {
                (field, true, value.trim_start_matches('='))
            } else {
                return Err(Status::bad_request(&format!("invalid field selector: {term}")));
            };
            if !resource.selectable().contains(&field) {
                return Err(Status::bad_request(&format!("field label not supported: {field}")));
            }
            terms.push((field.to_owned(), equal, value.to_owned()));
        }
        Ok(Selector { namespace: namespace.map(str::to_owned), terms })
    }

    pub fn matches(&self, object: &Object) -> bool {
        let field = |name: &str| object.fields.iter().find(|field| field.0 == name).unwrap().1.as_str();
        self.namespace.as_ref().is_none_or(|namespace| *namespace == object.key.0)
            && self.terms.iter().all(|(name, equal, value)| (field(name) == value) == *equal)
    }

    pub fn is_everything(&self) -> bool {
        self.namespace.is_none() && self.terms.is_empty()
    }

    /// What a watch sees of an event: an object that leaves the selection is DELETED for it, as it was before and
    /// with the version of the event; one that enters is ADDED.
    pub fn sees(&self, event: &Event) -> Option<(&'static str, Arc<Object>)> {
        let before = event.before.as_ref().filter(|object| self.matches(object));
        let after = event.after.as_ref().filter(|object| self.matches(object));
        match (before, after) {
            (None, Some(after)) => Some(("ADDED", after.clone())),
            (Some(_), Some(after)) => Some(("MODIFIED", after.clone())),
            (Some(before), None) => Some(("DELETED", before.at(event.resource, event.version))),
            (None, None) => None,
        }
    }
}

/// Most events that are kept; the oldest make room, and watches that had not seen them are too old.
const EVENTS_MAX: usize = 100_000;

/// All objects and the events of all resources; one version counts for all, as etcd's revision does.
#[derive(Debug)]
pub struct Store {
    objects: BTreeMap<&'static str, BTreeMap<Key, Arc<Object>>>,
    events: VecDeque<Event>,
    pub version: u64,
    /// Events up to here are gone for new watches and for pages of lists.
    pub compacted: u64,
}

impl Default for Store {
    fn default() -> Store {
        Store { objects: BTreeMap::new(), events: VecDeque::new(), version: 1000, compacted: 1000 }
    }
}

impl Store {
    pub fn get(&self, resource: &Resource, key: &Key) -> Option<&Arc<Object>> {
        self.objects.get(resource.plural)?.get(key)
    }

    /// All objects of a resource.
    pub fn all(&self, resource: &Resource) -> impl Iterator<Item = &Arc<Object>> {
        self.objects.get(resource.plural).into_iter().flat_map(BTreeMap::values)
    }

    /// Adds or changes an object; fills in what the server gives every object.
    pub fn put(&mut self, resource: &'static Resource, mut value: Value) -> Arc<Object> {
        let metadata = &mut value["metadata"];
        if resource.namespaced && metadata["namespace"].is_null() {
            metadata["namespace"] = json!("default");
        }
        self.version += 1;
        let key = key(&value);
        assert!(!key.1.is_empty(), "an object without a name: {value}");
        let before = self.get(resource, &key).cloned();
        let metadata = &mut value["metadata"];
        let kept = before.as_ref().map_or(Value::Null, |object| json::parse(&object.text)["metadata"].take());
        for (field, new) in [
            ("uid", format!("00000000-0000-4000-8000-{:012x}", self.version)),
            ("creationTimestamp", "2026-11-21T01:51:55Z".to_owned()),
        ] {
            if metadata[field].is_null() {
                metadata[field] = if kept[field].is_null() { Value::from(new) } else { kept[field].clone() };
            }
        }
        let object = Arc::new(Object::new(resource, value, self.version));
        self.keep(resource, object.clone());
        self.push(Event { version: self.version, resource, before, after: Some(object.clone()) });
        object
    }

    pub fn delete(&mut self, resource: &'static Resource, key: &Key) -> Option<Arc<Object>> {
        let before = self.objects.get_mut(resource.plural)?.remove(key)?;
        self.version += 1;
        self.push(Event { version: self.version, resource, before: Some(before.clone()), after: None });
        Some(before)
    }

    /// Takes an object as it was recorded, with its own version and without an event.
    pub fn load(&mut self, resource: &'static Resource, value: Value) {
        let version = value["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap();
        self.keep(resource, Arc::new(Object::new(resource, value, version)));
        self.version = self.version.max(version);
        self.compacted = self.version;
    }

    fn keep(&mut self, resource: &'static Resource, object: Arc<Object>) {
        self.objects.entry(resource.plural).or_default().insert(object.key.clone(), object);
    }

    fn push(&mut self, event: Event) {
        if self.events.len() == EVENTS_MAX {
            let gone = self.events.pop_front().unwrap();
            self.compacted = self.compacted.max(gone.version);
        }
        self.events.push_back(event);
    }

    /// The events after a version; none when some of them are no longer kept.
    pub fn events_after(&self, version: u64) -> Option<impl DoubleEndedIterator<Item = &Event>> {
        let start = self.events.partition_point(|event| event.version <= version);
        // Nothing is lost when the first event of all is still there or one before the wanted ones is.
        let whole = self.events.len() < EVENTS_MAX || start > 0;
        whole.then(|| self.events.range(start..))
    }

    /// A resource as it was at a version: the objects of now with the later events undone.
    pub fn list_at(&self, resource: &Resource, version: u64) -> Option<Vec<Arc<Object>>> {
        if version < self.compacted {
            return None;
        }
        let mut objects = self.objects.get(resource.plural).cloned().unwrap_or_default();
        for event in
            self.events_after(version)?.rev().filter(|event| event.resource.plural == resource.plural)
        {
            if let Some(after) = &event.after {
                objects.remove(&after.key);
            }
            if let Some(before) = &event.before {
                objects.insert(before.key.clone(), before.clone());
            }
        }
        Some(objects.into_values().collect())
    }
}
