#!/usr/bin/env bash
# Runs on the control plane: waits until every node is there, Ready and of the wanted version, and lets a node take pods
# again whose drain by worker-membership.sh was stopped half-way.
#
# Inputs: NODES (names, one a line), KUBERNETES_VERSION (X.Y.Z), READY_SECONDS.
# Result: none.

export KUBECONFIG=/etc/kubernetes/admin.conf

# `kubectl wait` watches: asking anew every second would keep an emulated control plane busy by itself.
all_ready() {
  local node seen names
  mapfile -t names <<<"$NODES"
  kubectl wait --for=condition=Ready --timeout=60s "${names[@]/#/node/}" || { kubectl get nodes; return 1; }
  for node in "${names[@]}"; do
    seen=$(kubectl get node "$node" --output 'jsonpath={.status.nodeInfo.kubeletVersion}')
    [[ $seen == "v$KUBERNETES_VERSION" ]] || { echo "node $node runs $seen"; return 1; }
  done
}

end_stopped_drains() {
  local node drained
  drained=$(kubectl get nodes --selector kubeadm-libvirt/drained --output name) || return
  for node in ${drained//node\//}; do
    [[ $'\n'$NODES$'\n' == *$'\n'$node$'\n'* ]] || continue # it is about to leave
    kubectl uncordon "$node" && kubectl label node "$node" kubeadm-libvirt/drained- || return
  done
}

main() {
  step "wait until all nodes are Ready"
  wait_for "$READY_SECONDS" "every node Ready with v$KUBERNETES_VERSION" all_ready
  wait_for "$READY_SECONDS" "the end of drains that were stopped half-way" end_stopped_drains
  step "all nodes are Ready"
}

main "$@" </dev/null
