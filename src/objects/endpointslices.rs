//! Addresses behind services, in slices, of `discovery.k8s.io`.

use super::common::{self, Port};
use crate::expo::lines::Lines;
use crate::record;
use crate::records::kind::{Kind, gauge};
use crate::records::{
    Family, Row,
    field::{Item, Schema as _},
};

record! {
    /// One that answers at one or more addresses.
    struct Endpoint {
        addresses: List<Item, 100> = "addresses[]",
        ready: Flag = "conditions.ready",
        serving: Flag = "conditions.serving",
        terminating: Flag = "conditions.terminating",
        hostname: Text = "hostname",
        node: Name = "nodeName",
        old_node: Name = "topology[\"kubernetes.io/hostname\"]",
        zone: Name = "zone",
        old_zone: Name = "topology[\"topology.kubernetes.io/zone\"]",
        target_kind: Name = "targetRef.kind",
        target_name: Text = "targetRef.name",
        target_namespace: Name = "targetRef.namespace",
        for_zones: List<Zone, 8> = "hints.forZones[]",
    }
}

record! {
    /// A zone that an endpoint is meant for.
    struct Zone {
        name: Name = "name",
    }
}

record! {
    /// What is kept of a slice.
    object Slice {
        created: Time = "metadata.creationTimestamp",
        labels: AllowedLabels = "metadata.labels",
        annotations: AllowedAnnotations = "metadata.annotations",
        address_type: Name = "addressType",
        endpoints: List<Endpoint, 1000> = "endpoints[]",
        ports: List<Port, 1000> = "ports[]",
    }
}

pub const KIND: Kind = Kind {
    resource: "endpointslices",
    name: "EndpointSlice",
    versions: &["discovery.k8s.io/v1", "discovery.k8s.io/v1beta1"],
    namespaced: true,
    default: true,
    fields: Slice::FIELDS,
    identity: |row, identity| {
        common::cluster_wide(row, "endpointslice", identity);
        identity.label("namespace", Slice(row).namespace());
    },
    families: FAMILIES,
    scratch_bytes: common::ADDRESSES_SCRATCH_BYTES,
};

const FAMILIES: &[Family] = &[
    gauge("kube_endpointslice_info", "What addresses the slice has.", |row, out| {
        out.info(&[("addresstype", Slice(row).address_type().into())]);
    }),
    gauge(
        "kube_endpointslice_created",
        "When the slice was created, in seconds since the epoch.",
        |row, out| {
            out.maybe(Slice(row).created());
        },
    ),
    gauge("kube_endpointslice_endpoints_hints", "Zones whose clients an endpoint is meant for.", hints),
    gauge(
        "kube_endpointslice_endpoints",
        "Addresses of the slice, their state and what is behind them.",
        endpoints,
    ),
    gauge("kube_endpointslice_ports", "Ports of the slice.", |row, out| {
        for port in Slice(row).ports() {
            common::port(port, port.number(), out);
        }
    }),
    gauge("kube_endpointslice_annotations", "Annotations of the slice that are allowed.", |row, out| {
        out.allowed_annotations(Slice(row).annotations());
    }),
    gauge("kube_endpointslice_labels", "Labels of the slice that are allowed.", |row, out| {
        out.allowed_labels(Slice(row).labels());
    }),
];

fn hints(row: Row<'_>, out: &mut Lines<'_, '_>) {
    for endpoint in Slice(row).endpoints() {
        let Some(address) = endpoint.addresses().iter().next() else { continue };
        for zone in endpoint.for_zones() {
            out.info(&[("address", address.text().into()), ("for_zone", zone.name().into())]);
        }
    }
}

fn endpoints(row: Row<'_>, out: &mut Lines<'_, '_>) {
    for endpoint in Slice(row).endpoints() {
        for address in endpoint.addresses() {
            out.info(&[
                ("ready", endpoint.ready().into()),
                ("serving", endpoint.serving().into()),
                ("hostname", endpoint.hostname().into()),
                ("terminating", endpoint.terminating().into()),
                ("targetref_kind", endpoint.target_kind().into()),
                ("targetref_name", endpoint.target_name().into()),
                ("targetref_namespace", endpoint.target_namespace().into()),
                ("endpoint_nodename", endpoint.node().or(endpoint.old_node()).into()),
                ("endpoint_zone", endpoint.zone().or(endpoint.old_zone()).into()),
                ("address", address.text().into()),
            ]);
        }
    }
}
