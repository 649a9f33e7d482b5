//! What objects of several kinds have in common: owners, conditions, identities.

use crate::expo::lines::{Identity, Lines, Value};
use crate::record;
use crate::records::field::Meta;
use crate::records::{Row, Rows};

record! {
    /// An owner of an object.
    pub struct Owner {
        kind: Name = "kind",
        name: Name = "name",
        controller: Flag = "controller",
    }
}

record! {
    /// A condition of an object's status.
    pub struct Condition {
        kind: Name = "type",
        status: Name = "status",
    }
}

record! {
    /// The same with why it is so.
    pub struct ReasonedCondition {
        kind: Name = "type",
        status: Name = "status",
        reason: Name = "reason",
    }
}

record! {
    /// A text of an array, which many objects have.
    pub struct Word {
        text: Name = "@value",
    }
}

record! {
    /// So much of a resource: a member of an object such as `requests`.
    pub struct Amount {
        resource: Name = "@key",
        quantity: Quantity = "@value",
    }
}

record! {
    /// A reference to an object of a known kind.
    pub struct Named {
        name: Name = "name",
    }
}

record! {
    /// A port behind a service.
    pub struct Port {
        name: Name = "name",
        number: Int = "port",
        protocol: Name = "protocol",
    }
}

/// How much room an object with a thousand addresses has while it is read.
pub const ADDRESSES_SCRATCH_BYTES: usize = 512 * 1024;

/// The zero of Go's clock, which some families have for a time that is absent.
pub use crate::text::rfc3339::ZERO as ZERO_TIME;

/// The labels of an object in a namespace, under the name that its kind has for `label`.
pub fn namespaced(row: Row<'_>, label: &str, identity: &mut Identity<'_>) {
    identity.label("namespace", Meta(row).namespace());
    identity.label(label, Meta(row).name());
}

/// The label of an object without a namespace.
pub fn cluster_wide(row: Row<'_>, label: &str, identity: &mut Identity<'_>) {
    identity.label(label, Meta(row).name());
}

/// A sample of value 1 for each text, which is in `label`.
pub fn words(words: Rows<'_, Word<'static>>, label: &str, out: &mut Lines<'_, '_>) {
    for word in words {
        out.info(&[(label, word.text().into())]);
    }
}

/// A sample of value 1 for each name.
pub fn names(all: Rows<'_, Named<'static>>, out: &mut Lines<'_, '_>) {
    for named in all {
        out.info(&[("name", named.name().into())]);
    }
}

/// A sample for a port behind a service.
pub fn port(port: Port<'_>, number: Option<i64>, out: &mut Lines<'_, '_>) {
    out.info(&[
        ("port_name", port.name().into()),
        ("port_protocol", port.protocol().into()),
        ("port_number", number.into()),
    ]);
}

/// A sample for each owner with its kind, its name and whether it controls the object; one with empty labels if there is
/// none.
pub fn owners(owners: Rows<'_, Owner<'static>>, out: &mut Lines<'_, '_>) {
    let sample = |out: &mut Lines<'_, '_>, kind: Option<&[u8]>, name: Option<&[u8]>, controller: &str| {
        out.info(&[
            ("owner_kind", kind.into()),
            ("owner_name", name.into()),
            ("owner_is_controller", controller.into()),
        ]);
    };
    if owners.is_empty() {
        sample(out, None, None, "");
    }
    for owner in owners {
        let controller = if owner.controller() == Some(true) { "true" } else { "false" };
        sample(out, owner.kind(), owner.name(), controller);
    }
}

/// Three samples for each condition: its type in `condition`, whether it is met in `status`.
pub fn conditions(conditions: Rows<'_, Condition<'static>>, out: &mut Lines<'_, '_>) {
    for condition in conditions {
        out.condition(&[("condition", condition.kind().into())], "status", condition.status());
    }
}

/// A sample for each resource, whose name is given as it is, before these labels.
pub fn amounts(amounts: Rows<'_, Amount<'static>>, labels: &[(&str, Value<'_>)], out: &mut Lines<'_, '_>) {
    let mut all = [("resource", Value::Text(b"")); 3];
    let count = labels.len().min(2);
    all[1..=count].copy_from_slice(&labels[..count]);
    for amount in amounts {
        all[0].1 = amount.resource().into();
        if let Some(quantity) = amount.quantity() {
            out.sample(&all[..=count], quantity);
        }
    }
}

/// The version of an object, if it is a number.
pub fn resource_version(version: Option<&[u8]>, out: &mut Lines<'_, '_>) {
    out.maybe(version.and_then(crate::text::go_number::float));
}
