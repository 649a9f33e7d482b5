//! The resources that the API server knows, with what their paths and objects need.

/// A resource: `pods` of `v1`, whose objects are of kind `Pod`.
#[derive(Debug)]
pub struct Resource {
    pub plural: &'static str,
    /// The preferred version, served from the start.
    pub group_version: &'static str,
    /// Versions that are served only when a test asks for them; the objects are the same.
    pub older: &'static [&'static str],
    pub kind: &'static str,
    pub namespaced: bool,
}

impl Resource {
    /// `apps` of `apps/v1`; the core group has no name.
    pub fn group(&self) -> &'static str {
        self.group_version.split_once('/').map_or("", |(group, _)| group)
    }

    /// `deployments.apps`, `pods`: as messages name it.
    pub fn qualified(&self) -> String {
        match self.group() {
            "" => self.plural.to_owned(),
            group => format!("{}.{group}", self.plural),
        }
    }

    /// Where all its objects are listed.
    pub fn path(&self) -> String {
        let root = if self.group().is_empty() { "/api" } else { "/apis" };
        format!("{root}/{}/{}", self.group_version, self.plural)
    }

    /// What `fieldSelector` may name; the server refuses every other field.
    pub fn selectable(&self) -> &'static [&'static str] {
        match self.plural {
            "pods" => &[
                "metadata.name",
                "metadata.namespace",
                "spec.nodeName",
                "spec.restartPolicy",
                "spec.schedulerName",
                "spec.serviceAccountName",
                "spec.hostNetwork",
                "status.phase",
                "status.podIP",
                "status.nominatedNodeName",
            ],
            "nodes" => &["metadata.name", "spec.unschedulable"],
            "namespaces" => &["metadata.name", "status.phase"],
            "jobs" => &["metadata.name", "metadata.namespace", "status.successful"],
            "secrets" => &["metadata.name", "metadata.namespace", "type"],
            _ if self.namespaced => &["metadata.name", "metadata.namespace"],
            _ => &["metadata.name"],
        }
    }

    /// What the server sends besides metadata in the object of a BOOKMARK: an empty object of the kind.
    pub fn empty(&self) -> &'static str {
        match self.plural {
            "pods" => r#","spec":{"containers":null},"status":{}"#,
            "deployments" => {
                r#","spec":{"replicas":0,"selector":null,"template":{"metadata":{},"spec":{"containers":null}},"strategy":{}},"status":{}"#
            }
            "configmaps" | "secrets" | "serviceaccounts" | "storageclasses" | "endpoints" => "",
            "endpointslices" => r#","addressType":"","endpoints":null,"ports":null"#,
            "leases" | "limitranges" | "networkpolicies" => r#","spec":{}"#,
            _ => r#","spec":{},"status":{}"#,
        }
    }
}

const fn resource(
    group_version: &'static str,
    plural: &'static str,
    kind: &'static str,
    namespaced: bool,
    older: &'static [&'static str],
) -> Resource {
    Resource { plural, group_version, older, kind, namespaced }
}

const ADMISSION: &str = "admissionregistration.k8s.io/v1";
const RBAC: &str = "rbac.authorization.k8s.io/v1";

/// Every resource.
pub const RESOURCES: &[Resource] = &[
    resource("v1", "configmaps", "ConfigMap", true, &[]),
    resource("v1", "endpoints", "Endpoints", true, &[]),
    resource("v1", "limitranges", "LimitRange", true, &[]),
    resource("v1", "namespaces", "Namespace", false, &[]),
    resource("v1", "nodes", "Node", false, &[]),
    resource("v1", "persistentvolumeclaims", "PersistentVolumeClaim", true, &[]),
    resource("v1", "persistentvolumes", "PersistentVolume", false, &[]),
    resource("v1", "pods", "Pod", true, &[]),
    resource("v1", "replicationcontrollers", "ReplicationController", true, &[]),
    resource("v1", "resourcequotas", "ResourceQuota", true, &[]),
    resource("v1", "secrets", "Secret", true, &[]),
    resource("v1", "serviceaccounts", "ServiceAccount", true, &[]),
    resource("v1", "services", "Service", true, &[]),
    resource("apps/v1", "daemonsets", "DaemonSet", true, &[]),
    resource("apps/v1", "deployments", "Deployment", true, &[]),
    resource("apps/v1", "replicasets", "ReplicaSet", true, &[]),
    resource("apps/v1", "statefulsets", "StatefulSet", true, &[]),
    resource(
        "autoscaling/v2",
        "horizontalpodautoscalers",
        "HorizontalPodAutoscaler",
        true,
        &["autoscaling/v1"],
    ),
    resource("batch/v1", "cronjobs", "CronJob", true, &["batch/v1beta1"]),
    resource("batch/v1", "jobs", "Job", true, &[]),
    resource("certificates.k8s.io/v1", "certificatesigningrequests", "CertificateSigningRequest", false, &[]),
    resource("coordination.k8s.io/v1", "leases", "Lease", true, &[]),
    resource("discovery.k8s.io/v1", "endpointslices", "EndpointSlice", true, &["discovery.k8s.io/v1beta1"]),
    resource("networking.k8s.io/v1", "ingressclasses", "IngressClass", false, &[]),
    resource("networking.k8s.io/v1", "ingresses", "Ingress", true, &[]),
    resource("networking.k8s.io/v1", "networkpolicies", "NetworkPolicy", true, &[]),
    resource("policy/v1", "poddisruptionbudgets", "PodDisruptionBudget", true, &["policy/v1beta1"]),
    resource(RBAC, "clusterrolebindings", "ClusterRoleBinding", false, &[]),
    resource(RBAC, "clusterroles", "ClusterRole", false, &[]),
    resource(RBAC, "rolebindings", "RoleBinding", true, &[]),
    resource(RBAC, "roles", "Role", true, &[]),
    resource("storage.k8s.io/v1", "storageclasses", "StorageClass", false, &[]),
    resource("storage.k8s.io/v1", "volumeattachments", "VolumeAttachment", false, &[]),
    resource(ADMISSION, "mutatingadmissionpolicies", "MutatingAdmissionPolicy", false, &[]),
    resource(ADMISSION, "mutatingadmissionpolicybindings", "MutatingAdmissionPolicyBinding", false, &[]),
    resource(ADMISSION, "mutatingwebhookconfigurations", "MutatingWebhookConfiguration", false, &[]),
    resource(ADMISSION, "validatingadmissionpolicies", "ValidatingAdmissionPolicy", false, &[]),
    resource(ADMISSION, "validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding", false, &[]),
    resource(ADMISSION, "validatingwebhookconfigurations", "ValidatingWebhookConfiguration", false, &[]),
];

/// The resource with this plural.
pub fn find(plural: &str) -> Option<&'static Resource> {
    RESOURCES.iter().find(|resource| resource.plural == plural)
}

/// The resource with this plural, which the test must have spelled right.
pub fn known(plural: &str) -> &'static Resource {
    find(plural).unwrap_or_else(|| panic!("no resource {plural:?}"))
}
