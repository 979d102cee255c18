# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Tests of ranges.c in user space: random steps compared with a model, and libFuzzer. Sourced by tests.sh.

: "${top:?}" "${log:?}" "${results:?}"
fuzz_out=$top/target/host
fuzz_corpus=$top/kernel/tests/host/corpus

ranges_build() {
    mkdir -p "$fuzz_out"
    rm -f "$fuzz_out"/{crash,leak,timeout,oom}-*
    host_give_back "$top/target"
    step "$log/host.log" "building ranges.c for user space" \
        as_caller make -C "$top/kernel/tests/host" OUT="$fuzz_out"
}

# ranges_fuzz_with OPTION FOLDER: fuzzes. FOLDER gets inputs that reach new code, target/host/ gets inputs that fail
ranges_fuzz_with() {
    mkdir -p "$2"
    host_give_back "$fuzz_out"
    as_caller "$fuzz_out/fuzz" "$1" -max_len=1600 -only_ascii=1 -print_final_stats=1 -verbosity=1 \
        -artifact_prefix="$fuzz_out/" "$2" "$fuzz_corpus"
}

# ranges_fuzz MINUTES: ./run fuzz
ranges_fuzz() {
    local minutes=$1 found=$fuzz_out/corpus new
    host_install "$log/apt" clang || exit 1
    ranges_build || exit 1
    if ! step "$log/fuzz.log" "fuzzing ranges.c for $minutes min" ranges_fuzz_with -max_total_time=$((60 * minutes)) "$found"; then
        say "the steps that failed (kernel/tests/host/model.h explains them): $(find "$fuzz_out" -name 'crash-*' -o -name 'leak-*' -o -name 'timeout-*' -o -name 'oom-*' | tail -n 1)"
        say "to run them again: target/host/random --replay=FILE; keep the file as a case in kernel/tests/host/corpus"
        exit 1
    fi
    awk '/^stat::number_of_executed_units/ { print "runs: " $2 } /cov: / { for (i = 1; i < NF; i++) if ($i == "cov:") cov = $(i + 1) }
        END { print "covered edges: " cov }' "$log/fuzz.log"
    new=$fuzz_out/merged
    rm -rf "$new"
    mkdir -p "$new"
    host_give_back "$new"
    as_caller "$fuzz_out/fuzz" -merge=1 "$new" "$fuzz_corpus" "$found" >>"$log/fuzz.log" 2>&1 || exit 1
    say "the smallest corpus that reaches all these edges is in ${new#"$top/"}"
}

part_ranges() {
    local section="host: ranges.c"
    if ! ranges_build; then
        tests_result ranges fail "$section" "builds" "see target/log/host.log"
        return
    fi
    tests_step ranges "$section" "100 million random steps agree with the model" random \
        as_caller "$fuzz_out/quick" --steps=100000000
    tests_step ranges "$section" "5 million random steps under sanitizers find nothing" random-sanitized \
        as_caller "$fuzz_out/random" --steps=5000000
    rm -rf "$fuzz_out/corpus-test"
    tests_step ranges "$section" "300,000 runs of libFuzzer find nothing" fuzz ranges_fuzz_with -runs=300000 "$fuzz_out/corpus-test"
}
