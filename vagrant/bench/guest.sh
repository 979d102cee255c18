#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Measures, in a guest, the module and where the kernel has it the original driver beside it, in turn.
# usage: guest.sh ROUNDS RESULTS      appends lines of KERNEL, DRIVER, NAME and FIGURE, parted by tabs, to RESULTS
# ASHMEM_KERNEL: what the results call the kernel; ASHMEM_OUT: where what is built is taken from
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

# measure ROW DRIVER...
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
    # the original would need minutes for it
    measure pin-1000000 "$ours"
done

# The kernel patches its code to count allocations. An emulated processor may trip over that while it runs this code, so
# there is only one.
echo 0 >/sys/devices/system/cpu/cpu1/online
round=$rounds
measure allocations ${original:+"$original"} "$ours"
