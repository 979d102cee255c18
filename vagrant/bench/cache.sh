# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# ./run bench cache: compares the cache with others. Sourced by verbs.sh.

: "${lab:?}" "${top:?}" "${log:?}"
cache_rounds=2
cache_lengths=(256 4096 65536)
cache_traces=(orm-busy orm-night web07 web12 w106 scarab gradle corda)

# cache_build_bench: builds the comparison on this checkout's cache and library, and runs its tests
cache_build_bench() {
    cache_maven -DskipTests package && cache_provide "$top/cache" ashmem-cache && maven -f cache/bench/pom.xml verify
}

# cache_java CLASS RESULTS ARGUMENT...: runs a class of the comparison; appends what it prints to RESULTS
cache_java() {
    local out=$top/cache/bench/target
    as_caller "$(jdk_folder)/bin/java" --enable-native-access=ALL-UNNAMED -Djmh.ignoreLock=true \
        -cp "$out/classes:$out/test-lib/*" "org.ashmem.cache.bench.$1" "${@:3}" >>"$2"
}

# cache_calls RESULTS: measures calls without pressure
cache_calls() {
    local round length
    for ((round = 1; round <= cache_rounds; round++)); do
        for length in "${cache_lengths[@]}"; do
            step "$log/bench-cache-calls.log" "measuring get and put of $length bytes, round $round of $cache_rounds" \
                cache_java Speed "$1" "$length" || return
        done
    done
}

# cache_hits RESULTS: measures hit rates
cache_hits() {
    local trace
    for trace in "${cache_traces[@]}"; do
        step "$log/bench-cache-hits.log" "measuring the hit rate of the trace $trace" cache_java HitRates "$1" "$trace" || return
    done
}

# bench_cache KERNEL: measures calls without pressure, hit rates by size, and caches in a container, also in a guest of KERNEL
bench_cache() {
    local kernel=$1 out=$top/target/bench-cache busy ours began table status=0
    host_install "$log/apt" root java || exit 1
    java_build || exit 1
    release "$kernel" && module "$kernel" && build bench "$kernel" "building the neighbours of a cache" || exit 1
    step "$log/bench-cache.log" "building the cache, and what it is compared with" cache_build_bench || {
        network_hint "$log/bench-cache.log" "Maven Central"
        exit 1
    }
    rm -rf "$out"
    mkdir -p "$out"
    host_give_back "$out"
    bench_begin
    cache_calls "$out/calls.tsv" && cache_hits "$out/hits.tsv" && containers_measure "$kernel" "$out" || exit 1
    table=$(awk -v lengths="${cache_lengths[*]}" -v traces="${cache_traces[*]}" -f "$lab/bench/verdict.awk" \
        -f "$lab/bench/median.awk" -f "$lab/bench/cache.awk" "$out/calls.tsv" "$out/hits.tsv") || status=$?
    printf '%s\n\nThe time of a call is the median of all iterations of %d rounds.\n' "$table" "$cache_rounds"
    containers_report "$out" || status=1
    bench_end target/bench-cache/
    return "$status"
}
