#!/usr/bin/env bash
# Makes this machine the cluster's first control plane with `kubeadm init`, once; later runs check that it answers.
#
# Inputs: KUBEADM_CONFIGURATION (v1beta4 documents), LOGIN_USER (gets admin.conf as ~/.kube/config),
#   PATCHES (directory of patches that the configuration names), LIVENESS_FAILURES (failed probes until a static pod is
#   restarted), READINESS_PERIOD (seconds between two probes), ELECTION_TIMEOUT (etcd's, milliseconds),
#   MONITOR_GRACE (seconds that a node may be silent),
#   API_SECONDS (how long the API server may take to answer), RENEWAL_DAYS (how long before its end a certificate is renewed),
#   CONTROL_PLANE_FILES (what kubeadm has made in /etc/kubernetes, one a line), ADDONS and RECORDS (what it has made
#   in kube-system, such as configmap/coredns).
# Result: none.

# Written when init has succeeded. Not in /etc/kubernetes: who restores that, or removes it, must not make a cluster that was
# once whole look like an init that was stopped half-way.
readonly saved=/var/lib/kubeadm-libvirt/cluster.yaml
readonly static_pods=(etcd kube-apiserver kube-controller-manager kube-scheduler)
export KUBECONFIG=/etc/kubernetes/admin.conf

cleanup() { rm -f /run/kubeadm-init.yaml; }

wait_for_api() { wait_for "$API_SECONDS" "an answer of the API server (/readyz)" kubectl get --raw /readyz; }

# A static pod that is only slow must not be restarted: its start is the most work of all, and the next one is slower.
# Nor must it be asked every second whether it is ready: each answer costs a TLS handshake, and etcd a read.
# etcd gives a request up after 5 s and two election timeouts ("etcdserver: request timed out"), which nobody asks again.
# And a node that is only late must not lose its pods.
write_patches() {
  local component changes
  install --directory --mode=0700 "$PATCHES"
  for component in "${static_pods[@]}"; do
    changes="livenessProbe: {failureThreshold: $LIVENESS_FAILURES}"
    # kubeadm gives this one no readiness probe that could be patched.
    [[ $component == kube-controller-manager ]] || changes+=", readinessProbe: {periodSeconds: $READINESS_PERIOD}"
    [[ $component != etcd ]] || changes+=", env: [{name: ETCD_ELECTION_TIMEOUT, value: '$ELECTION_TIMEOUT'}]"
    echo "spec: {containers: [{name: $component, $changes}]}" >"$PATCHES/$component+strategic.yaml"
  done
  # A strategic patch would replace the whole command.
  echo "[{op: add, path: /spec/containers/0/command/-, value: --node-monitor-grace-period=${MONITOR_GRACE}s}]" \
    >"$PATCHES/kube-controller-manager+json.yaml"
}

# Only an init that was stopped half-way is taken back. A cluster that was once whole is never reset from here.
initialise() {
  if [[ -e /etc/kubernetes/manifests/kube-apiserver.yaml || -e /etc/kubernetes/pki || -e /var/lib/etcd/member ]]; then
    step "take back an init that was stopped half-way"
    kubeadm reset --force --cri-socket unix:///run/containerd/containerd.sock >&2
  fi
  forget_pod_network
  step "kubeadm init"
  write_patches
  install --mode=0600 /dev/null /run/kubeadm-init.yaml
  printf '%s' "$KUBEADM_CONFIGURATION" >/run/kubeadm-init.yaml
  kubeadm init --config /run/kubeadm-init.yaml --skip-token-print >&2
  install -D --mode=0600 /run/kubeadm-init.yaml "$saved"
}

# The first document steers init itself, such as its time limits; what follows is what the cluster consists of.
of_the_cluster() { printf '%s\n' "${1#*$'\n---\n'}"; }

refuse_other_configuration() {
  local is wanted
  is=$(of_the_cluster "$(<"$saved")") wanted=$(of_the_cluster "$KUBEADM_CONFIGURATION")
  [[ $is == "$wanted" ]] && return 0
  step "compare the cluster with the configuration"
  diff <(echo "$is") <(echo "$wanted") >&2 || true
  fail "kubeadm cannot change this in a cluster that exists. Set it back, or build the cluster anew: pulumi destroy, pulumi up."
}

lost() {
  fail "the cluster is gone, for $1 is missing, as after kubeadm reset. Build a new one: make up REBUILD=yes, or pulumi destroy and pulumi up."
}

