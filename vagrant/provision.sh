#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The steps from a Debian machine to a loaded and tested module. The QEMU guest, Vagrant and a bare machine take the same ones.
# usage: provision.sh STEP...      with the steps
#   deps     installs what is missing to build the module for the running kernel; where apt has no headers of it any more, the
#            current kernel, and leaves /run/ashmem-reboot to tell that it is to be booted. With ASHMEM_SUITE, that suite's
#   sources  prints an archive of what is built from
#   module   builds ashmem.ko from a copy of kernel/
#   tests    builds the C test programs from a copy of kernel/
#   bench    builds the C programs that measure from a copy of kernel/
#   refused  builds it as for a kernel with an interface that is unknown, and fails unless that ends in a clear message
#   load     loads the module and waits for its device
#   install  loads it now and at every boot, and lets every user open the device
#   library  installs the library for every user, built here unless target/ has it as new as its sources
#   greet    has a login tell what there is to try
#   beside   loads the kernel's own ashmem_linux as /dev/ashmem, and beside it the module as /dev/ashmen
#   test     runs the C programs and the Java integration tests on the device, then unloads and loads the module. A kernel that
#            has the original is to be booted again afterwards: nobody unloads that one
#   newest   the same, and what is tried on one kernel only: views of regions, the shim under AddressSanitizer, and which lines
#            Java's tests run
#   smoke    the tests without Java
#   foreign  the same, and the library's shim for arm64, from target/arm64
#   brief    a part of each, for a machine that is slow and tests more than the module
#   debug    all tests on a debug kernel, with what KUnit runs, faults that are made on request, and a search for leaks
#   kunit    builds the module with KUnit's tests in it
#   bugs     builds it once with each of the bugs in kernel/tests/bugs
#   caught   loads each of these, and fails unless what the bug's head tells is seen
#   races    runs what many do at once, on a kernel that sees accesses that no lock orders
#   package  builds the Debian package from a copy of kernel/
#   again    builds it once more, and fails unless it is the same to the byte
#   lintian  has lintian look at it, and fails if that has anything to say
# ASHMEM_OUT: where what is built goes and is taken from (default: target/guest/RELEASE)
# ASHMEM_RELEASE: the kernel to build for (default: the running one)
# ASHMEM_WARN: with it, module and kunit have the compiler and kernel-doc warn of all they can (W=1; wants the package perl)
# ASHMEM_SPARSE: with it, sparse looks at the module while it is built
# ASHMEM_RESULTS: where the tests' results go (default: results/ in ASHMEM_OUT): *.tsv for report.awk, and what was printed
# ASHMEM_KERNEL: what the results call the kernel (default: RELEASE)
# ASHMEM_PROGRAM_LIMIT: seconds that one test program may take (default: 1800)
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
release=${ASHMEM_RELEASE:-$(uname -r)}
out=${ASHMEM_OUT:-$top/target/guest/$release}
results=${ASHMEM_RESULTS:-$out/results}
kernel=${ASHMEM_KERNEL:-$release}
limit=${ASHMEM_PROGRAM_LIMIT:-1800}
programs=$out/tests
# shellcheck source=junit.sh
. "$top/vagrant/junit.sh"
case $release in
    *-arm64) [ "$(uname -m)" = aarch64 ] || export ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- ;;
    *-um) export ARCH=um ;;
esac

export DEBIAN_FRONTEND=noninteractive
# a machine that was just booted may be busy with updates of its own
apt=(apt-get -y --no-install-recommends -o DPkg::Lock::Timeout=300)

# packages PACKAGE...: installs those that are missing
packages() {
    local missing=() package
    for package in "$@"; do
        dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    echo "installing ${missing[*]}"
    if [ -z "${lists_are_new:-}" ]; then
        "${apt[@]}" update || echo "some sources failed, going on with the others"
        lists_are_new=yes
    fi
    "${apt[@]}" install "${missing[@]}"
}

