//! Services.

use super::common;
use crate::record;
use crate::records::kind::{Kind, LISTS_SCRATCH_BYTES, gauge};
use crate::records::{
    Family,
    field::{Item, Schema as _},
};

record! {
    /// Where a load balancer listens for a service.
    struct Balancer {
        ip: Text = "ip",
        hostname: Text = "hostname",
    }
}

record! {
    /// What is kept of a service.
    object Service {
        created: Time = "metadata.creationTimestamp",
        deleted: Time = "metadata.deletionTimestamp",
        labels: AllowedLabels = "metadata.labels",
        annotations: AllowedAnnotations = "metadata.annotations",
        cluster_ip: Text = "spec.clusterIP",
        external_name: Text = "spec.externalName",
        load_balancer_ip: Text = "spec.loadBalancerIP",
        external_traffic: Name = "spec.externalTrafficPolicy",
        kind: Name = "spec.type",
        external_ips: List<Item, 256> = "spec.externalIPs[]",
        balancers: List<Balancer, 256> = "status.loadBalancer.ingress[]",
    }
}

pub const KIND: Kind = Kind {
    resource: "services",
    name: "Service",
    versions: &["v1"],
    namespaced: true,
    default: true,
    fields: Service::FIELDS,
    identity: |row, identity| {
        common::namespaced(row, "service", identity);
        identity.label("uid", Service(row).uid());
    },
    families: FAMILIES,
    scratch_bytes: LISTS_SCRATCH_BYTES,
};

const FAMILIES: &[Family] = &[
    gauge(
        "kube_service_info",
        "Addresses of the service, and how it treats traffic from outside.",
        |row, out| {
            let service = Service(row);
            out.info(&[
                ("cluster_ip", service.cluster_ip().into()),
                ("external_name", service.external_name().into()),
                ("load_balancer_ip", service.load_balancer_ip().into()),
                ("external_traffic_policy", service.external_traffic().into()),
            ]);
        },
    )
    .stable()
    .essential(),
    gauge("kube_service_created", "When the service was created, in seconds since the epoch.", |row, out| {
        out.maybe(Service(row).created());
    })
    .stable()
    .essential(),
    gauge("kube_service_spec_type", "The type of the service.", |row, out| {
        out.info(&[("type", Service(row).kind().into())]);
    })
    .stable()
    .essential(),
    gauge("kube_service_annotations", "Annotations of the service that are allowed.", |row, out| {
        out.allowed_annotations(Service(row).annotations());
    }),
    gauge("kube_service_labels", "Labels of the service that are allowed.", |row, out| {
        out.allowed_labels(Service(row).labels());
    })
    .stable(),
    gauge(
        "kube_service_spec_external_ip",
        "Addresses outside the cluster at which the service is to answer.",
        |row, out| {
            for ip in Service(row).external_ips() {
                out.info(&[("external_ip", ip.text().into())]);
            }
        },
    )
    .stable(),
    gauge(
        "kube_service_status_load_balancer_ingress",
        "Addresses and names that a load balancer gave the service.",
        |row, out| {
            for balancer in Service(row).balancers() {
                out.info(&[("ip", balancer.ip().into()), ("hostname", balancer.hostname().into())]);
            }
        },
    )
    .stable(),
    gauge(
        "kube_service_deletion_timestamp",
        "When the service is to be gone, in seconds since the epoch.",
        |row, out| {
            out.maybe(Service(row).deleted());
        },
    ),
];
