//! What is shown of pods as a whole.

use super::{Pod, Toleration};
use crate::expo::lines::{Lines, Value};
use crate::objects::common;
use crate::records::kind::gauge;
use crate::records::{Family, Row};
use crate::text::ip;

/// Before those of containers.
pub(super) const FIRST: &[Family] = &[gauge(
    "kube_pod_completion_time",
    "When the last container ended, in seconds since the epoch.",
    |row, out| {
        let finished = Pod(row).statuses().into_iter().filter_map(|status| status.finished()).max();
        out.maybe(finished.filter(|finished| *finished > 0));
    },
)
.stable()];

/// Between those of containers and of init containers.
pub(super) const MIDDLE: &[Family] = &[
    gauge("kube_pod_created", "When the pod was created, in seconds since the epoch.", |row, out| {
        out.maybe(Pod(row).created());
    })
    .stable()
    .essential(),
    gauge(
        "kube_pod_deletion_timestamp",
        "When the pod is to be gone, in seconds since the epoch.",
        |row, out| {
            out.maybe(Pod(row).deleted());
        },
    ),
    gauge("kube_pod_info", "Where the pod is and what made it.", info).stable().essential(),
    gauge("kube_pod_ips", "Addresses of the pod.", |row, out| {
        for address in Pod(row).ips() {
            if let Some(family) = address.ip().and_then(ip::family) {
                out.info(&[("ip", address.ip().into()), ("ip_family", family.into())]);
            }
        }
    }),
];

