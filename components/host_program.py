"""What the program itself runs on: the processor, Python and its packages, the clock, places for files."""

from __future__ import annotations

import os
import platform
import tempfile
from datetime import UTC, date, datetime
from importlib import metadata
from pathlib import Path

from components.base_image import cache_directory
from components.host_report import Report
from components.nodes import all_nodes
from components.settings import Settings

REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements.txt"
WRITTEN = date(2026, 7, 1)
"""No run was before; a clock that says so makes every certificate one of the future."""


def machine_type() -> Report:
    """Whether the processor is one that the libvirt provider exists for; the images are for the same."""
    seen = platform.machine()
    if seen == "x86_64":
        return Report("processor: x86_64")
    line = (
        f"this host is {seen}, and pulumi-libvirt 0.5.4 exists for x86_64 alone. Run it on a host with that processor"
    )
    return Report("processor", [line])


def packages() -> Report:
    """Whether Python's packages are the ones that the program is pinned to."""
    faults = []
    for line in REQUIREMENTS.read_text().splitlines():
        name, pinned, wanted = line.partition("#")[0].strip().partition("==")
        if pinned and (seen := _installed(name)) != wanted:
            faults.append(
                f"Python's package {name} is {seen or 'missing'}, and requirements.txt says {wanted}. Install it: "
                ".venv/bin/pip install --requirement requirements.txt"
            )
    return Report(f"Python {platform.python_version()} with the packages of requirements.txt", faults)


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def clock() -> Report:
    """Whether the date can be right."""
    today = datetime.now(UTC).date()
    if today >= WRITTEN:
        return Report(f"clock: {today}")
    line = f"the clock says {today}, so no certificate is valid yet. Set it: sudo timedatectl set-ntp true"
    return Report("clock", [line])


def directories(settings: Settings) -> Report:
    """Whether files can be made where the program makes some."""
    faults = []
    temporary = os.environ.get("TMPDIR") or "/tmp"  # noqa: S108 (where the provider puts its own, whatever else is free)
    try:
        with tempfile.TemporaryFile(dir=temporary) as file:
            file.write(bytes(1 << 16))
    except OSError as error:
        faults.append(f"no file can be made in {temporary}: {error.strerror}. Make room there, or set TMPDIR")
    cache = cache_directory()
    from_urls = any(node.image.startswith("http") for node in all_nodes(settings))
    if from_urls and not os.access(nearest(cache), os.W_OK):
        faults.append(f"images cannot be kept in {cache}. Make that directory writable, or set XDG_CACHE_HOME")
    return Report(f"temporary files: {temporary}", faults)


def is_there(path: Path) -> bool:
    """Whether a path exists, as far as this user can see."""
    try:
        path.stat()
    except OSError:
        return False
    return True


def nearest(path: Path) -> Path:
    """The path, or its closest ancestor that is there."""
    return next(place for place in (path, *path.parents) if is_there(place))
