"""What the scenarios of a cluster's life have in common: whose resources a change names, and what went before what."""

from __future__ import annotations

from tests.e2e.cluster import Cluster, events

WORKER = ["domain", "prepare", "join"]


def named(machine: str, *parts: str) -> set[str]:
    """The resources of a machine."""
    return {f"k8s-{machine}-{part}" for part in parts}


def uid(cluster: Cluster, node: str) -> str:
    """What tells a node from a later one of the same name."""
    return cluster.kubectl("get", "node", node, "--output=jsonpath={.metadata.uid}")


def position(event: str, name: str) -> int:
    """When in the last run a step on a resource ended."""
    for number, each in enumerate(events()):
        metadata = each.get("resOutputsEvent", {}).get("metadata")
        if metadata and metadata["op"] == event and metadata["urn"].endswith(f"::{name}"):
            return number
    raise AssertionError(f"no {event} of {name}")


def crowd(cluster: Cluster, node: str) -> None:
    """Moves all pods of the web server to one node, so that a drain has something to respect the budget for."""
    others = [name for name in cluster.ready() if name != node]
    try:
        cluster.kubectl("cordon", *others)
        cluster.kubectl("rollout", "restart", "deployment/nginx")
        cluster.kubectl("rollout", "status", "deployment/nginx", "--timeout=580s")
    finally:
        cluster.kubectl("uncordon", *others)
    assert {pod["spec"]["nodeName"] for pod in cluster.web_pods()} == {node}
