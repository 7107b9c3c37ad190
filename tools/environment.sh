# shellcheck shell=bash disable=SC2034
# What the tools share; sourced. Everything that is installed lands in .venv or in the cache directory.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

cache=${KUBEADM_LIBVIRT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kubeadm-libvirt}
pulumi_version=$(sed -n 's/^pulumi==\([0-9.]*\).*/\1/p' requirements.txt)

say() { printf '%s\n' "$*" >&2; }

stop() {
  say "$*"
  exit 1
}

as_root() {
  if ((EUID == 0)); then "$@"; else sudo "$@"; fi
}

# need COMMAND PACKAGE…: installs these Debian packages where the command is missing.
need() {
  ! command -v "$1" >/dev/null || return 0
  shift
  command -v apt-get >/dev/null || stop "Please install $* first; this is done by itself only where there is apt-get."
  say "Installing $*"
  as_root apt-get -qq update
  as_root apt-get -qq install --yes --no-install-recommends "$@" >&2
}

# Whether the Python of .venv is the one that its packages were installed for: an upgrade of the host may have put another one
# in its place, or taken it away.
same_python() {
  local made_with
  made_with=$(sed --quiet 's/^executable = //p' .venv/pyvenv.cfg) || return
  [[ -x .venv/bin/python && ${made_with:-unknown} == @(unknown|"$(readlink --canonicalize .venv/bin/python)") ]]
}

# python_environment REQUIREMENTS: .venv with at least these packages, installed again when the file has changed.
python_environment() {
  local wanted
  wanted=.venv/installed-$(cat "$1" requirements.txt lab/plugins/requirements.txt | sha256sum | head --bytes=16)
  [[ -e $wanted ]] && same_python && return 0
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || stop "Python 3.11 or newer is needed; this is $(python3 --version)."
  say "Installing Python packages from $1 into .venv"
  python3 -c 'import ensurepip' 2>/dev/null || need ensurepip python3-venv # Debian keeps it in a package of its own
  # Made anew where it was not made to its end, which leaves it without pip, or where another Python looks for its pip.
  .venv/bin/python -m pip --version &>/dev/null || python3 -m venv --clear .venv
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --requirement "$1"
  touch "$wanted"
}

# use_stack STACK: what Pulumi needs in its environment to work on this stack.
use_stack() {
  export PATH=$PWD/.venv/bin:$PATH PULUMI_SKIP_UPDATE_CHECK=true
  export KUBEADM_LIBVIRT_PULUMI="tools/pulumi $1" # what messages call it: the one below is on no user's PATH
  if [[ $1 == lab ]]; then
    export PATH=$cache/bin:$PATH PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION=true
    export PULUMI_HOME=${OFFICIAL_PULUMI_HOME:-$cache/pulumi-home}
    inside=(lab/enter)
  else
    export PATH=$cache/pulumi-$pulumi_version/pulumi:$PATH
    inside=()
  fi
}

# The official CLI, verified by the checksums that are released with it.
install_pulumi() {
  [[ $(pulumi version 2>/dev/null) == "v$pulumi_version" ]] && return 0
  need curl curl ca-certificates
  local from=https://github.com/pulumi/pulumi/releases/download/v$pulumi_version file=pulumi-v$pulumi_version-linux-x64.tar.gz work
  say "Installing Pulumi $pulumi_version into $cache"
  mkdir -p "$cache/pulumi-$pulumi_version"
  work=$(mktemp --directory --tmpdir="$cache") # beside where it goes, so that it gets there in one step
  # With && after each, for bash ignores a failure within what is left of ||.
  (
    cd "$work" &&
      curl --silent --show-error --fail --location --remote-name "$from/$file" &&
      curl --silent --show-error --fail --location "$from/pulumi-$pulumi_version-checksums.txt" | grep " $file\$" | sha256sum --check --quiet &&
      tar --extract --gzip --file "$file"
  ) || {
    rm -rf "$work"
    stop "Pulumi $pulumi_version could not be installed from $from."
  }
  rm -rf "$cache/pulumi-$pulumi_version/pulumi"
  mv "$work/pulumi" "$cache/pulumi-$pulumi_version/"
  rm -rf "$work"
}

# own_temporary_directory DIRECTORY: temporary files of this process are in it, and go with the process, or with the next one
# after one that was killed. The Kubernetes provider writes the administrator's kubeconfig into one each time, for Helm, and
# leaves it there (4.34.2, util.go).
own_temporary_directory() {
  local left
  for left in "$1"/temporary.*; do
    # One that was killed a moment ago may still be in /proc, without its command line.
    grep --quiet --no-messages . "/proc/${left##*.}/cmdline" || rm -rf "$left"
  done
  export TMPDIR=$PWD/$1/temporary.$$
  mkdir -p "$TMPDIR"
  chmod 0700 "$TMPDIR"
  trap 'rm -rf "$TMPDIR"' EXIT
}

