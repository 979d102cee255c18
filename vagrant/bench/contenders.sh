#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs caches in a container each, beside a neighbour that takes memory and frees it, and one that reads a file. Runs on the
# host or in a guest.
# usage: contenders.sh RESULTS FOLDER MACHINE NEIGHBOUR SECONDS FIRST RATE STREAM JAVA [PEER...]
#   RESULTS    gets lines of MACHINE, the cache's name, whom it is sized for, and what org.ashmem.cache.bench.container.Load
#              prints, separated by tabs. Before these comes run, with the MiB of the heap and of the cache and FIRST; after
#              them comes ended, with the exit status
#   FOLDER     for the file that is read, and for what the JVMs say
#   MACHINE    its name in the results
#   NEIGHBOUR  the C program
#   SECONDS    for each cache; the neighbour begins after FIRST of them
#   RATE       requests in a second
#   STREAM     MiB of the file that are read in a second
#   JAVA       the java command with its options
#   PEER       of the table below (default: all)
set -uo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
results=$1 folder=$2 machine=$3 neighbour=$4 seconds=$5 first=$6 rate=$7 stream=$8 java=$9
shift 9
container=512

# ALONE: the cache gets three quarters of the container. EXPERT: 200 MiB less, which are left to the neighbour. Where values lie on the heap, that is the size of the heap, and two thirds of it are for the values, as the
# collector needs room. Elsewhere the heap has 64 MiB. Ours is not sized: its maximum is the working set.
#     peer             sized   heap  cache  name
table='
      lazy             NOBODY  64    2048   ashmem-cache LAZY
      device           NOBODY  64    2048   ashmem-cache DEVICE
      memfd            NOBODY  64    2048   ashmem-cache MEMFD
      caffeine-shared  ALONE   384   256    Caffeine
      caffeine-shared  EXPERT  184   122    Caffeine
      caffeine-soft    ALONE   384   384    Caffeine softValues
      caffeine-soft    EXPERT  184   184    Caffeine softValues
      ohc              ALONE   64    384    OHC
      ohc              EXPERT  64    184    OHC
      ehcache          ALONE   64    384    Ehcache
      ehcache          EXPERT  64    184    Ehcache
      infinispan       ALONE   64    384    Infinispan
      infinispan       EXPERT  64    184    Infinispan
'

# contender PEER SIZED HEAP CACHE NAME
contender() {
    local row=$machine$'\t'$5$'\t'$2 status=0
    echo "$machine: $5, $2"
    printf '%s\trun\t%s\t%s\t%s\n' "$row" "$3" "$4" "$first" >>"$results"
    # Serial is the collector that a JVM chooses in such a container. A full heap ends the JVM with status 3.
    # shellcheck disable=SC2086
    "$top/vagrant/host/container.sh" $((container << 20)) $java -Xmx"$3m" -XX:MaxDirectMemorySize="${container}m" -XX:+UseSerialGC \
        -XX:+ExitOnOutOfMemoryError --enable-native-access=ALL-UNNAMED \
        -cp "$top/cache/bench/target/classes:$top/cache/bench/target/test-lib/*" org.ashmem.cache.bench.container.Load "$1" \
        $(($4 << 20)) "$seconds" "$first" "$rate" "$neighbour" "$folder/stream" "$stream" 2>>"$folder/contenders.log" \
        </dev/null | sed -u "s/^/$row\t/" >>"$results" || status=$?
    printf '%s\tended\t%d\n' "$row" "$status" >>"$results"
    [ "$status" -ne 125 ]
}

while read -r peer sized heap cache name; do
    [ -n "$peer" ] || continue
    [ $# -eq 0 ] || [[ " $* " = *" $peer "* ]] || continue
    contender "$peer" "$sized" "$heap" "$cache" "$name" || exit
done <<<"$table"
rm -f "$folder/stream"
