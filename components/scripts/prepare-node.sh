#!/usr/bin/env bash
# Makes a Debian machine ready for kubeadm: upgraded, container runtime and Kubernetes packages installed, swap off,
# kernel modules and sysctls set, images pulled. Every step looks at what is there and may be repeated.
#
# Inputs: ROLE (control-plane or worker), CONTAINER_RUNTIME (docker or containerd), SYSTEM_UPGRADE (True or False),
#   KUBERNETES_VERSION (X.Y.Z), KUBERNETES_REPOSITORY (URL of a flat apt repository, its key at Release.key),
#   APT_MIRROR and APT_MIRROR_KEY (URLs or empty), IMAGE_MIRRORS (lines "REGISTRY URL"),
#   SANDBOX_IMAGE (the pause image), IMAGES (names, one a line, to pull early), PATIENCE_SECONDS (for one download, one
#   lock or one start of a service).
# Result: none.

# What apt and dpkg say goes to a log of the machine; a failure shows its end.
apt_get() {
  local log=/var/log/kubeadm-libvirt-apt.log
  apt-get --quiet=2 --option DPkg::Lock::Timeout="$PATIENCE_SECONDS" --option Acquire::Retries=3 \
    --option Dpkg::Options::=--force-confdef --option Dpkg::Options::=--force-confold "$@" >>"$log" 2>&1 ||
    fail "apt-get $1 failed. The end of $log: $(tail --lines=15 "$log")"
}

wait_for_cloud_init() {
  local code=0 said
  said=$(cloud-init status --wait --long 2>&1) || code=$?
  # 2 is "done, with a recoverable error", since cloud-init 23.4; such as a deprecated key.
  ((code == 0 || code == 2)) || fail "cloud-init failed: $said. Look at /var/log/cloud-init-output.log, then replace the machine: pulumi up --replace."
}

# kubeadm upgrades a cluster in steps of its own; new packages alone would make kubelets newer than their API server.
refuse_other_version() {
  local installed
  [[ -e /var/lib/kubeadm-libvirt/cluster.yaml || ($ROLE == worker && -e /etc/kubernetes/kubelet.conf) ]] || return 0
  # All three have one version, and somebody may have purged one, which is then installed again.
  installed=$(dpkg-query --show --showformat='${Version}\n' kubelet kubeadm kubectl 2>/dev/null | grep --max-count=1 .) || true
  [[ -z $installed || $installed == "$KUBERNETES_VERSION"-* ]] || fail "this node runs Kubernetes $installed, which cannot be changed in a cluster that exists. Set kubernetesVersion back, or build the cluster anew: pulumi destroy, pulumi up."
}

download_key() {
  curl --fail --silent --show-error --location --max-time 60 --output "$2.new" "$1" || return
  # A server in trouble, or a proxy's login page, answers 200 too; apt would refuse every list for its sake.
  grep --quiet 'BEGIN PGP PUBLIC KEY BLOCK' "$2.new" || { echo "what it answers is no key"; return 1; }
  mv "$2.new" "$2"
}

fetch_key() {
  wait_for "$PATIENCE_SECONDS" "the download of $1" download_key "$1" "$2"
}

# Debian's own sources are kept under names that apt passes over, for when the mirror is taken back.
write_sources() {
  local mirror=/etc/apt/sources.list.d/mirror.list mirror_key=/etc/apt/keyrings/mirror.asc
  local file debians=(/etc/apt/sources.list /etc/apt/sources.list.d/debian.sources)
  install --directory --mode=0755 /etc/apt/keyrings
  fetch_key "${KUBERNETES_REPOSITORY}Release.key" /etc/apt/keyrings/kubernetes.asc
  echo "deb [signed-by=/etc/apt/keyrings/kubernetes.asc] $KUBERNETES_REPOSITORY /" >/etc/apt/sources.list.d/kubernetes.list
  if [[ -z $APT_MIRROR ]]; then
    for file in "${debians[@]}"; do
      [[ ! -e $file.disabled ]] || mv "$file.disabled" "$file"
    done
    rm -f "$mirror" "$mirror_key"
    return 0
  fi
  local signed_by=/usr/share/keyrings/debian-archive-keyring.gpg codename
  if [[ -n $APT_MIRROR_KEY ]]; then
    signed_by=$mirror_key
    fetch_key "$APT_MIRROR_KEY" "$signed_by"
  fi
  codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
  echo "deb [signed-by=$signed_by] $APT_MIRROR $codename main" >"$mirror"
  for file in "${debians[@]}"; do
    [[ ! -e $file ]] || mv "$file" "$file.disabled"
  done
}

# The lists have a lock that DPkg::Lock::Timeout does not cover, so apt-get update is repeated.
refresh_lists() {
  wait_for "$PATIENCE_SECONDS" "apt-get update" apt-get --quiet=2 --error-on=any update
}

# Where a run, or the machine, was stopped while dpkg worked, apt-get refuses whatever it is asked for until this is mended.
mend_packages() {
  dpkg --configure --pending >&2 || true # a package that lacks another one yet is for the next line
  apt_get install --fix-broken
}

