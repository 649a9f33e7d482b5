//! What kube-state-metrics tells of itself and rules ask for.

use crate::family::{Family, Table, check, counter, gauge};
use crate::kube::cache::Cache;
use crate::store::Out;

/// Lists and watches have a row for each kind and result.
pub const TABLES: &[Table] = &[
    Table::rows("kube-state telemetry", |_| 80, 96, REFLECTORS),
    Table::rows("kube-state shard", |_| 1, 32, ORDINAL),
    Table::single("kube-state shards", SHARDS),
];

const REFLECTORS: &[Family] = &[
    counter("kube_state_metrics_list_total", "Requests for lists of objects, by what became of them.")
        .key("lists")
        .essential(),
    counter("kube_state_metrics_watch_total", "Requests for watches of objects, by what became of them.")
        .key("watches")
        .essential(),
];
const _: () = check(REFLECTORS);

const ORDINAL: &[Family] =
    &[gauge("kube_state_metrics_shard_ordinal", "The shard of objects that is kept here, counted from 0.")
        .key("ordinal")
        .essential()];
const _: () = check(ORDINAL);

const SHARDS: &[Family] =
    &[gauge("kube_state_metrics_total_shards", "Shards that objects are dealt out to.")
        .key("shards")
        .essential()];
const _: () = check(SHARDS);

/// Fills the tables of [`TABLES`].
pub fn fill(out: &mut Out<'_>, cache: &Cache) {
    for (place, kind) in cache.kinds.iter().enumerate() {
        let sources = cache.sources.iter().filter(|source| source.spec.kind == place);
        for (result, word) in ["success", "error"].into_iter().enumerate() {
            let sum = |counts: fn(&crate::kube::cache::SourceCounts, usize) -> u64| -> u64 {
                sources.clone().map(|source| counts(&source.counts, result)).sum()
            };
            let lists = sum(|counts, result| counts.lists[result].get());
            let watches = sum(|counts, result| counts.watches[result].get());
            let mut resource = crate::base::text::Text::<64>::new();
            if resource.push_all(&[b"*v1.", kind.kind.name.as_bytes()]).is_err() {
                continue;
            }
            let labels: &[(&str, &[u8])] = &[("resource", resource.as_bytes()), ("result", word.as_bytes())];
            let mut table = out.table(0);
            let mut row = table.row(labels);
            row.set("lists", lists);
            row.set("watches", watches);
        }
    }
    let mut digits = [0; crate::expo::number::NUMBER_BYTES];
    let length = crate::expo::number::unsigned(&mut digits, cache.shard.number.into());
    out.table(1).row(&[("shard_ordinal", &digits[..length])]).set("ordinal", cache.shard.number.into());
    out.single(2).set("shards", cache.shard.of.into());
}
