"""What is wrong with the URL of an apt repository: what apt makes of it in its list of sources, and in names of files.

apt 3.0: strutl.cc (ParseQuoteWord, URItoFileName), sourcelist.cc (FixupURI).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from components.fault_lines import fault

REPOSITORIES = ("aptMirror", "kubernetesAptRepository")
_CONTROL = re.compile("%([01][0-9A-F]|7F)", re.IGNORECASE)
_QUOTED = frozenset(b'\\|{}[]<>"^~_=!@#$%^&* ')
"""What apt writes as %XX in the name of a file, besides what cannot be printed."""
_ROOM = 255 - 100
"""Bytes of a file's name that a URL may take. Behind it apt writes, at the longest,
dists_trixie_main_binary-amd64_Packages.diff_T-2026-07-12-0203.44-F-2026-07-11-2023.12.gz."""


def apt_faults(values: Mapping[str, Any]) -> list[str]:
    """A line for each repository that apt would read as another, or could not keep the lists of."""
    faults = []
    for key in REPOSITORIES:
        url = values.get(key, "")
        if b"$(" in unquote_to_bytes(url):
            rule = "apt alone puts something else for $(ARCH) and its like"
            faults.append(fault(key, url, rule, "write out what it stands for"))
        if control := _CONTROL.search(url):
            faults.append(fault(key, url, f"apt reads {control[0]} as a control character", "leave it out"))
        if (size := _name_length(url)) > _ROOM:
            rule = (
                "apt names its files after it, where each of ! $ % & * = @ _ ~ takes three bytes, and that makes "
                f"{size} of {_ROOM}"
            )
            way_out = "give the server a shorter name or path, for example by a redirection"
            faults.append(fault(key, url, rule, way_out))
    return faults


def _name_length(url: str) -> int:
    """Bytes that a URL takes in the name of a file: without its scheme, and with a slash at its end."""
    read = unquote_to_bytes(url.partition("://")[2].rstrip("/") + "/")
    return sum(3 if byte in _QUOTED or not 0x20 < byte < 0x7F else 1 for byte in read)
