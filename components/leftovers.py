"""What an interrupted run left in libvirt under our names, outside the state: removed where nobody else needs it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from pathlib import Path

from components.pulumi_command import config
from components.virsh import Domain, LeftoversError, Virsh

MARK = "kubeadm-libvirt "
ANOTHER_NAME = f"If not, choose another name for this cluster: {config('set clusterName NAME')}"
UNDEFINE = ("undefine", "--nvram", "--managed-save", "--snapshots-metadata", "--checkpoints-metadata", "--domain")


class RefusedError(LeftoversError):
    """Something of somebody else is in the way. The message has the commands that remove it."""


def mark(public_key: str) -> str:
    """The description of all domains of a stack, by which a later run knows them as its own; from its login key."""
    return MARK + hashlib.sha256(public_key.strip().encode()).hexdigest()[:16]


class Leftovers:
    """Removes by name, and never what a domain of others is or uses.

    That is whatever runs without our mark; and of what is off, one with another stack's mark, and one that has a disk:
    whoever made it wants it back. The provider defines a domain with its mark at once, so that a run that is killed
    leaves none without.
    """

    def __init__(self, virsh: Virsh, marks: Collection[str], say: Callable[[str], None]) -> None:
        self._virsh, self._marks, self._say = virsh, frozenset(marks), say

    def domain(self, name: str) -> None:
        """Removes a domain that has our mark, or is off and has no mark and no disk. Raises RefusedError for others."""
        found = self._virsh.domain(name)
        if found is None:
            return
        if self._foreign(found):
            stop = f"{self._virsh.command('destroy', '--domain', name)} && " if found.running else ""
            raise RefusedError(
                f"The domain {name} {'runs' if found.running else 'is off'}, and this stack did not make it: "
                f"{_whose(found)}. If it may go, remove it: "
                f"{stop}{self._virsh.command(*UNDEFINE, name)}. {ANOTHER_NAME}"
            )
        if found.running:
            self._virsh("destroy", "--domain", name)
        if not found.running or name in self._virsh.domains():  # else it was one without a definition
            self._virsh(*UNDEFINE, name)
        self._say(f"Removed the domain {name}, a leftover: {'it has our mark' if found.running else 'it did not run'}.")

    def network(self, name: str, bridge: str) -> None:
        """Removes a network of that bridge that no domain of others uses. Raises RefusedError for another."""
        if name not in self._virsh.networks():
            return
        found = self._virsh.bridge(name)
        users = self._users(lambda domain: bool({name, found} & domain.networks))
        active = name in self._virsh.names("net-list")
        if users or found != bridge:
            why = f"{users} it" if users else f"its bridge is {found or 'none'}, not {bridge}"
            raise RefusedError(
                f"There is a network {name}, and {why}. If it may go, remove it: "
                f"{self._virsh.command('net-destroy', '--network', name)} && "
                f"{self._virsh.command('net-undefine', '--network', name)}. {ANOTHER_NAME}"
            )
        if active:
            self._virsh("net-destroy", "--network", name)
        if name in self._virsh.networks():  # else it was one without a definition
            self._virsh("net-undefine", "--network", name)
        self._say(f"Removed the network {name}, a leftover: no running domain of anybody else used it.")

    def pool(self, name: str, directory: Path, *, remove_directory: bool = False) -> None:
        """Removes a pool and leaves its files, or removes its empty directory too.

        Raises RefusedError where it is for another directory, or a domain of others uses it.
        """
        if name not in self._virsh.pools():
            return
        found = self._virsh.pool_directory(name)
        users = self._users(lambda domain: domain.uses_directory(directory) or _in_pool(domain, name))
        if found != directory or users:
            why = f"{users} disks in it" if found == directory else f"it is for {found}, not for {directory}"
            raise RefusedError(
                f"There is a storage pool {name}, and {why}. If it may go, remove it (its files stay): "
                f"{self._virsh.command('pool-destroy', '--pool', name)} ; "
                f"{self._virsh.command('pool-undefine', '--pool', name)}. {ANOTHER_NAME}"
            )
        if name in self._virsh.names("pool-list"):
            self._virsh("pool-destroy", "--pool", name)
        gone = remove_directory and self.directory(name, directory)
        if name in self._virsh.pools():  # else it was one without a definition
            self._virsh("pool-undefine", "--pool", name)
        stays = "with its empty directory" if gone else "but not the files in"
        self._say(f"Removed the storage pool {name}, a leftover, {stays} {directory}.")

    def directory(self, pool: str, directory: Path) -> bool:
        """Removes the empty directory of a stopped pool, or says that it stays: it may be where a disk is mounted."""
        try:
            self._virsh("pool-delete", "--pool", pool)
        except LeftoversError as error:
            self._say(f"The empty directory {directory} stays: {error}")
            return False
        return True

    def volume(self, pool: str, name: str) -> None:
        """Removes a file of an active pool that no domain of others uses. Raises RefusedError for another."""
        directory = self._virsh.pool_directory(pool)
        if directory is None or name not in self._virsh.volumes(pool, directory):
            return
        paths = {f"{pool}/{name}", f"{directory}/{name}"}
        # Of a domain that is off libvirt does not tell what its disks have grown from: it may be any base image there.
        base = name.startswith("base-")
        users = self._users(
            lambda domain: bool(paths & domain.disks)
            or (base and not domain.running and (domain.uses_directory(directory) or _in_pool(domain, pool)))
        )
        remove = ("vol-delete", "--pool", pool, "--vol", name)
        if users:
            raise RefusedError(
                f"There is a volume {directory}/{name}, and {users} it. If it may go, remove that domain, "
                f"then the volume: {self._virsh.command(*remove)}. {ANOTHER_NAME}"
            )
        self._virsh(*remove)
        self._say(f"Removed the volume {directory}/{name}, a leftover: no running domain of anybody else used it.")

    def _foreign(self, domain: Domain) -> bool:
        wanted = domain.running or domain.description.startswith(MARK) or bool(domain.disks)
        return wanted and domain.description not in self._marks

    def _users(self, uses: Callable[[Domain], bool]) -> str:
        """Which domains of others these are, with the verb; empty where there are none."""
        found = [
            f"{domain.name} ({_whose(domain)})"
            for domain in self._virsh.every_domain()
            if uses(domain) and self._foreign(domain)
        ]
        return (
            f"the domain {found[0]} uses"
            if len(found) == 1
            else (f"the domains {', '.join(found)} use" if found else "")
        )


def _whose(domain: Domain) -> str:
    if domain.description.startswith(MARK):
        return f'another stack of this program made it, "{domain.description}"'
    return f'its description is "{domain.description}"' if domain.description else "it has no description"


def _in_pool(domain: Domain, pool: str) -> bool:
    return any(disk.startswith(f"{pool}/") for disk in domain.disks)
