# shellcheck shell=bash
# Runs on a machine of the cluster, sent over SSH by tools/look.py: says what is there, and changes nothing.
# Result: lines "WHAT VALUE"; of a control plane also "node NAME READY", or "api down".
set -uo pipefail

for unit in containerd kubelet; do
  printf '%s %s\n' "$unit" "$(systemctl is-active "$unit")"
done
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

if [[ -e /etc/kubernetes/manifests/kube-apiserver.yaml ]]; then
  export KUBECONFIG=/etc/kubernetes/admin.conf
  kubectl --request-timeout=60s get nodes --no-headers --output \
    custom-columns='A:.metadata.name,B:.status.conditions[?(@.type=="Ready")].status,C:.spec.unschedulable' |
    sed 's/^/node /' || echo 'api down'
fi
