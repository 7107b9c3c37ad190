"""The lab's signed apt repositories, and the Debian packages that go into the first of them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from lab.host import apt_options, debian_sources
from lab.machine_image import DPKG_STATUS, IMAGE_INPUTS, SUITE
from lab.paths import CACHE, WEB_ROOT
from lab.steps import Step, sh

HOST_PACKAGES = ("apt-utils", "debian-archive-keyring", "gpg", "gpg-agent", "gpgconf")

MIRROR = WEB_ROOT / "debian"
_GNUPGHOME = CACHE / "gnupg"
_PACKAGES = CACHE / "debian-packages"
_WANTED = ("conntrack", "containerd", "docker-cli", "docker.io", "ebtables", "ethtool", "iptables", "runc", "socat")
"""What the machines install from Debian; what these need beyond the image comes along."""


def publish(directory: Path, release: Path, key: str, fields: dict[str, str]) -> None:
    """Signs the repository in `directory` whose indices are below `release`, and lays the public key beside as `key`.

    The name of `directory` ends in `.new`; it takes the place of the one without only when it is complete.
    """
    options = [f"--option=APT::FTPArchive::Release::{name}={value}" for name, value in fields.items()]
    content = sh("apt-ftparchive", *options, "release", ".", log=_log(directory), cwd=release)
    (release / "Release").write_text(content)
    try:
        identity = _signing_key(directory)
        for mode, name in (("--clear-sign", "InRelease"), ("--detach-sign", "Release.gpg")):
            _gpg(directory, "--armor", mode, "--output", str(release / name), str(release / "Release"))
        (directory / key).write_text(_gpg(directory, "--armor", "--export", identity))
    finally:
        # gpg leaves an agent running for the next call, and it would outlive the build.
        sh("gpgconf", "--homedir", _GNUPGHOME, "--kill", "all", log=_log(directory))
    final = directory.with_suffix("")
    shutil.rmtree(final, ignore_errors=True)
    directory.rename(final)


def index_packages(directory: Path, pool: str, into: Path) -> None:
    """Writes the index of the packages in `directory`/`pool`; paths in it are relative to `directory`."""
    content = sh("apt-ftparchive", "packages", pool, log=_log(directory), cwd=directory)
    into.mkdir(parents=True, exist_ok=True)
    (into / "Packages").write_text(content)
    sh("gzip", "--keep", "--no-name", into / "Packages", log=_log(directory))


def _fetch_packages() -> None:
    """Downloads with an apt that believes it runs in the image, and that knows nothing of this machine's packages."""
    work = _PACKAGES.with_suffix(".new")
    shutil.rmtree(work, ignore_errors=True)
    for directory in ("etc/apt/apt.conf.d", "etc/apt/preferences.d", "lists/partial", "archives/partial"):
        (work / directory).mkdir(parents=True)
    (work / "etc/apt/sources.list").write_text("".join(f"{line}\n" for line in debian_sources(SUITE)))
    settings = {
        "Dir": str(work),
        "Dir::State": str(work),
        "Dir::State::lists": str(work / "lists"),
        "Dir::State::status": str(DPKG_STATUS),
        "Dir::Cache": str(work),
        "Dir::Cache::archives": str(work / "archives"),
        "APT::Architecture": "amd64",
        "APT::Architectures": "amd64",
        "APT::Sandbox::User": "root",  # its usual one cannot enter root's home, where the cache may be
        "Acquire::Languages": "none",
        "Debug::NoLocking": "true",  # it would put the locks beside the image's list of packages
    }
    lines = [f'{name} "{value}";' for name, value in settings.items()] + apt_options()
    (work / "apt.conf").write_text("\n".join(lines) + "\n")
    environment = {**os.environ, "APT_CONFIG": str(work / "apt.conf")}
    sh("apt-get", "--quiet", "update", log="debian-packages", env=environment)
    install = ("apt-get", "--quiet", "--yes", "--no-install-recommends", "--download-only", "install")
    sh(*install, *_WANTED, log="debian-packages", env=environment)
    shutil.rmtree(_PACKAGES, ignore_errors=True)
    (work / "archives").rename(_PACKAGES)
    shutil.rmtree(work)


def _make_mirror() -> None:
    directory = MIRROR.with_suffix(".new")
    shutil.rmtree(directory, ignore_errors=True)
    pool = directory / "pool/main"
    pool.mkdir(parents=True)
    for package in sorted(_PACKAGES.glob("*.deb")):
        # apt writes a version's epoch into the file name, escaped; a mirror's file names have none.
        name, version, rest = package.name.split("_")
        os.link(package, pool / f"{name}_{version.rpartition('%3a')[2]}_{rest}")
    release = directory / "dists" / SUITE
    index_packages(directory, "pool/main", release / "main/binary-amd64")
    fields = {"Origin": "lab", "Label": "lab", "Codename": SUITE, "Architectures": "amd64", "Components": "main"}
    publish(directory, release, "archive-key.asc", fields)


def _signing_key(directory: Path) -> str:
    """The fingerprint of the one key that signs both repositories; made at the first call."""
    _GNUPGHOME.mkdir(mode=0o700, parents=True, exist_ok=True)
    listed = _gpg(directory, "--with-colons", "--list-secret-keys")
    if "\nfpr:" not in listed:
        _gpg(directory, "--passphrase", "", "--quick-generate-key", "kubeadm-libvirt lab", "ed25519", "sign", "never")
        listed = _gpg(directory, "--with-colons", "--list-secret-keys")
    return listed.partition("\nfpr:")[2].split(":")[8]


def _gpg(directory: Path, *arguments: str) -> str:
    return sh("gpg", "--batch", "--quiet", "--homedir", _GNUPGHOME, *arguments, log=_log(directory))


def _log(directory: Path) -> str:
    return f"{directory.name.removesuffix('.new')}-repository"


STEPS = [
    Step(
        name="debian-packages",
        run=_fetch_packages,
        results=[_PACKAGES],
        inputs=[*_WANTED, *IMAGE_INPUTS],
        needs=["machine-image"],
        lane="fetch",
    ),
    Step(
        name="debian-mirror",
        run=_make_mirror,
        results=[MIRROR / "dists" / SUITE / "InRelease", MIRROR / "archive-key.asc"],
        inputs=[*_WANTED, *IMAGE_INPUTS, Path(__file__)],
        needs=["debian-packages"],
        lane="fetch",
    ),
]
