# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The tests of the module's Debian package, which ./run package builds. Sourced by tests.sh.

: "${lab:?}" "${top:?}" "${log:?}" "${results:?}"

# build_passes WHAT NAME: a test that is one step of build/steps.sh
build_passes() {
    tests_step build-package "package: build" "$2" "$1-package" "$lab/build/build.sh" "$1" package
}

tests_build_package() {
    build_passes package "building the Debian package" &&
        build_passes tests "building the C tests" || return
    build_passes again "building it once more gives the same bytes" || true
    build_passes lintian "lintian has nothing to say" || true
}

# package_compile ROOT: has DKMS compile the module in the system ROOT, natively, and leaves there what ccache kept of it. In the
# guest DKMS compiles again, which takes an emulated processor minutes without that.
package_compile() {
    local root=$1 version
    version=$(release_version "$root") || return
    dpkg-deb -x "$top"/target/guest/package/ashmem-dkms_*.deb "$root/tmp/package" &&
        mv "$root/tmp/package/usr/src"/ashmem-* "$root/usr/src/" || return
    # the guest has another clock, and sees the files by virtiofs
    printf '%s\n' 'cache_dir = /var/cache/ccache' 'compiler_check = none' \
        'sloppiness = include_file_ctime, include_file_mtime, locale, time_macros' >"$root/var/cache/ccache.conf"
    # shellcheck disable=SC2016
    unshare --mount sh -c 'mount -t proc proc "$1/proc" && exec chroot "$@"' sh \
        "$root" env -i PATH=/usr/lib/ccache:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
        CCACHE_CONFIGPATH=/var/cache/ccache.conf sh -euc '
        cd /usr/src/ashmem-*
        dkms build "ashmem/${PWD##*-}" -k "$0"
        dkms remove "ashmem/${PWD##*-}" --all
        rm -rf "$PWD" /tmp/package /var/lib/dkms/ashmem /var/lib/dkms/mok.*' "$version"
}

# Boots one system three times, so that each boot finds what the boot before left on the disk. The system is a copy, not
# an overlay: an overlay replaces a file when it is first written to, and virtiofsd cannot handle that.
tests_guest_package() {
    local boot root
    # interrupted runs leave these
    find "$ASHMEM_CACHE" -maxdepth 1 -name 'package-root.*' -mmin +120 -exec rm -rf --one-file-system {} +
    root=$(mktemp -d "$ASHMEM_CACHE/package-root.XXXXXX")
    if ! (host_space "$root" 1500 "a system to install the package in") ||
        ! step "$log/package-root.log" "copying the system to install the package in" \
            cp -aT "$(release_path package)" "$root" ||
        ! step "$log/package-compile.log" "compiling what DKMS will compile in the guest" package_compile "$root"; then
        tests_result guest-package fail "package: install" "(all)" "there is no system to install the package in"
        rm -rf --one-file-system "$root"
        return
    fi
    for boot in install use absence; do
        ASHMEM_ROOT=$root ASHMEM_LOAD=no tests_boot package "package-$boot" "vagrant/tests/package-guest.sh $boot"
        tests_any "package: $boot" "$results"/package/*.tsv
    done
    rm -rf --one-file-system "$root"
}
