//! Jobs of `batch/v1`.

use super::common::{self, Owner, ReasonedCondition};
use crate::expo::lines::Lines;
use crate::record;
use crate::records::Row;
use crate::records::kind::{Kind, SCRATCH_BYTES, gauge};
use crate::records::{Family, field::Schema as _};

record! {
    /// What is kept of a job.
    object Job {
        created: Time = "metadata.creationTimestamp",
        owners: List<Owner, 16> = "metadata.ownerReferences[]",
        labels: AllowedLabels = "metadata.labels",
        annotations: AllowedAnnotations = "metadata.annotations",
        parallelism: Int = "spec.parallelism",
        completions: Int = "spec.completions",
        deadline: Int = "spec.activeDeadlineSeconds",
        succeeded: Int = "status.succeeded",
        failed: Int = "status.failed",
        active: Int = "status.active",
        ready: Int = "status.ready",
        started: Time = "status.startTime",
        completed: Time = "status.completionTime",
        conditions: List<ReasonedCondition, 16> = "status.conditions[]",
    }
}

pub const KIND: Kind = Kind {
    resource: "jobs",
    name: "Job",
    versions: &["batch/v1"],
    namespaced: true,
    default: true,
    fields: Job::FIELDS,
    identity: |row, identity| common::namespaced(row, "job_name", identity),
    families: FAMILIES,
    scratch_bytes: SCRATCH_BYTES,
};

const FAMILIES: &[Family] = &[
    gauge("kube_job_annotations", "Annotations of the job that are allowed.", |row, out| {
        out.allowed_annotations(Job(row).annotations());
    }),
    gauge("kube_job_labels", "Labels of the job that are allowed.", |row, out| {
        out.allowed_labels(Job(row).labels());
    })
    .stable()
    .essential(),
    gauge("kube_job_info", "The job is there.", |_, out| {
        out.info(&[]);
    })
    .stable(),
    gauge("kube_job_created", "When the job was created, in seconds since the epoch.", |row, out| {
        out.maybe(Job(row).created());
    })
    .stable()
    .essential(),
    gauge("kube_job_spec_parallelism", "Pods that the job may have at a time.", |row, out| {
        out.maybe(Job(row).parallelism());
    })
    .stable(),
    gauge("kube_job_spec_completions", "Pods that are to come to a good end.", |row, out| {
        out.maybe(Job(row).completions());
    })
    .stable()
    .essential(),
    gauge("kube_job_spec_active_deadline_seconds", "Seconds that the job may run.", |row, out| {
        out.maybe(Job(row).deadline());
    })
    .stable(),
    gauge("kube_job_status_succeeded", "Pods of the job that came to a good end.", |row, out| {
        out.or_zero(Job(row).succeeded());
    })
    .stable()
    .essential(),
    gauge(
        "kube_job_status_failed",
        "Pods of the job that came to a bad end, and why the job did.",
        status_failed,
    )
    .stable()
    .essential(),
    gauge("kube_job_status_active", "Pods of the job that wait or run.", |row, out| {
        out.or_zero(Job(row).active());
    })
    .stable()
    .essential(),
    gauge("kube_job_status_ready", "Pods of the job that are ready.", |row, out| {
        out.or_zero(Job(row).ready());
    }),
    gauge("kube_job_complete", "Has the job come to a good end?", |row, out| condition(row, "Complete", out))
        .stable()
        .essential(),
    gauge("kube_job_failed", "Has the job come to a bad end?", |row, out| condition(row, "Failed", out))
        .stable()
        .essential(),
    gauge("kube_job_status_start_time", "When the job was begun, in seconds since the epoch.", |row, out| {
        out.maybe(Job(row).started());
    })
    .stable()
    .essential(),
    gauge(
        "kube_job_status_completion_time",
        "When the job came to a good end, in seconds since the epoch.",
        |row, out| {
            out.maybe(Job(row).completed());
        },
    )
    .stable()
    .essential(),
    gauge("kube_job_status_suspended", "1 if the job is told to rest, else 0.", suspended),
    gauge("kube_job_owner", "Owners of the job.", |row, out| {
        common::owners(Job(row).owners(), out);
    })
    .stable()
    .essential(),
];

/// The conditions of this type.
fn conditions<'a>(row: Row<'a>, kind: &str) -> impl Iterator<Item = ReasonedCondition<'a>> {
    Job(row).conditions().into_iter().filter(move |condition| condition.kind() == Some(kind.as_bytes()))
}

fn condition(row: Row<'_>, kind: &str, out: &mut Lines<'_, '_>) {
    for condition in conditions(row, kind) {
        out.condition(&[], "condition", condition.status());
    }
}

fn suspended(row: Row<'_>, out: &mut Lines<'_, '_>) {
    for condition in conditions(row, "Suspended") {
        out.value(condition.status() == Some(b"True"));
    }
}

/// Reasons that are told apart.
const REASONS: [&str; 3] = ["BackoffLimitExceeded", "DeadlineExceeded", "Evicted"];

/// The number of pods without a reason, or else 1 for the job's reason: the number is lost then, as the peer has it.
fn status_failed(row: Row<'_>, out: &mut Lines<'_, '_>) {
    let failed = Job(row).failed().unwrap_or(0);
    if failed == 0 {
        out.value(0_i64);
        return;
    }
    let mut known = false;
    for condition in conditions(row, "Failed") {
        for reason in REASONS {
            let is_it = condition.reason() == Some(reason.as_bytes());
            known |= is_it;
            out.sample(&[("reason", reason.into())], is_it);
        }
    }
    if !known {
        out.sample(&[("reason", "".into())], failed);
    }
}
