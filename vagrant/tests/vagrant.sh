# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Tests of the machine that Vagrant makes. Sourced by tests.sh.

: "${lab:?}" "${top:?}" "${log:?}" "${results:?}"
vagrant_box=trixie

# tests_box: prints the kernel of the box
tests_box() {
    "$lab/box/box.sh" kernel "$vagrant_box"
}

tests_build_vagrant() {
    tests_step build-vagrant "vagrant: build" "makes the box of $vagrant_box" box-$vagrant_box \
        "$lab/box/box.sh" make "$vagrant_box" || return
    host_give_back "$ASHMEM_CACHE/box"
    [ -e "$results/built-$(tests_box)" ] && cp -r "$top/target/guest/$(tests_box)/tests" "$results/programs"
}

# vagrant_traces: prints what a machine may leave on this host. Only things of Vagrant and libvirt, as other things
# change at any time
vagrant_traces() {
    # the lab's own guests may run at the same time; they have no name
    # shellcheck disable=SC2009
    echo "processes: $({ ps -e -o comm= | grep -E 'libvirt|virtlog|dnsmasq|vagrant|ruby'; ps -e -o args= |
        grep -oE '^[^ ]*qemu-system-[^ ]* .*-name guest=[^ ,]*' | sed 's/ .*=/ /'; } | sort | uniq -c | xargs)"
    echo "interfaces: $(ip -o link | awk '$2 ~ /^(virbr|vnet|tap|macvtap)/ { print $2 }' | xargs)"
    # without the rules' counters
    echo "rules: $({ iptables-save; nft list ruleset; } 2>/dev/null | grep -E 'LIBVIRT|libvirt|virbr|192\.168\.12[12]\.' |
        sed -E 's/\[[0-9]+:[0-9]+\]//; s/packets [0-9]+ bytes [0-9]+//' | xargs)"
    echo "users: $(sha256sum /etc/passwd /etc/group | xargs)"
    echo "mounts: $(grep -E 'libvirt|vagrant' /proc/self/mounts | sort | xargs)"
    find /etc/libvirt /var/lib/libvirt /var/cache/libvirt /var/log/libvirt /run/libvirt "${HOME:-/root}/.vagrant.d" "$lab/.vagrant" \
        -maxdepth 1 2>/dev/null | sort
}

# Ignores the settings of the caller's own Vagrant, and uses KVM where it works.
tests_guest_vagrant() {
    local state before after part held folder accel
    # interrupted runs leave folders that no process locks
    find "$ASHMEM_CACHE" -maxdepth 1 -name 'vagrant.*' -exec flock -n {} rm -rf --one-file-system {} \;
    mkdir -p "$results/vagrant"
    folder=$(release_path "$(tests_box)")
    accel=$(host_accel "$folder/boot/vmlinuz-$(release_version "$folder")" qemu-system-x86_64)
    before=$(vagrant_traces)
    state=$(mktemp -d "$ASHMEM_CACHE/vagrant.XXXXXX")
    exec {held}<"$state"
    flock "$held"
    say "making a machine with Vagrant"
    # shellcheck disable=SC2046,SC2086
    env $(compgen -e | grep -E '^(VAGRANT_|LIBVIRT_|ASHMEM_(BOX|CPUS|MEMORY))' | sed 's/^/-u /') \
        ASHMEM_DEBIAN="$vagrant_box" ASHMEM_DRIVER="${accel/tcg/qemu}" \
        "$lab/tests/libvirt.sh" "$state" "$lab/tests/machine.sh" "$state" "$results/vagrant" "$results/programs" || true
    rm -rf --one-file-system "$state"
    exec {held}<&-
    after=$(vagrant_traces)
    if [ "$before" = "$after" ]; then
        tests_result guest-vagrant ok "vagrant: machine" "nothing of it is left on this machine"
    else
        tests_result guest-vagrant fail "vagrant: machine" "nothing of it is left on this machine" \
            "$(diff <(echo "$before") <(echo "$after"))"
    fi
    for part in machine "C programs" "Java integration tests"; do
        tests_any "vagrant: $part" "$results"/vagrant/*.tsv
    done
}
