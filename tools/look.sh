# shellcheck shell=bash
# Runs on a machine of the cluster, sent over SSH by tools/look.py behind common.sh: says what is there, and changes nothing.
# Goes on whatever fails.
# Inputs: RENEWAL_DAYS (how long before its end a certificate is renewed), CONTROL_PLANE_FILES (what kubeadm has made in
#   /etc/kubernetes, one a line).
# Result: lines "WHAT VALUE"; "changed …" for each thing that is not as the program has left it, in words; "start …" for what
# nothing but a start of the machine brings back, and "network …" for the same where a machine that has just started may lack it;
# of a machine with etcd's data also "Node NAME READY AVAILABLE UNSCHEDULABLE REPLICAS DRAINED", the same of each Deployment,
# DaemonSet, Service and ConfigMap of kube-system with <none> for what it has not; "api forbids" where the administrator may not
# see them, and none of these where the API server does not answer.
set +e -uo pipefail
trap - EXIT TERM

readonly settings=/etc/sysctl.d/99-kubernetes.conf modules=/etc/modules-load.d/kubernetes.conf

changed() { printf 'changed %s\n' "$1"; }

for unit in containerd kubelet docker; do
  printf '%s %s\nstart-of-%s %s\n' "$unit" "$(systemctl is-active "$unit")" "$unit" "$(systemctl is-enabled "$unit")"
done
# How long the kubelet has had to make its node Ready.
started=$(systemctl show kubelet --property=ActiveEnterTimestampMonotonic --value)
seconds=$(($(cut --delimiter=. --fields=1 /proc/uptime) - ${started:-0} / 1000000))
printf 'kubelet-seconds %s\n' "$seconds"
# Since somebody has last started it, and not systemd by itself.
printf 'kubelet-restarts %s\n' "$(systemctl show kubelet --property=NRestarts --value)"
printf 'swap %s\n' "$(swapon --noheadings --show=NAME | wc --lines)"
printf 'clock %s\n' "$(date +%s)"
# Over the last five minutes.
read -r _ tasks _ </proc/loadavg
printf 'tasks %s\nprocessors %s\n' "$tasks" "$(nproc)"
printf 'disk %s\n' "$(df --output=pcent / | tail --lines=1 | tr --delete --complement '0-9')"

# As the kernel makes it where the disk fails: nothing can be put right on it.
[[ ,$(findmnt --noheadings --output OPTIONS /), != *,ro,* ]] || echo 'start its disk is read-only'

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
((${#lost[@]} == 0)) || changed "of the packages' programs ${#lost[@]} cannot be run, among them ${lost[0]}"

# flannel's pod puts the first there before the configuration, and the second after it. Without, no other pod starts here.
if [[ -e /etc/cni/net.d/10-flannel.conflist ]]; then
  [[ -s /opt/cni/bin/flannel ]] || echo "start flannel's /opt/cni/bin/flannel is gone or empty"
  [[ -s /run/flannel/subnet.env ]] || echo "network flannel's /run/flannel/subnet.env is gone or empty"
fi
# A device that is gone flannel makes anew, without the routes to other nodes; one that is down it leaves.
[[ ! -s /run/flannel/subnet.env || -n $(ip route show dev flannel.1 2>/dev/null) ]] || echo 'network flannel.1 has no routes to other nodes'

# A pod is put on the bridge when it is made, and never again. Without pods there need be no bridge, and Docker has one of its
# own.
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

# Where its manifest is gone too, but not what a reset takes away, the data may lie elsewhere.
readonly record=/var/lib/kubeadm-libvirt/cluster.yaml
if etcd_has_data || [[ ! -e /etc/kubernetes/manifests/etcd.yaml && -e $record && -e /etc/kubernetes/kubelet.conf ]]; then
  echo 'cluster yes'
  [[ -s $record ]] || changed "the record of what the cluster was made with is gone or empty"
  # What its own manifest keeps from starting, such as a slip of the hand; STUCK_SECONDS of tools/seen.py.
  for component in etcd kube-apiserver kube-controller-manager kube-scheduler; do
    ((seconds <= 300)) || pgrep --exact "${component:0:15}" >/dev/null || changed "$component does not run"
  done
  while read -r file; do
    [[ -s /etc/kubernetes/$file ]] || changed "/etc/kubernetes/$file is gone or empty"
  done <<<"$CONTROL_PLANE_FILES"
  ending=$(ending "$RENEWAL_DAYS" <<<"$CONTROL_PLANE_FILES")
  [[ -z $ending ]] || changed "these certificates are damaged or end within $RENEWAL_DAYS days: ${ending//$'\n'/, }"
  [[ ! -e /var/lib/kubeadm-libvirt/unfinished ]] || changed "an earlier run was stopped while it put the control plane right"
  [[ -e /home/$SUDO_USER/.kube/config ]] || changed "$SUDO_USER has no kubeconfig"
  columns='K:.kind,A:.metadata.name,R:.status.conditions[?(@.type=="Ready")].status,V:.status.availableReplicas'
  # Less time than look.py gives a machine that has begun to answer: one that is slow to answer for its cluster has answered.
  objects=$(timeout 40 kubectl --kubeconfig=/etc/kubernetes/admin.conf --namespace kube-system \
    get nodes,deployments,daemonsets,services,configmaps --no-headers \
    --output "custom-columns=$columns,U:.spec.unschedulable,W:.spec.replicas,D:.metadata.labels.kubeadm-libvirt/drained" 2>&1)
  [[ $objects != *'(Forbidden)'* ]] || objects='api forbids'
  printf '%s\n' "$objects"
else
  echo 'cluster no'
fi
