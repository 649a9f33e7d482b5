#!/usr/bin/env bash
# Boots a virtual machine with Debian's cloud kernel, nothing but busybox, runc, the agent and a client in it, and reads what
# tests/vm/init prints. Software emulation: no /dev/kvm is needed.
#
#   TRIMETER=path tests/vm/run.sh     default: target/release/trimeter, which must be static
set -euo pipefail
cd "$(dirname "$0")/../.."
trimeter=${TRIMETER:-$PWD/target/release/trimeter}
work=$PWD/target/vm
# All parts, all families, without containers.
rss_kb=5632
scrapes=1000
seconds=900

for tool in qemu-system-x86_64 cpio busybox runc; do
    command -v "$tool" > /dev/null || { echo "$tool is missing (qemu-system-x86, cpio, busybox-static, runc)"; exit 1; }
done
mkdir -p "$work"

# The kernel is unpacked, not installed.
if [ ! -e "$work/veth.ko" ]; then
    package=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends:/ { print $2; exit }')
    (cd "$work" && apt-get download -qq -o APT::Sandbox::User=root "$package" && dpkg -x "$package"_*.deb unpacked)
    find "$work/unpacked" \( -name fuse.ko -o -name veth.ko \) -exec cp {} "$work/" \;
    mv "$work"/unpacked/boot/vmlinuz-* "$work/kernel"
    rm -rf "$work/unpacked" "$work"/*.deb
fi

root=$work/root
rm -rf "$root"
mkdir -p "$root"/{bin,proc,sys,dev,etc,tmp}
cp "$(command -v busybox)" "$root/bin/busybox"
cp "$trimeter" "$root/bin/trimeter"
# The only program that is not static comes with its libraries.
cp "$(command -v runc)" "$root/bin/runc"
ldd "$root/bin/runc" | grep -oE '/[^ ]+' | while read -r library; do
    mkdir -p "$root$(dirname "$library")"
    cp "$library" "$root$library"
done
rustc --edition 2024 -O -C target-feature=+crt-static -o "$root/bin/client" tests/vm/client.rs
cp "$work/fuse.ko" "$work/veth.ko" "$root/"
printf 'root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n' > "$root/etc/passwd"
for script in init containers; do
    sed -e "s/@SCRAPES@/$scrapes/g" -e "s/@RSS_KB@/$rss_kb/" "tests/vm/$script" > "$root/$script"
done
chmod 755 "$root/init" "$root"/bin/* "$root"
(cd "$root" && find . | cpio --quiet -o -H newc -R 0:0) | gzip -1 > "$work/initramfs"

# A disk whose driver the kernel has built in.
truncate -s 64M "$work/disk"
timeout "$seconds" qemu-system-x86_64 -machine q35,accel=tcg -cpu max -smp 2 -m 1024 -nodefaults -no-user-config \
    -drive if=none,id=disk,format=raw,file="$work/disk" -device nvme,drive=disk,serial=trimeter \
    -display none -no-reboot -serial file:"$work/console" -kernel "$work/kernel" -initrd "$work/initramfs" \
    -append "console=ttyS0 quiet panic=-1 rdinit=/init" < /dev/null ||
    { echo "the virtual machine did not end by itself"; tail -n 40 "$work/console"; exit 1; }
tr -d '\r' < "$work/console"

passed=$(grep -c '^PASS ' "$work/console" || true)
failed=$(grep -c '^FAIL ' "$work/console" || true)
grep -q '^VM done' "$work/console" || { echo "the checks did not come to their end"; exit 1; }
echo "VM: $passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