# The kernels of a suite that is none of apt's sources yet.
add_suite() {
    local mirror
    ! apt-get indextargets --format '$(RELEASE) $(CODENAME)' | grep -w -- "$1" >/dev/null || return 0
    mirror=$(apt-get indextargets --no-release-info --format '$(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
        awk '$1 == "main" && $2 !~ /security/ { print $2; exit }')
    [ -n "$mirror" ] || { echo "found no Debian mirror in apt's sources to take $1 from" >&2; return 1; }
    echo "deb ${mirror%/} $1 main" >/etc/apt/sources.list.d/ashmem.list
}

# The module is built for the running kernel. Where apt no longer has its headers, the current kernel is installed with its
# own; it has to be booted first, as the file tells.
step_deps() {
    local flavour suite=${ASHMEM_SUITE:-} pair
    packages gcc libc6-dev make kmod procps
    # for the C tests of 32 bits
    [ "$(dpkg --print-architecture)" != amd64 ] || packages gcc-multilib
    # 6.12.57+deb13-cloud-amd64, 5.10.0-32-amd64, 6.1.0-0.deb11.7-amd64
    flavour=$(sed -E 's/^[^-]*-([0-9][^-]*-)?//' <<<"$release")
    pair=("linux-image-$flavour" "linux-headers-$flavour")
    if [ -n "$suite" ] && ! dpkg-query -W -f '${Version}\n' "${pair[0]}" 2>/dev/null | grep -q '~bpo'; then
        add_suite "$suite"
        "${apt[@]}" update
        "${apt[@]}" install -t "$suite" "${pair[@]}"
    elif [ -d "/lib/modules/$release/build/include" ] || packages "linux-headers-$release"; then
        return
    else
        echo "apt has no headers of the running kernel, $release: installing the current kernel with its own"
        # also where they are installed, but old
        "${apt[@]}" install "${pair[@]}" || {
            echo "apt has no ${pair[*]} either. Install a kernel and its headers, and boot it." >&2
            return 1
        }
    fi
    [ "$(linux-version list | linux-version sort | tail -n 1)" = "$release" ] || {
        echo "the newest kernel is to be booted before the module can be built"
        touch /run/ashmem-reboot
    }
}

# kernel/ without what was built in it, as an archive that is the same for the same sources.
step_sources() {
    tar -C "$top" -c --sort=name --mtime=@0 --owner=0 --group=0 --exclude='*.o' --exclude='*.ko' --exclude='*.mod' \
        --exclude='*.mod.c' --exclude='.*.cmd' --exclude=Module.symvers --exclude=modules.order --exclude=probed.h \
        --exclude=kernel/probing --exclude=kernel/tests/out --exclude=kernel/bench/out kernel
}

# A copy, so that no build litters the checkout and nothing built there earlier gets in.
copy_sources() {
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    step_sources | tar -C "$work" -x -m
}

# A kernel that counts how often each line is reached gets a module that is counted.
counted() {
    grep -qx CONFIG_GCOV_KERNEL=y "/lib/modules/$release/build/.config"
}

