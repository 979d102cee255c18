# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# ./run bench infinispan: compares near caches of Infinispan's client in a container. Sourced by verbs.sh.

: "${lab:?}" "${top:?}" "${log:?}"
near_container=512
near_seconds=36
near_first=12

# What each client is, and for whom its near cache is sized. ALONE: the container without what the JVM needs. EXPERT: 200 MiB
# less, which are left to the neighbour. On the heap, two thirds of it are for values of 16 KiB. Ours is not sized: its maximum
# is more than all values.
#   kind        sized   heap  size        name
near_table='
    none        -       64    0           no near cache
    heap        ALONE   384   16384       theirs, on the heap
    heap        EXPERT  184   7850        theirs, on the heap
    purgeable   NOBODY  64    805306368   ours
'

# near_java HEAP ARGUMENT...: prints the command that serves or reads. Its folder is that of the tests
near_java() {
    local heap=$1 out=$top/cache/infinispan/target
    shift
    printf '%q ' "$(jdk_folder)/bin/java" -Xmx"${heap}m" -XX:+UseSerialGC -XX:+ExitOnOutOfMemoryError --enable-native-access=ALL-UNNAMED \
        -Dserver.heap=1200m -cp "$out/test-classes:$out/classes:$out/test-lib/*" org.ashmem.cache.infinispan.NearBench "$@"
}

# near_measure PORTS NEIGHBOUR RESULTS: measures each client in a container
near_measure() {
    local kind sized heap size name figures status
    while read -r kind sized heap size name; do
        [ -n "$kind" ] || continue
        status=0
        figures=$(near_client "$heap" "$kind" "$size" "$1" "$near_seconds" "$near_first" "$2" </dev/null) || status=$?
        case $status in
            0) ;;
            3) figures="its heap was full" ;;
            4) figures="the neighbour was killed" ;;
            125) return 1 ;;
            137) figures="it was killed" ;;
            *) figures="it ended with status $status" ;;
        esac
        printf '%s\t%s\t%s\t%s\n' "$kind" "$sized" "$name" "$figures" >>"$3"
    done <<<"$near_table"
}

# near_client HEAP ARGUMENT...: reads in a container
near_client() {
    local command
    command=$(near_java "$@")
    eval "$lab/host/container.sh" $((near_container << 20)) "$command"
}

# bench_infinispan KERNEL: measures clients of two servers; the neighbour is built in the release folder of KERNEL
bench_infinispan() {
    local kernel=$1 out=$top/target/bench-infinispan busy ours began ports server table status=0
    host_install "$log/apt" root java || exit 1
    java_build || exit 1
    release "$kernel" && module "$kernel" && build bench "$kernel" "building the neighbour of a client" || exit 1
    step "$log/bench-infinispan.log" "building the near cache" near_build || {
        network_hint "$log/bench-infinispan.log" "Maven Central"
        exit 1
    }
    rm -rf "$out"
    mkdir -p "$out"
    host_give_back "$out"
    bench_begin
    say "starting two servers, and giving them 512 MiB of values"
    mkfifo "$ASHMEM_STAGE/near-end"
    (cd "$top/cache/infinispan" && eval as_caller "$(near_java 256 serve)") <"$ASHMEM_STAGE/near-end" >"$log/bench-infinispan.ports" \
        2>>"$log/bench-infinispan.log" &
    server=$!
    exec {near_end}>"$ASHMEM_STAGE/near-end"
    until ports=$(grep , "$log/bench-infinispan.ports") || ! kill -0 "$server" 2>/dev/null; do sleep 1; done
    step "$log/bench-infinispan.log" "measuring clients in a container" near_measure "$ports" \
        "$top/target/guest/$kernel/bench/neighbour" "$out/clients.tsv" || status=1
    exec {near_end}>&-
    wait "$server"
    table=$(awk -f "$lab/bench/verdict.awk" -f "$lab/bench/median.awk" -f "$lab/bench/infinispan.awk" "$out/clients.tsv") || status=1
    printf '%s\n\n' "$table"
    bench_end target/bench-infinispan/
    return "$status"
}

near_build() {
    cache_maven -DskipTests package && infinispan_maven -DskipTests package
}
