"""Files that begin as a qcow2 image does, for tests that look no further."""

from __future__ import annotations


def qcow2(content: bytes = b"", *, size: int = 0, backing: int = 0) -> bytes:
    """A header with the size of the disk and the place of a backing file's name, and then `content`."""
    return b"QFI\xfb" + b"".join(
        [(3).to_bytes(4, "big"), backing.to_bytes(8, "big"), bytes(8), size.to_bytes(8, "big"), content]
    )
