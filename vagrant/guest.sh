#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The offline guest: a release folder is its root, and the checkout is at /ashmem. qemu.sh has the machine, or uml.sh that
# for kernel um, this the run.
# usage: guest.sh boot KERNEL COMMAND      runs it in a guest; without COMMAND a shell on this terminal
# Root, in mount and PID namespaces of its own (enclosure.sh). The exit status is the command's; 124 when the time limit
# (ASHMEM_LIMIT, seconds) was over, 125 when the guest stopped by itself, 1 when the kernel complained. ASHMEM_KERNEL_LOG
# names a file for a copy of what the kernel said; with ASHMEM_COMPLAINTS=expected it may say anything. ASHMEM_LOAD=no boots
# without loading the module. ASHMEM_AGAIN=yes: the command may be run once more, from its beginning. ASHMEM_KUNIT names a
# file for what kunit.py, which then boots kernel um, reports. ASHMEM_ROOT names a folder to be the root instead, writable,
# with systemd as the first process: the command comes when what every boot needs is started.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=${here%/*}
# shellcheck source=release.sh
. "$here/release.sh"

guest_memory=2G
guest_cpus=2
guest_parameters="loglevel=6 log_buf_len=4M printk.devkmsg=on panic=-1"
# shellcheck source=qemu.sh
. "$here/qemu.sh"
# shellcheck source=uml.sh
. "$here/uml.sh"

# Removes what interrupted runs left, and of the runs that went wrong all but the last few.
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

# Did an emulated processor trip over code that the kernel was patching? While a static key or a tracepoint is switched, a
# breakpoint (int3) stands in the code, and QEMU may go on with what it translated then after the kernel took it away. The
# kernel then shows that there is none where it met one; and it has said nothing before that would be a complaint.
guest_tripped() {
    awk '
        /int3: [0-9a-f]+ \[#/ { met = 1 }
        met && /Code: / { there = match($0, /[0-9a-f][0-9a-f] <[0-9a-f]/) ? substr($0, RSTART, 2) : "cc"; exit }
        END { exit !(there && there != "cc") }' "$1" 2>/dev/null &&
        sed '/int3: [0-9a-f]* \[#/,$d' "$1" | "$here/complaints" >/dev/null
}

# Says that the guest is still booting, and ends it when its kernel panicked, or is about to: not every emulated one gets to
# the reboot that panic=-1 asks for.
guest_watch() {
    local kernel=$1 run=$2 began=$3 machine=$4 silent=0
    while sleep 3; do
        if grep -q 'Kernel panic' "$run/console.log" 2>/dev/null || guest_tripped "$run/console.log"; then
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
    local folder version run sweep lock available interactive=no copy='' machine watch try ended status=0 complaints
    local kind=qemu image accel how console parameters initramfs=() qemu=()
    folder=$(release_path "$kernel")
    [ -e "$folder/.used" ] || die "there is no release folder for kernel $kernel yet"
    release_lock "$kernel" -s
    touch "$folder/.used"
    version=$(release_version "$folder")
    available=$(awk '$1 == "MemAvailable:" { print int($2 / 1024) }' /proc/meminfo)
    [ "$available" -ge 1800 ] || die "not enough memory for a guest: 1800 MB needed, $available MB available"

    # nobody sweeps between the two lines that make a run's folder and hold it
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
        # by a pipe, so that a file that the caller appends to is not rewound
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
    "${kind}_prepare" "$folder" "$version" "/ashmem/vagrant/init $kernel ${run#"$top/"}"
    say "booting kernel $kernel ($version) $how"
    # What an emulated processor does wrong says nothing of what is tested. It is worth another try if nothing of ours ran
    # yet, or begins from nothing once more.
    for try in 1 2 3; do
        rm -f "$run"/{console.log,started,status,dmesg}
        began=$EPOCHSECONDS ended=0
        "${kind}_run" "$run/console.log" "$run/machine.log" "$limit" <&0 &
        machine=$!
        guest_watch "$kernel" "$run" "$began" "$machine" 3>&- &
        watch=$!
        wait "$machine" || ended=$?
        kill "$watch" 2>/dev/null || true
        if [ "$accel" != tcg ]; then
            break
        elif [ -e "$run/started" ]; then
            [ "${ASHMEM_AGAIN:-}" = yes ] && guest_tripped "$run/console.log" || break
            cp "$run/console.log" "${ASHMEM_KERNEL_LOG:-$run/kernel.log}.$try"
        else
            grep -q 'Kernel panic' "$run/console.log" || guest_tripped "$run/console.log" || break
        fi
        say "the emulated processor did not survive what kernel $kernel patched in its own code (try $try of 3)"
    done
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
    fi
    # the serial console has it all when a guest dies, the ring buffer has what is too minor for a console
    { cat "$run/console.log" "$run/dmesg" 2>/dev/null || true; } | awk '{ sub(/\r$/, "") } !seen[$0]++' >"$run/kernel.log"
    [ -z "${ASHMEM_KERNEL_LOG:-}" ] || cp "$run/kernel.log" "$ASHMEM_KERNEL_LOG"
    if [ "${ASHMEM_COMPLAINTS:-}" != expected ] && ! complaints=$("$here/complaints" "$run/kernel.log"); then
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
    return "$status"
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    verb=${1:?boot}
    shift
    "guest_$verb" "$@"
fi
