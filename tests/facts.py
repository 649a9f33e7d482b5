"""What the kernel's files say about a control group, in the words of the container families: an independent and slow
reading of the same files as the agent's, for cgroup v1 and v2."""
import os

import runtime
from runtime import V1, flat, group_path, group_read

# Above it a limit is no limit.
UNLIMITED = 1 << 62
USER_HZ = os.sysconf("SC_CLK_TCK")


def memory_total():
    with open("/proc/meminfo") as found:
        return next(int(line.split()[1]) for line in found if line.startswith("MemTotal:")) * 1024


def limit(number):
    """A limit of memory as it is served."""
    if number > UNLIMITED:
        return 0
    return number if number != 0 else memory_total()


def nested(text, kind, key):
    """`total` of the line `some` or `full` of a pressure file."""
    for line in text.splitlines():
        words = line.split()
        if words[0] == kind:
            return int(dict(word.split("=") for word in words[1:])[key])
    return None


def device(number):
    """/dev/NAME of a major:minor."""
    return "/dev/" + os.path.basename(os.path.realpath(f"/sys/dev/block/{number}"))


def start_time(group):
    """The oldest sign of the control group in any hierarchy, also of controllers that nothing is read from."""
    file = "cgroup.clone_children" if V1 else "cgroup.events"
    folders = [group_path(group, name) for name in (os.listdir(runtime.CGROUPFS) if V1 else [""])]
    paths = [path for folder in folders for path in (folder, f"{folder}/{file}")]
    return int(min(os.stat(path).st_mtime for path in paths if os.path.exists(path)))


def of_v1(group):
    read = lambda controller, file: group_read(group, controller, file)  # noqa: E731
    stat, cpu = read("memory", "memory.stat"), read("cpu", "cpu.stat")
    ticks = read("cpuacct", "cpuacct.stat")
    memory = {
        file: int(read("memory", f"memory.{file}"))
        for file in (
            "usage_in_bytes", "max_usage_in_bytes", "failcnt", "kmem.usage_in_bytes", "limit_in_bytes",
            "memsw.limit_in_bytes", "soft_limit_in_bytes",
        )
    }
    usage, quota = memory["usage_in_bytes"], int(read("cpu", "cpu.cfs_quota_us"))
    facts = {
        "container_cpu_usage_seconds_total": int(read("cpuacct", "cpuacct.usage")) / 1e9,
        "container_cpu_user_seconds_total": flat(ticks, "user") / USER_HZ,
        "container_cpu_system_seconds_total": flat(ticks, "system") / USER_HZ,
        "container_spec_cpu_period": int(read("cpu", "cpu.cfs_period_us")),
        "container_spec_cpu_shares": int(read("cpu", "cpu.shares")),
        "container_memory_usage_bytes": usage,
        "container_memory_working_set_bytes": max(0, usage - flat(stat, "total_inactive_file")),
        "container_memory_rss": flat(stat, "total_rss"),
        "container_memory_cache": flat(stat, "total_cache"),
        "container_memory_mapped_file": flat(stat, "total_mapped_file"),
        "container_memory_swap": flat(stat, "total_swap"),
        "container_memory_total_active_file_bytes": flat(stat, "total_active_file"),
        "container_memory_total_inactive_file_bytes": flat(stat, "total_inactive_file"),
        "container_memory_max_usage_bytes": memory["max_usage_in_bytes"],
        "container_memory_failcnt": memory["failcnt"],
        "container_memory_kernel_usage": memory["kmem.usage_in_bytes"],
        "container_spec_memory_limit_bytes": limit(memory["limit_in_bytes"]),
        "container_spec_memory_swap_limit_bytes": limit(memory["memsw.limit_in_bytes"]),
        "container_spec_memory_reservation_limit_bytes": limit(memory["soft_limit_in_bytes"]),
        "container_oom_events_total": flat(read("memory", "memory.oom_control"), "oom_kill"),
        "container_threads": int(read("pids", "pids.current")),
        **failures(stat),
        **processes(read("cpu", "cgroup.procs")),
    }
    if quota != -1:
        facts["container_spec_cpu_quota"] = quota
        facts["container_cpu_cfs_periods_total"] = flat(cpu, "nr_periods")
        facts["container_cpu_cfs_throttled_periods_total"] = flat(cpu, "nr_throttled")
        facts["container_cpu_cfs_throttled_seconds_total"] = flat(cpu, "throttled_time") / 1e9
    for line in read("blkio", "blkio.throttle.io_service_bytes_recursive").splitlines():
        words = line.split()
        if len(words) == 3 and words[1] in ("Read", "Write"):
            facts[f"container_fs_{words[1].lower()}s_bytes_total", device(words[0])] = int(words[2])
    return facts


