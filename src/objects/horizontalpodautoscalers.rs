//! Horizontal pod autoscalers of `autoscaling/v2`, and of `autoscaling/v1`, which know the use of CPUs only.

use super::common::{self, Condition};
use crate::expo::lines::{Lines, Value};
use crate::record;
use crate::records::kind::{Kind, SCRATCH_BYTES, gauge};
use crate::records::{Family, field::Schema as _};
use crate::records::{Row, Rows};
use crate::text::quantity::Quantity;

record! {
    /// A member of a metric: its type, or the source that is named as the type is. It has a target, or what was seen.
    struct Source {
        source: Name = "@key",
        resource: Name = "name",
        metric: Name = "metric.name",
        container: Name = "container",
        target_value: Quantity = "target.value",
        target_average: Quantity = "target.averageValue",
        target_utilization: Int = "target.averageUtilization",
        value: Quantity = "current.value",
        average: Quantity = "current.averageValue",
        utilization: Int = "current.averageUtilization",
    }
}

record! {
    /// A metric that the autoscaler follows.
    struct Metric {
        kind: Name = "type",
        members: List<Source, 4> = "@value",
    }
}

record! {
    /// What is kept of an autoscaler.
    object Autoscaler {
        created: Time = "metadata.creationTimestamp",
        deleted: Time = "metadata.deletionTimestamp",
        generation: Int = "metadata.generation",
        labels: AllowedLabels = "metadata.labels",
        annotations: AllowedAnnotations = "metadata.annotations",
        target_version: Name = "spec.scaleTargetRef.apiVersion",
        target_kind: Name = "spec.scaleTargetRef.kind",
        target_name: Name = "spec.scaleTargetRef.name",
        max_replicas: Int = "spec.maxReplicas",
        min_replicas: Int = "spec.minReplicas",
        targets: List<Metric, 64> = "spec.metrics[]",
        target_cpu: Int = "spec.targetCPUUtilizationPercentage",
        down_tolerance: Quantity = "spec.behavior.scaleDown.tolerance",
        up_tolerance: Quantity = "spec.behavior.scaleUp.tolerance",
        seen: List<Metric, 64> = "status.currentMetrics[]",
        seen_cpu: Int = "status.currentCPUUtilizationPercentage",
        current_replicas: Int = "status.currentReplicas",
        desired_replicas: Int = "status.desiredReplicas",
        conditions: List<Condition, 16> = "status.conditions[]",
    }
}

pub const KIND: Kind = Kind {
    resource: "horizontalpodautoscalers",
    name: "HorizontalPodAutoscaler",
    versions: &["autoscaling/v2", "autoscaling/v2beta2", "autoscaling/v1"],
    namespaced: true,
    default: true,
    fields: Autoscaler::FIELDS,
    identity: |row, identity| common::namespaced(row, "horizontalpodautoscaler", identity),
    families: FAMILIES,
    scratch_bytes: SCRATCH_BYTES,
};

