#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Takes a Debian machine to a loaded module and an installed library. A Vagrant machine, a machine of your own and the
# guests of the test lab take the same steps.
# usage: provision.sh STEP...      with the steps
#   deps     installs the packages that are missing to build the module for the running kernel. Where apt no longer has
#            that kernel's headers, installs the current kernel and leaves /run/ashmem-reboot: boot the new kernel then.
#            ASHMEM_SUITE names a suite to take the kernel from
#   module   builds ashmem.ko from a copy of kernel/
#   load     loads the module and waits for its device
#   install  loads the module now and at every boot, and lets every user open the device
#   library  installs the Java library for every user; builds it unless target/ has a jar that is newer than the sources
#   greet    writes a login message that shows what to try
# ASHMEM_OUT: the folder for the module (default: target/guest/RELEASE)
# ASHMEM_RELEASE: the kernel release to build for (default: the running one)
# The lab's scripts source this file for its functions.
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
release=${ASHMEM_RELEASE:-$(uname -r)}
out=${ASHMEM_OUT:-$top/target/guest/$release}
case $release in
    *-arm64) [ "$(uname -m)" = aarch64 ] || export ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- ;;
    *-um) export ARCH=um ;;
esac
export DEBIAN_FRONTEND=noninteractive
# A machine that has just booted may be running updates of its own.
apt=(apt-get -y --no-install-recommends -o DPkg::Lock::Timeout=300)

# packages PACKAGE...: installs those that are missing
packages() {
    local missing=() package
    for package in "$@"; do
        dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    echo "installing ${missing[*]}"
    if [ -z "${lists_are_new:-}" ]; then
        "${apt[@]}" update || echo "some sources failed, going on with the others"
        lists_are_new=yes
    fi
    "${apt[@]}" install "${missing[@]}"
}

# add_suite SUITE: makes the suite's kernels available to apt
add_suite() {
    local mirror
    ! apt-get indextargets --format '$(RELEASE) $(CODENAME)' | grep -w -- "$1" >/dev/null || return 0
    mirror=$(apt-get indextargets --no-release-info --format '$(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
        awk '$1 == "main" && $2 !~ /security/ { print $2; exit }')
    [ -n "$mirror" ] || { echo "found no Debian mirror in apt's sources to take $1 from" >&2; return 1; }
    echo "deb ${mirror%/} $1 main" >/etc/apt/sources.list.d/ashmem.list
}

step_deps() {
    local flavour suite=${ASHMEM_SUITE:-} pair
    packages gcc libc6-dev make kmod procps
    # for the 32-bit C tests
    [ "$(dpkg --print-architecture)" != amd64 ] || packages gcc-multilib
    # 6.12.57+deb13-cloud-amd64, 5.10.0-32-amd64, 6.1.0-0.deb11.7-amd64
    flavour=$(sed -E 's/^[^-]*-([0-9][^-]*-)?//' <<<"$release")
    pair=("linux-image-$flavour" "linux-headers-$flavour")
    if [ -n "$suite" ] && ! dpkg-query -W -f '${Version}\n' "${pair[0]}" 2>/dev/null | grep -q '~bpo'; then
        add_suite "$suite"
        "${apt[@]}" update
        "${apt[@]}" install -t "$suite" "${pair[@]}"
    elif [ -d "/lib/modules/$release/build/include" ] || packages "linux-headers-$release"; then
        return
    else
        echo "apt has no headers of the running kernel, $release: installing the current kernel with its own"
        # upgrades both packages where old versions are installed
        "${apt[@]}" install "${pair[@]}" || {
            echo "apt has no ${pair[*]} either. Install a kernel and its headers, and boot it." >&2
            return 1
        }
    fi
    [ "$(linux-version list | linux-version sort | tail -n 1)" = "$release" ] || {
        echo "the newest kernel is to be booted before the module can be built"
        touch /run/ashmem-reboot
    }
}

# Prints an archive of kernel/ without build results. The archive is the same for the same sources.
sources() {
    tar -C "$top" -c --sort=name --mtime=@0 --owner=0 --group=0 --exclude='*.o' --exclude='*.ko' --exclude='*.mod' \
        --exclude='*.mod.c' --exclude='.*.cmd' --exclude=Module.symvers --exclude=modules.order --exclude=probed.h \
        --exclude=kernel/probing --exclude=kernel/tests/out --exclude=kernel/bench/out kernel
}

# Copies kernel/ to $work/kernel. A build there neither litters the checkout nor meets what was built in it earlier.
copy_sources() {
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    sources | tar -C "$work" -x -m
}

# make_module ARGUMENT...: builds the module in $work/kernel
make_module() {
    make -C "$work/kernel" KDIR="/lib/modules/$release/build" -j"$(nproc)" "$@" modules
}

# keep_module FILE: moves the module from $work to FILE in $out; FILE is replaced in one step
keep_module() {
    mkdir -p "$out"
    cp "$work/kernel/ashmem.ko" "$out/$1.new"
    mv "$out/$1.new" "$out/$1"
}

step_module() {
    [ -d "/lib/modules/$release/build/include" ] || {
        echo "the headers of the running kernel, $release, are not there$([ ! -e /run/ashmem-reboot ] ||
            echo ": a newer kernel was installed with its own; boot it, then try again")" >&2
        return 1
    }
    copy_sources
    make_module
    keep_module ashmem.ko
}

step_load() {
    insmod "$out/ashmem.ko"
    wait_for_device
}

