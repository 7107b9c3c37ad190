"""Small Debian trees for the container images that need more than one executable."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.docker_archive import write_layer
from lab.host import KEYRING, apt_options, debian_sources
from lab.paths import LAB
from lab.steps import Step, StepFailed, sh
from lab.versions import VERSIONS

HOST_PACKAGES = ("debian-archive-keyring", "mmdebstrap")

SUITE: str = VERSIONS["debian"]["suite"]
FILES = LAB / "containers"
_ALWAYS = ("base-files", "coreutils", "dash", "libc-bin")  # the merged /usr, `cp`, `sh`, `getent`
_NEEDLESS = (
    *("boot", "dev", "home", "media", "mnt", "opt", "srv"),
    *("etc/apt", "etc/fstab", "etc/hostname", "etc/init.d", "etc/resolv.conf"),
    *("usr/include", "usr/lib/systemd", "usr/lib/x86_64-linux-gnu/gconv"),
    *(f"usr/share/{name}" for name in ("bash-completion", "doc", "info", "lintian", "locale", "man")),
    *("var/cache", "var/lib/apt", "var/lib/dpkg", "var/log/apt", "var/log/bootstrap.log"),
)


@dataclass(frozen=True, kw_only=True)
class Tree:
    """A Debian file system for containers, as one image layer."""

    name: str
    layer: Path
    packages: Sequence[str]
    links: Mapping[str, str]
    """What alternatives and maintainer scripts would have made: path to target."""
    check: tuple[str, str]
    """A shell command to run in the tree, and what it must print: an image must be what its tag says."""

    def step(self) -> Step:
        """The step that makes the layer, with the files of lab/containers/common and lab/containers/`name` in it."""
        description = str((SUITE, sorted(self.packages), sorted(self.links.items()), self.check))
        files = [path for folder in self._files() for path in sorted(folder.rglob("*")) if path.is_file()]
        return Step(
            name=f"{self.name}-tree",
            run=self._make,
            results=[self.layer],
            inputs=[description, Path(__file__), *files],
            needs=["host-packages"],
            lane="fetch",
        )

    def _files(self) -> list[Path]:
        return [folder for folder in (FILES / "common", FILES / self.name) if folder.is_dir()]

    def _make(self) -> None:
        self.layer.parent.mkdir(parents=True, exist_ok=True)
        tree = self.layer.with_suffix(".tree")
        shutil.rmtree(tree, ignore_errors=True)
        # `extract` unpacks and runs no maintainer script: half the time and a third of the size of a bootable tree.
        options = ["--mode=root", "--variant=extract", "--format=directory", f"--keyring={KEYRING}"]
        options += [f"--aptopt={line}" for line in apt_options()]
        packages = ",".join(sorted({*_ALWAYS, *self.packages}))
        sh(
            "mmdebstrap",
            *options,
            f"--include={packages}",
            SUITE,
            tree,
            *debian_sources(SUITE),
            log=f"{self.name}-tree",
        )
        self._finish(tree)
        write_layer(tree, self.layer.with_suffix(".new")).replace(self.layer)
        shutil.rmtree(tree)

    def _finish(self, tree: Path) -> None:
        for needless in _NEEDLESS:
            _remove(tree / needless)
        for folder in self._files():
            shutil.copytree(folder, tree, dirs_exist_ok=True)
        for directory in ("dev", "proc", "root", "run", "sys", "tmp"):
            (tree / directory).mkdir(exist_ok=True)
        (tree / "tmp").chmod(0o1777)
        for link, target in self.links.items():
            path = tree / link
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            path.symlink_to(target)
        command, wanted = self.check
        printed = sh("chroot", tree, "/bin/sh", "-c", f"{command} 2>&1", log=f"{self.name}-tree")
        if wanted not in printed:
            raise StepFailed(f"`{command}` in Debian {SUITE} prints {printed.strip()!r}, and the lab needs {wanted!r}")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
