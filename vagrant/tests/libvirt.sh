#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs a command with a libvirtd of its own, without systemd and without the network. Both run in mount, network and PID
# namespaces that end with the command, with folders of their own in place of the system's. So they leave nothing on
# this machine.
# usage: libvirt.sh STATE COMMAND...      (root; STATE: an empty folder, which the caller removes)
set -euo pipefail
folders=(etc/libvirt var/lib/libvirt var/cache/libvirt var/log/libvirt)

# first STATE COMMAND...: starts libvirtd and runs COMMAND, inside the namespaces
first() {
    local state=$1 waited=0 name
    shift
    for name in passwd group; do
        cp "/etc/$name" "$state/$name"
        mount --bind "$state/$name" "/etc/$name"
    done
    # libvirtd does not start without this user, although QEMU runs as root here
    getent passwd libvirt-qemu >/dev/null ||
        echo 'libvirt-qemu:x:64055:64055::/var/lib/libvirt:/usr/sbin/nologin' >>/etc/passwd
    getent group libvirt-qemu >/dev/null || echo 'libvirt-qemu:x:64055:' >>/etc/group
    for name in "${folders[@]}" run; do
        mkdir -p "$state/$name"
        mount --bind "$state/$name" "/$name"
    done
    cat >/etc/libvirt/qemu.conf <<'END'
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
stdio_handler = "file"
cgroup_controllers = [ ]
namespaces = [ ]
END
    printf 'auth_unix_ro = "none"\nauth_unix_rw = "none"\nlog_outputs = "3:file:/var/log/libvirt/libvirtd.log"\n' \
        >/etc/libvirt/libvirtd.conf
    ip link set lo up
    libvirtd </dev/null >/var/log/libvirt/libvirtd.out 2>&1 &
    until virsh -q -c qemu:///system version >/dev/null 2>&1; do
        if [ "$((waited += 1))" -gt 600 ] || ! kill -0 $! 2>/dev/null; then
            echo "libvirtd does not start:" >&2
            cat /var/log/libvirt/libvirtd.* >&2
            return 1
        fi
        sleep 0.2
    done
    "$@"
}

if [ "$1" = first ]; then
    shift
    first "$@"
    exit
fi
# The mount points must exist; Debian's package libvirt-daemon does not have all of them.
made=()
for name in "${folders[@]}"; do
    [ -d "/$name" ] || { mkdir "/$name" && made+=("/$name"); }
done
status=0
unshare --mount --net --pid --fork --kill-child --mount-proc --propagation private -- "${BASH_SOURCE[0]}" first "$@" || status=$?
[ ${#made[@]} -eq 0 ] || rmdir "${made[@]}"
exit "$status"
