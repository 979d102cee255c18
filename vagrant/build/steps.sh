#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds, inside the system it runs in, what the lab tests and measures. build.sh calls it inside a release folder.
# usage: steps.sh STEP...      with the steps
#   module   builds ashmem.ko with W=1; counts lines where the kernel can (GCOV_KERNEL)
#   checked  the same, and sparse checks each file
#   kunit    builds kunit.ko, the module with KUnit's suites in it
#   bugs     builds bugs/NAME.ko with each bug of kernel/tests/bugs that this kernel has to find
#   refused  builds the module as if interfaces of the kernel were unknown; fails unless that ends in a clear message
#   compiler    the same with a compiler that cannot work
#   incomplete  the same with headers in which a file is missing
#   clang    builds the module with the headers of a kernel that was built by clang
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
    cp "$work/kernel/probed.h" "$out/"
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

# stopped_saying MESSAGE... -- ARGUMENT...: does a build with these arguments print these messages, and end before it
# compiles the module?
stopped_saying() {
    local messages=() message log=$work/log
    while [ "$1" != -- ]; do
        messages+=("$1")
        shift
    done
    if make_module "${@:2}" >"$log" 2>&1; then
        echo "the module was built"
        return 1
    fi
    cat "$log"
    for message in "${messages[@]}"; do
        grep -qF -e "$message" "$log" || {
            echo "the log lacks: $message"
            return 1
        }
    done
    if grep -E '^ *(CC|LD) .*(main|device|regions?|backing|ranges|shares|purge|shrinker|quota|debugfs)\.o' "$log"; then
        echo "a file of the module was compiled"
        return 1
    fi
}

# probe INTERFACE LINE...: makes an interface of one shape
probe() {
    rm -rf "$work/kernel/probes/$1"
    mkdir "$work/kernel/probes/$1"
    printf '%s\n' "${@:2}" >"$work/kernel/probes/$1/shape_of_$1.c"
}

# Of the kernel's interfaces one has changed, one is no longer exported, one is gone, and one has another type. A header has
# a warning, which CONFIG_WERROR makes an error.
step_refused() {
    copy_sources
    probe list_lru_walk '#error the interface has changed'
    probe purge 'void not_there(void);' 'void probe(void);' 'void probe(void)' '{ not_there(); }'
    probe list_lru 'int probe(void);' 'int probe(void)' '{ return not_declared(); }'
    probe page_lock 'static inline void lock(long *page) { }' \
        'void probe(int *page);' 'void probe(int *page)' '{ lock(page); }'
    echo '#warning a header of the kernel' >"$work/warning.h"
    stopped_saying 'ashmem: error: nothing that is known of list_lru_walk builds' 'the interface has changed' \
        'ashmem: error: nothing that is known of purge builds' 'not_there is not exported' \
        'ashmem: error: nothing that is known of list_lru builds' 'implicit declaration of function' \
        'ashmem: error: nothing that is known of page_lock builds' 'incompatible pointer type' \
        'ashmem: error: the kernel is newer' \
        -- KCFLAGS=-Werror KCPPFLAGS="-include $work/warning.h"
    [ "$(grep -c 'nothing that is known' "$work/log")" -eq 4 ] || {
        echo "other interfaces are unknown, too"
        return 1
    }
}

# no_interface_blamed: does the log of a build that was stopped name no interface, and not the kernel's age?
no_interface_blamed() {
    ! grep -E 'nothing that is known|is newer' "$work/log"
}

step_compiler() {
    copy_sources
    stopped_saying 'ashmem: error: nothing compiles here: ' -fno-such-option 'the kernel was built by ' \
        -- KCFLAGS=-fno-such-option
    no_interface_blamed
}

# copy_headers: links the files of the kernel's headers into $work/headers, where some can be replaced
copy_headers() {
    local headers
    headers=$(readlink -f "/lib/modules/$release/build")
    mkdir "$work/headers"
    cp -rs "$headers/." "$work/headers/"
    replace Makefile "s|^KBUILD_OUTPUT=.*|KBUILD_OUTPUT=$work/headers|"
}

# replace FILE EXPRESSION: replaces the link FILE in $work/headers by what sed makes of the file
replace() {
    sed -E "$2" "$work/headers/$1" >"$work/replaced"
    mv "$work/replaced" "$work/headers/$1"
}

step_incomplete() {
    copy_sources
    copy_headers
    mv "$work/headers/include/generated/bounds.h" "$work/"
    stopped_saying 'ashmem: error: nothing compiles here: ' generated/bounds.h -- KDIR="$work/headers"
    no_interface_blamed
    mv "$work/bounds.h" "$work/headers/include/generated/"
    rm "$work/headers/Module.symvers"
    stopped_saying "ashmem: error: $work/headers/Module.symvers is missing" -- KDIR="$work/headers"
    no_interface_blamed
    [ "$(grep -vcE '^make|^ *PROBE ' "$work/log")" -eq 1 ] || {
        echo "that takes more than one line"
        return 1
    }
}

# The configuration has what Kconfig finds out about clang, and lacks the options that only gcc has. Both compilers have to
# find the same interfaces. A probe that compiles with a warning counts, too.
step_clang() {
    local file version
    copy_sources
    printf '%s\n' 'void probe(void);' 'void probe(void)' '{ int never_used; }' \
        >"$work/kernel/probes/list_lru_add/warned.c"
    copy_headers
    version=$(clang -dumpversion | awk -F. '{ printf "%d%02d%02d", $1, $2, $3 }')
    for file in include/config/auto.conf include/generated/autoconf.h; do
        replace "$file" "s/CONFIG_CC_IS_GCC/CONFIG_CC_IS_CLANG/
            s/CONFIG_LD_IS_BFD/CONFIG_LD_IS_LLD/
            s/CONFIG_AS_IS_GNU/CONFIG_AS_IS_LLVM/
            s/(CONFIG_(CLANG|LLD)_VERSION[= ]).*/\1$version/
            s/(CONFIG_(GCC|LD)_VERSION[= ]).*/\10/
            s/CONFIG_UBSAN_BOUNDS_STRICT/CONFIG_UBSAN_ARRAY_BOUNDS/
            s/CONFIG_FTRACE_MCOUNT_USE_CC/CONFIG_FTRACE_MCOUNT_USE_OBJTOOL/
            s/(-Wimplicit-fallthrough)=5/\1/
            /CONFIG_CC_HAS_MIN_FUNCTION_ALIGNMENT/d"
    done
    # Debian's headers name their compiler there
    replace .kernelvariables '/^CC *=/d'
    make_module KDIR="$work/headers"
    readelf -p .comment "$work/kernel/ashmem.ko" | tee "$work/comment"
    grep clang "$work/comment"
    ! grep GCC "$work/comment" || return
    diff <(sort "$work/kernel/probed.h") <({ cat "$out/probed.h"; echo '#define ASHMEM_HAVE_WARNED 1'; } | sort)
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

for step in "${@:?module, checked, kunit, bugs, refused, compiler, incomplete, clang, tests, bench, package, again or lintian}"; do
    "step_$step"
done