step_module() {
    local options=()
    [ -d "/lib/modules/$release/build/include" ] || {
        echo "the headers of the running kernel, $release, are not there$([ ! -e /run/ashmem-reboot ] ||
            echo ": a newer kernel was installed with its own; boot it, then try again")" >&2
        return 1
    }
    copy_sources
    ! counted || options+=(GCOV_PROFILE=y)
    # by its inner name: the headers of Debian lack the script by which C=1 looks for sparse
    [ -z "${ASHMEM_SPARSE:-}" ] || options+=(KBUILD_CHECKSRC=1 "CF=-include $work/kernel/tests/sparse.h")
    make -C "/lib/modules/$release/build" M="$work/kernel" ${ASHMEM_WARN:+W=1} -j"$(nproc)" "${options[@]}" modules
    mkdir -p "$out"
    rm -rf "$out/gcno"
    if counted; then
        mkdir "$out/gcno"
        cp "$work"/kernel/*.gcno "$out/gcno/"
    fi
    cp "$work/kernel/ashmem.ko" "$out/ashmem.ko.new"
    mv "$out/ashmem.ko.new" "$out/ashmem.ko"
}

step_kunit() {
    copy_sources
    make -C "/lib/modules/$release/build" M="$work/kernel" ${ASHMEM_WARN:+W=1} -j"$(nproc)" ASHMEM_KUNIT=y modules
    cp "$work/kernel/ashmem.ko" "$out/kunit.ko"
}

# field NAME BUG: of its head
field() {
    sed -n "s/^$1: //p" "$2"
}

# bugs FOLDER: those of the checkout there that this kernel has to see
bugs() {
    grep -lx "Kernel: ${release##*-}" "$1"/kernel/tests/bugs/*.patch
}

step_bugs() {
    local bug name
    copy_sources
    rm -rf "$out/bugs"
    mkdir -p "$out/bugs"
    for bug in $(bugs "$work"); do
        name=${bug##*/}
        name=${name%.patch}
        patch -d "$work" -p1 --fuzz=0 <"$bug"
        make -C "/lib/modules/$release/build" M="$work/kernel" -j"$(nproc)" modules
        cp "$work/kernel/ashmem.ko" "$out/bugs/$name.ko"
        patch -d "$work" -p1 -R <"$bug"
    done
}

