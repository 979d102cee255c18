# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# ./run test --original: reports which cases of our C programs fail on Android's own driver, which Debian's 5.10 has.
# Sourced by verbs.sh.

: "${lab:?}" "${top:?}" "${log:?}"

# original_progress: prints the progress of the boots so far. If a boot does not change it, the boots get no further
original_progress() {
    find "$results" -type f ! -name 'kernel-*' -printf '%f %s\n' | sort
}

# run_original KERNEL: boots the guest until every case has a result; prints the report
run_original() {
    local kernel=$1 results=$top/target/original boot program before
    host_install "$log/apt" root || exit 1
    release "$kernel" && build tests "$kernel" "building the C tests" || exit 1
    rm -rf "$results"
    mkdir -p "$results"
    # each boot completes at least one more case, usually many
    for ((boot = 1; ; boot++)); do
        before=$(original_progress)
        say "testing the original driver, boot $boot of the guest; complaints of the kernel are no error here"
        ASHMEM_KERNEL_LOG=$results/kernel-$boot.log ASHMEM_LOAD=no guest "$kernel" \
            "exec vagrant/tests/original-guest.sh /ashmem/target/original" || true
        [ -e "$results/kernel-$boot.log" ] || die "the guest does not boot"
        while read -r program; do
            [ -e "$results/$program.done" ] && continue
            [ "$(original_progress)" != "$before" ] || die "the guest boots, but no test runs there; see what it printed above"
            continue 2
        done <"$top/target/guest/$kernel/tests/list"
        break
    done
    while read -r program; do
        cat "$results/$program".*.ktap | awk -v section="original driver" -v program="$program" -v ended= \
            -f "$lab/report/ktap.awk" | awk -F'\t' '$3 !~ /: (plan|exit|case [0-9]+ of [0-9]+)$/'
    done <"$top/target/guest/$kernel/tests/list" >"$results/results.tsv"
    original_report "$boot" "$results/results.tsv"
}

# original_report BOOTS RESULTS: prints the failures of each program, then the known defects one by one; fails if a defect has no
# result
original_report() {
    awk -v boots="$1" '
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
            print "\nOur tests that fail on Android\047s driver in Debian\047s 5.10"
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
        ' "$2"
}
