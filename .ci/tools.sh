#!/usr/bin/env bash
# Fetches the newest peers that Debian has (node_exporter, cAdvisor, vmagent, victoria-metrics, promtool) into
# target/peers, without installing them: the system's own package lists and files stay as they are.
#
# target/peers/bin/ holds them afterwards under their upstream names. Runs again only when something is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

peers=$PWD/target/peers
node_exporter_min=1.11
packages=(prometheus-node-exporter victoria-metrics promtool)
# The last release of Debian that has cAdvisor.
cadvisor_release=bullseye

say() { printf 'peers: %s\n' "$*"; }
fail() { say "$*" >&2; exit 1; }

# The mirror that this machine already uses; on something else than Debian, PEERS_MIRROR names one.
mirror() {
    if [ -n "${PEERS_MIRROR:-}" ]; then
        printf '%s\n' "$PEERS_MIRROR"
        return
    fi
    apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep -E '/debian/?$' | sort | uniq | head -n 1
}

# An apt of its own: unstable, and the old release beside it for what only that has; its lists and its idea of what is
# installed are in target/peers/apt.
configure_apt() {
    local site keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    site=$(mirror)
    [ -n "$site" ] || fail "no Debian mirror among this machine's package sources; set PEERS_MIRROR"
    [ -r "$keyring" ] || fail "no $keyring: install debian-archive-keyring"
    mkdir -p "$peers"/apt/lists/partial "$peers"/apt/cache/archives/partial
    printf "deb [signed-by=$keyring] $site %s main\n" sid "$cadvisor_release" > "$peers/apt/sources.list"
    : > "$peers/apt/status"
    cat > "$peers/apt/apt.conf" <<CONF
Dir::Etc::SourceList "$peers/apt/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::State "$peers/apt";
Dir::State::Lists "$peers/apt/lists";
Dir::State::Status "$peers/apt/status";
Dir::Cache "$peers/apt/cache";
Acquire::Languages "none";
Acquire::Retries "3";
APT::Sandbox::User "root";
CONF
    export APT_CONFIG="$peers/apt/apt.conf"
    apt-get update -qq
}

# unpack FOLDER PACKAGE...
unpack() {
    local folder=$1
    shift
    mkdir -p "$peers/deb" "$folder"
    (cd "$peers/deb" && apt-get download -qq "$@")
    local package
    for package in "$@"; do
        dpkg -x "$peers/deb/${package}"_*.deb "$folder"
        dpkg-deb --show "$peers/deb/${package}"_*.deb >> "$peers/versions"
    done
}

# expose NAME BINARY VERSION_FLAG: a link if the program runs with this machine's C library, else a wrapper that
# starts it with the C library it was built for.
expose() {
    local name=$1 binary=$2 flag=$3
    rm -f "$peers/bin/$name"
    if [ "${PEERS_OWN_LIBC:-0}" = 0 ] && "$binary" "$flag" > /dev/null 2>&1; then
        ln -s "$binary" "$peers/bin/$name"
        return
    fi
    [ -d "$peers/libc" ] || unpack "$peers/libc" libc6 libzstd1
    local loader
    loader=$(find "$peers/libc" -name 'ld-linux-x86-64.so.2' -type f | head -n 1)
    [ -n "$loader" ] || fail "no dynamic loader in libc6"
    cat > "$peers/bin/$name" <<WRAPPER
#!/bin/sh
exec "$loader" --library-path "$(dirname "$loader"):$peers/libc/usr/lib/x86_64-linux-gnu" "$binary" "\$@"
WRAPPER
    chmod +x "$peers/bin/$name"
    "$peers/bin/$name" "$flag" > /dev/null 2>&1 || fail "$name does not run here"
    say "$name runs with its own C library"
}

# version PACKAGE: x.y.z of what was unpacked. Debian's vmagent does not print its own.
version() { awk -v package="$1" '$1 == package { print $2 }' "$peers/versions" | grep -oE '^[0-9.]+[0-9]'; }

complete() {
    local name
    for name in node_exporter cadvisor vmagent victoria-metrics promtool; do
        [ -x "$peers/bin/$name" ] || return 1
    done
}

if ! complete; then
    rm -rf "$peers"
    configure_apt
    unpack "$peers/root" "${packages[@]}" cadvisor
    mkdir -p "$peers/bin"
    expose node_exporter "$peers/root/usr/bin/prometheus-node-exporter" --version
    expose cadvisor "$peers/root/usr/bin/cadvisor" --version
    expose vmagent "$peers/root/usr/bin/vmagent" -version
    expose victoria-metrics "$peers/root/usr/bin/victoria-metrics" -version
    expose promtool "$peers/root/usr/bin/promtool" --version
    # About 80 MB of packages that nothing needs any more.
    rm -rf "$peers/deb" "$peers/apt"
fi

found=$(version prometheus-node-exporter)
[ "$(printf '%s\n%s\n' "$node_exporter_min" "$found" | sort -V | head -n 1)" = "$node_exporter_min" ] ||
    fail "node_exporter is $found, at least $node_exporter_min is needed"
say "node_exporter $found, cAdvisor $(version cadvisor), vmagent and victoria-metrics $(version victoria-metrics), promtool $(version promtool)"
