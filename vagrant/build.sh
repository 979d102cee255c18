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

# What builds it. The C programs are linked statically: kernels whose folders have the same compiler and C library share them.
build_place() {
    local what=$1 folder=$2
    if [ "$what" = tests ]; then
        release_arch "$(release_version "$folder")"
        dpkg-query --admindir="$folder/var/lib/dpkg" -W -f '${db:Status-Status} ${Package} ${Version}\n' 'gcc-[0-9][0-9]' 'gcc-[0-9]*-linux-gnu' 'libc6-dev*' |
            grep '^installed'
    else
        echo "$folder"
    fi
}

build_sources() {
    { "$here/provision.sh" sources; cat "$here/provision.sh" "$here/build.sh"; } | sha256sum
}

# What the results depend on, and what they are: differs when either changed.
build_key() {
    local what=$1 place=$2 out=$3
    {
        echo "$place"
        build_sources
        case $what in
            module) sha256sum "$out/ashmem.ko" ;;
            kunit) sha256sum "$out/kunit.ko" ;;
            tests) cd "$out" && find tests -type f -print0 | sort -z | xargs -0 sha256sum ;;
        esac
    } 2>/dev/null | sha256sum
}

build_is_of() {
    [ "$(build_key "$@")" = "$(cat "$3/.$1.key" 2>/dev/null)" ]
}

build_current() {
    local what=$1 kernel=$2 place
    place=$(build_place "$what" "$(release_path "$kernel")")
    build_is_of "$what" "$place" "$top/target/guest/$kernel"
}

# build_copy PLACE OUT: the C programs from where they are already
build_copy() {
    local place=$1 out=$2 other
    for other in "$top"/target/guest/*; do
        [ "$other" != "$out" ] && [ -e "$other/.tests.key" ] && build_is_of tests "$place" "$other" || continue
        echo "they are in ${other#"$top/"} already"
        rm -rf "$out/tests" "$out/tests.new"
        cp -r "$other/tests" "$out/tests.new" && mv "$out/tests.new" "$out/tests" && cp "$other/.tests.key" "$out/"
        return
    done
    return 1
}

build() {
    local what=$1 kernel=$2 folder place sources stage root out lock
    folder=$(release_path "$kernel")
    release_lock "$kernel" -s
    out=$top/target/guest/$kernel
    mkdir -p "$out"
    exec {lock}>"$out/.lock"
    flock "$lock"
    rm -f "$out/.$what.key"
    place=$(build_place "$what" "$folder")
    [ "$what" != tests ] || ! build_copy "$place" "$out" || return 0

    sources=$(build_sources)
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
        ASHMEM_SPARSE="${ASHMEM_SPARSE:-}" ASHMEM_RELEASE="$(release_version "$folder")" ASHMEM_OUT=/tmp/out /ashmem/vagrant/provision.sh "$what"
    umount -R "$root"
    # not if they changed meanwhile
    [[ $what != @(module|tests|kunit) ]] || [ "$sources" != "$(build_sources)" ] || build_key "$what" "$place" "$out" >"$out/.$what.key"
}

case $1 in
    current) build_current "$2" "$3" ;;
    *) build "$@" ;;
esac
