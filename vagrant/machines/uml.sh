# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# A guest that is a process of this machine, user-mode Linux: a release folder as its root and the checkout at /ashmem, both by
# hostfs. Sourced by guest.sh.

: "${guest_memory:?}" "${guest_parameters:?}"

# uml_prepare FOLDER VERSION INIT
uml_prepare() {
    accel=none how="as a process" image=$1/boot/vmlinuz-$2
    parameters="rootfstype=hostfs root=/dev/root rootflags=root ro init=/bin/sh -- -c \"mount -t hostfs -o hostfs=checkout \
ashmem /ashmem && exec $3\""
}

# uml_run CONSOLE LOG LIMIT: becomes the kernel. Its messages go to the file CONSOLE, the command's output to descriptor 3. Without a
# command, the guest's shell has this terminal. With ASHMEM_KUNIT, the kernel's own kunit.py starts the kernel, reads its
# messages, prints its verdict to descriptor 3, and writes it to that file as JUnit's XML.
uml_run() {
    local console_log=$1 log=$2 limit=$3 linux
    # The guest has one processor, but its kernel and its programs are processes here. On two processors each system call may
    # wait for the other processor to wake up, which takes ten times as long as the call. So all of it stays on one.
    taskset -cp "$(cut -d ' ' -f 39 /proc/self/stat)" "$BASHPID" >/dev/null || true
    linux=("mem=${guest_memory}M" seccomp=auto noreboot "uml_dir=$PWD/" "hostfs=$PWD" stderr=1 console=tty0 con=null
        "$guest_parameters")
    # the current folder is in memory, and then so is the file of the guest's memory
    export TMPDIR=$PWD
    if [ -n "${ASHMEM_KUNIT:-}" ]; then
        # kunit.py starts the program linux of a folder that was configured for tests. It appends a parameter that would halt
        # the kernel; after the -- of ours that parameter has no effect.
        ln -sfn "$image" linux
        ln -sfn "$console_log" test.log
        touch .kunitconfig
        linux+=("con0=fd:0,fd:1" terminal=tty0 loglevel=7 "$parameters")
        exec python3 "${image%/boot/*}/usr/src/linux-headers-${image##*/vmlinuz-}/tools/testing/kunit/kunit.py" exec \
            --build_dir="$PWD" --timeout="$limit" --junit="$ASHMEM_KUNIT" "${linux[@]/#/--kernel_args=}" >&3 2>"$log"
    fi
    # A terminal of the guest has to wait for input. It cannot wait for a file or /dev/null, so it gets a pipe.
    mkfifo silent
    if [ "$interactive" = yes ]; then exec 3>&1; else exec <>silent; fi
    linux+=("con0=fd:4,fd:2" "con1=fd:0,fd:3" terminal=tty1 "$parameters")
    # any other signal makes it print a lot before it ends
    timeout --foreground -s KILL "$limit" "$image" "${linux[@]}" 4<>silent 2>&1 >/dev/null | cat >"$console_log"
}
