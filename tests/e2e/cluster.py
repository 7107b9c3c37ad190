"""A running cluster of the lab as the end-to-end tests see it: outputs, machines, kubectl, Pulumi runs."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lab.paths import CACHE
from tests.e2e.processors import workers_standing_back

REPOSITORY = Path(__file__).resolve().parent.parent.parent
STATE = REPOSITORY / ".state" / "lab"
PATIENCE = 600
"""Seconds for what takes seconds: a host whose neighbours are busy must fail no test."""
RUN_PATIENCE = 3600
"""Seconds for a `make up`, which makes a machine or a cluster at most."""


def run(
    *command: str | Path, seconds: float = PATIENCE, env: dict[str, str] | None = None, stdin: str | None = None
) -> str:
    """Standard output of a command that must succeed; what it printed is in the failure."""
    done = completed(*command, seconds=seconds, env=env, stdin=stdin)
    words = " ".join(map(str, command))
    assert done.returncode == 0, f"{words} ended with {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def completed(
    *command: str | Path, seconds: float = PATIENCE, env: dict[str, str] | None = None, stdin: str | None = None
) -> subprocess.CompletedProcess[str]:
    """What became of a command, which may fail.

    One that takes longer is ended with all that it has started: a run that goes on would hold the stack's lock.
    """
    with subprocess.Popen(
        [str(word) for word in command],
        cwd=REPOSITORY,
        env={**os.environ, **(env or {})},
        stdin=subprocess.PIPE if stdin is not None else None,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",  # of files that are no text
        start_new_session=True,
    ) as process:
        try:
            output, said = process.communicate(stdin, timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return subprocess.CompletedProcess(command, process.returncode, output, said)


@contextlib.contextmanager
def changed(**values: Any) -> Iterator[None]:
    """Other values in the lab's configuration file, which is as it was afterwards."""
    file = REPOSITORY / "Pulumi.lab.yaml"
    before = file.read_text()
    try:
        _write(**values)
        yield
    finally:
        file.write_text(before)


KEPT: dict[str, Any] = {}
"""What `keep` has written that is to stay until the tests end."""


def keep(**values: Any) -> None:
    """Other values in the lab's configuration file from now on, until the tests end."""
    KEPT.update({f"kubeadm-libvirt:{key}": value for key, value in values.items()})
    _write(**values)


def _write(**values: Any) -> None:
    file = REPOSITORY / "Pulumi.lab.yaml"
    configuration = yaml.safe_load(file.read_text())
    configuration["config"] |= {f"kubeadm-libvirt:{key}": value for key, value in values.items()}
    file.write_text(yaml.safe_dump(configuration))


def make_up(**variables: str) -> dict[str, str]:
    """Runs `make up STACK=lab`; the operation on every resource that was not left as it was."""
    asked = [f"{name}={value}" for name, value in variables.items()]
    with workers_standing_back():
        said = run("make", "up", "STACK=lab", *asked, seconds=RUN_PATIENCE)
    print(said)  # pytest shows it where the test fails: why a run has repaired what nobody had broken
    return operations()


def operations() -> dict[str, str]:
    """Name of each resource to what the last run did with it, those left alone not among them."""
    done = (event["resOutputsEvent"]["metadata"] for event in events() if "resOutputsEvent" in event)
    return {step["urn"].rsplit("::", 1)[1]: step["op"] for step in done if step["op"] != "same"}


def preview(*arguments: str) -> dict[str, set[str]]:
    """What a preview says would happen: create, update, replace or delete to names of resources."""
    steps = json.loads(pulumi("preview", "--json", *arguments))["steps"]
    said: dict[str, set[str]] = {}
    for step in steps:
        if step["op"] in ("create", "update", "replace", "delete"):
            said.setdefault(step["op"], set()).add(step["urn"].rsplit("::", 1)[1])
    return said


def pulumi(*arguments: str | Path, seconds: float = PATIENCE) -> str:
    """Standard output of Pulumi on the lab's stack."""
    return run("tools/pulumi", "lab", *arguments, seconds=seconds)


def stop_libvirtd() -> None:
    """Ends the lab's libvirt daemon, and waits for its end; machines run on. `lab/start` starts another one."""
    pid = (CACHE / "run" / "libvirtd.pid").read_text().strip()
    run("kill", pid)
    deadline = time.monotonic() + 60
    while Path(f"/proc/{pid}/exe").exists():
        assert time.monotonic() < deadline, "libvirtd did not end within 60 s"
        time.sleep(0.05)


@dataclass(frozen=True)
class Cluster:
    """What `make up` has left."""

    outputs: dict[str, Any]
    directory: Path
    """Holds the login key, the known hosts and the kubeconfig, mode 0600."""

    @classmethod
    def of_the_stack(cls, directory: Path) -> Cluster:
        """Reads the stack's outputs, secrets included."""
        outputs = json.loads(pulumi("stack", "output", "--json", "--show-secrets"))
        hosts = "".join(f"{node['address']} {node['host_key']}\n" for node in outputs["nodes"])
        files = {"ssh_key": outputs["ssh_private_key"], "known_hosts": hosts, "kubeconfig": outputs["kubeconfig"]}
        for name, text in files.items():
            (directory / name).touch(mode=0o600)
            (directory / name).write_text(text)
        return cls(outputs, directory)

    def on(self, node: dict[str, str], command: str, seconds: float = PATIENCE) -> str:
        """What a command prints on a machine, its host key checked."""
        return run(*self.ssh(node, command), seconds=seconds)

    def ssh(self, node: dict[str, str], command: str, *, strict: str = "yes") -> list[str]:
        """The command line that runs a command on a machine, its host key checked unless `strict` is no."""
        known = self.directory / "known_hosts" if strict == "yes" else "/dev/null"
        words = [f"StrictHostKeyChecking={strict}", f"UserKnownHostsFile={known}", "BatchMode=yes"]
        options = [word for each in words for word in ("-o", each)]
        return [
            "lab/enter",
            "ssh",
            "-i",
            str(self.directory / "ssh_key"),
            *options,
            f"debian@{node['address']}",
            command,
        ]

    def kubectl(self, *arguments: str) -> str:
        """What kubectl prints, run from outside the machines with the output `kubeconfig`."""
        return run("lab/enter", "kubectl", "--kubeconfig", self.directory / "kubeconfig", *arguments)

    def get(self, *arguments: str) -> list[dict[str, Any]]:
        """The items of `kubectl get`."""
        items: list[dict[str, Any]] = json.loads(self.kubectl("get", *arguments, "--output=json"))["items"]
        return items

    def web_pods(self) -> list[dict[str, Any]]:
        """The web server's pods that run and stay; one that leaves answers on for some seconds."""
        pods = self.get("pods", "--selector=app=nginx", "--field-selector=status.phase=Running")
        return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]

    def ready(self) -> dict[str, bool]:
        """Every node, and whether it is Ready."""
        return {node["metadata"]["name"]: is_ready(node) for node in self.get("nodes")}


def is_ready(node: dict[str, Any]) -> bool:
    """What the cluster says of a node."""
    return any(each["type"] == "Ready" and each["status"] == "True" for each in node["status"]["conditions"])


def events() -> list[dict[str, Any]]:
    """The engine's events of the last `make up`, in order."""
    return [json.loads(line) for line in (STATE / "events.jsonl").read_text().splitlines()]
