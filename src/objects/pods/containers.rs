//! Containers of pods: what they are to be, and how they fare. The same families are there for containers that run before
//! the others.

use super::Pod;
use crate::base::text::Text;
use crate::expo::lines::Lines;
use crate::objects::common::{Amount, ZERO_TIME};
use crate::record;
use crate::records::kind::{counter, gauge};
use crate::records::{Family, Row, Rows};
use crate::text::resource_name::{Unit, sanitise, unit_of_pod};

record! {
    /// A container as it is to be.
    pub struct Container {
        name: Name = "name",
        image: Name = "image",
        limits: List<Amount, 32> = "resources.limits",
        requests: List<Amount, 32> = "resources.requests",
        restart_policy: Name = "restartPolicy",
    }
}

record! {
    /// A container as it is.
    pub struct Status {
        name: Name = "name",
        image: Name = "image",
        image_id: Name = "imageID",
        id: Text = "containerID",
        ready: Flag = "ready",
        restarts: Int = "restartCount",
        running: Present = "state.running",
        running_since: Time = "state.running.startedAt",
        terminated: Present = "state.terminated",
        terminated_reason: Name = "state.terminated.reason",
        terminated_since: Time = "state.terminated.startedAt",
        finished: Time = "state.terminated.finishedAt",
        waiting: Present = "state.waiting",
        waiting_reason: Name = "state.waiting.reason",
        last: Present = "lastState.terminated",
        last_reason: Name = "lastState.terminated.reason",
        last_exit: Int = "lastState.terminated.exitCode",
        last_finished: Time = "lastState.terminated.finishedAt",
    }
}

type Statuses<'a> = Rows<'a, Status<'static>>;
type Containers<'a> = Rows<'a, Container<'static>>;

/// A sample for each status, with the number that it has.
fn each<'a, N: Into<crate::expo::lines::Number>>(
    statuses: Statuses<'a>,
    out: &mut Lines<'_, '_>,
    number: impl Fn(Status<'a>) -> Option<N>,
) {
    for status in statuses {
        if let Some(number) = number(status) {
            out.sample(&[("container", status.name().into())], number);
        }
    }
}

/// A sample of value 1 for each status that has a reason to be shown.
fn reasons<'a>(
    statuses: Statuses<'a>,
    out: &mut Lines<'_, '_>,
    reason: impl Fn(Status<'a>) -> Option<Option<&'a [u8]>>,
) {
    for status in statuses {
        if let Some(reason) = reason(status) {
            out.info(&[("container", status.name().into()), ("reason", reason.into())]);
        }
    }
}

fn info(containers: Containers<'_>, statuses: Statuses<'_>, init: bool, out: &mut Lines<'_, '_>) {
    for container in containers {
        for status in statuses.into_iter().filter(|status| status.name() == container.name()) {
            let labels = [
                ("container", container.name().into()),
                ("image_spec", container.image().into()),
                ("image", status.image().into()),
                ("image_id", status.image_id().into()),
                ("container_id", status.id().into()),
                ("restart_policy", container.restart_policy().into()),
            ];
            out.info(&labels[..if init { 6 } else { 5 }]);
        }
    }
}

fn resources<'a>(
    row: Row<'a>,
    containers: Containers<'a>,
    amounts: impl Fn(Container<'a>) -> Rows<'a, Amount<'static>>,
    out: &mut Lines<'_, '_>,
) {
    let node = Pod(row).node();
    for container in containers {
        for amount in amounts(container) {
            let name = amount.resource().unwrap_or_default();
            let (Some(unit), Some(quantity)) = (unit_of_pod(name), amount.quantity()) else { continue };
            let mut resource = Text::<320>::new();
            if sanitise(name, &mut resource).is_err() {
                continue;
            }
            let labels = [
                ("container", container.name().into()),
                ("node", node.into()),
                ("resource", resource.as_bytes().into()),
                ("unit", unit.as_str().into()),
            ];
            if unit == Unit::Core {
                out.sample(&labels, quantity);
            } else {
                out.sample(&labels, quantity.value());
            }
        }
    }
}

fn state_started(status: Status<'_>) -> Option<i64> {
    let since = if status.running() {
        status.running_since()
    } else if status.terminated() {
        status.terminated_since()
    } else {
        return None;
    };
    Some(since.unwrap_or(ZERO_TIME))
}

fn last_exit(status: Status<'_>) -> Option<i64> {
    status.last().then(|| status.last_exit().unwrap_or(0))
}

fn last_finished(status: Status<'_>) -> Option<i64> {
    status.last().then(|| status.last_finished().unwrap_or(ZERO_TIME))
}

fn waiting_reason(status: Status<'_>) -> Option<Option<&[u8]>> {
    status.waiting().then(|| status.waiting_reason())
}

fn terminated_reason(status: Status<'_>) -> Option<Option<&[u8]>> {
    status.terminated().then(|| status.terminated_reason())
}

fn last_reason(status: Status<'_>) -> Option<Option<&[u8]>> {
    status.last().then(|| status.last_reason())
}

