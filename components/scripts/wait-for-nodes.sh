#!/usr/bin/env bash
# Runs on the control plane: waits until every node is there, Ready and of the wanted version.
#
# Inputs: NODES (names, one a line), KUBERNETES_VERSION (X.Y.Z), READY_SECONDS.
# Result: none.

export KUBECONFIG=/etc/kubernetes/admin.conf

# Succeeds when no wanted node is missing from the Ready ones; prints what it saw otherwise.
all_ready() {
  local seen node
  seen=$(kubectl get nodes --no-headers 2>&1) || { echo "$seen"; return 1; }
  for node in $NODES; do
    grep --quiet --extended-regexp "^$node +Ready +.* v$KUBERNETES_VERSION\$" <<<"$seen" || { echo "$seen"; return 1; }
  done
}

main() {
  step "wait until all nodes are Ready"
  wait_for "$READY_SECONDS" "every node Ready with v$KUBERNETES_VERSION" all_ready
  step "all nodes are Ready"
}

main "$@" </dev/null
