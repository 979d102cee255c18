#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Release folders: a Debian release with one kernel, its headers, a compiler and a JRE; the newest kernel's has QEMU, clang
# and a JDK, too. mmdebstrap makes them; the cache keeps them. The module is built inside the folder, and a guest of the same
# architecture has it as its root. A finished folder never changes.
# usage: release.sh names | check KERNEL | path KERNEL | make KERNEL      (or sourced, for the functions)

lab=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=../host/progress.sh
. "$lab/host/progress.sh"
# shellcheck source=../host/host.sh
. "$lab/host/host.sh"

release_table=$lab/machines/kernels
release_debug=$lab/machines/debug

# release_names: prints the kernels' names, newest first
release_names() {
    awk '$1 !~ /^#/ && NF { print $1 }' "$release_table"
}

# release_machines: prints the machines of ./run test: the kernels, and the machine that Vagrant makes
release_machines() {
    release_names
    echo vagrant
}

# release_row KERNEL: sets suite, extra, image, headers, jre
release_row() {
    local row
    row=$(awk -v kernel="$1" '$1 == kernel' "$release_table")
    [ -n "$row" ] || die "no kernel named '$1'; there is: $(release_names | paste -sd ' ')"
    read -r _ suite extra image headers jre <<<"$row"
    [ "$extra" != - ] || extra=
}

release_check() {
    local suite extra image headers jre
    release_row "$1"
}

release_has_java() {
    local suite extra image headers jre
    release_row "$1"
    [ "$jre" != - ]
}

# release_is_debug KERNEL: is it compiled here, with debugging options?
release_is_debug() {
    [ -e "$release_debug/$1.config" ]
}

# release_arch VERSION: prints the kernel's architecture
release_arch() {
    case $1 in
        *-arm64) echo arm64 ;;
        *) echo amd64 ;;
    esac
}

# release_options VARIANT: prints mmdebstrap's arguments for every system that is made here, each with a NUL after it
release_options() {
    printf '%s\0' --mode=root --variant="$1" --format=directory \
        --aptopt='APT::Install-Recommends "false"' \
        --dpkgopt=force-unsafe-io \
        --dpkgopt='path-exclude=/usr/share/doc/*' \
        --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*'
}

# release_bootstrap FOLDER SUITE EXTRA OPTION...: makes a system from this machine's mirror
release_bootstrap() {
    local folder=$1 suite=$2 extra=$3 mirror sources=() pocket option options
    shift 3
    options=("$@")
    mirror=$(host_mirror) || exit 1
    for pocket in "$suite" $extra; do
        sources+=("deb $mirror $pocket main")
    done
    while read -r option; do
        options+=("--aptopt=$option")
    done < <(host_apt_settings)
    mmdebstrap "${options[@]}" "$suite" "$folder" "${sources[@]}"
}

