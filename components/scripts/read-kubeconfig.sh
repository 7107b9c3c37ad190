#!/usr/bin/env bash
# Prints the administrator's kubeconfig. Inputs: none. Result: a kubeconfig; a secret.

main() {
  step "read the kubeconfig"
  cat /etc/kubernetes/admin.conf
}

main "$@" </dev/null
