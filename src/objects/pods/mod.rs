//! Pods.

mod containers;
mod families;

use super::common::Owner;
use crate::expo::lines::Identity;
use crate::kube::pods::{PodName, PodReader};
use crate::record;
use crate::records::field::{Meta, Schema as _};
use crate::records::kind::{Kind, count, join};
use crate::records::{Family, Row};
use containers::{CONTAINERS, Container, INIT_CONTAINERS, Status};
use families::{FIRST, LAST, MIDDLE};

record! {
    /// A condition of a pod.
    struct Condition {
        kind: Name = "type",
        status: Name = "status",
        reason: Name = "reason",
        since: Time = "lastTransitionTime",
    }
}

record! {
    /// An address of a pod.
    struct Address {
        ip: Text = "ip",
    }
}

record! {
    /// A taint that a pod bears.
    struct Toleration {
        key: Name = "key",
        operator: Name = "operator",
        value: Name = "value",
        effect: Name = "effect",
        seconds: Int = "tolerationSeconds",
    }
}

record! {
    /// A volume that is, or makes, a claim.
    struct Volume {
        name: Name = "name",
        claimed: Present = "persistentVolumeClaim",
        claim: Text = "persistentVolumeClaim.claimName",
        read_only: Flag = "persistentVolumeClaim.readOnly",
        ephemeral: Present = "ephemeral",
    }
}

record! {
    /// A claim of resources.
    struct Claim {
        name: Name = "name",
        claim: Text = "resourceClaimName",
        template: Name = "resourceClaimTemplateName",
    }
}

record! {
    /// What became of a claim of resources.
    struct ClaimStatus {
        name: Name = "name",
        claim: Text = "resourceClaimName",
    }
}

record! {
    /// What is kept of a pod.
    object Pod {
        created: Time = "metadata.creationTimestamp",
        deleted: Time = "metadata.deletionTimestamp",
        owners: List<Owner, 16> = "metadata.ownerReferences[]",
        labels: AllowedLabels = "metadata.labels",
        annotations: AllowedAnnotations = "metadata.annotations",
        manifest_hash: Name = "metadata.annotations[\"kubernetes.io/config.hash\"]",
        mirror_hash: Name = "metadata.annotations[\"kubernetes.io/config.mirror\"]",
        node: Name = "spec.nodeName",
        host_network: Flag = "spec.hostNetwork",
        priority_class: Name = "spec.priorityClassName",
        restart_policy: Name = "spec.restartPolicy",
        runtime_class: Name = "spec.runtimeClassName",
        service_account: Name = "spec.serviceAccountName",
        scheduler: Name = "spec.schedulerName",
        overhead_cpu: Quantity = "spec.overhead.cpu",
        overhead_memory: Quantity = "spec.overhead.memory",
        selector: SelectorLabels = "spec.nodeSelector",
        containers: List<Container, 64> = "spec.containers[]",
        init_containers: List<Container, 64> = "spec.initContainers[]",
        tolerations: List<Toleration, 64> = "spec.tolerations[]",
        volumes: Sparse<Volume, 64> = "spec.volumes[]",
        claims: List<Claim, 32> = "spec.resourceClaims[]",
        started: Time = "status.startTime",
        phase: Name = "status.phase",
        reason: Name = "status.reason",
        qos: Name = "status.qosClass",
        host_ip: Name = "status.hostIP",
        ip: Text = "status.podIP",
        ips: List<Address, 4> = "status.podIPs[]",
        conditions: List<Condition, 16> = "status.conditions[]",
        statuses: List<Status, 64> = "status.containerStatuses[]",
        init_statuses: List<Status, 64> = "status.initContainerStatuses[]",
        claim_statuses: List<ClaimStatus, 32> = "status.resourceClaimStatuses[]",
    }
}

/// How much room a pod with as many containers as are kept has while it is read.
const CONTAINERS_SCRATCH_BYTES: usize = 256 * 1024;

pub const KIND: Kind = Kind {
    resource: "pods",
    name: "Pod",
    versions: &["v1"],
    namespaced: true,
    default: true,
    fields: Pod::FIELDS,
    identity,
    families: &FAMILIES,
    scratch_bytes: CONTAINERS_SCRATCH_BYTES,
};

/// Lists of families, in the peer's order.
const LISTS: [&[Family]; 5] = [FIRST, CONTAINERS, MIDDLE, INIT_CONTAINERS, LAST];

const FAMILIES: [Family; count(&LISTS)] = join(&LISTS);

fn identity(row: Row<'_>, identity: &mut Identity<'_>) {
    identity.label("namespace", Meta(row).namespace());
    identity.label("pod", Meta(row).name());
    identity.label("uid", Meta(row).uid());
}

/// How pods are found by their control groups.
pub const READER: PodReader = PodReader {
    is_called: |row, uid| {
        let pod = Pod(row);
        [pod.manifest_hash(), pod.mirror_hash()].contains(&Some(uid))
    },
    name,
};

fn name<'a>(row: Row<'a>, container: &[u8]) -> PodName<'a> {
    let pod = Pod(row);
    let all = pod.statuses().into_iter().chain(pod.init_statuses());
    // `containerd://4f…`
    let is = |status: &Status<'_>| {
        let id = status.id().unwrap_or_default();
        !container.is_empty() && id.strip_suffix(container).is_some_and(|before| before.ends_with(b"://"))
    };
    let found = all.into_iter().find(is);
    PodName {
        pod: pod.name().unwrap_or_default(),
        namespace: pod.namespace().unwrap_or_default(),
        container: found.and_then(Status::name).unwrap_or_default(),
        image: found.and_then(Status::image).unwrap_or_default(),
    }
}
