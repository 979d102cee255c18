#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What ./run does as root inside its enclosure: the verbs.
# usage: inside.sh STATE UID GID VERB ...
# STATE: folder with the caller's environment, which is removed; UID, GID: the caller's.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=${here%/*}
umask 022
state=$1
export ASHMEM_UID=$2 ASHMEM_GID=$3
verb=$4
shift 4
# shellcheck source=/dev/null
. <(grep -E '^declare -x (ASHMEM_[A-Z]+|(https?|no)_proxy|TERM|LANG)=' "$state/environment")
export PATH="$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# shellcheck source=release.sh
. "$here/release.sh"
log=$top/target/log
# shellcheck source=tests.sh
. "$here/tests.sh"
# shellcheck source=original.sh
. "$here/original.sh"
# shellcheck source=bench.sh
. "$here/bench.sh"
# shellcheck source=fuzz.sh
. "$here/fuzz.sh"
# shellcheck source=coverage.sh
. "$here/coverage.sh"
# shellcheck source=library.sh
. "$here/library.sh"
# shellcheck source=package.sh
. "$here/package.sh"
# shellcheck source=vagrant.sh
. "$here/vagrant.sh"

trap 'trap "" TERM INT HUP; host_finish; exit 143' TERM INT HUP
trap 'host_give_back "$top/target"' EXIT

export ASHMEM_STAGE=$ASHMEM_CACHE/mnt
mkdir -p "$log" "$ASHMEM_STAGE"
mount -t tmpfs -o mode=755 ashmem "$ASHMEM_STAGE" || die "cannot mount anything here: is this a container without the right to?"
install -m 600 -o "$ASHMEM_UID" -g "$ASHMEM_GID" "$state/environment" "$ASHMEM_STAGE/environment"
rm -rf "$state"

# network_hint LOG WHAT: says so when LOG looks like it
network_hint() {
    if grep -qE 'Could not (resolve|transfer|connect)|Temporary failure|Connection (failed|refused|timed out)|Unable to connect' "$1"; then
        say "could not get everything from $2: is there a network?"
    fi
}

# machines_of KERNEL...: what their guests need of host_install
machines_of() {
    local kernel
    for kernel in "$@"; do
        case $kernel in
            arm64) printf '%s\n' guest arm64 ;;
            um) echo kunit ;;
            vagrant) printf '%s\n' guest box libvirt ;;
            *) echo guest ;;
        esac
    done | sort -u
}

# Makes the kernel's release folder unless it is there.
release() {
    local folder version
    folder=$(release_path "$1") || exit
    if ! [ -e "$folder/.used" ]; then
        step "$log/release-$1.log" "making the release folder of kernel $1" "$here/release.sh" make "$1" || {
            network_hint "$log/release-$1.log" "the Debian mirror (ASHMEM_MIRROR names another one)"
            return 1
        }
    fi
    version=$(release_version "$folder") || return
    case $1,$version in
        [0-9]*,"$1".* | [!0-9]*) ;;
        *) say "Debian's suite has moved on: the folder for kernel $1 has $version, going on with that" ;;
    esac
}

# build WHAT KERNEL TITLE: a step of provision.sh
build() {
    step "$log/$1-$2.log" "$3 for kernel $2" "$here/build.sh" "$1" "$2"
}

module() {
    "$here/build.sh" current module "$1" || build module "$1" "building the module"
}

# What target/ was made of by Maven, and what is there: differs when either changed.
java_key() {
    (
        cd "$top" || exit
        as_caller env JAVA_HOME="$(jdk_folder)" mvn -v | head -n 4
        find pom.xml src native kernel/include -type f -print0 | sort -z | xargs -0 sha256sum
        find target/classes target/test-classes target/test-lib target/ashmem-*.jar -type f -printf '%p %s %T@\n' | sort
    ) 2>/dev/null | sha256sum
}

# One Maven at a time in a checkout.
maven() {
    cd "$top" && as_caller env JAVA_HOME="$(jdk_folder)" flock target mvn -B -ntp -Paarch64 "$@"
}

java_build() {
    if [ "$(java_key)" != "$(cat "$top/target/.java.key" 2>/dev/null)" ]; then
        rm -f "$top/target/.java.key"
        host_give_back "$top/target"
        host_tell_jdk
        step "$log/maven.log" "building the shim and the library with Maven" \
            maven -DskipTests package || {
            network_hint "$log/maven.log" "Maven Central"
            return 1
        }
        java_key >"$top/target/.java.key"
    fi
}

guest() {
    unshare --mount -- "$here/guest.sh" boot "$@" <&0 &
    wait $!
}

vm() {
    local kernel=$1 command=${2-}
    # shellcheck disable=SC2046
    host_install "$log/apt" root $(machines_of "$kernel") || exit 1
    release "$kernel" && module "$kernel" || exit 1
    "$here/build.sh" current tests "$kernel" || build tests "$kernel" "building the C tests" ||
        say "going on without them"
    guest "$kernel" "$command"
}

# stress KERNEL MINUTES SEED
stress() {
    local kernel=$1 minutes=$2 seed=$3
    # shellcheck disable=SC2046
    host_install "$log/apt" root $(machines_of "$kernel") || exit 1
    release "$kernel" && module "$kernel" || exit 1
    "$here/build.sh" current tests "$kernel" || build tests "$kernel" "building the C tests" || exit 1
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
    host_install "$log/apt" java $(machines_of "$kernel") && java_build || exit 1
    wait "$folder" || exit 1
    jar=$(cd "$top" && echo target/ashmem-*.jar)
    # C1 only: HotSpot replaces its code by C2's while other threads run it, and an emulated processor may see half of that
    guest "$kernel" "exec java -XX:+UnlockDiagnosticVMOptions -XX:ArchiveRelocationMode=0 -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
--enable-native-access=ALL-UNNAMED -cp '/ashmem/target/test-classes:/ashmem/$jar:/ashmem/target/test-lib/*' \
org.ashmem.example.PurgeDemo"
}

case $verb in
    test) run_tests "$@" ;;
    original) run_original "$@" ;;
    bench) "bench_$1" "${@:2}" ;;
    *) "$verb" "$@" ;;
esac
