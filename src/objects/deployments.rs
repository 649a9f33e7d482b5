//! Deployments of `apps/v1`.

use super::common::{self, Owner, ReasonedCondition};
use crate::expo::lines::Lines;
use crate::record;
use crate::records::kind::{Kind, SCRATCH_BYTES, gauge};
use crate::records::{Family, field::Schema as _};

record! {
    /// What is kept of a deployment.
    object Deployment {
        created: Time = "metadata.creationTimestamp",
        deleted: Time = "metadata.deletionTimestamp",
        generation: Int = "metadata.generation",
        owners: List<Owner, 16> = "metadata.ownerReferences[]",
        labels: AllowedLabels = "metadata.labels",
        annotations: AllowedAnnotations = "metadata.annotations",
        spec_replicas: Int = "spec.replicas",
        paused: Flag = "spec.paused",
        rolling_update: Present = "spec.strategy.rollingUpdate",
        max_unavailable: Int = "spec.strategy.rollingUpdate.maxUnavailable",
        max_unavailable_share: Name = "spec.strategy.rollingUpdate.maxUnavailable",
        max_surge: Int = "spec.strategy.rollingUpdate.maxSurge",
        max_surge_share: Name = "spec.strategy.rollingUpdate.maxSurge",
        observed_generation: Int = "status.observedGeneration",
        replicas: Int = "status.replicas",
        updated: Int = "status.updatedReplicas",
        ready: Int = "status.readyReplicas",
        available: Int = "status.availableReplicas",
        unavailable: Int = "status.unavailableReplicas",
        terminating: Int = "status.terminatingReplicas",
        conditions: List<ReasonedCondition, 16> = "status.conditions[]",
    }
}

pub const KIND: Kind = Kind {
    resource: "deployments",
    name: "Deployment",
    versions: &["apps/v1"],
    namespaced: true,
    default: true,
    fields: Deployment::FIELDS,
    identity: |row, identity| common::namespaced(row, "deployment", identity),
    families: FAMILIES,
    scratch_bytes: SCRATCH_BYTES,
};