/// Behind those of init containers.
pub(super) const LAST: &[Family] = &[
    gauge("kube_pod_annotations", "Annotations of the pod that are allowed.", |row, out| {
        out.allowed_annotations(Pod(row).annotations());
    }),
    gauge("kube_pod_labels", "Labels of the pod that are allowed.", |row, out| {
        out.allowed_labels(Pod(row).labels());
    })
    .stable()
    .essential(),
    gauge(
        "kube_pod_overhead_cpu_cores",
        "Cores that the pod takes beside those of its containers.",
        |row, out| {
            out.maybe(Pod(row).overhead_cpu());
        },
    ),
    gauge(
        "kube_pod_overhead_memory_bytes",
        "Memory that the pod takes beside that of its containers.",
        |row, out| {
            out.maybe(Pod(row).overhead_memory().map(|memory| memory.value()));
        },
    ),
    gauge("kube_pod_owner", "Owners of the pod.", |row, out| common::owners(Pod(row).owners(), out))
        .stable()
        .essential(),
    gauge("kube_pod_resourceclaim_info", "Claims of resources of the pod.", claims),
    gauge("kube_pod_restart_policy", "Whether containers of the pod are started again.", |row, out| {
        out.info(&[("type", Pod(row).restart_policy().into())]);
    })
    .stable()
    .essential(),
    gauge("kube_pod_runtimeclass_name_info", "The class of runtime that the pod asks for.", |row, out| {
        if let Some(class) = Pod(row).runtime_class() {
            out.info(&[("runtimeclass_name", class.into())]);
        }
    }),
    gauge(
        "kube_pod_spec_volumes_persistentvolumeclaims_info",
        "Claims of volumes of the pod.",
        |row, out| volumes(row, out, |_| true),
    )
    .stable()
    .essential(),
    gauge(
        "kube_pod_spec_volumes_persistentvolumeclaims_readonly",
        "1 if a claim of the pod is for reading only, else 0.",
        |row, out| volumes(row, out, |read_only| read_only),
    )
    .stable(),
    gauge(
        "kube_pod_start_time",
        "When the kubelet took the pod in, in seconds since the epoch.",
        |row, out| {
            out.maybe(Pod(row).started());
        },
    )
    .stable(),
    gauge("kube_pod_status_phase", "The phase that the pod is in.", |row, out| {
        out.one_of("phase", &["Pending", "Succeeded", "Failed", "Unknown", "Running"], Pod(row).phase());
    })
    .stable()
    .essential(),
    gauge("kube_pod_status_qos_class", "The class of service that the pod has.", |row, out| {
        out.one_of("qos_class", &["BestEffort", "Burstable", "Guaranteed"], Pod(row).qos());
    })
    .essential(),
    gauge("kube_pod_status_ready", "Is the pod ready?", |row, out| condition(row, "Ready", out))
        .stable()
        .essential(),
    gauge(
        "kube_pod_status_ready_time",
        "Since when the pod is ready, in seconds since the epoch.",
        |row, out| {
            since(row, "Ready", b"True", out);
        },
    ),
    gauge(
        "kube_pod_status_initialized_time",
        "When the init containers of the pod were done, in seconds since the epoch.",
        |row, out| since(row, "Initialized", b"True", out),
    ),
    gauge(
        "kube_pod_status_container_ready_time",
        "Since when all containers of the pod are ready, in seconds since the epoch.",
        |row, out| since(row, "ContainersReady", b"True", out),
    ),
    gauge("kube_pod_status_reason", "Why the pod is in its state.", reasons).essential(),
    gauge("kube_pod_status_disruption_reason", "Why the pod is to be ended by somebody.", disruption),
    gauge("kube_pod_status_scheduled", "Has the pod a node?", |row, out| condition(row, "PodScheduled", out))
        .stable()
        .essential(),
    gauge(
        "kube_pod_status_scheduled_time",
        "When the pod got a node, in seconds since the epoch.",
        |row, out| {
            since(row, "PodScheduled", b"True", out);
        },
    )
    .stable(),
    gauge("kube_pod_status_unschedulable", "1 if there is no node for the pod.", |row, out| {
        for _ in of_kind(row, "PodScheduled").filter(|condition| condition.status() == Some(b"False")) {
            out.value(1_i64);
        }
    })
    .stable()
    .essential(),
    gauge(
        "kube_pod_status_unscheduled_time",
        "Since when there is no node for the pod, in seconds since the epoch.",
        |row, out| since(row, "PodScheduled", b"False", out),
    ),
    gauge("kube_pod_tolerations", "Taints of nodes that the pod bears.", tolerations),
    gauge("kube_pod_nodeselectors", "Labels of nodes that the pod asks for.", |row, out| {
        out.labelled(Pod(row).selector());
    })
    .opt_in(),
    gauge("kube_pod_service_account", "The service account of the pod.", |row, out| {
        out.info(&[("service_account", Pod(row).service_account().into())]);
    }),
    gauge("kube_pod_scheduler", "The scheduler of the pod.", |row, out| {
        out.info(&[("name", Pod(row).scheduler().into())]);
    }),
];

fn info(row: Row<'_>, out: &mut Lines<'_, '_>) {
    let pod = Pod(row);
    let maker = pod.owners().into_iter().find(|owner| owner.controller() == Some(true));
    out.info(&[
        ("host_ip", pod.host_ip().into()),
        ("pod_ip", pod.ip().into()),
        ("node", pod.node().into()),
        ("created_by_kind", maker.and_then(|owner| owner.kind()).into()),
        ("created_by_name", maker.and_then(|owner| owner.name()).into()),
        ("priority_class", pod.priority_class().into()),
        ("host_network", (pod.host_network() == Some(true)).into()),
    ]);
}

fn claims(row: Row<'_>, out: &mut Lines<'_, '_>) {
    let pod = Pod(row);
    for claim in pod.claims() {
        if claim.claim().is_none() && claim.template().is_none() {
            continue;
        }
        let made = || {
            let mut statuses = pod.claim_statuses().into_iter();
            statuses.find(|status| status.name() == claim.name()).and_then(|status| status.claim())
        };
        out.info(&[
            ("claim_name", claim.name().into()),
            ("resourceclaim_name", claim.claim().or_else(made).into()),
            ("resourceclaim_template_name", claim.template().into()),
        ]);
    }
}

