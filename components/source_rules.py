"""What is wrong with where the machines fetch software from: a server that no machine would find there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from ipaddress import IPv4Address
from typing import Any
from urllib.parse import urlsplit

from components.apt_rules import apt_faults
from components.fault_lines import fault
from components.formats import raw_object
from components.image_names import is_dockers_hub, mirrors
from components.machine_rules import machine_hosts
from components.network_rules import dockers_bridge, networks

URLS = ("aptMirror", "aptMirrorKey", "kubernetesAptRepository")
"""Keys whose URL is asked by the machines. That of `image` is asked by this host."""
LOOPBACK = ("localhost", "ip6-localhost", "ip6-loopback")
"""What Debian's /etc/hosts calls so; the first with whatever stands before it."""


def source_faults(values: Mapping[str, Any]) -> list[str]:
    """A line for each source that cannot be, or that is not for this version of Kubernetes."""
    cidrs = networks(values)
    own = cidrs.pop("networkCidr", None)
    way_out = f"where this host is meant, write its address there: {own[1] if own else 'the first of networkCidr'}"
    machines = machine_hosts(values, workers=1)
    addresses = {own[number] for number in machines.values()} if own else set()
    bridge = dockers_bridge(values)
    nobodys = {IPv4Address("255.255.255.255"), *((own[0], own[-1]) if own else ())}
    faults = []
    for key, value, host in _servers(values):
        address = _address(host)
        if _is_loopback(host, address):
            faults.append(fault(key, value, f"inside a machine, {host} is the machine itself", way_out))
        elif host in machines or address in addresses:
            faults.append(fault(key, value, f"{host} is a machine of this cluster, which is no such server", way_out))
        elif address and (address.is_multicast or address in nobodys):
            faults.append(fault(key, value, f"{host} is the address of no single server", "correct the address"))
        elif address and bridge and address in bridge:
            rule = f"{host} is in {bridge}, which Docker gives to its own bridge on every node"
            faults.append(fault(key, value, rule, f"{way_out}; or set containerRuntime to containerd"))
        for cidr_key, cidr in cidrs.items():
            if address and address in cidr:
                rule = f"{host} is in {cidr_key} {cidr}, so the machines would look for it inside the cluster"
                faults.append(fault(key, value, rule, f"choose another {cidr_key}, or another server"))
    return [*faults, *_hub_faults(values), *apt_faults(values), *_version_faults(values)]


def _servers(values: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Key, value and host of every server that a machine is told to ask."""
    for key in URLS:
        if values.get(key):
            yield key, values[key], urlsplit(values[key]).hostname or ""
    for registry, url in mirrors(values.get("imageMirrors", {})).items():
        yield f"imageMirrors.{registry}", url, urlsplit(url).hostname or ""
    registry = str(values.get("webServerImage", "")).partition("/")[0]
    mirrored = raw_object(values.get("imageMirrors"))
    if registry and "imageMirrors" in values and registry not in mirrored:  # else the mirror is asked
        yield "webServerImage", values["webServerImage"], registry.partition(":")[0]


def _address(host: str) -> IPv4Address | None:
    with suppress(ValueError):
        return IPv4Address(host)
    return None


def _is_loopback(host: str, address: IPv4Address | None) -> bool:
    if address:
        return address.is_loopback or int(address) >> 24 == 0
    return host in LOOPBACK or host.endswith(".localhost")


def _hub_faults(values: Mapping[str, Any]) -> list[str]:
    image = str(values.get("webServerImage", ""))
    hub = image.partition("/")[0]
    if not is_dockers_hub(hub):
        return []
    rule = f"images call {hub} docker.io, and so do imageMirrors"
    return [fault("webServerImage", image, rule, f"write docker.io instead of {hub}")]


def _version_faults(values: Mapping[str, Any]) -> list[str]:
    repository, version = values.get("kubernetesAptRepository", ""), values.get("kubernetesVersion", "")
    minors = re.findall(r"/v(1\.[0-9]{2})(?=/|$)", repository)
    minor = version.rpartition(".")[0]
    if not minors or not minor or minor in minors:
        return []
    rule = f"it is that of Kubernetes {minors[-1]}, and kubernetesVersion is {version}"
    return [fault("kubernetesAptRepository", repository, rule, f"take that of v{minor}, or another kubernetesVersion")]
