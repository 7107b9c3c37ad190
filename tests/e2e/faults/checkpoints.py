"""Checkpoints: the whole lab cluster put aside between two phases, and brought back as often as wanted.

One is what libvirt has (definitions, disks, the machines' memory) and what Pulumi has (state, salt, passphrase). A disk
is put aside by moving its file away: what runs later writes into an overlay on it, so that going back copies nothing.
Checkpoints lie in the cache directory and are thrown away when the program that they come from has changed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from lab.paths import CACHE
from tests.e2e.cluster import REPOSITORY, STATE, run
from tests.e2e.faults.machines import CLUSTER, POOL, POOL_OUTSIDE, Machines, clear, names, virsh

ROOT = CACHE / "checkpoints"
DEPENDS_ON = ("components", "__main__.py", "Pulumi.yaml", "Pulumi.lab.yaml", "requirements.txt", "lab/versions.toml")


@dataclass(frozen=True)
class Checkpoint:
    """The cluster between two phases."""

    directory: Path

    @property
    def complete(self) -> bool:
        """Whether it was put aside to its end."""
        return (self.directory / "complete").exists()

    def take(self) -> None:
        """Puts the running cluster aside. It is gone afterwards, and goes on when it is restored."""
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(parents=True)
        self.directory.chmod(0o700)  # the state's secrets and the machines' memory are in it
        domains = names("list")
        for domain in domains:
            virsh("suspend", domain)
            self._write(f"{domain}.domain", virsh("dumpxml", domain, "--inactive", "--security-info"))
        self._write("network", virsh("net-dumpxml", CLUSTER, "--inactive"))
        self._write("pool", virsh("pool-dumpxml", CLUSTER))
        for domain in domains:
            self._save_memory(domain)
        pool = self.directory / "pool"
        pool.mkdir()
        for file in POOL_OUTSIDE.iterdir():
            # A file that nobody writes into is shared; everything else moves.
            (pool / file.name).hardlink_to(file) if file.name.startswith("base-") else file.rename(pool / file.name)
        shutil.copytree(STATE, self.directory / "state")
        (self.directory / "complete").touch()

    def restore(self, directory: Path) -> Machines:
        """Makes the lab what it was, whatever it is now; the machines run, and have the host's time.

        `directory` gets the keys to the machines.
        """
        clear()
        POOL_OUTSIDE.mkdir(mode=0o711, parents=True)
        for kept in sorted((self.directory / "pool").iterdir()):  # base-….qcow2, which disks grow from, comes first
            self._bring_back(kept)
        shutil.copytree(self.directory / "state", STATE)
        for kind, file in (("net", "network"), ("pool", "pool")):
            virsh(f"{kind}-define", self.directory / f"{file}.xml")
            virsh(f"{kind}-start", CLUSTER)
            virsh(f"{kind}-autostart", CLUSTER)
        domains = [path.name.removesuffix(".domain.xml") for path in sorted(self.directory.glob("*.domain.xml"))]
        for domain in domains:
            virsh("define", self.directory / f"{domain}.domain.xml")
            virsh("autostart", domain)
        with ThreadPoolExecutor() as pool:
            list(pool.map(self._restore_memory, domains))
        for domain in domains:
            virsh("resume", domain)
        machines = Machines(directory)
        machines.wait_for_logins()
        machines.set_clocks()
        return machines

    def _write(self, name: str, xml: str) -> None:
        (self.directory / f"{name}.xml").write_text(xml)

    def _save_memory(self, domain: str) -> None:
        memory = self.directory / f"{domain}.memory"
        virsh("save", domain, memory, "--running", seconds=600)
        run("zstd", "-1", "--threads=2", "--quiet", "--rm", memory, seconds=600)

    def _restore_memory(self, domain: str) -> None:
        """Through a pipe, so that no uncompressed copy is written."""
        pipe = self.directory / f"{domain}.pipe"
        pipe.unlink(missing_ok=True)
        os.mkfifo(pipe, 0o600)
        command = 'exec zstd --decompress --stdout --quiet "$0" >"$1"'
        with subprocess.Popen(["sh", "-c", command, self.directory / f"{domain}.memory.zst", pipe]) as unpacking:
            try:
                virsh("restore", pipe, "--paused", seconds=600)
            finally:
                unpacking.terminate()
                pipe.unlink()

    def _bring_back(self, kept: Path) -> None:
        file = POOL_OUTSIDE / kept.name
        if kept.name.startswith("base-"):
            file.hardlink_to(kept)
        elif kept.suffix == ".qcow2":
            backing = ("-b", kept, "-F", "qcow2")
            run("lab/enter", "qemu-img", "create", "-q", "-f", "qcow2", *backing, POOL / kept.name)
            file.chmod(0o600)
        else:
            shutil.copy2(kept, file)


def checkpoint(name: str) -> Checkpoint:
    """The checkpoint of this name for the program as it is now."""
    return Checkpoint(ROOT / _digest() / name)


def forget_other_programs() -> None:
    """Removes the checkpoints that another version of the program has made."""
    for directory in ROOT.glob("*/"):
        if directory.name != _digest():
            shutil.rmtree(directory)


def _digest() -> str:
    """Of everything that decides what a cluster is made of."""
    digest = hashlib.sha256()
    for place in DEPENDS_ON:
        path = REPOSITORY / place
        files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.suffix in (".py", ".sh"))
        for file in files:
            digest.update(f"{file.relative_to(REPOSITORY)}\n".encode() + file.read_bytes())
    return digest.hexdigest()[:16]
