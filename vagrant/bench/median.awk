# SPDX-License-Identifier: Apache-2.0
# What java.awk, cache.awk and infinispan.awk share: the figure of a name is the median of its measurements. The input has, for each of
# them, a line of SIDE, NAME and FIGURE, separated by tabs.

BEGIN { FS = "\t" }

NF == 3 {
    key = $1 SUBSEP $2
    all[key, ++count[key]] = $3
}

function figure(side, name,    key, i, j, n, sorted, value) {
    key = side SUBSEP name
    n = count[key]
    if (!n)
        return ""
    for (i = 1; i <= n; i++) {
        value = all[key, i] + 0
        for (j = i - 1; j > 0 && sorted[j] > value; j--)
            sorted[j + 1] = sorted[j]
        sorted[j + 1] = value
    }
    return sorted[int((n + 1) / 2)]
}

function text(value) {
    return value == "" ? "-" : sprintf(value < 10 ? "%.2f" : value < 100 ? "%.1f" : "%.0f", value)
}
