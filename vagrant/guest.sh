#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The offline guest: QEMU with a release folder as its root and the checkout at /ashmem, both by virtiofs, no image and no
# network. Kernels that have virtiofs as a module get a small initramfs, made of the folder's own files; for an arm64 one,
# with bash and busybox, it is the root. KVM is taken only after it was seen to work, otherwise the processor is emulated.
# usage: guest.sh boot KERNEL COMMAND      runs it in a guest; without COMMAND a shell on this terminal
# Root, in mount and PID namespaces of its own (enclosure.sh). The exit status is the command's; 124 when the time limit
# (ASHMEM_LIMIT, seconds) was over, 125 when the guest stopped by itself, 1 when the kernel complained. ASHMEM_KERNEL_LOG
# names a file for a copy of what the kernel said; ASHMEM_LOAD=no boots without loading the module. ASHMEM_ROOT names a
# folder to be the root instead, writable, with systemd as the first process: the command comes when that has started all.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=${here%/*}
# shellcheck source=release.sh
. "$here/release.sh"

guest_memory=2G
guest_cpus=2

# kvm or tcg. /dev/kvm alone says little: it may be there and guests die with it. A trial boot of the kernel without a
# root file system (it panics and stops) tells; the answer is kept until the machine boots again or QEMU changes.
guest_accel() {
    local kernel=$1 known=$ASHMEM_CACHE/accel now verdict=tcg
    if [ -n "${ASHMEM_ACCEL:-}" ]; then
        echo "$ASHMEM_ACCEL"
        return
    fi
    if ! grep -qwE 'vmx|svm' /proc/cpuinfo || ! [ -r /dev/kvm ] || ! [ -w /dev/kvm ]; then
        echo tcg
        return
    fi
    now="$(cat /proc/sys/kernel/random/boot_id) $(qemu-system-x86_64 --version | head -n 1)"
    if [ "$(sed -n 1p "$known" 2>/dev/null)" = "$now" ]; then
        sed -n 2p "$known"
        return
    fi
    if timeout -k 2 30 qemu-system-x86_64 -accel kvm -cpu host -m 256M -nodefaults -display none -no-reboot \
        -kernel "$kernel" -append 'console=ttyS0 panic=-1' -serial stdio </dev/null 2>/dev/null |
        grep -q 'Kernel panic'; then
        verdict=kvm
    fi
    printf '%s\n%s\n' "$now" "$verdict" >"$known"
    echo "$verdict"
}

# serve TAG FOLDER CACHE: starts a virtiofsd, of QEMU 7 (in C) or the one that followed it (in Rust)
guest_serve() {
    local tag=$1 folder=$2 cache=$3 daemon waited=0
    daemon=$(host_virtiofsd)
    if "$daemon" --help 2>&1 | grep -q -- --shared-dir; then
        "$daemon" --socket-path="$tag.sock" --shared-dir="$folder" --cache="$cache" --sandbox=chroot
    else
        "$daemon" --socket-path="$tag.sock" -o "source=$folder" -o "cache=$cache" -o sandbox=chroot
    fi >"virtiofsd-$tag.log" 2>&1 </dev/null &
    while ! [ -S "$tag.sock" ]; do
        if [ "$((waited += 1))" -gt 300 ] || ! kill -0 $! 2>/dev/null; then
            cat "virtiofsd-$tag.log" >&2
            die "virtiofsd does not serve $folder"
        fi
        sleep 0.05
    done
}

# modules FOLDER VERSION: the modules without which that kernel does not reach its root, in the order in which they load.
# None for a kernel that has them built in.
guest_modules() {
    chroot "$1" modprobe -S "$2" --show-depends -a virtio_pci virtiofs virtio_console |
        awk '$1 == "insmod" && !seen[$2]++ { print $2 }'
}

# libraries FOLDER PROGRAM...: what these are linked to
guest_libraries() {
    chroot "$1" ldd "${@:2}" | awk '$2 == "=>" { print $3 } /^[ \t]*\/.* \(/ { print $1 }'
}

# archive FOLDER: the files named on standard input, from FOLDER, as an initramfs
guest_archive() {
    awk -F/ '{ path = $2; print path; for (i = 3; i <= NF; i++) print path = path "/" $i }' | awk '!seen[$0]++' |
        (cd "$1" && chroot . cpio --quiet -o -L -H newc)
}

# initramfs FOLDER MODULE...: these modules and what loads them and goes on to the root
guest_initramfs() {
    local folder=$1 programs=(/bin/sh /sbin/insmod /bin/mount /sbin/switch_root)
    shift
    {
        printf '%s\n' /dev/console /mnt "$@" "${programs[@]}"
        guest_libraries "$folder" "${programs[@]}"
    } | guest_archive "$folder"
}

