# SPDX-License-Identifier: Apache-2.0
# Prints a table of figures: the original driver and ours on kernel BESIDE, their ratio, the required ratio, then ours
# on kernel ALONE. Fails if a requirement is missed or was not measured. The input has, for each measurement, a line of
# KERNEL, DRIVER, NAME and FIGURE, separated by tabs.
# usage: awk -v beside=BESIDE -v alone=ALONE -f kernel.awk FILE

BEGIN { FS = "\t" }

# The figure of a name is its best measurement. Figures that can err in both directions (threads*) are medians.
NF == 4 {
    key = $1 SUBSEP $2 SUBSEP $3
    all[key, ++count[key]] = $4
}

function figure(kernel, driver, name,    key, i, j, n, sorted, value) {
    if (name == "growth")
        return quotient(figure(kernel, driver, "pin-1000000"), figure(kernel, driver, "pin-1"))
    key = kernel SUBSEP driver SUBSEP name
    n = count[key]
    if (!n)
        return ""
    for (i = 1; i <= n; i++) {
        value = all[key, i]
        for (j = i - 1; j > 0 && sorted[j] > value; j--)
            sorted[j + 1] = sorted[j]
        sorted[j + 1] = value
    }
    return name ~ /^threads/ ? sorted[int((n + 1) / 2)] : sorted[1]
}

function quotient(a, b) {
    return a == "" || b == "" || b == 0 ? "" : a / b
}

function text(value) {
    if (value == "")
        return "-"
    if (value == int(value))
        return sprintf("%d", value)
    return sprintf(value < 10 ? "%.2f" : value < 100 ? "%.1f" : "%.0f", value)
}

# row NAME TITLE KIND NEEDED: KIND is "ratio" (the original's time divided by ours) or "own" (only ours, on each kernel)
function row(name, title, kind, needed,    original, ours, other, ratio) {
    original = figure(beside, "original", name)
    ours = figure(beside, "ours", name)
    other = figure(alone, "ours", name)
    ratio = quotient(original, ours)
    printf "%-58s %9s %9s %8s  %-7s %-6s %9s %s\n", title, text(original), text(ours), kind == "own" ? "" : text(ratio), needed,
        verdict(kind == "own" ? ours : ratio, needed), text(other), kind == "own" ? verdict(other, needed) : ""
}

END {
    printf "\n%-58s %9s %9s %8s  %-7s %-6s %9s\n", "", "original", "ours", "ratio", "needed", "", "ours"
    printf "%-58s %9s %9s %8s  %-7s %-6s %9s\n", "", beside, beside, "", "", "", alone
    row("pin-1", "pin + unpin of a page where 1 is unpinned, us", "ratio", ">= 1")
    row("pin-100", "  of a random one of 100 separate unpinned pages, us", "ratio", "")
    row("pin-1000", "  of 1,000, us", "ratio", "")
    row("pin-10000", "  of 10,000, us", "ratio", "")
    row("pin-100000", "  of 100,000, us", "ratio", ">= 300")
    row("pin-1000000", "  of 1,000,000, us", "ratio", "")
    row("growth", "  of 1,000,000, divided by that of 1", "own", "<= 2")
    row("syscall", "an empty system call, us", "ratio", "")
    row("threads-syscall", "  rate of two threads, divided by that of one", "ratio", "")
    row("pin-two", "pin + unpin by two threads on two regions, us", "ratio", ">= 1")
    row("threads-pin", "  rate of two threads, divided by that of one", "ratio", "")
    row("threads", "  divided by that of the empty system call", "own", ">= 0.9")
    row("open", "open, size, map, unmap, close, us", "ratio", ">= 1")
    # The kernel's own truncation takes the time on both: from run to run, the ratio differs from 1 by up to 3 %.
    row("purge-range", "purging 512 MiB unpinned as one range, us a page", "ratio", ">= 0.97")
    row("purge-pages", "purging every other page of 512 MiB, us a page", "ratio", "")
    row("wait-p99", "pin + unpin of another region during a purge, 99 %, us", "ratio", "")
    row("wait-max", "  the longest, us", "ratio", "")
    row("wait-share", "  the longest, as a share of the purge", "own", "<= 0.1")
    row("allocations", "slab allocations in 2,000 times unpin + pin of a range", "own", "<= 0")
    exit missed > 0
}
