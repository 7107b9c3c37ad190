"""What `make up` has to make anew, besides what Pulumi itself sees: a state and a look at the machines -> --replace.

Its argument is the stack's configuration file. Reads `pulumi stack export --show-secrets` on standard input, after a
refresh. Prints one resource's URN a line, and on standard error why each.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path

from components.kubeadm import ADDONS, RECORDS
from components.remote import BOOT_SECONDS
from components.settings import Settings
from tools.check_configuration import load
from tools.look import cut_off, findings, full, look, overloaded
from tools.refusals import refuse_locked, refuse_strangers
from tools.seen import Seen
from tools.stack_resources import Stack

LOOK_SECONDS = 60
"""How long a machine may take to answer, which may be one that just starts; emulated, three times as long."""
DNS = "deployment/coredns"
NOT_READY, NOT_THERE = "its node is not Ready", "its node is not in the cluster"
CHECKS = ("nodes-ready-check", "cluster-dns-check")


def asked_for(stack: Stack, replace: Iterable[str]) -> dict[str, str]:
    """What the user wants anew. Raises SystemExit with a message for a machine that is not there."""
    anew = {}
    for wanted in replace:
        names = [name for name in stack.machines if wanted in (name, _without_cluster(name))]
        if len(names) != 1:
            sys.exit(f"REPLACE: there is no machine {wanted}; there are: {', '.join(stack.machines) or 'none'}")
        if f"{names[0]}-disk" in stack.urns:  # else lost() says that it becomes a new machine anyway
            anew[f"{names[0]}-disk"] = f"REPLACE: {names[0]} becomes a new machine"
    return anew


def _without_cluster(machine: str) -> str:
    """As a node is called: "worker-1" of "k8s-worker-1"."""
    return re.sub(r"^.*-(?=(control-plane|worker)-\d+$)", "", machine)


def lost(stack: Stack) -> dict[str, str]:
    """Why each resource is made anew whose disk is gone from libvirt; libvirt is as the refresh has seen it."""
    anew: dict[str, str] = {}
    for machine in stack.machines:
        if f"{machine}-disk" not in stack.urns:
            reason = f"{machine}: its disk is gone; it becomes a new machine"
            anew |= {f"{machine}-{part}": reason for part in ("made", "domain") if f"{machine}-{part}" in stack.urns}
    return anew


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
        found = findings(each, container_runtime=runtime) if each.lines else ["it does not answer over SSH"]
        found += _in_the_cluster(name, each, nodes)
        below = cut_off(each)
        if not found + below:
            continue
        reason, step = f"{name}: {', '.join(found + below)}", f"{settings.cluster_name}-{name}"
        # As where the pod network's files are gone: a pod writes them when it is set up after a machine's start.
        stuck = found == [NOT_READY] and each.patience_is_over
        if stuck or below or not each.lines:
            though = ", though its kubelet runs" if stuck else ""
            anew[f"{step}-domain"] = f"{reason}{though}; it is started anew around its disk"
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
    boot = timedelta(seconds=BOOT_SECONDS * _slower(settings))
    for name, each in seen.items():
        machine = f"{settings.cluster_name}-{name}"
        if each.lines or each.stranger or each.locked:
            continue
        if f"{machine}-prepare" in stack.urns:
            anew[f"{machine}-domain"] = f"{name}: it does not answer over SSH; it is started anew around its disk"
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


def _slower(settings: Settings) -> int:
    """How many times as long a machine takes to boot; what timeoutFactor is above that is patience with the cluster."""
    return min(settings.timeout_factor, 3)


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
            found += [f"{DNS} is scaled to nothing"] if DNS in seen.scaled_to_nothing else []
    return found


def main(stack_file: str) -> None:
    """Decides, and prints."""
    stack, settings = Stack.of(json.load(sys.stdin)), load(Path(stack_file))
    anew = asked_for(stack, os.environ.get("REPLACE", "").split())
    anew |= lost(stack)
    nodes, key = stack.powered(settings), stack.login_key(settings)
    seen: Mapping[str, Seen] = {}
    if nodes and key:
        seen = look(nodes, key, seconds=LOOK_SECONDS * _slower(settings))
        refuse_strangers([node for node in nodes if f"{settings.cluster_name}-{node['name']}-disk" not in anew], seen)
        anew |= stillborn(stack, settings.cluster_name, seen)
        for name in full(seen):
            print(f"{name}: its disk is almost full; make up REPLACE={name} gives it a new one", file=sys.stderr)
        for name, tasks in overloaded(seen).items():
            processors = "controlPlaneCpus" if name.startswith("control-plane") else "workerCpus"
            print(
                f"{name} has more to do than it can, {tasks}; {processors} or the host's own are too few",
                file=sys.stderr,
            )
        for name in sorted(node for each in seen.values() for node in each.cordoned):
            print(f"{name} is cordoned and gets no pods; kubectl uncordon {name} ends that", file=sys.stderr)
        if stack.finished:
            anew |= gone(stack, settings.cluster_name, seen)
            # A machine that becomes a new one is not put right before.
            new = {name.removesuffix("-disk").removesuffix("-made") for name in anew}
            well = {name: each for name, each in seen.items() if f"{settings.cluster_name}-{name}" not in new}
            refuse_locked(well)
            anew |= unwell(stack, settings, well)
    if not stack.finished:
        anew |= silent(stack, settings, seen)
        anew |= unanswered(stack, settings, seen)  # also where no machine runs, as after a power cut of the host
    if stack.finished and len(nodes) < len(stack.nodes(settings)):
        reason = "A machine was off or gone: all is checked again"
        anew |= {name: reason for name in CHECKS if name in stack.urns}
    for reason in dict.fromkeys(anew.values()):
        print(reason, file=sys.stderr)
    print("\n".join(stack.urns[name] for name in anew))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tools.repair Pulumi.STACK.yaml <STATE.json")
    main(sys.argv[1])
