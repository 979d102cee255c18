# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# A guest that is a process of this machine, user-mode Linux: a release folder as its root and the checkout at /ashmem,
# both by hostfs. Sourced by guest.sh.

: "${guest_memory:?}" "${guest_parameters:?}"

# prepare FOLDER VERSION INIT
uml_prepare() {
    accel=none how="as a process" image=$1/boot/vmlinuz-$2
    parameters="rootfstype=hostfs root=/dev/root rootflags=root ro init=/bin/sh -- -c \"mount -t hostfs -o hostfs=checkout \
ashmem /ashmem && exec $3\""
}

# run CONSOLE LOG LIMIT: the kernel. What it says goes to the file CONSOLE; the command's output to descriptor 3, or all to
# this terminal if there is no command. With ASHMEM_KUNIT, the kernel's own kunit.py starts it, reads what it says, prints
# to descriptor 3 what it makes of that and leaves it as JUnit's XML in the file of that name.
uml_run() {
    local console_log=$1 log=$2 limit=$3 linux
    # It has one processor, but its kernel and its programs are processes of their own: on two of this machine's, each system
    # call may wait until the other one wakes up, which takes ten times as long as the call. The one that cut is on will do.
    taskset -cp "$(cut -d ' ' -f 39 /proc/self/stat)" "$BASHPID" >/dev/null || true
    linux=("mem=$guest_memory" seccomp=auto noreboot "uml_dir=$PWD/" "hostfs=$PWD" stderr=1 console=tty0 con=null
        "$guest_parameters")
    # the current folder is in memory: so is then the file that is the guest's
    export TMPDIR=$PWD
    if [ -n "${ASHMEM_KUNIT:-}" ]; then
        # It is to start the program linux of a folder that was configured for tests. What it adds to the parameters comes
        # behind the --, so the kernel does not halt before it has loaded a module.
        ln -sfn "$image" linux
        ln -sfn "$console_log" test.log
        touch .kunitconfig
        linux+=("con0=fd:0,fd:1" terminal=tty0 loglevel=7 "$parameters")
        exec python3 "${image%/boot/*}/usr/src/linux-headers-${image##*/vmlinuz-}/tools/testing/kunit/kunit.py" exec \
            --build_dir="$PWD" --timeout="$limit" --junit="$ASHMEM_KUNIT" "${linux[@]/#/--kernel_args=}" >&3 2>"$log"
    fi
    # A terminal of the guest cannot wait for what never lets anybody wait, files and /dev/null: pipes in their place.
    mkfifo silent
    if [ "$interactive" = yes ]; then exec 3>&1; else exec <>silent; fi
    linux+=("con0=fd:4,fd:2" "con1=fd:0,fd:3" terminal=tty1 "$parameters")
    # told to end in any other way it says much before it does
    timeout --foreground -s KILL "$limit" "$image" "${linux[@]}" 4<>silent 2>&1 >/dev/null | cat >"$console_log"
}
