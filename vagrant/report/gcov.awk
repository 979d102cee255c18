# SPDX-License-Identifier: Apache-2.0
# Turns gcov's reports of the module's objects into FILE, LINE and COUNT, separated by tabs: only for the module's own
# files, and only for lines with code. A line that several objects contain gets the sum of its counts.

{
    match($0, /^ *[^:]*: *[0-9]+:/)
    split(substr($0, 1, RLENGTH), column, ":")
    count = column[1]
    line = column[2] + 0
    gsub(/ /, "", count)
}
line == 0 && /:Source:/ {
    file = $0
    sub(/^.*:Source:/, "", file)
    # a path with a folder is a file of the kernel
    sub(/^\.\//, "", file)
    ours = file !~ /\//
}
line > 0 && ours && count != "-" {
    sub(/\*$/, "", count)
    counts[file "\t" line] += count ~ /^[0-9]+$/ ? count : 0
}

END {
    for (place in counts)
        printf "%s\t%d\n", place, counts[place]
}
