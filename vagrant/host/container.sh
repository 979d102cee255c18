#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs a command as root in a memory cgroup of its own, of version 2 or 1, and removes the cgroup afterwards. What the
# command starts is in the cgroup, too. The exit status is the command's, or 125 if no such cgroup can be made here.
# usage: container.sh BYTES COMMAND...
#   BYTES  the limit for memory; the cgroup has no swap
set -u
bytes=$1
shift
no_container() {
    echo "no container can be made here: $1" >&2
    exit 125
}

if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    parent=/sys/fs/cgroup limit=memory.max
    grep -qw memory "$parent/cgroup.subtree_control" ||
        (echo +memory >"$parent/cgroup.subtree_control") 2>/dev/null ||
        no_container "the kernel gives no memory controller to cgroups in $parent"
elif [ -e /sys/fs/cgroup/memory/memory.limit_in_bytes ]; then
    parent=/sys/fs/cgroup/memory limit=memory.limit_in_bytes
else
    no_container "/sys/fs/cgroup has no memory controller"
fi
# Not by the process's number: each ./run counts its own.
group=$(mktemp -d "$parent/ashmem-XXXXXX" 2>/dev/null) && chmod 755 "$group" || no_container "$parent may not be changed; it takes root, and no container around it"

# Processes that are left would keep the cgroup. The kernel may need a moment after the last one has ended.
remove() {
    local pid tries=0
    while ! rmdir "$group" 2>/dev/null && [ "$((tries += 1))" -le 100 ]; do
        while read -r pid; do
            kill -KILL "$pid"
        done <"$group/cgroup.procs"
        sleep 0.1
    done 2>/dev/null
}
trap remove EXIT
trap 'exit 143' TERM INT HUP
echo "$bytes" >"$group/$limit" || no_container "the limit of $bytes bytes is refused"
# Kernels without swap, or without the accounting of it, lack the file.
case $limit in
    memory.max) swap=memory.swap.max most=0 ;;
    *) swap=memory.memsw.limit_in_bytes most=$bytes ;;
esac
[ ! -e "$group/$swap" ] || echo "$most" >"$group/$swap" || no_container "$swap is refused"
# shellcheck disable=SC2016
sh -c 'echo 0 >"$0/cgroup.procs" && exec "$@"' "$group" "$@" &
wait $!
