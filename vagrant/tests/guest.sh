#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs the tests that need the device, on the machine that this script runs on: a guest of the lab, a Vagrant machine or
# your own machine. Root; the module is loaded.
# usage: guest.sh all|brief|limits|bugs|beside
#   all     runs what the table plan has for this machine; for a machine that is not in the table, all that any kernel can
#           run. Then unloads and loads the module. Android's own driver, where the kernel has it, stays loaded until the
#           next boot
#   brief   runs the quick half of the C programs and two Java classes, for a machine that is slow
#   limits  replaces version 2 of cgroups by version 1, and runs the C program and the Java tests that meet its memory limits
#   bugs    loads the module with each known bug, and fails unless the kernel or the tests find the bug
#   beside  loads Android's driver as /dev/ashmem and, beside it, the module as /dev/ashmen
# ASHMEM_OUT: the folder of the module and the programs (default: target/guest/RELEASE)
# ASHMEM_RESULTS: the folder for *.tsv and for what was printed (default: results/ in ASHMEM_OUT)
# ASHMEM_KERNEL: the machine's name in the table and in the results (default: RELEASE)
# ASHMEM_PROGRAM_LIMIT: seconds after which a program counts as stuck (default: 3600)
set -euo pipefail
lab=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=../provision.sh
. "$lab/provision.sh"
# shellcheck source=plan.sh
. "$lab/tests/plan.sh"
report=$lab/report
# shellcheck source=../report/junit.sh
. "$report/junit.sh"
results=${ASHMEM_RESULTS:-$out/results}
kernel=${ASHMEM_KERNEL:-$release}
limit=${ASHMEM_PROGRAM_LIMIT:-3600}
programs=$out/tests

# runs KIND NAME: does this machine run it?
runs() {
    if plan_has machine any "$kernel" || ASHMEM_ALL=yes plan_has machine any "$kernel"; then
        plan_has "$1" "$2" "$kernel"
    else
        [[ $1 = program || $2 = @(programs|java|memfd) ]]
    fi
}

# ending STATUS: says how a program ended that did not end with 0
ending() {
    case $1 in
        0) ;;
        124 | 137) echo "was stopped after $limit s" ;;
        12[89] | 1[3-9][0-9]) echo "died of signal $(($1 - 128))" ;;
        *) echo "exited with $1" ;;
    esac
}

# done_with FILE TITLE: prints the counts of the results in FILE, and keeps the time since SECONDS was 0
done_with() {
    printf '%s: %s ... %s (%d s)\n' "$kernel" "$2" \
        "$(awk -F'\t' '$1 == "ok" { ok++ } END { printf "%d passed, %d failed", ok, NR - ok }' "$1")" "$SECONDS"
    awk -F'\t' '$1 == "fail" { print $2 ": FAILED " $3 " -- " $4 }' "$1"
    printf '%d\t%s\n' "$SECONDS" "$kernel: $2" >>"$results/times"
}

# ktap FILE SECTION NAME ENDED: turns FILE.ktap into FILE.tsv
ktap() {
    awk -v section="$2" -v program="$3" -v ended="$4" -f "$report/ktap.awk" "$1.ktap" >"$1.tsv"
}

# program NAME: runs a C program without the cases that this machine lacks
program() {
    local status=0 case why without=()
    while read -r case why; do
        if [ "$case" = : ]; then
            echo "$kernel: C program $1 ... left out: $why"
            return
        fi
        without+=("--without=${case#:}")
    done < <(plan_lacks "$kernel" "$1")
    SECONDS=0
    ASHMEM_KO=$out/ashmem.ko timeout -k 5 "$limit" "$programs/$1" "${without[@]}" >"$results/$1.ktap" 2>&1 </dev/null ||
        status=$?
    ktap "$results/$1" "$kernel: C programs" "$1" "$(ending "$status")"
    done_with "$results/$1.tsv" "C program $1"
}

