//! Limit ranges: what pods and claims of a namespace may ask for.

use super::common::{self, Amount};
use crate::expo::lines::Lines;
use crate::record;
use crate::records::Row;
use crate::records::kind::{Kind, SCRATCH_BYTES, gauge};
use crate::records::{Family, field::Schema as _};

record! {
    /// The limits of a type of things.
    struct Limit {
        kind: Name = "type",
        min: List<Amount, 64> = "min",
        max: List<Amount, 64> = "max",
        default: List<Amount, 64> = "default",
        default_request: List<Amount, 64> = "defaultRequest",
        max_ratio: List<Amount, 64> = "maxLimitRequestRatio",
    }
}

record! {
    /// What is kept of a limit range.
    object LimitRange {
        created: Time = "metadata.creationTimestamp",
        limits: List<Limit, 16> = "spec.limits[]",
    }
}

pub const KIND: Kind = Kind {
    resource: "limitranges",
    name: "LimitRange",
    versions: &["v1"],
    namespaced: true,
    default: true,
    fields: LimitRange::FIELDS,
    identity: |row, identity| common::namespaced(row, "limitrange", identity),
    families: FAMILIES,
    scratch_bytes: SCRATCH_BYTES,
};

const FAMILIES: &[Family] = &[
    gauge(
        "kube_limitrange",
        "Amounts of a resource that a pod, container or claim has at least, at most or by default.",
        limits,
    )
    .stable(),
    gauge(
        "kube_limitrange_created",
        "When the limit range was created, in seconds since the epoch.",
        |row, out| {
            out.maybe(LimitRange(row).created());
        },
    )
    .stable(),
];

fn limits(row: Row<'_>, out: &mut Lines<'_, '_>) {
    for limit in LimitRange(row).limits() {
        let constraints = [
            ("min", limit.min()),
            ("max", limit.max()),
            ("default", limit.default()),
            ("defaultRequest", limit.default_request()),
            ("maxLimitRequestRatio", limit.max_ratio()),
        ];
        for (constraint, amounts) in constraints {
            common::amounts(
                amounts,
                &[("type", limit.kind().into()), ("constraint", constraint.into())],
                out,
            );
        }
    }
}
