#!/usr/bin/env bash
# Runs the agent as its container image does: nothing but the binary in its root, another user, no
# capabilities, its own mount and pid namespace, the machine's trees below /host, and a memory limit from a cgroup
# (v1 or v2, as the machine has it). Checks what it holds resident and what the cgroup was charged.
#
#   TRIMETER=path tests/container.sh     default: target/release/trimeter, which must be static
set -euo pipefail
cd "$(dirname "$0")/.."
trimeter=${TRIMETER:-$PWD/target/release/trimeter}
limit_bytes=$((16 * 1024 * 1024))
# All parts, all families.
rss_kb_max=5888
scrapes=2000

root=$(mktemp -d)
group=
pid=
finish() {
    [ -z "$pid" ] || kill -9 "$pid" 2> /dev/null || true
    [ -z "$pid" ] || wait "$pid" 2> /dev/null || true
    [ -z "$group" ] || sleep 0.2
    [ -z "$group" ] || rmdir "$group" 2> /dev/null || true
    # A copy of the mounts went with the namespace; --one-file-system is for the case that it did not.
    rm -rf --one-file-system "$root" "$root.log" "$root.py"
}
trap finish EXIT

fails=0
check() {
    local title=$1
    shift
    if "$@"; then echo "PASS $title"; else echo "FAIL $title"; fails=$((fails + 1)); fi
}

# A cgroup below the one that controls memory.
if [ -d /sys/fs/cgroup/memory ]; then
    group=/sys/fs/cgroup/memory/trimeter-$$
    mkdir "$group"
    echo "$limit_bytes" > "$group/memory.limit_in_bytes"
    peak=$group/memory.max_usage_in_bytes
else
    own=/sys/fs/cgroup$(cut -d: -f3 /proc/self/cgroup)
    # Where processes are, no controller can be handed down: in a container's root group they are moved aside first.
    for parent in "$own" /sys/fs/cgroup; do
        if ! grep -qw memory "$parent/cgroup.subtree_control" && ! echo +memory > "$parent/cgroup.subtree_control" 2> /dev/null; then
            mkdir -p "$parent/trimeter-rest"
            while read -r process; do
                echo "$process" > "$parent/trimeter-rest/cgroup.procs" 2> /dev/null || true
            done < "$parent/cgroup.procs"
            echo +memory > "$parent/cgroup.subtree_control" 2> /dev/null || continue
        fi
        group=$parent/trimeter-$$
        mkdir "$group" && break
    done
    echo "$limit_bytes" > "$group/memory.max"
    peak=$group/memory.peak
fi

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
mkdir -p "$root/host" "$root/proc"
cp "$trimeter" "$root/trimeter"
chmod 755 "$root"

# The outer shell enters the cgroup; the inner one makes the mounts, and everything goes with the last process.
cat > "$root/enter.sh" <<'ENTER'
echo $$ > "$GROUP/cgroup.procs"
exec unshare --mount --pid --fork --kill-child --propagation private sh -ec '
    mount --rbind / "$ROOT/host"
    mount --make-rslave "$ROOT/host"
    mount -t proc proc "$ROOT/proc"
    exec setpriv --no-new-privs chroot --userspec=65534:65534 --groups= "$ROOT" \
        /trimeter "$@"' sh "$@"
ENTER
GROUP=$group ROOT=$root sh "$root/enter.sh" -httpListenAddr="127.0.0.1:$port" -metrics.profile=full \
    -path.procfs=/host/proc -path.sysfs=/host/sys -path.rootfs=/host -path.udev.data=/host/run/udev/data \
    > "$root.log" 2>&1 &
pid=$!

cat > "$root.py" <<'PY'
import sys, time
sys.path.insert(0, "tests")
import harness
port, scrapes = int(sys.argv[1]), int(sys.argv[2])
for attempt in range(200):
    try:
        client = harness.Client(port)
        break
    except OSError:
        time.sleep(0.05)
else:
    raise SystemExit("the agent does not answer")
samples, types = harness.parse(client.get().decode())
for _ in range(scrapes - 1):
    client.get()
hosts = int(next(line.split()[1] for line in open("/proc/meminfo") if line.startswith("MemTotal"))) * 1024
assert samples[("node_memory_MemTotal_bytes", ())] == hosts, "memory of the machine"
mounts = {dict(labels)["mountpoint"] for name, labels in samples if name == "node_filesystem_size_bytes"}
assert "/" in mounts and not any(mount.startswith("/host") for mount in mounts), f"mount points {sorted(mounts)}"
PY
check "$scrapes scrapes, the machine's numbers and mount points" python3 "$root.py" "$port" "$scrapes"
agent=$(tail -n 1 "$group/cgroup.procs")
[ -n "$agent" ] || { tail -n 5 "$root.log"; exit 1; }
rss=$(awk '/^Rss/ { print $2 }' "/proc/$agent/smaps_rollup")
echo "resident $rss kB; charged at most $(($(cat "$peak") / 1024)) kB of $((limit_bytes / 1024)) kB"
check "resident memory is at most $rss_kb_max kB" [ "$rss" -le "$rss_kb_max" ]
check "another user, no capability" grep -qzP 'Uid:\t65534\t65534(.|\n)*CapEff:\t0000000000000000' "/proc/$agent/status"
kill -TERM "$agent"
for try in $(seq 50); do [ -e "/proc/$agent" ] || break; sleep 0.1; done
# Too late is a failure, seen in the exit code.
kill -9 "$agent" 2> /dev/null || true
code=0
wait "$pid" || code=$?
pid=
check "SIGTERM: exit code $code" [ "$code" = 0 ]
[ "$fails" = 0 ] || tail -n 5 "$root.log"
exit "$fails"
