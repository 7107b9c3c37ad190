"""Which libvirt may be used: libvirt:uri, the one key of a provider that is read here too."""

from __future__ import annotations

import re

from components.rules import fault

LIBVIRT_URI = "libvirt:uri"
SET_LIBVIRT_URI = f"pulumi config set {LIBVIRT_URI} qemu:///system"

_HOST = r"([A-Za-z0-9._-]+@)?([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(:[1-9][0-9]{0,4})?"
_QUERY = r"(\?[A-Za-z0-9._~!$&'()*+,;=:@/?%-]*)?"
_URI = re.compile(rf"(qemu(\+unix)?:///system|qemu\+[a-z][a-z0-9]*://{_HOST}/system){_QUERY}")


def uri_fault(value: object) -> str | None:
    """The line that refuses a value of libvirt:uri. The session of a user has neither networks nor pools of its own."""
    if isinstance(value, str) and _URI.fullmatch(value):
        return None
    rule = "it must be qemu:///system or qemu+TRANSPORT://HOST/system, as a text"
    return fault(LIBVIRT_URI, value, rule, f"set it with: {SET_LIBVIRT_URI}")
