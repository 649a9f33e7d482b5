//! Volumes of storage.

use super::common::{self, Word};
use crate::expo::lines::{Lines, Value};
use crate::record;
use crate::records::kind::{Kind, SCRATCH_BYTES, gauge};
use crate::records::{
    Family, Row,
    field::{Item, Schema as _},
};
use crate::text::quantity::Quantity;

record! {
    /// What is kept of a volume.
    object Volume {
        created: Time = "metadata.creationTimestamp",
        deleted: Time = "metadata.deletionTimestamp",
        labels: AllowedLabels = "metadata.labels",
        annotations: AllowedAnnotations = "metadata.annotations",
        claim: Present = "spec.claimRef",
        claim_name: Text = "spec.claimRef.name",
        claim_namespace: Name = "spec.claimRef.namespace",
        phase: Name = "status.phase",
        class: Name = "spec.storageClassName",
        reclaim_policy: Name = "spec.persistentVolumeReclaimPolicy",
        mode: Name = "spec.volumeMode",
        access_modes: List<Word, 4> = "spec.accessModes[]",
        capacity: Quantity = "spec.capacity.storage",
        gce: Present = "spec.gcePersistentDisk",
        gce_name: Text = "spec.gcePersistentDisk.pdName",
        ebs: Present = "spec.awsElasticBlockStore",
        ebs_volume: Text = "spec.awsElasticBlockStore.volumeID",
        azure: Present = "spec.azureDisk",
        azure_name: Text = "spec.azureDisk.diskName",
        fc: Present = "spec.fc",
        fc_lun: Int = "spec.fc.lun",
        fc_wwids: List<Item, 64> = "spec.fc.wwids[]",
        fc_targets: List<Item, 64> = "spec.fc.targetWWNs[]",
        iscsi: Present = "spec.iscsi",
        iscsi_portal: Name = "spec.iscsi.targetPortal",
        iscsi_iqn: Text = "spec.iscsi.iqn",
        iscsi_lun: Int = "spec.iscsi.lun",
        iscsi_initiator: Text = "spec.iscsi.initiatorName",
        nfs: Present = "spec.nfs",
        nfs_server: Name = "spec.nfs.server",
        nfs_path: Text = "spec.nfs.path",
        csi: Present = "spec.csi",
        csi_driver: Name = "spec.csi.driver",
        csi_handle: Text = "spec.csi.volumeHandle",
        csi_mounter: Name = "spec.csi.volumeAttributes.mounter",
        csi_map_options: Name = "spec.csi.volumeAttributes.mapOptions",
        local: Present = "spec.local",
        local_path: Text = "spec.local.path",
        local_fs: Name = "spec.local.fsType",
        host: Present = "spec.hostPath",
        host_path: Text = "spec.hostPath.path",
        host_path_type: Name = "spec.hostPath.type",
    }
}

pub const KIND: Kind = Kind {
    resource: "persistentvolumes",
    name: "PersistentVolume",
    versions: &["v1"],
    namespaced: false,
    default: true,
    fields: Volume::FIELDS,
    identity: |row, identity| common::cluster_wide(row, "persistentvolume", identity),
    families: FAMILIES,
    scratch_bytes: SCRATCH_BYTES,
};

