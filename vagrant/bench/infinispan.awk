# SPDX-License-Identifier: Apache-2.0
# Prints what each client of Infinispan read in a second, and what the servers sent for it. Fails if a requirement is missed: our
# client survives, and reads no wrong value; it asks for fewer bytes than one without a near cache.
# usage: awk -f verdict.awk -f median.awk -f infinispan.awk FILE
# The file has lines of KIND, SIZED, NAME, and what NearBench prints: READS, ASKED, BYTES and WRONG; or why it prints nothing.

{
    row[++rows] = $0
    if ($1 == "none" && NF == 7) {
        alone = $4
        sent = $6
    }
}

function quotient(a, b) {
    return b == "" || b == 0 ? "" : a / b
}

function sized(how) {
    return how == "ALONE" ? "for itself alone" : how == "EXPERT" ? "for the neighbour too" : how == "NOBODY" ? "not at all" : ""
}

END {
    printf "\n%-20s %-22s %10s %6s %13s %6s  %s\n", "near cache", "sized", "reads in", "ratio", "MiB/s from", "ratio", "needed"
    printf "%-20s %-22s %10s %6s %13s\n", "", "", "a second", "", "the servers"
    for (i = 1; i <= rows; i++) {
        fields = split(row[i], field, FS)
        needed = field[1] == "purgeable" ? "< 1" : ""
        part = fields == 7 && field[7] == 0 ? quotient(field[6], sent) : ""
        if (fields == 7)
            printf "%-20s %-22s %10d %6s %13.1f %6s  %-6s %s\n", field[3], sized(field[2]), field[4],
                text(quotient(field[4], alone)), field[6] / 1048576, text(part), needed, verdict(part, needed)
        else
            printf "%-20s %-22s %s  %s\n", field[3], sized(field[2]), field[4], verdict(part, needed)
    }
    exit missed > 0
}