# What somebody has removed of a cluster that was once whole, kubeadm writes anew; but not what only that cluster knew.
restore() {
  local file missing=()
  # Where etcd's manifest is there, its data may lie elsewhere, as after a restore from a backup.
  [[ -e /var/lib/etcd/member || -e /etc/kubernetes/manifests/etcd.yaml ]] || lost /var/lib/etcd/member
  while read -r file; do
    [[ -e /etc/kubernetes/$file ]] || missing+=("$file")
  done <<<"$CONTROL_PLANE_FILES"$'\nkubelet.conf'
  if ((${#missing[@]} > 0)); then
    [[ -e /etc/kubernetes/pki/ca.key ]] || lost /etc/kubernetes/pki/ca.key
    step "write anew what is missing in /etc/kubernetes: ${missing[*]}"
    write_patches
    kubeadm init phase certs all --config "$saved" >&2
    kubeadm init phase kubeconfig all --config "$saved" >&2
    kubeadm init phase etcd local --config "$saved" >&2
    kubeadm init phase control-plane all --config "$saved" >&2
  fi
  if [[ ! -e /var/lib/kubelet/config.yaml ]]; then
    step "write the kubelet's configuration anew"
    kubeadm init phase kubelet-start --config "$saved" >&2
  fi
}

# another PROCESS BEFORE: whether it runs, and not as the process id BEFORE any more.
another() {
  local now
  now=$(pgrep --exact "$1") && [[ $now != "$2" ]]
}

# restart COMPONENT: a static pod's process ends, and the kubelet starts it again, with the certificates that there are now.
restart() {
  local process=${1:0:15} before # the system knows it by the first 15 letters of its name
  before=$(pgrep --exact "$process") || return 0
  step "restart $1"
  pkill --exact "$process" || true # it has just ended by itself
  wait_for "$API_SECONDS" "another process of $1" another "$process" "$before"
  wait_for_api
}

# kubeadm's certificates live a year, and nobody renews them but an upgrade; its CAs live ten.
renew() {
  local component ending
  ending=$(ending "$RENEWAL_DAYS" <<<"$CONTROL_PLANE_FILES")
  [[ -n $ending ]] || return 0
  step "renew all certificates, for these end within $RENEWAL_DAYS days: ${ending//$'\n'/, }"
  kubeadm certs renew all --config "$saved" >&2
  # One after the other: an API server that starts while etcd does is restarted again and again, later each time.
  for component in "${static_pods[@]}"; do
    restart "$component"
  done
}

# A kubelet registers its node when it starts, and never again; the role's label and taint are kubeadm's.
restore_node() {
  local name
  name=$(uname -n)
  [[ -z $(kubectl get node "$name" --ignore-not-found --output name) ]] || return 0
  step "register this node anew"
  systemctl restart kubelet
  wait_for "$API_SECONDS" "node $name in the cluster" kubectl wait --for=create --timeout=30s "node/$name"
  kubeadm init phase mark-control-plane --config "$saved" >&2
}

# What somebody has deleted of kubeadm's own objects, or a CoreDNS that was scaled to nothing.
restore_objects() {
  local addon record replicas
  read -ra addon <<<"$ADDONS"
  read -ra record <<<"$RECORDS"
  if ! kubectl --namespace kube-system get "${addon[@]}" >/dev/null; then
    step "write CoreDNS and kube-proxy anew"
    kubeadm init phase addon all --config "$saved" >&2
  fi
  if ! kubectl --namespace kube-system get "${record[@]}" >/dev/null; then
    step "write anew what a worker that joins reads"
    kubeadm init phase upload-config all --config "$saved" >&2
  fi
  # kubeadm leaves the number of CoreDNS's replicas as it is.
  replicas=$(kubectl --namespace kube-system get deployment/coredns --output 'jsonpath={.spec.replicas}')
  if [[ $replicas == 0 ]]; then
    step "scale CoreDNS to two replicas again"
    kubectl --namespace kube-system scale deployment/coredns --replicas=2 >&2
  fi
}

main() {
  local whole=no
  only_one "the control plane"
  follow_clock
  if [[ -e $saved ]]; then
    whole=yes
    refuse_other_configuration
    restore
    renew
  else
    initialise
  fi
  step "wait for the API server"
  wait_for_api
  if [[ $whole == yes ]]; then
    restore_node
    restore_objects
  fi
  install --directory --owner="$LOGIN_USER" --group="$LOGIN_USER" --mode=0700 "/home/$LOGIN_USER/.kube"
  install --owner="$LOGIN_USER" --group="$LOGIN_USER" --mode=0600 "$KUBECONFIG" "/home/$LOGIN_USER/.kube/config"
  step "the API server answers"
}

main "$@" </dev/null
