# SPDX-License-Identifier: Apache-2.0
# Prints results (STATUS, SECTION, NAME, REASON, separated by tabs) as a table, then each failure, then the line
# "N passed, N failed". Fails if any test failed, or if there are no results.

BEGIN { FS = "\t" }

!($2 in seen) { seen[$2] = 1; sections[++count] = $2; width = length($2) > width ? length($2) : width }
$1 == "ok" { passed[$2]++; all_passed++ }
$1 != "ok" { failed[$2]++; all_failed++; failures[all_failed] = $2 ": " $3 ($4 == "" ? "" : " -- " $4) }

END {
    if (width < 7)
        width = 7
    printf "\n%-" width "s  passed  failed\n", "section"
    for (i = 1; i <= count; i++)
        printf "%-" width "s  %6d  %6d\n", sections[i], passed[sections[i]], failed[sections[i]]
    if (all_failed > 0)
        printf "\n"
    for (i = 1; i <= all_failed; i++)
        printf "FAILED %s\n", failures[i]
    printf "\n%d passed, %d failed\n", all_passed, all_failed
    exit all_failed > 0 || all_passed == 0
}
