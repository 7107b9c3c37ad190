#!/usr/bin/env bash
# Runs on the control plane. Joins one worker to the cluster, or (first argument `leave`) drains it and removes it.
#
# To join: mints a token that lives minutes, hands it to the worker over SSH together with the hash of the cluster's CA,
# waits until the node has registered, and deletes the token, and any that a run that was killed has left. All in one
# step, so that a join that is repeated a day later has a token that is a second old. The control plane logs in to the
# worker with its own host key, which the worker's cloud-init allows from this address only.
#
# Inputs: WORKER_NAME, WORKER_ADDRESS, WORKER_HOST_KEY (public), LOGIN_USER, JOIN_SCRIPT (what runs on the worker),
#   JOIN_CONFIGURATION (v1beta4, with @TOKEN@ and @CA_CERT_HASH@), TOKEN_MINUTES, REACH_SECONDS (for SSH), API_SECONDS (for
#   an answer of the API server), REGISTER_SECONDS, DRAIN_SECONDS.
# Result: the token, then the hash of the CA's public key; secrets.

export KUBECONFIG=/etc/kubernetes/admin.conf
readonly purpose="join of $WORKER_NAME" # tells this worker's tokens from others
# What kubeadm has made for workers that join: what they find the cluster by and may do with a token, and what they read.
readonly by_bootstrap_token=(
  configmap/cluster-info {role,rolebinding}/kubeadm:bootstrap-signer-clusterinfo {clusterrole,clusterrolebinding}/kubeadm:get-nodes
  clusterrolebinding/kubeadm:kubelet-bootstrap clusterrolebinding/kubeadm:node-autoapprove-bootstrap
)
readonly by_upload_config=(
  configmap/kubeadm-config configmap/kubelet-config
  {role,rolebinding}/kubeadm:nodes-kubeadm-config {role,rolebinding}/kubeadm:kubelet-config
)
minted=no
known_hosts="" signing=""

cleanup() {
  [[ $minted == no ]] || delete_tokens >&2 || true
  rm -f "$known_hosts"
  [[ -z $signing ]] || kill "$signing" 2>/dev/null || true
}

