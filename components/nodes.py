"""Pure: settings -> the machines to make, with names, roles, addresses and MACs."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Literal

from components.machine_rules import name_and_host
from components.machine_settings import MachineSettings
from components.settings import Settings

Role = Literal["control-plane", "worker"]


@dataclass(frozen=True, kw_only=True)
class Node:
    """One machine before it exists. Everything is derived from the settings, so nothing waits for a DHCP lease."""

    name: str
    """Host name and name of the Kubernetes node."""
    role: Role
    address: IPv4Address
    mac: str
    cpus: int
    memory: int
    """MiB."""
    disk_size: int
    """GiB."""
    image: str
    """URL or path of the operating system image."""
    image_sha512: str
    """Its checksum, or empty."""
    own: frozenset[str] = frozenset()
    """Configuration keys of which the machine has a value of its own."""

    def key(self, name: str) -> str:
        """How the user has named the value that this machine has for a key of all."""
        return f"machines.{self.name}.{name}" if name in self.own else name


def all_nodes(settings: Settings) -> list[Node]:
    """The control plane machines, then the workers."""
    return [*control_planes(settings), *workers(settings)]


def control_planes(settings: Settings) -> list[Node]:
    """The control plane machines, in order."""
    return [_node(settings, "control-plane", number) for number in range(settings.control_planes)]


def workers(settings: Settings) -> list[Node]:
    """The worker machines, in order; adding one leaves the others as they are."""
    return [_node(settings, "worker", number) for number in range(settings.workers)]


def _node(settings: Settings, role: Role, number: int) -> Node:
    name, host = name_and_host(role, number)
    worker = role == "worker"
    own = settings.machines.get(name, MachineSettings())
    cluster = hashlib.sha256(settings.cluster_name.encode()).hexdigest()
    return Node(
        name=name,
        role=role,
        address=settings.network_cidr[host],
        # 52:54:00 is QEMU's prefix. A hash of the node's name alone would give two of a hundred workers the same one.
        mac=f"52:54:00:{cluster[0:2]}:{cluster[2:4]}:{host:02x}",
        cpus=own.cpus or (settings.worker_cpus if worker else settings.control_plane_cpus),
        memory=own.memory or (settings.worker_memory if worker else settings.control_plane_memory),
        disk_size=own.disk_size or settings.disk_size,
        image=own.image or settings.image,
        image_sha512=own.image_sha512 if own.image else settings.image_sha512,
        own=frozenset(own.model_dump(by_alias=True, exclude_none=True, exclude_unset=True)),
    )
