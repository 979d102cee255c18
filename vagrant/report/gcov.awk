# SPDX-License-Identifier: Apache-2.0
# gcov's reports of the module's objects as FILE, LINE and COUNT, parted by tabs: only of the module's own files, and only of
# lines that are code. What is in several objects has the sum.

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
    # what has a folder is the kernel's own
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
