# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Reports which lines of the module and of the library the tests reach. Sourced by tests.sh.

: "${lab:?}" "${top:?}" "${log:?}" "${results:?}"

# coverage_kernel KERNEL: judges the module's coverage by the counts of its guest; lists the missed lines in unreached
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
        tests_result "coverage-$kernel" fail "$kernel: coverage" "$name" "no test reaches $(wc -l <"$results/unreached"), see target/test/unreached"
    fi
}

# coverage_java_of SOURCES CLASSES: prints how many of their lines the tests on the host and in the guests ran, as FILE,
# LINES and COVERED, separated by tabs
coverage_java_of() {
    local records
    mapfile -t records < <(ls "$top/target/jacoco.exec" "$results"/*/jacoco.exec 2>/dev/null)
    host_give_back "$results"
    step "$log/coverage-${1##*/}.log" "counting the lines of $1 that the Java tests ran" \
        as_caller "$(jdk_folder)/bin/java" -jar "$top/target/jacoco/org.jacoco.cli-nodeps.jar" report "${records[@]}" \
        --classfiles "$2" --xml "$results/coverage-java.xml" &&
        awk -v sources="$1" 'BEGIN { RS = "<"; OFS = "\t" }
            function attribute(key) { return match($0, key "=\"[^\"]*") ? substr($0, RSTART + length(key) + 2, RLENGTH - length(key) - 2) : "" }
            /^package / { folder = attribute("name") }
            /^sourcefile / { file = sources "/" folder "/" attribute("name") }
            /^counter / && file != "" && attribute("type") == "LINE" { print file, attribute("missed") + attribute("covered"), attribute("covered") }
            /^\/sourcefile/ { file = "" }' "$results/coverage-java.xml"
}

# A class for newer Java has the same name as the class that it replaces. JaCoCo accepts only one of them in a report.
coverage_java() {
    local newer=$top/target/classes/META-INF/versions/22
    {
        coverage_java_of src/main/java "$top/target/classes/org"
        [ ! -e "$newer/org" ] || coverage_java_of src/main/java22 "$newer"
    } >"$results/coverage-java.tsv"
    [ -s "$results/coverage-java.tsv" ] || tests_result missing fail "coverage: Java" "(all)" "see target/log/coverage-java.log"
}

# coverage_table: prints what this run counted
coverage_table() {
    cat "$results"/coverage-{kernel,java}.tsv 2>/dev/null | awk -f "$lab/report/coverage.awk"
    if [ -s "$results/unreached" ]; then
        printf '\n%s\n' "lines of the module that no test reaches:"
        cat "$results/unreached"
    fi
}
