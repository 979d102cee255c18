# SPDX-License-Identifier: Apache-2.0
# Prints a table of what reclaim does to unpinned ranges: two figures of each row, their ratio, and the required ratio. Fails if
# a requirement is missed or was not measured. The input has, for each figure, a line of SIDE, NAME and FIGURE, separated by
# tabs.
# usage: awk -v kernel=KERNEL -f reclaim.awk FILE

BEGIN { FS = "\t" }

NF == 3 { figures[$1, $2] = $3 }

function figure(side, name) {
    return (side, name) in figures ? figures[side, name] : ""
}

function text(value) {
    if (value == "")
        return "-"
    if (value == int(value))
        return sprintf("%d", value)
    return sprintf(value < 10 ? "%.2f" : value < 100 ? "%.1f" : "%.0f", value)
}

function head(title, base, other) {
    printf "\n%-70s %9s %9s %8s  %s\n", title, base, other, "ratio", "needed"
    base_side = base
    other_side = other
    gsub(" ", "-", other_side)
}

# row NAME TITLE NEEDED: the ratio is OTHER, less what is granted, divided by BASE
function row(name, title, needed,    base, other, ratio) {
    base = figure(base_side, name)
    other = figure(other_side, name)
    ratio = base == "" || other == "" || base == 0 ? "" : (other - figure("granted", name)) / base
    if (ratio != "" && ratio < 0)
        ratio = 0
    printf "%-70s %9s %9s %8s  %-7s %s\n", title, text(base), text(other), text(ratio), needed, verdict(ratio, needed)
}

function ranges(kind) {
    return thousands(figure("ranges", kind "-ranges"))
}

END {
    printf "\nkernel %s\n", kernel
    head("slowest fault of a sibling at the parent's limit, ms", "none", "ranges")
    row("touched-slowest", "  beside " ranges("touched") " ranges of touched pages", "<= 2")
    row("touched-p999", "    99.9 % of the faults", "")
    row("untouched-slowest", "  beside " ranges("untouched") " ranges of pages that were never touched", "<= 2")
    row("untouched-p999", "    99.9 % of the faults", "")
    row("mapped-slowest", "  beside " ranges("mapped") " in a region mapped 5,000 times, every tenth touched", "<= 2")
    row("mapped-p999", "    99.9 % of the faults", "")
    head("purged for a group's own limit, MiB; a range for each task is free", "missing", "purged")
    row("growth-1", "  1 task allocates", "<= 1.25")
    row("growth-4", "  4 tasks allocate", "<= 1.25")
    row("growth-16", "  16 tasks allocate", "<= 1.25")
    row("lowered-1", "  the limit is lowered while 1 task allocates", "<= 1.25")
    row("lowered-4", "  while 4 tasks allocate", "<= 1.25")
    row("lowered-16", "  while 16 tasks allocate", "<= 1.25")
    head("a sibling streams at the parent's limit, MiB/s", "idle", "busy")
    row("busy-each", "  beside 200,000 ranges that are pinned and unpinned one by one", ">= 0.9")
    row("busy-whole", "  pinned all at once; then new ranges take memory from the stream", "")
    head("ranges of 64 regions, least recently unpinned first", "purged", "in order")
    row("order-once", "  unpinned in random order", ">= 0.95")
    row("order-again", "  half of them unpinned again", ">= 0.95")
    exit missed > 0
}
