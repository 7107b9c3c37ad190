"""How a server may be called in a URL, in the name of an image and in libvirt:uri."""

from __future__ import annotations

import re
from ipaddress import IPv4Address

LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
NAME_LENGTH = 253
_LABEL_LENGTH = 63
"""What DNS has room for."""
LAST_PORT = 65535
_NUMBER = r"([0-9]+|0x[0-9a-f]*)"
_NUMBERS = re.compile(rf"{_NUMBER}(\.{_NUMBER})*", re.IGNORECASE)


def check_server(name: str) -> None:
    """Raises ValueError for what is neither a name nor an address as four decimal numbers.

    The C library takes 0x7f.1, 127.1 and 2130706433 for 127.0.0.1; here nobody would see that it is.
    """
    if len(name) > NAME_LENGTH or any(len(label) > _LABEL_LENGTH for label in name.split(".")):
        raise ValueError("too long for a name")
    if _NUMBERS.fullmatch(name):
        IPv4Address(name)
