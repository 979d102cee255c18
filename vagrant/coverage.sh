# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Which lines of the module and of the library the tests reach. Sourced by inside.sh.

: "${here:?}" "${top:?}" "${results:?}"

# coverage_kernel KERNEL: of what its guest counted
coverage_kernel() {
    local kernel=$1 lines=$results/$1/lines name="at most 5 per cent of the module's lines are reached by no test"
    if ! [ -s "$lines" ]; then
        tests_result "coverage-$kernel" fail "$kernel: coverage" "$name" "nothing was counted"
        return
    fi
    awk -F'\t' -v OFS='\t' '{ lines[$1]++; reached[$1] += $3 > 0 } END { for (f in lines) print "kernel/" f, lines[f], reached[f] }' \
        "$lines" | sort >"$results/coverage-kernel"
    awk -F'\t' '$3 == 0 { print $1, $2 }' "$lines" | sort -k1,1 -k2,2n | while read -r file line; do
        printf '%s:%d: %s\n' "kernel/$file" "$line" "$(sed -n "${line}s/^[ \t]*//p" "$top/kernel/$file")"
    done >"$results/unreached"
    if awk -F'\t' '{ lines++; unreached += $3 == 0 } END { exit unreached > 0.05 * lines }' "$lines"; then
        tests_result "coverage-$kernel" ok "$kernel: coverage" "$name"
    else
        tests_result "coverage-$kernel" fail "$kernel: coverage" "$name" "$(wc -l <"$results/unreached") are not, see target/test/unreached"
    fi
}

# coverage_table: what was counted in this run
coverage_table() {
    [ ! -e "$results/coverage-kernel" ] || {
        awk -v title="the module" -f "$here/coverage.awk" "$results/coverage-kernel"
        printf '\n%s\n' "lines that no test reaches:"
        cat "$results/unreached"
    }
}
