# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# ./run bench: compares the module with the original driver in one guest, measures it alone on the newest kernel, measures
# what reclaim does to unpinned ranges, and compares the library with C. Sourced by verbs.sh.

: "${lab:?}" "${top:?}" "${log:?}"
bench_rounds=3

# bench_busy: prints how many seconds this machine's processors were busy
bench_busy() {
    awk -v ticks="$(getconf CLK_TCK)" '$1 == "cpu" { print ($2 + $3 + $4 + $7 + $8) / ticks }' /proc/stat
}

# bench_ours: prints how many of these seconds this shell used, and the processes that it waited for
bench_ours() {
    awk -v ticks="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print ($12 + $13 + $14 + $15) / ticks }' "/proc/$$/stat"
}

# bench_guest KERNEL RESULTS: measures the drivers in a guest; appends the figures to RESULTS
bench_guest() {
    say "measuring on kernel $1, $bench_rounds rounds"
    ASHMEM_LOAD=no guest "$1" "exec vagrant/bench/guest.sh $bench_rounds /ashmem/${2#"$top/"}"
}

# bench_begin: starts the measurement of other work on the processors, which bench_end reports
bench_begin() {
    busy=$(bench_busy) ours=$(bench_ours) began=$EPOCHREALTIME
}

# bench_end FIGURES: prints the last lines: where the figures are, and how much other work the processors did
bench_end() {
    local others
    others=$(awk -v busy="$(bench_busy)" -v busy0="$busy" -v ours="$(bench_ours)" -v ours0="$ours" -v now="$EPOCHREALTIME" \
        -v began="$began" -v count="$(nproc)" 'BEGIN { x = ((busy - busy0) - (ours - ours0)) / (now - began) / count
            printf "%.0f", x < 0 ? 0 : 100 * x }')
    printf 'Figures: %s.\nOther work took %s %% of this machine'\''s processors meanwhile.\n' "$1" "$others"
    [ "$others" -le 10 ] || echo "That is a lot: measure again on an idle machine before you trust a row that says MISSED."
}

# bench_kernel BESIDE ALONE: measures both drivers on kernel BESIDE, and the module alone on kernel ALONE
bench_kernel() {
    local results=$top/target/bench.tsv busy ours began kernel table status=0
    host_install "$log/apt" root || exit 1
    for kernel in "$@"; do
        release "$kernel" && module "$kernel" && build bench "$kernel" "building the program that measures" || exit 1
    done
    rm -f "$results"
    bench_begin
    for kernel in "$@"; do
        bench_guest "$kernel" "$results" || exit 1
    done
    table=$(awk -v beside="$1" -v alone="$2" -f "$lab/bench/verdict.awk" -f "$lab/bench/kernel.awk" "$results") || status=$?
    printf '%s\n\nTimes are the best of %d rounds of many batches each; gains are medians of the rounds. ' "$table" "$bench_rounds"
    bench_end target/bench.tsv
    return "$status"
}

# bench_reclaim KERNEL: measures on KERNEL what reclaim does to unpinned ranges. The guest has memory for 1,000,000 touched ranges,
# if this machine has enough.
bench_reclaim() {
    local kernel=$1 results=$top/target/bench-reclaim.tsv memory=2048 busy ours began table status=0
    [ "$(awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo)" -lt $((9 << 20)) ] || memory=6144
    # shellcheck disable=SC2046
    host_install "$log/apt" root $(needs_of "$kernel") || exit 1
    release "$kernel" && module "$kernel" && build bench "$kernel" "building the program that measures" || exit 1
    rm -f "$results"
    bench_begin
    say "measuring on kernel $kernel"
    ASHMEM_MEMORY=$memory guest "$kernel" "exec vagrant/bench/reclaim.sh /ashmem/${results#"$top/"}" || status=$?
    [ -e "$results" ] || exit 1
    table=$(awk -v kernel="$kernel" -f "$lab/bench/verdict.awk" -f "$lab/bench/reclaim.awk" "$results") || status=$?
    printf '%s\n\n' "$table"
    bench_end target/bench-reclaim.tsv
    return "$status"
}

# bench_host ROUNDS RESULTS CALLS CLASS...: runs java.sh on this machine as the caller
bench_host() {
    say "measuring ${*:4} on this machine, $1 rounds"
    as_caller "$lab/bench/java.sh" "$1" "$2" "$3" "$(jdk_folder)/bin/java" "${@:4}"
}

# bench_java KERNEL: measures the library on this machine, and its pins in a guest of KERNEL
bench_java() {
    local kernel=$1 out=$top/target/bench-java busy ours began major create=(Creations) access=(Buffers) table status=0
    # shellcheck disable=SC2046
    host_install "$log/apt" root java $(needs_of "$kernel") || exit 1
    java_compiler || exit 1
    release "$kernel" && module "$kernel" && build bench "$kernel" "building the program that Java is compared with" &&
        step "$log/bench-java.log" "building the benchmarks with Maven" maven -Praces-and-benchmarks package || exit 1
    major=$(host_jdk | cut -d ' ' -f 1)
    if [ "$major" -ge 22 ]; then
        create+=(ArenaCreations)
        access+=(SegmentViews)
    fi
    rm -rf "$out"
    mkdir -p "$out"
    host_give_back "$out"
    bench_begin
    bench_host "$bench_rounds" "$out/create.tsv" "$top/target/guest/$kernel/bench/calls" "${create[@]}" &&
        bench_host $((2 * bench_rounds)) "$out/access.tsv" - "${access[@]}" || exit 1
    say "measuring Pins on kernel $kernel, $bench_rounds rounds"
    # One processor only: HotSpot replaces C1's code by C2's while other threads run it, and a second emulated processor
    # may see half of an instruction.
    guest "$kernel" "echo 0 >/sys/devices/system/cpu/cpu1/online
exec vagrant/bench/java.sh $bench_rounds /ashmem/target/bench-java/pin.tsv \$ASHMEM_OUT/bench/calls \\
    'java -XX:+UnlockDiagnosticVMOptions -XX:ArchiveRelocationMode=0 -XX:+UseSerialGC' Pins" || exit 1
    table=$(awk -v newest="$major" -f "$lab/bench/verdict.awk" -f "$lab/bench/median.awk" \
        -f "$lab/bench/java.awk" "$out"/*.tsv) || status=$?
    printf '%s\n\nEach figure is the median of all iterations of %d rounds; C ran before each iteration. ' "$table" "$bench_rounds"
    bench_end target/bench-java/
    return "$status"
}
