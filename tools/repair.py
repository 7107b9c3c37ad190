"""What `make up` has to make anew, besides what Pulumi itself sees: a state and a look at the machines -> --replace.

Reads `pulumi stack export --show-secrets` on standard input, after a refresh. Prints one resource's URN a line, and on
standard error why each.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tools.look import Seen, findings, full, look

LOOK_SECONDS = 60
"""How long a machine may take to answer; an emulated one that is busy takes ten."""


@dataclass(frozen=True, kw_only=True)
class Stack:
    """The resources that a state holds, by the last part of their URN, and its outputs."""

    urns: Mapping[str, str]
    inputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, export: Mapping[str, Any]) -> Stack:
        """From an exported deployment with its secrets shown."""
        resources = (export.get("deployment") or {}).get("resources") or []
        custom = [each for each in resources if each.get("custom")]
        outputs: Mapping[str, Any] = next(
            (each.get("outputs", {}) for each in resources if each["type"] == "pulumi:pulumi:Stack"), {}
        )
        return cls(
            urns={_name(each): each["urn"] for each in custom},
            inputs={_name(each): each.get("outputs") or {} for each in custom},
            outputs={key: _plain(value) for key, value in outputs.items()},
        )

    def machines(self) -> list[str]:
        """Resource names of machines, such as k8s-worker-1: whatever has a disk, a domain, or once had a disk."""
        found = {name.removesuffix(end) for name in self.urns for end in ("-made", "-domain") if name.endswith(end)}
        return sorted(found)


def _name(resource: Mapping[str, Any]) -> str:
    return str(resource["urn"]).rsplit("::", 1)[1]


def _plain(value: Any) -> Any:
    """A value without the envelope that a secret has in an export."""
    if isinstance(value, Mapping) and "plaintext" in value:
        return json.loads(value["plaintext"])
    return value


def lost(stack: Stack) -> dict[str, str]:
    """Why each resource is made anew whose disk or file is gone from libvirt; libvirt is as the refresh has seen it."""
    anew: dict[str, str] = {}
    for machine in stack.machines():
        if f"{machine}-disk" not in stack.urns:
            reason = f"{machine}: its disk is gone; it becomes a new machine"
            anew |= {f"{machine}-{part}": reason for part in ("made", "domain") if f"{machine}-{part}" in stack.urns}
    return anew


def asked_for(stack: Stack, replace: Iterable[str], *, rebuild: bool) -> dict[str, str]:
    """What the user wants anew. Raises SystemExit with a message for a machine that is not there."""
    anew = {}
    if rebuild and "cluster" in stack.urns:
        anew["cluster"] = "REBUILD: the cluster is built anew, and everything in it is lost"
    for wanted in replace:
        names = [name for name in stack.machines() if name.endswith(f"-{wanted}") or name == wanted]
        if len(names) != 1:
            sys.exit(f"REPLACE: there is no machine {wanted}; there are: {', '.join(stack.machines()) or 'none'}")
        anew[f"{names[0]}-disk"] = f"REPLACE: {names[0]} becomes a new machine"
    return anew


def unwell(stack: Stack, seen: Mapping[str, Seen]) -> dict[str, str]:
    """Why each step is repeated, for a cluster that `up` had finished."""
    running = {name: each for name, each in seen.items() if each.lines}
    anew: dict[str, str] = {}
    prefix = _prefix(stack)
    nodes = next((each.nodes for name, each in running.items() if name.startswith("control-plane")), None)
    for name, each in seen.items():
        found = findings(each) if each.lines else ["it does not answer over SSH"]
        worker = not name.startswith("control-plane")
        if worker and nodes is not None and nodes.get(name) != "True":
            found.append(f"its node is {'not Ready' if name in nodes else 'not in the cluster'}")
        if not worker and each.lines and each.nodes is None:
            found.append("its API server does not answer")
        if not found:
            continue
        reason = f"{name}: {', '.join(found)}"
        if not each.lines:
            anew[f"{prefix}{name}-domain"] = f"{reason}; it is started anew around its disk"
            continue
        anew[f"{prefix}{name}-prepare"] = f"{reason}; it is prepared again"
        if not worker:
            anew[f"{prefix}{name}-init"] = reason
        elif each.get("joined") != "yes" or (nodes is not None and name not in nodes):
            anew[f"{prefix}{name}-join"] = f"{reason}; it joins again"
    if anew:
        anew |= dict.fromkeys(("nodes-ready-check", "cluster-dns-check"), "checked again after the repair")
    return {name: reason for name, reason in anew.items() if name in stack.urns}


def refuse_strangers(stack: Stack, seen: Mapping[str, Seen]) -> None:
    """Ends the run where a machine answers with another host key than the stack gave it."""
    addresses = {node["name"]: node["address"] for node in stack.outputs["nodes"]}
    lines = [
        f"{name}: whoever answers at {addresses[name]} has another host key than the one that this stack gave {name}. "
        f"Nothing was sent there. Find out who it is; if it is {name} itself, make up REPLACE={name} gives it a new "
        "disk."
        for name, each in seen.items()
        if each.stranger
    ]
    if lines:
        sys.exit("\n".join(lines))


def _prefix(stack: Stack) -> str:
    """What stands before the node's name in the names of its resources."""
    control_plane = next((name for name in stack.machines() if name.endswith("control-plane-1")), "")
    return control_plane.removesuffix("control-plane-1")


def finished(stack: Stack) -> bool:
    """Whether the last `up` had come to its end, so that what is wrong with a machine has happened since."""
    return bool({"ssh_private_key", "nodes", "web_url"} <= stack.outputs.keys() and "nodes-ready-check" in stack.urns)


def powered(stack: Stack) -> Sequence[Mapping[str, Any]]:
    """The nodes whose machines run; Pulumi starts the others itself."""
    prefix = _prefix(stack)
    on = {name for name, state in stack.inputs.items() if name.endswith("-domain") and state.get("running", True)}
    return [node for node in stack.outputs["nodes"] if f"{prefix}{node['name']}-domain" in on]


def main() -> None:
    """Decides, and prints."""
    stack = Stack.of(json.load(sys.stdin))
    anew = asked_for(stack, os.environ.get("REPLACE", "").split(), rebuild=os.environ.get("REBUILD", "") == "yes")
    anew |= lost(stack)
    if finished(stack) and not anew:
        nodes = powered(stack)
        seen = look(nodes, stack.outputs["ssh_private_key"], seconds=LOOK_SECONDS)
        refuse_strangers(stack, seen)
        anew |= unwell(stack, seen)
        for name in full(seen):
            print(f"{name}: its disk is almost full; make up REPLACE={name} gives it a new one", file=sys.stderr)
        if len(nodes) < len(stack.outputs["nodes"]):
            anew |= dict.fromkeys(
                ("nodes-ready-check", "cluster-dns-check"), "checked again: a machine was off or gone"
            )
    for reason in dict.fromkeys(anew.values()):
        print(reason, file=sys.stderr)
    print("\n".join(stack.urns[name] for name in anew))


if __name__ == "__main__":
    main()
