"""Looks at the machines of a cluster that `up` has finished, over SSH and side by side; changes nothing."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from components import remote
from components.cloud_init import LOGIN_USER
from components.kubeadm import CONTROL_PLANE_FILES, RENEWAL_DAYS
from components.one_line import one_line
from tools.seen import Seen

SCRIPT = Path(__file__).parent / "look.sh"
CLOCK_SECONDS = 60
"""How far a machine's clock may be from this one's. Certificates and tokens take minutes, not seconds."""
FULL_PERCENT = 95
OVERLOAD = 5
"""Tasks for each processor at which requests to an API server end in time limits of its own."""
ANSWER_SECONDS = 60
"""For the rest of an answer that has begun, of which look.sh gives the API server 40 s."""
NEVER_STARTS = ("disabled", "masked", "masked-runtime")
"""What systemctl calls a service that the machine's next start does not start."""
PAUSE_SECONDS = 2
"""Between two attempts to log in."""
FIRST_WORD = "containerd "
"""What look.sh begins with, whatever a machine is like: a login may print something before."""
ACCEPTED, LOGGED_IN = "debug1: Server accepts key: ", "Authenticated to "
"""What ssh says of itself when the machine knows the key, and when the user may log in."""
OF_SSH = ("debug1: ", "OpenSSH_", LOGGED_IN, "Transferred: ", "Bytes per second: ", "Connection closed by ")
"""What most lines begin with that ssh says of itself."""
CURED_BY_A_START = ("Cannot allocate memory", "Resource temporarily unavailable", "Input/output error")
"""Words of a machine that cannot do what it is asked to, and may again once it was started anew."""


def look(nodes: Sequence[Mapping[str, Any]], private_key: str, *, seconds: float) -> dict[str, Seen]:
    """What each machine says that begins to answer within `seconds`, by its name. Host keys are checked.

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
        words = {"BatchMode": "yes", "IdentitiesOnly": "yes", "StrictHostKeyChecking": "yes", "LogLevel": "DEBUG1"}
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
    """Asks until it answers, for it may just be starting, as after a start of the host.

    One that boots bars its user, too, until it has come far enough.
    """
    deadline = time.monotonic() + seconds
    while True:
        seen = _ask_once(address, options, max(1, deadline - time.monotonic()))
        if seen.lines or seen.stranger or seen.locked or time.monotonic() + PAUSE_SECONDS > deadline:
            return seen
        time.sleep(PAUSE_SECONDS)


def _ask_once(address: str, options: Sequence[str], seconds: float) -> Seen:
    """Asks once; `seconds` are for the first word of an answer, so that one that booted late may finish its own."""
    asked = time.time()
    command = ["ssh", *options, f"{LOGIN_USER}@{address}", "sudo bash -s"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as ssh:
        try:
            output, errors = _answer(ssh, seconds)
        except subprocess.TimeoutExpired:
            return Seen()
        finally:
            ssh.kill()  # where it has not ended
    if ssh.returncode == 255 and "Host key verification failed" in errors:
        return Seen(stranger=True)
    if ssh.returncode == 255 and "Permission denied" in errors and ACCEPTED not in errors:
        return Seen(locked=True)
    answer = _own(output)
    if not answer and ssh.returncode >= 0:
        return Seen(barred=_barred(ssh.returncode, output, errors))
    return Seen(lines=tuple(tuple(line.split()) for line in answer.splitlines() if line.strip()), clock=asked)


def _own(output: str) -> str:
    """What look.sh has printed, without what the login has printed before; nothing where it did not run."""
    begins = re.search(rf"(?m)^{FIRST_WORD}", output)
    return output[begins.start() :] if begins else ""


def _barred(code: int, output: str, errors: str) -> str:
    """What a machine said that knows the key and did not look, or `nothing`; empty where that is not why."""
    if code == 255 and (ACCEPTED not in errors or LOGGED_IN in errors):
        return ""  # not reached, or cut off while it was at work
    words = [line.strip() for line in (output + "\n" + errors).splitlines() if not line.startswith(OF_SSH)]
    if any(cure in line for line in words for cure in CURED_BY_A_START):
        return ""
    said = [line for line in words if line and not line.endswith("Permission denied (publickey).")]
    return one_line(said[-1]) if said else "nothing"


def _answer(ssh: subprocess.Popen[str], seconds: float) -> tuple[str, str]:
    """What ssh prints on standard output and on standard error. Raises TimeoutExpired."""
    try:
        return ssh.communicate(program(), timeout=seconds)
    except subprocess.TimeoutExpired as late:
        if not late.output:
            raise
    return ssh.communicate(timeout=ANSWER_SECONDS)


def program() -> str:
    """What is sent to a machine. The look is bounded here, not by a limit of its own."""
    inputs = {"LIMIT": 0, "RENEWAL_DAYS": RENEWAL_DAYS, "CONTROL_PLANE_FILES": "\n".join(CONTROL_PLANE_FILES)}
    return remote.program(SCRIPT.read_text(), inputs)


def findings(seen: Seen, *, container_runtime: str) -> list[str]:
    """What is wrong with one machine that preparing it again puts right, in words."""
    units = ["containerd", "kubelet", *(["docker"] if container_runtime == "docker" else [])]
    found = [f"{unit} is {seen.get(unit) or 'not there'}" for unit in units if seen.get(unit) != "active"]
    lasting = {unit: seen.get(f"start-of-{unit}") for unit in units}
    found += [f"{unit} is {state}" for unit, state in lasting.items() if state in NEVER_STARTS]
    if seen.get("joined") == "no":
        found.append("it lacks files that make it a node")
    if seen.get("joined") == "damaged":
        found.append("the files that make it a node are damaged, or its certificate has ended")
    if seen.kubelet_ends:
        found.append(f"its kubelet has ended {seen.get('kubelet-restarts')} times and does not stay up")
    if seen.get("swap") not in ("0", ""):
        found.append("swap is on")
    found += [" ".join(line[1:]) for line in seen.lines if line[0] == "changed"]
    if abs(float(seen.get("clock") or seen.clock) - seen.clock) > CLOCK_SECONDS:
        found.append(f"its clock is {float(seen.get('clock')) - seen.clock:+.0f} s off")
    return found


def cut_off(seen: Seen) -> list[str]:
    """What a machine lacks that a start brings back, in words; where it has just started, not what comes by itself."""
    kinds = ("start", "network") if seen.patience_is_over else ("start",)
    return [" ".join(line[1:]) for line in seen.lines if line[0] in kinds]


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
