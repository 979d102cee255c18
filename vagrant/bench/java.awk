# SPDX-License-Identifier: Apache-2.0
# Prints a table of figures: for each name its median, the median that it is compared with, their ratio and the required
# ratio. Fails if a requirement is missed or was not measured.
# usage: awk -v newest=RELEASE -f verdict.awk -f median.awk -f java.awk FILE...
# (RELEASE: the JDK's; 22 and newer have rows for Java 22)

# row TITLE VALUE BESIDE COMPARED NEEDED: NEEDED is "" or a condition for COMPARED, such as "<= 1.3"
function row(title, value, beside, compared, needed) {
    printf "%-58s %9s %9s %8s  %-7s %s\n", title, text(value), text(beside), text(compared), needed, verdict(compared, needed)
}

# calls NAME TITLE NEEDED: compares Java with C. A JVM has several threads, so each call counts its use of the file with
# two atomic instructions. NEEDED therefore is for C in a process with two threads. A second row has C with one thread.
function calls(name, title, needed,    java, c, single) {
    java = figure("java", name)
    c = figure("c", name)
    single = figure("single", name)
    row(title, java, c, java == "" || !c ? "" : java / c, needed)
    if (needed != "")
        row("  beside C that has a single thread", java, single, java == "" || !single ? "" : java / single, "")
}

# access NAME DIRECT TITLE: compares the speed of mapped memory with that of a direct buffer, which Java allocates
function access(name, direct, title,    java, beside) {
    java = figure("java", name)
    beside = figure("java", direct)
    row(title, java, beside, !java || beside == "" ? "" : beside / java, ">= 0.95")
}

END {
    printf "\n%-58s %9s %9s %8s  %-7s\n", "", "Java", "C", "ratio", "needed"
    calls("pin", "pin + unpin of a page on the device, ns", "<= 1.15")
    row("  bytes that Java allocates for it", figure("bytes", "pin"), "", figure("bytes", "pin"), "<= 0.01")
    calls("create", "create, map, close on memfd, ns", "<= 1.3")
    calls("createAndWrite", "  with a byte written to a buffer", "")
    if (newest >= 22)
        calls("createInArena", "  with a byte written to a segment of a confined arena", "")
    printf "\n%-58s %9s %9s %8s  %-7s\n", "", "mapped", "direct", "speed", "needed"
    access("sumMapped", "sumDirect", "the sum of 2,048 longs of a mapping's buffer, ns")
    access("fillMapped", "fillDirect", "  filling it")
    if (newest >= 22) {
        access("sumSegment", "sumDirect", "the sum of 2,048 longs of a mapping's segment, ns")
        access("fillSegment", "fillDirect", "  filling it")
    }
    exit missed > 0
}
