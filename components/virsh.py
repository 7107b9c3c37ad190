"""What libvirt has, and whether somebody needs it, asked with virsh: also what Pulumi's state does not know of."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pulumi

LIMIT = 30
"""Seconds for one call; stopping a machine that does not react takes libvirt up to half of that."""


def provider_uri() -> str | None:
    """Which libvirt the provider of the running stack uses; None where nothing says it."""
    return pulumi.Config("libvirt").get("uri") or os.environ.get("LIBVIRT_DEFAULT_URI")


class LeftoversError(pulumi.RunError):
    """Something is in the way, or libvirt does not answer. The message says what and what to do."""


class SilentError(LeftoversError):
    """A call did not end in its time."""


@dataclass(frozen=True, kw_only=True)
class Domain:
    """A domain as libvirt has it, with what it uses."""

    name: str
    running: bool
    """Whether it has a process: a paused one has."""
    description: str
    networks: frozenset[str]
    """Names of libvirt's networks and of bridges."""
    disks: frozenset[str]
    """Paths, and POOL/VOLUME where a disk is given by these; the images below a disk's own too, while it runs."""

    def uses_directory(self, directory: Path) -> bool:
        """Whether a disk lies in that directory."""
        return any(Path(disk).parent == directory for disk in self.disks)


class Virsh:
    """virsh on one hypervisor."""

    def __init__(self, uri: str, limit: float | None = None) -> None:
        self.uri, self._limit = uri, limit

    def __call__(self, *words: str, limit: float | None = None) -> str:
        """What virsh prints. Raises LeftoversError where it fails, is missing, or does not end in time (LIMIT)."""
        command, limit = self.command(*words), limit or self._limit or LIMIT
        environment = {**os.environ, "LC_ALL": "C"}
        try:
            done = subprocess.run(
                self._arguments(words),
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=limit,
            )
        except FileNotFoundError as error:
            raise LeftoversError("virsh is not on PATH. Install it: sudo apt-get install libvirt-clients") from error
        except subprocess.TimeoutExpired as error:
            message = f"`{command}` did not end in {limit:g} s. Restart libvirt: sudo systemctl restart libvirtd"
            raise SilentError(message) from error
        if done.returncode != 0:
            said = " ".join(done.stderr.split()).removeprefix("error: ")
            raise LeftoversError(f"`{command}` failed: {said}")
        return done.stdout

    def command(self, *words: str) -> str:
        """The same call for a person to type."""
        return " ".join(self._arguments(words))

    def _arguments(self, words: Sequence[str]) -> list[str]:
        return ["virsh", "--connect", self.uri, *words]

    def names(self, *words: str) -> list[str]:
        """The names that a listing prints, one a line."""
        return [line.strip() for line in self(*words, "--name").splitlines() if line.strip()]

    def domains(self) -> list[str]:
        """The names of all domains."""
        return self.names("list", "--all")

    def networks(self) -> list[str]:
        """The names of all networks."""
        return self.names("net-list", "--all")

    def bridge(self, network: str) -> str:
        """The bridge of a network, running or not; empty where it has none."""
        lines = (line.partition(":") for line in self("net-info", "--network", network).splitlines())
        return next((value.strip() for key, _, value in lines if key == "Bridge"), "")

    def pools(self) -> list[str]:
        """The names of all pools."""
        return self.names("pool-list", "--all")

    def domain(self, name: str) -> Domain | None:
        """One domain, or None where there is none of that name."""
        return self._domain(name, running=name in self.names("list")) if name in self.domains() else None

    def every_domain(self) -> list[Domain]:
        """All domains, also those that are off."""
        found, running = [], self.names("list")
        for name in self.domains():
            try:
                found.append(self._domain(name, running=name in running))
            except LeftoversError:
                if name in self.domains():  # else it went meanwhile
                    raise
        return found

    def _domain(self, name: str, *, running: bool) -> Domain:
        root = ElementTree.fromstring(self("dumpxml", "--domain", name))  # noqa: S314 (libvirt's own words)
        disks: set[str] = set()
        for source in root.iterfind("./devices/disk//source"):
            disks.update(source.attrib[key] for key in ("file", "dev") if key in source.attrib)
            if "pool" in source.attrib:
                disks.add(f"{source.attrib['pool']}/{source.attrib.get('volume', '')}")
        interfaces = [source.attrib for source in root.iterfind("./devices/interface/source")]
        return Domain(
            name=name,
            running=running,
            description=(root.findtext("./description") or "").strip(),
            networks=frozenset(each[key] for each in interfaces for key in ("network", "bridge") if key in each),
            disks=frozenset(disks),
        )

    def pool_directory(self, name: str) -> Path | None:
        """The directory of a pool, or None where there is no such pool or it has no directory."""
        if name not in self.pools():
            return None
        xml = self("pool-dumpxml", "--pool", name)
        path = ElementTree.fromstring(xml).findtext("./target/path")  # noqa: S314 (libvirt's own words)
        return Path(path) if path else None

    def volumes(self, pool: str, directory: Path) -> list[str]:
        """The names of the files in an active directory pool as they are now, others' files and directories too."""
        try:
            self("pool-refresh", "--pool", pool)
        except LeftoversError as error:
            if "asynchronous jobs" not in str(error):  # while a volume is written libvirt refuses, and knows the others
                raise
        prefix = f"{directory}/"
        lines = self("vol-list", "--pool", pool).splitlines()
        return [line[line.rindex(prefix) :].strip().removeprefix(prefix) for line in lines if prefix in line]
