# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# ./run test: runs its parts side by side, then prints the results. The table plan says which machine runs what. Sourced by verbs.sh.
# A result is a line of STATUS, SECTION, NAME and REASON, separated by tabs, in target/test/*.tsv.
lab=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=../host/steps.sh
. "$lab/host/steps.sh"
results=$top/target/test
# shellcheck source=plan.sh
. "$lab/tests/plan.sh"
# shellcheck source=library.sh
. "$lab/tests/library.sh"
# shellcheck source=cache.sh
. "$lab/tests/cache.sh"
# shellcheck source=ranges.sh
. "$lab/tests/ranges.sh"
# shellcheck source=package.sh
. "$lab/tests/package.sh"
# shellcheck source=vagrant.sh
. "$lab/tests/vagrant.sh"
# shellcheck source=../report/coverage.sh
. "$lab/report/coverage.sh"

# tests_result FILE STATUS SECTION NAME [REASON]
tests_result() {
    printf '%s\t%s\t%s\t%s\n' "$2" "$3" "$4" "$(tr '\t\n' '  ' <<<"${5:-}" | cut -c1-500)" >>"$results/$1.tsv"
}

ok_if_empty() {
    if [ -z "$1" ]; then echo ok; else echo fail; fi
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

# tests_any SECTION FILE...: a section without a result is a failure
tests_any() {
    local section=$1
    shift
    grep -qsF "	$section	" "$@" || tests_result missing fail "$section" "(all)" "no test of this section ran"
}

# tests_maven FILE SECTION PROJECT COMMAND...: runs the unit tests of a Maven project by COMMAND
tests_maven() {
    local file=$1 section=$2 project=$3 output=$log/maven-$1.log status=0
    shift 3
    rm -rf "$project/target/surefire-reports" "$project/target/jacoco.exec"
    step "$output" "building the $file and running its unit tests with Maven" "$@" || status=$?
    junit_cases "$section" "$project"/target/surefire-reports/TEST-*.xml >"$results/$file.tsv" 2>/dev/null
    if [ "$status" -ne 0 ] && ! grep -q '^fail' "$results/$file.tsv"; then
        tests_result "$file" fail "$section" "mvn verify" "$(grep -m 3 '^\[ERROR\]' "$output" | tr '\n' ' ')"
    fi
    return "$status"
}

# Maven builds by one JDK and runs the unit tests on the oldest one. part_asan runs them on the JDK that builds.
part_library() {
    ! tests_maven library "host: unit tests" "$top" maven -Djvm="$(jdk_oldest)/bin/java" verify || java_key >"$top/target/.java.key"
}

part_repository() {
    step "$log/repository.log" "checking the repository" as_caller env JAVA_HOME="$(jdk_folder)" \
        ASHMEM_OLDEST="$(jdk_oldest)" ASHMEM_COMPILER="$(java_options)" "$lab/tests/repository.sh" "$results" || true
}

# tests_builds STEP KERNEL: a test that is one step of build/steps.sh
tests_builds() {
    local name="builds: $1"
    case $1 in
        tests) name="C programs build" ;;
        refused) name="an unknown kernel ends the build by naming the probe" ;;
        compiler) name="a compiler that cannot work ends the build with its message" ;;
        incomplete) name="headers with a file missing end the build by naming it" ;;
        clang) name="a kernel that was built by clang gets a module by clang" ;;
    esac
    tests_step "build-$2" "$2: build" "$name" "$1-$2" "$lab/build/build.sh" "$1" "$2"
}

# tests_build KERNEL: builds the module and the C programs; without one of them there is no guest
tests_build() {
    local kernel=$1 section="$1: build" warnings part parts=(module tests)
    if release_is_debug "$kernel"; then
        ! plan_has part kunit "$kernel" || parts+=(kunit)
        ! plan_has part bugs "$kernel" || parts+=(bugs)
    else
        parts=(checked tests)
        for part in refused compiler incomplete clang; do
            ! plan_has build "$part" "$kernel" || parts+=("$part")
        done
    fi
    for part in "${parts[@]}"; do
        tests_builds "$part" "$kernel" || [[ $part != @(module|checked|tests|kunit) ]] || return
    done
    if ! release_is_debug "$kernel"; then
        warnings=$(grep -iE '(warning|error): ' "$log/checked-$kernel.log" | head -n 5)
        grep -q '^ *CHECK .*main\.c' "$log/checked-$kernel.log" || warnings="sparse did not run: see target/log/checked-$kernel.log"
        tests_result "build-$kernel" "$(ok_if_empty "$warnings")" "$section" \
            "module builds with W=1, and under sparse, without a warning" "$warnings"
    elif plan_has part kunit "$kernel"; then
        warnings=$(grep -i 'warning:' "$log/module-$kernel.log" "$log/kunit-$kernel.log" | head -n 5)
        tests_result "build-$kernel" "$(ok_if_empty "$warnings")" "$section" "module builds with W=1 and no warning" "$warnings"
    fi
}