# The interface has changed once more, and one thing that the module needs is not exported any more.
step_refused() {
    local changed=list_lru_walk hidden=purge probe log said
    copy_sources
    for probe in "$work/kernel/probes/$changed"/*.c; do
        echo '#error the interface has changed' >"$probe"
    done
    for probe in "$work/kernel/probes/$hidden"/*.c; do
        printf '%s\n' 'void not_there(void);' 'void probe(void);' 'void probe(void)' '{ not_there(); }' >"$probe"
    done
    log=$work/log
    if make -C "/lib/modules/$release/build" M="$work/kernel" -j"$(nproc)" modules >"$log" 2>&1; then
        echo "the module was built"
        return 1
    fi
    cat "$log"
    for said in "ashmem: error: nothing that is known of $changed builds" 'the interface has changed' \
        "ashmem: error: nothing that is known of $hidden builds" 'not_there is not exported'; do
        grep -qF "$said" "$log" || {
            echo "it does not say: $said"
            return 1
        }
    done
    if grep -E '^ *(CC|LD) .*(main|device|regions?|ranges|shrinker|quota|debugfs)\.o' "$log"; then
        echo "a file of the module was compiled"
        return 1
    fi
}

step_tests() {
    copy_sources
    make -C "$work/kernel/tests" -j"$(nproc)" OUT="$work/out"
    make -s --no-print-directory -C "$work/kernel/tests" list >"$work/out/list"
    mkdir -p "$out"
    rm -rf "$out/tests" "$out/tests.new"
    cp -r "$work/out" "$out/tests.new"
    mv "$out/tests.new" "$out/tests"
}

step_bench() {
    copy_sources
    make -C "$work/kernel/bench" OUT="$work/out"
    mkdir -p "$out"
    rm -rf "$out/bench" "$out/bench.new"
    cp -r "$work/out" "$out/bench.new"
    mv "$out/bench.new" "$out/bench"
}

# package_in FOLDER: builds it there
package_in() {
    copy_sources
    (cd "$work/kernel" && dpkg-buildpackage --build=binary --no-check-builddeps --no-sign)
    mkdir -p "$1"
    mv "$work"/ashmem-dkms_*.deb "$1/"
}

step_package() {
    rm -f "$out"/ashmem-dkms_*.deb
    package_in "$out"
}

step_again() {
    local again
    again=$(mktemp -d)
    package_in "$again"
    cmp "$out"/ashmem-dkms_*.deb "$again"/ashmem-dkms_*.deb
    rm -rf "$again"
}

step_lintian() {
    lintian --allow-root --display-info --info --fail-on info,warning,error "$out"/ashmem-dkms_*.deb
}

step_load() {
    insmod "$out/ashmem.ko"
    wait_for_device
}

wait_for_device() {
    local waited=0
    while ! [ -c /dev/ashmem ]; do
        if [ "$((waited += 1))" -gt 50 ]; then
            echo "the module is loaded but /dev/ashmem did not appear within 5 s"
            return 1
        fi
        sleep 0.1
    done
}

step_install() {
    local said
    [ ! -d /sys/module/ashmem ] || rmmod ashmem || {
        echo "the old module is in use: end what has a region open, then try again" >&2
        return 1
    }
    install -D -m 644 "$out/ashmem.ko" "/lib/modules/$release/extra/ashmem.ko"
    depmod "$release"
    install -D -m 644 "$top/kernel/debian/ashmem.conf" /etc/modules-load.d/ashmem.conf
    install -D -m 644 "$top/kernel/debian/ashmem-dkms.udev" /etc/udev/rules.d/60-ashmem.rules
    udevadm control --reload
    said=$(modprobe ashmem 2>&1) || {
        echo "$said" >&2
        [[ $said != *[Kk]ey* ]] || echo "Secure Boot is on; kernel/SIGNING.md tells how this machine learns to trust the module" >&2
        return 1
    }
    wait_for_device
    echo "the module is loaded, and will be at every boot"
}

# java_package jre|jdk: Debian 11's default is too old
java_package() {
    grep -qx 'VERSION_ID="11"' /etc/os-release && echo "openjdk-17-$1-headless" || echo "default-$1-headless"
}

# as_owner COMMAND...: in the checkout as its owner, whose own files of Maven are left alone; home is nobody else's
as_owner() {
    (cd "$top" && setpriv --reuid "$(stat -c %u .)" --regid "$(stat -c %g .)" --clear-groups env HOME="${home:?}" "$@")
}

# Debian 11's Maven is too old to build the library, but can get one that is not.
library_by_maven() {
    local command=mvn version=3.9.16 profiles=()
    if dpkg --compare-versions "$(dpkg-query -W -f '${Version}' maven)" lt 3.8; then
        as_owner mvn -B -q -Dmaven.repo.local="$home" org.apache.maven.plugins:maven-dependency-plugin:3.6.0:copy \
            -Dartifact=org.apache.maven:apache-maven:$version:tar.gz:bin -DoutputDirectory="$home" &&
            as_owner tar -C "$home" -xzf "$home/apache-maven-$version-bin.tar.gz" || return
        command=$home/apache-maven-$version/bin/mvn
    fi
    # there it is this machine's own
    [ "$(uname -m)" != aarch64 ] || profiles=(-Paarch64)
    as_owner "$command" -B -ntp -Dmaven.repo.local="$home" "${profiles[@]}" -DskipTests package
}

build_library() {
    local home status=0
    packages "$(java_package jdk)" maven gcc libc6-dev
    home=$(mktemp -d /var/tmp/ashmem.XXXXXX)
    # what the module's build made is root's
    mkdir -p "$top/target"
    chown --reference="$top" "$home" "$top/target"
    library_by_maven || status=$?
    rm -rf "$home"
    return "$status"
}

# The jar of this version, which need not be there.
library_jar() {
    echo "$top/target/ashmem-$(sed -n 's|^  <version>\(.*\)</version>|\1|p' "$top/pom.xml" | head -n 1).jar"
}

step_library() {
    local jar
    jar=$(library_jar)
    if ! [ -e "$jar" ] || [ -n "$(cd "$top" && find pom.xml src/main native -newer "$jar" -print -quit)" ]; then
        build_library
    fi
    command -v java >/dev/null || packages "$(java_package jre)"
    install -D -m 644 "$jar" /usr/share/java/ashmem.jar
    echo "the library is /usr/share/java/ashmem.jar"
}

step_greet() {
    local after=
    ! original_is_there || after='; sudo reboot'
    cat >/etc/motd <<END

  /dev/ashmem is there, the checkout is $top, the library /usr/share/java/ashmem.jar. To try:

    sudo java --enable-native-access=ALL-UNNAMED -cp $top/target/test-classes:/usr/share/java/ashmem.jar \\
        org.ashmem.example.PurgeDemo           a region is purged when a cgroup reaches its limit
    sudo cat /sys/kernel/debug/ashmem/totals   what was purged so far, and why
    sudo bash $top/vagrant/provision.sh tests test$after
                                               builds the C tests and runs all tests on the device

END
}

# Has this kernel Android's own driver? Ours answers to that name, too, where it is installed.
original_is_there() {
    [ "$(modinfo -F name ashmem_linux 2>/dev/null)" = ashmem_linux ]
}

# The original cannot be unloaded. So that both can be tried in turn, ours is loaded beside it, as a copy in which the name of
# module and device has another last letter: nothing else tells it from the module.
step_beside() {
    modprobe ashmem_linux
    LC_ALL=C sed 's/\x00ashmem\x00/\x00ashmen\x00/g' "$out/ashmem.ko" >/tmp/ashmen.ko
    insmod /tmp/ashmen.ko
}

# How a program ended that should have exited with 0, in words.
ending() {
    case $1 in
        0) ;;
        124 | 137) echo "was stopped after $limit s" ;;
        12[89] | 1[3-9][0-9]) echo "died of signal $(($1 - 128))" ;;
        *) echo "exited with $1" ;;
    esac
}

# count FILE: what is in it, for a person to follow
count() {
    awk -F'\t' '$1 == "ok" { ok++ } END { printf "%d passed, %d failed", ok, NR - ok }' "$1"
}

# test_list: runs the programs named on standard input, without what the kernel is not for (debug/KERNEL.without)
test_list() {
    local program status pattern case why without
    while read -r program; do
        printf '%s: C program %s ... ' "$kernel" "$program"
        without=()
        while read -r pattern case why; do
            # shellcheck disable=SC2053
            [[ $program = $pattern ]] || continue
            if [ "$case" = all ]; then
                echo "left out: $why"
                continue 2
            fi
            without+=("--without=$case")
        done < <(grep -sv '^#' "$top/vagrant/debug/$kernel.without")
        SECONDS=0 status=0
        ASHMEM_KO=$out/ashmem.ko timeout -k 5 "$limit" "$programs/$program" "${without[@]}" \
            >"$results/$program.ktap" 2>&1 </dev/null || status=$?
        awk -v section="$kernel: C programs" -v program="$program" -v ended="$(ending "$status")" \
            -f "$top/vagrant/ktap.awk" "$results/$program.ktap" >"$results/$program.tsv"
        echo "$(count "$results/$program.tsv") ($SECONDS s)"
        awk -F'\t' '$1 == "fail" { print $2 ": FAILED " $3 " -- " $4 }' "$results/$program.tsv"
    done
}

test_programs() {
    test_list <"$programs/list"
}

test_brief() {
    test_list < <(printf '%s\n' abi name sharing mapping protection file pinning purge pressure abi32)
}

test_faults() {
    test_list <<<faults
}

test_kunit() {
    local suite
    result 'is unloaded for the one with tests in it' unload
    modprobe kunit
    insmod "$out/kunit.ko"
    for suite in /sys/kernel/debug/kunit/ashmem_*; do
        suite=${suite##*/}
        # below the first level, each suite is a KTAP of its own
        sed -n 's/^    //p' "/sys/kernel/debug/kunit/$suite/results" >"$results/$suite.ktap" || true
        awk -v section="$kernel: KUnit" -v program="$suite" -v ended= -f "$top/vagrant/ktap.awk" \
            "$results/$suite.ktap" >"$results/$suite.tsv"
        echo "$kernel: KUnit $suite ... $(count "$results/$suite.tsv")"
        awk -F'\t' '$1 == "fail" { print $2 ": FAILED " $3 " -- " $4 }' "$results/$suite.tsv"
    done
    result 'is unloaded with its tests' unload
    result 'is loaded without tests' step_load
}

