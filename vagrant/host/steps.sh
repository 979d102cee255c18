# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The steps that the verbs of ./run share: make a release folder, build in it, build the library, boot a guest. Sourced.

: "${ASHMEM_CACHE:?}" "${ASHMEM_STAGE:?}"
lab=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
top=${lab%/*}
log=$top/target/log
# shellcheck source=../machines/release.sh
. "$lab/machines/release.sh"

# network_hint LOG WHAT: hints at the network when LOG looks like it
network_hint() {
    if grep -qE 'Could not (resolve|transfer|connect)|Temporary failure|Connection (failed|refused|timed out)|Unable to connect' "$1"; then
        say "could not get everything from $2: is there a network?"
    fi
}

# needs_of MACHINE...: prints what host_install has to provide for them
needs_of() {
    local machine
    for machine in "$@"; do
        case $machine in
            um) echo kunit ;;
            vagrant) printf '%s\n' box libvirt ;;
        esac
    done | sort -u
}

# release KERNEL...: makes each release folder unless it is there
release() {
    local kernel
    for kernel in "$@"; do
        release_one "$kernel" || return
    done
}

release_one() {
    local folder version
    folder=$(release_path "$1") || exit
    if ! [ -e "$folder/.used" ]; then
        step "$log/release-$1.log" "making the release folder of kernel $1" "$lab/machines/release.sh" make "$1" || {
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

# build STEP KERNEL TITLE: takes a step of build/steps.sh
build() {
    step "$log/$1-$2.log" "$3 for kernel $2" "$lab/build/build.sh" "$1" "$2"
}

# build_unless_current WHAT KERNEL TITLE
build_unless_current() {
    "$lab/build/build.sh" current "$1" "$2" || build "$@"
}

module() {
    build_unless_current module "$1" "building the module"
}

# java_compiler: makes $ASHMEM_STAGE/javac unless this machine's JDK can compile src/main/java22. It runs the compiler of the newest
# kernel's release folder, by the folder's own loader and libraries
java_compiler() {
    local javac=$ASHMEM_STAGE/javac kernel folder compilers
    ! host_jdk_is_new && [ ! -e "$javac" ] || return 0
    kernel=$(release_names | head -n 1)
    say "no JDK of 22 or newer is there (JAVA_HOME can name one): taking the compiler of kernel $kernel's release folder"
    release "$kernel" || {
        say "the jar will lack src/main/java22, and have -java17 in its name"
        return 0
    }
    folder=$(release_path "$kernel")
    compilers=("$folder"/usr/lib/jvm/*/bin/javac)
    printf '#!/bin/bash\nexec %q --library-path %q %q "$@"\n' "$folder/usr/lib64/ld-linux-x86-64.so.2" \
        "$folder/usr/lib/x86_64-linux-gnu" "${compilers[0]}" >"$javac.$BASHPID"
    chmod 755 "$javac.$BASHPID" && mv "$javac.$BASHPID" "$javac"
}

# java_options: prints Maven's options for that compiler. Maven and the tests run on this machine's JDK
java_options() {
    ! [ -e "$ASHMEM_STAGE/javac" ] ||
        printf '%s\n' "-Dmaven.compiler.executable=$ASHMEM_STAGE/javac" '-P!java17,java22' -Dnewest.release=17
}

# java_key: prints a key that differs when what Maven builds from, or what it built, differs
java_key() {
    (
        cd "$top" || exit
        as_caller env JAVA_HOME="$(jdk_folder)" mvn -v | head -n 4
        cat "$ASHMEM_STAGE/javac"
        find parent.xml pom.xml src native kernel/include -type f -print0 | sort -z | xargs -0 sha256sum
        find target/classes target/test-classes target/test-lib target/ashmem-*.jar -type f -printf '%p %s %T@\n' | sort
    ) 2>/dev/null | sha256sum
}

# maven ARGUMENT...: one Maven at a time works in a checkout
maven() {
    local options
    mapfile -t options < <(java_options)
    cd "$top" && as_caller env JAVA_HOME="$(jdk_folder)" flock target mvn -B -ntp -Paarch64 "${options[@]}" "$@"
}

java_build() {
    java_compiler && java_package
}

# java_package: builds the library by the compiler that is there
java_package() {
    if [ "$(java_key)" != "$(cat "$top/target/.java.key" 2>/dev/null)" ]; then
        rm -f "$top/target/.java.key"
        host_give_back "$top/target"
        step "$log/maven.log" "building the shim and the library with Maven" \
            maven -DskipTests package || {
            network_hint "$log/maven.log" "Maven Central"
            return 1
        }
        java_key >"$top/target/.java.key"
    fi
}

# guest KERNEL [COMMAND]: boots it; machines/guest.sh has the settings. QEMU is in the newest kernel's folder
guest() {
    [ "$1" = um ] || release "$(release_names | head -n 1)" || return
    unshare --mount -- "$lab/machines/guest.sh" boot "$@" <&0 &
    wait $!
}