# release_recipe KERNEL: prints mmdebstrap's arguments, each with a NUL after it, suites last. Their hash is the folder's key
release_recipe() {
    local suite extra image headers jre packages hooks=()
    release_row "$1"
    # The kernel's package depends on a tool that makes an initramfs. The smallest one will do: it is not run.
    packages=$headers,$image,gcc,gcc-multilib,libc6-dev,make,tiny-initramfs,sparse,kmod,procps,mount,util-linux,iproute2
    case $1 in
        arm64)
            packages=$headers,gcc-aarch64-linux-gnu,libc6-dev-arm64-cross,make,sparse,kmod,cpio
            packages+=,bash-static:arm64,busybox-static:arm64
            # The kernel's own package depends on an arm64 tool that makes an initramfs. These two are its contents.
            hooks=(--architectures=amd64,arm64 --customize-hook='version=$(ls "$1/lib/modules") &&
                APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get -o DPkg::Chroot-Directory="$1" -y install \
                    "linux-binary-$version:arm64" "linux-modules-$version:arm64"')
            ;;
        debug | kcsan | um)
            packages=linux-source/trixie-backports,gcc,gcc-multilib,libc6-dev,make,kmod,procps,mount,util-linux,iproute2
            packages+=,flex,bison,bc,libelf-dev,libssl-dev,xz-utils,patch,ccache
            [ "$jre" = - ] || packages+=,$jre
            # the configuration is part of the key
            hooks=("--customize-hook=\"\$ASHMEM_DEBUG/build.sh\" build $1 \"\$1\" # $("$release_debug/build.sh" parts "$1" |
                sha256sum | cut -c1-12)")
            ;;
        package) packages+=,systemd-sysv,udev,dkms,openssl,debhelper,dh-dkms,lintian,ccache ;;
        *) packages+=,$jre ;;
    esac
    [ "$1" != "$(release_names | head -n 1)" ] || packages+=,qemu-system-x86,qemu-system-arm,virtiofsd,clang,lld,llvm,${jre/-jre-/-jdk-}
    release_options apt
    printf '%s\0' --dpkgopt='path-exclude=/etc/kernel/postinst.d/*' \
        --essential-hook='mkdir -p "$1/usr/share/man/man1" "$1/ashmem"' \
        --customize-hook='echo guest >"$1/etc/hostname"; printf "127.0.0.1 localhost\n127.0.1.1 guest\n" >"$1/etc/hosts"' \
        "${hooks[@]}" --include="$packages" "$suite" "$extra"
}

release_path() {
    local key
    key=$(release_recipe "$1" | sha256sum | cut -c1-12)
    printf '%s/release/%s-%s\n' "$ASHMEM_CACHE" "$1" "$key"
}

# release_version FOLDER: prints the kernel's release, for instance 7.3.4+deb13-cloud-amd64
release_version() {
    local versions=("$1"/lib/modules/*/build)
    [ -L "${versions[0]}" ] || die "no kernel with headers in $1; remove that folder and run again"
    [ ${#versions[@]} -eq 1 ] || die "more than one kernel in $1; remove that folder and run again"
    versions=("${versions[0]%/build}")
    printf '%s\n' "${versions[0]##*/}"
}

# release_lock KERNEL -s|-x: holds the kernel's lock until this process and its children end
release_lock() {
    local fd
    mkdir -p "$ASHMEM_CACHE/release"
    exec {fd}>"$ASHMEM_CACHE/release/.$1.lock"
    flock -n "$2" "$fd" || {
        say "waiting for another run that makes or uses the release folder of kernel $1"
        flock "$2" "$fd"
    }
}

# release_sweep KERNEL FOLDER: removes unfinished folders, and folders of old recipes that were not used for a month
release_sweep() {
    local kernel=$1 keep=$2 folder
    rm -rf --one-file-system "$ASHMEM_CACHE/release/$kernel"-*.partial
    for folder in "$ASHMEM_CACHE/release/$kernel"-*; do
        if [ "$folder" != "$keep" ] && [ -n "$(find "$folder/.used" -mtime +30 2>/dev/null)" ]; then
            rm -rf --one-file-system "$folder"
        fi
    done
}

# release_make KERNEL: makes the folder if it is not there. Root, in a mount namespace of its own. The finished folder appears
# by rename
release_make() {
    local kernel=$1 folder suite extra options=()
    folder=$(release_path "$kernel")
    [ ! -e "$folder/.used" ] || return 0
    release_lock "$kernel" -x
    [ ! -e "$folder/.used" ] || return 0
    release_row "$kernel"
    release_sweep "$kernel" "$folder"
    host_space "$ASHMEM_CACHE" 2500 "the release folder of kernel $kernel"
    mapfile -d '' -t options < <(release_recipe "$kernel" | head -z -n -2)
    ASHMEM_DEBUG=$release_debug release_bootstrap "$folder.partial" "$suite" "$extra" "${options[@]}"
    touch "$folder.partial/.used"
    mv "$folder.partial" "$folder"
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    set -euo pipefail
    verb=${1:?names, check, path or make}
    shift
    "release_$verb" "$@"
fi
