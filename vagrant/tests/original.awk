# SPDX-License-Identifier: Apache-2.0
# Turns the original driver's results (STATUS, SECTION, "PROGRAM: CASE", REASON, separated by tabs) into a report: the
# failed cases of each program, then each known defect. Fails if a defect has no result.
# usage: awk -v boots=N -f original.awk FILE

BEGIN { FS = "\t" }

{
    split($3, part, ": ")
    program = part[1]
    name = part[2]
    if (!(program in count))
        programs[++nr_programs] = program
    count[program]++
    if ($1 != "ok") {
        failed[program]++
        all_failed++
        list[program] = list[program] "    " name "\n        " $4 "\n"
    }
    if (match(name, /^defect_[0-9][0-9]_/)) {
        number = substr(name, 8, 2) + 0
        cases[number]++
        if ($1 != "ok") {
            shown[number]++
            reasons[number] = reasons[number] "    " program ": " name "\n        " $4 "\n"
        }
    }
}

END {
    print "\nOur tests that fail on Android's driver in Debian's 5.10"
    for (i = 1; i <= nr_programs; i++) {
        program = programs[i]
        printf "\n%s: %d of %d failed\n%s", program, failed[program], count[program], list[program]
    }
    print "\nThe known defects"
    for (i = 1; i <= 20; i++) {
        if (!(i in cases)) {
            printf "defect %02d: no test ran\n", i
            missing = 1
        } else if (i in shown) {
            printf "defect %02d: present, %d of %d tests fail\n%s", i, shown[i], cases[i], reasons[i]
            having++
        } else {
            printf "defect %02d: not seen, %d tests pass\n", i, cases[i]
        }
    }
    printf "\n%d passed, %d failed, in %d boots of the guest; the driver has %d of 20 defects\n", NR - all_failed, all_failed, boots,
        having
    exit missing || NR == 0
}
