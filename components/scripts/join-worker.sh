#!/usr/bin/env bash
# Runs on a worker, called by worker-membership.sh: joins this machine to the cluster with `kubeadm join`.
#
# Inputs: JOIN_CONFIGURATION (v1beta4, with the token), REGISTERED (yes where the cluster knows a node of this name).
# Result: none.

readonly document=/run/kubeadm-join.yaml
readonly configuration=/var/lib/kubelet/config.yaml # of the kubelet, which runs on without it until its next start

cleanup() { rm -f "$document"; }

main() {
  only_one "the join of this machine"
  follow_clock
  if [[ $REGISTERED == yes ]] && node_is_whole && systemctl --quiet is-active kubelet; then
    step "joined already"
    return 0
  fi
  # The kubelet's own certificates show a join also where all of /etc/kubernetes was removed under a kubelet that runs on.
  if [[ -e /var/lib/kubelet/pki || -e $configuration || -e /etc/kubernetes/kubelet.conf || -e /etc/kubernetes/bootstrap-kubelet.conf || -e /etc/kubernetes/pki/ca.crt ]]; then
    step "take back a join that was stopped half-way"
    kubeadm reset --force --cri-socket unix:///run/containerd/containerd.sock >&2
  fi
  forget_pod_network
  step "kubeadm join"
  install --mode=0600 /dev/null "$document"
  printf '%s' "$JOIN_CONFIGURATION" >"$document"
  kubeadm join --config "$document" >&2
  finish "joined"
}

main "$@" </dev/null
