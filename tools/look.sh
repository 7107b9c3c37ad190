# shellcheck shell=bash
# Runs on a machine of the cluster, sent over SSH by tools/look.py behind common.sh: says what is there, and changes nothing.
# Goes on whatever fails.
# Inputs: RENEWAL_DAYS (how long before its end a certificate is renewed), CONTROL_PLANE_FILES (what kubeadm has made in
#   /etc/kubernetes, one a line).
# Result: lines "WHAT VALUE"; "changed …" for each thing that is not as the program has left it, in words; "network …" for
# what pods lack to be reached or to start, and nothing but a start of the machine brings back at once; of a machine with
# etcd's data also "Node NAME READY AVAILABLE UNSCHEDULABLE REPLICAS DRAINED", the same of each Deployment, DaemonSet, Service and
# ConfigMap of kube-system with <none> for what it has not; none of these where its API server does not answer.
set +e -uo pipefail
trap - EXIT TERM

readonly settings=/etc/sysctl.d/99-kubernetes.conf modules=/etc/modules-load.d/kubernetes.conf

changed() { printf 'changed %s\n' "$1"; }

for unit in containerd kubelet docker; do
  printf '%s %s\n' "$unit" "$(systemctl is-active "$unit")"
done
# How long the kubelet has had to make its node Ready.
started=$(systemctl show kubelet --property=ActiveEnterTimestampMonotonic --value)
printf 'kubelet-seconds %s\n' $(($(cut --delimiter=. --fields=1 /proc/uptime) - ${started:-0} / 1000000))
# Since somebody has last started it, and not systemd by itself.
printf 'kubelet-restarts %s\n' "$(systemctl show kubelet --property=NRestarts --value)"
printf 'swap %s\n' "$(swapon --noheadings --show=NAME | wc --lines)"
printf 'clock %s\n' "$(date +%s)"
# Over the last five minutes.
read -r _ tasks _ </proc/loadavg
printf 'tasks %s\nprocessors %s\n' "$tasks" "$(nproc)"
printf 'disk %s\n' "$(df --output=pcent / | tail --lines=1 | tr --delete --complement '0-9')"

# What prepare-node.sh has set, for now and for the next start.
for file in "$settings" "$modules" /etc/containerd/config.toml /etc/containerd/certs.d; do
  [[ -s $file || -d $file ]] || changed "$file is gone or empty"
done
if [[ -e $settings ]]; then
  while read -r setting _ value; do
    [[ $(sysctl --values "$setting") == "$value" ]] || changed "$setting is not $value"
  done <"$settings"
fi
! grep --quiet '^[^#].*[[:space:]]swap[[:space:]]' /etc/fstab || changed "swap comes back at the next start"
packages=$(dpkg-query --show --showformat='${Package} ${db:Status-Want} ${db:Status-Status}\n' kubeadm kubelet kubectl)
for package in kubeadm kubelet kubectl; do
  [[ $packages == *"$package hold installed"* ]] || changed "$package is not held at its version"
done

# Which a kubelet or a containerd that runs does not miss before it starts again.
mapfile -t lost < <(lost_programs)
((${#lost[@]} == 0)) || changed "of the packages' programs ${#lost[@]} are gone or empty, among them ${lost[0]}"

# flannel's pod writes these when it starts, and no other pod starts on this machine without.
for file in /opt/cni/bin/flannel /run/flannel/subnet.env; do
  [[ ! -e /etc/cni/net.d/10-flannel.conflist || -s $file ]] || echo "network flannel's $file is gone or empty"
done

# A pod is put on the bridge when it is made, and never again; flannel's own device flannel makes anew by itself. Without
# pods there need be no bridge, and Docker has one of its own.
pods=$(ip -oneline link show type veth | grep --invert-match ' master docker')
[[ -z $pods || $(ip -oneline link show cni0 2>/dev/null) =~ [\<,]UP[,\>] ]] || echo 'network cni0 is gone or down'
# kube-proxy misses a chain that is gone within seconds, and rules that are gone from it within the hour.
chains=$(iptables-save --table nat 2>/dev/null)
[[ $chains != *:KUBE-SERVICES* || $chains == *'-A KUBE-SERVICES'* ]] || echo "network kube-proxy's rules are gone"

if node_is_whole; then
  echo 'joined yes'
elif [[ -e /etc/kubernetes/kubelet.conf && -e /var/lib/kubelet/config.yaml ]]; then
  echo 'joined damaged'
else
  echo 'joined no'
  printf 'first-boot %s\n' "$(cloud-init status | sed -n 's/^status: //p')"
fi

# A reset takes all three away. Data that is gone alone may only lie elsewhere, as after a restore from a backup.
if [[ -e /var/lib/etcd/member || -e /etc/kubernetes/manifests/etcd.yaml || (-e /var/lib/kubeadm-libvirt/cluster.yaml && -e /etc/kubernetes/kubelet.conf) ]]; then
  echo 'cluster yes'
  while read -r file; do
    [[ -s /etc/kubernetes/$file ]] || changed "/etc/kubernetes/$file is gone or empty"
  done <<<"$CONTROL_PLANE_FILES"
  ending=$(ending "$RENEWAL_DAYS" <<<"$CONTROL_PLANE_FILES")
  [[ -z $ending ]] || changed "these certificates are damaged or end within $RENEWAL_DAYS days: ${ending//$'\n'/, }"
  [[ ! -e /var/lib/kubeadm-libvirt/unfinished ]] || changed "an earlier run was stopped while it put the control plane right"
  [[ -e /home/$SUDO_USER/.kube/config ]] || changed "$SUDO_USER has no kubeconfig"
  columns='K:.kind,A:.metadata.name,R:.status.conditions[?(@.type=="Ready")].status,V:.status.availableReplicas'
  # Less time than look.py gives a machine that has begun to answer: one that is slow to answer for its cluster has answered.
  timeout 40 kubectl --kubeconfig=/etc/kubernetes/admin.conf --namespace kube-system get nodes,deployments,daemonsets,services,configmaps \
    --no-headers --output "custom-columns=$columns,U:.spec.unschedulable,W:.spec.replicas,D:.metadata.labels.kubeadm-libvirt/drained"
else
  echo 'cluster no'
fi
