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

#[test]
fn an_ingress_whose_backends_are_services_only() {
    let backend =
        |port: Value| json!({"path": "/", "backend": {"serviceName": "catalogue", "servicePort": port}});
    check(
        "ingresses",
        "_path",
        &json!({
            "apiVersion": "networking.k8s.io/v1beta1",
            "metadata": {"name": "catalogue", "namespace": "library"},
            "spec": {"rules": [{"host": "books", "http": {"paths": [backend(json!(80)), backend(json!("web"))]}}]},
        }),
        &[
            "kube_ingress_path{namespace=\"library\",ingress=\"catalogue\",host=\"books\",path=\"/\",path_type=\"\",\
             service_name=\"catalogue\",service_port=\"80\"} 1",
            "kube_ingress_path{namespace=\"library\",ingress=\"catalogue\",host=\"books\",path=\"/\",path_type=\"\",\
             service_name=\"catalogue\",service_port=\"web\"} 1",
        ],
    );
}

#[test]
fn a_slice_whose_endpoints_have_a_topology() {
    check(
        "endpointslices",
        "_endpoints{",
        &json!({
            "apiVersion": "discovery.k8s.io/v1beta1",
            "metadata": {"name": "s", "namespace": "library"},
            "endpoints": [{
                "addresses": ["10.0.0.1"],
                "topology": {"kubernetes.io/hostname": "rack7-03", "topology.kubernetes.io/zone": "cellar"},
            }],
        }),
        &[
            "kube_endpointslice_endpoints{endpointslice=\"s\",namespace=\"library\",ready=\"\",serving=\"\",hostname=\"\",\
             terminating=\"\",targetref_kind=\"\",targetref_name=\"\",targetref_namespace=\"\",\
             endpoint_nodename=\"rack7-03\",endpoint_zone=\"cellar\",address=\"10.0.0.1\"} 1",
        ],
    );
}
