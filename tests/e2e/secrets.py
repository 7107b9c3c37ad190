"""Every secret of a run, and where secrets must not be: what others can read of processes and files."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.e2e.cluster import REPOSITORY, Cluster, pulumi

PRIVATE = re.compile("-----BEGIN [A-Z ]*PRIVATE KEY-----(.*?)-----END", re.DOTALL)
TOKEN = re.compile(r"\b[a-z0-9]{6}\.([a-z0-9]{16})\b")
SAMPLE = """
import os, time
seen, reads, turn = set(), {}, 0
while True:
    pids = [name for name in os.listdir("/proc") if name.isdigit()]
    reads = {pid: reads.get(pid, 0) for pid in pids}
    for pid in pids:
        # A process mostly becomes another one right after its start. To read all of them each time is most of what an
        # emulated machine can do.
        if reads[pid] > 5 and turn % 20:
            continue
        reads[pid] += 1
        try:
            line = open(f"/proc/{pid}/cmdline", errors="replace").read().replace(chr(0), " ").replace(chr(10), " ")
        except OSError:
            continue
        if line not in seen:
            seen.add(line)
            print(line, flush=True)
    print(flush=True)  # fails, and ends this, when nobody reads any more
    turn += 1
    time.sleep(0.2)
"""
"""Prints every command line that it sees, once each."""

ON_MACHINES = r"""
sudo find /etc/kubernetes/pki /var/lib/kubelet/pki /etc/ssh -name '*.key' -o -name '*_key' -o -name '*.pem' |
  sudo xargs --no-run-if-empty cat
sudo cat /etc/kubernetes/*.conf 2>/dev/null || true
"""
READABLE = (
    "sudo -u nobody find /etc /home /mnt /opt /root /run /srv /tmp /var -xdev -type f -readable -size -4M "
    "-not -path '/var/lib/apt/*' -not -path '/var/lib/dpkg/*' -not -path '/var/cache/*' -print0 2>/dev/null | "
    "sudo -u nobody xargs --null --no-run-if-empty cat 2>/dev/null || true"
)
"""What any user of a machine can read."""


def secrets_of(text: str) -> set[str]:
    """The parts of private keys and tokens in a text that give them away: each line of a key, half of a token."""
    found = {line.strip() for key in PRIVATE.findall(text) for line in key.replace("\\n", "\n").splitlines()}
    found |= set(TOKEN.findall(text))
    return {each for each in found if len(each) >= 16}


def all_secrets(cluster: Cluster) -> set[str]:
    """Of the stack, and of the machines: private keys, tokens, the administrator's certificate and key."""
    export = json.loads(pulumi("stack", "export", "--show-secrets"))
    plain = [json.loads(text) for text in _plaintexts(export)]
    texts = [value if isinstance(value, str) else json.dumps(value) for value in plain]
    texts += [cluster.on(node, ON_MACHINES) for node in cluster.outputs["nodes"]]
    secrets = set().union(*(secrets_of(text) for text in texts))
    for text in [*texts, cluster.outputs["kubeconfig"]]:
        for encoded in re.findall(r"client-(?:key|certificate)-data: (\S+)", text):
            secrets |= {encoded, *secrets_of(base64.b64decode(encoded).decode())}
    assert len(secrets) > 20, "the search would be for nothing"
    return secrets


def _plaintexts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "plaintext" in value:
            yield value["plaintext"]
        for each in value.values():
            yield from _plaintexts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _plaintexts(each)


def found_in(text: str, secrets: set[str]) -> set[str]:
    """The secrets that a text gives away, their beginnings only."""
    return {f"{secret[:6]}…" for secret in secrets if secret in text}


@dataclass
class Spy:
    """What could be seen of processes while it looked, by place."""

    command_lines: dict[str, set[str]] = field(default_factory=dict)


@contextlib.contextmanager
def spying(cluster: Cluster, *new: str) -> Iterator[Spy]:
    """Samples the arguments of all processes of this host, of the machines, and of those at the `new` addresses.

    A machine is looked at from the moment on that it lets anybody in, and again after it was started anew.
    """
    spy = Spy()
    commands = {"this host": [sys.executable, "-c", SAMPLE]}
    on_a_machine = f"echo {base64.b64encode(SAMPLE.encode()).decode()} | base64 --decode | sudo python3 -"
    for node in cluster.outputs["nodes"]:
        commands[node["name"]] = cluster.ssh(node, on_a_machine)
    for address in new:
        # Its host key is made during the run. Nothing that is secret is sent there.
        commands[address] = cluster.ssh({"address": address}, on_a_machine, strict="no")
    with contextlib.ExitStack() as stack:
        places = {}
        for place, command in commands.items():
            output = stack.enter_context(tempfile.TemporaryFile("w+"))
            process = subprocess.Popen(
                ["bash", "-c", 'while sleep 1; do "$@"; done', "spy", *command],
                cwd=REPOSITORY,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.DEVNULL,  # of logins that come too early
                start_new_session=True,
            )
            places[place] = (process, output)
        try:
            yield spy
        finally:
            for place, (process, output) in places.items():
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(timeout=30)
                output.seek(0)
                spy.command_lines[place] = set(output.read().splitlines())