const FAMILIES: &[Family] = &[
    gauge("kube_persistentvolume_claim_ref", "The claim that the volume is for.", |row, out| {
        let volume = Volume(row);
        if volume.claim() {
            out.info(&[
                ("name", volume.claim_name().into()),
                ("claim_namespace", volume.claim_namespace().into()),
            ]);
        }
    })
    .stable(),
    gauge("kube_persistentvolume_annotations", "Annotations of the volume that are allowed.", |row, out| {
        out.allowed_annotations(Volume(row).annotations());
    }),
    gauge("kube_persistentvolume_labels", "Labels of the volume that are allowed.", |row, out| {
        out.allowed_labels(Volume(row).labels());
    })
    .stable(),
    gauge("kube_persistentvolume_status_phase", "The phase that the volume is in.", |row, out| {
        out.one_of("phase", &PHASES, Volume(row).phase());
    })
    .stable()
    .essential(),
    gauge("kube_persistentvolume_info", "Where the volume is stored.", info).stable().essential(),
    gauge("kube_persistentvolume_capacity_bytes", "Bytes of the volume.", |row, out| {
        out.value(Volume(row).capacity().map_or(0, Quantity::value));
    })
    .stable()
    .essential(),
    gauge(
        "kube_persistentvolume_created",
        "When the volume was created, in seconds since the epoch.",
        |row, out| {
            out.maybe(Volume(row).created());
        },
    ),
    gauge(
        "kube_persistentvolume_deletion_timestamp",
        "When the volume is to be gone, in seconds since the epoch.",
        |row, out| {
            out.maybe(Volume(row).deleted());
        },
    ),
    gauge(
        "kube_persistentvolume_csi_attributes",
        "How the driver of the volume mounts and maps it.",
        |row, out| {
            let volume = Volume(row);
            if volume.csi() {
                out.info(&[
                    ("csi_mounter", volume.csi_mounter().into()),
                    ("csi_map_options", volume.csi_map_options().into()),
                ]);
            }
        },
    )
    .opt_in(),
    gauge(
        "kube_persistentvolume_volume_mode",
        "Is the volume a file system or a block device?",
        |row, out| {
            out.info(&[("volumemode", Volume(row).mode().unwrap_or(b"Filesystem").into())]);
        },
    ),
    gauge("kube_persistentvolume_access_mode", "Ways in which the volume can be used.", |row, out| {
        common::words(Volume(row).access_modes(), "access_mode", out);
    }),
];

const PHASES: [&str; 5] = ["Pending", "Available", "Bound", "Released", "Failed"];

/// Kinds of storage; a volume that names several is of the first.
#[derive(Clone, Copy, PartialEq)]
enum Source {
    Gce,
    Ebs,
    Azure,
    Fc,
    Iscsi,
    Nfs,
    Csi,
    Local,
    Host,
}

impl Source {
    fn of(volume: Volume<'_>) -> Option<Source> {
        let named = [
            (Source::Gce, volume.gce()),
            (Source::Ebs, volume.ebs()),
            (Source::Azure, volume.azure()),
            (Source::Fc, volume.fc()),
            (Source::Iscsi, volume.iscsi()),
            (Source::Nfs, volume.nfs()),
            (Source::Csi, volume.csi()),
            (Source::Local, volume.local()),
            (Source::Host, volume.host()),
        ];
        named.into_iter().find(|(_, named)| *named).map(|(source, _)| source)
    }
}

fn info(row: Row<'_>, out: &mut Lines<'_, '_>) {
    let volume = Volume(row);
    let source = Source::of(volume);
    let of = |of, text| Value::from(if source == Some(of) { text } else { None });
    let list = |items| if source == Some(Source::Fc) { Value::Commas(items) } else { Value::Text(b"") };
    let fc_lun = volume.fc_lun().filter(|_| source == Some(Source::Fc));
    let iscsi_lun = (source == Some(Source::Iscsi)).then(|| volume.iscsi_lun().unwrap_or(0));
    out.info(&[
        ("storageclass", volume.class().into()),
        ("gce_persistent_disk_name", of(Source::Gce, volume.gce_name())),
        ("ebs_volume_id", of(Source::Ebs, volume.ebs_volume())),
        ("azure_disk_name", of(Source::Azure, volume.azure_name())),
        ("fc_wwids", list(volume.fc_wwids())),
        ("fc_lun", fc_lun.into()),
        ("fc_target_wwns", list(volume.fc_targets())),
        ("iscsi_target_portal", of(Source::Iscsi, volume.iscsi_portal())),
        ("iscsi_iqn", of(Source::Iscsi, volume.iscsi_iqn())),
        ("iscsi_lun", iscsi_lun.into()),
        ("iscsi_initiator_name", of(Source::Iscsi, volume.iscsi_initiator())),
        ("nfs_server", of(Source::Nfs, volume.nfs_server())),
        ("nfs_path", of(Source::Nfs, volume.nfs_path())),
        ("csi_driver", of(Source::Csi, volume.csi_driver())),
        ("csi_volume_handle", of(Source::Csi, volume.csi_handle())),
        ("local_path", of(Source::Local, volume.local_path())),
        ("local_fs", of(Source::Local, volume.local_fs())),
        ("host_path", of(Source::Host, volume.host_path())),
        ("host_path_type", of(Source::Host, volume.host_path_type())),
        ("reclaim_policy", volume.reclaim_policy().into()),
    ]);
}
