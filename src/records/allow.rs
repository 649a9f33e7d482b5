//! Which labels and annotations of a kind's objects become labels of series.

use super::field::Allowed;
use crate::text::allow::matches;

/// The patterns of one kind.
#[derive(Clone, Debug, Default)]
pub struct Allow {
    /// Of `--metric-labels-allowlist`.
    pub labels: Vec<String>,
    /// Of `--metric-annotations-allowlist`.
    pub annotations: Vec<String>,
}

impl Allow {
    pub(super) fn allows(&self, allowed: Allowed, key: &[u8]) -> bool {
        match allowed {
            Allowed::All => true,
            Allowed::Labels => matches(&self.labels, key),
            Allowed::Annotations => matches(&self.annotations, key),
        }
    }
}
