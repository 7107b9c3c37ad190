"""The operating system image: found or downloaded, and its checksum verified, before anything is made from it."""

from __future__ import annotations

import hashlib
import http.client
import os
import tempfile
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

import pulumi

from components.nodes import Node
from components.one_line import without_passwords
from components.rules import fault
from components.settings import SettingsError

CHUNK = 1 << 20
QCOW2 = b"QFI\xfb"
"""How every qcow2 file begins."""


@dataclass(frozen=True, kw_only=True)
class BaseImage:
    """A qcow2 file on the machine that runs Pulumi; in a preview it may be one that `up` will download."""

    source: str
    """The URL or path that it was asked for by."""
    path: Path
    sha512: str
    """The checksum that it was verified with, or empty for a local file that is taken as it is."""

    @cached_property
    def short_hash(self) -> str:
        """Tells images apart by content, so that a file that was only copied or touched rebuilds nothing."""
        return (self.sha512 or file_sha512(self.path))[:12]


def cache_directory() -> Path:
    """Where downloaded images are kept, named by their checksum."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "kubeadm-libvirt" / "images-downloaded"


def base_images(nodes: Sequence[Node], *, preview: bool) -> dict[str, BaseImage]:
    """The verified image of each node, by its name. A preview downloads nothing.

    Raises SettingsError when a file is missing, cannot be downloaded, or has another checksum.
    """
    wanted = dict.fromkeys((node.image, node.image_sha512) for node in nodes)
    images = {(source, sha512): base_image(source, sha512, preview=preview) for source, sha512 in wanted}
    return {node.name: images[node.image, node.image_sha512] for node in nodes}


def base_image(source: str, sha512: str, *, preview: bool) -> BaseImage:
    """One verified image, from a URL or a path."""
    if source.startswith("http"):
        path = download_path(source, sha512)
        if not path.exists() and not preview:
            _download(source, sha512, path)
    else:
        path = Path(source)
        if wrong := local_fault(path):
            raise SettingsError(wrong)
        if sha512:
            _verify(file_sha512(path), sha512, path)
    return BaseImage(source=source, path=path, sha512=sha512)


def download_path(source: str, sha512: str) -> Path:
    """Where the image of a URL is kept once it is downloaded."""
    return cache_directory() / sha512[:32] / urlsplit(source).path.rsplit("/", 1)[1]


def local_fault(path: Path) -> str | None:
    """The line that refuses a local file which is no qcow2 image."""
    try:
        wrong = None if path.is_file() else "there is no such file"
        if not wrong:
            with path.open("rb") as file:
                wrong = None if file.read(len(QCOW2)) == QCOW2 else "it is not a qcow2 file"
    except OSError as error:
        wrong = f"it cannot be read: {error.strerror}"
    return fault("image", path, wrong, "give the path of a qcow2 file, or a URL") if wrong else None


def _download(source: str, sha512: str, path: Path) -> None:
    pulumi.log.info(f"Downloading {without_passwords(source)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = tempfile.NamedTemporaryFile(dir=path.parent, delete=False)  # noqa: SIM115 (closed below)
    except OSError as error:
        rule = f"it cannot be kept in {path.parent}: {error}"
        way_out = "make that directory writable, or set XDG_CACHE_HOME"
        raise SettingsError(fault("image", source, rule, way_out)) from error
    digest = hashlib.sha512()
    with file:
        try:
            with urllib.request.urlopen(source, timeout=60) as answer:  # noqa: S310 (settings allow http(s) only)
                total, tenths = int(answer.headers.get("Content-Length") or 0), 0
                while chunk := answer.read(CHUNK):
                    digest.update(chunk)
                    file.write(chunk)
                    if total and file.tell() * 10 // total > tenths:
                        tenths = file.tell() * 10 // total
                        pulumi.log.info(f"Downloading the image: {tenths}0 %", ephemeral=True)
            _whole(file.tell(), total)
            _verify(digest.hexdigest(), sha512, source)
        except (OSError, http.client.HTTPException) as error:
            rule = f"it cannot be downloaded: {error}"
            raise SettingsError(fault("image", source, rule, "check the URL, or set a local path")) from error
        else:
            Path(file.name).rename(path)
        finally:
            Path(file.name).unlink(missing_ok=True)


def _whole(size: int, announced: int) -> None:
    if size < announced:
        raise OSError(f"it broke off after {size} of {announced} bytes")


def file_sha512(path: Path) -> str:
    """SHA-512 of a file, as hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha512").hexdigest()


def _verify(seen: str, wanted: str, source: object) -> None:
    if seen != wanted:
        rule = f"{without_passwords(str(source))} has the SHA-512 {seen}"
        way_out = "if you trust that file, set this value; if not, fetch it again"
        raise SettingsError(fault("imageSha512", wanted, rule, way_out))
