//! Objects as older group versions have them.
#![allow(clippy::unwrap_used, reason = "a test that reads its own objects")]

mod records;

use records::{render, shelf_with};
use serde_json::{Value, json};
use trimeter::objects::KINDS;

/// The samples of an object without what has nothing to do with the version.
fn check(resource: &str, families: &str, object: &Value, expect: &[&str]) {
    let place = KINDS.iter().position(|kind| kind.resource == resource).unwrap();
    let mut shelf = shelf_with(place, object, Vec::new(), Vec::new());
    let text = render(&mut shelf, place, false, false);
    let got: Vec<&str> =
        text.lines().filter(|line| !line.starts_with('#') && line.contains(families)).collect();
    assert_eq!(got, expect);
}

#[test]
fn an_autoscaler_that_knows_the_use_of_cpus_only() {
    check(
        "horizontalpodautoscalers",
        "_target_metric",
        &json!({
            "apiVersion": "autoscaling/v1",
            "metadata": {"name": "press", "namespace": "orchard"},
            "spec": {"maxReplicas": 4, "targetCPUUtilizationPercentage": 65},
            "status": {"currentReplicas": 2, "desiredReplicas": 3, "currentCPUUtilizationPercentage": 91},
        }),
        &[
            "kube_horizontalpodautoscaler_spec_target_metric{namespace=\"orchard\",horizontalpodautoscaler=\"press\",\
             metric_name=\"cpu\",metric_target_type=\"utilization\",container=\"\"} 65",
            "kube_horizontalpodautoscaler_status_target_metric{namespace=\"orchard\",\
             horizontalpodautoscaler=\"press\",\
             metric_name=\"cpu\",metric_target_type=\"utilization\",container=\"\"} 91",
        ],
    );
}
