"""What is wrong with the three networks: where they lie, how big they are, and whether they are apart."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Network
from itertools import combinations
from typing import Any

from components.fault_lines import fault
from components.formats import network
from components.rules import FIRST_WORKER_HOST, RULES

NETWORKS = ("networkCidr", "podCidr", "serviceCidr")
SPECIAL = {
    IPv4Network("0.0.0.0/8"): "addresses of this network only",
    IPv4Network("127.0.0.0/8"): "loopback",
    IPv4Network("169.254.0.0/16"): "link-local addresses",
    IPv4Network("224.0.0.0/4"): "multicast",
}
"""Where no node, pod or service can be. Class E (240.0.0.0/4) works on Linux and is in use for pods."""
DOCKERS_POOLS = (*[IPv4Network(f"172.{octet}.0.0/16") for octet in range(17, 32)], IPv4Network("192.168.0.0/20"))
"""Of these Docker gives its bridge the first that no interface of the machine is in; behind them there are more."""


def network_faults(values: Mapping[str, Any]) -> list[str]:
    """A line for each rule about the networks that is broken."""
    own = _own_faults(values)
    faults = [line for lines in own.values() for line in lines]
    # One that has not the right size overlaps all the same; where it cannot be at all, nothing else matters.
    cidrs = {key: cidr for key, cidr in _written(values).items() if not _special(cidr)}
    for first, second in combinations(cidrs, 2):
        if cidrs[first].overlaps(cidrs[second]):
            # Whoever has chosen one of them knows nothing of the other, which is as it comes.
            blamed, other = (first, second) if _is_default(values, second) else (second, first)
            rule = f"it overlaps {other} {values[other]}"
            faults.append(fault(blamed, values[blamed], rule, "choose networks that are apart"))
    return faults


def networks(values: Mapping[str, Any]) -> dict[str, IPv4Network]:
    """The networks that are not refused by themselves, by their keys."""
    refused = {key for key, lines in _own_faults(values).items() if lines}
    return {key: cidr for key, cidr in _written(values).items() if key not in refused}


def _written(values: Mapping[str, Any]) -> dict[str, IPv4Network]:
    return {key: network(values[key]) for key in NETWORKS if key in values}


def _special(cidr: IPv4Network) -> IPv4Network | None:
    return next((special for special in SPECIAL if cidr.overlaps(special)), None)


def _is_default(values: Mapping[str, Any], key: str) -> bool:
    return bool(values[key] == RULES[key].example)  # which is the default of each network


def _own_faults(values: Mapping[str, Any]) -> dict[str, list[str]]:
    """What is wrong with each network by itself, and with what it has to hold."""
    cidrs = _written(values)
    faults: dict[str, list[str]] = {key: [] for key in cidrs}

    def refuse(key: str, rule: str, way_out: str) -> None:
        faults[key].append(fault(key, values[key], rule, way_out))

    for key, cidr in cidrs.items():
        if special := _special(cidr):
            rule = f"it overlaps {special}, which is for {SPECIAL[special]}"
            refuse(key, rule, "choose a private network, for example within 10.0.0.0/8")
    workers = int(values.get("workers", 1))
    nodes = int(values.get("controlPlanes", 1)) + workers
    if "networkCidr" in cidrs and cidrs["networkCidr"].num_addresses < FIRST_WORKER_HOST + workers + 1:
        refuse("networkCidr", f"it is too small for {nodes} machines", "take a /24")
    if "networkCidr" in cidrs and cidrs["networkCidr"].prefixlen < 8:
        refuse("networkCidr", "no private network is larger than a /8", "take a /24")
    if "podCidr" in cidrs:
        length = cidrs["podCidr"].prefixlen
        if 2 ** max(0, 24 - length) < nodes + (length > 24):
            rule = f"it has not a /24 for each of {nodes} nodes"
            refuse("podCidr", rule, "take a /16, for example 10.244.0.0/16")
        if length < 8:
            rule = "kubeadm takes a /8 at most where each node has a /24"
            refuse("podCidr", rule, "take a /16, for example 10.244.0.0/16")
        bridge = dockers_bridge(values)
        if bridge and cidrs["podCidr"].overlaps(bridge):
            rule = f"it overlaps {bridge}, which Docker gives to its own bridge on every node"
            refuse("podCidr", rule, "choose another, for example 10.244.0.0/16, or set containerRuntime to containerd")
    if "serviceCidr" in cidrs and not 12 <= cidrs["serviceCidr"].prefixlen <= 24:
        rule = "kube-apiserver takes a /12 at most and the cluster's own services want a /24 at least"
        refuse("serviceCidr", rule, "take 10.96.0.0/12")
    return faults


def dockers_bridge(values: Mapping[str, Any]) -> IPv4Network | None:
    """What Docker gives to its own bridge on every machine; None where the machines have no Docker."""
    if values.get("containerRuntime") != "docker":
        return None
    machines = network(values["networkCidr"]) if "networkCidr" in values else None
    return next((pool for pool in DOCKERS_POOLS if not machines or not pool.overlaps(machines)), DOCKERS_POOLS[0])
