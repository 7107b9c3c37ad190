"""kubeadm, kubelet, kubectl and kubernetes-cni as Debian packages, in a repository shaped as the official one is."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lab import go_builds
from lab.apt_repository import index_packages, publish
from lab.paths import BIN, LAB, WEB_ROOT
from lab.steps import Step, sh
from lab.versions import VERSIONS

_KUBERNETES: str = VERSIONS["kubernetes"]["version"]
_CNI: str = VERSIONS["cni_plugins"]["version"]
_MINOR = _KUBERNETES.rpartition(".")[0]
REPOSITORY = WEB_ROOT / "kubernetes" / "core:" / "stable:" / f"v{_MINOR}" / "deb"
_CNI_PLUGINS = ("bridge", "firewall", "host-local", "loopback", "portmap")
_FILES = LAB / "packages"

_ENABLE_KUBELET = """\
#!/bin/sh
set -e
# Enabled and not started: kubeadm starts it, once it has written its configuration.
if [ "$1" = configure ]; then
  if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
  systemctl enable kubelet.service
fi
"""
_DISABLE_KUBELET = """\
#!/bin/sh
set -e
if [ "$1" = remove ]; then
  if [ -d /run/systemd/system ]; then systemctl stop kubelet.service; fi
  systemctl disable kubelet.service
fi
"""


@dataclass(frozen=True, kw_only=True)
class Package:
    """One binary package."""

    name: str
    version: str
    summary: str
    files: Mapping[str, Path]
    """Paths on the machine, without the leading slash, and the files to put there."""
    depends: str = ""
    conffiles: tuple[str, ...] = ()
    scripts: Mapping[str, str] = field(default_factory=dict)
    """Maintainer scripts by name."""

    def control(self) -> str:
        """The control file."""
        fields = {
            "Package": self.name,
            "Version": self.version,
            "Architecture": "amd64",
            "Maintainer": "kubeadm-libvirt lab <lab@localhost>",
            "Section": "admin",
            "Priority": "optional",
            "Depends": self.depends,
            "Description": f"{self.summary}, built from Go modules",
        }
        return "".join(f"{name}: {value}\n" for name, value in fields.items() if value)


def packages() -> list[Package]:
    """The four packages, with names, versions, paths and dependencies of the official ones."""
    version = f"{_KUBERNETES}-1.1"
    return [
        Package(
            name="kubeadm",
            version=version,
            summary="Kubernetes cluster bootstrap",
            files={
                "usr/bin/kubeadm": BIN / "kubeadm",
                "usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf": _FILES / "10-kubeadm.conf",
            },
        ),
        Package(
            name="kubelet",
            version=version,
            summary="Kubernetes node agent",
            depends="iptables (>= 1.4.21), kubernetes-cni (>= 1.2.0), mount, util-linux",
            files={
                "usr/bin/kubelet": BIN / "kubelet",
                "usr/lib/systemd/system/kubelet.service": _FILES / "kubelet.service",
                "etc/default/kubelet": _FILES / "kubelet.default",
            },
            conffiles=("/etc/default/kubelet",),
            scripts={"postinst": _ENABLE_KUBELET, "prerm": _DISABLE_KUBELET},
        ),
        Package(
            name="kubectl",
            version=version,
            summary="Kubernetes command line",
            files={"usr/bin/kubectl": BIN / "kubectl"},
        ),
        Package(
            name="kubernetes-cni",
            version=f"{_CNI}-1.1",
            summary="CNI plugins",
            files={f"opt/cni/bin/{name}": BIN / name for name in _CNI_PLUGINS},
        ),
    ]


def _make_repository() -> None:
    directory = REPOSITORY.with_suffix(".new")
    shutil.rmtree(directory, ignore_errors=True)
    (directory / "amd64").mkdir(parents=True)
    for package in packages():
        _make_deb(package, directory)
    index_packages(directory, "amd64", directory)
    publish(directory, directory, "Release.key", {"Origin": "lab", "Label": "lab", "Architectures": "amd64"})


def _make_deb(package: Package, directory: Path) -> None:
    tree = directory / package.name
    metadata = tree / "DEBIAN"
    metadata.mkdir(parents=True)
    (metadata / "control").write_text(package.control())
    if package.conffiles:
        (metadata / "conffiles").write_text("".join(f"{name}\n" for name in package.conffiles))
    for name, text in package.scripts.items():
        (metadata / name).write_text(text)
        (metadata / name).chmod(0o755)
    for name, source in package.files.items():
        target = tree / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        target.chmod(0o755 if os.access(source, os.X_OK) else 0o644)
    # Level 3: the machines unpack it under emulation, where the level costs nothing, and packing runs at every build.
    options = ("-Zzstd", "-z3", "--root-owner-group", "--build")
    name = f"{package.name}_{package.version}_amd64.deb"
    sh("dpkg-deb", *options, tree, directory / "amd64" / name, log="deb-repository")
    shutil.rmtree(tree)


_BUILDS = [build for build in go_builds.STEPS if build.name in {"kubernetes", "cni-plugins"}]

STEPS = [
    Step(
        name="kubernetes-repository",
        run=_make_repository,
        results=[REPOSITORY / "InRelease", REPOSITORY / "Release.key"],
        inputs=[
            *(_KUBERNETES, _CNI, Path(__file__), LAB / "apt_repository.py"),
            *sorted(_FILES.iterdir()),
            *(item for build in _BUILDS for item in build.inputs),
        ],
        needs=["host-packages", *(build.name for build in _BUILDS)],
        lane="fetch",  # packing waits for no compiler, and no compiler for it
    )
]
