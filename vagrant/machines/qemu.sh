# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# A guest under QEMU: a release folder as its root and the checkout at /ashmem, both by virtiofs, no image and no network. Each
# processor is a NUMA node with its part of the memory.
# Kernels that have virtiofs as a module get a small initramfs, made of the folder's own files. For arm64 the initramfs, with
# bash and busybox, is the root. QEMU uses KVM if a trial boot showed that it works (host_accel). Sourced by guest.sh.

: "${guest_cpus:?}" "${guest_memory:?}" "${guest_parameters:?}"

# qemu_find: sets emulator to the command that runs a program of the newest kernel's release folder, by the folder's own loader and
# libraries. So every host has the same QEMU. Up to 8.0 QEMU could keep its translation of code that another processor
# changed meanwhile, and kernels died of breakpoints that were gone.
qemu_find() {
    qemu_root=$(release_path "$(release_names | head -n 1)")
    [ -e "$qemu_root/.used" ] || die "QEMU is missing: there is no release folder of the newest kernel yet"
    emulator=("$qemu_root/usr/lib64/ld-linux-x86-64.so.2" --library-path "$qemu_root/usr/lib/x86_64-linux-gnu")
    export QEMU_MODULE_DIR=$qemu_root/usr/lib/x86_64-linux-gnu/qemu
}

# qemu_serve TAG FOLDER CACHE: starts virtiofsd, which ends when QEMU closes their connection. If QEMU never connects, guest_boot has
# to end it, by its number in the file servers
qemu_serve() {
    local tag=$1 folder=$2 cache=$3 waited=0
    "${emulator[@]}" "$qemu_root/usr/libexec/virtiofsd" --socket-path="$tag.sock" --shared-dir="$folder" --cache="$cache" \
        --sandbox=chroot >"virtiofsd-$tag.log" 2>&1 </dev/null 3>&- &
    echo $! >>servers
    while ! [ -S "$tag.sock" ]; do
        if [ "$((waited += 1))" -gt 1200 ] || ! kill -0 $! 2>/dev/null; then
            cat "virtiofsd-$tag.log" >&2
            die "virtiofsd does not serve $folder"
        fi
        sleep 0.05
    done
}

# qemu_modules FOLDER VERSION: prints the modules that the kernel needs to reach its root, in the order in which they load
qemu_modules() {
    chroot "$1" modprobe -S "$2" --show-depends -a virtio_pci virtiofs virtio_console |
        awk '$1 == "insmod" && !seen[$2]++ { print $2 }'
}

# qemu_libraries FOLDER PROGRAM...: prints the libraries of these programs
qemu_libraries() {
    chroot "$1" ldd "${@:2}" | awk '$2 == "=>" { print $3 } /^[ \t]*\/.* \(/ { print $1 }'
}

# qemu_archive FOLDER: prints an initramfs of the files that standard input names, from FOLDER
qemu_archive() {
    awk -F/ '{ path = $2; print path; for (i = 3; i <= NF; i++) print path = path "/" $i }' | awk '!seen[$0]++' |
        (cd "$1" && chroot . cpio --quiet -o -L -H newc)
}

# qemu_initramfs FOLDER MODULE...: prints an initramfs that has these modules and the programs to load them
qemu_initramfs() {
    local folder=$1 programs=(/bin/sh /sbin/insmod /bin/mount /sbin/switch_root)
    shift
    {
        printf '%s\n' /dev/console /mnt "$@" "${programs[@]}"
        qemu_libraries "$folder" "${programs[@]}"
    } | qemu_archive "$folder"
}

# qemu_initramfs_foreign FOLDER VERSION: prints an initramfs with bash, busybox and the kernel's modules, as a root for another
# architecture
qemu_initramfs_foreign() {
    {
        printf '%s\n' /dev/console /usr/bin/bash-static /usr/bin/busybox
        cd "$1" && find "usr/lib/modules/$2" -type f ! -name vmlinuz ! -path '*/build/*' -printf '/%p\n'
    } | qemu_archive "$1"
}