delete_tokens() { # by their Secrets' names, which hold only a token's public half
  local encoded found names
  encoded=$(printf '%s' "$purpose" | base64 --wrap=0)
  found=$(kubectl --namespace kube-system get secrets --field-selector type=bootstrap.kubernetes.io/token \
    --output jsonpath="{.items[?(@.data.description==\"$encoded\")].metadata.name}") || return
  read -ra names <<<"$found"
  ((${#names[@]} == 0)) || kubectl --namespace kube-system delete secrets --ignore-not-found "${names[@]}"
}

# signed TOKEN_ID: whether a worker with this token can trust cluster-info. The controller that signs it for each token
# tries only once, and is refused where its own credentials have expired while the machine was paused; a change of the
# token's Secret makes it try again.
signed() {
  kubectl --namespace kube-public wait --for="jsonpath={.data.jws-kubeconfig-$1}" --timeout=30s configmap/cluster-info && return 0
  kubectl --namespace kube-system annotate --overwrite secret "bootstrap-token-$1" "kubeadm-libvirt/unsigned-after=$SECONDS"
  return 1
}

# all_there NAMESPACE OBJECT...: prints all-there where the cluster has each of these; fails where the API server does not answer.
all_there() {
  local found
  found=$(kubectl --namespace "$1" get "${@:2}" --ignore-not-found --output name) || return
  mapfile -t found <<<"$found"
  ((${#found[@]} < $# - 1)) || echo all-there
}

# Without its standard output: that shows the token that kubeadm makes beside it, whether wanted or not, and that lives a minute.
kubeadm_phase() { kubeadm init phase "$@" --config /var/lib/kubeadm-libvirt/cluster.yaml >/dev/null; }

# let_join NAMESPACE PHASE OBJECT...: has kubeadm write anew what somebody has deleted of these, which its phase makes. Without
# one of them `kubeadm join` waits in vain, until the limit of this script.
let_join() {
  local said="" phase # wait_for sets said
  wait_for "$API_SECONDS" "an answer of the API server" all_there "$1" "${@:3}"
  [[ $said != *all-there* ]] || return 0
  step "write anew what lets a worker join (kubeadm init phase $2)"
  read -ra phase <<<"$2"
  wait_for "$API_SECONDS" "kubeadm init phase $2" kubeadm_phase "${phase[@]}"
}

# The worker's node, or nothing where the cluster has none; fails where the API server does not answer.
known_node() {
  kubectl get node "$WORKER_NAME" --ignore-not-found --output name
}

trust_worker() {
  known_hosts=$(mktemp)
  printf '%s %s\n' "$WORKER_ADDRESS" "$WORKER_HOST_KEY" >"$known_hosts"
}

on_worker() {
  ssh -i /etc/ssh/ssh_host_ed25519_key -o IdentitiesOnly=yes -o BatchMode=yes -o ConnectTimeout=30 \
    -o StrictHostKeyChecking=yes -o UserKnownHostsFile="$known_hosts" -o LogLevel=ERROR \
    -o ServerAliveInterval=15 -o ServerAliveCountMax=8 "$LOGIN_USER@$WORKER_ADDRESS" "$@"
}

# Prints kubelet-runs where the worker is a node of a cluster, and ends-pods where it can also end what runs on it: with the
# network's plugins deleted no pod ends, and before flannel's first start there is none to end. Fails where it does not answer.
kubelet_state() {
  # Only root may look into the kubelet's directory.
  on_worker "if sudo test -e /etc/kubernetes/kubelet.conf -a -e /var/lib/kubelet/config.yaml && systemctl --quiet is-active kubelet; then echo kubelet-runs; test ! -s /opt/cni/bin/flannel || echo ends-pods; fi"
}

join() {
  local ca_hash registered=no said="" runs=no token document # wait_for sets said
  trust_worker
  step "reach $WORKER_NAME"
  wait_for "$REACH_SECONDS" "an SSH login from the control plane to $WORKER_NAME ($WORKER_ADDRESS)" kubelet_state
  [[ $said != *kubelet-runs* ]] || runs=yes
  # kubeadm and kubectl themselves give up after seconds where an API server is slow.
  wait_for "$API_SECONDS" "an answer of the API server" known_node
  if [[ $said == *"node/$WORKER_NAME"* ]]; then # and not a warning
    # kubeadm refuses to join while there is a Ready node of the name, as for some while after its machine was lost.
    if [[ $runs == yes ]]; then registered=yes; else forget_node; fi
  fi
  step "look whether the cluster lets a worker join"
  let_join kube-public bootstrap-token "${by_bootstrap_token[@]}" # kubectl ignores the namespace for what has none
  let_join kube-system "upload-config all" "${by_upload_config[@]}"
  step "mint a join token for $WORKER_NAME"
  ca_hash=$(openssl x509 -pubkey -noout -in /etc/kubernetes/pki/ca.crt | openssl pkey -pubin -outform der | sha256sum)
  ca_hash=sha256:${ca_hash%% *}
  minted=yes
  wait_for "$API_SECONDS" "a join token from kubeadm" \
    kubeadm token create --ttl "${TOKEN_MINUTES}m" --description "$purpose"
  [[ $said =~ [a-z0-9]{6}\.[a-z0-9]{16} ]] || fail "kubeadm made no join token"
  token=${BASH_REMATCH[0]}
  # Beside the join: a controller manager that has just started takes half a minute. With nothing of this script's open,
  # so that what a kill leaves of it for some seconds holds up neither the connection nor the next run.
  wait_for "$LIMIT" "the signature for the join token" signed "${token%.*}" >/dev/null 2>&1 9>&- &
  signing=$!
  document=${JOIN_CONFIGURATION//@TOKEN@/$token}
  document=${document//@CA_CERT_HASH@/$ca_hash}
  step "join $WORKER_NAME"
  {
    # printf is a builtin: the token is in no process's arguments.
    printf 'LIMIT=%q\nREGISTERED=%q\nJOIN_CONFIGURATION=%q\n' "$LIMIT" "$registered" "$document"
    printf '%s\n' "$JOIN_SCRIPT"
  } | on_worker "sudo timeout --kill-after=30 $LIMIT bash -s join-worker.sh" || {
    # 255 is ssh's own, of a connection that is lost; else the worker's script has said why.
    (($? != 255)) ||
      fail "$WORKER_NAME ($WORKER_ADDRESS) stopped answering while it joined. Is it on? make up starts it, and goes on from here."
    exit 1
  }
  step "wait until $WORKER_NAME has registered"
  wait_for "$REGISTER_SECONDS" "node $WORKER_NAME in the cluster" \
    kubectl wait --for=create --timeout=30s "node/$WORKER_NAME"
  step "delete the join token of $WORKER_NAME"
  wait_for "$API_SECONDS" "the deletion of $WORKER_NAME's join token" delete_tokens
  minted=no
  printf '%s\n%s\n' "$token" "$ca_hash"
}

forget_node() {
  step "delete node $WORKER_NAME"
  wait_for "$API_SECONDS" "the deletion of node $WORKER_NAME" kubectl delete node "$WORKER_NAME" --ignore-not-found
  forget_pods
}

# Without a node its pods stay in the API for a minute, as Ready as they were: services send requests to them, and a machine
# that comes back under the name would take them over.
forget_pods() {
  step "delete what the cluster still has of pods on $WORKER_NAME"
  wait_for "$API_SECONDS" "the deletion of the pods on $WORKER_NAME" kubectl delete pods --all-namespaces \
    --field-selector "spec.nodeName=$WORKER_NAME" --force --grace-period=0 --wait=false
}

drain_node() {
  local said="" began state='ready={.status.conditions[?(@.type=="Ready")].status} cordoned={.spec.unschedulable}'
  trust_worker
  wait_for "$API_SECONDS" "the state of node $WORKER_NAME" \
    kubectl get node "$WORKER_NAME" --ignore-not-found --output "jsonpath=$state"
  # A drain waits for the word of the kubelet that a pod has ended. A machine that is off, or was reset, never gives it, and
  # the cluster takes it for Ready for some while yet.
  if [[ $said == *ready=True* && $(kubelet_state) == *ends-pods* ]]; then
    # A drain that is stopped half-way, with its run, leaves the node without new pods. This label tells wait-for-nodes.sh to
    # take that back; what somebody has cordoned by hand stays so.
    [[ $said == *cordoned=true* ]] ||
      kubectl label --overwrite node "$WORKER_NAME" kubeadm-libvirt/drained=yes >&2 || true
    step "drain $WORKER_NAME"
    began=$SECONDS
    # With --force: one pod that nothing would make anew elsewhere, as of `kubectl run`, would else keep all from leaving.
    if kubectl drain "$WORKER_NAME" --ignore-daemonsets --delete-emptydir-data --force --timeout="${DRAIN_SECONDS}s" >&2; then
      :
    elif ((SECONDS - began < DRAIN_SECONDS)); then
      step "go on, though the drain of $WORKER_NAME failed after $((SECONDS - began)) s, for what is said above"
    else
      step "go on without the pods of $WORKER_NAME that did not leave within ${DRAIN_SECONDS} s"
    fi
  else
    step "go on without a drain: $WORKER_NAME does not answer, is not Ready, or has no kubelet that runs and can end pods"
  fi
}

leave() {
  local said="" # wait_for sets it
  if [[ ! -e $KUBECONFIG ]]; then
    step "$WORKER_NAME has nothing to leave: this control plane was made anew, and has no cluster yet"
    return 0
  fi
  wait_for "$API_SECONDS" "an answer of the API server" known_node
  if [[ $said == *"node/$WORKER_NAME"* ]]; then
    drain_node
    forget_node
  else
    forget_pods
  fi
}

main() {
  only_one "the membership of $WORKER_NAME"
  if [[ ${2:-join} == leave ]]; then leave; else join; fi
  step "done with $WORKER_NAME"
}

main "$@" </dev/null
