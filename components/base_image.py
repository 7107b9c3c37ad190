"""The operating system image: found or downloaded, and its checksum verified, before anything is made from it."""

from __future__ import annotations

import hashlib
import http.client
import os
import tempfile
import urllib.request
from pathlib import Path

import pulumi

from components.rules import fault
from components.settings import Settings, SettingsError

CHUNK = 1 << 20


def cache_directory() -> Path:
    """Where downloaded images are kept, named by their checksum."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "kubeadm-libvirt" / "images-downloaded"


def base_image(settings: Settings, *, preview: bool) -> Path:
    """The verified image as a local file. A preview names the file that `up` will download, and downloads nothing.

    Raises SettingsError when the file is missing, cannot be downloaded, or has another checksum.
    """
    if settings.image_url is None:
        path = Path(settings.image)
        if not path.is_file():
            raise SettingsError(
                fault("image", path, "there is no such file", "give the path of a qcow2 file, or a URL")
            )
        if settings.image_sha512:
            _verify(file_sha512(path), settings, path)
        return path
    path = cache_directory() / settings.image_sha512[:32] / settings.image.rsplit("/", 1)[1]
    if not path.exists() and not preview:
        _download(settings, path)
    return path


def _download(settings: Settings, path: Path) -> None:
    pulumi.log.info(f"Downloading {settings.image}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = tempfile.NamedTemporaryFile(dir=path.parent, delete=False)  # noqa: SIM115 (closed below)
    except OSError as error:
        rule = f"it cannot be kept in {path.parent}: {error}"
        way_out = "make that directory writable, or set XDG_CACHE_HOME"
        raise SettingsError(fault("image", settings.image, rule, way_out)) from error
    digest = hashlib.sha512()
    with file:
        try:
            with urllib.request.urlopen(settings.image, timeout=60) as answer:  # noqa: S310 (settings allow http(s) only)
                total, tenths = int(answer.headers.get("Content-Length") or 0), 0
                while chunk := answer.read(CHUNK):
                    digest.update(chunk)
                    file.write(chunk)
                    if total and file.tell() * 10 // total > tenths:
                        tenths = file.tell() * 10 // total
                        pulumi.log.info(f"Downloading the image: {tenths}0 %", ephemeral=True)
            _whole(file.tell(), total)
            _verify(digest.hexdigest(), settings, settings.image)
        except (OSError, http.client.HTTPException) as error:
            rule = f"it cannot be downloaded: {error}"
            raise SettingsError(fault("image", settings.image, rule, "check the URL, or set a local path")) from error
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


def _verify(seen: str, settings: Settings, source: object) -> None:
    if seen != settings.image_sha512:
        rule = f"{source} has the SHA-512 {seen}"
        way_out = "if you trust that file, set this value; if not, fetch it again"
        raise SettingsError(fault("imageSha512", settings.image_sha512, rule, way_out))