# What nobody points to any more. A thing has to be five seconds old to count.
test_leaks() {
    result 'is unloaded before leaks are looked for' unload
    result 'leaks nothing' no_leak
    result 'is loaded after leaks were looked for' step_load
}

# Those of the boot, which are not ours.
forget_leaks() {
    echo scan >/sys/kernel/debug/kmemleak
    echo clear >/sys/kernel/debug/kmemleak
}

no_leak() {
    local scan
    for scan in 1 2; do
        sleep 6
        # it switches itself off for good when it gets no memory
        echo scan >/sys/kernel/debug/kmemleak || return
    done
    ! grep . /sys/kernel/debug/kmemleak
}

# How often each line was reached, as FILE, LINE and COUNT, from what the kernel counted. A header is in several objects.
count_lines() {
    local work source
    work=$(mktemp -d)
    cp "$out"/gcno/*.gcno "$top"/kernel/*.[ch] "$work/" || return
    find /sys/kernel/debug/gcov -name '*.gcda' -exec cp -t "$work" {} + || return
    (cd "$work" && gcov --long-file-names ./*.gcda) >"$results/gcov.log" 2>&1 || return
    cat "$work"/*.gcov | awk -f "$top/vagrant/gcov.awk" >"$results/lines" || return
    rm -rf "$work"
    # an object that is missing would not lower the share
    for source in "$top"/kernel/*.c; do
        grep -q "^${source##*/}	" "$results/lines" || { echo "nothing was counted in ${source##*/}"; return 1; }
    done
}

