#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Turns a Debian release into a Vagrant machine. mmdebstrap calls it as the last step.
# usage: guest.sh ROOT
set -eu
root=$1

echo ashmem >"$root/etc/hostname"
printf '127.0.0.1 localhost\n127.0.1.1 ashmem\n' >"$root/etc/hosts"
# the first boot makes a new one
: >"$root/etc/machine-id"

chroot "$root" useradd -m -s /bin/bash -p '*' vagrant
echo 'vagrant ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/vagrant"
chmod 440 "$root/etc/sudoers.d/vagrant"
# Vagrant's own key, which is public. Vagrant replaces it at its first login.
key=$(find /usr/share /opt/vagrant -path '*/keys/vagrant.pub' -type f 2>/dev/null | head -n 1)
[ -n "$key" ] || { echo "there is no Vagrant here to take its public key from" >&2; exit 1; }
install -d -m 700 "$root/home/vagrant/.ssh"
install -m 600 "$key" "$root/home/vagrant/.ssh/authorized_keys"
chroot "$root" chown -R vagrant:vagrant /home/vagrant
# Each machine makes its own host key. An emulated processor makes an ECDSA key fast.
rm -f "$root"/etc/ssh/ssh_host_*
mkdir -p "$root/etc/systemd/system/ssh.service.d"
cat >"$root/etc/systemd/system/ssh.service.d/keys.conf" <<'END'
[Service]
ExecStartPre=
ExecStartPre=/bin/sh -c 'cd /etc/ssh; [ -e ssh_host_ecdsa_key ] || ssh-keygen -q -t ecdsa -N "" -f ssh_host_ecdsa_key'
ExecStartPre=/usr/sbin/sshd -t
END
printf 'UseDNS no\nGSSAPIAuthentication no\n' >"$root/etc/ssh/sshd_config.d/vagrant.conf"

cat >"$root/etc/systemd/network/20-dhcp.network" <<'END'
[Match]
Name=en* eth*
[Network]
DHCP=ipv4
LinkLocalAddressing=no
[DHCPv4]
ClientIdentifier=mac
END
chroot "$root" systemctl enable systemd-networkd systemd-resolved ssh
chroot "$root" systemctl disable systemd-networkd-wait-online || true
for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_reap.service e2scrub_all.timer fstrim.timer; do
    chroot "$root" systemctl mask "$unit"
done
# for apt's name lookups. Not by chroot: there the path may mean the building machine's file
ln -sfn ../run/systemd/resolve/stub-resolv.conf "$root/etc/resolv.conf"

echo '/dev/vda1 / ext4 rw,noatime,errors=remount-ro 0 1' >"$root/etc/fstab"
[ -e "$root/boot/vmlinuz" ] && [ -e "$root/boot/initrd.img" ]
mkdir -p "$root/boot/grub"
cat >"$root/boot/grub/grub.cfg" <<'END'
set timeout=0
serial --unit=0 --speed=115200
terminal_output serial
linux /boot/vmlinuz root=/dev/vda1 rw console=tty0 console=ttyS0,115200 net.ifnames=0 quiet
initrd /boot/initrd.img
boot
END

# settings of the building machine: its proxies, and writing without fsync
rm -f "$root/etc/apt/apt.conf.d/99mmdebstrap" "$root/etc/dpkg/dpkg.cfg.d/99mmdebstrap"
