# shellcheck shell=bash
# What every script on a machine shares; sent in front of it. Inputs: LIMIT, the script's time limit in seconds.
set -euo pipefail
export LC_ALL=C DEBIAN_FRONTEND=noninteractive

doing="starting"

# Says what is being done, for the progress display and for the message of a failure.
step() {
  doing=$1
  printf '[%s +%ss] %s\n' "$(uname -n)" "$SECONDS" "$doing" >&2
}

# Says that the script has done its work, once all of it is on the disk: what a power cut took back half a minute later of a
# step that counts as done, no run would do again.
finish() {
  sync
  step "$1"
}

# Ends the script with a message: what happened, on which machine, and what to do.
fail() {
  printf '%s: %s\n' "$(uname -n)" "$1" >&2
  exit 1
}

# wait_for SECONDS WHAT COMMAND...: runs COMMAND until it succeeds, and leaves what it said last in $said; prints that
# when it never succeeds.
said=""
wait_for() {
  local deadline=$((SECONDS + $1)) what=$2 pause=1
  shift 2
  until said=$("$@" 2>&1); do
    ((SECONDS < deadline)) || fail "$what did not come true in time. Last seen: ${said:-nothing}. Run pulumi up again to go on from here."
    # Longer each time: a kubectl that asks costs an emulated control plane seconds of its time, and one that is asked
    # by everybody all the time never gets up again.
    ((pause = pause < 16 ? pause * 2 : pause))
    sleep "$pause"
  done
}

# Lets only one script at a time work on a subject of this machine: a run that was killed may have left one behind.
only_one() {
  exec 9>"/run/lock/kubeadm-libvirt-$1.lock"
  flock --nonblock 9 && return 0
  step "wait for an earlier run that still works on $1; see: ps -ef | grep 'bash -s'"
  flock 9 # bounded by the script's own limit, which then names this step
}

# With a clock that is far off, certificates and tokens are not valid yet, or no more. The hypervisor gives each machine
# the right time, which NTP then keeps; where there is no NTP, nothing else would ever set it right.
follow_clock() {
  local file=/sys/class/rtc/rtc0/since_epoch now there
  [[ -r $file ]] || return 0
  there=$(<"$file")
  printf -v now '%(%s)T' -1
  ((there - now > 60 || now - there > 60)) || return 0
  step "set the clock, which is $((now - there)) s off"
  date --set="@$there" >&2
}

# What `kubeadm reset` leaves of the pod network. A bridge that keeps an address of the node's old pod network gets no pod
# of the new one.
forget_pod_network() {
  local link
  rm -rf /etc/cni/net.d/* /var/lib/cni/* /run/flannel # not the first directory: containerd watches it, and sees none that is made anew
  for link in cni0 flannel.1; do
    [[ -z $(ip -oneline link show "$link" 2>/dev/null) ]] || ip link delete "$link"
  done
}

# ending DAYS <FILES: which of these files of /etc/kubernetes, one a line, have a certificate that ends within so many days,
# or has ended, or cannot be read. A CA's lives ten years, and nothing renews it.
ending() {
  local file path until=("-checkend" "$(($1 * 24 * 3600))" "-noout")
  while read -r file; do
    path=/etc/kubernetes/$file
    [[ -s $path ]] || continue
    case $file in
      *ca.crt) ;;
      *.crt) openssl x509 "${until[@]}" -in "$path" >/dev/null || echo "$file" ;;
      *.conf)
        sed --quiet 's/^ *client-certificate-data: //p' "$path" | base64 --decode | openssl x509 "${until[@]}" >/dev/null || echo "$file"
        ;;
    esac
  done
}

# What a node's programs come from.
node_packages=(kubeadm kubelet kubectl kubernetes-cni containerd runc docker.io docker-cli iptables conntrack ethtool socat)

# What is gone or empty, by rm or a power cut, of the programs and units of these packages, or may not be run; a process runs
# on without its file.
lost_programs() {
  local file
  while read -r file; do
    case $file in
      *.md | */LICENSE) ;;
      /*bin/*) [[ -s $file && -x $file ]] || echo "$file" ;;
      /*/systemd/system/*) [[ -s $file ]] || echo "$file" ;;
    esac
  done < <(dpkg-query --listfiles "${node_packages[@]}" 2>/dev/null) # docker's need not be there
}

# Whether etcd's data is there, in its place or where its manifest says, as after a restore from a backup.
etcd_has_data() {
  local directory
  [[ ! -e /var/lib/etcd/member ]] || return 0
  while read -r directory; do
    [[ ! -e $directory/member ]] || return 0
  done < <(sed --quiet 's/^ *path: //p' /etc/kubernetes/manifests/etcd.yaml 2>/dev/null)
  return 1
}

# Whether a kubelet could start with the files that make a machine a node. A power cut leaves files empty; and the kubelet's
# certificate lives a year, which the kubelet renews while it runs.
node_is_whole() {
  local certificate=/var/lib/kubelet/pki/kubelet-client-current.pem
  [[ -s /etc/kubernetes/kubelet.conf && -s /var/lib/kubelet/config.yaml ]] || return
  # One that kubeadm has written anew on a control plane has its certificate in itself for a start.
  ! grep --quiet "$certificate" /etc/kubernetes/kubelet.conf || openssl x509 -checkend 0 -noout -in "$certificate" >/dev/null 2>&1
}

trap 'fail "stopped after its limit of ${LIMIT} s while: $doing. Run pulumi up again to go on from here, or raise timeoutFactor."' TERM

# What a script removes however it ends; a script that has something to remove defines its own.
cleanup() { :; }
trap 'code=$?; cleanup; ((code == 0)) || printf "%s: failed while: %s\n" "$(uname -n)" "$doing" >&2' EXIT
