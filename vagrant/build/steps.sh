#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds, inside the system it runs in, what the lab tests and measures. build.sh calls it inside a release folder.
# usage: steps.sh STEP...      with the steps
#   module   builds ashmem.ko with W=1; counts lines where the kernel can (GCOV_KERNEL)
#   checked  the same, and sparse checks each file
#   kunit    builds kunit.ko, the module with KUnit's suites in it
#   bugs     builds bugs/NAME.ko with each bug of kernel/tests/bugs that this kernel has to find
#   refused  builds the module as if an interface of the kernel were unknown; fails unless that ends in a clear message
#   tests    builds the C test programs
#   bench    builds the C programs that measure
#   package  builds the Debian package
#   again    builds the Debian package again; fails unless it is the same to the byte
#   lintian  runs lintian on it; fails if lintian reports anything
# ASHMEM_OUT, ASHMEM_RELEASE: as for provision.sh
set -euo pipefail
lab=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=../provision.sh
. "$lab/provision.sh"

counted() {
    grep -qx CONFIG_GCOV_KERNEL=y "/lib/modules/$release/build/.config"
}

# build_module ARGUMENT...: of $work/kernel
build_module() {
    ! counted || set -- "$@" GCOV_PROFILE=y
    make_module W=1 "$@"
    rm -rf "$out/gcno"
    if counted; then
        mkdir -p "$out/gcno"
        cp "$work"/kernel/*.gcno "$out/gcno/"
    fi
    keep_module ashmem.ko
}

step_module() {
    copy_sources
    build_module
}

# KBUILD_CHECKSRC is the variable behind C=1: Debian's headers lack the script by which C=1 looks for sparse.
step_checked() {
    copy_sources
    build_module KBUILD_CHECKSRC=1 "CF=-include $work/kernel/tests/sparse.h"
}

step_kunit() {
    copy_sources
    make_module W=1 ASHMEM_KUNIT=y
    keep_module kunit.ko
}

step_bugs() {
    local bug name
    copy_sources
    rm -rf "$out/bugs"
    mkdir -p "$out/bugs"
    for bug in "$work"/kernel/tests/bugs/*.patch; do
        grep -qE "^Kernels: (.* )?${release##*-}( |$)" "$bug" || continue
        name=${bug##*/}
        patch -d "$work" -p1 --fuzz=0 <"$bug"
        make_module
        keep_module "bugs/${name%.patch}.ko"
        patch -d "$work" -p1 -R <"$bug"
    done
}

# One interface of the kernel has changed, and a symbol that the module needs is no longer exported.
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
    if make_module >"$log" 2>&1; then
        echo "the module was built"
        return 1
    fi
    cat "$log"
    for said in "ashmem: error: nothing that is known of $changed builds" 'the interface has changed' \
        "ashmem: error: nothing that is known of $hidden builds" 'not_there is not exported'; do
        grep -qF "$said" "$log" || {
            echo "the log lacks: $said"
            return 1
        }
    done
    if grep -E '^ *(CC|LD) .*(main|device|regions?|ranges|shrinker|quota|debugfs)\.o' "$log"; then
        echo "a file of the module was compiled"
        return 1
    fi
}

# programs FOLDER: replaces FOLDER in $out by what was built in $work/out
programs() {
    mkdir -p "$out"
    rm -rf "${out:?}/$1" "$out/$1.new"
    cp -r "$work/out" "$out/$1.new"
    mv "$out/$1.new" "$out/$1"
}

step_tests() {
    copy_sources
    make -C "$work/kernel/tests" -j"$(nproc)" OUT="$work/out"
    make -s --no-print-directory -C "$work/kernel/tests" list >"$work/out/list"
    programs tests
}

step_bench() {
    copy_sources
    make -C "$work/kernel/bench" OUT="$work/out"
    programs bench
}

# package_in FOLDER
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

for step in "${@:?module, checked, kunit, bugs, refused, tests, bench, package, again or lintian}"; do
    "step_$step"
done
