//! What policies, their bindings and webhooks of admission have in common, be they to change or to check objects.

use super::common::{self, Word};
use crate::expo::lines::Lines;
use crate::record;
use crate::records::Row;

record! {
    /// What is kept of a policy.
    pub object Policy {
        created: Time = "metadata.creationTimestamp",
        param_api_version: Name = "spec.paramKind.apiVersion",
        param_kind: Name = "spec.paramKind.kind",
        failure_policy: Name = "spec.failurePolicy",
        reinvocation_policy: Name = "spec.reinvocationPolicy",
    }
}

record! {
    /// What is kept of a policy's binding.
    pub object Binding {
        created: Time = "metadata.creationTimestamp",
        policy: Name = "spec.policyName",
        param_name: Name = "spec.paramRef.name",
        param_namespace: Name = "spec.paramRef.namespace",
        param_not_found: Name = "spec.paramRef.parameterNotFoundAction",
        actions: List<Word, 4> = "spec.validationActions[]",
    }
}

record! {
    /// A webhook.
    pub struct Webhook {
        name: Name = "name",
        service_name: Name = "clientConfig.service.name",
        service_namespace: Name = "clientConfig.service.namespace",
    }
}

record! {
    /// What is kept of the configuration of webhooks.
    pub object Webhooks {
        created: Time = "metadata.creationTimestamp",
        version: Text = "metadata.resourceVersion",
        webhooks: List<Webhook, 256> = "webhooks[]",
    }
}

/// Group versions that serve policies and their bindings.
pub const POLICY_VERSIONS: &[&str] = &[
    "admissionregistration.k8s.io/v1",
    "admissionregistration.k8s.io/v1beta1",
    "admissionregistration.k8s.io/v1alpha1",
];

/// Group versions that serve configurations of webhooks.
pub const WEBHOOK_VERSIONS: &[&str] =
    &["admissionregistration.k8s.io/v1", "admissionregistration.k8s.io/v1beta1"];

/// When a policy was created.
pub fn policy_created(row: Row<'_>, out: &mut Lines<'_, '_>) {
    out.maybe(Policy(row).created());
}

/// When a binding was created.
pub fn binding_created(row: Row<'_>, out: &mut Lines<'_, '_>) {
    out.maybe(Binding(row).created());
}

/// The policy that a binding puts to use, and the parameters that it gives it.
pub fn binding_info(row: Row<'_>, out: &mut Lines<'_, '_>) {
    let binding = Binding(row);
    out.info(&[
        ("policy_name", binding.policy().into()),
        ("param_name", binding.param_name().into()),
        ("param_namespace", binding.param_namespace().into()),
        ("param_not_found_action", binding.param_not_found().into()),
    ]);
}

/// When a configuration of webhooks was created.
pub fn webhooks_created(row: Row<'_>, out: &mut Lines<'_, '_>) {
    out.maybe(Webhooks(row).created());
}

/// The version of a configuration of webhooks, if it is a number.
pub fn webhooks_version(row: Row<'_>, out: &mut Lines<'_, '_>) {
    common::resource_version(Webhooks(row).version(), out);
}

/// The services that are called; of webhooks elsewhere the name alone.
pub fn webhook_services(row: Row<'_>, out: &mut Lines<'_, '_>) {
    for webhook in Webhooks(row).webhooks() {
        out.info(&[
            ("webhook_name", webhook.name().into()),
            ("service_name", webhook.service_name().into()),
            ("service_namespace", webhook.service_namespace().into()),
        ]);
    }
}