test_coverage() {
    result 'its lines were counted' count_lines
}

# An emulated processor takes seconds to move the JVM's archive of classes to a random address, and may see half of an
# instruction when HotSpot replaces C1's code by C2's while other threads run it.
java_options=(-XX:+UnlockDiagnosticVMOptions -XX:ArchiveRelocationMode=0 -XX:+UseSerialGC -XX:TieredStopAtLevel=1)
java_exclude=(--exclude-tag newest)
java_select=(--scan-classpath "$top/target/test-classes")

# java_run NAME FOLDER TEST...: runs these tests by the command in java, with the shim looked for in FOLDER first, and leaves
# what was printed in NAME.log; sets ended
java_run() {
    local name=$1 folder=$2 status=0 jar=("$top"/target/ashmem-*.jar)
    shift 2
    ASHMEM_OUT=$out timeout -k 5 "$limit" "${java[@]}" "${java_options[@]}" "${junit_launcher[@]}" \
        -cp "$folder:$top/target/test-classes:${jar[0]}:$top/target/test-lib/*" "${junit_execute[@]}" \
        --reports-dir "$results/$name" "$@" >"$results/$name.log" 2>&1 </dev/null || status=$?
    ended=$(ending "$status")
}

# java_done NAME: what is in NAME.tsv, for a person to follow
java_done() {
    echo "$(count "$results/$1.tsv") ($SECONDS s)"
    awk -F'\t' '$1 == "fail" { print $2 ": FAILED " $3 " -- " $4 }' "$results/$1.tsv"
}

# With java_exclude=(--exclude-tag newest) without those that take many JVMs, or minutes of waiting for memory.
test_java() {
    local section="$kernel: Java integration tests" java=(java ${java_agent:+"$java_agent"}) ended
    printf '%s ... ' "$section"
    SECONDS=0
    java_run java "$top/target/test-classes" "${java_select[@]}" --include-classname '.*IT$' "${java_exclude[@]}"
    junit_results "$section" "$results/java.log" "$results/java" "$ended" >"$results/java.tsv"
    java_done java
}

# java_classes NAME TITLE BACKEND FOLDER CLASS...: some of what Maven runs, on the device or on this kernel's memfd
java_classes() {
    local name=$1 section="$kernel: $2" java=(java "-Dorg.ashmem.backend=$3") folder=$4 ended
    shift 4
    printf '%s ... ' "$section"
    SECONDS=0
    java_run "$name" "$folder" "${@/#/--select-class=org.ashmem.}"
    junit_results "$section" "$results/$name.log" "$results/$name" "$ended" >"$results/$name.tsv"
    java_done "$name"
}

test_memfd() {
    java_classes memfd "Java on memfd" memfd "$top/target/test-classes" MemfdTest MappingTest
}

