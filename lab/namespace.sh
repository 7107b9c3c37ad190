# shellcheck shell=bash disable=SC2034
# What lab/start, lab/enter and lab/down share: the lab's names, and how to tell what runs in it.
#
# The lab is a named network namespace without an uplink, and a mount namespace that a sleeping process holds open.
# There is no process namespace: whatever has the lab's network is the lab's, so `lab/down` finds every process by it, and
# a command under `lab/enter` keeps its terminal, its signals and its exit code.

readonly NAMESPACE=kubeadm-lab
readonly ADDRESS=10.254.254.1 # registry and web server; the machines reach it through their gateway
LAB="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
readonly LAB
readonly CACHE="${KUBEADM_LIBVIRT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kubeadm-libvirt}" # as in lab/paths.py
readonly RUN="$CACHE/run"

fail() {
  echo "lab: $*" >&2
  exit 1
}

need_root() {
  [[ $EUID -eq 0 ]] || fail "namespaces and virtual machines need root: run this as root"
}

# The process that holds the mount namespace; fails when there is none.
holder() {
  local pid name
  for pid in $(ip netns pids "$NAMESPACE" 2>/dev/null); do
    if IFS= read -r -d '' name 2>/dev/null <"/proc/$pid/cmdline" && [[ $name == "$NAMESPACE" ]]; then
      echo "$pid"
      return
    fi
  done
  return 1
}

# Runs a command in the lab, in the directory it was called in.
inside() {
  local pid
  pid="$(holder)" || return 1
  nsenter --target "$pid" --net --mount --wdns="$PWD" -- "$@"
}

# Whether a process runs; one that has ended and waits for its parent does not.
alive() {
  [[ -e "/proc/$1/exe" ]]
}

# Stops one daemon by its recorded id, if that is still a process of the lab.
stop() {
  local pid
  pid="$(cat "$RUN/$1.pid" 2>/dev/null)" || return 0
  rm -f "$RUN/$1.pid"
  if ip netns pids "$NAMESPACE" 2>/dev/null | grep -qx "$pid"; then
    end "$pid"
  fi
}

# Ends processes: politely, and after five seconds at once.
end() {
  local pid began=$SECONDS
  kill "$@" 2>/dev/null || true
  for pid in "$@"; do
    while alive "$pid"; do
      if ((SECONDS - began >= 5)); then
        kill -KILL "$pid" 2>/dev/null || true
      fi
      ((SECONDS - began < 30)) || fail "process $pid cannot be ended: $(tr '\0' ' ' <"/proc/$pid/cmdline")"
      sleep 0.1
    done
  done
}