test_programs() {
    local name
    while read -r name; do
        ! runs program "$name" || program "$name"
    done <"$programs/list"
}

test_faults() {
    program faults
}

test_kunit() {
    local suite
    result 'is unloaded for the one with tests in it' unload
    modprobe kunit
    SECONDS=0
    insmod "$out/kunit.ko"
    for suite in /sys/kernel/debug/kunit/ashmem_*; do
        suite=${suite##*/}
        SECONDS=0
        # below the first level, each suite is a KTAP of its own
        sed -n 's/^    //p' "/sys/kernel/debug/kunit/$suite/results" >"$results/$suite.ktap" || true
        ktap "$results/$suite" "$kernel: KUnit" "$suite" ''
        done_with "$results/$suite.tsv" "KUnit $suite"
    done
    result 'is unloaded with its tests' unload
    result 'is loaded without tests' step_load
}

test_leaks() {
    SECONDS=0
    result 'is unloaded before leaks are looked for' unload
    result 'leaks nothing' no_leak
    result 'is loaded after leaks were looked for' step_load
}

# The boot leaves leaks of its own.
forget_leaks() {
    [ -e /sys/kernel/debug/kmemleak ] || return 0
    echo scan >/sys/kernel/debug/kmemleak
    echo clear >/sys/kernel/debug/kmemleak
}

# kmemleak reports an object that two scans missed and that is at least five seconds old.
no_leak() {
    local scan
    sleep 6
    for scan in 1 2; do
        # fails for good once kmemleak ran out of memory
        echo scan >/sys/kernel/debug/kmemleak || return
    done
    ! grep . /sys/kernel/debug/kmemleak
}

# Leaves gcov's reports of the module's objects in the results; report/coverage.sh reads them.
count_lines() {
    local work
    work=$(mktemp -d)
    cp "$out"/gcno/*.gcno "$top"/kernel/*.[ch] "$work/" || return
    find /sys/kernel/debug/gcov -name '*.gcda' -exec cp -t "$work" {} + || return
    (cd "$work" && gcov --long-file-names ./*.gcda) >"$results/gcov.log" 2>&1 || return
    cat "$work"/*.gcov >"$results/gcov" && rm -rf "$work"
}

test_coverage() {
    result 'its lines were counted' count_lines
}

# An emulated processor takes seconds to move the JVM's archive of classes to a random address, and may see half of an
# instruction when HotSpot replaces C1's code by C2's while other threads run it.
java_options=(-XX:+UnlockDiagnosticVMOptions -XX:ArchiveRelocationMode=0 -XX:+UseSerialGC -XX:TieredStopAtLevel=1)
java_select=(--scan-classpath "$top/target/test-classes")

# java_run NAME PATH TEST...: runs these tests by the command in java, with this class path. Prints to NAME.log; sets ended
java_run() {
    local name=$1 path=$2 status=0
    shift 2
    SECONDS=0
    ASHMEM_OUT=$out timeout -k 5 "$limit" "${java[@]}" "${java_options[@]}" "${junit_launcher[@]}" \
        -cp "$path" "${junit_execute[@]}" --reports-dir "$results/$name" "$@" >"$results/$name.log" 2>&1 </dev/null || status=$?
    ended=$(ending "$status")
}

# The tag newest is for tests that start many JVMs or wait minutes for memory. The tag um is for those of which no kernel makes a
# difference, and that do the same some thousand times or start JVMs: they run at the speed of the host there.
test_java() {
    local title="Java integration tests" java=(java) exclude=(--exclude-tag newest) ended
    if runs part views; then
        exclude=()
        java+=("-javaagent:$top/target/jacoco/org.jacoco.agent-runtime.jar=destfile=$results/jacoco.exec,includes=org.ashmem.*")
    fi
    [ "$kernel" = um ] || exclude+=(--exclude-tag um)
    # The classes of test_limits run there.
    ! runs part limits || exclude+=(--exclude-classname '.*GivesWayIT')
    java_run java "$(junit_path "$top")" "${java_select[@]}" --include-classname '.*IT$' "${exclude[@]}"
    junit_results "$kernel: $title" "$results/java.log" "$results/java" "$ended" >"$results/java.tsv"
    done_with "$results/java.tsv" "$title"
}

# Only um has JDK 21, so it runs the unit tests, too, but not those that ask for memfd or that the device would disturb.
test_cache() {
    local java=(java) tests=(--include-classname '.*IT$' --exclude-tag um) ended
    if [ "$kernel" = um ]; then
        java+=(-Dorg.ashmem.cache.reads=2000000)
        tests=(--include-classname '.*(IT|Test)$' --exclude-classname '.*(Backend|LazyStore|MemfdStore|PurgeableCacheMetrics)Test')
    fi
    ! runs part limits || tests+=(--exclude-classname '.*GivesWayIT')
    java_run cache "$(junit_path "$top/cache")" --scan-classpath "$top/cache/target/test-classes" "${tests[@]}"
    junit_results "$kernel: cache" "$results/cache.log" "$results/cache" "$ended" >"$results/cache.tsv"
    done_with "$results/cache.tsv" "cache"
}

# No process may be in a cgroup of version 2 when this begins: the memory controller goes to version 1.
test_limits() {
    local title="limits by cgroups of version 1" java=(java) name project ended
    mkdir -p "$results"
    umount /sys/fs/cgroup
    mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
    mkdir /sys/fs/cgroup/memory
    mount -t cgroup -o memory memory /sys/fs/cgroup/memory
    program memsw
    for name in limits limits-cache; do
        project=$top$([ "$name" = limits ] || echo /cache)
        java_run "$name" "$(junit_path "$project")" --scan-classpath "$project/target/test-classes" --include-classname '.*GivesWayIT'
        junit_results "$kernel: $title" "$results/$name.log" "$results/$name" "$ended" >"$results/$name.tsv"
        done_with "$results/$name.tsv" "$title"
    done
    ! grep -qs '^fail' "$results"/{memsw,limits*}.tsv
}

# java_classes NAME TITLE BACKEND TESTS CLASS...: runs some of Maven's unit tests, on the device or on this kernel's memfd
java_classes() {
    local name=$1 title=$2 path ended java=(java "-Dorg.ashmem.backend=$3" -Dorg.ashmem.purgeOnPressure=false) exclude=()
    path=$(junit_path "$top" "$4")
    [ "$kernel" = um ] || exclude=(--exclude-tag um)
    shift 4
    java_run "$name" "$path" "${exclude[@]}" "${@/#/--select-class=org.ashmem.}"
    junit_results "$kernel: $title" "$results/$name.log" "$results/$name" "$ended" >"$results/$name.tsv"
    done_with "$results/$name.tsv" "$title"
}

test_memfd() {
    java_classes memfd "Java on memfd" memfd "$top/target/test-classes" MemfdTest MappingTest
}

test_views() {
    java_classes views "Java views" device "$top/target/test-classes-22:$top/target/test-classes" SegmentsTest SharedLongsTest SharedRecordsTest
}

# Loads the jar's shim without a JVM, which this machine does not have.
test_shim() {
    local folder
    folder=$(mktemp -d)
    cp -r "$top/target/arm64/." "$folder"
    result "the jar's shim loads, and its calls work" "$folder/ld-linux-aarch64.so.1" --library-path "$folder" \
        "$folder/load" "$folder/org/ashmem/native/linux-aarch64/libashmem.so"
}

# Runs the integration tests with the shim under AddressSanitizer, but not the classes that start JVMs or Flight Recorder,
# which start slowly under it, or that repeat one thing ten thousand times. A shim with a bug shows that bugs are found.
test_asan() {
    local title="shim under AddressSanitizer" section="$kernel: shim under AddressSanitizer" java ended
    mapfile -t java < <(echo env && sanitizer_environment libasan.so.8 && echo java)
    java_run asan "$top/target/asan/classes:$(junit_path "$top")" --scan-classpath "$top/target/test-classes" --include-classname '.*IT$' \
        --exclude-classname '.*(Events|Forgotten|FullHeap|GivesWay|Killed|LazyMemory|Pressure|Privilege|PurgeDemo|Sharing).*'
    {
        junit_results "$section" "$results/asan.log" "$results/asan" "$ended"
        sanitizer_results "$section" "$results/asan.log"
    } >"$results/asan.tsv"
    done_with "$results/asan.tsv" "$title"
    java_run overrun "$top/target/asan/overrun/classes:$(junit_path "$top")" --select-method 'org.ashmem.AshmemRegionIT#allIsAllowedAtFirst'
    if grep -q 'ERROR: AddressSanitizer: stack-buffer-overflow' "$results/overrun.log"; then
        junit_line ok "$section" "a shim that writes past an array is found"
    else
        junit_line fail "$section" "a shim that writes past an array is found" "$ended $(tail -n 3 "$results/overrun.log")"
    fi >"$results/overrun.tsv"
    done_with "$results/overrun.tsv" "$title, with a bug"
}

# result NAME COMMAND...: a test of the section about the module; COMMAND's output is the reason of a failure
result() {
    local name=$1 said
    shift
    if said=$("$@" 2>&1); then
        printf 'ok\t%s: module\t%s\t\n' "$kernel" "$name"
    else
        printf 'fail\t%s: module\t%s\t%s\n' "$kernel" "$name" "$(tr '\n\t' '  ' <<<"$said")"
    fi >>"$results/module.tsv"
}

unload() {
    rmmod ashmem && ! [ -e /dev/ashmem ]
}

# Needs the module loaded. sysfs warns before the original driver gives up; that is no complaint about ours.
original_beside_ours() {
    echo 'ashmem test: a call trace that is no complaint may follow' >/dev/kmsg
    # modprobe takes EEXIST for success
    modprobe ashmem_linux || true
    echo 'ashmem test: from here on a call trace is a complaint' >/dev/kmsg
    ! [ -e /sys/module/ashmem_linux ] || { echo "it was loaded beside ours"; return 1; }
    "$programs/abi" && "$programs/purge"
}

# The kernel's log may be full, so that its lines can't be counted. A mark shows where it continues.
mark_log() {
    mark="ashmem test: mark $RANDOM$RANDOM"
    echo "$mark" >/dev/kmsg
}

log_since_mark() {
    dmesg | sed "1,/$mark/d"
}

# Needs the module not loaded. The original driver can't be unloaded.
ours_beside_original() {
    local said mark caches
    modprobe ashmem_linux
    # A cache that shares the memory of another one leaves its name there when it goes.
    caches=$(ls /sys/kernel/slab)
    mark_log
    ! said=$(insmod "$out/ashmem.ko" 2>&1) || { echo "it was loaded beside the original"; return 1; }
    grep -q 'Device or resource busy' <<<"$said" || { echo "insmod said: $said"; return 1; }
    said=$(log_since_mark | grep -v 'loading out-of-tree module\|module verification failed')
    grep -q 'ashmem: another driver provides /dev/ashmem already' <<<"$said" && [ "$(wc -l <<<"$said")" -eq 1 ] ||
        { echo "the kernel said: $said"; return 1; }
    for said in /sys/module/ashmem /sys/kernel/debug/ashmem; do
        ! [ -e "$said" ] || { echo "it left $said"; return 1; }
    done
    said=$(diff <(echo "$caches") <(ls /sys/kernel/slab)) || { echo "it left caches: $said"; return 1; }
    "$programs/sharing"
}

# beside: loads a copy of the module beside the original driver. The names of the copy's module and device have another last
# letter; nothing else differs.
beside() {
    modprobe ashmem_linux
    LC_ALL=C sed 's/\x00ashmem\x00/\x00ashmen\x00/g' "$out/ashmem.ko" >/tmp/ashmen.ko
    insmod /tmp/ashmen.ko
}

new_results() {
    rm -rf "$results"
    mkdir -p "$results"
}

# tests PART...: runs these parts between the tests of loading and unloading
tests() {
    local part
    new_results
    result 'is loaded' test -c /dev/ashmem
    for part in "$@"; do
        "test_$part"
    done
    result 'is unloaded after all tests' unload
    result 'is loaded once more' step_load
    if original_is_there; then
        result 'stays in use when the original is loaded beside it' original_beside_ours
        result 'is unloaded once more' unload
        result 'loaded beside the original says why not and leaves no trace' ours_beside_original
        result 'a copy is loaded beside the original' beside
        ORIGINAL=/dev/ashmem OURS=/dev/ashmen program differ
    fi
    ! grep -qs '^fail' "$results"/*.tsv
}

all() {
    local part parts=()
    watch_more
    forget_leaks
    for part in kunit faults programs java cache memfd views asan shim leaks coverage; do
        ! runs part "$part" || parts+=("$part")
    done
    tests "${parts[@]}"
}

test_quick() {
    local name
    for name in abi name sharing mapping protection file pinning purge pressure abi32; do
        program "$name"
    done
}

brief() {
    java_select=(--select-class org.ashmem.AshmemRegionIT --select-class org.ashmem.PinIT)
    tests quick java
}

# KCSAN watches one access in 4,000 for 80 us. Here it watches one in 200 for 200 us.
watch_more() {
    local parameters=/sys/module/kcsan/parameters
    [ ! -d "$parameters" ] || { echo 200 >"$parameters/skip_watch" && echo 200 >"$parameters/udelay_task"; }
}

# field NAME BUG: prints a field of the bug's head
field() {
    sed -n "s/^$1: //p" "$2"
}

# catch BUG: loads the module that has it; what this does to the kernel follows the results in the log. A module whose bug is
# seen stays: its end may be that of the kernel
catch() {
    local bug=$1 seen name log program mark
    seen=$(field Seen "$bug")
    name=${bug##*/}
    name=${name%.patch}
    log=$results/$name.log
    mark_log
    [ ! -e /sys/module/ashmem ] || rmmod ashmem
    [ ! -e /sys/module/ashmem ] && insmod "$out/bugs/$name.ko" || { echo "it could not be loaded"; return 1; }
    read -ra program < <(field Program "$bug")
    timeout -k 5 "$limit" "$programs/${program[0]}" "${program[@]:1}" >"$log" 2>&1 </dev/null || true
    log_since_mark >>"$log"
    grep -qE -- "$seen" "$log" || no_leak >>"$log" || true
    # what the module's own data referred to is a leak from now on
    grep -qE -- "$seen" "$log" || { rmmod ashmem && no_leak >>"$log"; } || true
    grep -E -m 1 -- "$seen" "$log" || { echo "not seen: $seen"; return 1; }
}

# A bug that silences or breaks the kernel has a name that comes last.
bugs() {
    local bug said status
    new_results
    watch_more
    forget_leaks
    for bug in "$top"/kernel/tests/bugs/*.patch; do
        [ -e "$out/bugs/$(basename "$bug" .patch).ko" ] || continue
        status=ok
        SECONDS=0
        said=$(catch "$bug") || status=fail
        echo "$kernel: a bug, $(field Bug "$bug"): $said ($SECONDS s)"
        printf '%s\t%s: bugs\tit is seen when %s\t%s\n' "$status" "$kernel" "$(field Bug "$bug")" \
            "$(tr '\n\t' '  ' <<<"$said")" >>"$results/bugs.tsv"
    done
    ! grep -q '^fail' "$results/bugs.tsv"
}

case ${1-} in
    all | brief | bugs | beside) "$1" ;;
    limits) test_limits ;;
    *)
        echo "usage: guest.sh all|brief|limits|bugs|beside" >&2
        exit 2
        ;;
esac