# qemu_first FOLDER VERSION INIT: sets parameters and initramfs such that the kernel mounts the root and runs INIT there
qemu_first() {
    local folder=$1 version=$2 init=$3 modules=()
    initramfs=()
    if [ "$(release_arch "$version")" = arm64 ]; then
        qemu_initramfs_foreign "$folder" "$version" >initramfs
        initramfs=(-initrd initramfs)
        parameters="rdinit=/usr/bin/busybox -- sh -c \"b=/usr/bin/busybox; \
\$b mkdir -p /usr/sbin /proc /sys /tmp /run /var/tmp /root /ashmem; \$b ln -s usr/bin usr/sbin usr/lib /; \
\$b ln -s bash-static /bin/bash; \$b mount -t proc proc /proc; \$b --install -s; \$b umount /proc; \
mount -t virtiofs ashmem /ashmem && exec $init\""
        return
    fi
    mapfile -t modules < <(qemu_modules "$folder" "$version")
    if [ -n "${ASHMEM_ROOT:-}" ]; then
        [ ${#modules[@]} -eq 0 ] || die "kernel $version does not find its root without an initramfs"
        parameters="rootfstype=virtiofs root=rootfs rw init=/lib/systemd/systemd \
systemd.mount-extra=ashmem:/ashmem:virtiofs \"systemd.run=$init\""
    elif [ ${#modules[@]} -eq 0 ]; then
        parameters="rootfstype=virtiofs root=rootfs ro init=/bin/sh -- -c \"mount -t virtiofs ashmem /ashmem && exec $init\""
    else
        qemu_initramfs "$folder" "${modules[@]}" >initramfs
        initramfs=(-initrd initramfs)
        parameters="rdinit=/bin/sh -- -c \"for module in ${modules[*]}; do insmod \$module; done; \
mount -t virtiofs -o ro rootfs /mnt && mount -t virtiofs ashmem /mnt/ashmem && exec switch_root /mnt $init\""
    fi
}

# qemu_machine VERSION IMAGE: sets qemu to the emulator with its processor, and sets accel and console
qemu_machine() {
    if [ "$(release_arch "$1")" = arm64 ]; then
        accel=tcg console=ttyAMA0
        qemu=("${emulator[@]}" "$qemu_root/usr/bin/qemu-system-aarch64" -machine virt,mte=on -cpu max)
    else
        qemu=("${emulator[@]}" "$qemu_root/usr/bin/qemu-system-x86_64" -L "$qemu_root/usr/share/qemu" -L "$qemu_root/usr/share/seabios")
        accel=$(host_accel "$2" "${qemu[@]}") console=ttyS0
        qemu+=(-cpu "$([ "$accel" = kvm ] && echo host || echo max,la57=off)")
    fi
    if [ "$accel" = kvm ]; then
        qemu+=(-accel kvm)
    else
        qemu+=(-accel tcg,thread=multi,tb-size=512)
        [ "$console" != ttyS0 ] || guest_parameters+=" tsc=reliable clocksource=tsc$(qemu_tsc)"
    fi
}

# qemu_tsc: prints the parameter that gives a kernel the TSC's frequency. An emulated processor has this machine's TSC, which is
# the fastest clock to read, and a debug kernel's only one. A kernel gives it up when it cannot measure it on a busy machine.
# On bare metal /proc/cpuinfo may show another frequency.
qemu_tsc() {
    if grep -qw hypervisor /proc/cpuinfo && grep -qw constant_tsc /proc/cpuinfo; then
        awk '/^cpu MHz/ { printf " tsc_early_khz=%d", 1000 * $4; exit }' /proc/cpuinfo
    fi
}

# qemu_prepare FOLDER VERSION INIT: prepares for all tries to boot
qemu_prepare() {
    # virtiofsd keeps a lock in /run under the socket's name
    mount -t tmpfs tmpfs /run
    image=$1/boot/vmlinuz-$2
    [ -e "$image" ] || image=$1/lib/modules/$2/vmlinuz
    qemu_find
    qemu_first "$1" "$2" "$3"
    qemu_machine "$2" "$image"
    how="$([ "$accel" = kvm ] && echo with KVM || echo on an emulated processor)"
}

# qemu_run CONSOLE LOG LIMIT: becomes the machine. The kernel's messages go to the file CONSOLE, QEMU's to LOG, the command's output
# to descriptor 3. Without a command, the guest's shell has this terminal.
qemu_run() {
    local console_log=$1 log=$2 limit=$3 output node nodes=()
    for ((node = 0; node < guest_cpus; node++)); do
        nodes+=(-object "memory-backend-memfd,id=mem$node,size=$((guest_memory / guest_cpus))M,share=on"
            -numa "node,memdev=mem$node")
    done
    if [ "$interactive" = yes ]; then
        # Ctrl-] and then x ends a guest that hangs
        output=(-echr 29 -chardev 'stdio,id=out,signal=off,mux=on')
    else
        output=(-chardev "file,id=out,path=/proc/self/fd/3,append=on")
    fi
    qemu_serve rootfs "$PWD/root" always
    qemu_serve ashmem "$PWD/checkout" auto
    exec timeout --foreground -k 5 "$limit" "${qemu[@]}" -no-user-config -nodefaults -display none -no-reboot \
        -smp "$guest_cpus,sockets=$guest_cpus,cores=1,threads=1" -m "${guest_memory}M" "${nodes[@]}" -nic none \
        -chardev socket,id=rootfs,path=rootfs.sock -device vhost-user-fs-pci,chardev=rootfs,tag=rootfs \
        -chardev socket,id=ashmem,path=ashmem.sock -device vhost-user-fs-pci,chardev=ashmem,tag=ashmem \
        -serial "file:$console_log" -device virtio-serial-pci "${output[@]}" -device virtconsole,chardev=out \
        -kernel "$image" "${initramfs[@]}" \
        -append "console=$console $guest_parameters $parameters" 2>"$log"
}
