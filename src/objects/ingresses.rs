//! Ingresses of `networking.k8s.io`.

use super::common;
use crate::expo::lines::{Lines, Value};
use crate::record;
use crate::records::kind::{Kind, LISTS_SCRATCH_BYTES, gauge};
use crate::records::{
    Family, Row,
    field::{Item, Schema as _},
};

record! {
    /// Paths of a host.
    struct Rule {
        host: Text = "host",
        paths: List<Path, 128> = "http.paths[]",
    }
}

record! {
    /// A path, and the service or resource behind it.
    struct Path {
        path: Text = "path",
        kind: Name = "pathType",
        service: Present = "backend.service",
        service_name: Name = "backend.service.name",
        service_port: Int = "backend.service.port.number",
        old_service: Name = "backend.serviceName",
        old_port: Int = "backend.servicePort",
        old_port_name: Name = "backend.servicePort",
        resource: Present = "backend.resource",
        resource_group: Name = "backend.resource.apiGroup",
        resource_kind: Name = "backend.resource.kind",
        resource_name: Name = "backend.resource.name",
    }
}

record! {
    /// A certificate and its hosts.
    struct Tls {
        hosts: List<Item, 256> = "hosts[]",
        secret: Name = "secretName",
    }
}

record! {
    /// What is kept of an ingress.
    object Ingress {
        created: Time = "metadata.creationTimestamp",
        version: Text = "metadata.resourceVersion",
        labels: AllowedLabels = "metadata.labels",
        annotations: AllowedAnnotations = "metadata.annotations",
        old_class: Name = "metadata.annotations[\"kubernetes.io/ingress.class\"]",
        class: Name = "spec.ingressClassName",
        rules: List<Rule, 512> = "spec.rules[]",
        tls: List<Tls, 256> = "spec.tls[]",
    }
}

pub const KIND: Kind = Kind {
    resource: "ingresses",
    name: "Ingress",
    versions: &["networking.k8s.io/v1", "networking.k8s.io/v1beta1", "extensions/v1beta1"],
    namespaced: true,
    default: true,
    fields: Ingress::FIELDS,
    identity: |row, identity| common::namespaced(row, "ingress", identity),
    families: FAMILIES,
    scratch_bytes: LISTS_SCRATCH_BYTES,
};

const FAMILIES: &[Family] = &[
    gauge("kube_ingress_info", "The class of the ingress.", |row, out| {
        let ingress = Ingress(row);
        let class = ingress.old_class().or(ingress.class()).unwrap_or(b"_default");
        out.info(&[("ingressclass", class.into())]);
    })
    .stable()
    .essential(),
    gauge("kube_ingress_annotations", "Annotations of the ingress that are allowed.", |row, out| {
        out.allowed_annotations(Ingress(row).annotations());
    }),
    gauge("kube_ingress_labels", "Labels of the ingress that are allowed.", |row, out| {
        out.allowed_labels(Ingress(row).labels());
    })
    .stable(),
    gauge("kube_ingress_created", "When the ingress was created, in seconds since the epoch.", |row, out| {
        out.maybe(Ingress(row).created());
    })
    .stable()
    .essential(),
    gauge(
        "kube_ingress_metadata_resource_version",
        "Version of the ingress, where it is a number.",
        |row, out| {
            common::resource_version(Ingress(row).version(), out);
        },
    ),
    gauge("kube_ingress_path", "Paths of the ingress and what answers there.", |row, out| {
        for rule in Ingress(row).rules() {
            for path in rule.paths() {
                backend(rule, path, out);
            }
        }
    })
    .stable()
    .essential(),
    gauge("kube_ingress_tls", "Hosts whose certificates the ingress has, and where they are kept.", tls)
        .stable(),
];

fn backend(rule: Rule<'_>, path: Path<'_>, out: &mut Lines<'_, '_>) {
    let host = ("host", rule.host().into());
    let (text, kind) = (("path", path.path().into()), ("path_type", path.kind().into()));
    let service = |out: &mut Lines<'_, '_>, name: Option<&[u8]>, port: Value<'_>| {
        out.info(&[host, text, kind, ("service_name", name.into()), ("service_port", port)]);
    };
    if path.service() {
        service(out, path.service_name(), path.service_port().unwrap_or(0).into());
    } else if let Some(name) = path.old_service() {
        let port = path.old_port().map_or(path.old_port_name().into(), Value::Int);
        service(out, Some(name), port);
    } else if path.resource() {
        out.info(&[
            host,
            text,
            kind,
            ("resource_api_group", path.resource_group().into()),
            ("resource_kind", path.resource_kind().into()),
            ("resource_name", path.resource_name().into()),
        ]);
    }
}

fn tls(row: Row<'_>, out: &mut Lines<'_, '_>) {
    for tls in Ingress(row).tls() {
        for host in tls.hosts() {
            out.info(&[("tls_host", host.text().into()), ("secret", tls.secret().into())]);
        }
    }
}
