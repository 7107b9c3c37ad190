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
from pathlib import Path

from tools.check_configuration import load
from tools.diagnosis import CHECKS, gone, silent, slower, stillborn, unanswered, unwell
from tools.look import full, look, overloaded
from tools.refusals import refuse_barred, refuse_locked, refuse_strangers
from tools.seen import Seen
from tools.stack_resources import Stack

NEW_BY = ("disk", "made")
"""Parts of a machine that is a new one where one of them is made anew."""
LOOK_SECONDS = 60
"""How long a machine may take to answer, which may be one that just starts; emulated, three times as long."""


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


def _remark(seen: Mapping[str, Seen]) -> None:
    """Says what no repair puts right."""
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


def main(stack_file: str) -> None:
    """Decides, and prints."""
    stack, settings = Stack.of(json.load(sys.stdin)), load(Path(stack_file))
    anew = asked_for(stack, os.environ.get("REPLACE", "").split())
    anew |= lost(stack)
    nodes, key = stack.powered(settings), stack.login_key(settings)
    seen: Mapping[str, Seen] = {}
    if nodes and key:
        seen = look(nodes, key, seconds=LOOK_SECONDS * slower(settings))
        prefix = settings.cluster_name
        kept = [node for node in nodes if not {f"{prefix}-{node['name']}-{part}" for part in NEW_BY} & anew.keys()]
        refuse_strangers(kept, seen)
        # One that was never prepared may be at its first boot, which makes the user.
        prepared = [node["name"] for node in kept if f"{prefix}-{node['name']}-prepare" in stack.urns]
        refuse_barred({name: seen[name] for name in prepared})
        anew |= stillborn(stack, settings.cluster_name, seen)
        _remark(seen)
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
