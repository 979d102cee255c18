# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# ./run bench: the module beside the original driver in one guest, then alone on the newest kernel. Sourced by inside.sh.

: "${here:?}" "${top:?}" "${log:?}"
bench_rounds=3

# Seconds that this machine's processors were busy, and those of them that were ours: this shell's and of what it waited for.
bench_busy() {
    awk -v ticks="$(getconf CLK_TCK)" '$1 == "cpu" { print ($2 + $3 + $4 + $7 + $8) / ticks }' /proc/stat
}

bench_ours() {
    awk -v ticks="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print ($12 + $13 + $14 + $15) / ticks }' "/proc/$$/stat"
}

# bench_guest KERNEL RESULTS
bench_guest() {
    say "measuring on kernel $1, $bench_rounds rounds"
    ASHMEM_LOAD=no guest "$1" "exec vagrant/bench-guest.sh $bench_rounds /ashmem/${2#"$top/"}"
}

# bench_kernel BESIDE ALONE: the kernels' names
bench_kernel() {
    local results=$top/target/bench.tsv busy ours began kernel others status=0
    host_install "$log/apt" root guest || exit 1
    for kernel in "$@"; do
        release "$kernel" && module "$kernel" && build bench "$kernel" "building the program that measures" || exit 1
    done
    rm -f "$results"
    busy=$(bench_busy) ours=$(bench_ours) began=$EPOCHREALTIME
    for kernel in "$@"; do
        bench_guest "$kernel" "$results" || exit 1
    done
    others=$(awk -v busy="$(bench_busy)" -v busy0="$busy" -v ours="$(bench_ours)" -v ours0="$ours" -v now="$EPOCHREALTIME" \
        -v began="$began" -v count="$(nproc)" 'BEGIN { x = ((busy - busy0) - (ours - ours0)) / (now - began) / count
            printf "%.0f", x < 0 ? 0 : 100 * x }')
    awk -v beside="$1" -v alone="$2" -f "$here/bench.awk" "$results" || status=$?
    printf '\nTimes are the best of %d rounds of many batches each, gains the middle of the rounds. ' "$bench_rounds"
    printf 'Figures: target/bench.tsv.\nOther work took %s %% of this machine'\''s processors meanwhile.\n' "$others"
    [ "$others" -le 10 ] || echo "That is much: measure again when it is calm before you believe a row that is missed."
    return "$status"
}
