//! When a group was made and last seen, and its health.

use super::visit::Visit;
use crate::family::{Family, check, gauge};
use crate::store::RowOut;

pub(super) const FAMILIES: &[Family] = &[
    gauge(
        "container_last_seen",
        "When the group was last there, in seconds since the epoch: the time of the scrape.",
    )
    .key("last seen")
    .essential(),
    gauge("container_start_time_seconds", "When the group was made, in seconds since the epoch.")
        .key("start")
        .essential(),
    gauge(
        "container_health_state",
        "Health as a runtime checks it; always -1, as the kubelet's: not checked.",
    )
    .key("health")
    .signed()
    .essential(),
];
const _: () = check(FAMILIES);

const NANOS: i64 = 1_000_000_000;

/// When a group was made, in whole seconds.
pub(super) fn started(visit: &mut Visit<'_>) -> Option<u64> {
    u64::try_from(visit.groups.created(visit.id)?.div_euclid(NANOS)).ok()
}

pub(super) fn show(started: Option<u64>, now_nanos: i64, row: &mut RowOut<'_>) {
    row.set_some("last seen", u64::try_from(now_nanos.div_euclid(NANOS)).ok());
    row.set_some("start", started);
    row.set_signed("health", -1);
}

#[cfg(test)]
mod tests {
    use crate::container::testing::check_v2;

    #[test]
    fn it_was_seen_at_the_time_of_the_pass() {
        check_v2(
            "container_last container_health",
            &[],
            "container_health_state -1
             container_last_seen 1700000015",
        );
    }
}
