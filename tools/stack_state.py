"""What a stack's state says of libvirt, from `pulumi stack export`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

from components.leftovers import MARK, mark

KINDS = {
    "libvirt:index/domain:Domain": "domain",
    "libvirt:index/network:Network": "network",
    "libvirt:index/pool:Pool": "pool",
    "libvirt:index/volume:Volume": "volume",
    "libvirt:index/cloudInitDisk:CloudInitDisk": "volume",
}


@dataclass(frozen=True, kw_only=True)
class StateNetwork:
    """A NAT network that the state has."""

    name: str
    uuid: str
    bridge: str
    addresses: IPv4Network


@dataclass(frozen=True, kw_only=True)
class StatePool:
    """A storage pool that the state has."""

    name: str
    uuid: str
    directory: Path


@dataclass(frozen=True, kw_only=True)
class StackState:
    """The libvirt resources of a state."""

    names: frozenset[tuple[str, str]]
    """Kind (domain, network, pool, volume) and name of each."""
    networks: tuple[StateNetwork, ...]
    pools: tuple[StatePool, ...]
    marks: frozenset[str]
    """The descriptions of this stack's domains."""

    @classmethod
    def parse(cls, text: str) -> StackState:
        """From exports one after another, or from nothing where there is no state.

        The first says what there is. From the others, which are older, come only marks: a state that was refreshed may
        have forgotten the domains that had them.
        """
        first, *older = _exports(text) or [{}]
        found = [
            (kind, resource["id"], _values(resource))
            for resource in first.get("resources") or []
            if (kind := KINDS.get(resource["type"])) and resource.get("id")
        ]
        return cls(
            names=frozenset((kind, str(values.get("name"))) for kind, _, values in found),
            networks=tuple(
                StateNetwork(
                    name=values["name"],
                    uuid=identifier,
                    bridge=values["bridge"],
                    addresses=IPv4Network(values["addresses"][0]),
                )
                for kind, identifier, values in found
                if kind == "network" and values.get("mode") == "nat" and values.get("addresses")
            ),
            pools=tuple(
                StatePool(name=values["name"], uuid=identifier, directory=Path(values["target"]["path"]))
                for kind, identifier, values in found
                if kind == "pool" and values.get("target")
            ),
            marks=frozenset(each for export in (first, *older) for each in _marks(export)),
        )


def _exports(text: str) -> list[dict[str, Any]]:
    decoder, exports, text = json.JSONDecoder(), [], text.strip()
    while text:
        export, end = decoder.raw_decode(text)
        exports.append(export.get("deployment") or {})
        text = text[end:].lstrip()
    return exports


def _marks(export: dict[str, Any]) -> Iterator[str]:
    # What a killed run was about to make is among the operations, not yet among the resources.
    pending = [operation["resource"] for operation in export.get("pending_operations") or []]
    for resource in [*(export.get("resources") or []), *pending]:
        values = _values(resource)
        description, login = values.get("description"), values.get("login")
        if KINDS.get(resource["type"]) == "domain" and str(description).startswith(MARK):
            yield str(description)
        if resource["type"] == "kubeadm-libvirt:index:SshKeys" and isinstance(login, str):
            yield mark(login)


def _values(resource: dict[str, Any]) -> dict[str, Any]:
    return {**(resource.get("inputs") or {}), **(resource.get("outputs") or {})}