# tests_of build|guest MACHINE: calls the machine's own function, or the one for every kernel
tests_of() {
    if declare -F "tests_$1_$2" >/dev/null; then
        "tests_$1_$2"
    else
        "tests_$1" "$2"
    fi
}

part_build() {
    [ "$1" = vagrant ] || release "$1" && tests_of build "$1" && touch "$results/built-$1"
}

# tests_boot KERNEL NAME COMMAND: boots a guest that runs COMMAND, and judges what its kernel says. NAME is for the log's file
tests_boot() {
    local kernel=$1 name=$2 command=$3 status=0 complaints
    ASHMEM_LIMIT=${ASHMEM_LIMIT:-7200} ASHMEM_KERNEL_LOG=$results/kernel-$name.log guest "$kernel" \
        "export ASHMEM_RESULTS=/ashmem/target/test/$kernel ASHMEM_ALL=${ASHMEM_ALL:-}; exec $command" || status=$?
    case $status in
        124) tests_result "guest-$kernel" fail "$kernel: kernel log" "the guest ends" "it was stopped at the time limit" ;;
        125) tests_result "guest-$kernel" fail "$kernel: kernel log" "the guest ends" "it ended before its tests did" ;;
    esac
    if complaints=$("$lab/report/complaints" "$results/kernel-$name.log" 2>&1); then
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
    local kernel=$1 part title
    tests_boot "$kernel" "$kernel" "vagrant/tests/guest.sh all"
    while read -r part title; do
        ! plan_has part "$part" "$kernel" || tests_any "$kernel: $title" "$results/$kernel"/*.tsv
    done <<END
programs C programs
programs module
java Java integration tests
cache cache
memfd Java on memfd
views Java views
asan shim under AddressSanitizer
kunit KUnit
END
    ! plan_has part coverage "$kernel" || coverage_kernel "$kernel"
    ! plan_has part bugs "$kernel" || tests_bugs "$kernel"
    ! plan_has part kunit.py "$kernel" || tests_kunit "$kernel"
    ! plan_has part limits "$kernel" || tests_limits "$kernel"
    [ "$kernel" != "$(release_names | head -n 1)" ] || tests_short "$kernel"
}

# tests_short KERNEL: QEMU ends before it connects to the servers of its files. Nothing waits for those
tests_short() {
    local status=0
    ASHMEM_LIMIT=0.01 timeout -s KILL 300 unshare --mount -- "$lab/machines/guest.sh" boot "$1" true >"$log/short-$1.log" 2>&1 ||
        status=$?
    tests_result "guest-$1" "$([ "$status" -eq 124 ] && echo ok || echo fail)" "$1: kernel log" \
        "a machine that is stopped at once is not waited for" "it ended with status $status"
}

# tests_limits KERNEL: a guest of its own, because no group of version 2 may be left in it. Up to 6.0 only this parameter lets
# groups count swap.
tests_limits() {
    ASHMEM_PARAMETERS=swapaccount=1 tests_boot "$1" "$1-limits" "vagrant/tests/guest.sh limits"
    tests_any "$1: limits by cgroups of version 1" "$results/$1"/limits*.tsv
}

# tests_bugs KERNEL: the kernel complains, as it should; the guest's step judges
tests_bugs() {
    local kernel=$1 bug name
    ASHMEM_COMPLAINTS=expected guest "$kernel" \
        "export ASHMEM_RESULTS=/ashmem/target/test/$kernel-bugs; exec vagrant/tests/guest.sh bugs" || true
    while read -r bug; do
        name="it is seen when $(sed -n 's/^Bug: //p' "$bug")"
        grep -qsF "	$name	" "$results/$kernel-bugs/bugs.tsv" ||
            tests_result missing fail "$kernel: bugs" "$name" "it was not tried: the guest ended before"
    done < <(grep -lE "^Kernels: (.* )?$kernel( |$)" "$top"/kernel/tests/bugs/*.patch)
    tests_any "$kernel: bugs" "$results/$kernel-bugs/bugs.tsv"
}

# tests_kunit KERNEL: the kernel's own kunit.py boots user-mode Linux, reads what KUnit prints when the module is loaded, and
# judges it
tests_kunit() {
    local kernel=$1
    mkdir -p "$results/$kernel"
    ASHMEM_LOAD=no ASHMEM_KUNIT=$results/$kernel/kunit.xml tests_boot "$kernel" "$kernel-kunit" \
        'sh -c "modprobe kunit && insmod $ASHMEM_OUT/kunit.ko"'
    junit_cases "$kernel: KUnit by kunit.py" "$results/$kernel/kunit.xml" >"$results/$kernel/kunit.tsv" 2>/dev/null
    tests_any "$kernel: KUnit by kunit.py" "$results/$kernel/kunit.tsv"
}

# tests_most: prints how many guests may run at a time. Each has two processors and 2 GiB of memory.
tests_most() {
    local most=4 processors memory
    processors=$(nproc)
    memory=$(awk '$1 == "MemAvailable:" { print int($2 / 1024 / 2600) }' /proc/meminfo)
    [ "$processors" -ge "$most" ] || most=$processors
    [ "$memory" -ge "$most" ] || most=$memory
    echo "$((most > 1 ? most : 1))"
}

part_guest() {
    if [ -e "$results/built-$1" ]; then
        tests_of guest "$1"
    else
        tests_result "guest-$1" fail "$1: kernel log" "the guest runs" "there is no module to run there"
    fi
}

# tests_part PART: what it prints comes in whole lines, as other parts print at the same time
tests_part() {
    {
        case $1 in
            build-*) part_build "${1#build-}" ;;
            guest-*) part_guest "${1#guest-}" ;;
            *) "part_$1" ;;
        esac
        touch "$results/complete-$1"
    } | sed -u ''
    touch "$results/ended-$1"
}

# tests_needs PART: prints the parts that have to end before. "installed" and "browser" are no parts: they stand for the packages
# that are installed meanwhile. The part asan compiles the newest guest's tests for Java 22, and the shim for um.
tests_needs() {
    case $1 in
        build-vagrant) echo "build-$(tests_box)" ;;
        build-*) ;;
        guest-um) echo "build-um library cache asan" ;;
        guest-arm64) echo "build-arm64 library arm64" ;;
        "guest-$(release_names | head -n 1)") echo "build-${1#guest-} library cache asan" ;;
        guest-*) echo "build-${1#guest-} library cache" ;;
        library | ranges) echo installed ;;
        frameworks) echo cache ;;
        page) echo "frameworks browser" ;;
        # they use Maven in the same checkout
        races) echo frameworks ;;
        repository) echo "library cache" ;;
        *) echo library ;;
    esac
}

# tests_schedule MOST PART...: runs the parts and what they need, in this order as far as needs allow: at most MOST at a time, and
# one more while no guest runs. A guest has several processors; one that waits for a lock spins, and gets nothing done, while
# this machine's processors are busy with more than they can do.
tests_schedule() {
    local -A known needs
    local most=$1 part left=() waiting=() running guests
    shift
    for part in "$@"; do
        tests_add "$part"
    done
    printf '%s\n' "${left[@]}" >"$results/parts"
    while [ ${#left[@]} -gt 0 ]; do
        waiting=()
        for part in "${left[@]}"; do
            running=$(find "$results" -maxdepth 1 -name 'running-*' | wc -l)
            guests=$(find "$results" -maxdepth 1 -name 'running-guest-*' | wc -l)
            [[ $guests -eq 0 && $part != guest-* ]] || running=$((running + 1))
            if [ "$running" -le "$most" ] && tests_ready "${needs[$part]}"; then
                touch "$results/running-$part"
                { tests_part "$part"; rm "$results/running-$part"; } </dev/null &
            else
                waiting+=("$part")
            fi
        done
        left=("${waiting[@]}")
        sleep 0.5
    done
    wait
}

# tests_ready PARTS: have all of them ended?
tests_ready() {
    local part
    for part in $1; do
        [ -e "$results/ended-$part" ] || return
    done
}

# tests_add PART: adds what the part needs, then the part, to the parts left
tests_add() {
    local need
    [ -z "${known[$1]:-}" ] && [[ $1 != @(installed|browser) ]] || return 0
    known[$1]=yes
    needs[$1]=$(tests_needs "$1")
    for need in ${needs[$1]}; do
        tests_add "$need"
    done
    left+=("$1")
}

# tests_rule NEWEST OLDEST: has each case of each C program a result of these kernels and of um, unless it cannot run there?
tests_rule() {
    local program name machine lacks missed='' programs=$top/target/guest/$1/tests
    while read -r program; do
        for machine in "$1" "$2" um; do
            lacks=$(plan_lacks "$machine" "$program" | cut -d ' ' -f 1)
            while read -r name; do
                grep -qsF "	$program: $name	" "$results/$machine"/*.tsv || grep -qx -e : -e ":$name" <<<"$lacks" ||
                    missed+="$machine: $program: $name; "
            done < <("$programs/$program" --list)
        done
    done <"$programs/list"
    tests_result missing "$(ok_if_empty "$missed")" "plan" \
        "each C case ran on the newest and the oldest kernel, and on um if it can" "$missed"
}

# tests_lacks MACHINE...: prints what a machine of this run cannot run
tests_lacks() {
    local kind name machine why
    while read -r kind name machine why; do
        [[ $kind = lacks && " $* " = *" $machine "* ]] || continue
        name=${name/%:/: all}
        printf '    not on %s: %s, for %s\n' "$machine" "${name/:/: }" "$why"
    done <"$plan_table" | sed 's/:  all/: all/'
}

# tests_run MACHINE..., or --fast: the unit tests and kernel um
tests_run() {
    local machine part parts needed=(java) sections=("host: unit tests" "host: cache" "host: demonstration of the cache" "host: JCache provider" "host: Hibernate's second level" "host: sample of Spring"
        "host: near cache of Infinispan's client") machines=("$@") schedule newest oldest
    if [ "$1" = --fast ]; then
        machines=(um)
        parts=(library cache frameworks guest-um)
    else
        needed+=(clang gpg musl shellcheck)
        sections+=("host: repository" "host: ranges.c" "host: shim under musl" "host: shim for arm64"
            "host: shim under AddressSanitizer" "host: close races" "host: benchmarks" "host: page of the demonstration")
        parts=(library asan cache frameworks races repository ranges jar musl arm64 page)
        # it downloads half a gigabyte: only for --all, not for --kernel
        if [ "${machines[*]}" = "$(ASHMEM_ALL=yes plan_machines machine any | tr ',' ' ')" ]; then
            parts+=(android)
            sections+=("host: Android's classes")
        fi
    fi
    newest=$(release_names | head -n 1)
    oldest=$(release_names | grep '^[0-9]' | tail -n 1)
    # shellcheck disable=SC2046
    host_install "$log/apt" root $([[ " ${machines[*]} " != *" vagrant "* ]] || echo box) || exit 1
    rm -rf "$results"
    mkdir -p "$results"
    host_give_back "$top/target"
    export ASHMEM_TIMES=$results/times
    [ "$1" = --fast ] || mapfile -t parts < <(tests_order "${machines[*]}" "${parts[@]}")
    tests_schedule "$(tests_most)" "${parts[@]}" &
    schedule=$!
    # shellcheck disable=SC2046
    host_install "$log/apt" "${needed[@]}" $(needs_of "${machines[@]}") || exit 1
    java_compiler || exit 1
    touch "$results/ended-installed"
    if [ "$1" != --fast ]; then
        host_install "$log/apt" browser || exit 1
        touch "$results/ended-browser"
    fi
    wait "$schedule"
    mapfile -t parts <"$results/parts"
    for part in "${parts[@]}"; do
        [ -e "$results/complete-$part" ] || tests_result missing fail "$part" "(all)" "the script that runs it ended too early"
    done
    for part in "${sections[@]}"; do
        tests_any "$part" "$results"/*.tsv
    done
    if [ "$1" != --fast ]; then
        coverage_java
        coverage_table
        [[ " ${machines[*]} " != *" $newest "* || " ${machines[*]} " != *" $oldest "* || " ${machines[*]} " != *" um "* ]] ||
            tests_rule "$newest" "$oldest"
    fi
    tests_lacks "${machines[@]}"
    sort -rn "$results"/times "$results"/*/times 2>/dev/null >"$results/times.tsv"
    awk -F'\t' 'NR == 1 { print "\nseconds  where the time went (target/test/times.tsv has all of it)" }
        NR <= 40 { printf "%7d  %s\n", $1, $2 }' "$results/times.tsv"
    for part in "${parts[@]}" "${machines[@]/%//*}" "${machines[@]/%/-bugs/*}" "${machines[@]/#/coverage-}" missing; do
        # shellcheck disable=SC2086
        cat "$results"/$part.tsv 2>/dev/null || true
    done >"$results/all.tsv"
    # a case's name without its machine: two runs can be compared by it
    cut -f 2,3 "$results/all.tsv" | sed 's/^[^:]*: //' | sort -u >"$results/cases"
    awk -f "$lab/report/report.awk" "$results/all.tsv"
}

# tests_order MACHINES PART...: prints the parts, guests last, and those first that take longest: to compile a kernel, or to test in
# a guest
tests_order() {
    local rest=" $1 " machines=() machine
    shift
    for machine in debug kcsan um; do
        [[ $rest != *" $machine "* ]] || echo "build-$machine"
    done
    # two JVMs side by side, each on two emulated processors, would take twice as long
    for machine in debug kcsan "$(release_names | head -n 1)" package "$(release_names | grep '^[0-9]' | tail -n 1)" vagrant um $rest; do
        [[ $rest != *" $machine "* ]] || machines+=("$machine")
        rest=${rest/ $machine / }
    done
    printf '%s\n' "$@" "${machines[@]/#/build-}" "${machines[@]/#/guest-}"
}
