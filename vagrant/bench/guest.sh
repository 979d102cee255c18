#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Measures the module in a guest. If the kernel has the original driver, measures both in turn.
# usage: guest.sh ROUNDS RESULTS      appends lines of KERNEL, DRIVER, NAME and FIGURE, separated by tabs, to RESULTS
# ASHMEM_KERNEL: the kernel's name in the results
# ASHMEM_OUT: the folder of the module and the programs
set -euo pipefail
rounds=$1 results=$2
kernel=${ASHMEM_KERNEL:?} out=${ASHMEM_OUT:?}
rows=(pin-1 pin-100 pin-1000 pin-10000 pin-100000 threads open purge-range purge-pages wait)

load() {
    if modinfo ashmem_linux >/dev/null 2>&1; then
        vagrant/tests/guest.sh beside
        original=original=/dev/ashmem
        ours=ours=/dev/ashmen
    else
        insmod "$out/ashmem.ko"
        original=
        ours=ours=/dev/ashmem
    fi
}

# measure ROW DRIVER...: measures one row on each driver in this round
measure() {
    local row=$1
    shift
    echo "$kernel: round $round of $rounds, $row"
    "$out/bench/bench" "$@" "$row" | sed "s/^/$kernel\t/" >>"$results"
}

load
for ((round = 1; round <= rounds; round++)); do
    for row in "${rows[@]}"; do
        measure "$row" ${original:+"$original"} "$ours"
    done
    # the original driver would take minutes
    measure pin-1000000 "$ours"
done

# To count allocations, the kernel patches its code. A second emulated processor may trip over code that is being
# patched, so only one stays online.
echo 0 >/sys/devices/system/cpu/cpu1/online
round=$rounds
measure allocations ${original:+"$original"} "$ours"
