#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Measures the library, and the same system calls in C, in turn. Runs on the host or in a guest.
# usage: java.sh ROUNDS RESULTS CALLS JAVA CLASS...
#   RESULTS  gets lines of SIDE, NAME and FIGURE, separated by tabs. SIDE is java, c, single (C in a process with a
#            single thread) or bytes
#   CALLS    the C program, or - for none
#   JAVA     the java command with its options
#   CLASS    a benchmark in src/jmh
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
rounds=$1 results=$2 calls=$3 java=$4
shift 4
out=$top/target/races-and-benchmarks
jar=("$out"/ashmem-*.jar)
options=(--enable-native-access=ALL-UNNAMED -Djmh.ignoreLock=true)
[ "$calls" = - ] || options+=("-Dorg.ashmem.bench.calls=$calls")

for ((round = 1; round <= rounds; round++)); do
    echo "round $round of $rounds: $*"
    # shellcheck disable=SC2086
    $java "${options[@]}" -cp "${jar[0]}:$out/test-classes:$out/test-lib/*" org.ashmem.bench.Figures "$@" \
        >>"$results" 2>"$results.log" || {
        cat "$results.log"
        exit 1
    }
done
