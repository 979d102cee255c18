# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Reports which lines of the module and of the library the tests reach. Sourced by tests.sh.

: "${lab:?}" "${top:?}" "${log:?}" "${results:?}"

# coverage_lines GCOV: turns gcov's reports of the module's objects into FILE, LINE and COUNT, separated by tabs: only for the
# module's own files, and only for lines with code. A line that several objects contain gets the sum of its counts.
coverage_lines() {
    awk '
        {
            match($0, /^ *[^:]*: *[0-9]+:/)
            split(substr($0, 1, RLENGTH), column, ":")
            count = column[1]
            line = column[2] + 0
            gsub(/ /, "", count)
        }
        line == 0 && /:Source:/ {
            file = $0
            sub(/^.*:Source:(\.\/)?/, "", file)
            # a path with a folder is a file of the kernel
            ours = file !~ /\//
        }
        line > 0 && ours && count != "-" {
            sub(/\*$/, "", count)
            counts[file "\t" line] += count ~ /^[0-9]+$/ ? count : 0
        }
        END {
            for (place in counts)
                printf "%s\t%d\n", place, counts[place]
        }' "$1"
}

# coverage_kernel KERNEL: judges the module's coverage by the counts of its guest; lists the missed lines in unreached
coverage_kernel() {
    local kernel=$1 lines=$results/lines name="at most 5 per cent of the module's lines are reached by no test" source
    coverage_lines "$results/$kernel/gcov" >"$lines" 2>/dev/null
    # an object that is missing would not lower the share
    for source in "$top"/kernel/*.c; do
        grep -q "^${source##*/}	" "$lines" || : >"$lines"
    done
    if ! [ -s "$lines" ]; then
        tests_result "coverage-$kernel" fail "$kernel: coverage" "$name" "a file of the module was not counted"
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

# coverage_java: writes how many of their lines the tests on the host and in the guests ran, as FILE, LINES and COVERED, separated
# by tabs. A class for newer Java takes the place of the class in src/main/java
coverage_java() {
    local records
    mapfile -t records < <(ls "$top"/{,cache/}target/jacoco.exec "$results"/*/jacoco.exec 2>/dev/null)
    host_give_back "$results"
    step "$log/coverage-java.log" "counting the lines that the Java tests ran" \
        as_caller "$(jdk_folder)/bin/java" -jar "$top/target/jacoco/org.jacoco.cli-nodeps.jar" report "${records[@]}" \
        --classfiles "$top/target/classes/org" --classfiles "$top/cache/target/classes/org" --csv "$results/coverage-java.csv" &&
        awk -F, -v OFS='\t' -v newer="$(cd "$top/src/main/java22" && [ -e "$top/target/newer" ] && find . -name '*.java' | tr '\n' ' ')" '
            NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
            {
                # an inner class is Outer.Inner
                file = $column["PACKAGE"] "." $column["CLASS"]
                sub("^" $column["PACKAGE"] "\\.[^.]*", "&#", file)
                sub(/#.*/, "", file)
                gsub(/\./, "/", file)
                covered[file] += $column["LINE_COVERED"]
                lines[file] += $column["LINE_COVERED"] + $column["LINE_MISSED"]
            }
            END {
                for (file in lines)
                    print (file ~ /^org\/ashmem\/cache\// ? "cache/" : "") "src/main/java" (index(newer, "./" file ".java ") ? "22/" : "/") file ".java", lines[file], covered[file]
            }' "$results/coverage-java.csv" |
        sort >"$results/coverage-java.tsv"
    [ -s "$results/coverage-java.tsv" ] || tests_result missing fail "coverage: Java" "(all)" "see target/log/coverage-java.log"
}

# coverage_table: prints how many lines the tests of this run reach in each file, and in each top-level folder
coverage_table() {
    cat "$results"/coverage-{kernel,java}.tsv 2>/dev/null | awk -F'\t' '
        function row(name, lines, reached) {
            printf "%-48s  %5d  %7d  %7.1f\n", name, lines, reached, lines ? 100 * reached / lines : 0
        }
        NR == 1 { printf "\n%-48s  lines  reached  percent\n", "file" }
        {
            row($1, $2, $3)
            folder = $1
            sub(/\/.*/, "/", folder)
            if (!(folder in lines))
                folders[++count] = folder
            lines[folder] += $2
            reached[folder] += $3
        }
        END {
            for (i = 1; i <= count; i++)
                row("all of " folders[i], lines[folders[i]], reached[folders[i]])
        }'
    if [ -s "$results/unreached" ]; then
        printf '\n%s\n' "lines of the module that no test reaches:"
        cat "$results/unreached"
    fi
}
