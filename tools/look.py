"""Looks at the machines of a cluster that `up` has finished, over SSH and side by side; changes nothing."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components import remote
from components.cloud_init import LOGIN_USER
from components.kubeadm import CONTROL_PLANE_FILES, RENEWAL_DAYS

SCRIPT = Path(__file__).parent / "look.sh"
CLOCK_SECONDS = 60
"""How far a machine's clock may be from this one's. Certificates and tokens take minutes, not seconds."""
FULL_PERCENT = 95
OVERLOAD = 5
"""Tasks for each processor at which requests to an API server end in time limits of its own."""
PAUSE_SECONDS = 2
"""Between two attempts to log in."""
COLUMNS = 7
"""Words of a line about an object of the cluster."""
STUCK_SECONDS = 300
"""How long a kubelet may take to make its node Ready; emulated machines that boot side by side take three minutes."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a machine said."""

    lines: tuple[tuple[str, ...], ...] = ()
    """Words of each line of look.sh; empty where the machine did not answer."""
    clock: float = 0
    """This host's, when it was asked."""
    stranger: bool = False
    """Whether somebody with another host key answered, who was told nothing."""
    locked: bool = False
    """Whether the machine itself answered, and refused the login key."""

    def get(self, what: str) -> str:
        """The value of a line, or nothing."""
        return next((line[1] for line in self.lines if line[0] == what and len(line) > 1), "")

    @property
    def nodes(self) -> dict[str, str] | None:
        """What a control plane says of each node: True where it is Ready; None where its API server does not answer."""
        return {line[1]: line[2] for line in self._objects("Node")} or None

    @property
    def patience_is_over(self) -> bool:
        """Whether the kubelet has run for so long that what keeps its node from being Ready does not pass by itself."""
        return int(self.get("kubelet-seconds") or 0) > STUCK_SECONDS

    @property
    def cordoned(self) -> list[str]:
        """The nodes that take no new pods because somebody wants it so."""
        return [line[1] for line in self._objects("Node") if line[4] == "true" and line[6] == "<none>"]

    @property
    def half_drained(self) -> list[str]:
        """The nodes whose drain was stopped with the run that it belonged to."""
        return [line[1] for line in self._objects("Node") if line[6] != "<none>"]

    @property
    def objects(self) -> dict[str, bool]:
        """What kube-system has, such as deployment/coredns, and whether it works; asked of Deployments."""
        deployments = {f"deployment/{line[1]}": line[3] not in ("0", "<none>") for line in self._objects("Deployment")}
        others = ("DaemonSet", "Service", "ConfigMap")
        return deployments | {f"{kind.lower()}/{line[1]}": True for kind in others for line in self._objects(kind)}

    @property
    def scaled_to_nothing(self) -> list[str]:
        """The Deployments of kube-system that are to have no pods."""
        return [f"deployment/{line[1]}" for line in self._objects("Deployment") if line[5] == "0"]

    def _objects(self, kind: str) -> list[tuple[str, ...]]:
        return [line for line in self.lines if line[0] == kind and len(line) == COLUMNS]


def look(nodes: Sequence[Mapping[str, Any]], private_key: str, *, seconds: float) -> dict[str, Seen]:
    """What each machine says within `seconds`, by its name. Host keys are checked.

    `nodes` are name, address and host_key of each.
    """
    with _access(nodes, private_key) as options, ThreadPoolExecutor(max_workers=16) as pool:
        return dict(
            zip(
                (str(node["name"]) for node in nodes),
                pool.map(lambda node: _ask(str(node["address"]), options, seconds), nodes),
                strict=True,
            )
        )