const FAMILIES: &[Family] = &[
    gauge("kube_horizontalpodautoscaler_info", "What the autoscaler scales.", info),
    gauge(
        "kube_horizontalpodautoscaler_metadata_generation",
        "Generation of the autoscaler that is wanted.",
        |row, out| {
            out.or_zero(Autoscaler(row).generation());
        },
    )
    .stable(),
    gauge(
        "kube_horizontalpodautoscaler_spec_max_replicas",
        "Most pods that the autoscaler asks for.",
        |row, out| {
            out.or_zero(Autoscaler(row).max_replicas());
        },
    )
    .stable()
    .essential(),
    gauge(
        "kube_horizontalpodautoscaler_spec_min_replicas",
        "Fewest pods that the autoscaler asks for.",
        |row, out| {
            out.value(Autoscaler(row).min_replicas().unwrap_or(1));
        },
    )
    .stable()
    .essential(),
    gauge(
        "kube_horizontalpodautoscaler_spec_target_metric",
        "Values that the autoscaler aims at.",
        |row, out| metrics(Autoscaler(row).targets(), Autoscaler(row).target_cpu(), out),
    )
    .essential(),
    gauge(
        "kube_horizontalpodautoscaler_spec_behavior_scale_down_tolerance",
        "Share that a metric may be below its target before there are fewer pods.",
        |row, out| {
            out.maybe(Autoscaler(row).down_tolerance().map(Quantity::approximate));
        },
    ),
    gauge(
        "kube_horizontalpodautoscaler_spec_behavior_scale_up_tolerance",
        "Share that a metric may be above its target before there are more pods.",
        |row, out| {
            out.maybe(Autoscaler(row).up_tolerance().map(Quantity::approximate));
        },
    ),
    gauge(
        "kube_horizontalpodautoscaler_status_target_metric",
        "Values that the autoscaler has seen last.",
        |row, out| metrics(Autoscaler(row).seen(), Autoscaler(row).seen_cpu(), out),
    )
    .stable()
    .essential(),
    gauge(
        "kube_horizontalpodautoscaler_status_current_replicas",
        "Pods that the autoscaler has seen last.",
        |row, out| {
            out.or_zero(Autoscaler(row).current_replicas());
        },
    )
    .stable()
    .essential(),
    gauge(
        "kube_horizontalpodautoscaler_status_desired_replicas",
        "Pods that the autoscaler asks for.",
        |row, out| {
            out.or_zero(Autoscaler(row).desired_replicas());
        },
    )
    .stable()
    .essential(),
    gauge(
        "kube_horizontalpodautoscaler_annotations",
        "Annotations of the autoscaler that are allowed.",
        |row, out| {
            out.allowed_annotations(Autoscaler(row).annotations());
        },
    ),
    gauge("kube_horizontalpodautoscaler_labels", "Labels of the autoscaler that are allowed.", |row, out| {
        out.allowed_labels(Autoscaler(row).labels());
    })
    .stable(),
    gauge("kube_horizontalpodautoscaler_status_condition", "Conditions of the autoscaler.", |row, out| {
        common::conditions(Autoscaler(row).conditions(), out);
    })
    .stable()
    .essential(),
    gauge(
        "kube_horizontalpodautoscaler_created",
        "When the autoscaler was created, in seconds since the epoch.",
        |row, out| {
            out.maybe(Autoscaler(row).created());
        },
    ),
    gauge(
        "kube_horizontalpodautoscaler_deletion_timestamp",
        "When the autoscaler is to be gone, in seconds since the epoch.",
        |row, out| {
            out.maybe(Autoscaler(row).deleted());
        },
    ),
];

fn info(row: Row<'_>, out: &mut Lines<'_, '_>) {
    let autoscaler = Autoscaler(row);
    let labels = [
        ("scaletargetref_api_version", autoscaler.target_version().into()),
        ("scaletargetref_kind", autoscaler.target_kind().into()),
        ("scaletargetref_name", autoscaler.target_name().into()),
    ];
    let versioned = autoscaler.target_version().is_some_and(|version| !version.is_empty());
    out.info(if versioned { &labels } else { &labels[1..] });
}

/// Types of metrics, the members that say more of them, and whether these name a metric rather than a resource.
const TYPES: [(&[u8], &[u8], bool); 5] = [
    (b"Object", b"object", true),
    (b"Pods", b"pods", true),
    (b"Resource", b"resource", false),
    (b"ContainerResource", b"containerResource", false),
    (b"External", b"external", true),
];

/// A sample for each value that a metric has. `cpu` is what `autoscaling/v1` has instead of metrics.
fn metrics(metrics: Rows<'_, Metric<'static>>, cpu: Option<i64>, out: &mut Lines<'_, '_>) {
    for metric in metrics {
        let of_type = TYPES.into_iter().find(|(kind, ..)| metric.kind() == Some(kind));
        let Some((_, member, named)) = of_type else { continue };
        for source in metric.members().into_iter().filter(|source| source.source() == Some(member)) {
            let name = if named { source.metric() } else { source.resource() };
            let container = source.container();
            if let Some(value) = source.target_value().or(source.value()) {
                out.sample(&labels(name, "value", container), value);
            }
            if let Some(average) = source.target_average().or(source.average()) {
                out.sample(&labels(name, "average", container), average);
            }
            if let Some(utilization) = source.target_utilization().or(source.utilization()) {
                out.sample(&labels(name, "utilization", container), utilization);
            }
        }
    }
    if let Some(utilization) = cpu {
        out.sample(&labels(Some(b"cpu"), "utilization", None), utilization);
    }
}

fn labels<'a>(
    name: Option<&'a [u8]>,
    target: &'static str,
    container: Option<&'a [u8]>,
) -> [(&'static str, Value<'a>); 3] {
    [("metric_name", name.into()), ("metric_target_type", target.into()), ("container", container.into())]
}
