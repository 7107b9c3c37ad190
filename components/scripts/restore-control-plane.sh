# shellcheck shell=bash
# shellcheck disable=SC2154 # pki and renewing are restore-certificates.sh's, which is sent in front of this
# What puts a control plane right that was once whole; sent in front of init-control-plane.sh, which names the inputs.

# Written when init has succeeded. Not in /etc/kubernetes: who restores that, or removes it, must not make a cluster that was
# once whole look like an init that was stopped half-way.
readonly saved=/var/lib/kubeadm-libvirt/cluster.yaml
readonly ends=3 # of a kubelet, after which it is not waited for any longer

wait_for_api() { wait_for "$API_SECONDS" "an answer of the API server (/readyz)" kubectl get --raw /readyz; }

lost() {
  fail "the cluster is gone, for $1 is missing, as after kubeadm reset. Build a new one: make up REBUILD=yes, or pulumi destroy and pulumi up."
}

kubelet_answers() { curl --silent --show-error --fail --noproxy '*' --max-time 10 http://127.0.0.1:10248/healthz; }

kubelet_restarts() { systemctl show kubelet --property=NRestarts --value; }

# settled BEFORE: whether the kubelet answers, or has ended too often since it was started again BEFORE times.
settled() { kubelet_answers || (($(kubelet_restarts) >= $1 + ends)); }

kubelet_stays_up() {
  local before
  ! kubelet_answers >/dev/null 2>&1 || return 0
  # One that is stopped, or hangs, neither answers nor ends; and one whose container runtime does not run yet ends for that.
  systemctl --quiet start containerd
  systemctl --quiet restart kubelet
  before=$(kubelet_restarts)
  step "wait until the kubelet answers, or has ended $ends times"
  wait_for "$API_SECONDS" "an answer of the kubelet" settled "$before"
  kubelet_answers >/dev/null 2>&1
}

# A kubelet that cannot start with what it has loses that, for what is missing is written anew.
forget_damaged_kubelet() {
  [[ -e /etc/kubernetes/kubelet.conf && -e /var/lib/kubelet/config.yaml ]] || return 0
  ! { node_is_whole && kubelet_stays_up; } || return 0
  [[ -s $pki/ca.key ]] || lost "$pki/ca.key"
  step "take from the kubelet what it cannot start with: its configuration, its kubeconfig and its certificate"
  rm -f /etc/kubernetes/kubelet.conf /var/lib/kubelet/config.yaml /var/lib/kubelet/pki/kubelet-client-*
}

# The kubelet renews its certificate in a file of its own, which a kubeconfig that kubeadm has written does not name yet.
finalise_kubelet() {
  grep --quiet --no-messages client-certificate-data /etc/kubernetes/kubelet.conf || return 0
  wait_for "$API_SECONDS" "an answer of the kubelet" kubelet_answers # it has written that file by then
  kubeadm init phase kubelet-finalize all --config "$saved" >&2
}

# Somebody may have edited a manifest so that nothing starts any more. etcd's is left alone where its data lies elsewhere.
restore_static_pods() {
  local component down=""
  for component in "${static_pods[@]}"; do
    pgrep --exact "${component:0:15}" >/dev/null || [[ $component == etcd && ! -e /var/lib/etcd/member ]] || down+=" $component"
  done
  [[ -n $down ]] || return 0
  step "write the manifests anew, for these do not run:$down"
  write_patches
  [[ $down != *" etcd"* ]] || kubeadm init phase etcd local --config "$saved" >&2
  kubeadm init phase control-plane all --config "$saved" >&2
}

# What somebody has removed of a cluster that was once whole, kubeadm writes anew; but not what only that cluster knew.
restore() {
  local file missing=()
  etcd_has_data || lost /var/lib/etcd/member
  restore_public_halves
  forget_damaged_kubelet
  remake etcd/ca etcd/server etcd/peer etcd/healthcheck-client apiserver-etcd-client
  remake front-proxy-ca front-proxy-client
  while read -r file; do
    usable "$file" || missing+=("$file")
  done <<<"$CONTROL_PLANE_FILES"$'\nkubelet.conf'
  # Nobody misses it; but an empty one keeps kubeadm from writing any.
  usable super-admin.conf || forget super-admin.conf
  if ((${#missing[@]} > 0)); then
    [[ -s $pki/ca.key ]] || lost "$pki/ca.key"
    step "write anew what is missing or damaged in /etc/kubernetes: ${missing[*]}"
    for file in "${missing[@]}"; do
      forget "$file"
    done
    write_patches
    kubeadm init phase certs all --config "$saved" >&2
    kubeadm init phase kubeconfig all --config "$saved" >&2
    kubeadm init phase etcd local --config "$saved" >&2
    kubeadm init phase control-plane all --config "$saved" >&2
  else
    restore_static_pods
  fi
  if [[ ! -e /var/lib/kubelet/config.yaml ]]; then
    step "write the kubelet's configuration anew"
    kubeadm init phase kubelet-start --config "$saved" >&2
  elif ((${#missing[@]} > 0)); then
    systemctl restart kubelet # which else waits up to five minutes before it starts again what has failed again and again
  fi
}

# The administrator's rights are in the cluster. Whoever deletes them, or all of etcd's data, leaves a kubeconfig that may
# nothing; kubeadm's own client gives them back first (EnsureAdminClusterRoleBinding), with super-admin.conf.
restore_administrator() {
  [[ $(kubectl auth can-i '*' '*' 2>/dev/null) == no ]] || return 0
  step "give the administrator his rights back"
  kubeadm init phase kubeconfig super-admin --config "$saved" >&2
  kubeadm init phase upload-config all --config "$saved" >&2
}

# A kubelet registers its node when it starts, and never again; the role's label and taint are kubeadm's, who sets both at once.
# The taint somebody may have removed, so that pods run here.
restore_node() {
  local name said="" role=node-role.kubernetes.io/control-plane # wait_for sets said
  name=$(uname -n)
  wait_for "$API_SECONDS" "the role of node $name" \
    kubectl get nodes --selector "$role" --field-selector "metadata.name=$name" --output name
  [[ $said != *"node/$name"* ]] || return 0
  wait_for "$API_SECONDS" "node $name, or that there is none" kubectl get node "$name" --ignore-not-found --output name
  if [[ $said != *"node/$name"* ]]; then
    step "register this node anew"
    systemctl restart kubelet
    wait_for "$API_SECONDS" "node $name in the cluster" kubectl wait --for=create --timeout=30s "node/$name"
  fi
  step "mark this node as the control plane"
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
  replicas=$(kubectl --namespace kube-system get deployment/coredns --output 'jsonpath={.spec.replicas} {.status.availableReplicas}')
  case $replicas in
    "0 "*) # kubeadm leaves the number as it is
      step "scale CoreDNS to two replicas again"
      kubectl --namespace kube-system scale deployment/coredns --replicas=2 >&2
      ;;
    *" ") # as with another image
      step "write CoreDNS and kube-proxy anew, for no pod of CoreDNS is ready"
      kubeadm init phase addon all --config "$saved" >&2
      ;;
  esac
}
