//! The Lease as the API server writes it: what is read of it, and the same object with another spec.

use crate::text::date;
use serde_json::{Map, Value, json};

/// Longest duration that the lease of another agent is believed to have, in seconds.
const SECONDS_MAX: u64 = 600;

/// A Lease that was read. What is not known of it is kept and written back.
#[derive(Clone, Debug)]
pub(super) struct Lease {
    /// The object without its spec.
    frame: Map<String, Value>,
    spec: Map<String, Value>,
    /// Changes with every write; never empty.
    pub version: String,
    /// Changes when the object is deleted and created again.
    pub uid: String,
    /// Empty: nobody holds it.
    pub holder: String,
    /// Of the agent that wrote it last; within what agents may be told, or `None`.
    pub seconds: Option<u64>,
    /// How often the holder has changed.
    pub transitions: u32,
}

/// What a holder writes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'a> {
    pub holder: &'a str,
    pub seconds: u64,
    /// Nanoseconds since the epoch: for people only.
    pub unix_nanos: i64,
}

impl Lease {
    /// `None`: that is no Lease of this name.
    pub fn parse(text: &[u8], name: &str) -> Option<Lease> {
        let Value::Object(mut frame) = serde_json::from_slice(text).ok()? else { return None };
        if frame.get("kind").is_some_and(|kind| kind != "Lease") {
            return None;
        }
        let spec = match frame.remove("spec") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(spec)) => spec,
            Some(_) => return None,
        };
        let metadata = frame.get("metadata")?.as_object()?;
        let version = metadata.get("resourceVersion")?.as_str()?.to_owned();
        if version.is_empty() || metadata.get("name")? != name {
            return None;
        }
        let uid = metadata.get("uid").and_then(Value::as_str).unwrap_or_default().to_owned();
        let holder = match spec.get("holderIdentity") {
            None | Some(Value::Null) => String::new(),
            Some(holder) => holder.as_str()?.to_owned(),
        };
        let number = |name| spec.get(name).and_then(Value::as_u64);
        let seconds = number("leaseDurationSeconds").filter(|&seconds| seconds > 0);
        let transitions = number("leaseTransitions").and_then(|count| u32::try_from(count).ok());
        Some(Lease {
            version,
            uid,
            holder,
            seconds: seconds.map(|seconds| seconds.min(SECONDS_MAX)),
            transitions: transitions.unwrap_or(0),
            frame,
            spec,
        })
    }

    /// The object to replace it with. Its resourceVersion makes the write fail when somebody else was faster, its uid
    /// when it was deleted: without a uid the server would create it again.
    pub fn written(&self, entry: &Entry<'_>) -> String {
        let mut spec = self.spec.clone();
        fill(&mut spec, entry);
        if !entry.holder.is_empty() && entry.holder != self.holder {
            spec.insert("acquireTime".into(), micro_time(entry.unix_nanos).into());
            // The field has 32 bits and a sign.
            let transitions = i64::from(self.transitions) + 1;
            spec.insert("leaseTransitions".into(), transitions.min(i64::from(i32::MAX)).into());
        }
        let mut object = self.frame.clone();
        object.entry("apiVersion").or_insert_with(|| "coordination.k8s.io/v1".into());
        object.entry("kind").or_insert_with(|| "Lease".into());
        object.insert("spec".into(), spec.into());
        Value::Object(object).to_string()
    }
}

/// The object to create.
pub(super) fn fresh(name: &str, namespace: &str, entry: &Entry<'_>) -> String {
    let mut spec = Map::new();
    fill(&mut spec, entry);
    spec.insert("acquireTime".into(), micro_time(entry.unix_nanos).into());
    spec.insert("leaseTransitions".into(), 0.into());
    json!({
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": { "name": name, "namespace": namespace },
        "spec": spec,
    })
    .to_string()
}

fn fill(spec: &mut Map<String, Value>, entry: &Entry<'_>) {
    spec.insert("holderIdentity".into(), entry.holder.into());
    spec.insert("leaseDurationSeconds".into(), entry.seconds.into());
    spec.insert("renewTime".into(), micro_time(entry.unix_nanos).into());
}

/// RFC 3339 with six decimals, as Kubernetes' MicroTime.
pub(super) fn micro_time(unix_nanos: i64) -> String {
    let micros = unix_nanos.div_euclid(1000);
    let (seconds, micros) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
    let (day, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let year = date::year_of(day);
    let (mut day, mut month) = (day - date::year_start(year), 1);
    while month < 12 && day >= date::days_in_month(year, month) {
        day -= date::days_in_month(year, month);
        month += 1;
    }
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z", day + 1)
}
