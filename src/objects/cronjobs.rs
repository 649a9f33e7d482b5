//! Cron jobs of `batch/v1`.

use super::common;
use crate::expo::lines::Lines;
use crate::record;
use crate::records::Row;
use crate::records::kind::{Kind, SCRATCH_BYTES, gauge};
use crate::records::{Family, field::Schema as _};
use crate::text::cron::{self, Next, Schedule};
use crate::text::zones;

record! {
    /// What is kept of a cron job.
    object CronJob {
        created: Time = "metadata.creationTimestamp",
        version: Text = "metadata.resourceVersion",
        labels: AllowedLabels = "metadata.labels",
        annotations: AllowedAnnotations = "metadata.annotations",
        schedule: Name = "spec.schedule",
        time_zone: Name = "spec.timeZone",
        concurrency_policy: Name = "spec.concurrencyPolicy",
        suspend: Flag = "spec.suspend",
        starting_deadline: Int = "spec.startingDeadlineSeconds",
        successful_limit: Int = "spec.successfulJobsHistoryLimit",
        failed_limit: Int = "spec.failedJobsHistoryLimit",
        active: Count = "status.active",
        last_schedule: Time = "status.lastScheduleTime",
        last_successful: Time = "status.lastSuccessfulTime",
    }
}

pub const KIND: Kind = Kind {
    resource: "cronjobs",
    name: "CronJob",
    versions: &["batch/v1", "batch/v1beta1"],
    namespaced: true,
    default: true,
    fields: CronJob::FIELDS,
    identity: |row, identity| common::namespaced(row, "cronjob", identity),
    families: FAMILIES,
    scratch_bytes: SCRATCH_BYTES,
};

const FAMILIES: &[Family] = &[
    gauge("kube_cronjob_annotations", "Annotations of the cron job that are allowed.", |row, out| {
        out.allowed_annotations(CronJob(row).annotations());
    }),
    gauge("kube_cronjob_labels", "Labels of the cron job that are allowed.", |row, out| {
        out.allowed_labels(CronJob(row).labels());
    })
    .stable()
    .essential(),
    gauge(
        "kube_cronjob_info",
        "Schedule of the cron job, and what it does when the job before still runs.",
        |row, out| {
            let job = CronJob(row);
            out.info(&[
                ("schedule", job.schedule().into()),
                ("concurrency_policy", job.concurrency_policy().into()),
                ("timezone", job.time_zone().unwrap_or(b"local").into()),
            ]);
        },
    )
    .stable()
    .essential(),
    gauge(
        "kube_cronjob_created",
        "When the cron job was created, in seconds since the epoch.",
        |row, out| {
            out.maybe(CronJob(row).created());
        },
    )
    .stable()
    .essential(),
    gauge("kube_cronjob_status_active", "Jobs of the cron job that run.", |row, out| {
        out.value(CronJob(row).active());
    })
    .stable()
    .essential(),
    gauge(
        "kube_cronjob_status_last_schedule_time",
        "When the cron job last made a job, in seconds since the epoch.",
        |row, out| {
            out.maybe(CronJob(row).last_schedule());
        },
    )
    .stable()
    .essential(),
    gauge(
        "kube_cronjob_status_last_successful_time",
        "When a job of the cron job last came to a good end, in seconds since the epoch.",
        |row, out| {
            out.maybe(CronJob(row).last_successful());
        },
    )
    .stable()
    .essential(),
    gauge("kube_cronjob_spec_suspend", "1 if the cron job is told to rest, else 0.", |row, out| {
        out.flag(CronJob(row).suspend());
    })
    .stable()
    .essential(),
    gauge(
        "kube_cronjob_spec_starting_deadline_seconds",
        "Seconds after its time when a job may still be made.",
        |row, out| {
            out.maybe(CronJob(row).starting_deadline());
        },
    )
    .stable(),
    gauge(
        "kube_cronjob_next_schedule_time",
        "When the cron job makes the next job, in seconds since the epoch.",
        next_schedule_time,
    )
    .stable(),
    gauge(
        "kube_cronjob_schedule_invalid",
        "1 if the schedule of the cron job or its time zone cannot be understood.",
        schedule_invalid,
    ),
    gauge(
        "kube_cronjob_metadata_resource_version",
        "Version of the cron job in the API server.",
        |row, out| {
            common::resource_version(CronJob(row).version(), out);
        },
    )
    .stable(),
    gauge(
        "kube_cronjob_spec_successful_job_history_limit",
        "Jobs with a good end that are kept.",
        |row, out| {
            out.maybe(CronJob(row).successful_limit());
        },
    ),
    gauge("kube_cronjob_spec_failed_job_history_limit", "Jobs with a bad end that are kept.", |row, out| {
        out.maybe(CronJob(row).failed_limit());
    }),
];

/// The schedule in its zone; `None`: either cannot be understood.
fn schedule(job: CronJob<'_>) -> Option<Schedule> {
    let text = job.schedule().unwrap_or_default();
    match job.time_zone() {
        Some(zone) => cron::parse_in(zone, text),
        None => cron::parse(text),
    }
}

fn next_schedule_time(row: Row<'_>, out: &mut Lines<'_, '_>) {
    let job = CronJob(row);
    let after = job.last_schedule().or(job.created());
    let (Some(schedule), Some(after), false) = (schedule(job), after, job.suspend() == Some(true)) else {
        return;
    };
    out.value(match schedule.next(after, &schedule.zone().unwrap_or(zones::UTC)) {
        Next::At(seconds) => seconds,
        Next::Never => common::ZERO_TIME,
    });
}

fn schedule_invalid(row: Row<'_>, out: &mut Lines<'_, '_>) {
    if schedule(CronJob(row)).is_none() {
        out.value(1_i64);
    }
}