pub(super) const CONTAINERS: &[Family] = &[
    gauge("kube_pod_container_info", "Image and number of a container.", |row, out| {
        info(Pod(row).containers(), Pod(row).statuses(), false, out);
    })
    .stable()
    .essential(),
    gauge(
        "kube_pod_container_resource_limits",
        "The most that a container may have of a resource.",
        |row, out| resources(row, Pod(row).containers(), Container::limits, out),
    )
    .stable()
    .essential(),
    gauge(
        "kube_pod_container_resource_requests",
        "What is set aside for a container of a resource.",
        |row, out| resources(row, Pod(row).containers(), Container::requests, out),
    )
    .stable()
    .essential(),
    gauge(
        "kube_pod_container_state_started",
        "When the present state of a container began, in seconds since the epoch.",
        |row, out| each(Pod(row).statuses(), out, state_started),
    )
    .stable(),
    gauge(
        "kube_pod_container_status_last_terminated_reason",
        "Why a container ended the time before.",
        |row, out| reasons(Pod(row).statuses(), out, last_reason),
    )
    .essential(),
    gauge(
        "kube_pod_container_status_last_terminated_exitcode",
        "With which code a container ended the time before.",
        |row, out| each(Pod(row).statuses(), out, last_exit),
    )
    .essential(),
    gauge(
        "kube_pod_container_status_last_terminated_timestamp",
        "When a container ended the time before, in seconds since the epoch.",
        |row, out| each(Pod(row).statuses(), out, last_finished),
    ),
    gauge("kube_pod_container_status_ready", "1 if a container is ready, else 0.", |row, out| {
        each(Pod(row).statuses(), out, |status| Some(status.ready() == Some(true)));
    })
    .stable()
    .essential(),
    counter(
        "kube_pod_container_status_restarts_total",
        "Times that a container was started again.",
        |row, out| {
            each(Pod(row).statuses(), out, |status| Some(status.restarts().unwrap_or(0)));
        },
    )
    .stable()
    .essential(),
    gauge("kube_pod_container_status_running", "1 if a container runs, else 0.", |row, out| {
        each(Pod(row).statuses(), out, |status| Some(status.running()));
    })
    .stable()
    .essential(),
    gauge("kube_pod_container_status_terminated", "1 if a container has ended, else 0.", |row, out| {
        each(Pod(row).statuses(), out, |status| Some(status.terminated()));
    })
    .stable()
    .essential(),
    gauge("kube_pod_container_status_terminated_reason", "Why a container has ended.", |row, out| {
        reasons(Pod(row).statuses(), out, terminated_reason);
    }),
    gauge("kube_pod_container_status_waiting", "1 if a container waits, else 0.", |row, out| {
        each(Pod(row).statuses(), out, |status| Some(status.waiting()));
    })
    .stable()
    .essential(),
    gauge("kube_pod_container_status_waiting_reason", "Why a container waits.", |row, out| {
        reasons(Pod(row).statuses(), out, waiting_reason);
    })
    .stable()
    .essential(),
];

pub(super) const INIT_CONTAINERS: &[Family] = &[
    gauge("kube_pod_init_container_info", "Image and number of an init container.", |row, out| {
        info(Pod(row).init_containers(), Pod(row).init_statuses(), true, out);
    })
    .stable()
    .essential(),
    gauge(
        "kube_pod_init_container_resource_limits",
        "The most that an init container may have of a resource.",
        |row, out| resources(row, Pod(row).init_containers(), Container::limits, out),
    ),
    gauge(
        "kube_pod_init_container_resource_requests",
        "What is set aside for an init container of a resource.",
        |row, out| resources(row, Pod(row).init_containers(), Container::requests, out),
    ),
    gauge(
        "kube_pod_init_container_state_started",
        "When the present state of an init container began, in seconds since the epoch.",
        |row, out| each(Pod(row).init_statuses(), out, state_started),
    ),
    gauge(
        "kube_pod_init_container_status_last_terminated_reason",
        "Why an init container ended the time before.",
        |row, out| reasons(Pod(row).init_statuses(), out, last_reason),
    ),
    gauge(
        "kube_pod_init_container_status_last_terminated_exitcode",
        "With which code an init container ended the time before.",
        |row, out| each(Pod(row).init_statuses(), out, last_exit),
    ),
    gauge(
        "kube_pod_init_container_status_last_terminated_timestamp",
        "When an init container ended the time before, in seconds since the epoch.",
        |row, out| each(Pod(row).init_statuses(), out, last_finished),
    ),
    gauge("kube_pod_init_container_status_ready", "1 if an init container is ready, else 0.", |row, out| {
        each(Pod(row).init_statuses(), out, |status| Some(status.ready() == Some(true)));
    })
    .stable(),
    counter(
        "kube_pod_init_container_status_restarts_total",
        "Times that an init container was started again.",
        |row, out| each(Pod(row).init_statuses(), out, |status| Some(status.restarts().unwrap_or(0))),
    )
    .stable(),
    gauge("kube_pod_init_container_status_running", "1 if an init container runs, else 0.", |row, out| {
        each(Pod(row).init_statuses(), out, |status| Some(status.running()));
    })
    .stable(),
    gauge(
        "kube_pod_init_container_status_terminated",
        "1 if an init container has ended, else 0.",
        |row, out| {
            each(Pod(row).init_statuses(), out, |status| Some(status.terminated()));
        },
    )
    .stable(),
    gauge(
        "kube_pod_init_container_status_terminated_reason",
        "Why an init container has ended.",
        |row, out| {
            reasons(Pod(row).init_statuses(), out, terminated_reason);
        },
    ),
    gauge("kube_pod_init_container_status_waiting", "1 if an init container waits, else 0.", |row, out| {
        each(Pod(row).init_statuses(), out, |status| Some(status.waiting()));
    })
    .stable(),
    gauge("kube_pod_init_container_status_waiting_reason", "Why an init container waits.", |row, out| {
        reasons(Pod(row).init_statuses(), out, waiting_reason);
    }),
];
