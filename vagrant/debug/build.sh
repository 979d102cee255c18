#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds a debug kernel in a release folder that has Debian's linux-source, and leaves there the kernel, its modules and
# what modules are built against. mmdebstrap calls it when the packages are installed.
# usage: build.sh FOLDER
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# Inside the folder
build() {
    local version kept make=(make -s -j"$(nproc)")
    export KBUILD_BUILD_TIMESTAMP=@0 KBUILD_BUILD_USER=ashmem KBUILD_BUILD_HOST=ashmem
    mkdir /usr/src/linux
    cd /usr/src/linux
    echo "unpacking the source"
    tar --strip-components=1 --exclude='*/drivers/gpu/*.[ch]' --exclude='*/drivers/net/ethernet/*.[ch]' \
        --exclude='*/drivers/net/wireless/*.[ch]' --exclude='*/sound/*.[ch]' --exclude='*/drivers/media/*.[ch]' \
        -xf /usr/src/linux-source-*.tar.xz
    "${make[@]}" allnoconfig
    scripts/kconfig/merge_config.sh -m .config /tmp/debug/debug.config >/dev/null
    "${make[@]}" olddefconfig
    wanted_is_set /tmp/debug/debug.config
    echo "compiling"
    "${make[@]}" all
    version=$("${make[@]}" kernelrelease)
    "${make[@]}" INSTALL_MOD_STRIP=1 modules_install
    mkdir -p /boot
    cp arch/x86/boot/bzImage "/boot/vmlinuz-$version"

    kept=/usr/src/linux-headers-$version
    mkdir -p "$kept"
    find . \( -name 'Makefile*' -o -name 'Kbuild*' -o -name 'Kconfig*' \) -path './arch/*' -o -path './scripts/*' ! -name '*.o' \
        -o -path '*/include/*' ! -path './drivers/*' ! -path './tools/*' -o -path './arch/*/tools/*' \
        -o -path ./tools/objtool/objtool -o -path ./Makefile -o -path ./Kbuild -o -path ./Kconfig -o -path ./.config \
        -o -path ./Module.symvers -o -path ./System.map -o -path './arch/*/scripts/*' |
        tar -c --no-recursion -T - | tar -C "$kept" -x
    cd /
    rm -rf /usr/src/linux /usr/src/linux-source-*
    ln -sfn "$kept" "/lib/modules/$version/build"
    rm -f "/lib/modules/$version/source"
}

# wanted_is_set FILE: an option that Kconfig dropped is a debug kernel that sees less than it is told
wanted_is_set() {
    local dropped
    dropped=$(grep '^CONFIG_' "$1" | grep -vxFf .config || true)
    [ -z "$dropped" ] || {
        printf 'Kconfig did not take:\n%s\n' "$dropped"
        return 1
    }
}

if [ "$1" = --inside ]; then
    build
else
    # for the process that reads /proc while it checks what was compiled
    exec unshare --mount -- bash -euc '
        mount -t proc proc "$1/proc"
        mount --rbind /dev "$1/dev"
        mount -t tmpfs tmpfs "$1/tmp"
        cp -r "$2" "$1/tmp/debug"
        chroot "$1" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp LANG=C.UTF-8 bash /tmp/debug/build.sh --inside
        ' build "$1" "$here"
fi
