"""The Debian packages the machine itself needs, and where its apt takes packages from."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.steps import Step, StepFailed, sh

HOST_PACKAGES = (
    "curl",
    "dnsmasq-base",
    "docker-registry",
    "iproute2",
    "iptables",
    "libvirt-clients",
    "libvirt-daemon",
    "libvirt-daemon-driver-qemu",
    "nftables",
    "openssh-client",
    "qemu-system-x86",
    "qemu-utils",
    "util-linux",
    "xsltproc",  # the libvirt plugin runs it on what has an `xslt`
)
"""What the running lab needs; the builders name theirs in their own HOST_PACKAGES."""

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
POLICY = Path("/usr/sbin/policy-rc.d")


def packages_step(packages: Iterable[str]) -> Step:
    """The step that installs `packages`.

    Its results are the packages' own documentation directories, not the stamp alone: a cache that was carried to a
    fresh machine must not pass for installed packages.
    """
    names = sorted(set(packages))
    return Step(
        name="host-packages",
        run=lambda: _install(names),
        results=[Path("/usr/share/doc") / name for name in names],
        inputs=names,
        lane="fetch",
    )


def debian_sources(suite: str) -> list[str]:
    """One-line apt sources of `suite` from the mirrors that this machine's own apt is configured with."""
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(LABEL)|$(REPO_URI)", "Created-By: Packages", "Component: main"],
        text=True,
        capture_output=True,
        check=False,
    ).stdout
    mirrors = dict(reversed([line.split("|", 1) for line in listed.splitlines()]))
    if "Debian" not in mirrors:
        raise StepFailed("apt on this machine has no Debian source of component main: the lab takes its mirror from it")
    options = f"[signed-by={KEYRING}]"
    sources = [f"deb {options} {mirrors['Debian']} {name} main" for name in (suite, f"{suite}-updates")]
    if "Debian-Security" in mirrors:
        sources.append(f"deb {options} {mirrors['Debian-Security']} {suite}-security main")
    return sources


def apt_options() -> list[str]:
    """The proxy settings of this machine's apt, for mmdebstrap, which does not read them itself."""
    dump = subprocess.run(["apt-config", "dump"], text=True, capture_output=True, check=False).stdout
    return [
        line for line in dump.splitlines() if line.startswith("Acquire::http") and "Proxy" in line and '""' not in line
    ]


def _install(packages: list[str]) -> None:
    if shutil.which("apt-get") is None:
        raise StepFailed("the lab installs Debian packages with apt-get, and this machine has none")
    if all((Path("/usr/share/doc") / name).exists() for name in packages):
        return
    if os.geteuid() != 0:
        raise StepFailed(f"installing packages needs root: run this as root, or install {' '.join(packages)} yourself")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    apt = ("apt-get", "--quiet", "--option", "DPkg::Lock::Timeout=300")
    with _no_service_starts():
        sh(*apt, "update", log="host-packages", env=environment)
        sh(*apt, "install", "--yes", "--no-install-recommends", *packages, log="host-packages", env=environment)


@contextmanager
def _no_service_starts() -> Iterator[None]:
    """Keeps maintainer scripts from starting libvirtd, docker-registry or dnsmasq on the host: the lab runs its own."""
    aside = POLICY.with_suffix(".before-lab")
    if POLICY.exists() and not aside.exists():
        POLICY.rename(aside)
    try:
        POLICY.write_text("#!/bin/sh\n# Put here for the time of one apt-get run of the lab (lab/host.py).\nexit 101\n")
        POLICY.chmod(0o755)
        yield
    finally:
        POLICY.unlink(missing_ok=True)
        if aside.exists():
            aside.rename(POLICY)
