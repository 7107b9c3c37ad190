#!/usr/bin/env bash
# Runs on the control plane: waits until every node is there, Ready and of the wanted version.
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

main() {
  step "wait until all nodes are Ready"
  wait_for "$READY_SECONDS" "every node Ready with v$KUBERNETES_VERSION" all_ready
  step "all nodes are Ready"
}

main "$@" </dev/null
