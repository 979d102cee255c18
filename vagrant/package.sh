# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# ./run package, and the tests of what it makes: the Debian package of the module. Sourced by inside.sh.

: "${here:?}" "${top:?}" "${log:?}" "${results:?}"

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

# build_passes WHAT NAME: builds it, which is a test
build_passes() {
    tests_step build-package "package: build" "$2" "$1-package" "$here/build.sh" "$1" package
}

tests_build_package() {
    build_passes package "building the Debian package" &&
        build_passes tests "building the C tests" || return
    build_passes again "building it once more gives the same bytes" || true
    build_passes lintian "lintian has nothing to say" || true
}

# One system that is booted three times: what a boot leaves on its disk is there at the next one. A copy, for virtiofsd does
# not stand that a file of an overlay is another one once it is written to.
tests_guest_package() {
    local boot root
    # what an interrupted run left
    find "$ASHMEM_CACHE" -maxdepth 1 -name 'package-root.*' -mmin +120 -exec rm -rf --one-file-system {} +
    root=$(mktemp -d "$ASHMEM_CACHE/package-root.XXXXXX")
    if ! (host_space "$root" 1500 "a system to install the package in") ||
        ! step "$log/package-root.log" "copying the system to install the package in" \
            cp -aT "$(release_path package)" "$root"; then
        tests_result guest-package fail "package: install" "(all)" "there is no system to install the package in"
        rm -rf --one-file-system "$root"
        return
    fi
    for boot in install use absence; do
        ASHMEM_ROOT=$root ASHMEM_LOAD=no tests_boot package "package-$boot" "vagrant/package-guest.sh $boot"
        tests_any "package: $boot" "$results"/package/*.tsv
    done
    rm -rf --one-file-system "$root"
}
