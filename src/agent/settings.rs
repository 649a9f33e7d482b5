//! What the operator decided, as the loop needs it.

use super::budget::Budget;
use super::build::Options;
use crate::family::Profile;
use crate::flags::peer;
use crate::io::batch::Engine;
use crate::io::engine::Choice;
use crate::node;
use std::time::Duration;

/// What the operator decided, as the loop needs it.
pub struct Settings {
    pub max_age: Duration,
    pub interval: Duration,
    pub node_name: String,
    pub profile: &'static str,
    pub engine: &'static str,
    pub engine_reason: String,
    /// Names of all node collectors, those that are off too.
    pub known: Vec<&'static str>,
    /// Why collectors that are off are so, for the page.
    pub off: Vec<(&'static str, &'static str)>,
    pub planned_bytes: u64,
    /// Those of them that the kernel holds.
    pub planned_kernel_bytes: u64,
    pub allowed_bytes: u64,
    pub connections_max: u64,
    /// `/metrics/node` and `/metrics` hold process_* of the agent.
    pub process_metrics: bool,
}

impl Settings {
    pub(super) fn new(options: &Options<'_>, budget: &Budget, choice: &Choice, engine: &Engine) -> Self {
        let flags = options.flags;
        let own_interval = "promscrape.kubernetes.node.interval";
        let interval =
            if flags.given(own_interval) { own_interval } else { "promscrape.kubernetes.interval" };
        Settings {
            max_age: flags.duration("collect.maxAge"),
            interval: flags.duration(interval),
            node_name: flags.text("nodeName").to_owned(),
            profile: if options.profile == Profile::Full { "full" } else { "essential" },
            engine: engine.name(),
            engine_reason: choice.reason.as_str().to_owned(),
            known: known_collectors(),
            off: options.off.clone(),
            planned_bytes: budget.bytes(),
            planned_kernel_bytes: budget.kernel_bytes(),
            allowed_bytes: flags.bytes("memory.allowedBytes"),
            connections_max: u64::from(options.limits.connections),
            process_metrics: !flags.bool("web.disable-exporter-metrics"),
        }
    }
}

/// The peer's collectors, also those that do not exist here: to `?collect[]=` they are only off.
fn known_collectors() -> Vec<&'static str> {
    let absent = peer::ABSENT.iter().filter_map(|flag| flag.name.strip_prefix("collector."));
    let own = node::COLLECTORS.iter().map(|collector| collector.name);
    own.chain(absent.filter(|name| !name.contains('.'))).collect()
}
