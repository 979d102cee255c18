#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Tests the Vagrantfile: up, the state of the machine, the tests on its device, reload, halt, destroy. Needs a libvirtd
# of its own (libvirt.sh).
# usage: machine.sh STATE RESULTS PROGRAMS      (STATE: a folder for Vagrant's files; PROGRAMS: the built C programs)
set -euo pipefail
lab=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
state=$1 results=$2 programs=$3
export VAGRANT_CWD=$lab VAGRANT_HOME=$state/home VAGRANT_DOTFILE_PATH=$state/dotfile HOME=$state
export VAGRANT_CHECKPOINT_DISABLE=1 VAGRANT_DEFAULT_PROVIDER=libvirt VAGRANT_NO_COLOR=1
log=$results/vagrant.log

# check NAME COMMAND...: one test
check() {
    local name=$1 began=$SECONDS at
    shift
    at=$(stat -c %s "$log" 2>/dev/null || echo 0)
    printf '\n== %s\n' "$name" >>"$log"
    printf 'vagrant: %s ... ' "$name"
    if "$@" >>"$log" 2>&1 </dev/null; then
        printf 'ok\tvagrant: machine\t%s\t\n' "$name" >>"$results/machine.tsv"
        echo "ok ($((SECONDS - began)) s)"
        printf '%d\tvagrant: %s\n' "$((SECONDS - began))" "$name" >>"$results/times"
    else
        printf 'fail\tvagrant: machine\t%s\t%s\n' "$name" \
            "$(tail -c "+$((at + 1))" "$log" | tail -n 8 | tr '\t\n' '  ' | tail -c 500)" >>"$results/machine.tsv"
        echo "FAILED ($((SECONDS - began)) s)"
        tail -c "+$((at + 1))" "$log" | tail -n 25 | sed 's/^/     | /'
        return 1
    fi
}

guest() {
    vagrant ssh -c "$1" -- -q
}

provider_is_there() {
    vagrant plugin list | grep vagrant-libvirt || {
        echo "$(command -v vagrant) ($(vagrant --version)) does not find vagrant-libvirt: the tests need Debian's own package of Vagrant"
        return 1
    }
}

valid_for_every_release() {
    local debian
    for debian in bullseye bookworm trixie trixie-backports; do
        ASHMEM_DEBIAN=$debian vagrant validate || return
    done
}

valid_for_virtualbox() {
    VAGRANT_DEFAULT_PROVIDER=virtualbox vagrant validate --ignore-provider
}

wrong_settings_are_refused() {
    local said
    ! said=$(ASHMEM_DEBIAN=potato vagrant validate 2>&1) && grep 'potato; there is: bullseye bookworm trixie' <<<"$said" &&
        ! said=$(ASHMEM_CPUS=two vagrant validate 2>&1) && grep 'ASHMEM_CPUS must be a number, not two' <<<"$said"
}

loaded() {
    guest 'grep ^ashmem /proc/modules && test -c /dev/ashmem && test -w /dev/ashmem && ls -l /dev/ashmem*'
}

greets() {
    vagrant ssh <<<'exit' | grep 'To try:'
}

copied_little() {
    guest 'ls -a /ashmem /ashmem/target; ! test -e /ashmem/.git && ! test -e /ashmem/target/test && ! test -e /ashmem/target/run'
}

# C1 only: HotSpot replaces C1's code by C2's while it runs, which sometimes crashes it on an emulated processor.
library() {
    guest 'java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -jar /usr/share/java/ashmem.jar &&
        sudo java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 --enable-native-access=ALL-UNNAMED \
            -cp "/ashmem/target/test-classes:/usr/share/java/ashmem.jar:/usr/share/java/ashmem/*" org.ashmem.example.PurgeDemo'
}

device_tests() {
    tar -C "$programs" -c . | vagrant ssh -c 'out=/ashmem/target/guest/$(uname -r)/tests; sudo mkdir -p $out && sudo tar -C $out -x' -- -q || return
    guest 'sudo ASHMEM_KERNEL=vagrant ASHMEM_RESULTS=/tmp/results /ashmem/vagrant/tests/guest.sh brief' || true
    vagrant ssh -c 'sudo tar -C /tmp/results --exclude=./times -c .' -- -q | tar -C "$results" -x
    ! grep -h '^fail' "$results"/*.tsv | grep -v 'vagrant: machine'
}

silent_kernel() {
    guest 'sudo dmesg' >"$results/kernel.log" && "$lab/report/complaints" "$results/kernel.log"
}

# Pretends that the running kernel is so old that apt has no headers for it. The newest kernel is installed already.
boots_a_newer_kernel() {
    local before said
    before=$(guest 'cat /proc/sys/kernel/random/boot_id')
    said=$(guest 'sudo ASHMEM_RELEASE=$(uname -r | sed -E "s/^[0-9.]+/1.0.0/") /ashmem/vagrant/provision.sh deps')
    echo "$said"
    grep -q 'apt has no headers of the running kernel, 1\.0\.0.*: installing the current kernel' <<<"$said" &&
        grep -q 'the newest kernel is to be booted' <<<"$said" && vagrant provision --provision-with reboot &&
        [ "$(guest 'cat /proc/sys/kernel/random/boot_id')" != "$before" ]
}

check "Vagrant has its provider for libvirt" provider_is_there || exit
check "the Vagrantfile is valid for libvirt and every release" valid_for_every_release || exit
check "it is valid for VirtualBox" valid_for_virtualbox || true
check "it refuses settings that it does not know" wrong_settings_are_refused || true
trap 'vagrant destroy -f >>"$log" 2>&1 </dev/null || true' EXIT
check "vagrant up makes a machine" vagrant up || exit
check "the module is loaded, and everybody may open the device" loaded || true
check "vagrant ssh greets with what to try" greets || true
check "what the machine does not need was left behind" copied_little || true
check "the library is installed, and the demo runs" library || true
check "the tests pass on the device" device_tests || true
check "the kernel did not complain" silent_kernel || true
check "a kernel whose headers apt no longer has gives way to the current one" boots_a_newer_kernel || true
# the reboot was a reload without the provisioners, so the module must have loaded by itself
check "the module is back by itself after vagrant reload" loaded || true
check "vagrant halt stops it" vagrant halt || true
check "vagrant destroy removes it" vagrant destroy -f || true
! grep -q '^fail' "$results"/*.tsv
