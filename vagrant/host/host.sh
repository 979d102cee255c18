# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The machine that runs ./run: what it has, what it lacks, and how to install that. Sourced.

# host_check: ends with a message on a machine on which ./run cannot work
host_check() {
    local ID='' VERSION_ID='' PRETTY_NAME=''
    [ "$(uname -sm)" = "Linux x86_64" ] || die "this machine is $(uname -sm); ./run needs Linux on x86_64"
    # shellcheck source=/dev/null
    [ ! -r /etc/os-release ] || . /etc/os-release
    if [ "$ID" != debian ] || [ "${VERSION_ID:-99}" -lt 12 ]; then
        die "this is ${PRETTY_NAME:-an unknown system}; ./run needs Debian 12 or newer, as it installs with apt" \
            "on another system, install these and call the scripts in vagrant/ yourself: mmdebstrap, python3, gcc, gcc-aarch64-linux-gnu, clang, a JDK, maven"
    fi
}

# host_jdk_of JAVAC...: prints MAJOR FOLDER of each JDK that can build the library
host_jdk_of() {
    local javac folder major
    for javac in "$@"; do
        folder=$(readlink -f "$javac")
        folder=${folder%/bin/javac}
        major=$(sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$folder/release" 2>/dev/null)
        [ "${major:-0}" -lt 17 ] || echo "$major $folder"
    done
}

# host_jdks: prints MAJOR FOLDER of each JDK: the caller's own first, then the system's, newest first
host_jdks() {
    local own
    mapfile -t own < <(as_caller bash -c 'printf "%s\n" "${JAVA_HOME:+$JAVA_HOME/bin/javac}"; command -v javac')
    {
        host_jdk_of "${own[@]}"
        host_jdk_of /usr/lib/jvm/*/bin/javac | sort -rn
    } | awk '!seen[$0]++'
}

# host_jdk: prints MAJOR FOLDER of the JDK for Maven: the first that can compile src/main/java22, or else the first
host_jdk() {
    host_jdks | awk '!jdk || $1 >= 22 { jdk = $0 } $1 >= 22 { exit } END { print jdk }'
}

jdk_folder() {
    host_jdk | cut -d ' ' -f 2
}

# jdk_oldest: prints the folder of the oldest JDK
jdk_oldest() {
    host_jdks | sort -n | head -n 1 | cut -d ' ' -f 2
}

# host_jdk_is_new: can it compile src/main/java22?
host_jdk_is_new() {
    [ "$(host_jdk | cut -d ' ' -f 1)" -ge 22 ]
}

# host_has PACKAGE: is it installed? dpkg-query succeeds for packages that others only recommend, too
host_has() {
    dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed
}

# Prints the packages that are missing: host_missing root|kunit|clang|box|libvirt|musl|gpg|shellcheck|java|browser...
host_missing() {
    local what part
    for what in "$@"; do
        case $what in
            root)
                command -v mmdebstrap >/dev/null || echo mmdebstrap
                [ -e /usr/share/keyrings/debian-archive-trixie-stable.gpg ] ||
                    [ -e /usr/share/keyrings/debian-archive-trixie-stable.pgp ] || echo debian-archive-keyring
                ;;
            kunit) command -v python3 >/dev/null || echo python3 ;;
            clang)
                # the package of the sanitizers and libFuzzer has clang's version in its name
                if ! command -v clang >/dev/null || ! [ -e "$(clang -print-file-name=libclang_rt.fuzzer-x86_64.a)" ]; then
                    echo clang
                    apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9]*\)$/libclang-rt-\1-dev/p'
                fi
                command -v make >/dev/null || echo make
                command -v gcc >/dev/null || echo gcc
                [ -e /usr/include/stdlib.h ] || echo libc6-dev
                ;;
            box)
                # a box gets Vagrant's public key
                command -v vagrant >/dev/null || echo vagrant
                [ -e /usr/lib/grub/i386-pc/boot.img ] || echo grub-pc-bin
                command -v grub-mkimage >/dev/null || echo grub-common
                command -v sfdisk >/dev/null || echo fdisk
                command -v mke2fs >/dev/null || echo e2fsprogs
                command -v qemu-img >/dev/null || echo qemu-utils
                ;;
            libvirt)
                host_has vagrant-libvirt || echo vagrant-libvirt
                command -v qemu-system-x86_64 >/dev/null || echo qemu-system-x86
                command -v libvirtd >/dev/null || echo libvirt-daemon
                # since Debian 13 these are packages of their own
                for part in libvirt-daemon-driver-{qemu,network,storage}; do
                    ! apt-cache pkgnames "$part" | grep -x "$part" >/dev/null || host_has "$part" || echo "$part"
                done
                command -v virsh >/dev/null || echo libvirt-clients
                command -v dnsmasq >/dev/null || echo dnsmasq-base
                command -v iptables >/dev/null || echo iptables
                command -v rsync >/dev/null || echo rsync
                command -v ip >/dev/null || echo iproute2
                command -v ssh >/dev/null || echo openssh-client
                ;;
            musl) command -v musl-gcc >/dev/null || echo musl-tools ;;
            shellcheck) command -v shellcheck >/dev/null || echo shellcheck ;;
            browser)
                command -v chromium >/dev/null || echo chromium
                command -v chromedriver >/dev/null || echo chromium-driver
                ;;
            gpg) command -v gpg >/dev/null || echo gnupg ;;
            java)
                command -v gcc >/dev/null || echo gcc
                [ -e /usr/include/stdlib.h ] || echo libc6-dev
                [ -n "$(host_jdk)" ] || echo default-jdk-headless
                as_caller bash -c 'command -v mvn' >/dev/null || echo maven
                # for the jar's arm64 shim
                command -v aarch64-linux-gnu-gcc >/dev/null || echo gcc-aarch64-linux-gnu
                [ -e /usr/aarch64-linux-gnu/include/stdlib.h ] || echo libc6-dev-arm64-cross
                ;;
        esac
    done
}

# host_dpkg LOG TITLE COMMAND...: a step that must not stop half-way; host_finish waits for it
host_dpkg() {
    local status=0
    host_installing=yes
    step "$@" || status=$?
    host_installing=
    return "$status"
}

host_finish() {
    if [ -n "${host_installing:-}" ]; then
        say "stopping as soon as dpkg has finished"
        wait "${step_pid:?}"
    fi
}

# Unlike apt, dpkg does not wait for another installation to end.
host_repair() {
    local tries=0
    until dpkg --configure -a; do
        [ "$((tries += 1))" -le 60 ] || return
        sleep 5
    done
}

# host_install LOG WHAT...: installs the missing packages (host_missing) of WHAT
host_install() {
    local log=$1 missing=() apt=(apt-get -y --no-install-recommends -o DPkg::Lock::Timeout=300)
    shift
    mapfile -t missing < <(host_missing "$@")
    [ ${#missing[@]} -gt 0 ] || return 0
    export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
    if [ -z "${host_lists_are_new:-}" ]; then
        # a source of another vendor may fail; the packages come from Debian's
        step "$log-update.log" "updating apt's lists" "${apt[@]}" update ||
            say "apt could not update everything; going on with what it has"
        host_lists_are_new=yes
        mapfile -t missing < <(host_missing "$@")
        if [ -n "$(dpkg --audit)" ]; then
            host_dpkg "$log-dpkg.log" "finishing an installation that was interrupted" host_repair || return
        fi
    fi
    host_space / 1500 "the packages"
    say "to be installed from apt: ${missing[*]}"
    step "$log-download.log" "downloading ${missing[*]}" "${apt[@]}" --download-only install "${missing[@]}" || {
        say "apt cannot get these packages: is there a network, and are Debian's sources among this machine's?"
        return 1
    }
    host_dpkg "$log-install.log" "installing ${missing[*]}" "${apt[@]}" install "${missing[@]}" || return
    mapfile -t missing < <(host_missing "$@")
    [ ${#missing[@]} -eq 0 ] || die "installed, but still missing: ${missing[*]}"
}

# host_apt_settings: prints apt's settings for release folders: this machine's proxies and its checks of a mirror's dates
host_apt_settings() {
    echo 'Acquire::Retries "3";'
    echo 'Acquire::Languages "none";'
    apt-config dump | grep -E '^Acquire::(https?::Proxy|Check-Valid-Until|Check-Date)[: ]' || true
}

# host_mirror: prints the Debian mirror of this machine's apt sources, in whichever format they are
host_mirror() {
    local codename uri
    if [ -n "${ASHMEM_MIRROR:-}" ]; then
        printf '%s\n' "${ASHMEM_MIRROR%/}"
        return
    fi
    # shellcheck source=/dev/null
    codename=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-sid}")
    # apt knows a source's vendor once it has the source's lists; until then its address has to do
    uri=$(
        {
            apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(RELEASE)|$(CODENAME)|$(COMPONENT)|$(REPO_URI)' \
                'Created-By: Packages'
            apt-get indextargets --no-release-info --format '?|?|$(RELEASE)|$(RELEASE)|$(COMPONENT)|$(REPO_URI)' \
                'Created-By: Packages'
        } | awk -F'|' -v codename="$codename" '
            $5 != "main" || ($3 != codename && $4 != codename) || $6 !~ /^(http|https|file|copy|mirror\+file):/ { next }
            $1 == "Debian" && $2 == "Debian" || $1 == "?" && ($6 ~ /\/debian\/?$/ || $6 ~ /^mirror/) { print $6; exit }'
    )
    uri=${uri%/}
    case $uri in
        mirror+file:*) uri=$(awk '!/^#/ && NF { print $1; exit }' "${uri#mirror+file:}") ;;
    esac
    case $uri in
        http://* | https://* | file:* | copy:*) printf '%s\n' "${uri%/}" ;;
        *) die "found no Debian mirror in this machine's apt sources" \
            "set ASHMEM_MIRROR to the address of one (the folder with dists/ and pool/)" ;;
    esac
}

# host_space FOLDER MEGABYTES WHAT: ends with a message when less is free. FOLDER need not exist
host_space() {
    local at=$1 free
    while [ ! -e "$at" ]; do
        at=${at%/*}
        at=${at:-/}
    done
    free=$(df -Pm "$at" | awk 'NR == 2 { print $4 }')
    [ "$free" -ge "$2" ] || die "not enough disk space for $3: $2 MB needed, $free MB free at $at" \
        "make room, or set ASHMEM_CACHE to a folder on a larger disk"
}

# as_caller COMMAND...: runs it as the user who called ./run, in that user's environment
as_caller() {
    if [ "${ASHMEM_UID:-0}" -eq 0 ]; then
        "$@"
    else
        # shellcheck disable=SC2016
        setpriv --reuid "$ASHMEM_UID" --regid "$ASHMEM_GID" --init-groups \
            env -i bash -c '. "$0" && exec "$@"' "$ASHMEM_STAGE/environment" "$@"
    fi
}

# host_give_back FOLDER: gives the files of root in FOLDER to the user who called ./run
host_give_back() {
    if [ "${ASHMEM_UID:-0}" -ne 0 ] && [ -e "$1" ]; then
        chown -R -h --from=0 "$ASHMEM_UID:$ASHMEM_GID" "$1"
    fi
}

# host_accel IMAGE QEMU...: prints kvm or tcg. Where /dev/kvm exists guests may still die with it, so this boots the kernel IMAGE once
# without a root file system and expects its panic. The cache keeps the answer until the machine boots or QEMU changes.
host_accel() {
    local image=$1 known=$ASHMEM_CACHE/accel now verdict=tcg
    shift
    if [ -n "${ASHMEM_ACCEL:-}" ]; then
        echo "$ASHMEM_ACCEL"
        return
    fi
    if ! grep -qwE 'vmx|svm' /proc/cpuinfo || ! [ -r /dev/kvm ] || ! [ -w /dev/kvm ]; then
        echo tcg
        return
    fi
    now="$(cat /proc/sys/kernel/random/boot_id) $("$@" --version | head -n 1)"
    if [ "$(sed -n 1p "$known" 2>/dev/null)" = "$now" ]; then
        sed -n 2p "$known"
        return
    fi
    if timeout -k 2 30 "$@" -accel kvm -cpu host -m 256M -nodefaults -display none -no-reboot \
        -kernel "$image" -append 'console=ttyS0 panic=-1' -serial stdio </dev/null 2>/dev/null |
        grep -q 'Kernel panic'; then
        verdict=kvm
    fi
    printf '%s\n%s\n' "$now" "$verdict" >"$known.$BASHPID" && mv "$known.$BASHPID" "$known"
    echo "$verdict"
}