fn volumes(row: Row<'_>, out: &mut Lines<'_, '_>, number: fn(bool) -> bool) {
    let pod = Pod(row);
    for volume in pod.volumes() {
        let name = volume.name().unwrap_or_default();
        let (claim, ephemeral, read_only) = if volume.claimed() {
            (volume.claim().into(), "false", volume.read_only() == Some(true))
        } else if volume.ephemeral() {
            (Value::Dashed(pod.name().unwrap_or_default(), name), "true", false)
        } else {
            continue;
        };
        let labels =
            [("volume", name.into()), ("persistentvolumeclaim", claim), ("ephemeral", ephemeral.into())];
        out.sample(&labels, number(read_only));
    }
}

fn of_kind<'a>(row: Row<'a>, kind: &'static str) -> impl Iterator<Item = super::Condition<'a>> {
    Pod(row).conditions().into_iter().filter(move |condition| condition.kind() == Some(kind.as_bytes()))
}

fn condition(row: Row<'_>, kind: &'static str, out: &mut Lines<'_, '_>) {
    for condition in of_kind(row, kind) {
        out.condition(&[], "condition", condition.status());
    }
}

/// Since when the condition is as `status` says.
fn since(row: Row<'_>, kind: &'static str, status: &[u8], out: &mut Lines<'_, '_>) {
    for condition in of_kind(row, kind).filter(|condition| condition.status() == Some(status)) {
        out.value(condition.since().unwrap_or(common::ZERO_TIME));
    }
}

/// Reasons that are shown by their names.
const REASONS: [&str; 8] = [
    "Evicted",
    "NodeAffinity",
    "NodeLost",
    "PreemptionByScheduler",
    "SchedulingGated",
    "Shutdown",
    "TerminationByKubelet",
    "UnexpectedAdmissionError",
];

fn reasons(row: Row<'_>, out: &mut Lines<'_, '_>) {
    let pod = Pod(row);
    for reason in REASONS {
        let is = |given: Option<&[u8]>| given == Some(reason.as_bytes());
        let set = is(pod.reason())
            || pod.conditions().into_iter().any(|condition| is(condition.reason()))
            || pod.statuses().into_iter().any(|status| is(status.terminated_reason()));
        if set {
            out.info(&[("reason", reason.into())]);
        }
    }
    let other = pod.reason().filter(|reason| !reason.is_empty());
    if other.is_some_and(|reason| !REASONS.iter().any(|known| known.as_bytes() == reason)) {
        out.info(&[("reason", "Other".into())]);
    }
}

/// Who ends pods before their time.
const DISRUPTIONS: [&str; 5] = [
    "PreemptionByScheduler",
    "DeletionByTaintManager",
    "EvictionByEvictionAPI",
    "DeletionByPodGC",
    "TerminationByKubelet",
];

fn disruption(row: Row<'_>, out: &mut Lines<'_, '_>) {
    for condition in of_kind(row, "DisruptionTarget") {
        let reason = condition.reason().unwrap_or_default();
        let known = DISRUPTIONS.iter().any(|known| known.as_bytes() == reason);
        out.info(&[("reason", if known { reason.into() } else { "Other".into() })]);
    }
}

fn tolerations(row: Row<'_>, out: &mut Lines<'_, '_>) {
    let all = Pod(row).tolerations();
    for (index, one) in all.iter().enumerate() {
        let same = |other: Toleration<'_>| {
            (other.key(), other.operator(), other.value(), other.effect(), other.seconds())
                == (one.key(), one.operator(), one.value(), one.effect(), one.seconds())
        };
        if all.iter().take(index).any(same) {
            continue;
        }
        out.info(&[
            ("key", one.key().into()),
            ("operator", one.operator().into()),
            ("value", one.value().into()),
            ("effect", one.effect().into()),
            ("toleration_seconds", one.seconds().into()),
        ]);
    }
}
