"""Makes what a state has in libvirt usable again, so that a refresh can tell what is missing."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from functools import partial
from xml.etree import ElementTree

from components.virsh import LeftoversError, Virsh
from tools.lost_bridge import lost_bridge
from tools.stack_state import StackState, StateNetwork, StatePool

RESUMED_BY = {"paused": "resume", "pmsuspended": "dompmwakeup"}
"""State of a domain to what ends it. libvirt itself pauses a machine when the host's disk is full."""

SETTLE = 1.0
"""Seconds in which a machine that was resumed writes again, and QEMU pauses it where it cannot."""


def wake(virsh: Virsh, state: StackState, say: Callable[[str], None]) -> None:
    """Defines and starts what is gone or stopped, as the same one; has libvirt look at the pools' files again.

    Without a machine's network its domain cannot be read. Without its pool all its volumes would seem to be gone. A
    domain that is paused is taken for one that is off, and cannot be started. One that ran while its network was
    stopped is on the network after its next start only, and nobody reaches it before: it is switched off for Pulumi to
    start. So are those of a network whose bridge was taken away, which libvirt makes anew with the network alone.
    """
    for network in state.networks:
        _attempt(partial(_network, virsh, network, state, say), f"network {network.name}", say)
    for pool in state.pools:
        _attempt(partial(_pool, virsh, pool, say), f"storage pool {pool.name}", say)
    _attempt(partial(_domains, virsh, state, say), "machines", say)


def _attempt(step: Callable[[], None], what: str, say: Callable[[str], None]) -> None:
    try:
        step()
    except LeftoversError as error:
        say(f"The {what} could not be made usable: {error}")


def _network(virsh: Virsh, network: StateNetwork, state: StackState, say: Callable[[str], None]) -> None:
    if network.name not in virsh.networks():
        root = _named("network", network.name, network.uuid)
        ElementTree.SubElement(root, "forward", mode="nat")
        ElementTree.SubElement(root, "bridge", name=network.bridge, stp="on", delay="0")
        ElementTree.SubElement(root, "dns", enable="yes")
        host, length = network.addresses[1], str(network.addresses.prefixlen)
        ElementTree.SubElement(root, "ip", family="ipv4", address=str(host), prefix=length)
        _define(virsh, "net-define", root)
        virsh("net-autostart", "--network", network.name)
        say(f"Defined the network {network.name} again: it was gone from libvirt.")
    active = network.name in virsh.names("net-list")
    if active and (fault := lost_bridge(virsh, network)):
        virsh("net-destroy", "--network", network.name)
        say(f"Stopped the network {network.name}: {fault}, and libvirt does not see that.")
        active = False
    if not active:
        virsh("net-start", "--network", network.name)
        say(f"Started the network {network.name} again.")
        for name in filter(partial(_is_ours, virsh, state), _listed(virsh, state)):
            virsh("destroy", "--domain", name)
            say(f"Switched the domain {name} off: it was cut off when the network stopped.")


def _pool(virsh: Virsh, pool: StatePool, say: Callable[[str], None]) -> None:
    if pool.name not in virsh.pools():
        root = _named("pool", pool.name, pool.uuid)
        root.set("type", "dir")
        ElementTree.SubElement(ElementTree.SubElement(root, "target"), "path").text = str(pool.directory)
        _define(virsh, "pool-define", root)
        virsh("pool-autostart", "--pool", pool.name)
        say(f"Defined the storage pool {pool.name} again: it was gone from libvirt.")
    try:
        _start_pool(virsh, pool.name, say)
        virsh("pool-refresh", "--pool", pool.name)
    except LeftoversError:
        if pool.name in virsh.names("pool-list"):
            raise
        # The directory of a pool that was in use is gone: libvirt stops the pool when it looks.
        _start_pool(virsh, pool.name, say)
        virsh("pool-refresh", "--pool", pool.name)


def _start_pool(virsh: Virsh, name: str, say: Callable[[str], None]) -> None:
    if name in virsh.names("pool-list"):
        return
    virsh("pool-build", "--pool", name)  # its directory may be gone as well
    virsh("pool-start", "--pool", name)
    say(f"Started the storage pool {name} again.")


def _domains(virsh: Virsh, state: StackState, say: Callable[[str], None]) -> None:
    resumed = []
    for name in _listed(virsh, state):
        found = virsh("domstate", "--domain", name).strip()
        if found in RESUMED_BY and _is_ours(virsh, state, name):
            virsh(RESUMED_BY[found], "--domain", name)
            resumed.append((name, found))
    if resumed:
        time.sleep(SETTLE)
    for name, was in resumed:
        now = virsh("domstate", "--domain", name, "--reason").strip()
        if not now.startswith("paused"):
            say(f"Resumed the domain {name}: it was {was}.")
        elif "I/O error" in now:
            places = " ".join(str(pool.directory) for pool in state.pools)
            say(
                f"The domain {name} was resumed and is {now} again: its disk cannot be written, most likely because "
                f"the host's is full. Make room there (df -h {places}), then run the same command again."
            )
        else:
            say(f"The domain {name} was resumed and is {now} again. What QEMU says: /var/log/libvirt/qemu/{name}.log")


def _listed(virsh: Virsh, state: StackState) -> list[str]:
    """The domains that are not off, those that are paused among them, and have a name that the state has."""
    return [name for name in virsh.names("list") if ("domain", name) in state.names]


def _is_ours(virsh: Virsh, state: StackState, name: str) -> bool:
    """Whether this stack made the domain. It costs a call of virsh, so only what is to be changed is asked for."""
    domain = virsh.domain(name)
    return domain is not None and domain.description in state.marks


def _named(kind: str, name: str, uuid: str) -> ElementTree.Element:
    root = ElementTree.Element(kind)
    ElementTree.SubElement(root, "name").text = name
    ElementTree.SubElement(root, "uuid").text = uuid
    return root


def _define(virsh: Virsh, verb: str, root: ElementTree.Element) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".xml") as file:
        file.write(ElementTree.tostring(root, encoding="unicode"))
        file.flush()
        virsh(verb, "--file", file.name)
