# shellcheck shell=bash
# Runs on a machine of the cluster, sent over SSH by tools/look.py: says what is there, and changes nothing.
# Result: lines "WHAT VALUE"; of a machine with etcd's data also "Node NAME READY AVAILABLE UNSCHEDULABLE", the same of each
# Deployment and DaemonSet of kube-system with <none> for what it has not; none of these where its API server does not answer.
set -uo pipefail

units=(containerd kubelet)
! command -v dockerd >/dev/null || units+=(docker)
for unit in "${units[@]}"; do
  printf '%s %s\n' "$unit" "$(systemctl is-active "$unit")"
done
# How long the kubelet has had to make its node Ready.
started=$(systemctl show kubelet --property=ActiveEnterTimestampMonotonic --value)
printf 'kubelet-seconds %s\n' $(($(cut --delimiter=. --fields=1 /proc/uptime) - ${started:-0} / 1000000))
printf 'swap %s\n' "$(swapon --noheadings --show=NAME | wc --lines)"
printf 'clock %s\n' "$(date +%s)"
printf 'disk %s\n' "$(df --output=pcent / | tail --lines=1 | tr --delete --complement '0-9')"
printf 'forwarding %s\n' "$(cat /proc/sys/net/ipv4/ip_forward)"
if [[ -e /etc/kubernetes/kubelet.conf ]]; then
  echo 'joined yes'
else
  echo 'joined no'
  printf 'first-boot %s\n' "$(cloud-init status | sed -n 's/^status: //p')"
fi

if [[ -e /var/lib/etcd/member ]]; then
  echo 'cluster yes'
  missing=()
  for component in etcd kube-apiserver kube-controller-manager kube-scheduler; do
    [[ -e /etc/kubernetes/manifests/$component.yaml ]] || missing+=("$component")
  done
  printf 'missing %s\n' "${missing[*]}"
  columns='K:.kind,A:.metadata.name,R:.status.conditions[?(@.type=="Ready")].status,V:.status.availableReplicas'
  kubectl --kubeconfig=/etc/kubernetes/admin.conf --request-timeout=60s --namespace kube-system \
    get nodes,deployments,daemonsets --no-headers --output "custom-columns=$columns,U:.spec.unschedulable"
else
  echo 'cluster no'
fi
