# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Which lines of the module and of the library the tests reach. Sourced by inside.sh.

: "${here:?}" "${top:?}" "${log:?}" "${results:?}"

# coverage_kernel KERNEL: of what its guest counted
coverage_kernel() {
    local kernel=$1 lines=$results/$1/lines name="at most 5 per cent of the module's lines are reached by no test"
    if ! [ -s "$lines" ]; then
        tests_result "coverage-$kernel" fail "$kernel: coverage" "$name" "nothing was counted"
        return
    fi
    awk -F'\t' -v OFS='\t' '{ lines[$1]++; reached[$1] += $3 > 0 } END { for (f in lines) print "kernel/" f, lines[f], reached[f] }' \
        "$lines" | sort >"$results/coverage-kernel.tsv"
    awk -F'\t' '$3 == 0 { print $1, $2 }' "$lines" | sort -k1,1 -k2,2n | while read -r file line; do
        printf '%s:%d: %s\n' "kernel/$file" "$line" "$(sed -n "${line}s/^[ \t]*//p" "$top/kernel/$file")"
    done >"$results/unreached"
    if awk -F'\t' '{ lines++; unreached += $3 == 0 } END { exit unreached > 0.05 * lines }' "$lines"; then
        tests_result "coverage-$kernel" ok "$kernel: coverage" "$name"
    else
        tests_result "coverage-$kernel" fail "$kernel: coverage" "$name" "$(wc -l <"$results/unreached") are not, see target/test/unreached"
    fi
}

# Which lines of the library the tests on the host and in the guests have run, into coverage-java.tsv: FILE, LINES, COVERED,
# parted by tabs.
coverage_java() {
    local records
    mapfile -t records < <(ls "$top/target/jacoco.exec" "$results"/*/jacoco.exec 2>/dev/null)
    host_give_back "$results"
    if step "$log/coverage-java.log" "counting the lines that the Java tests ran" \
        as_caller "$(jdk_folder)/bin/java" -jar "$top/target/jacoco/org.jacoco.cli-nodeps.jar" report "${records[@]}" \
        --classfiles "$top/target/classes" --xml "$results/coverage-java.xml"; then
        awk 'BEGIN { RS = "<"; OFS = "\t" }
            function attribute(key) { return match($0, key "=\"[^\"]*") ? substr($0, RSTART + length(key) + 2, RLENGTH - length(key) - 2) : "" }
            /^package / { folder = attribute("name") }
            /^sourcefile / { file = "src/main/java/" folder "/" attribute("name") }
            /^counter / && file != "" && attribute("type") == "LINE" { print file, attribute("missed") + attribute("covered"), attribute("covered") }
            /^\/sourcefile/ { file = "" }' "$results/coverage-java.xml" >"$results/coverage-java.tsv"
    fi
    [ -s "$results/coverage-java.tsv" ] || tests_result missing fail "coverage: Java" "(all)" "see target/log/coverage-java.log"
}

# coverage_table: what was counted in this run
coverage_table() {
    cat "$results"/coverage-{kernel,java}.tsv 2>/dev/null | awk -f "$here/coverage.awk"
    if [ -s "$results/unreached" ]; then
        printf '\n%s\n' "lines of the module that no test reaches:"
        cat "$results/unreached"
    fi
}
