"""What the header of a qcow2 file says: that it is one, whether it is whole, and the size of its disk."""

from __future__ import annotations

from pathlib import Path

from components.fault_lines import fault
from components.formats import LARGEST_DISK
from components.pulumi_command import config

MAGIC = b"QFI\xfb"
BACKING_FILE, SIZE = slice(8, 16), slice(24, 32)
"""Where the header has the place of a backing file's name, zero for none, and the disk's bytes; both big-endian."""
HEADER = 32
GIB = 1 << 30


def image_fault(path: Path, *, source: object = "", key: str = "image") -> str | None:
    """The line that refuses a file which is no image to make machines from. `source` is how it was asked for."""
    way_out = "give the path of a qcow2 file, or a URL"
    try:
        wrong = None if path.is_file() else "there is no such file"
        if not wrong:
            header = _header(path)
            if len(header) < HEADER or not header.startswith(MAGIC):
                wrong = "it is not a qcow2 file"
            elif any(header[BACKING_FILE]):
                wrong = "it is a layer on another file, which is not copied with it"
                way_out = f"give a whole one: qemu-img convert -O qcow2 {path.name} whole.qcow2"
    except OSError as error:
        wrong = f"it cannot be read: {error.strerror}"
    return fault(key, source or path, wrong, way_out) if wrong else None


def disk_gib(path: Path) -> int:
    """GiB that a machine's disk needs to hold what is in a sound image."""
    return -(-int.from_bytes(_header(path)[SIZE], "big") // GIB)


def disk_fault(path: Path, disk_size: int, *, key: str = "diskSize") -> str | None:
    """The line that refuses a disk which is smaller than the image it is made from; libvirt would fail half-way."""
    needed = disk_gib(path)
    if disk_size >= needed:
        return None
    place = f"--path {key}" if "." in key else key
    way_out = f"set it with: {config(f'set {place} {needed}')}"
    if needed > LARGEST_DISK:
        way_out = f"take another image, for diskSize is {LARGEST_DISK} at most"
    return fault(key, disk_size, f"the image has a disk of {needed} GiB, and no machine's may be smaller", way_out)


def _header(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEADER)
