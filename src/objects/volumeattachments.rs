//! Volumes at nodes, of `storage.k8s.io`.

use super::common;
use crate::record;
use crate::records::kind::{Kind, SCRATCH_BYTES, gauge};
use crate::records::{Family, field::Schema as _};

record! {
    /// What is kept of an attachment.
    object Attachment {
        created: Time = "metadata.creationTimestamp",
        labels: AllLabels = "metadata.labels",
        attacher: Name = "spec.attacher",
        node: Name = "spec.nodeName",
        volume: Text = "spec.source.persistentVolumeName",
        attached: Flag = "status.attached",
        metadata: MetadataLabels = "status.attachmentMetadata",
    }
}

pub const KIND: Kind = Kind {
    resource: "volumeattachments",
    name: "VolumeAttachment",
    versions: &["storage.k8s.io/v1", "storage.k8s.io/v1beta1"],
    namespaced: false,
    default: true,
    fields: Attachment::FIELDS,
    identity: |row, identity| common::cluster_wide(row, "volumeattachment", identity),
    families: FAMILIES,
    scratch_bytes: SCRATCH_BYTES,
};

const FAMILIES: &[Family] = &[
    gauge("kube_volumeattachment_labels", "Labels of the attachment, all of them.", |row, out| {
        out.labelled(Attachment(row).labels());
    }),
    gauge("kube_volumeattachment_info", "The driver that attaches, and the node.", |row, out| {
        let attachment = Attachment(row);
        out.info(&[("attacher", attachment.attacher().into()), ("node", attachment.node().into())]);
    }),
    gauge(
        "kube_volumeattachment_created",
        "When the attachment was created, in seconds since the epoch.",
        |row, out| {
            out.maybe(Attachment(row).created());
        },
    ),
    gauge(
        "kube_volumeattachment_spec_source_persistentvolume",
        "The volume that is to be attached.",
        |row, out| {
            if let Some(volume) = Attachment(row).volume() {
                out.info(&[("volumename", volume.into())]);
            }
        },
    ),
    gauge("kube_volumeattachment_status_attached", "1 if the volume is attached, else 0.", |row, out| {
        out.flag(Attachment(row).attached());
    }),
    gauge(
        "kube_volumeattachment_status_attachment_metadata",
        "What the driver says of the attachment.",
        |row, out| {
            out.labelled(Attachment(row).metadata());
        },
    ),
];
