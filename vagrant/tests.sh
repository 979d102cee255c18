# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# ./run test: what runs on the host, then the guests of each kernel, then the table. Sourced by inside.sh.
# Results are lines of STATUS, SECTION, NAME and REASON, parted by tabs, in target/test/*.tsv; report.awk counts them.

: "${here:?}" "${top:?}" "${log:?}"
results=$top/target/test

# tests_result FILE STATUS SECTION NAME [REASON]: REASON of one line
tests_result() {
    printf '%s\t%s\t%s\t%s\n' "$2" "$3" "$4" "$(tr '\t\n' '  ' <<<"${5:-}" | cut -c1-500)" >>"$results/$1.tsv"
}

tests_unit() {
    local status=0
    rm -rf "$top/target/surefire-reports" "$top/target/jacoco.exec"
    host_tell_jdk
    step "$log/maven.log" "building the library and running its unit tests with Maven" maven verify || status=$?
    cat "$top"/target/surefire-reports/TEST-*.xml 2>/dev/null |
        awk -v section="host: unit tests" -f "$here/junit.awk" >"$results/unit.tsv"
    if [ "$status" -ne 0 ] && ! grep -q '^fail' "$results/unit.tsv"; then
        tests_result unit fail "host: unit tests" "mvn verify" "$(grep -m 3 '^\[ERROR\]' "$log/maven.log" | tr '\n' ' ')"
    fi
    [ "$status" -ne 0 ] || java_key >"$top/target/.java.key"
}

# tests_of build|guest KERNEL: the function for that kernel, or the one for all of them
tests_of() {
    local function=tests_$1_$2
    if declare -F "$function" >/dev/null; then
        "$function" "$2"
    else
        "tests_$1" "$2"
    fi
}

# The module and what else is built for a kernel; without them no guest of that kernel.
tests_build() {
    local kernel=$1 section="$1: build" warnings
    if ! ASHMEM_SPARSE=yes build module "$kernel" "building the module"; then
        tests_result "build-$kernel" fail "$section" "module builds" "see target/log/module-$kernel.log"
        return 1
    fi
    warnings=$(grep -iE '(warning|error): ' "$log/module-$kernel.log" | head -n 5)
    grep -q '^ *CHECK .*main\.c' "$log/module-$kernel.log" || warnings="sparse did not run: see target/log/module-$kernel.log"
    tests_result "build-$kernel" "$(ok_if_empty "$warnings")" "$section" "module builds with W=1, and under sparse, without a warning" \
        "$warnings"
    if build refused "$kernel" "building the module as if the kernel were an unknown one"; then
        tests_result "build-$kernel" ok "$section" "an unknown kernel ends the build by naming the probe"
    else
        tests_result "build-$kernel" fail "$section" "an unknown kernel ends the build by naming the probe" \
            "see target/log/refused-$kernel.log"
    fi
    if build tests "$kernel" "building the C tests"; then
        tests_result "build-$kernel" ok "$section" "C programs build"
    else
        tests_result "build-$kernel" fail "$section" "C programs build" "see target/log/tests-$kernel.log"
    fi
}

# tests_step FILE SECTION NAME LOG COMMAND...: a test that is one command
tests_step() {
    local file=$1 section=$2 name=$3 output=$log/$4.log
    shift 4
    if step "$output" "$name" "$@"; then
        tests_result "$file" ok "$section" "$name"
    else
        tests_result "$file" fail "$section" "$name" "$(tail -n 3 "$output" | tr '\n' ' ')"
        return 1
    fi
}

# tests_parts KERNEL STEP...: builds what a guest needs, unless it was built from the same sources; without one of them there
# is none
tests_parts() {
    local kernel=$1 what
    shift
    for what in "$@"; do
        if [ -e "$log/$what-$kernel.log" ] && "$here/build.sh" current "$what" "$kernel"; then
            tests_result "build-$kernel" ok "$kernel: build" "builds: $what"
            continue
        fi
        tests_step "build-$kernel" "$kernel: build" "builds: $what" "$what-$kernel" "$here/build.sh" "$what" "$kernel" || return
    done
}

# The debug kernels are for what can only be seen while they run.
tests_build_debug() {
    local kernel=$1 warnings
    tests_parts "$kernel" module tests kunit || return
    warnings=$(grep -i 'warning:' "$log/module-$kernel.log" "$log/kunit-$kernel.log" | head -n 5)
    tests_result "build-$kernel" "$(ok_if_empty "$warnings")" "$kernel: build" "module builds with W=1 and no warning" "$warnings"
    tests_parts "$kernel" bugs || true
}

