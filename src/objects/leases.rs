//! Leases of `coordination.k8s.io/v1`, by which nodes say that they are there and controllers who leads.

use super::common::{self, Owner};
use crate::expo::lines::Lines;
use crate::record;
use crate::records::Row;
use crate::records::kind::{Kind, SCRATCH_BYTES, gauge};
use crate::records::{Family, field::Schema as _};

record! {
    /// What is kept of a lease.
    object Lease {
        owners: List<Owner, 16> = "metadata.ownerReferences[]",
        holder: Text = "spec.holderIdentity",
        renewed: Time = "spec.renewTime",
    }
}

pub const KIND: Kind = Kind {
    resource: "leases",
    name: "Lease",
    versions: &["coordination.k8s.io/v1", "coordination.k8s.io/v1beta1"],
    namespaced: true,
    default: true,
    fields: Lease::FIELDS,
    identity: |row, identity| common::cluster_wide(row, "lease", identity),
    families: FAMILIES,
    scratch_bytes: SCRATCH_BYTES,
};

const FAMILIES: &[Family] = &[
    gauge("kube_lease_owner", "Owners of the lease, and who holds it.", owner),
    gauge(
        "kube_lease_renew_time",
        "When its holder last renewed the lease, in seconds since the epoch.",
        renew_time,
    ),
];

fn owner(row: Row<'_>, out: &mut Lines<'_, '_>) {
    let lease = Lease(row);
    let sample = |out: &mut Lines<'_, '_>, kind: Option<&[u8]>, name: Option<&[u8]>| {
        out.info(&[
            ("owner_kind", kind.into()),
            ("owner_name", name.into()),
            ("namespace", lease.namespace().into()),
            ("lease_holder", lease.holder().into()),
        ]);
    };
    if lease.owners().is_empty() {
        sample(out, None, None);
    }
    for owner in lease.owners() {
        sample(out, owner.kind(), owner.name());
    }
}

fn renew_time(row: Row<'_>, out: &mut Lines<'_, '_>) {
    if let Some(renewed) = Lease(row).renewed() {
        out.sample(&[("namespace", Lease(row).namespace().into())], renewed);
    }
}
