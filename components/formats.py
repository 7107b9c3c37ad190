"""The form that a single value of the configuration may have: numbers, networks, URLs, paths.

Stricter than Python's own readers, which take '١٢', '1_0', 2.0, True and 10.0.0.0/255.0.0.0. Each function raises
ValueError; what the user is told is in rules.py.
"""

from __future__ import annotations

import json
import re
from ipaddress import IPv4Network
from pathlib import PurePosixPath
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from components.addresses import LABEL, LAST_PORT, check_server

_URL = re.compile(
    rf"https?://(?P<host>{LABEL}(\.{LABEL})*)(:(?P<port>[1-9][0-9]{{0,4}}))?"
    r"(?P<path>/([A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*)?"
    r"(?P<query>\?([A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?"
)
_FILE_NAME_BYTES = 255
_PATH_BYTES = 3072
"""Linux allows 4096."""
LONGEST_DIRECTORY = 1023 - len("/base-0123456789ab.qcow2")
"""Bytes of the disks' directory: a disk names the image that it grows from in 1023 bytes at most (QEMU, qcow2.rst)."""
_URL_LENGTH = 2048
LARGEST_DISK = 4096
"""GiB."""


def tidy(value: Any) -> Any:
    """A text without the blanks around it; a URL's scheme, of which the letters do not matter, in lower case."""
    if not isinstance(value, str):
        return value
    return re.sub("^https?://", lambda scheme: scheme[0].lower(), value.strip(), flags=re.IGNORECASE)


def _whole_number(value: Any) -> int:
    if isinstance(value, str) and re.fullmatch(r"-?(0|[1-9][0-9]{0,9})", value):
        return int(value)
    if type(value) is int:  # not bool, which is one too
        return value
    raise ValueError("not a whole number")


def _truth(value: Any) -> bool:
    words = {"true": True, "false": False}  # what Pulumi makes of True and TRUE too
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value in words:
        return words[value]
    raise ValueError("neither true nor false")


def network(value: Any) -> IPv4Network:
    """An IPv4 network in the notation 10.0.0.0/8; host bits are a typing mistake."""
    if not isinstance(value, str) or not re.fullmatch(r"[0-9.]+/[0-9]{1,2}", value):
        raise ValueError("not in the notation ADDRESS/PREFIX LENGTH")
    return IPv4Network(value)


def _url(value: str) -> re.Match[str]:
    match = _URL.fullmatch(value)
    if not match or len(value) > _URL_LENGTH or int(match["port"] or 1) > LAST_PORT:
        raise ValueError("not an http(s) URL")
    check_server(match["host"])
    return match


def base_url(value: str) -> str:
    """A URL that paths are appended to."""
    if value and _url(value)["query"] is not None:
        raise ValueError("has a query")
    return value


def _file_url(value: str) -> str:
    if value:
        _url(value)
    return value


def _short_enough(path: str, limit: int = _PATH_BYTES) -> None:
    if len(path.encode()) > limit or any(len(part.encode()) > _FILE_NAME_BYTES for part in path.split("/")):
        raise ValueError("too long")


def _image(value: str) -> str:
    """The URL or the path of a file. The libvirt provider reads a path as a URL: %41 is A, and ? and # end it."""
    path = value
    if value.startswith("http"):
        path = _url(value)["path"] or ""
    elif not value.isprintable() or not re.fullmatch(r"/[^/%?#][^%?#]*", value):
        raise ValueError("not an absolute path")
    if path.rpartition("/")[2] in ("", ".", ".."):
        raise ValueError("a directory")
    _short_enough(path)
    return value


def _directory(value: str) -> str:
    if value and (not re.fullmatch(r"(/[A-Za-z0-9._+@=-]+)*/?", value) or {".", ".."} & set(value.split("/"))):
        raise ValueError("not an absolute path")
    path = str(PurePosixPath(value)) if value else ""
    _short_enough(path, LONGEST_DIRECTORY)
    return path


def json_object(value: Any) -> Any:
    """Pulumi hands objects over as JSON."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value or "{}", object_pairs_hook=_unique)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def raw_object(value: Any) -> dict[str, Any]:
    """What the user has written below a key; nothing where it is no object."""
    try:
        found = json_object(value)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("a key is there twice")
    return values


WholeNumber = Annotated[int, BeforeValidator(_whole_number)]
Truth = Annotated[bool, BeforeValidator(_truth)]
Cidr = Annotated[IPv4Network, BeforeValidator(network)]
BaseUrl = Annotated[str, AfterValidator(base_url)]
FileUrl = Annotated[str, AfterValidator(_file_url)]
ImageSource = Annotated[str, BeforeValidator(tidy), AfterValidator(_image)]
Directory = Annotated[str, AfterValidator(_directory)]
Sha512 = Annotated[str, BeforeValidator(tidy), Field(pattern=r"^([0-9a-f]{128})?$")]
Memory = Annotated[WholeNumber, Field(ge=1024, le=1024 * 1024)]
DiskSize = Annotated[WholeNumber, Field(ge=8, le=LARGEST_DISK)]
