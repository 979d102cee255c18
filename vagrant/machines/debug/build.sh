#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Compiles a kernel with debugging options in a release folder that has Debian's linux-source. Leaves there the kernel, its
# modules and the files to build modules with. mmdebstrap calls it after the packages are installed.
# usage: build.sh build FLAVOUR FOLDER
#        build.sh parts FLAVOUR      prints what the kernel depends on besides its packages
# ccache in the cache folder makes a second build a matter of seconds, where only some of the options changed.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# fragments FLAVOUR: prints the configuration's fragments, which merge_config.sh applies to allnoconfig
fragments() {
    local fragment fragments=(common x86 "$1")
    [ "$1" != um ] || fragments=(common um)
    for fragment in "${fragments[@]}"; do
        echo "$here/$fragment.config"
    done
}

# Comments don't count, but "is not set" does.
parts() {
    local fragments
    mapfile -t fragments < <(fragments "$1")
    grep -v '^ *#' "$here/build.sh"
    grep -hE '^(# )?CONFIG_' "${fragments[@]}"
}

# inside FLAVOUR: runs in the folder
inside() {
    local version kept fragments make=(make -s -j"$(nproc)" CC="ccache gcc" HOSTCC="ccache gcc")
    mapfile -t fragments < <(fragments "$1")
    export CCACHE_DIR=/tmp/ccache CCACHE_MAXSIZE=2G
    export KBUILD_BUILD_TIMESTAMP=@0 KBUILD_BUILD_USER=ashmem KBUILD_BUILD_HOST=ashmem
    mkdir /usr/src/linux
    cd /usr/src/linux
    echo "unpacking the source"
    tar --strip-components=1 --exclude='*/drivers/gpu/*.[ch]' --exclude='*/drivers/net/ethernet/*.[ch]' \
        --exclude='*/drivers/net/wireless/*.[ch]' --exclude='*/sound/*.[ch]' --exclude='*/drivers/media/*.[ch]' \
        -xf /usr/src/linux-source-*.tar.xz
    if [ "$1" = um ]; then
        export ARCH=um
        mend_um
    fi
    "${make[@]}" allnoconfig
    scripts/kconfig/merge_config.sh -m .config "${fragments[@]}" >/dev/null
    "${make[@]}" olddefconfig
    as_wanted "${fragments[@]}"
    echo "compiling"
    "${make[@]}" all
    version=$("${make[@]}" kernelrelease)
    "${make[@]}" INSTALL_MOD_STRIP=1 modules_install
    mkdir -p /boot
    cp "$("${make[@]}" image_name)" "/boot/vmlinuz-$version"

    kept=/usr/src/linux-headers-$version
    mkdir -p "$kept"
    find . \( -name 'Makefile*' -o -name 'Kbuild*' -o -name 'Kconfig*' \) -path './arch/*' -o -path './scripts/*' ! -name '*.o' \
        -o -path '*/include/*' ! -path './drivers/*' ! -path './tools/*' -o -path './arch/*/tools/*' \
        -o -path './arch/*/um/*.h' -o -path './tools/testing/kunit/*' -o -path ./tools/objtool/objtool -o -path ./Makefile \
        -o -path ./Kbuild -o -path ./Kconfig -o -path ./.config \
        -o -path ./Module.symvers -o -path ./System.map -o -path './arch/*/scripts/*' |
        tar -c --no-recursion -T - | tar -C "$kept" -x
    cd /
    rm -rf /usr/src/linux /usr/src/linux-source-*
    ln -sfn "$kept" "/lib/modules/$version/build"
    rm -f "/lib/modules/$version/source"
}

# Mends three places in user-mode Linux.
# - For each object of KASAN and kmemleak it saves a stack, and looks up each word of the stack among the modules, under
#   lockdep. That took most of a debug kernel's time. Only an address where modules can be needs the lookup.
# - When two threads flush at once it walks the list of mappings without a lock, and lockdep complains. Now it marks the
#   whole address space instead.
# - The linker may leave a hole after __bss_start, where kmemleak begins to read. Now __bss_start has the alignment of what
#   follows it.
mend_um() {
    sed -i -e 's/^#include <linux\/sched.h>/&\n#include <linux\/mm.h>/' \
        -e 's/if (\(__kernel_text_address(addr)\))/if (core_kernel_text(addr) ||\n\t\t    (is_vmalloc_addr((void *)addr) \&\& \1))/' \
        arch/um/kernel/stacktrace.c
    sed -i -e '/^void flush_tlb_mm(/,/^}/ { /vma;$/d; /VMA_ITERATOR/d; /for_each_vma/d' \
        -e 's/um_tlb_mark_sync(.*/um_tlb_mark_sync(mm, 0, TASK_SIZE);/; }' arch/um/kernel/tlb.c
    sed -i '/_edata *=/,/__bss_start/ s/ALIGN(PAGE_SIZE)/ALIGN(KERNEL_STACK_SIZE)/' arch/um/kernel/uml.lds.S
    grep -q is_vmalloc_addr arch/um/kernel/stacktrace.c && grep -q 'mark_sync(mm, 0, TASK_SIZE)' arch/um/kernel/tlb.c &&
        grep -q 'ALIGN(KERNEL_STACK_SIZE)' arch/um/kernel/uml.lds.S ||
        { echo "user-mode Linux is not as it was: see mend_um"; return 1; }
}

# as_wanted FRAGMENT...: fails if Kconfig dropped an option. The last fragment that names an option counts.
as_wanted() {
    awk '
        function option(line) { sub(/^# /, "", line); sub(/[= ].*/, "", line); return line }
        /^CONFIG_[A-Z0-9_]+=/ || /^# CONFIG_[A-Z0-9_]+ is not set$/ {
            if (FILENAME == ".config") { set[option($0)] = $0; next }
            wanted[option($0)] = $0
        }
        END {
            for (name in wanted) {
                # an option whose dependency is off is absent, which is the same as not set
                off = wanted[name] ~ /^#/ || wanted[name] ~ /=n$/
                if (off ? set[name] ~ /=/ : set[name] != wanted[name]) {
                    print "Kconfig did not take: " wanted[name] (name in set ? ", but: " set[name] : "")
                    refused = 1
                }
            }
            exit refused
        }' "$@" .config
}

build() {
    # objtool reads /proc
    exec unshare --mount -- bash -euc '
        mount -t proc proc "$3/proc"
        mount --rbind /dev "$3/dev"
        mount -t tmpfs tmpfs "$3/tmp"
        cp -r "$1" "$3/tmp/debug"
        mkdir -p "$ASHMEM_CACHE/ccache" "$3/tmp/ccache"
        mount --bind "$ASHMEM_CACHE/ccache" "$3/tmp/ccache"
        chroot "$3" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp LANG=C.UTF-8 bash /tmp/debug/build.sh inside "$2"
        ' build "$here" "$@"
}

"$@"
