#!/usr/bin/env bash
# The lab's mount namespace, and the process that keeps it: `lab/start` runs this inside `unshare --mount`.
# Everything mounted here is seen by the lab alone and is gone with its last process.
#
# Inputs: RUN (state directory), MACHINE_IMAGE, CONFIG (directory with libvirt's configuration files).
set -euo pipefail

mount -t sysfs sysfs /sys # shows this network namespace's links, and no control groups: libvirt runs without them

# A /dev without kvm: the lab emulates on every machine, so that a run here says the same as a run elsewhere.
mkdir -p "$RUN/dev"
mount -t tmpfs -o mode=755,size=1m tmpfs "$RUN/dev"
for node in null zero full random urandom tty; do
  cp -a "/dev/$node" "$RUN/dev/$node"
done
mkdir "$RUN/dev/net" "$RUN/dev/pts" "$RUN/dev/shm"
mknod "$RUN/dev/net/tun" c 10 200
mount --bind /dev/pts "$RUN/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$RUN/dev/shm"
ln -s pts/ptmx "$RUN/dev/ptmx"
ln -s /proc/self/fd "$RUN/dev/fd"
ln -s fd/0 "$RUN/dev/stdin"
ln -s fd/1 "$RUN/dev/stdout"
ln -s fd/2 "$RUN/dev/stderr"
mount --move "$RUN/dev" /dev

# An empty /run: no daemon of the host, such as its name resolver or its firewall, is asked through its socket, and
# nothing says that machines of an earlier start still run.
resolver="$(readlink -f /etc/resolv.conf)"
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/libvirt /run/lock

# libvirt's definitions and disks are kept from one start to the next.
for place in etc/libvirt var/lib/libvirt var/cache/libvirt var/log/libvirt; do
  mkdir -p "$RUN/$place" "/$place"
  mount --bind "$RUN/$place" "/$place"
done
cp "$CONFIG"/*.conf /etc/libvirt/

# A link, so that an image made anew is the one used.
mkdir -p /var/lib/libvirt/boot
ln -sfn "$MACHINE_IMAGE" "/var/lib/libvirt/boot/$(basename "$MACHINE_IMAGE")"

# Debian's libvirt does not start without these names, even where qemu.conf says that machines run as root.
for file in passwd group; do
  cp "/etc/$file" "$RUN/$file"
done
grep -q '^libvirt-qemu:' "$RUN/passwd" || echo 'libvirt-qemu:x:64055:64055::/nonexistent:/usr/sbin/nologin' >>"$RUN/passwd"
grep -q '^libvirt-qemu:' "$RUN/group" || echo 'libvirt-qemu:x:64055:' >>"$RUN/group"
grep -q '^kvm:' "$RUN/group" || echo 'kvm:x:64056:' >>"$RUN/group"
mount --bind "$RUN/passwd" /etc/passwd
mount --bind "$RUN/group" /etc/group

# No nameserver: the host's could not be reached from here, and dnsmasq would make every unknown name wait for it.
echo "# The lab has no uplink." >"$RUN/resolv.conf"
mkdir -p "$(dirname "$resolver")"
touch "$resolver"
mount --bind "$RUN/resolv.conf" "$resolver"

exec -a kubeadm-lab sleep infinity
