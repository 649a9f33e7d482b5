//! Randomness of the kernel: `/proc/sys/kernel/random/{entropy_avail,poolsize}`.

use crate::collect::{Collector, Pass, Trouble};
use crate::family::{Family, Table, check, gauge};
use crate::io::FileSpec;
use crate::stateless;
use crate::text::{trim, unsigned};

pub const COLLECTOR: Collector = Collector {
    name: "entropy",
    default: true,
    files: &[
        FileSpec::proc("sys/kernel/random/entropy_avail", |_| 64),
        FileSpec::proc("sys/kernel/random/poolsize", |_| 64),
    ],
    tables: &[Table::single("entropy", FAMILIES)],
    flags: &[],
    make: stateless!(collect),
};

const FAMILIES: &[Family] = &[
    gauge("node_entropy_available_bits", "Bits of entropy the kernel counts as collected.")
        .key("available")
        .essential(),
    gauge("node_entropy_pool_size_bits", "Bits of entropy the kernel's pool can hold.")
        .key("pool size")
        .essential(),
];
const _: () = check(FAMILIES);

fn collect(pass: &mut Pass<'_>) -> Result<(), Trouble> {
    let files = pass.files;
    let mut row = pass.out.single(0);
    for (index, key) in ["available", "pool size"].into_iter().enumerate() {
        let value = unsigned(trim(files.get(index)?)).ok_or(Trouble::Malformed)?;
        row.set(key, value);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::node::testing::{check, failing};

    const AVAILABLE: &str = "proc/sys/kernel/random/entropy_avail";
    const POOL: &str = "proc/sys/kernel/random/poolsize";

    #[test]
    fn both_files_are_numbers() {
        check(
            "entropy",
            &[(AVAILABLE, "253\n"), (POOL, "256\n")],
            "node_entropy_available_bits 253
             node_entropy_pool_size_bits 256",
        );
    }

    #[test]
    fn a_missing_file_costs_its_series() {
        failing("entropy", &[(AVAILABLE, "253\n")], "no_data", "node_entropy_available_bits 253");
        failing("entropy", &[(AVAILABLE, "many\n"), (POOL, "256\n")], "malformed", "");
    }
}
