#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The verbs of ./run, as root inside the enclosure.
# usage: verbs.sh STATE UID GID VERB ...
# STATE: a folder with the caller's environment, which is removed; UID, GID: the caller's
set -uo pipefail
lab=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
umask 022
state=$1
export ASHMEM_UID=$2 ASHMEM_GID=$3
verb=$4
shift 4
# shellcheck source=/dev/null
. <(grep -E '^declare -x (ASHMEM_[A-Z]+|(https?|no)_proxy|TERM|LANG)=' "$state/environment")
export PATH="$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
export ASHMEM_STAGE=$ASHMEM_CACHE/mnt
# shellcheck source=steps.sh
. "$lab/host/steps.sh"
# shellcheck source=cache.sh
. "$lab/host/cache.sh"
# shellcheck source=../tests/tests.sh
. "$lab/tests/tests.sh"
# shellcheck source=../tests/original.sh
. "$lab/tests/original.sh"
# shellcheck source=../bench/bench.sh
. "$lab/bench/bench.sh"
# shellcheck source=../bench/cache.sh
. "$lab/bench/cache.sh"
# shellcheck source=../bench/containers.sh
. "$lab/bench/containers.sh"
# shellcheck source=../bench/infinispan.sh
. "$lab/bench/infinispan.sh"

trap 'trap "" TERM INT HUP; host_finish; exit 143' TERM INT HUP
trap 'host_give_back "$top/target"' EXIT

mkdir -p "$log" "$ASHMEM_STAGE"
mount -t tmpfs -o mode=755 ashmem "$ASHMEM_STAGE" || die "cannot mount anything here: is this a container without the right to?"
install -m 600 -o "$ASHMEM_UID" -g "$ASHMEM_GID" "$state/environment" "$ASHMEM_STAGE/environment"
rm -rf "$state"

vm() {
    local kernel=$1 command=${2-}
    # shellcheck disable=SC2046
    host_install "$log/apt" root $(needs_of "$kernel") || exit 1
    release "$kernel" && module "$kernel" || exit 1
    build_unless_current tests "$kernel" "building the C tests" || say "going on without them"
    guest "$kernel" "$command"
}

# stress KERNEL MINUTES SEED
stress() {
    local kernel=$1 minutes=$2 seed=$3
    # shellcheck disable=SC2046
    host_install "$log/apt" root $(needs_of "$kernel") || exit 1
    release "$kernel" && module "$kernel" && build_unless_current tests "$kernel" "building the C tests" || exit 1
    ASHMEM_LIMIT=$((60 * minutes + 900)) guest "$kernel" \
        "exec \$ASHMEM_OUT/tests/stress --seconds=$((60 * minutes)) ${seed:+--seed=$seed} no_byte_is_lost_to_anything"
}

demo() {
    local kernel=$1 jar
    host_install "$log/apt" root || exit 1
    {
        release "$kernel" && module "$kernel"
    } &
    local folder=$!
    # shellcheck disable=SC2046
    host_install "$log/apt" java $(needs_of "$kernel") || exit 1
    # java_build may need a compiler of that folder
    host_jdk_is_new || wait "$folder" || exit 1
    java_build || exit 1
    wait "$folder" || exit 1
    jar=$(cd "$top" && echo target/ashmem-*.jar)
    # C1 only: HotSpot replaces C1's code by C2's while other threads run it, and an emulated processor may see half of that
    guest "$kernel" "exec java -XX:+UnlockDiagnosticVMOptions -XX:ArchiveRelocationMode=0 -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
--enable-native-access=ALL-UNNAMED -cp '/ashmem/target/test-classes:/ashmem/$jar:/ashmem/target/test-lib/*' \
org.ashmem.example.PurgeDemo"
}

# demo_cache PORT: needs no release folder, neither for a guest nor for a newer compiler
demo_cache() {
    host_install "$log/apt" java && java_package || exit 1
    if [ "$(demo_key)" != "$(cat "$top/target/.demo.key" 2>/dev/null)" ]; then
        rm -f "$top/target/.demo.key"
        host_give_back "$top/cache"
        step "$log/maven-demo.log" "building the cache and its demonstration with Maven" demo_build || {
            network_hint "$log/maven-demo.log" "Maven Central"
            exit 1
        }
        demo_key >"$top/target/.demo.key"
    fi
    say "starting a container of $((demo_container >> 20)) MiB"
    demo_serve "$1"
}

package() {
    local files
    host_install "$log/apt" root || exit 1
    release package && build package package "building the Debian package" || exit 1
    rm -f "$top"/target/ashmem-dkms_*.deb
    cp "$top"/target/guest/package/ashmem-dkms_*.deb "$top/target/" || exit 1
    files=("$top"/target/ashmem-dkms_*.deb)
    say "made ${files[0]#"$top/"}. To install it, with the headers of the running kernel, from which DKMS builds:"
    say "    sudo apt install linux-headers-\$(uname -r) ./${files[0]#"$top/"}"
}

box() {
    local box=$1 path
    host_install "$log/apt" root box || exit 1
    path=$("$lab/box/box.sh" path "$box") || exit 1
    step "$log/box-$box.log" "making the box of $box, unless it is there" "$lab/box/box.sh" make "$box" || {
        network_hint "$log/box-$box.log" "the Debian mirror (ASHMEM_MIRROR names another one)"
        exit 1
    }
    host_give_back "$ASHMEM_CACHE/box"
    say "$path is there. cd vagrant && vagrant up takes it with libvirt$([ "$box" = trixie ] || echo ", told ASHMEM_DEBIAN=$box")"
    { host_has vagrant-libvirt && host_has libvirt-daemon-system; } ||
        say "that needs more: sudo apt install vagrant-libvirt libvirt-daemon-system rsync (docs/VAGRANT.md)"
    [ -z "${SUDO_USER:-}" ] || [ "$ASHMEM_UID" -ne 0 ] ||
        say "it is in root's cache, where $SUDO_USER's Vagrant does not look: call ./run box without sudo, which it asks for itself"
}

case $verb in
    test) tests_run "$@" ;;
    original) run_original "$@" ;;
    bench) "bench_$1" "${@:2}" ;;
    fuzz) ranges_fuzz "$@" ;;
    *) "$verb" "$@" ;;
esac