# What kubeadm and flannel need of the kernel, now and after a reboot.
configure_kernel() {
  printf '%s\n' overlay br_netfilter vxlan >/etc/modules-load.d/kubernetes.conf
  modprobe --all overlay br_netfilter vxlan
  printf '%s = 1\n' net.ipv4.ip_forward net.bridge.bridge-nf-call-iptables net.bridge.bridge-nf-call-ip6tables \
    >/etc/sysctl.d/99-kubernetes.conf
  sysctl --quiet --load=/etc/sysctl.d/99-kubernetes.conf
}

# The kubelet refuses to start with swap on. Swap comes back after a reboot from fstab, from swap units and from zram.
turn_off_swap() {
  swapoff --all
  sed --in-place '/^[^#].*[[:space:]]swap[[:space:]]/d' /etc/fstab
  systemctl --quiet mask swap.target
}

# Written before the package is there, so that containerd starts once, configured. Version 2 is read by containerd 1.7
# and converted by 2.x. Debian's own file looks for CNI plugins in /usr/lib/cni, where kubeadm's are not.
configure_containerd() {
  local new registry url
  new=$(
    cat <<TOML
version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "$SANDBOX_IMAGE"
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/opt/cni/bin"
  conf_dir = "/etc/cni/net.d"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  SystemdCgroup = true
[plugins."io.containerd.grpc.v1.cri".registry]
  config_path = "/etc/containerd/certs.d"
TOML
  )
  rm -rf /etc/containerd/certs.d # a mirror that is configured no more
  install --directory /etc/containerd/certs.d
  while read -r registry url; do
    [[ -n $registry ]] || continue
    install --directory "/etc/containerd/certs.d/$registry"
    printf '[host."%s"]\n  capabilities = ["pull", "resolve"]\n' "$url" >"/etc/containerd/certs.d/$registry/hosts.toml"
  done <<<"$IMAGE_MIRRORS"
  [[ -f /etc/containerd/config.toml && $(</etc/containerd/config.toml) == "$new" ]] && return 0
  printf '%s\n' "$new" >/etc/containerd/config.toml
  if systemctl --quiet is-active containerd; then systemctl restart containerd; fi
}

install_packages() {
  local packages=(containerd runc iptables conntrack ethtool socat) units=(containerd kubelet) lost again=()
  lost=$(lost_programs)
  if [[ -n $lost ]]; then
    step "install all packages again, for what these have lost: ${lost//$'\n'/, }"
    again=(--reinstall kubernetes-cni) # which only the kubelet asks for
    [[ $lost != */docker* ]] || again+=(docker.io docker-cli) # which another containerRuntime leaves there
  fi
  # trixie's docker.io only recommends docker-cli, and without it there is no `docker` command.
  [[ $CONTAINER_RUNTIME != docker ]] || packages+=(docker.io docker-cli) units+=(docker)
  apt_get install --no-install-recommends --allow-change-held-packages "${again[@]}" "${packages[@]}" \
    "kubeadm=$KUBERNETES_VERSION-*" "kubelet=$KUBERNETES_VERSION-*" "kubectl=$KUBERNETES_VERSION-*"
  apt-mark hold kubeadm kubelet kubectl >&2
  # One that somebody has masked could not be started. Not before its package: of a unit that is not there, systemctl says so.
  systemctl --quiet unmask "${units[@]}"
  systemctl --quiet enable "${units[@]}"
  start_services
  # One whose socket somebody has removed runs on, and nobody reaches it.
  ctr version >/dev/null 2>&1 || systemctl --quiet restart containerd
  wait_for "$PATIENCE_SECONDS" "containerd's socket" ctr version
}

# They run already, but on a machine where somebody has stopped one.
start_services() {
  systemctl --quiet start containerd
  [[ $CONTAINER_RUNTIME != docker ]] || systemctl --quiet start docker
  [[ ! -e /etc/kubernetes/kubelet.conf ]] || systemctl --quiet start kubelet
}

# Images that this machine will need, while other machines are still at work.
pull_images() {
  local image wanted=$IMAGES
  if [[ $ROLE == control-plane ]]; then
    step "list the images of the control plane"
    wanted+=$'\n'$(kubeadm config images list --kubernetes-version "v$KUBERNETES_VERSION")
  fi
  while read -r image; do
    [[ -n $image && -z $(ctr --namespace k8s.io images list --quiet "name==$image") ]] || continue
    step "pull $image"
    wait_for "$PATIENCE_SECONDS" "the pull of $image" ctr --namespace k8s.io images pull --hosts-dir /etc/containerd/certs.d "$image"
  done < <(sort --unique <<<"$wanted")
}

main() {
  step "wait for cloud-init"
  wait_for_cloud_init
  only_one "the preparation of this machine"
  refuse_other_version
  follow_clock
  step "read package lists"
  write_sources
  refresh_lists
  step "mend what was stopped while it installed packages"
  mend_packages
  if [[ $SYSTEM_UPGRADE == True ]]; then
    step "upgrade the system"
    apt_get upgrade
    apt_get dist-upgrade
  fi
  step "set kernel modules, sysctls and swap"
  configure_kernel
  turn_off_swap
  step "install $CONTAINER_RUNTIME, kubeadm, kubelet and kubectl $KUBERNETES_VERSION"
  configure_containerd
  install_packages
  pull_images
  finish "prepared"
}

main "$@" </dev/null
