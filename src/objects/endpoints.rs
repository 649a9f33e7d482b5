//! Addresses behind services, in the shape that `endpointslices` came after.

use super::common::{self, Port};
use crate::expo::lines::Lines;
use crate::record;
use crate::records::kind::{Kind, gauge};
use crate::records::{Family, Row, field::Schema as _};

record! {
    /// An address.
    struct Address {
        ip: Text = "ip",
    }
}

record! {
    /// Addresses with the same ports.
    struct Subset {
        ready: List<Address, 1000> = "addresses[]",
        not_ready: List<Address, 1000> = "notReadyAddresses[]",
        ports: List<Port, 1000> = "ports[]",
    }
}

record! {
    /// What is kept of the addresses of a service.
    object Endpoints {
        created: Time = "metadata.creationTimestamp",
        labels: AllowedLabels = "metadata.labels",
        annotations: AllowedAnnotations = "metadata.annotations",
        subsets: List<Subset, 64> = "subsets[]",
    }
}

pub const KIND: Kind = Kind {
    resource: "endpoints",
    name: "Endpoints",
    versions: &["v1"],
    namespaced: true,
    default: false,
    fields: Endpoints::FIELDS,
    identity: |row, identity| common::namespaced(row, "endpoint", identity),
    families: FAMILIES,
    scratch_bytes: common::ADDRESSES_SCRATCH_BYTES,
};

const FAMILIES: &[Family] = &[
    gauge("kube_endpoint_info", "1 for each service with addresses.", |_, out| out.info(&[]))
        .stable()
        .essential(),
    gauge(
        "kube_endpoint_created",
        "When the list of addresses was created, in seconds since the epoch.",
        |row, out| {
            out.maybe(Endpoints(row).created());
        },
    )
    .stable()
    .essential(),
    gauge(
        "kube_endpoint_annotations",
        "Annotations of the list of addresses that are allowed.",
        |row, out| {
            out.allowed_annotations(Endpoints(row).annotations());
        },
    ),
    gauge("kube_endpoint_labels", "Labels of the list of addresses that are allowed.", |row, out| {
        out.allowed_labels(Endpoints(row).labels());
    })
    .stable(),
    gauge(
        "kube_endpoint_address",
        "Addresses behind a service with each port that they have, ready or not.",
        addresses,
    )
    .stable(),
    gauge("kube_endpoint_ports", "(Deprecated since v2.14.0) Ports behind a service.", ports).stable(),
];

/// Every address with every port.
fn addresses(row: Row<'_>, out: &mut Lines<'_, '_>) {
    for subset in Endpoints(row).subsets() {
        for (addresses, ready) in [(subset.ready(), true), (subset.not_ready(), false)] {
            for port in subset.ports() {
                for address in addresses {
                    out.info(&[
                        ("port_protocol", port.protocol().into()),
                        ("port_number", port.number().unwrap_or(0).into()),
                        ("port_name", port.name().into()),
                        ("ip", address.ip().into()),
                        ("ready", ready.into()),
                    ]);
                }
            }
        }
    }
}

fn ports(row: Row<'_>, out: &mut Lines<'_, '_>) {
    for subset in Endpoints(row).subsets() {
        for port in subset.ports() {
            common::port(port, Some(port.number().unwrap_or(0)), out);
        }
    }
}
