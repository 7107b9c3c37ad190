# shellcheck shell=bash
# shellcheck disable=SC2154 # saved is restore-control-plane.sh's
# What puts keys and certificates right of a control plane that was once whole; sent in front of init-control-plane.sh, which
# names the inputs.

readonly static_pods=(etcd kube-apiserver kube-controller-manager kube-scheduler)
readonly pki=/etc/kubernetes/pki
# There from before a renewal of certificates until all that use them have been started again, which nothing else would tell;
# with a word in it, at once.
readonly renewing=/var/lib/kubeadm-libvirt/renewing

# pair NAME: whether a certificate and its key are there, can be read, and belong together.
pair() {
  local certificate key
  [[ -s $pki/$1.crt && -s $pki/$1.key ]] || return
  certificate=$(openssl x509 -pubkey -noout -in "$pki/$1.crt" 2>/dev/null) || return
  key=$(openssl pkey -pubout -in "$pki/$1.key" 2>/dev/null) || return
  [[ $certificate == "$key" ]]
}

# usable FILE: whether who reads this file of /etc/kubernetes could start with it. A power cut leaves files empty.
usable() {
  local path=/etc/kubernetes/$1
  [[ -s $path ]] || return
  case $1 in
    */ca.crt | *-ca.crt | kubelet.conf) ;; # which others look after
    *.crt) pair "${1:4:-4}" ;;
    pki/sa.key) openssl pkey -noout -in "$path" 2>/dev/null ;;
    *.conf) sed --quiet 's/^ *client-certificate-data: //p' "$path" | base64 --decode 2>/dev/null | openssl x509 -noout 2>/dev/null ;;
  esac
}

# forget FILE: takes away what kubeadm would stumble over. It makes a key and its certificate together, or neither: one that is
# alone is a failure to it (pkiutil.CertOrKeyExist).
forget() {
  rm -f "/etc/kubernetes/$1"
  [[ $1 != pki/*.crt && $1 != pki/*.key ]] || rm -f "/etc/kubernetes/${1%.*}".{crt,key}
}

# The public halves of pairs. kubeadm calls an authority without its certificate a failure, and the key of service accounts
# without its public half whole.
restore_public_halves() {
  local file public
  # The second may hold more than one, while keys are changed.
  if [[ -s $pki/sa.key ]] && public=$(openssl pkey -pubout -in "$pki/sa.key" 2>/dev/null) &&
    [[ ! -s $pki/sa.pub || $(<"$pki/sa.pub") != *"$public"* ]]; then
    step "write $pki/sa.pub anew"
    echo "$public" >"$pki/sa.pub.new"
    mv "$pki/sa.pub.new" "$pki/sa.pub"
  fi
  # Without its key, it is kept elsewhere.
  [[ -s $pki/ca.key ]] && ! pair ca || return 0
  openssl pkey -noout -in "$pki/ca.key" 2>/dev/null || lost "a $pki/ca.key that can be read"
  step "look for $pki/ca.crt in the kubeconfigs"
  for file in admin controller-manager scheduler kubelet; do
    sed --quiet 's/^ *certificate-authority-data: //p' "/etc/kubernetes/$file.conf" 2>/dev/null | base64 --decode >"$pki/ca.crt.new" || continue
    [[ -s $pki/ca.crt.new && $(openssl x509 -pubkey -noout -in "$pki/ca.crt.new") == "$(openssl pkey -pubout -in "$pki/ca.key")" ]] || continue
    mv "$pki/ca.crt.new" "$pki/ca.crt"
    return 0
  done
  rm -f "$pki/ca.crt.new"
  lost "$pki/ca.crt"
}

# whole NAME...: whether each of these is a pair.
whole() {
  local name
  for name in "$@"; do
    pair "$name" || return
  done
}

# remake AUTHORITY NAME...: an authority that nobody knows but this machine is made anew, with the names that it has signed for.
# One whose key is gone, or kept elsewhere, is as good as before while nothing has to be signed.
remake() {
  local name
  if [[ -s $pki/$1.crt ]] && openssl x509 -noout -in "$pki/$1.crt" 2>/dev/null; then
    ! pair "$1" && ! whole "${@:2}" || return 0
  fi
  step "make $pki/$1.crt anew, and what it has signed"
  # First: who knows the new authority refuses who shows the old one.
  echo together >"$renewing"
  for name in "$@"; do
    forget "pki/$name.crt"
  done
}

# another PROCESS BEFORE: whether it runs, and not as the process id BEFORE any more.
another() {
  local now
  now=$(pgrep --exact "$1") && [[ $now != "$2" ]]
}

# restart COMPONENT...: static pods' processes end, and the kubelet starts them again, with the certificates that there are now.
restart() {
  local each ended=() process # the system knows it by the first 15 letters of its name
  declare -A before=()
  for each in "$@"; do
    process=${each:0:15}
    before[$each]=$(pgrep --exact "$process") || continue
    step "restart $each"
    pkill --exact "$process" || true # it has just ended by itself
    ended+=("$each")
  done
  ((${#ended[@]} > 0)) || return 0
  for each in "${ended[@]}"; do
    wait_for "$API_SECONDS" "another process of $each" another "${each:0:15}" "${before[$each]}"
  done
  wait_for_api
}

# kubeadm's certificates live a year, and nobody renews them but an upgrade; its CAs live ten.
renew() {
  local component ending
  ending=$(ending "$RENEWAL_DAYS" <<<"$CONTROL_PLANE_FILES")
  if [[ -n $ending ]]; then
    step "renew all certificates, for these end within $RENEWAL_DAYS days: ${ending//$'\n'/, }"
    : >>"$renewing"
    kubeadm certs renew all --config "$saved" >&2
  elif [[ ! -e $renewing ]]; then
    return 0
  fi
  if [[ -s $renewing ]]; then
    restart "${static_pods[@]}"
  else
    # One after the other: an API server that starts while etcd does is restarted again and again, later each time.
    for component in "${static_pods[@]}"; do
      restart "$component"
    done
  fi
  rm "$renewing"
}
