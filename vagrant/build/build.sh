#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Takes a step of steps.sh inside a kernel's release folder. The result is in target/guest/KERNEL.
# usage: build.sh STEP KERNEL                          (root, in namespaces of its own)
#        build.sh current module|tests|kunit KERNEL    is what is there built from the present sources?
set -euo pipefail
lab=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=../machines/release.sh
. "$lab/machines/release.sh"
# shellcheck source=../provision.sh
. "$lab/provision.sh"

# build_place WHAT FOLDER: prints what the result depends on besides the sources. The C programs are linked statically: one
# build serves every kernel of an architecture.
build_place() {
    if [ "$1" = tests ]; then
        release_arch "$(release_version "$2")"
    else
        echo "$2"
    fi
}

build_sources() {
    { sources; cat "$top"/vagrant/{provision.sh,build/*.sh}; } | sha256sum
}

# build_key WHAT PLACE OUT: prints a key that differs when the sources, the place or the results differ
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

# build_copy PLACE OUT: copies the C programs from another kernel's folder
build_copy() {
    local place=$1 out=$2 other
    for other in "$top"/target/guest/*; do
        [ "$other" != "$out" ] && [ -e "$other/.tests.key" ] && build_is_of tests "$place" "$other" || continue
        echo "copied from ${other#"$top/"}"
        rm -rf "$out/tests" "$out/tests.new"
        cp -r "$other/tests" "$out/tests.new" && mv "$out/tests.new" "$out/tests" && cp "$other/.tests.key" "$out/"
        return
    done
    return 1
}

# build_lock FILE: holds FILE's lock until this process ends
build_lock() {
    local lock
    exec {lock}>"$1"
    flock "$lock"
}

build() {
    local step=$1 kernel=$2 what=${1/checked/module} folder place sources stage root out
    folder=$(release_path "$kernel")
    release_lock "$kernel" -s
    out=$top/target/guest/$kernel
    mkdir -p "$out"
    build_lock "$out/.lock"
    rm -f "$out/.$what.key"
    place=$(build_place "$what" "$folder")
    if [ "$what" = tests ]; then
        build_lock "$top/target/guest/.tests-$place.lock"
        ! build_copy "$place" "$out" || return 0
    fi

    sources=$(build_sources)
    stage=$ASHMEM_STAGE/build-$kernel-$step
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
    chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp LANG=C.UTF-8 \
        ASHMEM_RELEASE="$(release_version "$folder")" ASHMEM_OUT=/tmp/out /ashmem/vagrant/build/steps.sh "$step"
    umount -R "$root"
    # not if somebody edited the sources meanwhile
    [[ $what != @(module|tests|kunit) ]] || [ "$sources" != "$(build_sources)" ] ||
        build_key "$what" "$place" "$out" >"$out/.$what.key"
}

case $1 in
    current) build_current "$2" "$3" ;;
    *) build "$@" ;;
esac
