# SPDX-License-Identifier: Apache-2.0
# Prints a table of how many lines the tests reach in each file, and in each top-level folder. Each line of the input is
# FILE, LINES and REACHED, separated by tabs.

BEGIN { FS = "\t" }

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
}
