#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A guest: a release folder is its root, and the checkout is at /ashmem. This file runs it; qemu.sh has the machine, and uml.sh
# the one of kernel um.
# usage: guest.sh boot KERNEL COMMAND      runs COMMAND in a guest; without COMMAND, a shell on this terminal
# Root, in mount and PID namespaces of its own (enclosure.sh). The exit status is COMMAND's; 124 at the time limit, 125 when the
# guest ended before COMMAND did, 1 when the kernel complained.
#   ASHMEM_LIMIT        the time limit in seconds (default: 3600; 0 is none)
#   ASHMEM_KERNEL_LOG   a file for a copy of the kernel's log
#   ASHMEM_COMPLAINTS   expected: complaints in the kernel's log are no error
#   ASHMEM_LOAD         no: boots without loading the module
#   ASHMEM_MEMORY       MiB of memory, 2048 by default
#   ASHMEM_PARAMETERS   more parameters of the kernel
#   ASHMEM_KUNIT        a file for the report of kunit.py, which then boots kernel um
#   ASHMEM_ROOT         a folder to be the root instead, writable, with systemd as the first process; COMMAND runs as a service
set -euo pipefail
lab=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
top=${lab%/*}
# shellcheck source=release.sh
. "$lab/machines/release.sh"

guest_memory=${ASHMEM_MEMORY:-2048}
guest_cpus=2
guest_parameters="numa_balancing=disable loglevel=6 log_buf_len=4M printk.devkmsg=on panic=-1 ${ASHMEM_PARAMETERS:-}"
# shellcheck source=qemu.sh
. "$lab/machines/qemu.sh"
# shellcheck source=uml.sh
. "$lab/machines/uml.sh"

# guest_sweep: removes the folders of interrupted runs, and those of failed runs but the last five
guest_sweep() {
    local kept failed=0
    while read -r kept; do
        if [ -e "$kept/running" ]; then
            ! flock -n "$kept/running" true || rm -rf "$kept"
        elif [ "$((failed += 1))" -gt 5 ]; then
            rm -rf "$kept"
        fi
    done < <(find "$top/target/run" -mindepth 1 -maxdepth 1 -type d -printf '%T@ %p\n' | sort -rn | cut -d' ' -f2-)
}

# guest_watch KERNEL RUN BEGAN MACHINE: reports that the guest is still booting, and ends it after a panic. Not every emulated kernel
# gets to the reboot of panic=-1.
guest_watch() {
    local kernel=$1 run=$2 began=$3 machine=$4 silent=0
    while sleep 3; do
        if grep -q 'Kernel panic' "$run/console.log" 2>/dev/null; then
            sleep 3
            kill -TERM "$machine"
            return
        fi
        if ! [ -e "$run/started" ] && [ "$((silent += 3))" -ge 15 ]; then
            silent=0
            say "... still booting kernel $kernel, for $((EPOCHSECONDS - began)) s ($(last_line "$run/console.log"))"
        fi
    done
}

guest_boot() {
    local kernel=$1 command=${2-} limit=${ASHMEM_LIMIT:-3600} began=$EPOCHSECONDS
    local folder version run sweep lock available interactive=no copy='' machine watch ended=0 status=0 complaints
    local again='' kind=qemu image accel how console parameters initramfs=() qemu=() emulator=() qemu_root
    folder=$(release_path "$kernel")
    [ -e "$folder/.used" ] || die "there is no release folder for kernel $kernel yet"
    release_lock "$kernel" -s
    touch "$folder/.used"
    version=$(release_version "$folder")
    available=$(awk '$1 == "MemAvailable:" { print int($2 / 1024) }' /proc/meminfo)
    [ "$available" -ge 1800 ] || die "not enough memory for a guest: 1800 MB needed, $available MB available"

    # the lock keeps other runs from sweeping before this run holds its own folder
    mkdir -p "$top/target/run"
    exec {sweep}<"$top/target/run"
    flock "$sweep"
    guest_sweep
    run=$(mktemp -d "$top/target/run/$kernel.XXXXXX")
    exec {lock}>"$run/running"
    flock "$lock"
    exec {sweep}<&-
    [ "${ASHMEM_LOAD:-yes}" = yes ] || touch "$run/unloaded"
    if [ -n "$command" ]; then
        printf '%s\n' "$command" >"$run/command"
        # a pipe, as QEMU would rewind a file that the caller appends to
        exec 3> >(exec cat)
        copy=$!
    else
        echo "$(stty size) ${TERM:-dumb}" >"$run/terminal"
        exec 3>/dev/null
        interactive=yes
    fi

    cd "$(mktemp -d "$ASHMEM_STAGE/guest.XXXXXX")"
    mkdir root checkout
    mount --bind "${ASHMEM_ROOT:-$folder}" root
    [ -n "${ASHMEM_ROOT:-}" ] || mount -o remount,bind,ro root
    mount --bind "$top" checkout
    [ "$kernel" != um ] || kind=uml
    "${kind}_prepare" "$folder" "$version" "/ashmem/vagrant/machines/init $kernel ${run#"$top/"}"
    say "booting kernel $kernel ($version) $how"
    "${kind}_run" "$run/console.log" "$run/machine.log" "$limit" <&0 &
    machine=$!
    guest_watch "$kernel" "$run" "$began" "$machine" 3>&- &
    watch=$!
    wait "$machine" || ended=$?
    kill "$watch" 2>/dev/null || true
    # the servers of a QEMU that ended before it connected to them
    [ ! -e servers ] || xargs kill <servers 2>/dev/null || true
    exec 3>&-
    [ -z "$copy" ] || wait "$copy"

    if [ -e "$run/status" ]; then
        status=$(cat "$run/status")
        [ "$status" -ne 0 ] || status=$ended
    elif [ "$ended" -eq 124 ] || { [ "$ended" -eq 137 ] && [ "$((EPOCHSECONDS - began))" -ge "$limit" ]; }; then
        say "the guest of kernel $kernel was stopped: it was not done after $limit s (ASHMEM_LIMIT)"
        status=124
    else
        say "the guest of kernel $kernel ended before its command did (status $ended); the end of what the machine and the kernel said:"
        [ ! -e "$run/machine.log" ] || quote_end "$run/machine.log" 5
        [ ! -e "$run/console.log" ] || quote_end "$run/console.log" 15
        status=125
        # An emulator that aborts before anything began in the guest: QEMU's own threads may race while a kernel boots.
        [[ $ended != @(134|139) || -e $run/started || -n ${ASHMEM_AGAIN:-} ]] || again=yes
    fi
    # only the console has the end of a guest that died; only the ring buffer has messages of low priority
    { cat "$run/console.log" "$run/dmesg" 2>/dev/null || true; } | awk '{ sub(/\r$/, "") } !seen[$0]++' >"$run/kernel.log"
    [ -z "${ASHMEM_KERNEL_LOG:-}" ] || cp "$run/kernel.log" "$ASHMEM_KERNEL_LOG"
    if [ "${ASHMEM_COMPLAINTS:-}" != expected ] && ! complaints=$("$lab/report/complaints" "$run/kernel.log"); then
        say "kernel $kernel complained:"
        head -n 40 <<<"$complaints" | sed 's/^/     | /' >&2
        [ "$status" -ne 0 ] || status=1
    fi
    if [ "$status" -eq 0 ]; then
        rm -rf "$run"
    else
        rm -f "$run/running"
        say "status $status; what the kernel said is in ${run#"$top/"}/kernel.log"
    fi
    if [ -n "$again" ]; then
        say "the emulator failed before anything began: once more"
        ASHMEM_AGAIN=yes exec "$lab/machines/guest.sh" boot "$kernel" ${command:+"$command"}
    fi
    return "$status"
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    verb=${1:?boot}
    shift
    "guest_$verb" "$@"
fi