# Pulumi writes the passphrase's salt into the stack's configuration file. A copy keeps the tracked file as it is.
# use_state STACK: where its state, passphrase and effective configuration file are; made where they are missing.
# Sets passphrase_lost where there is a state without its passphrase.
use_state() {
  local stack=$1 state=.state/$1 known
  passphrase_lost=
  mkdir -p "$state"
  chmod 0700 .state "$state"
  own_temporary_directory "$state"
  if [[ -z ${PULUMI_BACKEND_URL:-} ]]; then
    # Without files of attributes beside the state: a run that is killed while it writes one leaves it empty, and every
    # later command ends with "EOF".
    export PULUMI_BACKEND_URL="file://$PWD/$state?metadata=skip"
    find "$state" -name '*.json.attrs' -delete
    python -m tools.torn_state "$state" "$stack"
    if [[ -z ${PULUMI_CONFIG_PASSPHRASE+set} && -z ${PULUMI_CONFIG_PASSPHRASE_FILE:-} ]]; then
      if [[ ! -s $state/passphrase ]]; then
        # A new one does not open what an older one has closed.
        passphrase_lost=$(find "$state" -path "*/.pulumi/stacks/*" -name "$stack.json")
        [[ -n $passphrase_lost ]] || (umask 077 && head --bytes=32 /dev/urandom | base64 >"$state/passphrase")
      fi
      export PULUMI_CONFIG_PASSPHRASE_FILE=$PWD/$state/passphrase
    fi
  fi
  config=$state/Pulumi.$stack.yaml
  known=$(pulumi stack ls --json) # by itself, for bash ignores a failure within a condition
  if [[ $known != *"\"name\": \"$stack\""* ]]; then
    cp Pulumi.yaml "$state/" # makes a project of the directory, so that the salt lands there
    pulumi --cwd "$state" stack init "$stack" --non-interactive >/dev/null
    rm "$state/Pulumi.yaml"
  fi
  {
    # shellcheck disable=SC1003 # sed's own backslash: a last line without its end gets one
    sed -e '/^encryptionsalt:/d' -e '$a\' "Pulumi.$stack.yaml"
    grep --no-messages '^encryptionsalt:' "$config" || true
  } >"$config.new"
  mv "$config.new" "$config"
}

# run_pulumi STACK ARGUMENTS…: where the stack's machines can be reached.
# Where the caller has set `limit`, it is stopped after so many seconds; a lock that stays then is for tools.locks.
run_pulumi() {
  local stack=$1 bounded=()
  shift
  [[ -z ${limit:-} ]] || bounded=(python -m tools.bounded "$limit")
  "${bounded[@]}" "${inside[@]}" pulumi "$@" --stack "$stack" --config-file "$config" --suppress-progress
}

# libvirt_state STACK: what the state has, as JSON; nothing where there is no state.
libvirt_state() {
  pulumi stack export --stack "$1" 2>/dev/null || true
}

# sweep_libvirt reach|wake|layers|before|after: see tools/leftovers.py; the state comes on standard input.
sweep_libvirt() {
  "${inside[@]}" python -m tools.leftovers "$config" "$1"
}

in_libvirt='**libvirt:index/**' in_the_cluster="**\$kubernetes:**" # targets

# forget_missing STACK TARGET…: the state forgets what is no more in libvirt or in the cluster, and what a killed run was
# about to make. Nothing but the targets is read: a cluster that is gone cannot hold this up. Fails where what holds them
# does not answer in time; why is in .state/STACK/refresh.log, and shown unless the caller has set `quietly`.
forget_missing() {
  local stack=$1 limit=60 log=${config%/*}/refresh.log targets=() target
  shift
  for target in "$@"; do targets+=(--target "$target"); done
  run_pulumi "$stack" refresh --yes --skip-preview --suppress-outputs --clear-pending-creates "${targets[@]}" >"$log" 2>&1 || {
    if [[ -n ${quietly:-} ]]; then say "What the provider says is in $log."; else cat "$log" >&2; fi
    return 1
  }
  sed --quiet --regexp-extended \
    -e 's/^ *- +libvirt:index:([A-Za-z]+) +([^ ]+) .*deleted.*/No more in libvirt: \1 \2/p' \
    -e 's/^ *- +kubernetes:[^ ]*:([A-Za-z]+) +([^ ]+) .*deleted.*/No more in the cluster: \1 \2/p' "$log" >&2
}
