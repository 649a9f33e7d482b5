//! What the API server says when it refuses: a code and a `Status` object.

use super::json;
use super::kinds::Resource;

/// A refusal.
#[derive(Clone, Debug)]
pub struct Status {
    pub code: u16,
    pub body: String,
    /// Seconds of the `Retry-After` field.
    pub retry_after: Option<u32>,
}

impl Status {
    pub fn new(code: u16, reason: &str, message: &str, details: &str) -> Status {
        Status::with_metadata(code, reason, message, details, "{}")
    }

    fn with_metadata(code: u16, reason: &str, message: &str, details: &str, metadata: &str) -> Status {
        let reason = if reason.is_empty() { String::new() } else { format!(r#","reason":"{reason}""#) };
        let details = if details.is_empty() { String::new() } else { format!(r#","details":{details}"#) };
        let body = format!(
            r#"{{"kind":"Status","apiVersion":"v1","metadata":{metadata},"status":"Failure","message":{}{reason}{details},"code":{code}}}"#,
            json::quoted(message),
        );
        Status { code, body, retry_after: None }
    }

    pub fn unauthorized() -> Status {
        Status::new(401, "Unauthorized", "Unauthorized", "")
    }

    /// `verb` as the authorizer calls it: get, list, watch, create, update, delete.
    pub fn forbidden(resource: &Resource, verb: &str, namespace: Option<&str>, name: Option<&str>) -> Status {
        let qualified = resource.qualified();
        let subject = match name {
            Some(name) => format!("{qualified} {} is forbidden", json::quoted(name)),
            None => format!("{qualified} is forbidden"),
        };
        let scope = match namespace {
            Some(namespace) => format!("in the namespace {}", json::quoted(namespace)),
            None => "at the cluster scope".to_owned(),
        };
        let message = format!(
            r#"{subject}: User "system:serviceaccount:monitoring:trimeter" cannot {verb} resource "{}" in API group "{}" {scope}"#,
            resource.plural,
            resource.group(),
        );
        Status::new(403, "Forbidden", &message, &details(resource, name))
    }

    /// Neither the group version nor the path is known.
    pub fn unknown_path() -> Status {
        Status::new(404, "NotFound", "the server could not find the requested resource", "{}")
    }

    pub fn is_unknown_path(&self) -> bool {
        self.body == Status::unknown_path().body
    }

    pub fn not_found(resource: &Resource, name: &str) -> Status {
        let message = format!("{} {} not found", resource.qualified(), json::quoted(name));
        Status::new(404, "NotFound", &message, &details(resource, Some(name)))
    }

    pub fn method_not_allowed() -> Status {
        let message = "the server does not allow this method on the requested resource";
        Status::new(405, "MethodNotAllowed", message, "{}")
    }

    pub fn bad_request(message: &str) -> Status {
        Status::new(400, "BadRequest", message, "")
    }

    pub fn already_exists(resource: &Resource, name: &str) -> Status {
        let message = format!("{} {} already exists", resource.qualified(), json::quoted(name));
        Status::new(409, "AlreadyExists", &message, &details(resource, Some(name)))
    }

    /// Someone else has written in between.
    pub fn conflict(resource: &Resource, name: &str) -> Status {
        let message = format!(
            "Operation cannot be fulfilled on {} {}: the object has been modified; please apply your changes to the latest version and try again",
            resource.qualified(),
            json::quoted(name)
        );
        Status::new(409, "Conflict", &message, &details(resource, Some(name)))
    }

    /// An update that does not say which version it has seen.
    pub fn version_missing(resource: &Resource, name: &str) -> Status {
        let message = format!(
            "{} {} is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update",
            resource.qualified(),
            json::quoted(name)
        );
        Status::new(422, "Invalid", &message, &details(resource, Some(name)))
    }

    /// A list option that this server forbids.
    pub fn option_forbidden(code: u16, field: &str, message: &str) -> Status {
        let whole = format!(r#"ListOptions.meta.k8s.io "" is invalid: {field}: Forbidden: {message}"#);
        let details = format!(
            r#"{{"group":"meta.k8s.io","kind":"ListOptions","causes":[{{"reason":"FieldValueForbidden","message":{},"field":"{field}"}}]}}"#,
            json::quoted(&format!("Forbidden: {message}")),
        );
        let reason = if code == 400 { "BadRequest" } else { "Invalid" };
        Status::new(code, reason, &whole, &details)
    }

    /// The events after `version` are no longer there.
    pub fn too_old(version: u64, oldest: u64) -> Status {
        Status::new(410, "Expired", &format!("too old resource version: {version} ({oldest})"), "")
    }

    /// The list that a `continue` token belongs to is no longer there; `token` would go on with the list of now.
    pub fn continue_expired(token: &str) -> Status {
        let message = "The provided continue parameter is too old to display a consistent list result. You can start \
            a new list without the continue parameter, or use the continue token in this response to retrieve the \
            remainder of the results. Continuing with the provided token results in an inconsistent list - objects \
            that were created, modified, or deleted between the time the first chunk was returned and now may show up \
            in the list.";
        let metadata = format!(r#"{{"continue":"{token}"}}"#);
        Status::with_metadata(410, "Expired", message, "", &metadata)
    }

    /// A list at a version that the server has not reached.
    pub fn too_large(version: u64, current: u64) -> Status {
        let message = format!("Too large resource version: {version}, current: {current}");
        let details = r#"{"causes":[{"reason":"ResourceVersionTooLarge","message":"Too large resource version"}],"retryAfterSeconds":1}"#;
        Status { retry_after: Some(1), ..Status::new(504, "Timeout", &message, details) }
    }

    /// Priority and fairness has no place for this request.
    pub fn too_many_requests(seconds: u32) -> Status {
        let details = format!(r#"{{"retryAfterSeconds":{seconds}}}"#);
        let message = "too many requests, please try again later";
        Status { retry_after: Some(seconds), ..Status::new(429, "TooManyRequests", message, &details) }
    }

    /// Trouble of the server's own.
    pub fn trouble(code: u16) -> Status {
        let (reason, message) = match code {
            503 => ("ServiceUnavailable", "the server is currently unable to handle the request"),
            504 => ("Timeout", "the server was unable to return a response in the time allotted"),
            _ => ("InternalError", "Internal error occurred: etcdserver: leader changed"),
        };
        Status::new(code, reason, message, "")
    }
}

fn details(resource: &Resource, name: Option<&str>) -> String {
    let name = name.map_or(String::new(), |name| format!(r#""name":{},"#, json::quoted(name)));
    let group = match resource.group() {
        "" => String::new(),
        group => format!(r#""group":"{group}","#),
    };
    format!(r#"{{{name}{group}"kind":"{}"}}"#, resource.plural)
}
