"""The form that a single value of the configuration may have: numbers, networks, URLs, paths, image names.

Stricter than Python's own readers, which take '١٢', '1_0', 2.0, True and 10.0.0.0/255.0.0.0. Each function raises
ValueError; what the user is told is in rules.py.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from ipaddress import IPv4Network
from pathlib import PurePosixPath
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from components.addresses import LABEL, LAST_PORT, NAME_LENGTH, check_server

_URL = re.compile(
    rf"https?://(?P<host>{LABEL}(\.{LABEL})*)(:(?P<port>[1-9][0-9]{{0,4}}))?"
    r"(?P<path>/([A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*)?"
    r"(?P<query>\?([A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?"
)
_REGISTRY = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*(:[1-9][0-9]{0,4})?"
# The grammar of github.com/distribution/reference, which Kubernetes and containerd use.
_IMAGE = re.compile(
    rf"(?P<registry>{_REGISTRY})(?P<path>(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)+)"
    r"(?P<tag>:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?P<digest>@sha256:[0-9a-f]{64})?"
)
DOCKERS_OTHER_NAMES = ("index.docker.io", "registry-1.docker.io", "registry.hub.docker.com", "hub.docker.com")
"""Of the registry that images call docker.io."""
_FILE_NAME_BYTES = 255
_PATH_BYTES = 3072
"""Linux allows 4096; the names of disks come behind."""
_URL_LENGTH = 2048
LARGEST_DISK = 4096
"""GiB."""


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


def _base_url(value: str) -> str:
    """A URL that paths are appended to."""
    if value and _url(value)["query"] is not None:
        raise ValueError("has a query")
    return value


def _file_url(value: str) -> str:
    if value:
        _url(value)
    return value


def _mirror(value: str) -> str:
    if not value:
        raise ValueError("empty")
    return _base_url(value).rstrip("/")


def _short_enough(path: str) -> None:
    if len(path.encode()) > _PATH_BYTES or any(len(part.encode()) > _FILE_NAME_BYTES for part in path.split("/")):
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
    _short_enough(value)
    return str(PurePosixPath(value)) if value else ""


def _registry(value: str) -> str:
    host, _, port = value.partition(":")
    # On a machine, a directory is called as the registry is, with its port.
    if not re.fullmatch(_REGISTRY, value) or len(value) > NAME_LENGTH or int(port or 1) > LAST_PORT:
        raise ValueError("not a registry")
    check_server(host)
    if not (re.search("[.:]", value) or value == "localhost"):
        raise ValueError("the first part of a path")
    return value


def mirrored_registry(value: str) -> str:
    """A registry as the names of its images begin."""
    if value in DOCKERS_OTHER_NAMES:
        raise ValueError("called docker.io")
    return _registry(value)


def _image_name(value: str) -> str:
    """A whole name, which means the same to `ctr` and to the kubelet: the latter would complete it, the former not."""
    match = _IMAGE.fullmatch(value)
    if not match or not (match["tag"] or match["digest"]) or len(match["registry"] + match["path"]) > 255:
        raise ValueError("not a whole name")
    if _registry(match["registry"]) == "docker.io" and match["path"].count("/") < 2:
        raise ValueError("the registry calls it library/…")
    return value


def json_object(value: Any) -> Any:
    """Pulumi hands objects over as JSON."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value or "{}", object_pairs_hook=_unique)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("a key is there twice")
    return values


WholeNumber = Annotated[int, BeforeValidator(_whole_number)]
Truth = Annotated[bool, BeforeValidator(_truth)]
Cidr = Annotated[IPv4Network, BeforeValidator(network)]
BaseUrl = Annotated[str, AfterValidator(_base_url)]
FileUrl = Annotated[str, AfterValidator(_file_url)]
ImageSource = Annotated[str, AfterValidator(_image)]
Directory = Annotated[str, AfterValidator(_directory)]
ImageName = Annotated[str, AfterValidator(_image_name)]
Mirrors = Annotated[
    dict[Annotated[str, AfterValidator(mirrored_registry)], Annotated[str, AfterValidator(_mirror)]],
    BeforeValidator(json_object),
]
Sha512 = Annotated[str, Field(pattern=r"^([0-9a-f]{128})?$")]
Memory = Annotated[WholeNumber, Field(ge=1024, le=1024 * 1024)]
DiskSize = Annotated[WholeNumber, Field(ge=8, le=LARGEST_DISK)]


class MachineSettings(BaseModel):
    """What one machine has of its own; what is None is as it is for all."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel)

    cpus: Annotated[WholeNumber, Field(ge=1, le=64)] | None = None
    memory: Memory | None = None
    """MiB."""
    disk_size: DiskSize | None = None
    """GiB."""
    image: ImageSource | None = None
    image_sha512: Sha512 = ""
    """Of `image` here, not of the image of all."""


Machines = Annotated[dict[str, MachineSettings], BeforeValidator(json_object)]


def raw_machines(value: Any) -> dict[str, Any]:
    """What the user has written for single machines, by the machine's name; nothing where it is no object."""
    try:
        found = json_object(value)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def machines(value: Any) -> dict[str, MachineSettings]:
    """What single machines have of their own, by the machine's name; without those that have it in another form."""
    found = {}
    for name, own in raw_machines(value).items():
        with suppress(ValidationError):
            found[name] = MachineSettings.model_validate(own)
    return found
