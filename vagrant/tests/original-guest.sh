#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs the C programs in a guest, on the kernel's own ashmem_linux, without our module. If a case ends the guest, the
# next run continues after that case.
# usage: original-guest.sh RESULTS      RESULTS/PROGRAM.N.ktap is the output of the Nth run of a program
# ASHMEM_OUT: the folder of the programs
# ASHMEM_PROGRAM_LIMIT: the time limit of a program in seconds (default: 1800)
set -euo pipefail
results=$1
out=${ASHMEM_OUT:?} limit=${ASHMEM_PROGRAM_LIMIT:-1800}

# finished PROGRAM: prints how many of its cases have a result
finished() {
    cat "$results/$1".*.ktap 2>/dev/null | grep -cE '^(not )?ok [0-9]' || true
}

# give_up PROGRAM RUN WHY: adds a failed result for the case that was running
give_up() {
    local name
    name=$("$out/tests/$1" --list | sed -n "$(($(finished "$1") + 1))p")
    printf '\nnot ok 0 %s # %s\n' "$name" "$3" >>"$results/$1.$2.ktap"
}

# run PROGRAM: runs its remaining cases. Fails if the guest is unusable after that
run() {
    local program=$1 count run status=0
    count=$("$out/tests/$program" --list | wc -l)
    run=$(find "$results" -name "$program.*.ktap" | wc -l)
    [ ! -e "$results/running" ] || give_up "$program" "$run" "the guest did not survive it"
    echo "$program" >"$results/running"
    if [ "$(finished "$program")" -lt "$count" ]; then
        echo "original: C program $program, from case $(($(finished "$program") + 1)) of $count"
        timeout -k 5 "$limit" "$out/tests/$program" --from=$(($(finished "$program") + 1)) \
            >"$results/$program.$((run + 1)).ktap" 2>&1 </dev/null || status=$?
        if [ "$(finished "$program")" -lt "$count" ] && [ "$status" -ne 3 ]; then
            give_up "$program" $((run + 1)) "the program did not end within $limit s (status $status)"
            status=3
        fi
    fi
    rm "$results/running"
    [ "$status" -ne 3 ] || return
    touch "$results/$program.done"
}

export ASHMEM_KO
ASHMEM_KO=$(modinfo -F filename ashmem_linux)
modprobe ashmem_linux
while read -r program; do
    [ -e "$results/$program.done" ] || run "$program" || exit 3
done <"$out/tests/list"
