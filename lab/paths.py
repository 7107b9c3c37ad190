"""Where the lab keeps what it builds. Everything is below one cache directory outside the repository."""

from __future__ import annotations

import os
from pathlib import Path

LAB = Path(__file__).resolve().parent
REPOSITORY = LAB.parent

CACHE = Path(
    os.environ.get("KUBEADM_LIBVIRT_CACHE")
    or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kubeadm-libvirt"
)
"""Override with KUBEADM_LIBVIRT_CACHE; remove the directory to start from nothing."""

STAMPS = CACHE / "stamps"  # one file a finished step, holding the digest of the step's inputs
LOGS = CACHE / "logs"  # one file a step: what its commands printed
GO_TOOLCHAIN = CACHE / "go-toolchain"  # the virtual environment that carries the Go toolchain
GOPATH = CACHE / "gopath"
GOCACHE = CACHE / "go-build"
BIN = CACHE / "bin"  # every executable built from Go modules, flat, under its usual name
PLUGINS = CACHE / "plugins"  # plugins/NAME/pulumi-resource-NAME, as `pulumi plugin install --file` takes it
PULUMI_HOME = CACHE / "pulumi-home"
MACHINE_IMAGE = CACHE / "machine" / "debian-13-genericcloud-amd64.qcow2"
WEB_ROOT = CACHE / "www"  # what the lab's web server serves: debian/ and kubernetes/
IMAGES = CACHE / "images"  # one docker-archive a container image
REGISTRY = CACHE / "registry"  # the registry's storage
RUN = CACHE / "run"  # process ids, logs and libvirt's directories of the running lab
