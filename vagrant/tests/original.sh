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
    host_install "$log/apt" root guest || exit 1
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
    awk -v boots="$boot" -f "$lab/tests/original.awk" "$results/results.tsv"
}
