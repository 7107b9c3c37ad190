"""libvirt on this host: whether its daemon answers, and what it says of itself."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from xml.etree import ElementTree

from components.host_kvm import KVM
from components.host_report import Report
from components.settings import Settings

SOCKET = Path("/var/run/libvirt/libvirt-sock")
PATIENCE = 4
"""Seconds for one answer of libvirtd, which takes a tenth of one."""
PATIENCE_AT_FIRST = 20
"""Seconds for what libvirtd asks every emulator when it does not know yet, which takes a second, or several."""
JOIN_GROUP = "Join its group, then log in again: sudo usermod -aG libvirt $USER"


@dataclass(frozen=True, kw_only=True)
class LibvirtNetwork:
    """A network that libvirt has defined, active or not."""

    name: str
    bridge: str
    addresses: Sequence[IPv4Network]


@dataclass(frozen=True, kw_only=True)
class Libvirt:
    """What a libvirtd that answers says of itself."""

    version: tuple[int, ...]
    networks: Sequence[LibvirtNetwork]
    running: frozenset[str]
    """Names of the domains that have their memory already."""
    security: frozenset[str]
    """What confines QEMU: apparmor, selinux, dac."""


def ask(uri: str, settings: Settings, *, with_emulator: bool) -> tuple[Libvirt | None, Report]:
    """What libvirtd says, if it answers; and whether it has an emulator for the machines.

    `with_emulator` is False where it is known already that there can be none.
    """
    unreachable = _socket_fault()
    if unreachable:
        return None, Report("libvirt", [unreachable])
    try:
        version = _virsh(uri, "version", "--daemon")
        found = re.search(r"daemon: ([0-9.]+)", version)
        names = filter(None, _virsh(uri, "net-list", "--all", "--name").splitlines())
        libvirt = Libvirt(
            version=tuple(int(part) for part in (found[1] if found else "0").split(".")),
            networks=[network for name in names if (network := _network(uri, name))],
            running=frozenset(_virsh(uri, "list", "--name").splitlines()),
            security=frozenset(
                model.text or ""
                for model in _xml(_virsh(uri, "capabilities", limit=PATIENCE_AT_FIRST)).findall("host/secmodel/model")
            ),
        )
        faults = _emulator_faults(uri, settings) if with_emulator else []
    except (FileNotFoundError, PermissionError):  # what a name on PATH that cannot be run comes to
        return None, Report("libvirt: there, and not asked without virsh")
    except subprocess.TimeoutExpired as error:
        return None, Report("libvirt", [_restart(f"within {error.timeout:g} s")])
    except subprocess.CalledProcessError as error:
        reason = _reason(error)
        if "emulator" in reason:  # asked for its version already, a libvirtd without one fails
            return None, Report("libvirt", [_install_emulator(settings.virtualization, reason)])
        if "auth" in reason:
            return None, Report("libvirt", [f"libvirt refuses you ({reason}). {JOIN_GROUP}"])
        return None, Report("libvirt", [_restart(f"({reason})")])
    return libvirt, Report(f"libvirt {'.'.join(map(str, libvirt.version))}: answers on {SOCKET}", faults)


def _restart(seen: str) -> str:
    return f"libvirt does not answer on {SOCKET} {seen}. Restart it: sudo systemctl restart libvirtd"


def _socket_fault() -> str | None:
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(PATIENCE)
            connection.connect(str(SOCKET))
    except FileNotFoundError:
        if SOCKET.with_name("virtqemud-sock").exists():
            return (
                f"libvirt runs as virtqemud, and the provider asks on {SOCKET}, which is virtproxyd's. Start that: "
                "sudo systemctl enable --now virtproxyd.socket"
            )
        return (
            f"libvirt is not running: there is no {SOCKET}. Install and start it: "
            "sudo apt-get install libvirt-daemon-system && sudo systemctl start libvirtd"
        )
    except PermissionError:
        return f"you may not use {SOCKET}. {JOIN_GROUP}"
    except OSError as error:
        return _restart(f"({error})")
    return None


def _emulator_faults(uri: str, settings: Settings) -> list[str]:
    kind = settings.virtualization
    try:
        _virsh(uri, "domcapabilities", "--virttype", kind, "--arch", "x86_64", limit=PATIENCE_AT_FIRST)
    except subprocess.CalledProcessError as error:
        reason = _reason(error)
        if kind == "kvm" and "accel" in reason:
            way_out = f"Let it: sudo chown root:kvm {KVM} && sudo chmod 0660 {KVM} && sudo systemctl restart libvirtd"
            return [f"QEMU may not use {KVM} ({reason}). {way_out}"]
        return [_install_emulator(kind, reason)]
    return []


def _install_emulator(kind: str, reason: str) -> str:
    way_out = "sudo apt-get install qemu-system-x86 && sudo systemctl restart libvirtd"
    return f"libvirt has no emulator for {kind} machines ({reason}). Install it: {way_out}"


def _virsh(uri: str, *command: str, limit: float | None = None) -> str:
    """What virsh prints. Raises TimeoutExpired, CalledProcessError, and OSError where there is no virsh."""
    return subprocess.run(
        ["virsh", "--connect", uri, "--quiet", *command],
        stdin=subprocess.DEVNULL,  # else it may ask a person for a password
        env={**os.environ, "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=True,
        timeout=limit or PATIENCE,
    ).stdout


def _reason(error: subprocess.CalledProcessError) -> str:
    """virsh's last word, which is the most exact."""
    lines = str(error.stderr).strip().splitlines() or [f"virsh ended with {error.returncode}"]
    return lines[-1].removeprefix("error: ")


def _xml(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text)  # noqa: S314 (written by libvirtd itself)


def _network(uri: str, name: str) -> LibvirtNetwork | None:
    """A network, or None where it has gone since it was listed."""
    try:
        network = _xml(_virsh(uri, "net-dumpxml", name))
    except subprocess.CalledProcessError:
        return None
    bridge = network.find("bridge")
    addresses = [ip for ip in network.iter("ip") if ip.get("family", "ipv4") == "ipv4" and ip.get("address")]
    return LibvirtNetwork(
        name=name,
        bridge="" if bridge is None else bridge.get("name", ""),
        addresses=[
            IPv4Network(f"{ip.get('address')}/{ip.get('prefix') or ip.get('netmask') or 32}", strict=False)
            for ip in addresses
        ],
    )
