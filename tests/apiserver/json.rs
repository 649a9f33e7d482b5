//! JSON as the API server writes it: fields in the order of its Go structs, on one line or indented.

use serde_json::{Map, Value};

/// Fields that come first, in this order; the others follow sorted. The real order is that of each struct: this is it
/// for metadata, pods and container states, and near it for the rest.
const FIRST: &[&str] = &[
    "type",
    "kind",
    "apiVersion",
    "metadata",
    "name",
    "generateName",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
    "managedFields",
    "manager",
    "operation",
    "time",
    "fieldsType",
    "fieldsV1",
    "state",
    "lastState",
    "ready",
    "restartCount",
    "volumes",
    "initContainers",
    "containers",
    "restartPolicy",
    "terminationGracePeriodSeconds",
    "dnsPolicy",
    "nodeSelector",
    "serviceAccountName",
    "nodeName",
    "image",
    "imageID",
    "containerID",
    "command",
    "args",
    "ports",
    "env",
    "resources",
    "spec",
    "observedGeneration",
    "status",
    "phase",
    "conditions",
    "hostIP",
    "hostIPs",
    "podIP",
    "podIPs",
    "startTime",
    "initContainerStatuses",
    "containerStatuses",
    "qosClass",
];

/// One line, fields in Kubernetes' order.
pub fn ordered(value: &Value) -> String {
    let mut text = String::new();
    write(value, false, &mut text);
    text
}

/// The same document with the fields of every object in reverse: status before spec before metadata.
pub fn reversed(text: &str) -> String {
    let mut reversed = String::new();
    write(&parse(text), true, &mut reversed);
    reversed
}

/// JSON that the server has made itself or that a test has handed in.
pub fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text:.200}"))
}

/// A JSON string with its quotes.
pub fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn rank(key: &str) -> usize {
    FIRST.iter().position(|first| *first == key).unwrap_or(FIRST.len())
}

fn write(value: &Value, reverse: bool, out: &mut String) {
    match value {
        Value::Object(fields) => write_object(fields, reverse, out),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write(item, reverse, out);
            }
            out.push(']');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

fn write_object(fields: &Map<String, Value>, reverse: bool, out: &mut String) {
    let mut keys: Vec<&String> = fields.keys().collect();
    // Stable: what has no rank stays sorted.
    keys.sort_by_key(|key| rank(key));
    if reverse {
        keys.reverse();
    }
    out.push('{');
    for (at, key) in keys.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        out.push_str(&quoted(key));
        out.push(':');
        write(&fields[*key], reverse, out);
    }
    out.push('}');
}

/// The same document indented by two spaces, as the server writes it for curl and browsers.
pub fn pretty(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let (mut depth, mut string, mut escaped) = (0, false, false);
    let mut letters = text.trim_end().chars().peekable();
    let newline = |out: &mut String, depth: usize| {
        out.push('\n');
        out.push_str(&"  ".repeat(depth));
    };
    while let Some(letter) = letters.next() {
        out.push(letter);
        if string {
            string = escaped || letter != '"';
            escaped = letter == '\\' && !escaped;
            continue;
        }
        match letter {
            '"' => string = true,
            ':' => out.push(' '),
            ',' => newline(&mut out, depth),
            '{' | '[' if letters.peek().is_some_and(|next| matches!(next, '}' | ']')) => {
                out.extend(letters.next());
            }
            '{' | '[' => {
                depth += 1;
                newline(&mut out, depth);
            }
            '}' | ']' => {
                out.pop();
                depth -= 1;
                newline(&mut out, depth);
                out.push(letter);
            }
            _ => {}
        }
    }
    out
}
