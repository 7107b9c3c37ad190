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

from components.fault_lines import fault
from components.nodes import Node
from components.one_line import without_passwords
from components.qcow2 import disk_fault, image_fault
from components.settings import SettingsError

CHUNK = 1 << 20


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
    set_by_user = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(set_by_user) if set_by_user.startswith("/") else _home() / ".cache"  # as XDG says of a relative one
    return base / "kubeadm-libvirt" / "images-downloaded"


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:  # no HOME, and a user that the system does not know
        return Path("/nonexistent")  # as Debian has it for users without one; nothing can be made there


def base_images(nodes: Sequence[Node], *, preview: bool) -> dict[str, BaseImage]:
    """The verified image of each node, by its name. A preview downloads nothing.

    Raises SettingsError when a file is missing, cannot be downloaded, has another checksum, or fits on no disk.
    """
    wanted: dict[tuple[str, str], Node] = {}
    for node in nodes:
        wanted.setdefault((node.image, node.image_sha512), node)
    images = {
        image: base_image(*image, preview=preview, keys=(node.key("image"), node.key("imageSha512")))
        for image, node in wanted.items()
    }
    faults: dict[str, None] = {}
    for node in nodes:
        path = images[node.image, node.image_sha512].path
        if path.exists() and (wrong := disk_fault(path, node.disk_size, key=node.key("diskSize"))):
            faults[wrong] = None
    if faults:
        raise SettingsError("\n".join(faults))
    return {node.name: images[node.image, node.image_sha512] for node in nodes}


def base_image(
    source: str, sha512: str, *, preview: bool, keys: tuple[str, str] = ("image", "imageSha512")
) -> BaseImage:
    """One verified image, from a URL or a path. `keys` are what the user has named it and its checksum by."""
    path = image_path(source, sha512)
    from_url = source.startswith("http")
    if from_url and not path.exists():
        if preview:
            return BaseImage(source=source, path=path, sha512=sha512)
        _download(source, sha512, path, keys)
    if wrong := image_fault(path, source=source, key=keys[0]):
        raise SettingsError(wrong)
    if sha512 and not from_url:  # a download is verified on its way
        _verify(file_sha512(path), sha512, path, keys[1])
    return BaseImage(source=source, path=path, sha512=sha512)


def image_path(source: str, sha512: str) -> Path:
    """Where the file of an image is, or will be."""
    return download_path(source, sha512) if source.startswith("http") else Path(source)


def download_path(source: str, sha512: str) -> Path:
    """Where the image of a URL is kept once it is downloaded."""
    return cache_directory() / sha512[:32] / urlsplit(source).path.rsplit("/", 1)[1]


def _download(source: str, sha512: str, path: Path, keys: tuple[str, str]) -> None:
    pulumi.log.info(f"Downloading {without_passwords(source)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = tempfile.NamedTemporaryFile(dir=path.parent, delete=False)  # noqa: SIM115 (closed below)
    except OSError as error:
        rule = f"it cannot be kept in {path.parent}: {error}"
        way_out = "make that directory writable, or set XDG_CACHE_HOME"
        raise SettingsError(fault(keys[0], source, rule, way_out)) from error
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
            _verify(digest.hexdigest(), sha512, source, keys[1])
        except (OSError, http.client.HTTPException) as error:
            rule = f"it cannot be downloaded: {error}"
            raise SettingsError(fault(keys[0], source, rule, "check the URL, or set a local path")) from error
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


def _verify(seen: str, wanted: str, source: object, key: str) -> None:
    if seen != wanted:
        rule = f"{without_passwords(str(source))} has the SHA-512 {seen}"
        way_out = "if you trust that file, set this value; if not, fetch it again"
        raise SettingsError(fault(key, wanted, rule, way_out))
