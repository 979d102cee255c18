# SPDX-License-Identifier: Apache-2.0
# Results of the original driver (STATUS, SECTION, "PROGRAM: CASE", REASON, parted by tabs) as a report: what it fails in
# each program, then the known defects, one by one. Fails if a defect has no result.
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
    print "\nWhat Android's driver, as Debian's 5.10 has it, fails of our tests"
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
            printf "defect %02d: has it, %d of %d tests fail\n%s", i, shown[i], cases[i], reasons[i]
            having++
        } else {
            printf "defect %02d: not seen, %d tests pass\n", i, cases[i]
        }
    }
    printf "\n%d passed, %d failed, in %d boots of the guest; of the 20 defects it has %d\n", NR - all_failed, all_failed, boots,
        having
    exit missing || NR == 0
}
