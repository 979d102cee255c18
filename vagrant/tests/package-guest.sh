#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Tests the module's Debian package in a guest with systemd, which is booted once for each step.
# usage: package-guest.sh install|use|absence
#   install  installs the package: DKMS builds and signs the module, which is loaded at once
#   use      after a boot: the module is loaded, and a user may open its device by both names. Then removes the package,
#            which leaves nothing
#   absence  after another boot: the module is gone, and no service fails without it
# ASHMEM_OUT: the folder of the package and the C programs; ASHMEM_RESULTS: the folder for the results
set -euo pipefail
step=$1
out=${ASHMEM_OUT:?} results=${ASHMEM_RESULTS:?}
package=ashmem-dkms
export DEBIAN_FRONTEND=noninteractive

# check NAME FUNCTION...: one test
check() {
    local name=$1 said began=$SECONDS
    shift
    printf 'package: %s: %s ... ' "$step" "$name"
    if said=$("$@" 2>&1); then
        printf 'ok\tpackage: %s\t%s\t\n' "$step" "$name"
        echo "ok ($((SECONDS - began)) s)" >&2
        printf '%d\tpackage: %s: %s\n' "$((SECONDS - began))" "$step" "$name" >&3
    else
        printf 'fail\tpackage: %s\t%s\t%s\n' "$step" "$name" "$(tr '\t\n' '  ' <<<"$said" | tail -c 500)"
        printf 'FAILED\n%s\n' "$said" >&2
    fi >>"$results/$step.tsv" 3>>"$results/times"
}

loaded() {
    [ -d /sys/module/ashmem ] && [ -c /dev/ashmem ]
}

gone() {
    ! [ -e /sys/module/ashmem ] && ! [ -e /dev/ashmem ] && ! [ -e "$second_name" ] && ! [ -L "$second_name" ]
}

second_name=/dev/ashmem$(cat /proc/sys/kernel/random/boot_id)

# as_user COMMAND...: runs it with the rights of the user nobody
as_user() {
    setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all --no-new-privs -- "$@"
}

# disk: prints the files on the disk, without those that apt, dpkg, DKMS and the kernel's tools keep for all packages
disk() {
    find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /ashmem -o -path /var/tmp \
        -o -path /var/log -o -path /var/cache -o -path /var/lib/apt -o -path /var/lib/systemd -o -path /root \) -prune -o -print |
        grep -vE '^/var/lib/dpkg/(info|lock|status|triggers|available|diversions|alternatives|arch|statoverride)|^/var/lib/dkms/mok\.|/modules\.[a-z.]*$|^/etc/(machine-id|\.updated|\.pwd\.lock|mtab)$|^/var/\.updated$' |
        sort
}

# DKMS's compiler is ccache, with what package.sh left there.
installs() {
    CCACHE_CONFIGPATH=/var/cache/ccache.conf LC_ALL=C.UTF-8 apt-get -o DPkg::Path=/usr/lib/ccache:/usr/sbin:/usr/bin:/sbin:/bin install -y "$out"/ashmem-dkms_*.deb
}

built() {
    dkms status -m ashmem | tee /dev/stderr | grep -q ": installed" &&
        modinfo -n ashmem | grep -q '/updates/dkms/ashmem\.ko'
}

signed() {
    [ "$(modinfo -F signer ashmem)" = "DKMS module signing key" ]
}

udev_is_done() {
    udevadm settle --timeout=60
}

device_is_for_everybody() {
    [ "$(stat -c %a /dev/ashmem)" = 666 ]
}

named_after_the_boot() {
    [ "$(stat -L -c %F,%t,%T "$second_name")" = "$(stat -c %F,%t,%T /dev/ashmem)" ] && as_user dd if="$second_name" of=/dev/null count=0
}

user_runs() {
    as_user "$out/tests/$1" "${@:2}"
}

documented() {
    local page
    for page in README.md DIFFERENCES.md SIGNING.md; do
        dpkg -L "$package" | grep -qx "/usr/share/doc/$package/$page\(\.gz\)\?" || { echo "no $page"; return 1; }
    done
}

removes() {
    apt-get purge -y "$package"
}

nothing_left() {
    diff /var/cache/disk <(disk)
}

nothing_failed() {
    local failed
    failed=$(systemctl --failed --no-legend --plain) || return
    [ -z "$failed" ] || { echo "$failed"; return 1; }
}

no_modules_left() {
    ! modinfo ashmem 2>/dev/null && ! dkms status -m ashmem | grep .
}

mkdir -p "$results"
case $step in
    install)
        check "nothing of it is there before" gone
        disk >/var/cache/disk
        check "apt installs it" installs
        check "DKMS has built the module" built
        check "DKMS has signed it" signed
        check "it is loaded at once" loaded
        check "udev settles" udev_is_done
        check "every user may open the device" device_is_for_everybody
        check "its pages are there" documented
        ;;
    use)
        check "it is loaded at boot" loaded
        check "every user may open the device" device_is_for_everybody
        check "the device has the name that Android 10 and newer look for" named_after_the_boot
        check "a user names regions" user_runs name
        check "a user shares a region with a child" user_runs sharing fork_before_the_size in_another_process
        check "apt removes it" removes
        check "the module is unloaded" gone
        check "nothing is left on the disk" nothing_left
        ;;
    absence)
        check "it is not loaded" gone
        check "no module is left" no_modules_left
        check "nothing misses it at boot" nothing_failed
        ;;
esac
! grep -q '^fail' "$results/$step.tsv"