@contextlib.contextmanager
def _access(nodes: Sequence[Mapping[str, Any]], private_key: str) -> Iterator[list[str]]:
    """Options of ssh; the key lies in memory, for as long as it is needed."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 (the directory in it is private)
    with tempfile.TemporaryDirectory(prefix="kubeadm-libvirt-look-", dir=memory) as directory:
        key, known = Path(directory) / "key", Path(directory) / "known_hosts"
        key.touch(mode=0o600)
        key.write_text(private_key)
        known.write_text("".join(f"{node['address']} {node['host_key']}\n" for node in nodes))
        words = {"BatchMode": "yes", "IdentitiesOnly": "yes", "StrictHostKeyChecking": "yes", "LogLevel": "ERROR"}
        words |= {"UserKnownHostsFile": str(known), "ConnectTimeout": "10"}
        # Nothing of the user's own configuration, such as a jump host for everything: Pulumi does not mind it either.
        yield [
            "-i",
            str(key),
            "-F",
            "none",
            *(word for name, value in words.items() for word in ("-o", f"{name}={value}")),
        ]


def _ask(address: str, options: Sequence[str], seconds: float) -> Seen:
    """Asks until it answers, for it may just be starting, as after a start of the host."""
    deadline = time.monotonic() + seconds
    while True:
        seen = _ask_once(address, options, max(1, deadline - time.monotonic()))
        if seen.lines or seen.stranger or seen.locked or time.monotonic() + PAUSE_SECONDS > deadline:
            return seen
        time.sleep(PAUSE_SECONDS)


def _ask_once(address: str, options: Sequence[str], seconds: float) -> Seen:
    asked = time.time()
    try:
        answer = subprocess.run(
            ["ssh", *options, f"{LOGIN_USER}@{address}", "sudo bash -s"],
            input=program(),
            text=True,
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Seen()
    if answer.returncode == 255 and "Host key verification failed" in answer.stderr:
        return Seen(stranger=True)
    if answer.returncode == 255 and "Permission denied" in answer.stderr:
        return Seen(locked=True)
    return Seen(lines=tuple(tuple(line.split()) for line in answer.stdout.splitlines() if line.strip()), clock=asked)


def program() -> str:
    """What is sent to a machine. The look is bounded here, not by a limit of its own."""
    inputs = {"LIMIT": 0, "RENEWAL_DAYS": RENEWAL_DAYS, "CONTROL_PLANE_FILES": "\n".join(CONTROL_PLANE_FILES)}
    return remote.program(SCRIPT.read_text(), inputs)


def findings(seen: Seen, *, container_runtime: str) -> list[str]:
    """What is wrong with one machine that preparing it again puts right, in words."""
    units = ["containerd", "kubelet", *(["docker"] if container_runtime == "docker" else [])]
    found = [f"{unit} is {seen.get(unit) or 'not there'}" for unit in units if seen.get(unit) != "active"]
    if seen.get("joined") == "no":
        found.append("it lacks files that make it a node")
    if seen.get("swap") not in ("0", ""):
        found.append("swap is on")
    found += [" ".join(line[1:]) for line in seen.lines if line[0] == "changed"]
    if abs(float(seen.get("clock") or seen.clock) - seen.clock) > CLOCK_SECONDS:
        found.append(f"its clock is {float(seen.get('clock')) - seen.clock:+.0f} s off")
    return found


def cut_off(seen: Seen) -> list[str]:
    """What the pods of a machine lack to be reached, in words; where it has just started, nothing."""
    return [" ".join(line[1:]) for line in seen.lines if line[0] == "network" and seen.patience_is_over]


def full(seen: Mapping[str, Seen]) -> list[str]:
    """The machines whose disk is almost full, which preparing them again does not cure."""
    return [name for name, each in seen.items() if int(each.get("disk") or 0) >= FULL_PERCENT]


def overloaded(seen: Mapping[str, Seen]) -> dict[str, str]:
    """The machines that have more to do than they can, and did not just start: tasks and processors, in words."""
    loads = {
        name: (float(each.get("tasks") or 0), int(each.get("processors") or 1))
        for name, each in seen.items()
        if each.patience_is_over
    }
    return {
        name: f"{tasks:.0f} tasks for {processors} processor{'s' if processors != 1 else ''}"
        for name, (tasks, processors) in loads.items()
        if tasks > OVERLOAD * processors
    }
