//! Webhooks that change objects before they are stored.

use super::{
    admission::{self, Webhooks},
    common,
};
use crate::records::kind::{Kind, LISTS_SCRATCH_BYTES, gauge};
use crate::records::{Family, field::Schema as _};

pub const KIND: Kind = Kind {
    resource: "mutatingwebhookconfigurations",
    name: "MutatingWebhookConfiguration",
    versions: admission::WEBHOOK_VERSIONS,
    namespaced: false,
    default: true,
    fields: Webhooks::FIELDS,
    identity: |row, identity| common::namespaced(row, "mutatingwebhookconfiguration", identity),
    families: FAMILIES,
    scratch_bytes: LISTS_SCRATCH_BYTES,
};

const FAMILIES: &[Family] = &[
    gauge(
        "kube_mutatingwebhookconfiguration_info",
        "1 for each configuration of webhooks that change objects.",
        |_, out| out.info(&[]),
    ),
    gauge(
        "kube_mutatingwebhookconfiguration_created",
        "When the configuration was created, in seconds since the epoch.",
        admission::webhooks_created,
    ),
    gauge(
        "kube_mutatingwebhookconfiguration_metadata_resource_version",
        "Version of the configuration, where it is a number.",
        admission::webhooks_version,
    ),
    gauge(
        "kube_mutatingwebhookconfiguration_webhook_clientconfig_service",
        "The service that a webhook calls; empty where it calls another address.",
        admission::webhook_services,
    ),
];