const FAMILIES: &[Family] = &[
    gauge("kube_deployment_owner", "Owners of the deployment.", |row, out| {
        let owners = Deployment(row).owners();
        if owners.is_empty() {
            out.info(&[("owner_kind", "".into()), ("owner_name", "".into())]);
        }
        for owner in owners {
            out.info(&[("owner_kind", owner.kind().into()), ("owner_name", owner.name().into())]);
        }
    }),
    gauge(
        "kube_deployment_created",
        "When the deployment was created, in seconds since the epoch.",
        |row, out| {
            out.maybe(Deployment(row).created());
        },
    )
    .stable()
    .essential(),
    gauge("kube_deployment_status_replicas", "Pods that the deployment has.", |row, out| {
        out.or_zero(Deployment(row).replicas());
    })
    .stable()
    .essential(),
    gauge("kube_deployment_status_replicas_ready", "Pods of the deployment that are ready.", |row, out| {
        out.or_zero(Deployment(row).ready());
    })
    .stable()
    .essential(),
    gauge(
        "kube_deployment_status_replicas_available",
        "Pods of the deployment that have been ready for long enough.",
        |row, out| out.or_zero(Deployment(row).available()),
    )
    .stable()
    .essential(),
    gauge(
        "kube_deployment_status_replicas_unavailable",
        "Pods that the deployment lacks to be available in full.",
        |row, out| out.or_zero(Deployment(row).unavailable()),
    )
    .stable()
    .essential(),
    gauge(
        "kube_deployment_status_replicas_updated",
        "Pods of the deployment that are made from its present template.",
        |row, out| out.or_zero(Deployment(row).updated()),
    )
    .stable()
    .essential(),
    gauge(
        "kube_deployment_status_terminating_replicas",
        "Pods of the deployment that are ending.",
        |row, out| {
            out.maybe(Deployment(row).terminating());
        },
    ),
    gauge(
        "kube_deployment_status_observed_generation",
        "Generation of the deployment that its controller has seen.",
        |row, out| out.or_zero(Deployment(row).observed_generation()),
    )
    .stable()
    .essential(),
    gauge("kube_deployment_status_condition", "Conditions of the deployment.", status_condition)
        .stable()
        .essential(),
    gauge("kube_deployment_spec_replicas", "Pods that the deployment is to have.", |row, out| {
        out.maybe(Deployment(row).spec_replicas());
    })
    .stable()
    .essential(),
    gauge(
        "kube_deployment_spec_paused",
        "1 if the deployment's controller is told to rest, else 0.",
        |row, out| {
            out.flag(Deployment(row).paused());
        },
    )
    .stable(),
    gauge(
        "kube_deployment_spec_strategy_rollingupdate_max_unavailable",
        "Pods that a rolling update may leave unavailable.",
        |row, out| {
            let deployment = Deployment(row);
            let share = share(deployment.max_unavailable_share()).map(|share| (share, false));
            rolling(deployment, deployment.max_unavailable(), share, out);
        },
    )
    .stable(),
    gauge(
        "kube_deployment_spec_strategy_rollingupdate_max_surge",
        "Pods that a rolling update may have above those wanted.",
        |row, out| {
            let deployment = Deployment(row);
            let share = share(deployment.max_surge_share()).map(|share| (share, true));
            rolling(deployment, deployment.max_surge(), share, out);
        },
    )
    .stable(),
    gauge(
        "kube_deployment_metadata_generation",
        "Generation of the deployment that is wanted.",
        |row, out| {
            out.or_zero(Deployment(row).generation());
        },
    )
    .stable()
    .essential(),
    gauge("kube_deployment_deletion_timestamp", "When the deployment is to be gone.", |row, out| {
        out.maybe(Deployment(row).deleted());
    }),
    gauge("kube_deployment_annotations", "Annotations of the deployment that are allowed.", |row, out| {
        out.allowed_annotations(Deployment(row).annotations());
    }),
    gauge("kube_deployment_labels", "Labels of the deployment that are allowed.", |row, out| {
        out.allowed_labels(Deployment(row).labels());
    })
    .stable()
    .essential(),
];

/// Reasons that the controller gives; any other is unknown.
const REASONS: [&str; 11] = [
    "ReplicaSetUpdated",
    "ReplicaSetCreateError",
    "NewReplicaSetCreated",
    "FoundNewReplicaSet",
    "NewReplicaSetAvailable",
    "ProgressDeadlineExceeded",
    "DeploymentPaused",
    "DeploymentResumed",
    "MinimumReplicasAvailable",
    "MinimumReplicasUnavailable",
    "",
];

fn status_condition(row: crate::records::Row<'_>, out: &mut Lines<'_, '_>) {
    for condition in Deployment(row).conditions() {
        let reason = condition.reason().unwrap_or_default();
        let known = REASONS.iter().any(|known| known.as_bytes() == reason);
        let reason = if known { reason } else { b"unknown" };
        let labels = [("reason", reason.into()), ("condition", condition.kind().into())];
        out.condition(&labels, "status", condition.status());
    }
}

/// `25%` → 25
fn share(text: Option<&[u8]>) -> Option<i64> {
    crate::text::signed(text?.strip_suffix(b"%")?)
}

/// A number of pods, or a share of those wanted, rounded up or down.
fn rolling(
    deployment: Deployment<'_>,
    pods: Option<i64>,
    share: Option<(i64, bool)>,
    out: &mut Lines<'_, '_>,
) {
    let Some(replicas) = deployment.spec_replicas().filter(|_| deployment.rolling_update()) else { return };
    match (pods, share) {
        (Some(pods), _) => out.value(pods),
        (None, Some((share, up))) => {
            let hundredths = replicas.saturating_mul(share);
            out.value(hundredths.div_euclid(100) + i64::from(up && hundredths.rem_euclid(100) != 0));
        }
        (None, None) => {}
    }
}
