"""A checkout with a small stand-in for the program: its tools work on the lab's libvirtd, and never stop the lab."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from components.leftovers import mark
from tests.configuration import REPOSITORY
from tests.lab.engine import Outcome

PROGRAM = Path(__file__).parent / "programs" / "machines.py"
OWN_MARK = mark("ssh-ed25519 first")
DOMAIN = """<domain type="qemu"><name>{name}</name><description>{description}</description>
<memory unit="MiB">16</memory><os><type>hvm</type></os><devices>{devices}</devices></domain>"""


class Checkout:
    """The stack `lab` of a cluster with a name of its own."""

    def __init__(self, directory: Path, cluster: str) -> None:
        self.directory, self.cluster = directory, cluster
        self.pool = Path("/var/lib/libvirt/images") / cluster
        (directory / "lab" / "plugins").mkdir(parents=True)
        for name in ("components", "tools", ".venv", "requirements.txt", "requirements-dev.txt", "Pulumi.yaml"):
            (directory / name).symlink_to(REPOSITORY / name)
        # A copy, for a script finds its checkout by its own place.
        (directory / "tools").unlink()
        (directory / "tools").mkdir()
        for file in (REPOSITORY / "tools").iterdir():
            if file.is_file():
                (directory / "tools" / file.name).write_bytes(file.read_bytes())
                (directory / "tools" / file.name).chmod(file.stat().st_mode)
        for name in ("enter", "start", "plugins/requirements.txt"):
            (directory / "lab" / name).symlink_to(REPOSITORY / "lab" / name)
        (directory / "lab" / "down").write_text("#!/bin/sh\necho the lab would stop here\n")
        (directory / "lab" / "down").chmod(0o755)
        (directory / "__main__.py").write_text(PROGRAM.read_text())
        (directory / "Pulumi.lab.yaml").write_text(
            f"config:\n  libvirt:uri: qemu:///system\n  kubeadm-libvirt:clusterName: {cluster}\n"
        )
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PULUMI_")},
            "PULUMI_OPTION_COLOR": "never",
        }

    def run(self, *words: str, **variables: str) -> Outcome:
        """Runs a command of the checkout to its end."""
        done = subprocess.run(
            words,
            cwd=self.directory,
            env={**self._environment, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=300,
        )
        return Outcome(done.returncode, done.stdout, "")

    def up(self, **variables: str) -> Outcome:
        """What `make up` does to libvirt."""
        return self.run("tools/pulumi", "lab", "up", "--yes", "--skip-preview", "--suppress-progress", **variables)

    def destroy(self) -> Outcome:
        """What `make destroy` does, within its 60 s."""
        began = time.monotonic()
        outcome = self.run("tools/stack", "destroy", "lab")
        assert time.monotonic() - began < 60, outcome.output
        return outcome

    def kill_while_it_creates(self) -> None:
        """Starts `up` and kills the CLI, as a crash would, while it creates the last machine."""
        seen = self.directory / "hangs"
        process = subprocess.Popen(
            ["tools/pulumi", "lab", "up", "--yes", "--skip-preview"],
            cwd=self.directory,
            env={**self._environment, "HANG": str(seen)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        began = time.monotonic()
        while not (seen.exists() and self.locks()):
            assert process.poll() is None
            assert time.monotonic() - began < 120, "the creation did not begin"
            time.sleep(0.1)
        os.kill(json.loads(self.locks()[0].read_text())["pid"], signal.SIGKILL)
        process.wait(60)

    def locks(self) -> list[Path]:
        """The locks on the stack."""
        return list((self.directory / ".state/lab/.pulumi/locks").rglob("*.json"))

    def state(self) -> dict[str, Any]:
        """The state as the file backend has it."""
        file = self.directory / ".state/lab/.pulumi/stacks/kubeadm-libvirt/lab.json"
        latest: dict[str, Any] = json.loads(file.read_text())["checkpoint"]["latest"]
        return latest

    def virsh(self, *words: str) -> str:
        """What virsh says in the lab."""
        return self.inside("virsh", "--quiet", *words)

    @staticmethod
    def inside(*words: str) -> str:
        """Runs a command in the lab."""
        return subprocess.run([REPOSITORY / "lab" / "enter", *words], capture_output=True, text=True, check=True).stdout

    def domain(self, name: str, *, description: str = "", devices: str = "", running: bool = False) -> None:
        """Makes a domain without an operating system; a running one is paused."""
        file = self.directory / "domain.xml"
        file.write_text(DOMAIN.format(name=name, description=description, devices=devices))
        self.virsh(*(["create", "--paused"] if running else ["define"]), str(file))

    def ours(self) -> list[str]:
        """Everything in libvirt, and in its directory of images, that has the cluster's name."""
        listings = [
            *self.virsh("list", "--all", "--name").split(),
            *(f"network {name}" for name in self.virsh("net-list", "--all", "--name").split()),
            *(f"pool {name}" for name in self.virsh("pool-list", "--all", "--name").split()),
            *self.inside("find", str(self.pool.parent)).split(),
        ]
        return [line for line in listings if self.cluster in line]

    def clean(self) -> None:
        """Removes whatever a failed test has left."""
        cluster, directory = self.cluster, self.pool
        self.inside(
            "bash",
            "-c",
            f"for name in $(virsh list --all --name | grep ^{cluster}); do"
            " virsh destroy $name; virsh undefine $name; done;"
            f"virsh net-destroy {cluster}; virsh net-undefine {cluster}; virsh pool-destroy {cluster};"
            f"virsh pool-undefine {cluster}; rm -rf {directory}",
        )
