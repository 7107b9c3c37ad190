"""The lab's machines as a fault sees them: libvirt's commands, and a root shell on each."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import time
from pathlib import Path

from lab.paths import CACHE
from tests.e2e.cluster import PATIENCE, STATE, pulumi, run

CLUSTER = "k8s"
"""The default of `clusterName`, which is in the names of everything in libvirt."""
ADDRESSES = {"control-plane-1": "10.17.3.11", "worker-1": "10.17.3.21", "worker-2": "10.17.3.22"}
POOL = Path("/var/lib/libvirt/images") / CLUSTER
"""Where disks are, in the lab's own mount namespace."""
POOL_OUTSIDE = CACHE / "run" / POOL.relative_to("/")
"""The same directory as the host sees it."""
LOGIN_SECONDS = 300


def virsh(*words: str | Path, seconds: float = PATIENCE) -> str:
    """What virsh prints in the lab; raises AssertionError where it fails."""
    return run("lab/enter", "virsh", "--quiet", *words, seconds=seconds)


def names(what: str) -> list[str]:
    """Names of our own domains (what="list"), networks ("net-list") or pools ("pool-list"), running or not."""
    found = virsh(what, "--all", "--name").split()
    return [name for name in found if name == CLUSTER or name.startswith(f"{CLUSTER}-")]


def power_off(machine: str) -> None:
    """What a power cut does to one machine; one that is off already stays off."""
    if virsh("domstate", f"{CLUSTER}-{machine}").strip() != "shut off":
        virsh("destroy", f"{CLUSTER}-{machine}")


def clear() -> None:
    """Removes everything of ours from libvirt and its disk directory, and the stack's state. Starts the lab."""
    run("lab/start")
    for domain in names("list"):
        power_off(domain.removeprefix(f"{CLUSTER}-"))
        virsh("undefine", domain, "--nvram", "--managed-save", "--snapshots-metadata")
    for kind in ("net", "pool"):
        for name in names(f"{kind}-list"):
            if name in virsh(f"{kind}-list", "--name").split():
                virsh(f"{kind}-destroy", name)
            virsh(f"{kind}-undefine", name)
    for directory in (POOL_OUTSIDE, STATE):
        if directory.exists():
            shutil.rmtree(directory)


class Machines:
    """A way into the machines of the stack, whose host keys are checked."""

    def __init__(self, directory: Path) -> None:
        """Reads the keys from the stack's state; files with them are put into `directory`, mode 0600."""
        resources = json.loads(pulumi("stack", "export", "--show-secrets"))["deployment"]["resources"]
        printed = {
            resource["urn"].rsplit("::", 1)[1]: json.loads(resource["outputs"]["stdout"]["plaintext"])
            for resource in resources
            if resource["urn"].endswith("-key") and "stdout" in resource.get("outputs", {})
        }
        private, _, _ = printed[f"{CLUSTER}-login-key"].rpartition("\n")
        hosts = "".join(
            f"{address} {printed[f'{CLUSTER}-{name}-host-key'].splitlines()[-1]}\n"
            for name, address in ADDRESSES.items()
        )
        self._key, self._known_hosts = directory / "ssh_key", directory / "known_hosts"
        for path, text in ((self._key, private + "\n"), (self._known_hosts, hosts)):
            path.touch(mode=0o600)
            path.write_text(text)

    def on(self, machine: str, script: str, *, seconds: float = PATIENCE) -> str:
        """What a shell script prints as root on a machine; raises AssertionError where it fails."""
        options = ("-o", "StrictHostKeyChecking=yes", "-o", f"UserKnownHostsFile={self._known_hosts}")
        quick = ("-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-o", "LogLevel=ERROR")
        ssh = ("lab/enter", "ssh", "-i", self._key, *options, *quick, f"debian@{ADDRESSES[machine]}")
        return run(*ssh, "sudo bash -s", stdin=f"set -eu\n{script}\n", seconds=seconds)

    def later(self, machine: str, script: str) -> None:
        """Starts a script as root on a machine, which runs on when the login is over."""
        self.on(machine, f"systemd-run --quiet --collect bash -c {shlex.quote(script)}")

    def wait_for(self, machine: str, condition: str, *, seconds: float) -> None:
        """Returns when a shell condition holds on a machine; raises AssertionError after `seconds`."""
        loop = shlex.quote(f"until {condition}; do sleep 0.2; done")
        self.on(machine, f"timeout {seconds:.0f} bash -c {loop}", seconds=seconds + 60)

    def wait_for_logins(self) -> None:
        """Returns when all machines let us in and cloud-init is through; raises AssertionError after LOGIN_SECONDS."""
        deadline = time.monotonic() + LOGIN_SECONDS
        for machine in ADDRESSES:
            while True:
                try:
                    self.on(machine, "cloud-init status --wait >&2 || (($? == 2))")
                    break
                except (AssertionError, subprocess.TimeoutExpired):
                    if time.monotonic() > deadline:
                        raise
                time.sleep(2)

    def set_clocks(self) -> None:
        """Gives all machines the host's time: those that come from a checkpoint are as late as it is old."""
        for machine in ADDRESSES:
            self.on(machine, f"date --utc --set=@{time.time():.0f}")

    def scripts(self) -> dict[str, str]:
        """Machine to the scripts of ours that run there, those where none runs not among them."""
        found = {machine: self.on(machine, "pgrep -af '[b]ash -s .*[.]sh' || true") for machine in ADDRESSES}
        return {machine: text for machine, text in found.items() if text}


class Freezer:
    """Halts machines between two of their instructions, faster than libvirt could be asked."""

    def __init__(self) -> None:
        self._pids = {name: int(run("lab/enter", "cat", f"/run/libvirt/qemu/{name}.pid")) for name in names("list")}

    def freeze(self, machine: str = "") -> None:
        """Halts one machine, or all: to them, time stands still."""
        self._signal(signal.SIGSTOP, machine)

    def thaw(self) -> None:
        """Lets all go on."""
        self._signal(signal.SIGCONT, "")

    def _signal(self, number: signal.Signals, machine: str) -> None:
        for name, pid in self._pids.items():
            if machine in ("", name.removeprefix(f"{CLUSTER}-")):
                os.kill(pid, number)