test_views() {
    java_classes views "Java views" device "$top/target/test-classes-22" SegmentsTest SharedLongsTest SharedRecordsTest
}

# The shim in the jar is for this machine, which has no JVM: it loads, and some of its calls work.
test_shim() {
    local folder
    folder=$(mktemp -d)
    cp -r "$top/target/arm64/." "$folder"
    result "the jar's shim loads, and its calls work" "$folder/ld-linux-aarch64.so.1" --library-path "$folder" \
        "$folder/load" "$folder/META-INF/native/linux-aarch64/libashmem.so"
}

# The integration tests with the shim under AddressSanitizer, without those whose work is done by other JVMs or Flight
# Recorder, which take long to start so, or is the same ten thousand times; then with a broken shim, to see that it is
# noticed.
test_asan() {
    local section="$kernel: shim under AddressSanitizer" java ended
    mapfile -t java < <(echo env && sanitizer_environment libasan.so.8 && echo java)
    printf '%s ... ' "$section"
    SECONDS=0
    java_run asan "$top/target/asan/classes" --scan-classpath "$top/target/test-classes" --include-classname '.*IT$' \
        --exclude-classname '.*(Events|Forgotten|Killed|Pressure|Privilege|PurgeDemo|Sharing).*'
    {
        junit_results "$section" "$results/asan.log" "$results/asan" "$ended"
        sanitizer_results "$section" "$results/asan.log"
    } >"$results/asan.tsv"
    java_run overrun "$top/target/asan/overrun/classes" --select-method 'org.ashmem.AshmemRegionIT#allIsAllowedAtFirst'
    if grep -q 'ERROR: AddressSanitizer: stack-buffer-overflow' "$results/overrun.log"; then
        junit_line ok "$section" "a shim that writes past an array is found"
    else
        junit_line fail "$section" "a shim that writes past an array is found" "$ended $(tail -n 3 "$results/overrun.log")"
    fi >>"$results/asan.tsv"
    java_done asan
}

# result NAME COMMAND...: one test of the section on the module itself
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

# Needs the module loaded. The original has sysfs warn before it gives up, which is no complaint about ours.
original_beside_ours() {
    echo 'ashmem test: a call trace that is no complaint may follow' >/dev/kmsg
    # modprobe takes its EEXIST for success
    modprobe ashmem_linux || true
    echo 'ashmem test: from here on a call trace is a complaint' >/dev/kmsg
    ! [ -e /sys/module/ashmem_linux ] || { echo "it was loaded beside ours"; return 1; }
    "$out/tests/abi" && "$out/tests/purge"
}

# The kernel's log may be full, and then its lines can't be counted: what matters comes behind a mark.
mark_log() {
    mark="ashmem test: mark $RANDOM$RANDOM"
    echo "$mark" >/dev/kmsg
}

log_since_mark() {
    dmesg | sed "1,/$mark/d"
}

# Needs the module not loaded. Nobody gets the original out of a kernel again, so nothing can come behind this.
ours_beside_original() {
    local said mark
    modprobe ashmem_linux
    mark_log
    ! said=$(insmod "$out/ashmem.ko" 2>&1) || { echo "it was loaded beside the original"; return 1; }
    grep -q 'Device or resource busy' <<<"$said" || { echo "insmod said: $said"; return 1; }
    said=$(log_since_mark | grep -v 'loading out-of-tree module\|module verification failed')
    grep -q 'ashmem: another driver provides /dev/ashmem already' <<<"$said" && [ "$(wc -l <<<"$said")" -eq 1 ] ||
        { echo "the kernel said: $said"; return 1; }
    ! [ -e /sys/module/ashmem ] && ! [ -e /sys/kernel/debug/ashmem ] && ! [ -e /sys/kernel/slab/ashmem_range ] ||
        { echo "it left something behind"; return 1; }
    "$out/tests/sharing"
}

