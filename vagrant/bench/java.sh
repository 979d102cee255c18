#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Measures benchmarks of the library beside the same system calls in C, by turns; on the host, or in a guest.
# usage: java.sh ROUNDS RESULTS CALLS JAVA CLASS...
# RESULTS gets lines of SIDE (java, c, single for C in a process of a single thread, or bytes), NAME and FIGURE, parted by
# tabs. CALLS: the C program, or - for none; JAVA: the command with its options; CLASS: in src/jmh
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
rounds=$1 results=$2 calls=$3 java=$4
shift 4
out=$top/target/jmh
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
