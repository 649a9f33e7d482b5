//! Config maps, without what is in them.

use super::common;
use crate::record;
use crate::records::kind::{Kind, SCRATCH_BYTES, gauge};
use crate::records::{Family, field::Schema as _};

record! {
    /// What is kept of a config map. Its data is not.
    object ConfigMap {
        created: Time = "metadata.creationTimestamp",
        version: Text = "metadata.resourceVersion",
        labels: AllowedLabels = "metadata.labels",
        annotations: AllowedAnnotations = "metadata.annotations",
    }
}

pub const KIND: Kind = Kind {
    resource: "configmaps",
    name: "ConfigMap",
    versions: &["v1"],
    namespaced: true,
    default: true,
    fields: ConfigMap::FIELDS,
    identity: |row, identity| common::namespaced(row, "configmap", identity),
    families: FAMILIES,
    scratch_bytes: SCRATCH_BYTES,
};

const FAMILIES: &[Family] = &[
    gauge("kube_configmap_annotations", "Annotations of the config map that are allowed.", |row, out| {
        out.allowed_annotations(ConfigMap(row).annotations());
    }),
    gauge("kube_configmap_labels", "Labels of the config map that are allowed.", |row, out| {
        out.allowed_labels(ConfigMap(row).labels());
    })
    .stable(),
    gauge("kube_configmap_info", "The config map is there.", |_, out| {
        out.info(&[]);
    })
    .stable()
    .essential(),
    gauge(
        "kube_configmap_created",
        "When the config map was created, in seconds since the epoch.",
        |row, out| {
            out.maybe(ConfigMap(row).created());
        },
    )
    .stable()
    .essential(),
    gauge(
        "kube_configmap_metadata_resource_version",
        "Version of the config map in the API server.",
        |row, out| {
            common::resource_version(ConfigMap(row).version(), out);
        },
    ),
];
