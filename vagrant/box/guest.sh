#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes a machine for Vagrant of a release that mmdebstrap is about to finish.
# usage: guest.sh ROOT
set -eu
root=$1

echo ashmem >"$root/etc/hostname"
printf '127.0.0.1 localhost\n127.0.1.1 ashmem\n' >"$root/etc/hosts"
# made anew by the first boot
: >"$root/etc/machine-id"

chroot "$root" useradd -m -s /bin/bash -p '*' vagrant
echo 'vagrant ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/vagrant"
chmod 440 "$root/etc/sudoers.d/vagrant"
# Vagrant's own key, which everybody has: Vagrant puts another in its place when it first gets in.
key=$(find /usr/share /opt/vagrant -path '*/keys/vagrant.pub' -type f 2>/dev/null | head -n 1)
[ -n "$key" ] || { echo "there is no Vagrant here to take its public key from" >&2; exit 1; }
install -d -m 700 "$root/home/vagrant/.ssh"
install -m 600 "$key" "$root/home/vagrant/.ssh/authorized_keys"
chroot "$root" chown -R vagrant:vagrant /home/vagrant
# Each machine makes a key of its own, of the kind that takes an emulated processor no time.
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
# so that apt finds its servers; inside of the chroot it may be the machine's own that is meant
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

# Settings of the machine that it was made on: proxies, and writing without care.
rm -f "$root/etc/apt/apt.conf.d/99mmdebstrap" "$root/etc/dpkg/dpkg.cfg.d/99mmdebstrap"
