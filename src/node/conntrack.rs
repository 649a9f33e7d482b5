//! Connection tracking: its table in `/proc/sys/net/netfilter`, and `/proc/net/stat/nf_conntrack`, a line of names and
//! a line of hexadecimal numbers per CPU.

use crate::collect::{Collector, Pass, Trouble};
use crate::family::{Family, Table, check, gauge};
use crate::io::FileSpec;
use crate::stateless;
use crate::text::{hex, lines, trim, unsigned, words};

pub const COLLECTOR: Collector = Collector {
    name: "conntrack",
    default: true,
    files: &[
        FileSpec::proc("sys/net/netfilter/nf_conntrack_count", |_| 64),
        FileSpec::proc("sys/net/netfilter/nf_conntrack_max", |_| 64),
        // Seventeen numbers of nine bytes for each possible CPU, and the names.
        FileSpec::proc("net/stat/nf_conntrack", |limits| limits.cpus.max(1) * 192 + 512),
    ],
    tables: &[Table::single("conntrack", FAMILIES)],
    flags: &[],
    make: stateless!(collect),
};

/// The key is the name of the column. They only grow, and are gauges because the peer's are.
const FAMILIES: &[Family] = &[
    gauge("node_nf_conntrack_entries", "Connections that are tracked.").key("entries").essential(),
    gauge("node_nf_conntrack_entries_limit", "Connections that can be tracked.").key("limit").essential(),
    gauge("node_nf_conntrack_stat_found", "Lookups that found a connection.").key("found"),
    gauge("node_nf_conntrack_stat_invalid", "Packets that cannot be tracked.").key("invalid"),
    gauge("node_nf_conntrack_stat_ignore", "Packets of connections that are not tracked.").key("ignore"),
    gauge("node_nf_conntrack_stat_insert", "Connections added.").key("insert"),
    gauge("node_nf_conntrack_stat_insert_failed", "Connections that could not be added.")
        .key("insert_failed"),
    gauge("node_nf_conntrack_stat_drop", "Packets dropped because tracking failed.").key("drop"),
    gauge("node_nf_conntrack_stat_early_drop", "Connections dropped to make room for others.")
        .key("early_drop"),
    gauge("node_nf_conntrack_stat_search_restart", "Lookups begun again because the table was resized.")
        .key("search_restart"),
];
const _: () = check(FAMILIES);

/// The first family that is a column of the statistics.
const FIRST: usize = 2;
/// Most columns of a line.
const COLUMNS: usize = 32;

fn collect(pass: &mut Pass<'_>) -> Result<(), Trouble> {
    for (file, key) in ["entries", "limit"].into_iter().enumerate() {
        let value = unsigned(trim(pass.files.get(file)?)).ok_or(Trouble::Malformed)?;
        pass.out.single(0).set(key, value);
    }
    let mut lines = lines(pass.files.get(2)?);
    let names = lines.next().ok_or(Trouble::Malformed)?;
    let mut sums = [0_u64; COLUMNS];
    for line in lines {
        let mut numbers = [0_u64; COLUMNS];
        let mut malformed = words(line).count() != words(names).count();
        for (to, word) in numbers.iter_mut().zip(words(line)) {
            match hex(word) {
                Some(value) => *to = value,
                None => malformed = true,
            }
        }
        if malformed {
            pass.out.malformed();
            continue;
        }
        for (sum, number) in sums.iter_mut().zip(numbers) {
            *sum = sum.saturating_add(number);
        }
    }
    let mut row = pass.out.single(0);
    for family in &FAMILIES[FIRST..] {
        let column = words(names).position(|name| name == family.key.as_bytes());
        if let Some(sum) = column.and_then(|column| sums.get(column)) {
            row.set(family.key, *sum);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::node::testing::{check, failing};

    const COUNT: (&str, &str) = ("proc/sys/net/netfilter/nf_conntrack_count", "12\n");
    const MAX: (&str, &str) = ("proc/sys/net/netfilter/nf_conntrack_max", "262144\n");
    const TABLE: &str = "node_nf_conntrack_entries 12
        node_nf_conntrack_entries_limit 262144";

    #[test]
    fn cpus_are_summed_by_the_names_of_columns() {
        let text = "entries  clashres found new invalid drop  early_drop\n0000000c  0 1 0 0000ffff 0 2\n0000000c  0 2 0 00000001 3 2\nxx 1 1 1 1 1 1\n0c\n";
        let expect = format!(
            "{TABLE}
             node_nf_conntrack_stat_found 3
             node_nf_conntrack_stat_invalid 65536
             node_nf_conntrack_stat_drop 3
             node_nf_conntrack_stat_early_drop 4"
        );
        check("conntrack", &[COUNT, MAX, ("proc/net/stat/nf_conntrack", text)], &expect);
    }

    #[test]
    fn what_is_missing_is_missing() {
        failing("conntrack", &[], "no_data", "");
        failing("conntrack", &[COUNT, MAX], "no_data", TABLE);
        failing("conntrack", &[COUNT, MAX, ("proc/net/stat/nf_conntrack", "")], "malformed", TABLE);
        failing("conntrack", &[(COUNT.0, "x")], "malformed", "");
    }
}
