"""The container images of the cluster, made of what go_builds.py built and of Debian packages.

Names, tags and the paths inside are those of the official images, because kubeadm's manifests and flannel's rely on
them; kubeadm itself is asked which tags it will want.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lab import debian_tree, go_builds, registry
from lab.debian_tree import FILES, Tree
from lab.docker_archive import write_archive, write_layer
from lab.paths import BIN, IMAGES, LAB
from lab.steps import Step, StepFailed, sh
from lab.versions import VERSIONS

HOST_PACKAGES = (*debian_tree.HOST_PACKAGES, *registry.HOST_PACKAGES)

_SEARCH_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_LAYERS = IMAGES / "layers"
_COMMON = _LAYERS / "common.tar"

NETWORK_TOOLS = Tree(
    name="network-tools",
    layer=_LAYERS / "network-tools.tar",
    packages=("conntrack", "iproute2", "iptables", "kmod", "nftables"),
    # The nodes use nftables underneath, as Debian does by default, so the containers must do the same.
    links={
        f"usr/sbin/{family}{action}": "xtables-nft-multi"
        for family in ("iptables", "ip6tables")
        for action in ("", "-save", "-restore")
    },
    check=("iptables --version", "(nf_tables)"),
)
NGINX = Tree(
    name="nginx",
    layer=_LAYERS / "nginx.tar",
    packages=("nginx",),
    links={"var/log/nginx/access.log": "/dev/stdout", "var/log/nginx/error.log": "/dev/stderr"},
    check=("nginx -v", f"nginx/{VERSIONS['nginx']['version']}"),
)


@dataclass(frozen=True, kw_only=True)
class Image:
    """One container image."""

    name: str
    """With its registry, without its tag."""
    tag: str | None = None
    """None: the one that kubeadm lists."""
    base: Path | None = None
    files: Mapping[str, Path] = field(default_factory=dict)
    """Path in the image to the executable that goes there."""
    settings: Mapping[str, object] = field(default_factory=dict)

    @property
    def archive(self) -> Path:
        """Where the image is written: the last part of its name is unique among the lab's."""
        return IMAGES / f"{self.name.rpartition('/')[2]}.tar"


def _kubernetes(name: str, base: Path = _COMMON) -> Image:
    place = f"/usr/local/bin/{name}"
    return Image(name=f"registry.k8s.io/{name}", base=base, files={place: BIN / name}, settings={"Entrypoint": [place]})


_FLANNEL = VERSIONS["flannel"]

IMAGES_TO_MAKE: tuple[Image, ...] = (
    _kubernetes("kube-apiserver"),
    _kubernetes("kube-controller-manager"),
    _kubernetes("kube-scheduler"),
    _kubernetes("kube-proxy", base=NETWORK_TOOLS.layer),
    _kubernetes("etcd"),
    Image(
        name="registry.k8s.io/coredns/coredns",
        base=_COMMON,
        files={"/coredns": BIN / "coredns"},
        settings={"Entrypoint": ["/coredns"], "ExposedPorts": {"53/tcp": {}, "53/udp": {}}},
    ),
    Image(
        name="registry.k8s.io/pause",
        files={"/pause": BIN / "pause"},
        settings={"Entrypoint": ["/pause"], "User": "65535:65535"},
    ),
    Image(
        name="ghcr.io/flannel-io/flannel",
        tag=f"v{_FLANNEL['version']}",
        base=NETWORK_TOOLS.layer,
        files={"/opt/bin/flanneld": BIN / "flanneld", "/opt/bin/install-conf": BIN / "install-conf"},
        settings={"Entrypoint": ["/opt/bin/flanneld"]},
    ),
    Image(
        name="ghcr.io/flannel-io/flannel-cni-plugin",
        tag=f"v{_FLANNEL['cni_plugin']}",
        base=NETWORK_TOOLS.layer,  # for `cp`; every node has this layer already
        files={"/flannel": BIN / "flannel"},
    ),
    Image(
        name="docker.io/library/nginx",
        tag=VERSIONS["nginx"]["version"],
        base=NGINX.layer,
        settings={
            "Cmd": ["nginx", "-g", "daemon off;"],
            "ExposedPorts": {"80/tcp": {}},
            "StopSignal": "SIGQUIT",
        },
    ),
)


def kubeadm_tags(listed: str) -> dict[str, str]:
    """Image name to tag, from the lines of `kubeadm config images list`."""
    return dict(line.rsplit(":", 1) for line in listed.split())


def _make_images() -> None:
    version = f"v{VERSIONS['kubernetes']['version']}"
    log = "container-images"
    tags = kubeadm_tags(sh(BIN / "kubeadm", "config", "images", "list", "--kubernetes-version", version, log=log))
    unknown = tags.keys() - {image.name for image in IMAGES_TO_MAKE}
    if unknown:
        raise StepFailed(f"kubeadm {version} wants images that the lab does not make: {', '.join(sorted(unknown))}")
    IMAGES.mkdir(parents=True, exist_ok=True)
    work = IMAGES / "work"
    shutil.rmtree(work, ignore_errors=True)
    _make_common(work / "common")
    for image in IMAGES_TO_MAKE:
        tag = image.tag or tags[image.name]
        _make_image(image, f"{image.name}:{tag}", work / image.archive.stem)
    shutil.rmtree(work)


def _make_common(tree: Path) -> None:
    """The ground under a lone static executable: users, name lookup, /tmp."""
    shutil.copytree(FILES / "common", tree)
    (tree / "tmp").mkdir()
    (tree / "tmp").chmod(0o1777)
    write_layer(tree, _COMMON)


def _make_image(image: Image, name: str, tree: Path) -> None:
    layers = [image.base] if image.base else []
    if image.files:
        for place, source in image.files.items():
            target = tree / place.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
        layers.append(write_layer(tree, tree.with_suffix(".tar")))
    write_archive(image.archive, name, layers, {"Env": [_SEARCH_PATH], "WorkingDir": "/", **image.settings})
    shutil.rmtree(tree, ignore_errors=True)


_TREES = [NETWORK_TOOLS.step(), NGINX.step()]
_EXECUTABLES = ("kubernetes", "etcd", "coredns", "flannel", "cni-flannel", "pause")
_MADE_OF = [*_TREES, *(step for step in go_builds.STEPS if step.name in _EXECUTABLES)]
_MAKE = Step(
    name="container-images",
    run=_make_images,
    results=[image.archive for image in IMAGES_TO_MAKE],
    # The digests: what is built anew makes the images anew.
    inputs=[Path(__file__), LAB / "docker_archive.py", *(step.digest() for step in _MADE_OF)],
    needs=[step.name for step in _MADE_OF],
)
STEPS: list[Step] = [
    *_TREES,
    _MAKE,
    registry.fill_step([image.archive for image in IMAGES_TO_MAKE], of=_MAKE),
]