# From memory: an arm64 processor that QEMU emulates goes on with what it translated when virtiofsd puts other code into
# the same page, and of programs that are read anew after drop_caches one start in twenty died so.
from_memory() {
    programs=$(mktemp -d)
    cp "$out"/tests/* "$programs/"
}

step_smoke() {
    from_memory
    test_all programs
}

step_foreign() {
    from_memory
    test_all programs shim
}

step_test() {
    test_all programs java memfd
}

# What every kind of call does, and reclaim at a limit.
step_brief() {
    java_select=(--select-class org.ashmem.AshmemRegionIT --select-class org.ashmem.PinIT)
    test_all brief java
}

step_newest() {
    java_exclude=()
    java_agent="-javaagent:$top/target/jacoco/org.jacoco.agent-runtime.jar=destfile=$results/jacoco.exec,includes=org.ashmem.*"
    test_all programs java memfd views asan
}

step_debug() {
    forget_leaks
    # shellcheck disable=SC2046
    test_all kunit faults programs java leaks $(! counted || echo coverage)
}

# catch BUG: with the module that has it. Whatever it does to the kernel comes behind the results.
catch() {
    local bug=$1 name log program mark
    name=${bug##*/}
    name=${name%.patch}
    log=$results/$name.log
    mark_log
    [ ! -e /sys/module/ashmem ] && insmod "$out/bugs/$name.ko" || { echo "it could not be loaded"; return 1; }
    read -ra program < <(field Program "$bug")
    timeout -k 5 "$limit" "$programs/${program[0]}" "${program[@]:1}" >"$log" 2>&1 </dev/null || true
    log_since_mark >>"$log"
    grep -qE -- "$(field Seen "$bug")" "$log" || no_leak >>"$log" || true
    rmmod ashmem || true
    grep -E -m 1 -- "$(field Seen "$bug")" "$log" || { echo "not seen: $(field Seen "$bug")"; return 1; }
}

# An access in 200 is watched, for 200 us, where the kernel can do that: by default it is one in 4,000, for 80 us.
watch_more() {
    local parameters=/sys/module/kcsan/parameters
    [ ! -d "$parameters" ] || { echo 200 >"$parameters/skip_watch" && echo 200 >"$parameters/udelay_task"; }
}

# One that silences the kernel, or breaks it, has a name that comes last.
step_caught() {
    local bug said status
    rm -rf "$results"
    mkdir -p "$results"
    watch_more
    forget_leaks
    rmmod ashmem
    while read -r bug; do
        status=ok
        said=$(catch "$bug") || status=fail
        echo "$kernel: a bug, $(field Bug "$bug"): $said"
        printf '%s\t%s: bugs\tit is seen when %s\t%s\n' "$status" "$kernel" "$(field Bug "$bug")" \
            "$(tr '\n\t' '  ' <<<"$said")" >>"$results/bugs.tsv"
    done < <(bugs "$top")
    ! grep -q '^fail' "$results/bugs.tsv"
}

# What many do at once, where accesses that race are seen.
step_races() {
    rm -rf "$results"
    mkdir -p "$results"
    watch_more
    test_list < <(printf '%s\n' sharing locking stress garbage operator)
    ! grep -qs '^fail' "$results"/*.tsv
}

# test_all WHAT...: these tests, between those of the module itself
test_all() {
    local what
    rm -rf "$results"
    mkdir -p "$results"
    result 'is loaded' test -c /dev/ashmem
    for what in "$@"; do
        "test_$what"
    done
    result 'is unloaded after all tests' unload
    result 'is loaded once more' step_load
    if original_is_there; then
        result 'stays in use when the original is loaded beside it' original_beside_ours
        result 'is unloaded once more' unload
        result 'loaded beside the original says why not and leaves no trace' ours_beside_original
        result 'a copy is loaded beside the original' step_beside
        ORIGINAL=/dev/ashmem OURS=/dev/ashmen test_list <<<differ
    fi
    ! grep -qs '^fail' "$results"/*.tsv
}

for step in "${@:?deps, sources, module, refused, tests, bench, load, install, library, greet, beside, test, newest, smoke, foreign, brief, debug, kunit, bugs, caught, races, package, again or lintian}"; do
    "step_$step"
done
