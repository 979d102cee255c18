#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Measures in a guest what reclaim does to unpinned ranges. A row that fails does not stop the others: the table lacks it then.
# usage: reclaim.sh RESULTS [ROW...]      appends lines of SIDE, NAME and FIGURE, separated by tabs, to RESULTS
# ASHMEM_KERNEL: the kernel's name
# ASHMEM_OUT: the folder of the programs
set -uo pipefail
results=$1
shift
kernel=${ASHMEM_KERNEL:?} out=${ASHMEM_OUT:?}
rows=(touched untouched mapped growth-1 growth-4 growth-16 lowered-1 lowered-4 lowered-16 busy-each busy-whole order-once order-again)
[ $# -eq 0 ] || rows=("$@")

status=0
for row in "${rows[@]}"; do
    echo "$kernel: $row"
    "$out/bench/reclaim" "$row" >>"$results" || {
        echo "$kernel: $row failed"
        status=1
    }
done
exit "$status"
