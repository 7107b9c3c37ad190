"""When an object is ready, and in which words to say what is missing. Pure.

Sources: pulumi-kubernetes provider/pkg/await/{deployment,daemonset,service}.go; kstatus of sigs.k8s.io/cli-utils for
DaemonSets; `kubectl rollout status` for Deployments.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

Object = dict[str, Any]

REVISION = "deployment.kubernetes.io/revision"
# The official plugin's bound: as long after the last change of the endpoints, no more of them are expected.
SETTLE_SECONDS = 10.0


@dataclass(frozen=True)
class Readiness:
    """Whether an object is ready, and the state it was seen in."""

    ready: bool
    summary: str
    reasons: tuple[str, ...] = field(default=())


def deployment(live: Object) -> Readiness:
    """Ready when the newest revision runs with all its replicas, and the controller says so."""
    status = live.get("status") or {}
    wanted = live["spec"].get("replicas", 1)
    if status.get("observedGeneration", 0) < live["metadata"].get("generation", 0):
        return Readiness(False, "waiting for the deployment controller to see the change")
    conditions = {item["type"]: item for item in status.get("conditions") or []}
    reasons = tuple(
        f"[{item.get('reason', name)}] {item.get('message', '')}"
        for name, item in conditions.items()
        if name in ("Available", "Progressing") and item["status"] != "True"
    )
    progressing, available = conditions.get("Progressing", {}), conditions.get("Available", {})
    updated, replicas = status.get("updatedReplicas", 0), status.get("replicas", 0)
    ready = status.get("readyReplicas", 0)
    done = (
        available.get("status") == "True"
        and progressing.get("status") == "True"
        and progressing.get("reason") == "NewReplicaSetAvailable"
        and updated >= wanted
        and replicas <= updated
        and ready >= wanted
    )
    summary = f"{ready}/{wanted} pods ready, {updated} of the newest revision"
    if not done and not reasons:
        reasons = ("Minimum number of live Pods was not attained",)
    return Readiness(done, summary, () if done else reasons)


def daemon_set(live: Object) -> Readiness:
    """Ready when every node that should run a pod runs an available one of the newest revision."""
    status = live.get("status") or {}
    if status.get("observedGeneration", 0) < live["metadata"].get("generation", 0):
        return Readiness(False, "waiting for the daemon set controller to see the change")
    if "desiredNumberScheduled" not in status:
        return Readiness(False, "waiting for the daemon set controller to count the nodes")
    wanted = status["desiredNumberScheduled"]
    counts = {
        "scheduled": status.get("currentNumberScheduled", 0),
        "updated": status.get("updatedNumberScheduled", 0),
        "available": status.get("numberAvailable", 0),
        "ready": status.get("numberReady", 0),
    }
    summary = f"{wanted} pods wanted: " + ", ".join(f"{count} {name}" for name, count in counts.items())
    missing = tuple(f"{count} of {wanted} pods are {name}" for name, count in counts.items() if count < wanted)
    return Readiness(not missing, summary, missing)


def service_waits(live: Object) -> bool:
    """Whether a service has endpoints to wait for."""
    spec = live.get("spec") or {}
    return spec.get("type") != "ExternalName" and spec.get("clusterIP") != "None" and bool(spec.get("selector"))


def service(slices: Sequence[Object], settled_for: float) -> Readiness:
    """Ready when its endpoints have settled and none of them is unready; none at all will do, too.

    `slices` are its EndpointSlices (the successor of the Endpoints that the official plugin watches), and
    `settled_for` the seconds since they changed last.
    """
    endpoints = [endpoint for item in slices for endpoint in item.get("endpoints") or []]
    # A slice that does not tell is ready, by the definition of the field.
    ready = sum((endpoint.get("conditions") or {}).get("ready", True) is not False for endpoint in endpoints)
    pending = len(endpoints) - ready
    summary = f"{ready} of {len(endpoints)} endpoints ready"
    reasons: tuple[str, ...] = ()
    if not ready:
        reasons = (
            "Service does not target any Pods. Selected Pods may not be ready, or "
            "field '.spec.selector' may not match labels on any Pods",
        )
    return Readiness(bool(slices) and not pending and settled_for >= SETTLE_SECONDS, summary, reasons)


def pod_troubles(pods: Sequence[Object]) -> list[str]:
    """Why pods do not run: their waiting containers, their crashes, their missing node."""
    troubles = []
    for pod in pods:
        name, status = pod["metadata"]["name"], pod.get("status") or {}
        conditions = {item["type"]: item for item in status.get("conditions") or []}
        if conditions.get("Ready", {}).get("status") == "True" or status.get("phase") == "Succeeded":
            continue
        found = [
            f"Pod {name}: container {container['name']}: {words}"
            for listing in ("initContainerStatuses", "containerStatuses")
            for container in status.get(listing) or []
            if (words := _container_trouble(container, listing.startswith("init")))
        ]
        scheduled = conditions.get("PodScheduled", {})
        if scheduled.get("status") == "False":
            found.append(f"Pod {name}: [{scheduled.get('reason')}] {scheduled.get('message')}")
        troubles += found or [f"Pod {name}: phase {status.get('phase', 'unknown')}, not ready"]
    return troubles


def _container_trouble(container: Object, goes_first: bool) -> str:
    current, last = container.get("state") or {}, container.get("lastState") or {}
    words = ["runs, and the others wait for its end"] if goes_first and "running" in current else []
    if "waiting" in current and current["waiting"].get("reason") != "PodInitializing":
        words.append(_reason(current["waiting"]))
    ends = (current.get("terminated"), last.get("terminated"))
    words += [f"ended with {end['exitCode']}: {_reason(end)}" for end in ends if end and end.get("exitCode")]
    return "; ".join(words)


def _reason(state: Object) -> str:
    return f"[{state.get('reason', 'waiting')}] {state.get('message', '')}".strip()


def selector_query(selector: Object) -> str:
    """A label selector as the API's query parameter."""
    terms = [f"{key}={value}" for key, value in (selector.get("matchLabels") or {}).items()]
    for item in selector.get("matchExpressions") or []:
        key, values = item["key"], ",".join(item.get("values") or [])
        terms.append(
            {
                "In": f"{key} in ({values})",
                "NotIn": f"{key} notin ({values})",
                "Exists": key,
                "DoesNotExist": f"!{key}",
            }[item["operator"]]
        )
    return ",".join(terms)