tests_build_kcsan() {
    tests_parts "$1" module tests || return
    tests_parts "$1" bugs || true
}

tests_build_um() {
    tests_parts "$1" module tests kunit
}

ok_if_empty() {
    if [ -z "$1" ]; then echo ok; else echo fail; fi
}

# tests_any SECTION FILE...: a section without any test has failed
tests_any() {
    local section=$1
    shift
    grep -qsF "	$section	" "$@" || tests_result missing fail "$section" "(all)" "no test of this section ran"
}

# tests_boot KERNEL NAME COMMAND: a guest that runs COMMAND, and what its kernel says; NAME is for the log's file
tests_boot() {
    local kernel=$1 name=$2 command=$3 status=0 complaints
    # what the package did to a root of its own stays there
    ASHMEM_AGAIN=$([ -n "${ASHMEM_ROOT:-}" ] || echo yes) ASHMEM_KERNEL_LOG=$results/kernel-$name.log guest "$kernel" \
        "export ASHMEM_RESULTS=/ashmem/target/test/$kernel; exec $command" || status=$?
    case $status in
        124) tests_result "guest-$kernel" fail "$kernel: kernel log" "the guest ends" "it was stopped at the time limit" ;;
        125) tests_result "guest-$kernel" fail "$kernel: kernel log" "the guest ends" "it ended before its tests did" ;;
    esac
    if complaints=$("$here/complaints" "$results/kernel-$name.log" 2>&1); then
        tests_result "guest-$kernel" ok "$kernel: kernel log" "the kernel of guest $name did not complain"
    else
        tests_result "guest-$kernel" fail "$kernel: kernel log" "the kernel of guest $name did not complain" \
            "$(head -n 2 <<<"$complaints")"
    fi
    if [ "$status" -ne 0 ] && ! grep -qs '^fail' "$results/$kernel"/*.tsv "$results/guest-$kernel.tsv"; then
        tests_result "guest-$kernel" fail "$kernel: kernel log" "the guest's command ends well" "it exited with $status"
    fi
}

tests_guest() {
    local kernel=$1 part parts=("C programs" module) step=foreign
    if release_has_java "$kernel"; then
        parts+=("Java integration tests")
        release_is_debug "$kernel" || parts+=("Java on memfd")
        step=test
    fi
    if [ "$kernel" = "$(release_names | head -n 1)" ]; then
        parts+=("Java views" "shim under AddressSanitizer")
        step=newest
    fi
    if release_is_debug "$kernel"; then
        parts+=(KUnit)
        step=debug
    fi
    tests_boot "$kernel" "$kernel" "vagrant/provision.sh $step"
    for part in "${parts[@]}"; do
        tests_any "$kernel: $part" "$results/$kernel"/*.tsv
    done
}

# Of the modules with a bug. The kernel complains, as it should: the guest's step judges.
tests_bugs() {
    local kernel=$1 bug name
    ASHMEM_AGAIN=yes ASHMEM_COMPLAINTS=expected guest "$kernel" \
        "export ASHMEM_RESULTS=/ashmem/target/test/$kernel-bugs; exec vagrant/provision.sh caught" || true
    while read -r bug; do
        name="it is seen when $(sed -n 's/^Bug: //p' "$bug")"
        grep -qsF "	$name	" "$results/$kernel-bugs/bugs.tsv" ||
            tests_result missing fail "$kernel: bugs" "$name" "it was not tried: the guest ended before"
    done < <(grep -lx "Kernel: $kernel" "$top"/kernel/tests/bugs/*.patch)
    tests_any "$kernel: bugs" "$results/$kernel-bugs/bugs.tsv"
}

tests_guest_debug() {
    local kernel=$1
    tests_guest "$kernel"
    coverage_kernel "$kernel"
    tests_bugs "$kernel"
}

tests_guest_kcsan() {
    local kernel=$1
    tests_boot "$kernel" "$kernel" "vagrant/provision.sh races"
    tests_any "$kernel: C programs" "$results/$kernel"/*.tsv
    tests_bugs "$kernel"
}

# The kernel's own kunit.py boots user-mode Linux once more, reads what KUnit says there when the module is loaded, and
# judges it.
tests_guest_um() {
    tests_guest um
    mkdir -p "$results/um"
    ASHMEM_LOAD=no ASHMEM_KUNIT=$results/um/kunit.xml tests_boot um um-kunit \
        'sh -c "modprobe kunit && insmod $ASHMEM_OUT/kunit.ko"'
    cat "$results/um/kunit.xml" 2>/dev/null |
        awk -v section="um: KUnit by kunit.py" -f "$here/junit.awk" >"$results/um/kunit.tsv"
    tests_any "um: KUnit by kunit.py" "$results/um/kunit.tsv"
}

# tests_left_out KERNEL...: what some kernel cannot be asked
tests_left_out() {
    local kernel
    for kernel in "$@"; do
        [ ! -e "$here/debug/$kernel.without" ] || {
            printf '\nnot asked of kernel %s:\n' "$kernel"
            sed -n '/^[^#]/s/^\([^ ]*\) \([^ ]*\) /    \1: \2, for /p' "$here/debug/$kernel.without"
        }
    done
}

# At most this many guests at a time: each has two processors, and two GiB of memory to be found.
tests_guests() {
    local most=4 processors memory
    processors=$(nproc)
    memory=$(awk '$1 == "MemAvailable:" { print int($2 / 1024 / 2600) }' /proc/meminfo)
    [ "$processors" -ge "$most" ] || most=$processors
    [ "$memory" -ge "$most" ] || most=$memory
    echo "$((most > 1 ? most : 1))"
}

tests_of_built() {
    if [ -e "$results/built-$1" ]; then
        tests_of guest "$1"
    else
        tests_result "guest-$1" fail "$1: kernel log" "the guest runs" "there is no module to run there"
    fi
    touch "$results/ended-$1"
}

# tests_guests_of KERNEL...: the guests, several at a time. Those that are more than a kernel take longest: they come first,
# so that none of them is alone at the end.
tests_guests_of() {
    local most kernel kernels
    most=$(tests_guests)
    mapfile -t kernels < <(printf '%s\n' "$@" | grep '^[a-z]'; printf '%s\n' "$@" | grep -v '^[a-z]')
    for kernel in "${kernels[@]}"; do
        while [ "$(jobs -rp | wc -l)" -ge "$most" ]; do
            sleep 0.5
        done
        if [ $# -eq 1 ] || [ "$most" -eq 1 ]; then
            tests_of_built "$kernel"
        else
            # by whole lines, since others write, too
            tests_of_built "$kernel" | sed -u '' &
        fi
    done
    wait
    for kernel in "$@"; do
        [ -e "$results/ended-$kernel" ] ||
            tests_result missing fail "$kernel: kernel log" "(all)" "what runs its tests ended before they did"
    done
}

# run_tests KERNEL..., or --fast: the unit tests and kernel um, for every day
run_tests() {
    local kernel builders part fast='' needed=(java) parts=("host: unit tests")
    if [ "$1" = --fast ]; then
        fast=yes
        set -- um
    else
        needed+=(clang gpg musl)
        parts+=("host: repository" "host: ranges.c" "host: shim under musl" "host: shim for arm64" "host: shim under AddressSanitizer" "host: close races" "host: benchmarks")
    fi
    # what the builders need; the rest comes while they are at work
    # shellcheck disable=SC2046
    host_install "$log/apt" root $([[ " $* " != *" vagrant "* ]] || echo box) || exit 1
    rm -rf "$results"
    mkdir -p "$results"
    for kernel in "$@"; do
        [ "$kernel" = vagrant ] || release "$kernel" && tests_of build "$kernel" && touch "$results/built-$kernel"
    done &
    builders=$!
    # shellcheck disable=SC2046
    host_install "$log/apt" "${needed[@]}" $(machines_of "$@") || exit 1
    host_give_back "$top/target"
    tests_unit || true
    if [ -z "$fast" ]; then
        tests_jar
        tests_musl
        tests_arm64
        tests_ranges
        tests_asan
        tests_races
        tests_benchmarks
        say "checking the repository"
        as_caller env JAVA_HOME="$(jdk_folder)" ASHMEM_OLDEST="$(host_jdks | sort -n | head -n 1 | cut -d ' ' -f 2)" \
            "$here/checks.sh" "$results" || true
    fi
    # the builders have all processors as it is: a guest beside them gains nothing
    wait "$builders"
    tests_guests_of "$@"
    for part in "${parts[@]}"; do
        tests_any "$part" "$results"/*.tsv
    done
    if [ -z "$fast" ]; then
        coverage_java
        coverage_table
    fi
    tests_left_out "$@"
    # in the order in which it was done
    for part in unit jar musl repository ranges asan races benchmarks "${@/#/build-}" "${@/%//*}" "${@/%/-bugs/*}" "${@/#/guest-}" "${@/#/coverage-}" missing; do
        # shellcheck disable=SC2086
        cat "$results"/$part.tsv 2>/dev/null || true
    done | awk -f "$here/report.awk"
}
