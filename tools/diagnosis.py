"""Why what of each machine is made anew, from what the machines have said: names of resources to reasons in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from components.kubeadm import ADDONS, RECORDS
from components.remote import BOOT_SECONDS
from components.settings import Settings
from tools.look import cut_off, findings
from tools.seen import Seen
from tools.stack_resources import Stack

DNS = "deployment/coredns"
SILENT, AROUND_ITS_DISK = "it does not answer over SSH", "it is started anew around its disk"
NOT_READY, NOT_THERE = "its node is not Ready", "its node is not in the cluster"
UNFINISHED = "an earlier run was stopped while it put the control plane right"
"""What look.sh says of that."""
CHECKS = ("nodes-ready-check", "cluster-dns-check")


def slower(settings: Settings) -> int:
    """How many times as long a machine takes to boot; what timeoutFactor is above that is patience with the cluster."""
    return min(settings.timeout_factor, 3)


def stillborn(stack: Stack, prefix: str, seen: Mapping[str, Seen]) -> dict[str, str]:
    """Why each machine is made anew whose first boot has failed; it has not become anything yet."""
    return {
        f"{prefix}-{name}-disk": f"{name}: cloud-init failed at its first boot; it becomes a new machine"
        for name, each in seen.items()
        if (each.get("joined"), each.get("first-boot")) == ("no", "error")
        and each.get("cluster") != "yes"
        and f"{prefix}-{name}-disk" in stack.urns
    }


def gone(stack: Stack, prefix: str, seen: Mapping[str, Seen]) -> dict[str, str]:
    """Why a control plane that had a cluster becomes a new machine: etcd's data is lost, and with it the cluster."""
    return {
        f"{prefix}-{name}-disk": f"{name}: its cluster is gone, as after kubeadm reset; it becomes a new machine, and "
        "the cluster is built anew"
        for name, each in seen.items()
        if name.startswith("control-plane") and each.get("cluster") == "no" and f"{prefix}-{name}-disk" in stack.urns
    }


def unwell(stack: Stack, settings: Settings, seen: Mapping[str, Seen]) -> dict[str, str]:
    """Why each step is repeated, for a cluster that `up` had finished."""
    anew: dict[str, str] = {}
    nodes = next((each.nodes for name, each in seen.items() if name.startswith("control-plane")), None)
    runtime = settings.container_runtime
    for name, each in seen.items():
        found = findings(each, container_runtime=runtime) if each.lines else [SILENT]
        found += _in_the_cluster(name, each, nodes)
        # Without an API server flannel does not start on a worker either, and no worker leaves.
        below = cut_off(each) if nodes is not None or name.startswith("control-plane") else []
        if not found + below:
            continue
        reason, step = f"{name}: {', '.join(found + below)}", f"{settings.cluster_name}-{name}"
        # As where the pod network's files are gone: a pod writes them when it is set up after a machine's start.
        stuck = [words for words in found if words != UNFINISHED] == [NOT_READY] and each.patience_is_over
        if stuck or below or not each.lines:
            though = ", though its kubelet runs" if stuck else ""
            anew[f"{step}-domain"] = f"{reason}{though}; {AROUND_ITS_DISK}"
        else:
            anew[f"{step}-prepare"] = f"{reason}; it is prepared again"
            if name.startswith("control-plane"):
                anew[f"{step}-init"] = reason
                anew[f"{step}-kubeconfig"] = reason  # which has a certificate too, and may be another since
            elif each.get("joined") != "yes" or NOT_THERE in found or each.kubelet_ends:
                anew[f"{step}-join"] = f"{reason}; it joins again"
    half_drained = [node for each in seen.values() for node in each.half_drained if node in seen]
    if anew:
        anew |= dict.fromkeys(CHECKS, "All is checked again after the repair")
    elif half_drained:
        anew |= dict.fromkeys(
            CHECKS, f"{', '.join(half_drained)}: a drain was stopped half-way; pods may go there again"
        )
    elif not all(each.objects.get(DNS, True) for each in seen.values()):
        anew |= dict.fromkeys(CHECKS, "CoreDNS has no pod that is ready; all is checked again")
    return {name: reason for name, reason in anew.items() if name in stack.urns}


def silent(stack: Stack, settings: Settings, seen: Mapping[str, Seen]) -> dict[str, str]:
    """Why each machine is made anew that runs and does not answer, of an `up` that had not come to its end.

    Such as one whose network was stopped and started while it ran: nobody reaches it, however long a step dials.
    """
    anew: dict[str, str] = {}
    boot = timedelta(seconds=BOOT_SECONDS * slower(settings))
    for name, each in seen.items():
        machine = f"{settings.cluster_name}-{name}"
        if each.lines or each.stranger or each.locked or each.barred:
            continue
        if f"{machine}-prepare" in stack.urns:
            anew[f"{machine}-domain"] = f"{name}: {SILENT}; {AROUND_ITS_DISK}"
        elif stack.age(f"{machine}-domain") > boot and f"{machine}-disk" in stack.urns:
            anew[f"{machine}-disk"] = (
                f"{name}: it has not answered over SSH since it was made; it becomes a new machine"
            )
    return anew


def unanswered(stack: Stack, settings: Settings, seen: Mapping[str, Seen]) -> dict[str, str]:
    """Why the control plane is waited for before an unfinished `up` goes on, which had made it already.

    The Kubernetes provider does not wait: it gives an API server up that does not answer, or one that has just started
    and does not know yet what its administrator may do ("forbidden").
    """
    anew: dict[str, str] = {}
    for node in stack.nodes(settings):
        step, each = f"{settings.cluster_name}-{node['name']}", seen.get(node["name"], Seen())
        if f"{step}-init" in stack.urns and each.nodes is None:
            reason = f"{node['name']}: its API server does not answer; it is waited for"
            anew |= {name: reason for name in (f"{step}-init", f"{step}-kubeconfig") if name in stack.urns}
    return anew


def _in_the_cluster(name: str, seen: Seen, nodes: Mapping[str, str] | None) -> list[str]:
    """What the cluster lacks of a machine; `nodes` is what its API server says of each node, where it answers."""
    found = []
    if nodes is not None and nodes.get(name) != "True":
        found.append(NOT_READY if name in nodes else NOT_THERE)
    if name.startswith("control-plane") and seen.lines:
        if seen.nodes is None:
            found.append("its API server does not answer")
        else:
            found += [f"{each} is not in the cluster" for each in (*ADDONS, *RECORDS) if each not in seen.objects]
            if DNS in seen.scaled_to_nothing:
                found.append(f"{DNS} is scaled to nothing")
            elif seen.patience_is_over and not seen.objects.get(DNS, True):
                found.append(f"{DNS} has no pod that is ready")
    return found
