# SPDX-License-Identifier: Apache-2.0
# How many lines of each file the tests reach, as a table. Each line of the input is FILE, LINES and REACHED, parted by tabs.
# usage: awk -v title=TITLE -f coverage.awk FILE

BEGIN { FS = "\t" }

function row(name, lines, reached) {
    printf "%-48s  %5d  %7d  %7.1f\n", name, lines, reached, lines ? 100 * reached / lines : 0
}

NR == 1 { printf "\n%-48s  lines  reached  percent\n", title }
{ row($1, $2, $3); lines += $2; reached += $3 }
END { if (NR > 0) row("all", lines, reached) }
