#!/usr/bin/env bash
# Runs on the control plane: prints the administrator's kubeconfig, once its API server can say what it has.
#
# Inputs: API_SECONDS (for an answer of the API server).
# Result: a kubeconfig; a secret.

readonly pki=/etc/kubernetes/pki

# The first thing that the Kubernetes provider asks for is the API's schema, and with none it fails. A slow API server works on
# it for longer than it gives itself for one answer, a minute, and keeps what it has worked out.
schema_is_ready() {
  curl --silent --show-error --fail --noproxy '*' --max-time 70 --output /dev/null \
    --cacert "$pki/ca.crt" --cert "$pki/apiserver-kubelet-client.crt" --key "$pki/apiserver-kubelet-client.key" \
    --header 'Accept: application/com.github.proto-openapi.spec.v2.v1.0+protobuf, */*;q=0.1' \
    --resolve kubernetes:6443:127.0.0.1 https://kubernetes:6443/openapi/v2
}

main() {
  step "wait for the API's schema"
  wait_for "$API_SECONDS" "the schema of the API server" schema_is_ready
  step "read the kubeconfig"
  cat /etc/kubernetes/admin.conf
}

main "$@" </dev/null
