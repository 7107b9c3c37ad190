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
# shellcheck disable=SC2154 # saved and static_pods are of the two that are sent in front of this

# There while a cluster that was once whole is put right: tools/look.sh tells by it that this was stopped half-way.
readonly unfinished=/var/lib/kubeadm-libvirt/unfinished
export KUBECONFIG=/etc/kubernetes/admin.conf

cleanup() { rm -f /run/kubeadm-init.yaml; }

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

# Behind a temporary name until it is on the disk, and with it what it vouches for: a power cut must leave no half of either.
save() {
  install -D --mode=0600 /dev/null "$saved.new"
  printf '%s' "$KUBEADM_CONFIGURATION" >"$saved.new"
  sync
  mv "$saved.new" "$saved"
}

# A record that is empty, or gone though the login user's kubeconfig, or the kubelet's, shows that an init once came to its end:
# kubeadm has the kubelet's name another file when nothing is left to do but CoreDNS and kube-proxy. What the record says is
# what is wanted: the program has compared that with what it remembers of this cluster before it came here.
was_whole() {
  [[ ! -e $saved ]] || return 0
  [[ -e /var/lib/etcd/member ]] || return
  [[ -e /home/$LOGIN_USER/.kube/config ]] || grep --quiet --no-messages kubelet-client-current.pem /etc/kubernetes/kubelet.conf
}

# Only an init that was stopped half-way is taken back. A cluster that was once whole is never reset from here.
initialise() {
  if [[ -e /etc/kubernetes/manifests/kube-apiserver.yaml || -e /etc/kubernetes/pki || -e /var/lib/etcd/member ]]; then
    step "take back an init that was stopped half-way"
    kubeadm reset --force --cri-socket unix:///run/containerd/containerd.sock >&2
  fi
  forget_pod_network
  rm -f "/home/$LOGIN_USER/.kube/config" # of a cluster that is no more
  step "kubeadm init"
  write_patches
  install --mode=0600 /dev/null /run/kubeadm-init.yaml
  printf '%s' "$KUBEADM_CONFIGURATION" >/run/kubeadm-init.yaml
  kubeadm init --config /run/kubeadm-init.yaml --skip-token-print >&2
  save
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

main() {
  local whole=no
  only_one "the control plane"
  follow_clock
  if was_whole; then
    whole=yes
    if [[ ! -s $saved ]]; then
      step "write the record of this cluster anew"
      save
    fi
    refuse_other_configuration
    : >"$unfinished"
    restore
    renew
  else
    initialise
  fi
  step "wait for the API server"
  wait_for_api
  if [[ $whole == yes ]]; then
    finalise_kubelet
    restore_administrator
    restore_node
    restore_objects
  fi
  install --directory --owner="$LOGIN_USER" --group="$LOGIN_USER" --mode=0700 "/home/$LOGIN_USER/.kube"
  install --owner="$LOGIN_USER" --group="$LOGIN_USER" --mode=0600 "$KUBECONFIG" "/home/$LOGIN_USER/.kube/config"
  rm -f "$unfinished"
  finish "the API server answers"
}

main "$@" </dev/null
