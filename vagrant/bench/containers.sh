# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The part of ./run bench cache in which each cache shares a container with neighbours. Sourced by verbs.sh.

: "${lab:?}" "${top:?}" "${log:?}"

# containers_measure KERNEL FOLDER: measures caches in containers of this machine, and some of them in a guest of KERNEL, on the
# device, where an emulated processor takes fewer requests. The figures go to FOLDER
containers_measure() {
    local kernel=$1 folder=$2 results=$2/containers.tsv
    step "$log/bench-cache-containers.log" "measuring caches in a container of this machine" \
        "$lab/bench/contenders.sh" "$results" "$folder" host "$top/target/guest/$kernel/bench/neighbour" 45 10 5000 64 \
        "$(jdk_folder)/bin/java" lazy memfd caffeine-shared caffeine-soft ohc ehcache infinispan || return
    say "measuring caches in a container on kernel $kernel"
    # C1 only: HotSpot replaces C1's code by C2's while other threads run it, and an emulated processor may see half of that
    guest "$kernel" "exec vagrant/bench/contenders.sh /ashmem/${results#"$top/"} /ashmem/${folder#"$top/"} $kernel \
\$ASHMEM_OUT/bench/neighbour 50 15 500 16 \
'java -XX:+UnlockDiagnosticVMOptions -XX:ArchiveRelocationMode=0 -XX:TieredStopAtLevel=1' lazy device caffeine-shared ohc"
}

# containers_report FOLDER: prints the tables, and draws the plots in FOLDER. Fails if something that is needed is missed
containers_report() {
    local path=$top/cache/bench/target
    host_give_back "$1"
    as_caller "$(jdk_folder)/bin/java" -cp "$path/classes:$path/test-lib/*" org.ashmem.cache.bench.container.Report \
        "$1/containers.tsv" "$1"
}
