"""The form that the names of container images and of their registries may have, and the registries' mirrors.

Each function raises ValueError; what the user is told is in rules.py and nested_rules.py.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from components.addresses import LAST_PORT, NAME_LENGTH, check_server
from components.formats import base_url, json_object, raw_object, tidy

_REGISTRY = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*(:[1-9][0-9]{0,4})?"
# The grammar of github.com/distribution/reference, which Kubernetes and containerd use.
_IMAGE = re.compile(
    rf"(?P<registry>{_REGISTRY})(?P<path>(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)+)"
    r"(?P<tag>:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?P<digest>@sha256:[0-9a-f]{64})?"
)
DOCKERS_OTHER_NAMES = ("index.docker.io", "registry-1.docker.io", "registry.hub.docker.com", "hub.docker.com")
"""Of the registry that images call docker.io."""


def _registry(value: str) -> str:
    host, _, port = value.partition(":")
    # On a machine, a directory is called as the registry is, with its port.
    if not re.fullmatch(_REGISTRY, value) or len(value) > NAME_LENGTH or int(port or 1) > LAST_PORT:
        raise ValueError("not a registry")
    check_server(host)
    if not (re.search("[.:]", value) or value == "localhost"):
        raise ValueError("the first part of a path")
    return value


def is_dockers_hub(registry: str) -> bool:
    """Whether it is the registry that images call docker.io, by another of its names or with its port."""
    host, colon, _ = registry.partition(":")
    return host in DOCKERS_OTHER_NAMES or (host == "docker.io" and bool(colon))


def mirrored_registry(value: str) -> str:
    """A registry as the names of its images begin."""
    if is_dockers_hub(value):
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


def _mirror(value: str) -> str:
    if not value:
        raise ValueError("empty")
    return base_url(tidy(value)).rstrip("/")


def mirrors(value: Any) -> dict[str, str]:
    """URLs by the registries they stand for; without those that are refused."""
    found = {}
    for registry, url in raw_object(value).items():
        with suppress(ValueError):
            if isinstance(url, str):
                found[mirrored_registry(registry)] = _mirror(url)
    return found


ImageName = Annotated[str, AfterValidator(_image_name)]
Mirrors = Annotated[
    dict[Annotated[str, AfterValidator(mirrored_registry)], Annotated[str, AfterValidator(_mirror)]],
    BeforeValidator(json_object),
]
