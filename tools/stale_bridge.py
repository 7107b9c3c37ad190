"""A bridge that outlived its libvirt network keeps the next one from starting: it goes where it is surely libvirt's."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from components.leftovers import RefusedError
from components.virsh import LeftoversError, Virsh

NETWORK_INTERFACES = Path("/sys/class/net")
LIBVIRT_MAC = "52:54:00"
"""What libvirt gives all its bridges; one that a person makes has it only by chance."""


def remove_stale_bridge(virsh: Virsh, bridge: str, say: Callable[[str], None]) -> None:
    """Removes a bridge of this host that no network has. Raises RefusedError for one that may be somebody else's."""
    link = NETWORK_INTERFACES / bridge
    if not link.exists() or not virsh.uri.startswith("qemu:///"):
        return
    if any(virsh.bridge(network) == bridge for network in virsh.networks()):
        return
    command = ["ip", "link", "delete", bridge]
    if why := _foreign(link):
        raise RefusedError(f"There is a bridge {bridge}, and {why}. If it may go, remove it: sudo {' '.join(command)}")
    if subprocess.run(command, capture_output=True, check=False, timeout=10).returncode != 0:
        raise LeftoversError(f"the bridge {bridge}. Remove it with: sudo {' '.join(command)}")
    say(f"Removed the bridge {bridge}, a leftover: its network is gone.")


def _foreign(link: Path) -> str:
    """Why it may not be libvirt's, or is in use; empty where it is a leftover."""
    if not (link / "brif").is_dir():
        return "it is no bridge of Linux"
    if ports := sorted(port.name for port in (link / "brif").iterdir()):
        return f"{', '.join(ports)} is in it"
    address = (link / "address").read_text().strip()
    return "" if address.startswith(LIBVIRT_MAC) else f"libvirt did not make it: its address is {address}"