def of_v2(group):
    read = lambda file: group_read(group, "", file)  # noqa: E731
    stat, cpu = read("memory.stat"), read("cpu.stat")
    number = lambda file: UNLIMITED * 2 if read(file).strip() == "max" else int(read(file))  # noqa: E731
    quota, period = read("cpu.max").split()
    usage = number("memory.current")
    facts = {
        "container_cpu_usage_seconds_total": flat(cpu, "usage_usec") / 1e6,
        "container_cpu_user_seconds_total": flat(cpu, "user_usec") / 1e6,
        "container_cpu_system_seconds_total": flat(cpu, "system_usec") / 1e6,
        "container_spec_cpu_period": int(period),
        "container_spec_cpu_shares": 2 + (number("cpu.weight") - 1) * 262142 // 9999,
        "container_memory_usage_bytes": usage,
        "container_memory_working_set_bytes": max(0, usage - flat(stat, "inactive_file")),
        "container_memory_rss": flat(stat, "anon"),
        "container_memory_cache": flat(stat, "file"),
        "container_memory_mapped_file": flat(stat, "file_mapped"),
        "container_memory_total_active_file_bytes": flat(stat, "active_file"),
        "container_memory_total_inactive_file_bytes": flat(stat, "inactive_file"),
        "container_memory_failcnt": 0,
        "container_memory_kernel_usage": 0,
        "container_spec_memory_limit_bytes": limit(number("memory.max")),
        "container_spec_memory_reservation_limit_bytes": number("memory.min"),
        "container_oom_events_total": flat(read("memory.events"), "oom_kill"),
        "container_threads": number("pids.current"),
        **failures(stat),
        **processes(read("cgroup.procs")),
    }
    if quota != "max":
        facts["container_spec_cpu_quota"] = int(quota)
        facts["container_cpu_cfs_periods_total"] = flat(cpu, "nr_periods")
        facts["container_cpu_cfs_throttled_periods_total"] = flat(cpu, "nr_throttled")
        facts["container_cpu_cfs_throttled_seconds_total"] = flat(cpu, "throttled_usec") / 1e6
    for what in ("cpu", "memory", "io"):
        if os.path.exists(group_path(group, "", f"{what}.pressure")):
            text = read(f"{what}.pressure")
            for kind, word in (("some", "waiting"), ("full", "stalled")):
                total = nested(text, kind, "total")
                if total is not None:
                    facts[f"container_pressure_{what}_{word}_seconds_total"] = total / 1e6
    for line in read("io.stat").splitlines():
        number, *pairs = line.split()
        values = dict(pair.split("=") for pair in pairs if "=" in pair)
        if "rbytes" in values:
            facts["container_fs_reads_bytes_total", device(number)] = int(values["rbytes"])
            facts["container_fs_writes_bytes_total", device(number)] = int(values["wbytes"])
    return facts


def failures(stat):
    """The group's own faults, whatever the scope."""
    return {
        ("container_memory_failures_total", kind, scope): flat(stat, kind)
        for kind in ("pgfault", "pgmajfault")
        for scope in ("container", "hierarchy")
    }


def processes(text):
    """Processes of exactly this group, and what they have open."""
    pids, files, sockets = text.split(), 0, 0
    for pid in pids:
        folder = f"/proc/{pid}/fd"
        try:
            links = [os.readlink(f"{folder}/{name}") for name in os.listdir(folder)]
        except OSError:
            continue
        files += len(links)
        sockets += sum(link.startswith("socket") for link in links)
    return {"container_processes": len(pids), "container_file_descriptors": files, "container_sockets": sockets}


def network(pid):
    """The interfaces of a process that are served, with the eight counters of each."""
    facts = {}
    with open(f"/proc/{pid}/net/dev") as found:
        for line in found.readlines()[2:]:
            name, _, numbers = line.partition(":")
            name, numbers = name.strip(), [int(number) for number in numbers.split()]
            if name.lower().startswith(("lo", "veth", "docker", "nerdctl")):
                continue
            for way, first in (("receive", 0), ("transmit", 8)):
                for column, what in enumerate(("bytes", "packets", "errors", "packets_dropped")):
                    facts[f"container_network_{way}_{what}_total", name] = numbers[first + column]
    return facts


def of(group):
    """{family or (family, label value…): number} of a control group."""
    return of_v1(group) if V1 else of_v2(group)


def of_containerd(container):
    """The same from containerd's own reading, as far as it has it."""
    said = runtime.Container.metrics(container)
    facts = {"container_threads": said["pids"]["current"]}
    memory, cpu = said["memory"], said["cpu"]
    if V1:
        facts["container_cpu_usage_seconds_total"] = cpu["usage"]["total"] / 1e9
        facts["container_memory_usage_bytes"] = memory["usage"]["usage"]
        facts["container_memory_max_usage_bytes"] = memory["usage"]["max"]
        facts["container_memory_rss"] = memory.get("total_rss", 0)
        facts["container_memory_cache"] = memory.get("total_cache", 0)
        facts["container_spec_memory_limit_bytes"] = limit(memory["usage"]["limit"])
        throttling = cpu.get("throttling", {})
        if throttling.get("periods"):
            facts["container_cpu_cfs_periods_total"] = throttling["periods"]
            facts["container_cpu_cfs_throttled_periods_total"] = throttling.get("throttled_periods", 0)
            facts["container_cpu_cfs_throttled_seconds_total"] = throttling.get("throttled_time", 0) / 1e9
    else:
        facts["container_cpu_usage_seconds_total"] = cpu["usage_usec"] / 1e6
        facts["container_memory_usage_bytes"] = memory["usage"]
        facts["container_memory_rss"] = memory.get("anon", 0)
        facts["container_memory_cache"] = memory.get("file", 0)
        if cpu.get("nr_periods"):
            facts["container_cpu_cfs_periods_total"] = cpu["nr_periods"]
            facts["container_cpu_cfs_throttled_periods_total"] = cpu.get("nr_throttled", 0)
            facts["container_cpu_cfs_throttled_seconds_total"] = cpu.get("throttled_usec", 0) / 1e6
    return facts
