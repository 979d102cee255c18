#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Vagrant boxes for libvirt, made only of Debian packages: a Debian release with the kernel of its row in the table of
# kernels, the kernel's headers, a compiler, a JRE, and what Vagrant requires of a machine. The cache keeps the boxes,
# and the Vagrantfile finds them there.
# usage: box.sh names | kernel BOX | path BOX | make BOX      (or sourced, for the functions)

lab=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=../machines/release.sh
. "$lab/machines/release.sh"

box_size=8192 # MiB that the guest sees; the file has only the used blocks

# box_table: prints BOX KERNEL for each box, newest first. A box has the name of its suite
box_table() {
    awk '$1 ~ /^[0-9]/ && $2 != "sid" { print ($3 == "-" ? $2 : $3), $1 }' "$release_table"
}

box_names() {
    box_table | cut -d ' ' -f 1
}

# box_kernel BOX: prints the kernel of the box
box_kernel() {
    box_table | awk -v box="$1" '$1 == box { print $2; found = 1 } END { exit !found }' ||
        die "no box named '$1'; there is: $(box_names | paste -sd ' ')"
}

# box_recipe BOX: prints mmdebstrap's arguments, each with a NUL after it, suites last. The box's key depends on them
box_recipe() {
    local kernel suite extra image headers jre packages
    kernel=$(box_kernel "$1") || exit
    release_row "$kernel"
    packages=$image,$headers,$jre,gcc,gcc-multilib,libc6-dev,make,procps,kmod,iproute2,systemd-sysv,udev,dbus,openssh-server
    packages+=,sudo,rsync,ca-certificates,initramfs-tools,zstd
    # up to Debian 11 it is part of the package systemd
    [ "$suite" = bullseye ] || packages+=,systemd-resolved
    release_options minbase
    # The JRE's package needs the first of these folders. The kernel's package keeps links in /boot to the newest
    # kernel, which the box boots.
    printf '%s\0' --essential-hook='mkdir -p "$1/usr/share/man/man1" "$1/etc/initramfs-tools/conf.d" &&
            printf "do_symlinks = yes\nlink_in_boot = yes\n" >"$1/etc/kernel-img.conf" &&
            printf "MODULES=list\n" >"$1/etc/initramfs-tools/conf.d/ashmem" &&
            printf "virtio_pci\nvirtio_blk\next4\n" >"$1/etc/initramfs-tools/modules"' \
        --customize-hook="\"\$ASHMEM_BOX\" \"\$1\" # $(grep -v '^ *#' "$lab/box/guest.sh" | sha256sum | cut -c1-12)" \
        --include="$packages" "$suite" "$extra"
}

box_path() {
    printf '%s/box/%s-%s.box\n' "$ASHMEM_CACHE" "$1" \
        "$({ box_recipe "$1" && grep -v '^ *#' "$lab/box/box.sh"; } | sha256sum | cut -c1-12)"
}

# box_image ROOT FILE: makes a disk image that has this root and boots by BIOS
box_image() {
    local root=$1 file=$2 work=${2%/*} lazy=lazy_itable_init=1,lazy_journal_init=1
    truncate -s "${box_size}M" "$file.raw"
    echo 'start=2048, type=83, bootable' | sfdisk -q --label dos "$file.raw"
    # older kernels and their fsck don't know these two features
    mke2fs -q -t ext4 -O ^metadata_csum_seed,^orphan_file -L root -d "$root" -E "offset=1048576,$lazy" "$file.raw" \
        "$((box_size - 1))M"
    printf '%s\n' 'set root=(hd0,msdos1)' 'configfile (hd0,msdos1)/boot/grub/grub.cfg' >"$work/early.cfg"
    grub-mkimage -O i386-pc -p '(hd0,msdos1)/boot/grub' -c "$work/early.cfg" -o "$work/core.img" \
        biosdisk part_msdos ext2 linux normal configfile serial terminal
    [ "$(stat -c %s "$work/core.img")" -lt $((2047 * 512)) ]
    dd if=/usr/lib/grub/i386-pc/boot.img of="$file.raw" bs=440 count=1 conv=notrunc status=none
    dd if="$work/core.img" of="$file.raw" bs=512 seek=1 conv=notrunc status=none
    qemu-img convert -c -O qcow2 "$file.raw" "$file"
    rm "$file.raw"
}

# box_make BOX: makes the box if it is not there. Root, in a mount namespace of its own. The finished box appears by
# rename
box_make() {
    local box=$1 path work folder suite extra options=()
    path=$(box_path "$box")
    mkdir -p "$ASHMEM_CACHE/box"
    release_lock "box-$box" -x
    if ! [ -e "$path" ]; then
        host_space "$ASHMEM_CACHE" 5000 "the box of $box"
        rm -rf --one-file-system "$ASHMEM_CACHE/box/$box"-????????????.box.partial
        work=$path.partial
        folder=$work/root
        mkdir "$work"
        mapfile -d '' -t options < <(box_recipe "$box")
        suite=${options[-2]} extra=${options[-1]}
        ASHMEM_BOX=$lab/box/guest.sh release_bootstrap "$folder" "$suite" "$extra" "${options[@]:0:${#options[@]}-2}"
        box_image "$folder" "$work/box.img"
        rm -rf --one-file-system "$folder"
        echo "{\"provider\":\"libvirt\",\"format\":\"qcow2\",\"virtual_size\":$((box_size / 1024))}" >"$work/metadata.json"
        # already compressed
        tar -C "$work" -cf "$work/box" metadata.json box.img
        mv "$work/box" "$path"
        rm -rf "$work"
        find "$ASHMEM_CACHE/box" -maxdepth 1 -name "$box-????????????.box" ! -path "$path" -mtime +30 -delete
    fi
    ln -sfn "${path##*/}" "$ASHMEM_CACHE/box/$box.box"
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    set -euo pipefail
    verb=${1:?names, kernel, path or make}
    shift
    "box_$verb" "$@"
fi