# initramfs_foreign FOLDER VERSION: a root with bash, busybox and the kernel's modules, for what this machine cannot run
guest_initramfs_foreign() {
    {
        printf '%s\n' /dev/console /usr/bin/bash-static /usr/bin/busybox
        cd "$1" && find "usr/lib/modules/$2" -type f ! -name vmlinuz ! -path '*/build/*' -printf '/%p\n'
    } | guest_archive "$1"
}

# first FOLDER VERSION INIT: sets parameters and initramfs so that the kernel gets to the root and runs INIT there.
guest_first() {
    local folder=$1 version=$2 init=$3 modules=()
    initramfs=()
    if [ "$(release_arch "$version")" != amd64 ]; then
        guest_initramfs_foreign "$folder" "$version" >initramfs
        initramfs=(-initrd initramfs)
        parameters="rdinit=/usr/bin/busybox -- sh -c \"b=/usr/bin/busybox; \
\$b mkdir -p /usr/sbin /proc /sys /tmp /run /var/tmp /root /ashmem; \$b ln -s usr/bin usr/sbin usr/lib /; \
\$b ln -s bash-static /bin/bash; \$b mount -t proc proc /proc; \$b --install -s; \$b umount /proc; \
mount -t virtiofs ashmem /ashmem && exec $init\""
        return
    fi
    mapfile -t modules < <(guest_modules "$folder" "$version")
    if [ -n "${ASHMEM_ROOT:-}" ]; then
        [ ${#modules[@]} -eq 0 ] || die "kernel $version does not find its root without an initramfs"
        parameters="rootfstype=virtiofs root=rootfs rw init=/lib/systemd/systemd \
systemd.mount-extra=ashmem:/ashmem:virtiofs \"systemd.run=$init\""
    elif [ ${#modules[@]} -eq 0 ]; then
        parameters="rootfstype=virtiofs root=rootfs ro init=/bin/sh -- -c \"mount -t virtiofs ashmem /ashmem && exec $init\""
    else
        guest_initramfs "$folder" "${modules[@]}" >initramfs
        initramfs=(-initrd initramfs)
        parameters="rdinit=/bin/sh -- -c \"for module in ${modules[*]}; do insmod \$module; done; \
mount -t virtiofs -o ro rootfs /mnt && mount -t virtiofs ashmem /mnt/ashmem && exec switch_root /mnt $init\""
    fi
}

# machine VERSION IMAGE: sets qemu to the emulator and the machine, accel and console
guest_machine() {
    if [ "$(release_arch "$1")" != amd64 ]; then
        accel=tcg console=ttyAMA0
        qemu=(qemu-system-aarch64 -machine virt -cpu max)
    else
        accel=$(guest_accel "$2") console=ttyS0
        # cx16 off: QEMU 7.2 leaves garbage in the flags after cmpxchg16b without lock, and kernels die of it
        qemu=(qemu-system-x86_64 -cpu "$([ "$accel" = kvm ] && echo host || echo max,cx16=off,la57=off)")
    fi
    if [ "$accel" = kvm ]; then
        qemu+=(-accel kvm)
    else
        qemu+=(-accel tcg,thread=multi,tb-size=512)
    fi
}

# Removes what interrupted runs left, and of the runs that went wrong all but the last few.
guest_sweep() {
    local kept failed=0
    while read -r kept; do
        if [ -e "$kept/running" ]; then
            flock -n "$kept/running" true && rm -rf "$kept"
        elif [ "$((failed += 1))" -gt 5 ]; then
            rm -rf "$kept"
        fi
    done < <(find "$top/target/run" -mindepth 1 -maxdepth 1 -type d -printf '%T@ %p\n' | sort -rn | cut -d' ' -f2-)
}

# Says that the guest is still booting, and ends it when its kernel panicked: not every emulated one gets to the reboot
# that panic=-1 asks for.
guest_watch() {
    local run=$1 began=$2 machine=$3 silent=0
    while sleep 3; do
        if grep -q 'Kernel panic' "$run/console.log" 2>/dev/null; then
            sleep 3
            kill -TERM "$machine"
            return
        fi
        if ! [ -e "$run/started" ] && [ "$((silent += 3))" -ge 15 ]; then
            silent=0
            say "... still booting, for $((EPOCHSECONDS - began)) s ($(last_line "$run/console.log"))"
        fi
    done
}

guest_boot() {
    local kernel=$1 command=${2-} limit=${ASHMEM_LIMIT:-1800} began=$EPOCHSECONDS
    local folder version image run lock available output=() copy='' machine watch try ended status=0 complaints
    local initramfs=() parameters qemu=() accel console
    folder=$(release_path "$kernel")
    [ -e "$folder/.used" ] || die "there is no release folder for kernel $kernel yet"
    release_lock "$kernel" -s
    touch "$folder/.used"
    version=$(release_version "$folder")
    available=$(awk '$1 == "MemAvailable:" { print int($2 / 1024) }' /proc/meminfo)
    [ "$available" -ge 1800 ] || die "not enough memory for a guest: 1800 MB needed, $available MB available"

    mkdir -p "$top/target/run"
    guest_sweep
    run=$(mktemp -d "$top/target/run/$kernel.XXXXXX")
    exec {lock}>"$run/running"
    flock "$lock"
    [ "${ASHMEM_LOAD:-yes}" = yes ] || touch "$run/unloaded"
    if [ -n "$command" ]; then
        printf '%s\n' "$command" >"$run/command"
        # by a pipe, so that a file that the caller appends to is not rewound
        exec 3> >(exec cat)
        copy=$!
        output=(-chardev "file,id=out,path=/proc/self/fd/3,append=on")
    else
        echo "$(stty size) ${TERM:-dumb}" >"$run/terminal"
        exec 3>/dev/null
        # Ctrl-] and then x ends a guest that does not listen any more
        output=(-echr 29 -chardev 'stdio,id=out,signal=off,mux=on')
    fi

    cd "$(mktemp -d "$ASHMEM_STAGE/guest.XXXXXX")"
    mkdir root checkout
    # virtiofsd keeps a lock in /run by the socket's name; let it have one of its own
    mount -t tmpfs tmpfs /run
    mount --bind "${ASHMEM_ROOT:-$folder}" root
    [ -n "${ASHMEM_ROOT:-}" ] || mount -o remount,bind,ro root
    mount --bind "$top" checkout
    image=$folder/boot/vmlinuz-$version
    [ -e "$image" ] || image=$folder/lib/modules/$version/vmlinuz
    guest_first "$folder" "$version" "/ashmem/vagrant/init $kernel ${run#"$top/"}"
    guest_machine "$version" "$image"
    say "booting kernel $kernel ($version) $([ "$accel" = kvm ] && echo with KVM || echo on an emulated processor)"
    # Now and then an emulated processor trips over code that the kernel patches while it boots: that is worth another try,
    # as nothing of ours ran yet.
    for try in 1 2 3; do
        rm -f ./*.sock "$run/console.log"
        guest_serve rootfs "$PWD/root" always
        guest_serve ashmem "$PWD/checkout" auto
        ended=0
        timeout --foreground -k 5 "$limit" "${qemu[@]}" -no-user-config -nodefaults -display none -no-reboot \
            -smp "$guest_cpus" -m "$guest_memory" -nic none \
            -object "memory-backend-memfd,id=mem,size=$guest_memory,share=on" -numa node,memdev=mem \
            -chardev socket,id=rootfs,path=rootfs.sock -device vhost-user-fs-pci,chardev=rootfs,tag=rootfs \
            -chardev socket,id=ashmem,path=ashmem.sock -device vhost-user-fs-pci,chardev=ashmem,tag=ashmem \
            -serial "file:$run/console.log" -device virtio-serial-pci "${output[@]}" -device virtconsole,chardev=out \
            -kernel "$image" "${initramfs[@]}" \
            -append "console=$console loglevel=6 log_buf_len=4M printk.devkmsg=on panic=-1 $parameters" \
            2>"$run/qemu.log" <&0 &
        machine=$!
        guest_watch "$run" "$began" "$machine" 3>&- &
        watch=$!
        wait "$machine" || ended=$?
        kill "$watch" 2>/dev/null || true
        if [ "$accel" = kvm ] || [ -e "$run/started" ] || ! grep -q 'Kernel panic' "$run/console.log"; then
            break
        fi
        say "the emulated processor did not survive the kernel's boot (try $try of 3)"
    done
    exec 3>&-
    [ -z "$copy" ] || wait "$copy"

    if [ -e "$run/status" ]; then
        status=$(cat "$run/status")
    elif [ "$ended" -eq 124 ]; then
        say "the guest was stopped: it was not done after $limit s (ASHMEM_LIMIT)"
        status=124
    else
        say "the guest ended before its command did (QEMU: status $ended); the end of what QEMU and the kernel said:"
        quote_end "$run/qemu.log" 5
        [ ! -e "$run/console.log" ] || quote_end "$run/console.log" 15
        status=125
    fi
    # the serial console has it all when a guest dies, the ring buffer has what is too minor for a console
    { cat "$run/console.log" "$run/dmesg" 2>/dev/null || true; } | awk '{ sub(/\r$/, "") } !seen[$0]++' >"$run/kernel.log"
    [ -z "${ASHMEM_KERNEL_LOG:-}" ] || cp "$run/kernel.log" "$ASHMEM_KERNEL_LOG"
    if ! complaints=$("$here/complaints" "$run/kernel.log"); then
        say "kernel $kernel complained:"
        head -n 40 <<<"$complaints" | sed 's/^/     | /' >&2
        [ "$status" -ne 0 ] || status=1
    fi
    if [ "$status" -eq 0 ]; then
        rm -rf "$run"
    else
        rm -f "$run/running"
        say "status $status; what the kernel said is in ${run#"$top/"}/kernel.log"
    fi
    return "$status"
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    verb=${1:?boot}
    shift
    "guest_$verb" "$@"
fi
