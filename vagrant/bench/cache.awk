# SPDX-License-Identifier: Apache-2.0
# Prints two tables. The first has what a call costs in each cache, ours beside Caffeine and beside the fastest of those that
# keep values off the heap. The second has which part of a trace's requests hits, in our cache and in Caffeine of as many bytes.
# Fails if a requirement is missed or was not measured.
# usage: awk -v lengths="LENGTH..." -v traces="TRACE..." -f verdict.awk -f median.awk -f cache.awk FILE...

# ours, TRACE-MIB
$1 == "ours" {
    trace = $2
    sub(/-[0-9]+$/, "", trace)
    sizes[trace] = sizes[trace] " " substr($2, length(trace) + 2)
}

function quotient(a, b) {
    return a == "" || b == "" || b == 0 ? "" : a / b
}

# smallest NAME SIDE...: "" if a side has none
function smallest(name, sides,    each, n, i, value, least) {
    n = split(sides, each, " ")
    for (i = 1; i <= n; i++) {
        value = figure(each[i], name)
        if (value == "")
            return ""
        if (i == 1 || value < least)
            least = value
    }
    return least
}

# calls CALL LENGTH THREADS CAFFEINE OTHERS: the last two are conditions for our time, divided by theirs
function calls(call, size, threads, caffeine, others,    name, title, ours, to_caffeine, to_others) {
    name = call "-" size "-" threads
    title = sprintf("%s of %s, %d thread%s", call, size < 1024 ? size " B" : size / 1024 " KiB", threads, threads > 1 ? "s" : "")
    ours = figure("lazy", name)
    to_caffeine = quotient(ours, figure("caffeine", name))
    to_others = quotient(ours, smallest(name, "ohc ehcache infinispan"))
    printf "%-25s %6s %6s %8s %7s %7s %10s %9s %-6s %-6s %9s %-4s %s\n", title, text(ours), text(figure("memfd", name)),
        text(figure("caffeine", name)), text(figure("ohc", name)), text(figure("ehcache", name)),
        text(figure("infinispan", name)), text(to_caffeine), caffeine, verdict(to_caffeine, caffeine), text(to_others), others,
        verdict(to_others, others)
}

function percent(value) {
    return value == "" ? "-" : sprintf("%.2f", 100 * value)
}

# hits TITLE NAME
function hits(title, name,    theirs, ours, below) {
    theirs = figure("caffeine", name)
    ours = figure("ours", name)
    below = theirs == "" || ours == "" ? "" : 100 * (theirs - ours)
    printf "%-58s %9s %9s %8s  %-7s %s\n", title, percent(theirs), percent(ours), below == "" ? "-" : sprintf("%.2f", below),
        "<= 2", verdict(below, "<= 2")
}

END {
    printf "\n%-25s %-13s %8s %7s %7s %10s %9s %-13s %9s\n", "without pressure, ns", "ours on", "Caffeine", "OHC", "Ehcache",
        "Infinispan", "LAZY to", "", "to fastest"
    printf "%-25s %6s %6s %8s %7s %7s %10s %9s %-13s %9s %s\n", "", "LAZY", "MEMFD", "", "", "", "", "Caffeine", "needed",
        "off heap", "needed"
    n = split(lengths, each, " ")
    for (i = 1; i <= n; i++)
        for (threads = 1; threads <= 2; threads++)
            calls("get", each[i], threads, "<= 1.5", "< 1")
    for (i = 1; i <= n; i++)
        for (threads = 1; threads <= 2; threads++)
            calls("put", each[i], threads, "<= 2", "")
    printf "\n%-58s %9s %9s %8s  %-7s\n", "requests that hit, %", "Caffeine", "ours", "below", "needed"
    n = split(traces, each, " ")
    for (i = 1; i <= n; i++) {
        printf "%s: %s requests for %s values of 1 KiB\n", each[i], thousands(figure("requests", each[i])),
            thousands(figure("values", each[i]))
        rows = split(sizes[each[i]], mib, " ")
        if (!rows)
            hits("  no cache", each[i])
        for (j = 1; j <= rows; j++)
            hits("  a cache of " mib[j] " MiB", each[i] "-" mib[j])
    }
    exit missed > 0
}
