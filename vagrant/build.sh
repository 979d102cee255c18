#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Takes a step of provision.sh that builds something, inside a kernel's release folder, into target/guest/KERNEL.
# usage: build.sh STEP KERNEL                  (root, in namespaces of its own)
#        build.sh current module|tests|kunit KERNEL    whether what is there was built from the same sources
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=${here%/*}
# shellcheck source=release.sh
. "$here/release.sh"

# What the results depend on, and what they are: differs when either changed.
build_key() {
    local what=$1 folder=$2 out=$3
    {
        echo "$folder"
        "$here/provision.sh" sources
        sha256sum "$here/provision.sh" "$here/build.sh"
        case $what in
            module) sha256sum "$out/ashmem.ko" ;;
            kunit) sha256sum "$out/kunit.ko" ;;
            tests) find "$out/tests" -type f -print0 | sort -z | xargs -0 sha256sum ;;
        esac
    } 2>/dev/null | sha256sum
}

build_current() {
    local what=$1 kernel=$2 out=$top/target/guest/$2
    [ "$(build_key "$what" "$(release_path "$kernel")" "$out")" = "$(cat "$out/.$what.key" 2>/dev/null)" ]
}

build() {
    local what=$1 kernel=$2 folder stage root out lock
    folder=$(release_path "$kernel")
    release_lock "$kernel" -s
    out=$top/target/guest/$kernel
    mkdir -p "$out"
    exec {lock}>"$out/.lock"
    flock "$lock"
    rm -f "$out/.$what.key"

    stage=$ASHMEM_STAGE/build-$kernel-$what
    root=$stage/root
    mkdir -p "$root"
    mount --bind "$folder" "$root"
    mount -o remount,bind,ro "$root"
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    mount -t tmpfs tmpfs "$root/tmp"
    mount --bind "$top" "$root/ashmem"
    mount -o remount,bind,ro "$root/ashmem"
    mkdir "$root/tmp/out"
    mount --bind "$out" "$root/tmp/out"
    chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp LANG=C.UTF-8 ASHMEM_WARN=yes \
        ASHMEM_RELEASE="$(release_version "$folder")" ASHMEM_OUT=/tmp/out /ashmem/vagrant/provision.sh "$what"
    umount -R "$root"
    [[ $what != @(module|tests|kunit) ]] || build_key "$what" "$folder" "$out" >"$out/.$what.key"
}

case $1 in
    current) build_current "$2" "$3" ;;
    *) build "$@" ;;
esac
