//! Tasks that the kernel's watchdog found hung: `/proc/sys/kernel/hung_task_detect_count`, since Linux 6.13.

use crate::collect::{Collector, Pass, Trouble};
use crate::family::{Family, Table, check, counter};
use crate::io::FileSpec;
use crate::stateless;
use crate::text::{trim, unsigned};

pub const COLLECTOR: Collector = Collector {
    name: "kernel_hung",
    default: true,
    files: &[FileSpec::proc("sys/kernel/hung_task_detect_count", |_| 64)],
    tables: &[Table::single("kernel_hung", FAMILIES)],
    flags: &[],
    make: stateless!(collect),
};

const FAMILIES: &[Family] = &[counter(
    "node_kernel_hung_tasks_total",
    "Tasks found in uninterruptible sleep for longer than the watchdog allows, since boot.",
)
.key("hung")];
const _: () = check(FAMILIES);

fn collect(pass: &mut Pass<'_>) -> Result<(), Trouble> {
    let hung = unsigned(trim(pass.files.get(0)?)).ok_or(Trouble::Malformed)?;
    pass.out.single(0).set("hung", hung);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::node::testing::{check, failing};

    #[test]
    fn one_number() {
        let path = "proc/sys/kernel/hung_task_detect_count";
        check("kernel_hung", &[(path, "3\n")], "node_kernel_hung_tasks_total 3");
        failing("kernel_hung", &[(path, "-3\n")], "malformed", "");
        failing("kernel_hung", &[], "no_data", "");
    }
}
