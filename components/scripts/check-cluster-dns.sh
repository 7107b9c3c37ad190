#!/usr/bin/env bash
# Runs on the control plane: looks up a service's name from inside a pod, so that CoreDNS is known to answer.
#
# Inputs: NAMESPACE and WORKLOAD (for example deployment/nginx) to look up from, DNS_SECONDS.
# Result: none.

export KUBECONFIG=/etc/kubernetes/admin.conf

main() {
  step "look up kubernetes.default.svc.cluster.local from $WORKLOAD"
  wait_for "$DNS_SECONDS" "an answer of the cluster's DNS to $WORKLOAD" \
    kubectl --namespace "$NAMESPACE" exec "$WORKLOAD" -- getent hosts kubernetes.default.svc.cluster.local
  step "the cluster's DNS answers"
}

main "$@" </dev/null