wait_for_device() {
    local waited=0
    while ! [ -c /dev/ashmem ]; do
        if [ "$((waited += 1))" -gt 300 ]; then
            echo "the module is loaded but /dev/ashmem did not appear within 30 s"
            return 1
        fi
        sleep 0.1
    done
}

step_install() {
    local said
    [ ! -d /sys/module/ashmem ] || rmmod ashmem || {
        echo "the old module is in use: end what has a region open, then try again" >&2
        return 1
    }
    install -D -m 644 "$out/ashmem.ko" "/lib/modules/$release/extra/ashmem.ko"
    depmod "$release"
    install -D -m 644 "$top/kernel/debian/ashmem.conf" /etc/modules-load.d/ashmem.conf
    install -D -m 644 "$top/kernel/debian/ashmem-dkms.udev" /etc/udev/rules.d/60-ashmem.rules
    udevadm control --reload
    said=$(modprobe ashmem 2>&1) || {
        echo "$said" >&2
        [[ $said != *[Kk]ey* ]] || echo "Secure Boot is on; kernel/SIGNING.md tells how this machine learns to trust the module" >&2
        return 1
    }
    wait_for_device
    echo "the module is loaded, and will be at every boot"
}

# java_package jre|jdk: Debian 11's default is too old
java_package() {
    grep -qx 'VERSION_ID="11"' /etc/os-release && echo "openjdk-17-$1-headless" || echo "default-$1-headless"
}

# as_owner COMMAND...: runs it in the checkout as the checkout's owner, with $home in place of the owner's home folder
as_owner() {
    (cd "$top" && setpriv --reuid "$(stat -c %u .)" --regid "$(stat -c %g .)" --clear-groups env HOME="${home:?}" "$@")
}

# Debian 11's Maven is too old to build the library, but it can fetch a newer Maven.
library_by_maven() {
    local command=mvn version=3.9.16 profiles=()
    if dpkg --compare-versions "$(dpkg-query -W -f '${Version}' maven)" lt 3.8; then
        as_owner mvn -B -q -Dmaven.repo.local="$home" org.apache.maven.plugins:maven-dependency-plugin:3.6.0:copy \
            -Dartifact=org.apache.maven:apache-maven:$version:tar.gz:bin -DoutputDirectory="$home" &&
            as_owner tar -C "$home" -xzf "$home/apache-maven-$version-bin.tar.gz" || return
        command=$home/apache-maven-$version/bin/mvn
    fi
    # on arm64 this profile compiles the shim for the machine itself
    [ "$(uname -m)" != aarch64 ] || profiles=(-Paarch64)
    as_owner "$command" -B -ntp -Dmaven.repo.local="$home" "${profiles[@]}" -DskipTests package
}

build_library() {
    local home status=0
    packages "$(java_package jdk)" maven gcc libc6-dev
    home=$(mktemp -d /var/tmp/ashmem.XXXXXX)
    # root made target/ if the module was built first
    mkdir -p "$top/target"
    chown --reference="$top" "$home" "$top/target"
    library_by_maven || status=$?
    rm -rf "$home"
    return "$status"
}

# Prints the path of this version's jar, which may be missing. The name of a jar that an older JDK built ends in -java17.
library_jar() {
    local jar
    jar=$top/target/ashmem-$(sed -n 's|^  <version>\(.*\)</version>|\1|p' "$top/parent.xml" | head -n 1)
    if [ -e "$jar.jar" ] || [ ! -e "$jar-java17.jar" ]; then
        echo "$jar.jar"
    else
        echo "$jar-java17.jar"
    fi
}

# Prints the path of the jar that the library needs: the build copies it.
library_needs() {
    echo "$top/target/test-lib/commons-lang3-$(sed -n 's|.*<commons-lang3.version>\(.*\)</.*|\1|p' "$top/pom.xml").jar"
}

step_library() {
    local jar needs
    jar=$(library_jar)
    needs=$(library_needs)
    if ! [ -e "$jar" ] || ! [ -e "$needs" ] || [ -n "$(cd "$top" && find parent.xml pom.xml src/main native -newer "$jar" -print -quit)" ]; then
        build_library
    fi
    command -v java >/dev/null || packages "$(java_package jre)"
    install -D -m 644 "$jar" /usr/share/java/ashmem.jar
    rm -rf /usr/share/java/ashmem
    install -D -m 644 -t /usr/share/java/ashmem "$needs"
    echo "the library is /usr/share/java/ashmem.jar, and what it needs is in /usr/share/java/ashmem/"
}

# Does this kernel have Android's own driver? Its own name tells it from our module, which has that name as an alias.
original_is_there() {
    [ "$(modinfo -F name ashmem_linux 2>/dev/null)" = ashmem_linux ]
}

step_greet() {
    local after=
    ! original_is_there || after='; sudo reboot'
    cat >/etc/motd <<END

  /dev/ashmem is there, the checkout is $top, the library /usr/share/java/ashmem.jar. To try:

    java -jar /usr/share/java/ashmem.jar       tells what this machine offers, and tries a region
    sudo java --enable-native-access=ALL-UNNAMED \\
        -cp '$top/target/test-classes:/usr/share/java/ashmem.jar:/usr/share/java/ashmem/*' \\
        org.ashmem.example.PurgeDemo           a region is purged when a cgroup reaches its limit
    sudo cat /sys/kernel/debug/ashmem/totals   what was purged so far, and why
    sudo bash $top/vagrant/build/steps.sh tests && sudo bash $top/vagrant/tests/guest.sh all$after
                                               builds the C tests and runs all tests on the device

END
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    set -euo pipefail
    for step in "${@:?deps, module, load, install, library or greet}"; do
        "step_$step"
    done
fi
